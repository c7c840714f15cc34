package operate

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/policy"
)

// ApprovalLife is how long a question to a second person stands, and how long
// an answer that could not be carried out yet does.
const ApprovalLife = time.Hour

// ApprovalState says what became of a question to a second person.
type ApprovalState string

// The states of a question. All but the first two are ends.
const (
	ApprovalWaiting   ApprovalState = "waiting"
	ApprovalGranted   ApprovalState = "granted"   // approved; not sent yet, Note says why
	ApprovalSent      ApprovalState = "sent"      // approved and sent: the receipt has the same id
	ApprovalReturned  ApprovalState = "returned"  // approved, and not sent: Note says why, the requester decides anew
	ApprovalRefused   ApprovalState = "refused"   // by the second person
	ApprovalWithdrawn ApprovalState = "withdrawn" // by the requester
	ApprovalExpired   ApprovalState = "expired"
)

// Open reports whether something may still come of it.
func (s ApprovalState) Open() bool { return s == ApprovalWaiting || s == ApprovalGranted }

// The notes of approvals, for pages to put into the reader's language.
const (
	NoteSessionEnded Note = "session_ended" // the requester's session is over: they have to send it themselves
	NoteMoved        Note = "moved"         // the ticket is not what was approved any more
	NoteNotFitting   Note = "not_fitting"   // the operation does not fit the ticket's state any more
	NoteNotAllowed   Note = "not_allowed"   // the rules deny it now
	NoteNotSent      Note = "not_sent"      // it failed before it was sent: Problem says why
)

// Approval is one operation that waits for a second person. Its id is the
// operation's: the one-time key of the form.
type Approval struct {
	ID               string
	State            ApprovalState
	Ticket           coc.ExecuteUUID
	Operation        coc.Operation
	BatchHint        int32
	Requester        audit.Actor
	Reason, Seen     string
	Target           string     // for people
	Shown            coc.Ticket // what the rules were told of the ticket: its key, name, creator and state
	Radius           Radius     // when it was asked
	Created, Expires time.Time
	Decider          audit.Actor // zero until somebody has decided
	Decided          time.Time
	Comment          string
	Note             Note
	Problem          string // the error, verbatim

	sessionKey string
	origin     audit.Origin
	counted    bool // the requester typed the number that stops
}

// same reports whether two are one person: the id alone does not do, since
// another account may name its users as it likes.
func same(a, b audit.Actor) bool { return a.UserID == b.UserID && a.AccountID == b.AccountID }

// underWay says that this or another console is carrying the answer out.
func (a Approval) underWay() bool { return a.State == ApprovalGranted && a.Note == "" }

// Request is the operation as its requester asked for it.
func (a Approval) request(c coc.Caller) Request {
	return Request{SessionKey: a.sessionKey, Caller: c, Actor: a.Requester, Origin: a.origin, Ticket: a.Ticket,
		Operation: a.Operation, BatchHint: a.BatchHint, Reason: a.Reason, Seen: a.Seen, Key: a.ID, approval: &a}
}

// The errors of approvals.
var (
	// ErrOwnRequest says that somebody would approve what they asked for.
	ErrOwnRequest = errors.New("nobody approves their own request")
	// ErrDecided says that the question has been answered, or stands no more.
	ErrDecided = errors.New("the request has been decided")
	// ErrNotOffered says that a second person is not what the rules want.
	ErrNotOffered = errors.New("the rules want no second person for this")
)

