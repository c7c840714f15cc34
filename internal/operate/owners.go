package operate

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"time"
)

// DefaultBeat is how often a console that shares its database gives a sign of
// life, and looks for those of others.
const DefaultBeat = time.Second

// missedBeats is for how many looks in a row a console has given no sign of
// life when another takes its operations up. Nobody's clock is compared with
// another's.
const missedBeats = 15

// owners knows which console brings which operation to its end, where several
// share a database: each operation has one, from before it is requested in the
// log until its end is there. Where shared is false there is one console, and
// everything is its own.
type owners struct {
	db      *sql.DB // table operation_owner
	console string  // this one
	shared  bool

	mu   sync.Mutex
	mine map[string]context.CancelFunc // tells who works on an operation that it is no longer this console's
}

// take makes an operation this console's whose key it has claimed.
func (o *owners) take(ctx context.Context, operation string) error {
	if !o.shared {
		return nil
	}
	_, err := o.db.ExecContext(ctx, `INSERT INTO operation_owner (operation_id, console, beat) VALUES ($1, $2, 0)
		ON CONFLICT (operation_id) DO UPDATE SET console = excluded.console, beat = 0`, operation, o.console)
	if err == nil {
		o.hold(operation)
	}
	return err
}

func (o *owners) hold(operation string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, held := o.mine[operation]; !held { // who works on it already hears when it is lost
		o.mine[operation] = func() {}
	}
}

// leave says that an operation has its end, or was never sent. When that
// fails it stays this console's until it stops; another then finds the end.
func (o *owners) leave(ctx context.Context, operation string) error {
	if !o.shared {
		return nil
	}
	o.mu.Lock()
	delete(o.mine, operation)
	o.mu.Unlock()
	_, err := o.db.ExecContext(ctx, `DELETE FROM operation_owner WHERE operation_id = $1 AND console = $2`, operation, o.console)
	return err
}

// holds asks whether an operation is still this console's.
func (o *owners) holds(ctx context.Context, operation string) (bool, error) {
	if !o.shared {
		return true, nil
	}
	var console string
	err := o.db.QueryRowContext(ctx, `SELECT console FROM operation_owner WHERE operation_id = $1`, operation).Scan(&console)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return console == o.console, err
}

// keep says what to call when an operation is not this console's any more;
// false when that is so already.
func (o *owners) keep(operation string, lost context.CancelFunc) bool {
	if !o.shared {
		return true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, held := o.mine[operation]; !held {
		return false
	}
	o.mine[operation] = lost
	return true
}

// offer lets somebody take up an operation, unless it has an owner.
func (o *owners) offer(ctx context.Context, operation string) error {
	_, err := o.db.ExecContext(ctx, `INSERT INTO operation_owner (operation_id, console, beat) VALUES ($1, '', 0)
		ON CONFLICT (operation_id) DO NOTHING`, operation)
	return err
}

// beat gives a sign of life, and lets go of what another console has taken up.
func (o *owners) beat(ctx context.Context) error {
	o.mu.Lock()
	before := make([]string, 0, len(o.mine))
	for operation := range o.mine {
		before = append(before, operation)
	}
	o.mu.Unlock()
	if len(before) == 0 {
		return nil
	}
	alive, err := column[string](o.db.QueryContext(ctx,
		`UPDATE operation_owner SET beat = beat + 1 WHERE console = $1 RETURNING operation_id`, o.console))
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, operation := range before {
		if lost, held := o.mine[operation]; held && !slices.Contains(alive, operation) {
			lost()
			delete(o.mine, operation)
		}
	}
	return nil
}

// sign is a sign of life as it was seen, and for how many looks it has not
// changed.
type sign struct {
	console string
	beat    int64
	looks   int
}

// look counts for how long the other consoles have given no sign of life, and
// returns the operations of those that have gone. signs is what was seen
// before, and is brought up to date.
func (o *owners) look(ctx context.Context, signs map[string]sign) ([]string, error) {
	rows, err := o.db.QueryContext(ctx, `SELECT operation_id, console, beat FROM operation_owner WHERE console <> $1`, o.console)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var gone []string
	there := map[string]bool{}
	for rows.Next() {
		var operation string
		var now sign
		if err := rows.Scan(&operation, &now.console, &now.beat); err != nil {
			return nil, err
		}
		there[operation] = true
		if before := signs[operation]; before.console == now.console && before.beat == now.beat {
			now.looks = before.looks + 1
		}
		if signs[operation] = now; now.looks >= missedBeats {
			gone = append(gone, operation)
		}
	}
	for operation := range signs {
		if !there[operation] {
			delete(signs, operation)
		}
	}
	return gone, rows.Err()
}

// inherit takes an operation from a console that has gone: of all that try,
// one does, and none when the other lives after all.
func (o *owners) inherit(ctx context.Context, operation string, last sign) (bool, error) {
	res, err := o.db.ExecContext(ctx, `UPDATE operation_owner SET console = $1, beat = 0
		WHERE operation_id = $2 AND console = $3 AND beat = $4`, o.console, operation, last.console, last.beat)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	if n == 1 {
		o.hold(operation)
	}
	return n == 1, err
}

// column reads the only column of a query.
func column[T any](rows *sql.Rows, err error) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []T
	for rows.Next() {
		var v T
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}
