// Package elevation gives people a role for a while: asked for, approved by somebody else, and over by itself. The
// audit log is all that it keeps: what is in force follows from the log's records.
package elevation

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
)

const (
	// Lifetime is how long a request waits for an answer; less where the role would end before.
	Lifetime = time.Hour
	// MaxReason is how many characters a reason or a comment has.
	MaxReason = 1000

	kept        = 8 * 24 * time.Hour // how far back the page tells, and roles are looked for
	looked      = search.MaxLimit    // records that are read at once
	sharedEvery = time.Second        // how often other consoles' records are looked for
)

// State says where a request stands.
type State string

// The states of a request. All but the first two are ends.
const (
	Waiting   State = "waiting"
	InForce   State = "in_force"
	Refused   State = "refused"
	Withdrawn State = "withdrawn"
	Expired   State = "expired" // nobody answered
	Ended     State = "ended"   // by its time, or by somebody
)

// Request is a role that somebody asked for.
type Request struct {
	ID, Role       string
	Person         audit.Actor
	Reason         string
	Asked, Until   time.Time
	Decider, Ender audit.Actor // zero: nobody yet
	Decided, Over  time.Time   // when they did; zero likewise
	Comment        string      // the decider's
	granted        bool
}

// StateAt is where the request stands at a time.
func (r Request) StateAt(at time.Time) State {
	switch {
	case r.Decided.IsZero() && !r.Over.IsZero():
		return Withdrawn
	case r.Decided.IsZero() && at.Before(r.expires()):
		return Waiting
	case r.Decided.IsZero():
		return Expired
	case !r.granted:
		return Refused
	case r.Over.IsZero() && at.Before(r.Until):
		return InForce
	default:
		return Ended
	}
}

// expires is when nobody can approve it any more.
func (r Request) expires() time.Time {
	if end := r.Asked.Add(Lifetime); end.Before(r.Until) {
		return end
	}
	return r.Until
}

// The errors of requests. Nothing was recorded.
var (
	ErrNotOffered = errors.New("the directory doesn't offer the role to them")
	ErrOpen       = errors.New("they have asked for the role, or have it")
	ErrUntil      = errors.New("the role would end in the past, or later than it may")
	ErrReason     = errors.New("a reason is missing, or too long")
	ErrNotTheirs  = errors.New("they may neither approve nor end it")
	ErrOver       = errors.New("the request has been answered, or is over")
)

// Config is what the service stands on. All fields are required, but Shared.
type Config struct {
	Log    *audit.Log
	Index  *search.Index
	Rules  *policy.Store
	Shared bool // other consoles append to the log
	Logger *slog.Logger
	Now    func() time.Time
}

// Service tells which roles are in force, and records what becomes of requests.
type Service struct {
	cfg Config

	mu       sync.Mutex
	records  map[int64]audit.Record // of the last days, by sequence
	requests atomic.Pointer[[]Request]
}

// New returns a service, and has the rules know of it. It knows what this console records from now on, and what was
// before once Update or Follow has read it: a start doesn't wait for a log whose search tables are being filled.
func New(cfg Config) *Service {
	s := &Service{cfg: cfg, records: map[int64]audit.Record{}}
	s.requests.Store(&[]Request{})
	cfg.Log.OnCommit(s.committed)
	cfg.Rules.Elevate(s.roles)
	return s
}

