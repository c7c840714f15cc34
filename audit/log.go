// Package audit is the console's log: an append-only list of records with
// consecutive sequence numbers and strictly increasing times.
//
// # What it guarantees
//
//   - When Append or Request returns without an error, the record is durable:
//     it survives a killed process and a power cut (as far as the disk keeps
//     its promises).
//   - When they return an error, the record is not in the log, unless the
//     error is a *StorageError that says Unknown: the connection to the
//     database broke during the commit and could not be made again.
//   - Sequence numbers have no gaps, also when several consoles share one
//     PostgreSQL database: a record's number is assigned in the commit that
//     stores it. Times increase with them, also when a clock is set back.
//   - A stored record is never changed or deleted by the console; triggers
//     refuse it to others who use the same tables.
//   - After a failed commit nothing is remembered that the disk does not hold:
//     every commit begins by reading where the log ends.
//   - An operation cannot be sent without its request in the log: the COC
//     client takes a Receipt, and only Request makes one.
//   - A search finds every record whose Append has returned.
//   - An entry that cannot be read stays visible as ActionEntryDamaged and
//     hides no other.
//
// # What it does not
//
//   - Whoever can write the database file can still replace it as a whole.
//     Until the log carries signed checkpoints this is not evident from it.
//   - Records of reading (listed, viewed) are written on a best effort by the
//     handlers: a full disk must not blind an operator.
//
// # How it is stored
//
// The log itself is the table entry, whose body is the record's exact bytes,
// without secondary indexes. Appends that wait at the same time share one
// commit. The search tables are derived: a follower fills them, queries add
// what it has not reached yet, and they may be deleted while the console is
// stopped.
package audit

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// The errors of the log, besides *StorageError and those of contexts.
var (
	ErrNotFound = errors.New("audit: no such record")
	ErrClosed   = errors.New("audit: the log is closed")
	ErrBusy     = errors.New("audit: too many records wait to be written")
)

// StorageError says that the database refused a record. Nothing was written,
// unless it is Unknown.
type StorageError struct {
	Full     bool // no space left
	ReadOnly bool // the database cannot be written
	Unknown  bool // the record may be in the log: the connection broke
	Err      error
}

func (e *StorageError) Error() string { return "audit: the log cannot be written: " + e.Err.Error() }

// Unwrap returns the database's error.
func (e *StorageError) Unwrap() error { return e.Err }

// The dialects of SQL.
const (
	SQLite     = "sqlite"
	PostgreSQL = "postgresql"
)

// Config hands the log its databases, opened and migrated. The caller closes
// them after the log.
type Config struct {
	Dialect            string           // SQLite or PostgreSQL
	Log, LogRead       *sql.DB          // tables entry and head
	Search, SearchRead *sql.DB          // tables record, open_operation and followed
	IsFull, IsReadOnly func(error) bool // tell the database's errors apart; nil: nothing is known of them
	Unmoved            func() error     // fails when the log's file is no longer at its path; asked before every commit, nil: never
	Logger             *slog.Logger     // nil: none
	Now                func() time.Time // nil: time.Now
}

