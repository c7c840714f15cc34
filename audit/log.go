// Package audit is the console's log: an append-only list of records with consecutive sequence numbers and strictly
// increasing times, whose bytes form a signed Merkle tree.
//
// # What it guarantees
//
//   - Durable first. When Append or Request returns without an error, the
//     record survives a killed process and a power cut (as far as the disk
//     keeps its promises). When they return an error, the record is not in the
//     log, unless the error is a *StorageError that says Unknown: the
//     connection to the database broke during the commit and could not be made
//     again, or the disk did not say that it has what was written to it. After a
//     failed commit nothing is remembered that the disk does not
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
//     set back, and a clock that is wrong dates no other console's records.
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
//   - Nobody waits for ever. Searches and pages do not wait for commits; a commit
//     that a lock or the server holds up is given up after CommitTimeout, and what
//     waits for one that a disk holds up is answered a second later. The log
//     takes records again by itself.
//   - Reads cannot crowd out operations. Repeated ones are counted (Note); while
//     the log cannot take them, or little space is left, all are, and the log
//     says afterwards how many there were (ActionReadsOmitted).
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
//     handlers: a full disk must not blind an operator. A console that is
//     killed forgets those that it has counted and not recorded yet.
//
// # How it is stored
//
// The log itself is the table entry, whose body is the record's exact bytes, without secondary indexes. Appends that
// wait at the same time share one commit. The tree's full tiles are in the table tile; the row head holds the size,
// the root, the complete subtrees to go on from and the latest checkpoint; a checkpoint a minute, and one per 4,096
// records, is kept in the table checkpoint. The search tables are derived: a follower fills them, queries add what it
// has not reached yet, and they may be deleted while the console is stopped. The newest records stay in memory until
// they are there.
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

	"coc-console/audit/internal/tree"
	"coc-console/internal/sqlutil"
)

// The errors of the log, besides *StorageError and those of contexts.
var (
	ErrDamaged  = tree.ErrDamaged // the log takes no more records
	ErrNotFound = errors.New("audit: no such record")
	ErrClosed   = errors.New("audit: the log is closed")
	ErrBusy     = errors.New("audit: too many records wait to be written")
	ErrReserve  = errors.New("audit: the space that is left is kept for the ends of operations that run")
)

