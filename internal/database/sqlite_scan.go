package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"modernc.org/sqlite"
)

// rowReaders are the calls of EachRow that are at work on a store. SQLite
// hands them their rows by a function that is called in their statement: that
// takes half of what it takes to fetch each row by itself.
type rowReaders struct {
	driver sqlite.Driver // whose connections have the function

	mu   sync.Mutex
	last int64
	all  map[int64]*rowReader
}

type rowReader struct {
	each func(row []driver.Value) error
	err  error
}

func newRowReaders() (*rowReaders, error) {
	r := &rowReaders{all: map[int64]*rowReader{}}
	err := r.driver.RegisterFunction("hand_row", &sqlite.FunctionImpl{NArgs: -1, VolatileArgs: true,
		Scalar: func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
			if len(args) == 0 {
				return nil, errors.ErrUnsupported
			}
			e := r.get(args[0])
			if e == nil {
				return nil, errors.ErrUnsupported
			}
			e.err = e.each(args[1:])
			return nil, e.err
		}})
	if err != nil {
		return nil, fmt.Errorf("register hand_row: %w", err)
	}
	return r, nil
}

func (r *rowReaders) add(e *rowReader) (id int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	r.all[r.last] = e
	return r.last
}

func (r *rowReaders) remove(id int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.all, id)
}

func (r *rowReaders) get(id driver.Value) *rowReader {
	n, ok := id.(int64)
	if !ok {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all[n]
}

// EachRow hands the rows of a table that fit a condition to each, in the order
// of the first column, until it returns an error, which EachRow returns. A row
// is valid during the call only. Where the store cannot do so, it is
// errors.ErrUnsupported: on PostgreSQL, and of a copy.
func (d *DB) EachRow(ctx context.Context, table string, columns []string, where string, args []any,
	each func(row []driver.Value) error) error {
	if d.readers == nil {
		return errors.ErrUnsupported
	}
	e := &rowReader{each: func(row []driver.Value) error {
		if err := ctx.Err(); err != nil { // SQLite may be done before it is interrupted
			return err
		}
		return each(row)
	}}
	id := d.readers.add(e)
	defer d.readers.remove(id)
	var n int64
	names := strings.Join(columns, ", ")
	// The limit, which is none, keeps the order from being optimized away.
	err := d.Read.QueryRowContext(ctx, `SELECT count(hand_row(`+strconv.FormatInt(id, 10)+`, `+names+`))
		FROM (SELECT `+names+` FROM `+table+` WHERE `+where+` ORDER BY `+columns[0]+` LIMIT -1)`, args...).Scan(&n)
	if e.err != nil {
		return e.err
	}
	if err != nil {
		return fmt.Errorf("read rows of %s: %w", table, err)
	}
	return nil
}

var entryColumns = []string{"seq", "ts", "body"}

// EachEntry is EachRow of the log's entries. A body is valid during the call only.
func (d *DB) EachEntry(ctx context.Context, where string, args []any,
	each func(seq, ts int64, body []byte) error) error {
	return d.EachRow(ctx, "entry", entryColumns, where, args, func(row []driver.Value) error {
		// Whoever changes the schema can store anything in it.
		seq, ok := row[0].(int64)
		ts, ok2 := row[1].(int64)
		body, ok3 := row[2].([]byte)
		if !ok || !ok2 || !ok3 {
			return fmt.Errorf("an entry is of the types %T, %T and %T", row[0], row[1], row[2])
		}
		return each(seq, ts, body)
	})
}
