// Package audit is the console's log: an append-only list of records with
// consecutive sequence numbers and strictly increasing times, whose bytes form
// a signed Merkle tree.
//
// # What it guarantees
//
//   - Durable first. When Append or Request returns without an error, the
//     record survives a killed process and a power cut (as far as the disk
//     keeps its promises). When they return an error, the record is not in the
//     log, unless the error is a *StorageError that says Unknown: the
//     connection to the database broke during the commit and could not be made
//     again, or the disk did not say that it has what was written to it. After a failed commit nothing is remembered that the disk does not
//     hold: every commit continues the end that the log has, or is not made, and
//     the first one after a failure reads the last tile's records and compares
//     them with the tree.
//   - An operation cannot be sent without its request in the log: the COC
//     client takes a Receipt, and only Request makes one. Requests are refused
//     (ErrReserve) while less than 64 MiB are left on the disk; the ends of
//     operations still fit.
//   - Ordered and complete. Sequence numbers have no gaps, also when several
//     consoles share one PostgreSQL database: a record's number is assigned in
//     the commit that stores it. Times increase with them, also when a clock is
//     set back.
//   - Tamper-evident. The tree (RFC 6962) is stored in the commit of its
//     records, and its head is signed at most 100 ms later (Ed25519, C2SP
//     tlog-checkpoint). Verify finds, and names, records that were edited,
//     inserted, deleted, swapped or moved, changed hashes, checkpoints and
//     heads, trees that somebody else has signed, and, against a checkpoint
//     that was kept elsewhere (Anchor), a truncated tail and an old backup.
//     Open refuses a log that does not continue its own last checkpoint and
//     those of its anchors. A log that does not fit its own hashes takes no
//     more records (ErrDamaged).
//   - Provable. Prove and Consistency return proofs that any RFC 6962 verifier
//     checks, also of records and checkpoints from before a Prune.
//   - Append-only in the database too: triggers refuse to change or delete
//     records, tiles and checkpoints. Only Prune removes the bytes of old
//     records, by whole tiles; it leaves their hashes and a record of itself.
//   - A search finds every record whose Append has returned.
//   - An entry that cannot be read stays visible as ActionEntryDamaged and
//     hides no other.
//   - What threatens these promises is warned of beforehand (Health).
//   - Without secrets. No token, cookie, password, passcode or value of a
//     script's parameters is in a record: no field takes them, and the console
//     removes them from what IAM and COC answer.
//
// docs/audit.md names the tests that show each of these, and describes the
// bytes for who checks a log with other tools.
//
// # What it does not
//
//   - Whoever holds the signing key and can write the database can write
//     another history. Only an anchor out of their reach shows it.
//   - A host that lies when a record is made is believed.
//   - Records since the last checkpoint, those of 100 ms, are only as safe as
//     the database file.
//   - Records of reading (listed, viewed) are written on a best effort by the
//     handlers: a full disk must not blind an operator.
//
// # How it is stored
//
// The log itself is the table entry, whose body is the record's exact bytes,
// without secondary indexes. Appends that wait at the same time share one
// commit. The tree's full tiles are in the table tile; the row head holds the
// size, the root, the complete subtrees to go on from and the latest
// checkpoint; a checkpoint a minute, and one per 4,096 records, is kept in
// the table checkpoint. The search tables are derived: a follower fills them,
// queries add what it has not reached yet, and they may be deleted while the
// console is stopped. The newest records stay in memory until they are there.
package audit

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// The errors of the log, besides *StorageError and those of contexts.
var (
	ErrNotFound = errors.New("audit: no such record")
	ErrClosed   = errors.New("audit: the log is closed")
	ErrBusy     = errors.New("audit: too many records wait to be written")
	ErrReserve  = errors.New("audit: the space that is left is kept for the ends of operations that run")
)

// StorageError says that the database refused a record. Nothing was written,
// unless it is Unknown.
type StorageError struct {
	Full     bool // no space left
	ReadOnly bool // the database cannot be written
	Unknown  bool // the record may be in the log: the connection broke, or the disk failed
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
	Dialect            string                                  // SQLite or PostgreSQL
	Log, LogRead       *sql.DB                                 // tables entry, tile, head and checkpoint
	Search, SearchRead *sql.DB                                 // the search tables
	IsFull, IsReadOnly func(error) bool                        // tell the database's errors apart; nil: nothing is known of them
	InDoubt            func(error) bool                        // whether what a failed commit wrote may be back after a restart; nil: never
	EachEntry          EachEntry                               // a faster way through the table entry of LogRead; nil: there is none
	Unmoved            func() error                            // fails when the log's file is no longer at its path; asked before every commit, nil: never
	Space              func() (Space, error)                   // of the log's disk; nil: not watched
	Unguarded          func(context.Context) ([]string, error) // names the triggers that should refuse changes of the log, and do not; nil: not looked at
	Logger             *slog.Logger                            // nil: none
	Now                func() time.Time                        // nil: time.Now

	Key     ed25519.PrivateKey // signs checkpoints; nil: there are none. Consoles that share a log share it, or trust each other's
	Trusted []string           // public keys, besides Key's, whose checkpoints are believed
	Origin  string             // the log's name, given at its first start; empty: coc-console/ and a random id
	Anchors []Anchor           // get every minute's checkpoint; Open compares the log with theirs

	VerifyEvery time.Duration // the new records are verified so often in the background, everything once a day; 0: never

	withoutTree bool // for benchmarks: what does the tree cost?
}

