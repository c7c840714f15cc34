package web

import (
	"context"
	"sync"

	"coc-console/internal/company"
)

// A session that ends otherwise than by a sign-out (its time is over, a manager or a command ends it, a limit, a
// refusal) would leave its refresh token alive at the company's provider. The provider is asked to end it beside
// whatever ended the session: once, and nobody waits for it.

const (
	revokeAtOnce = 4
	maxRevoking  = 10_000 // wait at the same time
)

// revocations are the refresh tokens that a provider is asked to end.
type revocations struct {
	mu      sync.Mutex
	closed  bool
	running int
	waiting []revocation
	tasks   sync.WaitGroup
}

type revocation struct {
	session string // its name
	kept    company.Renewal
}

// revoke has the provider end what a session that is over could have been renewed with.
func (s *Sessions) revoke(row string, kept company.Renewal) {
	if s.Revoke == nil || !kept.Possible() {
		return
	}
	q := &s.revoking
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed || len(q.waiting) >= maxRevoking:
		s.Logger.Warn("a refresh token of a session that is over was not revoked: there is no time for it",
			"session", s.name(row))
	case q.running < revokeAtOnce:
		q.running++
		q.waiting = append(q.waiting, revocation{s.name(row), kept})
		q.tasks.Go(s.revokeWaiting)
	default:
		q.waiting = append(q.waiting, revocation{s.name(row), kept})
	}
}

// revokeWaiting asks until nothing waits.
func (s *Sessions) revokeWaiting() {
	for {
		next, ok := s.revoking.next()
		if !ok {
			return
		}
		if err := s.Revoke(context.Background(), next.kept); err != nil { // it has a time limit of its own
			s.Logger.Warn("the provider did not revoke a refresh token of a session that is over",
				"session", next.session, "error", err)
		}
	}
}

func (q *revocations) next() (r revocation, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 || q.closed {
		q.running--
		return r, false
	}
	r, q.waiting = q.waiting[0], q.waiting[1:]
	return r, true
}

// close waits for the calls that run, and returns how many tokens are not asked about any more.
func (q *revocations) close() (left int) {
	q.mu.Lock()
	q.closed = true
	left = len(q.waiting)
	q.mu.Unlock()
	q.tasks.Wait()
	return left
}
