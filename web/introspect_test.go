package web_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/handlers"
	"coc-console/internal/i18n"
	"coc-console/internal/simulator"
	"coc-console/web"
)

// TestRevokedTokensEndSessions: also those that only read the console's own
// pages, at the latest two minutes after the revocation while they are used.
func TestRevokedTokensEndSessions(t *testing.T) {
	t.Parallel()
	c := start(t)
	boss := c.signedIn(t, "manager", i18n.EnUS)
	other := c.signedIn(t, "operator", i18n.EnUS)
	boss.want(boss.get("/audit"), http.StatusOK)
	c.sim.Revoke("manager")
	c.clock.advance(2 * time.Minute)
	p := boss.get("/audit")
	boss.want(p, http.StatusSeeOther)
	if !strings.HasPrefix(p.location(), "/sign-in?") {
		t.Errorf("it leads to %q", p.location())
	}
	r := c.only(audit.ActionSessionRevoked)
	if r.Actor.UserName != "manager" || r.Upstream.Status != http.StatusNotFound && r.Upstream.Status != http.StatusUnauthorized || r.Origin.Session == "" {
		t.Errorf("the record is %+v", r)
	}
	if n := rows(t, c, "session"); n != 1 {
		t.Errorf("%d sessions are left, want the other one", n)
	}
	other.want(other.get("/audit"), http.StatusOK)
}

// TestScheduleOfIntrospection: one call a session while it is in use, spread
// out; none for what idles, for a long time; then one.
func TestScheduleOfIntrospection(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("an hour of 20 people, second by second: only large")
	}
	c := start(t, func(s *settings) { s.perPerson, s.idle = 1000, 8*time.Hour })
	const people = 20
	var all []*browser
	for range people {
		all = append(all, c.signedIn(t, "operator", i18n.EnUS))
	}
	calls := func() int { return c.sim.Calls(simulator.CallIntrospect) }
	at := map[int]int{}
	for second := range 600 {
		if second%60 == 0 {
			for _, b := range all {
				b.want(b.get("/audit"), http.StatusOK)
			}
		}
		before := calls()
		c.clock.advance(time.Second)
		c.sessions.Tick(t.Context())
		if n := calls() - before; n > 0 {
			at[n]++
		}
	}
	used := calls()
	if used < 600/110*people || used > (600/80+1)*people {
		t.Errorf("%d calls for %d sessions in use for 10 minutes", used, people)
	}
	for n := range at {
		if n > people/2 {
			t.Errorf("%d calls in one second for %d sessions", n, people)
		}
	}
	for range 70 {
		c.clock.advance(10 * time.Second)
		c.sessions.Tick(t.Context())
	}
	if idle := calls() - used; idle > 2*people {
		t.Errorf("%d calls in 12 minutes in which nobody did anything", idle)
	}
	before := calls()
	for range 2 * 60 {
		c.clock.advance(20 * time.Second)
		c.sessions.Tick(t.Context())
	}
	if idle := calls() - before; idle < people || idle > 4*people {
		t.Errorf("%d calls in 40 minutes in which nobody did anything", idle)
	}
}

// TestIAMAwayEndsNoSession: pages go on, also without a call each; what is
// worth protecting waits, says so, keeps what was typed, and does nothing.
func TestIAMAwayEndsNoSession(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		c := start(t)
		boss := c.signedIn(t, "manager", language)
		clerk := c.signedIn(t, "operator", language)
		name := c.records(audit.ActionSessionSignedIn)[1].Origin.Session
		remove := c.sim.Inject(simulator.Fault{Kind: simulator.CallIntrospect, Effect: simulator.Refuse, Status: http.StatusServiceUnavailable})
		c.clock.advance(3 * time.Minute)
		before := c.sim.Calls(simulator.CallIntrospect)
		for range 5 {
			boss.want(boss.get("/audit"), http.StatusOK)
		}
		if n := c.sim.Calls(simulator.CallIntrospect) - before; n != 1 {
			t.Errorf("%d calls for 5 pages while IAM fails, want 1", n)
		}
		boss.want(boss.get("/audit/export?format=csv"), http.StatusServiceUnavailable, texts.Problem.Unchecked.Heading)
		p := boss.post("/sessions", url.Values{"session": {name}, "reason": {"left <the> team"}})
		boss.want(p, http.StatusServiceUnavailable, texts.Problem.Unchecked.Text, "left <the> team")
		for _, path := range []string{"/audit/review", "/bulk", "/bulk/x", "/approvals/x"} {
			boss.want(boss.post(path, url.Values{"comment": {"typed"}}), http.StatusServiceUnavailable, texts.Problem.Unchecked.Heading, "typed")
		}
		if len(c.records(audit.ActionSessionEnded, audit.ActionAuditExported, audit.ActionSessionRevoked)) != 0 {
			t.Error("something was done")
		}
		clerk.want(clerk.get("/audit"), http.StatusOK)
		remove()
		boss.want(boss.post("/sessions", url.Values{"session": {name}, "reason": {"left <the> team"}}), http.StatusSeeOther)
		clerk.want(clerk.get("/audit"), http.StatusSeeOther)
	})
}

