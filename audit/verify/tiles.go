package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"coc-console/audit"
	"coc-console/audit/internal/merkle"
	"coc-console/audit/search"
	"coc-console/internal/sqlutil"
)

// with is a frontier with more leaves.
func with(f merkle.Frontier, leaves []tlog.Hash) merkle.Frontier {
	f.Peaks = slices.Clone(f.Peaks)
	for _, h := range leaves {
		_ = f.Add(h, 0, nil) // fails only where a callback does
	}
	return f
}

// children are the nodes below a tile that is not full yet, in both trees.
type children struct {
	end          int64
	bytes, tiles []tlog.Hash
}

// chunk is a run of tiles of the lowest level with their records.
type chunk struct {
	*verification
	from, to int64 // tiles
	done     chan struct{}
	err      error

	tileReads []tileRead
	findings  []Finding
	firstTime int64 // 0: it has no record
	endTime   int64
	pruned    int64 // up to which record a record of pruning speaks

	rows       *searchRows    // of the search tables
	values     search.Values  // that the records have
	operations []turning      // of the records that begin or end one
	records    []audit.Record // where their words are compared
	words      []uint64       // of each record, where they are asked for
	outcomes   outcomeCodes   // of each record
	rowMarks   []uint32       // of each record, see rowMarks
}

// tileRead is what a tile's records and hashes come to.
type tileRead struct {
	bytes, tiles     tlog.Hash   // roots, of a full one
	byBytes, byTiles []tlog.Hash // leaves, where they are wanted
	suspects         []suspect
}

// read reads and hashes the chunk. It runs beside others.
func (c *chunk) read(ctx context.Context) {
	first, last := c.from*merkle.TileWidth, min(c.to*merkle.TileWidth, c.head.size)
	leaves := make([]tlog.Hash, last-first)
	there := make([]bool, last-first)
	if c.search != nil {
		if c.err = c.rows.read(ctx, c.options.Search, first, min(last, c.upto)); c.err != nil {
			return
		}
	}
	if c.err = c.readEntries(ctx, first, last, leaves, there); c.err != nil {
		return
	}
	stored, err := c.readTiles(ctx)
	if err != nil {
		c.err = err
		return
	}
	for n := c.from; n < c.to; n++ {
		at := n*merkle.TileWidth - first
		to := min(at+merkle.TileWidth, int64(len(leaves)))
		c.tileReads = append(c.tileReads, c.compare(n, leaves[at:to], there[at:to], stored[n]))
	}
	if c.search == nil {
		return
	}
	c.strangeRows(there)
	if c.options.Words {
		c.err = c.readWords(ctx, c.records, first, min(last, c.upto))
	}
}

func (c *chunk) find(f Finding, args ...any) {
	if len(c.findings) < maxFindings {
		f.Text = fmt.Sprintf(f.Text, args...)
		c.findings = append(c.findings, f)
	}
}

// readEntries hashes the records after first up to last.
func (c *chunk) readEntries(ctx context.Context, first, last int64, leaves []tlog.Hash, there []bool) error {
	var number []byte
	return c.log.EachEntry(ctx, `seq > $1 AND seq <= $2`, []any{first, last}, func(seq, ts int64, body []byte) error {
		if there[seq-first-1] { // who removes the table's key can add it
			c.find(Finding{Kind: FindingRecordExtra, Sequence: seq, Text: "there is more than one record %d"}, seq)
		}
		leaves[seq-first-1], there[seq-first-1] = merkle.Leaf(body), true
		number = audit.AppendNumber(number[:0], seq, ts)
		if content, ok := bytes.CutPrefix(body, number); !ok {
			c.strange(seq, ts, body)
		} else if bytes.HasPrefix(content, prunedPrefix) {
			c.readPruned(body)
		}
		if c.firstTime == 0 {
			c.firstTime = ts
		} else if ts <= c.endTime {
			c.find(Finding{Kind: FindingRecordOrder, Sequence: seq, Text: "the record %d is not later than the one before"}, seq)
		}
		c.endTime = ts
		if c.search != nil && seq <= c.upto {
			r := audit.DecodeEntry(seq, ts, body)
			c.compareSearch(&r)
		}
		return nil
	})
}

// prunedPrefix is how the content of a record of pruning begins.
var prunedPrefix = []byte(`"action":"` + string(audit.ActionAuditPruned) + `"`)

func (c *chunk) readPruned(body []byte) {
	r, err := audit.Decode(body)
	if err != nil {
		return
	}
	var p audit.Pruning
	if json.Unmarshal([]byte(r.Detail), &p) == nil {
		c.pruned = max(c.pruned, p.UpTo)
	}
}

