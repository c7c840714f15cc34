package operate_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/internal/simulator"
)

// pace starts the service with another rate of jobs.
func (d *desk) pace(rate float64) {
	d.t.Helper()
	check(d.t, d.Close())
	d.rate = rate
	d.Service = d.serve()
}

func throttle(kind simulator.CallKind, after string, times int) simulator.Fault {
	return simulator.Fault{Kind: kind, Status: http.StatusTooManyRequests, Code: "APIGW.0308", Message: "slow down", Gateway: true,
		RetryAfter: after, Times: times}
}

// TestRateOfAnAccount: several jobs of one account share its pace.
func TestRateOfAnAccount(t *testing.T) {
	d := newDesk(t, wide(20))
	d.pace(20)
	rows := d.rows("wide", 20)
	first, second := d.cancels("wide", rows[:10]...), d.cancels("wide", rows[10:]...)
	began := time.Now()
	for _, r := range []operate.JobRequest{first, second} {
		_, err := d.Start(t.Context(), r)
		check(t, err)
	}
	d.jobIs(first.Key, operate.JobEnded)
	d.jobIs(second.Key, operate.JobEnded)
	if took := time.Since(began); took < 19*50*time.Millisecond {
		t.Errorf("20 operations at 20 a second took %v", took)
	}
	d.onceEach(20)
}

// TestThrottledOperation: an operation that COC refuses for too many requests
// is refused, once, and the account's jobs rest as long as COC asks for.
func TestThrottledOperation(t *testing.T) {
	d := newDesk(t, wide(12))
	d.pace(50)
	r := d.cancels("wide", d.rows("wide", 12)...)
	d.sim.Inject(throttle(simulator.CallOperate, "2", 1))
	_, err := d.Start(t.Context(), r)
	check(t, err)
	j := d.jobIs(r.Key, operate.JobEnded)
	rejected := 0
	for _, i := range j.Items {
		if a := d.receipt(i.Key).Answer; a.Action == audit.ActionOperationRejected && a.Upstream.Status == http.StatusTooManyRequests {
			rejected++
		}
	}
	if got := states(j); rejected != 1 || got[operate.ItemSent] != 12 {
		t.Errorf("%d were refused, the items are %v", rejected, got)
	}
	d.onceEach(12)
	if longest := d.arrived.longest(); longest < 1800*time.Millisecond {
		t.Errorf("the longest rest was %v, COC asked for 2 s", longest)
	}
}

// TestThrottledReading: an item whose ticket may not be read now is tried
// again after the rest that COC asks for.
func TestThrottledReading(t *testing.T) {
	d := newDesk(t, wide(12))
	d.pace(5)
	r := d.cancels("wide", d.rows("wide", 12)...)
	remove := d.throttledOnceStarted(r, "2")
	d.rests(time.Second)
	remove()
	if j := d.jobIs(r.Key, operate.JobEnded); states(j)[operate.ItemSent] != 12 {
		t.Errorf("the items are %v", states(j))
	}
	d.onceEach(12)
	if longest := d.arrived.longest(); longest < 1800*time.Millisecond {
		t.Errorf("the longest rest was %v, COC asked for 2 s", longest)
	}
}

// rests waits until nothing has arrived for a while.
func (d *desk) rests(long time.Duration) {
	d.t.Helper()
	eventually(d.t, "the job rests", func() bool {
		at := d.arrived.times()
		return len(at) > 0 && time.Since(at[len(at)-1]) > long
	})
}

// longest is the longest time between two arrivals.
func (a *arrivals) longest() (longest time.Duration) {
	at := a.times()
	for n := range at[1:] {
		longest = max(longest, at[n+1].Sub(at[n]))
	}
	return longest
}

// throttledOnceStarted starts a job whose plan is read in peace, and whose
// items are not.
func (d *desk) throttledOnceStarted(r operate.JobRequest, after string) (remove func()) {
	d.t.Helper()
	_, err := d.Start(d.t.Context(), r)
	check(d.t, err)
	return d.sim.Inject(throttle(simulator.CallStatistics, after, 0))
}

