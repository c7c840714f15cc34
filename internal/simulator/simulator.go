package simulator

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"coc-console/internal/simulator/api"
	"coc-console/internal/simulator/scripts"
)

// Config says what is simulated. The zero value is the demo set at the real time.
type Config struct {
	Now      func() time.Time // nil = Clock; called from many goroutines
	Clock    *Clock           // nil = real time; can be stepped by AdminHandler unless there is a Now
	Seed     uint64           // same seed and clock, same run; tokens of one seed outlive a restart
	Rules    Rules
	Accounts []Account // nil = DemoAccounts()
	People   []Person  // of the company's provider, who sign in to the first account; nil = DemoPeople()
	// Vouch says whose an ID token is that another provider than the simulator's has signed, by the name that IAM gives
	// that provider; nil: IAM knows no other.
	Vouch   func(idp, idToken string) (person string, err error)
	Tickets []TicketSpec // nil = the demo set
	Crowd   Crowd        // further tickets
	Faults  []Fault      // as if by Inject, in this order

	// SignatureNow is the time against which the dates of signed requests are
	// held; nil = the real time, since clients know no other.
	SignatureNow func() time.Time
}

// CallKind is a kind of call, to count and to disturb.
type CallKind int

// The kinds of calls. The first two are for Inject and Calls only.
const (
	AnyCall CallKind = iota
	AnyCOCCall
	CallSignIn
	CallIntrospect
	CallListTickets
	CallShowTicket
	CallBatches
	CallInstances
	CallStatistics
	CallOperate
	CallUnknown // a path that is not served
	CallProjects
	CallDomains
	CallListScripts
	CallShowScript
	CallCreateScript
	CallUpdateScript
	CallDeleteScript
	CallApproveScript
	CallExecuteScript
	CallAnalyzeScript
	CallListPublicScripts
	CallShowPublicScript
	CallExecutePublicScript
	CallBatchInstances
	CallListResources
	CallSyncResources
	CallTagScript
	CallTemporaryKeys
	CallIDToken
	CallProvider // any address of the company's provider
)

// callNames are the kinds in scenario files and at the admin address.
var callNames = map[CallKind]string{
	AnyCall: "any", AnyCOCCall: "any-coc", CallSignIn: "sign-in", CallIntrospect: "introspect",
	CallListTickets: "list-tickets", CallShowTicket: "show-ticket", CallBatches: "batches", CallInstances: "instances",
	CallStatistics: "statistics", CallOperate: "operate", CallUnknown: "unknown", CallProjects: "projects",
	CallDomains:     "domains",
	CallListScripts: "list-scripts", CallShowScript: "show-script", CallCreateScript: "create-script",
	CallUpdateScript: "update-script", CallDeleteScript: "delete-script", CallApproveScript: "approve-script",
	CallExecuteScript: "execute-script", CallAnalyzeScript: "analyze-script",
	CallListPublicScripts: "list-public-scripts",
	CallShowPublicScript:  "show-public-script", CallExecutePublicScript: "execute-public-script",
	CallBatchInstances: "batch-instances", CallListResources: "list-resources", CallSyncResources: "sync-resources",
	CallTagScript: "tag-script", CallTemporaryKeys: "temporary-keys",
	CallIDToken: "id-token", CallProvider: "provider",
}

// String is the name of the kind in scenario files.
func (k CallKind) String() string { return callNames[k] }

