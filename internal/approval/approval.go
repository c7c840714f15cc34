// Package approval asks an approver about an operation, and sends it once
// they approve.
package approval

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/internal/store"
)

// Lifetime is how long a request stands, and how long an approval that could
// not be carried out yet does.
const Lifetime = time.Hour

// State says where a request for approval stands.
type State string

// The states of a request. All but the first two are ends.
const (
	Waiting   State = "waiting"
	Granted   State = "granted"   // approved; not sent yet, Note says why
	Sent      State = "sent"      // approved and sent: the receipt has the same id
	Returned  State = "returned"  // approved, and not sent: Note says why, the requester decides again
	Refused   State = "refused"   // by the approver
	Withdrawn State = "withdrawn" // by the requester
	Expired   State = "expired"
)

// Open reports whether something may still come of it.
func (s State) Open() bool { return s == Waiting || s == Granted }

// NoteSentDirectly says that the operation was sent without the approval.
const NoteSentDirectly operate.Note = "sent_directly"

// Request is one operation that needs approval. Its id is the
// operation's: the one-time key of the form.
type Request struct {
	ID               string
	State            State
	Ticket           coc.ExecuteUUID
	Operation        coc.Operation
	BatchHint        int32
	Requester        audit.Actor
	Reason, Expected string
	Target           string         // for people
	Shown            coc.Ticket     // what the rules were told of the ticket: its key, name, creator and state
	Impact           operate.Impact // when it was asked, or decided
	AtDecision       string         // the snapshot at the decision; empty: none, or of before
	Created, Expires time.Time
	Needed           policy.Approvers // asked for when the request was made
	Given            []Given          // who has approved, the first first
	Decider          audit.Actor      // zero until somebody has decided
	Decided          time.Time
	Comment          string
	Note             operate.Note
	Problem          string // the error, verbatim
	// Doubtful says that the row's MAC is wrong or missing: what it says may be
	// invented, and nothing is done because of it.
	Doubtful bool

	origin  audit.Origin
	counted bool            // the requester typed the number that stops
	beside  string          // the pending operation that the requester knew of
	told    policy.Decision // of the record that is about to be written
	row     store.ApprovalRow
}

// underWay says that this or another console is carrying the approval out.
func (a Request) underWay() bool { return a.State == Granted && a.Note == "" }

// operation is what is sent once it is approved, as its requester asked for it.
func (a Request) operation(c coc.Caller) operate.Request {
	return operate.Request{SessionKey: a.row.Session, Caller: c, Actor: a.Requester, Origin: a.origin, Ticket: a.Ticket,
		Operation: a.Operation, BatchHint: a.BatchHint, Reason: a.Reason, Expected: a.Expected, Key: a.ID, Beside: a.beside,
		Approved: &operate.Approval{By: a.Decider, Before: a.before(), Counted: a.counted}}
}

// The errors of approvals.
var (
	// ErrOwnRequest says that somebody would approve what they asked for.
	ErrOwnRequest = errors.New("nobody approves their own request")
	// ErrDecided says that the request has been answered, or is over.
	ErrDecided = errors.New("the request has been decided")
	// ErrNotOffered says that the rules want no approval.
	ErrNotOffered = errors.New("the rules want no approval for this")
	// ErrAlreadySent says that the operation of a request is in the log: nothing
	// is left to decide.
	ErrAlreadySent = errors.New("the operation has been sent")
)

// Config is what the service stands on. All fields are required.
type Config struct {
	Operations *operate.Service
	Log        *audit.Log
	Index      *search.Index
	Rows       *store.Approvals
	Leases     *store.Leases
	Rules      operate.Rules
	Logger     *slog.Logger
	Now        func() time.Time
}

// Service keeps requests for approval, and carries out what was approved. It
// ends with the operations' service.
type Service struct {
	operations *operate.Service
	log        *audit.Log
	index      *search.Index
	rows       *store.Approvals
	leases     *store.Leases
	rules      operate.Rules
	logger     *slog.Logger
	now        func() time.Time
	left       *left // by an earlier process, from Mark to Resume
}

// New returns a service, which takes over what other consoles leave of their
// approvals.
func New(cfg Config) *Service {
	s := &Service{operations: cfg.Operations, log: cfg.Log, index: cfg.Index, rows: cfg.Rows, leases: cfg.Leases,
		rules: cfg.Rules, logger: cfg.Logger, now: cfg.Now}
	s.operations.OnTakeOver(leaseKind, s.takeOver)
	return s
}

// leaseKind tells the leases of approvals from those of operations: each
// approval has one console that carries it out.
const leaseKind = "approval"

func leaseOf(id string) string { return leaseKind + "/" + id }

func (s *Service) acquire(ctx context.Context, id string) {
	s.warn(ctx, id, s.leases.Acquire(ctx, leaseOf(id)))
}

func (s *Service) release(ctx context.Context, id string) {
	s.warn(ctx, id, s.leases.Release(ctx, leaseOf(id)))
}

// warn logs an error of a lease, which the console makes good that next looks
// after the approval.
func (s *Service) warn(ctx context.Context, id string, err error) {
	if err != nil {
		s.logger.WarnContext(ctx, "lease of an approval not written", "approval", id, "error", err)
	}
}