func (c Config) withDefaults() Config {
	if c.IsFull == nil {
		c.IsFull = func(error) bool { return false }
	}
	if c.IsReadOnly == nil {
		c.IsReadOnly = func(error) bool { return false }
	}
	if c.Unmoved == nil {
		c.Unmoved = func() error { return nil }
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// The limits of a commit and of the queue before it.
const (
	queueLength = 4096
	maxBatch    = 256
)

// Log is an open log. It is safe for concurrent use.
type Log struct {
	cfg   Config
	queue chan *appending
	wake  chan struct{} // tells the follower that there is something to follow

	stop   context.CancelFunc
	done   sync.WaitGroup
	mu     sync.RWMutex // held for reading while an append is queued
	closed bool

	failing   atomic.Pointer[StorageError] // why the last commit failed; nil when it did not
	following sync.Mutex                   // one batch for the search tables at a time
}

// appending is a record on its way to the disk. Whoever takes it decides what
// becomes of it: the writer, who stores it, or its own caller, who gives up.
type appending struct {
	taken  atomic.Bool
	record Record
	done   chan error
}

func (a *appending) take() bool { return a.taken.CompareAndSwap(false, true) }

// Open starts the log's writer and its follower.
func Open(ctx context.Context, cfg Config) (*Log, error) {
	l := &Log{cfg: cfg.withDefaults(), queue: make(chan *appending, queueLength), wake: make(chan struct{}, 1)}
	if _, err := l.Size(ctx); err != nil {
		return nil, err
	}
	if err := l.disown(ctx); err != nil { // before anyone searches them
		return nil, err
	}
	ctx, l.stop = context.WithCancel(context.WithoutCancel(ctx))
	l.done.Go(func() { l.write(ctx) })
	l.done.Go(func() { l.follow(ctx) })
	return l, nil
}

// Close writes what is queued and stops. Appends that come later get ErrClosed.
func (l *Log) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.stop()
	l.done.Wait()
	return nil
}

// Append writes one record and returns it with its sequence and time, once it
// is durable. When ctx ends first, Append takes the record back and returns at
// once; only a record that is being written already is waited for, so that the
// answer is the truth.
func (l *Log) Append(ctx context.Context, r Record) (Record, error) {
	if err := errors.Join(ctx.Err(), r.check()); err != nil {
		return Record{}, err
	}
	a := &appending{record: clean(r), done: make(chan error, 1)}
	if err := l.enqueue(a); err != nil {
		return Record{}, err
	}
	select {
	case err := <-a.done:
		return a.result(err)
	case <-ctx.Done():
		if a.take() {
			return Record{}, ctx.Err()
		}
		return a.result(<-a.done)
	}
}

func (a *appending) result(err error) (Record, error) {
	if err != nil {
		return Record{}, err
	}
	return a.record, nil
}

func (l *Log) enqueue(a *appending) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return ErrClosed
	}
	select {
	case l.queue <- a:
		return nil
	default:
		return ErrBusy
	}
}

// Receipt proves that an operation's request is durable. Only Request makes one.
type Receipt struct{ record Record }

// RequestedSequence is the request's number in the log.
func (r Receipt) RequestedSequence() int64 { return r.record.Sequence }

// Record is the request as the log holds it.
func (r Receipt) Record() Record { return r.record }

// Request appends operation.requested and returns the proof that the COC
// client asks for before it sends.
func (l *Log) Request(ctx context.Context, r Record) (Receipt, error) {
	r.Action, r.Outcome = ActionOperationRequested, OutcomePending
	written, err := l.Append(ctx, r)
	return Receipt{written}, err
}

// Failing returns why the last commit failed, and nil when it did not. It asks
// nobody, so that every page can warn its reader.
func (l *Log) Failing() error {
	if e := l.failing.Load(); e != nil {
		return e
	}
	return nil
}

// Ready reports whether the log can be read and written. After a failed commit
// it tries a small one, because there may be no other to end the failure.
func (l *Log) Ready(ctx context.Context) error {
	l.mu.RLock()
	closed := l.closed
	l.mu.RUnlock()
	if closed {
		return ErrClosed
	}
	if failure := l.failing.Load(); failure != nil {
		if err := l.try(ctx); err != nil {
			return l.Refusal(err)
		}
		l.failing.CompareAndSwap(failure, nil)
	}
	_, err := l.Size(ctx)
	return err
}

// try commits a change of the head that changes nothing.
func (l *Log) try(ctx context.Context) error {
	if err := l.cfg.Unmoved(); err != nil {
		return err
	}
	_, err := l.cfg.Log.ExecContext(ctx, `UPDATE head SET size = size WHERE id = 1`)
	return err
}

// Size is the number of records.
func (l *Log) Size(ctx context.Context) (int64, error) {
	var n int64
	err := l.cfg.LogRead.QueryRowContext(ctx, `SELECT size FROM head WHERE id = 1`).Scan(&n)
	return n, err
}

// write is the one writer: it gathers what waits and commits it together. At
// the end it writes what is still queued.
func (l *Log) write(ctx context.Context) {
	for {
		select {
		case a := <-l.queue:
			l.commit(l.gather(a))
		case <-ctx.Done():
			for batch := l.gather(nil); len(batch) > 0; batch = l.gather(nil) {
				l.commit(batch)
			}
			return
		}
	}
}

