package web_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/internal/database"
	"coc-console/internal/i18n"
	"coc-console/internal/simulator"
)

// pages are addresses of every kind of answer to GET, for a signed-in reader.
func (c *console) pages(receipt string) []string {
	return []string{"/", "/sign-in", "/tickets", "/tickets?name=none", "/tickets?find=x", c.ticket("abnormal"), c.ticket("running") + "?batch=2",
		c.ticket("running") + "/instances/1001", c.ticket("finished") + "/instances/3001", c.ticket("finished") + "/instances/3001/log",
		c.newOperation("running", "operation_type=CANCEL_INSTANCE&instance_id=1001"), c.newOperation("abnormal", "operation_type=SKIP_BATCH&batch_index=2"),
		c.newOperation("abnormal", "operation_type=x"), receipt, "/audit", "/audit/1", "/audit/export", "/healthz", "/readyz",
		"/nowhere", "/tickets/x", "/tickets/" + unknownTicket, "/tickets?from=x", "/audit/99999", "//", "/static/", "/static/x/none.js"}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	nobody := c.browser(t, i18n.EnUS)
	receipt := b.apply(c.newOperation("running", "operation_type=PAUSE_ORDER"), "").location()
	b.settled(receipt)
	check := func(p page) {
		t.Helper()
		h := p.Header
		for _, name := range []string{"X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Permissions-Policy",
			"Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy"} {
			if h.Get(name) == "" {
				t.Errorf("%s %s %d: no %s", p.Request.Method, p.Request.URL, p.StatusCode, name)
			}
		}
		csp := h.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'",
			"form-action 'self'", "require-trusted-types-for 'script'", "trusted-types coc-console"} {
			if !strings.Contains(csp, part) {
				t.Errorf("%s %s %d: the policy lacks %q", p.Request.Method, p.Request.URL, p.StatusCode, part)
			}
		}
		if strings.Contains(csp, "unsafe") {
			t.Errorf("the policy is %q", csp)
		}
		if !strings.HasPrefix(p.Request.URL.Path, "/static/") && (h.Get("Cache-Control") != "no-store" || len(h.Get("X-Request-Id")) != 26) {
			t.Errorf("%s %s %d: Cache-Control %q, X-Request-Id %q", p.Request.Method, p.Request.URL, p.StatusCode, h.Get("Cache-Control"), h.Get("X-Request-Id"))
		}
		if h.Get("Server") != "" || h.Get("Strict-Transport-Security") != "" {
			t.Errorf("%s %s: headers that do not belong there: %v", p.Request.Method, p.Request.URL, h)
		}
	}
	for _, path := range c.pages(receipt) {
		for _, who := range []*browser{b, nobody} {
			check(who.get(path))
			for _, method := range []string{http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodTrace, "BREW"} {
				check(who.do(method, path, nil))
			}
			check(who.post(path, url.Values{"x": {"y"}}))
			check(who.post(path, url.Values{"x": {"y"}}, with("Sec-Fetch-Site", "cross-site")))
		}
	}
}

// TestHead: every address that answers GET answers HEAD, with the same status
// and headers and no body.
func TestHead(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	receipt := b.apply(c.newOperation("running", "operation_type=PAUSE_ORDER"), "").location()
	b.settled(receipt)
	for _, path := range c.pages(receipt) {
		get, head := b.get(path), b.do(http.MethodHead, path, nil)
		if get.StatusCode != head.StatusCode || head.body != "" || get.Header.Get("Content-Type") != head.Header.Get("Content-Type") ||
			get.Header.Get("Location") != head.Header.Get("Location") {
			t.Errorf("%s: GET %d %q, HEAD %d %q with %d bytes", path, get.StatusCode, get.Header.Get("Content-Type"),
				head.StatusCode, head.Header.Get("Content-Type"), len(head.body))
		}
	}
	if n := len(c.records(audit.ActionAuditExported)); n != 1 {
		t.Errorf("%d exports in the log, want 1: HEAD exports nothing", n)
	}
}