// EachEntry hands entries that fit a condition to each, in the order of their
// numbers, until it returns an error, which is returned. A body is valid during
// the call only. It is errors.ErrUnsupported where there is no such way.
type EachEntry func(ctx context.Context, where string, args []any, each func(seq, ts int64, body []byte) error) error

func (c Config) withDefaults() Config {
	if c.EachEntry == nil {
		c.EachEntry = func(context.Context, string, []any, func(int64, int64, []byte) error) error {
			return errors.ErrUnsupported
		}
	}
	if c.IsFull == nil {
		c.IsFull = func(error) bool { return false }
	}
	if c.IsReadOnly == nil {
		c.IsReadOnly = func(error) bool { return false }
	}
	if c.InDoubt == nil {
		c.InDoubt = func(error) bool { return false }
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

// Log is an open log. It is safe for concurrent use.
type Log struct {
	cfg    Config
	origin string
	signer note.Signer // nil: no checkpoints
	keys   []string    // public keys that are believed, the signer's first

	queue chan *appending
	wake  chan struct{} // tells the follower that there is something to follow

	stop   context.CancelFunc
	done   sync.WaitGroup
	mu     sync.RWMutex // held for reading while an append is queued
	closed bool
	noting sync.Mutex                // held while a note is queued
	noted  atomic.Pointer[appending] // the last note

	failing    atomic.Pointer[outage]    // since when commits fail; nil when the last one did not
	resuming   sync.Mutex                // held while Ready tries to end that
	unsigned   atomic.Pointer[failure]   // why the last checkpoint failed
	following  sync.Mutex                // one batch for the search tables at a time
	unfollowed atomic.Pointer[failure]   // why the search tables stay behind; nil: they do not
	catchingUp atomic.Pointer[time.Time] // since when the follower is at work; nil: it waits
	recent     recent
	summaries  summaries
	anchors    *anchoring
	roots      rootCache
	speed      speed
	space      spaceMeter
	journals   []*journalMeter
	verified   atomic.Pointer[Verified]
}

// Open checks that the log continues the last checkpoint that it signed or
// anchored (ErrRolledBack, ErrForked, ErrSignature), and starts its writer and
// its follower.
func Open(ctx context.Context, cfg Config) (*Log, error) {
	l, err := prepare(ctx, cfg, (*Log).nameOnce)
	if err != nil {
		return nil, err
	}
	if err := l.checkAnchored(ctx); err != nil {
		return nil, err
	}
	if err := l.disown(ctx); err != nil { // before anyone searches them
		return nil, err
	}
	w := &writer{Log: l, unchecked: true}
	if w.signing, err = l.signingState(ctx); err != nil {
		return nil, err
	}
	ctx, l.stop = context.WithCancel(context.WithoutCancel(ctx))
	l.done.Go(func() { w.write(ctx) })
	l.done.Go(func() { l.follow(ctx) })
	l.done.Go(func() { l.anchor(ctx) })
	l.done.Go(func() { l.verifyAgain(ctx) })
	return l, nil
}

// Inspect opens a log for reading alone, whatever state it is in: to verify
// one that Open refuses. It writes nothing. Appends get ErrClosed.
func Inspect(ctx context.Context, cfg Config) (*Log, error) {
	l, err := prepare(ctx, cfg, (*Log).readName)
	if err != nil {
		return nil, err
	}
	l.closed, l.stop = true, func() {}
	return l, nil
}

func prepare(ctx context.Context, cfg Config, name func(*Log, context.Context) error) (*Log, error) {
	cfg = cfg.withDefaults()
	l := &Log{cfg: cfg, queue: make(chan *appending, queueLength), wake: make(chan struct{}, 1),
		anchors: newAnchoring(cfg.Anchors), space: spaceMeter{ask: cfg.Space}}
	if cfg.Dialect == SQLite {
		l.journals = []*journalMeter{{db: cfg.LogRead, name: "the log", limit: longJournal}, {db: cfg.SearchRead, name: "the search tables", limit: longSearchJournal}}
	}
	l.verified.Store(&Verified{})
	if err := name(l, ctx); err != nil {
		return nil, err
	}
	if cfg.Key != nil {
		if len(cfg.Key) != ed25519.PrivateKeySize {
			return nil, errors.New("audit: the key has a wrong length")
		}
		var err error
		if l.signer, err = newSigner(l.origin, cfg.Key); err != nil {
			return nil, err
		}
		public, err := VerifierKey(l.origin, ed25519.PublicKey(cfg.Key[ed25519.SeedSize:]))
		if err != nil {
			return nil, err
		}
		l.keys = append(l.keys, public)
	}
	l.keys = append(l.keys, cfg.Trusted...)
	return l, nil
}

const originQuery = `SELECT origin FROM head WHERE id = 1`

// readName reads the log's name. One whose head was removed has none, as
// Verify says.
func (l *Log) readName(ctx context.Context) error {
	err := l.cfg.LogRead.QueryRowContext(ctx, originQuery).Scan(&l.origin)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// nameOnce reads the log's name and gives it one at its first start.
func (l *Log) nameOnce(ctx context.Context) error {
	if err := l.cfg.LogRead.QueryRowContext(ctx, originQuery).Scan(&l.origin); err != nil {
		return err
	}
	if l.origin == "" {
		name := l.cfg.Origin
		if name == "" {
			name = "coc-console/" + strings.ToLower(rand.Text())
		}
		if _, err := l.cfg.Log.ExecContext(ctx, `UPDATE head SET origin = $1 WHERE id = 1 AND origin = ''`, name); err != nil {
			return err
		}
		if err := l.cfg.LogRead.QueryRowContext(ctx, originQuery).Scan(&l.origin); err != nil { // another may have been faster
			return err
		}
	}
	if l.cfg.Origin != "" && l.cfg.Origin != l.origin {
		return fmt.Errorf("audit: the log's name is %q, not %q", l.origin, l.cfg.Origin)
	}
	return nil
}

// signingState is what was signed before this start.
func (l *Log) signingState(ctx context.Context) (signing, error) {
	s := signing{on: l.signer != nil}
	if !s.on {
		return s, nil
	}
	var err error
	if s.head, err = l.Size(ctx); err != nil {
		return s, err
	}
	c, err := l.Checkpoint(ctx)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return s, err
	}
	s.size, s.at, s.keptAt = c.Size, time.Now(), time.Now()
	if c.Size > 0 {
		l.anchors.offer(c)
	}
	var ts int64
	err = l.cfg.LogRead.QueryRowContext(ctx, `SELECT size, ts FROM checkpoint ORDER BY n DESC LIMIT 1`).Scan(&s.keptSize, &ts)
	if errors.Is(err, sql.ErrNoRows) {
		return s, nil
	}
	s.keptAt = time.Now().Add(-max(l.cfg.Now().Sub(fromMicro(ts)), 0))
	return s, err
}

// Close writes what is queued, signs and anchors the end, and stops. Appends
// that come later get ErrClosed.
func (l *Log) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.stop()
	l.done.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), anchorTimeout)
	defer cancel()
	l.publish(ctx)
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
	var err error
	if a.content, err = encodeContent(a.record); err != nil {
		return Record{}, err
	}
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

