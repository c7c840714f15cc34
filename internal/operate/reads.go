package operate

import (
	"context"
	"sync"
	"time"

	"coc-console/audit"
	"coc-console/internal/coc"
)

// sharedFor is how old a reading may be that the items of one job share. A job
// of 200 items would otherwise read the same ticket 200 times within seconds.
const sharedFor = time.Second

// reads lets the items of a job, and the watchers of their effects, share what
// they read of a ticket in one session.
type reads struct {
	mu      sync.Mutex
	flights map[readKey]*flight
}

type readKey struct {
	session string
	ticket  coc.ExecuteUUID
	batch   int32 // 0: the ticket itself
}

// flight is one reading, under way or done.
type flight struct {
	began     time.Time
	done      chan struct{}
	situation Situation
	rows      []coc.Instance
	err       error
}

// share returns a reading that began after notBefore, its own or somebody's.
func (s *Service) share(ctx context.Context, key readKey, notBefore time.Time, read func(ctx context.Context, f *flight)) (*flight, error) {
	f, first := s.reads.enter(key, notBefore)
	if first && !s.background(func() {
		defer close(f.done)
		read(s.ctx, f)
		s.reads.forget(key, f)
	}) {
		f.err = audit.ErrClosed
		close(f.done)
	}
	select {
	case <-f.done:
		return f, f.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// enter returns the flight to wait for, and whether the caller is to start it.
func (r *reads) enter(key readKey, notBefore time.Time) (f *flight, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f := r.flights[key]; f != nil && !f.began.Before(notBefore) {
		return f, false
	}
	if r.flights == nil {
		r.flights = map[readKey]*flight{}
	}
	f = &flight{began: time.Now(), done: make(chan struct{})}
	r.flights[key] = f
	return f, true
}

// forget drops a reading that failed, and old ones of others.
func (r *reads) forget(key readKey, f *flight) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.err != nil && r.flights[key] == f {
		delete(r.flights, key)
	}
	for k, other := range r.flights {
		if time.Since(other.began) > lookTimeout {
			delete(r.flights, k)
		}
	}
}

// source is where a reading comes from: COC, or what others have just read.
type source struct {
	look func(ctx context.Context) (Situation, error)
	rows func(ctx context.Context, batch int32) ([]coc.Instance, error)
}

// direct asks COC.
func (s *Service) direct(c coc.Caller, id coc.ExecuteUUID) source {
	return source{
		look: func(ctx context.Context) (Situation, error) { return s.Look(ctx, c, id) },
		rows: func(ctx context.Context, batch int32) ([]coc.Instance, error) {
			return s.Client.AllInstances(ctx, c, id, batch)
		},
	}
}

// shared takes what was read in the same session after notBefore.
func (s *Service) shared(session string, c coc.Caller, id coc.ExecuteUUID, notBefore time.Time) source {
	own := s.direct(c, id)
	return source{
		look: func(ctx context.Context) (Situation, error) {
			f, err := s.share(ctx, readKey{session, id, 0}, notBefore, func(ctx context.Context, f *flight) {
				f.situation, f.err = own.look(ctx)
			})
			if err != nil {
				return Situation{}, err
			}
			return f.situation, nil
		},
		rows: func(ctx context.Context, batch int32) ([]coc.Instance, error) {
			f, err := s.share(ctx, readKey{session, id, batch}, notBefore, func(ctx context.Context, f *flight) {
				f.rows, f.err = own.rows(ctx, batch)
			})
			if err != nil {
				return nil, err
			}
			return f.rows, nil
		},
	}
}

// sourceFor is direct but for the items of a job.
func (s *Service) sourceFor(r Request) source {
	if r.job == nil {
		return s.direct(r.Caller, r.Ticket)
	}
	notBefore := r.job.since
	if notBefore.IsZero() {
		notBefore = time.Now().Add(-sharedFor)
	}
	return s.shared(r.SessionKey, r.Caller, r.Ticket, notBefore)
}
