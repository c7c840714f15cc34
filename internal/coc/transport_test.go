package coc

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// soon is a time-out that a test waits for; a request must arrive within it
// on a busy machine too.
const soon = 300 * time.Millisecond

func shortHeader(c *Config)  { c.HeaderTimeout = soon }
func shortCall(c *Config)    { c.CallTimeout = soon }
func shortConnect(c *Config) { c.ConnectTimeout = soon }

func TestTimeouts(t *testing.T) {
	body := func(w http.ResponseWriter, r *http.Request) { // headers come, the body does not
		w.Header().Set("X-Request-Id", "r1")
		_, _ = io.WriteString(w, `{"data":`)
		_ = http.NewResponseController(w).Flush()
		hangs(w, r)
	}
	for _, tt := range []struct {
		name   string
		h      http.HandlerFunc
		cfg    func(*Config)
		status int
	}{
		{"no headers", hangs, shortHeader, 0},
		{"no answer", hangs, shortCall, 0},
		{"half an answer", body, shortCall, 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var arrived atomic.Int32
			c := serve(t, counted(&arrived, tt.h), tt.cfg)
			_, err := operate(t.Context(), c)
			if e := asError(t, err); e.Kind != KindTimeout || e.Status != tt.status || e.Delivered() != DeliveredUnknown {
				t.Errorf("operate: %#v", e)
			}
			_, err = c.Ticket(t.Context(), caller, ticketID)
			if e := asError(t, err); e.Kind != KindTimeout || e.Status != tt.status {
				t.Errorf("show: %#v", e)
			}
			if n := arrived.Load(); n != 2 {
				t.Errorf("%d requests arrived, want 2: a time-out is not repeated", n)
			}
		})
	}
}

func TestAnErrorWithoutItsBodyKeepsItsStatus(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_ = http.NewResponseController(w).Flush()
		hangs(w, r)
	}, shortCall)
	_, err := operate(t.Context(), c)
	if e := asError(t, err); e.Kind != KindUpstream || !e.Forbidden() || e.Delivered() != DeliveredUnknown {
		t.Errorf("got %#v", e)
	}
}

func TestTheCallerGivesUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done()
	})
	_, err := operate(ctx, c)
	if e := asError(t, err); e.Kind != KindTimeout || !errors.Is(err, context.Canceled) || e.Delivered() != DeliveredUnknown {
		t.Errorf("got %#v", e)
	}
	_, err = operate(ctx, c)
	if e := asError(t, err); e.Delivered() != DeliveredNo {
		t.Errorf("before the call: delivered %v, want no", e.Delivered())
	}
}

// TestNotConnected covers the failures before a connection stands: nothing can
// have been sent.
func TestNotConnected(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + l.Addr().String()
	_ = l.Close()

	stranger := httptest.NewUnstartedServer(says(200, "{}")) // of a certificate that nobody trusts
	stranger.Config.ErrorLog = silent
	stranger.StartTLS()
	t.Cleanup(stranger.Close)

	mute, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and never shakes hands
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mute.Close() })

	for name, tt := range map[string]struct {
		address string
		cfg     func(*Config)
		kind    Kind
	}{
		"refused":                 {closed, func(*Config) {}, KindTransport},
		"certificate not trusted": {stranger.URL, func(*Config) {}, KindTransport},
		"no TLS handshake":        {"https://" + mute.Addr().String(), shortConnect, KindTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			c := connect(t, tt.address, tt.cfg)
			_, err := operate(t.Context(), c)
			if e := asError(t, err); e.Kind != tt.kind || e.Delivered() != DeliveredNo || e.Cause == nil {
				t.Errorf("got %v, delivered %v", err, e.Delivered())
			}
		})
	}
}

