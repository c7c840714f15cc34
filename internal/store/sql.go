package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"coc-console/internal/sqlutil"
)

var (
	// ErrNotFound says that a table has no such row.
	ErrNotFound = errors.New("no such row")
	// ErrChanged says that a row is not what it was when it was read.
	ErrChanged = errors.New("the row has been changed since it was read")
	// ErrNotAuthentic says that a row was not written by a console with this
	// session key: nothing is done because of it.
	ErrNotAuthentic = errors.New("the stored row was not written by this console")
)

// Unlimited is the limit of a list that must not leave anything out.
const Unlimited = math.MaxInt32

// scanner is a row that can be read.
type scanner interface{ Scan(dest ...any) error }

// execer is a database or a transaction.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// transact runs f in a transaction, which is undone when f fails.
func transact(ctx context.Context, db *sql.DB, f func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := f(tx); err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	return sqlutil.Wrap(tx.Commit(), "commit")
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// affected is how many rows a statement has changed. The callers of these wrap their errors.
func affected(res sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return res.RowsAffected() //nolint:wrapcheck // as said above
}

// changed is ErrChanged where a statement has found its row no more.
func changed(res sql.Result, err error) error {
	n, err := affected(res, err)
	if err == nil && n != 1 {
		err = ErrChanged
	}
	return err
}

// insert is ErrClaimed where a statement with ON CONFLICT DO NOTHING has found a row.
func insert(res sql.Result, err error) error {
	n, err := affected(res, err)
	if err == nil && n != 1 {
		err = ErrClaimed
	}
	return err
}

// collect reads all rows of a query.
func collect[T any](rows *sql.Rows, err error, scan func(scanner) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err() //nolint:wrapcheck // as said above
}

// one reads one row; ErrNotFound when there is none.
func one[T any](row *sql.Row, scan func(scanner) (T, error)) (T, error) {
	v, err := scan(row)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	return v, err
}

// text reads the only column of a row.
func text(from scanner) (string, error) {
	var v string
	err := from.Scan(&v)
	return v, err
}

// flag is how statements take what is true or not.
func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// JSON is how a row keeps a struct of texts and numbers, which always marshals.
func JSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}
