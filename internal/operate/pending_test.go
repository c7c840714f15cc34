package operate_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"coc-console/audit"
	"coc-console/internal/approval"
	"coc-console/internal/bulk"
	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/internal/simulator"
)

// TestOneOfMany: of 50 confirmations of one target at once, with keys of their
// own, by two people, on one console or two, one is sent; the others name it.
func TestOneOfMany(t *testing.T) {
	for _, op := range []func(d *desk) coc.Operation{
		func(*desk) coc.Operation { return pauseOrder }, func(*desk) coc.Operation { return cancelOrder },
		func(d *desk) coc.Operation { return cancel(d.Row("running", 1, 0)) },
	} {
		t.Run("one console", func(t *testing.T) {
			d := newDesk(t)
			oneOfMany(t, d, op(d), d.Parts)
		})
		t.Run("two consoles", func(t *testing.T) {
			d, consoles := sharedDesk(t, 1)
			oneOfMany(t, d, op(d), consoles...)
		})
		t.Run("two hosts", func(t *testing.T) {
			d, _ := sharedDesk(t, 0)
			oneOfMany(t, d, op(d), d.Parts, d.Another().Parts)
		})
	}
}

func oneOfMany(t *testing.T, d *desk, op coc.Operation, consoles ...parts) {
	t.Helper()
	d.Sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.NoEffect}) // it stays pending
	many := 50
	if testing.Short() {
		many = 12
	}
	forms := make([]operate.Request, many)
	for i := range forms {
		forms[i] = d.Form("running", op)
		if i%2 == 1 {
			forms[i].Actor, forms[i].Caller, forms[i].SessionKey = d.Superior, d.Manager, "manager"
		}
	}
	var all sync.WaitGroup
	var won atomic.Pointer[string]
	for i := range forms {
		all.Go(func() {
			id, err := consoles[i%len(consoles)].Apply(context.Background(), forms[i])
			pending, ok := errors.AsType[*operate.PendingError](err)
			switch {
			case err == nil && !won.CompareAndSwap(nil, &id):
				t.Error("a second one was sent")
			case err != nil && !ok:
				t.Error(err)
			case err != nil:
				p := pending.Pending[0]
				if p.OperationID == "" || p.Actor.UserName == "" || p.When().IsZero() || p.OperationType != string(op.Type) ||
					p.Target == "" {
					t.Errorf("it is told of %+v", p)
				}
			}
		})
	}
	all.Wait()
	d.Puts(1)
	d.OnceEach(1)
	again := d.Form("running", op)
	again.Beside = operate.NewKey()
	if _, err := d.Apply(t.Context(), again); !pendingIs(err, *won.Load()) {
		t.Errorf("beside another one: %v", err)
	}
	again.Beside = *won.Load()
	_, err := d.Apply(t.Context(), again)
	check(t, err)
	third := d.Form("running", op)
	third.Beside = *won.Load() // not the newest any more
	if _, err := d.Apply(t.Context(), third); !pendingIs(err, again.Key) {
		t.Errorf("beside the one before: %v", err)
	}
	d.Puts(2)
}

// pendingIs reports whether an error names that operation as the pending one.
func pendingIs(err error, id string) bool {
	pending, ok := errors.AsType[*operate.PendingError](err)
	return ok && pending.Pending[0].OperationID == id
}

// TestClaimsEnd: a target is free again once its operation has its end, was
// rejected or never sent; a pending pause holds up no cancelling of the ticket,
// and no other target.
func TestClaimsEnd(t *testing.T) {
	engines(t, func(t *testing.T, d *desk) {
		reject := d.Sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Status: 400, Code: "COC.00040701", Message: "no"})
		d.Applied("running", pauseOrder)
		reject()
		first := d.Applied("running", pauseOrder)
		if _, err := d.Apply(t.Context(), d.Form("running", pauseOrder)); !pendingIs(err, first) {
			t.Errorf("while one is pending: %v", err)
		}
		d.Applied("running", cancel(d.Row("running", 1, 0)))
		d.Restart()
		if _, err := d.Apply(t.Context(), d.Form("running", pauseOrder)); !pendingIs(err, first) {
			t.Errorf("after a restart: %v", err)
		}
		d.Exec(`DELETE FROM target_claim`) // the log knows
		d.Exec(`DELETE FROM one_time_key`)
		if _, err := d.Apply(t.Context(), d.Form("running", pauseOrder)); !pendingIs(err, first) {
			t.Errorf("with the claims deleted: %v", err)
		}
		d.Applied("running", cancelOrder)
		check(t, d.Resume(t.Context()))
		d.Clock.Step(effect)
		d.End(first)
		d.Puts(4)
		// A claim of which nothing is in the log, and nobody can follow it up.
		d.Exec(`INSERT INTO target_claim (ticket, target, operation_id, request, claimed_at) VALUES ($1, 'ticket', 'X', '{', $2)`,
			string(d.Ticket("paused")), d.Clock.Now().UnixMicro())
		if d.Shared {
			if _, err := d.Apply(t.Context(), d.Form("paused", continueOrder)); !pendingIs(err, "X") {
				t.Errorf("claimed by another console: %v", err)
			}
			d.Clock.Step(operate.ClaimLife*2 + 1_000_000_000)
		}
		d.Applied("paused", continueOrder)
		d.Puts(5)
	})
}

