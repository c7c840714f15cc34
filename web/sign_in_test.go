package web_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/internal/simulator"
)

func TestSignInProblems(t *testing.T) {
	t.Parallel()
	iam := func(status int, message string) simulator.Fault {
		return simulator.Fault{Kind: simulator.AnyCall, Status: status, Message: message, Keystone: true}
	}
	token := url.Values{"mode": {"token"}, "token": {"MII" + strings.Repeat("A", 500)}}
	named := func(name, value string) url.Values {
		in := credentials("operator")
		in.Set(name, value)
		return in
	}
	for _, tt := range []struct {
		name   string
		fault  simulator.Fault
		form   url.Values
		status int
		says   func(*i18n.Texts) string
		kind   string // in the record; empty: nothing was asked
	}{
		{"wrong password", simulator.Fault{}, named("password", "guessed-it"), 422, func(t *i18n.Texts) string { return t.SignInProblem.WrongPassword }, "wrong_password"},
		{"unknown account", simulator.Fault{}, named("account", "<b>"), 422, func(t *i18n.Texts) string { return t.SignInProblem.WrongPassword }, "wrong_password"},
		{"locked", simulator.Fault{}, credentials("locked"), 422, func(t *i18n.Texts) string { return t.SignInProblem.Locked }, "locked"},
		{"passcode needed", simulator.Fault{}, credentials("mfa"), 422, func(t *i18n.Texts) string { return t.SignInProblem.PasscodeNeeded }, "passcode_needed"},
		{"passcode wrong", simulator.Fault{}, url.Values{"account": {"demo"}, "user": {"mfa"}, "password": {"mfa"}, "passcode": {"000000"}}, 422, func(t *i18n.Texts) string { return t.SignInProblem.PasscodeWrong }, "passcode_wrong"},
		{"unknown project", simulator.Fault{}, named("project", "mars-1"), 422, func(t *i18n.Texts) string { return t.SignInProblem.ProjectUnknown }, "project_unknown"},
		{"forbidden", iam(403, "Disabled."), credentials("operator"), 422, func(t *i18n.Texts) string { return t.SignInProblem.Forbidden }, "forbidden"},
		{"bad request", iam(400, "Invalid."), credentials("operator"), 422, func(t *i18n.Texts) string { return t.SignInProblem.BadRequest }, "bad_request"},
		{"throttled", iam(429, "Slow down."), credentials("operator"), 429, func(t *i18n.Texts) string { return t.SignInProblem.Throttled }, "throttled"},
		{"IAM fails", iam(500, "Ouch."), credentials("operator"), 502, func(t *i18n.Texts) string { return t.SignInProblem.Unavailable }, "unavailable"},
		{"IAM breaks off", simulator.Fault{Effect: simulator.Reset}, credentials("operator"), 502, func(t *i18n.Texts) string { return t.SignInProblem.Unavailable }, "unavailable"},
		{"IAM is slow", simulator.Fault{Effect: simulator.Slow, Delay: time.Minute}, credentials("operator"), 502, func(t *i18n.Texts) string { return t.SignInProblem.Unavailable }, "unavailable"},
		{"not IAM", simulator.Fault{Effect: simulator.HTMLBody, Status: 200}, credentials("operator"), 502, func(t *i18n.Texts) string { return t.SignInProblem.BadAnswer }, "bad_answer"},
		{"half an answer", simulator.Fault{Effect: simulator.HalfBody}, credentials("operator"), 502, func(t *i18n.Texts) string { return t.SignInProblem.BadAnswer }, "bad_answer"},
		{"token that is none", simulator.Fault{}, token, 422, func(t *i18n.Texts) string { return t.SignInProblem.TokenInvalid }, "token_invalid"},
		{"token has expired", iam(401, "The token has expired."), token, 422, func(t *i18n.Texts) string { return t.SignInProblem.TokenExpired }, "token_expired"},
		{"token of another kind", simulator.Fault{}, url.Values{"token": {"eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."}}, 422, func(t *i18n.Texts) string { return t.SignInProblem.TokenOther }, "a_credential_of_another_kind"},
		{"access key", simulator.Fault{}, url.Values{"token": {"HPUAABCDEFGHIJKLMNOP"}}, 422, func(t *i18n.Texts) string { return t.SignInProblem.TokenOther }, "a_credential_of_another_kind"},
		{"token with a line break", simulator.Fault{}, url.Values{"token": {"MII" + strings.Repeat("A", 200) + "\r\nX-Evil: 1"}}, 422, func(t *i18n.Texts) string { return t.SignInProblem.TokenInvalid }, "token_invalid"},
		{"no token", simulator.Fault{}, url.Values{"mode": {"token"}}, 422, func(t *i18n.Texts) string { return t.Field.Missing }, ""},
		{"token too long", simulator.Fault{}, url.Values{"token": {strings.Repeat("M", 33<<10)}}, 422, func(t *i18n.Texts) string { return t.Field.TooLong(32 << 10) }, ""},
		{"no account", simulator.Fault{}, named("account", " "), 422, func(t *i18n.Texts) string { return t.Field.Missing }, ""},
		{"no password", simulator.Fault{}, named("password", ""), 422, func(t *i18n.Texts) string { return t.Field.Missing }, ""},
		{"user too long", simulator.Fault{}, named("user", strings.Repeat("u", 256)), 422, func(t *i18n.Texts) string { return t.Field.TooLong(255) }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := start(t, quick)
			if tt.fault != (simulator.Fault{}) {
				c.sim.Inject(tt.fault)
			}
			for i, language := range i18n.Languages() {
				b := c.browser(t, language)
				form := url.Values{"return": {"/tickets?name=kept"}}
				maps.Copy(form, tt.form)
				p := b.post("/sign-in", form)
				b.want(p, tt.status, tt.says(i18n.For(language)), "/tickets?name=kept")
				for _, name := range []string{"account", "user", "project"} {
					if v := strings.TrimSpace(form.Get(name)); v != "" && !strings.Contains(p.body, `value="`+escaped(v)+`"`) {
						t.Errorf("%s is not kept", name)
					}
				}
				for _, name := range []string{"password", "token", "passcode"} {
					if v := form.Get(name); len(v) > 5 && v != form.Get("user") && strings.Contains(p.body, escaped(v)) {
						t.Errorf("%s is in the page", name)
					}
				}
				if b.cookie() != "" {
					t.Error("there is a session")
				}
				checkSignInFailed(t, c, i, tt.kind, form)
			}
		})
	}
}

