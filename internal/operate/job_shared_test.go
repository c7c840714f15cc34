package operate_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/operate"
)

// TestJobOfAClosedConsole: a console that stops in the middle of a job leaves
// it to the other one, which sends the rest and nothing twice.
func TestJobOfAClosedConsole(t *testing.T) {
	d, consoles := sharedDesk(t, 1, wide(40))
	r := d.cancels("wide", d.rows("wide", 40)...)
	middle := make(chan struct{})
	var sent atomic.Int64
	count := func() {
		if sent.Add(1) == 10 {
			close(middle)
		}
	}
	d.onPut.Store(&count)
	_, err := d.Start(t.Context(), r)
	check(t, err)
	<-middle
	check(t, consoles[0].Close())
	d.Service = consoles[1]
	if j, err := d.Job(t.Context(), r.Key); err != nil || j.State == operate.JobStopped {
		t.Fatalf("closing stopped the job: %s (%s), %v", j.State, j.Note, err)
	}
	j := d.jobIs(r.Key, operate.JobEnded)
	if got := states(j); got[operate.ItemSent] != 40 {
		t.Errorf("the items are %v", got)
	}
	d.onceEach(40)
	d.clock.step(effect)
	for _, i := range j.Items {
		d.end(i.Key)
	}
	eventually(t, "nobody has what is over", func() bool { return d.owned() == 0 })
}

// TestJobAfterStop: a console that stops does not take its jobs for abandoned
// by their people.
func TestJobAfterStop(t *testing.T) {
	d := newDesk(t, wide(40))
	r := d.cancels("wide", d.rows("wide", 40)...)
	middle := make(chan struct{})
	var sent atomic.Int64
	count := func() {
		if sent.Add(1) == 10 {
			close(middle)
		}
	}
	d.onPut.Store(&count)
	_, err := d.Start(t.Context(), r)
	check(t, err)
	<-middle
	d.restart()
	check(t, d.Resume(t.Context()))
	d.jobIs(r.Key, operate.JobEnded)
	d.onceEach(40)
	if n := len(d.records(audit.Query{Action: audit.ActionJobStarted})); n != 1 {
		t.Errorf("%d records say that the job was started", n)
	}
}

// TestSameJobAtBoth: the same form on several consoles at the same time is one
// job, which has a console to the end.
func TestSameJobAtBoth(t *testing.T) {
	d, consoles := sharedDesk(t, 2, wide(20))
	for _, s := range consoles {
		check(t, s.Resume(t.Context()))
	}
	r := d.cancels("wide", d.rows("wide", 20)...)
	var all sync.WaitGroup
	for _, s := range consoles {
		all.Go(func() {
			if id, err := s.Start(context.Background(), r); id != r.Key || err != nil {
				t.Errorf("got %q, %v", id, err)
			}
		})
	}
	all.Wait()
	d.jobIs(r.Key, operate.JobEnded)
	d.onceEach(20)
	d.clock.step(effect)
	eventually(t, "nobody has what is over", func() bool { return d.owned() == 0 })
	for action, want := range map[audit.Action]int{audit.ActionJobStarted: 1, audit.ActionJobEnded: 1, audit.ActionOperationRequested: 20} {
		if n := len(d.records(audit.Query{Action: action})); n != want {
			t.Errorf("%d records %s, want %d", n, action, want)
		}
	}
}

// TestJobContinuedElsewhere: a job that is stopped and continued on another
// console, while the first still has items under way, is carried on by one.
func TestJobContinuedElsewhere(t *testing.T) {
	d, consoles := sharedDesk(t, 1, wide(40))
	r := d.cancels("wide", d.rows("wide", 40)...)
	var sent atomic.Int64
	hop := func() {
		n := sent.Add(1)
		if n%10 != 0 {
			return
		}
		s := consoles[n/10%2]
		check(t, s.StopJob(context.Background(), r.Key, d.actor, audit.Origin{}))
		check(t, s.ContinueJob(context.Background(), r.Key, "operator", d.actor, audit.Origin{}))
	}
	d.onPut.Store(&hop)
	_, err := d.Start(t.Context(), r)
	check(t, err)
	eventually(t, "the job ends", func() bool {
		j, err := d.Job(context.Background(), r.Key)
		if err == nil && j.State == operate.JobRunning {
			d.clock.step(50 * time.Millisecond) // a claim of the other console grows old, but none that is under way
		}
		return err == nil && j.State == operate.JobEnded
	})
	d.onceEach(40)
	d.clock.step(effect)
	eventually(t, "nobody has what is over", func() bool { return d.owned() == 0 })
}

