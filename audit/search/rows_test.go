package search_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/query"
	"coc-console/audit/search"
)

// allRows reads all pages of a preset, from the newest row to the oldest, and
// back by the way to the newer page.
func allRows(t *testing.T, o *opened, q search.Query, p search.Preset) []search.Row {
	t.Helper()
	var all, back []search.Row
	q.Limit = 7
	var last search.RowPage
	for {
		page, err := o.Index.Rows(t.Context(), q, p)
		if err != nil {
			t.Fatal(err)
		}
		if page.Behind != 0 {
			t.Fatalf("%d records behind", page.Behind)
		}
		all = append(all, page.Rows...)
		if last = page; page.Next == 0 {
			break
		}
		q.Before = page.Next
	}
	for page := last; ; {
		back = append(slices.Clone(page.Rows), back...)
		if page.Newer == 0 {
			break
		}
		q.Before, q.After = 0, page.Newer
		var err error
		if page, err = o.Index.Rows(t.Context(), q, p); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(places(all), places(back)); diff != "" {
		t.Errorf("%s: pages forward and back differ: %s", p, diff)
	}
	return all
}

func places(rows []search.Row) []int64 {
	out := make([]int64, len(rows))
	for i, r := range rows {
		out[i] = r.Sequence
	}
	return out
}

// TestRowsOfEverything: every record belongs to exactly one row of Everything,
// and each operation to exactly one of Operations, whatever the log has, however
// it was followed, and after it was indexed again.
func TestRowsOfEverything(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		mixed := audittest.Mixed(600)
		for i := range mixed {
			if i%3 == 0 && mixed[i].OperationID != "" {
				mixed[i].OperationID = fmt.Sprint("id ", i%50)
			}
		}
		check := func(when string) {
			t.Helper()
			checkRows(t, when, o)
		}
		for i, some := range slices.Collect(slices.Chunk(mixed, 150)) {
			o.AppendTogether(t, some)
			check(fmt.Sprint("part ", i))
		}
		if err := o.Index.Reindex(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		check("built again")
	})
}

func checkRows(t *testing.T, when string, o *opened) {
	t.Helper()
	q := search.Query{Visible: audittest.All}
	times := map[int64]int{}
	byID := map[string]int{}
	for _, row := range allRows(t, o, q, search.PresetEverything) {
		for _, n := range row.Records {
			times[n]++
		}
	}
	rows := allRows(t, o, q, search.PresetOperations)
	for _, row := range rows {
		byID[row.ID]++
		if row.Single != nil {
			t.Errorf("%s: the record %d is an operation", when, row.Sequence)
		}
	}
	var attempts int
	want := map[string]int{}
	for _, r := range o.Everything(t) {
		if times[r.Sequence] != 1 {
			t.Errorf("%s: record %d (%s) is in %d rows", when, r.Sequence, r.Action, times[r.Sequence])
		}
		if r.OperationID != "" {
			want[r.OperationID] = 1
		} else if query.InOperation(&r) {
			attempts++
		}
	}
	if attempts > 0 {
		want[""] = attempts
	}
	if diff := cmp.Diff(want, byID); diff != "" {
		t.Errorf("%s: operations by id: %s", when, diff)
	}
	if n, more, err := o.Index.CountRows(t.Context(), q, search.PresetOperations); err != nil || more || n != len(rows) {
		t.Errorf("%s: %d operations are counted (%v), want %d", when, n, err, len(rows))
	}
}

