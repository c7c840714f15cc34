package audit

import (
	"context"
	"encoding/json"
	"errors"
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

// resume tries to end an outage with a record of it.
func (l *Log) resume(ctx context.Context) error {
	o := l.failing.Load()
	if o == nil {
		return nil
	}
	// What a damaged log has refused is not for one record to decide; and one of
	// those who ask at the same time is enough to try.
	if errors.Is(o.why, ErrDamaged) || !l.resuming.TryLock() {
		return o.why
	}
	defer l.resuming.Unlock()
	if o = l.failing.Load(); o == nil {
		return nil
	}
	detail, err := json.Marshal(Resumed{o.since.UTC().Truncate(time.Microsecond), o.refused})
	if err != nil {
		return err
	}
	_, err = l.Append(ctx, Record{Action: ActionAuditResumed, Outcome: OutcomeSucceeded, Detail: string(detail)})
	return err
}
