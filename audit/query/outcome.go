package query

import "coc-console/audit"

// The outcomes of rows: those of records, and how far an operation has come.
// Rows, facets, filters, charts and exports say these words and no others, but
// for audit.OutcomePending, which stands for whatever waits.
const (
	Waiting      audit.Outcome = "waiting"       // for somebody's approval, or approved and not sent yet
	Requested    audit.Outcome = "requested"     // being sent; COC's answer is not recorded
	Accepted     audit.Outcome = "accepted"      // COC took it; its effect is looked for
	Confirmed    audit.Outcome = "confirmed"     // its effect was seen
	NotConfirmed audit.Outcome = "not_confirmed" // its effect was not seen, and is not expected any more
	Rejected     audit.Outcome = "rejected"      // COC refused it
	Refused      audit.Outcome = "refused"       // an approver refused it
	NotSent      audit.Outcome = "not_sent"      // withdrawn, expired, or approved and not sent after all
	Unknown                    = audit.OutcomeUnknown
	Denied                     = audit.OutcomeDenied
	Succeeded                  = audit.OutcomeSucceeded
	Failed                     = audit.OutcomeFailed
)

// RowOutcomes lists the outcomes that rows have, in the order to show them.
func RowOutcomes() []audit.Outcome {
	return []audit.Outcome{Waiting, Requested, Accepted, Confirmed, NotConfirmed, Rejected, Unknown, Denied, Refused, NotSent,
		Succeeded, Failed}
}

// General is what a row's outcome is in the words of records: a filter for
// failed finds what was rejected and not confirmed, too.
func General(o audit.Outcome) audit.Outcome {
	switch o {
	case Waiting, Requested, Accepted:
		return audit.OutcomePending
	case Confirmed:
		return Succeeded
	case NotConfirmed, Rejected, NotSent:
		return Failed
	case Refused:
		return Denied
	default:
		return o
	}
}

var wordActions = map[audit.Outcome][]audit.Action{
	Waiting:      {audit.ActionApprovalRequested, audit.ActionApprovalGiven, audit.ActionApprovalGranted},
	Requested:    {audit.ActionOperationRequested},
	Accepted:     {audit.ActionOperationAccepted},
	Confirmed:    {audit.ActionOperationObserved},
	NotConfirmed: {audit.ActionOperationNotObserved},
	Rejected:     {audit.ActionOperationRejected},
	Refused:      {audit.ActionApprovalRefused},
	NotSent:      {audit.ActionApprovalWithdrawn, audit.ActionApprovalExpired, audit.ActionApprovalReturned},
}

var actionWords = func() map[audit.Action]audit.Outcome {
	words := map[audit.Action]audit.Outcome{}
	for word, actions := range wordActions {
		for _, a := range actions {
			words[a] = word
		}
	}
	return words
}()

// OutcomeOf is a record's outcome in the words of rows.
func OutcomeOf(r *audit.Record) audit.Outcome {
	if word, ok := actionWords[r.Action]; ok {
		return word
	}
	if r.Outcome == audit.OutcomePending {
		return Requested
	}
	return r.Outcome
}

// ActionsOf are the actions whose records have an outcome that only they have;
// nil for an outcome of records in general.
func ActionsOf(o audit.Outcome) []audit.Action { return wordActions[o] }

// InOperation reports whether a record belongs to an operation's row: it has
// the operation's id, or says that one was denied before it had an id.
func InOperation(r *audit.Record) bool {
	return r.OperationID != "" || r.Action == audit.ActionAccessDenied && r.OperationType != ""
}
