// Package operations makes one row of everything that the log says about an
// operation, and keeps those rows in the search tables.
//
// An operation's records carry its id. An attempt that the policy denied has
// none: its record is a row alone. Records beyond these belong to no operation.
package operations

import (
	"cmp"
	"encoding/json"
	"strings"
	"time"

	"coc-console/audit"
	"coc-console/audit/query"
)

// Stage is one step of an operation: which record says it, and when that was.
// The zero value is a step that has not been taken.
type Stage struct {
	Sequence int64
	At       time.Time
}

// Taken reports whether the step was taken.
func (s Stage) Taken() bool { return s.Sequence > 0 }

// Row is one row of a list: an operation with all of its records, or, where
// Single is set, one record that belongs to no operation.
type Row struct {
	// Sequence is the row's place in lists, newest first: the number of the record
	// that requested the operation; of its first record where nothing was sent.
	Sequence int64
	At       time.Time // of that record
	Latest   Stage     // the newest record

	// Outcome is one of query.RowOutcomes.
	Outcome audit.Outcome

	ID string // the operation's id; empty for a denied attempt and for a Single
	// Deciding is set for a denied attempt to decide about an approval, not to operate.
	Deciding bool
	Type     string      // the operation's type, its wire value; empty for most Singles
	Actor    audit.Actor // who asked for it, or who did what a Single says

	Ticket     string // execute_uuid
	TicketName string // the script's name, where a record says it; empty: not known
	BatchIndex int32
	InstanceID int64
	Target     string // for people: a host name with its address, or the ticket's name
	Stops      int    // how many instances it stops, as the policy was told; 0: not recorded
	Reason     string

	// Approver is who approved or refused it, as account/name or as a name alone;
	// Comment is what they wrote.
	Approver, Comment string

	Override      bool   // sent without the approval it needed
	Reviewed      Stage  // when somebody signed off that they looked at it, first
	Reviewer      string // account/name of who reviewed it
	ReviewComment string
	Bulk          string // the bulk operation it is an item of

	// The steps, in the order they are usually taken: approval asked for, approval
	// decided, requested, answered by COC, confirmed or not.
	Asked, Decided, Requested, Answered, Ended Stage

	// Records are the numbers of the row's records, ascending.
	Records []int64

	// Single is the record of a row that is no operation.
	Single *audit.Record
}

// Open reports whether more is expected.
func (r Row) Open() bool {
	return query.General(r.Outcome) == audit.OutcomePending || r.Outcome == query.Unknown && !r.Ended.Taken()
}

// OfRecord is the row of a record that belongs to no operation.
func OfRecord(r audit.Record) Row {
	row := Row{Sequence: r.Sequence, At: r.Time, Latest: Stage{r.Sequence, r.Time}, Outcome: query.OutcomeOf(&r),
		Type: r.OperationType, Actor: r.Actor, Ticket: r.Ticket, BatchIndex: r.BatchIndex, InstanceID: r.InstanceID, Target: r.Target,
		Reason: r.Reason, Records: []int64{r.Sequence}, Single: &r}
	row.TicketName = query.TicketName(&r)
	return row
}

// detail is what a record's detail says of an operation.
type detail struct {
	Override   bool     `json:"glass"`
	ApprovedBy string   `json:"approved_by"`
	Approvers  []string `json:"approvers"` // where they are several
	Bulk       string   `json:"job"`
	Stops      int      `json:"stops"`
	Comment    string   `json:"comment"`
}

func detailOf(r *audit.Record) (d detail) {
	if strings.HasPrefix(r.Detail, "{") && json.Unmarshal([]byte(r.Detail), &d) != nil {
		return detail{}
	}
	return d
}

// Fold makes the row of an operation from its records, which must be in their
// order; there is at least one.
func Fold(records []audit.Record) Row {
	first := &records[place(records)]
	row := Row{Sequence: first.Sequence, At: first.Time, ID: first.OperationID, Type: first.OperationType, Actor: first.Actor,
		Ticket: first.Ticket, BatchIndex: first.BatchIndex, InstanceID: first.InstanceID, Target: first.Target,
		TicketName: query.TicketName(first), Reason: first.Reason, Records: make([]int64, len(records))}
	row.Deciding = row.ID == "" && (first.Seen != "" || strings.HasPrefix(first.Detail, "approval="))
	var steps [5]audit.Outcome // the outcome that each step left, the last step first
	for i := range records {
		r := &records[i]
		row.Records[i], row.Latest = r.Sequence, Stage{r.Sequence, r.Time}
		row.take(r, &steps)
	}
	row.Outcome = cmp.Or(steps[0], steps[1], steps[2], steps[3], steps[4], outcomeOfOther(first))
	return row
}

// outcomeOfOther is the outcome of an operation of which no step is recorded.
func outcomeOfOther(r *audit.Record) audit.Outcome {
	if r.Action == audit.ActionOverrideUsed {
		return query.NotSent
	}
	return query.OutcomeOf(r)
}

// place is which record gives the row its place.
func place(records []audit.Record) int {
	for i := range records {
		if records[i].Action == audit.ActionOperationRequested {
			return i
		}
	}
	return 0
}

// take adds what one record says.
func (r *Row) take(rec *audit.Record, steps *[5]audit.Outcome) {
	d := detailOf(rec)
	r.Override = r.Override || d.Override || rec.Action == audit.ActionOverrideUsed
	r.Bulk, r.Stops = cmp.Or(r.Bulk, d.Bulk), cmp.Or(r.Stops, d.Stops)
	reach := func(s *Stage, step int) {
		*s, steps[step] = Stage{rec.Sequence, rec.Time}, query.OutcomeOf(rec)
	}
	switch rec.Action {
	case audit.ActionOperationRequested:
		if !r.Requested.Taken() {
			reach(&r.Requested, 2)
		}
		r.Approver = cmp.Or(r.Approver, strings.Join(d.Approvers, ", "), d.ApprovedBy)
	case audit.ActionOperationAccepted, audit.ActionOperationRejected, audit.ActionOperationUnknown:
		reach(&r.Answered, 1)
	case audit.ActionOperationObserved, audit.ActionOperationNotObserved:
		reach(&r.Ended, 0)
	case audit.ActionApprovalRequested:
		reach(&r.Asked, 4)
	case audit.ActionApprovalGranted, audit.ActionApprovalRefused:
		reach(&r.Decided, 3)
		r.Approver, r.Comment = cmp.Or(strings.Join(d.Approvers, ", "), name(rec.Actor)), d.Comment
	case audit.ActionApprovalWithdrawn, audit.ActionApprovalExpired, audit.ActionApprovalReturned:
		reach(&r.Decided, 3)
	case audit.ActionOverrideReviewed, audit.ActionReviewed:
		if !r.Reviewed.Taken() { // two consoles may write at the same time: the first counts
			r.Reviewed, r.Reviewer, r.ReviewComment = Stage{rec.Sequence, rec.Time}, name(rec.Actor), d.Comment
		}
	default: // it says no step
	}
}

func name(a audit.Actor) string {
	if a.AccountName == "" {
		return a.UserName
	}
	return a.AccountName + "/" + a.UserName
}