// checkSignInFailed checks the i-th record of a failed sign-in.
func checkSignInFailed(t *testing.T, c *console, i int, kind string, form url.Values) {
	t.Helper()
	found := c.records(audit.ActionSessionSignInFailed)
	if kind == "" {
		if len(found) != 0 {
			t.Errorf("%d records of what IAM was not asked", len(found))
		}
		return
	}
	if len(found) != i+1 {
		t.Fatalf("%d records of failed sign-ins, want %d", len(found), i+1)
	}
	r := found[i]
	if r.Outcome != audit.OutcomeFailed || !strings.Contains(r.Detail, "problem="+kind) || r.Actor.UserName != form.Get("user") ||
		r.Actor.AccountName != form.Get("account") || r.Actor.UserID != "" || r.Origin.Address != "127.0.0.1" ||
		r.Origin.UserAgent != "test-browser/1" || r.Origin.RequestID == "" || r.Origin.Session != "" {
		t.Errorf("the record is %+v", r)
	}
}

// token signs a user in at the simulator's IAM and returns the token, for a
// project or, without one, for the account.
func (c *console) token(t testing.TB, user, project string) string {
	t.Helper()
	scope := `{"domain":{"name":"demo"}}`
	if project != "" {
		scope = fmt.Sprintf(`{"project":{"name":%q}}`, project)
	}
	body := fmt.Sprintf(`{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":%q,"password":%q,"domain":{"name":"demo"}}}},"scope":%s}}`,
		user, user, scope)
	w := &answer{header: http.Header{}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/v3/auth/tokens", strings.NewReader(body))
	must(t, err)
	r.Header.Set("Content-Type", "application/json")
	c.sim.Handler().ServeHTTP(w, r)
	if w.header.Get("X-Subject-Token") == "" {
		t.Fatal("IAM gives no token")
	}
	return w.header.Get("X-Subject-Token")
}

// answer is an http.ResponseWriter that keeps the headers.
type answer struct{ header http.Header }

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) Write(b []byte) (int, error) { return len(b), nil }
func (a *answer) WriteHeader(int)             {}

func TestPastedToken(t *testing.T) {
	t.Parallel()
	c := start(t)
	for _, tt := range []struct{ name, project string }{{"of a project", "cn-north-4"}, {"of the account", ""}} {
		t.Run(tt.name, func(t *testing.T) {
			b := c.browser(t, i18n.EnUS)
			token := c.token(t, "manager", tt.project)
			p := b.post("/sign-in", url.Values{"mode": {"token"}, "token": {"  " + token + "\n"}, "return": {c.ticket("paused")},
				"account": {"someone"}, "user": {"else"}})
			if p.location() != c.ticket("paused") {
				t.Fatalf("status %d, it leads to %q", p.StatusCode, p.location())
			}
			b.want(b.follow(p), http.StatusOK, "manager", "paused_check")
			in := c.records(audit.ActionSessionSignedIn)
			if r := in[len(in)-1]; r.Actor.UserName != "manager" || r.Actor.ProjectName != tt.project || r.Detail != "method=token" {
				t.Errorf("the record is %+v", r)
			}
		})
	}
	t.Run("that has expired", func(t *testing.T) {
		b := c.browser(t, i18n.EnUS)
		token := c.token(t, "operator", "cn-north-4")
		c.clock.advance(25 * time.Hour)
		b.want(b.post("/sign-in", url.Values{"token": {token}}), http.StatusUnprocessableEntity)
	})
}

