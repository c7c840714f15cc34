package audit

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"strconv"
	"time"
)

// followBatch is how many entries are scanned at a time, and copyBatch how many
// are copied in one commit at most, where many wait.
const (
	followBatch = 1000
	copyBatch   = 8 * followBatch
)

// followRetry is how often the follower looks unasked: for what other consoles
// append to a shared log, and after the search tables refused records.
const followRetry = 5 * time.Second

// signal tells the follower that there is something to follow.
func (l *Log) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// follow copies the log into the search tables until ctx ends.
func (l *Log) follow(ctx context.Context) {
	tick := time.NewTicker(followRetry)
	defer tick.Stop()
	behind := false
	for {
		err := l.catchUp(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !behind { // once, not at every append
			l.cfg.Logger.Error("the search tables stay behind the log", "error", err)
		}
		behind = err != nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-l.wake:
		}
	}
}

// catchUp brings the search tables up to the log's present end.
func (l *Log) catchUp(ctx context.Context) error {
	if err := l.disown(ctx); err != nil {
		return err
	}
	for {
		more, err := l.followSome(ctx)
		if err != nil || !more {
			return err
		}
	}
}

// followed is the last sequence that the search tables know.
func (l *Log) followed(ctx context.Context) (int64, error) {
	var upto int64
	err := l.cfg.SearchRead.QueryRowContext(ctx, `SELECT upto FROM followed WHERE id = 1`).Scan(&upto)
	return upto, err
}

// followSome copies one batch; more is true when there may be another.
func (l *Log) followSome(ctx context.Context) (more bool, err error) {
	l.following.Lock()
	defer l.following.Unlock()
	upto, err := l.followed(ctx)
	if err != nil {
		return false, err
	}
	records, err := l.entries(ctx, `seq > $1 ORDER BY seq LIMIT `+strconv.Itoa(copyBatch), upto)
	if err != nil || len(records) == 0 {
		return false, err
	}
	tx, err := l.cfg.Search.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	// Of several consoles that follow one log, the one that moves the mark
	// first wins; the others find it moved and go on from there.
	moved, err := moveMark(ctx, tx, upto, records[len(records)-1].Sequence)
	if err == nil && moved {
		err = l.index(ctx, tx, records)
	}
	if err != nil || !moved {
		return err == nil, rollback(tx, err)
	}
	return len(records) == copyBatch, tx.Commit()
}

// moveMark sets how far the search tables are, unless they are not at from.
func moveMark(ctx context.Context, tx *sql.Tx, from, to int64) (bool, error) {
	res, err := tx.ExecContext(ctx, `UPDATE followed SET upto = $1 WHERE id = 1 AND upto = $2`, to, from)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// disown empties search tables that were derived from another log, such as
// the present one before it was restored from a backup: their last record is
// not in the log, or not with that time.
func (l *Log) disown(ctx context.Context) error {
	upto, err := l.followed(ctx)
	if err != nil || upto == 0 {
		return err
	}
	here, err := timeOf(ctx, l.cfg.LogRead, `SELECT ts FROM entry WHERE seq = $1`, upto)
	if err != nil {
		return err
	}
	there, err := timeOf(ctx, l.cfg.SearchRead, `SELECT ts FROM record WHERE seq = $1`, upto)
	if err != nil || here == there && here != absent {
		return err
	}
	l.cfg.Logger.Warn("the search tables belong to another log and are built anew", "records", upto)
	tx, err := l.cfg.Search.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := l.empty(ctx, tx, upto); err != nil {
		return rollback(tx, err)
	}
	return tx.Commit()
}

// absent is the time of an entry that does not exist.
const absent = math.MinInt64

func timeOf(ctx context.Context, db *sql.DB, query string, seq int64) (int64, error) {
	var ts int64
	err := db.QueryRowContext(ctx, query, seq).Scan(&ts)
	if errors.Is(err, sql.ErrNoRows) {
		return absent, nil
	}
	return ts, err
}

// empty empties the search tables, unless somebody has moved their mark.
func (l *Log) empty(ctx context.Context, tx *sql.Tx, upto int64) error {
	moved, err := moveMark(ctx, tx, upto, 0)
	if err != nil || !moved {
		return err
	}
	statements := []string{`DELETE FROM record`, `DELETE FROM open_operation`, `DELETE FROM value`}
	if l.cfg.Dialect == SQLite {
		statements = append(statements, `INSERT INTO record_text (record_text) VALUES ('delete-all')`)
	}
	for _, stmt := range statements {
		if _, err := tx.ExecContext(ctx, stmt); err != nil {
			return err
		}
	}
	return nil
}

// rollback ends a transaction that failed with err, or with nil was not needed.
func rollback(tx *sql.Tx, err error) error {
	if e := tx.Rollback(); !errors.Is(e, sql.ErrTxDone) {
		err = errors.Join(err, e)
	}
	return err
}
