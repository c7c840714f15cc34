package watch

import (
	"errors"
	"net/http"
	"sync/atomic"

	"coc-console/internal/coc"
)

// Viewer is one who looks. S is what is seen: Snapshot or List.
type Viewer[S any] struct {
	poller  *poller[S]
	session *session[S]
	changed chan struct{}
	ended   atomic.Pointer[Ended]
	frozen  atomic.Pointer[S] // what was seen last by one who has been told to go
}

// Snapshot returns the newest value that this viewer may see, never nil. It is
// shared: it must not be changed.
func (v *Viewer[S]) Snapshot() *S {
	// This order: what was there before the check was rightly seen.
	newest := v.poller.last.Load()
	if last := v.frozen.Load(); last != nil {
		return last
	}
	return newest
}

// Changed has one element when there is something newer than at the last
// receive: a snapshot, but for those between two of the usual polls that differ
// by their age alone, or an end. It is never closed.
func (v *Viewer[S]) Changed() <-chan struct{} { return v.changed }

// Err says why there will be nothing newer; nil while there may be. It is an
// *Ended.
func (v *Viewer[S]) Err() error {
	if e := v.ended.Load(); e != nil {
		return e
	}
	return nil
}

// Whole reports whether the viewer may see every part of what is seen, by their
// own token's last check.
func (v *Viewer[S]) Whole() bool {
	v.poller.mu.Lock()
	defer v.poller.mu.Unlock()
	c, known := v.poller.checked[v.session.cred.Session]
	return known && !c.narrow
}

// Close ends the looking. It may be called repeatedly.
func (v *Viewer[S]) Close() { v.poller.leave(v) }

func (v *Viewer[S]) notify() {
	select {
	case v.changed <- struct{}{}:
	default: // told already, and not looked yet
	}
}

// end tells the viewer; the caller holds the poller's lock.
func (v *Viewer[S]) end(why *Ended) {
	if v.ended.Load() != nil {
		return
	}
	v.frozen.Store(v.poller.last.Load())
	v.ended.Store(why)
	v.notify()
}

// Reason is why a viewer sees nothing newer.
type Reason string

// The reasons.
const (
	ReasonSession   Reason = "session"   // signed out, or the token is no longer accepted
	ReasonForbidden Reason = "forbidden" // the token may not read it
	ReasonNotFound  Reason = "not_found" // COC does not know the ticket
	ReasonClosed    Reason = "closed"    // the viewer or the Watcher was closed
)

// Ended is the end of a viewer's looking. Err is what COC or the session's
// Credentials said, nil for ReasonClosed.
type Ended struct {
	Reason Reason
	Err    error
}

func (e *Ended) Error() string {
	if e.Err == nil {
		return "watch: " + string(e.Reason)
	}
	return "watch: " + string(e.Reason) + ": " + e.Err.Error()
}

// Unwrap returns Err.
func (e *Ended) Unwrap() error { return e.Err }

// denial returns the end that an error of COC means for the session whose
// token it met, nil when it is about something else.
func denial(err error) *Ended {
	upstream, ok := errors.AsType[*coc.Error](err)
	switch {
	case !ok:
		return nil
	case upstream.SignInAgain():
		return &Ended{ReasonSession, err}
	case upstream.Forbidden():
		return &Ended{ReasonForbidden, err}
	case upstream.NotFound(), upstream.Status == http.StatusNotFound:
		return &Ended{ReasonNotFound, err}
	}
	return nil
}
