package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"slices"
	"sync"

	"coc-console/internal/sqlutil"
)

// missedHeartbeats is for how many looks in a row a console has given no sign
// of life when another takes its leases over. Nobody's clock is compared with
// another's.
const missedHeartbeats = 15

// Leases knows which console brings which operation to its end, where several
// share a database: each operation has one holder, from before it is requested
// in the log until its end is there. Where the database is not shared there is
// one console, and everything is its own. The table is operation_owner.
type Leases struct {
	db      *sql.DB
	release string // the statement
	console string // this one
	shared  bool
	signs   map[string]sign // of the other consoles, as they were seen last

	mu   sync.Mutex
	mine map[string]context.CancelFunc // tells who works on an operation that its lease is lost
}

// NewLeases returns the leases of a console of its own.
func NewLeases(db DB, shared bool) *Leases {
	release := `DELETE FROM operation_owner WHERE operation_id = $1 AND console = $2` + db.notWaiting()
	return &Leases{release: release, db: db.Write, console: rand.Text(), shared: shared,
		signs: map[string]sign{}, mine: map[string]context.CancelFunc{}}
}

// Shared reports whether other consoles use the same database.
func (l *Leases) Shared() bool { return l.shared }

// Acquire takes the lease of an operation whose key this console has claimed.
func (l *Leases) Acquire(ctx context.Context, operation string) error {
	err := l.acquire(ctx, l.db, operation)
	if err == nil {
		l.hold(operation)
	}
	return err
}

const takeLease = ` ON CONFLICT (operation_id) DO UPDATE SET console = excluded.console, beat = 0`