// MarshalText is String.
func (k CallKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads a name.
func (k *CallKind) UnmarshalText(text []byte) error { return byName(callNames, k, string(text)) }

// byName finds the value with a name.
func byName[T comparable](names map[T]string, to *T, name string) error {
	for v, n := range names {
		if n == name {
			*to = v
			return nil
		}
	}
	known := slices.Sorted(maps.Values(names))
	return fmt.Errorf("%q is none of %s", name, strings.Join(known, ", "))
}

// ofCOC tells calls to COC, known or not, from those to IAM.
func (k CallKind) ofCOC() bool {
	switch k {
	case AnyCall, CallSignIn, CallIntrospect, CallProjects, CallDomains, CallTemporaryKeys, CallIDToken, CallProvider:
		return false
	default:
		return true
	}
}

func (k CallKind) covers(other CallKind) bool {
	return k == AnyCall || k == other || k == AnyCOCCall && other.ofCOC()
}

// Simulator is IAM and COC. It is safe for concurrent use.
type Simulator struct {
	now      func() time.Time
	clock    *Clock // nil when now is somebody else's
	seed     uint64
	rules    Rules
	accounts []Account
	idp      provider
	vouch    func(idp, idToken string) (string, error)
	tokens   *sealer

	mu        sync.Mutex
	scripts   *scripts.Service
	lastOrder int64     // order_id of the newest ticket
	nextRow   int64     // id of the next instance
	tickets   []*ticket // newest first
	byUUID    map[string]*ticket
	calls     map[CallKind]int
	requests  uint64
	loaded    []*ticket // of the crowd, oldest first
	faults    []*activeFault
	chance    *rand.Rand           // of faults
	revoked   map[string]time.Time // by account/user
	expired   map[string]time.Time // likewise: when tokens from before ended ahead of their time

	keys         map[string]keyOwner // by access key id
	keyFailures  map[string]keyFailure
	signatureNow func() time.Time
}

// ticket is a machine with what never changes about it. One with a plan has no
// batches until load, and may lose them again; touch gives them back.
type ticket struct {
	machine
	spec       TicketSpec
	plan       *crowdPlan // of the crowd
	known      bool       // all but the batches is as it is
	operated   bool       // its state no longer follows from the plan
	firstID    int64
	orderID    int64
	uuid       string
	scriptUUID string
	version    string // of the script
	source     string // CUSTOM_SCRIPT or PUBLIC_SCRIPT
	versionID  int64
	regions    string
}

// ticketPlan is a ticket that is to be built.
type ticketPlan struct {
	spec  TicketSpec
	crowd *crowdPlan // nil: the spec is complete
}

// New builds the tickets, as old as their specs say at this moment.
func New(cfg Config) *Simulator {
	s := &Simulator{now: cfg.Now, clock: cfg.Clock, seed: cfg.Seed, rules: cfg.Rules, accounts: cfg.Accounts,
		byUUID: map[string]*ticket{}, calls: map[CallKind]int{}, revoked: map[string]time.Time{},
		expired: map[string]time.Time{}, keyFailures: map[string]keyFailure{}, signatureNow: cfg.SignatureNow,
		chance: rand.New(rand.NewPCG(cfg.Seed, 3))}
	s.vouch = cfg.Vouch
	s.tellTime()
	if s.accounts == nil {
		s.accounts = DemoAccounts()
	}
	if s.idp.people = cfg.People; s.idp.people == nil {
		s.idp.people = DemoPeople()
	}
	s.keys = keysOf(s.accounts)
	s.tokens = newSealer(cfg.Seed)
	specs := cfg.Tickets
	if specs == nil {
		specs = demoTickets(cfg.Seed)
	}
	plans := cfg.Crowd.specs(cfg.Seed)
	for _, spec := range specs {
		plans = append(plans, ticketPlan{spec: spec})
	}
	s.build(plans)
	s.scripts = scripts.New(cfg.Seed, s.now, scripts.Rules{NumericEnterprise: s.rules.NumericEnterprise,
		RefuseOffline: s.rules.RefuseOffline},
		scripts.User{Name: demoUser, ID: s.accounts[0].userID(demoUser)}, serversOf(specs))
	for _, f := range cfg.Faults {
		s.Inject(f)
	}
	return s
}

// tellTime chooses the clocks.
func (s *Simulator) tellTime() {
	switch {
	case s.now != nil:
		s.clock = nil
	case s.clock == nil:
		s.clock = NewClock(time.Time{}, 1)
	}
	if s.clock != nil {
		s.now = s.clock.Now
	}
	if s.signatureNow == nil {
		s.signatureNow = time.Now
	}
}

// build makes the tickets in the order of their creation, so that ids grow
// with time as auto-increment keys do (docs/coc-api.md section 3).
func (s *Simulator) build(plans []ticketPlan) {
	slices.SortStableFunc(plans, func(a, b ticketPlan) int { return cmp.Compare(b.spec.Age, a.spec.Age) })
	rng := rand.New(rand.NewPCG(s.seed, 1))
	now := s.now().UTC().Truncate(time.Millisecond)
	order, id := int64(88000), int64(40304358)
	for _, p := range plans {
		order += 1 + rng.Int64N(40)
		t := newTicket(p.spec, s.rules, now.Add(-p.spec.Age), rng)
		t.orderID, t.plan = order, p.crowd
		t.firstID = id + rng.Int64N(500)
		if id = t.catchUp(now); p.crowd != nil && p.crowd.fate == processing {
			s.load(t, now)
		}
		s.tickets = append(s.tickets, t)
		s.byUUID[t.uuid] = t
	}
	s.lastOrder, s.nextRow = order, id
	slices.Reverse(s.tickets)
}

// catchUp brings a new ticket up to now and returns the next free id of a row.
// One of the crowd only gets its status, and keeps the ids that it may need.
func (t *ticket) catchUp(now time.Time) int64 {
	if t.plan != nil {
		t.status, t.quiet, t.regions = t.plan.fate, true, t.plan.region
		if t.status == abnormal && t.rules.RollBack {
			t.status = rolledBack
		}
		return t.firstID + 2*maxInstances
	}
	next := t.number(t.firstID)
	t.replay()
	t.advance(now)
	t.known = true
	return next
}

// load builds a ticket of the crowd.
func (s *Simulator) load(t *ticket, now time.Time) {
	t.spec.Batches, t.spec.Operations = t.plan.batches(), t.plan.operations()
	t.machine = newMachine(t.spec, t.rules, t.created)
	t.number(t.firstID)
	t.replay()
	t.advance(now)
	t.known = true
	s.loaded = append(s.loaded, t)
	if len(s.loaded) > maxLoaded {
		s.loaded[0].unload()
		s.loaded = s.loaded[1:]
	}
}

// maxLoaded is the number of tickets of the crowd that are kept built, apart
// from those that still run or were operated on.
const maxLoaded = 256

// unload drops what load can make again.
func (t *ticket) unload() {
	if t.quiet && !t.operated {
		t.batches, t.spec.Batches = nil, nil
	}
}

// touch brings a ticket up to now, all of it. The caller holds the lock.
func (s *Simulator) touch(t *ticket) {
	now := s.now().UTC()
	if t.plan != nil && t.batches == nil {
		s.load(t, now)
	}
	t.advance(now)
}

func newTicket(spec TicketSpec, rules Rules, created time.Time, rng *rand.Rand) *ticket {
	t := &ticket{spec: spec, uuid: api.UUID("SCT", created, rng), machine: newMachine(spec, rules, created)}
	t.scriptUUID, t.version, t.source = scripts.UUID(spec.Name), scripts.FirstVersion, scripts.CustomScript
	t.versionID = int64(10000 + api.Hash(spec.Name)%900)
	t.regions = regionsOf(spec.Batches)
	return t
}

func newMachine(spec TicketSpec, rules Rules, created time.Time) machine {
	m := machine{rules: rules, timeout: spec.Timeout, rate: spec.SuccessRate, status: ready, current: 1,
		created: created, at: created}
	for i, b := range spec.Batches {
		made := &batch{index: i + 1, pause: b.Pause}
		for _, several := range b.Instances {
			for _, p := range several.expand() {
				made.rows = append(made.rows, &row{id: p.ID, plan: p, batch: i + 1, status: ready, created: created})
			}
		}
		m.batches = append(m.batches, made)
	}
	return m
}

func regionsOf(batches []BatchSpec) string {
	var regions []string
	for _, b := range batches {
		for _, p := range b.Instances {
			if !slices.Contains(regions, p.Region) {
				regions = append(regions, p.Region)
			}
		}
	}
	slices.Sort(regions)
	return join(regions)
}

// number gives the rows without an id the next free ones and sorts every batch
// by id, the order in which pages come (docs/coc-api.md section 4.4).
func (t *ticket) number(next int64) int64 {
	for _, b := range t.batches {
		for _, r := range b.rows {
			if r.id == 0 {
				r.id = next
				next++
			}
		}
		slices.SortFunc(b.rows, func(a, b *row) int { return cmp.Compare(a.id, b.id) })
	}
	return next
}

// replay lets the operations of the past happen.
func (t *ticket) replay() {
	for _, op := range t.spec.Operations {
		t.advance(t.created.Add(op.After))
		// A past operation that the state refused left no trace.
		_ = t.accept(op.Operation)
	}
}

// Ticket is what is known of a ticket without a call.
type Ticket struct {
	Scenario     string // "abnormal", "running", …; empty for the crowd
	ExecuteUUID  string
	Name         string
	Creator      string
	Status       string
	CurrentBatch int
}

// Size is the number of tickets.
func (s *Simulator) Size() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.tickets)
}

