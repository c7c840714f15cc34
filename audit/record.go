package audit

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Action says what was done: dotted, in the past tense.
type Action string

// All actions. The prefix up to the dot groups them in filters.
const (
	ActionSessionSignedIn      Action = "session.signed_in"
	ActionSessionSignInFailed  Action = "session.sign_in_failed"
	ActionSessionSignedOut     Action = "session.signed_out"
	ActionSessionEnded         Action = "session.ended"
	ActionSessionRefused       Action = "session.refused" // IAM knows the person; the console does not admit them
	ActionSessionRevoked       Action = "session.revoked" // IAM no longer takes the session's token
	ActionSessionSwitched      Action = "session.project_switched"
	ActionSessionRegrouped     Action = "session.groups_changed" // at the company's provider, heard at a renewal
	ActionTicketListed         Action = "ticket.listed"
	ActionViewShared           Action = "view.shared"
	ActionViewRemoved          Action = "view.removed"
	ActionTicketViewed         Action = "ticket.viewed"
	ActionLogViewed            Action = "log.viewed"
	ActionOperationRequested   Action = "operation.requested"
	ActionOperationAccepted    Action = "operation.accepted"
	ActionOperationRejected    Action = "operation.rejected"
	ActionOperationUnknown     Action = "operation.unknown"
	ActionOperationObserved    Action = "operation.observed"
	ActionOperationNotObserved Action = "operation.not_observed"
	ActionApprovalRequested    Action = "approval.requested"
	ActionApprovalGiven        Action = "approval.given" // by one of several, not the last
	ActionApprovalGranted      Action = "approval.granted"
	ActionApprovalRefused      Action = "approval.refused"
	ActionApprovalWithdrawn    Action = "approval.withdrawn"
	ActionApprovalExpired      Action = "approval.expired"
	ActionApprovalReturned     Action = "approval.returned" // approved, and not sent
	ActionOverrideUsed         Action = "glass.broken"
	ActionOverrideReviewed     Action = "glass.reviewed"
	ActionReviewed             Action = "review.signed_off"
	ActionHandoverNoted        Action = "handover.noted"
	ActionHandoverTaken        Action = "handover.taken"
	ActionElevationRequested   Action = "elevation.requested" // a role for a while
	ActionElevationGranted     Action = "elevation.granted"
	ActionElevationRefused     Action = "elevation.refused"
	ActionElevationWithdrawn   Action = "elevation.withdrawn"
	ActionElevationEnded       Action = "elevation.ended" // before its time
	ActionNoticeFailed         Action = "notice.failed"   // a message to a target was given up
	ActionJobStarted           Action = "job.started"
	ActionJobStopped           Action = "job.stopped"
	ActionJobContinued         Action = "job.continued"
	ActionJobEnded             Action = "job.ended"
	ActionPolicyChanged        Action = "policy.changed"
	ActionAccessDenied         Action = "access.denied"
	ActionAccessThrottled      Action = "access.throttled" // a limit of one person
	ActionAuditViewed          Action = "audit.viewed"
	ActionAuditExported        Action = "audit.exported"
	ActionAuditPruned          Action = "audit.pruned"
	ActionAuditHeld            Action = "audit.held"     // what a legal hold keeps is not pruned
	ActionAuditReleased        Action = "audit.released" // the end of a legal hold
	ActionAuditRestored        Action = "audit.restored"
	ActionDataRejected         Action = "data.rejected"   // a stored row that no console has written
	ActionAuditResumed         Action = "audit.resumed"   // after a time in which records were refused
	ActionReadsOmitted         Action = "reads.omitted"   // how many reads were not recorded before
	ActionRequestRefused       Action = "request.refused" // of another site, or of another person's form
	// ActionEntryDamaged is never written: it stands for an entry that cannot be read, and hides nothing around it.
	ActionEntryDamaged Action = "entry.damaged"
)

var actions = []Action{
	ActionSessionSignedIn, ActionSessionSignInFailed, ActionSessionSignedOut, ActionSessionEnded, ActionSessionRefused,
	ActionSessionRevoked, ActionSessionSwitched, ActionSessionRegrouped, ActionTicketListed, ActionViewShared, ActionViewRemoved,
	ActionTicketViewed, ActionLogViewed, ActionOperationRequested, ActionOperationAccepted, ActionOperationRejected,
	ActionOperationUnknown, ActionOperationObserved, ActionOperationNotObserved, ActionApprovalRequested,
	ActionApprovalGiven, ActionApprovalGranted, ActionApprovalRefused, ActionApprovalWithdrawn, ActionApprovalExpired,
	ActionApprovalReturned, ActionDataRejected, ActionOverrideUsed, ActionOverrideReviewed, ActionReviewed,
	ActionElevationRequested, ActionElevationGranted, ActionElevationRefused, ActionElevationWithdrawn,
	ActionElevationEnded, ActionHandoverNoted, ActionHandoverTaken, ActionJobStarted, ActionJobStopped, ActionJobContinued, ActionJobEnded,
	ActionPolicyChanged, ActionAccessDenied, ActionAccessThrottled, ActionAuditViewed, ActionAuditExported,
	ActionAuditPruned, ActionAuditRestored, ActionAuditHeld, ActionAuditReleased, ActionAuditResumed,
	ActionNoticeFailed, ActionReadsOmitted, ActionRequestRefused, ActionEntryDamaged,
}

