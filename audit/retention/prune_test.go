package retention_test

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/search"
	"coc-console/audit/verify"
)

// TestPrune removes the oldest of 1,000 records, one of which is written a day.
func TestPrune(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		var day atomic.Int64
		start := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
		daily := func(c *audit.Config) {
			c.Now = func() time.Time { return start.AddDate(0, 0, int(day.Add(1))) }
		}
		o := open(t, dsn, audittest.Signing, daily)
		o.AppendTogether(t, audittest.Several(1000))
		ann := audit.Actor{UserName: "ann"}
		if n, err := o.Prune(t.Context(), start, ann); err != nil || n != 0 {
			t.Fatalf("nothing is that old: %d, %v", n, err)
		}
		records := o.Everything(t)
		n, err := o.Prune(t.Context(), records[600].Time, ann)
		if err != nil || n != 512 {
			t.Fatalf("up to %d, %v", n, err)
		}
		if left := audittest.Number(t, o.Entries, `SELECT min(seq) FROM entry`); left != 513 {
			t.Errorf("the first is %d", left)
		}
		last := o.Everything(t)
		if r := last[len(last)-1]; r.Action != audit.ActionAuditPruned || r.Sequence != 1001 || r.Actor != ann || len(last) != 489 {
			t.Errorf("%d are left, the last is %+v", len(last), r)
		}
		o.CaughtUp(t)
		if found, err := o.Index.Search(t.Context(), search.Query{Action: audit.ActionTicketViewed, From: start, Limit: 500, Visible: audittest.All}); err != nil ||
			len(found.Records) != 488 || found.Next != 0 {
			t.Errorf("a search finds %d (%v)", len(found.Records), err)
		}
		if again, err := o.Prune(t.Context(), records[600].Time, ann); err != nil || again != 512 {
			t.Errorf("again: %d, %v", again, err)
		}
		root, err := o.RootAt(t.Context(), 1001)
		if err != nil {
			t.Fatal(err)
		}
		e, err := o.Entry(t.Context(), 700)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := o.Prove(t.Context(), 700, 1001); err != nil || tlog.CheckRecord(p, 1001, root, 699, e.Leaf) != nil {
			t.Errorf("a proof: %v", err)
		}
		if p, err := o.Prove(t.Context(), 17, 1001); err != nil || len(p) == 0 { // of what somebody else has kept
			t.Errorf("a proof of a removed record: %v", err)
		}
		o.AppendEach(t, audittest.Several(300)...)
		if r := o.MustVerify(t, verify.Options{Search: o.Index}); !r.OK() || r.Pruned != 512 {
			t.Errorf("%+v", r)
		}
		if _, err := o.Entries.Write.ExecContext(t.Context(), `DELETE FROM entry WHERE seq = 513`); err == nil {
			t.Error("more can be deleted")
		}
		if err := o.CloseAll(); err != nil {
			t.Fatal(err)
		}
		o = open(t, dsn, audittest.Signing)
		o.AppendEach(t, audittest.Viewed("")) // the log goes on
		o.Unguard(t)
		audittest.Execute(t, o.Entries, `DELETE FROM entry WHERE seq = 600`)
		if got := audittest.Named(o.MustVerify(t, verify.Options{}).Findings); !slices.Equal(got, []string{"record.missing record 600"}) {
			t.Errorf("one more deleted: %q", got)
		}
	})
}

// TestPruneKeepsOpenOperations: what is not over must stay readable.
func TestPruneKeepsOpenOperations(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		o.AppendTogether(t, audittest.Several(300))
		o.AppendEach(t, audit.Record{Action: audit.ActionOperationRequested, Outcome: audit.OutcomePending, OperationID: "open"})
		o.AppendTogether(t, audittest.Several(300))
		if n, err := o.Prune(t.Context(), time.Now().Add(time.Hour), audit.Actor{}); err != nil || n != 256 {
			t.Errorf("up to %d (%v)", n, err)
		}
		if _, open, err := o.Index.OpenOperations(t.Context()); err != nil || fmt.Sprint(len(open), len(open[0])) != "1 1" {
			t.Errorf("%v (%v)", open, err)
		}
	})
}

// TestPrunedOperations: an operation whose first records are removed keeps a row of the others, which fits them; so do
// the rows that the tables have when they are made again.
func TestPrunedOperations(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn, audittest.Signing)
		op := func(id string, a audit.Action, outcome audit.Outcome) audit.Record {
			return audit.Record{Action: a, Outcome: outcome, OperationID: id, OperationType: "PAUSE_ORDER", Ticket: "SCT1"}
		}
		begun := []audit.Record{op("whole", audit.ActionOperationRequested, audit.OutcomePending),
			op("whole", audit.ActionOperationObserved, audit.OutcomeSucceeded), op("cut", audit.ActionOperationRequested, audit.OutcomePending)}
		o.AppendEach(t, begun...)
		o.AppendTogether(t, audittest.Several(700))
		o.AppendEach(t, op("cut", audit.ActionOperationAccepted, audit.OutcomePending), op("cut", audit.ActionOperationObserved, audit.OutcomeSucceeded))
		o.CaughtUp(t)
		if n, err := o.Prune(t.Context(), o.Everything(t)[600].Time, audit.Actor{UserName: "ann"}); err != nil || n != 512 {
			t.Fatalf("up to %d, %v", n, err)
		}
		o.CaughtUp(t)
		for _, when := range []string{"after it", "made again"} { // LowPriority: it need not be signed yet
			if r := o.MustVerify(t, verify.Options{Search: o.Index, Words: true, LowPriority: true}); !r.OK() || r.Pruned != 512 {
				t.Errorf("%s: %v", when, r.Findings)
			}
			if rows := audittest.Number(t, o.Tables, `SELECT count(*) FROM operation WHERE id = 'cut' AND outcome = 'confirmed'`); rows != 1 {
				t.Errorf("%s: %d rows of the operation that is cut", when, rows)
			}
			if err := o.Index.Reindex(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
		}
	})
}
