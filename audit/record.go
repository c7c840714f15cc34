package audit

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"
)

// Action says what was done: dotted, in the past tense.
type Action string

// All actions. The prefix up to the dot groups them in filters.
const (
	ActionSessionSignedIn      Action = "session.signed_in"
	ActionSessionSignInFailed  Action = "session.sign_in_failed"
	ActionSessionSignedOut     Action = "session.signed_out"
	ActionSessionEnded         Action = "session.ended"
	ActionTicketListed         Action = "ticket.listed"
	ActionTicketViewed         Action = "ticket.viewed"
	ActionLogViewed            Action = "log.viewed"
	ActionOperationRequested   Action = "operation.requested"
	ActionOperationAccepted    Action = "operation.accepted"
	ActionOperationRejected    Action = "operation.rejected"
	ActionOperationUnknown     Action = "operation.unknown"
	ActionOperationObserved    Action = "operation.observed"
	ActionOperationNotObserved Action = "operation.not_observed"
	ActionApprovalRequested    Action = "approval.requested"
	ActionApprovalGranted      Action = "approval.granted"
	ActionApprovalRefused      Action = "approval.refused"
	ActionApprovalWithdrawn    Action = "approval.withdrawn"
	ActionApprovalExpired      Action = "approval.expired"
	ActionGlassBroken          Action = "glass.broken"
	ActionGlassReviewed        Action = "glass.reviewed"
	ActionJobStarted           Action = "job.started"
	ActionJobStopped           Action = "job.stopped"
	ActionJobContinued         Action = "job.continued"
	ActionJobEnded             Action = "job.ended"
	ActionPolicyChanged        Action = "policy.changed"
	ActionAccessDenied         Action = "access.denied"
	ActionAuditViewed          Action = "audit.viewed"
	ActionAuditExported        Action = "audit.exported"
	ActionAuditPruned          Action = "audit.pruned"
	ActionAuditRestored        Action = "audit.restored"
	ActionAuditResumed         Action = "audit.resumed" // after a time in which records were refused

	// ActionEntryDamaged is never written. It stands for an entry that cannot
	// be read, so that it is seen instead of hiding what lies around it.
	ActionEntryDamaged Action = "entry.damaged"
)

var actions = []Action{
	ActionSessionSignedIn, ActionSessionSignInFailed, ActionSessionSignedOut, ActionSessionEnded,
	ActionTicketListed, ActionTicketViewed, ActionLogViewed,
	ActionOperationRequested, ActionOperationAccepted, ActionOperationRejected, ActionOperationUnknown,
	ActionOperationObserved, ActionOperationNotObserved,
	ActionApprovalRequested, ActionApprovalGranted, ActionApprovalRefused, ActionApprovalWithdrawn, ActionApprovalExpired,
	ActionGlassBroken, ActionGlassReviewed, ActionJobStarted, ActionJobStopped, ActionJobContinued, ActionJobEnded,
	ActionPolicyChanged, ActionAccessDenied, ActionAuditViewed, ActionAuditExported, ActionAuditPruned, ActionAuditRestored,
	ActionAuditResumed, ActionEntryDamaged,
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

// Actor is who acted, as IAM named them.
type Actor struct {
	UserID      string `json:"user_id,omitempty"`
	UserName    string `json:"user_name,omitempty"`
	AccountID   string `json:"account_id,omitempty"`
	AccountName string `json:"account_name,omitempty"`
	ProjectID   string `json:"project_id,omitempty"`
	ProjectName string `json:"project_name,omitempty"`
}

// Origin is where an action came from. Session is a keyed hash: it tells
// sessions apart and opens none.
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

// Record is one entry of the log. Sequence and Time are the log's: Append sets
// them. Empty fields are not written.
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
}

// body is a record's stored form. Its bytes are what the log keeps and proves,
// so fields are only ever added, at the end, with omitempty.
type body struct {
	Version  int   `json:"v"`
	Sequence int64 `json:"seq"`
	Time     int64 `json:"ts"` // microseconds since 1970
	content
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
}

const bodyVersion = 1

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

// MaxBody is the most bytes that a record takes in the log. The limits of its
// fields see to it.
const MaxBody = 65_535

// encode returns a record's bytes.
func encode(r Record) ([]byte, error) {
	text, err := encodeContent(r)
	if err != nil {
		return nil, err
	}
	return withNumber(r.Sequence, r.Time.UnixMicro(), text), nil
}

