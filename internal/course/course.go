// Package course puts together what happened to a ticket: what was asked for here, by the log, and what was seen of it
// at COC. It tells facts; how they are shown is not its business.
package course

import (
	"cmp"
	"slices"
	"time"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/watch"
)

// Deed is one record of the log about a ticket: a step of an operation, or of a request for approval.
type Deed struct {
	Sequence       int64
	At             time.Time
	Actor          string
	Action         audit.Action
	Outcome        audit.Outcome
	ID             string // the operation's; a request for approval has that of its operation
	Type           coc.OperationType
	Batch          int32
	Instance       int64
	Target, Reason string
	ApprovedBy     string
	Override       bool
	Stops          int
}

// Operation is one operation with all that is known of it.
type Operation struct {
	Deed                // its last step, by whoever asked for it
	Requested time.Time // when it was sent
	Reviewed  bool      // somebody has signed off that they looked at it
	unclear   bool      // COC's answer didn't say that it accepted it
}

// Open reports whether the operation has no end yet.
func (o Operation) Open() bool {
	switch o.Action {
	case audit.ActionOperationRequested, audit.ActionOperationAccepted, audit.ActionOperationUnknown:
		return true
	}
	return false
}

// Uncertain reports that nobody can tell by the log whether the operation took effect.
func (o Operation) Uncertain() bool {
	return o.Action == audit.ActionOperationUnknown || o.Action == audit.ActionOperationNotObserved
}

// Likely reports that the effect shows, but may be somebody else's: COC didn't say that it accepted the operation.
func (o Operation) Likely() bool { return o.unclear && o.Action == audit.ActionOperationObserved }

// whole reports whether the operation is on the ticket or on a batch, and not on one instance.
func (o Operation) whole() bool { return o.Type != coc.CancelInstance }

// Approval is one request for approval in its last state.
type Approval struct {
	Deed            // its last step
	Asked time.Time // when it was asked for
	By    string    // who asked
}

// Waits reports whether the request waits for its answer.
func (a Approval) Waits() bool {
	return a.Action == audit.ActionApprovalRequested || a.Action == audit.ActionApprovalGiven
}

// Operations are those that deeds tell of, the one with the newest step first; deeds are newest first.
func Operations(deeds []Deed) []Operation {
	reviewed := map[string]bool{}
	for _, d := range deeds {
		reviewed[d.ID] = reviewed[d.ID] || d.Action == audit.ActionReviewed || d.Action == audit.ActionOverrideReviewed
	}
	begin := func(d Deed) Operation { return Operation{Deed: d, Reviewed: reviewed[d.ID]} }
	return byID(deeds, isOperation, begin, func(o *Operation, d Deed) {
		o.Requested = d.At // the first step is the last one that comes
		o.Reason, o.ApprovedBy = cmp.Or(o.Reason, d.Reason), cmp.Or(o.ApprovedBy, d.ApprovedBy)
		o.Override = o.Override || d.Override
		o.unclear = o.unclear || d.Action == audit.ActionOperationUnknown || d.Action == audit.ActionOperationRejected
		if d.Action == audit.ActionOperationRequested {
			o.Actor = cmp.Or(d.Actor, o.Actor)
		}
	})
}

// byID gathers the deeds of a kind that share an id: made of the newest, each then adds what it tells.
func byID[T any](deeds []Deed, is func(audit.Action) bool, begin func(Deed) T, add func(*T, Deed)) []T {
	var all []T
	at := map[string]int{}
	for _, d := range deeds {
		if !is(d.Action) {
			continue
		}
		i, known := at[d.ID]
		if !known {
			i = len(all)
			at[d.ID] = i
			all = append(all, begin(d))
		}
		add(&all[i], d)
	}
	return all
}

func isOperation(a audit.Action) bool {
	switch a {
	case audit.ActionOperationRequested, audit.ActionOperationAccepted, audit.ActionOperationRejected,
		audit.ActionOperationUnknown, audit.ActionOperationObserved, audit.ActionOperationNotObserved:
		return true
	}
	return false
}

