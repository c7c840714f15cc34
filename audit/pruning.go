package audit

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"coc-console/audit/internal/merkle"
	"coc-console/internal/sqlutil"
)

// Pruning is the detail of ActionAuditPruned.
type Pruning struct {
	UpTo int64  `json:"up_to"` // the last record whose bytes were removed
	Root string `json:"root"`  // of the tree that those records form

	Before string `json:"before,omitempty"` // RFC 3339: they were older than this
}

// pruneStep is how many records are removed in one commit.
const pruneStep = 16 * merkle.TileWidth

// AnnouncePruning records, by actor, that the bytes of the records up to mark
// are removed, and lets the triggers agree to that.
func (l *Log) AnnouncePruning(ctx context.Context, mark int64, before time.Time, actor Actor) error {
	root, err := l.rootAt(ctx, mark)
	if err != nil {
		return err
	}
	detail, err := json.Marshal(Pruning{UpTo: mark, Root: root.String(), Before: before.UTC().Format(time.RFC3339)})
	if err != nil {
		return err
	}
	r := Record{Action: ActionAuditPruned, Outcome: OutcomeSucceeded, Actor: actor, Detail: string(detail)}
	if _, err := l.Append(ctx, r); err != nil {
		return err
	}
	_, err = l.cfg.Log.ExecContext(ctx, `UPDATE head SET pruned = $1 WHERE id = 1 AND pruned < $1`, mark)
	return sqlutil.Wrap(err, "let entries be removed")
}

// RemovePruned removes the bytes of the records that were announced, some at a
// time: their hashes stay, so that the tree, its checkpoints and the proofs of
// all other records stay valid.
func (l *Log) RemovePruned(ctx context.Context) error {
	mark, err := l.Pruned(ctx)
	if err != nil || mark == 0 {
		return err
	}
	var first sql.NullInt64
	if err := l.cfg.LogRead.QueryRowContext(ctx, `SELECT min(seq) FROM entry`).Scan(&first); err != nil {
		return fmt.Errorf("read the first entry: %w", err)
	}
	for at := first.Int64; first.Valid && at <= mark; at += pruneStep {
		if _, err := l.cfg.Log.ExecContext(ctx, `DELETE FROM entry WHERE seq < $1 AND seq <= $2`, at+pruneStep, mark); err != nil {
			return fmt.Errorf("remove entries up to %d: %w", mark, err)
		}
	}
	return nil
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
