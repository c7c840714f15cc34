package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/internal/company"
	"coc-console/internal/i18n"
	"coc-console/internal/renewal"
	"coc-console/internal/simulator"
	"coc-console/web"
)

// renewing makes the company's provider a way in, to sessions that are renewed; by keys, to temporary keys.
func renewing(keys bool) func(*settings) {
	return func(s *settings) {
		s.company = func(cfg *company.Config) {
			cfg.Scopes, cfg.GroupsClaim = []string{"groups", "offline_access"}, "groups"
		}
		s.byKeys, s.idle = keys, 20*time.Hour
		s.directory = `{"roles": {"managers": ["group:coc-managers"], "on-call": ["group:coc-on-call"]}, "teams": {"operations": ["group:coc-operations"]}}`
	}
}

// exchanges runs a test with tokens and with keys.
func exchanges(t *testing.T, test func(t *testing.T, keys bool)) {
	t.Helper()
	for name, keys := range map[string]bool{"token": false, "keys": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, keys)
		})
	}
}

// credential is what COC was called with last.
func (c *console) credential() string {
	if key := c.upstream.header("Authorization"); key != "" {
		key, _, _ = strings.Cut(key, ",")
		return key
	}
	return c.upstream.header("X-Auth-Token")
}

// TestKeys: a session with temporary keys signs its calls to COC and IAM, and is in all else as one with a token.
func TestKeys(t *testing.T) {
	t.Parallel()
	c := start(t, renewing(true))
	b := c.browser(t, i18n.EnUS)
	b.want(b.signInAs("li.na", nil), http.StatusSeeOther)
	b.want(b.get("/tickets"), http.StatusOK, "li.na")
	b.want(b.get(c.ticket("running")), http.StatusOK)
	if c.upstream.header("X-Auth-Token") != "" || !strings.HasPrefix(c.credential(), "SDK-HMAC-SHA256 Access=HST") || c.upstream.header("X-Security-Token") == "" || c.upstream.header("X-Project-Id") == "" {
		t.Errorf("COC is called with %v", c.upstream.last)
	}
	form := b.form(b.get(c.newOperation("running", "operation_type=PAUSE_ORDER")))
	b.want(b.post(c.ticket("running")+"/operations", form), http.StatusSeeOther)
	if n := c.sim.Calls(simulator.CallOperate); n != 1 {
		t.Errorf("%d operations were sent", n)
	}
	until(t, "the pause is seen", func() bool { return len(c.records(audit.ActionOperationObserved)) == 1 })
	b.want(b.get("/project"), http.StatusOK, "ap-southeast-3", "cn-north-4")
	b.want(b.post("/project", url.Values{"project": {"mars-1"}}), http.StatusUnprocessableEntity)
	b.want(b.post("/project", url.Values{"project": {"ap-southeast-3"}}), http.StatusSeeOther)
	b.want(b.get("/tickets"), http.StatusOK)
	signedIn, switched := c.only(audit.ActionSessionSignedIn), c.records(audit.ActionSessionSwitched)[1]
	if signedIn.Actor.UserName != "li.na" || signedIn.Actor.AccountName != "demo" || signedIn.Actor.ProjectName != "cn-north-4" || signedIn.Actor.Groups != "coc-on-call\ncoc-operations" ||
		switched.Actor.UserID != signedIn.Actor.UserID || switched.Actor.ProjectName != "ap-southeast-3" || switched.Actor.Groups != signedIn.Actor.Groups {
		t.Errorf("the records are of %+v and %+v", signedIn.Actor, switched.Actor)
	}
	c.clock.advance(46 * time.Minute) // what follows still knows how to renew
	b.want(b.get("/tickets"), http.StatusOK)
	until(t, "the keys are renewed", func() bool { return c.sim.Calls(simulator.CallTemporaryKeys) == 2 })
	if p := b.post("/sign-out", nil); p.location() != company.LeavePath {
		t.Errorf("the sign-out leads to %q", p.location())
	}
}

