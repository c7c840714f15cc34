package web_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/web"
)

// cookie returns the session's cookie as the browser has it.
func (b *browser) cookie() string {
	b.t.Helper()
	u, err := url.Parse(b.url)
	must(b.t, err)
	for _, c := range b.client.Jar.Cookies(u) {
		if strings.HasPrefix(c.Name, "coc-console-") && c.Name != "coc-console-sent" {
			return c.Value
		}
	}
	return ""
}

func (b *browser) setCookie(name, value string) {
	b.t.Helper()
	u, err := url.Parse(b.url)
	must(b.t, err)
	b.client.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

// setCookies returns an answer's cookies by name.
func setCookies(p page) map[string]*http.Cookie {
	found := map[string]*http.Cookie{}
	for _, c := range p.Cookies() {
		found[c.Name] = c
	}
	return found
}

func TestCookies(t *testing.T) {
	t.Parallel()
	local := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	for _, tt := range []struct {
		name    string
		trusted []netip.Prefix
		change  func(*http.Request)
		cookie  string
		secure  bool
	}{
		{"plain http on the machine", nil, func(*http.Request) {}, "coc-console-", false},
		{"behind a proxy with TLS", local, with("X-Forwarded-Proto", "https"), "__Host-coc-console-", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := start(t, func(s *settings) { s.trusted = tt.trusted })
			b := c.browser(t, i18n.EnUS)
			if name := c.sessions.CookieName(tt.secure); !strings.HasPrefix(name, tt.cookie) || len(name) < len(tt.cookie)+8 {
				t.Fatalf("the cookie is called %q", name)
			} else {
				tt.cookie = name
			}
			p := b.post("/sign-in", credentials("operator"), tt.change)
			b.want(p, http.StatusSeeOther)
			got := setCookies(p)[tt.cookie]
			if got == nil {
				t.Fatalf("the cookies are %v", p.Cookies())
			}
			if !got.HttpOnly || got.SameSite != http.SameSiteLaxMode || got.Path != "/" || got.Domain != "" || got.Secure != tt.secure ||
				got.MaxAge < 23*60*60 || got.MaxAge > 24*60*60 {
				t.Errorf("the cookie is %v", got)
			}
			if hsts := p.Header.Get("Strict-Transport-Security") != ""; hsts != tt.secure {
				t.Errorf("Strict-Transport-Security: %v", hsts)
			}
			held := func(r *http.Request) {
				tt.change(r)
				r.Header.Set("Cookie", tt.cookie+"="+got.Value)
			}
			b.client.Jar = nil
			b.want(b.get("/tickets", held), http.StatusOK)
			for _, form := range []struct{ path, name, value string }{{"/language", "language", "zh-cn"}, {"/theme", "theme", "dark"}} {
				p := b.post(form.path, url.Values{form.name: {form.value}}, held)
				b.want(p, http.StatusSeeOther)
				if k := setCookies(p)[form.name]; k == nil || k.Secure != tt.secure || !k.HttpOnly || k.SameSite != http.SameSiteLaxMode || k.Value != form.value {
					t.Errorf("the cookie is %v", k)
				}
			}
			out := setCookies(b.post("/sign-out", nil, held))[tt.cookie]
			if out == nil || out.MaxAge >= 0 || out.Value != "" || out.Secure != tt.secure {
				t.Errorf("at sign-out the cookie is %v", out)
			}
			b.want(b.get("/tickets", held), http.StatusSeeOther)
		})
	}
}

func TestCookiesThatOpenNothing(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		c := start(t)
		random := base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{9}, 32))
		deleted := c.signedIn(t, "operator", language)
		old := deleted.cookie()
		deleted.want(deleted.post("/sign-out", nil), http.StatusSeeOther)
		other := c.signedIn(t, "operator", language).cookie()
		moved := c.signedIn(t, "manager", language).cookie()
		// Another key cannot open the row of other, nor can a row under another's id.
		ctx := t.Context()
		must(t, exec(ctx, c, `UPDATE session SET sealed = (SELECT sealed FROM session ORDER BY created_at DESC LIMIT 1)
			WHERE created_at = (SELECT min(created_at) FROM session)`))
		for name, value := range map[string]string{
			"nothing": "", "garbage": "x", "markup": "<b>", "not base64": strings.Repeat("!", 43), "too long": strings.Repeat("A", 4000),
			"of nobody": random, "of a deleted session": old, "of a row that was moved": other,
		} {
			t.Run(name, func(t *testing.T) {
				b := c.browser(t, language)
				b.setCookie(c.sessions.CookieName(false), value)
				p := b.get("/tickets?status=ABNORMAL")
				b.want(p, http.StatusSeeOther)
				b.want(b.follow(p), http.StatusOK, texts.SignInProblem.Ended)
				form := fields("operation_type", "PAUSE_ORDER")(c)
				p = b.post(c.ticket("running")+"/operations", form)
				b.want(p, http.StatusSeeOther)
				if !strings.Contains(p.location(), url.QueryEscape(url.QueryEscape("because <b>"))) {
					t.Errorf("what was typed is lost: %s", p.location())
				}
				b.signIn("reader")
				b.want(b.get("/tickets"), http.StatusOK)
			})
		}
		b := c.browser(t, language)
		b.setCookie(c.sessions.CookieName(false), moved)
		b.want(b.get("/tickets"), http.StatusOK)
		c.sentNothing(t)
	})
}