// Follow reads what was before, and then looks for what other consoles recorded until ctx ends; where none share the
// log, there is nothing more to look for.
func (s *Service) Follow(ctx context.Context) {
	tick := time.NewTicker(sharedEvery)
	defer tick.Stop()
	for {
		err := s.Update(ctx)
		switch {
		case err == nil && !s.cfg.Shared:
			return
		case err != nil && ctx.Err() == nil:
			s.cfg.Logger.WarnContext(ctx, "elevations not read", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Update reads what the log says.
func (s *Service) Update(ctx context.Context) error {
	q := search.Query{Action: Prefix, From: s.cfg.Now().Add(-kept), Limit: looked,
		Visible: search.Visibility{All: true}}
	for {
		page, err := s.cfg.Index.Search(ctx, q)
		if err != nil {
			return fmt.Errorf("read elevations from the log: %w", err)
		}
		if fresh := s.take(page.Records); page.Next == 0 || !fresh {
			return nil
		}
		q.Before = page.Next
	}
}

// committed takes up what this console has recorded.
func (s *Service) committed(batch []audit.Committed) {
	var mine []audit.Record
	for _, c := range batch {
		if strings.HasPrefix(string(c.Action), Prefix) {
			mine = append(mine, *c.Record)
		}
	}
	if len(mine) > 0 {
		s.take(mine)
	}
}

// take adds records to those that are known, and reports whether one of them was new.
func (s *Service) take(records []audit.Record) (fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range records {
		if _, known := s.records[r.Sequence]; !known {
			s.records[r.Sequence], fresh = r, true
		}
	}
	if !fresh {
		return false
	}
	old := s.cfg.Now().Add(-kept)
	all := make([]audit.Record, 0, len(s.records))
	for seq, r := range s.records {
		if r.When().Before(old) {
			delete(s.records, seq)
			continue
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b audit.Record) int { return cmp.Compare(a.Sequence, b.Sequence) })
	requests := fold(all)
	s.requests.Store(&requests)
	return true
}

// roles are those that somebody has for a while at a time.
func (s *Service) roles(p policy.Person, at time.Time) (all []string) {
	for _, r := range *s.requests.Load() {
		if r.StateAt(at) == InForce && samePerson(r.Person, p) {
			all = append(all, r.Role)
		}
	}
	return all
}

// samePerson compares by the id that IAM gives, and by the names where there is none.
func samePerson(a audit.Actor, p policy.Person) bool {
	if a.UserID != "" || p.UserID != "" {
		return a.UserID == p.UserID
	}
	return a.UserName == p.UserName && a.AccountName == p.AccountName
}

// Requests are those of the last days in an account, the newest first.
func (s *Service) Requests(account string) []Request {
	all := slices.DeleteFunc(slices.Clone(*s.requests.Load()),
		func(r Request) bool { return r.Person.AccountID != account })
	slices.Reverse(all)
	return all
}

// InForceFor are the roles that somebody has for a while now.
func (s *Service) InForceFor(who audit.Actor) (all []Request) {
	for _, r := range *s.requests.Load() {
		if operate.SamePerson(r.Person, who) && r.StateAt(s.cfg.Now()) == InForce {
			all = append(all, r)
		}
	}
	return all
}

// MayDecide reports whether somebody may approve or refuse a request: not their own, and only by their own role.
func (s *Service) MayDecide(who audit.Actor, r Request) bool {
	return r.Person.AccountID == who.AccountID && !operate.SamePerson(r.Person, who) &&
		s.cfg.Rules.Rules().MayApproveElevation(operate.PersonOf(who), r.Role)
}

// CountFor is how many requests wait for somebody's answer.
func (s *Service) CountFor(who audit.Actor) (n int) {
	for _, r := range *s.requests.Load() {
		if r.StateAt(s.cfg.Now()) == Waiting && s.MayDecide(who, r) {
			n++
		}
	}
	return n
}

// Ask records that somebody asks for a role until a time. The error is ErrNotOffered, ErrOpen, ErrUntil or ErrReason
// where they may not.
func (s *Service) Ask(ctx context.Context, who audit.Actor, from audit.Origin, role string, until time.Time,
	reason string) error {
	now := s.cfg.Now()
	offers := s.cfg.Rules.Rules().Elevations(operate.PersonOf(who))
	offer := slices.IndexFunc(offers, func(e policy.Elevation) bool { return e.Role == role })
	if offer < 0 {
		return ErrNotOffered
	}
	if s.isOpen(who, role) {
		return ErrOpen
	}
	if !until.After(now) || until.Sub(now) > offers[offer].Longest {
		return ErrUntil
	}
	if strings.TrimSpace(reason) == "" || utf8.RuneCountInString(reason) > MaxReason {
		return ErrReason
	}
	r := Request{ID: rand.Text(), Role: role, Person: who, Until: until}
	return s.record(ctx, audit.ActionElevationRequested, audit.OutcomeSucceeded, r, who, from, reason)
}

// isOpen reports whether somebody has asked for a role, or has it for a while.
func (s *Service) isOpen(who audit.Actor, role string) bool {
	return slices.ContainsFunc(*s.requests.Load(), func(r Request) bool {
		state := r.StateAt(s.cfg.Now())
		return r.Role == role && operate.SamePerson(r.Person, who) && (state == Waiting || state == InForce)
	})
}

// Decide records that somebody approves a request, or refuses it. The error is ErrNotTheirs, ErrOver or ErrReason where
// they may not.
func (s *Service) Decide(ctx context.Context, who audit.Actor, from audit.Origin, id string, approve bool,
	comment string) error {
	r, err := s.open(ctx, id, Waiting)
	if err != nil {
		return err
	}
	if !s.MayDecide(who, r) {
		return ErrNotTheirs
	}
	if utf8.RuneCountInString(comment) > MaxReason {
		return ErrReason
	}
	action, outcome := audit.ActionElevationGranted, audit.OutcomeSucceeded
	if !approve {
		action, outcome = audit.ActionElevationRefused, audit.OutcomeDenied
	}
	if err := s.record(ctx, action, outcome, r, who, from, comment); err != nil {
		return err
	}
	// Another console may have been faster: the first record counts.
	if r, _ = s.find(id); !operate.SamePerson(r.Decider, who) || r.granted != approve {
		return ErrOver
	}
	return nil
}

// End records that somebody takes their request back, or gives the role up before its time; or that an approver ends
// it. The error is ErrNotTheirs or ErrOver where they may not.
func (s *Service) End(ctx context.Context, who audit.Actor, from audit.Origin, id string) error {
	r, err := s.open(ctx, id, Waiting, InForce)
	if err != nil {
		return err
	}
	own := operate.SamePerson(r.Person, who)
	action, state := audit.ActionElevationEnded, r.StateAt(s.cfg.Now())
	if state == Waiting {
		action = audit.ActionElevationWithdrawn
	}
	if !own && (state == Waiting || !s.MayDecide(who, r)) {
		return ErrNotTheirs
	}
	return s.record(ctx, action, audit.OutcomeSucceeded, r, who, from, "")
}

// open finds a request that is in one of the states, by what all consoles recorded.
func (s *Service) open(ctx context.Context, id string, states ...State) (Request, error) {
	if s.cfg.Shared {
		if err := s.Update(ctx); err != nil {
			return Request{}, err
		}
	}
	r, ok := s.find(id)
	if !ok || !slices.Contains(states, r.StateAt(s.cfg.Now())) {
		return r, ErrOver
	}
	return r, nil
}

func (s *Service) find(id string) (Request, bool) {
	all := *s.requests.Load()
	i := slices.IndexFunc(all, func(r Request) bool { return r.ID == id })
	if i < 0 {
		return Request{}, false
	}
	return all[i], true
}
