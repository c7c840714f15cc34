package web_test

import (
	"net/http"
	"testing"
	"time"

	"coc-console/internal/i18n"
)

// TestCountsInEveryBrowser: a number that a page has shown first is still told to the other browsers of the same person,
// and not with what comes next.
func TestCountsInEveryBrowser(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) {
		s.policies = `@id("all") permit (principal, action, resource);
			@id("asked") @demand("approval") forbid (principal, action == Action::"CANCEL_ORDER", resource) unless { context.approved };`
	})
	first, other := c.signedIn(t, "manager", i18n.EnUS), c.signedIn(t, "manager", i18n.EnUS)
	stream := first.listen("/counts/events")
	stream.until(`id="count-attention" title=`)
	operator := c.signedIn(t, "operator", i18n.EnUS)
	form := operator.form(operator.get(c.newOperation("abnormal", "operation_type=CANCEL_ORDER")))
	form.Set("reason", "It answers no requests.")
	form.Set("ask", "1")
	asked := operator.post(c.ticket("abnormal")+"/operations", form)
	operator.want(asked, http.StatusSeeOther)
	begun := time.Now()
	other.want(other.get("/shortcuts"), http.StatusOK)
	stream.until(`id="count-approvals" title=`)
	if took := time.Since(begun); took > 20*time.Second { // every 30 s something else is told
		t.Errorf("it is told after %s", took)
	}
}
