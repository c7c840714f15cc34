package web_test

import (
	"net/http"
	"strings"
	"testing"

	"coc-console/audit"
	"coc-console/internal/i18n"
)

// TestOutcomesHaveOneWord: the queue of reviews and the handover say of an outcome what the log's list says, and a refusal
// names the page that was denied.
func TestOutcomesHaveOneWord(t *testing.T) {
	t.Parallel()
	for _, language := range []i18n.Language{i18n.EnUS, i18n.ZhCN} {
		t.Run(string(language), func(t *testing.T) {
			t.Parallel()
			c := start(t)
			b, boss := c.signedIn(t, "operator", language), c.signedIn(t, "manager", language)
			b.want(b.get("/audit/integrity"), http.StatusForbidden)
			operator := c.only(audit.ActionAccessDenied).Actor
			for _, r := range []audit.Record{
				{Action: audit.ActionAccessDenied, Outcome: audit.OutcomeDenied, OperationType: "CANCEL_ORDER", Target: "running_check"},
				{Action: audit.ActionOperationRequested, Outcome: audit.OutcomePending, OperationType: "PAUSE_ORDER", OperationID: "op-1"},
				{Action: audit.ActionOperationAccepted, Outcome: audit.OutcomeSucceeded, OperationType: "PAUSE_ORDER", OperationID: "op-1"},
			} {
				r.Ticket, r.Actor = c.sim.UUID("running"), operator
				if _, err := c.log.Append(t.Context(), r); err != nil {
					t.Fatal(err)
				}
			}
			words := i18n.AuditRows.In(language).Outcome
			for path, outcome := range map[string]string{"/audit/review": "denied", "/audit?view=operations&q=outcome:denied": "denied",
				"/handover": "accepted", "/handover.md": "accepted", "/audit?view=operations&q=outcome:accepted": "accepted"} {
				p := boss.get(path)
				boss.want(p, http.StatusOK)
				if word := words.Of(outcome); !strings.Contains(p.body, ">"+word+"<") && !strings.Contains(p.body, "_"+word+"_") {
					t.Errorf("%s doesn't say %s:\n%s", path, word, shortened(p.body))
				}
			}
			for _, path := range []string{"/audit?view=access", "/audit?view=everything", "/audit/incident"} {
				if p := boss.get(path); !strings.Contains(strings.ReplaceAll(p.body, "<wbr>", ""), "/audit/integrity<") {
					t.Errorf("%s doesn't say which page was denied:\n%s", path, shortened(p.body))
				}
			}
		})
	}
}
