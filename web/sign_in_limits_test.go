package web_test

import (
	"context"
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

// until waits for what happens soon.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	end := time.After(2 * time.Minute) // far more than a busy machine with the race detector needs
	for !holds() {
		select {
		case <-end:
			t.Fatalf("never: %s", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// changed is a form with changes.
func changed(form url.Values, pairs ...string) url.Values {
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

func TestPasscodeIsAlwaysReachable(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		c := start(t)
		b := c.browser(t, language)
		p := b.get("/sign-in")
		b.want(p, http.StatusOK, texts.SignIn.UsePasscode, "field-passcode", "field-user_id")
		if strings.Contains(p.body, "<details open>\n<summary>"+texts.SignIn.UsePasscode) {
			t.Error("it is open for everybody")
		}
		// IAM may say no more than this to a user who needs a passcode.
		p = b.post("/sign-in", changed(credentials("mfa"), "password", "wrong"))
		b.want(p, http.StatusUnprocessableEntity, texts.SignInProblem.WrongPassword, texts.SignIn.UsePasscode)
		if !strings.Contains(p.body, "<details open") {
			t.Error("after a refusal it is closed")
		}
		for _, typed := range []string{"246810", " 246 810 ", "２４６８１０", "２４６　８１０", "246-810", "246\u00a0810\u200b"} {
			b.want(b.post("/sign-in", changed(credentials("mfa"), "passcode", typed)), http.StatusSeeOther)
		}
		b.want(b.post("/sign-in", changed(credentials("mfa"), "passcode", strings.Repeat("1", 33))), http.StatusUnprocessableEntity, texts.Field.TooLong(32))
		b.want(b.post("/sign-in", changed(credentials("mfa"), "passcode", "246810", "user_id", "<b>")), http.StatusUnprocessableEntity,
			texts.Field.UserID, "<b>")
	})
}

func TestPasscodeByUserID(t *testing.T) {
	t.Parallel()
	id := "" // of mfa
	for _, a := range simulator.DemoAccounts() {
		id = userIDOf(t, a.Name, "mfa")
	}
	c := start(t, func(s *settings) { s.passcodeByID = true })
	b := c.browser(t, i18n.EnUS)
	in := func(pairs ...string) url.Values {
		return changed(credentials("mfa"), append(pairs, "passcode", "246810")...)
	}
	p := b.post("/sign-in", in())
	b.want(p, http.StatusUnprocessableEntity, i18n.For(i18n.EnUS).SignIn.UserIDHint)
	b.want(b.post("/sign-in", in("user_id", id)), http.StatusSeeOther)
	b.want(b.post("/sign-in", in()), http.StatusSeeOther)                         // the id is known now
	b.want(b.post("/sign-in", in("user", "MFA")), http.StatusUnprocessableEntity) // but IAM tells names apart
	b.want(b.post("/sign-in", in("user_id", strings.Repeat("0", 32))), http.StatusUnprocessableEntity)
	b.want(b.post("/sign-in", in()), http.StatusSeeOther)
}

// userIDOf is a user's id, as the simulator's IAM tells it.
func userIDOf(t *testing.T, account, user string) string {
	t.Helper()
	c := start(t)
	b := c.browser(t, i18n.EnUS)
	b.want(b.post("/sign-in", changed(credentials(user), "account", account, "passcode", simulator.DemoPasscode)), http.StatusSeeOther)
	return c.only(audit.ActionSessionSignedIn).Actor.UserID
}

// TestAbortedSignInsCount: whoever goes away before the answer has tried all
// the same. The limit holds, and the log has what came of each.
func TestAbortedSignInsCount(t *testing.T) {
	t.Parallel()
	c := start(t)
	hold := make(chan struct{})
	c.sim.Inject(simulator.Fault{Kind: simulator.CallSignIn, Effect: simulator.Slow, Hold: hold})
	b := c.browser(t, i18n.EnUS)
	in := changed(credentials("operator"), "password", "guess").Encode()
	var all sync.WaitGroup
	refused := 0
	for range 25 {
		before := c.sim.Calls(simulator.CallSignIn)
		ctx, cancel := context.WithCancel(t.Context())
		answered := make(chan int, 1)
		all.Go(func() {
			r, _ := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/sign-in", strings.NewReader(in))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			res, err := b.client.Do(r)
			if err != nil {
				answered <- 0
				return
			}
			_ = res.Body.Close()
			answered <- res.StatusCode
		})
		until(t, "the attempt reaches IAM or is refused", func() bool {
			return c.sim.Calls(simulator.CallSignIn) > before || len(answered) > 0
		})
		cancel()
		if status := <-answered; status == http.StatusTooManyRequests {
			refused++
		}
	}
	all.Wait()
	close(hold)
	if n := c.sim.Calls(simulator.CallSignIn); n != 10 || refused != 15 {
		t.Errorf("IAM was asked %d times, want 10; %d were refused", n, refused)
	}
	failed := func() (wrong, throttled int) {
		for _, r := range c.records(audit.ActionSessionSignInFailed) {
			if strings.Contains(r.Detail, "problem=wrong_password") {
				wrong++
			}
			if strings.Contains(r.Detail, "problem=throttled_here") {
				throttled++
			}
		}
		return wrong, throttled
	}
	until(t, "the log has what came of each", func() bool { wrong, throttled := failed(); return wrong == 10 && throttled == 1 })
	if p := b.post("/sign-in", credentials("operator")); p.StatusCode != http.StatusTooManyRequests {
		t.Errorf("after ten failures the status is %d", p.StatusCode)
	}
}

// TestAcceptedButAbandoned: a right password whose browser went away begins no
// session, and is in the log.
func TestAcceptedButAbandoned(t *testing.T) {
	t.Parallel()
	c := start(t)
	hold := make(chan struct{})
	c.sim.Inject(simulator.Fault{Kind: simulator.CallSignIn, Effect: simulator.Slow, Hold: hold})
	gone := c.leaves("/sign-in")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r, _ := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/sign-in", strings.NewReader(credentials("operator").Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if res, err := http.DefaultTransport.RoundTrip(r); err == nil {
			_ = res.Body.Close()
		}
	}()
	until(t, "IAM is asked", func() bool { return c.sim.Calls(simulator.CallSignIn) == 1 })
	cancel()
	<-ended
	<-gone
	close(hold)
	until(t, "it is in the log", func() bool { return len(c.records(audit.ActionSessionSignInFailed)) == 1 })
	r := c.only(audit.ActionSessionSignInFailed)
	if !strings.Contains(r.Detail, "problem=client_gone") || r.Actor.UserName != "operator" || rows(t, c, "session") != 0 {
		t.Errorf("got %+v, %d sessions", r, rows(t, c, "session"))
	}
}

// TestThrottledSignInsAreCounted: one record at once, and their number later.
func TestThrottledSignInsAreCounted(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.browser(t, i18n.EnUS)
	for range 10 {
		b.want(b.post("/sign-in", changed(credentials("operator"), "password", "guess")), http.StatusUnprocessableEntity)
	}
	throttled := func() []string {
		var all []string
		for _, r := range c.records(audit.ActionSessionSignInFailed) {
			if strings.Contains(r.Detail, "throttled_here") {
				if r.Outcome != audit.OutcomeDenied || r.Origin.Address != "127.0.0.1" || r.Actor.UserName != "" {
					t.Errorf("the record is %+v", r)
				}
				all = append(all, r.Detail)
			}
		}
		return all
	}
	for range 5 {
		b.want(b.post("/sign-in", credentials("operator")), http.StatusTooManyRequests)
	}
	const detail = "method=password problem=throttled_here limit=address count="
	if got := throttled(); len(got) != 1 || got[0] != detail+"1" {
		t.Errorf("at once: %q", got)
	}
	c.handlers.Close()
	if got := throttled(); len(got) != 2 || got[1] != detail+"4" {
		t.Errorf("later: %q", got)
	}
}

// TestAttemptsWithoutAnAddress: where the proxy tells no address, one
// stranger's wrong passwords do not keep others out.
func TestAttemptsWithoutAnAddress(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) { s.trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	for _, forwarded := range []string{"unknown", ""} {
		b := c.browser(t, i18n.EnUS)
		post := func(in url.Values) page {
			return b.post("/sign-in", in, with("X-Forwarded-Proto", "https"), func(r *http.Request) {
				if forwarded != "" {
					r.Header.Set("X-Forwarded-For", forwarded)
				}
			})
		}
		for range 12 {
			post(changed(credentials("reader"), "password", "guess"))
		}
		b.want(post(changed(credentials("reader"), "password", "guess")), http.StatusTooManyRequests)
		b.want(post(credentials("operator")), http.StatusSeeOther)
		b.want(post(url.Values{"mode": {"token"}, "token": {"MII" + strings.Repeat("A", 500)}}), http.StatusUnprocessableEntity)
	}
	for _, r := range c.records(audit.ActionSessionSignedIn) {
		if r.Origin.Address != "unknown" {
			t.Errorf("the address is %q", r.Origin.Address)
		}
	}
	if n := strings.Count(c.output.String(), "client address unknown"); n != 2 {
		t.Errorf("%d warnings, want one for each reason", n)
	}
}
