package verify

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"coc-console/audit"
)

// maxKeyPeriods bounds how many changes of keys are looked for.
const maxKeyPeriods = 20

// KeyPeriod is the time in which a key signed a log's kept checkpoints.
type KeyPeriod struct {
	Key         string // the public key; empty: none that is believed
	From, To    time.Time
	Checkpoints int64
}

// KeyPeriods says which key signed the kept checkpoints when, the latest first.
// Keys change rarely: a change is searched for, not every checkpoint read.
func KeyPeriods(ctx context.Context, log *audit.Log) ([]KeyPeriod, error) {
	var all []KeyPeriod
	last, err := keptAt(ctx, log, `ORDER BY n DESC LIMIT 1`)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	first, err2 := keptAt(ctx, log, `ORDER BY n LIMIT 1`)
	if err := errors.Join(err, err2); err != nil {
		return nil, err
	}
	for len(all) < maxKeyPeriods {
		begin, err := firstOfKey(ctx, log, first, last)
		if err != nil {
			return nil, err
		}
		all = append(all, KeyPeriod{Key: last.key, From: begin.at, To: last.at, Checkpoints: last.n - begin.n + 1})
		if begin.n == first.n {
			break
		}
		if last, err = keptAt(ctx, log, `WHERE n < $1 ORDER BY n DESC LIMIT 1`, begin.n); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// keptCheckpoint is what is asked of one that the log keeps.
type keptCheckpoint struct {
	n   int64
	at  time.Time
	key string
}

// firstOfKey is the first kept checkpoint of those before last that its key signed one after the other.
func firstOfKey(ctx context.Context, log *audit.Log, first, last keptCheckpoint) (keptCheckpoint, error) {
	if first.key == last.key {
		return first, nil
	}
	for last.n-first.n > 1 {
		middle, err := keptAt(ctx, log, `WHERE n >= $1 ORDER BY n LIMIT 1`, first.n+(last.n-first.n)/2)
		switch {
		case err != nil:
			return last, err
		case middle.n >= last.n:
			return last, nil
		case middle.key == last.key:
			last = middle
		default:
			first = middle
		}
	}
	return last, nil
}

func keptAt(ctx context.Context, log *audit.Log, where string, args ...any) (k keptCheckpoint, err error) {
	var signed []byte
	var ts int64
	row := log.Reader().QueryRowContext(ctx, `SELECT n, ts, note FROM checkpoint `+where, args...)
	err = row.Scan(&k.n, &ts, &signed)
	if err != nil {
		return k, fmt.Errorf("read a kept checkpoint: %w", err)
	}
	k.at = time.UnixMicro(ts)
	for _, key := range log.Keys() {
		if _, err := audit.ParseCheckpoint(signed, key); err == nil {
			k.key = key
			break
		}
	}
	return k, nil
}
