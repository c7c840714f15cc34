package export

import (
	"archive/zip"
	"bufio"
	"compress/flate"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"coc-console/audit"
	"coc-console/audit/internal/merkle"
	"coc-console/audit/search"
	"coc-console/internal/sqlutil"
)

// BundleOptions say more about a bundle.
type BundleOptions struct {
	Anchors  [][]byte // checkpoints that were kept elsewhere: it is shown that the log continues them
	Progress Progress // may be nil
	Rows     *Rows    // their records and no others; the query is then not looked at
}

// Bundle writes a zip with the matching records and the proof that the
// log's latest checkpoint covers them, for VerifyBundle. A query of numbers
// and times alone gives a range, in which nothing is left out; any other gives
// what a search finds. Records beyond the checkpoint are left for the next
// time. ErrNotFound says that there is no checkpoint, or that no record
// matches; then nothing was written. After any other error what was written is
// no zip. The same log gives the same bytes; memory does not grow with the
// records' bytes.
func Bundle(ctx context.Context, w io.Writer, in *search.Index, q search.Query, o BundleOptions) error {
	b := &bundler{log: in.Log(), zip: zip.NewWriter(w)}
	b.zip.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestSpeed)
	})
	s, err := b.begin(ctx, in, q, o.Rows)
	if err != nil {
		return err
	}
	history, err := b.history(ctx, o.Anchors)
	if err != nil {
		return err
	}
	if err := b.records(ctx, s, o.Progress); err != nil {
		return err
	}
	if err := b.proof(ctx); err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		text []byte
	}{{fileCheckpoint, b.checkpoint.Note}, {fileEarlier, history},
		{fileKeys, []byte(strings.Join(slices.Concat(b.log.Keys(), []string{""}), "\n"))}} {
		if err := b.put(f.name, f.text); err != nil {
			return err
		}
	}
	if err := b.put(fileReadme, b.manifest.readme()); err != nil {
		return err
	}
	if err := b.put(fileManifest, b.manifest.encode()); err != nil {
		return err
	}
	return sqlutil.Wrap(b.zip.Close(), "end the bundle")
}

// bundler is a bundle that is being written.
type bundler struct {
	log        *audit.Log
	zip        *zip.Writer
	manifest   manifest
	checkpoint audit.Checkpoint
	pruned     int64
	chosen     runs
	hashed     hash.Hash // of the leaves of the records that were written
}

// begin decides what the bundle holds.
func (b *bundler) begin(ctx context.Context, in *search.Index, q search.Query, rows *Rows) (selection, error) {
	b.hashed = sha256.New()
	var err error
	if b.checkpoint, err = latest(ctx, b.log); err != nil {
		return selection{}, err
	}
	if b.pruned, err = b.log.Pruned(ctx); err != nil {
		return selection{}, err
	}
	if rows != nil {
		return b.beginRows(rows)
	}
	s, err := selected(ctx, in, q)
	if err != nil {
		return selection{}, err
	}
	s.below = min(s.below, b.checkpoint.Size+1)
	if s.above >= s.below-1 {
		return selection{}, fmt.Errorf("%w between these numbers and times that a checkpoint covers", audit.ErrNotFound)
	}
	b.manifest = manifest{Format: bundleFormat, Log: b.checkpoint.Origin, Kind: BundleSearch, Query: asked(q), First: s.above + 1,
		Last: s.below - 1, Size: b.checkpoint.Size, Files: map[string]string{}}
	if s.everything() {
		b.manifest.Kind = BundleRange
	}
	return s, nil
}

// asked is a query as text, with its times in UTC.
func asked(q search.Query) string {
	q.From, q.To = q.From.UTC(), q.To.UTC()
	return q.String()
}

// latest is the latest checkpoint. Where no key is believed it is taken as it
// is: whoever reads the bundle has one.
func latest(ctx context.Context, log *audit.Log) (audit.Checkpoint, error) {
	if len(log.Keys()) > 0 {
		return log.Checkpoint(ctx)
	}
	var signed []byte
	if err := log.Reader().QueryRowContext(ctx, `SELECT note FROM head WHERE id = 1`).Scan(&signed); err != nil {
		return audit.Checkpoint{}, fmt.Errorf("read the latest checkpoint: %w", err)
	}
	if len(signed) == 0 {
		return audit.Checkpoint{}, fmt.Errorf("%w: the log has no signed checkpoint yet", audit.ErrNotFound)
	}
	return audit.ParseUnverified(signed)
}

