package export

import (
	"archive/zip"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"coc-console/audit"
	"coc-console/audit/internal/merkle"
	"coc-console/audit/search"
)

// BundleFinding is something in a bundle that must not be.
type BundleFinding struct {
	File     string // of the bundle; empty: an anchor
	Sequence int64  // the record, where it is about one
	Text     string
}

func (f BundleFinding) String() string { return f.Text }

// BundleReport is what a bundle proves. Without findings each of its records is
// in the log, unaltered; of a range none is left out.
type BundleReport struct {
	Kind        string // BundleRange or BundleSearch
	Query       string // what was asked for, as the maker says
	Rows        string // what the query is of, as the maker says; empty: of records, each of which fits it
	First, Last int64  // the numbers that were looked at; of a range, all are there
	Records     int64  // with Pruned
	Pruned      int64  // those of which the log, or the maker, kept only the hash
	Checkpoint  audit.Checkpoint
	Earlier     []audit.Checkpoint // that the checkpoint is shown to continue
	Anchored    []audit.Checkpoint // the anchors that it is shown to continue
	Findings    []BundleFinding
	More        int // how many findings are left out
}

// OK reports whether nothing was found.
func (r BundleReport) OK() bool { return len(r.Findings) == 0 }

// The limits of what a bundle is read of. Records, leaves and the proof are
// read line by line.
const (
	maxMember   = 1 << 20
	maxLine     = audit.MaxBody + 1
	maxEarlier  = 100
	maxProof    = 128
	maxHashLine = 128
	maxFindings = 1000
)

// VerifyBundle checks a bundle with nothing but the public keys that are
// believed, in the form of PublicKey, and checkpoints that were kept elsewhere,
// which the bundle must show to be continued. What is wrong is in the report;
// an error is ErrBundle, a key that cannot be read, or one of r. Memory does
// not grow with the bundle, whoever made it.
func VerifyBundle(r io.ReaderAt, size int64, keys []string, anchors ...[]byte) (BundleReport, error) {
	if len(keys) == 0 {
		return BundleReport{}, errors.New("audit: without a public key nothing is proven")
	}
	if _, err := audit.ParseCheckpoint(nil, keys...); !errors.Is(err, audit.ErrSignature) {
		return BundleReport{}, err // about a key
	}
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return BundleReport{}, fmt.Errorf("%w (%w)", ErrBundle, err)
	}
	b := &bundleCheck{keys: keys, files: map[string]*zip.File{}, sums: map[string]hash.Hash{}}
	if b.members(archive) && b.readManifest() && b.readCheckpoint() {
		b.readHistory(anchors)
		b.readTexts()
		b.readRecords()
		b.compareSums()
	}
	return b.report, b.failed
}

// bundleCheck is one verification.
type bundleCheck struct {
	keys     []string
	files    map[string]*zip.File
	sums     map[string]hash.Hash // of files that were read to their end
	manifest manifest
	query    search.Query
	report   BundleReport
	failed   error
}

func (b *bundleCheck) find(file string, seq int64, text string, args ...any) {
	if len(b.report.Findings) == maxFindings {
		b.report.More++
		return
	}
	b.report.Findings = append(b.report.Findings, BundleFinding{file, seq, fmt.Sprintf(text, args...)})
}

// members makes sure that the bundle has its files, and no others.
func (b *bundleCheck) members(archive *zip.Reader) bool {
	for _, f := range archive.File {
		switch {
		case !slices.Contains(bundleFiles, f.Name):
			b.find(f.Name, 0, "%q does not belong to a bundle", f.Name)
		case b.files[f.Name] != nil:
			b.find(f.Name, 0, "%s is there twice", f.Name)
		default:
			b.files[f.Name] = f
		}
	}
	for _, name := range bundleFiles {
		if b.files[name] == nil {
			b.find(name, 0, "%s is missing", name)
		}
	}
	return len(b.report.Findings) == 0
}

// whole reads a small file.
func (b *bundleCheck) whole(name string) ([]byte, bool) {
	text, err := b.readMember(name)
	if err != nil {
		b.find(name, 0, "%s cannot be read: %v", name, err)
		return nil, false
	}
	b.sums[name] = sha256.New()
	b.sums[name].Write(text)
	return text, true
}