// Actions lists all actions.
func Actions() []Action { return slices.Clone(actions) }

// Outcome says how an action went.
type Outcome string

// The outcomes.
const (
	OutcomeSucceeded Outcome = "succeeded"
	OutcomeFailed    Outcome = "failed"
	OutcomeDenied    Outcome = "denied"
	OutcomeUnknown   Outcome = "unknown"
	OutcomePending   Outcome = "pending" // requested; its answer is a record of its own
)

// Outcomes lists all outcomes.
func Outcomes() []Outcome {
	return []Outcome{OutcomeSucceeded, OutcomeFailed, OutcomeDenied, OutcomeUnknown, OutcomePending}
}

// Actor is who acted, as IAM named them; Groups are those at the company's provider that count, one in a line.
type Actor struct {
	UserID      string `json:"user_id,omitempty"`
	UserName    string `json:"user_name,omitempty"`
	AccountID   string `json:"account_id,omitempty"`
	AccountName string `json:"account_name,omitempty"`
	ProjectID   string `json:"project_id,omitempty"`
	ProjectName string `json:"project_name,omitempty"`
	Groups      string `json:"groups,omitempty"`
}

// Origin is where an action came from. Session is a keyed hash: it tells sessions apart and opens none.
type Origin struct {
	Address   string `json:"address,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
	RequestID string `json:"request_id,omitempty"`
	Session   string `json:"session,omitempty"`
}

// Upstream is COC's or IAM's answer.
type Upstream struct {
	Status    int    `json:"status,omitempty"`
	Code      string `json:"code,omitempty"`
	Message   string `json:"message,omitempty"`
	RequestID string `json:"request_id,omitempty"`
}

// Record is one entry of the log. Sequence and Time are the log's: Append sets them. Empty fields are not written.
type Record struct {
	Sequence int64         // consecutive from 1
	Time     time.Time     // microseconds, UTC, strictly increasing
	Action   Action        // required
	Outcome  Outcome       // required
	Actor    Actor         // empty for a failed sign-in but for the names typed
	Origin   Origin        //
	Duration time.Duration // microseconds, of the upstream call or the page

	Ticket        string // execute_uuid
	OperationID   string // joins the records of one operation
	OperationType string // wire value
	BatchIndex    int32
	InstanceID    int64
	Target        string // for people: a host name with its address
	Reason        string
	Seen          string // what the person saw when they decided
	Upstream      Upstream
	Detail        string
	Repeats       int64  // how many reads of the minute before it stands for; 0: one
	Input         string // of a decision: all that the policies were told, as JSON (policy.Input)

	// Clock is what the clock said, in the rare case that Time is far from it: Time never goes back, so that the
	// first records after a clock was set back are dated just after the last one before. The log sets it.
	Clock time.Time
}

// When is when the record was made, as far as the log knows: what the clock
// said, also where that is before the record's Time.
func (r Record) When() time.Time {
	if !r.Clock.IsZero() {
		return r.Clock
	}
	return r.Time
}

// body is a record's stored form. Its bytes are what the log keeps and proves,
// so fields are only ever added, at the end, with omitempty.
type body struct {
	Version  int   `json:"v"`
	Sequence int64 `json:"seq"`
	Time     int64 `json:"ts"` // microseconds since 1970
	content
	Clock int64 `json:"clock,omitempty"` // stays the last: the writer appends it to the encoded content
}

// content is the part of a body that is known before its number and time.
type content struct {
	Action        Action   `json:"action"`
	Outcome       Outcome  `json:"outcome"`
	Actor         Actor    `json:"actor,omitzero"`
	Origin        Origin   `json:"origin,omitzero"`
	Duration      int64    `json:"duration_us,omitempty"`
	Ticket        string   `json:"ticket,omitempty"`
	OperationID   string   `json:"operation_id,omitempty"`
	OperationType string   `json:"operation_type,omitempty"`
	BatchIndex    int32    `json:"batch_index,omitempty"`
	InstanceID    int64    `json:"instance_id,omitempty"`
	Target        string   `json:"target,omitempty"`
	Reason        string   `json:"reason,omitempty"`
	Seen          string   `json:"seen,omitempty"`
	Upstream      Upstream `json:"upstream,omitzero"`
	Detail        string   `json:"detail,omitempty"`
	Repeats       int64    `json:"repeats,omitempty"`
	Input         string   `json:"input,omitempty"`
}

// check refuses what Append must not write.
func (r Record) check() error {
	if r.Action == ActionEntryDamaged || !slices.Contains(actions, r.Action) {
		return fmt.Errorf("audit: %q is not an action that can be written", r.Action)
	}
	if !slices.Contains(Outcomes(), r.Outcome) {
		return fmt.Errorf("audit: %q is not an outcome", r.Outcome)
	}
	return nil
}

// MaxBody is the most bytes that a record takes in the log. The limits of its fields see to it.
const MaxBody = 65_535

// Encode returns a record's bytes, as the log writes them.
func Encode(r Record) ([]byte, error) {
	text, err := encodeContent(r)
	if err != nil {
		return nil, err
	}
	return withNumber(r.Sequence, r.Time.UnixMicro(), clockMicro(r), text), nil
}

// encodeContent encodes all but the number and time, which only the writer knows: appenders do the work side by side.
func encodeContent(r Record) ([]byte, error) {
	return json.Marshal(content{Action: r.Action,
		Outcome: r.Outcome, Actor: r.Actor, Origin: r.Origin, Duration: r.Duration.Microseconds(), Ticket: r.Ticket,
		OperationID: r.OperationID, OperationType: r.OperationType, BatchIndex: r.BatchIndex, InstanceID: r.InstanceID,
		Target: r.Target, Reason: r.Reason, Seen: r.Seen, Upstream: r.Upstream, Detail: r.Detail, Repeats: r.Repeats,
		Input: r.Input})
}

// withNumber puts the number and time before the content, and behind it what the clock said, unless that is 0.
func withNumber(seq, ts, clock int64, content []byte) []byte {
	text := AppendNumber(make([]byte, 0, len(content)+96), seq, ts)
	text = append(text, content[1:]...)
	if clock == 0 {
		return text
	}
	text = append(text[:len(text)-1], `,"clock":`...)
	return append(strconv.AppendInt(text, clock, 10), '}')
}

// clockMicro is a record's Clock in its bytes; 0 where it has none.
func clockMicro(r Record) int64 {
	if r.Clock.IsZero() {
		return 0
	}
	return r.Clock.UnixMicro()
}

func clockOf(micro int64) time.Time {
	if micro == 0 {
		return time.Time{}
	}
	return fromMicro(micro)
}

// AppendNumber appends how the bytes of a record begin.
func AppendNumber(text []byte, seq, ts int64) []byte {
	text = append(text, `{"v":`...)
	text = strconv.AppendInt(text, bodyVersion, 10)
	text = append(text, `,"seq":`...)
	text = strconv.AppendInt(text, seq, 10)
	text = append(text, `,"ts":`...)
	text = strconv.AppendInt(text, ts, 10)
	return append(text, ',')
}

func fromMicro(ts int64) time.Time { return time.UnixMicro(ts).UTC() }

// The longest values that are kept, in bytes as the log writes them: as JSON, where a quote takes two and a control
// character six. They are far above what the console's own forms allow; only hostile headers and upstream texts are
// cut. With all fields as long as may be, a record stays below MaxBody.
const (
	maxShort, maxInput = 512, 4 << 10
	maxLong            = 16 << 10
	ellipsis           = "…"
	bodyVersion        = 1
)

// clean bounds the fields and makes them valid UTF-8 without NUL, which
// PostgreSQL could not store. A cut value ends with an ellipsis.
func clean(r Record) Record {
	r.Duration, r.Input = r.Duration.Truncate(time.Microsecond), bounded(r.Input, maxInput)
	short := []*string{&r.Actor.UserID, &r.Actor.UserName, &r.Actor.AccountID,
		&r.Actor.AccountName, &r.Actor.ProjectID, &r.Actor.ProjectName, &r.Actor.Groups, &r.Origin.Address,
		&r.Origin.UserAgent, &r.Origin.RequestID, &r.Origin.Session, &r.Ticket, &r.OperationID, &r.OperationType, &r.Target, &r.Seen, &r.Upstream.Code, &r.Upstream.RequestID}
	for _, s := range short {
		*s = bounded(*s, maxShort)
	}
	for _, s := range []*string{&r.Reason, &r.Detail, &r.Upstream.Message} {
		*s = bounded(*s, maxLong)
	}
	return r
}

// Shorten returns what the log keeps of a short field, such as a name.
func Shorten(s string) string { return bounded(s, maxShort) }

// bounded returns what the log keeps of s. Cleaning twice changes nothing more:
// later records of an operation repeat the fields of the first.
func bounded(s string, limit int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	if 6*len(s) <= limit {
		return s
	}
	end, used := 0, 0 // what fits together with an ellipsis
	for i, c := range s {
		if used <= limit-len(ellipsis) {
			end = i
		}
		if used += written(c); used > limit {
			return s[:end] + ellipsis
		}
	}
	return s
}

// written is how many bytes a character takes in JSON as encoding/json writes it.
func written(c rune) int {
	switch {
	case c == '"', c == '\\', c == '\n', c == '\r', c == '\t', c == '\b', c == '\f':
		return 2
	case c < ' ', c == '<', c == '>', c == '&', c == '\u2028', c == '\u2029':
		return 6
	}
	return utf8.RuneLen(c)
}
