package bulk_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/bulk"
	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/internal/simulator"
)

func TestBulk(t *testing.T) { engines(t, testBulk, wide(30)) }

func testBulk(t *testing.T, d *desk) {
	t.Helper()
	r := d.Cancels("wide", d.Rows("wide", 25)...)
	id, err := d.Start(t.Context(), r)
	check(t, err)
	if again, err := d.Start(t.Context(), r); err != nil || again != id {
		t.Errorf("started twice: %s, %v", again, err)
	}
	j := d.BulkIs(id, bulk.Ended)
	if got := states(j); got[bulk.ItemSent] != 25 {
		t.Errorf("the items are %v", got)
	}
	d.Puts(25)
	d.Clock.Step(effect)
	for _, i := range j.Items {
		receipt, detail := d.End(i.Key)
		if receipt.End.Action != audit.ActionOperationObserved || operate.ParseDetail(receipt.Requested.Detail).Job != id {
			t.Errorf("item %d: %s, %+v", i.N, receipt.End.Action, detail)
		}
	}
	if n := len(d.Records(search.Query{Action: "job."})); n != 2 {
		t.Errorf("%d records about the bulk operation, want its start and its end", n)
	}
}

// TestBulkReadsTogether: items of one ticket share what is read of it.
func TestBulkReadsTogether(t *testing.T) {
	d := newDesk(t, wide(100))
	r := d.Cancels("wide", d.Rows("wide", 100)...)
	before := d.Sim.Calls(simulator.CallStatistics)
	id, err := d.Start(t.Context(), r)
	check(t, err)
	d.BulkIs(id, bulk.Ended)
	d.Puts(100)
	if n := d.Sim.Calls(simulator.CallStatistics) - before; n > 200 { // the watchers' last looks are their own
		t.Errorf("%d readings of the counts for 100 items", n)
	}
}

func TestBulkDemands(t *testing.T) {
	d := newDesk(t, wide(30))
	d.BuiltIn()
	r := d.Cancels("wide", d.Rows("wide", 25)...)
	r.Count, r.Reason = "24", ""
	_, err := d.Start(t.Context(), r)
	plan, ok := errors.AsType[*bulk.PlanError](err)
	if !ok || len(plan.Plan.Demands) != 2 || plan.Plan.Stops != 25 {
		t.Fatalf("%v: %d stop, %+v", err, plan.Plan.Stops, plan.Plan.Demands)
	}
	r.Count, r.Reason = "25", "stuck"
	_, err = d.Start(t.Context(), r)
	check(t, err)
	d.BulkIs(r.Key, bulk.Ended)
	d.Puts(25)
}

func TestBulkStale(t *testing.T) {
	d := newDesk(t)
	rows := d.Rows("running", 2)
	r := d.Cancels("running", rows...)
	d.Elsewhere("running", cancel(rows[1]))
	_, err := d.Start(t.Context(), r)
	stale, ok := errors.AsType[*bulk.PlanError](err)
	if !ok || !stale.Plan.Items[0].OK() || stale.Plan.Items[1].OK() {
		t.Errorf("%v %+v", err, stale)
	}
	d.Puts(1)
}