// strange says what is wrong with a body that does not begin as it should.
func (c *chunk) strange(seq, ts int64, body []byte) {
	r := audit.DecodeEntry(seq, ts, body)
	why := r.Detail
	if r.Action != audit.ActionEntryDamaged {
		why = "it is not in its one form"
	}
	c.find(Finding{Kind: FindingRecordNumber, Sequence: seq, Text: "the record %d: %s"}, seq, why)
}

func (c *chunk) readTiles(ctx context.Context) (map[int64][]byte, error) {
	rows, err := c.log.Reader().QueryContext(ctx, `SELECT n, d FROM tile WHERE l = 0 AND n >= $1 AND n < $2`, c.from, c.to)
	if err != nil {
		return nil, fmt.Errorf("read tiles from %d: %w", c.from, err)
	}
	defer func() { _ = rows.Close() }()
	out := map[int64][]byte{}
	for rows.Next() {
		var n int64
		var data []byte
		if err := rows.Scan(&n, &data); err != nil {
			return nil, fmt.Errorf("read tiles from %d: %w", c.from, err)
		}
		if out[n] != nil {
			c.find(Finding{Kind: FindingTileExtra, Tile: merkle.TilePath(0, n), Text: "there is more than one %s"},
				merkle.TilePath(0, n))
		}
		out[n] = data
	}
	return out, sqlutil.Wrap(rows.Err(), "read tiles")
}

// compare compares the records of a tile with its hashes.
func (c *chunk) compare(n int64, leaves []tlog.Hash, there []bool, stored []byte) tileRead {
	full := len(leaves) == merkle.TileWidth
	path := merkle.TilePath(0, n)
	hashes := leaves
	switch {
	case n == c.edgeTile && !full && len(c.edge) <= len(leaves):
		hashes = slices.Clone(leaves)
		copy(hashes, c.edge)
	case full && len(stored) == merkle.TileWidth*tlog.HashSize:
		hashes = merkle.Split(stored)
	case full && stored == nil:
		c.find(Finding{Kind: FindingTileMissing, Tile: path, Text: "%s is missing"}, path)
	case full:
		c.find(Finding{Kind: FindingTileAltered, Tile: path, Text: "%s does not have 256 hashes"}, path)
	}
	var t tileRead
	for i := range leaves {
		seq := n*merkle.TileWidth + int64(i) + 1
		switch {
		case there[i] && leaves[i] != hashes[i]:
			t.suspects = append(t.suspects, suspect{seq})
		case !there[i] && seq > c.head.pruned:
			c.find(Finding{Kind: FindingRecordMissing, Sequence: seq, Text: "the record %d is missing"}, seq)
			fallthrough
		case !there[i]:
			leaves[i] = hashes[i] // only its hash is left
		}
	}
	if full {
		t.bytes = merkle.Fold(leaves)
		if t.tiles = t.bytes; len(t.suspects) > 0 {
			t.tiles = merkle.Fold(hashes)
		}
	}
	if c.wants(n) {
		t.byBytes, t.byTiles = leaves, hashes
	}
	return t
}

// join adds a chunk to the trees and compares them where a root is known.
func (v *verification) join(ctx context.Context, c *chunk) error {
	for _, f := range c.findings {
		v.add(f)
	}
	if c.firstTime != 0 {
		if c.firstTime <= v.lastTime {
			seq := c.from*merkle.TileWidth + 1
			v.add(Finding{Kind: FindingRecordOrder, Sequence: seq, Text: "the record %d is not later than the one before"}, seq)
		}
		v.lastTime = c.endTime
	}
	v.prunedByRecord = max(v.prunedByRecord, c.pruned)
	if err := v.derive(ctx, c); err != nil {
		return err
	}
	for i, t := range c.tileReads {
		n := c.from + int64(i)
		v.suspects = append(v.suspects, t.suspects...)
		v.within(n, &t)
		if (n+1)*merkle.TileWidth > v.head.size { // the last, not full: end compares it with the head
			v.bytes, v.tiles = with(v.bytes, t.byBytes), with(v.tiles, t.byTiles)
			return nil
		}
		_ = v.bytes.Add(t.bytes, merkle.TileHeight, nil)
		_ = v.tiles.Add(t.tiles, merkle.TileHeight, nil)
		if err := v.above(ctx, 1, n, t.bytes, t.tiles); err != nil {
			return err
		}
		v.marked((n+1)*merkle.TileWidth, v.bytes, v.tiles, v.believe)
	}
	return nil
}