func TestUnknownMethods(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodTrace, "BREW"} {
		p := b.do(method, "/tickets", nil)
		b.want(p, http.StatusMethodNotAllowed, i18n.For(i18n.EnUS).Problem.Method.Heading)
		if allow := p.Header.Get("Allow"); !strings.Contains(allow, "GET") || !strings.Contains(allow, "HEAD") {
			t.Errorf("Allow is %q", allow)
		}
	}
	b.want(b.get("/sign-out"), http.StatusMethodNotAllowed)
	b.want(b.get("/tickets"), http.StatusOK)
}

func TestOpenRedirects(t *testing.T) {
	t.Parallel()
	c := start(t)
	for _, to := range []string{"https://evil.example/", "//evil.example/", "/\\evil.example/", "\\\\evil.example", "http:evil.example", "javascript:alert(1)",
		"evil.example", "/\t/evil.example", "\t//evil.example", " //evil.example", "/\r\nSet-Cookie: x=y", "///evil.example", "https:/evil.example",
		"http://evil.example\\@127.0.0.1/", "//evil.example@127.0.0.1/", "/" + strings.Repeat("x", 40<<10), "\x00//evil.example", ""} {
		b := c.browser(t, i18n.EnUS)
		in := credentials("operator")
		in.Set("return", to)
		answers := map[string]page{
			"language": b.post("/language", url.Values{"language": {"en-us"}, "return": {to}}),
			"theme":    b.post("/theme", url.Values{"theme": {"dark"}, "return": {to}}),
			"sign-in":  b.post("/sign-in", in),
			"signed":   b.get("/sign-in?return=" + url.QueryEscape(to)),
		}
		for name, p := range answers {
			if p.StatusCode != http.StatusSeeOther || p.location() != "/" {
				t.Errorf("%s with %.40q: %d to %q", name, to, p.StatusCode, p.location())
			}
		}
		fresh := c.browser(t, i18n.EnUS)
		if p := fresh.get("/sign-in?return=" + url.QueryEscape(to)); strings.Contains(p.body, "evil.example") {
			t.Errorf("%q is in the page", to)
		}
	}
	b := c.browser(t, i18n.EnUS)
	for _, to := range []string{"/", "/tickets?name=%2F%2Fx", "/audit/1", "/a?u=https://b.example/"} {
		if p := b.post("/theme", url.Values{"theme": {"dark"}, "return": {to}}); p.location() != to {
			t.Errorf("%q becomes %q", to, p.location())
		}
	}
}

