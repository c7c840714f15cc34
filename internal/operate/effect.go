package operate

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/coc"
	"coc-console/internal/reading"
)

// Showing is what a ticket says of an operation whose end is not in the log yet.
type Showing string

// What a ticket can say.
const (
	ShowsNothing Showing = ""
	ShowsEffect  Showing = "shows" // the effect is there; the console is about to confirm it
	ShowsEnd     Showing = "ended" // the ticket is over, and the effect can't come any more
)

// ShowingOf reports what a reading of the ticket says of an open operation, so
// that nobody is told that an effect is awaited beside a ticket that shows it.
func ShowingOf(r Receipt, now Situation) Showing {
	if !r.Open() || now.Ticket.ExecuteUUID == "" {
		return ShowsNothing
	}
	before, err := ParseSnapshot(r.Requested.Seen)
	if err != nil { // a damaged record
		return ShowsNothing
	}
	op := coc.Operation{Type: coc.OperationType(r.Requested.OperationType), BatchIndex: r.Requested.BatchIndex,
		InstanceID: r.Requested.InstanceID}
	v := judgeTicket(op, before, now)
	switch {
	case v.observed:
		return ShowsEffect
	case v.over, now.Over():
		return ShowsEnd
	}
	return ShowsNothing
}

// verdict is what one look says about an operation.
type verdict struct {
	over     bool
	observed bool
	detail   Detail
}

func (v verdict) record(requested audit.Record) audit.Record {
	if v.observed {
		return next(requested, audit.ActionOperationObserved, audit.OutcomeSucceeded, v.detail)
	}
	return next(requested, audit.ActionOperationNotObserved, audit.OutcomeFailed, v.detail)
}

func confirmed(status string) verdict {
	return verdict{over: true, observed: true, detail: Detail{Status: status}}
}

// missed says that the effect can no longer be expected.
func missed(status string) verdict {
	return verdict{over: true, detail: Detail{Note: NoteEnded, Status: status}}
}

func notYet(status string) verdict { return verdict{detail: Detail{Status: status}} }

// judgeEffect looks for an operation's effect with the task's caller.
func (s *Service) judgeEffect(ctx context.Context, t task) (verdict, error) {
	op, from := t.operation(), s.sourceOf(ctx, t)
	if op.Type.Scope() == coc.OnInstance {
		return s.judgeInstance(ctx, t, from)
	}
	before, err := ParseSnapshot(t.requested.Seen)
	if err != nil { // only a damaged record can say this
		return verdict{}, err
	}
	var now Situation
	if alone := definitions[op.Type].alone; alone != nil {
		if now.Ticket, err = from.Ticket(ctx); err != nil {
			return verdict{}, err
		}
		if v, told := judgeAlone(op, before, now.Ticket); told {
			return v, nil
		}
	}
	if now.Statistics, err = from.Statistics(ctx); err != nil {
		return verdict{}, err
	}
	if now.Ticket.ExecuteUUID != "" && reading.Settled(now.Ticket.Status) {
		if v := judgeTicket(op, before, now); !v.over {
			return v, nil
		}
	}
	// The ticket must not be older than what it is judged by.
	if now.Ticket, err = s.client.Ticket(ctx, t.caller, t.ticket()); err != nil {
		return verdict{}, err
	}
	skipped := op.Type.Scope() == coc.OnBatch && now.Ticket.Status == coc.TicketCanceled
	if skipped || !reading.Settled(now.Ticket.Status) {
		if now.Batches, err = from.Batches(ctx); err != nil {
			return verdict{}, err
		}
	}
	return judgeTicket(op, before, now), nil
}

// judgeAlone decides by the ticket without its statistics; false when it takes
// more than that.
func judgeAlone(op coc.Operation, before Snapshot, now coc.Ticket) (v verdict, told bool) {
	alone := definitions[op.Type].alone
	if alone == nil {
		return verdict{}, false
	}
	done, open := alone(before, now)
	return byState(done, false)(string(now.Status)), done || open
}

// judgeView decides by what somebody who looks at the ticket was shown after
// COC's answer; false when it takes a look of the task's own.
func (s *Service) judgeView(ctx context.Context, t task) (verdict, bool) {
	of := t.requested.Actor
	patient, cancel := context.WithTimeout(ctx, viewPatience)
	defer cancel()
	key := reading.Key{Account: of.AccountID, Project: of.ProjectID, Ticket: t.ticket()}
	view, ok := s.views.NextView(patient, key, t.notBefore())
	before, err := ParseSnapshot(t.requested.Seen)
	if !ok || err != nil {
		return verdict{}, false
	}
	op := t.operation()
	if op.Type.Scope() == coc.OnInstance {
		detail := ParseDetail(t.requested.Detail)
		rows, ok := view.Rows(detail.Batch)
		i := slices.IndexFunc(rows, func(r coc.Instance) bool { return coc.InstanceID(r) == op.InstanceID })
		if !ok || i < 0 || rows[i].Status.Terminal() || !explained(detail, view.Statistics, false) {
			return verdict{}, false // the counts must not be older than the row
		}
		return notYet(string(rows[i].Status)), true
	}
	if v, told := judgeAlone(op, before, view.Ticket); told {
		return v, true
	}
	if !reading.Settled(view.Ticket.Status) {
		return verdict{}, false
	}
	v := judgeTicket(op, before, view.Situation())
	return v, !v.over
}

