package audit

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
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
	verifiers := make([]note.Verifier, len(keys))
	for i, k := range keys {
		var err error
		if verifiers[i], err = note.NewVerifier(k); err != nil {
			return Checkpoint{}, fmt.Errorf("audit: %q is not a public key", k)
		}
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

// NewKey makes a key that signs checkpoints.
func NewKey() ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(seed) // never fails
	return ed25519.NewKeyFromSeed(seed)
}

// LoadKey is SecretFile for a key that signs checkpoints.
func LoadKey(path string) (ed25519.PrivateKey, error) {
	seed, err := SecretFile(path, ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// SecretFile reads so many random bytes from a file of hex digits, and makes
// both where there is no file, for its owner alone. Consoles that start
// together on one file get the same.
func SecretFile(path string, size int) ([]byte, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(text) == 0 { // another may be making it
		text, err = makeSecret(path, size)
	}
	if err != nil {
		return nil, err
	}
	secret, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(secret) != size {
		return nil, fmt.Errorf("%s does not hold a key of %d hex digits", path, 2*size)
	}
	return secret, nil
}

// makeSecret makes a file that is not there, and returns what it holds. Only
// one console at a time does so in a folder.
func makeSecret(path string, size int) (text []byte, err error) {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer func() { _ = folder.Close() }() // lets go of the lock
	if err := syscall.Flock(int(folder.Fd()), syscall.LOCK_EX); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return os.ReadFile(path) // another console was faster
	}
	if err != nil {
		return nil, err
	}
	secret := make([]byte, size)
	_, _ = rand.Read(secret) // never fails
	text = []byte(hex.EncodeToString(secret) + "\n")
	_, err = f.Write(text)
	return text, errors.Join(err, f.Sync(), f.Close())
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

// Origin is the log's name in its checkpoints.
func (l *Log) Origin() string { return l.origin }

// Checkpoint returns the latest signed checkpoint, or ErrNotFound.
func (l *Log) Checkpoint(ctx context.Context) (Checkpoint, error) {
	var signed []byte
	if err := l.cfg.LogRead.QueryRowContext(ctx, `SELECT note FROM head WHERE id = 1`).Scan(&signed); err != nil {
		return Checkpoint{}, err
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
	err := l.cfg.LogRead.QueryRowContext(ctx, `SELECT note FROM checkpoint WHERE size >= $1 ORDER BY size, n LIMIT 1`, seq).Scan(&signed)
	if err == nil {
		return ParseCheckpoint(signed, l.keys...)
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return Checkpoint{}, err
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

// stamp is a checkpoint that is being written.
type stamp struct {
	Checkpoint
	edge []byte // the leaves beyond the last full tile
	keep bool
}

// text is what the head's column is set to, nil to leave it.
func (s *stamp) text() any {
	if s == nil {
		return nil
	}
	return s.Note
}

// sign signs the tree if it is time to. A failure is remembered and does not
// keep records from being written.
func (w *writer) sign(ctx context.Context, q querier, last int64) *stamp {
	now := time.Now()
	if !w.signing.due(now) || !w.tree.knows(0) {
		return nil
	}
	s, err := w.stamp(ctx, q, &w.tree, last, w.signing.keeps(w.tree.size, now))
	if err != nil {
		w.checkpointFailed(err)
	}
	return s
}

func (w *writer) stamp(ctx context.Context, q querier, t *tree, last int64, keep bool) (*stamp, error) {
	s := &stamp{Checkpoint: Checkpoint{Origin: w.origin, Size: t.size, Root: t.root(),
		Time: fromMicro(max(w.cfg.Now().UnixMicro(), last))}, keep: keep, edge: joined(t.leaves())}
	if err := q.QueryRowContext(ctx, `SELECT coalesce(max(n), 0) FROM checkpoint`).Scan(&s.Kept); err != nil {
		return nil, err
	}
	if keep {
		s.Kept++
	}
	var err error
	s.Note, err = note.Sign(&note.Note{Text: s.body()}, w.signer)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// put writes what belongs to a checkpoint besides the head's note.
func (s *stamp) put(ctx context.Context, tx transaction) error {
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
func (w *writer) signed(s *stamp, size int64) {
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
	s, size, err := w.signHead(ctx, final)
	if err != nil {
		w.checkpointFailed(err)
		return
	}
	w.signed(s, size)
	if s == nil { // another console has signed it
		w.signing.size, w.signing.keptSize = size, size
	}
}

func (w *writer) signHead(ctx context.Context, final bool) (s *stamp, size int64, err error) {
	if err := w.cfg.Unmoved(); err != nil {
		return nil, 0, err
	}
	tx, err := w.cfg.Log.BeginTx(ctx, nil)
	if err != nil {
		return nil, 0, err
	}
	h, err := w.lockHead(ctx, tx)
	if err != nil {
		return nil, 0, rollback(tx, err)
	}
	keep := h.size > w.signing.keptSize && (final || w.signing.keeps(h.size, time.Now()))
	if h.size == 0 || h.size <= w.signing.size && !keep {
		return nil, h.size, rollback(tx, nil)
	}
	t := &w.tree
	if err = t.at(h.size, h.frontier); err == nil {
		err = t.load(ctx, tx, 0, w.unchecked, true)
	}
	if err == nil {
		s, err = w.stamp(ctx, tx, t, h.last, keep)
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, `UPDATE head SET note = $1 WHERE id = 1`, s.Note)
	}
	if err == nil {
		err = s.put(ctx, tx)
	}
	if err != nil {
		return nil, 0, rollback(tx, err)
	}
	return s, h.size, tx.Commit()
}
