package operate_test

import (
	"fmt"
	"sync"
	"testing"

	"coc-console/audit"
	"coc-console/internal/memory"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/internal/simulator"
)

// over writes operations on a ticket that have their end.
func over(d *desk, scenario string, n int) {
	d.T.Helper()
	form := d.Form(scenario, pauseOrder)
	const together = 64
	for from := 0; from < n; from += together {
		var all sync.WaitGroup
		for i := from; i < min(from+together, n); i++ {
			all.Go(func() {
				one := form
				one.Key = operate.NewKey()
				requested(d, one)
				_, err := d.Log.Append(d.T.Context(), audit.Record{Action: audit.ActionOperationObserved, Ticket: string(form.Ticket),
					Outcome: audit.OutcomeSucceeded, OperationID: one.Key, OperationType: "PAUSE_ORDER", Detail: fmt.Sprint(i)})
				if err != nil {
					d.T.Error(err)
				}
			})
		}
		all.Wait()
	}
}

// TestNothingIsSearchedFor: an operation takes its whole path without the search tables.
func TestNothingIsSearchedFor(t *testing.T) {
	engines(t, func(t *testing.T, d *desk) {
		check(t, d.Resume(t.Context()))
		form, next := d.Form("running", pauseOrder), d.Form("paused", continueOrder)
		form.Key, next.Key = d.NewKey(), d.NewKey()
		d.Sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.NoEffect, Times: 1})
		if !d.Shared { // where they share a database with the console's tables, the search tables can't be closed alone
			check(t, d.Index.Reader().Close())
		} else {
			d.Exec(`DROP TABLE followed, open_operation, record`)
		}
		id, err := d.Apply(t.Context(), form)
		check(t, err)
		if again, err := d.Apply(t.Context(), form); again != id || err != nil {
			t.Errorf("again: %q, %v", again, err)
		}
		if _, err := d.Apply(t.Context(), withKey(d.Form("running", pauseOrder), d.NewKey())); !pendingIs(err, id) {
			t.Errorf("while it is pending: %v", err)
		}
		id, err = d.Apply(t.Context(), next)
		check(t, err)
		d.Clock.Step(effect)
		if r, _ := d.End(id); r.End.Action != audit.ActionOperationObserved {
			t.Errorf("the end is %+v", r.End)
		}
	})
}

func withKey(r operate.Request, key string) operate.Request { r.Key = key; return r }

// TestManyOperationsOnOneTicket: what is over costs nothing.
func TestManyOperationsOnOneTicket(t *testing.T) {
	d := newDesk(t)
	check(t, d.Resume(t.Context()))
	pending := func() {
		if found, err := d.Pending(t.Context(), d.Ticket("running"), pauseOrder, ""); err != nil || len(found) != 0 {
			t.Fatal(found, err)
		}
	}
	before := testing.AllocsPerRun(100, pending)
	over(d, "running", 450)
	if after := testing.AllocsPerRun(100, pending); after > before {
		t.Errorf("%v allocations with 450 operations before, %v without", after, before)
	}
}

// TestOldKey: a key leads to its receipt, and sends nothing, also when its operation is no longer in memory.
func TestOldKey(t *testing.T) {
	engines(t, func(t *testing.T, d *desk) {
		form := withKey(d.Form("running", pauseOrder), d.NewKey())
		id, err := d.Apply(t.Context(), form)
		check(t, err)
		d.Clock.Step(effect)
		d.End(id)
		over(d, "paused", memory.MaxEnded+10)
		d.Exec(`DELETE FROM one_time_key`) // as after a week
		if again, err := d.Apply(t.Context(), form); again != id || err != nil {
			t.Errorf("again: %q, %v", again, err)
		}
		if r := d.ReceiptOf(id); r.End == nil || r.Answer == nil {
			t.Errorf("the receipt is %+v", r)
		}
		d.Puts(1)
	})
}

// TestConsolesKnowEachOthersOperations: what one console has requested is pending on another at once, has one PUT with the
// same key, and is over there when it is over.
func TestConsolesKnowEachOthersOperations(t *testing.T) {
	d, _ := sharedDesk(t, 0)
	other := d.Another()
	check(t, other.Resume(t.Context()))
	d.Sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.NoEffect, Times: 1})
	form := d.Form("running", pauseOrder)
	id, err := d.Apply(t.Context(), form)
	check(t, err)
	if pending, err := other.Pending(t.Context(), form.Ticket, pauseOrder, ""); err != nil || len(pending) != 1 ||
		pending[0].OperationID != id {
		t.Errorf("pending there: %+v, %v", pending, err)
	}
	other.Exec(`DELETE FROM target_claim`)
	other.Exec(`DELETE FROM one_time_key`)
	if _, err := other.Apply(t.Context(), other.Form("running", pauseOrder)); !pendingIs(err, id) {
		t.Errorf("there, with the claims deleted: %v", err)
	}
	if again, err := other.Apply(t.Context(), form); again != id || err != nil {
		t.Errorf("the same key there: %q, %v", again, err)
	}
	d.Puts(1)
	d.Passes(id)
	if pending, err := other.Pending(t.Context(), form.Ticket, pauseOrder, ""); err != nil || len(pending) != 0 {
		t.Errorf("pending there after the end: %+v, %v", pending, err)
	}
}

// meanwhile are rules that something happens before.
type meanwhile struct {
	operate.Rules
	then func()
}

func (m meanwhile) Decide(q policy.Request) policy.Decision {
	m.then()
	return m.Rules.Decide(q)
}

// TestRequestedMeanwhile: what was requested on a target since the ticket was read stops an operation, whether it has its
// end already or not, and though nothing claims the target.
func TestRequestedMeanwhile(t *testing.T) {
	for _, ended := range []bool{false, true} {
		engines(t, func(t *testing.T, d *desk) {
			other, form := d.Form("running", pauseOrder), d.Form("running", pauseOrder)
			elsewhere, then := d, func() {}
			if d.Shared {
				elsewhere = d.Another()
			}
			check(t, d.Close())
			d.Rules = meanwhile{d.Rules, func() { then() }}
			d.Parts = d.Serve()
			then = func() {
				requested(elsewhere, other)
				if ended {
					_, err := elsewhere.Log.Append(t.Context(), audit.Record{Action: audit.ActionOperationObserved,
						Outcome: audit.OutcomeSucceeded, Ticket: string(other.Ticket), OperationID: other.Key})
					check(t, err)
				}
				then = func() {}
			}
			if _, err := d.Apply(t.Context(), form); !pendingIs(err, other.Key) {
				t.Errorf("ended %v: %v", ended, err)
			}
			d.Puts(0)
			if ended { // the claim was given back
				_, err := d.Apply(t.Context(), form)
				check(t, err)
				d.Puts(1)
			}
		})
	}
}