func exec(ctx context.Context, c *console, sql string) error {
	_, err := c.db.Write.ExecContext(ctx, sql)
	return err
}

func TestSessionOfAnotherKey(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	other, err := web.NewSessions(web.SessionConfig{Write: c.db.Write, Read: c.db.Read, Key: bytes.Repeat([]byte{8}, web.KeySize),
		Idle: time.Hour, Now: c.clock.now})
	must(t, err)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	must(t, err)
	r.AddCookie(&http.Cookie{Name: other.CookieName(false), Value: b.cookie()})
	session, err := other.New(r, other.CookieName(false))
	if err != nil || !session.IsNew || len(session.Values) != 0 {
		t.Errorf("the session is %+v, %v", session, err)
	}
	if _, err := web.NewSessions(web.SessionConfig{Key: []byte("short")}); err == nil {
		t.Error("a short key is taken")
	}
}

func TestSessionIDChanges(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	first := b.cookie()
	b.signIn("manager")
	if b.cookie() == first {
		t.Error("the id is the same after another sign-in")
	}
	if n := rows(t, c, "session"); n != 1 {
		t.Errorf("%d sessions are there, want 1", n)
	}
	b.want(b.get("/audit"), http.StatusOK, i18n.For(i18n.EnUS).Audit.AllRecords)
	stolen := c.browser(t, i18n.EnUS)
	stolen.setCookie(c.sessions.CookieName(false), first)
	stolen.want(stolen.get("/tickets"), http.StatusSeeOther)
	in := c.records(audit.ActionSessionSignedIn)
	checkWho(t, in[0], "operator")
	checkWho(t, in[1], "manager")
	ended := c.only(audit.ActionSessionEnded)
	checkWho(t, ended, "operator")
	if in[0].Origin.Session == in[1].Origin.Session || ended.Origin.Session != in[0].Origin.Session {
		t.Errorf("sessions %q, %q, ended %q", in[0].Origin.Session, in[1].Origin.Session, ended.Origin.Session)
	}
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	p := b.follow(b.post("/sign-out", nil))
	b.want(p, http.StatusOK, i18n.For(i18n.EnUS).Notice.SignedOut)
	if n := rows(t, c, "session"); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
	if b.cookie() != "" {
		t.Error("the cookie is left")
	}
	checkWho(t, c.only(audit.ActionSessionSignedOut), "operator")
	b.want(b.post("/sign-out", nil), http.StatusSeeOther) // twice is no error, and no record
	c.only(audit.ActionSessionSignedOut)
}

func TestSessionEnds(t *testing.T) {
	t.Parallel()
	idle := func(c *console, b *browser) {
		c.clock.advance(20 * time.Minute)
		b.want(b.get("/tickets"), http.StatusOK) // a person
		c.clock.advance(20 * time.Minute)
	}
	for _, tt := range []struct {
		name string
		wait func(c *console, b *browser)
		live bool
	}{
		{"in use", idle, true},
		{"idle", func(c *console, _ *browser) { c.clock.advance(30*time.Minute + time.Second) }, false},
		{"only refreshing", func(c *console, b *browser) {
			for range 4 {
				c.clock.advance(8 * time.Minute)
				b.get("/tickets", with("Coc-Console-Refresh", "1"))
			}
		}, false},
		{"in use beyond its token", func(c *console, b *browser) {
			for range 23*60/20 + 4 {
				c.clock.advance(20 * time.Minute)
				b.get("/theme") // whatever a person does
			}
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := start(t)
			b := c.signedIn(t, "operator", i18n.EnUS)
			tt.wait(c, b)
			status := http.StatusSeeOther
			if tt.live {
				status = http.StatusOK
			}
			b.want(b.get("/tickets", with("Coc-Console-Refresh", "1")), status)
			must(t, c.sessions.Purge(t.Context()))
			if n := rows(t, c, "session"); (n == 1) != tt.live {
				t.Errorf("%d sessions are left after the purge", n)
			}
		})
	}
}

