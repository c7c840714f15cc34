package reading

import (
	"slices"

	"coc-console/internal/coc"
)

// Situation is one reading of a ticket: what an operation is decided on.
type Situation struct {
	Ticket     coc.Ticket
	Batches    []coc.Batch
	Statistics coc.Statistics
}

// Over reports that nothing more happens on the ticket.
func (s Situation) Over() bool { return coc.Over(s.Ticket, s.Batches, s.Statistics) }

// Settled reports a state that tells by itself, or with the statistics, whether
// a ticket is over (coc.Over).
func Settled(s coc.TicketStatus) bool {
	return s.Known() && s != coc.TicketError && s != coc.TicketRolledBack
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
	case s.Ticket.Status.Failed(), s.Ticket.Status == coc.TicketPaused && s.Open(current):
		return current
	case s.Ticket.Status == coc.TicketPaused && s.Has(current+1):
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
	if !s.Has(next) {
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

// Has reports whether the ticket has such a batch.
func (s Situation) Has(batch int32) bool {
	_, ok := s.Batch(batch)
	return ok
}

// BatchState derives the state of a batch.
func (s Situation) BatchState(batch int32) coc.BatchState {
	has := map[coc.InstanceStatus]bool{}
	for _, c := range s.Statistics.Counts {
		if c.Count > 0 && slices.Contains(c.Batches, batch) {
			has[c.Status] = true
		}
	}
	switch {
	case len(has) == 0:
		return coc.BatchUnknown
	case has[coc.InstanceProcessing]:
		return coc.BatchRunning
	case has[coc.InstanceReady] && len(has) == 1:
		return s.waitingState(batch)
	case has[coc.InstanceReady]:
		return s.heldState()
	case has[coc.InstanceAbnormal] || has[coc.InstanceError] || has[coc.InstanceRolledBack]:
		return coc.BatchFailed
	case has[coc.InstanceCanceled] && len(has) == 1:
		return coc.BatchCanceled
	case has[coc.InstanceCanceled]:
		return coc.BatchPartly
	case has[coc.InstanceFinished] && len(has) == 1:
		return coc.BatchFinished
	}
	return coc.BatchUnknown
}

func (s Situation) waitingState(batch int32) coc.BatchState {
	if s.Ticket.Status == coc.TicketProcessing && s.Ticket.CurrentBatch == batch {
		return coc.BatchRunning
	}
	return coc.BatchWaiting
}

func (s Situation) heldState() coc.BatchState {
	if s.Ticket.Status == coc.TicketProcessing {
		return coc.BatchRunning
	}
	return coc.BatchHeld
}

// Skipped reports whether a batch was left behind. A ticket that somebody
// cancels leaves none behind, unless the batch is its last one: then
// the end of the ticket is what skipping brings.
func (s Situation) Skipped(batch int32) bool {
	switch {
	case s.Open(batch):
		return false
	case s.Ticket.CurrentBatch > batch:
		return true
	case s.Ticket.Status == coc.TicketCanceled:
		return !s.Has(batch + 1)
	default:
		return s.Over()
	}
}

// BatchesIn lists the batches that have instances in such a state.
func BatchesIn(now coc.Statistics, in func(coc.InstanceStatus) bool) (batches []int32) {
	for _, c := range now.Counts {
		if c.Count > 0 && in(c.Status) {
			batches = append(batches, c.Batches...)
		}
	}
	slices.Sort(batches)
	return slices.Compact(batches)
}
