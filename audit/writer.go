package audit

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The limits of a commit and of the queue before it.
const (
	queueLength   = 4096
	maxBatch      = 256
	maxBatchBytes = 256 << 10
	maxGather     = time.Millisecond
	commitTimeout = 30 * time.Second // a database that hangs must not hang the console's every page
)

// appending is a record on its way to the disk. Whoever takes it decides what
// becomes of it: the writer, who stores it, or its own caller, who gives up.
type appending struct {
	taken   atomic.Bool
	record  Record
	content []byte // the record's bytes without its number and time
	body    []byte // with them, once they are known
	done    chan error
	settled chan struct{} // of a note: closed once it is known what became of it

	split sync.Once
	found []string // the record's words, once they are split
}

// words are the words of a record that is written.
func (a *appending) words() []string {
	a.split.Do(func() { a.found = recordWords(a.record) })
	return a.found
}

func (a *appending) take() bool { return a.taken.CompareAndSwap(false, true) }

// writer is the state of the one goroutine that writes.
type writer struct {
	*Log
	tree      tree
	end       *headRow      // what the last commit made of the head; nil: it is to be read
	unchecked bool          // the edges are to be read anew and compared
	commits   int           // rows of the last batch
	took      time.Duration // by the last commit
	signing   signing
}

// write is the one writer: it gathers what waits and commits it together, and
// signs the head when it is idle. At the end it writes what is still queued.
func (w *writer) write(ctx context.Context) {
	defer w.finish()
	idle := time.NewTimer(0)
	for {
		idle.Reset(w.signing.wait(time.Now()))
		select {
		case a := <-w.queue:
			w.commit(w.gather(a))
		case <-idle.C:
			w.checkpoint(false)
		case <-ctx.Done():
			return
		}
	}
}

// finish writes what is queued, and a last checkpoint.
func (w *writer) finish() {
	for batch := w.gather(nil); len(batch) > 0; batch = w.gather(nil) {
		w.commit(batch)
	}
	w.checkpoint(true)
}

// gather takes what is queued, without the records whose callers have given
// up. It waits for more only while several arrive at once, and then for a tenth
// of what a commit takes: it costs each little and spares many a commit.
func (w *writer) gather(first *appending) []*appending {
	batch := make([]*appending, 0, 16)
	bytes := 0
	start, patience := time.Time{}, min(w.took/10, maxGather)
	for a := first; ; {
		if a != nil && a.take() {
			batch = append(batch, a)
			bytes += len(a.content)
		}
		if len(batch) == maxBatch || bytes >= maxBatchBytes {
			return batch
		}
		select {
		case a = <-w.queue:
			continue
		default:
		}
		if a = nil; len(batch) == 0 || w.commits < 2 {
			return batch
		}
		if start.IsZero() {
			start = time.Now()
		} else if time.Since(start) > patience {
			return batch
		}
		runtime.Gosched() // a timer would sleep longer than this takes
	}
}

func (w *writer) commit(batch []*appending) {
	if len(batch) == 0 {
		return
	}
	var answer error
	start := time.Now()
	if err := w.store(batch); err != nil {
		failure := w.Refusal(err)
		w.cfg.Logger.Error("the log refused records", "records", len(batch), "error", err)
		w.failing.Store(w.failing.Load().goesOn(failure, len(batch), w.cfg.Now()))
		answer = failure
	} else {
		w.failing.Store(nil)
		w.signal()
	}
	w.commits, w.took = len(batch), time.Since(start)
	w.speed.add(w.took)
	for _, a := range batch {
		a.done <- answer
		if a.settled != nil {
			close(a.settled)
		}
	}
}

// errUnknown marks a commit of which nobody can say whether it took place.
var errUnknown = errors.New("the commit may have taken place")

// Refusal describes a database's error. It is exported for the console's other
// databases: what keeps an operation's form from being remembered refuses the
// operation the same way.
func (l *Log) Refusal(err error) *StorageError {
	return &StorageError{Full: l.cfg.IsFull(err), ReadOnly: l.cfg.IsReadOnly(err), Unknown: errors.Is(err, errUnknown), Err: err}
}

