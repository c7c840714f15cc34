// Package audit is the console's log: an append-only list of records with
// consecutive sequence numbers and strictly increasing times.
//
// # What it guarantees
//
//   - When Append or Request returns, the record is durable: it survives a
//     killed process and a power cut (as far as the disk keeps its promises).
//   - Sequence numbers have no gaps, also when several consoles share one
//     PostgreSQL database: a record's number is assigned in the commit that
//     stores it.
//   - A stored record is never changed or deleted by the console; triggers
//     refuse it to others who use the same tables.
//   - After a failed commit nothing is remembered that the disk does not hold.
//   - An operation cannot be sent without its request in the log: the COC
//     client takes a Receipt, and only Request makes one.
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
// what it has not reached yet, and they may be deleted at any time.
package audit

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// The errors of the log, besides *StorageError.
var (
	ErrNotFound = errors.New("audit: no such record")
	ErrClosed   = errors.New("audit: the log is closed")
	ErrBusy     = errors.New("audit: too many records wait to be written")
)

// StorageError says that the database refused a record. Nothing was written.
type StorageError struct {
	Full     bool // no space left
	ReadOnly bool // the database cannot be written
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

// Config hands the log its databases, opened and migrated.
type Config struct {
	Dialect            string  // SQLite or PostgreSQL
	Log, LogRead       *sql.DB // tables entry and head
	Search, SearchRead *sql.DB // tables record, open_operation and followed
	IsFull, IsReadOnly func(error) bool
	Logger             *slog.Logger
	Now                func() time.Time
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

	stop    chan struct{} // closed by Close
	closing sync.Once
	done    sync.WaitGroup
	mu      sync.RWMutex // held for reading while an append is queued
	closed  bool
}

// appending is a record on its way to the disk.
type appending struct {
	ctx    context.Context
	record Record
	done   chan error
}

// Open starts the log's writer and its follower.
func Open(ctx context.Context, cfg Config) (*Log, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	l := &Log{cfg: cfg, queue: make(chan *appending, queueLength), wake: make(chan struct{}, 1), stop: make(chan struct{})}
	if _, err := l.Size(ctx); err != nil {
		return nil, err
	}
	l.done.Go(l.write)
	l.done.Go(l.follow)
	l.signal()
	return l, nil
}

// Close writes what is queued and stops.
func (l *Log) Close() error {
	l.closing.Do(func() {
		l.mu.Lock()
		l.closed = true
		l.mu.Unlock()
		close(l.stop)
	})
	l.done.Wait()
	return nil
}

// Append writes one record and returns it with its sequence and time, once it
// is durable. A context that ends first takes the record back, unless it is
// being written already.
func (l *Log) Append(ctx context.Context, r Record) (Record, error) {
	a := &appending{ctx: ctx, record: clean(r), done: make(chan error, 1)}
	if err := l.enqueue(a); err != nil {
		return Record{}, err
	}
	if err := <-a.done; err != nil {
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

// Ready reports whether the log can be read and its writer runs.
func (l *Log) Ready(ctx context.Context) error {
	l.mu.RLock()
	closed := l.closed
	l.mu.RUnlock()
	if closed {
		return ErrClosed
	}
	_, err := l.Size(ctx)
	return err
}

// Size is the number of records.
func (l *Log) Size(ctx context.Context) (int64, error) {
	var n int64
	err := l.cfg.LogRead.QueryRowContext(ctx, `SELECT size FROM head WHERE id = 1`).Scan(&n)
	return n, err
}

// write is the one writer: it gathers what waits and commits it together.
func (l *Log) write() {
	for {
		select {
		case a := <-l.queue:
			l.commit(l.gather(a))
		case <-l.stop:
			for {
				select {
				case a := <-l.queue:
					l.commit(l.gather(a))
				default:
					return
				}
			}
		}
	}
}

// gather takes what is queued, without waiting for more. Records whose callers
// have gone are taken back here, before anything is written.
func (l *Log) gather(first *appending) []*appending {
	batch := make([]*appending, 0, 16)
	for a := first; ; {
		if err := a.ctx.Err(); err != nil {
			a.done <- err
		} else {
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
	err := l.store(batch)
	if err != nil {
		l.cfg.Logger.Error("the log refused records", "records", len(batch), "error", err)
		err = &StorageError{Full: l.cfg.IsFull(err), ReadOnly: l.cfg.IsReadOnly(err), Err: err}
	}
	for _, a := range batch {
		a.done <- err
	}
	if err == nil {
		l.signal()
	}
}

// commitTimeout bounds one commit; a database that hangs must not hang the
// console's every page.
const commitTimeout = 30 * time.Second

// store writes a batch in one transaction. The head row gives the numbers and
// is locked until the commit, so that numbers follow the order of commits on
// all consoles that share the log.
func (l *Log) store(batch []*appending) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	tx, err := l.cfg.Log.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreDone(tx.Rollback()))
		}
	}()
	var size, last int64
	if err := tx.QueryRowContext(ctx, l.headQuery()).Scan(&size, &last); err != nil {
		return err
	}
	insert, err := tx.PrepareContext(ctx, `INSERT INTO entry (seq, ts, body) VALUES ($1, $2, $3)`)
	if err != nil {
		return err
	}
	defer func() { _ = insert.Close() }()
	for _, a := range batch {
		size, last = size+1, max(l.cfg.Now().UnixMicro(), last+1)
		a.record.Sequence, a.record.Time = size, time.UnixMicro(last).UTC()
		text, err := encode(a.record)
		if err != nil {
			return err
		}
		if _, err := insert.ExecContext(ctx, size, last, text); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `UPDATE head SET size = $1, last_ts = $2 WHERE id = 1`, size, last); err != nil {
		return err
	}
	return tx.Commit()
}

func (l *Log) headQuery() string {
	if l.cfg.Dialect == PostgreSQL {
		return `SELECT size, last_ts FROM head WHERE id = 1 FOR UPDATE`
	}
	return `SELECT size, last_ts FROM head WHERE id = 1`
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}