// Ask puts an operation before a second person instead of sending it. Its
// errors are those of Apply; ErrNotOffered where the rules want no other
// person. Asking again with the same key returns the first question's id.
func (s *Service) Ask(ctx context.Context, r Request) (string, error) {
	if err := s.validate(r); err != nil {
		return "", err
	}
	if a, err := s.Approval(ctx, r.Key); err == nil {
		return idUnless(r.Key, errUnless(same(a.Requester, r.Actor) && a.Ticket == r.Ticket && a.Operation == r.Operation, ErrBadKey))
	} else if !errors.Is(err, audit.ErrNotFound) {
		return "", err
	}
	if sent, err := s.knownAs(ctx, r); err != nil || sent { // nobody approves what has been sent
		return "", errors.Join(err, errUnless(!sent, ErrKeySpent))
	}
	reading, err := s.Read(ctx, r.Caller, r.Ticket, r.Operation, r.BatchHint)
	if err == nil {
		err = s.compare(r, reading)
	}
	if err != nil {
		return "", err
	}
	decision, radius := s.Decide(r, reading)
	if decision.Allowed {
		return "", ErrNotOffered
	}
	approved := r
	approved.approval = &Approval{}
	if rest, _ := s.Decide(approved, reading); !decision.Wants(policy.SecondPerson) || !rest.Allowed {
		return "", &PolicyError{Decision: decision, Radius: radius, Now: reading}
	}
	return s.ask(ctx, r, reading, radius)
}

func errUnless(ok bool, err error) error {
	if ok {
		return nil
	}
	return err
}

func (s *Service) ask(ctx context.Context, r Request, now Reading, radius Radius) (string, error) {
	at := s.Now()
	a := Approval{ID: r.Key, State: ApprovalWaiting, Ticket: r.Ticket, Operation: r.Operation, BatchHint: now.InstanceBatch,
		Requester: r.Actor, Reason: r.Reason, Seen: r.Seen, Target: targetName(r.Operation, now), Radius: radius, Shown: now.Ticket,
		Created: at, Expires: at.Add(ApprovalLife), sessionKey: r.SessionKey, origin: r.Origin, counted: r.counted(radius)}
	ctx = context.WithoutCancel(ctx)
	if err := s.insertApproval(ctx, a); err != nil {
		if s.IsUnique(err) { // the same form, sent at the same time
			return a.ID, nil
		}
		return "", s.Log.Refusal(err)
	}
	if err := s.noteInLog(ctx, a, a.Requester, a.origin); err != nil {
		_, undo := s.Keys.ExecContext(ctx, `DELETE FROM approval WHERE id = $1 AND state = 'waiting'`, a.ID)
		return "", errors.Join(err, undo)
	}
	return a.ID, nil
}

// recorded are the states that have a record of their own in the log.
var recorded = map[ApprovalState]audit.Action{
	ApprovalWaiting: audit.ActionApprovalRequested, ApprovalGranted: audit.ActionApprovalGranted, ApprovalRefused: audit.ActionApprovalRefused,
	ApprovalWithdrawn: audit.ActionApprovalWithdrawn, ApprovalExpired: audit.ActionApprovalExpired,
}

// noteInLog writes the record of the state that a question has just come to,
// and remembers that it is there: the end of a process may come in between.
func (s *Service) noteInLog(ctx context.Context, a Approval, who audit.Actor, origin audit.Origin) error {
	comment := ""
	if same(who, a.Decider) {
		comment = a.Comment
	}
	if _, err := s.Log.Append(ctx, a.record(recorded[a.State], who, origin, comment)); err != nil {
		return err
	}
	if _, err := s.Keys.ExecContext(ctx, `UPDATE approval SET logged = $2 WHERE id = $1`, a.ID, string(a.State)); err != nil {
		s.Logger.WarnContext(ctx, "what the log has of a request for approval could not be written down", "id", a.ID, "error", err)
	}
	return nil
}

// record is a record about the question, under the operation's id.
func (a Approval) record(action audit.Action, who audit.Actor, origin audit.Origin, comment string) audit.Record {
	outcome := audit.OutcomeSucceeded
	switch action {
	case audit.ActionApprovalRequested:
		outcome = audit.OutcomePending
	case audit.ActionApprovalRefused, audit.ActionAccessDenied:
		outcome = audit.OutcomeDenied
	}
	return audit.Record{Action: action, Outcome: outcome, Actor: who, Origin: origin, Ticket: string(a.Ticket),
		OperationID: a.ID, OperationType: string(a.Operation.Type), BatchIndex: a.Operation.BatchIndex,
		InstanceID: a.Operation.InstanceID, Target: a.Target, Reason: a.Reason, Seen: a.Seen,
		Detail: Detail{Stops: a.Radius.Stops, Comment: comment}.String()}
}