func TestForwardedHeaders(t *testing.T) {
	t.Parallel()
	local := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	elsewhere := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for _, tt := range []struct {
		name    string
		trusted []netip.Prefix
		headers map[string]string
		status  int
		address string // of the reader, in the log
	}{
		{"direct", nil, nil, 303, "127.0.0.1"},
		{"a forged address", nil, map[string]string{"X-Forwarded-For": "203.0.113.9"}, 403, ""},
		{"a forged protocol", nil, map[string]string{"X-Forwarded-Proto": "https"}, 403, ""},
		{"from a proxy that is not named", elsewhere, map[string]string{"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}, 403, ""},
		{"from a named proxy", local, map[string]string{"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}, 303, "203.0.113.9"},
		{"from a named proxy, with a forged part", local, map[string]string{"X-Forwarded-For": "8.8.8.8, 203.0.113.9", "X-Forwarded-Proto": "https"}, 303, "203.0.113.9"},
		{"from a named proxy, with garbage", local, map[string]string{"X-Forwarded-For": "<b>", "X-Forwarded-Proto": "https"}, 303, "unknown"},
		{"from a named proxy, another way of naming it", local, map[string]string{"X-Real-Ip": "203.0.113.9", "X-Forwarded-Proto": "https"}, 303, "unknown"},
		{"a named proxy that adds nothing", local, nil, 403, ""},
		{"a named proxy without TLS", local, map[string]string{"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http"}, 403, ""},
		{"plain http from elsewhere", nil, map[string]string{"Host": "console.example"}, 403, ""},
		{"plain http to another address", nil, map[string]string{"Host": "192.0.2.1:8080"}, 403, ""},
		{"localhost", nil, map[string]string{"Host": "localhost:8080"}, 303, "127.0.0.1"},
		{"IPv6", nil, map[string]string{"Host": "[::1]:8080"}, 303, "127.0.0.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := start(t, func(s *settings) { s.trusted = tt.trusted })
			b := c.browser(t, i18n.ZhCN)
			change := func(r *http.Request) {
				for name, value := range tt.headers {
					r.Header.Set(name, value)
				}
				if host := tt.headers["Host"]; host != "" {
					r.Host = host
				}
			}
			p := b.post("/sign-in", credentials("operator"), change)
			b.want(p, tt.status)
			if tt.status != http.StatusSeeOther {
				b.want(p, tt.status, i18n.For(i18n.ZhCN).Problem.Insecure.Heading)
				b.want(b.get("/sign-in", change), tt.status, i18n.For(i18n.ZhCN).Problem.Insecure.Heading)
				if n := c.sim.Calls(simulator.CallSignIn); n != 0 {
					t.Error("the password went on to IAM")
				}
				if !strings.Contains(c.output.String(), "came over plain http") {
					t.Errorf("the log doesn't say why: %s", c.output.String())
				}
				return
			}
			if got := c.only(audit.ActionSessionSignedIn).Origin.Address; got != tt.address {
				t.Errorf("the address is %q, want %q", got, tt.address)
			}
		})
	}
}

func TestGzip(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	b.client.Transport = &http.Transport{DisableCompression: true}
	t.Cleanup(b.client.CloseIdleConnections)
	for path, want := range map[string]string{"/tickets": "gzip", "/audit": "gzip", "/healthz": ""} {
		p := b.get(path, with("Accept-Encoding", "gzip"))
		if got := p.Header.Get("Content-Encoding"); got != want || !strings.Contains(p.Header.Get("Vary"), "Accept-Encoding") {
			t.Errorf("%s: Content-Encoding %q, Vary %q", path, got, p.Header.Get("Vary"))
		}
		if plain := b.get(path); plain.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s is compressed for who cannot read it", path)
		}
	}
}

// TestSecretsStayInside goes through all pages and failures, and then looks for
// the token, the password, the passcode and the values of the script's
// parameters in everything that the console has written.
func TestSecretsStayInside(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		secretsStayInside(t)
	})
	t.Run("postgresql", func(t *testing.T) {
		if t.Parallel(); testing.Short() {
			t.Skip("the same pages as on SQLite")
		}
		secretsStayInside(t, func(s *settings) { s.dsn = audittest.Postgres(t) })
	})
}

const (
	secretPassword = "correct-horse-battery"
	secretPasscode = "shownbythedevice" // dashes and blanks of a passcode are folded
	secretParam    = "value-of-the-parameter"
)

// withSecrets gives everybody the password, the manager a device for
// passcodes, and every ticket parameters.
func withSecrets(s *settings) {
	s.accounts = simulator.DemoAccounts()
	for i := range s.accounts[0].Users {
		u := &s.accounts[0].Users[i]
		if u.Password = secretPassword; u.Name == "manager" {
			u.Passcode = secretPasscode
		}
	}
	for i := range s.tickets {
		s.tickets[i].Params = []simulator.ParamSpec{{Name: "plain", Value: secretParam}, {Name: "masked", Value: "masked-" + secretParam, Sensitive: true}}
	}
}

