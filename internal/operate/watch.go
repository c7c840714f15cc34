package operate

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"coc-console/audit"
	"coc-console/internal/coc"
)

// firstLook is the wait before the first look at a ticket after an operation;
// later looks are further apart, up to Config.Poll.
const firstLook = 300 * time.Millisecond

// maxBackoff bounds the wait between looks when COC is throttling or down.
const maxBackoff = 30 * time.Second

// maxRetryAfter bounds what COC may ask for when it is throttling.
const maxRetryAfter = 5 * time.Minute

// lookTimeout bounds one look, which may be several calls.
const lookTimeout = 30 * time.Second

// maxLooks bounds the looks at the same time: after a restart there may be
// many operations to take up.
const maxLooks = 8

// strangeLooks is after how many looks in a row the wrong instance is reported:
// the chosen one may still follow, but whoever has hit another should hear of
// it before the deadline.
const strangeLooks = 3

// task is one operation whose effect is watched for.
type task struct {
	requested  audit.Record
	caller     coc.Caller // zero after a restart
	sessionKey string
	since      time.Time   // the deadline counts from here
	began      time.Time   // what was read before shows nothing of the effect
	refused    []coc.Token // COC does not take these
}

func (t task) operation() coc.Operation {
	return coc.Operation{Type: coc.OperationType(t.requested.OperationType),
		BatchIndex: t.requested.BatchIndex, InstanceID: t.requested.InstanceID}
}

func (t task) ticket() coc.ExecuteUUID { return coc.ExecuteUUID(t.requested.Ticket) }

// watch looks at the ticket in the background until the operation has an end.
func (s *Service) watch(t task) {
	if s.ctx.Err() != nil {
		return // taken up at the next start, or by another console
	}
	t.since, t.began = s.Now(), time.Now()
	id := t.requested.OperationID
	ctx, lost := context.WithCancel(s.ctx)
	started := s.background(func() {
		defer lost()
		if !s.owners.keep(id, lost) {
			s.offerUp(ctx, id)
			return
		}
		if end, ok := s.await(ctx, t); ok {
			s.finish(ctx, end)
		}
	})
	if !started {
		lost()
	}
}

// finish writes an operation's end, unless another console has taken it up.
func (s *Service) finish(ctx context.Context, end audit.Record) {
	for {
		held, err := s.owners.holds(ctx, end.OperationID)
		switch {
		case err == nil && held:
			// The error is logged and the record tried again by write.
			if s.write(s.ctx, end) == nil {
				s.letGo(s.ctx, end.OperationID)
			}
			return
		case err == nil || !pause(ctx, s.Poll):
			return
		}
	}
}

// await returns the end of an operation; false when the service stops first.
func (s *Service) await(ctx context.Context, t task) (audit.Record, bool) {
	last, strange := Detail{Note: NoteDeadline}, 0
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
			last, wait = verdict.detail, min(2*wait, s.Poll)
			if last.Note == "" {
				last.Note, strange = NoteDeadline, -1
			}
			strange++
		}
		if s.Now().Sub(t.since) >= s.Deadline || strange >= strangeLooks {
			return next(t.requested, audit.ActionOperationNotObserved, audit.OutcomeFailed, last), true
		}
	}
	return audit.Record{}, false
}

var errNoSession = errors.New("no live session could look at the ticket")

// failedLook is what is known after a look that failed: what the last good one
// saw, and why there is nothing newer.
func failedLook(last Detail, err error) Detail {
	last.Error = err.Error()
	switch {
	case len(last.Others) > 0: // the warning stays
	case errors.Is(err, errNoSession):
		last.Note = NoteNoSession
	default:
		last.Note = NoteDeadline
	}
	return last
}

func backoff(wait time.Duration, err error) time.Duration {
	wait = min(2*wait, maxBackoff)
	var upstream *coc.Error
	if errors.As(err, &upstream) && upstream.RetryAfter > wait {
		return min(upstream.RetryAfter, maxRetryAfter)
	}
	return wait
}