// TestRow: a row says who did what, with whose approval, how far it came, and
// what it was called.
func TestRow(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		ann, ben, rex := audit.Actor{UserID: "1", UserName: "ann", AccountName: "demo", ProjectName: "north"},
			audit.Actor{UserID: "2", UserName: "ben", AccountName: "demo"}, audit.Actor{UserID: "3", UserName: "max", AccountName: "demo"}
		about := func(a audit.Action, out audit.Outcome, who audit.Actor, detail string) audit.Record {
			return audit.Record{Action: a, Outcome: out, Actor: who, Ticket: "SCT1", OperationID: "op-1",
				OperationType: "CANCEL_ORDER", Target: "nginx_reload", Reason: "wrong hosts", Detail: detail}
		}
		one := func() search.Row {
			t.Helper()
			rows := allRows(t, o, search.Query{OperationID: "op-1", Visible: audittest.All}, search.PresetOperations)
			if len(rows) != 1 {
				t.Fatalf("%d rows", len(rows))
			}
			return rows[0]
		}
		for _, step := range []struct {
			record audit.Record
			want   audit.Outcome
		}{
			{about(audit.ActionApprovalRequested, audit.OutcomePending, ann, `{"stops":12}`), query.Waiting},
			{about(audit.ActionApprovalGranted, audit.OutcomeSucceeded, ben, `{"comment":"go on"}`), query.Waiting},
			{about(audit.ActionOperationRequested, audit.OutcomePending, ann, `{"stops":12,"approved_by":"demo/ben","job":"b-1"}`), query.Requested},
			{about(audit.ActionOperationUnknown, audit.OutcomeUnknown, ann, `{}`), query.Unknown},
			{about(audit.ActionOperationObserved, audit.OutcomeSucceeded, ann, `{}`), query.Confirmed},
			{about(audit.ActionOverrideReviewed, audit.OutcomeSucceeded, rex, `{"comment":"seen"}`), query.Confirmed},
		} {
			o.AppendEach(t, step.record)
			if got := one(); got.Outcome != step.want {
				t.Errorf("after %s: %s, want %s", step.record.Action, got.Outcome, step.want)
			}
		}
		all := o.Everything(t)
		at := func(i int) search.Stage { return search.Stage{Sequence: int64(i), At: all[i-1].Time} }
		want := search.Row{Sequence: 3, At: all[2].Time, Latest: at(6), Outcome: query.Confirmed, ID: "op-1", Type: "CANCEL_ORDER",
			Actor: ann, Ticket: "SCT1", TicketName: "nginx_reload", Target: "nginx_reload", Stops: 12, Reason: "wrong hosts",
			Approver: "demo/ben", Comment: "go on", Reviewed: at(6), Reviewer: "demo/max", ReviewComment: "seen", Bulk: "b-1",
			Asked: at(1), Decided: at(2), Requested: at(3), Answered: at(4), Ended: at(5), Records: []int64{1, 2, 3, 4, 5, 6}}
		if diff := cmp.Diff(want, one()); diff != "" {
			t.Error(diff)
		}
		instance := about(audit.ActionOperationRequested, audit.OutcomePending, ben, `{}`)
		instance.OperationID, instance.OperationType, instance.InstanceID, instance.Target = "op-2", "CANCEL_INSTANCE", 7, "web-1 (10.0.0.1)"
		o.AppendEach(t, instance, audit.Record{Action: audit.ActionAccessDenied, Outcome: audit.OutcomeDenied, Actor: rex, OperationType: "SKIP_BATCH"},
			audit.Record{Action: audit.ActionSessionSignedIn, Outcome: audit.OutcomeSucceeded, Actor: rex})
		rows := allRows(t, o, search.Query{Visible: audittest.All}, search.PresetEverything)
		if diff := cmp.Diff([]int64{9, 8, 7, 3}, places(rows)); diff != "" {
			t.Error(diff)
		}
		if rows[2].TicketName != "nginx_reload" {
			t.Errorf("the ticket is called %q", rows[2].TicketName)
		}
		checkFacets(t, o, all[0], instance.Ticket)
		overridden := about(audit.ActionOverrideUsed, audit.OutcomeSucceeded, ann, `{"glass":true}`)
		overridden.OperationID, overridden.Reason = "op-3", "ｎｇｉｎｘ hangs"
		o.AppendEach(t, overridden)
		overridden.Action, overridden.Outcome = audit.ActionOperationRequested, audit.OutcomePending
		o.AppendEach(t, overridden)
		for text, want := range map[string][]int64{
			"operation:cancel": {11, 7, 3}, "operation:CANCEL_ORDER": {11, 3}, "approver:demo/ben": {3}, "approver:ben -actor:ann": nil,
			"override:yes": {11}, "override:no actor:ann": {3}, "reviewed:no": {11}, "reviewed:yes": {3}, "-reviewed:no operation:cancel": {7, 3},
			"instance:7": {7}, "host:WEB-1": {7}, "host:10.0.0.1": {7}, "outcome:confirmed": {3}, "outcome:open": {11, 7},
			"outcome:succeeded": {9, 3}, "nginx": {11, 3}, "hangs": {11}, "nginx_reload": {11, 3}, "nginx actor:ben": nil, "action:approval.": {3},
			"-outcome:succeeded -outcome:denied": {11, 7}, "wrong outcome:confirmed": {3}, "id:op-3": {11}, "actor:max": {9, 8},
		} {
			q, err := search.ParseQuery(text, time.UTC)
			if err != nil {
				t.Fatal(err)
			}
			q.Visible = audittest.All
			if diff := cmp.Diff(want, places(allRows(t, o, q, search.PresetEverything)), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s: %s", text, diff)
			}
			found := audittest.Sequences(o.Export(t, q)) // of records, the database says what the filter says
			var fits []int64
			for _, r := range o.Everything(t) {
				if q.Matches(r) {
					fits = append(fits, r.Sequence)
				}
			}
			if diff := cmp.Diff(fits, found, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("records of %s: %s", text, diff)
			}
		}
		for p, want := range map[search.Preset][]int64{search.PresetOperations: {11, 8, 7, 3}, search.PresetApprovals: {11, 3},
			search.PresetAccess: {9, 8}, search.PresetEverything: {11, 9, 8, 7, 3}} {
			if diff := cmp.Diff(want, places(allRows(t, o, search.Query{Visible: audittest.All}, p))); diff != "" {
				t.Errorf("%s: %s", p, diff)
			}
		}
		signed := about(audit.ActionReviewed, audit.OutcomeSucceeded, rex, `{"comment":"fine"}`)
		signed.OperationID = "op-2"
		o.AppendEach(t, signed)
		reviewed := search.Query{Reviewed: query.Yes, Visible: audittest.All}
		if diff := cmp.Diff([]int64{7, 3}, places(allRows(t, o, reviewed, search.PresetOperations))); diff != "" {
			t.Errorf("reviewed: %s", diff)
		}
		if diff := cmp.Diff([]int64{6, 12}, audittest.Sequences(o.Export(t, reviewed))); diff != "" {
			t.Errorf("records of reviews: %s", diff)
		}
		ben2 := search.Query{Visible: search.Visibility{UserID: "2"}}
		if diff := cmp.Diff([]int64{7, 3}, places(allRows(t, o, ben2, search.PresetEverything))); diff != "" {
			t.Errorf("ben sees %s", diff)
		}
	})
}

