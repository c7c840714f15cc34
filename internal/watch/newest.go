package watch

import (
	"context"
	"time"
)

// Newest returns the last snapshot of a ticket for a session whose own token was
// good for it at its last check; false when there is none, or polls fail.
func (w *Watcher) Newest(key Key, session string) (*Snapshot, bool) {
	if key.Project == "" {
		return nil, false // shared within one session only
	}
	for _, v := range w.tickets.all(func(k ticketKey) bool { return k.Key == key }) {
		v.mu.Lock()
		may := v.isChecked(session)
		v.mu.Unlock()
		if s := v.last.Load(); may && s != nil && s.Trouble == nil && s.exact() {
			return s, true
		}
	}
	return nil, false
}

// Next returns a snapshot of a ticket whose calls were begun after since. It asks
// for a poll, and waits until ctx ends. False when nobody looks, when there will
// be no more polls, or when they fail.
func (w *Watcher) Next(ctx context.Context, key Key, since time.Time) (*Snapshot, bool) {
	if key.Project == "" {
		return nil, false
	}
	for _, v := range w.tickets.all(func(k ticketKey) bool { return k.Key == key }) {
		return v.upcoming(ctx, func(s *Snapshot) bool {
			return !s.TicketBegan.Before(since) && !s.StatisticsBegan.Before(since)
		})
	}
	return nil, false
}

// upcoming returns a snapshot that is new, now or after the next polls.
func (v *poller[S]) upcoming(ctx context.Context, isNew func(*S) bool) (*S, bool) {
	for asked := false; ; asked = true {
		v.mu.Lock()
		published, looked, meta := v.published, len(v.sessions) > 0, v.meta
		v.mu.Unlock()
		if s := v.last.Load(); s != nil && meta.Trouble == nil && isNew(s) {
			return s, true
		}
		if !looked || meta.Final || asked && meta.Trouble != nil {
			return nil, false
		}
		v.nudge()
		select {
		case <-published:
		case <-ctx.Done():
			return nil, false
		case <-v.ctx.Done():
			return nil, false
		}
	}
}