func secretsStayInside(t *testing.T, change ...func(*settings)) {
	c := start(t, append(change, quick, withSecrets)...)
	var seen bytes.Buffer
	keep := func(p page) page {
		must(t, p.Header.Write(&seen))
		seen.WriteString(p.body)
		return p
	}
	b := c.browser(t, i18n.EnUS)
	in := credentials("manager")
	in.Set("password", secretPassword)
	keep(b.post("/sign-in", in)) // asks for the passcode
	in.Set("passcode", "not "+secretPasscode)
	keep(b.post("/sign-in", in))
	in.Set("passcode", secretPasscode)
	b.want(keep(b.post("/sign-in", in)), http.StatusSeeOther)
	b.want(b.get(c.ticket("running")), http.StatusOK, secretParam)
	token := c.upstream.header("X-Auth-Token")
	cookie := b.cookie()
	if len(token) < 1000 || len(cookie) < 40 {
		t.Fatalf("no secrets to look for: %d, %d", len(token), len(cookie))
	}
	receipt := keep(b.apply(c.newOperation("running", "operation_type=PAUSE_ORDER"), "")).location()
	b.settled(receipt)
	for _, path := range c.pages(receipt) {
		keep(b.get(path))
	}
	for _, f := range faults(nil)[:9] {
		var removes []func()
		for kind, secret := range map[simulator.CallKind]string{
			simulator.AnyCOCCall: token, simulator.CallIntrospect: token, simulator.CallSignIn: secretPassword + secretPasscode} {
			fault := f.fault
			fault.Kind = kind
			if fault.Effect == simulator.Refuse {
				fault.Message = "you sent " + secret // as a proxy may
			}
			removes = append(removes, c.sim.Inject(fault))
		}
		for _, path := range c.pages(receipt) {
			keep(b.get(path))
		}
		other := c.browser(t, i18n.EnUS)
		keep(other.post("/sign-in", in))
		keep(other.post("/sign-in", url.Values{"token": {token}}))
		for _, remove := range removes {
			remove()
		}
	}
	export := b.get("/audit/export")
	b.want(export, http.StatusOK, "running_check")
	c.sim.Revoke("manager")
	keep(b.get("/tickets"))
	keep(c.browser(t, i18n.EnUS).post("/sign-in", url.Values{"token": {token}}))

	places := map[string][]byte{"the process's log": []byte(c.output.String()), "an answer": seen.Bytes(), "the databases": databases(t, c),
		"the export": []byte(export.body)}
	for _, r := range c.records() {
		places["the log"] = append(places["the log"], []byte(strings.Join([]string{r.Detail, r.Upstream.Message, r.Reason, r.Target}, " "))...)
	}
	for where, text := range places {
		for name, secret := range map[string]string{"token": token[:60], "end of the token": token[len(token)-60:], "password": secretPassword,
			"passcode": secretPasscode, "parameter": secretParam} {
			if name == "parameter" && where == "an answer" {
				continue // the ticket's page shows it
			}
			if bytes.Contains(text, []byte(secret)) || bytes.Contains(text, []byte(hex.EncodeToString([]byte(secret)))) {
				t.Errorf("the %s is in %s", name, where)
			}
		}
	}
	for where, text := range places {
		if where != "an answer" && bytes.Contains(text, []byte(cookie)) {
			t.Errorf("the cookie's id is in %s", where)
		}
	}
}

// databases returns all files of the data folder, or all rows of the schema.
func databases(t *testing.T, c *console) []byte {
	t.Helper()
	if database.IsPostgres(c.dsn) {
		return schema(t, c)
	}
	files, err := os.ReadDir(c.dsn)
	must(t, err)
	var all []byte
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(c.dsn, f.Name()))
		must(t, err)
		all = append(all, text...)
	}
	if !bytes.Contains(all, []byte("session.signed_in")) {
		t.Fatal("these are not the databases")
	}
	return all
}

// TestBrowserGoesAway: a reader who does not wait is no error of the console.
func TestBrowserGoesAway(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	hold := make(chan struct{})
	remove := c.sim.Inject(simulator.Fault{Kind: simulator.CallListTickets, Effect: simulator.Slow, Hold: hold})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/tickets", http.NoBody)
	must(t, err)
	res, err := b.client.Do(r)
	if err == nil {
		_ = res.Body.Close()
		t.Fatal("there is an answer")
	}
	remove()
	close(hold)
	b.want(b.get("/tickets"), http.StatusOK)
	if strings.Contains(c.output.String(), `"level":"ERROR"`) {
		t.Errorf("it is logged as an error:\n%s", c.output.String())
	}
}

// schema returns all rows, with their bytes as hexadecimal digits.
func schema(t *testing.T, c *console) []byte {
	t.Helper()
	var all, rows string
	must(t, c.db.Read.QueryRowContext(t.Context(), `SELECT string_agg('SELECT row_to_json(x)::text AS row FROM ' || quote_ident(table_name) || ' x', ' UNION ALL ')
		FROM information_schema.tables WHERE table_schema = current_schema()`).Scan(&all))
	must(t, c.db.Read.QueryRowContext(t.Context(), `SELECT string_agg(row, ' ') FROM (`+all+`) y`).Scan(&rows))
	if !strings.Contains(rows, hex.EncodeToString([]byte(audit.ActionSessionSignedIn))) {
		t.Fatal("there is no log in the schema")
	}
	return []byte(rows)
}
