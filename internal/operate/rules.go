package operate

import (
	"slices"

	"coc-console/internal/coc"
)

// Refusal says why an operation does not fit the present state of a ticket.
// The zero value means that it does.
type Refusal string

// The reasons for which an operation is not offered. They follow the inferred
// state model of docs/coc-api.md section 8.2; COC itself has the last word.
const (
	Fits               Refusal = ""
	TicketOver         Refusal = "ticket_over"          // finished or cancelled: nothing left to act on
	TicketNotRunning   Refusal = "ticket_not_running"   // only a running ticket can be paused
	TicketNotStopped   Refusal = "ticket_not_stopped"   // only a paused or abnormal ticket can go on
	TicketNotStarted   Refusal = "ticket_not_started"   // not running yet
	TicketStateUnknown Refusal = "ticket_state_unknown" // a state this console does not know
	BatchNotCurrent    Refusal = "batch_not_current"    // only the batch that is next to go on can be skipped
	InstanceOver       Refusal = "instance_over"        // the instance has ended
)

// Situation is one reading of a ticket: what an operation is decided on.
type Situation struct {
	Ticket     coc.Ticket
	Batches    []coc.Batch
	Statistics coc.Statistics
}

// Batch returns the ticket's batch with that index.
func (s Situation) Batch(index int32) (coc.Batch, bool) {
	i := slices.IndexFunc(s.Batches, func(b coc.Batch) bool { return b.Index == index })
	if i < 0 {
		return coc.Batch{}, false
	}
	return s.Batches[i], true
}

// Open reports whether a batch has instances that run or wait.
func (s Situation) Open(batch int32) bool {
	for _, c := range s.Statistics.Counts {
		if !c.Status.Terminal() && c.Count > 0 && slices.Contains(c.Batches, batch) {
			return true
		}
	}
	return false
}

// SkippableBatch returns the batch that SKIP_BATCH would act on now: the
// current one, or the next when the ticket is paused between two batches
// (docs/coc-api.md section 8.2). It is 0 when there is none.
func (s Situation) SkippableBatch() int32 {
	current := s.Ticket.CurrentBatch
	switch {
	case current < 1: // COC did not say; to guess would skip a batch that nobody saw
		return 0
	case s.Ticket.Status == coc.TicketAbnormal, s.Ticket.Status == coc.TicketPaused && s.Open(current):
		return current
	case s.Ticket.Status == coc.TicketPaused && s.has(current+1):
		return current + 1
	default:
		return 0
	}
}

// NextBatch returns the batch in which instances start when op, CONTINUE_ORDER
// or SKIP_BATCH, takes effect; 0 when there is none, or when COC does not say
// where the ticket is.
func (s Situation) NextBatch(op coc.Operation) int32 {
	next := s.Ticket.CurrentBatch
	switch {
	case op.Type == coc.SkipBatch:
		next = op.BatchIndex + 1
	case next < 1:
		return 0
	case !s.waits(next):
		next++
	}
	if !s.has(next) {
		return 0
	}
	return next
}

// waits reports whether a batch has instances that have not started.
func (s Situation) waits(batch int32) bool {
	return slices.ContainsFunc(s.Statistics.Counts, func(c coc.StatusCount) bool {
		return c.Status == coc.InstanceReady && c.Count > 0 && slices.Contains(c.Batches, batch)
	})
}

func (s Situation) has(batch int32) bool {
	_, ok := s.Batch(batch)
	return ok
}

// Check says whether op fits the situation. For CANCEL_INSTANCE instance is
// the state of the chosen row; other operations ignore it.
func (s Situation) Check(op coc.Operation, instance coc.InstanceStatus) Refusal {
	status := s.Ticket.Status
	if status.Terminal() {
		return TicketOver
	}
	switch op.Type {
	case coc.PauseOrder:
		return unless(status == coc.TicketProcessing, TicketNotRunning)
	case coc.ContinueOrder:
		return unless(status == coc.TicketPaused || status == coc.TicketAbnormal, TicketNotStopped)
	case coc.SkipBatch:
		if status != coc.TicketPaused && status != coc.TicketAbnormal {
			return TicketNotStopped
		}
		return unless(op.BatchIndex == s.SkippableBatch(), BatchNotCurrent)
	case coc.CancelInstance:
		if status == coc.TicketReady {
			return TicketNotStarted
		}
		return unless(!instance.Terminal(), InstanceOver)
	case coc.CancelOrder:
		// Stopping is offered in states this console does not know, too: at
		// worst COC refuses, and an emergency is no time to guess.
		return Fits
	default:
		return TicketStateUnknown
	}
}

func unless(ok bool, why Refusal) Refusal {
	if ok {
		return Fits
	}
	return why
}

// BatchState is the state of a batch, which COC does not tell and which is
// derived from the statistics (docs/coc-api.md sections 4.3 and 4.5).
type BatchState string

// The derived states of a batch.
const (
	BatchWaiting  BatchState = "WAITING"  // nothing of it has started
	BatchRunning  BatchState = "RUNNING"  // instances run
	BatchHeld     BatchState = "HELD"     // begun; the rest waits, nothing runs
	BatchFailed   BatchState = "FAILED"   // over, with failures
	BatchCanceled BatchState = "CANCELED" // over, all of it cancelled
	BatchPartly   BatchState = "PARTLY"   // over, some cancelled, none failed
	BatchFinished BatchState = "FINISHED" // over, all well
	BatchUnknown  BatchState = "UNKNOWN"  // no statistics for it
)

// BatchState derives the state of a batch.
func (s Situation) BatchState(batch int32) BatchState {
	has := map[coc.InstanceStatus]bool{}
	for _, c := range s.Statistics.Counts {
		if c.Count > 0 && slices.Contains(c.Batches, batch) {
			has[c.Status] = true
		}
	}
	switch {
	case len(has) == 0:
		return BatchUnknown
	case has[coc.InstanceProcessing]:
		return BatchRunning
	case has[coc.InstanceReady] && len(has) == 1:
		return s.waitingState(batch)
	case has[coc.InstanceReady]:
		return s.heldState()
	case has[coc.InstanceAbnormal] || has[coc.InstanceRolledBack]:
		return BatchFailed
	case has[coc.InstanceCanceled] && len(has) == 1:
		return BatchCanceled
	case has[coc.InstanceCanceled]:
		return BatchPartly
	case has[coc.InstanceFinished] && len(has) == 1:
		return BatchFinished
	}
	return BatchUnknown
}

func (s Situation) waitingState(batch int32) BatchState {
	if s.Ticket.Status == coc.TicketProcessing && s.Ticket.CurrentBatch == batch {
		return BatchRunning
	}
	return BatchWaiting
}

func (s Situation) heldState() BatchState {
	if s.Ticket.Status == coc.TicketProcessing {
		return BatchRunning
	}
	return BatchHeld
}