// lookOnce reads the ticket with the requester's token or, when that has
// ended, with the token of somebody else who is signed in to the project.
func (s *Service) lookOnce(ctx context.Context, t *task) (verdict, error) {
	select {
	case s.looks <- struct{}{}:
		defer func() { <-s.looks }()
	case <-ctx.Done():
		return verdict{}, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	if t.caller.Token.Empty() {
		caller, err := s.findCaller(ctx, *t)
		if err != nil {
			return verdict{}, err
		}
		t.caller = caller
	}
	v, err := s.judge(ctx, *t)
	var upstream *coc.Error
	if errors.As(err, &upstream) && (upstream.SignInAgain() || upstream.Forbidden()) {
		// Another token at the next look.
		t.refused, t.caller, t.sessionKey = append(t.refused, t.caller.Token), coc.Caller{}, ""
	}
	return v, err
}

func (s *Service) findCaller(ctx context.Context, t task) (coc.Caller, error) {
	if t.sessionKey != "" {
		if c, err := s.Callers.Caller(ctx, t.sessionKey); err == nil {
			return c, nil
		}
	}
	c, err := s.Callers.AnyCaller(ctx, t.requested.Actor.ProjectID, t.refused...)
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
	now, err := s.sourceOf(t, ParseDetail(t.requested.Detail)).look(ctx)
	if err != nil {
		return verdict{}, err
	}
	before, err := ParsePicture(t.requested.Seen)
	if err != nil { // only a damaged record can say this
		return verdict{}, err
	}
	v := judgeTicket(t.operation(), before, now)
	if v.over { // the three calls of a look are not one moment: the ticket may be older than what it is judged by
		if now.Ticket, err = s.Client.Ticket(ctx, t.caller, t.ticket()); err != nil {
			return verdict{}, err
		}
		v = judgeTicket(t.operation(), before, now)
	}
	return v, nil
}

// sourceOf is where the looks of a task come from. The items of a job share
// them.
func (s *Service) sourceOf(t task, d Detail) source {
	if d.Job == "" {
		return s.direct(t.caller, t.ticket())
	}
	notBefore := time.Now().Add(-sharedFor)
	if t.began.After(notBefore) {
		notBefore = t.began
	}
	return s.shared(t.sessionKey, t.caller, t.ticket(), notBefore)
}

// judgeTicket decides on the four operations that act on a batch or a ticket.
func judgeTicket(op coc.Operation, before Picture, now Situation) verdict {
	status := now.Ticket.Status
	judge := notYet
	switch op.Type {
	case coc.PauseOrder:
		judge = byState(status == coc.TicketPaused, status.Terminal() || status == coc.TicketAbnormal)
	case coc.CancelOrder:
		judge = byState(status == coc.TicketCanceled, status.Terminal())
	case coc.ContinueOrder:
		judge = byState(wentOn(before, now), status.Terminal())
	case coc.SkipBatch:
		judge = byState(skipped(op.BatchIndex, now), status.Terminal())
	default: // CANCEL_INSTANCE has a judge of its own
	}
	return judge(string(status))
}

// byState picks the verdict: the effect is there, or it cannot come any more,
// or it may still come.
func byState(effect, over bool) func(status string) verdict {
	switch {
	case effect:
		return seen
	case over:
		return missed
	default:
		return notYet
	}
}

// wentOn reports whether a ticket at rest has been continued. That its state
// changed is not enough: the scripts of a paused ticket run to their end
// (docs/coc-api.md section 8.2), which can leave it abnormal or finished all by
// itself, and somebody else may cancel it.
func wentOn(before Picture, now Situation) bool {
	status := now.Ticket.Status
	started := before.Ready-now.Statistics.Count(coc.InstanceReady) >
		now.Statistics.Count(coc.InstanceCanceled)-before.Canceled
	switch {
	case status == coc.TicketProcessing, now.Ticket.CurrentBatch > before.Batch, started:
		return true
	case status == before.Status, status == coc.TicketCanceled:
		return false
	default:
		return before.Status == coc.TicketAbnormal || before.Running == 0
	}
}

// skipped reports whether a batch was left behind. A ticket that somebody
// cancels meanwhile leaves none behind, unless the batch is its last one: then
// the end of the ticket is what skipping brings.
func skipped(batch int32, now Situation) bool {
	switch {
	case now.Open(batch):
		return false
	case now.Ticket.CurrentBatch > batch:
		return true
	case now.Ticket.Status == coc.TicketCanceled:
		return !now.has(batch + 1)
	default:
		return now.Ticket.Status.Terminal()
	}
}

// judgeInstance checks that the chosen row, and no other, was cancelled.
func (s *Service) judgeInstance(ctx context.Context, t task) (verdict, error) {
	op, detail := t.operation(), ParseDetail(t.requested.Detail)
	from := s.sourceOf(t, detail)
	now, err := read(ctx, from, op, detail.Batch)
	if err != nil {
		return verdict{}, err
	}
	status := now.Instance.Status
	if status.Terminal() { // this look is the last: the counts must not be older than the row
		if now.Statistics, err = s.Client.Statistics(ctx, t.caller, t.ticket()); err != nil {
			return verdict{}, err
		}
	}
	canceled, err := canceledRows(ctx, from, now.Statistics)
	if err != nil {
		return verdict{}, err
	}
	v := byState(status == coc.InstanceCanceled, status.Terminal())(string(status))
	delete(canceled, op.InstanceID)
	for _, id := range detail.Canceled {
		delete(canceled, id)
	}
	if v.detail.Others, err = s.unexplained(ctx, t, canceled); err != nil {
		return verdict{}, err
	}
	if len(v.detail.Others) > 0 {
		v.detail.Note = NoteOtherInstance
	}
	return v, nil
}

// unexplained returns those of the cancelled rows, each with its batch, that
// nothing known accounts for: neither the end of the ticket as a whole nor
// another operation of this console.
func (s *Service) unexplained(ctx context.Context, t task, rows map[int64]int32) ([]int64, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	ticket, err := s.Client.Ticket(ctx, t.caller, t.ticket()) // newer than the rows
	if err != nil || ticket.Status == coc.TicketCanceled {
		return nil, err
	}
	others, err := s.otherRequests(ctx, t)
	if err != nil {
		return nil, err
	}
	for _, r := range others {
		maps.DeleteFunc(rows, func(id int64, batch int32) bool {
			return r.OperationType == string(coc.CancelOrder) || r.InstanceID == id ||
				r.OperationType == string(coc.SkipBatch) && r.BatchIndex == batch
		})
	}
	return slices.Sorted(maps.Keys(rows)), nil
}

// otherRequests returns the requests of other operations on the ticket whose
// effects can fall into the time of this one, without those that COC refused.
func (s *Service) otherRequests(ctx context.Context, t task) (map[string]audit.Record, error) {
	page, err := s.Log.Search(ctx, audit.Query{Ticket: t.requested.Ticket, Action: "operation.",
		From: t.requested.Time.Add(-s.Deadline), Limit: audit.MaxLimit, Visible: audit.Visibility{All: true}})
	if err != nil {
		return nil, err
	}
	requests := map[string]audit.Record{}
	for _, r := range slices.Backward(page.Records) { // oldest first
		if r.Action == audit.ActionOperationRejected {
			delete(requests, r.OperationID)
		} else if r.OperationID != t.requested.OperationID {
			requests[r.OperationID] = r
		}
	}
	return requests, nil
}

// Resume takes up every operation in the log that has no end. One without an
// answer is first recorded as unknown: the process ended between sending it
// and writing the answer down. The deadline counts anew, since nobody looked
// meanwhile. Where the log is shared, each waits until the console that has it
// gives no sign of life any more, and one console takes it up.
func (s *Service) Resume(ctx context.Context) error {
	if err := s.keys.purge(ctx, s.Now()); err != nil {
		s.Logger.Warn("old one-time keys are still there", "error", err)
	}
	if err := s.resumeJobs(ctx); err != nil {
		return err
	}
	s.background(s.tend)
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
		id := receipt.Requested.OperationID
		if s.Shared {
			s.offerUp(ctx, id)
			continue
		}
		s.background(func() { s.takeUp(s.ctx, id) })
	}
	return nil
}