// TestRenewal: a credential is renewed beside a request before it ends, and before the request goes on where it has
// ended; groups are read again each time, and records say what was in force.
func TestRenewal(t *testing.T) {
	t.Parallel()
	exchanges(t, func(t *testing.T, keys bool) {
		c := start(t, renewing(keys))
		b := c.browser(t, i18n.EnUS)
		b.want(b.signInAs("li.na", nil), http.StatusSeeOther)
		b.want(b.get("/tickets"), http.StatusOK)
		before, asked := c.credential(), c.sim.Calls(simulator.CallIDToken)
		c.clock.advance(20 * time.Minute)
		b.want(b.get("/tickets"), http.StatusOK)
		c.sim.SetGroups("li.na", "coc-managers")
		c.clock.advance(map[bool]time.Duration{false: 41 * time.Minute, true: 30 * time.Minute}[keys]) // due, and still good
		hold := make(chan struct{})
		heal := c.sim.Inject(simulator.Fault{Kind: simulator.CallIDToken, Effect: simulator.Slow, Hold: hold})
		b.want(b.get("/tickets"), http.StatusOK) // does not wait
		close(hold)
		until(t, "it is renewed", func() bool { return len(c.records(audit.ActionSessionRegrouped)) == 1 })
		heal()
		b.want(b.get("/tickets?name=new"), http.StatusOK)
		if after := c.credential(); after == before || c.sim.Calls(simulator.CallIDToken) != asked+1 {
			t.Errorf("after %d exchanges the credential is the same: %v", c.sim.Calls(simulator.CallIDToken), after == before)
		}
		b.want(b.get("/sessions"), http.StatusOK) // a manager by now
		r := c.only(audit.ActionSessionRegrouped)
		if r.Actor.UserName != "li.na" || r.Actor.Groups != "coc-managers" || r.Detail != `before="coc-on-call\ncoc-operations"` || r.Origin.Session == "" {
			t.Errorf("the record is %+v", r)
		}
		c.sim.SetGroups("li.na", "coc-on-call")
		c.clock.advance(11 * time.Hour) // over, for keys
		b.want(b.get("/me/permissions"), http.StatusOK)
		until(t, "it is renewed again", func() bool { return len(c.records(audit.ActionSessionRegrouped)) == 2 })
		b.want(b.get("/sessions"), http.StatusForbidden)
		c.clock.advance(13 * time.Hour) // the session's own end
		b.want(b.get("/tickets"), http.StatusSeeOther, "")
		if n := len(c.records(audit.ActionSessionSignedIn)); n != 1 {
			t.Errorf("%d sign-ins", n)
		}
	})
}

// TestRenewalsAtOnce: however many pages want it at the same time, on two consoles with one database, a refresh token is
// used once: its second use would end the session.
func TestRenewalsAtOnce(t *testing.T) {
	t.Parallel()
	for name, dsn := range map[string]func(*testing.T) string{"SQLite": func(*testing.T) string { return "" }, "PostgreSQL": func(t *testing.T) string { t.Helper(); return audittest.Postgres(t) }} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := dsn(t)
			c := start(t, renewing(true), func(s *settings) { s.dsn = at })
			b := c.browser(t, i18n.EnUS)
			b.want(b.signInAs("li.na", nil), http.StatusSeeOther)
			b.want(b.get("/tickets"), http.StatusOK)
			var row string
			must(t, c.db.Read.QueryRowContext(t.Context(), `SELECT id FROM session`).Scan(&row))
			other, err := web.NewSessions(web.SessionConfig{Write: c.db.Write, Read: c.db.Read, OnSQLite: at == "", Key: bytes.Repeat([]byte{7}, web.KeySize), Idle: 20 * time.Hour,
				Manager: func(audit.Actor) bool { return false }, Logger: slog.New(slog.DiscardHandler), Now: c.clock.now, Renew: c.providers.Renew})
			must(t, err)
			t.Cleanup(func() { _ = other.Close() })
			for round := range 3 {
				c.clock.advance(2 * time.Hour)
				var all sync.WaitGroup
				for i := range 16 {
					all.Go(func() {
						s := []*web.Sessions{c.sessions, other}[i%2]
						caller, err := s.Caller(context.WithoutCancel(t.Context()), row)
						if err != nil || caller.Credential == nil {
							t.Errorf("round %d: %v", round, err)
						}
					})
				}
				all.Wait()
				if n := c.sim.Calls(simulator.CallTemporaryKeys); n != round+2 {
					t.Errorf("keys were asked for %d times in round %d", n, round)
				}
			}
			b.want(b.get("/tickets"), http.StatusOK, "li.na")
		})
	}
}

