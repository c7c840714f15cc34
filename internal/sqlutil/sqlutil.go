// Package sqlutil spares the callers of database/sql what each of them would
// write again: a query's only column, numbered placeholders, an error that says what it is about, a rollback whose
// error is not lost.
package sqlutil

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Wrap says what err stopped, and what it was about; nil stays nil.
func Wrap(err error, doing string, about ...string) error {
	if err == nil {
		return nil
	}
	for _, name := range about {
		doing += " " + name
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// Column reads the only column of a query: it takes what QueryContext returns. The caller wraps its errors.
func Column[T any](rows *sql.Rows, err error) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []T
	for rows.Next() {
		var v T
		if err := rows.Scan(&v); err != nil {
			return nil, err //nolint:wrapcheck // as said above
		}
		out = append(out, v)
	}
	return out, rows.Err() //nolint:wrapcheck // as said above
}

// Cursor goes through the rows of a query, all of them: then they are closed.
type Cursor struct {
	rows *sql.Rows
	err  error
}

// Read asks a database, or a transaction, for the rows of a query.
func Read(ctx context.Context, db interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}, query string, args ...any) *Cursor {
	rows, err := db.QueryContext(ctx, query, args...) //nolint:rowserrcheck // Err does
	return &Cursor{rows, err}
}

// Next scans the next row, and is false when there is none, or after an error.
func (c *Cursor) Next(to ...any) bool {
	if c.err != nil {
		return false
	}
	if c.rows.Next() {
		if c.err = c.rows.Scan(to...); c.err == nil {
			return true
		}
	}
	c.err = errors.Join(c.err, c.rows.Err(), c.rows.Close())
	return false
}

// Err is why there are no more rows; nil where all were read.
func (c *Cursor) Err() error { return c.err }

// Rollback ends a transaction that failed with err, or with nil was not needed,
// and returns err joined with what went wrong on top of it.
func Rollback(tx interface{ Rollback() error }, err error) error {
	if e := tx.Rollback(); !errors.Is(e, sql.ErrTxDone) {
		err = errors.Join(err, e)
	}
	return err
}

// Args are the arguments of a statement, numbered from $1.
type Args []any

// Add takes a value and returns its placeholder.
func (a *Args) Add(v any) string {
	*a = append(*a, v)
	return "$" + strconv.Itoa(len(*a))
}

// List takes several values and returns their placeholders, for IN.
func List[T any](a *Args, values []T) string {
	marks := make([]string, len(values))
	for i, v := range values {
		marks[i] = a.Add(v)
	}
	return strings.Join(marks, ", ")
}
