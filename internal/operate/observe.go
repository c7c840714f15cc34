package operate

import (
	"cmp"
	"context"
	"errors"
	"time"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/huawei"
	"coc-console/internal/memory"
	"coc-console/internal/reading"
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

// viewPatience bounds the wait for a live view of the ticket before a look.
const viewPatience = 1500 * time.Millisecond

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
	caller     coc.Caller // of the look under way
	sessionKey string
	since      time.Time           // the deadline counts from here
	began      time.Time           // what was read before shows nothing of the effect
	looked     time.Time           // the look before
	refused    []huawei.Credential // COC does not take these
	uncertain  bool                // COC did not say whether it took the operation
}

func (t task) operation() coc.Operation { return memory.OperationOf(t.requested) }

func (t task) ticket() coc.ExecuteUUID { return coc.ExecuteUUID(t.requested.Ticket) }

// watch looks at the ticket in the background until the operation has an end.
func (s *Service) watch(t task) {
	if s.ctx.Err() != nil {
		return // taken up at the next start, or by another console
	}
	t.since, t.began = s.now(), time.Now()
	id := t.requested.OperationID
	s.Background(func(ctx context.Context) {
		mine, lost := context.WithCancel(ctx)
		defer lost()
		if !s.leases.OnLoss(id, lost) {
			s.offer(mine, id)
			return
		}
		if end, ok := s.await(mine, t); ok {
			s.finish(mine, end)
		}
	})
}

// finish writes an operation's end, unless another console has taken it up.
func (s *Service) finish(ctx context.Context, end audit.Record) {
	for {
		held, err := s.leases.Held(ctx, end.OperationID)
		if err == nil {
			if held && s.write(s.ctx, end) == nil { // write logs an error, and tries again
				s.marks.Add(s.memory.End())
				s.release(s.ctx, end.OperationID)
			}
			return
		}
		s.logger.Warn("lease of an operation not read", "operation", end.OperationID, "error", err)
		if !Pause(ctx, s.poll) {
			return
		}
	}
}

// await returns the end of an operation; false when the service stops first.
func (s *Service) await(ctx context.Context, t task) (audit.Record, bool) {
	last, strange, asOf := Detail{Note: NoteDeadline}, 0, t.since
	defer s.setWatched(context.WithoutCancel(ctx), t.requested.OperationID, true)
	for wait := min(firstLook, s.poll); Pause(ctx, wait); {
		verdict, err := s.lookOnce(ctx, &t)
		blind := errors.Is(err, ErrNobodyLooks)
		s.setWatched(ctx, t.requested.OperationID, !blind)
		now := s.now()
		if blind { // time in which nobody could look does not count
			t.since = t.since.Add(now.Sub(asOf))
		}
		asOf = now
		switch {
		case ctx.Err() != nil:
			return audit.Record{}, false
		case blind:
			wait = s.poll
		case err != nil:
			s.logger.Warn("look after an operation failed", "operation", t.requested.OperationID, "error", err)
			last = failedLook(last, err)
			wait = backoff(wait, err)
		case verdict.over:
			if verdict.observed && t.uncertain {
				verdict.detail.Note = cmp.Or(verdict.detail.Note, NoteUnattributed)
			}
			return verdict.record(t.requested), true
		default:
			last, wait = verdict.detail, min(2*wait, s.poll)
			if last.Note == "" {
				last.Note, strange = NoteDeadline, -1
			}
			strange++
		}
		if s.now().Sub(t.since) >= s.deadline || strange >= strangeLooks {
			return next(t.requested, audit.ActionOperationNotObserved, audit.OutcomeFailed, last), true
		}
	}
	return audit.Record{}, false
}

// DefaultRecheck is longer than effects of COC take.
const DefaultRecheck = 5 * time.Second

// lookAfterRefusal looks at the ticket a moment after a refusal that may not be
// the whole truth; where that was before an effect had to show, once more then.
// A record is written only if the effect shows: the refusal itself is in the log
// already. What ends the process first ends the look.
func (s *Service) lookAfterRefusal(t task, refusal *coc.Error) {
	t.began = time.Now()
	s.Background(func(ctx context.Context) {
		first := max(s.poll, min(refusal.RetryAfter, maxRetryAfter))
		if s.effectShows(ctx, &t, first) || first >= s.recheck {
			return
		}
		s.effectShows(ctx, &t, s.recheck-first)
	})
}

// effectShows looks once, after a while, and writes down the effect of what was
// refused if it is there.
func (s *Service) effectShows(ctx context.Context, t *task, after time.Duration) bool {
	if !Pause(ctx, after) {
		return false
	}
	verdict, err := s.lookOnce(ctx, t)
	switch {
	case err != nil && ctx.Err() == nil:
		s.logger.Warn("look after a refused operation failed", "operation", t.requested.OperationID, "error", err)
	case err == nil && verdict.observed:
		verdict.detail.Note = cmp.Or(verdict.detail.Note, NoteAfterRefusal)
		_ = s.write(ctx, verdict.record(t.requested)) // logged, and tried again, there
		return true
	}
	return false
}

// failedLook is what is known after a look that failed: what the last good one
// saw, and why there is nothing newer.
func failedLook(last Detail, err error) Detail {
	last.Error = err.Error()
	if len(last.Others) == 0 { // else the warning stays
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
// ended, with the token of somebody who looks at the ticket, or the service
// identity's.
func (s *Service) lookOnce(ctx context.Context, t *task) (verdict, error) {
	if v, told := s.judgeView(ctx, *t); told {
		t.looked = time.Now()
		return v, nil
	}
	select {
	case s.looks <- struct{}{}:
		defer func() { <-s.looks }()
	case <-ctx.Done():
		return verdict{}, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	var err error
	if t.caller, err = s.findCaller(ctx, *t); err != nil {
		return verdict{}, err
	}
	v, err := s.judgeEffect(ctx, *t)
	t.looked = time.Now()
	var upstream *coc.Error
	if errors.As(err, &upstream) && (upstream.SignInAgain() || upstream.Forbidden()) {
		// Another token at the next look.
		t.refused, t.sessionKey = append(t.refused, t.caller.Credential), ""
	}
	return v, err
}

func (s *Service) findCaller(ctx context.Context, t task) (coc.Caller, error) {
	if t.sessionKey != "" {
		if c, err := s.callers.Caller(ctx, t.sessionKey); err == nil || !errors.Is(err, coc.ErrNoCaller) {
			return c, err // a store that fails is no reason to use another one's token
		}
	}
	return s.callers.ViewerCaller(ctx, t.ticket(), t.requested.Actor, t.refused...)
}

// notBefore is when what a look takes may have begun: after COC's answer and, but
// for the items of a bulk operation, after the look before.
func (t task) notBefore() time.Time {
	notBefore := time.Now().Add(-reading.SharedFor)
	if t.began.After(notBefore) {
		notBefore = t.began
	}
	if t.looked.After(notBefore) && ParseDetail(t.requested.Detail).Job == "" {
		notBefore = t.looked
	}
	return notBefore
}

// sourceOf is where the looks of a task come from, which those of one session
// share.
func (s *Service) sourceOf(ctx context.Context, t task) *reading.Source {
	of := t.requested.Actor
	return s.reads.Source(ctx, t.caller, t.ticket(), reading.Terms{
		Scope: cmp.Or(t.sessionKey, of.AccountID+"/"+of.ProjectID), NotBefore: t.notBefore()})
}
