package handlers

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"coc-console/internal/coc"
	"coc-console/internal/watch"
)

// StreamLimits are the figures of the event streams; zero fields take the
// defaults.
type StreamLimits struct {
	PerSession int           // open at the same time: 12
	Total      int           // of all sessions: 5000
	Heartbeat  time.Duration // between signs of life, and looks at the session: 15 s
	Write      time.Duration // what one write may take: 5 s
}

func (l StreamLimits) withDefaults() StreamLimits {
	if l.PerSession <= 0 {
		l.PerSession = 12
	}
	if l.Total <= 0 {
		l.Total = 5000
	}
	if l.Heartbeat <= 0 {
		l.Heartbeat = 15 * time.Second
	}
	if l.Write <= 0 {
		l.Write = 5 * time.Second
	}
	return l
}

// retryStreams is what one who finds no room is told, in seconds.
const retryStreams = "30"

// streams counts what is open.
type streams struct {
	mu       sync.Mutex
	total    int
	sessions map[string]int
}

func (s *streams) enter(session string, l StreamLimits) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.total >= l.Total || s.sessions[session] >= l.PerSession {
		return false
	}
	s.total++
	s.sessions[session]++
	return true
}

func (s *streams) leave(session string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.sessions[session]--; s.sessions[session] == 0 {
		delete(s.sessions, session)
	}
}

// Streams returns how many event streams are open.
func (h *Handlers) Streams() int {
	h.streams.mu.Lock()
	defer h.streams.mu.Unlock()
	return h.streams.total
}

// credentials lend a session's token to package watch, for as long as the
// session lives. The first use is the request's own, for which the session has
// just been looked up.
func (h *Handlers) credentials(v Viewer) watch.Credentials {
	var used atomic.Bool
	return watch.Credentials{Session: v.SessionKey, Caller: func(ctx context.Context) (coc.Caller, error) {
		if !used.Swap(true) {
			return v.Caller, nil
		}
		return h.Sessions.Caller(ctx, v.SessionKey)
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
	case isEnd, errors.Is(err, watch.ErrFull):
		return &Problem{Status: http.StatusServiceUnavailable, Kind: ProblemUnavailable, Err: err}
	}
	return err
}

// The packets that are always the same.
var (
	beat       = newPacket(": \n\n")
	endPackets = map[string]*packet{}
	endMutex   sync.Mutex
)

// endPacket tells a page why nothing more comes.
func endPacket(why string) *packet {
	endMutex.Lock()
	defer endMutex.Unlock()
	p, ok := endPackets[why]
	if !ok {
		p = newPacket(event("", "end", why))
		endPackets[why] = p
	}
	return p
}

// Why a stream ends, besides the values of watch.Reason.
const endFinal = "final" // nothing can change any more

// stream is the writing side of one.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	limit   time.Duration
	packed  bool
	sum     uint32
	size    uint32
}

// openStream sends the header of a stream.
func (h *Handlers) openStream(c echo.Context) (*stream, error) {
	s := &stream{w: c.Response(), control: http.NewResponseController(c.Response().Writer), limit: h.Limits.Write,
		packed: strings.Contains(c.Request().Header.Get(echo.HeaderAcceptEncoding), "gzip")}
	// The server's limit for reading a request would end the stream.
	if err := s.control.SetReadDeadline(time.Time{}); err != nil {
		return nil, err
	}
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, "text/event-stream; charset=utf-8")
	header.Set(echo.HeaderCacheControl, "no-store")
	header.Set("X-Accel-Buffering", "no")
	header.Add(echo.HeaderVary, echo.HeaderAcceptEncoding)
	if s.packed {
		header.Set(echo.HeaderContentEncoding, "gzip")
	}
	c.Response().WriteHeader(http.StatusOK)
	if s.packed {
		return s, s.write([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff})
	}
	return s, nil
}

func (s *stream) send(p *packet) error {
	if !s.packed {
		return s.write(p.plain)
	}
	s.sum = crc32.Update(s.sum, crc32.IEEETable, p.plain)
	s.size += uint32(len(p.plain)) // gzip counts modulo 2³²
	return s.write(p.deflate())
}

