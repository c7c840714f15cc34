package live

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"coc-console/internal/accept"
)

// Limits are the figures of the event streams; zero fields take the defaults.
type Limits struct {
	PerSession int           // open at the same time: 24; one person's are limited, too (package ratelimit)
	Total      int           // of all sessions: 5000
	Heartbeat  time.Duration // between signs of life, and looks at the session: 15 s
	Write      time.Duration // what one write may take: 5 s
}

func (l Limits) withDefaults() Limits {
	if l.PerSession <= 0 {
		l.PerSession = 24
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

// Streams is what is open, of each session and of all.
type Streams struct {
	limits   Limits
	turns    turns
	mu       sync.Mutex
	total    int
	sessions map[string]int
	over     map[string]chan struct{} // closed when a session that has streams ends here
}

// NewStreams returns room for as many streams as the limits allow.
func NewStreams(l Limits) *Streams {
	return &Streams{limits: l.withDefaults(), turns: newTurns(), sessions: map[string]int{},
		over: map[string]chan struct{}{}}
}

// Enter takes a slot for a stream of a session, and reports whether there was
// one; if so, Leave must follow.
func (s *Streams) Enter(session string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.total >= s.limits.Total || s.sessions[session] >= s.limits.PerSession {
		return false
	}
	s.total++
	s.sessions[session]++
	if s.over[session] == nil {
		s.over[session] = make(chan struct{})
	}
	return true
}

// Leave gives a slot back.
func (s *Streams) Leave(session string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.sessions[session]--; s.sessions[session] == 0 {
		delete(s.sessions, session)
		delete(s.over, session)
	}
}

// End ends a session's streams now. Those on other consoles, and of sessions that
// end in another way, notice at the next sign of life.
func (s *Streams) End(session string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if over := s.over[session]; over != nil {
		close(over)
		delete(s.over, session)
	}
}

// Open returns how many streams are open.
func (s *Streams) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

// ended is closed when the session ends.
func (s *Streams) ended(session string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over[session]
}

// EndSession is the reason that a page is told when its session has ended.
const EndSession = "session"

// Session is the session of whoever has a stream, which ends with it.
type Session struct {
	Key  string
	Left time.Duration // until it expires
	// Alive looks the session up; it is asked at each sign of life.
	Alive func(ctx context.Context) bool
}

// Source is what a stream shows.
type Source[P Page] struct {
	// Changed gets a value when there may be something newer to show.
	Changed <-chan struct{}
	// Also is another such channel; it may be nil.
	Also <-chan struct{}
	// Show returns the newest version, which tells what differs from an outline, and,
	// when nothing comes after it, why. It may return the reason alone.
	Show func(have *Outline) (v *Version[P], end string, err error)
	// Known is the outline with that digest, nil when it is forgotten.
	Known func(digest string) *Outline
	// Own is what is the reader's own in the page; the zero value is nothing.
	Own Own
}

// Own is a part of a page that is one reader's own. It has an id, and is sent beside the versions of the page.
type Own struct {
	Changed <-chan struct{}
	// Show returns the part as HTML, empty where nothing is to be sent: the page has it.
	Show func() string
}

// send sends the part, if it is there to send.
func (o Own) send(w *writer) error {
	if o.Show == nil {
		return nil
	}
	html := o.Show()
	if html == "" {
		return nil
	}
	return w.send(newPiece(eventText("", "parts", "<template>"+html+"</template>")))
}

// ServeOwn sends nothing but what is the reader's own, until the session ends.
func ServeOwn(s *Streams, c echo.Context, session Session, own Own) error {
	w, err := open(c, s.limits.Write)
	if err != nil {
		return err
	}
	heartbeat := time.NewTicker(s.limits.Heartbeat)
	defer heartbeat.Stop()
	expired := time.NewTimer(session.Left)
	defer expired.Stop()
	if err := own.send(w); err != nil {
		return err
	}
	_, why, err := wait(c.Request().Context(), w, session, ends{expired.C, s.ended(session.Key)}, news{own: own},
		heartbeat.C)
	if err != nil {
		return err
	}
	if err := w.send(newPiece(eventText("", "end", why))); err != nil {
		return err
	}
	return w.close()
}

// Serve sends a page's changes until the source or the session ends. It returns
// what broke the stream off before that.
func Serve[P Page](s *Streams, c echo.Context, session Session, from Source[P]) error {
	w, err := open(c, s.limits.Write)
	if err != nil {
		return err
	}
	why, err := serve(c.Request().Context(), s, w, session, from, from.Known(c.Request().Header.Get("Last-Event-ID")))
	if err != nil {
		return err
	}
	if err := w.send(newPiece(eventText("", "end", why))); err != nil {
		return err
	}
	return w.close()
}

// serve is the loop of a stream: it sends what is new, and waits.
func serve[P Page](ctx context.Context, s *Streams, w *writer, session Session, from Source[P],
	have *Outline) (why string, err error) {
	heartbeat := time.NewTicker(s.limits.Heartbeat)
	defer heartbeat.Stop()
	expired := time.NewTimer(session.Left)
	defer expired.Stop()
	until := ends{expired.C, s.ended(session.Key)}
	if err := from.Own.send(w); err != nil {
		return "", err
	}
	var mine turn // what a page begins with waits for nobody
	for {
		now, end, err := from.Show(have)
		mine.end()
		if err != nil {
			return "", err
		}
		if now != nil {
			if err := show(w, now, have); err != nil {
				return "", err
			}
			have = now.Outline
		}
		if end != "" {
			return end, nil
		}
		mine, why, err = wait(ctx, w, session, until, news{from.Changed, from.Also, from.Own, s.turns}, heartbeat.C)
		if why != "" || err != nil {
			return why, err
		}
	}
}

// show sends what a version has and the page has not.
func show[P Page](w *writer, now *Version[P], have *Outline) error {
	e, err := now.since(have)
	if e == nil || err != nil {
		return err
	}
	return w.send(e)
}

// news are what tells of changes.
type news struct {
	watched, also <-chan struct{}
	own           Own
	turns         turns // of those who show them
}

// ends are those of a session: its token's, and its own.
type ends struct {
	expired <-chan time.Time
	ended   <-chan struct{}
}

// gatherFor is how long a stream waits for what else changes with what has just
// changed: an operation is recorded, answered and read within a moment, and that shall
// be one rendering, not one each.
const gatherFor = 200 * time.Millisecond

// wait returns a moment after the next change, when it is the stream's turn, with a reason when the session is over.
func wait(ctx context.Context, w *writer, session Session, until ends, changed news,
	heartbeat <-chan time.Time) (mine turn, why string, err error) {
	var gathered, late <-chan time.Time // nil: nothing has changed yet
	var free turns                      // nil: nothing is to be shown yet
	gather := func() {
		if gathered == nil && free == nil {
			gathered = time.After(gatherFor)
		}
	}
	for {
		select {
		case <-changed.watched:
			gather()
		case <-changed.also:
			gather()
		case <-gathered:
			gathered, free, late = nil, changed.turns, time.After(turnPatience)
		case free <- struct{}{}:
			return turn{free, time.Now()}, "", nil
		case <-late:
			return turn{}, "", nil
		case <-changed.own.Changed:
			if err := changed.own.send(w); err != nil {
				return turn{}, "", err
			}
		case <-until.expired:
			return turn{}, EndSession, nil
		case <-until.ended:
			return turn{}, EndSession, nil
		case <-ctx.Done():
			return turn{}, "", ctx.Err()
		case <-heartbeat:
			if !session.Alive(ctx) {
				return turn{}, EndSession, nil
			}
			if err := w.send(signOfLife); err != nil {
				return turn{}, "", err
			}
		}
	}
}

// signOfLife is a comment, which browsers ignore.
var signOfLife = newPiece([]byte(": \n\n"))

// writer is the writing side of a stream.
type writer struct {
	w       http.ResponseWriter
	control *http.ResponseController
	limit   time.Duration
	gzip    bool
	sent    total
}

// open sends the header of a stream.
func open(c echo.Context, limit time.Duration) (*writer, error) {
	w := &writer{w: c.Response(), control: http.NewResponseController(c.Response().Writer), limit: limit,
		gzip: accept.Gzip(c.Request().Header)}
	// The server's limit for reading a request would end the stream.
	if err := w.control.SetReadDeadline(time.Time{}); err != nil {
		return nil, err
	}
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, "text/event-stream; charset=utf-8")
	header.Set(echo.HeaderCacheControl, "no-store")
	header.Set("X-Accel-Buffering", "no")
	header.Add(echo.HeaderVary, echo.HeaderAcceptEncoding)
	if w.gzip {
		header.Set(echo.HeaderContentEncoding, "gzip")
	}
	c.Response().WriteHeader(http.StatusOK)
	if w.gzip {
		if err := w.write(gzipHead); err != nil {
			return nil, err
		}
	}
	// The browser has to see that nothing between holds the stream back.
	return w, w.send(signOfLife)
}

func (w *writer) send(e *piece) error {
	if w.gzip {
		w.sent.add(e)
		return w.write(e.deflated)
	}
	text, err := e.plain()
	if err != nil {
		return err
	}
	return w.write(text)
}

func (w *writer) write(b []byte) error {
	if err := w.control.SetWriteDeadline(time.Now().Add(w.limit)); err != nil {
		return err
	}
	if _, err := w.w.Write(b); err != nil {
		return err
	}
	return w.control.Flush()
}

// close ends the compressed stream as a whole one.
func (w *writer) close() error {
	if !w.gzip {
		return nil
	}
	return w.write(w.sent.tail())
}