// Note queues a record and does not wait until it is durable: it is for what is
// kept on a best effort, and must hold nobody up. What a console that is killed
// had in its queue is lost. Reading the log waits for what was noted before, so
// that it is among what is found. An error says that the record was not queued;
// one that cannot be written later is for the logger and Health.
func (l *Log) Note(r Record) error {
	if err := r.check(); err != nil {
		return err
	}
	a := &appending{record: clean(r), done: make(chan error, 1), settled: make(chan struct{})}
	var err error
	if a.content, err = encodeContent(a.record); err != nil {
		return err
	}
	l.noting.Lock() // notes are remembered in the order of the queue
	defer l.noting.Unlock()
	if err := l.enqueue(a); err != nil {
		return err
	}
	l.noted.Store(a)
	return nil
}

// awaitNotes waits for what was noted before.
func (l *Log) awaitNotes(ctx context.Context) error {
	a := l.noted.Load()
	if a == nil {
		return nil
	}
	select {
	case <-a.settled:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
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
// client asks for before it sends. It is refused (ErrReserve) while so little
// space is left that the ends of running operations may need it.
func (l *Log) Request(ctx context.Context, r Record) (Receipt, error) {
	if space, err := l.space.get(); err == nil && space.Total > 0 && space.Free < reservedSpace {
		return Receipt{}, &StorageError{Full: true, Err: ErrReserve}
	}
	r.Action, r.Outcome = ActionOperationRequested, OutcomePending
	written, err := l.Append(ctx, r)
	return Receipt{written}, err
}

// Failing returns why the last commit failed, and nil when it did not. It asks
// nobody, so that every page can warn its reader.
func (l *Log) Failing() error {
	if o := l.failing.Load(); o != nil {
		return o.why
	}
	return nil
}

// Ready reports whether the log can be read and written. After a failed commit
// it appends a record (ActionAuditResumed), because there may be no other to
// end the failure, and nothing smaller shows that there is space for one.
func (l *Log) Ready(ctx context.Context) error {
	l.mu.RLock()
	closed := l.closed
	l.mu.RUnlock()
	if closed {
		return ErrClosed
	}
	if err := l.resume(ctx); err != nil {
		return err
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