// TestFreshChecks: a token that was revoked a moment ago does nothing, however
// new IAM's last word is.
func TestFreshChecks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ method, path string }{{"GET", "/audit/export?format=csv"}, {"POST", "/audit/review"}, {"POST", "/bulk"},
		{"POST", "/bulk/x"}, {"POST", "/approvals/x"}, {"POST", "/sessions"}, {"GET", "/bulk/x/result.csv"}} {
		t.Run(tt.method+tt.path, func(t *testing.T) {
			c := start(t)
			boss := c.signedIn(t, "manager", i18n.EnUS)
			boss.want(boss.get("/audit/export?format=csv"), http.StatusOK) // IAM has just answered
			c.sim.Revoke("manager")
			p := boss.get
			if tt.method == http.MethodPost {
				p = func(path string, change ...func(*http.Request)) page { return boss.post(path, url.Values{}, change...) }
			}
			got := p(tt.path)
			boss.want(got, http.StatusSeeOther)
			if !strings.Contains(got.location(), "ended=1") {
				t.Errorf("it leads to %q", got.location())
			}
			c.only(audit.ActionSessionRevoked)
			if n := len(c.records(audit.ActionSessionEnded, audit.ActionAuditExported)); n != 1 { // the export before
				t.Errorf("%d records besides", n)
			}
		})
	}
}

// TestAnswersThatRevokeNothing: a proxy's page or a gateway's refusal is not
// IAM's word about a token.
func TestAnswersThatRevokeNothing(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]simulator.Fault{
		"a page":        {Effect: simulator.HTMLBody, Status: http.StatusUnauthorized},
		"a lost page":   {Effect: simulator.HTMLBody, Status: http.StatusNotFound},
		"throttled":     {Effect: simulator.Refuse, Status: http.StatusTooManyRequests, Code: "IAM.0012", Message: "threshold"},
		"no permission": {Effect: simulator.Refuse, Status: http.StatusForbidden, Code: "403", Message: "Forbidden", Keystone: true},
		"a gateway":     {Effect: simulator.Refuse, Status: http.StatusNotFound, Code: "APIGW.0101", Message: "The API does not exist", Gateway: true},
		"cut off":       {Effect: simulator.Reset},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t)
			boss := c.signedIn(t, "manager", i18n.EnUS)
			f.Kind = simulator.CallIntrospect
			c.sim.Inject(f)
			c.clock.advance(3 * time.Minute)
			boss.want(boss.get("/audit"), http.StatusOK)
			c.sessions.Tick(t.Context())
			boss.want(boss.get("/audit/export?format=csv"), http.StatusServiceUnavailable)
			boss.want(boss.get("/audit"), http.StatusOK)
			if len(c.records(audit.ActionSessionRevoked)) != 0 {
				t.Error("the session was revoked")
			}
		})
	}
}

// TestSessionsOfWhomNobodyAdmits end soon after the policies changed.
func TestSessionsOfWhomNobodyAdmits(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rules.cedar")
	c := start(t, func(s *settings) { s.policyFile = path })
	b := c.signedIn(t, "operator", i18n.EnUS)
	must(t, os.WriteFile(path, []byte(free+`@id("gone") forbid (principal, action == Action::"sign-in", resource) when { principal.name == "operator" };`), 0o600))
	if changed, err := c.rules.Check(); !changed || err != nil {
		t.Fatal(changed, err)
	}
	c.clock.advance(time.Minute)
	b.want(b.get("/audit"), http.StatusSeeOther)
	if r := c.only(audit.ActionSessionEnded); r.Detail != "why=not_admitted" || r.Actor.UserName != "operator" {
		t.Errorf("the record is %+v", r)
	}
}