// TestRenewerGone: a console that was killed while it renewed a session keeps the others waiting for a minute by their
// own clocks, and not for good.
func TestRenewerGone(t *testing.T) {
	t.Parallel()
	c := start(t, renewing(true))
	b := c.browser(t, i18n.EnUS)
	b.want(b.signInAs("li.na", nil), http.StatusSeeOther)
	var row string
	must(t, c.db.Read.QueryRowContext(t.Context(), `SELECT id FROM session`).Scan(&row))
	must(t, exec(t.Context(), c, `UPDATE session SET renewer = 42`))
	c.clock.advance(2 * time.Hour)
	brief, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := c.sessions.Caller(brief, row); !errors.Is(err, renewal.ErrNotNow) || c.sim.Calls(simulator.CallTemporaryKeys) != 1 {
		t.Errorf("while another one renews it gives %v", err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := c.sessions.Caller(context.WithoutCancel(t.Context()), row)
		done <- err
	}()
	var set time.Time
	until(t, "the session is renewed", func() bool {
		if time.Since(set) > 200*time.Millisecond { // it looks twice as often
			c.clock.advance(time.Minute)
			set = time.Now()
		}
		return c.sim.Calls(simulator.CallTemporaryKeys) == 2
	})
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestRenewalFails is the table of what can go wrong at a renewal, before the credential has ended and after.
func TestRenewalFails(t *testing.T) {
	t.Parallel()
	refused := simulator.Fault{Kind: simulator.CallProvider, Effect: simulator.RefuseRefresh}
	down := simulator.Fault{Kind: simulator.CallProvider, Effect: simulator.Reset}
	iamDown := simulator.Fault{Kind: simulator.CallIDToken, Effect: simulator.Reset}
	at := func(effect simulator.Effect) simulator.Fault {
		return simulator.Fault{Kind: simulator.CallIDToken, Effect: effect}
	}
	const (
		goesOn = iota // the person notices nothing
		waits         // is told that it can't be renewed now, and stays signed in
		ends          // has to sign in again, and is told why
	)
	for _, tt := range []struct {
		name        string
		fault       simulator.Fault
		good, over  int // what becomes of the session while the credential is good, and once it is over
		problem     string
		onlyByToken bool
	}{
		{"refresh refused", refused, ends, ends, "provider_refused", false},
		{"provider down", down, goesOn, waits, "", false},
		{"provider fails", simulator.Fault{Kind: simulator.CallProvider, Status: 503}, goesOn, waits, "", false},
		{"IAM down", iamDown, goesOn, waits, "", false},
		{"no ID token", simulator.Fault{Kind: simulator.CallProvider, Effect: simulator.BareRefresh}, goesOn, ends, "id_token_invalid", false},
		{"wrong audience", at(simulator.WrongAudience), goesOn, ends, "id_token_refused", false},
		{"expired ID token", at(simulator.ExpiredIDToken), goesOn, ends, "token_expired", false},
		{"unknown provider", at(simulator.UnknownProvider), goesOn, ends, "provider_unknown", false},
		{"unscoped", at(simulator.Unscoped), goesOn, ends, "token_unscoped", true},
		{"clock off", simulator.Fault{Kind: simulator.CallProvider, Effect: simulator.ClockSkew, Skew: time.Hour}, goesOn, ends, "clock_off", false},
	} {
		for _, when := range []struct {
			name    string
			advance time.Duration
			want    int
		}{{"good", 59 * time.Minute, tt.good}, {"over", 25 * time.Hour / 2, tt.over}} {
			t.Run(tt.name+", "+when.name, func(t *testing.T) {
				t.Parallel()
				c := start(t, renewing(!tt.onlyByToken), quick, shortTokens)
				b := c.browser(t, i18n.EnUS)
				b.want(b.signInAs("li.na", nil), http.StatusSeeOther)
				texts := i18n.For(i18n.EnUS)
				if when.name == "over" {
					c.clock.advance(when.advance)
				} else {
					c.clock.advance(50 * time.Minute)
				}
				heal := c.sim.Inject(tt.fault)
				p := b.get("/tickets?name=kept")
				switch when.want {
				case goesOn:
					b.want(p, http.StatusOK)
					until(t, "the renewal has failed", func() bool { return strings.Contains(c.output.String(), "was not renewed") })
					b.want(b.get("/tickets"), http.StatusOK)
				case waits:
					b.want(p, http.StatusServiceUnavailable, texts.Problem.Unrenewed.Heading, texts.Problem.Unrenewed.Text, "kept")
				case ends:
					until(t, "the session has ended", func() bool { return len(c.records(audit.ActionSessionRevoked)) == 1 })
					b.want(b.get("/tickets?name=another"), http.StatusSeeOther)
					p = b.get("/tickets?name=kept")
					if p.location() != "/sign-in?ended=company&return=%2Ftickets%3Fname%3Dkept" {
						t.Fatalf("it leads to %q", p.location())
					}
					b.want(b.follow(p), http.StatusOK, i18n.Company.In(i18n.EnUS).Ended, "/tickets?name=kept")
					if r := c.only(audit.ActionSessionRevoked); r.Actor.UserName != "li.na" || !strings.HasPrefix(r.Detail, "why=not_renewed problem="+tt.problem) {
						t.Errorf("the record is %+v", r)
					}
					heal()
					b.want(b.signInAs("li.na", nil), http.StatusSeeOther)
					return
				}
				heal()
				c.clock.advance(time.Minute) // the pause after a failure
				b.want(b.get("/tickets"), http.StatusOK, "li.na")
				if n := len(c.records(audit.ActionSessionRevoked, audit.ActionSessionEnded)); n != 0 {
					t.Errorf("%d sessions have ended", n)
				}
			})
		}
	}
}

// TestRenewalAfterRotation: a provider that has replaced its keys meanwhile renews as before.
func TestRenewalAfterRotation(t *testing.T) {
	t.Parallel()
	exchanges(t, func(t *testing.T, keys bool) {
		c := start(t, renewing(keys))
		b := c.browser(t, i18n.EnUS)
		b.want(b.signInAs("li.na", nil), http.StatusSeeOther)
		b.want(b.get("/tickets"), http.StatusOK)
		before := c.credential()
		c.sim.RotateKeys()
		c.clock.advance(map[bool]time.Duration{false: 61 * time.Minute, true: 50 * time.Minute}[keys])
		b.want(b.get("/tickets?name=a"), http.StatusOK)
		until(t, "it is renewed", func() bool { return c.sim.Calls(simulator.CallIDToken) == 2 })
		until(t, "the new one is used", func() bool {
			b.want(b.get("/tickets?name=b"), http.StatusOK)
			return c.credential() != before
		})
		if n := len(c.records(audit.ActionSessionRevoked, audit.ActionSessionEnded)); n != 0 {
			t.Errorf("%d sessions have ended\n%s", n, c.output.String())
		}
	})
}

// shortTokens makes IAM's tokens end within the hours of a test.
func shortTokens(s *settings) {
	s.people = simulator.DemoPeople()
	for i := range s.people {
		s.people[i].TokenLife = time.Hour
	}
}

// TestSignOutRevokes: nothing can be renewed after a sign-out; a provider that fails holds nobody back.
func TestSignOutRevokes(t *testing.T) {
	t.Parallel()
	c := start(t, renewing(false), quick)
	b := c.browser(t, i18n.EnUS)
	b.want(b.signInAs("li.na", nil), http.StatusSeeOther)
	if n := c.sim.Refreshable(); n != 1 {
		t.Fatalf("%d refresh tokens can be used", n)
	}
	b.want(b.post("/sign-out", nil), http.StatusSeeOther)
	if n := c.sim.Refreshable(); n != 0 {
		t.Errorf("%d refresh tokens can be used after the sign-out", n)
	}
	for _, fault := range []simulator.Fault{{Kind: simulator.CallProvider, Effect: simulator.Reset}, {Kind: simulator.CallProvider, Status: 503}} {
		b.want(b.signInAs("li.na", nil), http.StatusSeeOther)
		heal := c.sim.Inject(fault)
		before := c.output.String()
		if p := b.post("/sign-out", nil); p.location() != company.LeavePath {
			t.Errorf("the sign-out leads to %q", p.location())
		}
		if said := strings.TrimPrefix(c.output.String(), before); !strings.Contains(said, "did not revoke a refresh token") || !strings.Contains(said, `"user":"li.na"`) {
			t.Errorf("the log has %s", said)
		}
		b.want(b.get("/tickets"), http.StatusSeeOther)
		heal()
	}
}

// TestCredentialRefused: keys that end early and a token that is revoked are replaced when COC or IAM refuses them, and
// the person notices nothing; an operation is not sent a second time, and can be sent again by its person.
func TestCredentialRefused(t *testing.T) {
	t.Parallel()
	exchanges(t, func(t *testing.T, keys bool) {
		c := start(t, renewing(keys))
		heal := c.sim.Inject(simulator.Fault{Kind: simulator.CallTemporaryKeys, Effect: simulator.EarlyKeys})
		b := c.browser(t, i18n.EnUS)
		b.want(b.signInAs("li.na", nil), http.StatusSeeOther)
		heal()
		b.want(b.get("/tickets"), http.StatusOK)
		before := c.credential()
		c.clock.advance(70 * time.Second)
		if !keys {
			c.sim.Revoke("li.na")
		}
		b.want(b.get("/tickets?name=x"), http.StatusOK, "li.na")
		if c.credential() == before {
			t.Error("COC is called with what it refused")
		}
		form := b.form(b.get(c.newOperation("running", "operation_type=PAUSE_ORDER")))
		c.clock.advance(70 * time.Second)
		gone := c.sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.ExpireToken, Times: 1})
		p := b.post(c.ticket("running")+"/operations", form)
		gone()
		if n := c.sim.Calls(simulator.CallOperate); n != 1 {
			t.Errorf("the operation was sent %d times", n)
		}
		if to := p.location(); strings.Contains(to, "sign-in") {
			t.Errorf("it leads to %q", to)
		}
		b.want(b.get("/tickets"), http.StatusOK, "li.na")
		form = b.form(b.get(c.newOperation("running", "operation_type=PAUSE_ORDER")))
		b.want(b.post(c.ticket("running")+"/operations", form), http.StatusSeeOther)
		if n := c.sim.Calls(simulator.CallOperate); n != 2 {
			t.Errorf("operations were sent %d times", n)
		}
		// Where the provider no longer vouches, that is the end.
		c.clock.advance(70 * time.Second)
		c.sim.EndRefresh("li.na")
		c.sim.Revoke("li.na")
		if p := b.get("/tickets?name=y"); !strings.HasPrefix(p.location(), "/sign-in?ended=company") {
			t.Errorf("it leads to %q", p.location())
		}
	})
}

