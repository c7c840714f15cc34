package audit

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"coc-console/audit/internal/tree"
	"coc-console/internal/sqlutil"
)

// transaction is what a commit is written in.
type transaction interface {
	tree.Querier
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// begin begins a commit. It is not one of database/sql's own, which starts a
// goroutine for each: an eighth of a small commit on SQLite.
func (l *Log) begin(ctx context.Context) (held *heldTx, err error) {
	for range 3 { // a connection of the pool may have died: nothing was begun on it
		if held, err = l.beginOn(ctx); !errors.Is(err, driver.ErrBadConn) {
			break
		}
	}
	return held, err
}

func (l *Log) beginOn(ctx context.Context) (*heldTx, error) {
	conn, err := l.cfg.Log.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to the log: %w", err)
	}
	held := &heldTx{Conn: conn}
	err = conn.Raw(func(c any) (err error) {
		beginner, ok := c.(driver.ConnBeginTx)
		if !ok {
			return errors.ErrUnsupported
		}
		held.tx, err = beginner.BeginTx(ctx, driver.TxOptions{})
		return err
	})
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("begin a commit: %w", err)
	}
	return held, nil
}

// heldTx is a transaction of a connection that nobody else has meanwhile.
type heldTx struct {
	*sql.Conn
	tx    driver.Tx
	ended bool
}

// Commit and Rollback end it, and give its connection back.
func (h *heldTx) Commit() error   { return h.release(h.tx.Commit) }
func (h *heldTx) Rollback() error { return h.release(h.tx.Rollback) }

func (h *heldTx) release(end func() error) error {
	if h.ended {
		return sqlutil.Wrap(h.Close(), "give the log's connection back")
	}
	h.ended = true
	return errors.Join(h.Raw(func(any) error { return end() }), h.Close())
}

// execAndCommit executes the last statement and commits, in one round trip where
// the database can; else Commit is still to be called. After an error, committing
// says that the commit may have taken place.
func (h *heldTx) execAndCommit(ctx context.Context, query string, args []any) (committing bool, err error) {
	err = h.Raw(func(c any) (err error) {
		conn, ok := c.(interface {
			ExecAndCommit(ctx context.Context, query string, args []any) (committing bool, err error)
		})
		if !ok {
			return errors.ErrUnsupported
		}
		committing, err = conn.ExecAndCommit(ctx, query, args)
		return err
	})
	if errors.Is(err, errors.ErrUnsupported) {
		_, err = h.ExecContext(ctx, query, args...)
		return false, sqlutil.Wrap(err, "write a batch")
	}
	if h.ended = committing; committing && err != nil {
		_ = h.Raw(func(any) error { return driver.ErrBadConn }) // nobody knows what state it is in
		_ = h.Close()
	}
	return committing, sqlutil.Wrap(err, "write and commit a batch")
}
