package search_test

import (
	"testing"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/search"
)

// TestTicketsByName: an operation on one instance has the host as its target, and is shown and found by its ticket's name,
// too, which only what the decision was made from says.
func TestTicketsByName(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		requested := audit.Record{Action: audit.ActionOperationRequested, Outcome: audit.OutcomePending, OperationID: "op-1",
			OperationType: "CANCEL_INSTANCE", Ticket: "SCT2026120200010602ae5cd33", InstanceID: 7, Target: "web-001 (10.0.0.1)",
			Actor: audit.Actor{UserID: "u-1", UserName: "ann"}, Input: `{"v":1,"action":"CANCEL_INSTANCE","ticket":{"name":"nginx_reload"}}`}
		accepted := requested
		accepted.Action, accepted.Outcome, accepted.Input = audit.ActionOperationAccepted, audit.OutcomeSucceeded, ""
		for _, r := range []audit.Record{requested, accepted} {
			if _, err := o.Append(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		check := func(when string) {
			t.Helper()
			for _, text := range []string{"nginx_reload", "nginx", `web-001`} {
				q := search.Query{Text: []string{text}, Visible: search.Visibility{All: true}}
				rows, err := o.Index.Rows(t.Context(), q, search.PresetOperations)
				if err != nil {
					t.Fatal(err)
				}
				if len(rows.Rows) != 1 || rows.Rows[0].TicketName != "nginx_reload" {
					t.Errorf("%s: %s finds %+v", when, text, rows.Rows)
				}
				records, err := o.Index.Search(t.Context(), q)
				if err != nil || len(records.Records) == 0 {
					t.Errorf("%s: %s finds %d records, %v", when, text, len(records.Records), err)
				}
			}
		}
		check("not followed")
		if err := o.Index.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		check("followed")
	})
}
