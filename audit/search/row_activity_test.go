package search_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/search"
)

// TestRowActivityCountsRows compares the bars of each preset, without a filter and with those of the benchmark, to the
// rows that the list has.
func TestRowActivityCountsRows(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		busy := audittest.Busy()
		o.Fill(t, 1_500, func(i int) audit.Record {
			r := busy(i)
			if i%100 == 0 {
				r = audit.Record{Action: audit.ActionElevationRequested, Outcome: audit.OutcomePending, Actor: r.Actor}
			}
			return r
		})
		o.CaughtUp(t)
		all := o.Everything(t)
		first, last := all[0].Time, all[len(all)-1].Time
		for name, q := range rowQueries() {
			q.Visible = audittest.All
			for _, p := range search.Presets() {
				bars, err := o.Index.RowActivity(t.Context(), q, p, first, last.Add(time.Microsecond), 7)
				if err != nil {
					t.Fatal(err)
				}
				want, got := make([]map[audit.Outcome]int, len(bars)), make([]map[audit.Outcome]int, len(bars))
				for i, b := range bars {
					want[i], got[i] = map[audit.Outcome]int{}, map[audit.Outcome]int{}
					for _, c := range b.Outcomes {
						got[i][c.Outcome] = c.Count
					}
				}
				for _, r := range allRows(t, o, q, p) {
					for i, b := range bars {
						if !r.At.Before(b.From) && r.At.Before(b.To) {
							want[i][r.Outcome]++
						}
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s, %s: %s", p, name, diff)
				}
			}
		}
	})
}
