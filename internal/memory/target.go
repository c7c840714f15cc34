package memory

import (
	"strconv"

	"coc-console/audit"
	"coc-console/internal/coc"
)

// TargetKey names what an operation acts on. Cancelling the whole ticket has a
// name of its own: an emergency does not wait for the end of a pause.
func TargetKey(op coc.Operation) string {
	switch {
	case op.InstanceID != 0:
		return "instance/" + strconv.FormatInt(op.InstanceID, 10)
	case op.BatchIndex != 0:
		return "batch/" + strconv.FormatInt(int64(op.BatchIndex), 10)
	case op.Type == coc.CancelOrder:
		return "ticket/cancel"
	}
	return "ticket"
}

// TargetOf names what a request acts on, with its ticket.
func TargetOf(r audit.Record) string { return TargetOn(r.Ticket, OperationOf(r)) }

// TargetOn is TargetOf for an operation on a ticket.
func TargetOn(ticket string, op coc.Operation) string { return ticket + " " + TargetKey(op) }

// OperationOf is the operation that a record is about.
func OperationOf(r audit.Record) coc.Operation {
	return coc.Operation{Type: coc.OperationType(r.OperationType), BatchIndex: r.BatchIndex, InstanceID: r.InstanceID}
}