// encodeContent encodes all but the number and time, which only the writer
// knows: appenders do the work side by side.
func encodeContent(r Record) ([]byte, error) {
	return json.Marshal(content{Action: r.Action,
		Outcome: r.Outcome, Actor: r.Actor, Origin: r.Origin, Duration: r.Duration.Microseconds(), Ticket: r.Ticket,
		OperationID: r.OperationID, OperationType: r.OperationType, BatchIndex: r.BatchIndex, InstanceID: r.InstanceID,
		Target: r.Target, Reason: r.Reason, Seen: r.Seen, Upstream: r.Upstream, Detail: r.Detail})
}

// withNumber puts the number and time before the content.
func withNumber(seq, ts int64, content []byte) []byte {
	text := appendNumber(make([]byte, 0, len(content)+64), seq, ts)
	return append(text, content[1:]...)
}

// appendNumber appends how the bytes of a record begin.
func appendNumber(text []byte, seq, ts int64) []byte {
	text = append(text, `{"v":`...)
	text = strconv.AppendInt(text, bodyVersion, 10)
	text = append(text, `,"seq":`...)
	text = strconv.AppendInt(text, seq, 10)
	text = append(text, `,"ts":`...)
	text = strconv.AppendInt(text, ts, 10)
	return append(text, ',')
}

// leafHash is the hash of a record's bytes as a leaf of the tree (RFC 6962,
// section 2.1): SHA-256 of a zero byte and the bytes.
func leafHash(text []byte) tlog.Hash {
	var space [1024]byte // most records fit: no allocation
	return sha256.Sum256(append(append(space[:0], 0), text...))
}

func decode(text []byte) (Record, error) {
	if r, ok := readBody(text); ok {
		return r, nil
	}
	return decodeAny(text)
}

// decodeAny reads a body that another version or another program may have written.
func decodeAny(text []byte) (Record, error) {
	var b body
	if err := json.Unmarshal(text, &b); err != nil {
		return Record{}, err
	}
	if b.Version != bodyVersion {
		return Record{}, fmt.Errorf("it has version %d, this console knows %d", b.Version, bodyVersion)
	}
	return Record{Sequence: b.Sequence, Time: fromMicro(b.Time), Action: b.Action, Outcome: b.Outcome,
		Actor: b.Actor, Origin: b.Origin, Duration: time.Duration(b.Duration) * time.Microsecond, Ticket: b.Ticket,
		OperationID: b.OperationID, OperationType: b.OperationType, BatchIndex: b.BatchIndex, InstanceID: b.InstanceID,
		Target: b.Target, Reason: b.Reason, Seen: b.Seen, Upstream: b.Upstream, Detail: b.Detail}, nil
}

// entry reads a row of the log. One that cannot be read, or that is not what
// its row says, becomes a damaged record with the row's number and time.
func entry(seq, ts int64, text []byte) Record {
	r, err := decode(text)
	switch {
	case err != nil:
		return damaged(seq, ts, err.Error())
	case r.Sequence != seq || r.Time.UnixMicro() != ts:
		return damaged(seq, ts, fmt.Sprintf("it is the record %d of %s", r.Sequence, r.Time.Format(time.RFC3339Nano)))
	}
	return r
}

func damaged(seq, ts int64, why string) Record {
	return Record{Sequence: seq, Time: fromMicro(ts), Action: ActionEntryDamaged, Outcome: OutcomeUnknown, Detail: why}
}

func fromMicro(ts int64) time.Time { return time.UnixMicro(ts).UTC() }

// The longest values that are kept, in bytes as the log writes them: as JSON,
// where a quote takes two and a control character six. They are far above what
// the console's own forms allow; only hostile headers and upstream texts are
// cut. With all fields as long as may be, a record stays below MaxBody.
const (
	maxShort = 512
	maxLong  = 16 << 10
)

// clean bounds the fields and makes them valid UTF-8 without NUL, which
// PostgreSQL could not store. A cut value ends with an ellipsis.
func clean(r Record) Record {
	r.Duration = r.Duration.Truncate(time.Microsecond)
	short := []*string{&r.Actor.UserID, &r.Actor.UserName, &r.Actor.AccountID,
		&r.Actor.AccountName, &r.Actor.ProjectID, &r.Actor.ProjectName, &r.Origin.Address, &r.Origin.UserAgent,
		&r.Origin.RequestID, &r.Origin.Session, &r.Ticket, &r.OperationID, &r.OperationType, &r.Target, &r.Seen,
		&r.Upstream.Code, &r.Upstream.RequestID}
	for _, s := range short {
		*s = bounded(*s, maxShort)
	}
	for _, s := range []*string{&r.Reason, &r.Detail, &r.Upstream.Message} {
		*s = bounded(*s, maxLong)
	}
	return r
}

const ellipsis = "…"

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
