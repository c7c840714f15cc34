package operate

import (
	"context"
	"errors"

	"coc-console/internal/coc"
)

// Unwatched reports whether nobody's token can look for the effect of an open
// operation at present: the session that asked for it is gone, nobody looks at
// the ticket, and there is no service identity. It goes on when somebody looks.
func (s *Service) Unwatched(ctx context.Context, id string) (bool, error) {
	s.mu.Lock()
	here := s.unwatched[id]
	s.mu.Unlock()
	if here || !s.leases.Shared() {
		return here, nil
	}
	return s.leases.IsUnwatched(ctx, id)
}

// setWatched notes whether an operation can be looked after. Consoles that share
// the database are told when that changes, since somebody may look at the
// ticket there.
func (s *Service) setWatched(ctx context.Context, id string, sighted bool) {
	s.mu.Lock()
	changed := s.unwatched[id] == sighted
	if sighted {
		delete(s.unwatched, id)
	} else {
		s.unwatched[id] = true
	}
	s.mu.Unlock()
	if !changed {
		return
	}
	if !sighted {
		s.logger.WarnContext(ctx, "operation not watched: no session may look at the ticket", "operation", id)
	}
	s.warnLease(s.leases.SetUnwatched(ctx, id, !sighted))
}

// takeUnwatched takes over operations that another console cannot look after,
// and whose ticket somebody looks at here.
func (s *Service) takeUnwatched(ctx context.Context) error {
	ids, err := s.leases.Unwatched(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		receipt, err := s.Receipt(ctx, id)
		if err != nil {
			return err
		}
		_, err = s.callers.ViewerCaller(ctx, coc.ExecuteUUID(receipt.Requested.Ticket), receipt.Requested.Actor)
		if errors.Is(err, ErrNobodyLooks) {
			continue
		}
		if err != nil {
			return err
		}
		mine, err := s.leases.TakeUnwatched(ctx, id)
		if err != nil {
			return err
		}
		if mine {
			s.Background(func(ctx context.Context) { s.takeUp(ctx, id) })
		}
	}
	return nil
}
