package web

import (
	"errors"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"coc-console/handlers"
)

// TestRoutes holds who may call what. A new route has to be put here, too: its
// access is a decision.
func TestRoutes(t *testing.T) {
	want := map[string]access{
		"GET /": public, "POST /sign-out": public, "POST /language": public, "POST /theme": public, "POST /shortcuts": public,
		"GET /healthz": public, "GET /readyz": public, "GET /metrics": fromMachine,
		"GET /sign-in": overSafeTransport, "POST /sign-in": overSafeTransport,
		"GET /shortcuts": signedIn, "GET /design": signedIn, "GET /tickets": signedIn, "GET /tickets/:execute_uuid": signedIn,
		"GET /tickets/events": signedIn, "POST /tickets/seen": signedIn, "POST /tickets/views": signedIn, "POST /tickets/views/delete": signedIn,
		"GET /tickets/:execute_uuid/events": signedIn, "GET /tickets/:execute_uuid/hosts.txt": signedIn, "GET /tickets/:execute_uuid/instances.csv": signedIn,
		"GET /tickets/:execute_uuid/instances/:id": signedIn, "GET /tickets/:execute_uuid/instances/:id/log": signedIn,
		"GET /tickets/:execute_uuid/operations/new": signedIn, "POST /tickets/:execute_uuid/operations": signedIn,
		"GET /operations/:id": signedIn, "GET /audit": signedIn, "GET /audit/export": signedIn, "GET /audit/:sequence": signedIn,
		"GET /audit/checkpoint": signedIn, "GET /audit/story": signedIn, "GET /audit/complete": signedIn,
		"POST /audit/searches": signedIn, "POST /audit/searches/delete": signedIn, "GET /audit/:sequence/bytes": signedIn, "GET /audit/:sequence/proof": signedIn,
		"GET /approvals": signedIn, "GET /approvals/:id": signedIn, "POST /approvals/:id": signedIn,
		"GET /reviews": signedIn, "POST /reviews": signedIn,
		"GET /jobs": signedIn, "GET /jobs/new": signedIn, "POST /jobs": signedIn, "GET /jobs/:id": signedIn, "POST /jobs/:id": signedIn,
		"GET /jobs/:id/result.csv": signedIn,
	}
	got := map[string]access{}
	for _, r := range routes(&handlers.Handlers{}, NewMetrics()) {
		name := r.method + " " + r.path
		if _, twice := got[name]; twice {
			t.Errorf("%s is there twice", name)
		}
		got[name] = r.access
		if a, known := want[name]; !known || a != r.access {
			t.Errorf("%s has access %d, want %d (known: %v)", name, r.access, a, known)
		}
		if !slices.Contains([]string{http.MethodGet, http.MethodPost}, r.method) {
			t.Errorf("%s: forms can only GET and POST", name)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d routes, want %d", len(got), len(want))
	}
	if signedIn != access(0) {
		t.Error("a route without access must need a session")
	}
}

func TestSafeToSignIn(t *testing.T) {
	for _, tt := range []struct {
		name, host, peer, header string
		want                     bool
	}{
		{"loopback", "127.0.0.1:8080", "127.0.0.1:5000", "", true},
		{"loopback without port", "localhost", "127.0.0.1:5000", "", true},
		{"IPv6", "[::1]:8080", "[::1]:5000", "", true},
		{"from elsewhere", "127.0.0.1:8080", "192.0.2.7:5000", "", false},
		{"under another name", "console.example", "127.0.0.1:5000", "", false},
		{"a name that only begins well", "localhost.example", "127.0.0.1:5000", "", false},
		{"through a proxy on the machine", "127.0.0.1:8080", "127.0.0.1:5000", "X-Forwarded-For", false},
		{"through another", "127.0.0.1:8080", "127.0.0.1:5000", "Via", false},
		{"a peer that is none", "127.0.0.1:8080", "@", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/sign-in", http.NoBody)
			r.Host, r.RemoteAddr = tt.host, tt.peer
			if tt.header != "" {
				r.Header.Set(tt.header, "x")
			}
			if got := safeToSignIn(echo.New().NewContext(r, httptest.NewRecorder())); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestTrusts(t *testing.T) {
	s := &server{Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8")}}}
	for remote, want := range map[string]bool{
		"10.1.2.3:1": true, "[::ffff:10.1.2.3]:1": true, "[fd00::1]:1": true, "10.2.2.3:1": false, "[fe80::1]:1": false, "10.1.2.3": false, "": false,
	} {
		if got := s.trusts(remote); got != want {
			t.Errorf("%q: got %v, want %v", remote, got, want)
		}
	}
}

// TestPolicyNamesNothingUnsafe guards the content security policy.
func TestPolicyNamesNothingUnsafe(t *testing.T) {
	for part := range strings.SplitSeq(policy, ";") {
		if strings.Contains(part, "unsafe") || strings.Contains(part, "*") || strings.Contains(part, "http") || strings.Contains(part, "data:") {
			t.Errorf("%q", part)
		}
	}
}

// TestAnswerThatBreaksOff: the reader's browser must notice half an export.
func TestAnswerThatBreaksOff(t *testing.T) {
	s := &server{Config{Logger: slog.New(slog.DiscardHandler)}}
	e := echo.New()
	e.HTTPErrorHandler = s.fail
	e.Use(s.log, s.recover)
	e.GET("/", func(c echo.Context) error {
		c.Response().WriteHeader(http.StatusOK)
		_, err := c.Response().Write([]byte("half"))
		c.Response().Flush()
		return errors.Join(err, errors.New("the other half is missing"))
	})
	server := httptest.NewUnstartedServer(e)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if text, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("%q looks like a whole answer", text)
	}
}

func TestPanicsAreErrors(t *testing.T) {
	s := &server{Config{Logger: slog.New(slog.DiscardHandler)}}
	c := echo.New().NewContext(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody), httptest.NewRecorder())
	err := s.recover(func(echo.Context) error { panic("oh") })(c)
	if err == nil || !strings.Contains(err.Error(), "oh") || !strings.Contains(err.Error(), "routes_test.go") {
		t.Errorf("the error is %v", err)
	}
	defer func() {
		if err, ok := recover().(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
			t.Error("net/http's own way of breaking off is lost")
		}
	}()
	_ = s.recover(func(echo.Context) error { panic(http.ErrAbortHandler) })(c)
}