// gather takes what is queued, without waiting for more, and without the
// records whose callers have given up.
func (l *Log) gather(first *appending) []*appending {
	batch := make([]*appending, 0, 16)
	for a := first; ; {
		if a != nil && a.take() {
			batch = append(batch, a)
		}
		if len(batch) == maxBatch {
			return batch
		}
		select {
		case a = <-l.queue:
		default:
			return batch
		}
	}
}

func (l *Log) commit(batch []*appending) {
	if len(batch) == 0 {
		return
	}
	var answer error
	if err := l.store(batch); err != nil {
		failure := l.Refusal(err)
		l.cfg.Logger.Error("the log refused records", "records", len(batch), "error", err)
		l.failing.Store(failure)
		answer = failure
	} else {
		l.failing.Store(nil)
		l.signal()
	}
	for _, a := range batch {
		a.done <- answer
	}
}

// errUnknown marks a commit of which nobody could say whether it took place.
var errUnknown = errors.New("the connection broke during the commit")

// Refusal describes a database's error. It is exported for the console's other
// databases: what keeps an operation's form from being remembered refuses the
// operation the same way.
func (l *Log) Refusal(err error) *StorageError {
	return &StorageError{Full: l.cfg.IsFull(err), ReadOnly: l.cfg.IsReadOnly(err), Unknown: errors.Is(err, errUnknown), Err: err}
}

// commitTimeout bounds one commit; a database that hangs must not hang the
// console's every page.
const commitTimeout = 30 * time.Second

// store writes a batch in one transaction.
func (l *Log) store(batch []*appending) error {
	if err := l.cfg.Unmoved(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	tx, err := l.cfg.Log.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	last, err := l.insert(ctx, tx, batch)
	if err != nil {
		return rollback(tx, err)
	}
	if err := tx.Commit(); err != nil {
		return l.settle(batch[len(batch)-1].record.Sequence, last, err)
	}
	return nil
}

// insert writes the entries and moves the head. The head row gives the numbers
// and is locked until the commit, so that numbers follow the order of commits
// on all consoles that share the log. It returns the last entry's body.
func (l *Log) insert(ctx context.Context, tx *sql.Tx, batch []*appending) (text []byte, err error) {
	var size, last int64
	if err := tx.QueryRowContext(ctx, l.headQuery()).Scan(&size, &last); err != nil {
		return nil, err
	}
	insert, err := tx.PrepareContext(ctx, `INSERT INTO entry (seq, ts, body) VALUES ($1, $2, $3)`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = insert.Close() }()
	for _, a := range batch {
		size, last = size+1, max(l.cfg.Now().UnixMicro(), last+1)
		a.record.Sequence, a.record.Time = size, fromMicro(last)
		if text, err = encode(a.record); err != nil {
			return nil, err
		}
		if _, err := insert.ExecContext(ctx, size, last, text); err != nil {
			return nil, err
		}
	}
	_, err = tx.ExecContext(ctx, `UPDATE head SET size = $1, last_ts = $2 WHERE id = 1`, size, last)
	return text, err
}

func (l *Log) headQuery() string {
	if l.cfg.Dialect == PostgreSQL {
		return `SELECT size, last_ts FROM head WHERE id = 1 FOR UPDATE`
	}
	return `SELECT size, last_ts FROM head WHERE id = 1`
}

// settle finds out whether a commit took place that failed with cause: the
// connection may have broken when the database had done it. It compares the
// batch's last entry with what the log has in its place.
func (l *Log) settle(seq int64, text []byte, cause error) error {
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	stored, err := l.stored(ctx, seq)
	switch {
	case err != nil:
		return errors.Join(errUnknown, cause, err)
	case bytes.Equal(stored, text):
		l.cfg.Logger.Warn("a commit took place though its answer was lost", "error", cause)
		return nil
	}
	return cause
}

// stored reads an entry's body, nil when there is none. On PostgreSQL the lock
// on the head waits until the lost transaction has ended: the answer is final.
func (l *Log) stored(ctx context.Context, seq int64) (text []byte, err error) {
	tx, err := l.cfg.Log.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = rollback(tx, err) }()
	var size, last int64
	if err := tx.QueryRowContext(ctx, l.headQuery()).Scan(&size, &last); err != nil || size < seq {
		return nil, err
	}
	err = tx.QueryRowContext(ctx, `SELECT body FROM entry WHERE seq = $1`, seq).Scan(&text)
	return text, err
}