func (l *Leases) acquire(ctx context.Context, tx execer, operation string) error {
	if !l.shared {
		return nil
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO operation_owner (operation_id, console, beat) VALUES ($1, $2, 0)`+takeLease,
		operation, l.console)
	return sqlutil.Wrap(err, "acquire the lease of operation", operation)
}

func (l *Leases) hold(operation string) {
	if !l.shared {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, held := l.mine[operation]; !held { // who works on it already hears when it is lost
		l.mine[operation] = func() {}
	}
}

// Release says that an operation has its end, or was never sent. When that
// fails the lease stays this console's until it stops; another then finds the end.
func (l *Leases) Release(ctx context.Context, operation string) error {
	if !l.shared {
		return nil
	}
	l.mu.Lock()
	delete(l.mine, operation)
	l.mu.Unlock()
	_, err := l.db.ExecContext(ctx, l.release, operation, l.console)
	return sqlutil.Wrap(err, "release the lease of operation", operation)
}

// Held asks the database whether the lease is still this console's.
func (l *Leases) Held(ctx context.Context, operation string) (bool, error) {
	if !l.shared {
		return true, nil
	}
	console, err := one(l.db.QueryRowContext(ctx, `SELECT console FROM operation_owner WHERE operation_id = $1`,
		operation), text)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return console == l.console, sqlutil.Wrap(err, "read the lease of operation", operation)
}

// OnLoss says what to call when the lease is not this console's any more;
// false when that is so already.
func (l *Leases) OnLoss(operation string, lost context.CancelFunc) bool {
	if !l.shared {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, held := l.mine[operation]; !held {
		return false
	}
	l.mine[operation] = lost
	return true
}

// Offer lets some console take an operation over, unless it has a holder.
func (l *Leases) Offer(ctx context.Context, operation string) error {
	_, err := l.db.ExecContext(ctx, `INSERT INTO operation_owner (operation_id, console, beat) VALUES ($1, '', 0)
		ON CONFLICT (operation_id) DO NOTHING`, operation)
	return sqlutil.Wrap(err, "offer the lease of operation", operation)
}

// Heartbeat gives a sign of life, and lets go of what another console has taken over.
func (l *Leases) Heartbeat(ctx context.Context) error {
	l.mu.Lock()
	before := make([]string, 0, len(l.mine))
	for operation := range l.mine {
		before = append(before, operation)
	}
	l.mu.Unlock()
	if len(before) == 0 {
		return nil
	}
	rows, err := l.db.QueryContext(ctx,
		`UPDATE operation_owner SET beat = beat + 1 WHERE console = $1 RETURNING operation_id`, l.console)
	alive, err := collect(rows, err, text)
	if err != nil {
		return sqlutil.Wrap(err, "renew leases")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, operation := range before {
		if lost, held := l.mine[operation]; held && !slices.Contains(alive, operation) {
			lost()
			delete(l.mine, operation)
		}
	}
	return nil
}

// sign is a sign of life as it was seen, and for how many looks it has not
// changed.
type sign struct {
	operation, console string
	beat               int64
	looks              int
}

// Expired counts for how long the other consoles have given no sign of life,
// and returns the operations of those that have gone. One goroutine calls it.
func (l *Leases) Expired(ctx context.Context) ([]string, error) {
	rows, err := l.db.QueryContext(ctx, `SELECT operation_id, console, beat FROM operation_owner WHERE console <> $1`,
		l.console)
	now, err := collect(rows, err, func(from scanner) (s sign, err error) {
		return s, from.Scan(&s.operation, &s.console, &s.beat)
	})
	if err != nil {
		return nil, sqlutil.Wrap(err, "read the leases of other consoles")
	}
	var gone []string
	seen := make(map[string]sign, len(now))
	for _, s := range now {
		if before := l.signs[s.operation]; before.console == s.console && before.beat == s.beat {
			s.looks = before.looks + 1
		}
		if seen[s.operation] = s; s.looks >= missedHeartbeats {
			gone = append(gone, s.operation)
		}
	}
	l.signs = seen
	return gone, nil
}

// TakeOver takes the lease of a console that has gone: of all that try, one
// does, and none when the other lives after all. Whoever calls Expired calls it.
func (l *Leases) TakeOver(ctx context.Context, operation string) (bool, error) {
	last := l.signs[operation]
	return l.taken(operation)(l.db.ExecContext(ctx, `UPDATE operation_owner SET console = $1, beat = 0
		WHERE operation_id = $2 AND console = $3 AND beat = $4`, l.console, operation, last.console, last.beat))
}

// taken notes a lease that a statement has made this console's, if it has.
func (l *Leases) taken(operation string) func(res sql.Result, err error) (bool, error) {
	return func(res sql.Result, err error) (bool, error) {
		n, err := affected(res, err)
		if n == 1 {
			l.hold(operation)
		}
		return n == 1, sqlutil.Wrap(err, "take over the lease of operation", operation)
	}
}

// SetUnwatched tells the other consoles whether this one can look after an operation.
func (l *Leases) SetUnwatched(ctx context.Context, operation string, unwatched bool) error {
	if !l.shared {
		return nil
	}
	_, err := l.db.ExecContext(ctx, `UPDATE operation_owner SET unwatched = $1 WHERE operation_id = $2 AND console = $3`,
		flag(unwatched), operation, l.console)
	return sqlutil.Wrap(err, "mark the lease of operation", operation)
}

// IsUnwatched reports whether the console that holds an operation cannot look after it.
func (l *Leases) IsUnwatched(ctx context.Context, operation string) (bool, error) {
	var n int
	err := l.db.QueryRowContext(ctx, `SELECT unwatched FROM operation_owner WHERE operation_id = $1`, operation).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return n != 0, sqlutil.Wrap(err, "read the lease of operation", operation)
}

// Unwatched returns the operations of other consoles that these cannot look after.
func (l *Leases) Unwatched(ctx context.Context) ([]string, error) {
	rows, err := l.db.QueryContext(ctx, `SELECT operation_id FROM operation_owner WHERE unwatched = 1 AND console <> $1`,
		l.console)
	all, err := collect(rows, err, text)
	return all, sqlutil.Wrap(err, "list unwatched operations")
}

// TakeUnwatched takes the lease of such an operation: of all that try, one does.
func (l *Leases) TakeUnwatched(ctx context.Context, operation string) (bool, error) {
	return l.taken(operation)(l.db.ExecContext(ctx, `UPDATE operation_owner SET console = $1, beat = 0, unwatched = 0
		WHERE operation_id = $2 AND unwatched = 1 AND console <> $1`, l.console, operation))
}
