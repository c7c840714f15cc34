package web

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"coc-console/audit"
	"coc-console/handlers"
	"coc-console/internal/iam"
	"coc-console/internal/renewal"
	"coc-console/internal/signin"
	"coc-console/internal/store"
)

// A token can be revoked at any time, and only IAM knows. While a session is
// in use, IAM's last word on its token is at most maxAge old: the schedule asks
// before that, and a request asks where the schedule has not come to it. A
// session that nobody uses is asked about less often, and again when somebody
// comes back to it. That IAM cannot be asked ends no session, but what is
// worth protecting waits until it can (Fresh).
const (
	maxAge      = 2 * time.Minute
	inUse       = 2 * time.Minute  // after its last use a session counts as in use
	askEarliest = 80 * time.Second // after the last answer, while in use
	askLatest   = 105 * time.Second
	askIdle     = 15 * time.Minute
	maxAhead    = 10 * time.Second // another console's clock; an answer further ahead is of a wrong one
	claimFor    = 30 * time.Second // after which another console asks in the place of one that does not
	askTimeout  = 10 * time.Second
	waitTimeout = 2 * time.Second // what a page waits for, before it goes on without an answer
	askAtOnce   = 8               // calls at the same time
	askPerTick  = 40
	idlePerTick = 5
	firstPause  = 5 * time.Second // after a call that got no answer; doubles
	longPause   = time.Minute
)

// errUnchecked says that IAM could not be asked.
var errUnchecked = errors.New("IAM could not be asked whether the token is still good")

// checks is what one console knows of the sessions that it sees in use.
type checks struct {
	flight *singleflight.Group

	mu       *sync.Mutex
	sessions map[string]*use
	pause    time.Duration // after failures
	resume   time.Time
}

// use is one session's.
type use struct {
	last     time.Time // use
	due      time.Time // when IAM is asked next
	admitted time.Time // when the rules were last asked
}

func newChecks() checks {
	return checks{flight: new(singleflight.Group), mu: new(sync.Mutex), sessions: map[string]*use{}}
}

func (k *checks) forget(row string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.sessions, row)
}

// paused reports that IAM failed a moment ago.
func (k *checks) paused(now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return now.Before(k.resume) && k.resume.Sub(now) <= 2*longPause // a clock that was put back pauses nothing
}

// answered notes whether IAM answered.
func (k *checks) answered(now time.Time, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if ok {
		k.pause, k.resume = 0, time.Time{}
		return
	}
	k.pause = min(max(2*k.pause, firstPause), longPause)
	k.resume = now.Add(k.pause + rand.N(k.pause/4)) //nolint:gosec // spreads calls
}

// nextCheck is when IAM is asked again about a session: not at the same moment
// for all that began together.
func nextCheck(row string, checked time.Time) time.Time {
	h := fnv.New32a()
	_, _ = fmt.Fprintf(h, "%s%d", row, checked.UnixMicro())
	return checked.Add(askEarliest + time.Duration(h.Sum32())%(askLatest-askEarliest))
}

// used notes that a session is in use, and returns whether the rules have not
// been asked about its person for a while.
func (s *Sessions) used(r store.Session) (askRules bool) {
	now := s.Now()
	s.checks.mu.Lock()
	defer s.checks.mu.Unlock()
	u := s.checks.sessions[r.ID]
	if u == nil {
		s.checks.tidy(now)
		u = &use{}
		s.checks.sessions[r.ID] = u
	}
	u.last, u.due = now, nextCheck(r.ID, micro(r.Checked))
	if age := now.Sub(u.admitted); age < 0 || age >= touchEvery {
		u.admitted, askRules = now, true
	}
	return askRules
}

// tidy forgets what is no longer in use. Where as many are in use as fit, those
// that are forgotten are asked about when they are used.
func (k *checks) tidy(now time.Time) {
	if len(k.sessions) < maxLive {
		return
	}
	for row, u := range k.sessions {
		if now.Sub(u.last) > inUse {
			delete(k.sessions, row)
		}
	}
	if len(k.sessions) >= maxLive {
		clear(k.sessions)
	}
}

