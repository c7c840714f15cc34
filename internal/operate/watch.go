package operate

import (
	"context"
	"errors"
	"slices"
	"time"

	"coc-console/audit"
	"coc-console/internal/coc"
)

// firstLook is the wait before the first look at a ticket after an operation;
// later looks are further apart, up to Config.Poll.
const firstLook = 300 * time.Millisecond

// maxBackoff bounds the wait between looks when COC is throttling or down.
const maxBackoff = 30 * time.Second

// lookTimeout bounds one look, which may be several calls.
const lookTimeout = 30 * time.Second

// task is one operation whose effect is watched for.
type task struct {
	requested  audit.Record
	caller     coc.Caller // zero after a restart
	sessionKey string
	since      time.Time // the deadline counts from here
}

func (t task) operation() coc.Operation {
	return coc.Operation{Type: coc.OperationType(t.requested.OperationType),
		BatchIndex: t.requested.BatchIndex, InstanceID: t.requested.InstanceID}
}

func (t task) ticket() coc.ExecuteUUID { return coc.ExecuteUUID(t.requested.Ticket) }

// watch looks at the ticket in the background until the operation has an end.
func (s *Service) watch(t task) {
	if s.ctx.Err() != nil {
		return // taken up at the next start
	}
	t.since = s.Now()
	s.done.Go(func() {
		if end, ok := s.await(s.ctx, t); ok {
			// The error is logged and the record tried again by write.
			_ = s.write(s.ctx, end)
		}
	})
}

// await returns the end of an operation; false when the service stops first.
func (s *Service) await(ctx context.Context, t task) (audit.Record, bool) {
	last := Detail{Note: NoteDeadline}
	for wait := min(firstLook, s.Poll); pause(ctx, wait); {
		verdict, err := s.lookOnce(ctx, &t)
		switch {
		case ctx.Err() != nil:
			return audit.Record{}, false
		case err != nil:
			s.Logger.Warn("a look after an operation failed", "operation", t.requested.OperationID, "error", err)
			last = failedLook(last, err)
			wait = backoff(wait, err)
		case verdict.over:
			return verdict.record(t.requested), true
		default:
			last = verdict.detail
			last.Note = NoteDeadline
			if len(last.Others) > 0 {
				last.Note = NoteOtherInstance
			}
			wait = min(2*wait, s.Poll)
		}
		if s.Now().Sub(t.since) >= s.Deadline {
			return next(t.requested, audit.ActionOperationNotObserved, audit.OutcomeFailed, last), true
		}
	}
	return audit.Record{}, false
}

var errNoSession = errors.New("no live session could look at the ticket")

func failedLook(last Detail, err error) Detail {
	last.Error = err.Error()
	if errors.Is(err, errNoSession) {
		last.Note = NoteNoSession
	}
	return last
}

func backoff(wait time.Duration, err error) time.Duration {
	wait = min(2*wait, maxBackoff)
	var upstream *coc.Error
	if errors.As(err, &upstream) && upstream.RetryAfter > wait {
		return min(upstream.RetryAfter, 10*maxBackoff)
	}
	return wait
}

// lookOnce reads the ticket with the requester's token or, when that has
// ended, with the token of somebody else who is signed in to the project.
func (s *Service) lookOnce(ctx context.Context, t *task) (verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	if t.caller.Token == "" {
		caller, err := s.findCaller(ctx, *t)
		if err != nil {
			return verdict{}, err
		}
		t.caller = caller
	}
	v, err := s.judge(ctx, *t)
	var upstream *coc.Error
	if errors.As(err, &upstream) && (upstream.SignInAgain() || upstream.Forbidden()) {
		t.caller, t.sessionKey = coc.Caller{}, "" // another token at the next look
	}
	return v, err
}

func (s *Service) findCaller(ctx context.Context, t task) (coc.Caller, error) {
	if t.sessionKey != "" {
		if c, err := s.Callers.Caller(ctx, t.sessionKey); err == nil {
			return c, nil
		}
	}
	c, err := s.Callers.AnyCaller(ctx, t.requested.Actor.ProjectID)
	if err != nil {
		return coc.Caller{}, errors.Join(errNoSession, err)
	}
	return c, nil
}

// verdict is what one look says about an operation.
type verdict struct {
	over     bool
	observed bool
	detail   Detail
}

func (v verdict) record(requested audit.Record) audit.Record {
	if v.observed {
		return next(requested, audit.ActionOperationObserved, audit.OutcomeSucceeded, v.detail)
	}
	return next(requested, audit.ActionOperationNotObserved, audit.OutcomeFailed, v.detail)
}

func seen(status string) verdict {
	return verdict{over: true, observed: true, detail: Detail{Status: status}}
}

// missed says that the effect can no longer be expected.
func missed(status string) verdict {
	return verdict{over: true, detail: Detail{Note: NoteEnded, Status: status}}
}

