package audit

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"coc-console/audit/internal/merkle"
	"coc-console/audit/internal/tree"
	"coc-console/internal/sqlutil"
)

// How often checkpoints are made. An unsigned head is signed together with the
// next commit, or by itself when there is none.
const (
	signEvery = 100 * time.Millisecond
	keepEvery = time.Minute
	keepSize  = 4096
)

// Checkpoint is a signed statement of how many records the log has and which
// tree they form: a C2SP tlog-checkpoint with two lines of ours, in a signed
// note. Whoever holds one can tell whether a later log continues that one.
type Checkpoint struct {
	Origin string    // the log's name
	Size   int64     // records
	Root   tlog.Hash // of their tree
	Time   time.Time // of signing, microseconds
	Kept   int64     // how many checkpoints the log has kept, with this one if it is
	Note   []byte    // the signed text
}

// body is the text that is signed.
func (c Checkpoint) body() string {
	return fmt.Sprintf("%s\n%d\n%s\nts %d\nkept %d\n", c.Origin, c.Size, c.Root, c.Time.UnixMicro(), c.Kept)
}

// ErrSignature says that a checkpoint is not signed by a key that is believed.
var ErrSignature = errors.New("audit: the checkpoint is not signed by a known key")

// ParseCheckpoint reads a signed checkpoint and checks that one of the keys,
// in the form that PublicKey returns, has signed it.
func ParseCheckpoint(signed []byte, keys ...string) (Checkpoint, error) {
	verifiers, err := verifiersOf(keys)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("audit: %w", err)
	}
	n, err := note.Open(signed, note.VerifierList(verifiers...))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if err := strict(n); err != nil {
		return Checkpoint{}, err
	}
	c, err := parseBody(n.Text)
	c.Note = signed
	if err == nil && n.Sigs[0].Name != c.Origin {
		err = fmt.Errorf("%w: its key is that of %q", ErrSignature, n.Sigs[0].Name)
	}
	return c, err
}

// CheckKeys refuses what is not in the form that PublicKey returns.
func CheckKeys(keys ...string) error {
	_, err := verifiersOf(keys)
	return err
}

func verifiersOf(keys []string) ([]note.Verifier, error) {
	verifiers := make([]note.Verifier, len(keys))
	for i, k := range keys {
		var err error
		if verifiers[i], err = note.NewVerifier(k); err != nil {
			return nil, fmt.Errorf("%q is not a public key", k)
		}
	}
	return verifiers, nil
}

// ParseUnverified reads a checkpoint whoever has signed it.
func ParseUnverified(signed []byte) (Checkpoint, error) {
	_, err := note.Open(signed, note.VerifierList())
	unverified, ok := errors.AsType[*note.UnverifiedNoteError](err)
	if !ok {
		return Checkpoint{}, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	c, err := parseBody(unverified.Note.Text)
	c.Note = signed
	return c, err
}

// CheckContinues checks the proof (RFC 6962, section 2.1.2) that the tree of c
// continues that of an older checkpoint.
func (c Checkpoint) CheckContinues(proof tlog.TreeProof, older Checkpoint) error {
	if older.Size == 0 {
		return nil
	}
	return tlog.CheckTree(proof, c.Size, c.Root, older.Size, older.Root)
}

// strict refuses signatures that are written in another way than the one.
func strict(n *note.Note) error {
	for _, s := range slices.Concat(n.Sigs, n.UnverifiedSigs) {
		raw, err := base64.StdEncoding.DecodeString(s.Base64)
		if err != nil || base64.StdEncoding.EncodeToString(raw) != s.Base64 {
			return fmt.Errorf("%w: a signature is not in its one form", ErrSignature)
		}
	}
	return nil
}

func parseBody(text string) (Checkpoint, error) {
	var c Checkpoint
	lines := strings.SplitN(text, "\n", 6)
	if len(lines) != 6 {
		return c, errors.New("audit: the checkpoint does not have five lines")
	}
	c.Origin = lines[0]
	size, err := strconv.ParseInt(lines[1], 10, 64)
	root, err2 := tlog.ParseHash(lines[2])
	ts, err3 := strconv.ParseInt(strings.TrimPrefix(lines[3], "ts "), 10, 64)
	kept, err4 := strconv.ParseInt(strings.TrimPrefix(lines[4], "kept "), 10, 64)
	if err := errors.Join(err, err2, err3, err4); err != nil {
		return Checkpoint{}, fmt.Errorf("audit: the checkpoint cannot be read: %w", err)
	}
	c.Size, c.Root, c.Time, c.Kept = size, root, fromMicro(ts), kept
	if c.body() != text || size < 0 {
		return Checkpoint{}, errors.New("audit: the checkpoint is not in its one form")
	}
	return c, nil
}

// VerifierKey is the public half of a key as verifiers of a log's notes take it.
func VerifierKey(origin string, key ed25519.PublicKey) (string, error) {
	return note.NewEd25519VerifierKey(origin, key)
}

// newSigner makes a note's signer of a key: the name is known later than the key.
func newSigner(origin string, key ed25519.PrivateKey) (note.Signer, error) {
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("audit: the key is not an Ed25519 key")
	}
	verifier, err := VerifierKey(origin, public)
	if err != nil {
		return nil, err
	}
	v, err := note.NewVerifier(verifier)
	if err != nil {
		return nil, err
	}
	const ed25519Notes = 1
	return note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", origin, v.KeyHash(),
		base64.StdEncoding.EncodeToString(append([]byte{ed25519Notes}, key.Seed()...))))
}

