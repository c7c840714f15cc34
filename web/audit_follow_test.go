package web_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coc-console/audit"
	"coc-console/internal/i18n"
)

// TestShownRowsFollow: a page that follows the log gets the outcomes of the operations that it shows, whatever it searches for.
func TestShownRowsFollow(t *testing.T) {
	t.Parallel()
	c := start(t)
	manager, reader := c.signedIn(t, "manager", i18n.EnUS), c.signedIn(t, "reader", i18n.EnUS)
	asked := audit.Record{Action: audit.ActionOperationRequested, Outcome: audit.OutcomePending, OperationID: "op-1", OperationType: "PAUSE_ORDER",
		Actor: audit.Actor{UserID: "u1", UserName: "ann"}, Ticket: c.sim.UUID("running")}
	c.append(asked)
	place := strconv.FormatInt(c.only(audit.ActionOperationRequested).Sequence, 10)
	for _, view := range []string{"operations", "everything"} {
		if p := manager.get("/audit?view=" + view); !strings.Contains(p.body, `data-status="requested"`) || !strings.Contains(p.body, " data-open") {
			t.Errorf("%s: the row is not open", view)
		}
	}
	answered, seen := asked, asked
	answered.Action, answered.Outcome = audit.ActionOperationAccepted, audit.OutcomeSucceeded
	seen.Action, seen.Outcome = audit.ActionOperationObserved, audit.OutcomeSucceeded
	c.append(answered)
	c.append(seen)
	refresh := with("Coc-Console-Refresh", "1")
	again := "after=1000000&shown=&shown=" + place + "&shown=999&shown=x"
	for _, q := range []string{"", "outcome:requested"} {
		p := manager.get("/audit?view=operations&q="+q+"&"+again, refresh)
		if diff := cmp.Diff([]string{"PAUSE_ORDER confirmed"}, operationRows(p)); diff != "" || strings.Contains(p.body, " data-open") {
			t.Errorf("%s: the row by now (-want +got):\n%s", q, diff)
		}
		if strings.Contains(p.body, "after=1000000") && strings.Contains(p.body, "open="+place+"&amp;after") {
			t.Error("a row's link leads to the part of the page that was asked for")
		}
	}
	p := manager.get("/audit?view=everything&"+again, refresh)
	if !strings.Contains(p.body, `<tr id="record-`+place+`"`) || !strings.Contains(p.body, `data-status="confirmed"`) || strings.Contains(p.body, " data-open") {
		t.Error("the record doesn't say how its operation ended")
	}
	for _, view := range []string{"operations", "everything"} {
		if p := reader.get("/audit?view="+view+"&"+again, refresh); strings.Contains(p.body, `data-sequence="`+place+`"`) {
			t.Errorf("%s: somebody else is told", view)
		}
	}
}

// TestReviewedEverywhere: what was signed off is marked where it is shown: a denied attempt in the log, an operation in
// the log and on its ticket's page.
func TestReviewedEverywhere(t *testing.T) {
	t.Parallel()
	c := start(t)
	boss := c.signedIn(t, "manager", i18n.EnUS)
	ann := audit.Actor{UserID: "u1", UserName: "ann", AccountName: "demo"}
	c.append(audit.Record{Action: audit.ActionAccessDenied, Outcome: audit.OutcomeDenied, OperationType: "CANCEL_ORDER", Actor: ann,
		Ticket: c.sim.UUID("running"), Seen: "status=PROCESSING"})
	asked := audit.Record{Action: audit.ActionOperationRequested, Outcome: audit.OutcomePending, OperationID: "op-1", OperationType: "PAUSE_ORDER",
		Actor: ann, Ticket: c.sim.UUID("running")}
	missed := asked
	missed.Action, missed.Outcome = audit.ActionOperationNotObserved, audit.OutcomeFailed
	c.append(asked)
	c.append(missed)
	denied := "record-" + strconv.FormatInt(c.only(audit.ActionAccessDenied).Sequence, 10)
	if p := boss.get("/audit"); strings.Contains(p.body, "data-reviewed") {
		t.Error("marked before anybody looked")
	}
	boss.want(boss.post("/audit/review", url.Values{"operation": {denied, "op-1"}, "comment": {"looked"}}), http.StatusSeeOther)
	if n := strings.Count(boss.get("/audit").body, "data-reviewed"); n != 2 {
		t.Errorf("%d rows of the log are marked", n)
	}
	if n := strings.Count(boss.get("/audit?view=access").body, "data-reviewed"); n != 1 {
		t.Errorf("%d rows of access are marked", n)
	}
	if n := strings.Count(boss.get(c.ticket("running")).body, "data-reviewed"); n != 1 {
		t.Errorf("the ticket's activity has %d marks", n)
	}
	boss.want(boss.get("/operations/op-1"), http.StatusOK, "demo/manager", "looked")
}