// TestChangedRowsOpenNothing: neither an end that was put off, nor a use that
// did not happen, nor a check that IAM did not make brings a session to life.
func TestChangedRowsOpenNothing(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"expiry":  `UPDATE session SET expires_at = expires_at + 86400000000`,
		"use":     `UPDATE session SET seen_at = seen_at + 1800000000`,
		"begin":   `UPDATE session SET created_at = created_at - 1`,
		"check":   `UPDATE session SET checked_at = checked_at + 86400000000`,
		"person":  `UPDATE session SET person = 'x'`,
		"no code": `UPDATE session SET mac = x''`,
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t)
			b := c.signedIn(t, "operator", i18n.EnUS)
			b.want(b.get("/tickets"), http.StatusOK)
			must(t, exec(t.Context(), c, change))
			b.want(b.get("/tickets"), http.StatusSeeOther)
		})
	}
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	c.clock.advance(31 * time.Minute)
	must(t, exec(t.Context(), c, `UPDATE session SET seen_at = seen_at + 1800000000`))
	b.want(b.get("/tickets"), http.StatusSeeOther)
}

// TestSessionsPerPerson: one more than the limit ends the one that was used
// longest ago, with a record; other people's stay.
func TestSessionsPerPerson(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) { s.perPerson = 3 })
	other := c.signedIn(t, "reader", i18n.EnUS)
	var all []*browser
	for range 3 {
		all = append(all, c.signedIn(t, "operator", i18n.EnUS))
		c.clock.advance(2 * time.Minute)
	}
	all[0].want(all[0].get("/audit"), http.StatusOK)
	c.signedIn(t, "operator", i18n.EnUS)
	all[1].want(all[1].get("/audit"), http.StatusSeeOther)
	for _, b := range []*browser{all[0], all[2], other} {
		b.want(b.get("/audit"), http.StatusOK)
	}
	if r := c.only(audit.ActionSessionEnded); r.Detail != "why=limit" || r.Actor.UserName != "operator" || r.Origin.Session == "" {
		t.Errorf("the record is %+v", r)
	}
	if text := other.metrics(); !strings.Contains(text, `coc_console_requests_limited_total{limit="sessions"} 1`) {
		t.Error("the metrics do not count it")
	}
}

// TestSessionsOnPostgreSQL: two consoles on one database share what IAM said,
// and an end is an end on both; one writes the record of an end by command.
func TestSessionsOnPostgreSQL(t *testing.T) {
	t.Parallel()
	dsn := audittest.Postgres(t)
	c := start(t, func(s *settings) { s.dsn = dsn })
	other, err := web.NewSessions(web.SessionConfig{Write: c.db.Write, Read: c.db.Read, Key: bytes.Repeat([]byte{7}, web.KeySize), Idle: time.Hour,
		Manager: func(audit.Actor) bool { return false }, Logger: slog.New(slog.DiscardHandler), Now: c.clock.now,
		Record: func(ctx context.Context, r audit.Record) error { _, err := c.log.Append(ctx, r); return err }})
	must(t, err)
	b := c.signedIn(t, "operator", i18n.EnUS)
	c.clock.advance(130 * time.Second)
	b.want(b.get("/audit"), http.StatusOK)
	list, more, err := other.List(t.Context())
	if err != nil || more || len(list) != 1 || list[0].Actor.UserName != "operator" || c.clock.now().Sub(list[0].Checked) > time.Minute {
		t.Fatalf("the other console sees %+v, %v", list, err)
	}
	ended, ids, err := other.EndByCommand(t.Context(), func(handlers.SessionInfo) bool { return true }, "root@host", "why")
	if err != nil || len(ended) != 1 || len(ids) != 1 {
		t.Fatal(ended, ids, err)
	}
	b.want(b.get("/audit"), http.StatusSeeOther)
	must(t, exec(t.Context(), c, `INSERT INTO session_end (id, sealed, created_at) SELECT 'forged', sealed, created_at FROM session_end`))
	var both sync.WaitGroup
	for _, s := range []*web.Sessions{c.sessions, other} {
		both.Go(func() { s.Tick(context.WithoutCancel(t.Context())) })
	}
	both.Wait()
	if r := c.only(audit.ActionSessionEnded); r.Target != "demo/operator" || r.Reason != "why" || !strings.Contains(r.Detail, "why=command by=root@host session="+list[0].Name) {
		t.Errorf("the record is %+v", r)
	}
	if done, err := other.Recorded(t.Context(), ids); !done || err != nil {
		t.Error("it still waits", err)
	}
	if n := rows(t, c, "session_end"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}
