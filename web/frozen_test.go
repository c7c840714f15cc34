package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"coc-console/internal/i18n"
)

// TestDecidedApprovalsAreFrozen: what was decided on is told as it was, however
// the ticket is now.
func TestDecidedApprovalsAreFrozen(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		for decision, when := range map[string]string{"approve": texts.Approval.WhenDecided, "refuse": texts.Approval.WhenDecided,
			"withdraw": texts.Approval.WhenAsked} {
			t.Run(decision, func(t *testing.T) {
				c := start(t, builtIn)
				requester, approver := c.signedIn(t, "operator", language), c.signedIn(t, "manager", language)
				form := requester.form(requester.get(c.newOperation("running", "operation_type=CANCEL_ORDER")))
				form.Set("reason", "it deletes data")
				form.Set("ask", "1")
				at := requester.post(c.ticket("running")+"/operations", form).location()
				decider := approver
				if decision == "withdraw" {
					decider = requester
				}
				stops := texts.Operation.ImpactOf(i18n.Impact{Operation: "CANCEL_ORDER", Number: 3, Running: 2})
				nothing := texts.Operation.ImpactOf(i18n.Impact{Operation: "CANCEL_ORDER", Done: 3})
				waiting := decider.get(at)
				decider.want(waiting, http.StatusOK, stops)
				decider.want(decider.post(at, url.Values{"decision": {decision}, "count": {"3"}}), http.StatusSeeOther)
				if decision == "approve" {
					requester.settled("/operations/" + strings.TrimPrefix(at, "/approvals/"))
				} else { // it is cancelled anyway, by a form of its own
					direct := approver.form(approver.get(c.newOperation("running", "operation_type=CANCEL_ORDER")))
					direct.Set("reason", "now")
					direct.Set("count", "3")
					approver.settled(approver.post(c.ticket("running")+"/operations", direct).location())
				}
				p := approver.get(at)
				approver.want(p, http.StatusOK, when, stops)
				if strings.Contains(p.body, escaped(nothing)) || strings.Contains(p.body, ">"+texts.Approval.Now+"<") {
					t.Error("it tells of the ticket as it is now")
				}
			})
		}
	})
}