// Ask requests approval of an operation instead of sending it. Its
// errors are those of operate.Service.Apply; ErrNotOffered where the rules want
// no other person. Asking again with the same key returns the first request's id.
func (s *Service) Ask(ctx context.Context, r operate.Request) (string, error) {
	if err := r.Validate(); err != nil {
		return "", err
	}
	switch a, err := s.Get(ctx, r.Key); {
	case err == nil && operate.SamePerson(a.Requester, r.Actor) && a.Ticket == r.Ticket && a.Operation == r.Operation:
		return r.Key, nil
	case err == nil:
		return "", operate.ErrBadKey
	case !errors.Is(err, audit.ErrNotFound):
		return "", err
	}
	reading, err := s.operations.Inspect(ctx, r)
	if err != nil {
		return "", err
	}
	impact, told, err := s.wanted(r, reading)
	if err != nil {
		return "", err
	}
	return s.create(context.WithoutCancel(ctx), r, reading, impact, told)
}

// wanted returns what the operation stops if the rules want an approval for it,
// and nothing else, with their decision; otherwise an error.
func (s *Service) wanted(r operate.Request, now operate.Reading) (operate.Impact, policy.Decision, error) {
	decision, impact := s.operations.Decide(r, now)
	if decision.Allowed && r.Count != "" { // who typed the number may still rather ask
		bare := r
		bare.Count = ""
		decision, impact = s.operations.Decide(bare, now)
	}
	if decision.Allowed {
		return impact, decision, ErrNotOffered
	}
	approved := r
	approved.Approved = &operate.Approval{}
	if rest, _ := s.operations.Decide(approved, now); !decision.Wants(policy.Approval) || !rest.Allowed {
		return impact, decision, &operate.PolicyError{Decision: decision, Impact: impact, Now: now}
	}
	return impact, decision, nil
}

// create stores a new request and writes it into the log.
func (s *Service) create(ctx context.Context, r operate.Request, now operate.Reading,
	impact operate.Impact, told policy.Decision) (string, error) {
	at := s.now()
	a := Request{ID: r.Key, State: Waiting, Ticket: r.Ticket, Operation: r.Operation, BatchHint: now.InstanceBatch,
		Requester: r.Actor, Reason: r.Reason, Expected: r.Expected, Target: operate.TargetName(r.Operation, now),
		Impact: impact, Shown: now.Ticket, Created: at, Expires: at.Add(Lifetime), origin: r.Origin,
		Needed: told.Approvers(), counted: r.Counts(impact), beside: r.Beside, told: told}
	switch err := s.rows.Insert(ctx, rowOf(a, r.SessionKey), keyOf(a, r.SessionKey)); {
	case errors.Is(err, store.ErrClaimed): // the same form, sent at the same time
		return s.askedBefore(ctx, r)
	case isTaken(err):
		return "", err
	case err != nil:
		return "", s.log.Refusal(err)
	}
	if err := s.record(ctx, a, a.Requester, a.origin); err != nil {
		return "", errors.Join(err, s.rows.Drop(ctx, a.ID))
	}
	return a.ID, nil
}

func isTaken(err error) bool {
	_, taken := errors.AsType[*operate.KeyTakenError](err)
	return taken
}

// askedBefore is the request that came from the same form.
func (s *Service) askedBefore(ctx context.Context, r operate.Request) (string, error) {
	a, err := s.Get(ctx, r.Key)
	switch {
	case errors.Is(err, audit.ErrNotFound):
		return "", operate.ErrKeySpent
	case err != nil:
		return "", err
	case !operate.SamePerson(a.Requester, r.Actor):
		return "", operate.ErrBadKey
	}
	return r.Key, nil
}

// recorded are the states that have a record of their own in the log.
var recorded = map[State]audit.Action{
	Waiting: audit.ActionApprovalRequested, Granted: audit.ActionApprovalGranted, Refused: audit.ActionApprovalRefused,
	Withdrawn: audit.ActionApprovalWithdrawn, Expired: audit.ActionApprovalExpired, Returned: audit.ActionApprovalReturned,
}

// record writes the record of the state that a request has just come to, and
// notes that it is there: the end of a process may come in between.
func (s *Service) record(ctx context.Context, a Request, who audit.Actor, origin audit.Origin) error {
	comment := ""
	if operate.SamePerson(who, a.Decider) {
		comment = a.Comment
	}
	entry := a.entry(recorded[a.State], who, origin, comment)
	detail := a.severally(operate.ParseDetail(entry.Detail).Tried(a.told), entry.Action)
	entry.Input, entry.Detail = a.told.Input(), detail.String()
	if _, err := s.log.Append(ctx, entry); err != nil {
		return fmt.Errorf("record that approval %s is %s: %w", a.ID, a.State, err)
	}
	s.setLogged(ctx, a)
	return nil
}

func (s *Service) setLogged(ctx context.Context, a Request) {
	if err := s.rows.SetLogged(ctx, a.ID, string(a.State)); err != nil {
		s.logger.WarnContext(ctx, "approval not marked as logged", "approval", a.ID, "error", err)
	}
}

// entry is a record about the request, under the operation's id.
func (a Request) entry(action audit.Action, who audit.Actor, origin audit.Origin, comment string) audit.Record {
	outcome := audit.OutcomeSucceeded
	switch action {
	case audit.ActionApprovalRequested:
		outcome = audit.OutcomePending
	case audit.ActionApprovalRefused, audit.ActionAccessDenied:
		outcome = audit.OutcomeDenied
	case audit.ActionApprovalReturned:
		outcome = audit.OutcomeFailed
	}
	d := operate.Detail{Stops: a.Impact.Stops, Comment: comment}
	if action == audit.ActionApprovalReturned {
		d.Note, d.Error = a.Note, a.Problem
	}
	return audit.Record{Action: action, Outcome: outcome, Actor: who, Origin: origin, Ticket: string(a.Ticket),
		OperationID: a.ID, OperationType: string(a.Operation.Type), BatchIndex: a.Operation.BatchIndex,
		InstanceID: a.Operation.InstanceID, Target: a.Target, Reason: a.Reason, Seen: a.Expected,
		Detail: d.String()}
}