func isApproval(a audit.Action) bool {
	switch a {
	case audit.ActionApprovalRequested, audit.ActionApprovalGiven, audit.ActionApprovalGranted,
		audit.ActionApprovalRefused, audit.ActionApprovalWithdrawn, audit.ActionApprovalExpired,
		audit.ActionApprovalReturned:
		return true
	}
	return false
}

// Approvals are the requests that deeds tell of, newest first.
func Approvals(deeds []Deed) []Approval {
	return byID(deeds, isApproval, func(d Deed) Approval { return Approval{Deed: d} }, func(a *Approval, d Deed) {
		a.Asked, a.By = d.At, d.Actor
		a.Reason, a.Stops = cmp.Or(a.Reason, d.Reason), max(a.Stops, d.Stops)
	})
}

// Cause is why a ticket is in its state, as far as it is known.
type Cause struct {
	How       How
	Operation *Operation // of Here
	// Outside: it happened between these; both zero = before anybody looked. Otherwise Seen is when it began.
	After, Seen time.Time
	Batch       int32 // Strategy and Threshold: the batch after or in which it stopped
}

// How is what a ticket's state comes from.
type How int

// The causes of a state.
const (
	Unknown   How = iota // nothing to tell
	Here                 // an operation of this console
	Outside              // somebody at COC
	Strategy             // the batch says that the ticket pauses after it
	Threshold            // too many instances failed
)

// brings are the operations that bring a ticket into a state.
var brings = map[coc.TicketStatus]coc.OperationType{
	coc.TicketPaused: coc.PauseOrder, coc.TicketCanceled: coc.CancelOrder,
}

// CauseOf tells why a ticket is in its state; operations are newest first.
func CauseOf(s *watch.Snapshot, operations []Operation) Cause {
	event, seen := lastEvent(s)
	if op, ok := brings[s.Ticket.Status]; ok {
		if found := caused(op, operations, event, seen); found != nil {
			return Cause{How: Here, Operation: found, Seen: firstTime(event.Seen, found.At)}
		}
	}
	switch {
	case s.Ticket.Status == coc.TicketPaused:
		if b, ended := pausedAfter(s); !ended.IsZero() {
			return Cause{How: Strategy, Batch: b, Seen: ended}
		}
		return Cause{How: Outside, After: event.After, Seen: event.Seen}
	case s.Ticket.Status == coc.TicketCanceled:
		return Cause{How: Outside, After: event.After, Seen: event.Seen}
	case s.Ticket.Status.Failed():
		return Cause{How: Threshold, Batch: s.Ticket.CurrentBatch,
			Seen: firstTime(lastEnd(s, s.Ticket.CurrentBatch), event.Seen)}
	}
	return Cause{}
}