func TestBulkTargets(t *testing.T) {
	d := newDesk(t)
	id := d.Row("running", 1, 0)
	for name, targets := range map[string][]bulk.Target{
		"none":  nil,
		"twice": {{Ticket: d.Ticket("running"), InstanceID: id}, {Ticket: d.Ticket("running"), InstanceID: id, BatchHint: 1}},
		"many":  make([]bulk.Target, bulk.MaxItems+1),
	} {
		r := bulk.Request{Actor: d.Actor, Caller: d.Operator, Type: coc.CancelInstance, Targets: targets,
			Key: operate.NewKey()}
		if _, err := d.Plan(t.Context(), r); !errors.Is(err, bulk.ErrTargets) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBulkStopAndGo: what is stopped sends nothing more, and goes on from there.
func TestBulkStopAndGo(t *testing.T) { engines(t, testBulkStopAndGo, wide(60)) }

func testBulkStopAndGo(t *testing.T, d *desk) {
	t.Helper()
	r := d.Cancels("wide", d.Rows("wide", 60)...)
	var sent atomic.Int64
	stopped := make(chan struct{})
	stop := func() {
		if sent.Add(1) == 10 {
			check(t, d.Stop(context.Background(), r.Key, d.Superior, audit.Origin{}))
			close(stopped)
		}
	}
	d.OnPut.Store(&stop)
	_, err := d.Start(t.Context(), r)
	check(t, err)
	<-stopped
	eventually(t, "nothing is on its way", func() bool {
		j, err := d.Bulks.Get(context.Background(), r.Key)
		return err == nil && states(j)[bulk.ItemSending] == 0
	})
	d.OnPut.Store(nil)
	j := d.BulkIs(r.Key, bulk.Stopped)
	if got := states(j); got[bulk.ItemWaiting] == 0 || got[bulk.ItemSent] < 10 {
		t.Errorf("stopped with %v", got)
	}
	if err := d.Continue(t.Context(), r.Key, "operator", d.Superior, audit.Origin{}); !errors.Is(err, bulk.ErrNotYours) {
		t.Errorf("continued by somebody else: %v", err)
	}
	check(t, d.Continue(t.Context(), r.Key, "operator", d.Actor, audit.Origin{}))
	d.BulkIs(r.Key, bulk.Ended)
	d.Puts(60)
}

func TestBulkWithoutSession(t *testing.T) { engines(t, testBulkWithoutSession, wide(40)) }

func testBulkWithoutSession(t *testing.T, d *desk) {
	t.Helper()
	r := d.Cancels("wide", d.Rows("wide", 40)...)
	var sent atomic.Int64
	end := func() {
		if sent.Add(1) == 5 {
			d.Sessions.End("operator")
		}
	}
	d.OnPut.Store(&end)
	_, err := d.Start(t.Context(), r)
	check(t, err)
	if j := d.BulkIs(r.Key, bulk.Stopped); j.Note != operate.NoteSessionEnded {
		t.Errorf("stopped for %q", j.Note)
	}
	d.Sessions.Add("later", d.Operator)
	check(t, d.Continue(t.Context(), r.Key, "later", d.Actor, audit.Origin{}))
	d.BulkIs(r.Key, bulk.Ended)
	d.Puts(40)
}

// TestBulkThrottled: COC's 429 slows a bulk operation down and fails no item that was not sent.
func TestBulkThrottled(t *testing.T) {
	d := newDesk(t, wide(6))
	r := d.Cancels("wide", d.Rows("wide", 6)...)
	d.Sim.Inject(simulator.Fault{Kind: simulator.CallShowTicket, Status: http.StatusTooManyRequests, Times: 1})
	_, err := d.Start(t.Context(), r)
	if plan, ok := errors.AsType[*bulk.PlanError](err); ok { // the plan itself was throttled: nothing was sent
		t.Logf("planned %+v", plan.Plan.Items[0].Err)
		_, err = d.Start(t.Context(), r)
	}
	check(t, err)
	j := d.BulkIs(r.Key, bulk.Ended)
	if got := states(j); got[bulk.ItemSent] != 6 {
		t.Errorf("the items are %v: %+v", got, j.Items)
	}
	d.Puts(6)
}

// TestBulkAfterCrash puts a bulk operation into every state in which the end of a process
// can leave an item, and starts again: nothing is sent twice or forgotten.
func TestBulkAfterCrash(t *testing.T) { engines(t, testBulkAfterCrash, wide(8)) }

func testBulkAfterCrash(t *testing.T, d *desk) {
	t.Helper()
	r := d.Cancels("wide", d.Rows("wide", 8)...)
	halt := func() { check(t, d.Stop(context.Background(), r.Key, d.Actor, audit.Origin{})) }
	var once atomic.Bool
	first := func() {
		if once.CompareAndSwap(false, true) {
			halt()
		}
	}
	d.OnPut.Store(&first)
	_, err := d.Start(t.Context(), r)
	check(t, err)
	d.BulkIs(r.Key, bulk.Stopped)
	check(t, d.Close()) // waits for what is on its way
	d.OnPut.Store(nil)
	j, err := d.Bulks.Get(t.Context(), r.Key)
	check(t, err)
	sent := states(j)[bulk.ItemSent]
	// One that was sent, but not noted; one whose key was claimed; one that was only begun.
	waiting := []bulk.Item{}
	for _, i := range j.Items {
		if i.State == bulk.ItemSent && sent > 0 {
			d.Exec(`UPDATE job_item SET state = 'sending' WHERE job = $1 AND n = $2`, j.ID, i.N)
		}
		if i.State == bulk.ItemWaiting {
			waiting = append(waiting, i)
		}
	}
	for n, i := range waiting {
		if n == 0 {
			d.Exec(`UPDATE one_time_key SET reserved = 0, created_at = $2 WHERE key = $1`, i.Key, d.Clock.Now().UnixMicro())
		}
		if n < 2 {
			d.Exec(`UPDATE job_item SET state = 'sending' WHERE job = $1 AND n = $2`, j.ID, i.N)
		}
	}
	d.Continued(r)
	d.Clock.Step(3 * time.Minute) // a claim is too old by now, whoever has made it
	d.Restart()
	check(t, d.Resume(t.Context()))
	j = d.BulkIs(r.Key, bulk.Ended)
	if got := states(j); got[bulk.ItemSent] != 8 {
		t.Errorf("the items are %v", got)
	}
	d.Puts(8)
	d.OnceEach(8)
	if n := len(d.Records(search.Query{Action: audit.ActionOperationRequested})); n != 8 {
		t.Errorf("%d requests in the log, want 8", n)
	}
}

// BenchmarkBulkCancel cancels 200 instances at 20 a second, and measures how far
// behind that pace they reach COC, from the bulk operation's confirmation on.
func BenchmarkBulkCancel(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		d := newDesk(b, wide(200))
		check(b, d.Close())
		d.Rate = 20
		d.Parts = d.Serve()
		r := d.Cancels("wide", d.Rows("wide", 200)...)
		reads := []simulator.CallKind{simulator.CallShowTicket, simulator.CallBatches, simulator.CallStatistics,
			simulator.CallInstances}
		calls := func() (n int) {
			for _, kind := range reads {
				n += d.Sim.Calls(kind)
			}
			return n
		}
		before := calls()
		b.StartTimer()
		start := time.Now()
		_, err := d.Start(b.Context(), r)
		check(b, err)
		eventually(b, "the bulk operation ends", func() bool {
			j, err := d.Bulks.Get(context.Background(), r.Key)
			return err == nil && j.State == bulk.Ended
		})
		took := time.Since(start)
		late := []time.Duration{}
		for n, at := range d.Arrived.Times() { // behind the pace
			late = append(late, at.Sub(start)-time.Duration(n)*time.Second/20)
		}
		slices.Sort(late)
		b.ReportMetric(200/took.Seconds(), "operations/s")
		b.ReportMetric(float64(late[len(late)*95/100].Microseconds())/1000, "p95-ms-behind-pace")
		b.ReportMetric(float64(calls()-before)/200, "readings/item")
		d.Puts(200)
	}
}
