package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/i18n"
)

// TestRefusedDecisionsAreRecorded: whoever may not decide about a request, or
// comes too late, leaves a record.
func TestRefusedDecisionsAreRecorded(t *testing.T) {
	t.Parallel()
	c := start(t, builtIn)
	requester := c.signedIn(t, "operator", i18n.EnUS)
	form := requester.form(requester.get(c.newOperation("abnormal", "operation_type=CANCEL_ORDER")))
	form.Set("reason", "it hangs")
	form.Set("ask", "1")
	p := requester.post(c.ticket("abnormal")+"/operations", form)
	at := p.location()
	if !strings.HasPrefix(at, "/approvals/") {
		t.Fatalf("status %d leads to %q\n%s", p.StatusCode, at, shortened(p.body))
	}
	approver := c.signedIn(t, "manager", i18n.EnUS)
	decide := func(b *browser, at, decision string, status int) {
		t.Helper()
		b.want(b.post(at, url.Values{"decision": {decision}}), status)
	}
	decide(requester, at, "approve", http.StatusForbidden)
	decide(requester, at, "refuse", http.StatusForbidden)
	decide(approver, at, "withdraw", http.StatusForbidden)
	decide(approver, at, "send", http.StatusForbidden)
	decide(approver, at, "explode", http.StatusUnprocessableEntity)
	decide(approver, "/approvals/none", "approve", http.StatusNotFound)
	decide(approver, at, "refuse", http.StatusSeeOther)
	decide(approver, at, "approve", http.StatusConflict)
	want := []string{"own_request approve", "own_request refuse", "not_requester withdraw", "not_requester send",
		"not_offered ", "unknown_request ", "already_decided approve"}
	got := c.records(audit.ActionAccessDenied)
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d: %+v", len(got), len(want), got)
	}
	for i, r := range got {
		why, decision, _ := strings.Cut(want[i], " ")
		if r.Outcome != audit.OutcomeDenied || !strings.HasPrefix(r.Detail, "why="+why) || !strings.Contains(r.Detail+"decision=", "decision="+decision) ||
			why != "unknown_request" && (r.Ticket != c.sim.UUID("abnormal") || r.OperationType != "CANCEL_ORDER") || r.Actor.UserName == "" {
			t.Errorf("%s: %+v", want[i], r)
		}
	}
}

func TestExpiredRequestsAreRecordedAsSuch(t *testing.T) {
	t.Parallel()
	c := start(t, builtIn)
	requester := c.signedIn(t, "operator", i18n.EnUS)
	form := requester.form(requester.get(c.newOperation("abnormal", "operation_type=CANCEL_ORDER")))
	form.Set("reason", "it hangs")
	form.Set("ask", "1")
	at := requester.post(c.ticket("abnormal")+"/operations", form).location()
	c.clock.advance(5 * time.Hour)
	approver := c.signedIn(t, "manager", i18n.EnUS)
	approver.want(approver.post(at, url.Values{"decision": {"approve"}}), http.StatusConflict)
	if r := c.only(audit.ActionAccessDenied); !strings.HasPrefix(r.Detail, "why=expired ") {
		t.Errorf("the record is %+v", r)
	}
}

// TestUnusableKeysAreRecorded, and so often that nobody fills the log with
// them.
func TestUnusableKeysAreRecorded(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	form := b.form(b.get(c.newOperation("abnormal", "operation_type=CANCEL_ORDER")))
	form.Set("key", "nobodys")
	for range 30 {
		b.want(b.post(c.ticket("abnormal")+"/operations", form), http.StatusUnprocessableEntity)
	}
	b.want(b.post("/bulk", changed(url.Values{"operation_type": {"CANCEL_ORDER"}, "target": {c.sim.UUID("abnormal")}}, "key", "nobodys")),
		http.StatusUnprocessableEntity)
	n := 0
	for _, r := range c.records(audit.ActionRequestRefused) {
		if strings.HasPrefix(r.Detail, "why=key_unusable") && r.Outcome == audit.OutcomeDenied && r.Actor.UserName == "operator" {
			n++
		}
	}
	if n < 1 || n > 25 {
		t.Errorf("%d records of 31 refusals", n)
	}
	c.sentNothing(t)
}
