package migrations

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"modernc.org/sqlite"
)

// entryReaders are the calls of EachEntry that are at work on a store. SQLite
// hands them their rows by a function that is called in their statement: that
// takes half of what it takes to fetch each row by itself.
type entryReaders struct {
	driver sqlite.Driver // whose connections have the function

	mu   sync.Mutex
	last int64
	all  map[int64]*entryReader
}

type entryReader struct {
	each func(seq, ts int64, body []byte) error
	err  error
}

func newEntryReaders() (*entryReaders, error) {
	r := &entryReaders{all: map[int64]*entryReader{}}
	return r, r.driver.RegisterFunction("hand_entry", &sqlite.FunctionImpl{NArgs: 4, VolatileArgs: true,
		Scalar: func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
			e := r.get(args[0])
			if e == nil {
				return nil, errors.ErrUnsupported
			}
			e.err = e.take(args[1], args[2], args[3])
			return nil, e.err
		}})
}

func (r *entryReaders) add(e *entryReader) (id int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	r.all[r.last] = e
	return r.last
}

func (r *entryReaders) remove(id int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.all, id)
}

func (r *entryReaders) get(id driver.Value) *entryReader {
	n, ok := id.(int64)
	if !ok {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all[n]
}

// take takes a row. Whoever changes the schema can store anything in it.
func (e *entryReader) take(seq, ts, body driver.Value) error {
	n, ok := seq.(int64)
	at, ok2 := ts.(int64)
	bytes, ok3 := body.([]byte)
	if !ok || !ok2 || !ok3 {
		return fmt.Errorf("an entry is of the types %T, %T and %T", seq, ts, body)
	}
	return e.each(n, at, bytes)
}

// EachEntry hands the log's entries that fit a condition to each, in the order
// of their numbers, until it returns an error, which EachEntry returns. A body
// is valid during the call only. Where the store cannot do so, it is
// errors.ErrUnsupported: on PostgreSQL, and of a copy.
func (d *DB) EachEntry(ctx context.Context, where string, args []any, each func(seq, ts int64, body []byte) error) error {
	if d.readers == nil {
		return errors.ErrUnsupported
	}
	e := &entryReader{each: func(seq, ts int64, body []byte) error {
		if err := ctx.Err(); err != nil { // SQLite may be done before it is interrupted
			return err
		}
		return each(seq, ts, body)
	}}
	id := d.readers.add(e)
	defer d.readers.remove(id)
	var n int64
	// The limit, which is none, keeps the order from being optimized away.
	err := d.Read.QueryRowContext(ctx, `SELECT count(hand_entry(`+strconv.FormatInt(id, 10)+`, seq, ts, body))
		FROM (SELECT seq, ts, body FROM entry WHERE `+where+` ORDER BY seq LIMIT -1)`, args...).Scan(&n)
	if e.err != nil {
		return e.err
	}
	return err
}
