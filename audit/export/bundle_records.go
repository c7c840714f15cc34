package export

import (
	"bytes"
	"errors"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"

	"coc-console/audit"
	"coc-console/audit/internal/merkle"
)

// twoRoots are the roots over the records' bytes and over the leaves in the
// bundle. Where they differ, the checkpoint tells which of them is true.
type twoRoots struct{ bytes, leaves tlog.Hash }

func joinBoth(l, r twoRoots) twoRoots {
	if l.bytes == l.leaves && r.bytes == r.leaves { // as in nearly every node
		h := tlog.NodeHash(l.leaves, r.leaves)
		return twoRoots{h, h}
	}
	return twoRoots{tlog.NodeHash(l.bytes, r.bytes), tlog.NodeHash(l.leaves, r.leaves)}
}

// recordCheck reads the records beside their leaves and the proof.
type recordCheck struct {
	*bundleCheck
	records, leaves, proof *lines

	seq   int64     // the record of the present leaf; beyond all at the end
	leaf  tlog.Hash // its hash, as leaves.txt has it
	count int64

	suspects []int64 // records whose bytes do not have their leaf's hash
	whole    bool    // a record with its bytes was there
}

var errStop = errors.New("the rest of the bundle cannot be compared")

// readRecords computes the root from the records, or from their leaves, and
// what the proof has between them, and compares it with the checkpoint's.
func (b *bundleCheck) readRecords() {
	c := &recordCheck{bundleCheck: b, records: b.lines(fileRecords, maxLine), leaves: b.lines(fileLeaves, maxHashLine),
		proof: b.lines(fileProof, maxHashLine)}
	var roots twoRoots
	err := c.nextLeaf()
	if err == nil {
		tree := walker[twoRoots]{next: func() int64 { return c.seq - 1 }, leaf: c.take, outside: c.between,
			join: joinBoth}
		roots, err = tree.root(0, b.report.Checkpoint.Size)
	}
	if err == nil {
		c.extra(afterAll)
		c.resolve(roots)
		if c.count != b.manifest.Records || b.report.Pruned != b.manifest.Pruned {
			b.find(fileManifest, 0, "there are %d records, %d of them as hashes, not %d and %d", c.count, b.report.Pruned,
				b.manifest.Records, b.manifest.Pruned)
		}
	}
	b.report.Records = c.count
	for _, l := range []*lines{c.records, c.leaves, c.proof} {
		l.end(b, err == nil)
	}
}

// resolve compares both roots with the signed one, and says whose fault the
// suspects are.
func (c *recordCheck) resolve(roots twoRoots) {
	root := c.report.Checkpoint.Root
	for _, seq := range c.suspects {
		switch root {
		case roots.leaves:
			c.find(fileRecords, seq, "the record %d is not the one in the log", seq)
		case roots.bytes:
			c.find(fileLeaves, seq, "the hash of the record %d in %s is not the one in the log", seq, fileLeaves)
		default:
			c.find(fileRecords, seq, "the record %d does not have the hash in %s", seq, fileLeaves)
		}
	}
	if roots.bytes != root && roots.leaves != root {
		c.find(fileProof, 0, "the records' hashes and those in %s do not lead to the signed root", fileProof)
	}
}

// afterAll is a number beyond every tree.
const afterAll = 1 << 62

// nextLeaf reads the next line of leaves.txt.
func (c *recordCheck) nextLeaf() error {
	before := c.seq
	if c.leaves.line == nil {
		c.seq = afterAll
		if c.leaves.err != nil {
			return errStop
		}
		if c.manifest.Kind == BundleRange && before != c.manifest.Last {
			c.find(fileLeaves, before+1, "%s ends before the record %d", fileLeaves, c.manifest.Last)
			return errStop
		}
		return nil
	}
	number, text, _ := bytes.Cut(c.leaves.line, []byte{' '})
	seq, err := strconv.ParseInt(string(number), 10, 64)
	h, ok := readHash(string(text))
	wanted := c.manifest.Kind != BundleRange || seq == max(before+1, c.manifest.First)
	if err != nil || !ok || strconv.FormatInt(seq, 10) != string(number) || seq <= before || !wanted ||
		seq < c.manifest.First || seq > c.manifest.Last {
		c.find(fileLeaves, before, "%s is wrong after the record %d: %q", fileLeaves, before, c.leaves.line)
		return errStop
	}
	c.seq, c.leaf = seq, h
	c.leaves.advance()
	return nil
}

