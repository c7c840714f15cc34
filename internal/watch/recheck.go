package watch

import (
	"context"
	"errors"
	"time"

	"coc-console/internal/coc"
)

// checked is when a session's token was last accepted, and when it was good
// for every part of it, or, with narrow, was not.
type checked struct {
	at, wholeAt time.Time
	narrow      bool
}

// recheck reads with the tokens of sessions whose last check is too old.
func (v *poller[S]) recheck(ctx context.Context) {
	for _, s := range v.overdue() {
		_, err := v.readWith(ctx, s, func(ctx context.Context, c coc.Caller) (bool, error) {
			return false, v.feed.check(ctx, c)
		})
		narrow := errors.Is(err, errNarrow)
		if why, denied := errors.AsType[*Ended](err); denied && !narrow {
			v.drop(s, why)
		} else if err == nil || narrow {
			v.confirm(s.cred.Session, narrow)
		}
	}
}

func (v *poller[S]) overdue() []*session[S] {
	v.mu.Lock()
	defer v.mu.Unlock()
	var old []*session[S]
	for id, s := range v.sessions {
		if len(old) < maxRechecks && !v.isChecked(id) {
			v.uses++
			s.used = v.uses // its turn to poll comes later
			old = append(old, s)
		}
	}
	return old
}

// isChecked reports whether a session's last good answers are new enough: one
// that may not see every part, or could not be asked, is asked again soon. The
// caller holds the lock.
func (v *poller[S]) isChecked(session string) bool {
	c, ok := v.checked[session]
	hold := v.w.cfg.Limits.Recheck
	if c.narrow {
		hold = v.w.cfg.Limits.Linger
	}
	now := v.w.cfg.Now()
	return ok && now.Sub(c.at) < v.w.cfg.Limits.Recheck && now.Sub(c.wholeAt) < hold
}

// confirm notes a good answer for a session's token.
func (v *poller[S]) confirm(session string, narrow bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.checked) >= 2*v.w.cfg.Limits.Viewers {
		for id := range v.checked {
			if _, looks := v.sessions[id]; !looks {
				delete(v.checked, id)
			}
		}
	}
	now := v.w.cfg.Now()
	v.checked[session] = checked{now, now, narrow}
}
