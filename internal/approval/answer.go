package approval

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/internal/store"
)

// Answer is what an approver decides.
type Answer struct {
	Approve bool
	Comment string
	Count   string // as typed, where Number asks for it
	Actor   audit.Actor
	Origin  audit.Origin
	Caller  coc.Caller // reads the ticket: only who may see it may decide on it
}

// Answer records what the approver decides and, when they approve as the last of
// those who have to, sends the operation with the requester's session, through the
// same checks as any other. What came of it is in the returned state. Errors before anything was
// decided are ErrDecided, ErrAlreadySent, operate.ErrNotAuthentic, ErrOwnRequest,
// *operate.PolicyError, *operate.ReasonTooLongError, *NumberError, *NotCountedError,
// *coc.Error and *audit.StorageError.
func (s *Service) Answer(ctx context.Context, id string, by Answer) (a Request, err error) {
	for range maxAnswers { // of several approvers two may answer at once: the slower one is the next
		if a, err = s.answer(ctx, id, by); a.Needed.Number < 2 || a.State != Waiting || !errors.Is(err, ErrDecided) {
			break
		}
	}
	return a, err
}

// maxAnswers bounds how often an answer is tried that others are faster than.
const maxAnswers = 10

func (s *Service) answer(ctx context.Context, id string, by Answer) (Request, error) {
	a, err := s.undecided(ctx, id)
	if err != nil {
		return a, err
	}
	now, told, err := s.mayAnswer(ctx, a, by)
	if err != nil {
		return a, err
	}
	// The person may close the browser: what was decided is carried out.
	ctx = context.WithoutCancel(ctx)
	before, state, given := a, Refused, a.Given
	switch {
	case by.Approve && a.Missing() > 1:
		return s.give(ctx, a, by, told)
	case by.Approve:
		state, given = Granted, a.with(by, told, s.now())
	}
	decided := s.now()
	a, err = s.change(ctx, a, func(row *store.ApprovalRow) {
		row.State, row.Decider, row.Decided, row.Comment = string(state), store.JSON(by.Actor), decided.UnixMicro(),
			by.Comment
		// What they have decided on.
		row.Impact = store.JSON(impactThen{now.Impact(before.Operation), now.Snapshot().String(), given})
	})
	if err != nil {
		return before, err
	}
	if by.Approve {
		s.acquire(ctx, id)
		defer s.release(ctx, id)
	}
	a.told = told
	if err := s.record(ctx, a, by.Actor, by.Origin); err != nil {
		_, undo := s.change(ctx, a, func(row *store.ApprovalRow) { *row = before.row })
		return before, errors.Join(err, undo)
	}
	if !by.Approve {
		return a, nil
	}
	return s.carryOut(ctx, a, nil)
}

// undecided is current for who would change a request: one whose operation has
// been sent says so.
func (s *Service) undecided(ctx context.Context, id string) (Request, error) {
	before, err := s.Get(ctx, id)
	if err != nil {
		return before, err
	}
	a, err := s.current(ctx, id)
	if err == nil && before.State.Open() && (a.State == Sent || a.Note == NoteSentDirectly) && !before.underWay() {
		err = ErrAlreadySent
	}
	return a, err
}

func (s *Service) mayAnswer(ctx context.Context, a Request,
	by Answer) (_ operate.Reading, told policy.Decision, err error) {
	if n := utf8.RuneCountInString(by.Comment); n > operate.MaxReason {
		return operate.Reading{}, told, &operate.ReasonTooLongError{Length: n}
	}
	switch {
	case a.Requester.UserID == by.Actor.UserID:
		return operate.Reading{}, told, ErrOwnRequest
	case a.Requester.AccountID != by.Actor.AccountID:
		return operate.Reading{}, told, audit.ErrNotFound
	case a.State != Waiting, !s.now().Before(a.Expires):
		return operate.Reading{}, told, ErrDecided
	}
	reading, err := s.operations.Read(ctx, by.Caller, a.Ticket, a.Operation, a.BatchHint)
	if err != nil && (reading.Ticket.ExecuteUUID == "" || s.operations.MayView(by.Actor, reading.Ticket).Allowed) {
		return reading, told, err
	}
	d := s.MayApprove(by.Actor, a, reading)
	if d.Allowed {
		if why := a.Uncounted(by.Actor, d.Groups.Teams); why != "" && (by.Approve || why == AlreadyGiven) {
			return reading, d, &NotCountedError{why}
		}
		return reading, d, s.counted(a, reading, by)
	}
	denied := a.entry(audit.ActionAccessDenied, by.Actor, by.Origin, by.Comment)
	denied.OperationID, denied.Input = "", d.Input() // it is none of the request's own
	if d.Hides() {
		denied = hidden(a, denied)
	}
	if _, err := s.log.Append(ctx, denied); err != nil {
		s.logger.WarnContext(ctx, "denial not logged", "approval", a.ID, "error", err)
	}
	return reading, d, &operate.PolicyError{Decision: d, Impact: a.Impact, Now: reading}
}