func firstTime(times ...time.Time) time.Time {
	for _, t := range times {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// lastEvent is when the ticket was seen to come into its state.
func lastEvent(s *watch.Snapshot) (watch.Event, bool) {
	for _, e := range slices.Backward(s.Events) {
		if e.Subject == watch.SubjectTicket {
			return e, e.To == string(s.Ticket.Status)
		}
	}
	return watch.Event{}, false
}

// caused is the operation that brought the ticket into its state: the last one on the ticket, if it is of that type and
// was under way when the state was seen to change.
func caused(op coc.OperationType, operations []Operation, event watch.Event, seen bool) *Operation {
	for _, o := range operations {
		if !o.whole() || o.Action == audit.ActionOperationRejected {
			continue
		}
		if o.Type != op {
			if op == coc.CancelOrder && o.Open() {
				continue // what else was asked for meanwhile
			}
			return nil
		}
		took := o.Action == audit.ActionOperationObserved || o.Action == audit.ActionOperationAccepted
		if !took || seen && (o.Requested.After(event.Seen) || !o.Open() && o.At.Before(event.After)) {
			return nil
		}
		return &o
	}
	return nil
}

// pausedAfter is the batch after which the ticket paused by its rotation strategy, and when that ended; 0 when another
// thing paused it.
func pausedAfter(s *watch.Snapshot) (int32, time.Time) {
	b, ok := s.Batch(s.Ticket.CurrentBatch)
	if !ok || b.Rotation != coc.RotationPause || b.At.IsZero() {
		return 0, time.Time{}
	}
	for _, r := range b.Instances {
		if !r.Status.Terminal() {
			return 0, time.Time{}
		}
	}
	return b.Index, lastEnd(s, b.Index)
}

// lastEnd is when the last instance of a batch ended; zero when none has.
func lastEnd(s *watch.Snapshot, batch int32) (end time.Time) {
	b, _ := s.Batch(batch)
	for _, r := range b.Instances {
		if r.Finished.After(end) {
			end = r.Finished
		}
	}
	return end
}

// Stop is a time in which a ticket started nothing: paused, or stopped because too many instances failed. To is zero
// while it lasts.
type Stop struct {
	From, To time.Time
	Failed   bool
}

// Stops are what was seen of them, oldest first: before the console looked there may be others.
func Stops(s *watch.Snapshot, why Cause) (stops []Stop) {
	for _, e := range s.Events {
		if e.Subject != watch.SubjectTicket {
			continue
		}
		if n := len(stops); n > 0 && stops[n-1].To.IsZero() {
			stops[n-1].To = e.Seen
		}
		if stands(coc.TicketStatus(e.To)) {
			stops = append(stops, Stop{From: e.Seen, Failed: coc.TicketStatus(e.To).Failed()})
		}
	}
	lasts := len(stops) > 0 && stops[len(stops)-1].To.IsZero()
	switch {
	case lasts && !why.Seen.IsZero() && why.Seen.Before(stops[len(stops)-1].From):
		stops[len(stops)-1].From = why.Seen
	case !lasts && stands(s.Ticket.Status) && !why.Seen.IsZero() && !s.Over():
		stops = append(stops, Stop{From: why.Seen, Failed: s.Ticket.Status.Failed()})
	}
	if n := len(stops); n > 0 && stops[n-1].To.IsZero() && s.Over() {
		stops[n-1].To = s.Ticket.Finished
	}
	return stops
}

func stands(status coc.TicketStatus) bool { return status == coc.TicketPaused || status.Failed() }

// Pending are the operations on the ticket or a batch that have no end yet; those on single instances are left out.
func Pending(operations []Operation) (open []Operation) {
	for _, o := range operations {
		if o.Open() && o.whole() {
			open = append(open, o)
		}
	}
	return open
}

// Doubt is the operation whose effect nobody knows, until another one is sent or the ticket is seen to change: the last
// on the ticket.
func Doubt(s *watch.Snapshot, operations []Operation) *Operation {
	for _, o := range operations {
		if !o.whole() {
			continue
		}
		event, seen := lastEvent(s)
		if !o.Uncertain() || seen && event.Seen.After(o.At) {
			return nil
		}
		return &o
	}
	return nil
}

// Explained reports whether an operation of this console was under way when the ticket was seen to change.
func Explained(e watch.Event, operations []Operation) bool {
	status := coc.TicketStatus(e.To)
	return slices.ContainsFunc(operations, func(o Operation) bool {
		brings := o.Type == coc.PauseOrder && status == coc.TicketPaused ||
			o.Type == coc.CancelOrder && status == coc.TicketCanceled ||
			(o.Type == coc.ContinueOrder || o.Type == coc.SkipBatch) && status == coc.TicketProcessing
		return brings && o.Action != audit.ActionOperationRejected && !o.Requested.After(e.Seen) &&
			(o.Open() || !o.At.Before(e.After))
	})
}
