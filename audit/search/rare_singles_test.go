package search_test

import (
	"testing"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/query"
	"coc-console/audit/search"
)

// TestRareSingles: records of operations that have no operation's id, and others with a type, are found by what
// hardly any single record has: PostgreSQL has them in an index of their own, whose condition has to hold of all.
func TestRareSingles(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		who := audit.Actor{UserID: "1", UserName: "ann", AccountName: "demo"}
		want := map[audit.Outcome]int{}
		for _, outcome := range query.RowOutcomes() {
			for _, action := range query.ActionsOf(outcome) {
				o.AppendEach(t, audit.Record{Action: action, Outcome: audit.OutcomeSucceeded, Actor: who, Ticket: "SCT1"})
				want[outcome]++
			}
		}
		o.AppendEach(t, audit.Record{Action: audit.ActionTicketViewed, Outcome: audit.OutcomeSucceeded, Actor: who,
			Ticket: "SCT1", OperationType: "PAUSE_ORDER"})
		o.CaughtUp(t)
		count := func(q search.Query) int {
			q.Visible = audittest.All
			return len(allRows(t, o, q, search.PresetEverything))
		}
		for outcome, n := range want {
			if got := count(search.Query{Outcome: outcome, Person: "ann"}); got != n {
				t.Errorf("%d rows are %s, want %d", got, outcome, n)
			}
		}
		if n := count(search.Query{Operation: "PAUSE_ORDER"}); n != 1 {
			t.Errorf("%d rows have the type, want 1", n)
		}
	})
}