// hidden is a denial on a ticket that whoever was denied may not see, though the record is theirs to read: it tells no
// more than which request they wanted to decide about.
func hidden(a Request, denied audit.Record) audit.Record {
	denied.Ticket, denied.OperationType, denied.BatchIndex, denied.InstanceID = "", "", 0, 0
	denied.Target, denied.Reason, denied.Seen = "", "", ""
	d := operate.ParseDetail(denied.Detail)
	d.Stops, d.Approval = 0, a.ID
	denied.Detail = d.String()
	return denied
}

// NumberError says that whoever approves has not typed the number of instances that stop.
type NumberError struct {
	Stops int
	Typed string
}

func (e *NumberError) Error() string { return "the number of instances that stop is not typed" }

// Number is how many instances a request's operation stops now, and whether the policy asks for that number on the
// operation itself: then whoever approves types it, too.
func (s *Service) Number(a Request, now operate.Reading) (stops int, wanted bool) {
	bare := a.operation(coc.Caller{})
	bare.Approved = nil
	d, impact := s.operations.Decide(bare, now)
	return impact.Stops, d.Wants(policy.Count)
}

// counted takes a number that was right since the request was made: instances end while it is typed, and no more than
// that many stop.
func (s *Service) counted(a Request, now operate.Reading, by Answer) error {
	stops, wanted := s.Number(a, now)
	if !by.Approve || !wanted {
		return nil
	}
	typed := strings.TrimSpace(by.Count)
	if n, err := strconv.Atoi(typed); err != nil || n < stops || n > max(stops, a.Impact.Stops) {
		return &NumberError{Stops: stops, Typed: typed}
	}
	return nil
}

// MayAnswer reports whether somebody may answer a request, and their approval counts, by what was known of the ticket
// when it was made.
func (s *Service) MayAnswer(who audit.Actor, a Request) bool {
	now := operate.Reading{Situation: operate.Situation{Ticket: a.Shown}}
	if a.State != Waiting || a.Doubtful || a.Requester.UserID == who.UserID || !s.now().Before(a.Expires) {
		return false
	}
	d := s.mayApprove(who, a, now, a.Impact)
	return d.Allowed && a.Uncounted(who, d.Groups.Teams) == ""
}

// MayApprove asks the rules whether somebody may answer a request.
func (s *Service) MayApprove(who audit.Actor, a Request, now operate.Reading) policy.Decision {
	return s.mayApprove(who, a, now, now.Impact(a.Operation))
}

func (s *Service) mayApprove(who audit.Actor, a Request, now operate.Reading, r operate.Impact) policy.Decision {
	if view := s.operations.MayView(who, now.Ticket); !view.Allowed {
		return view
	}
	ticket := operate.TicketOf(who, now, r)
	ticket.Requester = a.Requester.UserID
	return s.rules.Decide(policy.Request{Person: operate.PersonOf(who), Action: policy.Approve, Ticket: ticket,
		Circumstances: policy.Circumstances{Reason: true, At: s.now().Local()}})
}

// carryOut sends an approved operation, once. own is the requester's present
// session where they send it themselves; otherwise the one in which they asked.
func (s *Service) carryOut(ctx context.Context, a Request, own *operate.Request) (Request, error) {
	var r operate.Request
	if own != nil {
		r = a.operation(own.Caller)
		r.SessionKey, r.Actor, r.Origin = own.SessionKey, own.Actor, own.Origin
	} else {
		caller, err := s.operations.SessionCaller(ctx, a.row.Session)
		switch {
		case ctx.Err() != nil: // taken up at the next start
			return a, ctx.Err()
		case errors.Is(err, coc.ErrNoCaller):
			return s.setNote(ctx, a, Granted, operate.NoteSessionEnded, "")
		case err != nil: // the requester can send it when the database works again
			return s.setNote(ctx, a, Granted, operate.NoteNotSent, err.Error())
		}
		r = a.operation(caller)
	}
	_, err := s.operations.Apply(ctx, r)
	_, failed := s.operations.Receipt(ctx, a.ID)
	switch {
	case failed == nil:
		return s.setSent(ctx, a)
	case !errors.Is(failed, audit.ErrNotFound): // taken up when the log can be asked
		return a, errors.Join(err, failed)
	}
	return s.setUnsent(ctx, a, err)
}

