package operatetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/huawei"
	"coc-console/internal/operate"
)

// Sessions are the live sessions of one console, in the order of their use.
type Sessions struct {
	mu      sync.Mutex
	keys    []string
	Callers map[string]coc.Caller
	Missed  atomic.Int64 // searches that found nobody
	away    int          // lookups that the store will fail
}

var (
	errNobody = fmt.Errorf("nobody is signed in: %w", coc.ErrNoCaller)
	errAway   = errors.New("the store is away")
)

// Fail makes the store's next lookups fail.
func (s *Sessions) Fail(lookups int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = lookups
}

// Left is how many of them are still to come.
func (s *Sessions) Left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.away
}

// Caller is who has a session.
func (s *Sessions) Caller(ctx context.Context, key string) (coc.Caller, error) {
	if err := ctx.Err(); err != nil { // as the database says
		return coc.Caller{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away > 0 {
		s.away--
		return coc.Caller{}, errAway
	}
	if c, ok := s.Callers[key]; ok {
		return c, nil
	}
	return coc.Caller{}, errNobody
}

// ViewerCaller returns somebody who was added: all of them look at every ticket.
func (s *Sessions) ViewerCaller(_ context.Context, _ coc.ExecuteUUID, of audit.Actor,
	refused ...huawei.Credential) (coc.Caller, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range s.keys {
		if c := s.Callers[key]; c.ProjectID == of.ProjectID && !slices.ContainsFunc(refused, c.Credential.Is) {
			return c, nil
		}
	}
	s.Missed.Add(1)
	return coc.Caller{}, operate.ErrNobodyLooks
}

// Add signs somebody in.
func (s *Sessions) Add(key string, c coc.Caller) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys, key)
	s.Callers[key] = c
}

// End signs somebody out.
func (s *Sessions) End(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = slices.DeleteFunc(s.keys, func(k string) bool { return k == key })
	delete(s.Callers, key)
}