func checkFacets(t *testing.T, o *opened, first audit.Record, ticket string) {
	t.Helper()
	q := search.Query{Visible: audittest.All}
	f, err := o.Index.RowFacets(t.Context(), q, search.PresetEverything)
	want := search.RowFacets{
		Types:    []search.FacetValue{{Value: "CANCEL_INSTANCE", Count: 1}, {Value: "CANCEL_ORDER", Count: 1}, {Value: "SKIP_BATCH", Count: 1}},
		Actions:  []search.FacetValue{{Value: "session.signed_in", Count: 1}},
		Actors:   []search.FacetValue{{Value: "max", Count: 2}, {Value: "ann", Count: 1}, {Value: "ben", Count: 1}},
		Outcomes: []search.FacetValue{{Value: "confirmed", Count: 1}, {Value: "denied", Count: 1}, {Value: "requested", Count: 1}, {Value: "succeeded", Count: 1}},
		Projects: []search.FacetValue{{Value: "north", Count: 1}},
		Tickets:  []search.TicketCount{{Ticket: ticket, Name: "nginx_reload", Count: 2}},
		Counted:  4,
	}
	if diff := cmp.Diff(want, f); err != nil || diff != "" {
		t.Errorf("%v: %s", err, diff)
	}
	for _, v := range f.Outcomes { // what a facet says is what its filter finds
		q.Outcome = audit.Outcome(v.Value)
		rows := allRows(t, o, q, search.PresetEverything)
		rows = slices.DeleteFunc(rows, func(r search.Row) bool { return r.Outcome != q.Outcome })
		if len(rows) != v.Count {
			t.Errorf("%d rows are %s, want %d", len(rows), v.Value, v.Count)
		}
	}
	q.Outcome = ""
	last, err := o.Size(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	end, err := o.Record(t.Context(), last)
	if err != nil {
		t.Fatal(err)
	}
	bars, err := o.Index.RowActivity(t.Context(), q, search.PresetEverything, first.Time, end.Time.Add(1+math.MaxInt16), 3)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[audit.Outcome]int{}
	for _, b := range bars {
		for _, c := range b.Outcomes {
			counts[c.Outcome] += c.Count
		}
	}
	if diff := cmp.Diff(map[audit.Outcome]int{"confirmed": 1, "denied": 1, "requested": 1, "succeeded": 1}, counts); diff != "" {
		t.Error(diff)
	}
}
