package web

import (
	"errors"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"coc-console/handlers"
	"coc-console/internal/forwarded"
)

// TestRoutes holds who may call what. A new route has to be put here, too: its
// access is a decision.
func TestRoutes(t *testing.T) {
	t.Parallel()
	want := map[string]access{
		"GET /": public, "POST /sign-out": public, "POST /language": public, "POST /theme": public, "POST /shortcuts": public,
		"GET /healthz": probe, "GET /readyz": probe, "GET /metrics": fromMachine,
		"GET /sign-in": overSafeTransport, "POST /sign-in": overSafeTransport,
		"POST /sign-in/oidc": overSafeTransport, "GET /sign-in/oidc/callback": overSafeTransport, "GET /sign-in/oidc/sign-out": public,
		"GET /session": public, "GET /project": signedIn, "POST /project": signedIn, "POST /wrap": signedIn, "GET /counts/events": signedIn, "GET /approvals/events": signedIn, "GET /approvals/:id/events": signedIn, "GET /bulk/events": signedIn, "GET /bulk/:id/events": signedIn, "GET /shortcuts": signedIn, "GET /design": signedIn, "GET /tickets": signedIn, "GET /tickets/:execute_uuid": signedIn,
		"GET /tickets/events": signedIn, "GET /tickets/next": signedIn, "GET /tickets/suggest": signedIn, "POST /tickets/seen": signedIn, "POST /tickets/views": signedIn, "POST /tickets/views/delete": signedIn,
		"GET /tickets/:execute_uuid/events": signedIn, "GET /tickets/:execute_uuid/hosts.txt": signedIn, "GET /tickets/:execute_uuid/instances.csv": signedIn,
		"POST /tickets/:execute_uuid/instances/:id/mark": signedIn, "GET /tickets/:execute_uuid/presence/events": signedIn,
		"GET /tickets/:execute_uuid/compare":       signedIn,
		"GET /tickets/:execute_uuid/instances/:id": signedIn, "GET /tickets/:execute_uuid/instances/:id/log": signedIn,
		"GET /tickets/:execute_uuid/operations/new": signedIn, "POST /tickets/:execute_uuid/operations": signedIn,
		"GET /operations/:id": signedIn, "GET /audit": signedIn, "GET /audit/export": signedInNow, "GET /audit/:sequence": signedIn,
		"GET /audit/checkpoint": signedIn, "GET /audit/timeline": signedIn, "GET /audit/suggest": signedIn,
		"POST /audit/searches": signedIn, "POST /audit/searches/delete": signedIn, "GET /audit/:sequence/bytes": signedIn, "GET /audit/:sequence/proof": signedIn,
		"GET /approvals": signedIn, "GET /approvals/:id": signedIn, "POST /approvals/:id": signedInNow,
		"GET /elevations": signedIn, "POST /elevations": signedInNow,
		"GET /me/permissions": signedIn, "GET /policies/change": signedIn, "POST /policies/change": signedInNow, "GET /notices": signedIn, "POST /notices": signedInNow, "GET /sessions": signedIn, "POST /sessions": signedInNow,
		"GET /handover": signedIn, "GET /handover.md": signedIn, "POST /handover": signedInNow, "POST /handover/note": signedInNow,
		"GET /audit/integrity": signedIn, "POST /audit/integrity": signedInNow,
		"GET /audit/report": signedIn, "GET /audit/incident": signedIn, "GET /audit/review": signedIn, "POST /audit/review": signedInNow, "GET /reviews": public, "POST /reviews": public,
		"GET /bulk": signedIn, "GET /bulk/new": signedIn, "POST /bulk": signedInNow, "GET /bulk/:id": signedIn, "POST /bulk/:id": signedInNow,
		"GET /bulk/:id/result.csv": signedInNow,
		"GET /jobs":                public, "GET /jobs/new": public, "POST /jobs": public, "GET /jobs/:id": public, "POST /jobs/:id": public,
		"GET /jobs/:id/result.csv": public, "GET /audit/story": public, "GET /audit/complete": public,
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
	free := map[string]binding{"POST /sign-in": unbound, "POST /sign-in/oidc": unbound, "POST /language": unbound, "POST /theme": unbound, "POST /shortcuts": unbound,
		"POST /jobs": unbound, "POST /jobs/:id": unbound, "POST /reviews": unbound, "POST /sign-out": boundIfThere, "POST /tickets/seen": boundIfThere, "POST /tickets/views": boundIfThere, "POST /tickets/views/delete": boundIfThere,
		"POST /project": boundIfThere, "POST /wrap": boundIfThere, "POST /audit/searches": boundIfThere, "POST /audit/searches/delete": boundIfThere}
	for _, r := range routes(&handlers.Handlers{}, NewMetrics()) {
		if want := free[r.method+" "+r.path]; r.person != want {
			t.Errorf("%s %s asks for the person by %d, want %d", r.method, r.path, r.person, want)
		}
		if r.method == http.MethodPost && r.person == bound && r.retry == nil {
			t.Errorf("%s cannot show its form again", r.path)
		}
	}
	if bound != binding(0) {
		t.Error("a form without a binding must need its person")
	}
	if signedIn != access(0) {
		t.Error("a route without access must need a session")
	}
}

// TestMovedAddresses: those of the release before lead to where the page is now.
func TestMovedAddresses(t *testing.T) {
	t.Parallel()
	e := echo.New()
	for _, r := range movedRoutes() {
		e.Add(r.method, r.path, r.handler)
	}
	for _, tt := range []struct{ method, from, to string }{
		{http.MethodGet, "/jobs", "/bulk"},
		{http.MethodGet, "/jobs/new?operation_type=PAUSE_ORDER&target=a%26b", "/bulk/new?operation_type=PAUSE_ORDER&target=a%26b"},
		{http.MethodPost, "/jobs", "/bulk"},
		{http.MethodGet, "/jobs/a%2Fb", "/bulk/a%2Fb"},
		{http.MethodPost, "/jobs/K5", "/bulk/K5"},
		{http.MethodGet, "/reviews?operation=k&comment=c", "/audit/review?operation=k&comment=c"},
		{http.MethodPost, "/reviews", "/audit/review"},
		{http.MethodGet, "/jobs/K5/result.csv", "/bulk/K5/result.csv"},
		{http.MethodGet, "/audit/story?ticket=x&before=7", "/audit/timeline?ticket=x&before=7"},
		{http.MethodGet, "/audit/complete?field=actor&prefix=", "/audit/suggest?field=actor&prefix="},
		{http.MethodGet, "http://elsewhere.example/jobs", "/bulk"},
	} {
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), tt.method, tt.from, http.NoBody))
		if got := w.Header().Get("Location"); w.Code != http.StatusPermanentRedirect || got != tt.to {
			t.Errorf("%s %s: %d to %q, want %q", tt.method, tt.from, w.Code, got, tt.to)
		}
	}
}

func TestSafeToSignIn(t *testing.T) {
	t.Parallel()
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
			if got := (&server{proxies: &forwarded.Proxies{}}).safeToSignIn(echo.New().NewContext(r, httptest.NewRecorder())); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// TestPolicyNamesNothingUnsafe guards the content security policy.
func TestPolicyNamesNothingUnsafe(t *testing.T) {
	t.Parallel()
	for part := range strings.SplitSeq(policy, ";") {
		if strings.Contains(part, "unsafe") || strings.Contains(part, "*") || strings.Contains(part, "http") || strings.Contains(part, "data:") {
			t.Errorf("%q", part)
		}
	}
}

// TestAnswerThatBreaksOff: the reader's browser must notice half an export.
func TestAnswerThatBreaksOff(t *testing.T) {
	t.Parallel()
	s := &server{Config: Config{Logger: slog.New(slog.DiscardHandler)}}
	e := echo.New()
	e.HTTPErrorHandler = s.errorHandler
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
	t.Parallel()
	s := &server{Config: Config{Logger: slog.New(slog.DiscardHandler)}}
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