// store writes a batch in one transaction. When it fails, everything that was
// remembered is forgotten, and read and compared before the next. So it is when
// the log did not end where the last commit had left it.
func (w *writer) store(batch []*appending) error {
	if err := w.cfg.Unmoved(); err != nil {
		w.forget()
		return err
	}
	err := w.attempt(batch)
	if errors.Is(err, errMoved) {
		w.forget()
		err = w.attempt(batch)
	}
	if err != nil {
		w.forget()
	}
	return err
}

func (w *writer) forget() { w.tree, w.end, w.unchecked = tree{}, nil, true }

func (w *writer) attempt(batch []*appending) error {
	ctx, cancel := w.commitContext()
	defer cancel()
	tx, err := w.begin(ctx)
	if err != nil {
		return err
	}
	signed, err := w.put(ctx, tx, batch)
	if err != nil {
		return rollback(tx, err)
	}
	if err := tx.Commit(); err != nil {
		last := batch[len(batch)-1]
		if err := w.settle(last.record.Sequence, last.body, err); err != nil {
			return err
		}
	}
	w.unchecked = false
	w.recent.add(batch)
	w.signed(signed, w.tree.size)
	return nil
}

// transaction is what a commit is written in.
type transaction interface {
	querier
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	Commit() error
	Rollback() error
}

// begin begins a commit. On SQLite it is not one of database/sql's own, which
// starts a goroutine for each: an eighth of a small commit.
func (l *Log) begin(ctx context.Context) (transaction, error) {
	if l.cfg.Dialect == PostgreSQL {
		return l.cfg.Log.BeginTx(ctx, nil)
	}
	conn, err := l.cfg.Log.Conn(ctx)
	if err != nil {
		return nil, err
	}
	held := heldTx{Conn: conn}
	err = conn.Raw(func(c any) (err error) {
		beginner, ok := c.(driver.ConnBeginTx)
		if !ok {
			return errors.ErrUnsupported
		}
		held.tx, err = beginner.BeginTx(ctx, driver.TxOptions{})
		return err
	})
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return held, nil
}

// heldTx is a transaction of a connection that nobody else has meanwhile.
type heldTx struct {
	*sql.Conn
	tx driver.Tx
}

func (h heldTx) Commit() error   { return h.release(h.tx.Commit) }
func (h heldTx) Rollback() error { return h.release(h.tx.Rollback) }

func (h heldTx) release(end func() error) error {
	return errors.Join(h.Raw(func(any) error { return end() }), h.Close())
}

// commitContext bounds a commit on PostgreSQL. SQLite is in this process and
// waits for locks no longer than its own limit; to be able to interrupt it
// would cost a goroutine for every statement, a sixth of a small commit.
func (l *Log) commitContext() (context.Context, context.CancelFunc) {
	if l.cfg.Dialect == SQLite {
		return context.Background(), func() {}
	}
	return context.WithTimeout(context.Background(), commitTimeout)
}

// put writes the entries, the tiles they fill and the head. The head row gives
// the numbers and the tree, and is locked until the commit, so that numbers
// follow the order of commits on all consoles that share the log.
func (w *writer) put(ctx context.Context, tx transaction, batch []*appending) (*stamp, error) {
	h, err := w.nextHead(ctx, tx)
	if err != nil {
		return nil, err
	}
	before := h
	if err := w.tree.at(h.size, h.frontier); err != nil && !w.cfg.withoutTree {
		return nil, err
	}
	if w.cfg.withoutTree {
		w.tree.size = h.size
	} else if err := w.tree.load(ctx, tx, len(batch), w.unchecked, w.signing.due(time.Now())); err != nil {
		return nil, err
	}
	for _, a := range batch {
		h.size, h.last = h.size+1, max(w.cfg.Now().UnixMicro(), h.last+1)
		a.record.Sequence, a.record.Time = h.size, fromMicro(h.last)
		a.body = withNumber(h.size, h.last, a.content)
		if w.cfg.withoutTree {
			w.tree.size++
			continue
		}
		if err := w.tree.add(leafHash(a.body)); err != nil {
			return nil, err
		}
	}
	root := w.tree.root()
	h.root, h.frontier = root[:], joined(w.tree.frontier)
	signed := w.sign(ctx, tx, h.last)
	if w.cfg.Dialect == PostgreSQL {
		err = w.putAtOnce(ctx, tx, batch, h, signed)
	} else {
		err = w.putEach(ctx, tx, batch, before, h, signed)
	}
	if err == nil {
		err = signed.put(ctx, tx)
	}
	return signed, err
}

