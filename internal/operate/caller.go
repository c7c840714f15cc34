package operate

import (
	"context"
	"errors"
	"time"

	"coc-console/audit"
	"coc-console/internal/coc"
)

// How long a session store that fails is asked again, before what was to be sent
// is left to its requester.
const (
	callerPatience = 30 * time.Second
	callerWait     = 250 * time.Millisecond
)

// SessionCaller is the caller of a session. A store that fails for a moment says
// nothing about the session: it is asked again. The error wraps coc.ErrNoCaller
// when the session has ended.
func (s *Service) SessionCaller(ctx context.Context, sessionKey string) (coc.Caller, error) {
	limited, cancel := context.WithTimeout(ctx, callerPatience)
	defer cancel()
	wait := callerWait
	for {
		caller, err := s.callers.Caller(ctx, sessionKey)
		if err == nil || errors.Is(err, coc.ErrNoCaller) || ctx.Err() != nil {
			return caller, err
		}
		s.logger.WarnContext(ctx, "session not looked up", "error", err)
		if !Pause(limited, wait) {
			return coc.Caller{}, err
		}
		wait = min(2*wait, 4*time.Second)
	}
}

// SamePerson reports whether two are one person: the id alone does not do, since
// another account may name its users as it likes.
func SamePerson(a, b audit.Actor) bool { return a.UserID == b.UserID && a.AccountID == b.AccountID }
