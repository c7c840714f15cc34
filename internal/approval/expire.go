package approval

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"coc-console/audit"
	"coc-console/internal/operate"
	"coc-console/internal/store"
)

// maintainEvery is how often requests that have expired are looked for.
const maintainEvery = 10 * time.Second

// left is what an earlier process has left: requests whose operation may not have been sent, and the states of which
// the log may have no record, by their ids. What this process has begun is none of it.
type left struct {
	underWay map[string]bool
	unlogged map[string]State
}

// Mark notes what an earlier process has left, for Resume. It comes before this process changes any request.
func (s *Service) Mark(ctx context.Context) error {
	underWay, err := s.rows.UnderWay(ctx)
	if err != nil {
		return fmt.Errorf("read approvals that are under way: %w", err)
	}
	unlogged, err := s.rows.Unlogged(ctx)
	if err != nil {
		return fmt.Errorf("read approvals without their record: %w", err)
	}
	s.left = &left{map[string]bool{}, map[string]State{}}
	for _, r := range underWay {
		s.left.underWay[r.ID] = true
	}
	for _, r := range unlogged {
		s.left.unlogged[r.ID] = State(r.State)
	}
	return nil
}

// Resume takes up the approvals that a process's end cut off, and looks after
// all requests from now on. What was cut off is what Mark noted, or what is there
// now.
func (s *Service) Resume(ctx context.Context) error {
	if s.left == nil {
		if err := s.Mark(ctx); err != nil {
			return err
		}
	}
	cut := *s.left
	s.left = nil
	if err := s.Purge(ctx); err != nil {
		s.logger.Warn("old approvals not deleted", "error", err)
	}
	s.operations.Background(func(ctx context.Context) { s.maintain(ctx, cut) })
	return nil
}

// maintain ends requests that have expired, and completes what a console has left.
func (s *Service) maintain(ctx context.Context, cut left) {
	unlogged := map[string]State{}
	for {
		err := errors.Join(s.bringOn(ctx, cut), s.completeLog(ctx, cut, unlogged))
		if err != nil && ctx.Err() == nil {
			s.logger.Error("approvals not brought on", "error", err)
		}
		if err == nil {
			cut = left{}
		}
		if !operate.Pause(ctx, maintainEvery) {
			return
		}
	}
}

// bringOn ends what has expired and carries out what was approved when a
// process ended: at the start or, where the database is shared, once the
// console that had it gives no sign of life.
func (s *Service) bringOn(ctx context.Context, cut left) error {
	open, err := s.List(ctx, Filter{Open: true, Limit: store.Unlimited})
	if err != nil {
		return err
	}
	var failed []error
	for _, a := range open {
		switch {
		case a.Doubtful:
			err = s.reject(ctx, a)
		case a.State == Waiting && !s.now().Before(a.Expires),
			a.State == Granted && !a.underWay() && !s.now().Before(a.Expires.Add(Lifetime)):
			err = s.expire(ctx, a.ID)
		case a.underWay() && s.leases.Shared():
			err = s.leases.Offer(ctx, leaseOf(a.ID))
		case a.underWay() && cut.underWay[a.ID]:
			err = s.resume(ctx, a.ID)
		default:
			continue
		}
		if err != nil && !errors.Is(err, ErrDecided) {
			failed = append(failed, fmt.Errorf("bring approval %s on: %w", a.ID, err))
		}
	}
	return errors.Join(failed...)
}

// expire ends a request whose time is over, unless the log knows better.
func (s *Service) expire(ctx context.Context, id string) error {
	a, err := s.current(ctx, id)
	if err != nil || !a.State.Open() {
		return err
	}
	return s.end(ctx, a, Expired, audit.Actor{}, audit.Origin{})
}

// reject ends a request whose row is not authentic, without a record in
// anybody's name.
func (s *Service) reject(ctx context.Context, a Request) error {
	return s.rows.Reject(ctx, a.ID, string(s.operations.ReportForged(ctx, a.row.MAC, "approval", a.ID)))
}

// completeLog writes the records that the end of a process cut off. Others may
// be about to be written: they count once they were without one a round before, too.
func (s *Service) completeLog(ctx context.Context, cut left, before map[string]State) error {
	found, err := requestsOf(s.rows.Unlogged(ctx))
	if err != nil {
		return err
	}
	was := maps.Clone(before)
	clear(before)
	var failed []error
	for _, a := range found {
		if a.Doubtful { // no record is written from it
			failed = append(failed, s.skipLog(ctx, a))
			continue
		}
		alone := !s.leases.Shared() && cut.unlogged[a.ID] == a.State
		if seen, twice := was[a.ID]; !alone && (!twice || seen != a.State) {
			before[a.ID] = a.State
			continue
		}
		failed = append(failed, s.complete(ctx, a))
	}
	return errors.Join(failed...)
}

// skipLog keeps a row that is not authentic out of what has to be logged.
func (s *Service) skipLog(ctx context.Context, a Request) error {
	if a.State.Open() {
		return s.reject(ctx, a)
	}
	s.operations.ReportForged(ctx, a.row.MAC, "approval", a.ID)
	return s.rows.SkipLog(ctx, a.ID)
}

// complete writes the record of a request's state unless the log has it. a is
// authentic: a console has decided so.
func (s *Service) complete(ctx context.Context, a Request) error {
	records, err := s.index.Operation(ctx, a.ID)
	if err != nil {
		return fmt.Errorf("read approval %s of ticket %s from the log: %w", a.ID, a.Ticket, err)
	}
	if err := s.completeGiven(ctx, a, records); err != nil {
		return err
	}
	action := recorded[a.State]
	if slices.ContainsFunc(records, func(r audit.Record) bool { return r.Action == action }) {
		return s.rows.SetLogged(ctx, a.ID, string(a.State))
	}
	who := a.Decider
	switch a.State {
	case Waiting, Withdrawn:
		who = a.Requester
	case Expired, Returned:
		who = audit.Actor{}
	case Granted, Refused, Sent: // the decider's
	}
	return s.record(ctx, a, who, audit.Origin{})
}

// takeOver resumes an approval that another console has left.
func (s *Service) takeOver(ctx context.Context, id string) error {
	if err := s.resume(ctx, id); err != nil {
		return err
	}
	s.release(ctx, id)
	return nil
}

// resume completes an answer that the end of a process cut off: its record, if
// the log does not have it, and then the operation.
func (s *Service) resume(ctx context.Context, id string) error {
	a, err := s.current(ctx, id)
	switch {
	case errors.Is(err, audit.ErrNotFound), err == nil && !a.underWay():
		return nil
	case errors.Is(err, operate.ErrNotAuthentic):
		return s.reject(ctx, a)
	case err != nil:
		return err
	case !s.now().Before(a.Expires.Add(Lifetime)): // nobody expects it to be sent any more
		_, err = s.setNote(ctx, a, Returned, operate.NoteNotSent, "")
		return err
	}
	if err := s.complete(ctx, a); err != nil {
		return err
	}
	_, err = s.carryOut(ctx, a, nil)
	return err
}

// kept is how long requests that have ended are kept beside the log, which
// keeps their records for ever.
const kept = 90 * 24 * time.Hour

// Purge deletes requests three months after they were made, once they have
// ended and the log has it.
func (s *Service) Purge(ctx context.Context) error {
	if err := s.rows.Purge(ctx, s.now().Add(-kept)); err != nil {
		return fmt.Errorf("delete old approvals: %w", err)
	}
	return nil
}