// history are older checkpoints with their proofs: the last that was kept
// before the bundle's first record, and those from elsewhere.
func (b *bundler) history(ctx context.Context, anchors [][]byte) ([]byte, error) {
	var kept []byte
	err := b.log.Reader().QueryRowContext(ctx, `SELECT note FROM checkpoint WHERE size < $1 ORDER BY size DESC, n DESC LIMIT 1`,
		b.manifest.First).Scan(&kept)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read an earlier checkpoint: %w", err)
	}
	if kept != nil {
		anchors = append([][]byte{kept}, anchors...)
	}
	all := []earlier{}
	for _, signed := range anchors {
		e, err := b.continues(ctx, signed)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	text, err := json.MarshalIndent(all, "", "  ")
	return append(text, '\n'), err
}

func (b *bundler) continues(ctx context.Context, signed []byte) (earlier, error) {
	old, err := audit.ParseUnverified(signed)
	if err != nil {
		return earlier{}, err
	}
	if old.Origin != b.checkpoint.Origin {
		return earlier{}, fmt.Errorf("%w: it is of the log %q, this one is %q", audit.ErrForked, old.Origin, b.checkpoint.Origin)
	}
	if old.Size > b.checkpoint.Size {
		return earlier{}, fmt.Errorf("%w: it speaks of %d records, the latest of %d", audit.ErrRolledBack, old.Size, b.checkpoint.Size)
	}
	proof, err := b.log.Consistency(ctx, old.Size, b.checkpoint.Size)
	if err != nil {
		return earlier{}, err
	}
	if err := b.checkpoint.CheckContinues(proof, old); err != nil {
		return earlier{}, fmt.Errorf("%w: the first %d records", audit.ErrForked, old.Size)
	}
	e := earlier{Checkpoint: string(signed), Proof: []string{}}
	for _, h := range proof {
		e.Proof = append(e.Proof, h.String())
	}
	return e, nil
}

// member begins a file, whose end writes the rest and notes down its checksum.
func (b *bundler) member(name string) (w io.Writer, end func() error, err error) {
	// No time: the same records give the same bytes.
	f, err := b.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
	if err != nil {
		return nil, nil, fmt.Errorf("begin %s in the bundle: %w", name, err)
	}
	sum := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(f, sum), 64<<10)
	return out, func() error {
		err := out.Flush()
		b.manifest.Files[name] = hex.EncodeToString(sum.Sum(nil))
		return err
	}, nil
}

func (b *bundler) put(name string, text []byte) error {
	w, end, err := b.member(name)
	if err == nil {
		_, err = w.Write(text)
	}
	if err != nil {
		return err
	}
	return end()
}

// records writes the records and remembers which they are.
func (b *bundler) records(ctx context.Context, s selection, progress Progress) error {
	w, end, err := b.member(fileRecords)
	if err != nil {
		return err
	}
	err = s.pass(ctx, pass{progress: progress, take: takeEvidence, give: func(p *part) error {
		text := p.text
		for i, seq := range p.numbers {
			if err := b.passOver(ctx, w, seq); err != nil {
				return err
			}
			end := bytesOfLine(text)
			if end < 0 {
				return fmt.Errorf("%w: the record %d is not one that was written", audit.ErrDamaged, seq)
			}
			if _, err := w.Write(text[:end]); err != nil {
				return err
			}
			text = text[end:]
			b.hashed.Write(p.leaves[i*tlog.HashSize : (i+1)*tlog.HashSize])
			b.choose(seq)
		}
		return nil
	}})
	if err == nil {
		err = b.passOver(ctx, w, s.below)
	}
	switch {
	case err != nil:
		return err
	case b.manifest.Records == 0:
		return fmt.Errorf("%w that matches", audit.ErrNotFound)
	}
	return end()
}