// TestOneKeyOnePath: a key that was put before an approver, into a job, or of
// one of its items sends nothing as a form's, and the other way round, on every
// console and after a restart.
func TestOneKeyOnePath(t *testing.T) {
	engines(t, func(t *testing.T, d *desk) {
		d.Under(fourEyes)
		job := d.Cancels("held", d.Row("held", 1, 0), d.Row("held", 1, 1))
		halt := func() { check(t, d.Stop(context.Background(), job.Key, d.Actor, audit.Origin{})) }
		var once sync.Once
		first := func() { once.Do(halt) }
		d.OnPut.Store(&first)
		_, err := d.Start(t.Context(), job)
		check(t, err)
		j := d.BulkIs(job.Key, bulk.Stopped)
		d.OnPut.Store(nil)
		asked := d.Asked("running")
		check(t, d.Close()) // an item may have been on its way when the job was stopped
		sent := d.Sim.Calls(simulator.CallOperate)
		d.Rules = rules(t, `@id("all") permit (principal, action, resource);`) // now it could be sent directly
		d.Parts = d.Serve()
		for name, key := range map[string]string{"an approval": asked, "a job": job.Key, "an item": j.Items[1].Key} {
			for _, again := range []bool{false, true} {
				form := d.Form("running", cancelOrder)
				form.Key = key
				_, err := d.Apply(t.Context(), form)
				_, taken := errors.AsType[*operate.KeyTakenError](err)
				if !taken && !errors.Is(err, operate.ErrBadKey) { // of an operation that the log knows already
					t.Errorf("the key of %s, as a form's: %v", name, err)
				}
				other := d.Cancels("running", d.Row("running", 1, 0))
				other.Key = key
				if _, err := d.Start(t.Context(), other); err == nil && key != job.Key {
					t.Errorf("the key of %s starts a job", name)
				}
				if again {
					break
				}
				d.Exec(`DELETE FROM one_time_key`)
			}
		}
		d.Puts(sent)
		direct := d.Applied("paused", continueOrder)
		d.Under(fourEyes)
		form := d.Form("running", cancelOrder)
		form.Key = direct
		if _, err := d.Ask(t.Context(), form); err == nil {
			t.Error("the key of an operation asks for approval")
		}
		other := d.Cancels("running", d.Row("running", 1, 0))
		other.Key = direct
		if _, err := d.Start(t.Context(), other); err == nil {
			t.Error("the key of an operation starts a job")
		}
		d.Puts(sent + 1)
	})
}

// TestAnswerAfterItWasSent: where the log knows the operation of a request that
// waits, nothing is decided, and the request says so.
func TestAnswerAfterItWasSent(t *testing.T) {
	d := newApprovalDesk(t)
	id := d.Asked("running")
	form := d.Form("running", cancelOrder)
	form.Key = id
	requested(d, form) // as a console of before did
	if _, err := d.Answer(t.Context(), id, d.Decision(true)); !errors.Is(err, approval.ErrAlreadySent) {
		t.Errorf("approved: %v", err)
	}
	d.Stands(id, approval.Returned, approval.NoteSentDirectly)
	if acts := d.Acts(id); acts[len(acts)-1] != audit.ActionApprovalReturned {
		t.Errorf("the log has %v", acts)
	}
	if err := d.Withdraw(t.Context(), id, d.Actor, audit.Origin{}); !errors.Is(err, approval.ErrDecided) {
		t.Errorf("withdrawn: %v", err)
	}
	d.Puts(0)
}

// TestForgedBulk: no row of a bulk operation that the console did not write, or that is
// put back from before, sends anything.
func TestForgedBulk(t *testing.T) {
	engines(t, func(t *testing.T, d *desk) {
		r := d.Cancels("wide", d.Rows("wide", 8)...)
		var once sync.Once
		first := func() {
			once.Do(func() { check(t, d.Stop(context.Background(), r.Key, d.Superior, audit.Origin{})) })
		}

		d.OnPut.Store(&first)
		_, err := d.Start(t.Context(), r)
		check(t, err)
		d.BulkIs(r.Key, bulk.Stopped)
		check(t, d.Close())
		d.OnPut.Store(nil)
		sent := d.Sim.Calls(simulator.CallOperate)
		jobs, items := d.Kept("job"), d.Kept("job_item")
		for name, forge := range map[string]func(){
			"a bulk operation that runs":          func() { d.Exec(`UPDATE job SET state = 'running'`) },
			"a bulk operation of another session": func() { d.Exec(`UPDATE job SET state = 'running', session_id = 'manager'`) },
			"an item of another ticket": func() {
				d.Exec(`UPDATE job SET state = 'running'`)
				check(t, d.Reseal(t.Context()))
				d.Exec(`UPDATE job_item SET ticket = $1`, string(d.Ticket("running")))
			},
			"an old bulk operation that runs": func() {
				d.Exec(`UPDATE job SET state = 'running'`)
				check(t, d.Reseal(t.Context()))
			},
		} {
			jobs()
			items()
			forge()
			d.Parts = d.Serve()
			check(t, d.Resume(t.Context()))
			d.BulkIs(r.Key, bulk.Stopped)
			check(t, d.Close())
			if n := d.Sim.Calls(simulator.CallOperate); n != sent {
				t.Fatalf("%s sends", name)
			}
		}
	}, wide(8))
}
