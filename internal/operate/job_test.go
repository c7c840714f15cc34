package operate_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/internal/simulator"
)

// cancels is a job that cancels instances of a ticket, as a page would send it.
func (d *desk) cancels(scenario string, rows ...int64) operate.JobRequest {
	d.t.Helper()
	r := operate.JobRequest{SessionKey: "operator", Caller: d.operator, Actor: d.actor, Type: coc.CancelInstance,
		Reason: "stuck", Key: operate.NewKey()}
	for _, id := range rows {
		r.Targets = append(r.Targets, operate.Target{Ticket: d.ticket(scenario), InstanceID: id})
	}
	plan, err := d.Plan(d.t.Context(), r)
	check(d.t, err)
	for i, item := range plan.Items {
		r.Targets[i].Seen = item.Seen
	}
	r.Count = fmt.Sprint(plan.Stops)
	return r
}

// jobIs waits until a job is in a state and returns it.
func (d *desk) jobIs(id string, state operate.JobState) operate.Job {
	d.t.Helper()
	var j operate.Job
	eventually(d.t, "the job is "+string(state), func() bool {
		var err error
		j, err = d.Job(context.Background(), id)
		return err == nil && j.State == state
	})
	return j
}

func states(j operate.Job) map[operate.ItemState]int {
	out := map[operate.ItemState]int{}
	for _, i := range j.Items {
		out[i.State]++
	}
	return out
}

// wide adds a ticket whose one batch has many running instances.
func wide(n int) func(*simulator.Config) {
	return func(c *simulator.Config) {
		b := simulator.BatchSpec{}
		for i := range n {
			b.Instances = append(b.Instances, simulator.InstanceSpec{Host: fmt.Sprintf("node-%03d", i), IP: "192.168.1.1",
				Region: "cn-north-4", Zone: "cn-north-4a", Run: 20 * time.Minute})
		}
		c.Tickets = append(c.Tickets, simulator.TicketSpec{Scenario: "wide", Name: "reload", Creator: "operator", Age: time.Minute,
			Timeout: 1500 * time.Second, SuccessRate: 100, Batches: []simulator.BatchSpec{b}})
	}
}

func (d *desk) rows(scenario string, n int) []int64 {
	d.t.Helper()
	all, err := d.client.AllInstances(d.t.Context(), d.manager, d.ticket(scenario), 1)
	check(d.t, err)
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = coc.InstanceID(all[i])
	}
	return ids
}

func TestJob(t *testing.T) { engines(t, testJob, wide(30)) }

func testJob(t *testing.T, d *desk) {
	t.Helper()
	r := d.cancels("wide", d.rows("wide", 25)...)
	id, err := d.Start(t.Context(), r)
	check(t, err)
	if again, err := d.Start(t.Context(), r); err != nil || again != id {
		t.Errorf("started twice: %s, %v", again, err)
	}
	j := d.jobIs(id, operate.JobEnded)
	if got := states(j); got[operate.ItemSent] != 25 {
		t.Errorf("the items are %v", got)
	}
	d.puts(25)
	d.clock.step(effect)
	for _, i := range j.Items {
		receipt, detail := d.end(i.Key)
		if receipt.End.Action != audit.ActionOperationObserved || operate.ParseDetail(receipt.Requested.Detail).Job != id {
			t.Errorf("item %d: %s, %+v", i.N, receipt.End.Action, detail)
		}
	}
	if n := len(d.records(audit.Query{Action: "job."})); n != 2 {
		t.Errorf("%d records about the job, want its start and its end", n)
	}
}

// TestJobReadsTogether: items of one ticket share what is read of it.
func TestJobReadsTogether(t *testing.T) {
	d := newDesk(t, wide(100))
	r := d.cancels("wide", d.rows("wide", 100)...)
	before := d.sim.Calls(simulator.CallStatistics)
	id, err := d.Start(t.Context(), r)
	check(t, err)
	d.jobIs(id, operate.JobEnded)
	d.puts(100)
	if n := d.sim.Calls(simulator.CallStatistics) - before; n > 200 { // the watchers' last looks are their own
		t.Errorf("%d readings of the counts for 100 items", n)
	}
}

