package audit

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"strings"
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
	done    chan error
}

func (a *appending) take() bool { return a.taken.CompareAndSwap(false, true) }

// writer is the state of the one goroutine that writes.
type writer struct {
	*Log
	tree      tree
	unchecked bool          // the edges are to be read anew and compared
	commits   int           // rows of the last batch
	took      time.Duration // by the last commit
	prepared  statements
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
	w.prepared.close()
}

// statements are those of every commit on SQLite, prepared on its one
// connection: to parse them again would take a quarter of a small commit. On
// PostgreSQL the driver does this.
type statements struct{ head, entry, tile, update *sql.Stmt }

const selectHead = `SELECT size, last_ts, root, frontier FROM head WHERE id = 1`

func (s *statements) prepare(ctx context.Context, db *sql.DB) error {
	if s.update != nil {
		return nil
	}
	for _, p := range []struct {
		to   **sql.Stmt
		text string
	}{
		{&s.head, selectHead},
		{&s.entry, `INSERT INTO entry (seq, ts, body) VALUES ($1, $2, $3)`},
		{&s.tile, `INSERT INTO tile (l, n, d) VALUES ($1, $2, $3)`},
		{&s.update, `UPDATE head SET size = $1, last_ts = $2, root = $3, frontier = $4, note = coalesce($5, note) WHERE id = 1`},
	} {
		var err error
		if *p.to, err = db.PrepareContext(ctx, p.text); err != nil { //nolint:sqlclosecheck // close does
			s.close()
			return err
		}
	}
	return nil
}

func (s *statements) close() {
	for _, p := range []*sql.Stmt{s.head, s.entry, s.tile, s.update} {
		if p != nil {
			_ = p.Close()
		}
	}
	*s = statements{}
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
// remembered of the tree is forgotten, and read and compared before the next.
func (w *writer) store(batch []*appending) (err error) {
	defer func() {
		if err != nil {
			w.tree, w.unchecked = tree{}, true
		}
	}()
	if err := w.cfg.Unmoved(); err != nil {
		return err
	}
	ctx, cancel := w.commitContext()
	defer cancel()
	if w.cfg.Dialect == SQLite {
		if err := w.prepared.prepare(ctx, w.cfg.Log); err != nil {
			return err
		}
	}
	tx, err := w.cfg.Log.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	signed, err := w.put(ctx, tx, batch)
	if err != nil {
		return rollback(tx, err)
	}
	if err := tx.Commit(); err != nil {
		last := batch[len(batch)-1]
		if err := w.settle(last.record.Sequence, last.content, err); err != nil {
			return err
		}
	}
	w.unchecked = false
	w.signed(signed, w.tree.size)
	return nil
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
func (w *writer) put(ctx context.Context, tx *sql.Tx, batch []*appending) (*stamp, error) {
	h, err := w.nextHead(ctx, tx)
	if err != nil {
		return nil, err
	}
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
		a.content = withNumber(h.size, h.last, a.content)
		if w.cfg.withoutTree {
			w.tree.size++
			continue
		}
		if err := w.tree.add(leafHash(a.content)); err != nil {
			return nil, err
		}
	}
	signed := w.sign(ctx, tx, h.last)
	if w.cfg.Dialect == PostgreSQL {
		err = w.putAtOnce(ctx, tx, batch, h.last, signed)
	} else {
		err = w.putEach(ctx, tx, batch, h.last, signed)
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

func (h *headRow) scan(row *sql.Row) error { return row.Scan(&h.size, &h.last, &h.root, &h.frontier) }

func (l *Log) lockHead(ctx context.Context, q querier) (h headRow, err error) {
	text := selectHead
	if l.cfg.Dialect == PostgreSQL {
		text += ` FOR UPDATE`
	}
	err = h.scan(q.QueryRowContext(ctx, text))
	return h, err
}

// nextHead is lockHead in a commit.
func (w *writer) nextHead(ctx context.Context, tx *sql.Tx) (h headRow, err error) {
	if w.prepared.head == nil {
		return w.lockHead(ctx, tx)
	}
	head := tx.StmtContext(ctx, w.prepared.head)
	defer func() { _ = head.Close() }()
	err = h.scan(head.QueryRowContext(ctx))
	return h, err
}

// putEach is for SQLite: a prepared insert for one row is its fastest.
func (w *writer) putEach(ctx context.Context, tx *sql.Tx, batch []*appending, last int64, signed *stamp) error {
	insert := tx.StmtContext(ctx, w.prepared.entry)
	defer func() { _ = insert.Close() }()
	for _, a := range batch {
		if _, err := insert.ExecContext(ctx, a.record.Sequence, a.record.Time.UnixMicro(), a.content); err != nil {
			return err
		}
	}
	for _, t := range w.tree.full {
		if err := once(ctx, tx, w.prepared.tile, t.level, t.n, t.data); err != nil {
			return err
		}
	}
	root := w.tree.root()
	return once(ctx, tx, w.prepared.update, w.tree.size, last, root[:], joined(w.tree.frontier), signed.text())
}

func once(ctx context.Context, tx *sql.Tx, s *sql.Stmt, args ...any) error {
	in := tx.StmtContext(ctx, s)
	defer func() { _ = in.Close() }()
	_, err := in.ExecContext(ctx, args...)
	return err
}

// putAtOnce is for PostgreSQL: everything in one round trip.
func (w *writer) putAtOnce(ctx context.Context, tx *sql.Tx, batch []*appending, last int64, signed *stamp) error {
	seqs, times, bodies := make([]int64, len(batch)), make([]int64, len(batch)), make([][]byte, len(batch))
	for i, a := range batch {
		seqs[i], times[i], bodies[i] = a.record.Sequence, a.record.Time.UnixMicro(), a.content
	}
	root := w.tree.root()
	args := []any{seqs, times, bodies, w.tree.size, last, root[:], joined(w.tree.frontier), signed.text()}
	var tiles strings.Builder
	for i, t := range w.tree.full {
		fmt.Fprintf(&tiles, `, tile%d AS (INSERT INTO tile (l, n, d) VALUES ($%d, $%d, $%d))`, i, len(args)+1, len(args)+2, len(args)+3)
		args = append(args, t.level, t.n, t.data)
	}
	//nolint:gosec // the text in between is this function's
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
