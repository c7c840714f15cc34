package search_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/query"
	"coc-console/audit/search"
	"coc-console/audit/verify"
)

// TestSummariesGrow asks for the same counts again and again while the log
// grows, is followed and not, is cut at its beginning, and has its search tables
// built again.
func TestSummariesGrow(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		now := audittest.Steady()
		o := open(t, dsn, func(c *audit.Config) { c.Now = now })
		queries := []search.Query{{Visible: audittest.All}, {Person: "ann", Visible: audittest.All}, {Action: "operation.", Visible: audittest.All}, {Text: []string{"disk"}, Visible: audittest.All},
			{Outcome: audit.OutcomeFailed, Not: []search.Filter{{Field: search.FieldActor, Value: "ann"}}, Visible: audittest.All},
			{Visible: search.Visibility{UserID: "id of ben", Tickets: []string{tickets[1]}}}}
		check := func(what string) {
			t.Helper()
			records := o.Everything(t)
			for _, q := range queries {
				sameCounts(t, o, q, matching(q, records))
				if t.Failed() {
					t.Fatal(what)
				}
			}
		}
		more := audittest.Mixed(900)
		for i, part := range slices.Collect(slices.Chunk(more, 150)) {
			resume := o.PauseFollower(t)
			o.AppendTogether(t, part)
			check(fmt.Sprint(i, " not followed"))
			resume()
			if i%2 == 0 {
				o.CaughtUp(t)
				check(fmt.Sprint(i, " followed"))
			}
		}
		if err := o.Index.Reindex(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		check("again")
		records := o.Everything(t)
		audittest.Execute(t, o.Tables, `DELETE FROM open_operation`) // which would keep them
		if n, err := o.Prune(t.Context(), records[600].Time, audit.Actor{}); err != nil || n != 512 {
			t.Fatal(n, err)
		}
		check("pruned")
	})
}

// TestActivityOfOtherTimes asks for bars of which some are known already, and
// others lie before, between and after them.
func TestActivityOfOtherTimes(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn, func(c *audit.Config) { c.Now = audittest.Steady() })
		o.AppendEach(t, audittest.Mixed(300)...)
		o.CaughtUp(t)
		begun := o.Everything(t)[0].Time.Truncate(time.Minute)
		for _, q := range []search.Query{{Text: []string{"disk"}, Visible: audittest.All}, {Person: "ann", Visible: audittest.All}} {
			if _, _, err := o.Index.Count(t.Context(), q); err != nil {
				t.Fatal(err)
			}
			for _, minutes := range [][2]int{{2, 3}, {4, 5}, {0, 6}, {1, 4}} { // a minute has 60 records
				from, to := begun.Add(time.Duration(minutes[0])*time.Minute), begun.Add(time.Duration(minutes[1])*time.Minute)
				bars, err := o.Index.Activity(t.Context(), q, from, to, minutes[1]-minutes[0])
				if err != nil {
					t.Fatal(err)
				}
				for _, b := range bars {
					q.From, q.To = b.From, b.To
					if want := len(matching(q, o.Everything(t))); b.Count != want {
						t.Errorf("%+v: %+v, want %d", q, b, want)
					}
				}
				q.From, q.To = time.Time{}, time.Time{}
			}
		}
	})
}

// TestActivityByOutcome compares a chart's bars to the records of their times: of everything, of a filter, and of a
// text, while the search tables have all records, some, and only those that were not removed.
func TestActivityByOutcome(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn, func(c *audit.Config) { c.Now = audittest.Steady() })
		check := func(what string) {
			t.Helper()
			records := o.Everything(t)
			from := records[0].Time.Truncate(time.Minute)
			to := records[len(records)-1].Time.Add(time.Second)
			for _, q := range []search.Query{{Visible: audittest.All}, {Person: "ann", Visible: audittest.All}, {Text: []string{"disk"}, Visible: audittest.All}} {
				bars, err := o.Index.Activity(t.Context(), q, from, to, 7)
				if err != nil {
					t.Fatal(err)
				}
				var want, got [7]map[audit.Outcome]int
				for i, b := range bars {
					want[i], got[i] = map[audit.Outcome]int{}, map[audit.Outcome]int{}
					for _, c := range b.Outcomes {
						got[i][c.Outcome] = c.Count
					}
					for _, r := range matching(q, records) {
						if !r.Time.Before(b.From) && r.Time.Before(b.To) {
							want[i][query.OutcomeOf(&r)]++
						}
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s, %+v: %s", what, q, diff)
				}
			}
		}
		o.AppendEach(t, audittest.Mixed(700)...)
		o.CaughtUp(t)
		check("followed")
		resume := o.PauseFollower(t)
		o.AppendTogether(t, audittest.Mixed(300))
		check("not followed")
		resume()
		o.CaughtUp(t)
		check("followed again")
		records := o.Everything(t)
		audittest.Execute(t, o.Tables, `DELETE FROM open_operation`) // which would keep them
		if n, err := o.Prune(t.Context(), records[600].Time, audit.Actor{}); err != nil || n != 512 {
			t.Fatal(n, err)
		}
		check("pruned")
		if err := o.Index.Reindex(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		check("pruned and indexed again")
	})
}

// TestLastActions asks what came of operations that the search tables know, or
// only the log, or nobody.
func TestLastActions(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		of := func(id string, a audit.Action) audit.Record {
			return audit.Record{Action: a, Outcome: audit.OutcomeSucceeded, OperationID: id}
		}
		o.AppendEach(t, of("a", audit.ActionOperationRequested), of("b", audit.ActionOperationRequested), of("a", audit.ActionOperationAccepted),
			of("b", audit.ActionOperationRejected), audittest.Viewed(""))
		o.CaughtUp(t)
		defer o.PauseFollower(t)()
		o.AppendEach(t, of("c", audit.ActionOperationRequested), of("a", audit.ActionOperationObserved))
		got, err := o.Index.LastActions(t.Context(), []string{"a", "b", "c", "d", "", "\xff"})
		if err != nil || len(got) != 3 || got["a"] != audit.ActionOperationObserved || got["b"] != audit.ActionOperationRejected ||
			got["c"] != audit.ActionOperationRequested {
			t.Error(got, err)
		}
	})
}

// TestRecentRecordsAreBounded appends more than the log remembers while the
// search tables do not follow.
func TestRecentRecordsAreBounded(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		resume := o.PauseFollower(t)
		rare := audittest.Viewed("")
		rare.Ticket = "T"
		want := o.AppendEach(t, rare)
		n := search.MaxRecent + 100
		o.Fill(t, n, func(int) audit.Record { return audittest.Viewed("") })
		want = append(want, o.AppendEach(t, rare)...)
		if kept := o.Index.Remembered(); kept > search.MaxRecent {
			t.Errorf("%d are remembered", kept)
		}
		audittest.Same(t, "before", o.Export(t, search.Query{Ticket: "T", Visible: audittest.All}), want)
		resume()
		o.CaughtUp(t)
		audittest.Same(t, "after", o.Export(t, search.Query{Ticket: "T", Visible: audittest.All}), want)
		if kept := o.Index.Remembered(); kept != 0 {
			t.Errorf("%d are remembered though they are followed", kept)
		}
		if r := o.MustVerify(t, verify.Options{}); len(r.Findings) > 0 {
			t.Error(r.Findings)
		}
	})
}
