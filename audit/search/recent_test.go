package search_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/search"
)

// TestTailIsSearchedWithoutAllocation looks through records that the search
// tables have not: a longer tail must not allocate more.
func TestTailIsSearchedWithoutAllocation(t *testing.T) {
	for name, q := range map[string]search.Query{
		"ticket":   {Ticket: "SCT-none", Visible: audittest.All},
		"text":     {Text: []string{"none such"}, Visible: audittest.All},
		"excluded": {Not: []search.Filter{{Field: search.FieldOutcome, Value: "pending"}}, Visible: audittest.All},
		"own":      {Visible: search.Visibility{UserID: "nobody", Tickets: []string{"SCT9"}}},
	} {
		t.Run(name, func(t *testing.T) {
			allocations := func(n int) float64 {
				tail := search.Tail(n, func(i int) audit.Record {
					r := audittest.FullRecord()
					r.Ticket = fmt.Sprint("SCT-", i)
					return r
				})
				if found := tail(q); found != 0 {
					t.Fatalf("%d records match", found)
				}
				return testing.AllocsPerRun(10, func() { tail(q) })
			}
			if few, many := allocations(10), allocations(2000); many > few {
				t.Errorf("a search of 2,000 records allocates %v times, of 10 records %v times", many, few)
			}
		})
	}
}

// TestFollowerKeepsUp counts how many records the follower is behind when
// 10,000 arrive a second: while it rests, and while it copied before and after.
func TestFollowerKeepsUp(t *testing.T) {
	const perSecond, most = 10_000, 2_000
	for _, worked := range []time.Duration{time.Millisecond, 20 * time.Millisecond, 60 * time.Millisecond} {
		t.Run(worked.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rested := search.Rest(t.Context(), perSecond, worked)
				if behind := (worked + rested + worked).Seconds() * perSecond; behind > most {
					t.Errorf("it rests %v, and is %.0f records behind; want at most %d", rested, behind, most)
				}
			})
		})
	}
}