// TestJobWithoutAConsole: a console may end between a job's row and its name
// in the table of owners.
func TestJobWithoutAConsole(t *testing.T) {
	d, consoles := sharedDesk(t, 1, wide(5))
	r := d.cancels("wide", d.rows("wide", 5)...)
	stop := func() { check(t, d.StopJob(context.Background(), r.Key, d.actor, audit.Origin{})) }
	var once sync.Once
	first := func() { once.Do(stop) }
	d.onPut.Store(&first)
	_, err := d.Start(t.Context(), r)
	check(t, err)
	d.jobIs(r.Key, operate.JobStopped)
	check(t, consoles[0].Close())
	d.onPut.Store(nil)
	d.Service = consoles[1]
	d.exec(`UPDATE job SET state = 'running' WHERE id = $1`, r.Key)
	d.exec(`DELETE FROM operation_owner`)
	check(t, d.Resume(t.Context()))
	d.jobIs(r.Key, operate.JobEnded)
	d.onceEach(5)
}

// TestLateClaim: a console that stood still between a key's claim and its
// request sends nothing once others may take the key for spent.
func TestLateClaim(t *testing.T) {
	d, _ := sharedDesk(t, 0)
	form := d.form("running", pauseOrder)
	block, err := d.keys.Write.BeginTx(t.Context(), nil)
	check(t, err)
	_, err = block.ExecContext(t.Context(), `LOCK TABLE operation_owner`)
	check(t, err)
	answer := make(chan error, 1)
	go func() {
		_, err := d.Apply(t.Context(), form)
		answer <- err
	}()
	eventually(t, "the key is claimed", func() bool {
		var n int
		return d.keys.Read.QueryRowContext(t.Context(), `SELECT count(*) FROM one_time_key WHERE key = $1`, form.Key).Scan(&n) == nil && n == 1
	})
	d.clock.step(2 * time.Minute)
	check(t, block.Rollback())
	check(t, <-answer)
	if r := d.receipt(form.Key); r.Answer == nil || r.Answer.Action != audit.ActionOperationRejected ||
		operate.ParseDetail(r.Answer.Detail).Note != operate.NoteNotDelivered {
		t.Errorf("the answer is %+v", r.Answer)
	}
	d.puts(0)
}

// TestApprovalOfAKilledConsole: what was approved on a console that has gone is
// carried out by another, though that was not started anew.
func TestApprovalOfAKilledConsole(t *testing.T) {
	d, consoles := sharedDesk(t, 0)
	d.under(fourEyes)
	other := d.serve()
	check(t, other.Resume(t.Context()))
	id := d.ask("running")
	d.exec(`UPDATE approval SET state = 'granted', decider = $2 WHERE id = $1`, id, `{"user_id":"u","user_name":"manager","account_name":"demo"}`)
	d.owner("approval/"+id, "one that was killed")
	check(t, consoles[0].Close())
	check(t, d.Close())
	d.Service = other
	eventually(t, "the other console carries it out", func() bool {
		a, err := d.Approval(context.Background(), id)
		return err == nil && a.State == operate.ApprovalSent
	})
	d.onceEach(1)
	acts := d.acts(id)
	if len(acts) < 3 || acts[1] != audit.ActionApprovalGranted || acts[2] != audit.ActionOperationRequested {
		t.Errorf("the log has %v", acts)
	}
	d.clock.step(effect)
	eventually(t, "nobody has what is over", func() bool { return d.owned() == 0 })
}

// TestAnswersAtBoth: of many answers at the same time, on two consoles, one counts.
func TestAnswersAtBoth(t *testing.T) {
	d, _ := sharedDesk(t, 0)
	d.under(fourEyes)
	consoles := []*operate.Service{d.Service, d.serve()}
	id := d.ask("running")
	var all sync.WaitGroup
	var decided atomic.Int64
	for n := range 8 {
		all.Go(func() {
			by := d.answer(n%4 != 3)
			switch _, err := consoles[n%2].Answer(context.Background(), id, by); {
			case err == nil:
				decided.Add(1)
			case !errors.Is(err, operate.ErrDecided):
				if _, ok := errors.AsType[*coc.Error](err); !ok {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	a, err := d.Approval(t.Context(), id)
	check(t, err)
	want := 0
	if a.State == operate.ApprovalSent {
		want = 1
	} else if a.State != operate.ApprovalRefused {
		t.Errorf("the request is %s (%s %s)", a.State, a.Note, a.Problem)
	}
	d.onceEach(want)
	if n := decided.Load(); n != 1 {
		t.Errorf("%d answers counted", n)
	}
}