// standBy gives signs of life while this console has operations, and takes up
// those of consoles that give none.
func (s *Service) standBy() {
	signs, failing := map[string]sign{}, false
	for pause(s.ctx, s.Beat) {
		err := s.owners.beat(s.ctx)
		if err == nil {
			err = s.takeOver(s.ctx, signs)
		}
		if err != nil && !failing && s.ctx.Err() == nil { // once, not at every beat
			s.Logger.Error("other consoles cannot tell whether this one lives", "error", err)
		}
		failing = err != nil
	}
}

func (s *Service) takeOver(ctx context.Context, signs map[string]sign) error {
	gone, err := s.owners.look(ctx, signs)
	if err != nil {
		return err
	}
	for _, id := range gone {
		mine, err := s.owners.inherit(ctx, id, signs[id])
		if err != nil {
			return err
		}
		if mine {
			s.Logger.Warn("an operation is taken up that another console has left", "operation", id)
			s.background(func() { s.takeUp(s.ctx, id) })
		}
	}
	return nil
}

// takeUp brings an operation to its end that another process has begun.
func (s *Service) takeUp(ctx context.Context, id string) {
	for {
		err := s.resumeOne(ctx, id)
		if err == nil || ctx.Err() != nil {
			return
		}
		s.Logger.Error("an open operation could not be taken up yet", "operation", id, "error", err)
		if !pause(ctx, maxBackoff) {
			return
		}
	}
}

func (s *Service) resumeOne(ctx context.Context, id string) error {
	if job, ok := strings.CutPrefix(id, jobOwner); ok {
		s.run(job)
		return nil
	}
	if approval, ok := strings.CutPrefix(id, approvalOwner); ok {
		err := s.resumeApproval(ctx, approval)
		if err == nil {
			s.letGo(ctx, id)
		}
		return err
	}
	receipt, err := s.Receipt(ctx, id)
	if errors.Is(err, audit.ErrNotFound) || err == nil && !receipt.Open() {
		s.letGo(ctx, id) // nothing was sent, or its end is there
		return nil
	}
	if err != nil {
		return err
	}
	session, err := s.keys.session(ctx, id)
	if err != nil {
		return err
	}
	if receipt.Answer == nil {
		lost := next(receipt.Requested, audit.ActionOperationUnknown, audit.OutcomeUnknown, Detail{Note: NoteProcessEnded})
		_ = s.write(ctx, lost) // logged, and tried again, there
	}
	s.watch(task{requested: receipt.Requested, sessionKey: session})
	return nil
}

// letGo and offerUp are leave and offer of owners; what fails is made good by
// the console that next looks after the operation.
func (s *Service) letGo(ctx context.Context, id string)   { s.noted(s.owners.leave(ctx, id)) }
func (s *Service) offerUp(ctx context.Context, id string) { s.noted(s.owners.offer(ctx, id)) }

func (s *Service) noted(err error) {
	if err != nil && s.ctx.Err() == nil {
		s.Logger.Warn("who has an operation could not be written down", "error", err)
	}
}