// Answer is what a second person says.
type Answer struct {
	Approve bool
	Comment string
	Actor   audit.Actor
	Origin  audit.Origin
	Caller  coc.Caller // reads the ticket: only who may see it may decide on it
}

// Answer records what the second person says and, when they approve, sends the
// operation with the requester's session, through the same checks as any
// other. What came of it is in the returned state. Errors before anything was
// decided are ErrDecided, ErrOwnRequest, *PolicyError, *ReasonTooLongError,
// *coc.Error and *audit.StorageError.
func (s *Service) Answer(ctx context.Context, id string, by Answer) (Approval, error) {
	a, err := s.Approval(ctx, id)
	if err != nil {
		return a, err
	}
	if err := s.mayAnswer(ctx, a, by); err != nil {
		return a, err
	}
	// The person may close the browser: what was decided is carried out.
	ctx = context.WithoutCancel(ctx)
	before, state := a, ApprovalRefused
	if by.Approve {
		state = ApprovalGranted
	}
	decided := s.Now()
	err = s.changeApproval(ctx, a, `state = $4, decider = $5, decided_at = $6, comment = $7`,
		string(state), encodeActor(by.Actor), decided.UnixMicro(), by.Comment)
	if err != nil {
		return before, err
	}
	a.State, a.Decider, a.Decided, a.Comment = state, by.Actor, decided, by.Comment
	if by.Approve {
		s.noted(s.owners.take(ctx, approvalOwner+id))
		defer s.letGo(ctx, approvalOwner+id)
	}
	if err := s.noteInLog(ctx, a, by.Actor, by.Origin); err != nil {
		undo := s.changeApproval(ctx, a, `state = $4, decider = '', decided_at = 0, comment = ''`, string(ApprovalWaiting))
		return before, errors.Join(err, undo)
	}
	if !by.Approve {
		return a, nil
	}
	return s.carryOut(ctx, a, nil)
}

// approvalOwner marks the names of approvals among those of operations: each
// answer has one console that carries it out.
const approvalOwner = "approval/"

func (s *Service) mayAnswer(ctx context.Context, a Approval, by Answer) error {
	if n := utf8.RuneCountInString(by.Comment); n > MaxReason {
		return &ReasonTooLongError{Length: n}
	}
	switch {
	case a.Requester.UserID == by.Actor.UserID:
		return ErrOwnRequest
	case a.Requester.AccountID != by.Actor.AccountID:
		return audit.ErrNotFound
	case a.State != ApprovalWaiting, !s.Now().Before(a.Expires):
		return ErrDecided
	}
	reading, err := s.Read(ctx, by.Caller, a.Ticket, a.Operation, a.BatchHint)
	if err != nil {
		return err
	}
	d := s.MayApprove(by.Actor, a, reading)
	if d.Allowed {
		return nil
	}
	record := a.record(audit.ActionAccessDenied, by.Actor, by.Origin, by.Comment)
	record.OperationID = "" // it is none of the request's own
	if _, err := s.Log.Append(ctx, record); err != nil {
		s.Logger.WarnContext(ctx, "a denial is not in the log", "error", err)
	}
	return &PolicyError{Decision: d, Radius: a.Radius, Now: reading}
}

// MayApprove asks the rules whether somebody may answer a question.
func (s *Service) MayApprove(who audit.Actor, a Approval, now Reading) policy.Decision {
	return s.mayApprove(who, a, now, now.Radius(a.Operation))
}

func (s *Service) mayApprove(who audit.Actor, a Approval, now Reading, r Radius) policy.Decision {
	if view := s.MayView(who, now.Ticket); !view.Allowed {
		return view
	}
	ticket := ticketOf(who, now, r)
	ticket.Requester = a.Requester.UserID
	return s.Rules.Decide(policy.Request{Person: PersonOf(who), Action: policy.Approve, Ticket: ticket,
		Circumstances: policy.Circumstances{Reason: true, At: s.Now().Local()}})
}

