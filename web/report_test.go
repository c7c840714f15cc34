package web_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"coc-console/audit"
	"coc-console/internal/i18n"
)

var csvLink = regexp.MustCompile(`href="([^"]*table=[^"]*)"`)

// TestReportPage: managers see what everybody did, others what they did
// themselves; each table is a file, and what was looked at is in the log.
func TestReportPage(t *testing.T) {
	t.Parallel()
	c := start(t)
	operator, manager := c.signedIn(t, "operator", i18n.EnUS), c.signedIn(t, "manager", i18n.ZhCN)
	for _, r := range []audit.Record{
		{Action: audit.ActionOperationRequested, Outcome: audit.OutcomePending, OperationID: "op1", OperationType: "CANCEL_ORDER", Ticket: "SCT1",
			Detail: `{"glass":true}`, Reason: "=SUM(A1)", Actor: audit.Actor{AccountName: "demo", UserName: "somebody-else", UserID: "other"}},
		{Action: audit.ActionOperationObserved, Outcome: audit.OutcomeSucceeded, OperationID: "op1", OperationType: "CANCEL_ORDER", Ticket: "SCT1",
			Actor: audit.Actor{AccountName: "demo", UserName: "somebody-else", UserID: "other"}},
	} {
		_, err := c.log.Append(t.Context(), r)
		must(t, err)
	}
	en, zh := i18n.Report.In(i18n.EnUS), i18n.Report.In(i18n.ZhCN)
	manager.want(manager.get("/audit/report"), http.StatusOK, "demo/somebody-else", zh.ByPerson, zh.Overrides, zh.NotYet, c.log.PublicKey())
	own := operator.get("/audit/report")
	operator.want(own, http.StatusOK, en.Own, en.Integrity)
	if strings.Contains(own.body, "somebody-else") {
		t.Error("an operator sees what somebody else did")
	}
	file := manager.get("/audit/report?table=overrides")
	if got := file.Header.Get("Content-Disposition"); !strings.HasPrefix(got, `attachment; filename="report-overrides-`) || !strings.Contains(file.body, ",'=SUM(A1),") {
		t.Errorf("the file %s is\n%s", got, file.body)
	}
	links := csvLink.FindAllStringSubmatch(manager.get("/audit/report").body, -1)
	for _, link := range links {
		if got := manager.get(unescaped(link[1])).Header.Get("Content-Type"); got != "text/csv; charset=utf-8" {
			t.Errorf("%s leads to %s", link[1], got)
		}
	}
	if len(links) < 7 {
		t.Errorf("%d tables can be downloaded", len(links))
	}
	if file := operator.get("/audit/report?table=overrides"); strings.Contains(file.body, "SUM") {
		t.Error("an operator's file has what somebody else did")
	}
	operator.want(operator.get("/audit/report?from=2026-03-02&to=2026-03-01"), http.StatusUnprocessableEntity, en.WrongPeriod)
	operator.want(operator.get("/audit/report?from=2020-01-01"), http.StatusOK, "2020-01-01")
	operator.want(operator.get("/audit/report?from=2020-01-01&to=2020-01-01"), http.StatusOK, en.Empty)
	must(t, c.log.AwaitNotes(t.Context()))
	manager.want(manager.get("/audit?q=action:audit.viewed"), http.StatusOK, "report")
}
