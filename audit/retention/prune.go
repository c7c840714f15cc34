// Package retention says what of the audit log may go: it removes the bytes of
// old records, keeps what a legal hold names, and tells how fast the log grows.
package retention

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"coc-console/audit"
	"coc-console/audit/internal/merkle"
	"coc-console/audit/search"
	"coc-console/internal/sqlutil"
)

// ErrUnderWay says that old records are being removed now, or a hold is being placed.
var ErrUnderWay = errors.New("old records are being removed now, or a hold is being placed")

// Prune removes the bytes of the records before a time, as far as they fill
// tiles: their hashes stay, so that the tree, its checkpoints and the proofs of
// all other records stay valid. Records of operations that are open, the first
// record that a legal hold names, and what follows them, are kept. A record of
// the pruning by actor comes first. Prune returns the number of the last record
// that was removed, 0 when there was none. It may be called again after it
// failed. Of several consoles one at a time prunes: the others get ErrUnderWay.
func Prune(ctx context.Context, in *search.Index, olderThan time.Time, actor audit.Actor) (int64, error) {
	release, err := alone(ctx, in.Log())
	if err != nil {
		return 0, err
	}
	defer release()
	log := in.Log()
	mark, err := pruneMark(ctx, in, olderThan)
	if err != nil {
		return 0, err
	}
	before, err := log.Pruned(ctx)
	if err != nil {
		return 0, err
	}
	if mark > before {
		if err := log.AnnouncePruning(ctx, mark, olderThan, actor); err != nil {
			return 0, fmt.Errorf("record that %d records are removed: %w", mark, err)
		}
	}
	if mark = max(mark, before); mark == 0 {
		return 0, nil
	}
	if err := in.Forget(ctx, mark); err != nil {
		return 0, fmt.Errorf("remove the records up to %d from the search tables: %w", mark, err)
	}
	return mark, log.RemovePruned(ctx)
}

// busy are the logs of this process whose records are being removed, or held.
var busy sync.Map

// alone makes sure that nobody else prunes, or places a hold, until release is called: no other console, and, on
// SQLite, which has one console, nothing else of it.
func alone(ctx context.Context, log *audit.Log) (release func(), err error) {
	if log.Dialect() != audit.PostgreSQL {
		if _, taken := busy.LoadOrStore(log, true); taken {
			return nil, ErrUnderWay
		}
		return func() { busy.Delete(log) }, nil
	}
	tx, err := log.Reader().BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("ask to remove records alone: %w", err)
	}
	var leads bool
	err = tx.QueryRowContext(ctx, `SELECT pg_try_advisory_xact_lock(
		hashtextextended('coc-console retention of ' || current_schema(), 0))`).Scan(&leads)
	if err == nil && !leads {
		err = ErrUnderWay
	}
	if err != nil {
		return nil, sqlutil.Rollback(tx, err)
	}
	return func() { _ = tx.Rollback() }, nil // nothing was written
}

// pruneMark is the last record before a time, before all open operations and
// before all that is held, that ends a tile.
func pruneMark(ctx context.Context, in *search.Index, olderThan time.Time) (int64, error) {
	open, isOpen, err := in.FirstOpen(ctx)
	if err != nil {
		return 0, err
	}
	size, err := in.Log().Size(ctx)
	if err != nil {
		return 0, err
	}
	last, err := lastBefore(ctx, in.Log(), size, olderThan.UnixMicro())
	if err != nil {
		return 0, err
	}
	if isOpen {
		last = min(last, open-1)
	}
	held, isHeld, err := firstHeld(ctx, in)
	if isHeld {
		last = min(last, held-1)
	}
	return last / merkle.TileWidth * merkle.TileWidth, err
}

// lastBefore finds the last record before a time. Times increase, so halving
// finds it without an index; records that were removed are before every time.
func lastBefore(ctx context.Context, log *audit.Log, size, ts int64) (int64, error) {
	low, high := int64(0), size
	for low < high {
		middle := (low + high + 1) / 2
		at, known, err := log.TimeOf(ctx, middle)
		if err != nil {
			return 0, err
		}
		if !known || at < ts {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return low, nil
}