// PublicKey is the key that verifies this log's checkpoints, as golang.org/x/mod/sumdb/note
// and C2SP's tools read it; empty when none signs them.
func (l *Log) PublicKey() string {
	if l.signer == nil {
		return ""
	}
	return l.keys[0]
}

// Keys are the public keys whose checkpoints are believed, the log's own first.
func (l *Log) Keys() []string { return slices.Clone(l.keys) }

// Origin is the log's name in its checkpoints.
func (l *Log) Origin() string { return l.origin }

// Checkpoint returns the latest signed checkpoint, or ErrNotFound.
func (l *Log) Checkpoint(ctx context.Context) (Checkpoint, error) {
	var signed []byte
	if err := l.cfg.LogRead.QueryRowContext(ctx, `SELECT note FROM head WHERE id = 1`).Scan(&signed); err != nil {
		return Checkpoint{}, fmt.Errorf("read the latest checkpoint: %w", err)
	}
	if len(signed) == 0 {
		return Checkpoint{}, ErrNotFound
	}
	return ParseCheckpoint(signed, l.keys...)
}

// Covering returns the first kept checkpoint that covers a record, else the
// latest, or ErrNotFound when none covers it yet.
func (l *Log) Covering(ctx context.Context, seq int64) (Checkpoint, error) {
	var signed []byte
	err := l.cfg.LogRead.QueryRowContext(ctx,
		`SELECT note FROM checkpoint WHERE size >= $1 ORDER BY size, n LIMIT 1`, seq).Scan(&signed)
	if err == nil {
		return ParseCheckpoint(signed, l.keys...)
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return Checkpoint{}, fmt.Errorf("read the checkpoint that covers record %d: %w", seq, err)
	}
	c, err := l.Checkpoint(ctx)
	if err == nil && c.Size < seq {
		return Checkpoint{}, ErrNotFound
	}
	return c, err
}

// signing says what the writer has signed and kept.
type signing struct {
	on       bool
	head     int64 // the log's size, as far as the writer knows
	size     int64 // of the latest checkpoint
	at       time.Time
	keptSize int64
	keptAt   time.Time
}

// due reports whether the head may be signed again.
func (s *signing) due(now time.Time) bool { return s.on && now.Sub(s.at) >= signEvery }

// keeps reports whether a checkpoint of that size is one to keep.
func (s *signing) keeps(size int64, now time.Time) bool {
	return size > s.keptSize && (size-s.keptSize >= keepSize || now.Sub(s.keptAt) >= keepEvery)
}

// wait is how long the writer may sleep.
func (s *signing) wait(now time.Time) time.Duration {
	switch {
	case s.on && s.head > s.size:
		return max(s.at.Add(signEvery).Sub(now), signEvery)
	case s.on && s.size > s.keptSize:
		return max(s.keptAt.Add(keepEvery).Sub(now), time.Millisecond)
	}
	return time.Hour
}

// pendingCheckpoint is a checkpoint that is being written.
type pendingCheckpoint struct {
	Checkpoint
	edge []byte // the leaves beyond the last full tile
	keep bool
}

// text is what the head's column is set to, nil to leave it.
func (s *pendingCheckpoint) text() any {
	if s == nil {
		return nil
	}
	return s.Note
}

// sign signs the tree if it is time to. A failure is remembered and does not
// keep records from being written.
func (w *writer) sign(ctx context.Context, q tree.Querier, last int64) *pendingCheckpoint {
	now := time.Now()
	if !w.signing.due(now) || !w.tree.Knows(0) {
		return nil
	}
	s, err := w.newCheckpoint(ctx, q, &w.tree, last, w.signing.keeps(w.tree.Size, now))
	if err != nil {
		w.checkpointFailed(err)
	}
	return s
}

