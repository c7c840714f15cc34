package audit_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"coc-console/audit"
)

// TestSummariesGrow asks for the same counts again and again while the log
// grows, is followed and not, is cut at its beginning, and has its search tables
// built anew.
func TestSummariesGrow(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		now := steady()
		o := open(t, dsn, func(c *audit.Config) { c.Now = now })
		queries := []audit.Query{{Visible: all}, {Person: "ann", Visible: all}, {Action: "operation.", Visible: all}, {Text: []string{"disk"}, Visible: all},
			{Outcome: audit.OutcomeFailed, Not: []audit.Filter{{Field: audit.FieldActor, Value: "ann"}}, Visible: all},
			{Visible: audit.Visibility{UserID: "id of ben", Tickets: []string{tickets[1]}}}}
		check := func(what string) {
			t.Helper()
			records := o.everything(t)
			for _, q := range queries {
				sameCounts(t, o, q, matching(q, records))
				if t.Failed() {
					t.Fatal(what)
				}
			}
		}
		more := mixed(900)
		for i, part := range slices.Collect(slices.Chunk(more, 150)) {
			resume := o.PauseFollower()
			o.appendTogether(t, part)
			check(fmt.Sprint(i, " not followed"))
			resume()
			if i%2 == 0 {
				o.caughtUp(t)
				check(fmt.Sprint(i, " followed"))
			}
		}
		if err := o.Reindex(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		check("anew")
		records := o.everything(t)
		execute(t, o.search, `DELETE FROM open_operation`) // which would keep them
		if n, err := o.Prune(t.Context(), records[600].Time, audit.Actor{}); err != nil || n != 512 {
			t.Fatal(n, err)
		}
		check("pruned")
	})
}

// TestActivityOfOtherTimes asks for bars of which some are known already, and
// others lie before, between and after them.
func TestActivityOfOtherTimes(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn, func(c *audit.Config) { c.Now = steady() })
		o.append(t, mixed(300)...)
		o.caughtUp(t)
		begun := o.everything(t)[0].Time.Truncate(time.Minute)
		for _, q := range []audit.Query{{Text: []string{"disk"}, Visible: all}, {Person: "ann", Visible: all}} {
			if _, _, err := o.Count(t.Context(), q); err != nil {
				t.Fatal(err)
			}
			for _, minutes := range [][2]int{{2, 3}, {4, 5}, {0, 6}, {1, 4}} { // a minute has 60 records
				from, to := begun.Add(time.Duration(minutes[0])*time.Minute), begun.Add(time.Duration(minutes[1])*time.Minute)
				bars, err := o.Activity(t.Context(), q, from, to, minutes[1]-minutes[0])
				if err != nil {
					t.Fatal(err)
				}
				for _, b := range bars {
					q.From, q.To = b.From, b.To
					if want := len(matching(q, o.everything(t))); b.Count != want {
						t.Errorf("%+v: %+v, want %d", q, b, want)
					}
				}
				q.From, q.To = time.Time{}, time.Time{}
			}
		}
	})
}

// TestLastActions asks what came of operations that the search tables know, or
// only the log, or nobody.
func TestLastActions(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		of := func(id string, a audit.Action) audit.Record {
			return audit.Record{Action: a, Outcome: audit.OutcomeSucceeded, OperationID: id}
		}
		o.append(t, of("a", audit.ActionOperationRequested), of("b", audit.ActionOperationRequested), of("a", audit.ActionOperationAccepted),
			of("b", audit.ActionOperationRejected), viewed(""))
		o.caughtUp(t)
		defer o.PauseFollower()()
		o.append(t, of("c", audit.ActionOperationRequested), of("a", audit.ActionOperationObserved))
		got, err := o.LastActions(t.Context(), []string{"a", "b", "c", "d", "", "\xff"})
		if err != nil || len(got) != 3 || got["a"] != audit.ActionOperationObserved || got["b"] != audit.ActionOperationRejected ||
			got["c"] != audit.ActionOperationRequested {
			t.Error(got, err)
		}
	})
}

// TestRecentRecordsAreBounded appends more than the log remembers while the
// search tables do not follow.
func TestRecentRecordsAreBounded(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		resume := o.PauseFollower()
		rare := viewed("")
		rare.Ticket = "T"
		want := o.append(t, rare)
		n := audit.MaxRecent + 100
		if err := o.Fill(t.Context(), n, func(int) audit.Record { return viewed("") }); err != nil {
			t.Fatal(err)
		}
		want = append(want, o.append(t, rare)...)
		if kept := o.Remembered(); kept > audit.MaxRecent {
			t.Errorf("%d are remembered", kept)
		}
		same(t, "before", o.export(t, audit.Query{Ticket: "T", Visible: all}), want)
		resume()
		o.caughtUp(t)
		same(t, "after", o.export(t, audit.Query{Ticket: "T", Visible: all}), want)
		if kept := o.Remembered(); kept != 0 {
			t.Errorf("%d are remembered though they are followed", kept)
		}
		if r := o.verify(t, audit.VerifyOptions{}); len(r.Findings) > 0 {
			t.Error(r.Findings)
		}
	})
}
