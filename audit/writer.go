package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"coc-console/audit/internal/merkle"
	"coc-console/audit/internal/tree"
	"coc-console/internal/sqlutil"
)

// The limits of a commit and of the queue before it.
const (
	queueLength   = 4096
	maxBatch      = 256
	maxBatchBytes = 256 << 10
	maxGather     = time.Millisecond

	// CommitTimeout bounds a commit: SQLite waits so long for a lock that
	// somebody else holds on its file, PostgreSQL for everything.
	CommitTimeout = 5 * time.Second
	commitTimeout = CommitTimeout
)

// appending is a record on its way to the disk. Whoever takes it decides what
// becomes of it: the writer, who stores it, or its own caller, who gives up.
type appending struct {
	taken    atomic.Bool
	record   Record
	content  []byte        // the record's bytes without its number and time
	body     []byte        // with them, once they are known
	done     chan error    // takes the first answer alone
	resolved chan struct{} // of what nobody waits for: closed once its outcome is known
	keep     bool          // it is written later when it cannot be written now
	omitted  *omitted      // what it tells

}

// prepare makes a record that nobody waits for ready for the queue.
func (a *appending) prepare() (err error) {
	a.done, a.resolved = make(chan error, 1), make(chan struct{})
	a.content, err = encodeContent(a.record)
	return err
}

func (a *appending) take() bool { return a.taken.CompareAndSwap(false, true) }

// answer reports the outcome. The first answer counts: that of a commit
// that hung comes after the one that its callers were given.
func (a *appending) answer(err error) {
	select {
	case a.done <- err:
	default:
		return
	}
	if a.resolved != nil {
		close(a.resolved)
	}
}