func TestJobDemands(t *testing.T) {
	d := newDesk(t, wide(30))
	d.builtIn()
	r := d.cancels("wide", d.rows("wide", 25)...)
	r.Count, r.Reason = "24", ""
	_, err := d.Start(t.Context(), r)
	plan, ok := errors.AsType[*operate.PlanError](err)
	if !ok || len(plan.Plan.Demands) != 2 || plan.Plan.Stops != 25 {
		t.Fatalf("%v: %d stop, %+v", err, plan.Plan.Stops, plan.Plan.Demands)
	}
	r.Count, r.Reason = "25", "stuck"
	_, err = d.Start(t.Context(), r)
	check(t, err)
	d.jobIs(r.Key, operate.JobEnded)
	d.puts(25)
}

func TestJobStale(t *testing.T) {
	d := newDesk(t)
	rows := d.rows("running", 2)
	r := d.cancels("running", rows...)
	d.elsewhere("running", cancel(rows[1]))
	_, err := d.Start(t.Context(), r)
	stale, ok := errors.AsType[*operate.PlanError](err)
	if !ok || !stale.Plan.Items[0].OK() || stale.Plan.Items[1].OK() {
		t.Errorf("%v %+v", err, stale)
	}
	d.puts(1)
}

func TestJobTargets(t *testing.T) {
	d := newDesk(t)
	id := d.row("running", 1, 0)
	for name, targets := range map[string][]operate.Target{
		"none":  nil,
		"twice": {{Ticket: d.ticket("running"), InstanceID: id}, {Ticket: d.ticket("running"), InstanceID: id, BatchHint: 1}},
		"many":  make([]operate.Target, operate.MaxJobItems+1),
	} {
		r := operate.JobRequest{Actor: d.actor, Caller: d.operator, Type: coc.CancelInstance, Targets: targets, Key: operate.NewKey()}
		if _, err := d.Plan(t.Context(), r); !errors.Is(err, operate.ErrTargets) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestJobStopAndGo: what is stopped sends nothing more, and goes on from there.
func TestJobStopAndGo(t *testing.T) { engines(t, testJobStopAndGo, wide(60)) }

func testJobStopAndGo(t *testing.T, d *desk) {
	t.Helper()
	r := d.cancels("wide", d.rows("wide", 60)...)
	var sent atomic.Int64
	stopped := make(chan struct{})
	stop := func() {
		if sent.Add(1) == 10 {
			check(t, d.StopJob(context.Background(), r.Key, d.superior, audit.Origin{}))
			close(stopped)
		}
	}
	d.onPut.Store(&stop)
	_, err := d.Start(t.Context(), r)
	check(t, err)
	<-stopped
	eventually(t, "nothing is on its way", func() bool {
		j, err := d.Job(context.Background(), r.Key)
		return err == nil && states(j)[operate.ItemSending] == 0
	})
	d.onPut.Store(nil)
	j := d.jobIs(r.Key, operate.JobStopped)
	if got := states(j); got[operate.ItemWaiting] == 0 || got[operate.ItemSent] < 10 {
		t.Errorf("stopped with %v", got)
	}
	if err := d.ContinueJob(t.Context(), r.Key, "operator", d.superior, audit.Origin{}); !errors.Is(err, operate.ErrNotYours) {
		t.Errorf("continued by somebody else: %v", err)
	}
	check(t, d.ContinueJob(t.Context(), r.Key, "operator", d.actor, audit.Origin{}))
	d.jobIs(r.Key, operate.JobEnded)
	d.puts(60)
}

func TestJobWithoutSession(t *testing.T) { engines(t, testJobWithoutSession, wide(40)) }

func testJobWithoutSession(t *testing.T, d *desk) {
	t.Helper()
	r := d.cancels("wide", d.rows("wide", 40)...)
	var sent atomic.Int64
	end := func() {
		if sent.Add(1) == 5 {
			d.sessions.end("operator")
		}
	}
	d.onPut.Store(&end)
	_, err := d.Start(t.Context(), r)
	check(t, err)
	if j := d.jobIs(r.Key, operate.JobStopped); j.Note != operate.NoteSessionEnded {
		t.Errorf("stopped for %q", j.Note)
	}
	d.sessions.add("later", d.operator)
	check(t, d.ContinueJob(t.Context(), r.Key, "later", d.actor, audit.Origin{}))
	d.jobIs(r.Key, operate.JobEnded)
	d.puts(40)
}

// TestJobThrottled: COC's 429 slows a job down and fails no item that was not sent.
func TestJobThrottled(t *testing.T) {
	d := newDesk(t, wide(6))
	r := d.cancels("wide", d.rows("wide", 6)...)
	d.sim.Inject(simulator.Fault{Kind: simulator.CallShowTicket, Status: http.StatusTooManyRequests, Times: 1})
	_, err := d.Start(t.Context(), r)
	if plan, ok := errors.AsType[*operate.PlanError](err); ok { // the plan itself was throttled: nothing was sent
		t.Logf("planned %+v", plan.Plan.Items[0].Err)
		_, err = d.Start(t.Context(), r)
	}
	check(t, err)
	j := d.jobIs(r.Key, operate.JobEnded)
	if got := states(j); got[operate.ItemSent] != 6 {
		t.Errorf("the items are %v: %+v", got, j.Items)
	}
	d.puts(6)
}

// TestJobAfterCrash puts a job into every state in which the end of a process
// can leave an item, and starts again: nothing is sent twice or forgotten.
func TestJobAfterCrash(t *testing.T) { engines(t, testJobAfterCrash, wide(8)) }

func testJobAfterCrash(t *testing.T, d *desk) {
	t.Helper()
	r := d.cancels("wide", d.rows("wide", 8)...)
	halt := func() { check(t, d.StopJob(context.Background(), r.Key, d.actor, audit.Origin{})) }
	var once atomic.Bool
	first := func() {
		if once.CompareAndSwap(false, true) {
			halt()
		}
	}
	d.onPut.Store(&first)
	_, err := d.Start(t.Context(), r)
	check(t, err)
	d.jobIs(r.Key, operate.JobStopped)
	check(t, d.Close()) // waits for what is on its way
	d.onPut.Store(nil)
	j, err := d.Job(t.Context(), r.Key)
	check(t, err)
	sent := states(j)[operate.ItemSent]
	// One that was sent, but not noted; one whose key was claimed; one that was only begun.
	waiting := []operate.JobItem{}
	for _, i := range j.Items {
		if i.State == operate.ItemSent && sent > 0 {
			d.exec(`UPDATE job_item SET state = 'sending' WHERE job = $1 AND n = $2`, j.ID, i.N)
		}
		if i.State == operate.ItemWaiting {
			waiting = append(waiting, i)
		}
	}
	for n, i := range waiting {
		if n == 0 {
			d.exec(`INSERT INTO one_time_key (key, session_id, ticket, created_at) VALUES ($1, 'operator', '', $2)`, i.Key, d.clock.now().UnixMicro())
		}
		if n < 2 {
			d.exec(`UPDATE job_item SET state = 'sending' WHERE job = $1 AND n = $2`, j.ID, i.N)
		}
	}
	d.exec(`UPDATE job SET state = 'running' WHERE id = $1`, j.ID)
	d.clock.step(3 * time.Minute) // a claim is too old by now, whoever has made it
	d.restart()
	check(t, d.Resume(t.Context()))
	j = d.jobIs(r.Key, operate.JobEnded)
	if got := states(j); got[operate.ItemSent] != 8 {
		t.Errorf("the items are %v", got)
	}
	d.puts(8)
	d.onceEach(8)
	if n := len(d.records(audit.Query{Action: audit.ActionOperationRequested})); n != 8 {
		t.Errorf("%d requests in the log, want 8", n)
	}
}

// BenchmarkBulkCancel cancels 200 instances at 20 a second, and measures how far
// behind that pace they reach COC, from the job's confirmation on.
func BenchmarkBulkCancel(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		d := newDesk(b, wide(200))
		check(b, d.Close())
		d.rate = 20
		d.Service = d.serve()
		r := d.cancels("wide", d.rows("wide", 200)...)
		reads := []simulator.CallKind{simulator.CallShowTicket, simulator.CallBatches, simulator.CallStatistics, simulator.CallInstances}
		calls := func() (n int) {
			for _, kind := range reads {
				n += d.sim.Calls(kind)
			}
			return n
		}
		before := calls()
		b.StartTimer()
		start := time.Now()
		_, err := d.Start(b.Context(), r)
		check(b, err)
		eventually(b, "the job ends", func() bool {
			j, err := d.Job(context.Background(), r.Key)
			return err == nil && j.State == operate.JobEnded
		})
		took := time.Since(start)
		late := []time.Duration{}
		for n, at := range d.arrived.times() { // behind the pace
			late = append(late, at.Sub(start)-time.Duration(n)*time.Second/20)
		}
		slices.Sort(late)
		b.ReportMetric(200/took.Seconds(), "operations/s")
		b.ReportMetric(float64(late[len(late)*95/100].Microseconds())/1000, "p95-ms-behind-pace")
		b.ReportMetric(float64(calls()-before)/200, "readings/item")
		d.puts(200)
	}
}