// keep is called with every use of a session by a request. It returns
// errNoSession when the session has just ended.
func (s *Sessions) keep(ctx context.Context, r store.Session, held content) error {
	if s.used(r) && !s.admits(held.Actor) {
		return errors.Join(errNoSession, s.end(ctx, r, held, notAdmitted()))
	}
	if s.Introspect == nil || s.age(r) < maxAge || s.checks.paused(s.Now()) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, waitTimeout)
	defer cancel()
	if err := s.check(ctx, r.ID, maxAge); errors.Is(err, errNoSession) {
		return err
	}
	return nil // IAM cannot be asked: that is not the end of a session
}

func (s *Sessions) admits(who audit.Actor) bool { return s.Admits == nil || s.Admits(who) }

func notAdmitted() audit.Record {
	return audit.Record{Action: audit.ActionSessionEnded, Detail: "why=not_admitted"}
}

// age is how old IAM's last word is. One from the future is of a wrong clock.
func (s *Sessions) age(r store.Session) time.Duration {
	age := s.Now().Sub(micro(r.Checked))
	if age < -maxAhead {
		return maxAge
	}
	return age
}

// Fresh asks IAM now about a session, however new its last answer is. Its errors
// say that the session is over (a Problem to sign in), or that IAM
// cannot be asked, so that nothing may be done.
func (s *Sessions) Fresh(ctx context.Context, row string) error {
	if s.Introspect == nil {
		return nil
	}
	err := s.check(ctx, row, 0)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errNoSession):
		return &handlers.Problem{Status: http.StatusUnauthorized, Kind: handlers.ProblemSignIn, Err: err}
	case errors.Is(err, errUnchecked):
		return &handlers.Problem{Status: http.StatusServiceUnavailable, Kind: handlers.ProblemUnchecked, Err: err}
	}
	return unavailable(err)
}

// check asks IAM about a session whose last answer is that old, with 0 always.
// All who want to know at the same time share one call.
func (s *Sessions) check(ctx context.Context, row string, older time.Duration) error {
	r, held, err := s.find(ctx, row)
	if err != nil || older > 0 && s.age(r) < older {
		return err
	}
	if held, err = s.renewed(ctx, r, held); errors.Is(err, renewal.ErrNotNow) {
		return fmt.Errorf("%w: %w", errUnchecked, err)
	} else if err != nil {
		return err
	}
	result := s.checks.flight.DoChan(row, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
		defer cancel()
		return nil, s.ask(ctx, r, held)
	})
	select {
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", errUnchecked, ctx.Err())
	case done := <-result:
		return done.Err
	}
}

// ask asks IAM, and ends the session if its token is no longer good or its
// person may no longer use the console.
func (s *Sessions) ask(ctx context.Context, r store.Session, held content) error {
	asked := s.Now()
	id, err := s.Introspect(ctx, held.Credential(), signin.IdentityOf(held.Actor))
	refused, _ := errors.AsType[*iam.Error](err)
	now := s.Now()
	switch {
	case err == nil && (id.UserID != held.Actor.UserID || id.AccountID != held.Actor.AccountID):
		s.checks.answered(now, true)
		return s.over(ctx, r, held, audit.Record{Action: audit.ActionSessionRevoked, Detail: "why=other_person"})
	case err == nil && !s.admits(renamed(held.Actor, id)):
		s.checks.answered(now, true)
		return s.over(ctx, r, held, notAdmitted())
	case err == nil:
		s.checks.answered(now, true)
		return s.update(ctx, r.ID, func(now *store.Session) bool {
			newer := asked.UnixMicro() > now.Checked || now.Checked > s.Now().UnixMicro()
			now.Checked = asked.UnixMicro()
			return newer
		})
	case refused != nil && revoked(refused) && s.canRenew(held) && asked.Sub(held.Made) >= freshFor:
		s.checks.answered(now, true)
		_, err := s.renew(ctx, r.ID, held.Credential())
		if errors.Is(err, renewal.ErrNotNow) {
			err = fmt.Errorf("%w: %w", errUnchecked, err)
		}
		return err
	case refused != nil && revoked(refused):
		s.checks.answered(now, true)
		return s.over(ctx, r, held, audit.Record{Action: audit.ActionSessionRevoked, Detail: "why=" + refused.Kind.String(),
			Upstream: audit.Upstream{Status: refused.Status, Code: refused.Code, Message: refused.Message, RequestID: refused.RequestID}})
	}
	s.checks.answered(now, false)
	s.Logger.Warn("a session's token was not checked at IAM", "session", s.name(r.ID), "error", err)
	return fmt.Errorf("%w: %w", errUnchecked, err)
}