func (w *writer) newCheckpoint(ctx context.Context, q tree.Querier, t *tree.Tree, last int64,
	keep bool) (*pendingCheckpoint, error) {
	kept, earliest, err := w.lastSigned(ctx, q)
	if err != nil {
		return nil, err
	}
	s := &pendingCheckpoint{Checkpoint: Checkpoint{Origin: w.origin, Size: t.Size, Root: t.Root(), Kept: kept,
		Time: fromMicro(max(w.said().UnixMicro(), last, earliest))}, keep: keep, edge: merkle.Join(t.Leaves())}
	if keep {
		s.Kept++
	}
	s.Note, err = note.Sign(&note.Note{Text: s.body()}, w.signer)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// lastSigned returns the number of the last kept checkpoint, and the time
// before which the next one must not be signed: that of the latest one, kept or
// not, whichever console signed it. Only signed times count, because anybody
// who can write the database can change a column.
func (w *writer) lastSigned(ctx context.Context, q tree.Querier) (kept, earliest int64, err error) {
	var notes [2][]byte
	err = q.QueryRowContext(ctx, `SELECT n, note FROM checkpoint ORDER BY n DESC LIMIT 1`).Scan(&kept, &notes[0])
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, 0, fmt.Errorf("read the last kept checkpoint: %w", err)
	}
	if err := q.QueryRowContext(ctx, `SELECT note FROM head WHERE id = 1`).Scan(&notes[1]); err != nil {
		return 0, 0, fmt.Errorf("read the latest checkpoint: %w", err)
	}
	for _, signed := range notes {
		if len(signed) == 0 {
			continue
		}
		c, err := ParseCheckpoint(signed, w.keys...)
		if err == nil && c.Origin == w.origin { // others are for Verify to report
			earliest = max(earliest, c.Time.UnixMicro())
		}
	}
	return kept, earliest, nil
}

// put writes what belongs to a checkpoint besides the head's note.
func (s *pendingCheckpoint) put(ctx context.Context, tx transaction) error {
	if s == nil {
		return nil
	}
	_, err := tx.ExecContext(ctx, `UPDATE edge SET leaves = $1 WHERE id = 1`, s.edge)
	if err != nil || !s.keep {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO checkpoint (n, size, ts, note) VALUES ($1, $2, $3, $4)`,
		s.Kept, s.Size, s.Time.UnixMicro(), s.Note)
	return err
}

// signed remembers, after a commit, what it wrote.
func (w *writer) signed(s *pendingCheckpoint, size int64) {
	w.signing.head = max(w.signing.head, size)
	if s == nil {
		return
	}
	now := time.Now()
	w.signing.size, w.signing.at = s.Size, now
	if s.keep {
		w.signing.keptSize, w.signing.keptAt = s.Size, now
	}
	w.unsigned.Store(nil)
	w.anchors.offer(s.Checkpoint)
}

func (w *writer) checkpointFailed(err error) {
	w.signing.at = time.Now() // not at every commit
	if w.unsigned.Swap(&failure{err, time.Now()}) == nil {
		w.cfg.Logger.Error("the log's checkpoint is not signed", "error", err)
	}
}

// failure is an error with its time.
type failure struct {
	err error
	at  time.Time
}

// checkpoint signs the head when no commit has done so.
func (w *writer) checkpoint(final bool) {
	if !w.signing.on {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	end := w.begins(nil)
	s, size, err := w.signHead(ctx, final)
	end()
	if err != nil {
		w.checkpointFailed(err)
		return
	}
	w.signed(s, size)
	if s == nil { // another console has signed it
		w.signing.size, w.signing.keptSize = size, size
	}
}

func (w *writer) signHead(ctx context.Context, final bool) (s *pendingCheckpoint, size int64, err error) {
	if err := w.cfg.Database.Unmoved(); err != nil {
		return nil, 0, err
	}
	tx, err := w.cfg.Log.BeginTx(ctx, nil)
	if err != nil {
		return nil, 0, fmt.Errorf("begin to sign: %w", err)
	}
	h, err := w.lockHead(ctx, tx)
	if err != nil {
		return nil, 0, sqlutil.Rollback(tx, err)
	}
	w.correction = h.correction
	keep := h.size > w.signing.keptSize && (final || w.signing.keeps(h.size, time.Now()))
	if h.size == 0 || h.size <= w.signing.size && !keep {
		return nil, h.size, sqlutil.Rollback(tx, nil)
	}
	t := &w.tree
	if err = t.At(h.size, h.frontier); err == nil {
		err = t.Load(ctx, tx, 0, w.unchecked, true)
	}
	if err == nil {
		s, err = w.newCheckpoint(ctx, tx, t, h.last, keep)
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, `UPDATE head SET note = $1 WHERE id = 1`, s.Note)
	}
	if err == nil {
		err = s.put(ctx, tx)
	}
	if err != nil {
		return nil, 0, sqlutil.Rollback(tx, err)
	}
	return s, h.size, sqlutil.Wrap(tx.Commit(), "commit the checkpoint")
}