// TestStoppedWhileThrottled: what could not even be read is not on its way.
func TestStoppedWhileThrottled(t *testing.T) {
	d := newDesk(t, wide(30))
	d.pace(20)
	r := d.cancels("wide", d.rows("wide", 30)...)
	remove := d.throttledOnceStarted(r, "1")
	d.rests(700 * time.Millisecond)
	check(t, d.StopJob(t.Context(), r.Key, d.superior, audit.Origin{}))
	sent := d.sim.Calls(simulator.CallOperate)
	remove()
	eventually(t, "nothing is on its way", func() bool {
		j, err := d.Job(context.Background(), r.Key)
		return err == nil && states(j)[operate.ItemSending] == 0
	})
	j := d.jobIs(r.Key, operate.JobStopped)
	if got := states(j); got[operate.ItemWaiting] == 0 || got[operate.ItemFailed] != 0 {
		t.Errorf("the items are %v", got)
	}
	d.puts(sent)
	check(t, d.ContinueJob(t.Context(), r.Key, "operator", d.actor, audit.Origin{}))
	d.jobIs(r.Key, operate.JobEnded)
	d.onceEach(30)
}

// TestJobOfTickets acts on several tickets as wholes, one kind of operation
// after the other.
func TestJobOfTickets(t *testing.T) {
	engines(t, func(t *testing.T, d *desk) {
		t.Helper()
		for n, x := range []struct {
			op     coc.OperationType
			status coc.TicketStatus
		}{{coc.PauseOrder, coc.TicketPaused}, {coc.ContinueOrder, coc.TicketProcessing}, {coc.CancelOrder, coc.TicketCanceled}} {
			r := operate.JobRequest{SessionKey: "operator", Caller: d.operator, Actor: d.actor, Type: x.op, Reason: "stuck", Key: operate.NewKey()}
			for i := range 4 {
				r.Targets = append(r.Targets, operate.Target{Ticket: d.ticket(fmt.Sprint("job-", i))})
			}
			plan, err := d.Plan(t.Context(), r)
			check(t, err)
			for i := range r.Targets {
				r.Targets[i].Seen = plan.Items[i].Seen
			}
			_, err = d.Start(t.Context(), r)
			check(t, err)
			j := d.jobIs(r.Key, operate.JobEnded)
			d.clock.step(effect)
			for _, i := range j.Items {
				if end, detail := d.end(i.Key); end.End.Action != audit.ActionOperationObserved || detail.Status != string(x.status) {
					t.Errorf("%s of %s: %s, %+v", x.op, i.Ticket, end.End.Action, detail)
				}
			}
			d.onceEach(4 * (n + 1))
		}
	}, func(c *simulator.Config) {
		for i := range 4 {
			spec := tickets()[0]
			spec.Scenario = fmt.Sprint("job-", i)
			c.Tickets = append(c.Tickets, spec)
		}
	})
}

// TestMixedJob: each item has its own end, whatever becomes of the others.
func TestMixedJob(t *testing.T) {
	d := newDesk(t, wide(4))
	d.pace(4)
	rows := d.rows("wide", 4)
	r := d.cancels("wide", rows...)
	began := make(chan struct{}, 8)
	arrive := func() { began <- struct{}{} }
	d.onPut.Store(&arrive)
	d.sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Status: http.StatusBadRequest, Code: "COC.00040701", Message: "no", Times: 1})
	_, err := d.Start(t.Context(), r)
	check(t, err)
	<-began
	d.onPut.Store(nil)
	d.elsewhere("wide", cancel(rows[3]))
	d.sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.Reset, Times: 1})
	j := d.jobIs(r.Key, operate.JobEnded)
	d.clock.step(effect)
	got := map[audit.Action]int{}
	for _, i := range j.Items {
		if i.State == operate.ItemFailed {
			got["failed "+audit.Action(i.Problem)]++
			continue
		}
		got[d.receipt(i.Key).Answer.Action]++
	}
	want := map[audit.Action]int{audit.ActionOperationRejected: 1, audit.ActionOperationUnknown: 1, audit.ActionOperationAccepted: 1,
		"failed " + audit.Action(operate.NoteMoved): 1}
	if !maps.Equal(got, want) {
		t.Errorf("the items ended with %v, want %v", got, want)
	}
}