func notYet(status string) verdict { return verdict{detail: Detail{Status: status}} }

func (s *Service) judge(ctx context.Context, t task) (verdict, error) {
	if t.operation().Type == coc.CancelInstance {
		return s.judgeInstance(ctx, t)
	}
	now, err := s.Look(ctx, t.caller, t.ticket())
	if err != nil {
		return verdict{}, err
	}
	before, err := ParsePicture(t.requested.Seen)
	if err != nil { // only a damaged record can say this
		s.Logger.Warn("a record holds no picture", "sequence", t.requested.Sequence)
	}
	return judgeTicket(t.operation(), before, now), nil
}

// judgeTicket decides on the four operations that act on a batch or a ticket.
func judgeTicket(op coc.Operation, before Picture, now Situation) verdict {
	status := now.Ticket.Status
	over := status.Terminal()
	switch op.Type {
	case coc.PauseOrder:
		switch {
		case status == coc.TicketPaused:
			return seen(string(status))
		case over || status == coc.TicketAbnormal:
			return missed(string(status))
		}
	case coc.CancelOrder:
		switch {
		case status == coc.TicketCanceled:
			return seen(string(status))
		case over:
			return missed(string(status))
		}
	case coc.ContinueOrder:
		switch {
		case status == coc.TicketCanceled:
			return missed(string(status))
		case status != before.Status || now.Ticket.CurrentBatch > before.Batch:
			return seen(string(status))
		}
	case coc.SkipBatch:
		if !now.open(op.BatchIndex) && (over || now.Ticket.CurrentBatch > op.BatchIndex) {
			return seen(string(status))
		}
	}
	return notYet(string(status))
}

// judgeInstance checks that the chosen row, and no other, was cancelled.
func (s *Service) judgeInstance(ctx context.Context, t task) (verdict, error) {
	op, detail := t.operation(), ParseDetail(t.requested.Detail)
	now, err := s.Read(ctx, t.caller, t.ticket(), op, detail.Batch)
	if err != nil {
		return verdict{}, err
	}
	canceled, err := s.canceledRows(ctx, t.caller, t.ticket(), now.Statistics)
	if err != nil {
		return verdict{}, err
	}
	var v verdict
	switch status := now.Instance.Status; {
	case status == coc.InstanceCanceled:
		v = seen(string(status))
	case status.Terminal():
		v = missed(string(status))
	default:
		v = notYet(string(status))
	}
	v.detail.Others = others(canceled, detail.Canceled, op.InstanceID)
	if len(v.detail.Others) > 0 {
		v.detail.Note = NoteOtherInstance
	}
	return v, nil
}

// others returns the rows that were cancelled since, except the chosen one.
func others(now, before []int64, chosen int64) []int64 {
	return slices.DeleteFunc(slices.Clone(now), func(id int64) bool {
		return id == chosen || slices.Contains(before, id)
	})
}

// Resume takes up every operation in the log that has no end. One without an
// answer is first recorded as unknown: the process ended between sending it
// and writing the answer down. Where the log is shared, each waits until the
// console that sent it would have brought it to an end.
func (s *Service) Resume(ctx context.Context) error {
	if err := s.keys.purge(ctx, s.Now()); err != nil {
		s.Logger.Warn("old one-time keys are still there", "error", err)
	}
	open, err := s.Log.OpenOperations(ctx)
	if err != nil {
		return err
	}
	for _, records := range open {
		receipt, err := receiptOf("", records)
		if err != nil {
			s.Logger.Error("an open operation has no request in the log", "error", err)
			continue
		}
		s.takeUp(receipt.Requested)
	}
	return nil
}

func (s *Service) takeUp(requested audit.Record) {
	s.done.Go(func() {
		if s.Shared && !pause(s.ctx, requested.Time.Add(s.Deadline+2*lookTimeout).Sub(s.Now())) {
			return
		}
		if err := s.resumeOne(s.ctx, requested); err != nil && s.ctx.Err() == nil {
			s.Logger.Error("an open operation could not be taken up", "operation", requested.OperationID, "error", err)
		}
	})
}

func (s *Service) resumeOne(ctx context.Context, requested audit.Record) error {
	receipt, err := s.Receipt(ctx, requested.OperationID)
	if err != nil || !receipt.Open() {
		return err
	}
	if receipt.Answer == nil {
		lost := next(requested, audit.ActionOperationUnknown, audit.OutcomeUnknown, Detail{Note: NoteProcessEnded})
		if _, err := s.Log.Append(ctx, lost); err != nil {
			return err
		}
	}
	session, err := s.keys.session(ctx, requested.OperationID)
	if err != nil {
		return err
	}
	s.watch(task{requested: requested, sessionKey: session})
	return nil
}