// writer is the state of the one goroutine that writes.
type writer struct {
	*Log
	tree      tree.Tree
	end       *headRow      // what the last commit made of the head; nil: it is to be read
	unchecked bool          // the edges are to be read again and compared
	commits   int           // rows of the last batch
	took      time.Duration // by the last commit
	ending    bool          // the last attempt came as far as its COMMIT
	signing   signing

	correction time.Duration // of this console's clock in the commit that is being written
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
	for batch := range slices.Chunk(w.last(), maxBatch) {
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
		if a = nil; len(batch) == 0 || w.commits < 2 || w.cfg.Dialect == PostgreSQL { // where join takes more
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

// join adds what was queued while the commit waited for the head: consoles that
// share a log wait for each other, and the more of their records each commit
// takes, the fewer commits there are.
func (w *writer) join(batch []*appending) []*appending {
	u := w.underWay.Load()
	if w.cfg.Dialect != PostgreSQL || u == nil || u.broken.Load() {
		return batch
	}
	bytes := 0
	for _, a := range batch {
		bytes += len(a.content)
	}
	for len(batch) < maxBatch && bytes < maxBatchBytes {
		select {
		case a := <-w.queue:
			if a.take() {
				batch = append(batch, a)
				bytes += len(a.content)
			}
			continue
		default:
		}
		break
	}
	u.batch.Store(&batch)
	return batch
}

func (w *writer) commit(batch []*appending) {
	if len(batch) == 0 {
		return
	}
	start := time.Now()
	end := w.begins(batch)
	batch, err := w.store(batch)
	w.commits, w.took = len(batch), time.Since(start)
	w.speed.add(w.took)
	defer end()
	if err != nil {
		w.refuse(batch, w.Refusal(err))
		return
	}
	w.failing.Store(nil)
	w.committed(batch)
	for _, a := range batch {
		a.answer(nil)
	}
}

// refuse answers a batch that could not be stored. After a commit that waited
// for as long as one may, what waited behind it has waited long enough as well.
func (w *writer) refuse(batch []*appending, why *StorageError) {
	w.fails(batch, why)
	for _, a := range batch {
		w.giveUp(a, why)
	}
	if why.Busy {
		w.refuseQueued(why)
	}
}

// errUnknown marks a commit of which nobody can say whether it took place.
var errUnknown = errors.New("the commit may have taken place")

// Refusal describes a database's error. It is exported for the console's other
// databases: what keeps an operation's form from being remembered refuses the
// operation the same way.
func (l *Log) Refusal(err error) *StorageError {
	return &StorageError{Full: l.cfg.Database.IsFull(err), ReadOnly: l.cfg.Database.IsReadOnly(err),
		Busy:    errors.Is(err, context.DeadlineExceeded) || l.cfg.Database.IsBusy(err),
		Unknown: errors.Is(err, errUnknown), Err: err}
}

// store writes a batch in one transaction. When it fails, everything that was
// remembered is forgotten, and read and compared before the next. So it is when
// the log did not end where the last commit had left it. It returns the batch
// with what has joined it.
func (w *writer) store(batch []*appending) ([]*appending, error) {
	if err := w.cfg.Database.Unmoved(); err != nil {
		w.forget()
		return batch, err
	}
	batch, err := w.attempt(batch)
	again := w.cfg.Dialect == PostgreSQL && !w.ending && (w.cfg.Database.IsLost(err) || w.cfg.Database.IsReadOnly(err))
	if again || errors.Is(err, errMoved) {
		w.forget() // on a new connection there may be another server, which takes it
		batch, err = w.attempt(batch)
	}
	if err != nil {
		w.forget()
	}
	return batch, err
}

func (w *writer) forget() { w.tree, w.end, w.unchecked = tree.Tree{}, nil, true }

func (w *writer) attempt(batch []*appending) ([]*appending, error) {
	ctx, cancel := w.commitContext()
	defer cancel()
	w.ending = false
	tx, err := w.begin(ctx)
	if err != nil {
		return batch, err
	}
	h, err := w.nextHead(ctx, tx)
	if err != nil {
		return batch, sqlutil.Rollback(tx, err)
	}
	batch = w.join(batch)
	signed, err := w.put(ctx, tx, batch, h)
	if err != nil && !w.ending {
		return batch, sqlutil.Rollback(tx, err)
	}
	if err == nil {
		w.ending = true
		err = tx.Commit()
	}
	if err != nil {
		last := batch[len(batch)-1]
		if err := w.resolve(last.record.Sequence, last.body, err); err != nil {
			w.ending = errors.Is(err, errUnknown)
			return batch, err
		}
	}
	w.unchecked = false
	w.signed(signed, w.tree.Size)
	return batch, nil
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
func (w *writer) put(ctx context.Context, tx *heldTx, batch []*appending, h headRow) (*pendingCheckpoint, error) {
	before := h
	w.correction = h.correction
	if err := w.tree.At(h.size, h.frontier); err != nil && !w.cfg.withoutTree {
		return nil, err
	}
	if w.cfg.withoutTree {
		w.tree.Size = h.size
	} else if err := w.tree.Load(ctx, tx, len(batch), w.unchecked, w.signing.due(time.Now())); err != nil {
		return nil, err
	}
	for _, a := range batch {
		h.number(&a.record, w.said())
		a.body = withNumber(h.size, h.last, clockMicro(a.record), a.content)
		if w.cfg.withoutTree {
			w.tree.Size++
			continue
		}
		if err := w.tree.AddLeaf(merkle.Leaf(a.body)); err != nil {
			return nil, err
		}
	}
	root := w.tree.Root()
	h.root, h.frontier = root[:], merkle.Join(w.tree.Peaks)
	signed := w.sign(ctx, tx, h.last)
	var err error
	if w.cfg.Dialect == PostgreSQL {
		err = w.putAtOnce(ctx, tx, batch, h, signed)
	} else {
		err = w.putEach(ctx, tx, batch, before, h, signed)
	}
	if err == nil && signed != nil {
		err = signed.put(ctx, tx)
	}
	return signed, err
}

// headRow is what the writer needs of the head.
type headRow struct {
	size, last     int64
	root, frontier []byte
	correction     time.Duration // of this console's clock, by the database's
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
func (w *writer) putEach(ctx context.Context, tx transaction, batch []*appending, before, after headRow,
	signed *pendingCheckpoint) error {
	moved, err := tx.ExecContext(ctx, `UPDATE head SET size = $1, last_ts = $2, root = $3, frontier = $4, note = coalesce($5, note)
		WHERE id = 1 AND size = $6 AND last_ts = $7 AND root = $8 AND frontier = $9`,
		after.size, after.last, after.root, after.frontier, signed.text(), before.size, before.last, before.root,
		before.frontier)
	if err != nil {
		return fmt.Errorf("move the log's head: %w", err)
	}
	if n, err := moved.RowsAffected(); err != nil || n != 1 {
		return errors.Join(errMoved, err)
	}
	for _, a := range batch {
		if _, err := tx.ExecContext(ctx, `INSERT INTO entry (seq, ts, body) VALUES ($1, $2, $3)`,
			a.record.Sequence, a.record.Time.UnixMicro(), a.body); err != nil {
			return fmt.Errorf("insert entry %d: %w", a.record.Sequence, err)
		}
	}
	for _, t := range w.tree.Full {
		if _, err := tx.ExecContext(ctx, `INSERT INTO tile (l, n, d) VALUES ($1, $2, $3)`, t.Level, t.N, t.Data); err != nil {
			return fmt.Errorf("insert tile %d of level %d: %w", t.N, t.Level, err)
		}
	}
	w.end = &after
	return nil
}

// putAtOnce is for PostgreSQL: everything in one round trip, the commit too
// where nothing is signed.
func (w *writer) putAtOnce(ctx context.Context, tx *heldTx, batch []*appending, h headRow,
	signed *pendingCheckpoint) (err error) {
	seqs, times, bodies := make([]int64, len(batch)), make([]int64, len(batch)), make([][]byte, len(batch))
	for i, a := range batch {
		seqs[i], times[i], bodies[i] = a.record.Sequence, a.record.Time.UnixMicro(), a.body
	}
	args := []any{seqs, times, bodies, h.size, h.last, h.root, h.frontier, signed.text()}
	var tiles strings.Builder
	for i, t := range w.tree.Full {
		fmt.Fprintf(&tiles, `, tile%d AS (INSERT INTO tile (l, n, d) VALUES ($%d, $%d, $%d))`,
			i, len(args)+1, len(args)+2, len(args)+3)
		args = append(args, t.Level, t.N, t.Data)
	}
	query := `WITH entries AS (INSERT INTO entry (seq, ts, body)
		SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[]))` + tiles.String() + `
		UPDATE head SET size = $4, last_ts = $5, root = $6, frontier = $7, note = coalesce($8, note) WHERE id = 1`
	if signed == nil { // others wait for the head: the commit must not take another round trip
		w.ending, err = tx.execAndCommit(ctx, query, args)
		return err
	}
	_, err = tx.ExecContext(ctx, query, args...)
	return sqlutil.Wrap(err, "write a batch")
}

// resolve finds out whether a commit took place that failed with cause: the
// connection may have broken when the database had done it. It compares the
// batch's last entry with what the log has in its place. SQLite may have
// written all of a commit and failed to sync it: until the next one takes its
// place, it is back when the console is killed.
func (l *Log) resolve(seq int64, text []byte, cause error) error {
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	stored, err := l.stored(ctx, seq)
	switch {
	case err != nil:
		return errors.Join(errUnknown, cause, err)
	case bytes.Equal(stored, text):
		l.cfg.Logger.Warn("a commit took place though its answer was lost", "error", cause)
		return nil
	case l.cfg.Database.InDoubt(cause):
		return errors.Join(errUnknown, cause)
	}
	return cause
}

// stored reads an entry's body, nil when there is none. On PostgreSQL the lock
// on the head waits until the lost transaction has ended: the answer is final.
func (l *Log) stored(ctx context.Context, seq int64) (text []byte, err error) {
	tx, err := l.cfg.Log.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("begin to read entry %d: %w", seq, err)
	}
	defer func() { err = sqlutil.Rollback(tx, err) }()
	h, err := l.lockHead(ctx, tx)
	if err != nil || h.size < seq {
		return nil, err
	}
	err = tx.QueryRowContext(ctx, `SELECT body FROM entry WHERE seq = $1`, seq).Scan(&text)
	return text, sqlutil.Wrap(err, "read entry", strconv.FormatInt(seq, 10))
}
