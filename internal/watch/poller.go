package watch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"coc-console/internal/coc"
)

// feed is where a poller's content comes from. Only check is called by several
// goroutines.
type feed[S any] interface {
	// check reads with a session's own token what shows that it may see the
	// view. The next poll may use the answer. errNarrow says that it may, but
	// for those parts that are for viewers who are Whole.
	check(ctx context.Context, caller coc.Caller) error
	// poll reads what may have changed. What could be read is kept even when
	// there is an error. changed tells whether anything differs.
	poll(ctx context.Context, caller coc.Caller) (changed bool, err error)
	// whole reports whether the last poll has shown that its token may see
	// every part.
	whole() bool
	// interval is the wait until the next poll; 0 when nothing can change any more.
	interval() time.Duration
	snapshot(meta Meta) *S
}

// Meta is what every snapshot tells about itself.
type Meta struct {
	Version uint64 // grows with every poll
	Changed uint64 // the version in which the content differed last
	At      time.Time
	Next    time.Time // when the next poll is due; zero = there is none
	Final   bool      // nothing can change any more
	Trouble *Trouble  // nil while polls succeed
}

// Stale reports that at least three polls in a row have failed, that one has and
// COC asks to be left alone for a time, so that the next poll is far away, or
// that none has succeeded: what could be read is then not all there is.
func (m Meta) Stale() bool {
	return m.Trouble != nil && (m.Trouble.Missed >= 3 || retryAfter(m.Trouble.Err) > 0 || m.Partial())
}

// Partial reports that not everything has been read yet.
func (m Meta) Partial() bool { return m.At.IsZero() }

// Trouble is what is wrong while polls fail.
type Trouble struct {
	Since  time.Time // of the first failure in the row
	Missed int       // polls in a row
	Err    error     // of the newest; COC's words are in the language of whoever's token was used
}

// The bounds of one poll.
const (
	pollTimeout = time.Minute
	maxTries    = 4 // sessions that one poll goes through when COC refuses them
	maxRechecks = 4 // sessions that are checked after a poll
)

// session is one session with its viewers of one ticket or list.
type session[S any] struct {
	cred    Credentials
	viewers map[*Viewer[S]]struct{}
	used    uint64 // the poller's count of uses at its last one
}

// poller reads one ticket or list for all who look at it. Its goroutine ends when
// nobody has looked for Limits.Linger.
type poller[S any] struct {
	w       *Watcher
	feed    feed[S]
	project string
	failed  *atomic.Int64
	polled  *atomic.Int64
	ctx     context.Context
	stop    context.CancelFunc
	wake    chan struct{}
	last    atomic.Pointer[S]

	mu        sync.Mutex
	sessions  map[string]*session[S]
	checked   map[string]checked // sessions by their last good answer, also of those that have left
	reserved  int                // viewers, and those who are about to be
	uses      uint64
	meta      Meta
	due       time.Time // of the next poll
	notBefore time.Time // COC asked for this
	wanted    time.Time // a nudge wants a poll then; zero = none
	nudged    time.Time // the last poll that a nudge got
	told      time.Time // when viewers were told last
	eager     time.Time // until then somebody may be about to operate
	idle      time.Time // since when nobody looks
	published chan struct{}
	interrupt context.CancelFunc // of the poll under way
	closed    *Ended
}

// errNarrow is the check of a session that may see some parts only.
var errNarrow = errors.New("not every part may be read")

// step is what a poller does next.
type step int

const (
	stepWait step = iota
	stepPoll
	stepEnd
)

// forever stands for a wait that only a wake ends.
const forever = time.Duration(1<<63 - 1)

// next decides what the poller does now, and for how long it waits.
func (v *poller[S]) next() (step, time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.w.cfg.Now()
	if len(v.sessions) == 0 {
		left := v.idle.Add(v.w.cfg.Limits.Linger).Sub(now)
		switch {
		case v.reserved > 0:
			return stepWait, forever
		case left <= 0:
			return stepEnd, 0
		}
		return stepWait, left
	}
	if v.meta.Final {
		return stepWait, forever
	}
	due := v.due
	if wanted := latest(v.wanted, v.notBefore); !v.wanted.IsZero() && wanted.Before(due) {
		due = wanted
	}
	if now.Before(due) {
		return stepWait, due.Sub(now)
	}
	return stepPoll, 0
}

