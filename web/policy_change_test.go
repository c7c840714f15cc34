package web_test

import (
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"coc-console/audit"
	"coc-console/internal/i18n"
)

// TestChangedPoliciesAreReviewed: with the setting a changed file waits, is shown to managers with what it would have made of the past, and
// is put into force by one of them, exactly as it was shown.
func TestChangedPoliciesAreReviewed(t *testing.T) {
	t.Parallel()
	for _, language := range []i18n.Language{i18n.EnUS, i18n.ZhCN} {
		t.Run(string(language), func(t *testing.T) {
			path := t.TempDir() + "/rules.cedar"
			c := start(t, func(s *settings) { s.policyFile, s.policies, s.policyReview = path, free, true })
			texts := i18n.PolicyChange.In(language)
			b, boss := c.signedIn(t, "operator", language), c.signedIn(t, "manager", language)
			form := b.form(b.get(c.newOperation("running", "operation_type=PAUSE_ORDER")))
			b.want(b.post(c.ticket("running")+"/operations", form), http.StatusSeeOther)
			c.only(audit.ActionOperationRequested)
			boss.want(boss.get("/policies/change"), http.StatusOK, texts.InForce)
			b.want(b.get("/policies/change"), http.StatusForbidden)
			change := func(text string) {
				must(t, os.WriteFile(path, []byte(text), 0o600))
				if changed, err := c.rules.Check(); changed || err != nil {
					t.Fatalf("changed %v, %v", changed, err)
				}
			}
			change(free + `@id("calm") forbid (principal, action == Action::"PAUSE_ORDER", resource);
				@id("trial") @mode("shadow") forbid (principal, action == Action::"CANCEL_ORDER", resource);`)
			boss.want(boss.get("/tickets"), http.StatusOK, texts.Waiting)
			if p := b.get("/tickets"); strings.Contains(p.body, texts.Waiting) {
				t.Error("who is no manager is told")
			}
			boss.want(boss.get("/me/permissions"), http.StatusOK, "/policies/change")
			page := boss.get("/policies/change")
			boss.want(page, http.StatusOK, texts.Sum(1, 1, 0), texts.Verdict["denied"], "calm", "demo/operator", texts.TakeUp, texts.Last(90))
			boss.want(boss.get("/policies/change?days=7"), http.StatusOK, texts.Sum(1, 1, 0))
			if strings.Contains(page.body, texts.TrialNewest) {
				t.Error("policies in trial would change something")
			}
			shown := candidate(t, page)
			b.want(b.post("/policies/change", url.Values{"candidate": shown["candidate"], "person": {b.person()}}), http.StatusForbidden)
			boss.want(boss.post("/policies/change", url.Values{"candidate": shown["candidate"], "person": {b.person()}}),
				http.StatusConflict, texts.TakeUp)
			change(free + `@id("trial") @mode("shadow") forbid (principal, action == Action::"PAUSE_ORDER", resource);`)
			boss.want(boss.get("/policies/change"), http.StatusOK, texts.Sum(1, 0, 0), texts.Trials(1), texts.TrialRules, texts.TrialNewest,
				texts.Tried, "demo/operator", "trial")
			change(free + `@id("calmer") forbid (principal, action in Action::"operate", resource);`)
			boss.want(boss.post("/policies/change", shown), http.StatusConflict, texts.Stale, "calmer")
			if n := len(c.records(audit.ActionPolicyChanged)); n != 0 {
				t.Fatalf("%d records too early", n)
			}
			b.want(b.get(c.newOperation("running", "operation_type=CANCEL_ORDER")), http.StatusOK)
			boss.want(boss.post("/policies/change", candidate(t, boss.get("/policies/change"))), http.StatusSeeOther)
			if r := c.only(audit.ActionPolicyChanged); r.Actor.UserName != "manager" || !strings.HasPrefix(r.Detail, "digest=") {
				t.Errorf("the log says %+v", r)
			}
			boss.want(boss.get("/me/permissions"), http.StatusOK, "calmer")
			boss.want(boss.get("/policies/change"), http.StatusOK, texts.InForce)
			change(free)
			boss.want(boss.get("/policies/change"), http.StatusOK, texts.TakeUp)
			change(free + `@id("calmer") forbid (principal, action in Action::"operate", resource);`)
			boss.want(boss.get("/policies/change"), http.StatusOK, texts.InForce)
		})
	}
}

// TestTrialOnTheRecord: what a policy in shadow would have decided is on the record's page, and nothing is stopped.
func TestTrialOnTheRecord(t *testing.T) {
	t.Parallel()
	for _, language := range []i18n.Language{i18n.EnUS, i18n.ZhCN} {
		c := start(t, func(s *settings) {
			s.policies = free + `@id("calm") @mode("shadow") forbid (principal, action == Action::"PAUSE_ORDER", resource);`
		})
		texts := i18n.For(language)
		b, boss := c.signedIn(t, "operator", language), c.signedIn(t, "manager", language)
		form := b.form(b.get(c.newOperation("running", "operation_type=PAUSE_ORDER")))
		b.want(b.post(c.ticket("running")+"/operations", form), http.StatusSeeOther)
		r := c.only(audit.ActionOperationRequested)
		boss.want(boss.get("/audit/"+number(r.Sequence)), http.StatusOK, texts.Word.Detail.Of("trial"), texts.Policy.Trial("denied", "calm"),
			texts.Word.Detail.Of("input"), "PAUSE_ORDER")
		boss.want(boss.get("/me/permissions"), http.StatusOK, texts.Policy.InTrial)
	}
}

// candidate is the form that takes up what a page shows.
func candidate(t *testing.T, p page) url.Values {
	t.Helper()
	form := url.Values{}
	at := strings.Index(p.body, `action="/policies/change"`)
	if at < 0 {
		t.Fatal("there is no form")
	}
	for _, m := range hiddenInput.FindAllStringSubmatch(p.body[at:], -1) {
		form.Set(m[1], m[2])
	}
	return form
}
