package audit

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"
)

// outage is a time in which no commit succeeds.
type outage struct {
	why     *StorageError // of the last commit
	since   time.Time
	refused int // records
}

// goesOn is the outage, or a new one, with one more failed commit.
func (o *outage) goesOn(why *StorageError, records int, now time.Time) *outage {
	if o == nil {
		return &outage{why, now, records}
	}
	return &outage{why, o.since, o.refused + records}
}

// Resumed is the detail of ActionAuditResumed.
type Resumed struct {
	Since   time.Time `json:"since"`   // when the first record was refused
	Refused int       `json:"refused"` // how many were; those that came on top of them while the queue was full are not counted
}

// resuming is the attempt to end an outage that is under way.
type resuming struct {
	mu      sync.Mutex
	attempt chan struct{} // closed at its end; nil: there is none
}

// resume tries to end an outage with a record of it. It waits no longer than
// readyPatience: the attempt goes on without those who ask.
func (l *Log) resume(ctx context.Context) error {
	o := l.failing.Load()
	if o == nil {
		return nil
	}
	if errors.Is(o.why, ErrDamaged) { // what such a log has refused is not for one record to decide
		return o.why
	}
	patience := time.NewTimer(readyPatience)
	defer patience.Stop()
	select {
	case <-l.tryResuming():
	case <-patience.C:
	case <-ctx.Done():
	}
	if o = l.failing.Load(); o != nil {
		return o.why
	}
	return nil
}

// tryResuming starts an attempt, unless one is under way, and returns what is
// closed at its end.
func (l *Log) tryResuming() <-chan struct{} {
	l.resuming.mu.Lock()
	defer l.resuming.mu.Unlock()
	if l.resuming.attempt != nil {
		return l.resuming.attempt
	}
	ended := make(chan struct{})
	l.mu.RLock() // Close waits for the goroutine only if it is there before
	defer l.mu.RUnlock()
	if l.closed {
		close(ended)
		return ended
	}
	l.resuming.attempt = ended
	l.done.Go(func() {
		if err := l.writeResumed(); err != nil {
			l.cfg.Logger.Debug("the log still refuses records", "error", err)
		}
		l.resuming.mu.Lock()
		l.resuming.attempt = nil
		l.resuming.mu.Unlock()
		close(ended)
	})
	return ended
}

// writeResumed ends an outage by its record, and writes what was kept meanwhile.
func (l *Log) writeResumed() error {
	o := l.failing.Load()
	if o == nil {
		return nil
	}
	detail, err := json.Marshal(Resumed{o.since.UTC().Truncate(time.Microsecond), o.refused})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), hangTimeout) // Close writes what is queued
	defer cancel()
	_, err = l.Append(ctx, Record{Action: ActionAuditResumed, Outcome: OutcomeSucceeded, Detail: string(detail)})
	return err
}
