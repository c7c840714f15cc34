package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/handlers"
	"coc-console/internal/company"
	"coc-console/internal/i18n"
	"coc-console/internal/simulator"
)

// TestEndsRevoke: however a session ends, nothing can be renewed with what it held; where it goes on, it can.
func TestEndsRevoke(t *testing.T) {
	t.Parallel()
	everybody := func(handlers.SessionInfo) bool { return true }
	for name, end := range map[string]func(t *testing.T, c *console, b *browser){
		"nobody uses it": func(t *testing.T, c *console, _ *browser) {
			c.clock.advance(21 * time.Hour)
			must(t, c.sessions.Purge(t.Context()))
		},
		"a manager ends it": func(t *testing.T, c *console, _ *browser) {
			ended, err := c.sessions.EndSessions(t.Context(), everybody, audit.Record{Action: audit.ActionSessionEnded})
			if err != nil || len(ended) != 1 {
				t.Fatal(ended, err)
			}
		},
		"a command ends it": func(t *testing.T, c *console, _ *browser) {
			ended, _, err := c.sessions.EndByCommand(t.Context(), everybody, "root@host", "why")
			if err != nil || len(ended) != 1 {
				t.Fatal(ended, err)
			}
			c.sessions.Tick(t.Context())
		},
		"another sign-in in its browser": func(_ *testing.T, _ *console, b *browser) {
			b.signIn("operator")
		},
		"COC refuses its credential": func(_ *testing.T, c *console, b *browser) {
			heal := c.sim.Inject(simulator.Fault{Kind: simulator.CallListTickets, Effect: simulator.ExpireToken})
			b.get("/tickets?name=x")
			heal()
		},
		"IAM refuses the renewal": func(t *testing.T, c *console, b *browser) {
			c.clock.advance(25 * time.Hour / 2)
			heal := c.sim.Inject(simulator.Fault{Kind: simulator.CallIDToken, Effect: simulator.UnknownProvider})
			b.get("/tickets?name=x")
			until(t, "the session has ended", func() bool { return len(c.records(audit.ActionSessionRevoked)) == 1 })
			heal()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, renewing(false), quick, shortTokens)
			b := c.browser(t, i18n.EnUS)
			b.want(b.signInAs("li.na", nil), http.StatusSeeOther)
			if n := c.sim.Refreshable(); n != 1 {
				t.Fatalf("%d refresh tokens can be used", n)
			}
			end(t, c, b)
			until(t, "its refresh token is revoked", func() bool { return c.sim.Refreshable() == 0 })
		})
	}
}

// TestRevocationFails: a provider that is away holds nobody up who ends a session, and the console says that the token
// may live on, without the token.
func TestRevocationFails(t *testing.T) {
	t.Parallel()
	c := start(t, renewing(false), quick)
	b := c.browser(t, i18n.EnUS)
	b.want(b.signInAs("li.na", nil), http.StatusSeeOther)
	defer c.sim.Inject(simulator.Fault{Kind: simulator.CallProvider, Status: http.StatusServiceUnavailable})()
	ended, err := c.sessions.EndSessions(t.Context(), func(handlers.SessionInfo) bool { return true },
		audit.Record{Action: audit.ActionSessionEnded})
	if err != nil || len(ended) != 1 {
		t.Fatal(ended, err)
	}
	b.want(b.get("/tickets"), http.StatusSeeOther)
	until(t, "it is said", func() bool {
		return strings.Contains(c.output.String(), "did not revoke a refresh token of a session that is over")
	})
	if said := c.output.String(); !strings.Contains(said, `"session":"`+ended[0].Name+`"`) {
		t.Errorf("it does not say whose: %s", said)
	}
}

// TestRevocationWaitsForItsRecord: while the log takes none, a session that a command has ended keeps its token; then
// the provider is asked once.
func TestRevocationWaitsForItsRecord(t *testing.T) {
	t.Parallel()
	c := start(t, renewing(false), quick)
	b := c.browser(t, i18n.EnUS)
	b.want(b.signInAs("li.na", nil), http.StatusSeeOther)
	set := func(pragma string) {
		t.Helper()
		_, err := c.logDB.Write.ExecContext(t.Context(), pragma)
		must(t, err)
	}
	set("PRAGMA query_only = ON")
	_, ids, err := c.sessions.EndByCommand(t.Context(), func(handlers.SessionInfo) bool { return true }, "root@host", "why")
	must(t, err)
	asked := c.sim.Calls(simulator.CallProvider)
	for range 3 {
		c.sessions.Tick(t.Context())
		c.clock.advance(time.Minute)
	}
	if written, err := c.sessions.Recorded(t.Context(), ids); err != nil || written || c.sim.Calls(simulator.CallProvider) != asked || c.sim.Refreshable() != 1 {
		t.Fatalf("before its record it is recorded %v, %v, and the provider was asked", written, err)
	}
	set("PRAGMA query_only = OFF")
	until(t, "the record is written", func() bool {
		c.sessions.Tick(t.Context())
		c.clock.advance(time.Minute)
		written, err := c.sessions.Recorded(t.Context(), ids)
		return err == nil && written
	})
	until(t, "its refresh token is revoked", func() bool { return c.sim.Refreshable() == 0 })
	if n := c.sim.Calls(simulator.CallProvider) - asked; n != 1 {
		t.Errorf("the provider was asked %d times", n)
	}
}

// TestKeptSignOutCookie: what a browser carries to the provider's sign-out counts for two minutes; whoever keeps it
// longer, or changes it, is not led to the ID token in it.
func TestKeptSignOutCookie(t *testing.T) {
	t.Parallel()
	c := start(t, renewing(false), quick)
	b := c.browser(t, i18n.EnUS)
	b.want(b.signInAs("li.na", nil), http.StatusSeeOther)
	p := b.post("/sign-out", nil)
	u, err := url.Parse(b.url + company.LeavePath)
	must(t, err)
	kept := b.client.Jar.Cookies(u)
	carried := slices.IndexFunc(kept, func(k *http.Cookie) bool { return strings.HasSuffix(k.Name, "coc-leave") })
	if p.location() != company.LeavePath || carried < 0 {
		t.Fatalf("it leads to %q with %v", p.location(), kept)
	}
	again := func() string {
		t.Helper()
		p := c.browser(t, i18n.EnUS).get(company.LeavePath+"?go=1", func(r *http.Request) { r.AddCookie(kept[carried]) })
		return p.location()
	}
	if to := again(); !strings.Contains(to, "id_token_hint=") {
		t.Errorf("at once it leads to %q", to)
	}
	c.clock.advance(3 * time.Minute)
	if to := again(); strings.Contains(to, "id_token_hint") {
		t.Errorf("after three minutes it leads to %q", to)
	}
	c.clock.advance(-3 * time.Minute)
	kept[carried].Value = "A" + kept[carried].Value[1:]
	if to := again(); strings.Contains(to, "id_token_hint") {
		t.Errorf("changed, it leads to %q", to)
	}
}