func TestPasscode(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.browser(t, i18n.EnUS)
	in := credentials("mfa")
	p := b.post("/sign-in", in)
	if !strings.Contains(p.body, `name="passcode"`) {
		t.Fatal("the page does not ask for the passcode")
	}
	in.Set("passcode", simulator.DemoPasscode)
	b.want(b.post("/sign-in", in), http.StatusSeeOther)
	if r := c.only(audit.ActionSessionSignedIn); r.Detail != "method=password,passcode" {
		t.Errorf("the record says %q", r.Detail)
	}
}

// TestFailedSignInOfAnother: whoever is signed in did not do what somebody
// else tries in their browser.
func TestFailedSignInOfAnother(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	in := credentials("manager")
	in.Set("password", "guess")
	b.want(b.post("/sign-in", in), http.StatusUnprocessableEntity)
	if r := c.only(audit.ActionSessionSignInFailed); r.Actor.UserName != "manager" || r.Actor.UserID != "" {
		t.Errorf("it is recorded as done by %+v", r.Actor)
	}
	b.want(b.get("/tickets"), http.StatusOK) // and the session goes on
}

func TestTooManyAttempts(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		c := start(t)
		b := c.browser(t, language)
		in := credentials("operator")
		in.Set("password", "guess")
		for range 10 {
			b.want(b.post("/sign-in", in), http.StatusUnprocessableEntity)
		}
		asked := c.sim.Calls(simulator.CallSignIn)
		b.want(b.post("/sign-in", credentials("operator")), http.StatusTooManyRequests, texts.SignInProblem.TooOften)
		if c.sim.Calls(simulator.CallSignIn) != asked {
			t.Error("IAM was asked, though it should not be")
		}
		c.clock.advance(7 * time.Second)
		b.signIn("operator")
		for range 20 { // what succeeds does not count
			b.signIn("operator")
		}
	})
}

// TestAttemptsAtTheSameTime: guesses under way count, so that sending many at
// once does not get past the limit.
func TestAttemptsAtTheSameTime(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.browser(t, i18n.EnUS)
	in := credentials("operator")
	in.Set("password", "guess")
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() { b.post("/sign-in", in) })
	}
	all.Wait()
	if n := c.sim.Calls(simulator.CallSignIn); n != 10 {
		t.Errorf("IAM was asked %d times, want 10", n)
	}
}

func TestSignedInAlready(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	if p := b.get("/sign-in?return=%2Faudit"); p.location() != "/audit" {
		t.Errorf("it leads to %q", p.location())
	}
}

// TestAttemptsFromManyAddresses: guessing one user's password from ever other
// addresses is slowed down, and does not keep that user out.
func TestAttemptsFromManyAddresses(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		c := start(t, func(s *settings) { s.trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
		from := func(address string, in url.Values) page {
			b := c.browser(t, language)
			return b.post("/sign-in", in, with("X-Forwarded-For", address), with("X-Forwarded-Proto", "https"))
		}
		b := c.browser(t, language)
		b.want(from("192.0.2.1", credentials("operator")), http.StatusSeeOther)
		guess := credentials("Operator")
		guess.Set("password", "guess")
		for i := range 20 {
			b.want(from("198.51.100."+number(int64(i)), guess), http.StatusUnprocessableEntity)
		}
		asked := c.sim.Calls(simulator.CallSignIn)
		b.want(from("203.0.113.1", credentials("operator")), http.StatusTooManyRequests, texts.SignInProblem.TooOftenUser)
		if c.sim.Calls(simulator.CallSignIn) != asked {
			t.Error("IAM was asked, though it should not be")
		}
		b.want(from("192.0.2.1", credentials("operator")), http.StatusSeeOther)  // where they have signed in before
		b.want(from("203.0.113.1", credentials("manager")), http.StatusSeeOther) // somebody else
		c.clock.advance(16 * time.Second)
		b.want(from("203.0.113.1", credentials("operator")), http.StatusSeeOther)
	})
}

// TestRefusalIsToldOnce: IAM's older answers have the status as their code.
func TestRefusalIsToldOnce(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.browser(t, i18n.EnUS)
	in := credentials("operator")
	in.Set("password", "guess")
	p := b.post("/sign-in", in)
	if !strings.Contains(p.body, "HTTP 401 ") || strings.Contains(p.body, "401 401") {
		t.Errorf("the page says %s", shortened(p.body))
	}
}