// setSent notes that an approved operation is in the log as requested, whatever
// else another console that was slower, or faster, has noted.
func (s *Service) setSent(ctx context.Context, a Request) (Request, error) {
	for {
		now, err := s.change(ctx, a, func(row *store.ApprovalRow) {
			row.State, row.Note, row.Problem = string(Sent),
				"", ""
		})
		if !errors.Is(err, ErrDecided) {
			return now, err
		}
		switch a, err = s.Get(ctx, a.ID); {
		case err != nil:
			return a, err
		case a.Doubtful:
			return a, operate.ErrNotAuthentic
		case a.State == Sent:
			return a, nil
		}
	}
}

// setUnsent notes why an approved operation was not sent.
func (s *Service) setUnsent(ctx context.Context, a Request, why error) (Request, error) {
	_, stale := errors.AsType[*operate.StaleError](why)
	_, unfit := errors.AsType[*operate.RefusedError](why)
	denied, isDenied := errors.AsType[*operate.PolicyError](why)
	call, isCall := errors.AsType[*coc.Error](why)
	_, storage := errors.AsType[*audit.StorageError](why)
	_, pending := errors.AsType[*operate.PendingError](why)
	switch {
	case pending:
		return s.setNote(ctx, a, Returned, operate.NotePending, "")
	case errors.Is(why, operate.ErrNotAuthentic):
		return s.setNote(ctx, a, Returned, operate.NoteNotAuthentic, "")
	case errors.Is(why, audit.ErrClosed), ctx.Err() != nil: // taken up at the next start
		return a, why
	case stale:
		return s.setNote(ctx, a, Returned, operate.NoteMoved, "")
	case unfit:
		return s.setNote(ctx, a, Returned, operate.NoteNotFitting, "")
	case isDenied:
		return s.setNote(ctx, a, Returned, operate.NoteNotAllowed, strings.Join(denied.Decision.Policies, ", "))
	case isCall && call.SignInAgain():
		return s.setNote(ctx, a, Granted, operate.NoteSessionEnded, "")
	case errors.Is(why, operate.ErrUnwritten), storage: // the requester can send it when the log works again
		return s.setNote(ctx, a, Granted, operate.NoteNotSent, why.Error())
	}
	return s.setNote(ctx, a, Returned, operate.NoteNotSent, why.Error())
}

// setNote puts a note on an approval that was not sent. That it is returned is
// in the log, in nobody's name: nothing comes of it any more.
func (s *Service) setNote(ctx context.Context, a Request, state State, note operate.Note,
	problem string) (Request, error) {
	now, err := s.change(ctx, a, func(row *store.ApprovalRow) {
		row.State, row.Note, row.Problem = string(state), string(note), problem
	})
	switch {
	case errors.Is(err, ErrDecided): // another console was faster
		return s.Get(ctx, a.ID)
	case err != nil || state != Returned:
		return now, err
	}
	if err := s.record(ctx, now, audit.Actor{}, audit.Origin{}); err != nil { // completed later
		s.logger.WarnContext(ctx, "returned approval not logged yet", "approval", a.ID, "error", err)
	}
	return now, nil
}

// Send sends an approved operation in the requester's present session, where
// the one in which it was asked for had ended.
func (s *Service) Send(ctx context.Context, id string, own operate.Request) (Request, error) {
	a, err := s.undecided(ctx, id)
	switch {
	case err != nil:
		return a, err
	case !operate.SamePerson(a.Requester, own.Actor):
		return a, ErrOwnRequest
	case a.State != Granted, a.underWay(), !s.now().Before(a.Expires.Add(Lifetime)):
		return a, ErrDecided
	}
	// From here on it can neither be withdrawn nor expire, and a restart takes
	// it up in this session.
	ctx = context.WithoutCancel(ctx)
	a, err = s.change(ctx, a, func(row *store.ApprovalRow) {
		row.Note, row.Problem, row.Session = "", "",
			own.SessionKey
	})
	if err != nil {
		return a, err
	}
	s.acquire(ctx, id)
	defer s.release(ctx, id)
	return s.carryOut(ctx, a, &own)
}

// Withdraw takes a request back; only who made it can.
func (s *Service) Withdraw(ctx context.Context, id string, who audit.Actor, origin audit.Origin) error {
	a, err := s.undecided(ctx, id)
	switch {
	case err != nil:
		return err
	case !operate.SamePerson(a.Requester, who):
		return ErrOwnRequest
	case !a.State.Open(), a.underWay(): // what is being sent cannot be taken back
		return ErrDecided
	}
	return s.end(context.WithoutCancel(ctx), a, Withdrawn, who, origin)
}

func (s *Service) end(ctx context.Context, a Request, state State, who audit.Actor, origin audit.Origin) error {
	over, err := s.change(ctx, a, func(row *store.ApprovalRow) { row.State = string(state) })
	if err != nil {
		return err
	}
	if err := s.record(ctx, over, who, origin); err != nil {
		_, undo := s.change(ctx, over, func(row *store.ApprovalRow) { *row = a.row })
		return errors.Join(err, undo)
	}
	return nil
}
