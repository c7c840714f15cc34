package operate

import (
	"context"
	"errors"
	"time"

	"coc-console/audit"
)

// withdraw gives the key back: nothing was sent. Where the log cannot say
// whether it holds the request, that waits until it can; a request that it
// holds then gets its end, so that it is not taken for one that was sent.
func (s *Service) withdraw(ctx context.Context, key string, why error) {
	var storage *audit.StorageError
	if !errors.As(why, &storage) || !storage.Unknown {
		s.giveBack(ctx, key)
		return
	}
	s.Background(func(ctx context.Context) {
		for wait := time.Second; Pause(ctx, wait); wait = min(2*wait, time.Minute) {
			if s.log.AwaitCommit(ctx) != nil { // before that, a reading is no answer
				continue
			}
			switch receipt, err := s.Receipt(ctx, key); {
			case errors.Is(err, audit.ErrNotFound):
				s.giveBack(ctx, key)
				return
			case err == nil:
				s.notSent(ctx, receipt.Requested, why)
				return
			}
		}
	})
}

// notSent writes the end of a request that is in the log, and was not sent.
func (s *Service) notSent(ctx context.Context, requested audit.Record, why error) {
	if s.write(ctx, next(requested, audit.ActionOperationRejected, audit.OutcomeFailed,
		Detail{Note: NoteNotDelivered, Error: why.Error()})) == nil {
		s.release(ctx, requested.OperationID)
	}
}

// giveBack undoes the claim: the form can be sent again.
func (s *Service) giveBack(ctx context.Context, key string) {
	s.release(ctx, key)
	if err := s.keys.Release(ctx, key); err != nil { // the form is merely answered with a fresh one
		s.logger.Warn("one-time key not given back", "key", key, "error", err)
	}
}

// Unwritten reports whether the log has yet to take an answer. While it has,
// nothing new is sent.
func (s *Service) Unwritten() bool { return s.unwritten.Load() > 0 }

// write appends a record that must not be lost. When the log cannot take it
// now it is tried again in the background, and nothing new is sent until then.
func (s *Service) write(ctx context.Context, r audit.Record) error {
	_, err := s.log.Append(ctx, r)
	if err == nil {
		s.observe(r)
		return nil
	}
	s.logger.Error("answer not logged yet", "operation", r.OperationID, "action", r.Action, "error", err)
	s.unwritten.Add(1)
	if !s.Background(func(ctx context.Context) {
		defer s.unwritten.Add(-1)
		s.writeUntilTaken(ctx, r)
	}) {
		s.unwritten.Add(-1)
	}
	return err
}

func (s *Service) writeUntilTaken(ctx context.Context, r audit.Record) {
	for wait := time.Second; ; wait = min(2*wait, time.Minute) {
		if !Pause(ctx, wait) {
			s.logger.Error("stopped with an answer that is not logged", "operation", r.OperationID, "action", r.Action)
			return
		}
		if _, err := s.log.Append(ctx, r); err == nil {
			s.observe(r)
			return
		}
	}
}