// carryOut sends an approved operation, once. own is the requester's present
// session where they send it themselves; otherwise the one in which they asked.
func (s *Service) carryOut(ctx context.Context, a Approval, own *Request) (Approval, error) {
	var r Request
	if own != nil {
		r = a.request(own.Caller)
		r.SessionKey, r.Actor, r.Origin = own.SessionKey, own.Actor, own.Origin
	} else {
		caller, err := s.Callers.Caller(ctx, a.sessionKey)
		switch {
		case ctx.Err() != nil: // taken up at the next start
			return a, ctx.Err()
		case err != nil:
			return s.note(ctx, a, ApprovalGranted, NoteSessionEnded, "")
		}
		r = a.request(caller)
	}
	_, err := s.Apply(ctx, r)
	switch known, failed := s.known(ctx, a.ID); {
	case failed != nil: // taken up when the log can be asked
		return a, errors.Join(err, failed)
	case known:
		return s.sent(ctx, a)
	}
	return s.returned(ctx, a, err)
}

// sent notes that an approved operation is in the log as requested, whatever
// else another console that was slower, or faster, has noted.
func (s *Service) sent(ctx context.Context, a Approval) (Approval, error) {
	_, err := s.Keys.ExecContext(ctx, `UPDATE approval SET state = 'sent', note = '', problem = ''
		WHERE id = $1 AND state IN ('granted', 'returned')`, a.ID)
	a.State, a.Note, a.Problem = ApprovalSent, "", ""
	return a, err
}

// returned notes why an approved operation was not sent.
func (s *Service) returned(ctx context.Context, a Approval, why error) (Approval, error) {
	var (
		stale   *StaleError
		refused *RefusedError
		denied  *PolicyError
		call    *coc.Error
		storage *audit.StorageError
	)
	switch {
	case errors.Is(why, audit.ErrClosed), ctx.Err() != nil: // taken up at the next start
		return a, why
	case errors.As(why, &stale):
		return s.note(ctx, a, ApprovalReturned, NoteMoved, "")
	case errors.As(why, &refused):
		return s.note(ctx, a, ApprovalReturned, NoteNotFitting, "")
	case errors.As(why, &denied):
		return s.note(ctx, a, ApprovalReturned, NoteNotAllowed, strings.Join(denied.Decision.Policies, ", "))
	case errors.As(why, &call) && call.SignInAgain():
		return s.note(ctx, a, ApprovalGranted, NoteSessionEnded, "")
	case errors.Is(why, ErrUnwritten), errors.As(why, &storage):
		return s.note(ctx, a, ApprovalGranted, NoteNotSent, why.Error()) // the requester can send it when the log works again
	}
	return s.note(ctx, a, ApprovalReturned, NoteNotSent, why.Error())
}

func (s *Service) note(ctx context.Context, a Approval, state ApprovalState, note Note, problem string) (Approval, error) {
	err := s.changeApproval(ctx, a, `state = $4, note = $5, problem = $6`, string(state), string(note), problem)
	if errors.Is(err, ErrDecided) { // another console was faster
		return s.Approval(ctx, a.ID)
	}
	a.State, a.Note, a.Problem = state, note, problem
	return a, err
}

// SendApproved sends an approved operation in the requester's present session,
// where the one in which it was asked for had ended.
func (s *Service) SendApproved(ctx context.Context, id string, own Request) (Approval, error) {
	a, err := s.Approval(ctx, id)
	switch {
	case err != nil:
		return a, err
	case !same(a.Requester, own.Actor):
		return a, ErrOwnRequest
	case a.State != ApprovalGranted, a.underWay(), !s.Now().Before(a.Expires.Add(ApprovalLife)):
		return a, ErrDecided
	}
	// From here on it can neither be withdrawn nor expire, and a restart takes
	// it up in this session.
	ctx = context.WithoutCancel(ctx)
	if err := s.changeApproval(ctx, a, `note = '', problem = '', session_id = $4`, own.SessionKey); err != nil {
		return a, err
	}
	a.Note, a.Problem, a.sessionKey = "", "", own.SessionKey
	s.noted(s.owners.take(ctx, approvalOwner+id))
	defer s.letGo(ctx, approvalOwner+id)
	return s.carryOut(ctx, a, &own)
}

