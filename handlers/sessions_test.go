package handlers_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/handlers"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
)

// TestSessions: who may see and end sessions, and what is wrong with a form.
func TestSessions(t *testing.T) {
	p := start(t)
	text := i18n.For(i18n.EnUS)
	manager, victim := p.as(t, "manager"), p.as(t, "reader")
	end := func(r reader, form url.Values) answer {
		return r.post(p.EndSessions, "/sessions", "/sessions", form)
	}
	one := url.Values{"session": {victim.viewer.SessionName}}
	t.Run("not for everybody", func(t *testing.T) {
		r := victim.in(t)
		r.get(p.ListSessions, "/sessions", "/sessions").wantProblem(t, http.StatusForbidden, handlers.ProblemDenied)
		end(r, one).wantProblem(t, http.StatusForbidden, handlers.ProblemDenied)
	})
	t.Run("nobody named", func(t *testing.T) {
		end(manager.in(t), url.Values{"reason": {"x"}}).wantProblem(t, http.StatusBadRequest, handlers.ProblemBadInput)
	})
	t.Run("no reason", func(t *testing.T) {
		end(manager.in(t), one).want(t, http.StatusUnprocessableEntity, i18n.Sessions.In(i18n.EnUS).ReasonNeeded)
	})
	t.Run("a long reason", func(t *testing.T) {
		long := strings.Repeat("x", operate.MaxReason+1)
		end(manager.in(t), url.Values{"session": one["session"], "reason": {long}}).
			want(t, http.StatusUnprocessableEntity, text.Field.ReasonTooLong(operate.MaxReason+1, operate.MaxReason), long)
	})
	t.Run("opened by somebody else", func(t *testing.T) {
		r := manager.in(t)
		r.ctx = func(ctx context.Context) context.Context {
			return handlers.WithOpener(ctx, handlers.Opener{User: "operator", Account: "demo", Refused: true})
		}
		r.post(p.SessionsAgain, "/sessions", "/sessions",
			url.Values{"session": one["session"], "reason": {"typed by another"}}).
			want(t, http.StatusConflict, "typed by another")
	})
	t.Run("one ends", func(t *testing.T) {
		a := end(manager.in(t), url.Values{"session": one["session"], "reason": {"a lost laptop"}})
		if a.err != nil || a.location != "/sessions?ended=1" {
			t.Fatalf("to %q, %v", a.location, a.err)
		}
		if _, err := p.sessions.Caller(t.Context(), victim.viewer.SessionKey); err == nil {
			t.Error("the session goes on")
		}
		manager.in(t).get(p.ListSessions, "/sessions", "/sessions?ended=1").want(t, http.StatusOK,
			i18n.Sessions.In(i18n.EnUS).Ended(1)).without(t, victim.viewer.SessionName+`"`)
	})
	t.Run("gone in between", func(t *testing.T) {
		a := manager.in(t).get(p.ListSessions, "/sessions", "/sessions?session="+victim.viewer.SessionName+"&reason=lost")
		a.want(t, http.StatusOK, i18n.Sessions.In(i18n.EnUS).Gone("lost"))
	})
	t.Run("one's own", func(t *testing.T) {
		self := p.as(t, "manager")
		if a := end(self, url.Values{"session": {self.viewer.SessionName},
			"reason": {"done"}}); a.location != "/sign-in?signed_out=1" {
			t.Errorf("to %q, %v", a.location, a.err)
		}
	})
}

// TestSignIn: what is wrong with the form, what IAM says, and that a good one
// begins a session and leads back.
func TestSignIn(t *testing.T) {
	p := start(t)
	text := i18n.For(i18n.EnUS)
	good := func(change ...string) url.Values {
		form := url.Values{"account": {"demo"}, "user": {"reader"}, "password": {"reader"}, "project": {"cn-north-4"},
			"return": {"/tickets?scope=mine"}}
		for i := 0; i+1 < len(change); i += 2 {
			form.Set(change[i], change[i+1])
		}
		return form
	}
	for _, tt := range []struct {
		name   string
		form   url.Values
		status int
		says   string
	}{
		{"nothing", url.Values{}, http.StatusUnprocessableEntity, text.Field.Missing},
		{"no user", good("user", " "), http.StatusUnprocessableEntity, text.Field.Missing},
		{"a long account", good("account", strings.Repeat("x", 256)), http.StatusUnprocessableEntity,
			text.Field.TooLong(255)},
		{"a long password", good("password", strings.Repeat("x", 1025)), http.StatusUnprocessableEntity,
			text.Field.TooLong(1024)},
		{"a long passcode", good("passcode", strings.Repeat("1", 33)), http.StatusUnprocessableEntity,
			text.Field.TooLong(32)},
		{"a user id that is none", good("user_id", "a b"), http.StatusUnprocessableEntity, text.Field.UserID},
		{"the wrong password", good("password", "wrong"), http.StatusUnprocessableEntity, text.SignInProblem.WrongPassword},
		{"a locked user", good("user", "locked", "password", "locked"), http.StatusUnprocessableEntity,
			text.SignInProblem.Locked},
		{"a user with a device", good("user", "mfa", "password", "mfa"), http.StatusUnprocessableEntity,
			text.SignInProblem.PasscodeNeeded},
		{"no such project", good("project", "mars"), http.StatusUnprocessableEntity, text.SignInProblem.ProjectUnknown},
		{"a token of another kind", url.Values{"token": {"eyJhbGciOi" + strings.Repeat("A", 500)}},
			http.StatusUnprocessableEntity, text.SignInProblem.TokenOther},
		{"a token that is none", url.Values{"token": {"MII" + strings.Repeat("A", 500)}}, http.StatusUnprocessableEntity,
			text.SignInProblem.TokenInvalid},
		{"a mode without a token", url.Values{"mode": {"token"}}, http.StatusUnprocessableEntity, text.Field.Missing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := p.nobody(t).post(p.SignIn, "/sign-in", "/sign-in", tt.form).want(t, tt.status, tt.says)
			if password := tt.form.Get("password"); len(password) > 10 && strings.Contains(a.body, password) {
				t.Error("the password is on the page")
			}
			if account := tt.form.Get("account"); account != "" && a.fields().Get("account") != account {
				t.Errorf("the account is %q, want %q", a.fields().Get("account"), account)
			}
		})
	}
	t.Run("good", func(t *testing.T) {
		a := p.nobody(t).post(p.SignIn, "/sign-in", "/sign-in", good())
		if a.err != nil || a.status != http.StatusSeeOther || a.location != "/tickets?scope=mine" {
			t.Errorf("status %d, to %q, error %v: %s", a.status, a.location, a.err, excerpt(a.body))
		}
	})
	t.Run("to another site", func(t *testing.T) {
		if a := p.nobody(t).post(p.SignIn, "/sign-in", "/sign-in", good("return", "//evil")); a.location != "/" {
			t.Errorf("to %q", a.location)
		}
	})
	t.Run("a passcode as people type it", func(t *testing.T) {
		form := good("user", "mfa", "password", "mfa", "passcode", " 246-810 ")
		if a := p.nobody(t).post(p.SignIn, "/sign-in", "/sign-in", form); a.status != http.StatusSeeOther {
			t.Errorf("status %d, error %v: %s", a.status, a.err, excerpt(a.body))
		}
	})
}

