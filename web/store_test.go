package web_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"coc-console/audit/audittest"
	"coc-console/internal/i18n"
	"coc-console/internal/live"
)

// cable is a connection to a database that can be cut, and mended.
type cable struct {
	net.Listener
	to string

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
}

// newCable puts a cable into the address of a database.
func newCable(t *testing.T, dsn string) (*cable, string) {
	t.Helper()
	u, err := url.Parse(dsn)
	must(t, err)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	c := &cable{Listener: l, to: u.Host, conns: map[net.Conn]bool{}}
	var done sync.WaitGroup
	done.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			done.Go(func() { c.carry(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		c.set(true)
		done.Wait()
	})
	u.Host = l.Addr().String()
	return c, u.String()
}

func (c *cable) carry(near net.Conn) {
	far, err := net.Dial("tcp", c.to)
	if err != nil || !c.hold(near, far) {
		_ = near.Close()
		if far != nil {
			_ = far.Close()
		}
		return
	}
	var both sync.WaitGroup
	for _, pair := range [][2]net.Conn{{near, far}, {far, near}} {
		both.Go(func() {
			_, _ = io.Copy(pair[0], pair[1])
			_ = near.Close()
			_ = far.Close()
		})
	}
	both.Wait()
}

func (c *cable) hold(conns ...net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range conns {
		c.conns[conn] = true
	}
	return !c.cut
}

func (c *cable) set(cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut = cut; cut {
		for conn := range c.conns {
			_ = conn.Close()
		}
		clear(c.conns)
	}
}

// TestDatabaseAway: a database that is away for a moment is not the end of a
// session. Streams wait, or break off without a reason, so that pages come back;
// requests are told that the console cannot answer now.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		c := start(t, hasty, beating)
		databaseAway(t, c, func(away bool) {
			if away {
				must(t, exec(t.Context(), c, `ALTER TABLE session RENAME TO session_away`))
			} else {
				must(t, exec(t.Context(), c, `ALTER TABLE session_away RENAME TO session`))
			}
		})
	})
	t.Run("postgresql", func(t *testing.T) {
		line, dsn := newCable(t, audittest.Postgres(t))
		databaseAway(t, start(t, hasty, beating, func(s *settings) { s.dsn = dsn }), line.set)
	})
}

// beating makes streams look at their session often.
func beating(s *settings) {
	s.watch.Backoff, s.watch.ListFast, s.watch.ListSlow = 200*time.Millisecond, 30*time.Millisecond, 30*time.Millisecond
	s.streams, s.idle = live.Limits{Heartbeat: 20 * time.Millisecond}, 3*time.Hour
}

func databaseAway(t *testing.T, c *console, away func(bool)) {
	b := c.signedIn(t, "operator", i18n.EnUS)
	form := b.form(b.get(c.newOperation("running", "operation_type=PAUSE_ORDER")))
	streams := []*events{b.watch(c.ticket("running")), b.watch("/tickets?status=any")}
	for _, e := range streams {
		e.must()
	}
	away(true)
	unavailable := i18n.For(i18n.EnUS).Problem.Unavailable.Heading
	for _, path := range []string{"/tickets", c.ticket("running"), "/tickets/events", c.ticket("running") + "/events", "/approvals", "/session"} {
		b.want(b.get(path), http.StatusServiceUnavailable, unavailable)
	}
	b.want(b.send(c.ticket("running")+"/operations", form), http.StatusServiceUnavailable, unavailable)
	c.poll(t, "the streams have looked at their session", func() bool {
		// Each says so at every beat; one may have broken off by then, for what it was doing when the database went.
		return strings.Count(c.output.String(), "session of an event stream not looked up") >= 4 || c.handlers.Streams() == 0
	})
	away(false)
	c.poll(t, "the console answers again", func() bool { return b.get("/tickets").StatusCode == http.StatusOK })
	c.clock.advance(time.Hour)
	for i, path := range []string{c.ticket("running"), "/tickets?status=any"} {
		e := streams[i]
		for {
			got, err := e.next()
			if got.name == "end" {
				t.Fatalf("the stream of %s ends for %q", path, got.data)
			}
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) { // it broke off: the page asks again
				if p := b.get(path); p.StatusCode == http.StatusOK && !liveAddress.MatchString(p.body) {
					break // what has ended is not live
				}
				e = b.watch(path)
				continue
			}
			must(t, err)
			if strings.Contains(got.data, "finished") || strings.Contains(got.data, "FINISHED") {
				break
			}
		}
	}
	p := b.send(c.ticket("paused")+"/operations", form) // the session is the one of before
	if p.StatusCode == http.StatusUnauthorized || strings.HasPrefix(p.location(), "/sign-in") {
		t.Errorf("the session has ended: %d to %s", p.StatusCode, p.location())
	}
}