// Withdraw takes a question back; only who asked it can.
func (s *Service) Withdraw(ctx context.Context, id string, who audit.Actor, origin audit.Origin) error {
	a, err := s.Approval(ctx, id)
	switch {
	case err != nil:
		return err
	case !same(a.Requester, who):
		return ErrOwnRequest
	case !a.State.Open(), a.underWay(): // what is being sent cannot be taken back
		return ErrDecided
	}
	return s.end(context.WithoutCancel(ctx), a, ApprovalWithdrawn, who, origin)
}

func (s *Service) end(ctx context.Context, a Approval, state ApprovalState, who audit.Actor, origin audit.Origin) error {
	if err := s.changeApproval(ctx, a, `state = $4`, string(state)); err != nil {
		return err
	}
	over := a
	over.State = state
	if err := s.noteInLog(ctx, over, who, origin); err != nil {
		return errors.Join(err, s.changeApproval(ctx, over, `state = $4`, string(a.State)))
	}
	return nil
}

// tendEvery is how often questions that have expired are looked for.
const tendEvery = 10 * time.Second

// tend looks after the questions to second persons and, where consoles share
// the database, after what one of them has left.
func (s *Service) tend() {
	resume, unlogged := true, map[string]ApprovalState{}
	for {
		err := errors.Join(s.tendApprovals(s.ctx, resume), s.completeLog(s.ctx, resume, unlogged))
		if s.Shared {
			err = errors.Join(err, s.offerJobs(s.ctx))
		}
		if err != nil && s.ctx.Err() == nil {
			s.Logger.Error("requests for approval could not be brought on", "error", err)
		}
		resume = resume && err != nil
		if !pause(s.ctx, tendEvery) {
			return
		}
	}
}

// tendApprovals ends what has expired and carries out what was approved when a
// process ended: at the start or, where the database is shared, once the
// console that had it gives no sign of life.
func (s *Service) tendApprovals(ctx context.Context, resume bool) error {
	open, err := s.Approvals(ctx, ApprovalFilter{Open: true, Limit: unlimited})
	if err != nil {
		return err
	}
	var failed []error
	for _, a := range open {
		switch {
		case a.State == ApprovalWaiting && !s.Now().Before(a.Expires),
			a.State == ApprovalGranted && !a.underWay() && !s.Now().Before(a.Expires.Add(ApprovalLife)):
			err = s.end(ctx, a, ApprovalExpired, audit.Actor{}, audit.Origin{})
		case a.underWay() && s.Shared:
			err = s.owners.offer(ctx, approvalOwner+a.ID)
		case a.underWay() && resume:
			err = s.resumeApproval(ctx, a.ID)
		default:
			continue
		}
		if err != nil && !errors.Is(err, ErrDecided) {
			failed = append(failed, fmt.Errorf("approval %s: %w", a.ID, err))
		}
	}
	return errors.Join(failed...)
}

// completeLog writes the records that the end of a process cut off. Beside
// running requests only those count that were without one a round before, too.
func (s *Service) completeLog(ctx context.Context, start bool, before map[string]ApprovalState) error {
	found, err := s.approvals(ctx, `logged <> state AND state NOT IN ('sent', 'returned')`)
	if err != nil {
		return err
	}
	was := maps.Clone(before)
	clear(before)
	var failed []error
	for _, a := range found {
		if seen, twice := was[a.ID]; !(start && !s.Shared) && (!twice || seen != a.State) {
			before[a.ID] = a.State
			continue
		}
		failed = append(failed, s.complete(ctx, a))
	}
	return errors.Join(failed...)
}

