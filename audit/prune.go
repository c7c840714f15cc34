package audit

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// pruning is the detail of a record of pruning.
type pruning struct {
	UpTo int64  `json:"up_to"` // the last record whose bytes were removed
	Root string `json:"root"`  // of the tree that those records form
}

// pruneStep is how many records are removed in one commit.
const pruneStep = 16 * tileWidth

// Prune removes the bytes of the records before a time, as far as they fill
// tiles: their hashes stay, so that the tree, its checkpoints and the proofs of
// all other records stay valid. Records of operations that are open, and what
// follows them, are kept. A record of the pruning by actor comes first. Prune
// returns the number of the last record that was removed, 0 when there was
// none. It may be called again after it failed.
func (l *Log) Prune(ctx context.Context, olderThan time.Time, actor Actor) (int64, error) {
	mark, err := l.pruneMark(ctx, olderThan)
	if err != nil {
		return 0, err
	}
	var before int64
	if err := l.cfg.LogRead.QueryRowContext(ctx, `SELECT pruned FROM head WHERE id = 1`).Scan(&before); err != nil {
		return 0, err
	}
	if mark > before {
		if err := l.announcePruning(ctx, mark, actor); err != nil {
			return 0, err
		}
	}
	if mark = max(mark, before); mark == 0 {
		return 0, nil
	}
	if err := l.forget(ctx, mark); err != nil {
		return 0, err
	}
	defer l.summaries.forget()
	return mark, l.removeEntries(ctx, mark)
}

// announcePruning writes the record and moves the mark, which lets the
// triggers agree to what follows.
func (l *Log) announcePruning(ctx context.Context, mark int64, actor Actor) error {
	root, err := l.rootAt(ctx, mark)
	if err != nil {
		return err
	}
	detail, err := json.Marshal(pruning{UpTo: mark, Root: root.String()})
	if err != nil {
		return err
	}
	if _, err := l.Append(ctx, Record{Action: ActionAuditPruned, Outcome: OutcomeSucceeded, Actor: actor, Detail: string(detail)}); err != nil {
		return err
	}
	_, err = l.cfg.Log.ExecContext(ctx, `UPDATE head SET pruned = $1 WHERE id = 1 AND pruned < $1`, mark)
	return err
}

// removeEntries deletes the bodies up to the mark, some at a time.
func (l *Log) removeEntries(ctx context.Context, mark int64) error {
	var first sql.NullInt64
	if err := l.cfg.LogRead.QueryRowContext(ctx, `SELECT min(seq) FROM entry`).Scan(&first); err != nil {
		return err
	}
	for at := first.Int64; first.Valid && at <= mark; at += pruneStep {
		if _, err := l.cfg.Log.ExecContext(ctx, `DELETE FROM entry WHERE seq < $1 AND seq <= $2`, at+pruneStep, mark); err != nil {
			return err
		}
	}
	return nil
}

// forget removes the same records from the search tables.
func (l *Log) forget(ctx context.Context, mark int64) error {
	if err := l.catchUp(ctx); err != nil {
		return err
	}
	l.following.Lock()
	defer l.following.Unlock()
	return l.unindex(ctx, mark)
}

// pruneMark is the last record before a time and before all open operations
// that ends a tile.
func (l *Log) pruneMark(ctx context.Context, olderThan time.Time) (int64, error) {
	if err := l.catchUp(ctx); err != nil {
		return 0, err
	}
	var open sql.NullInt64
	if err := l.cfg.SearchRead.QueryRowContext(ctx, `SELECT min(seq) FROM open_operation`).Scan(&open); err != nil {
		return 0, err
	}
	size, err := l.Size(ctx)
	if err != nil {
		return 0, err
	}
	last, err := l.lastBefore(ctx, size, olderThan.UnixMicro())
	if open.Valid {
		last = min(last, open.Int64-1)
	}
	return last / tileWidth * tileWidth, err
}

// lastBefore finds the last record before a time. Times increase, so halving
// finds it without an index; records that were removed are before every time.
func (l *Log) lastBefore(ctx context.Context, size, ts int64) (int64, error) {
	low, high := int64(0), size
	for low < high {
		middle := (low + high + 1) / 2
		at, err := timeOf(ctx, l.cfg.LogRead, `SELECT ts FROM entry WHERE seq = $1`, middle)
		if err != nil {
			return 0, err
		}
		if at < ts {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return low, nil
}

// Pruned is the number of the last record whose bytes were removed.
func (l *Log) Pruned(ctx context.Context) (int64, error) {
	var n int64
	err := l.cfg.LogRead.QueryRowContext(ctx, `SELECT pruned FROM head WHERE id = 1`).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("%w: there is no head", ErrDamaged)
	}
	return n, err
}
