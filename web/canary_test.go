package web_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/internal/simulator"
)

// gossip stands before the simulator and repeats the secrets of every request
// in its answer: in each text, each header and in every form.
type gossip struct {
	next http.Handler
	mode atomic.Int32
}

// What a gossip does.
const (
	gossipNot int32 = iota
	gossipFields
	gossipError
	gossipPage
	gossipKeystone
	gossipEnd
)

func (g *gossip) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	mode := g.mode.Load()
	secret := r.Header.Get("X-Auth-Token")
	var body struct {
		Auth struct {
			Identity struct {
				Password struct {
					User struct{ Password string }
				}
				Totp struct{ User struct{ Passcode string } }
			}
		}
	}
	if r.Method == http.MethodPost {
		buffer := &bytes.Buffer{}
		_, _ = buffer.ReadFrom(r.Body)
		text := buffer.Bytes()
		r.Body = http.NoBody
		_ = json.Unmarshal(text, &body)
		secret = body.Auth.Identity.Password.User.Password + " " + body.Auth.Identity.Totp.User.Passcode
		r.Body = readCloser{bytes.NewReader(text)}
	}
	if mode == gossipNot || strings.TrimSpace(secret) == "" {
		g.next.ServeHTTP(w, r)
		return
	}
	all := secret + " " + url.QueryEscape(secret) + " " + strings.ReplaceAll(secret, "-", `\u002d`) + " " + html.EscapeString(secret)
	w.Header().Set("X-Request-Id", secret)
	w.Header().Set("Retry-After", all)
	quoted, _ := json.Marshal(all)
	switch mode {
	case gossipFields:
		inner := httptest.NewRecorder()
		g.next.ServeHTTP(inner, r)
		var v any
		if json.Unmarshal(inner.Body.Bytes(), &v) == nil {
			v = gossiped(v, all)
		}
		maps.Copy(w.Header(), inner.Header())
		w.Header().Set("X-Request-Id", all)
		w.Header().Del("Content-Length")
		w.WriteHeader(inner.Code)
		_ = json.NewEncoder(w).Encode(v)
	case gossipError:
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"error_code":%[1]s,"error_msg":%[1]s,"request_id":%[1]s}`, quoted)
	case gossipPage:
		_, _ = fmt.Fprintf(w, "<html>%s</html>", all)
	case gossipKeystone:
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprintf(w, `{"error":{"code":%[1]s,"message":%[1]s,"title":%[1]s}}`, quoted)
	}
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

// gossiped puts the text behind what is shown of tickets, and leaves what the
// console needs to understand them.
func gossiped(v any, text string) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = gossiped(v[i], text)
		}
	case map[string]any:
		for name, value := range v {
			if s, ok := value.(string); ok && name != "status" && name != "execute_uuid" && name != "instance_status" && name != "rotation_strategy" && name != "expires_at" {
				v[name] = s + " " + text
				continue
			}
			v[name] = gossiped(value, text)
		}
	}
	return v
}

// TestNoSecretIsRepeated: whatever the upstream repeats, pages, headers, the
// console's log, the audit log's files and the metrics have none of it.
func TestNoSecretIsRepeated(t *testing.T) {
	t.Parallel()
	const password, passcode = "canary horse/battery+staple", "907153"
	g := &gossip{}
	accounts := simulator.DemoAccounts()
	for i := range accounts[0].Users {
		if u := &accounts[0].Users[i]; u.Name == "manager" || u.Name == "mfa" {
			u.Password = password
		}
	}
	c := start(t, func(s *settings) {
		s.accounts = accounts
		s.upstream = func(next http.Handler) http.Handler { g.next = next; return g }
	})
	b := c.browser(t, i18n.EnUS)
	in := changed(credentials("manager"), "password", password)
	b.want(b.post("/sign-in", in), http.StatusSeeOther)
	b.get(c.ticket("paused"))
	token := c.upstream.header("X-Auth-Token")
	if len(token) < 1000 {
		t.Fatal("no token was seen")
	}
	cookie := ""
	base, err := url.Parse(c.url)
	must(t, err)
	for _, found := range b.client.Jar.Cookies(base) {
		if strings.Contains(found.Name, "coc-console") && len(found.Value) > len(cookie) {
			cookie = found.Value
		}
	}
	form := b.form(b.get(c.newOperation("paused", "operation_type=CONTINUE_ORDER")))
	check := func(where, text string) {
		t.Helper()
		plain := strings.ToLower(html.UnescapeString(text))
		for name, secret := range map[string]string{"token": token[300:330], "its start": token[:40], "its end": token[len(token)-30:],
			"password": "canary horse", "escaped password": "canary+horse", "passcode": passcode, "session": cookie[:min(len(cookie), 30)]} {
			if at := strings.Index(plain, strings.ToLower(secret)); secret != "" && at >= 0 {
				t.Errorf("%s has the %s: …%.160s", where, name, text[max(0, min(at, len(text))-80):])
			}
		}
	}
	for mode := gossipFields; mode < gossipEnd; mode++ {
		g.mode.Store(mode)
		show := func(p page) {
			for name, values := range p.Header {
				if name != "Set-Cookie" {
					check(fmt.Sprintf("mode %d, header %s of %s", mode, name, p.Request.URL.Path), strings.Join(values, " "))
				}
			}
			check(fmt.Sprintf("mode %d, %s", mode, p.Request.URL.Path), p.body)
		}
		ticket := c.ticket("paused")
		c.clock.advance(1e12) // what was shared is read again
		for _, path := range []string{"/tickets", ticket, ticket + "/instances/2001", ticket + "/instances/2001/log", ticket + "/hosts.txt", ticket + "/instances.csv",
			c.newOperation("paused", "operation_type=PAUSE_ORDER"), "/audit", "/audit/export?format=jsonl", "/bulk", "/approvals", "/readyz", "/metrics"} {
			show(b.get(path))
		}
		show(b.post(ticket+"/operations", form))
		stranger := c.browser(t, i18n.ZhCN)
		show(stranger.post("/sign-in", in))
		show(stranger.post("/sign-in", changed(credentials("mfa"), "password", password, "passcode", passcode)))
		show(stranger.post("/sign-in", url.Values{"mode": {"token"}, "token": {token}}))
	}
	check("the console's log", c.output.String())
	must(t, c.log.Close())
	files, err := filepath.Glob(filepath.Join(c.dsn, "*.db*"))
	must(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		check(filepath.Base(file), string(text))
	}
	if len(files) < 3 {
		t.Errorf("there are only %q", files)
	}
}

// TestWhyServicesAreNotReached: the page, the log, /readyz and the metrics say
// why.
func TestWhyServicesAreNotReached(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		var portal atomic.Bool
		c := start(t, func(s *settings) {
			s.upstream = func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if !portal.Load() {
						next.ServeHTTP(w, r)
						return
					}
					http.Redirect(w, r, "https://portal.example/login", http.StatusFound)
				})
			}
		})
		b := c.signedIn(t, "operator", language)
		b.want(b.get("/readyz"), http.StatusOK, "iam: ok", "coc: ok")
		gauges := func(want string) {
			t.Helper()
			if p := b.get("/metrics"); !strings.Contains(p.body, want) {
				t.Errorf("the metrics have no %s", want)
			}
		}
		gauges(`coc_console_upstream_reachable{service="coc"} 1`)
		portal.Store(true)
		b.want(b.post("/sign-in", credentials("operator")), http.StatusBadGateway, texts.Problem.UpstreamReason.Portal)
		b.want(b.get(c.ticket("paused")+"/instances/2001"), http.StatusBadGateway, texts.Problem.UpstreamReason.Portal)
		b.want(b.get("/readyz"), http.StatusOK, "ready\n", "iam: warning portal: ", "coc: warning portal: ", "last answer ")
		gauges(`coc_console_upstream_reachable{service="coc"} 0`)
		gauges(`coc_console_upstream_reachable{service="iam"} 0`)
		for _, service := range []string{"iam", "coc"} {
			if !strings.Contains(c.output.String(), `"level":"WARN","msg":"service not reached","service":"`+service+`","reason":"portal"`) {
				t.Errorf("the log says nothing of %s", service)
			}
		}
		portal.Store(false)
		c.clock.advance(31e9)
		b.want(b.get("/readyz"), http.StatusOK, "iam: ok", "coc: ok")
		if n := len(c.records(audit.ActionSessionSignInFailed)); n != 1 {
			t.Errorf("%d records of failed sign-ins", n)
		}
	})
}
