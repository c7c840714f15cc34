package operate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/memory"
	"coc-console/internal/reading"
	"coc-console/internal/store"
)

// Apply takes one operation from the form to COC's answer and returns the
// operation's id, which is its key. The same key again returns the same id and
// sends nothing. Once *requested* is in the log an error is returned only when
// COC wants a new sign-in; every other answer is in the log under the id, and
// the effect is watched for in the background.
func (s *Service) Apply(ctx context.Context, r Request) (string, error) {
	if err := r.Validate(); err != nil {
		return "", err
	}
	if known, err := s.knownAs(ctx, r); known || err != nil {
		return r.Key, err
	}
	s.marks.Add(s.memory.End())
	if s.Unwritten() {
		return "", ErrUnwritten
	}
	if err := s.precheck(ctx, r); err != nil {
		return "", err
	}
	s.client.Prepare()
	j, err := s.judge(ctx, r)
	if denied, ok := errors.AsType[*PolicyError](err); ok {
		s.recordDenial(ctx, r, denied)
		return "", err
	}
	if err != nil {
		return s.unlessKnown(ctx, r.Key, err)
	}
	return s.claimAndSend(ctx, r, j)
}

// judged is a reading on which an operation is allowed.
type judged struct {
	now      Reading
	allowed  permit
	canceled map[int64]int32 // instances that are cancelled already
	since    int64           // the sequence of the log when it was begun, or an earlier one
}

// judge reads what a request acts on, and asks whether it is what was seen, fits,
// and is allowed. A reading of somebody else's refuses nothing, and allows only
// while it is new and nothing was requested on the target since: then the ticket is
// read again.
func (s *Service) judge(ctx context.Context, r Request) (judged, error) {
	since := s.memory.End()
	from := s.sourceFor(ctx, r)
	j, err := s.judgeBy(ctx, from, r)
	if j.since = since; r.Bulk != nil || !from.Borrowed() {
		return j, err
	}
	began := from.Oldest()
	then, known := s.marks.At(began)
	if err == nil && known && time.Since(began) <= reading.SharedFor &&
		len(s.memory.OthersOn(string(r.Ticket), memory.TargetKey(r.Operation), r.Key, then)) == 0 {
		j.since = then
		return j, nil
	}
	since = s.memory.End()
	j, err = s.judgeBy(ctx, s.reads.Source(ctx, r.Caller, r.Ticket, reading.Terms{Scope: r.SessionKey}), r)
	j.since = since
	return j, err
}

func (s *Service) judgeBy(ctx context.Context, from *reading.Source, r Request) (j judged, err error) {
	if j.now, err = read(ctx, from, r.Operation, r.BatchHint); err != nil {
		return j, err
	}
	if err = r.compare(j.now); err == nil {
		j.allowed, err = s.authorize(r, j.now)
	}
	if err != nil && j.now.Batches == nil { // a page says why, with the batches
		if j.now.Batches, err = from.Batches(ctx); err != nil {
			return j, err
		}
		if err = r.compare(j.now); err == nil {
			j.allowed, err = s.authorize(r, j.now)
		}
	}
	if err != nil {
		return j, err
	}
	j.canceled, err = canceledBefore(ctx, from, r.Operation, j.now)
	return j, err
}

// precheck checks what comes before any reading: that the log tells what a stored
// row claims, and that nothing on the same target is pending. Items of a bulk
// operation ask only when they claim it: it was planned on what was pending.
func (s *Service) precheck(ctx context.Context, r Request) error {
	if err := s.proven(ctx, r); err != nil || r.Bulk != nil {
		return err
	}
	return s.checkPending(ctx, r)
}

// compare refuses what no longer fits, and what is no longer what was seen.
// The change comes first: it explains the refusal.
func (r Request) compare(now Reading) error {
	seen, err := ParseSnapshot(r.Expected)
	if err != nil {
		return ErrBadSnapshot
	}
	if changes := seen.Changes(now.Snapshot(), r.Operation.Type); Stale(changes) {
		return &StaleError{Changes: changes, Now: now}
	}
	if why := now.Check(r.Operation); why != Fits {
		return &RefusedError{Why: why, Now: now}
	}
	return nil
}

