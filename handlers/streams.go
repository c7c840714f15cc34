package handlers

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"

	"github.com/labstack/echo/v4"

	"coc-console/internal/coc"
	"coc-console/internal/live"
	"coc-console/internal/ratelimit"
	"coc-console/internal/watch"
	"coc-console/templates"
)

// retryStreams is what one who finds no room is told, in seconds.
const retryStreams = "30"

// endFinal is why a stream ends, besides the values of watch.Reason.
const endFinal = "final" // nothing can change any more

// EndStreams ends the event streams of a session that has just ended.
func (h *base) EndStreams(session string) { h.streams.End(session) }

// Streams returns how many event streams are open.
func (h *base) Streams() int { return h.streams.Open() }

// Sweep forgets rendered pages that nobody has looked at since the last sweep. It is called now and then.
func (h *ticketPages) Sweep(context.Context) error {
	h.tickets.Sweep()
	h.lists.Sweep()
	h.numbers.Sweep()
	h.own.Sweep()
	h.histories.Sweep(h.now())
	return nil
}

// everybody is a context in which a page is rendered for whoever may see it: it is nobody's in particular.
func everybody(ctx context.Context) context.Context {
	return templates.WithPerson(context.WithoutCancel(ctx), "")
}

// streamSlot takes a slot for a stream; leave gives it back.
func (h *base) streamSlot(c echo.Context) (leave func(), err error) {
	v, _ := ViewerFrom(c.Request().Context())
	free := func() {}
	if h.people != nil {
		var ok bool
		if free, ok = h.people.Enter(PersonKey(v.Actor), ratelimit.Streams); !ok {
			c.Response().Header().Set("Retry-After", retryStreams)
			h.NoteLimited(c, v, ratelimit.Streams)
			return nil,
				&Problem{Status: http.StatusTooManyRequests, Kind: ProblemLimited, Value: string(ratelimit.Streams)}
		}
	}
	if !h.streams.Enter(v.SessionKey) {
		free()
		c.Response().Header().Set("Retry-After", retryStreams)
		return nil, &Problem{Status: http.StatusServiceUnavailable, Kind: ProblemUnavailable, Err: errStreams}
	}
	return func() { free(); h.streams.Leave(v.SessionKey) }, nil
}

var errStreams = errors.New("as many event streams as the limits allow")

// liveView is a look at something that changes, as a page.
type liveView[P live.Page] interface {
	show(have *live.Outline) (v *live.Version[P], final bool, err error)
	known(digest string) *live.Outline
}

// session is whose stream it is.
func (h *base) session(v Viewer) live.Session {
	return live.Session{Key: v.SessionKey, Left: v.Expires.Sub(h.now()),
		Alive: func(ctx context.Context) bool { return h.alive(ctx, v) }}
}

// serveStream sends a page's changes, and what in it is the reader's own, until its viewer or the session ends.
// also gets a value when something else of the page has changed; it may be nil.
func serveStream[P live.Page, S any](h *base, c echo.Context, viewer *watch.Viewer[S], also <-chan struct{},
	page liveView[P], own live.Own) error {
	v, _ := ViewerFrom(c.Request().Context())
	err := live.Serve(h.streams, c, h.session(v), live.Source[P]{Changed: viewer.Changed(), Also: also, Own: own,
		Known: page.known,
		Show: func(have *live.Outline) (*live.Version[P], string, error) {
			version, final, err := page.show(have)
			if ended, ok := errors.AsType[*watch.Ended](err); ok {
				return nil, string(ended.Reason), nil
			}
			if ended, ok := errors.AsType[*watch.Ended](viewer.Err()); ok {
				return version, string(ended.Reason), err
			}
			if final {
				return version, endFinal, err
			}
			return version, "", err
		}})
	return h.brokenOff(c, err)
}

// brokenOff is the end of a stream.
func (h *base) brokenOff(c echo.Context, err error) error {
	if err != nil { // the browser is gone, most of the time
		h.logger.DebugContext(c.Request().Context(), "event stream broke off", "error", err)
	}
	return nil
}

// alive looks a session up. A database that fails is not the end of a session:
// what comes next is read with a token that has been looked up, or not at all.
func (h *base) alive(ctx context.Context, v Viewer) bool {
	_, err := h.sessions.Caller(ctx, v.SessionKey)
	if err != nil && !errors.Is(err, coc.ErrNoCaller) {
		h.logger.WarnContext(ctx, "session of an event stream not looked up", "session", v.SessionName, "error", err)
	}
	return !errors.Is(err, coc.ErrNoCaller)
}

// credentials lend a session's token to package watch, for as long as the session lives. The first use is the
// request's own, for which the session has just been looked up.
func (h *base) credentials(v Viewer) watch.Credentials {
	var used atomic.Bool
	return watch.Credentials{Session: v.SessionKey, Caller: func(ctx context.Context) (coc.Caller, error) {
		if !used.Swap(true) {
			return v.Caller, nil
		}
		return h.sessions.Caller(ctx, v.SessionKey)
	}}
}

// lent is credentials for uses after the request: the session is looked up each time.
func (h *base) lent(v Viewer) watch.Credentials {
	return watch.Credentials{Session: v.SessionKey, Caller: func(ctx context.Context) (coc.Caller, error) {
		return h.sessions.Caller(ctx, v.SessionKey)
	}}
}

// watchProblem is a failure to look, for the error page.
func watchProblem(err error) error {
	ended, isEnd := errors.AsType[*watch.Ended](err)
	upstream, isUpstream := errors.AsType[*coc.Error](err)
	switch {
	case isUpstream:
		return upstream
	case isEnd && ended.Reason == watch.ReasonSession:
		return &Problem{Status: http.StatusUnauthorized, Kind: ProblemSignIn, Err: err}
	case isEnd, errors.Is(err, watch.ErrFull), errors.Is(err, watch.ErrUnknown):
		return &Problem{Status: http.StatusServiceUnavailable, Kind: ProblemUnavailable, Err: err}
	}
	return err
}