func TestBrokenConnections(t *testing.T) {
	const headers = "HTTP/1.1 200 OK\r\nX-Request-Id: r1\r\nContent-Length: 100\r\n\r\n"
	for _, tt := range []struct {
		name, sent string
		status     int
		gets       int32 // arrivals of one GET
	}{
		{"before the headers", "", 0, 2},
		{"within the headers", "HTTP/1.1 200 OK\r\nX-Req", 0, 2},
		{"not HTTP", "SSH-2.0-OpenSSH_9.6\r\n", 0, 2},
		{"after the headers", headers, 200, 1},
		{"within the body", headers + `{"data":{}}`, 200, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var arrived atomic.Int32
			c := serve(t, counted(&arrived, resets(tt.sent)))
			_, err := operate(t.Context(), c)
			if e := asError(t, err); e.Kind != KindTransport || e.Status != tt.status || e.Delivered() != DeliveredUnknown {
				t.Errorf("operate: %#v", e)
			}
			if n := arrived.Swap(0); n != 1 {
				t.Errorf("the operation arrived %d times, want once", n)
			}
			_, err = c.Ticket(t.Context(), caller, ticketID)
			if e := asError(t, err); e.Kind != KindTransport || e.Status != tt.status {
				t.Errorf("show: %#v", e)
			}
			if n := arrived.Load(); n != tt.gets {
				t.Errorf("the GET arrived %d times, want %d", n, tt.gets)
			}
		})
	}
}

// idleBreaks answers the first request of a connection and breaks the
// connection on the second, as a server does that closes an idle one while a
// request is on its way. It counts the requests by method.
type idleBreaks struct {
	mu      sync.Mutex
	served  map[string]bool // by the client's address
	arrived map[string]int
}

func (s *idleBreaks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.arrived[r.Method]++
	again := s.served[r.RemoteAddr]
	s.served[r.RemoteAddr] = true
	s.mu.Unlock()
	if again {
		resets("")(w, r)
		return
	}
	_, _ = io.WriteString(w, `{"data":{}}`)
}

// count is how many requests with the method arrived.
func (s *idleBreaks) count(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.arrived[method]
}

func TestBrokenIdleConnection(t *testing.T) {
	s := &idleBreaks{served: map[string]bool{}, arrived: map[string]int{}}
	c := serve(t, s.ServeHTTP)
	for range 2 {
		if _, err := c.Ticket(t.Context(), caller, ticketID); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.count(http.MethodGet); n != 3 {
		t.Errorf("two GETs arrived %d times, want 3: the one that broke is repeated once", n)
	}
	for range 3 { // the pool holds an idle connection that breaks on use; a PUT takes none of it
		if _, err := operate(t.Context(), c); err != nil {
			t.Errorf("operate: %v", err)
		}
	}
	if n := s.count(http.MethodPut); n != 3 {
		t.Errorf("three operations arrived %d times", n)
	}
}

// TestPutIsNeverResent makes the pooled transport carry a PUT over connections
// that break: even there net/http cannot send it again, for want of GetBody.
func TestPutIsNeverResent(t *testing.T) {
	s := &idleBreaks{served: map[string]bool{}, arrived: map[string]int{}}
	c := serve(t, s.ServeHTTP)
	c.writes = c.reads
	if _, err := c.Ticket(t.Context(), caller, ticketID); err != nil {
		t.Fatal(err)
	}
	_, err := operate(t.Context(), c)
	if e := asError(t, err); e.Kind != KindTransport || e.Delivered() != DeliveredUnknown {
		t.Errorf("got %#v", e)
	}
	if n := s.count(http.MethodPut); n != 1 {
		t.Errorf("the operation arrived %d times, want once", n)
	}
}

func TestHTTP2(t *testing.T) {
	var arrived atomic.Int32
	broken := counted(&arrived, func(_ http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("the request came by %s", r.Proto)
		}
		panic(http.ErrAbortHandler) // resets the stream
	})
	for name, h := range map[string]http.HandlerFunc{"answers": counted(&arrived, says(200, `{"data":null}`)), "breaks": broken} {
		t.Run(name, func(t *testing.T) {
			arrived.Store(0)
			s := httptest.NewUnstartedServer(h)
			s.EnableHTTP2 = true
			s.Config.ErrorLog = silent
			s.StartTLS()
			t.Cleanup(s.Close)
			c := connect(t, s.URL)
			trusted := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
			c.ready.tls.RootCAs = trusted
			_, err := operate(t.Context(), c)
			if name == "breaks" {
				if e := asError(t, err); e.Kind != KindTransport || e.Delivered() != DeliveredUnknown {
					t.Errorf("got %#v", e)
				}
			} else if err != nil {
				t.Error(err)
			}
			if n := arrived.Load(); n != 1 {
				t.Errorf("the operation arrived %d times, want once", n)
			}
		})
	}
}

// contextIn is a context that ends at once, if anything waits under it.
func contextIn(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), time.Millisecond)
}