// Inspect takes a request as far as Apply does before the rules are asked, and
// returns the reading that they are to be asked about. An operation that has
// been sent is ErrKeySpent.
func (s *Service) Inspect(ctx context.Context, r Request) (Reading, error) {
	known, err := s.knownAs(ctx, r)
	if err != nil {
		return Reading{}, err
	}
	if known {
		return Reading{}, ErrKeySpent
	}
	if err := s.checkPending(ctx, r); err != nil {
		return Reading{}, err
	}
	now, err := s.ReadFor(ctx, r)
	if err != nil {
		return now, err
	}
	return now, r.compare(now)
}

// claimAndSend claims the key, so that of all forms with it exactly one goes on.
func (s *Service) claimAndSend(ctx context.Context, r Request, j judged) (string, error) {
	end, ok := s.begin()
	if !ok {
		return "", audit.ErrClosed
	}
	defer end()
	over, first := s.enter(r.Key)
	if !first {
		return s.follow(ctx, r.Key, over)
	}
	defer s.leave(r.Key)
	if err := ctx.Err(); err != nil {
		return "", err
	}
	// From here on the person may close the browser: no claim is left behind,
	// and the answer is recorded.
	asked, ctx := ctx, context.WithoutCancel(ctx)
	claimed := s.now()
	switch err := s.claim(ctx, r, j.now, j.since, claimed); {
	case errors.Is(err, store.ErrClaimed):
		return s.followElsewhere(asked, r.Key)
	case isRefusal(err):
		return "", err
	case err != nil:
		return "", s.log.Refusal(err)
	}
	receipt, err := s.request(ctx, r, j)
	if err != nil {
		s.withdraw(ctx, r.Key, err)
		return r.Key, err
	}
	return r.Key, s.send(ctx, r, receipt, claimed)
}

// request makes *requested* durable in the log, after the override where the
// operation needs one.
func (s *Service) request(ctx context.Context, r Request, j judged) (audit.Receipt, error) {
	requesting := requestedRecord(r, j.now, j.canceled)
	requesting.Detail = j.allowed.mark(r, ParseDetail(requesting.Detail)).String()
	requesting.Input = j.allowed.decision.Input()
	if err := s.recordOverride(ctx, j.allowed, requesting); err != nil {
		return audit.Receipt{}, err
	}
	receipt, err := s.log.Request(ctx, requesting)
	if err != nil {
		return receipt, fmt.Errorf("record the request of operation %s on ticket %s: %w", r.Key, r.Ticket, err)
	}
	return receipt, nil
}

// send sends the PUT once, writes the answer, and watches for the effect.
func (s *Service) send(ctx context.Context, r Request, receipt audit.Receipt, claimed time.Time) error {
	requested := receipt.Record()
	switch first, err := s.memory.IsFirst(ctx, requested); {
	case err != nil: // the log cannot say
		s.notSent(ctx, requested, err)
		return nil
	case !first:
		s.ReportForged(ctx, "deleted", "one_time_key", requested.OperationID)
		return nil
	}
	s.observe(requested)
	started := s.now()
	if started.Sub(claimed) > ClaimLife { // others take the key for spent
		s.notSent(ctx, requested, errors.New("the log took too long"))
		return nil
	}
	s.reads.Change(r.Ticket, r.Operation)
	reply, err := s.client.Operate(ctx, r.Caller, receipt, r.Ticket, r.Operation)
	s.reads.Change(r.Ticket, r.Operation)
	answer := answerRecord(requested, reply, err)
	answer.Duration = s.now().Sub(started)
	// That the log did not take the answer is no error of this request: it was
	// sent, and its receipt says what is known. Unwritten tells.
	unwritten := s.write(ctx, answer)
	if answer.Action != audit.ActionOperationRejected {
		s.watch(task{requested: requested, sessionKey: r.SessionKey,
			uncertain: answer.Action == audit.ActionOperationUnknown})
	} else if unwritten == nil {
		s.release(ctx, r.Key)
	}
	return s.refusal(r, requested, err)
}

// refusal looks after what COC answered instead of taking the operation. It is
// an error of the request only where COC wants a new sign-in.
func (s *Service) refusal(r Request, requested audit.Record, err error) error {
	upstream, ok := errors.AsType[*coc.Error](err)
	if !ok {
		return nil
	}
	if upstream.Doubtful() {
		s.lookAfterRefusal(task{requested: requested, sessionKey: r.SessionKey}, upstream)
	}
	r.Bulk.refused(upstream)
	if upstream.SignInAgain() {
		return upstream
	}
	return nil
}
