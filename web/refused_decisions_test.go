package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/internal/simulator"
)

// TestRefusedDecisions: a review and an approval that the log does not take
// decide nothing, say why, and keep what was typed.
func TestRefusedDecisions(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		c := start(t, builtIn)
		b, boss := c.signedIn(t, "operator", language), c.signedIn(t, "manager", language)
		id := strings.TrimPrefix(b.overrideUsed(), "/operations/")
		form := b.form(b.get(c.newOperation("paused", "operation_type=CANCEL_ORDER")))
		form.Set("reason", "please")
		form.Set("ask", "1")
		asked := b.post(c.ticket("paused")+"/operations", form)
		b.want(asked, http.StatusSeeOther)
		at := asked.location()
		answer := url.Values{"decision": {"approve"}, "comment": {"typed <2>"}, "count": {boss.get(at).stops()}}
		sent := c.sim.Calls(simulator.CallOperate)
		must(t, c.log.AwaitNotes(t.Context()))
		_, err := c.logDB.Write.ExecContext(t.Context(), "PRAGMA query_only = ON")
		must(t, err)
		says := texts.Problem.LogReadOnly
		boss.want(boss.post("/audit/review", url.Values{"operation": {id}, "comment": {"typed <1>"}}), http.StatusServiceUnavailable,
			says.Text, says.Advice, "typed <1>")
		boss.want(boss.post(at, answer), http.StatusServiceUnavailable,
			says.Text, says.Advice, "typed <2>")
		_, err = c.logDB.Write.ExecContext(t.Context(), "PRAGMA query_only = OFF")
		must(t, err)
		if n := c.sim.Calls(simulator.CallOperate); n != sent {
			t.Errorf("%d operations were sent", n-sent)
		}
		boss.want(boss.post(at, answer), http.StatusSeeOther)
		boss.want(boss.post("/audit/review", url.Values{"operation": {id}, "comment": {"typed <1>"}}), http.StatusSeeOther)
		if r := c.only(audit.ActionOverrideReviewed); r.Actor.UserName != "manager" {
			t.Errorf("the log says %+v", r)
		}
		c.only(audit.ActionApprovalGranted)
	})
}