// headRow is what the writer needs of the head.
type headRow struct {
	size, last     int64
	root, frontier []byte
}

func (l *Log) lockHead(ctx context.Context, q querier) (h headRow, err error) {
	text := `SELECT size, last_ts, root, frontier FROM head WHERE id = 1`
	if l.cfg.Dialect == PostgreSQL {
		text += ` FOR UPDATE`
	}
	err = q.QueryRowContext(ctx, text).Scan(&h.size, &h.last, &h.root, &h.frontier)
	if h.frontier == nil { // SQLite's driver gives that for no bytes, and takes it for NULL
		h.frontier = []byte{}
	}
	return h, err
}

// nextHead is where a commit goes on. SQLite's log has one writer, which need
// not read what it has written: putEach changes no other head.
func (w *writer) nextHead(ctx context.Context, tx transaction) (headRow, error) {
	if w.end != nil {
		return *w.end, nil
	}
	return w.lockHead(ctx, tx)
}

// errMoved says that the head is not what the last commit made of it.
var errMoved = errors.New("the log does not end where it was left")

// putEach is for SQLite: an insert for one row is its fastest.
func (w *writer) putEach(ctx context.Context, tx transaction, batch []*appending, before, after headRow, signed *stamp) error {
	moved, err := tx.ExecContext(ctx, `UPDATE head SET size = $1, last_ts = $2, root = $3, frontier = $4, note = coalesce($5, note)
		WHERE id = 1 AND size = $6 AND last_ts = $7 AND root = $8 AND frontier = $9`,
		after.size, after.last, after.root, after.frontier, signed.text(), before.size, before.last, before.root, before.frontier)
	if err != nil {
		return err
	}
	if n, err := moved.RowsAffected(); err != nil || n != 1 {
		return errors.Join(errMoved, err)
	}
	for _, a := range batch {
		if _, err := tx.ExecContext(ctx, `INSERT INTO entry (seq, ts, body) VALUES ($1, $2, $3)`,
			a.record.Sequence, a.record.Time.UnixMicro(), a.body); err != nil {
			return err
		}
	}
	for _, t := range w.tree.full {
		if _, err := tx.ExecContext(ctx, `INSERT INTO tile (l, n, d) VALUES ($1, $2, $3)`, t.level, t.n, t.data); err != nil {
			return err
		}
	}
	w.end = &after
	return nil
}

// putAtOnce is for PostgreSQL: everything in one round trip.
func (w *writer) putAtOnce(ctx context.Context, tx transaction, batch []*appending, h headRow, signed *stamp) error {
	seqs, times, bodies := make([]int64, len(batch)), make([]int64, len(batch)), make([][]byte, len(batch))
	for i, a := range batch {
		seqs[i], times[i], bodies[i] = a.record.Sequence, a.record.Time.UnixMicro(), a.body
	}
	args := []any{seqs, times, bodies, h.size, h.last, h.root, h.frontier, signed.text()}
	var tiles strings.Builder
	for i, t := range w.tree.full {
		fmt.Fprintf(&tiles, `, tile%d AS (INSERT INTO tile (l, n, d) VALUES ($%d, $%d, $%d))`, i, len(args)+1, len(args)+2, len(args)+3)
		args = append(args, t.level, t.n, t.data)
	}
	_, err := tx.ExecContext(ctx, `WITH entries AS (INSERT INTO entry (seq, ts, body)
		SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[]))`+tiles.String()+`
		UPDATE head SET size = $4, last_ts = $5, root = $6, frontier = $7, note = coalesce($8, note) WHERE id = 1`, args...)
	return err
}

// settle finds out whether a commit took place that failed with cause: the
// connection may have broken when the database had done it. It compares the
// batch's last entry with what the log has in its place. SQLite may have
// written all of a commit and failed to sync it: until the next one takes its
// place, it is back when the console is killed.
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
	case l.cfg.InDoubt(cause):
		return errors.Join(errUnknown, cause)
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
	h, err := l.lockHead(ctx, tx)
	if err != nil || h.size < seq {
		return nil, err
	}
	err = tx.QueryRowContext(ctx, `SELECT body FROM entry WHERE seq = $1`, seq).Scan(&text)
	return text, err
}