// StorageError says that the database refused a record. Nothing was written, unless it is Unknown.
type StorageError struct {
	Full     bool // no space left
	ReadOnly bool // the database cannot be written
	Unknown  bool // the record may be in the log: the connection broke, the disk failed, or hangs
	Busy     bool // the database was locked, or did not answer, for CommitTimeout
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

// Config hands the log its database, opened and migrated. The caller closes it after the log.
type Config struct {
	Dialect      string           // SQLite or PostgreSQL
	Log, LogRead *sql.DB          // tables entry, tile, head and checkpoint
	Database     Database         // what the log must know of them besides
	Logger       *slog.Logger     // nil: none
	Now          func() time.Time // nil: time.Now
	OwnClock     bool             // records take Now's time also where PostgreSQL's clock says another; for tests

	Key     ed25519.PrivateKey // signs checkpoints; nil: there are none. Consoles that share a log share it, or trust each other's
	Trusted []string           // public keys, besides Key's, whose checkpoints are believed
	Origin  string             // the log's name, given at its first start; empty: coc-console/ and a random id
	Anchors []Anchor           // get every minute's checkpoint; Open compares the log with theirs
	Seen    string             // a file beside the log that gets the latest checkpoint every few seconds; Open compares the log with it; empty: none

	RepeatSpan time.Duration // identical reads within it are counted (Note); 0: a minute; negative: each is recorded

	withoutTree     bool // for benchmarks: what does the tree cost?
	withoutRecovery bool // for tests that count records: an outage ends by what they do alone
}

// Database is what the log asks of its database besides SQL.
type Database interface {
	// What an error means: no space is left; nothing can be written; a lock was not let go of in time; the connection
	// is gone; what a failed commit wrote may be back after a restart.
	IsFull(err error) bool
	IsReadOnly(err error) bool
	IsBusy(err error) bool
	IsLost(err error) bool
	InDoubt(err error) bool

	// EachEntry hands entries that fit a condition to each, in the order of their
	// numbers, until it returns an error, which is returned. A body is valid during
	// the call only. It is errors.ErrUnsupported where there is no such way.
	EachEntry(ctx context.Context, where string, args []any, each func(seq, ts int64, body []byte) error) error
	// Unmoved fails when the log's file is no longer at its path. It is asked before every commit.
	Unmoved() error
	// Space is what the log's disk has left and has in all, in bytes; zeros where that is not known.
	Space() (free, total uint64, err error)
	// Unguarded names the triggers that should refuse changes of the log, and do not.
	Unguarded(ctx context.Context) ([]string, error)
}

func (c Config) withDefaults() Config {
	if c.RepeatSpan == 0 {
		c.RepeatSpan = repeatSpan
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

	stop   context.CancelFunc
	done   sync.WaitGroup
	mu     sync.RWMutex // held for reading while an append is queued
	closed bool
	noting sync.Mutex                // held while a note is queued
	noted  atomic.Pointer[appending] // the last note
	reads  reads                     // of the last minute, and those that were not recorded
	later  later                     // records that are kept until the log takes them
	hooks  hooks

	underWay atomic.Pointer[underWay] // the commit that the writer is at; nil: none
	failing  atomic.Pointer[outage]   // since when commits fail; nil when the last one did not
	resuming resuming                 // the attempt to end that
	unsigned atomic.Pointer[failure]  // why the last checkpoint failed
	anchors  *anchoring
	lastSeen []byte // what is in the file Config.Seen; of the goroutine that writes it
	tiles    *tree.Reader
	speed    speed
	space    spaceMeter
	journal  *Journal // nil on PostgreSQL
}

// Open checks that the log continues the last checkpoint that it signed or anchored (ErrRolledBack, ErrForked,
// ErrSignature), and starts its writer. What searches and verifies it is started beside it.
func Open(ctx context.Context, cfg Config) (*Log, error) {
	l, err := prepare(ctx, cfg, (*Log).nameOnce)
	if err != nil {
		return nil, err
	}
	if err := l.checkAnchored(ctx); err != nil {
		return nil, err
	}
	w := &writer{Log: l, unchecked: true}
	if w.signing, err = l.signingState(ctx); err != nil {
		return nil, err
	}
	ctx, l.stop = context.WithCancel(context.WithoutCancel(ctx))
	l.done.Go(func() { w.write(ctx) })
	l.done.Go(func() { l.anchor(ctx) })
	l.done.Go(func() { l.seen(ctx) })
	l.done.Go(func() { l.supervise(ctx) })
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
	if cfg.Database == nil {
		return nil, errors.New("audit: the log needs its Database")
	}
	cfg = cfg.withDefaults()
	l := &Log{cfg: cfg, queue: make(chan *appending, queueLength), anchors: newAnchoring(cfg.Anchors),
		tiles: tree.NewReader(cfg.LogRead), space: spaceMeter{ask: cfg.Database.Space}}
	if cfg.Dialect == SQLite {
		l.journal = NewJournal(cfg.LogRead, "the log", longJournal)
	}
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

// readName reads the log's name. One whose head was removed has none, as Verify says.
func (l *Log) readName(ctx context.Context) error {
	err := l.cfg.LogRead.QueryRowContext(ctx, originQuery).Scan(&l.origin)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return sqlutil.Wrap(err, "read the log's name")
}

// nameOnce reads the log's name and gives it one at its first start.
func (l *Log) nameOnce(ctx context.Context) error {
	if err := l.cfg.LogRead.QueryRowContext(ctx, originQuery).Scan(&l.origin); err != nil {
		return fmt.Errorf("read the log's name: %w", err)
	}
	if l.origin == "" {
		name := l.cfg.Origin
		if name == "" {
			name = "coc-console/" + strings.ToLower(rand.Text())
		}
		if _, err := l.cfg.Log.ExecContext(ctx, `UPDATE head SET origin = $1 WHERE id = 1 AND origin = ''`, name); err != nil {
			return fmt.Errorf("name the log: %w", err)
		}
		// Another console may have been faster.
		if err := l.cfg.LogRead.QueryRowContext(ctx, originQuery).Scan(&l.origin); err != nil {
			return fmt.Errorf("read the log's name: %w", err)
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
	return s, sqlutil.Wrap(err, "read the last kept checkpoint")
}

// closeTimeout is more than a last commit and a last checkpoint may take.
const closeTimeout = 20 * time.Second

// Close writes what is queued, signs and anchors the end, and stops. Appends that come later get ErrClosed. When a
// commit does not end it returns ErrHangs after closeTimeout.
func (l *Log) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.stop()
	ended := make(chan struct{})
	go func() { l.done.Wait(); close(ended) }()
	late := time.NewTimer(closeTimeout)
	defer late.Stop()
	select {
	case <-ended:
	case <-late.C: // a process that is told to stop must not wait for a disk that does not answer
		return ErrHangs
	}
	l.lost()
	l.noteSeen()
	ctx, cancel := context.WithTimeout(context.Background(), anchorCloseTimeout)
	defer cancel()
	l.publish(ctx)
	return nil
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
	if since := l.Pending(); since > longCommit {
		return fmt.Errorf("a commit is under way for %v", since.Round(time.Millisecond))
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
	return n, sqlutil.Wrap(err, "read the log's size")
}
