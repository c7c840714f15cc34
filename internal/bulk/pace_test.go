package bulk_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/bulk"
	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/internal/simulator"
)

// pace starts the service with another rate of bulk operations.
func pace(d *desk, rate float64) {
	d.T.Helper()
	check(d.T, d.Close())
	d.Rate = rate
	d.Parts = d.Serve()
}

func throttle(kind simulator.CallKind, after string, times int) simulator.Fault {
	return simulator.Fault{Kind: kind, Status: http.StatusTooManyRequests, Code: "APIGW.0308", Message: "slow down",
		Gateway: true, RetryAfter: after, Times: times}
}

// TestRateOfAnAccount: several bulk operations of one account share its pace.
func TestRateOfAnAccount(t *testing.T) {
	d := newDesk(t, wide(20))
	pace(d, 20)
	rows := d.Rows("wide", 20)
	first, second := d.Cancels("wide", rows[:10]...), d.Cancels("wide", rows[10:]...)
	began := time.Now()
	for _, r := range []bulk.Request{first, second} {
		_, err := d.Start(t.Context(), r)
		check(t, err)
	}
	d.BulkIs(first.Key, bulk.Ended)
	d.BulkIs(second.Key, bulk.Ended)
	if took := time.Since(began); took < 19*50*time.Millisecond {
		t.Errorf("20 operations at 20 a second took %v", took)
	}
	d.OnceEach(20)
}

// TestThrottledOperation: an operation that COC refuses for too many requests
// is refused, once, and the account's bulk operations rest as long as COC asks for.
func TestThrottledOperation(t *testing.T) {
	d := newDesk(t, wide(12))
	pace(d, 50)
	r := d.Cancels("wide", d.Rows("wide", 12)...)
	d.Sim.Inject(throttle(simulator.CallOperate, "2", 1))
	_, err := d.Start(t.Context(), r)
	check(t, err)
	j := d.BulkIs(r.Key, bulk.Ended)
	rejected := 0
	for _, i := range j.Items {
		if a := d.ReceiptOf(i.Key).Answer; a.Action == audit.ActionOperationRejected &&
			a.Upstream.Status == http.StatusTooManyRequests {
			rejected++
		}
	}
	if got := states(j); rejected != 1 || got[bulk.ItemSent] != 12 {
		t.Errorf("%d were refused, the items are %v", rejected, got)
	}
	d.OnceEach(12)
	if longest := d.Arrived.Longest(); longest < 1800*time.Millisecond {
		t.Errorf("the longest rest was %v, COC asked for 2 s", longest)
	}
}

// TestThrottledReading: an item whose ticket may not be read now is tried
// again after the rest that COC asks for.
func TestThrottledReading(t *testing.T) {
	d := newDesk(t, wide(12))
	pace(d, 5)
	r := d.Cancels("wide", d.Rows("wide", 12)...)
	remove := throttledOnceStarted(d, r, "2")
	rests(d, time.Second)
	remove()
	if j := d.BulkIs(r.Key, bulk.Ended); states(j)[bulk.ItemSent] != 12 {
		t.Errorf("the items are %v", states(j))
	}
	d.OnceEach(12)
	if longest := d.Arrived.Longest(); longest < 1800*time.Millisecond {
		t.Errorf("the longest rest was %v, COC asked for 2 s", longest)
	}
}

// rests waits until nothing has arrived for a while.
func rests(d *desk, long time.Duration) {
	d.T.Helper()
	eventually(d.T, "the bulk operation rests", func() bool {
		at := d.Arrived.Times()
		return len(at) > 0 && time.Since(at[len(at)-1]) > long
	})
}

// throttledOnceStarted starts a bulk operation whose plan is read in peace, and whose
// items are not.
func throttledOnceStarted(d *desk, r bulk.Request, after string) (remove func()) {
	d.T.Helper()
	_, err := d.Start(d.T.Context(), r)
	check(d.T, err)
	return d.Sim.Inject(throttle(simulator.CallStatistics, after, 0))
}