// complete writes the record of a question's state unless the log has it.
func (s *Service) complete(ctx context.Context, a Approval) error {
	records, err := s.Log.Operation(ctx, a.ID)
	if err != nil {
		return err
	}
	action := recorded[a.State]
	if slices.ContainsFunc(records, func(r audit.Record) bool { return r.Action == action }) {
		_, err = s.Keys.ExecContext(ctx, `UPDATE approval SET logged = $2 WHERE id = $1 AND state = $2`, a.ID, string(a.State))
		return err
	}
	who := a.Decider
	switch a.State {
	case ApprovalWaiting, ApprovalWithdrawn:
		who = a.Requester
	case ApprovalExpired:
		who = audit.Actor{}
	case ApprovalGranted, ApprovalRefused, ApprovalSent, ApprovalReturned: // the decider's
	}
	return s.noteInLog(ctx, a, who, audit.Origin{})
}

// resumeApproval completes an answer that the end of a process cut off: its
// record, if the log does not have it, and then the operation.
func (s *Service) resumeApproval(ctx context.Context, id string) error {
	a, err := s.Approval(ctx, id)
	if errors.Is(err, audit.ErrNotFound) || err == nil && !a.underWay() {
		return nil
	}
	if err == nil {
		err = s.complete(ctx, a)
	}
	if err == nil {
		_, err = s.carryOut(ctx, a, nil)
	}
	return err
}

// maxWaiting bounds the questions that are looked through for WaitingFor.
const maxWaiting = 100

// WaitingFor counts the questions that somebody may answer, by what was known
// when they were asked.
func (s *Service) WaitingFor(ctx context.Context, who audit.Actor) (n int, err error) {
	if some, err := s.anyWaiting(ctx, who.AccountID); err != nil || !some {
		return 0, err
	}
	open, err := s.approvals(ctx, `state = 'waiting' AND account_id = $1 AND requester_id <> $2 ORDER BY created_at LIMIT $3`,
		who.AccountID, who.UserID, maxWaiting)
	for _, a := range open {
		if s.Now().Before(a.Expires) && s.mayApprove(who, a, Reading{Situation: Situation{Ticket: a.Shown}}, a.Radius).Allowed {
			n++
		}
	}
	return n, err
}