func (b *bundleCheck) readMember(name string) ([]byte, error) {
	f, err := b.files[name].Open()
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller names the file
	}
	text, err := io.ReadAll(io.LimitReader(f, maxMember+1))
	if err = errors.Join(err, f.Close()); err == nil && len(text) > maxMember {
		err = errors.New("it is too long")
	}
	return text, err
}

func (b *bundleCheck) readManifest() bool {
	text, ok := b.whole(fileManifest)
	if !ok {
		return false
	}
	m := &b.manifest
	if err := json.Unmarshal(text, m); err != nil || !bytes.Equal(m.encode(), text) {
		b.find(fileManifest, 0, "%s is not in its one form", fileManifest)
		return false
	}
	if m.Format != bundleFormat {
		b.find(fileManifest, 0, "this program does not know the format %q", m.Format)
		return false
	}
	b.report.Kind, b.report.Query, b.report.First, b.report.Last = m.Kind, m.Query, m.First, m.Last
	b.report.Rows = m.Rows
	var err error
	if b.query, err = search.ParseQuery(m.Query, time.UTC); err != nil {
		b.find(fileManifest, 0, "%v", err)
	}
	b.query.Visible.All = true
	if m.Kind != BundleRange && m.Kind != BundleSearch || m.Kind == BundleRange && !b.query.Everything() {
		b.find(fileManifest, 0, "a bundle cannot be a %q of the query %q", m.Kind, m.Query)
	}
	if m.First < 1 || m.Last < m.First || m.Records < 1 || m.Kind == BundleRange && m.Records != m.Last-m.First+1 {
		b.find(fileManifest, 0, "there cannot be %d records between the numbers %d and %d", m.Records, m.First, m.Last)
	}
	return len(b.report.Findings) == 0
}

func (b *bundleCheck) readCheckpoint() bool {
	text, ok := b.whole(fileCheckpoint)
	if !ok {
		return false
	}
	c, err := audit.ParseCheckpoint(text, b.keys...)
	switch {
	case err != nil:
		b.find(fileCheckpoint, 0, "the checkpoint: %v", err)
	case c.Origin != b.manifest.Log:
		b.find(fileManifest, 0, "the checkpoint is of the log %q, not of %q", c.Origin, b.manifest.Log)
	case c.Size != b.manifest.Size:
		b.find(fileManifest, 0, "the checkpoint covers %d records, not %d", c.Size, b.manifest.Size)
	case b.manifest.Last > c.Size:
		b.find(fileManifest, 0, "the checkpoint covers %d records, and there are some up to %d", c.Size, b.manifest.Last)
	}
	b.report.Checkpoint = c
	return len(b.report.Findings) == 0
}

// readHistory checks the older checkpoints, and finds the anchors among them.
func (b *bundleCheck) readHistory(anchors [][]byte) {
	text, ok := b.whole(fileEarlier)
	if !ok {
		return
	}
	var all []earlier
	if err := json.Unmarshal(text, &all); err != nil || len(all) > maxEarlier {
		b.find(fileEarlier, 0, "%s cannot be read", fileEarlier)
		return
	}
	for i, e := range all {
		if old, err := b.continued(e); err != nil {
			b.find(fileEarlier, 0, "the older checkpoint %d of %s: %v", i+1, fileEarlier, err)
		} else {
			b.report.Earlier = append(b.report.Earlier, old)
		}
	}
	for _, signed := range anchors {
		if c, err := b.anchored(signed); err != nil {
			b.find("", 0, "the anchor: %v", err)
		} else {
			b.report.Anchored = append(b.report.Anchored, c)
		}
	}
}

// continued checks that the bundle's checkpoint continues an older one.
func (b *bundleCheck) continued(e earlier) (audit.Checkpoint, error) {
	old, err := audit.ParseCheckpoint([]byte(e.Checkpoint), b.keys...)
	if err != nil {
		return old, err
	}
	now := b.report.Checkpoint
	if old.Origin != now.Origin || old.Size > now.Size || len(e.Proof) > maxProof {
		return old, fmt.Errorf("%w: it is of %d records of the log %q", audit.ErrForked, old.Size, old.Origin)
	}
	proof := tlog.TreeProof{}
	for _, text := range e.Proof {
		h, ok := readHash(text)
		if !ok {
			return old, fmt.Errorf("%q is not a hash", text)
		}
		proof = append(proof, h)
	}
	if old.Size == 0 && (old.Root != merkle.Empty || len(proof) > 0) || now.CheckContinues(proof, old) != nil {
		return old, fmt.Errorf("%w: its first %d records are not those of the checkpoint", audit.ErrForked, old.Size)
	}
	return old, nil
}