// TestStoppedWhileThrottled: what could not even be read is not on its way.
func TestStoppedWhileThrottled(t *testing.T) {
	d := newDesk(t, wide(30))
	pace(d, 20)
	r := d.Cancels("wide", d.Rows("wide", 30)...)
	remove := throttledOnceStarted(d, r, "1")
	rests(d, 700*time.Millisecond)
	check(t, d.Stop(t.Context(), r.Key, d.Superior, audit.Origin{}))
	remove()
	eventually(t, "nothing is on its way", func() bool {
		j, err := d.Bulks.Get(context.Background(), r.Key)
		return err == nil && states(j)[bulk.ItemSending] == 0
	})
	j := d.BulkIs(r.Key, bulk.Stopped)
	if got := states(j); got[bulk.ItemWaiting] == 0 || got[bulk.ItemFailed] != 0 {
		t.Errorf("the items are %v", got)
	}
	d.Puts(states(j)[bulk.ItemSent])
	check(t, d.Continue(t.Context(), r.Key, "operator", d.Actor, audit.Origin{}))
	d.BulkIs(r.Key, bulk.Ended)
	d.OnceEach(30)
}

// TestBulkOfTickets acts on several tickets as wholes, one kind of operation
// after the other.
func TestBulkOfTickets(t *testing.T) {
	engines(t, func(t *testing.T, d *desk) {
		t.Helper()
		for n, x := range []struct {
			op     coc.OperationType
			status coc.TicketStatus
		}{{coc.PauseOrder, coc.TicketPaused}, {coc.ContinueOrder, coc.TicketProcessing},
			{coc.CancelOrder, coc.TicketCanceled}} {
			r := bulk.Request{SessionKey: "operator", Caller: d.Operator, Actor: d.Actor, Type: x.op, Reason: "stuck",
				Key: operate.NewKey()}
			for i := range 4 {
				r.Targets = append(r.Targets, bulk.Target{Ticket: d.Ticket(fmt.Sprint("job-", i))})
			}
			plan, err := d.Plan(t.Context(), r)
			check(t, err)
			for i := range r.Targets {
				r.Targets[i].Expected = plan.Items[i].Expected
			}
			_, err = d.Start(t.Context(), r)
			check(t, err)
			j := d.BulkIs(r.Key, bulk.Ended)
			d.Clock.Step(effect)
			for _, i := range j.Items {
				if end, detail := d.End(i.Key); end.End.Action != audit.ActionOperationObserved ||
					detail.Status != string(x.status) {
					t.Errorf("%s of %s: %s, %+v", x.op, i.Ticket, end.End.Action, detail)
				}
			}
			d.OnceEach(4 * (n + 1))
		}
	}, func(c *simulator.Config) {
		for i := range 4 {
			spec := tickets()[0]
			spec.Scenario = fmt.Sprint("job-", i)
			c.Tickets = append(c.Tickets, spec)
		}
	})
}

// TestMixedBulk: each item has its own end, whatever becomes of the others.
func TestMixedBulk(t *testing.T) {
	d := newDesk(t, wide(4))
	pace(d, 4)
	rows := d.Rows("wide", 4)
	r := d.Cancels("wide", rows...)
	// The first item's call, and what the others read before theirs, is held until somebody else's operation has been
	// answered: that one meets none of the faults, and the last item sees what it did.
	began, release := make(chan struct{}), make(chan struct{})
	hold := sync.OnceFunc(func() {
		d.Sim.Inject(simulator.Fault{Kind: simulator.CallInstances, Effect: simulator.Slow, Hold: release})
		close(began)
		<-release
	})
	d.OnPut.Store(&hold)
	_, err := d.Start(t.Context(), r)
	check(t, err)
	<-began
	d.OnPut.Store(nil)
	d.Elsewhere("wide", cancel(rows[3]))
	d.Sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Status: http.StatusBadRequest, Code: "COC.00040701",
		Message: "no", Times: 1})
	d.Sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.Reset, Times: 1})
	close(release)
	j := d.BulkIs(r.Key, bulk.Ended)
	d.Clock.Step(effect)
	got := map[audit.Action]int{}
	for _, i := range j.Items {
		if i.State == bulk.ItemFailed {
			got["failed "+audit.Action(i.Problem)]++
			continue
		}
		got[d.ReceiptOf(i.Key).Answer.Action]++
	}
	want := map[audit.Action]int{audit.ActionOperationRejected: 1, audit.ActionOperationUnknown: 1,
		audit.ActionOperationAccepted: 1, "failed " + audit.Action(operate.NoteMoved): 1}
	if !maps.Equal(got, want) {
		t.Errorf("the items ended with %v, want %v", got, want)
	}
}