// takeEvidence takes an entry's line and leaf; an empty line stands for one
// that cannot be evidence.
func takeEvidence(p *part, e entryRow) {
	p.numbers = append(p.numbers, e.seq)
	leaf := merkle.Leaf(e.body)
	p.leaves = append(p.leaves, leaf[:]...)
	if audit.IsLine(e.seq, e.body) {
		p.text = append(p.text, e.body...)
	}
	p.text = append(p.text, '\n')
}

// bytesOfLine is the length of the first line; -1 if it is empty.
func bytesOfLine(text []byte) int {
	for i, c := range text {
		if c == '\n' && i > 0 {
			return i + 1
		} else if c == '\n' {
			break
		}
	}
	return -1
}

func (b *bundler) choose(seq int64) {
	b.chosen.add(seq)
	b.manifest.Records++
}

// passOver writes, of a range, the numbers before the next record whose bytes
// the log has no more.
func (b *bundler) passOver(ctx context.Context, w io.Writer, next int64) error {
	if b.manifest.Kind != BundleRange {
		return nil
	}
	first := b.manifest.First + b.manifest.Records
	if first < next && next-1 > b.pruned { // perhaps since the bundle was begun
		var err error
		if b.pruned, err = b.log.Pruned(ctx); err != nil {
			return err
		}
	}
	for seq := first; seq < next; seq++ {
		if seq > b.pruned {
			return fmt.Errorf("%w: the record %d is missing", audit.ErrDamaged, seq)
		}
		if _, err := w.Write(append(strconv.AppendInt([]byte(`{"pruned":`), seq, 10), '}', '\n')); err != nil {
			return err
		}
		b.manifest.Pruned++
		b.choose(seq)
	}
	return nil
}

// proof writes the leaves of the records and the hashes of all between, and
// makes sure of both: of the leaves by those of the records, of all by the
// checkpoint's root.
func (b *bundler) proof(ctx context.Context) error {
	w, end, err := b.member(fileLeaves)
	if err != nil {
		return err
	}
	t := b.tree(ctx)
	next, take := b.chosen.reader()
	sum := sha256.New()
	var line []byte
	tree := walker[tlog.Hash]{next: func() int64 { return next() - 1 }, join: tlog.NodeHash, outside: t.root,
		leaf: func() (tlog.Hash, error) {
			seq := take()
			h, err := t.leaf(seq - 1)
			if err != nil {
				return h, err
			}
			if seq >= b.manifest.First+b.manifest.Pruned { // the others have no bytes to compare
				sum.Write(h[:])
			}
			line = append(appendHash(append(strconv.AppendInt(line[:0], seq, 10), ' '), h), '\n')
			_, err = w.Write(line)
			return h, err
		}}
	root, err := tree.root(0, b.checkpoint.Size)
	switch {
	case err != nil:
		return err
	case string(sum.Sum(nil)) != string(b.hashed.Sum(nil)):
		return fmt.Errorf("%w: a record is not the one that was hashed; audit verify names it", audit.ErrDamaged)
	case root != b.checkpoint.Root:
		return fmt.Errorf("%w: its checkpoint is of another tree", audit.ErrDamaged)
	}
	if err := end(); err != nil {
		return err
	}
	return b.between(ctx)
}

// between writes the hashes of all between the records. A second way through
// the tree, because a zip's files come one after the other, and the hashes may
// be too many to be remembered.
func (b *bundler) between(ctx context.Context) error {
	w, end, err := b.member(fileProof)
	if err != nil {
		return err
	}
	t := b.tree(ctx)
	next, take := b.chosen.reader()
	var line []byte
	tree := walker[struct{}]{next: func() int64 { return next() - 1 },
		join: func(struct{}, struct{}) struct{} { return struct{}{} },
		leaf: func() (struct{}, error) { take(); return struct{}{}, nil },
		outside: func(lo, hi int64) (struct{}, error) {
			h, err := t.root(lo, hi)
			if err != nil {
				return struct{}{}, err
			}
			line = append(appendHash(line[:0], h), '\n')
			_, err = w.Write(line)
			return struct{}{}, err
		}}
	if _, err = tree.root(0, b.checkpoint.Size); err != nil {
		return err
	}
	return end()
}

func (b *bundler) tree(ctx context.Context) *tileLeaves {
	return &tileLeaves{ctx: ctx, log: b.log, size: b.checkpoint.Size, hashes: b.log.Hashes(ctx)}
}