// run is the poller's goroutine. retire takes the poller away, unless somebody has
// come meanwhile.
func (v *poller[S]) run(retire func() bool) {
	defer v.stop()
	select { // for the first viewer
	case <-v.wake:
	case <-v.ctx.Done():
	}
	for v.ctx.Err() == nil {
		what, wait := v.next()
		switch what {
		case stepPoll:
			v.poll()
		case stepEnd:
			if retire() {
				return
			}
		default:
			v.pause(wait)
		}
	}
}

func (v *poller[S]) pause(wait time.Duration) {
	select {
	case <-v.w.cfg.After(wait):
	case <-v.wake:
	case <-v.ctx.Done():
	}
}

func (v *poller[S]) signal() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// poll waits for its turn and reads. It is broken off when the last viewer
// leaves.
func (v *poller[S]) poll() {
	ctx, cancel := context.WithCancel(v.ctx)
	defer cancel()
	v.begin(cancel)
	select {
	case v.w.polls <- struct{}{}:
		v.read(ctx)
		<-v.w.polls
	case <-ctx.Done():
		v.breakOff()
	}
}

// read reads with the token of a session that looks. Sessions that COC refuses
// are told to go, and the next one's is taken.
func (v *poller[S]) read(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	changed, err := false, error(nil)
	for range maxTries {
		s := v.pick()
		if s == nil {
			v.breakOff()
			return
		}
		var differs bool
		differs, err = v.readWith(limited, s, v.feed.poll)
		changed = changed || differs
		if why, denied := errors.AsType[*Ended](err); denied {
			v.drop(s, why)
			continue
		}
		if err != nil && ctx.Err() != nil {
			v.breakOff()
			return
		}
		v.finish(s, changed, err)
		if err == nil {
			v.recheck(limited)
		}
		return
	}
	v.finish(nil, changed, err)
}

// breakOff ends a poll that the last viewer's leaving made pointless. Who has
// come since then gets one of their own.
func (v *poller[S]) breakOff() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.interrupt, v.due = nil, v.notBefore
	if len(v.sessions) == 0 {
		v.endWait()
	}
}

// readWith calls f on behalf of a session. The error is *Ended when the session
// may not go on.
func (v *poller[S]) readWith(ctx context.Context, s *session[S],
	f func(context.Context, coc.Caller) (bool, error)) (bool, error) {
	caller, err := v.caller(ctx, s.cred)
	if err != nil {
		return false, err
	}
	differs, err := f(ctx, caller)
	if errors.Is(err, errNarrow) {
		return differs, errNarrow
	}
	if why := denial(err); why != nil {
		return differs, why
	}
	return differs, err
}

var errOtherProject = errors.New("the session is in another project")

// ErrUnknown says that a session's caller could not be looked up, which says
// nothing about the session.
var ErrUnknown = errors.New("watch: the session could not be looked up")

// caller fetches a session's token. Its error is *Ended when the session has
// ended, or wraps ErrUnknown, but for a context that has ended.
func (v *poller[S]) caller(ctx context.Context, cred Credentials) (coc.Caller, error) {
	caller, err := cred.Caller(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return coc.Caller{}, ctx.Err()
	case errors.Is(err, coc.ErrNoCaller):
		return coc.Caller{}, &Ended{ReasonSession, err}
	case err != nil:
		return coc.Caller{}, fmt.Errorf("%w: %w", ErrUnknown, err)
	case caller.ProjectID != v.project: // a token is lent to its own project only
		return coc.Caller{}, &Ended{ReasonSession, errOtherProject}
	}
	return caller, nil
}

// begin notes a poll, so that it can be broken off when the last viewer leaves.
func (v *poller[S]) begin(cancel context.CancelFunc) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.interrupt = cancel
	if now := v.w.cfg.Now(); !v.wanted.IsZero() && !v.wanted.After(now) {
		v.wanted, v.nudged = time.Time{}, now
	}
}

// pick takes the session that was used longest ago; nil when there is none.
func (v *poller[S]) pick() *session[S] {
	v.mu.Lock()
	defer v.mu.Unlock()
	var first *session[S]
	for _, s := range v.sessions {
		if first == nil || s.used < first.used {
			first = s
		}
	}
	if first != nil {
		v.uses++
		first.used = v.uses
	}
	return first
}

