package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coc-console/internal/i18n"
)

var (
	opRow  = regexp.MustCompile(`<tr id="op-([0-9]+)"[^>]*data-status="([^"]*)" data-operation="[^"]*" data-action="([^"]*)"`)
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
