package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coc-console/audit"
	"coc-console/internal/i18n"
)

var (
	opRow  = regexp.MustCompile(`<tr id="op-[^"]+"[^>]*data-sequence="([0-9]+)" data-status="([^"]*)" data-operation="[^"]*" data-action="([^"]*)"`)
	opStep = regexp.MustCompile(`<li data-sequence="[0-9]+" data-action="([^"]*)"`)
)

// operationRows are the operations of a page, each with its outcome.
func operationRows(p page) (out []string) {
	for _, m := range opRow.FindAllStringSubmatch(p.body, -1) {
		out = append(out, m[3]+" "+m[2])
	}
	return out
}

// TestOneRowEach: the log opens with one row for each operation, newest first; one link in the menu of every page leads
// to those of last night; a row opens in place; an address of before shows records.
func TestOneRowEach(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	for _, of := range []string{"running", "paused"} {
		form := b.form(b.get(c.newOperation(of, "operation_type=CANCEL_ORDER")))
		form.Set("reason", "superseded "+of)
		b.settled(b.follow(b.post(c.ticket(of)+"/operations", form)).Request.URL.Path)
	}
	manager := c.signedIn(t, "manager", i18n.EnUS)
	p := manager.get("/audit")
	want := []string{"CANCEL_ORDER confirmed", "CANCEL_ORDER confirmed"}
	if diff := cmp.Diff(want, operationRows(p)); diff != "" {
		t.Fatalf("two cancellations (-want +got):\n%s", diff)
	}
	manager.want(p, http.StatusOK, "superseded running", "superseded paused", "operator")
	night := "/audit?view=operations&range=night"
	if !strings.Contains(manager.get("/tickets").body, `href="`+strings.ReplaceAll(night, "&", "&amp;")+`"`) {
		t.Error("the list of tickets doesn't lead to last night's operations")
	}
	at := c.clock.now().UTC()
	evening := time.Date(at.Year(), at.Month(), at.Day(), 20, 0, 0, 0, time.UTC).AddDate(0, 0, -1)
	led, err := url.Parse(manager.get(night).location())
	must(t, err)
	if got := led.Query().Get("q"); got != "after:"+evening.Format(time.RFC3339)+" before:"+evening.Add(12*time.Hour).Format(time.RFC3339) {
		t.Errorf("last night is %s, and it is %s", got, at)
	}
	sequence := opRow.FindStringSubmatch(p.body)[1]
	var steps []string
	for _, m := range opStep.FindAllStringSubmatch(manager.get("/audit?open="+sequence).body, -1) {
		steps = append(steps, m[1])
	}
	if diff := cmp.Diff([]string{"operation.requested", "operation.accepted", "operation.observed"}, steps); diff != "" {
		t.Errorf("the steps of an opened row (-want +got):\n%s", diff)
	}
	if got := manager.get("/audit?action=operation."); len(operationRows(got)) > 0 || !strings.Contains(got.body, `<tr id="record-`) {
		t.Error("an address of before doesn't show records")
	}
	if got := operationRows(manager.get("/audit?view=access")); len(got) == 0 || strings.Contains(strings.Join(got, " "), "CANCEL_ORDER") {
		t.Errorf("access has %v", got)
	}
}

var (
	tailAddress  = regexp.MustCompile(`data-tail="([^"]*)"`)
	olderAddress = regexp.MustCompile(`rel="next" href="([^"]*)"`)
)

// TestNextPartsAreOfTheSameView: what a page of operations asks for when it grows, and the older page that it leads to,
// are operations, too.
func TestNextPartsAreOfTheSameView(t *testing.T) {
	t.Parallel()
	c := start(t)
	manager := c.signedIn(t, "manager", i18n.EnUS)
	request := func(id string) {
		c.append(audit.Record{Action: audit.ActionOperationRequested, Outcome: audit.OutcomePending, OperationID: id,
			OperationType: "PAUSE_ORDER", Actor: audit.Actor{UserID: "u1", UserName: "ann"}, Ticket: c.sim.UUID("running")})
	}
	for i := range 51 {
		request(fmt.Sprint("op-", i))
	}
	first := manager.get("/audit")
	request("op-51")
	c.append(audit.Record{Action: audit.ActionTicketViewed, Outcome: audit.OutcomeSucceeded, Ticket: c.sim.UUID("running")})
	grown := manager.get(unescaped(tailAddress.FindStringSubmatch(first.body)[1]), with("Coc-Console-Refresh", "1"))
	if diff := cmp.Diff([]string{"PAUSE_ORDER requested"}, operationRows(grown)); diff != "" {
		t.Errorf("what the page grows by (-want +got):\n%s", diff)
	}
	if !strings.Contains(grown.body, `data-total="52"`) {
		t.Error("it doesn't say how many there are by now")
	}
	if n := len(c.records(audit.ActionAuditViewed)); n != 1 {
		t.Errorf("a page that grows is %d views", n)
	}
	older := manager.get(unescaped(olderAddress.FindStringSubmatch(first.body)[1]))
	if diff := cmp.Diff([]string{"PAUSE_ORDER requested"}, operationRows(older)); diff != "" {
		t.Errorf("the older page (-want +got):\n%s", diff)
	}
}

// TestRowMovesWhenItIsApproved: an operation that waited for an approval is one row of a page that follows the log, though
// it stands elsewhere once it is sent; and an address that opened it still does.
func TestRowMovesWhenItIsApproved(t *testing.T) {
	t.Parallel()
	c := start(t)
	manager := c.signedIn(t, "manager", i18n.EnUS)
	step := func(a audit.Action, outcome audit.Outcome) audit.Record {
		return audit.Record{Action: a, Outcome: outcome, OperationID: "op-a", OperationType: "CANCEL_ORDER",
			Actor: audit.Actor{UserID: "u1", UserName: "ann"}, Ticket: c.sim.UUID("running")}
	}
	c.append(step(audit.ActionApprovalRequested, audit.OutcomePending))
	row := regexp.MustCompile(`<tr id="(op-[^"]+)"`)
	before := manager.get("/audit")
	opened := "/audit?open=" + opRow.FindStringSubmatch(before.body)[1]
	c.append(step(audit.ActionApprovalGranted, audit.OutcomeSucceeded), step(audit.ActionOperationRequested, audit.OutcomePending))
	grown := manager.get(unescaped(tailAddress.FindStringSubmatch(before.body)[1]), with("Coc-Console-Refresh", "1"))
	if was, is := row.FindStringSubmatch(before.body), row.FindStringSubmatch(grown.body); is == nil || was[1] != is[1] {
		t.Errorf("the row %q is %q when it is sent", was, is)
	}
	if n := len(opStep.FindAllString(manager.get(opened).body, -1)); n != 3 {
		t.Errorf("%s shows %d steps", opened, n)
	}
}

// TestRowsOfOthers: who is no manager sees their own operations alone.
func TestRowsOfOthers(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	b.settled(b.follow(b.post(c.ticket("running")+"/operations",
		b.form(b.get(c.newOperation("running", "operation_type=PAUSE_ORDER"))))).Request.URL.Path)
	if got := operationRows(b.get("/audit")); len(got) != 1 {
		t.Errorf("its own operations are %v", got)
	}
	if got := operationRows(c.signedIn(t, "reader", i18n.EnUS).get("/audit")); len(got) > 0 {
		t.Errorf("somebody else sees %v", got)
	}
}