// Tickets lists all tickets as they are now, newest first.
func (s *Simulator) Tickets() []Ticket {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Ticket, len(s.tickets))
	for i, t := range s.tickets {
		if !t.known {
			s.touch(t)
		}
		t.advance(s.now().UTC())
		list[i] = Ticket{t.spec.Scenario, t.uuid, t.spec.Name, t.spec.Creator, t.word(), t.current}
	}
	return list
}

// UUID returns the execute_uuid of a scenario, empty when there is none:
// "abnormal", "running", "paused", "large", "finished" or "canceled" in the
// demo set.
func (s *Simulator) UUID(scenario string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tickets {
		if t.spec.Scenario == scenario {
			return t.uuid
		}
	}
	return ""
}

// advance brings all tickets up to now as far as a list shows them. The caller
// holds the lock.
func (s *Simulator) advance() {
	now := s.now().UTC()
	for _, t := range s.tickets {
		if !t.quiet {
			t.advance(now)
		}
	}
}

// Calls counts the calls of a kind that arrived, whatever became of them.
func (s *Simulator) Calls(kind CallKind) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for k, count := range s.calls {
		if kind.covers(k) {
			n += count
		}
	}
	return n
}

// Revoke ends the tokens that the users of a name have now; COC then answers
// APIGW.0307. Signing in again gives a token that works.
func (s *Simulator) Revoke(user string) {
	for _, a := range s.accounts {
		s.RevokeUser(a.Name, user)
	}
}

// RevokeUser is Revoke for one account's user; false when there is none.
func (s *Simulator) RevokeUser(account, user string) bool {
	a, ok := s.account(func(a Account) bool { return a.Name == account })
	_, known := a.user(user)
	if _, mapped := s.federated(user); !ok || !known && !mapped {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked[account+"/"+user] = s.lastIssue(account + "/" + user)
	return true
}

// lastIssue is a time not before that of the newest token of a user. After an
// end of all tokens, and while the clock stands still, new ones are dated one
// microsecond ahead.
func (s *Simulator) lastIssue(name string) time.Time {
	at := s.now().UTC().Truncate(time.Microsecond)
	for _, ended := range []time.Time{s.revoked[name], s.expired[name]} {
		if !ended.IsZero() && !at.After(ended) {
			at = ended.Add(time.Microsecond)
		}
	}
	return at
}