// finish publishes what a poll brought. s is whose token it ran with, nil for
// nobody's.
func (v *poller[S]) finish(s *session[S], changed bool, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.interrupt = nil
	now := v.w.cfg.Now()
	v.polled.Add(1)
	m := &v.meta
	before := m.Trouble
	m.Version++
	if changed {
		m.Changed = m.Version
	}
	if err == nil {
		m.At, m.Trouble = now, nil
		c := v.checked[s.cred.Session]
		if c.at = now; v.feed.whole() {
			c.wholeAt, c.narrow = now, false
		}
		v.checked[s.cred.Session] = c
	} else {
		m.Trouble = v.missed(now, err)
	}
	base := v.feed.interval()
	m.Final = base == 0 && err == nil
	if base == 0 {
		base = v.w.cfg.Limits.Slow
	}
	failures := 0
	if m.Trouble != nil {
		failures = m.Trouble.Missed
	}
	quiet := !changed && m.Trouble == before && !m.Final && v.nudged.Before(v.told) && now.Before(v.told.Add(base/2))
	if failures == 0 && now.Before(v.eager) {
		base = min(base, v.w.cfg.Limits.Eager)
	}
	v.due = now.Add(backoff(base, failures, v.w.cfg.Limits.Backoff, retryAfter(err), v.w.cfg.Random()))
	v.notBefore = now.Add(min(retryAfter(err), maxRetryAfter))
	if m.Next = v.due; m.Final {
		m.Next = time.Time{}
	}
	v.publish(quiet)
}

// missed is the trouble after one more failure. The caller holds the lock.
func (v *poller[S]) missed(now time.Time, err error) *Trouble {
	v.failed.Add(1)
	t := Trouble{Since: now, Missed: 1, Err: err}
	if before := v.meta.Trouble; before != nil {
		t.Since, t.Missed = before.Since, before.Missed+1
	} else {
		v.w.cfg.Logger.Warn("a watched ticket or list cannot be read", "error", err)
	}
	return &t
}

// publish hands a new snapshot to all viewers, who are not told of a quiet one: it was read for whoever is about to
// operate, and differs by its age alone. The caller holds the lock.
func (v *poller[S]) publish(quiet bool) {
	v.last.Store(v.feed.snapshot(v.meta))
	if !quiet {
		v.told = v.w.cfg.Now()
		for _, s := range v.sessions {
			for viewer := range s.viewers {
				viewer.notify()
			}
		}
	}
	v.endWait()
}

func (v *poller[S]) endWait() {
	close(v.published)
	v.published = make(chan struct{})
}

// drop tells a session's viewers that they may not go on.
func (v *poller[S]) drop(s *session[S], why *Ended) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.checked, s.cred.Session)
	for viewer := range s.viewers {
		viewer.end(why)
		v.remove(viewer)
	}
}

// remove takes a viewer out. The caller holds the lock.
func (v *poller[S]) remove(viewer *Viewer[S]) {
	s := viewer.session
	if _, there := s.viewers[viewer]; !there {
		return
	}
	delete(s.viewers, viewer)
	if len(s.viewers) == 0 && v.sessions[s.cred.Session] == s {
		delete(v.sessions, s.cred.Session)
	}
	v.release()
}

// release gives a reserved place back. The caller holds the lock.
func (v *poller[S]) release() {
	v.reserved--
	if len(v.sessions) > 0 {
		return
	}
	v.idle = v.w.cfg.Now()
	if v.interrupt != nil {
		v.interrupt()
	}
	v.signal()
}

func (v *poller[S]) leave(viewer *Viewer[S]) {
	v.mu.Lock()
	defer v.mu.Unlock()
	viewer.end(&Ended{Reason: ReasonClosed})
	v.remove(viewer)
}

// nudge wants a poll as soon as the limits allow.
func (v *poller[S]) nudge() {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.w.cfg.Now()
	if v.wanted.IsZero() {
		v.wanted = latest(now, v.nudged.Add(v.w.cfg.Limits.Nudge))
	}
	v.signal()
}

// expect polls soon, and often for a while.
func (v *poller[S]) expect() {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.w.cfg.Now()
	v.eager = now.Add(eagerFor)
	if soon := now.Add(v.w.cfg.Limits.Eager); v.meta.Trouble == nil && soon.Before(v.due) {
		v.due = soon
		v.signal()
	}
}

func latest(times ...time.Time) time.Time {
	var last time.Time
	for _, t := range times {
		if t.After(last) {
			last = t
		}
	}
	return last
}

func (v *poller[S]) count(u *Usage) {
	v.mu.Lock()
	defer v.mu.Unlock()
	u.Viewers += v.reserved
}
