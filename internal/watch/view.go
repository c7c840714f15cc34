package watch

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"coc-console/internal/coc"
)

// feed is where a view's content comes from. Only check is called by several
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
	// rhythm is the wait until the next poll; 0 when nothing can change any more.
	rhythm() time.Duration
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

// Stale reports that at least three polls in a row have failed, or that one has
// and COC asks to be left alone for a time: the next poll is then far away.
func (m Meta) Stale() bool {
	return m.Trouble != nil && (m.Trouble.Missed >= 3 || retryAfter(m.Trouble.Err) > 0)
}

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

// session is one session with the viewers it has on a view.
type session[S any] struct {
	cred    Credentials
	viewers map[*Viewer[S]]struct{}
	used    uint64 // the view's count of uses at its last one
}

// view is one ticket or list that is watched. Its goroutine polls; it ends when
// nobody has looked for Limits.Linger.
type view[S any] struct {
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
	seats     int                // viewers, and those who are about to be
	uses      uint64
	meta      Meta
	due       time.Time // of the next poll
	notBefore time.Time // COC asked for this
	wanted    time.Time // a nudge wants a poll then; zero = none
	nudged    time.Time // the last poll that a nudge got
	idle      time.Time // since when nobody looks
	round     chan struct{}
	interrupt context.CancelFunc // of the poll under way
	closed    *Ended
}

// errNarrow is the check of a session that may see a view, but not all of it.
var errNarrow = errors.New("not every part may be read")

// checked is when a session's token was good for a view, and when it was good
// for every part of it, or, with narrow, was not.
type checked struct {
	at, wholeAt time.Time
	narrow      bool
}

// step is what a view does next.
type step int

const (
	stepWait step = iota
	stepPoll
	stepEnd
)

// forever stands for a wait that only a wake ends.
const forever = time.Duration(1<<63 - 1)

