package watch

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// group holds the views of one kind by key. Its lock comes before that of a
// view.
type group[K comparable, S any] struct {
	w      *Watcher
	most   int
	polled atomic.Int64
	failed atomic.Int64

	mu     sync.Mutex
	views  map[K]*view[S]
	closed bool
}

func (g *group[K, S]) join(ctx context.Context, key K, project string, cred Credentials, made func() feed[S]) (*Viewer[S], error) {
	v, err := g.seat(key, project, made)
	if err != nil {
		return nil, err
	}
	viewer, round, err := v.admit(ctx, cred)
	if err != nil {
		v.mu.Lock()
		v.yield()
		v.mu.Unlock()
		return nil, err
	}
	if round != nil {
		select {
		case <-round:
		case <-ctx.Done():
			viewer.Close()
			return nil, ctx.Err()
		}
		select { // of what it is about to be given
		case <-viewer.changed:
		default:
		}
	}
	if err := viewer.Err(); err != nil {
		return nil, err
	}
	return viewer, nil
}

// seat finds or starts the view and keeps a place in it.
func (g *group[K, S]) seat(key K, project string, made func() feed[S]) (*view[S], error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, &Ended{Reason: ReasonClosed}
	}
	v, ok := g.views[key]
	if !ok {
		if len(g.views) >= g.most && !g.evict() {
			return nil, ErrFull
		}
		v = g.start(key, project, made())
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.seats >= g.w.Limits.Viewers {
		return nil, ErrFull
	}
	v.seats++
	return v, nil
}

// start makes a view. The caller holds the lock.
func (g *group[K, S]) start(key K, project string, f feed[S]) *view[S] {
	v := &view[S]{w: g.w, feed: f, project: project, failed: &g.failed, polled: &g.polled, wake: make(chan struct{}, 1),
		sessions: map[string]*session[S]{}, checked: map[string]checked{}, idle: g.w.Now(), round: make(chan struct{})}
	v.ctx, v.stop = context.WithCancel(g.w.ctx) //nolint:gosec // G118: run, which is started below, calls v.stop at its end
	g.views[key] = v
	g.w.done.Go(func() { v.run(func() bool { return g.retire(key, v) }) })
	return v
}

// retire forgets a view that nobody has come back to.
func (g *group[K, S]) retire(key K, v *view[S]) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.seats > 0 {
		return false
	}
	if g.views[key] == v {
		delete(g.views, key)
	}
	return true
}

// evict makes room by forgetting the view that nobody has looked at for
// longest; false when all are looked at. The caller holds the lock.
func (g *group[K, S]) evict() bool {
	var oldest K
	var found *view[S]
	var since time.Time
	for key, v := range g.views {
		v.mu.Lock()
		if v.seats == 0 && (found == nil || v.idle.Before(since)) {
			oldest, found, since = key, v, v.idle
		}
		v.mu.Unlock()
	}
	if found == nil {
		return false
	}
	delete(g.views, oldest)
	found.stop()
	return true
}

// all returns the views whose key matches; nil matches every one.
func (g *group[K, S]) all(matches func(K) bool) []*view[S] {
	g.mu.Lock()
	defer g.mu.Unlock()
	var found []*view[S]
	for key, v := range g.views {
		if matches == nil || matches(key) {
			found = append(found, v)
		}
	}
	return found
}

func (g *group[K, S]) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for _, v := range g.views {
		v.close()
	}
	clear(g.views)
}

// close tells all viewers, and those who are about to be.
func (v *view[S]) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = &Ended{Reason: ReasonClosed}
	for _, s := range v.sessions {
		for viewer := range s.viewers {
			viewer.end(v.closed)
			v.remove(viewer)
		}
	}
	v.endRound()
}

// admit checks a session with its own token and makes a viewer. round, unless
// nil, is closed once there is something to show. The seat is the caller's to
// give back when there is an error.
func (v *view[S]) admit(ctx context.Context, cred Credentials) (viewer *Viewer[S], round <-chan struct{}, err error) {
	caller, err := v.caller(ctx, cred)
	if err != nil {
		return nil, nil, err
	}
	v.mu.Lock()
	known := v.isChecked(cred.Session)
	v.mu.Unlock()
	if !known {
		err := v.feed.check(ctx, caller)
		narrow := errors.Is(err, errNarrow)
		if why := denial(err); why != nil && !narrow {
			return nil, nil, why
		}
		if err != nil && !narrow {
			return nil, nil, err
		}
		v.confirm(cred.Session, narrow)
	}
	return v.enter(cred)
}

func (v *view[S]) enter(cred Credentials) (viewer *Viewer[S], round <-chan struct{}, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed != nil {
		return nil, nil, v.closed
	}
	watched := len(v.sessions) > 0
	s, ok := v.sessions[cred.Session]
	if !ok {
		v.uses++
		s = &session[S]{cred: cred, viewers: map[*Viewer[S]]struct{}{}, used: v.uses} // just checked: its turn comes last
		v.sessions[cred.Session] = s
	}
	viewer = &Viewer[S]{view: v, session: s, changed: make(chan struct{}, 1)}
	s.viewers[viewer] = struct{}{}
	if !watched {
		round = v.resume()
	}
	if v.last.Load() == nil {
		round = v.round
	}
	return viewer, round, nil
}

// resume starts polling again for the first who comes back. The last snapshot
// is shown while it is no older than between two polls, or when COC asked for
// silence; otherwise the next poll is worth waiting for. The caller holds the
// lock.
func (v *view[S]) resume() <-chan struct{} {
	v.rouse()
	now := v.w.Now()
	fresh := v.wanted.IsZero() && now.Sub(v.meta.At) < v.w.Limits.Fast // a nudge says that it is not
	if v.meta.Final || v.last.Load() != nil && v.meta.Trouble == nil && fresh {
		return nil
	}
	v.due = v.notBefore
	if now.Before(v.notBefore) {
		return nil
	}
	return v.round
}