// within compares the roots that are known inside of a tile.
func (v *verification) within(n int64, t *tileRead) {
	for len(v.marks) > 0 && v.marks[0].Size <= n*merkle.TileWidth { // of an earlier verification, and the empty log
		v.marks = v.marks[1:]
	}
	for len(v.marks) > 0 && v.marks[0].Size < (n+1)*merkle.TileWidth {
		size := v.marks[0].Size
		k := size - n*merkle.TileWidth
		v.marked(size, with(v.bytes, t.byBytes[:k]), with(v.tiles, t.byTiles[:k]), func(truth int) {
			v.believe(truth)
			from, to := t.byBytes, t.byTiles
			if truth < 0 {
				from, to = to, from
			}
			copy(to[:k], from[:k])
			if len(t.byBytes) == merkle.TileWidth {
				t.bytes, t.tiles = merkle.Fold(t.byBytes), merkle.Fold(t.byTiles)
			}
		})
	}
}

// believe makes the tree that a signature speaks for that of both.
func (v *verification) believe(truth int) {
	if truth < 0 {
		v.bytes = merkle.Frontier{Size: v.tiles.Size, Peaks: slices.Clone(v.tiles.Peaks)}
	} else {
		v.tiles = merkle.Frontier{Size: v.bytes.Size, Peaks: slices.Clone(v.bytes.Peaks)}
	}
}

// marked compares the trees with all roots that are known at a size. resolved
// is told when only one of the trees is right.
func (v *verification) marked(size int64, b, t merkle.Frontier, resolved func(truth int)) {
	for len(v.marks) > 0 && v.marks[0].Size == size {
		m := v.marks[0]
		v.marks = v.marks[1:]
		agrees := true
		truth := v.resolve(m.Root, b, t, size, func() {
			agrees = false
			if !v.rootsDiffer || m.kind == FindingForked { // the first of a run says it all
				v.add(Finding{Kind: m.kind, Checkpoint: size, Text: "the first %d records are not those of the checkpoint"}, size)
			}
		})
		if v.rootsDiffer = !agrees; agrees && m.signed {
			v.report.Signed = m.Checkpoint
			v.report.Checkpoints++
		}
		if truth != 0 {
			resolved(truth)
			b, t = merkle.Frontier{Size: size, Peaks: pick(truth, b, t)},
				merkle.Frontier{Size: size, Peaks: pick(truth, b, t)}
		}
	}
}

func pick(truth int, b, t merkle.Frontier) []tlog.Hash {
	if truth < 0 {
		return t.Peaks
	}
	return b.Peaks
}

// above adds a node to the tile of a level above the lowest, and compares the
// tile when it is full.
func (v *verification) above(ctx context.Context, level int, n int64, ofBytes, ofTiles tlog.Hash) error {
	if level == merkle.Levels {
		return nil
	}
	c := &v.levels[level]
	if n%merkle.TileWidth == 0 {
		c.bytes, c.tiles = c.bytes[:0], c.tiles[:0]
	}
	c.bytes, c.tiles, c.end = append(c.bytes, ofBytes), append(c.tiles, ofTiles), n+1
	if c.end%merkle.TileWidth != 0 {
		return nil
	}
	at := n / merkle.TileWidth
	if err := v.compareTile(ctx, level, at, c); err != nil {
		return err
	}
	return v.above(ctx, level+1, at, merkle.Fold(c.bytes), merkle.Fold(c.tiles))
}

// compareTile finds the hashes of a higher tile that neither tree knows.
func (v *verification) compareTile(ctx context.Context, level int, n int64, c *children) error {
	path := merkle.TilePath(level, n)
	stored, err := sqlutil.Column[[]byte](v.log.Reader().QueryContext(ctx, `SELECT d FROM tile WHERE l = $1 AND n = $2`, level, n))
	switch {
	case err != nil:
		return fmt.Errorf("read %s: %w", path, err)
	case len(stored) == 0:
		v.add(Finding{Kind: FindingTileMissing, Tile: path, Text: "%s is missing"}, path)
		return nil
	case len(stored) > 1:
		v.add(Finding{Kind: FindingTileExtra, Tile: path, Text: "there is more than one %s"}, path)
		return nil
	case len(stored[0]) != merkle.TileWidth*tlog.HashSize:
		v.add(Finding{Kind: FindingTileAltered, Tile: path, Text: "%s does not have 256 hashes"}, path)
		return nil
	}
	for i, h := range merkle.Split(stored[0]) {
		if h != c.bytes[i] && h != c.tiles[i] {
			v.add(Finding{Kind: FindingTileAltered, Tile: path, Text: "the hash %d of %s was changed"}, i, path)
		}
	}
	return nil
}
