package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/internal/simulator"
)

// TestTwoApproversOnThePage: the confirmation says how many are needed, the request who has approved and how many are
// missing, the list and its number no more to whom approves; only the last approval sends the operation.
func TestTwoApproversOnThePage(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) {
		s.policies = `@id("all") permit (principal, action, resource);
			@id("two") @demand("approval") @approvers("2") @approvers_from("different-teams")
			forbid (principal, action == Action::"CANCEL_ORDER", resource) unless { context.approved };`
		s.directory = `{"teams": {"operations": ["demo/manager"], "audit": ["demo/reader"], "other": ["demo/operator"]}}`
	})
	en, zh := i18n.Approvers.In(i18n.EnUS), i18n.Approvers.In(i18n.ZhCN)
	requester, first, last := c.signedIn(t, "operator", i18n.EnUS), c.signedIn(t, "manager", i18n.EnUS), c.signedIn(t, "reader", i18n.ZhCN)
	p := requester.get(c.newOperation("running", "operation_type=CANCEL_ORDER"))
	requester.want(p, http.StatusOK, en.Needs(2, true))
	form := requester.form(p)
	form.Set("ask", "1")
	form.Set("reason", "it deletes data")
	p = requester.post(c.ticket("running")+"/operations", form)
	requester.want(p, http.StatusSeeOther)
	at := p.location()
	requester.want(requester.get(at), http.StatusOK, en.Progress(0, 2, true))
	first.want(first.get("/approvals"), http.StatusOK, en.Progress(0, 2, true), at)
	first.want(first.get(at), http.StatusOK, en.NotLast(1), en.Approve)
	first.want(first.post(at, url.Values{"decision": {"approve"}, "comment": {"go on"}}), http.StatusSeeOther)
	c.sentNothing(t)
	p = first.get(at)
	if first.want(p, http.StatusOK, en.Progress(1, 2, true), en.Uncounted.Of("given"), "go on"); strings.Contains(p.body, `id="approve"`) {
		t.Error("who has approved can approve again")
	}
	first.want(first.post(at, url.Values{"decision": {"approve"}}), http.StatusForbidden, en.Uncounted.Of("given"))
	requester.want(requester.get(at), http.StatusOK, en.Progress(1, 2, true), "manager", "go on")
	last.want(last.get("/approvals"), http.StatusOK, zh.Progress(1, 2, true), at)
	p = last.get(at)
	if last.want(p, http.StatusOK, zh.Progress(1, 2, true), i18n.For(i18n.ZhCN).Approval.Approve("CANCEL_ORDER")); strings.Contains(p.body, zh.NotLast(1)) {
		t.Error("the last is told that more are needed")
	}
	last.want(last.post(at, url.Values{"decision": {"approve"}}), http.StatusSeeOther)
	last.want(last.get(at), http.StatusOK, "manager", "reader", "/operations/"+strings.TrimPrefix(at, "/approvals/"))
	if n := c.sim.Calls(simulator.CallOperate); n != 1 {
		t.Errorf("%d operations were sent", n)
	}
	if given := c.only(audit.ActionApprovalGiven); given.Actor.UserName != "manager" || operate.ParseDetail(given.Detail).Comment != "go on" {
		t.Errorf("the record says %+v", given)
	}
	requested := c.only(audit.ActionOperationRequested)
	requester.want(requester.settled("/operations/"+requested.OperationID), http.StatusOK)
	row := first.get("/audit?view=operations&q=" + url.QueryEscape("approver:manager"))
	first.want(row, http.StatusOK, "manager, reader")
	first.want(first.get("/audit?view=operations&q="+url.QueryEscape("approver:reader")), http.StatusOK, "manager, reader")
}
