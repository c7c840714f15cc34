package simulator

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// world is a simulator behind a real server, and a client of its own.
type world struct {
	*Simulator
	clock  *clock
	t      testing.TB
	url    string
	client *http.Client
}

func newWorld(t testing.TB, cfg Config) *world {
	t.Helper()
	c := newClock()
	cfg.Now = c.now
	s := New(cfg)
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &world{s, c, t, server.URL, client}
}

// reply is what came back.
type reply struct {
	status int
	header http.Header
	body   string
	err    error
}

func (w *world) send(method, path, body string, header map[string]string) reply {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	res, err := w.client.Do(req)
	if err != nil {
		return reply{err: err}
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, string(b), err}
}

// signIn returns the token of a demo user.
func (w *world) signIn(user string) string {
	w.t.Helper()
	r := w.send(http.MethodPost, "/v3/auth/tokens", signInJSON(user, user, `"scope":{"project":{"name":"cn-north-4"}}`, ""), nil)
	if r.status != http.StatusCreated {
		w.t.Fatalf("sign-in of %s: %d %s", user, r.status, r.body)
	}
	return r.header.Get("X-Subject-Token")
}

func signInJSON(user, password, scope, passcode string) string {
	methods, totp := `["password"]`, ""
	if passcode != "" {
		methods = `["password","totp"]`
		totp = `,"totp":{"user":` + passcode + `}`
	}
	if scope != "" {
		scope = "," + scope
	}
	return `{"auth":{"identity":{"methods":` + methods + `,"password":{"user":{"name":"` + user + `","password":"` + password +
		`","domain":{"name":"demo"}}}` + totp + `}` + scope + `}}`
}

func (w *world) step(d time.Duration) { w.clock.step(d) }

// get reads a page of COC into v.
func (w *world) get(token, path string, v any) {
	w.t.Helper()
	r := w.send(http.MethodGet, path, "", map[string]string{"X-Auth-Token": token})
	if r.status != http.StatusOK {
		w.t.Fatalf("GET %s: %d %s", path, r.status, r.body)
	}
	d := json.NewDecoder(bytes.NewReader([]byte(r.body)))
	d.DisallowUnknownFields()
	if err := d.Decode(&struct {
		Data any `json:"data"`
	}{v}); err != nil {
		w.t.Fatalf("GET %s: %v", path, err)
	}
}
