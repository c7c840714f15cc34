package bulk_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/bulk"
)

// TestBulkOfAClosedConsole: a console that stops in the middle of a bulk operation leaves
// it to the other one, which sends the rest and nothing twice.
func TestBulkOfAClosedConsole(t *testing.T) {
	d, consoles := sharedDesk(t, 1, wide(40))
	r := d.Cancels("wide", d.Rows("wide", 40)...)
	middle := make(chan struct{})
	var sent atomic.Int64
	count := func() {
		if sent.Add(1) == 10 {
			close(middle)
		}
	}
	d.OnPut.Store(&count)
	_, err := d.Start(t.Context(), r)
	check(t, err)
	<-middle
	check(t, consoles[0].Close())
	d.Parts = consoles[1]
	if j, err := d.Bulks.Get(t.Context(), r.Key); err != nil || j.State == bulk.Stopped {
		t.Fatalf("closing stopped the bulk operation: %s (%s), %v", j.State, j.Note, err)
	}
	j := d.BulkIs(r.Key, bulk.Ended)
	if got := states(j); got[bulk.ItemSent] != 40 {
		t.Errorf("the items are %v", got)
	}
	d.OnceEach(40)
	d.Clock.Step(effect)
	for _, i := range j.Items {
		d.End(i.Key)
	}
	eventually(t, "nobody has what is over", func() bool { return d.Owned() == 0 })
}

// TestBulkAfterStop: a console that stops does not take its bulk operations for abandoned
// by their people.
func TestBulkAfterStop(t *testing.T) {
	d := newDesk(t, wide(40))
	r := d.Cancels("wide", d.Rows("wide", 40)...)
	middle := make(chan struct{})
	var sent atomic.Int64
	count := func() {
		if sent.Add(1) == 10 {
			close(middle)
		}
	}
	d.OnPut.Store(&count)
	_, err := d.Start(t.Context(), r)
	check(t, err)
	<-middle
	d.Restart()
	check(t, d.Resume(t.Context()))
	d.BulkIs(r.Key, bulk.Ended)
	d.OnceEach(40)
	if n := len(d.Records(search.Query{Action: audit.ActionJobStarted})); n != 1 {
		t.Errorf("%d records say that the bulk operation was started", n)
	}
}

// TestSameBulkAtBoth: the same form on several consoles at the same time is one
// bulk operation, which has a console to the end.
func TestSameBulkAtBoth(t *testing.T) {
	d, consoles := sharedDesk(t, 2, wide(20))
	for _, s := range consoles {
		check(t, s.Resume(t.Context()))
	}
	r := d.Cancels("wide", d.Rows("wide", 20)...)
	var all sync.WaitGroup
	for _, s := range consoles {
		all.Go(func() {
			if id, err := s.Start(context.Background(), r); id != r.Key || err != nil {
				t.Errorf("got %q, %v", id, err)
			}
		})
	}
	all.Wait()
	d.BulkIs(r.Key, bulk.Ended)
	d.OnceEach(20)
	d.Clock.Step(effect)
	eventually(t, "nobody has what is over", func() bool { return d.Owned() == 0 })
	for action, want := range map[audit.Action]int{audit.ActionJobStarted: 1, audit.ActionJobEnded: 1,
		audit.ActionOperationRequested: 20} {
		if n := len(d.Records(search.Query{Action: action})); n != want {
			t.Errorf("%d records %s, want %d", n, action, want)
		}
	}
}

// TestBulkContinuedElsewhere: a bulk operation that is stopped and continued on another
// console, while the first still has items under way, is carried on by one.
func TestBulkContinuedElsewhere(t *testing.T) {
	d, consoles := sharedDesk(t, 1, wide(40))
	r := d.Cancels("wide", d.Rows("wide", 40)...)
	var sent atomic.Int64
	var hopping sync.Mutex // what is under way when it is stopped goes on, and may be the next to hop
	hop := func() {
		n := sent.Add(1)
		if n%10 != 0 {
			return
		}
		hopping.Lock()
		defer hopping.Unlock()
		s := consoles[n/10%2]
		check(t, s.Stop(context.Background(), r.Key, d.Actor, audit.Origin{}))
		check(t, s.Continue(context.Background(), r.Key, "operator", d.Actor, audit.Origin{}))
	}
	d.OnPut.Store(&hop)
	_, err := d.Start(t.Context(), r)
	check(t, err)
	eventually(t, "the bulk operation ends", func() bool {
		j, err := d.Bulks.Get(context.Background(), r.Key)
		if err == nil && j.State == bulk.Running {
			d.Clock.Step(50 * time.Millisecond) // a claim of the other console grows old, but none that is under way
		}
		return err == nil && j.State == bulk.Ended
	})
	d.OnceEach(40)
	d.Clock.Step(effect)
	eventually(t, "nobody has what is over", func() bool { return d.Owned() == 0 })
}

// TestBulkWithoutAConsole: a console may end between a bulk operation's row and its name
// in the table of owners.
func TestBulkWithoutAConsole(t *testing.T) {
	d, consoles := sharedDesk(t, 1, wide(5))
	r := d.Cancels("wide", d.Rows("wide", 5)...)
	stop := func() { check(t, d.Stop(context.Background(), r.Key, d.Actor, audit.Origin{})) }
	var once sync.Once
	first := func() { once.Do(stop) }
	d.OnPut.Store(&first)
	_, err := d.Start(t.Context(), r)
	check(t, err)
	d.BulkIs(r.Key, bulk.Stopped)
	check(t, consoles[0].Close())
	d.OnPut.Store(nil)
	d.Parts = consoles[1]
	d.Continued(r)
	d.Exec(`DELETE FROM operation_owner`)
	check(t, d.Resume(t.Context()))
	d.BulkIs(r.Key, bulk.Ended)
	d.OnceEach(5)
}
