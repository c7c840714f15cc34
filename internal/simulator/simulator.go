package simulator

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Config says what is simulated. The zero value is the demo set at the real time.
type Config struct {
	Now      func() time.Time // nil = time.Now; called from many goroutines
	Seed     uint64           // same seed and clock, same run; tokens of one seed outlive a restart
	Rules    Rules
	Accounts []Account    // nil = DemoAccounts()
	Tickets  []TicketSpec // nil = the demo set
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
)

func (k CallKind) covers(other CallKind) bool {
	return k == AnyCall || k == other || k == AnyCOCCall && other >= CallListTickets
}

// Simulator is IAM and COC. It is safe for concurrent use.
type Simulator struct {
	now      func() time.Time
	seed     uint64
	rules    Rules
	accounts []Account
	tokens   *sealer

	mu       sync.Mutex
	tickets  []*ticket // newest first
	byUUID   map[string]*ticket
	calls    map[CallKind]int
	requests uint64
	faults   []*activeFault
	revoked  map[string]time.Time // by user name
}

// ticket is a machine with what never changes about it.
type ticket struct {
	machine
	spec       TicketSpec
	orderID    int64
	uuid       string
	scriptUUID string
	versionID  int64
	regions    string
}

// New builds the tickets, as old as their specs say at this moment.
func New(cfg Config) *Simulator {
	s := &Simulator{now: cfg.Now, seed: cfg.Seed, rules: cfg.Rules, accounts: cfg.Accounts,
		byUUID: map[string]*ticket{}, calls: map[CallKind]int{}, revoked: map[string]time.Time{}}
	if s.now == nil {
		s.now = time.Now
	}
	if s.accounts == nil {
		s.accounts = DemoAccounts()
	}
	s.tokens = newSealer(cfg.Seed)
	specs := cfg.Tickets
	if specs == nil {
		specs = demoTickets(cfg.Seed)
	}
	s.build(slices.Clone(specs))
	return s
}

// build makes the tickets in the order of their creation, so that ids grow
// with time as auto-increment keys do (docs/coc-api.md section 3).
func (s *Simulator) build(specs []TicketSpec) {
	slices.SortStableFunc(specs, func(a, b TicketSpec) int { return cmp.Compare(b.Age, a.Age) })
	rng := rand.New(rand.NewPCG(s.seed, 1))
	now := s.now().UTC().Truncate(time.Millisecond)
	order, id := int64(88000), int64(40304358)
	for _, spec := range specs {
		order += 1 + rng.Int64N(40)
		t := newTicket(spec, s.rules, now.Add(-spec.Age), rng)
		t.orderID = order
		id = t.number(id + rng.Int64N(500))
		t.replay()
		t.advance(now)
		s.tickets = append(s.tickets, t)
		s.byUUID[t.uuid] = t
	}
	slices.Reverse(s.tickets)
}

// chinaTime is the zone of the times inside ids (docs/coc-api.md section 3).
var chinaTime = time.FixedZone("UTC+8", 8*60*60)

func uuid(prefix string, at time.Time, rng *rand.Rand) string {
	return fmt.Sprintf("%s%s0%08x", prefix, at.In(chinaTime).Format("20060102150405"), rng.Uint32())
}

func newTicket(spec TicketSpec, rules Rules, created time.Time, rng *rand.Rand) *ticket {
	t := &ticket{spec: spec, uuid: uuid("SCT", created, rng),
		machine: machine{rules: rules, timeout: spec.Timeout, rate: spec.SuccessRate, status: ready, current: 1,
			created: created, at: created}}
	written := time.Date(2025, 3, 1, 2, 0, 0, 0, time.UTC).Add(time.Duration(hash(spec.Name)%300) * 26 * time.Hour)
	t.scriptUUID = uuid("SC", written, rand.New(rand.NewPCG(hash(spec.Name), 0)))
	t.versionID = int64(10000 + hash(spec.Name)%900)
	var regions []string
	for i, b := range spec.Batches {
		made := &batch{index: i + 1, pause: b.Pause}
		for _, p := range b.Instances {
			made.rows = append(made.rows, &row{id: p.ID, plan: p, batch: i + 1, status: ready, created: created})
			if !slices.Contains(regions, p.Region) {
				regions = append(regions, p.Region)
			}
		}
		t.batches = append(t.batches, made)
	}
	slices.Sort(regions)
	t.regions = join(regions)
	return t
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

// hash is a number that depends on the text alone.
func hash(text string) uint64 {
	sum := sha256.Sum256([]byte(text))
	return binary.BigEndian.Uint64(sum[:])
}

// hexID is a 32-digit id that depends on the text alone.
func hexID(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
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

// Tickets lists all tickets as they are now, newest first.
func (s *Simulator) Tickets() []Ticket {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	list := make([]Ticket, len(s.tickets))
	for i, t := range s.tickets {
		list[i] = Ticket{t.spec.Scenario, t.uuid, t.spec.Name, t.spec.Creator, t.status, t.current}
	}
	return list
}

// UUID returns the execute_uuid of a scenario, empty when there is none:
// "abnormal", "running", "paused", "large", "finished" or "canceled" in the
// demo set.
func (s *Simulator) UUID(scenario string) string {
	for _, t := range s.tickets {
		if t.spec.Scenario == scenario {
			return t.uuid
		}
	}
	return ""
}

// advance brings all tickets up to now. The caller holds the lock.
func (s *Simulator) advance() {
	now := s.now().UTC()
	for _, t := range s.tickets {
		t.advance(now)
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

// Revoke ends the tokens that a user has now; COC then answers APIGW.0307.
// Signing in again gives a token that works.
func (s *Simulator) Revoke(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked[user] = s.now().UTC().Truncate(time.Microsecond)
}
