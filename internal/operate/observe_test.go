package operate

import (
	"testing"

	"coc-console/internal/coc"
)

func TestJudgeTicket(t *testing.T) {
	done := count(coc.InstanceFinished, 2, 1)
	waiting := count(coc.InstanceReady, 2, 3)
	canceled := func(batches ...int32) coc.StatusCount { return count(coc.InstanceCanceled, 2, batches...) }
	between := SnapshotOf(situation(coc.TicketPaused, 1, done, count(coc.InstanceReady, 4, 2, 3)), "")
	within := SnapshotOf(situation(coc.TicketPaused, 2, done, count(coc.InstanceProcessing, 1, 2),
		count(coc.InstanceReady, 3, 2, 3)), "")
	draining := SnapshotOf(situation(coc.TicketPaused, 2, done, count(coc.InstanceProcessing, 2, 2), waiting), "")
	drainingLast := SnapshotOf(situation(coc.TicketPaused, 3, count(coc.InstanceFinished, 4, 1, 2),
		count(coc.InstanceProcessing, 2, 3)), "")
	failed := SnapshotOf(situation(coc.TicketAbnormal, 2, done, count(coc.InstanceAbnormal, 2, 2), waiting), "")
	inError := SnapshotOf(situation(coc.TicketError, 2, done, count(coc.InstanceAbnormal, 2, 2), waiting), "")
	running := SnapshotOf(situation(coc.TicketProcessing, 2, done, count(coc.InstanceProcessing, 2, 2), waiting), "")

	skip := func(b int32) coc.Operation { return coc.Operation{Type: coc.SkipBatch, BatchIndex: b} }
	order := func(t coc.OperationType) coc.Operation { return coc.Operation{Type: t} }
	const notYet, observed, missed = "not yet", "observed", "missed"

	for _, tt := range []struct {
		name   string
		op     coc.Operation
		before Snapshot
		now    Situation
		want   string
	}{
		{"pause: paused", order(coc.PauseOrder), running, situation(coc.TicketPaused, 2), observed},
		{"pause: still running", order(coc.PauseOrder), running, situation(coc.TicketProcessing, 3), notYet},
		{"pause: the batch failed first", order(coc.PauseOrder), running, situation(coc.TicketAbnormal, 2), missed},
		{"pause: finished first", order(coc.PauseOrder), running, situation(coc.TicketFinished, 3), missed},
		{"pause: cancelled by somebody", order(coc.PauseOrder), running, situation(coc.TicketCanceled, 2), missed},
		{"pause: an unknown state", order(coc.PauseOrder), running, situation("PAUSING", 2), notYet},

		{"pause: failed first, in Europe", order(coc.PauseOrder), running, situation(coc.TicketError, 2, waiting), missed},
		{"cancel: still in error", order(coc.CancelOrder), failed, situation(coc.TicketError, 2, waiting), notYet},
		{"continue: failed in the next batch, in Europe", order(coc.ContinueOrder), between,
			situation(coc.TicketError, 2, waiting), observed},
		{"continue: in error still", order(coc.ContinueOrder), inError,
			situation(coc.TicketError, 2, done, count(coc.InstanceAbnormal, 2, 2), waiting), notYet},
		{"skip: in error still", skip(2), inError, situation(coc.TicketError, 2, done, count(coc.InstanceAbnormal, 2, 2),
			waiting), notYet}, {"skip: in error, the next batch runs", skip(2), inError,
			situation(coc.TicketProcessing, 3, count(coc.InstanceProcessing, 2, 3)), observed},

		{"cancel: cancelled", order(coc.CancelOrder), running, situation(coc.TicketCanceled, 2), observed},
		{"cancel: finished first", order(coc.CancelOrder), running, situation(coc.TicketFinished, 3), missed},
		{"cancel: still abnormal", order(coc.CancelOrder), failed, situation(coc.TicketAbnormal, 2), notYet},

		{"continue: runs", order(coc.ContinueOrder), between, situation(coc.TicketProcessing, 2), observed},
		{"continue: unchanged", order(coc.ContinueOrder), between,
			situation(coc.TicketPaused, 1, done, count(coc.InstanceReady, 4, 2, 3)), notYet},
		{"continue: paused again after the next batch", order(coc.ContinueOrder), between,
			situation(coc.TicketPaused, 2, count(coc.InstanceFinished, 4, 1, 2), waiting), observed},
		{"continue: failed in the next batch", order(coc.ContinueOrder), between, situation(coc.TicketAbnormal, 2), observed},
		{"continue: cancelled by somebody", order(coc.ContinueOrder), between,
			situation(coc.TicketCanceled, 1, done, count(coc.InstanceCanceled, 4, 2, 3)), missed},
		{"continue: ran on, then cancelled", order(coc.ContinueOrder), between,
			situation(coc.TicketCanceled, 2, done, count(coc.InstanceCanceled, 4, 2, 3)), observed},
		{"continue: the running scripts of a paused ticket end", order(coc.ContinueOrder), draining,
			situation(coc.TicketPaused, 2, count(coc.InstanceFinished, 4, 1, 2), waiting), notYet},
		{"continue: they fail", order(coc.ContinueOrder), draining,
			situation(coc.TicketAbnormal, 2, done, count(coc.InstanceAbnormal, 2, 2), waiting), notYet},
		{"continue: they end the ticket", order(coc.ContinueOrder), drainingLast,
			situation(coc.TicketFinished, 3, count(coc.InstanceFinished, 6, 1, 2, 3)), missed},
		{"continue: a waiting instance started, then failed", order(coc.ContinueOrder), within,
			situation(coc.TicketAbnormal, 2, done, count(coc.InstanceAbnormal, 2, 2), waiting), observed},
		{"continue: a waiting instance was cancelled", order(coc.ContinueOrder), within,
			situation(coc.TicketPaused, 2, done, count(coc.InstanceProcessing, 1, 2), count(coc.InstanceCanceled, 1, 2),
				waiting), notYet}, {"continue: abnormal before, finished now", order(coc.ContinueOrder), failed,
			situation(coc.TicketFinished, 2), observed},
		{"continue: abnormal still", order(coc.ContinueOrder), failed,
			situation(coc.TicketAbnormal, 2, done, count(coc.InstanceAbnormal, 2, 2), waiting), notYet},
		{"continue: abnormal again, a batch later", order(coc.ContinueOrder), failed, situation(coc.TicketAbnormal, 3),
			observed},

		{"skip: the next batch runs", skip(2), failed,
			situation(coc.TicketProcessing, 3, count(coc.InstanceProcessing, 2, 3)), observed},
		{"skip: unchanged", skip(2), failed, situation(coc.TicketAbnormal, 2, done, count(coc.InstanceAbnormal, 2, 2),
			waiting), notYet}, {"skip: the ticket moved on while instances still stop", skip(2), failed,
			situation(coc.TicketProcessing, 3, count(coc.InstanceProcessing, 2, 2, 3)), notYet},
		{"skip: the last batch, finished", skip(3), failed, situation(coc.TicketFinished, 3, canceled(3)), observed},
		{"skip: the last batch, cancelled", skip(3), failed, situation(coc.TicketCanceled, 3, canceled(3)), observed},
		{"skip: cancelled by somebody", skip(2), failed, situation(coc.TicketCanceled, 2, canceled(3)), missed},
		{"skip: between batches", skip(2), between,
			situation(coc.TicketProcessing, 3, done, canceled(2), count(coc.InstanceProcessing, 2, 3)), observed},
		{"skip: a batch that is over, ticket paused before it", skip(2), between,
			situation(coc.TicketPaused, 1, done, canceled(2), waiting), notYet},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := judgeTicket(tt.op, tt.before, tt.now)
			got := map[bool]string{true: observed, false: missed}[v.observed]
			if !v.over {
				got = notYet
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if v.detail.Status != string(tt.now.Ticket.Status) || (v.detail.Note == NoteEnded) != (tt.want == missed) {
				t.Errorf("the detail is %+v", v.detail)
			}
		})
	}
}

func TestSkippableBatch(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   Situation
		want int32
	}{
		{"abnormal", situation(coc.TicketAbnormal, 2), 2},
		{"running", situation(coc.TicketProcessing, 2), 0},
		{"paused within a batch", situation(coc.TicketPaused, 2, count(coc.InstanceReady, 1, 2)), 2},
		{"paused between batches", situation(coc.TicketPaused, 2, count(coc.InstanceReady, 2, 3)), 3},
		{"paused after the last", situation(coc.TicketPaused, 3), 0},
		{"COC names no batch", situation(coc.TicketPaused, 0, count(coc.InstanceReady, 6, 1, 2, 3)), 0},
		{"abnormal, and COC names no batch", situation(coc.TicketAbnormal, 0), 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.in.SkippableBatch(); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}
