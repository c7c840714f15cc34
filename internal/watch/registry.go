package watch

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// registry holds the pollers of one kind by key. Its lock comes before that of a
// poller.
type registry[K comparable, S any] struct {
	w      *Watcher
	most   int
	polled atomic.Int64
	failed atomic.Int64

	mu      sync.Mutex
	pollers map[K]*poller[S]
	closed  bool
}

func (g *registry[K, S]) join(ctx context.Context, key K, project string, cred Credentials,
	made func() feed[S]) (*Viewer[S], error) {
	v, err := g.reserve(key, project, made)
	if err != nil {
		return nil, err
	}
	viewer, published, err := v.admit(ctx, cred)
	if err != nil {
		v.mu.Lock()
		v.release()
		v.mu.Unlock()
		return nil, err
	}
	if published != nil {
		select {
		case <-published:
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

// reserve finds or starts the poller and keeps a place for one more viewer.
func (g *registry[K, S]) reserve(key K, project string, made func() feed[S]) (*poller[S], error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, &Ended{Reason: ReasonClosed}
	}
	v, ok := g.pollers[key]
	if !ok {
		if len(g.pollers) >= g.most && !g.evict() {
			return nil, ErrFull
		}
		v = g.start(key, project, made())
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.reserved >= g.w.cfg.Limits.Viewers {
		return nil, ErrFull
	}
	v.reserved++
	return v, nil
}

// start makes a poller. The caller holds the lock.
func (g *registry[K, S]) start(key K, project string, f feed[S]) *poller[S] {
	v := &poller[S]{w: g.w, feed: f, project: project, failed: &g.failed, polled: &g.polled,
		wake:     make(chan struct{}, 1),
		sessions: map[string]*session[S]{}, checked: map[string]checked{},
		idle: g.w.cfg.Now(), published: make(chan struct{})}
	//nolint:gosec // G118: run, which is started below, calls v.stop at its end
	v.ctx, v.stop = context.WithCancel(g.w.ctx)
	g.pollers[key] = v
	g.w.done.Go(func() { v.run(func() bool { return g.retire(key, v) }) })
	return v
}

// retire forgets a poller that nobody has come back to.
func (g *registry[K, S]) retire(key K, v *poller[S]) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.reserved > 0 {
		return false
	}
	if g.pollers[key] == v {
		delete(g.pollers, key)
	}
	return true
}

// evict makes room by forgetting the poller that nobody has looked at for
// longest; false when all are looked at. The caller holds the lock.
func (g *registry[K, S]) evict() bool {
	var oldest K
	var found *poller[S]
	var since time.Time
	for key, v := range g.pollers {
		v.mu.Lock()
		if v.reserved == 0 && (found == nil || v.idle.Before(since)) {
			oldest, found, since = key, v, v.idle
		}
		v.mu.Unlock()
	}
	if found == nil {
		return false
	}
	delete(g.pollers, oldest)
	found.stop()
	return true
}

// all returns the pollers whose key matches; nil matches every one.
func (g *registry[K, S]) all(matches func(K) bool) []*poller[S] {
	g.mu.Lock()
	defer g.mu.Unlock()
	var found []*poller[S]
	for key, v := range g.pollers {
		if matches == nil || matches(key) {
			found = append(found, v)
		}
	}
	return found
}

func (g *registry[K, S]) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for _, v := range g.pollers {
		v.close()
	}
	clear(g.pollers)
}

// close tells all viewers, and those who are about to be.
func (v *poller[S]) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = &Ended{Reason: ReasonClosed}
	for _, s := range v.sessions {
		for viewer := range s.viewers {
			viewer.end(v.closed)
			v.remove(viewer)
		}
	}
	v.endWait()
}

// admit checks a session with its own token and makes a viewer. published, unless
// nil, is closed once there is something to show. The reserved place is the caller's to
// give back when there is an error.
func (v *poller[S]) admit(
	ctx context.Context, cred Credentials,
) (viewer *Viewer[S], published <-chan struct{}, err error) {
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

func (v *poller[S]) enter(cred Credentials) (viewer *Viewer[S], published <-chan struct{}, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed != nil {
		return nil, nil, v.closed
	}
	watched := len(v.sessions) > 0
	s, ok := v.sessions[cred.Session]
	if !ok {
		v.uses++
		// just checked: its turn comes last
		s = &session[S]{cred: cred, viewers: map[*Viewer[S]]struct{}{}, used: v.uses}
		v.sessions[cred.Session] = s
	}
	viewer = &Viewer[S]{poller: v, session: s, changed: make(chan struct{}, 1)}
	s.viewers[viewer] = struct{}{}
	if !watched {
		published = v.resume()
	}
	if v.last.Load() == nil {
		published = v.published
	}
	return viewer, published, nil
}

// resume starts polling again for the first who comes back. The last snapshot
// is shown while it is no older than between two polls, or when COC asked for
// silence; otherwise the next poll is worth waiting for. The caller holds the
// lock.
func (v *poller[S]) resume() <-chan struct{} {
	v.signal()
	now := v.w.cfg.Now()
	fresh := v.wanted.IsZero() && now.Sub(v.meta.At) < v.w.cfg.Limits.Fast // a nudge says that it is not
	if v.meta.Final || v.last.Load() != nil && v.meta.Trouble == nil && fresh {
		return nil
	}
	v.due = v.notBefore
	if now.Before(v.notBefore) {
		return nil
	}
	return v.published
}
