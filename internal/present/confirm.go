package present

import (
	"math"
	"strconv"

	"coc-console/audit"
	"coc-console/internal/ansi"
	"coc-console/internal/approval"
	"coc-console/internal/coc"
	"coc-console/internal/course"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/templates"
)

// ImpactOf is what an operation does, by the ticket's figures at that moment.
// next counts the instances of the batch that starts then; less than none: it is
// not known.
func ImpactOf(op coc.Operation, stops operate.Impact, at operate.Snapshot, batch int32, next int) i18n.Impact {
	n := i18n.Impact{Operation: string(op.Type), Number: stops.Stops, Running: stops.Running, Batch: op.BatchIndex}
	switch op.Type {
	case coc.PauseOrder:
		n.Number, n.Running = int(at.Ready), int(at.Running)
	case coc.ContinueOrder:
		n.Number = int(at.Ready)
		if next >= 0 && batch > 0 {
			n.Batch, n.Number, n.Later = batch, next, max(0, int(at.Ready)-next)
		}
	case coc.CancelOrder:
		n.Done = int(at.Failed + at.Canceled + at.Finished)
	case coc.CancelInstance, coc.SkipBatch:
		n.Keeps = max(0, int(at.Running)-stops.Running)
	}
	return n
}

// Confirm puts a reading into the page that confirms an operation: what is hit,
// what it does, and the snapshot that the form will carry.
func Confirm(page *templates.NewOperation, op coc.Operation, now operate.Reading) {
	id, at := page.Ticket.ID, page.ReadAt
	page.Ticket = TicketHead(now.Situation, at)
	page.Whole, page.Counts, page.Batches = Tally(now.Statistics), Counts(now.Statistics), len(now.Batches)
	page.Scope = page.Whole
	if page.Whole.Done > 0 {
		done := float64(now.Statistics.Count(coc.InstanceFinished)) / float64(page.Whole.Done)
		page.Success = strconv.FormatFloat(math.Floor(100*done), 'f', 0, 64)
	}
	page.Refusal = string(now.Check(op))
	page.Seen = now.Snapshot().String()
	switch op.Type.Scope() {
	case coc.OnBatch:
		if b, ok := now.Batch(op.BatchIndex); ok {
			shown := Batch(now.Situation, b, b.Index, nil)
			page.Batch = &shown
		}
		page.Scope = TallyRows(now.Instances...)
		for _, i := range now.Instances {
			page.Targets = append(page.Targets, Instance(id, op.BatchIndex, i, now.Situation, at, nil))
		}
	case coc.OnInstance:
		shown := Instance(id, now.InstanceBatch, *now.Instance, now.Situation, at, nil)
		page.Instance, page.Scope = &shown, TallyRows(*now.Instance)
		page.BatchHint = Decimal(now.InstanceBatch)
	case coc.OnTicket:
		// Its head shows it.
	}
	if page.Refusal == "" {
		page.ShowNext = operate.Starts(op.Type)
	}
	if page.ShowNext {
		page.Next = now.NextBatch(op)
	}
}

// NextHosts puts the instances that start next into the page; the batch has
// them all.
func NextHosts(page *templates.NewOperation, now operate.Reading, batch []coc.Instance) {
	for _, i := range batch {
		if i.Status == coc.InstanceReady {
			host := Instance(page.Ticket.ID, page.Next, i, now.Situation, page.ReadAt, nil)
			page.NextHosts = append(page.NextHosts, host)
		}
	}
}

// ConfirmImpact puts into the page what the operation does, once it is known
// what starts next.
func ConfirmImpact(page *templates.NewOperation, op coc.Operation, now operate.Reading, stops operate.Impact) {
	next := len(page.NextHosts)
	if page.NextUnread {
		next = -1
	}
	page.Impact = ImpactOf(op, stops, now.Snapshot(), page.Next, next)
	page.Rules.Stops = stops.Stops
	if stops.Stops > 1 {
		page.Spread = Spread(op, now)
	}
}

// PendingOperations are requests whose effect is awaited.
func PendingOperations(requests []audit.Record) (out []templates.PendingOperation) {
	for _, r := range requests {
		out = append(out, templates.PendingOperation{ID: r.OperationID, Type: r.OperationType, Target: TargetTitle(r),
			Actor: ansi.VisibleLine(r.Actor.UserName), Since: r.When(), Receipt: ReceiptAddress(r.OperationID)})
	}
	return out
}

// PendingRequests are the requests for approval that are open, as somebody who
// confirms an operation on the same ticket reads them.
func PendingRequests(open []approval.Request, op coc.Operation, reader audit.Actor) (out []templates.PendingRequest) {
	for _, a := range open {
		if !a.State.Open() || a.Doubtful {
			continue
		}
		out = append(out, templates.PendingRequest{ApprovalRow: ApprovalRow(a), Same: a.Operation == op,
			Own: a.Requester.UserID == reader.UserID})
	}
	return out
}

// maxLastActivity is how many operations stand beside a confirmation.
const maxLastActivity = 4

// LastActivity puts the newest step of each of the last operations on a ticket
// into the page, and those that have no end and are not named there already. deeds have
// the newest first.
func LastActivity(page *templates.NewOperation, deeds []course.Deed) {
	named := map[string]bool{page.Key: true}
	for _, o := range page.Pending {
		named[o.ID] = true
	}
	for _, o := range course.Operations(deeds) {
		receipt := ReceiptAddress(o.ID)
		if len(page.Activity) < maxLastActivity {
			page.Activity = append(page.Activity, templates.ActivityEntry{Time: o.At, Actor: o.Actor, Action: string(o.Action),
				Operation: string(o.Type), Reason: o.Reason, Receipt: receipt})
		}
		if !named[o.ID] && o.Open() {
			page.Beside = append(page.Beside, templates.PendingOperation{ID: o.ID, Type: string(o.Type),
				Target: o.Target, Actor: o.Actor, Since: o.At, Receipt: receipt})
		}
	}
}
