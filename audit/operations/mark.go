package operations

import (
	"slices"

	"coc-console/audit"
	"coc-console/audit/query"
)

// Mark is what a record says of its operation's place and outcome, in seven bits,
// so that those of millions of records fit in memory. The zero Mark is of a record
// that belongs to no operation.
type Mark uint8

// The steps of an operation, as Fold looks at them: the outcome is that of the
// first one that was taken. A record that says no step counts only where no other does.
const (
	stepEnded = iota
	stepAnswered
	stepRequested
	stepDecided
	stepAsked
	noStep
)

// outcomes have the numbers that a Mark keeps; the last is any other outcome.
var outcomes = query.RowOutcomes()

// MarkOf is the mark of a record.
func MarkOf(r *audit.Record) Mark {
	if !query.InOperation(r) {
		return 0
	}
	step, outcome := stepOf(r.Action), query.OutcomeOf(r)
	if step == noStep {
		outcome = outcomeOfOther(r)
	}
	known := slices.Index(outcomes, outcome)
	if known < 0 {
		known = len(outcomes)
	}
	return Mark(1 + step*(len(outcomes)+1) + known)
}

func stepOf(a audit.Action) int {
	switch a {
	case audit.ActionOperationObserved, audit.ActionOperationNotObserved:
		return stepEnded
	case audit.ActionOperationAccepted, audit.ActionOperationRejected, audit.ActionOperationUnknown:
		return stepAnswered
	case audit.ActionOperationRequested:
		return stepRequested
	case audit.ActionApprovalGranted, audit.ActionApprovalRefused, audit.ActionApprovalWithdrawn,
		audit.ActionApprovalExpired, audit.ActionApprovalReturned:
		return stepDecided
	case audit.ActionApprovalRequested:
		return stepAsked
	default:
		return noStep
	}
}

func (m Mark) step() int { return int(m-1) / (len(outcomes) + 1) }

// Sum is what Fold says of the records that have these marks, in their order:
// which of them gives the row its place, and the row's outcome. ok is false where
// only Fold knows, because a record's outcome is none that rows have.
func Sum(marks []Mark) (place int, outcome audit.Outcome, ok bool) {
	best := marks[0]
	for i, m := range slices.Backward(marks) {
		if m.step() == stepRequested {
			place = i // the first one counts
		}
		if int(m-1)%(len(outcomes)+1) == len(outcomes) {
			return 0, "", false
		}
	}
	for _, m := range marks[1:] {
		step := m.step()
		if step < best.step() || step == best.step() && step != stepRequested && step != noStep {
			best = m
		}
	}
	return place, outcomes[int(best-1)%(len(outcomes)+1)], true
}
