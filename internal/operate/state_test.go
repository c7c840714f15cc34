package operate

import (
	"testing"
	"time"

	"coc-console/internal/coc"
)

// situation builds a ticket of three batches with two instances each.
func situation(status coc.TicketStatus, current int32, counts ...coc.StatusCount) Situation {
	s := Situation{Ticket: coc.Ticket{Status: status, CurrentBatch: current}}
	for i := int32(1); i <= 3; i++ {
		s.Batches = append(s.Batches, coc.Batch{Index: i, TotalInstances: 2})
	}
	s.Statistics.Counts = counts
	return s
}

func count(status coc.InstanceStatus, n int32, batches ...int32) coc.StatusCount {
	return coc.StatusCount{Status: status, Count: n, Batches: batches}
}

func TestCheck(t *testing.T) {
	waiting := count(coc.InstanceReady, 2, 3)
	done := count(coc.InstanceFinished, 2, 1)
	running := situation(coc.TicketProcessing, 2, done, count(coc.InstanceProcessing, 2, 2), waiting)
	between := situation(coc.TicketPaused, 1, done, count(coc.InstanceReady, 4, 2, 3))
	within := situation(coc.TicketPaused, 2, done, count(coc.InstanceProcessing, 2, 2), waiting)
	failed := situation(coc.TicketAbnormal, 2, done, count(coc.InstanceAbnormal, 2, 2), waiting)
	ready := situation(coc.TicketReady, 0, count(coc.InstanceReady, 6, 1, 2, 3))
	last := situation(coc.TicketPaused, 3, count(coc.InstanceFinished, 6, 1, 2, 3))
	finished := situation(coc.TicketFinished, 3, count(coc.InstanceFinished, 6, 1, 2, 3))
	canceled := situation(coc.TicketCanceled, 2, count(coc.InstanceCanceled, 6, 1, 2, 3))
	strange := situation("FROZEN", 2, count(coc.InstanceReady, 6, 1, 2, 3))

	skip := func(b int32) coc.Operation { return coc.Operation{Type: coc.SkipBatch, BatchIndex: b} }
	instance := coc.Operation{Type: coc.CancelInstance, InstanceID: 7}
	order := func(t coc.OperationType) coc.Operation { return coc.Operation{Type: t} }

	for _, tt := range []struct {
		name     string
		in       Situation
		op       coc.Operation
		instance coc.InstanceStatus
		want     Refusal
	}{
		{"pause a running ticket", running, order(coc.PauseOrder), "", Fits},
		{"pause a paused ticket", between, order(coc.PauseOrder), "", TicketNotRunning},
		{"pause an abnormal ticket", failed, order(coc.PauseOrder), "", TicketNotRunning},
		{"pause a ticket that has not started", ready, order(coc.PauseOrder), "", TicketNotRunning},
		{"pause a finished ticket", finished, order(coc.PauseOrder), "", TicketOver},
		{"continue a paused ticket", between, order(coc.ContinueOrder), "", Fits},
		{"continue an abnormal ticket", failed, order(coc.ContinueOrder), "", Fits},
		{"continue a running ticket", running, order(coc.ContinueOrder), "", TicketNotStopped},
		{"continue a cancelled ticket", canceled, order(coc.ContinueOrder), "", TicketOver},
		{"cancel a running ticket", running, order(coc.CancelOrder), "", Fits},
		{"cancel a ticket that has not started", ready, order(coc.CancelOrder), "", Fits},
		{"cancel a ticket in an unknown state", strange, order(coc.CancelOrder), "", Fits},
		{"cancel a finished ticket", finished, order(coc.CancelOrder), "", TicketOver},
		{"skip while running", running, skip(2), "", TicketNotStopped},
		{"skip the failed batch", failed, skip(2), "", Fits},
		{"skip a later batch of an abnormal ticket", failed, skip(3), "", BatchNotCurrent},
		{"skip the next batch between batches", between, skip(2), "", Fits},
		{"skip the batch that is done", between, skip(1), "", BatchNotCurrent},
		{"skip the open batch of a paused ticket", within, skip(2), "", Fits},
		{"skip past an open batch", within, skip(3), "", BatchNotCurrent},
		{"skip with no batch left", last, skip(3), "", BatchNotCurrent},
		{"cancel a running instance", running, instance, coc.InstanceProcessing, Fits},
		{"cancel a waiting instance", failed, instance, coc.InstanceReady, Fits},
		{"cancel a failed instance", failed, instance, coc.InstanceAbnormal, InstanceOver},
		{"cancel an instance in an unknown state", running, instance, "STUCK", Fits},
		{"cancel an instance before the start", ready, instance, coc.InstanceReady, TicketNotStarted},
		{"an unknown operation", running, order("RETRY_INSTANCE"), "", TicketStateUnknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Check(tt.in, tt.op, tt.instance); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestCheckGoesByWhatIsOpen holds states, open instances and the end against
// each operation: what a state is called does not end a ticket.
func TestCheckGoesByWhatIsOpen(t *testing.T) {
	running := []coc.StatusCount{count(coc.InstanceAbnormal, 1, 1), count(coc.InstanceProcessing, 1, 1),
		count(coc.InstanceReady, 4, 2, 3)}
	waiting := []coc.StatusCount{count(coc.InstanceAbnormal, 2, 1), count(coc.InstanceReady, 4, 2, 3)}
	ended := []coc.StatusCount{count(coc.InstanceAbnormal, 6, 1, 2, 3)}
	ops := []coc.Operation{{Type: coc.PauseOrder}, {Type: coc.ContinueOrder}, {Type: coc.SkipBatch, BatchIndex: 1},
		{Type: coc.CancelInstance, InstanceID: 7}, {Type: coc.CancelOrder}}
	over := [5]Refusal{TicketOver, TicketOver, TicketOver, TicketOver, TicketOver}
	failed := [5]Refusal{TicketNotRunning, Fits, Fits, Fits, Fits}
	closing := [5]Refusal{TicketNotRunning, TicketNotStopped, TicketNotStopped, Fits, Fits}
	strange := [5]Refusal{Fits, TicketStateUnknown, TicketStateUnknown, Fits, Fits}
	for _, tt := range []struct {
		status        coc.TicketStatus
		open, noMore  [5]Refusal // with instances that run or wait, and with none
		skipIsCurrent bool
	}{
		{coc.TicketProcessing, [5]Refusal{Fits, TicketNotStopped, TicketNotStopped, Fits, Fits},
			[5]Refusal{Fits, TicketNotStopped, TicketNotStopped, Fits, Fits}, false},
		{coc.TicketAbnormal, failed, failed, true},
		{coc.TicketError, failed, over, true},
		{coc.TicketRolledBack, closing, over, false},
		{coc.TicketCanceled, closing, over, false},
		{coc.TicketFinished, closing, over, false},
		{"HIBERNATING", strange, over, false},
		{"", strange, over, false},
	} {
		for _, counts := range [][]coc.StatusCount{running, waiting, ended} {
			s := situation(tt.status, 1, counts...)
			want := tt.open
			if len(counts) == 1 {
				want = tt.noMore
			}
			for i, op := range ops {
				if got := Check(s, op, coc.InstanceProcessing); got != want[i] {
					t.Errorf("%s with %v, %s: %q, want %q", tt.status, counts, op.Type, got, want[i])
				}
				with := s
				with.Ticket.Finished = time.UnixMilli(1)
				if got := Check(with, op, coc.InstanceProcessing); got != TicketOver {
					t.Errorf("%s with an end, %s: %q", tt.status, op.Type, got)
				}
			}
			if got := s.SkippableBatch(); (got == 1) != tt.skipIsCurrent {
				t.Errorf("%s: batch %d can be skipped", tt.status, got)
			}
		}
	}
}

func TestBatchState(t *testing.T) {
	for _, tt := range []struct {
		name  string
		in    Situation
		batch int32
		want  coc.BatchState
	}{
		{"running", situation(coc.TicketProcessing, 1, count(coc.InstanceProcessing, 1, 1),
			count(coc.InstanceFinished, 1, 1)), 1, coc.BatchRunning},
		{"dispatched, nothing runs yet", situation(coc.TicketProcessing, 1, count(coc.InstanceReady, 2, 1)), 1,
			coc.BatchRunning}, {"waiting", situation(coc.TicketProcessing, 1, count(coc.InstanceReady, 2, 2)), 2,
			coc.BatchWaiting},
		{"held", situation(coc.TicketPaused, 1, count(coc.InstanceReady, 1, 1), count(coc.InstanceFinished, 1, 1)), 1,
			coc.BatchHeld}, {"between dispatches", situation(coc.TicketProcessing, 1, count(coc.InstanceReady, 1, 1),
			count(coc.InstanceFinished, 1, 1)), 1, coc.BatchRunning},
		{"failed", situation(coc.TicketAbnormal, 1, count(coc.InstanceAbnormal, 1, 1), count(coc.InstanceFinished, 1, 1)), 1,
			coc.BatchFailed}, {"rolled back", situation(coc.TicketFinished, 1, count(coc.InstanceRolledBack, 1, 1)), 1,
			coc.BatchFailed},
		{"cancelled", situation(coc.TicketCanceled, 1, count(coc.InstanceCanceled, 2, 1)), 1, coc.BatchCanceled},
		{"partly", situation(coc.TicketFinished, 1, count(coc.InstanceCanceled, 1, 1), count(coc.InstanceFinished, 1, 1)), 1,
			coc.BatchPartly}, {"finished", situation(coc.TicketFinished, 1, count(coc.InstanceFinished, 2, 1)), 1,
			coc.BatchFinished},
		{"nothing known", situation(coc.TicketFinished, 1, count(coc.InstanceFinished, 0, 1)), 1, coc.BatchUnknown},
		{"an unknown state", situation(coc.TicketProcessing, 1, count("STUCK", 2, 1)), 1, coc.BatchUnknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.in.BatchState(tt.batch); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestPictureRoundTrip(t *testing.T) {
	p := Snapshot{Status: coc.TicketAbnormal, Batch: 2, Ready: 3, Running: 1, Failed: 4, Canceled: 5,
		Finished: 6, Instance: coc.InstanceReady}
	got, err := ParseSnapshot(p.String())
	if err != nil || got != p {
		t.Fatalf("got %+v, %v, want %+v", got, err, p)
	}
}

func FuzzParsePicture(f *testing.F) {
	f.Add(Snapshot{Status: "PAUSED", Batch: 1, Ready: 2}.String())
	f.Add("1/ABNORMAL/2/-3/0/0/0/0/")
	f.Add("2/A/1/1/1/1/1/1/")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseSnapshot(text)
		if err != nil {
			return
		}
		if again, err := ParseSnapshot(p.String()); err != nil || again != p {
			t.Errorf("%q became %+v, then %+v, %v", text, p, again, err)
		}
	})
}

func TestChanges(t *testing.T) {
	base := Snapshot{Status: coc.TicketProcessing, Batch: 2, Ready: 4, Running: 2, Finished: 2,
		Instance: coc.InstanceProcessing}
	with := func(change func(*Snapshot)) Snapshot { p := base; change(&p); return p }
	progress := with(func(p *Snapshot) { p.Running--; p.Finished++ })
	failure := with(func(p *Snapshot) { p.Running--; p.Failed++ })
	batch := with(func(p *Snapshot) { p.Batch++ })
	status := with(func(p *Snapshot) { p.Status = coc.TicketPaused })
	instance := with(func(p *Snapshot) { p.Instance = coc.InstanceFinished })

	for _, tt := range []struct {
		name  string
		now   Snapshot
		stale map[coc.OperationType]bool
	}{
		{"nothing", base, map[coc.OperationType]bool{}},
		{"progress", progress, map[coc.OperationType]bool{coc.SkipBatch: true, coc.ContinueOrder: true}},
		{"a failure", failure, map[coc.OperationType]bool{coc.SkipBatch: true, coc.ContinueOrder: true,
			coc.PauseOrder: true, coc.CancelOrder: true}},
		{"the next batch", batch, map[coc.OperationType]bool{coc.SkipBatch: true, coc.ContinueOrder: true,
			coc.PauseOrder: true, coc.CancelOrder: true}},
		{"another state", status, map[coc.OperationType]bool{coc.SkipBatch: true, coc.ContinueOrder: true,
			coc.PauseOrder: true, coc.CancelOrder: true, coc.CancelInstance: true}},
		{"the instance ended", instance, map[coc.OperationType]bool{coc.SkipBatch: true, coc.ContinueOrder: true,
			coc.CancelInstance: true}},
	} {
		for _, op := range coc.OperationTypes() {
			t.Run(tt.name+"/"+string(op), func(t *testing.T) {
				if got := Stale(base.Changes(tt.now, op)); got != tt.stale[op] {
					t.Errorf("stale is %v, want %v", got, tt.stale[op])
				}
			})
		}
	}
}

// TestUnknownMayRun: instances whose state nobody knows are not said to wait.
func TestUnknownMayRun(t *testing.T) {
	now := Reading{Situation: situation(coc.TicketProcessing, 1, count("ASLEEP", 2, 1), count("", 1, 1), count(coc.InstanceReady, 4, 2))}
	if got := now.Impact(coc.Operation{Type: coc.CancelOrder}); got.Stops != 7 || got.Running != 3 {
		t.Errorf("of a ticket %+v", got)
	}
	now.Instances = []coc.Instance{{Status: "ASLEEP"}, {Status: coc.InstanceReady}, {Status: coc.InstanceFinished}}
	if got := now.Impact(coc.Operation{Type: coc.SkipBatch, BatchIndex: 1}); got.Stops != 2 || got.Running != 1 {
		t.Errorf("of a batch %+v", got)
	}
}