// renamed is a person by the names that IAM knows now.
func renamed(a audit.Actor, id iam.Identity) audit.Actor {
	a.UserName, a.AccountName = id.UserName, id.AccountName
	return a
}

// over ends a session. It is over also where that could not be written down.
func (s *Sessions) over(ctx context.Context, r store.Session, held content, record audit.Record) error {
	if err := s.end(ctx, r, held, record); err != nil {
		s.Logger.Error("the end of a session was not recorded", "session", s.name(r.ID), "error", err)
	}
	return errNoSession
}

// revoked reports whether IAM says that a token is no longer good, and not
// that something else is wrong (docs/coc-api.md sections 2.3 and 2.4).
func revoked(e *iam.Error) bool {
	switch e.Kind {
	case iam.TokenExpired, iam.TokenInvalid:
		return e.Status == http.StatusUnauthorized || e.Status == http.StatusNotFound || e.Code == "IAM.0009" ||
			e.Code == "IAM.0066" || e.Code == "IAM.0067"
	case iam.Forbidden:
		return strings.HasPrefix(e.Code, "IAM.008") // the user or the key is disabled
	default: // says nothing about the token
		return false
	}
}

// Run keeps the schedule until ctx ends.
func (s *Sessions) Run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.Tick(ctx)
		}
	}
}

// Tick does what is due now: it asks IAM about sessions, and writes the records
// of those that a command ended.
func (s *Sessions) Tick(ctx context.Context) {
	if err := s.finishEnds(ctx); err != nil && ctx.Err() == nil {
		s.Logger.Error("the ends of sessions were not recorded", "error", err)
	}
	if s.Introspect == nil || s.checks.paused(s.Now()) {
		return
	}
	due := s.due()
	idle, err := s.dueIdle(ctx)
	if err != nil && ctx.Err() == nil {
		s.Logger.Warn("idle sessions were not checked", "error", err)
	}
	var all sync.WaitGroup
	slots := make(chan struct{}, askAtOnce)
	for _, row := range append(due, idle...) {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			s.checkScheduled(ctx, row)
		})
	}
	all.Wait()
}

// due are the sessions in use that IAM is to be asked about.
func (s *Sessions) due() []string {
	now := s.Now()
	k := &s.checks
	k.mu.Lock()
	defer k.mu.Unlock()
	var due []string
	for row, u := range k.sessions {
		switch {
		case now.Sub(u.last) > inUse:
			delete(k.sessions, row)
		case !now.Before(u.due):
			due = append(due, row)
		}
	}
	slices.SortFunc(due, func(a, b string) int { return k.sessions[a].due.Compare(k.sessions[b].due) })
	return due[:min(len(due), askPerTick)]
}

// dueIdle are sessions that no console has asked about for long.
func (s *Sessions) dueIdle(ctx context.Context) ([]string, error) {
	now := s.Now()
	return s.rows.Unchecked(ctx, now, now.Add(-s.Idle), now.Add(-askIdle), now.Add(-claimFor), idlePerTick)
}

// checkScheduled asks about one session, unless another console has just done
// so, or does now.
func (s *Sessions) checkScheduled(ctx context.Context, row string) {
	r, _, err := s.find(ctx, row)
	if err != nil {
		s.checks.forget(row)
		return
	}
	if s.age(r) >= askEarliest && s.claim(ctx, row) {
		err = s.check(ctx, row, askEarliest)
	}
	if errors.Is(err, errNoSession) {
		s.checks.forget(row)
		return
	}
	s.reschedule(ctx, row)
}

func (s *Sessions) claim(ctx context.Context, row string) bool {
	now := s.Now()
	mine, err := s.rows.ClaimCheck(ctx, row, now, now.Add(-claimFor))
	return err == nil && mine
}

// reschedule says when a session in use is asked about next: by its last
// answer or, where there was none, soon.
func (s *Sessions) reschedule(ctx context.Context, row string) {
	r, _, err := s.find(ctx, row)
	s.checks.mu.Lock()
	defer s.checks.mu.Unlock()
	u := s.checks.sessions[row]
	if u == nil {
		return
	}
	u.due = s.Now().Add(firstPause)
	if err == nil {
		if next := nextCheck(row, micro(r.Checked)); next.After(u.due) {
			u.due = next
		}
	}
}