// explained reports that no other instance can have been cancelled: there are as
// many as before, and the chosen one.
func explained(before Detail, now coc.Statistics, chosen bool) bool {
	want := len(before.Canceled)
	if chosen {
		want++
	}
	return int(now.Count(coc.InstanceCanceled)) == want
}

// judgeTicket decides on the operations that act on a batch or a ticket.
func judgeTicket(op coc.Operation, before Snapshot, now Situation) verdict {
	effect := definitions[op.Type].effect
	if effect == nil { // an instance is judged by its row
		return notYet(string(now.Ticket.Status))
	}
	return byState(effect(op, before, now))(string(now.Ticket.Status))
}

// byState picks the verdict: the effect is there, or it cannot come any more,
// or it may still come.
func byState(effect, over bool) func(status string) verdict {
	switch {
	case effect:
		return confirmed
	case over:
		return missed
	default:
		return notYet
	}
}

// wentOn reports whether a ticket at rest has been continued. That its state
// changed is not enough: the scripts of a paused ticket run to their end
// (docs/coc-api.md section 8.2), which can leave it abnormal or finished all by
// itself, and somebody else may cancel it.
func wentOn(before Snapshot, now Situation) bool {
	status := now.Ticket.Status
	started := before.Ready-now.Statistics.Count(coc.InstanceReady) >
		now.Statistics.Count(coc.InstanceCanceled)-before.Canceled
	switch {
	case status == coc.TicketProcessing, now.Ticket.CurrentBatch > before.Batch, started:
		return true
	case status == before.Status, status == coc.TicketCanceled:
		return false
	default:
		return before.Status.Failed() || before.Running == 0
	}
}

// judgeInstance checks that the chosen row, and no other, was cancelled.
func (s *Service) judgeInstance(ctx context.Context, t task, from *reading.Source) (verdict, error) {
	op, detail := t.operation(), ParseDetail(t.requested.Detail)
	row, err := chosenRow(ctx, from, op, detail.Batch)
	if err != nil {
		return verdict{}, err
	}
	status := row.Status
	counts := from.Statistics
	if status.Terminal() { // this look is the last: the counts must not be older than the row
		counts = func(ctx context.Context) (coc.Statistics, error) {
			return s.client.Statistics(ctx, t.caller, t.ticket())
		}
	}
	now, err := counts(ctx)
	if err != nil {
		return verdict{}, err
	}
	v := byState(status == coc.InstanceCanceled, status.Terminal())(string(status))
	if explained(detail, now, status == coc.InstanceCanceled) {
		return v, nil
	}
	canceled, err := canceledRows(ctx, s.reads.Source(ctx, t.caller, t.ticket(), reading.Terms{}), now)
	if err != nil {
		return verdict{}, err
	}
	delete(canceled, op.InstanceID)
	for _, id := range detail.Canceled {
		delete(canceled, id)
	}
	if v.detail.Others, err = s.unexplained(ctx, t, canceled); err != nil {
		return verdict{}, err
	}
	if len(v.detail.Others) > 0 {
		v.detail.Note = NoteOtherInstance
	}
	return v, nil
}

// chosenRow reads the row of CANCEL_INSTANCE, in one call where its batch is known.
func chosenRow(ctx context.Context, from *reading.Source, op coc.Operation, batch int32) (coc.Instance, error) {
	var now Reading
	if batch > 0 {
		if rows, err := from.Rows(ctx, batch); err != nil || now.choose(op.InstanceID, batch, rows) {
			return deref(now.Instance), err
		}
	}
	now, err := read(ctx, from, op, batch)
	return deref(now.Instance), err
}

func deref(row *coc.Instance) coc.Instance {
	if row == nil {
		return coc.Instance{}
	}
	return *row
}

// unexplained returns those of the cancelled rows, each with its batch, that
// nothing known accounts for: neither the end of the ticket as a whole nor
// another operation of this console.
func (s *Service) unexplained(ctx context.Context, t task, rows map[int64]int32) ([]int64, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	ticket, err := s.client.Ticket(ctx, t.caller, t.ticket()) // newer than the rows
	if err != nil || ticket.Status == coc.TicketCanceled {
		return nil, err
	}
	others, err := s.otherRequests(ctx, t)
	if err != nil {
		return nil, err
	}
	for _, r := range others {
		maps.DeleteFunc(rows, func(id int64, batch int32) bool {
			return r.OperationType == string(coc.CancelOrder) || r.InstanceID == id ||
				r.OperationType == string(coc.SkipBatch) && r.BatchIndex == batch
		})
	}
	return slices.Sorted(maps.Keys(rows)), nil
}

// otherRequests returns the requests of other operations on the ticket whose
// effects can fall into the time of this one, without those that COC refused.
func (s *Service) otherRequests(ctx context.Context, t task) (map[string]audit.Record, error) {
	page, err := s.index.Search(ctx, search.Query{Ticket: t.requested.Ticket, Action: "operation.",
		From: t.requested.Time.Add(-s.deadline), Limit: search.MaxLimit, Visible: search.Visibility{All: true}})
	if err != nil {
		return nil, fmt.Errorf("search the log for operations on ticket %s: %w", t.requested.Ticket, err)
	}
	requests := map[string]audit.Record{}
	for _, r := range slices.Backward(page.Records) { // oldest first
		if r.Action == audit.ActionOperationRejected {
			delete(requests, r.OperationID)
		} else if r.OperationID != t.requested.OperationID {
			requests[r.OperationID] = r
		}
	}
	return requests, nil
}
