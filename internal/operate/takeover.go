package operate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"coc-console/audit"
)

// Mark notes what the log has, for Resume. It comes before this process requests anything.
func (s *Service) Mark(ctx context.Context) error {
	size, err := s.log.Size(ctx)
	if err == nil {
		s.marked.Store(size + 1)
	}
	return err
}

// ResumeWith resumes the operations and what stands on them. What fails is tried again, until ctx ends.
func (s *Service) ResumeWith(ctx context.Context, others ...func(context.Context) error) {
	s.resuming.Store(true)
	for _, resume := range append(others, s.Resume) {
		for err := resume(ctx); err != nil && ctx.Err() == nil; err = resume(ctx) {
			s.logger.Error("open operations not taken up yet", "error", err)
			Pause(ctx, maxBackoff)
		}
	}
}

// Resuming reports whether what an earlier process left is not all being looked after yet.
func (s *Service) Resuming() bool { return s.resuming.Load() }

// Resume takes up every operation in the log that has no end, up to where Mark found the log, or finds it now: what
// comes after is this process's. One without an answer is first recorded as unknown: the process ended between sending
// it and writing the answer down. The deadline counts from now, since nobody looked in between. Where the log is
// shared, each waits until the console that has it gives no sign of life any more, and one console takes it up.
func (s *Service) Resume(ctx context.Context) error {
	var marking error
	if s.marked.Load() == 0 {
		marking = s.Mark(ctx)
	}
	if err := s.Purge(ctx); err != nil && ctx.Err() == nil {
		s.logger.Warn("old keys not deleted", "error", err)
	}
	if err := errors.Join(marking, s.memory.Update(ctx)); err != nil {
		return err
	}
	open := s.memory.OpenUpTo(s.marked.Swap(0) - 1)
	s.Background(func(ctx context.Context) {
		var taken errgroup.Group
		taken.SetLimit(maxLooks)
		for _, id := range open {
			if s.leases.Shared() {
				s.offer(ctx, id)
				continue
			}
			taken.Go(func() error { s.takeUp(ctx, id); return nil })
		}
		_ = taken.Wait() // each has told its error
		s.resuming.Store(false)
	})
	return nil
}

// DefaultHeartbeat is how often a console that shares its database gives a sign
// of life, and looks for those of others.
const DefaultHeartbeat = time.Second

// standBy gives signs of life while this console has operations, and takes up
// those of consoles that give none.
func (s *Service) standBy(ctx context.Context) {
	failing := false
	for Pause(ctx, s.heartbeat) {
		err := s.leases.Heartbeat(ctx)
		if err == nil {
			err = s.takeOver(ctx)
		}
		if err == nil {
			err = s.takeUnwatched(ctx)
		}
		if err != nil && !failing && ctx.Err() == nil { // once, not at every heartbeat
			s.logger.Error("heartbeat not written for other consoles", "error", err)
		}
		failing = err != nil
	}
}

func (s *Service) takeOver(ctx context.Context) error {
	gone, err := s.leases.Expired(ctx)
	if err != nil {
		return err
	}
	for _, id := range gone {
		mine, err := s.leases.TakeOver(ctx, id)
		if err != nil {
			return err
		}
		if mine {
			s.logger.Warn("operation taken over from another console", "operation", id)
			s.Background(func(ctx context.Context) { s.takeUp(ctx, id) })
		}
	}
	return nil
}

// takeUp brings an operation to its end that another process has started.
func (s *Service) takeUp(ctx context.Context, id string) {
	for {
		err := s.resumeOne(ctx, id)
		if err == nil || ctx.Err() != nil {
			return
		}
		s.logger.Error("open operation not taken up yet", "operation", id, "error", err)
		if !Pause(ctx, maxBackoff) {
			return
		}
	}
}

func (s *Service) resumeOne(ctx context.Context, id string) error {
	if kind, name, ok := strings.Cut(id, "/"); ok {
		return s.passOn(ctx, kind, name)
	}
	receipt, err := s.Receipt(ctx, id)
	if errors.Is(err, audit.ErrNotFound) || err == nil && !receipt.Open() {
		s.release(ctx, id) // nothing was sent, or its end is there
		return nil
	}
	if err != nil {
		return err
	}
	session, err := s.keys.Session(ctx, id)
	if err != nil {
		return err
	}
	if receipt.Answer == nil {
		lost := next(receipt.Requested, audit.ActionOperationUnknown, audit.OutcomeUnknown,
			Detail{Note: NoteProcessEnded})
		_ = s.write(ctx, lost) // logged, and tried again, there
	}
	s.watch(task{requested: receipt.Requested, sessionKey: session, uncertain: receipt.Uncertain()})
	return nil
}

// taker brings on what another console has left.
type taker func(ctx context.Context, id string) error

// OnTakeOver says who brings on what is leased as kind/id, and is no operation,
// once another console has left it. An error has it called again.
func (s *Service) OnTakeOver(kind string, take func(ctx context.Context, id string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.takers[kind] = take
}

func (s *Service) passOn(ctx context.Context, kind, id string) error {
	s.mu.Lock()
	take := s.takers[kind]
	s.mu.Unlock()
	if take == nil {
		return fmt.Errorf("nobody takes over %s %s", kind, id)
	}
	return take(ctx, id)
}

// release gives up the lease and the target of an operation. If that fails, the
// console that takes the lease over does it.
func (s *Service) release(ctx context.Context, id string) {
	if s.leases.Shared() {
		s.warnLease(s.leases.Release(ctx, id))
		s.warnLease(s.keys.ReleaseTarget(ctx, id))
	}
}

// offer leaves the lease of an operation to any console.
func (s *Service) offer(ctx context.Context, id string) { s.warnLease(s.leases.Offer(ctx, id)) }

func (s *Service) warnLease(err error) {
	if err != nil && s.ctx.Err() == nil {
		s.logger.Warn("lease of an operation not written", "error", err)
	}
}
