package operate

import (
	"coc-console/internal/coc"
	"coc-console/internal/reading"
)

// Refusal says why an operation does not fit the present state of a ticket.
// The zero value means that it does.
type Refusal string

// The reasons for which an operation is not offered. They follow the inferred
// state model of docs/coc-api.md section 8.2; COC itself has the last word.
const (
	Fits               Refusal = ""
	TicketOver         Refusal = "ticket_over"          // nothing is left to act on
	TicketNotRunning   Refusal = "ticket_not_running"   // only a running ticket can be paused
	TicketNotStopped   Refusal = "ticket_not_stopped"   // only a paused or failed ticket can go on
	TicketNotStarted   Refusal = "ticket_not_started"   // not running yet
	TicketStateUnknown Refusal = "ticket_state_unknown" // a state this console does not know
	BatchNotCurrent    Refusal = "batch_not_current"    // only the batch that is next to go on can be skipped
	InstanceOver       Refusal = "instance_over"        // the instance has ended
)

// Situation is one reading of a ticket: what an operation is decided on.
type Situation = reading.Situation

// Check says whether op fits the situation. For CANCEL_INSTANCE instance is
// the state of the chosen row; other operations ignore it.
func Check(s Situation, op coc.Operation, instance coc.InstanceStatus) Refusal {
	if s.Over() {
		return TicketOver
	}
	known, ok := definitions[op.Type]
	if !ok {
		return TicketStateUnknown
	}
	return known.fits(op, s, instance)
}

// atRest says whether a ticket can go on. What a state that is not known would
// start is not known either.
func atRest(s Situation) Refusal {
	if !s.Ticket.Status.Known() {
		return TicketStateUnknown
	}
	return unless(s.Ticket.Status.Waits(), TicketNotStopped)
}

func unless(ok bool, why Refusal) Refusal {
	if ok {
		return Fits
	}
	return why
}