// anchored finds a checkpoint from elsewhere among those that are continued.
func (b *bundleCheck) anchored(signed []byte) (audit.Checkpoint, error) {
	c, err := audit.ParseCheckpoint(signed, b.keys...)
	if err != nil {
		return c, err
	}
	for _, known := range append(b.report.Earlier, b.report.Checkpoint) {
		if known.Origin == c.Origin && known.Size == c.Size {
			if known.Root != c.Root {
				return c, fmt.Errorf("%w: its first %d records are others", audit.ErrForked, c.Size)
			}
			return c, nil
		}
	}
	return c, fmt.Errorf("the bundle cannot show that the log continues its %d records; it must be made with that checkpoint", c.Size)
}

// readTexts reads what is there for people.
func (b *bundleCheck) readTexts() {
	if text, ok := b.whole(fileReadme); ok && !strings.Contains(string(text), "\n"+b.manifest.summary()+"\n") {
		b.find(fileReadme, 0, "%s does not say what %s says", fileReadme, fileManifest)
	}
	text, ok := b.whole(fileKeys)
	known := strings.Fields(string(text))
	if ok && len(known) > 0 && !slices.ContainsFunc(known, func(k string) bool { return slices.Contains(b.keys, k) }) {
		b.find(fileKeys, 0, "%s names another key than the one that is believed", fileKeys)
	}
}

// compareSums compares the files with their checksums.
func (b *bundleCheck) compareSums() {
	names := slices.Sorted(maps.Keys(b.manifest.Files))
	if !slices.Equal(names, slices.Sorted(slices.Values(bundleFiles[:len(bundleFiles)-1]))) {
		b.find(fileManifest, 0, "%s does not have the checksums of all files", fileManifest)
		return
	}
	for _, name := range names {
		if sum := b.sums[name]; sum != nil && hex.EncodeToString(sum.Sum(nil)) != b.manifest.Files[name] {
			b.find(name, 0, "%s does not have the checksum that %s names", name, fileManifest)
		}
	}
}

// lines reads a file of the bundle line by line.
type lines struct {
	name string
	file io.ReadCloser
	in   *bufio.Reader
	sum  hash.Hash
	line []byte // the present one; nil at the end
	err  error

	buffer []byte
}

func (b *bundleCheck) lines(name string, longest int) *lines {
	l := &lines{name: name, sum: sha256.New()}
	var f io.ReadCloser
	if f, l.err = b.files[name].Open(); l.err != nil {
		return l
	}
	l.file, l.in, l.buffer = f, bufio.NewReaderSize(io.TeeReader(f, l.sum), longest), []byte{}
	l.advance()
	return l
}

var (
	errLong  = errors.New("a line is too long")
	errBroke = errors.New("its last line is not whole")
)

func (l *lines) advance() {
	l.line = nil
	if l.err != nil {
		return
	}
	line, err := l.in.ReadSlice('\n')
	switch {
	case err == nil:
		l.buffer = append(l.buffer[:0], line[:len(line)-1]...) // peek moves what the reader holds
		l.line = l.buffer
	case errors.Is(err, bufio.ErrBufferFull):
		l.err = errLong
	case errors.Is(err, io.EOF) && len(line) > 0:
		l.err = errBroke
	case !errors.Is(err, io.EOF):
		l.err = err
	}
}

// peek is how the next line begins.
func (l *lines) peek() []byte {
	const enough = 64
	start, _ := l.in.Peek(enough) // at the end there is less
	start, _, _ = bytes.Cut(start, []byte{'\n'})
	return start
}

// end closes the file, and says what kept it from being read, or, when all
// was compared, what is left over.
func (l *lines) end(b *bundleCheck, compared bool) {
	switch {
	case l.err != nil:
		b.find(l.name, 0, "%s cannot be read: %v", l.name, l.err)
	case compared && l.line != nil:
		b.find(l.name, 0, "%s has more lines than there are records for", l.name)
	case compared:
		b.sums[l.name] = l.sum
	}
	if l.file != nil {
		b.failed = errors.Join(b.failed, l.file.Close())
	}
}