func (s *stream) write(b []byte) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(s.limit)); err != nil {
		return err
	}
	if _, err := s.w.Write(b); err != nil {
		return err
	}
	return s.control.Flush()
}

// close ends the compressed stream as a whole one.
func (s *stream) close() error {
	if !s.packed {
		return nil
	}
	end := []byte{3, 0} // a last, empty block
	end = binary.LittleEndian.AppendUint32(end, s.sum)
	return s.write(binary.LittleEndian.AppendUint32(end, s.size))
}

// source is what a stream shows: a viewer of package watch, seen as a page.
type source[P fragmented] struct {
	changed <-chan struct{}
	err     func() error
	// show renders the newest; final says that nothing comes after it.
	show  func() (r *rendering[P], final bool, err error)
	known func(digest string) *rendering[P]
}

// serveStream sends a page's changes until one of its ends.
func serveStream[P fragmented](h *Handlers, c echo.Context, from source[P]) error {
	v, _ := ViewerFrom(c.Request().Context())
	s, err := h.openStream(c)
	if err != nil {
		return nil //nolint:nilerr // the browser is gone
	}
	why, err := pump(h, c, v, s, from)
	if err != nil {
		h.Logger.DebugContext(c.Request().Context(), "a stream broke off", "error", err)
		return nil
	}
	if err := s.send(endPacket(why)); err == nil {
		_ = s.close() // nobody is left to tell
	}
	return nil
}

func pump[P fragmented](h *Handlers, c echo.Context, v Viewer, s *stream, from source[P]) (why string, err error) {
	ctx := c.Request().Context()
	have := from.known(lastEvent(c))
	beats := time.NewTicker(h.Limits.Heartbeat)
	defer beats.Stop()
	over := time.NewTimer(v.Expires.Sub(h.Now()))
	defer over.Stop()
	for {
		now, final, err := from.show()
		if ended, ok := errors.AsType[*watch.Ended](err); ok {
			return string(ended.Reason), nil
		}
		if err != nil {
			return "", err
		}
		if p := now.since(have); p != nil {
			if err := s.send(p); err != nil {
				return "", err
			}
		}
		have = now
		if ended, ok := errors.AsType[*watch.Ended](from.err()); ok {
			return string(ended.Reason), nil
		}
		if final {
			return endFinal, nil
		}
		if why, err := h.wait(ctx, v, s, from.changed, beats.C, over.C); why != "" || err != nil {
			return why, err
		}
	}
}

// wait returns at the next change, with a reason when the session is over.
func (h *Handlers) wait(ctx context.Context, v Viewer, s *stream, changed <-chan struct{}, beats, over <-chan time.Time) (string, error) {
	for {
		select {
		case <-changed:
			return "", nil
		case <-over:
			return string(watch.ReasonSession), nil
		case <-ctx.Done():
			return "", ctx.Err()
		case <-beats:
			if _, err := h.Sessions.Caller(ctx, v.SessionKey); err != nil {
				return string(watch.ReasonSession), nil //nolint:nilerr // that is what the error says
			}
			if err := s.send(beat); err != nil {
				return "", err
			}
		}
	}
}

// lastEvent is the digest of what the page shows.
func lastEvent(c echo.Context) string { return c.Request().Header.Get("Last-Event-ID") }

// seat takes a place for a stream; leave gives it back.
func (h *Handlers) seat(c echo.Context) (leave func(), err error) {
	v, _ := ViewerFrom(c.Request().Context())
	if !h.streams.enter(v.SessionKey, h.Limits) {
		c.Response().Header().Set("Retry-After", retryStreams)
		return nil, &Problem{Status: http.StatusServiceUnavailable, Kind: ProblemUnavailable, Err: errStreams}
	}
	return func() { h.streams.leave(v.SessionKey) }, nil
}

var errStreams = errors.New("as many event streams as the limits allow")