// anyWaiting reports whether an account has questions at all: every page asks,
// and as a rule there are none. Its statement is prepared once.
func (s *Service) anyWaiting(ctx context.Context, account string) (bool, error) {
	s.mu.Lock()
	if s.waiting == nil {
		// The statement outlives the request.
		prepared, err := s.Keys.PrepareContext(context.WithoutCancel(ctx), `SELECT 1 FROM approval WHERE state = 'waiting' AND account_id = $1 LIMIT 1`)
		if err != nil {
			s.mu.Unlock()
			return false, err
		}
		s.waiting = prepared
	}
	waiting := s.waiting
	s.mu.Unlock()
	var one int
	err := waiting.QueryRowContext(ctx, account).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// ApprovalFilter narrows a list of approvals; zero fields do not.
type ApprovalFilter struct {
	Open      bool
	AccountID string
	Requester string // user id
	Ticket    coc.ExecuteUUID
	Limit     int
}

const approvalColumns = `id, state, ticket, operation, requester, session_id, origin, reason, seen, target, radius,
	created_at, expires_at, decider, decided_at, comment, note, problem`

// Approvals lists questions, newest first.
func (s *Service) Approvals(ctx context.Context, f ApprovalFilter) ([]Approval, error) {
	if f.Limit == 0 {
		f.Limit = 200
	}
	return s.approvals(ctx, `($1 = 0 OR state IN ('waiting', 'granted')) AND ($2 = '' OR account_id = $2) AND ($3 = '' OR requester_id = $3)
		AND ($4 = '' OR ticket = $4) ORDER BY created_at DESC, id LIMIT $5`,
		flag(f.Open), f.AccountID, f.Requester, string(f.Ticket), f.Limit)
}

// unlimited is the limit of a list that must not leave anything out.
const unlimited = math.MaxInt32

func (s *Service) approvals(ctx context.Context, where string, args ...any) ([]Approval, error) {
	//nolint:gosec // where is this package's own text
	rows, err := s.Keys.QueryContext(ctx, `SELECT `+approvalColumns+` FROM approval WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []Approval
	for rows.Next() {
		a, err := scanApproval(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, rows.Err()
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Approval reads one question; audit.ErrNotFound when there is none.
func (s *Service) Approval(ctx context.Context, id string) (Approval, error) {
	a, err := scanApproval(s.Keys.QueryRowContext(ctx, `SELECT `+approvalColumns+` FROM approval WHERE id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return a, audit.ErrNotFound
	}
	return a, err
}

// storedOperation is an operation as the table keeps it.
type storedOperation struct {
	Type     coc.OperationType `json:"type"`
	Batch    int32             `json:"batch,omitempty"`
	Instance int64             `json:"instance,omitempty"`
	Hint     int32             `json:"hint,omitempty"`
	Counted  bool              `json:"counted,omitempty"`
	Name     string            `json:"name,omitempty"` // of the ticket
	Creator  string            `json:"creator,omitempty"`
	Status   coc.TicketStatus  `json:"status,omitempty"`
}

func scanApproval(row interface{ Scan(dest ...any) error }) (Approval, error) {
	var a Approval
	var operation, requester, origin, radius, decider string
	var created, expires, decided int64
	err := row.Scan(&a.ID, &a.State, &a.Ticket, &operation, &requester, &a.sessionKey, &origin, &a.Reason, &a.Seen, &a.Target,
		&radius, &created, &expires, &decider, &decided, &a.Comment, &a.Note, &a.Problem)
	if err != nil {
		return a, err
	}
	var op storedOperation
	for text, into := range map[string]any{operation: &op, requester: &a.Requester, origin: &a.origin, radius: &a.Radius, decider: &a.Decider} {
		if text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(text), into); err != nil {
			return a, fmt.Errorf("approval %s: %w", a.ID, err)
		}
	}
	a.Operation, a.BatchHint = coc.Operation{Type: op.Type, BatchIndex: op.Batch, InstanceID: op.Instance}, op.Hint
	a.counted = op.Counted
	a.Shown = coc.Ticket{ExecuteUUID: a.Ticket, ScriptName: op.Name, Creator: op.Creator, Status: op.Status}
	a.Created, a.Expires = time.UnixMicro(created).UTC(), time.UnixMicro(expires).UTC()
	if decided > 0 {
		a.Decided = time.UnixMicro(decided).UTC()
	}
	return a, nil
}

func (s *Service) insertApproval(ctx context.Context, a Approval) error {
	op := storedOperation{Type: a.Operation.Type, Batch: a.Operation.BatchIndex, Instance: a.Operation.InstanceID, Hint: a.BatchHint,
		Name: a.Shown.ScriptName, Creator: a.Shown.Creator, Status: a.Shown.Status, Counted: a.counted}
	_, err := s.Keys.ExecContext(ctx, `INSERT INTO approval (id, state, account_id, requester_id, ticket, operation, requester,
		session_id, origin, reason, seen, target, radius, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		a.ID, string(a.State), a.Requester.AccountID, a.Requester.UserID, string(a.Ticket), encode(op), encodeActor(a.Requester),
		a.sessionKey, encode(a.origin), a.Reason, a.Seen, a.Target, encode(a.Radius), a.Created.UnixMicro(), a.Expires.UnixMicro())
	return err
}

func encodeActor(a audit.Actor) string { return encode(a) }

// encode is the JSON of a struct of texts and numbers, which always marshals.
func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}

// changeApproval changes a question if it is still in the state and with the
// note of before; ErrDecided if somebody was faster. The arguments of set begin
// at $4.
func (s *Service) changeApproval(ctx context.Context, before Approval, set string, args ...any) error {
	return s.changed(s.Keys.ExecContext(ctx, `UPDATE approval SET `+set+` WHERE id = $1 AND state = $2 AND note = $3`,
		append([]any{before.ID, string(before.State), string(before.Note)}, args...)...))
}
