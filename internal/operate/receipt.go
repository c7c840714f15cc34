package operate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/memory"
	"coc-console/internal/policy"
)

// Note explains an answer or an end beyond its action, for pages to put into
// the reader's language.
type Note string

// The notes of operation records.
const (
	NoteProcessEnded  Note = "process_ended"  // the console stopped before the answer was recorded
	NoteTimeout       Note = "timeout"        // no answer in time
	NoteConnection    Note = "connection"     // the connection broke
	NoteBadAnswer     Note = "bad_answer"     // an answer that is not COC's
	NoteUncertain     Note = "uncertain"      // an error that leaves open whether COC acted
	NoteNotDelivered  Note = "not_delivered"  // COC was never reached: nothing happened
	NoteDeadline      Note = "deadline"       // no effect seen in time
	NoteEnded         Note = "ended"          // the target ended by itself first
	NoteNoSession     Note = "no_session"     // of logs from before: nobody signed in could look
	NoteOtherInstance Note = "other_instance" // another instance than the chosen one was cancelled
	NoteUnattributed  Note = "unattributed"   // the effect shows, COC's answer left open whether by this operation
	NoteAfterRefusal  Note = "after_refusal"  // the effect shows although COC refused the operation
)

// The notes of what was to be sent later, by an approval or a bulk operation,
// and was not.
const (
	NoteSessionEnded Note = "session_ended" // the requester's session is over: they have to send it themselves
	NoteMoved        Note = "moved"         // the ticket is not what was confirmed any more
	NoteNotFitting   Note = "not_fitting"   // the operation does not fit the ticket's state any more
	NoteNotAllowed   Note = "not_allowed"   // the rules deny it now
	NoteNotSent      Note = "not_sent"      // it failed before it was sent
	NotePending      Note = "pending"       // another operation on the same target has no end yet
)

// Detail is what operation records keep in audit.Record.Detail, as JSON.
type Detail struct {
	Note Note `json:"note,omitempty"`
	// Status is the ticket's, or for CANCEL_INSTANCE the instance's, last seen state.
	Status string `json:"status,omitempty"`
	// Error is the transport error, for whoever looks after the console.
	Error string `json:"error,omitempty"`
	// Batch is the batch of the chosen instance.
	Batch int32 `json:"batch,omitempty"`
	// Canceled are the instances that were cancelled before the operation.
	Canceled []int64 `json:"canceled,omitempty"`
	// Others are instances that were cancelled though nobody chose them here.
	Others []int64 `json:"others,omitempty"`
	// Policies are the rules that decided; Stops is how many instances they
	// were told would stop.
	Policies []string `json:"policies,omitempty"`
	Stops    int      `json:"stops,omitempty"`
	// Override says that approval was overridden, ApprovedBy who approved it, Job
	// which bulk operation it is an item of.
	Override   bool   `json:"glass,omitempty"`
	ApprovedBy string `json:"approved_by,omitempty"`
	Job        string `json:"job,omitempty"`
	// Items is a digest of what a bulk operation acts on.
	Items string `json:"items,omitempty"`
	// Run counts how often a bulk operation was continued.
	Run int `json:"run,omitempty"`
	// Trial is what the decision would have been if the policies in shadow were enforced, where that is another;
	// TrialPolicies are those of them to which it is due.
	Trial         policy.Verdict `json:"trial,omitempty"`
	TrialPolicies []string       `json:"trial_policies,omitempty"`
	// Comment is what whoever approved, refused or reviewed wrote.
	Comment string `json:"comment,omitempty"`
	// Approval is the request that somebody wanted to decide about, whose ticket is hidden from them.
	Approval string `json:"approval,omitempty"`
	// Of is the number of the record that was reviewed, where that is no operation.
	Of int64 `json:"of,omitempty"`
	// Denial is the encoded_authorization_message of a refusal.
	Denial string `json:"encoded_authorization_message,omitempty"`
	// Needed says of a request for approval how many have to approve, where that is more than one, and Apart that they
	// have to be of different teams. Teams are those of who approved, where that counts; Approvers are the names of all
	// who did, where they are several.
	Needed    int      `json:"approvals_needed,omitempty"`
	Apart     bool     `json:"different_teams,omitempty"`
	Teams     []string `json:"teams,omitempty"`
	Approvers []string `json:"approvers,omitempty"`
}

// Tried notes what the policies in shadow would have made of a decision.
func (d Detail) Tried(by policy.Decision) Detail {
	if t := by.Trial; t != nil {
		d.Trial, d.TrialPolicies = t.Verdict, t.Policies
	}
	return d
}

func (d Detail) String() string {
	b, err := json.Marshal(d)
	if err != nil { // a struct of numbers and strings always marshals
		return ""
	}
	return string(b)
}