// TestGroupsLost: whoever loses the group that lets them in is signed out at the next renewal.
func TestGroupsLost(t *testing.T) {
	t.Parallel()
	c := start(t, renewing(true), func(s *settings) {
		s.policies = `@id("in") forbid (principal, action == Action::"sign-in", resource) unless {principal in Role::"on-call"};` + free
	})
	b := c.browser(t, i18n.EnUS)
	b.want(b.signInAs("li.na", nil), http.StatusSeeOther)
	b.want(b.get("/tickets"), http.StatusOK)
	c.sim.SetGroups("li.na", "sales")
	c.clock.advance(90 * time.Minute)
	if p := b.get("/tickets"); p.StatusCode != http.StatusSeeOther {
		t.Errorf("it answers %d", p.StatusCode)
	}
	if r := c.only(audit.ActionSessionEnded); r.Detail != "why=not_admitted" {
		t.Errorf("the record is %+v", r)
	}
}

// TestNoKeyShows: no temporary key, refresh token or ID token of a session that signs in, is renewed, is refused and ends
// is in a page, a header of one, the log, a record or a metric; the provider's sign-out alone gets the ID token.
func TestNoKeyShows(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var secrets []string
	c := start(t, renewing(true), quick, func(s *settings) {
		s.upstream = func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/idp/token" && !strings.HasSuffix(r.URL.Path, "/securitytokens") {
					next.ServeHTTP(w, r)
					return
				}
				answer := httptest.NewRecorder()
				next.ServeHTTP(answer, r)
				var out struct {
					ID         string `json:"id_token"`
					Refresh    string `json:"refresh_token"`
					Credential struct{ Access, Secret, SecurityToken string }
				}
				_ = json.Unmarshal(answer.Body.Bytes(), &out)
				mu.Lock()
				secrets = append(secrets, out.ID, out.Refresh, out.Credential.Access, out.Credential.Secret, out.Credential.SecurityToken)
				mu.Unlock()
				maps.Copy(w.Header(), answer.Header())
				w.WriteHeader(answer.Code)
				_, _ = w.Write(answer.Body.Bytes())
			})
		}
	})
	var shown strings.Builder
	b := c.browser(t, i18n.EnUS)
	show := func(p page) { shown.WriteString(p.body + fmt.Sprint(p.Header)) }
	look := func() {
		t.Helper()
		for _, path := range []string{"/tickets?name=a", c.ticket("running"), "/me/permissions", "/project", "/sessions"} {
			show(b.get(path))
		}
	}
	show(b.signInAs("li.na", nil))
	look()
	form := b.form(b.get(c.newOperation("running", "operation_type=PAUSE_ORDER")))
	show(b.post(c.ticket("running")+"/operations", form))
	for _, f := range []simulator.Fault{{Kind: simulator.AnyCOCCall, Effect: simulator.EchoToken}, {Kind: simulator.CallProjects, Effect: simulator.EchoToken},
		{Kind: simulator.AnyCOCCall, Effect: simulator.ExpireToken, Times: 1}, {Kind: simulator.CallTemporaryKeys, Effect: simulator.HTMLBody, Status: 200}, {Kind: simulator.CallProvider, Effect: simulator.BareRefresh}} {
		heal := c.sim.Inject(f)
		c.clock.advance(50 * time.Minute)
		look()
		heal()
		c.clock.advance(20 * time.Second)
		look()
	}
	show(b.signInAs("li.na", nil))
	show(b.post("/project", url.Values{"project": {"ap-southeast-3"}}))
	c.sim.EndRefresh("")
	c.clock.advance(2 * time.Hour)
	look()
	show(b.signInAs("chen.wei", nil))
	for _, path := range []string{"/audit?view=records", "/sessions", "/metrics"} {
		show(b.get(path))
	}
	show(b.post("/sign-out", nil))
	show(b.get("/sign-in/oidc/sign-out"))
	for _, r := range c.records() {
		text, err := audit.Encode(r)
		must(t, err)
		shown.Write(text)
	}
	all := shown.String() + c.output.String()
	mu.Lock()
	defer mu.Unlock()
	seen := 0
	for _, secret := range secrets {
		for part := range strings.SplitSeq(secret, ".") {
			if len(part) < 10 {
				continue
			}
			if seen++; strings.Contains(all, part) || strings.Contains(all, part[:len(part)*3/4]) {
				t.Errorf("%.8s… of %d shows", part, len(part))
			}
		}
	}
	if seen < 30 {
		t.Errorf("%d secrets were seen", seen)
	}
}
