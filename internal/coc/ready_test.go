package coc

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

// doors counts the connections of a server by their state, and the addresses
// that operations came from.
type doors struct {
	mu    sync.Mutex
	conns []net.Conn
	from  []string
}

func (d *doors) opened(c net.Conn, s http.ConnState) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s == http.StateNew {
		d.conns = append(d.conns, c)
	}
}

func (d *doors) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	if r.Method == http.MethodPut {
		d.from = append(d.from, r.RemoteAddr)
	}
	d.mu.Unlock()
	says(200, `{"data":null}`)(w, r)
}

func (d *doors) operations() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.from)
}

// behind starts a client of a server behind these doors.
func (d *doors) behind(t *testing.T, secure, http2 bool) *Client {
	t.Helper()
	s := httptest.NewUnstartedServer(d)
	s.Config.ErrorLog, s.Config.ConnState, s.EnableHTTP2 = silent, d.opened, http2
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	c := connect(t, s.URL)
	if secure {
		c.ready.tls.RootCAs = s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	}
	return c
}

// open waits until a spare is open, and returns its address here.
func open(t *testing.T, c *Client) string {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); ; {
		c.ready.mu.Lock()
		found := slices.IndexFunc(c.ready.spares, func(s *spare) bool { return isClosed(s.opened) })
		var address string
		if found >= 0 {
			address = c.ready.spares[found].conn.LocalAddr().String()
		}
		c.ready.mu.Unlock()
		if found >= 0 {
			return address
		}
		if time.Now().After(end) {
			t.Fatal("no connection is opened ahead")
		}
		pause()
	}
}

func pause() { <-time.After(time.Millisecond) }

// TestOperationsTakeAConnectionThatIsOpen: each takes one of its own, which was
// opened before, whatever the server speaks.
func TestOperationsTakeAConnectionThatIsOpen(t *testing.T) {
	for name, tt := range map[string]struct{ secure, http2 bool }{
		"plain": {}, "TLS": {secure: true}, "HTTP/2": {true, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := &doors{}
			c := d.behind(t, tt.secure, tt.http2)
			c.Prepare()
			for n := range 3 {
				ahead := open(t, c)
				if _, err := operate(t.Context(), c); err != nil {
					t.Fatal(err)
				}
				from := d.operations()
				if len(from) != n+1 || from[n] != ahead || slices.Contains(from[:n], ahead) {
					t.Errorf("operation %d came from %v, open before was %s", n, from, ahead)
				}
			}
		})
	}
}

// TestAConnectionThatTheServerClosed is not used, and the operation goes
// through another one.
func TestAConnectionThatTheServerClosed(t *testing.T) {
	for name, secure := range map[string]bool{"plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			d := &doors{}
			c := d.behind(t, secure, false)
			c.Prepare()
			open(t, c)
			d.mu.Lock()
			closed := d.conns[0]
			_ = closed.Close()
			d.mu.Unlock()
			if _, err := operate(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			if from := d.operations(); len(from) != 1 || from[0] == closed.RemoteAddr().String() {
				t.Errorf("the operation came from %v", from)
			}
		})
	}
}

// TestAServerThatSpeaksFirst has said something that is no answer to what is
// about to be sent.
func TestAServerThatSpeaksFirst(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	first := make(chan net.Conn, 8)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
			first <- conn
		}
	}()
	c := connect(t, "http://"+l.Addr().String())
	c.Prepare()
	open(t, c)
	conn := <-first
	defer func() { _ = conn.Close() }()
	s := c.ready.pop()
	for end := time.Now().Add(2 * time.Minute); ; pause() {
		if !s.conn.wake(false) {
			break
		}
		if time.Now().After(end) {
			t.Fatal("a server that spoke first was not noticed")
		}
		s.conn.quiet = make(chan struct{})
		go s.conn.listen(func() {})
	}
	_ = s.conn.Close()
}

// TestSparesExpire: one that is too old is replaced while somebody may operate,
// and they are bounded.
func TestSparesExpire(t *testing.T) {
	d := &doors{}
	c := d.behind(t, false, false)
	c.Prepare()
	open(t, c)
	c.ready.mu.Lock()
	old := c.ready.spares[0]
	c.ready.mu.Unlock()
	c.ready.expire(old)
	open(t, c)
	c.ready.mu.Lock()
	fresh := c.ready.spares[0]
	c.ready.puts, c.ready.wanted = 100, time.Now().Add(-2*wantedFor)
	for range 100 {
		c.ready.fill()
	}
	if n := len(c.ready.spares); n != maxReady {
		t.Errorf("%d connections are opened ahead, want %d", n, maxReady)
	}
	c.ready.puts = 0
	c.ready.mu.Unlock()
	if _, err := old.conn.Conn.Write([]byte("x")); err == nil || fresh == old {
		t.Error("one that is too old is still open")
	}
	<-fresh.opened
	c.ready.expire(fresh)
	c.ready.mu.Lock()
	defer c.ready.mu.Unlock()
	if n := len(c.ready.spares); n != maxReady-1 {
		t.Errorf("nobody may operate, and %d of %d are open", n, maxReady)
	}
}

// TestNothingWasSent: a connection that breaks before a byte has left says for
// certain that COC did not get the operation.
func TestNothingWasSent(t *testing.T) {
	for name, tt := range map[string]struct {
		left int
		want Delivery
	}{"nothing": {0, DeliveredNo}, "a part": {1, DeliveredUnknown}} {
		t.Run(name, func(t *testing.T) {
			d := &doors{}
			c := d.behind(t, false, false)
			c.writes.Transport.(*http.Transport).DialContext = func(ctx context.Context, _, address string) (net.Conn, error) {
				conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
				return &quietConn{Conn: stopped{conn, tt.left}}, err
			}
			_, err := operate(t.Context(), c)
			if e := asError(t, err); e.Delivered() != tt.want || len(d.operations()) != 0 {
				t.Errorf("got %#v", e)
			}
		})
	}
}

// stopped is a connection that breaks when so many bytes have left.
type stopped struct {
	net.Conn
	left int
}

func (s stopped) Write([]byte) (int, error) { return s.left, net.ErrClosed }