// TestSessionStaysEnded: switching the language at the moment of the sign-out
// must not bring the session back.
func TestSessionStaysEnded(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, l := range []string{"zh-cn", "en-us", "zh-cn", "en-us"} {
			b.post("/language", url.Values{"language": {l}})
		}
	}()
	b.post("/sign-out", nil)
	<-done
	if n := rows(t, c, "session"); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

func TestLanguage(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.browser(t, "zh-CN,zh;q=0.9,en;q=0.8")
	en, zh := i18n.For(i18n.EnUS), i18n.For(i18n.ZhCN)
	b.want(b.get("/sign-in"), http.StatusOK, zh.SignIn.Heading)                                                            // the browser's
	b.want(b.post("/language", url.Values{"language": {"en-us"}, "return": {"/sign-in?mode=token"}}), http.StatusSeeOther) // the cookie's
	b.want(b.get("/sign-in"), http.StatusOK, en.SignIn.Heading)
	b.signIn("operator")
	b.want(b.get("/tickets"), http.StatusOK, en.Tickets.Heading)
	if got := c.upstream.header("X-Language"); got != "en-us" {
		t.Errorf("COC is asked in %q", got)
	}
	b.setCookie("language", "zh-cn") // another session of the browser: this one keeps its own
	b.want(b.get("/tickets"), http.StatusOK, en.Tickets.Heading)
	p := b.post("/language", url.Values{"language": {"zh-cn"}, "return": {"/tickets?status=ABNORMAL&name=x"}})
	if p.location() != "/tickets?status=ABNORMAL&name=x" {
		t.Errorf("it comes back to %q", p.location())
	}
	b.want(b.follow(p), http.StatusOK, zh.Tickets.Heading)
	if got := c.upstream.header("X-Language"); got != "zh-cn" {
		t.Errorf("COC is asked in %q", got)
	}
	b.setCookie("language", "xx<b>")
	b.want(b.get("/nowhere"), http.StatusNotFound, zh.Problem.NotFound.Heading) // the session's, on error pages too
}

func TestUpstreamHeaders(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	b.header.Set("X-Auth-Token", "mine")
	b.header.Set("X-Project-Id", "mine")
	b.header.Set("X-User-Profile", "mine")
	b.header.Set("X-Language", "mine")
	b.want(b.get(c.ticket("running")+"?x-project-id=mine"), http.StatusOK)
	if got := c.upstream.header("X-Project-Id"); got == "mine" || len(got) != 32 {
		t.Errorf("the project is %q", got)
	}
	if got := c.upstream.header("X-Auth-Token"); !strings.HasPrefix(got, "MII") {
		t.Errorf("the token begins with %.5q", got)
	}
	if c.upstream.header("X-User-Profile") != "" || c.upstream.header("X-Language") != "en-us" {
		t.Error("headers come from the request")
	}
}

func TestTheme(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.browser(t, i18n.EnUS)
	if p := b.get("/sign-in"); strings.Contains(p.body, "data-theme") {
		t.Error("a theme is set that nobody chose")
	}
	for _, theme := range []string{"dark", "light"} {
		b.want(b.post("/theme", url.Values{"theme": {theme}, "return": {"/sign-in"}}), http.StatusSeeOther)
		if p := b.get("/sign-in"); !strings.Contains(p.body, `data-theme="`+theme+`"`) {
			t.Errorf("the theme is not %s", theme)
		}
	}
	b.want(b.post("/theme", url.Values{"theme": {""}}), http.StatusSeeOther)
	if p := b.get("/sign-in"); strings.Contains(p.body, "data-theme") {
		t.Error("the browser's theme is not back")
	}
}

// TestShortcutsAreSwitched: the slash is announced, and acts, unless it is
// switched off, also without scripts.
func TestShortcutsAreSwitched(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	for _, choice := range []string{"off", "on"} {
		p := b.get("/shortcuts")
		if on := choice == "off"; strings.Contains(p.body, `aria-keyshortcuts="/"`) != on || strings.Contains(p.body, " data-keys") != on || !strings.Contains(p.body, `name="shortcuts" value="`+choice+`"`) {
			t.Errorf("before it is switched %s the page says something else", choice)
		}
		p = b.post("/shortcuts", url.Values{"shortcuts": {choice}, "return": {"/audit"}})
		b.want(p, http.StatusSeeOther)
		if p.location() != "/audit" {
			t.Errorf("it leads to %q", p.location())
		}
	}
	if !strings.Contains(b.get("/tickets").body, `aria-keyshortcuts="/"`) {
		t.Error("it is not on again")
	}
}