// between takes the next hash of the proof.
func (c *recordCheck) between(lo, hi int64) (twoRoots, error) {
	h, ok := readHash(string(c.proof.line))
	if !ok {
		c.find(fileProof, 0, "%s does not have the hash of the records %d to %d", fileProof, lo+1, hi)
		return twoRoots{}, errStop
	}
	c.proof.advance()
	return twoRoots{h, h}, nil
}

// take takes the record of the present leaf.
func (c *recordCheck) take() (twoRoots, error) {
	seq, leaf := c.seq, c.leaf
	c.count++
	both := twoRoots{leaf, leaf}
	c.extra(seq)
	if c.records.err != nil || len(c.report.Findings) >= maxFindings {
		return both, errStop
	}
	switch there, pruned := lineNumber(c.records.line); {
	case there != seq && !c.renumbered():
		c.find(fileRecords, seq, "the record %d is missing", seq)
	case pruned:
		c.report.Pruned++
		if c.whole || c.manifest.Kind != BundleRange {
			c.find(fileRecords, seq, "the bytes of the record %d are missing, though the log had to have them", seq)
		}
		c.records.advance()
	default:
		c.whole = true
		if both.bytes = merkle.Leaf(c.records.line); both.bytes != leaf {
			c.suspects = append(c.suspects, seq)
		} else if c.manifest.Query != "" && c.manifest.Rows == "" && !c.fits() {
			c.find(fileRecords, seq, "the record %d does not fit the query", seq)
		}
		c.records.advance()
	}
	return both, c.nextLeaf()
}

// fits reports whether the present record is one that was asked for.
func (c *recordCheck) fits() bool {
	r, err := audit.Decode(c.records.line)
	return err == nil && c.query.Matches(r)
}

// renumbered reports whether the present line is in the place of the present
// leaf, whatever number it says: the next line is that of the next leaf.
func (c *recordCheck) renumbered() bool {
	if c.records.line == nil {
		return false
	}
	number, _, _ := bytes.Cut(c.leaves.line, []byte{' '})
	following, _ := lineNumber(c.records.peek())
	return following == 0 && len(number) == 0 || string(number) == strconv.FormatInt(following, 10)
}

// extra passes over lines that are not of the record that comes next.
func (c *recordCheck) extra(next int64) {
	for c.records.line != nil && len(c.report.Findings) < maxFindings {
		seq, _ := lineNumber(c.records.line)
		if seq >= next || next != afterAll && c.renumbered() {
			return
		}
		if seq == 0 {
			c.find(fileRecords, 0, "%s has a line that is no record before the record %d", fileRecords, next)
		} else {
			c.find(fileRecords, seq, "the record %d does not belong there", seq)
		}
		c.records.advance()
	}
}

// lineNumber is the number of the record on a line of records.jsonl; 0 where
// the line is none.
func lineNumber(line []byte) (seq int64, pruned bool) {
	rest, ok := bytes.CutPrefix(line, []byte(audit.BodyStart))
	end := byte(',')
	if !ok {
		if rest, pruned = bytes.CutPrefix(line, []byte(`{"pruned":`)); !pruned {
			return 0, false
		}
		end = '}'
	}
	i := bytes.IndexByte(rest, end)
	if i < 0 || pruned && i != len(rest)-1 {
		return 0, false
	}
	seq, err := strconv.ParseInt(string(rest[:i]), 10, 64)
	if err != nil || seq < 1 || strconv.FormatInt(seq, 10) != string(rest[:i]) {
		return 0, false
	}
	return seq, pruned
}