// TestShowSignIn: why somebody is asked to sign in, and where it leads.
func TestShowSignIn(t *testing.T) {
	p := start(t)
	text := i18n.For(i18n.EnUS)
	for query, says := range map[string]string{
		"":                         "",
		"?return=/audit":           text.SignInProblem.Ended,
		"?return=/audit&ended=1":   text.SignInProblem.Expired,
		"?signed_out=1":            text.Notice.SignedOut,
		"?mode=token&return=/a":    `name="token"`,
		"?return=https://evil/":    `value="/"`,
		"?return=/tickets%3Fa%3Db": "/tickets?a=b",
	} {
		p.nobody(t).get(p.ShowSignIn, "/sign-in", "/sign-in"+query).want(t, http.StatusOK, says)
	}
	if a := p.as(t, "reader").get(p.ShowSignIn, "/sign-in", "/sign-in?return=/audit"); a.location != "/audit" {
		t.Errorf("who is signed in goes to %q", a.location)
	}
}

// TestSignOut: the session ends, and the log says so; without one it is no error.
func TestSignOut(t *testing.T) {
	p := start(t)
	r := p.as(t, "reader")
	for _, who := range []reader{r, p.nobody(t)} {
		if a := who.post(p.SignOut, "/sign-out", "/sign-out", url.Values{}); a.err != nil ||
			a.location != "/sign-in?signed_out=1" {
			t.Errorf("to %q, %v", a.location, a.err)
		}
	}
	if n := len(r.of(p.records(t, "", audit.ActionSessionSignedOut))); n != 1 {
		t.Errorf("%d records", n)
	}
}

// TestPreferences: what can be chosen, and that it comes back to the page.
func TestPreferences(t *testing.T) {
	p := start(t)
	r := p.as(t, "reader")
	for _, tt := range []struct {
		handler      echo.HandlerFunc
		field, value string
		header       string // of the fake: what was remembered
		want         string
	}{
		{p.SetLanguage, "language", "zh-cn", "X-Language", "zh-cn"},
		{p.SetLanguage, "language", "tlh", "", ""},
		{p.SetLanguage, "language", "", "", ""},
		{p.SetTheme, "theme", "dark", "X-Theme", "dark"},
		{p.SetTheme, "theme", "", "X-Theme", ""},
		{p.SetTheme, "theme", "pink", "", ""},
		{p.SetShortcuts, "shortcuts", "on", "X-Shortcuts", "true"},
		{p.SetShortcuts, "shortcuts", "off", "X-Shortcuts", "false"},
		{p.SetShortcuts, "shortcuts", "", "", ""},
	} {
		a := r.post(tt.handler, "/preferences", "/preferences", url.Values{tt.field: {tt.value}, "return": {"/audit?q=x"}})
		if tt.header == "" {
			a.wantProblem(t, http.StatusUnprocessableEntity, handlers.ProblemBadInput)
			continue
		}
		if got := a.header.Get(tt.header); got != tt.want || a.location != "/audit?q=x" {
			t.Errorf("%s=%s: remembered %q, to %q, error %v", tt.field, tt.value, got, a.location, a.err)
		}
	}
	if a := r.get(p.Home, "/", "/"); a.location != "/tickets" {
		t.Errorf("home is %q", a.location)
	}
	r.get(p.Shortcuts, "/shortcuts", "/shortcuts").want(t, http.StatusOK, i18n.For(i18n.EnUS).Key.Heading)
}

// TestSessionAnswer: scripts learn who is signed in now and in which project, and no more.
func TestSessionAnswer(t *testing.T) {
	p := start(t)
	r := p.as(t, "reader")
	if a := r.get(p.Session, "/session", "/session"); strings.TrimSpace(a.body) != `{"person":"marker-reader","name":"demo/reader","project":"6d3b0220da8aab5eb96d5932c44f482f","in":"cn-north-4"}` {
		t.Errorf("it is %s", a.body)
	}
	if a := p.nobody(t).get(p.Session, "/session", "/session"); strings.TrimSpace(a.body) != `{"person":"","name":"","project":"","in":""}` {
		t.Errorf("for nobody it is %s", a.body)
	}
}
