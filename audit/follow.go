package audit

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// followBatch is how many records the follower takes in one transaction.
const followBatch = 1000

// followRetry is the wait after the search tables refused records.
const followRetry = 5 * time.Second

func (l *Log) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// follow copies the log into the search tables, on every append and, for what
// other consoles append to a shared log, now and then.
func (l *Log) follow() {
	ctx, cancel := context.WithCancel(context.Background())
	l.done.Go(func() { <-l.stop; cancel() })
	tick := time.NewTicker(followRetry)
	defer tick.Stop()
	for {
		if err := l.catchUp(ctx); err != nil && ctx.Err() == nil {
			l.cfg.Logger.Error("the search tables are behind the log", "error", err)
		}
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
	for {
		more, err := l.followSome(ctx)
		if err != nil || !more {
			return err
		}
	}
}

// followSome copies one batch; more is true when there may be another.
func (l *Log) followSome(ctx context.Context) (more bool, err error) {
	upto, err := l.followed(ctx)
	if err != nil {
		return false, err
	}
	if upto, err = l.notAhead(ctx, upto); err != nil {
		return false, err
	}
	records, err := l.entries(ctx, `seq > $1 ORDER BY seq LIMIT 1000`, upto)
	if err != nil || len(records) == 0 {
		return false, err
	}
	tx, err := l.cfg.Search.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreDone(tx.Rollback()))
		}
	}()
	// Of several consoles that follow one log, the one that moves the mark
	// first wins; the others find it moved and try again from there.
	last := records[len(records)-1].Sequence
	res, err := tx.ExecContext(ctx, `UPDATE followed SET upto = $1 WHERE id = 1 AND upto = $2`, last, upto)
	if err != nil {
		return false, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err == nil, errors.Join(err, ignoreDone(tx.Rollback()))
	}
	for _, r := range records {
		if err := index(ctx, tx, r); err != nil {
			return false, err
		}
	}
	return len(records) == followBatch, tx.Commit()
}

func (l *Log) followed(ctx context.Context) (int64, error) {
	var upto int64
	err := l.cfg.SearchRead.QueryRowContext(ctx, `SELECT upto FROM followed WHERE id = 1`).Scan(&upto)
	return upto, err
}

// notAhead empties search tables that know more than the log: they belong to
// another one, such as the log before a backup was restored.
func (l *Log) notAhead(ctx context.Context, upto int64) (int64, error) {
	size, err := l.Size(ctx)
	if err != nil || upto <= size {
		return upto, err
	}
	tx, err := l.cfg.Search.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	for _, stmt := range []string{`DELETE FROM record`, `DELETE FROM open_operation`, `UPDATE followed SET upto = 0 WHERE id = 1`} {
		if _, err := tx.ExecContext(ctx, stmt); err != nil {
			return 0, errors.Join(err, ignoreDone(tx.Rollback()))
		}
	}
	return 0, tx.Commit()
}

func index(ctx context.Context, tx *sql.Tx, r Record) error {
	_, err := tx.ExecContext(ctx,
		`INSERT INTO record (seq, ts, action, outcome, user_id, user_name, ticket, operation_id)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (seq) DO NOTHING`,
		r.Sequence, r.Time.UnixMicro(), string(r.Action), string(r.Outcome),
		r.Actor.UserID, r.Actor.UserName, r.Ticket, r.OperationID)
	if err != nil || r.OperationID == "" {
		return err
	}
	switch {
	case r.Action == ActionOperationRequested:
		_, err = tx.ExecContext(ctx, `INSERT INTO open_operation (operation_id, seq) VALUES ($1, $2)
			ON CONFLICT (operation_id) DO NOTHING`, r.OperationID, r.Sequence)
	case ends(r.Action):
		_, err = tx.ExecContext(ctx, `DELETE FROM open_operation WHERE operation_id = $1`, r.OperationID)
	}
	return err
}

// ends reports whether nothing more is expected of an operation.
func ends(a Action) bool {
	return a == ActionOperationRejected || a == ActionOperationObserved || a == ActionOperationNotObserved
}
