package operate

import (
	"context"
	"slices"

	"coc-console/internal/coc"
	"coc-console/internal/reading"
)

// definition is what the console knows of one type of operation. Its wire name
// and what it acts on are in internal/coc/ids.go.
type definition struct {
	// fits says whether it fits a ticket that is not over. instance is the state
	// of the chosen row of CANCEL_INSTANCE.
	fits func(op coc.Operation, now Situation, instance coc.InstanceStatus) Refusal
	// material are the aspects that must be what the person saw; nil: all of them.
	material []Aspect
	// batches says that it is judged by the ticket's batches, too.
	batches bool
	// expects lists the batches whose rows it is likely to need, by the last
	// statistics, to read them beside the ticket; nil: none.
	expects func(op coc.Operation, last coc.Statistics, hint int32) []int32
	// read adds the rows that it acts on to a reading; nil: there are none.
	read func(ctx context.Context, from *reading.Source, op coc.Operation, now Reading, hint int32) (Reading, error)
	// starts says that instances of a batch start with it.
	starts bool
	// stops counts the instances that it stops; nil: it stops nothing.
	stops func(now Reading, out *Impact)
	// effect tells whether it has taken effect, or cannot any more. nil: the
	// chosen row tells.
	effect func(op coc.Operation, before Snapshot, now Situation) (done, never bool)
	// alone tells of the effect by the ticket without its statistics: it is there,
	// or it may still come. nil: both are needed.
	alone func(before Snapshot, now coc.Ticket) (done, open bool)
}

// definitions are all operations that the console knows.
var definitions = map[coc.OperationType]definition{
	coc.PauseOrder: {
		// Stopping is offered in states this console does not know, too: at
		// worst COC refuses, and an emergency is no time to guess.
		fits: func(_ coc.Operation, now Situation, _ coc.InstanceStatus) Refusal {
			status := now.Ticket.Status
			return unless(status == coc.TicketProcessing || !status.Known(), TicketNotRunning)
		},
		material: []Aspect{AspectStatus, AspectBatch, AspectFailed, AspectCanceled},
		effect: func(_ coc.Operation, _ Snapshot, now Situation) (done, never bool) {
			return now.Ticket.Status == coc.TicketPaused, now.Over() || now.Ticket.Status.Failed()
		},
		alone: func(_ Snapshot, now coc.Ticket) (done, open bool) {
			return now.Status == coc.TicketPaused, now.Finished.IsZero() && now.Status == coc.TicketProcessing
		},
	},
	coc.ContinueOrder: {
		starts: true,
		fits:   func(_ coc.Operation, now Situation, _ coc.InstanceStatus) Refusal { return atRest(now) },
		effect: func(_ coc.Operation, before Snapshot, now Situation) (done, never bool) {
			return wentOn(before, now), now.Over()
		},
		alone: func(before Snapshot, now coc.Ticket) (done, open bool) {
			return now.Status == coc.TicketProcessing || now.CurrentBatch > before.Batch, false
		},
	},
	coc.SkipBatch: {
		starts: true,
		fits: func(op coc.Operation, now Situation, _ coc.InstanceStatus) Refusal {
			if why := atRest(now); why != Fits {
				return why
			}
			return unless(op.BatchIndex == now.SkippableBatch(), BatchNotCurrent)
		},
		batches: true,
		expects: func(op coc.Operation, _ coc.Statistics, _ int32) []int32 { return []int32{op.BatchIndex} },
		read: func(ctx context.Context, from *reading.Source, op coc.Operation, now Reading, _ int32) (_ Reading, err error) {
			if !now.Has(op.BatchIndex) {
				return now, &TargetError{Field: "batch_index"}
			}
			now.Instances, err = from.Rows(ctx, op.BatchIndex)
			return now, err
		},
		stops: func(now Reading, out *Impact) {
			for _, i := range now.Instances {
				out.add(i)
			}
		},
		effect: func(op coc.Operation, _ Snapshot, now Situation) (done, never bool) {
			return now.Skipped(op.BatchIndex), now.Over()
		},
	},
	coc.CancelInstance: {
		fits: func(_ coc.Operation, now Situation, instance coc.InstanceStatus) Refusal {
			if now.Ticket.Status == coc.TicketReady {
				return TicketNotStarted
			}
			return unless(!instance.Terminal(), InstanceOver)
		},
		material: []Aspect{AspectStatus, AspectInstance},
		expects: func(_ coc.Operation, last coc.Statistics, hint int32) []int32 {
			batches := reading.BatchesIn(last, isCanceled)
			if hint > 0 {
				batches = slices.Insert(batches, 0, hint)
			}
			return batches
		},
		read: func(ctx context.Context, from *reading.Source, op coc.Operation, now Reading, hint int32) (Reading, error) {
			return find(ctx, from, now, op.InstanceID, hint)
		},
		stops: func(now Reading, out *Impact) {
			if now.Instance != nil {
				out.add(*now.Instance)
			}
		},
	},
	coc.CancelOrder: {
		// In states this console does not know, too.
		fits:     func(coc.Operation, Situation, coc.InstanceStatus) Refusal { return Fits },
		material: []Aspect{AspectStatus, AspectBatch, AspectFailed, AspectCanceled},
		expects: func(_ coc.Operation, last coc.Statistics, _ int32) []int32 {
			return reading.BatchesIn(last, isOpen)
		},
		read: func(ctx context.Context, from *reading.Source, _ coc.Operation, now Reading, _ int32) (_ Reading, err error) {
			now.Instances, err = openRows(ctx, from, now.Statistics)
			return now, err
		},
		stops: stopsAll,
		effect: func(_ coc.Operation, _ Snapshot, now Situation) (done, never bool) {
			return now.Ticket.Status == coc.TicketCanceled, now.Over()
		},
		alone: func(_ Snapshot, now coc.Ticket) (done, open bool) {
			return now.Status == coc.TicketCanceled, now.Finished.IsZero() &&
				(now.Status == coc.TicketProcessing || now.Status == coc.TicketPaused || now.Status == coc.TicketAbnormal)
		},
	},
}

// Stops reports whether an operation of that type stops instances.
func Stops(t coc.OperationType) bool { return definitions[t].stops != nil }

// Starts reports whether instances of a batch start with an operation of that type.
func Starts(t coc.OperationType) bool { return definitions[t].starts }

// stopsAll counts what stops when a whole ticket is cancelled.
func stopsAll(now Reading, out *Impact) {
	for _, c := range now.Statistics.Counts {
		if !c.Status.Terminal() {
			out.Stops += int(c.Count)
		}
		if mayRun(c.Status) {
			out.Running += int(c.Count)
		}
	}
	for _, i := range now.Instances {
		out.in(i.Target)
	}
}

// isMaterial reports whether a change of an aspect stops an operation. Those
// that are not known act on a ticket at rest.
func isMaterial(operation coc.OperationType, aspect Aspect) bool {
	aspects := definitions[operation].material
	return aspects == nil || slices.Contains(aspects, aspect)
}
