package search_test

import (
	"testing"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/query"
	"coc-console/audit/search"
)

// TestSeveralApprovers: an approval that is not the last leaves an operation waiting; its row names all, and is found by each.
func TestSeveralApprovers(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		about := func(a audit.Action, outcome audit.Outcome, who, detail string) audit.Record {
			return audit.Record{Action: a, Outcome: outcome, Actor: audit.Actor{UserID: who, UserName: who, AccountName: "demo"},
				OperationID: "op-1", OperationType: "CANCEL_ORDER", Ticket: "SCT1", Detail: detail}
		}
		for _, step := range []struct {
			record   audit.Record
			want     audit.Outcome
			approver string
		}{
			{about(audit.ActionApprovalRequested, audit.OutcomePending, "ann", `{"approvals_needed":2}`), query.Waiting, ""},
			{about(audit.ActionApprovalGiven, audit.OutcomeSucceeded, "cleo", `{"comment":"if ben agrees"}`), query.Waiting, ""},
			{about(audit.ActionApprovalGranted, audit.OutcomeSucceeded, "ben", `{"approvers":["demo/cleo","demo/ben"]}`), query.Waiting, "demo/cleo, demo/ben"},
			{about(audit.ActionOperationRequested, audit.OutcomePending, "ann", `{"approved_by":"demo/ben","approvers":["demo/cleo","demo/ben"]}`),
				query.Requested, "demo/cleo, demo/ben"},
		} {
			o.AppendEach(t, step.record)
			rows := allRows(t, o, search.Query{OperationID: "op-1", Visible: audittest.All}, search.PresetOperations)
			if len(rows) != 1 || rows[0].Outcome != step.want || rows[0].Approver != step.approver {
				t.Errorf("after %s: %+v", step.record.Action, rows)
			}
		}
		for _, name := range []string{"cleo", "ben", "demo/cleo"} {
			if rows := allRows(t, o, search.Query{Approver: name, Visible: audittest.All}, search.PresetOperations); len(rows) != 1 {
				t.Errorf("%d operations that %s approved", len(rows), name)
			}
		}
	})
}