// next decides what the view does now, and for how long it waits.
func (v *view[S]) next() (step, time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.w.Now()
	if len(v.sessions) == 0 {
		left := v.idle.Add(v.w.Limits.Linger).Sub(now)
		switch {
		case v.seats > 0:
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

// run is the view's goroutine. retire takes the view away, unless somebody has
// come meanwhile.
func (v *view[S]) run(retire func() bool) {
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

func (v *view[S]) pause(wait time.Duration) {
	select {
	case <-v.w.After(wait):
	case <-v.wake:
	case <-v.ctx.Done():
	}
}

func (v *view[S]) rouse() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// poll waits for its turn and reads. It is broken off when the last viewer
// leaves.
func (v *view[S]) poll() {
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
func (v *view[S]) read(ctx context.Context) {
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
		v.settle(s, changed, err)
		if err == nil {
			v.recheck(limited)
		}
		return
	}
	v.settle(nil, changed, err)
}

// breakOff ends a poll that the last viewer's leaving made pointless. Who has
// come since then gets one of their own.
func (v *view[S]) breakOff() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.interrupt, v.due = nil, v.notBefore
	if len(v.sessions) == 0 {
		v.endRound()
	}
}

// readWith calls f on behalf of a session. The error is *Ended when the session
// may not go on.
func (v *view[S]) readWith(ctx context.Context, s *session[S], f func(context.Context, coc.Caller) (bool, error)) (bool, error) {
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

// caller fetches a session's token. Its error is *Ended, but for a context that
// has ended.
func (v *view[S]) caller(ctx context.Context, cred Credentials) (coc.Caller, error) {
	caller, err := cred.Caller(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return coc.Caller{}, ctx.Err()
	case err != nil:
		return coc.Caller{}, &Ended{ReasonSession, err}
	case caller.ProjectID != v.project: // a token is lent to its own project only
		return coc.Caller{}, &Ended{ReasonSession, errOtherProject}
	}
	return caller, nil
}

// begin notes a poll, so that it can be broken off when the last viewer leaves.
func (v *view[S]) begin(cancel context.CancelFunc) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.interrupt = cancel
	if now := v.w.Now(); !v.wanted.IsZero() && !v.wanted.After(now) {
		v.wanted, v.nudged = time.Time{}, now
	}
}

// pick takes the session that was used longest ago; nil when there is none.
func (v *view[S]) pick() *session[S] {
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

// settle publishes what a poll brought. s is whose token it ran with, nil for
// nobody's.
func (v *view[S]) settle(s *session[S], changed bool, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.interrupt = nil
	now := v.w.Now()
	v.polled.Add(1)
	m := &v.meta
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
	base := v.feed.rhythm()
	m.Final = base == 0 && err == nil
	if base == 0 {
		base = v.w.Limits.Slow
	}
	failures := 0
	if m.Trouble != nil {
		failures = m.Trouble.Missed
	}
	v.due = now.Add(pace(base, failures, v.w.Limits.Backoff, retryAfter(err), v.w.Random()))
	v.notBefore = now.Add(min(retryAfter(err), maxRetryAfter))
	if m.Next = v.due; m.Final {
		m.Next = time.Time{}
	}
	v.publish()
}

// missed is the trouble after one more failure. The caller holds the lock.
func (v *view[S]) missed(now time.Time, err error) *Trouble {
	v.failed.Add(1)
	t := Trouble{Since: now, Missed: 1, Err: err}
	if before := v.meta.Trouble; before != nil {
		t.Since, t.Missed = before.Since, before.Missed+1
	} else {
		v.w.Logger.Warn("a watched ticket or list cannot be read", "error", err)
	}
	return &t
}

// publish hands a new snapshot to all viewers. The caller holds the lock.
func (v *view[S]) publish() {
	v.last.Store(v.feed.snapshot(v.meta))
	for _, s := range v.sessions {
		for viewer := range s.viewers {
			viewer.notify()
		}
	}
	v.endRound()
}

func (v *view[S]) endRound() {
	close(v.round)
	v.round = make(chan struct{})
}

// drop tells a session's viewers that they may not go on.
func (v *view[S]) drop(s *session[S], why *Ended) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.checked, s.cred.Session)
	for viewer := range s.viewers {
		viewer.end(why)
		v.remove(viewer)
	}
}

// remove takes a viewer out of the view. The caller holds the lock.
func (v *view[S]) remove(viewer *Viewer[S]) {
	s := viewer.session
	if _, there := s.viewers[viewer]; !there {
		return
	}
	delete(s.viewers, viewer)
	if len(s.viewers) == 0 && v.sessions[s.cred.Session] == s {
		delete(v.sessions, s.cred.Session)
	}
	v.yield()
}

// yield gives a seat back. The caller holds the lock.
func (v *view[S]) yield() {
	v.seats--
	if len(v.sessions) > 0 {
		return
	}
	v.idle = v.w.Now()
	if v.interrupt != nil {
		v.interrupt()
	}
	v.rouse()
}

func (v *view[S]) leave(viewer *Viewer[S]) {
	v.mu.Lock()
	defer v.mu.Unlock()
	viewer.end(&Ended{Reason: ReasonClosed})
	v.remove(viewer)
}

// recheck reads with the tokens of sessions whose last check is too old.
func (v *view[S]) recheck(ctx context.Context) {
	for _, s := range v.overdue() {
		_, err := v.readWith(ctx, s, func(ctx context.Context, c coc.Caller) (bool, error) { return false, v.feed.check(ctx, c) })
		narrow := errors.Is(err, errNarrow)
		if why, denied := errors.AsType[*Ended](err); denied && !narrow {
			v.drop(s, why)
		} else if err == nil || narrow {
			v.confirm(s.cred.Session, narrow)
		}
	}
}

func (v *view[S]) overdue() []*session[S] {
	v.mu.Lock()
	defer v.mu.Unlock()
	var old []*session[S]
	for id, s := range v.sessions {
		if len(old) < maxRechecks && !v.isChecked(id) {
			v.uses++
			s.used = v.uses // its turn to poll comes later
			old = append(old, s)
		}
	}
	return old
}

// isChecked reports whether a session's last good answers are new enough: one
// that may not see every part, or could not be asked, is asked again soon. The
// caller holds the lock.
func (v *view[S]) isChecked(session string) bool {
	c, ok := v.checked[session]
	hold := v.w.Limits.Recheck
	if c.narrow {
		hold = v.w.Limits.Linger
	}
	now := v.w.Now()
	return ok && now.Sub(c.at) < v.w.Limits.Recheck && now.Sub(c.wholeAt) < hold
}

// confirm notes a good answer for a session's token.
func (v *view[S]) confirm(session string, narrow bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.checked) >= 2*v.w.Limits.Viewers {
		for id := range v.checked {
			if _, looks := v.sessions[id]; !looks {
				delete(v.checked, id)
			}
		}
	}
	now := v.w.Now()
	v.checked[session] = checked{now, now, narrow}
}

// nudge wants a poll as soon as the limits allow.
func (v *view[S]) nudge() {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.w.Now()
	if v.wanted.IsZero() {
		v.wanted = latest(now, v.nudged.Add(v.w.Limits.Nudge))
	}
	v.rouse()
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

func (v *view[S]) count(u *Usage) {
	v.mu.Lock()
	defer v.mu.Unlock()
	u.Viewers += v.seats
}