// ParseDetail reads the detail of an operation record; what it cannot read it
// leaves empty.
func ParseDetail(text string) Detail {
	var d Detail
	if json.Unmarshal([]byte(text), &d) != nil {
		return Detail{}
	}
	return d
}

func requestedRecord(r Request, now Reading, before map[int64]int32) audit.Record {
	return audit.Record{
		Action: audit.ActionOperationRequested, Outcome: audit.OutcomePending,
		Actor: r.Actor, Origin: r.Origin, Ticket: string(r.Ticket),
		OperationID: r.Key, OperationType: string(r.Operation.Type),
		BatchIndex: r.Operation.BatchIndex, InstanceID: r.Operation.InstanceID,
		Target: TargetName(r.Operation, now), Reason: r.Reason, Seen: r.Expected,
		Detail: Detail{Batch: now.InstanceBatch, Canceled: slices.Sorted(maps.Keys(before))}.String(),
	}
}

// TargetName names what is acted on the way people know it.
func TargetName(op coc.Operation, now Reading) string {
	if op.Type != coc.CancelInstance || now.Instance == nil {
		return now.Ticket.ScriptName
	}
	t := now.Instance.Target
	switch {
	case t.HostName == "":
		return t.ResourceID
	case t.FixedIP == "":
		return t.HostName
	}
	return fmt.Sprintf("%s (%s)", t.HostName, t.FixedIP)
}

// next returns a record about the same operation: it repeats who, what, on
// what and why, so that each can be read and found alone.
func next(requested audit.Record, action audit.Action, outcome audit.Outcome, d Detail) audit.Record {
	r := requested
	r.Sequence, r.Time, r.Duration, r.Input = 0, time.Time{}, 0, ""
	r.Action, r.Outcome, r.Upstream = action, outcome, audit.Upstream{}
	r.Detail = d.String()
	return r
}

// answerRecord puts COC's answer, or the lack of one, into a record.
func answerRecord(requested audit.Record, reply coc.OperateReply, err error) audit.Record {
	if err == nil {
		r := next(requested, audit.ActionOperationAccepted, audit.OutcomeSucceeded, Detail{})
		r.Upstream = audit.Upstream{Status: reply.Status, RequestID: reply.RequestID}
		return r
	}
	var upstream *coc.Error
	if !errors.As(err, &upstream) {
		// The client refused to send: its own checks failed.
		return next(requested, audit.ActionOperationRejected, audit.OutcomeFailed,
			Detail{Note: NoteNotDelivered, Error: err.Error()})
	}
	action, outcome := audit.ActionOperationUnknown, audit.OutcomeUnknown
	if upstream.Delivered() != coc.DeliveredUnknown {
		action, outcome = audit.ActionOperationRejected, audit.OutcomeFailed
	}
	r := next(requested, action, outcome, Detail{Note: noteOf(upstream), Error: causeOf(upstream),
		Denial: upstream.Denial})
	r.Upstream = audit.Upstream{Status: upstream.Status, Code: upstream.Code,
		Message: upstream.Message, RequestID: upstream.RequestID}
	return r
}

func noteOf(e *coc.Error) Note {
	switch {
	case e.Delivered() == coc.DeliveredNo:
		return NoteNotDelivered
	case e.Kind == coc.KindTimeout:
		return NoteTimeout
	case e.Kind == coc.KindTransport:
		return NoteConnection
	case e.Kind == coc.KindBadAnswer:
		return NoteBadAnswer
	case e.Delivered() == coc.DeliveredUnknown:
		return NoteUncertain
	default:
		return "" // its status and code say it
	}
}

func causeOf(e *coc.Error) string {
	if e.Cause == nil {
		return ""
	}
	return e.Cause.Error()
}

// Receipt is what the log knows about one operation.
type Receipt = memory.Receipt

// Receipt reads one operation from the log; audit.ErrNotFound when it has none.
func (s *Service) Receipt(ctx context.Context, id string) (Receipt, error) {
	records, err := s.memory.Of(ctx, id)
	if err != nil {
		return Receipt{}, err
	}
	return memory.ReceiptOf(id, records)
}

// Receipts reads several operations at once. Those that the log does not know
// are left out.
func (s *Service) Receipts(ctx context.Context, ids []string) (map[string]Receipt, error) {
	of, err := s.index.Operations(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("read %d operations from the log: %w", len(ids), err)
	}
	receipts := make(map[string]Receipt, len(of))
	for id, records := range of {
		receipt, err := memory.ReceiptOf(id, records)
		if errors.Is(err, audit.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		receipts[id] = receipt
	}
	return receipts, nil
}
