package audit

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// The kinds of findings.
const (
	FindingRecordMissing  = "record.missing"       // it is gone, and not by Prune
	FindingRecordAltered  = "record.altered"       // its bytes are not those that were hashed
	FindingRecordNumber   = "record.number"        // it says that it has another number or time
	FindingRecordOrder    = "record.order"         // it is not later than the one before
	FindingRecordExtra    = "record.extra"         // it lies outside of the log's numbers
	FindingTileMissing    = "tile.missing"         // a tile that must be full is not there
	FindingTileAltered    = "tile.altered"         // its hashes are not those of the records
	FindingTileExtra      = "tile.extra"           // there are no records for it
	FindingHead           = "head.altered"         // the head does not fit the records
	FindingSignature      = "checkpoint.signature" // no known key has signed it
	FindingCheckpoint     = "checkpoint.altered"   // its columns are not what it says
	FindingCheckpointGone = "checkpoint.missing"   // one of the consecutive ones is not there
	FindingCheckpointRoot = "checkpoint.root"      // it is signed, and the records form another tree
	FindingRolledBack     = "log.rolled_back"      // a checkpoint speaks of more records than there are
	FindingForked         = "log.forked"           // a checkpoint from outside speaks of other records
	FindingPruned         = "log.pruned"           // records were removed without the record that says so
	FindingSearch         = "search.altered"       // the search tables say something else than the record
	FindingUnguarded      = "guard.missing"        // a trigger that refuses changes is not there
)

const (
	maxFindings             = 1000
	tilesPerChunk           = 16
	verifyAllEvery          = 24 * time.Hour
	restFactor              = 3 // the background verification rests so many times as long as it works
	maxParallelVerification = 8
)

// Finding is something that must not be. Of Sequence, Tile and Checkpoint those
// are set that it is about.
type Finding struct {
	Kind       string
	Sequence   int64  // a record's number
	Tile       string // a tile's path, as tlog has it: tile/8/0/000
	Checkpoint int64  // a checkpoint's size
	Text       string
}

func (f Finding) String() string { return f.Text }

// VerifyOptions narrow or widen a verification.
type VerifyOptions struct {
	From     Checkpoint              // records up to its size were verified before, and it was true then; zero: none were
	Anchor   []byte                  // a signed checkpoint that was kept elsewhere
	Keys     []string                // the public keys that are believed; nil: those of Config
	Search   *sql.DB                 // search tables that are compared with the records; nil: they are not
	Words    bool                    // their words, too. It takes much longer, and eight bytes for each record
	Progress func(done, total int64) // records; called now and then
	Gentle   bool                    // one thing at a time, mostly at rest, and beside a log that may not have signed anything yet
}

// Report is what a verification found out.
type Report struct {
	From, Size  int64      // the records From+1 to Size were read
	Root        tlog.Hash  // of the tree that they form
	Signed      Checkpoint // the latest checkpoint that is signed and true: what follows it nobody vouches for yet
	Checkpoints int        // how many are signed and true
	Kept        int64      // the number of the last checkpoint that is kept
	Pruned      int64      // records up to it are known by their hashes only
	Findings    []Finding  // the first maxFindings
	More        int        // how many findings are left out
	Took        time.Duration
}

// OK reports whether nothing was found.
func (r Report) OK() bool { return len(r.Findings) == 0 }

// Verify reads the log and checks that it is what was written: every record's
// bytes against the hashes, the tiles, the head and every signed checkpoint;
// numbers and times; the columns, and where asked the search tables, against
// the bytes. What it finds is in the report; an error says that it could not
// read. Records that are appended meanwhile are left for the next time.
func (l *Log) Verify(ctx context.Context, o VerifyOptions) (Report, error) {
	start := time.Now()
	if o.Keys == nil {
		o.Keys = l.keys
	}
	v := &verification{log: l, options: o}
	err := errors.Join(v.run(ctx), v.guarded(ctx))
	v.report.Took = time.Since(start)
	return v.report, err
}

// verification is one run. Chunks of tiles are read and hashed side by side,
// and put together in order by one goroutine, which owns everything here.
type verification struct {
	log     *Log
	options VerifyOptions
	report  Report
	head    wholeHead
	marks   []mark  // not reached yet
	sizes   []int64 // of all marks
	upto    int64   // what the search tables know
	derived derived

	edgeTile int64       // the tile that was last when the head was signed
	edge     []tlog.Hash // and its leaves

	// The tree grows twice: over the hashes of the records' bytes and over
	// those in the tiles. Where they differ, a signature says which is true.
	bytes, tiles   front
	suspects       []suspect
	levels         [tileLevels]children
	lastTime       int64
	prunedByRecord int64
	rootsDiffer    bool // at the last mark
}

// wholeHead is the head row at the beginning.
type wholeHead struct {
	headRow
	note, edge []byte
	pruned     int64
}

// mark is a size at which the root is known.
type mark struct {
	Checkpoint
	kind   string // of the finding when the root is another
	signed bool
}

// suspect is a record whose bytes do not have the hash that its tile has.
type suspect struct{ seq int64 }

func (v *verification) add(f Finding, args ...any) {
	if len(v.report.Findings) == maxFindings {
		v.report.More++
		return
	}
	if len(args) > 0 {
		f.Text = fmt.Sprintf(f.Text, args...)
	}
	v.report.Findings = append(v.report.Findings, f)
}

func (v *verification) run(ctx context.Context) error {
	db := v.log.cfg.LogRead
	h := &v.head
	err := db.QueryRowContext(ctx, `SELECT size, last_ts, root, frontier, note,
		(SELECT leaves FROM edge WHERE id = 1 LIMIT 1), pruned FROM head WHERE id = 1`).
		Scan(&h.size, &h.last, &h.root, &h.frontier, &h.note, &h.edge, &h.pruned)
	if errors.Is(err, sql.ErrNoRows) {
		v.add(Finding{Kind: FindingHead, Text: "the head is missing"})
		return nil
	}
	if err != nil {
		return err
	}
	v.report.From, v.report.Size, v.report.Pruned = min(v.options.From.Size, h.size), h.size, h.pruned
	for _, step := range []func(context.Context) error{v.single, v.checkpoints, v.sortMarks, v.outside, v.searched, v.begin, v.chunks,
		v.end, v.compareDerived} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// guarded asks whether the database still refuses to change the log.
func (v *verification) guarded(ctx context.Context) error {
	if v.log.cfg.Unguarded == nil {
		return nil
	}
	names, err := v.log.cfg.Unguarded(ctx)
	for _, name := range names {
		v.add(Finding{Kind: FindingUnguarded, Text: "the trigger %s, which refuses changes, is missing or was changed"}, name)
	}
	return err
}

// single looks for heads besides the one.
func (v *verification) single(ctx context.Context) error {
	for _, table := range []string{"head", "edge"} {
		var n int64
		if err := v.log.cfg.LogRead.QueryRowContext(ctx, `SELECT count(*) FROM `+table).Scan(&n); err != nil {
			return err
		}
		if n > 1 {
			v.add(Finding{Kind: FindingHead, Text: "the table %s has %d rows, and should have one"}, table, n)
		}
	}
	return nil
}

// checkpoints reads those that are kept, the head's, the anchor's and the one
// to begin from, and checks all that can be seen without the records.
func (v *verification) checkpoints(ctx context.Context) error {
	if v.options.From.Size > v.head.size {
		v.add(Finding{Kind: FindingRolledBack, Checkpoint: v.options.From.Size, Text: "the log has %d records, and had %d"},
			v.head.size, v.options.From.Size)
	} else if v.options.From.Size > 0 {
		v.marks = append(v.marks, mark{v.options.From, FindingForked, false})
	}
	if len(v.options.Keys) == 0 {
		return nil
	}
	kept, err := v.kept(ctx)
	if err != nil {
		return err
	}
	v.report.Kept = kept
	if c, ok := v.signed("the head's checkpoint", v.head.note, 0); ok {
		if kept, err = v.keptThen(ctx, c, kept); err != nil {
			return err
		}
		v.headNote(c, kept)
		v.setEdge(c)
	} else if len(v.head.note) == 0 && kept > 0 {
		v.add(Finding{Kind: FindingCheckpointGone, Text: "the head has no checkpoint, though %d are kept"}, kept)
	}
	if len(v.marks) == 0 && v.head.size > 0 && len(v.report.Findings) == 0 && !v.options.Gentle {
		v.add(Finding{Kind: FindingCheckpointGone, Text: "no checkpoint is signed: nothing shows that these records are those that were written"})
	}
	if c, ok := v.signed("the anchored checkpoint", v.options.Anchor, 0); ok {
		v.mark(c, FindingForked)
	} else if v.options.Anchor != nil && len(v.options.Anchor) == 0 {
		v.add(Finding{Kind: FindingSignature, Text: "the anchored checkpoint is empty"})
	}
	return nil
}

// keptThen is how many checkpoints were kept when the head was read: the log
// goes on while it is verified, and its history was read a moment later. What
// the present head knows of came in between.
func (v *verification) keptThen(ctx context.Context, c Checkpoint, kept int64) (int64, error) {
	if kept <= c.Kept {
		return kept, nil
	}
	var text []byte
	if err := v.log.cfg.LogRead.QueryRowContext(ctx, `SELECT note FROM head WHERE id = 1`).Scan(&text); err != nil {
		return 0, err
	}
	if now, ok := v.signed("the head's checkpoint", text, 0); ok && now.Kept >= kept {
		return c.Kept, nil
	}
	return kept, nil
}

// setEdge takes the leaves that the head keeps of the last tile.
func (v *verification) setEdge(c Checkpoint) {
	if int64(len(v.head.edge)) != c.Size%tileWidth*tlog.HashSize {
		v.add(Finding{Kind: FindingHead, Text: "the head does not have the leaves of the last tile"})
		return
	}
	v.edgeTile, v.edge = c.Size/tileWidth, split(v.head.edge)
}

// sortMarks puts the sizes at which roots are known into order.
func (v *verification) sortMarks(context.Context) error {
	slices.SortStableFunc(v.marks, func(a, b mark) int { return cmp.Compare(a.Size, b.Size) })
	for _, m := range v.marks {
		v.sizes = append(v.sizes, m.Size)
	}
	return nil
}

// kept reads the history of checkpoints and returns the last one's number.
func (v *verification) kept(ctx context.Context) (last int64, err error) {
	rows, err := v.log.cfg.LogRead.QueryContext(ctx, `SELECT n, size, ts, note FROM checkpoint WHERE n > $1 ORDER BY n`, v.options.From.Kept)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	last = v.options.From.Kept
	var before Checkpoint
	for rows.Next() {
		var n, size, ts int64
		var signed []byte
		if err := rows.Scan(&n, &size, &ts, &signed); err != nil {
			return 0, err
		}
		if v.gone(last+1, n); n == last {
			v.add(Finding{Kind: FindingCheckpoint, Checkpoint: size, Text: "there is more than one checkpoint %d"}, n)
		}
		last = n
		c, ok := v.signed(fmt.Sprintf("the checkpoint %d", n), signed, size)
		if !ok {
			continue
		}
		if c.Kept != n || c.Size != size || c.Time.UnixMicro() != ts {
			v.add(Finding{Kind: FindingCheckpoint, Checkpoint: size, Text: "the checkpoint %d of %d records, of %s, says that it is number %d, of %d records, of %s"},
				n, size, clock(fromMicro(ts)), c.Kept, c.Size, clock(c.Time))
		}
		if c.Size < before.Size || c.Time.Before(before.Time) {
			v.add(Finding{Kind: FindingCheckpoint, Checkpoint: size, Text: "the checkpoint %d is older than the one before"}, n)
		}
		before = c
		if c.Note = nil; c.Size > v.report.From {
			v.mark(c, FindingCheckpointRoot)
		}
	}
	return last, rows.Err()
}

func clock(t time.Time) string { return t.Format(time.RFC3339Nano) }

func (v *verification) gone(from, to int64) {
	for n := from; n < to && len(v.report.Findings) < maxFindings; n++ {
		v.add(Finding{Kind: FindingCheckpointGone, Text: "the checkpoint %d is missing"}, n)
	}
}

// headNote compares the head's checkpoint with the history.
func (v *verification) headNote(c Checkpoint, kept int64) {
	v.gone(kept+1, c.Kept+1)
	if c.Kept < kept {
		v.add(Finding{Kind: FindingHead, Checkpoint: c.Size, Text: "the head's checkpoint knows %d others, and %d are kept"}, c.Kept, kept)
	}
	if c.Size >= v.report.From {
		v.mark(c, FindingCheckpointRoot)
	}
}

// signed reads a checkpoint whose signature must be good.
func (v *verification) signed(what string, text []byte, size int64) (Checkpoint, bool) {
	if len(text) == 0 {
		return Checkpoint{}, false
	}
	c, err := ParseCheckpoint(text, v.options.Keys...)
	if err != nil {
		v.add(Finding{Kind: FindingSignature, Checkpoint: size, Text: "%s is not signed by a known key: %s"}, what,
			strings.TrimPrefix(err.Error(), ErrSignature.Error()+": "))
	} else if c.Origin != v.log.origin {
		v.add(Finding{Kind: FindingSignature, Checkpoint: size, Text: "%s is one of the log %q, not of %q"}, what, c.Origin, v.log.origin)
		err = ErrForked
	}
	return c, err == nil
}

// mark remembers to compare the root at a checkpoint.
func (v *verification) mark(c Checkpoint, kind string) {
	if c.Size > v.head.size {
		v.add(Finding{Kind: FindingRolledBack, Checkpoint: c.Size, Text: "a checkpoint of %d records is signed, and the log has %d"}, c.Size, v.head.size)
		return
	}
	v.marks = append(v.marks, mark{c, kind, true})
}

// outside looks for rows beyond the log's numbers. Each is one statement: the
// log may grow meanwhile.
func (v *verification) outside(ctx context.Context) error {
	for _, where := range []string{`seq > (SELECT size FROM head WHERE id = 1 LIMIT 1)`, `seq < 1`} {
		seqs, err := column[int64](v.log.cfg.LogRead.QueryContext(ctx, `SELECT seq FROM entry WHERE `+where+` ORDER BY seq LIMIT 1000`))
		if err != nil {
			return err
		}
		for _, seq := range seqs {
			v.add(Finding{Kind: FindingRecordExtra, Sequence: seq, Text: "the record %d is not among the log's %d"}, seq, v.head.size)
		}
	}
	for level := range tileLevels {
		ns, err := column[int64](v.log.cfg.LogRead.QueryContext(ctx, `SELECT n FROM tile WHERE l = $1 AND
			(n < 0 OR n >= (SELECT size / $2 FROM head WHERE id = 1 LIMIT 1)) ORDER BY n LIMIT 1000`, level, widthOf(level+1)))
		if err != nil {
			return err
		}
		for _, n := range ns {
			v.add(Finding{Kind: FindingTileExtra, Tile: tilePath(level, n), Text: "there are no records for %s"}, tilePath(level, n))
		}
	}
	strange, err := column[int64](v.log.cfg.LogRead.QueryContext(ctx, `SELECT n FROM tile WHERE l < 0 OR l >= $1 LIMIT 1000`, tileLevels))
	for _, n := range strange {
		v.add(Finding{Kind: FindingTileExtra, Text: "there is no level for the tile %d"}, n)
	}
	return err
}

// widthOf is how many leaves a node of a tile level stands for. Above 2^62 no
// log has any.
func widthOf(level int) int64 {
	return 1 << min(tileHeight*level, 62)
}

func tilePath(level int, n int64) string {
	return tlog.Tile{H: tileHeight, L: level, N: n, W: tileWidth}.Path()
}

// begin takes up the tree where an earlier verification left it.
func (v *verification) begin(ctx context.Context) error {
	whole := v.report.From / tileWidth * tileWidth
	if whole == 0 {
		return nil
	}
	r := &hashReader{log: v.log, ctx: ctx, tiles: map[tileID][]byte{}, anew: true}
	frontier, err := r.read(peaks(whole))
	if err != nil {
		return err
	}
	v.bytes, v.tiles = front{whole, frontier}, front{whole, slices.Clone(frontier)}
	for level := 1; level < tileLevels; level++ {
		n := whole / widthOf(level)
		nodes, err := storedNodes(ctx, v.log.cfg.LogRead, level, n/tileWidth*tileWidth, n)
		if errors.Is(err, ErrDamaged) { // the root at From tells
			nodes = make([]tlog.Hash, n%tileWidth)
		} else if err != nil {
			return err
		}
		v.levels[level] = children{n, nodes, slices.Clone(nodes)}
	}
	v.marked(whole, v.bytes, v.tiles, v.believe)
	err = v.log.cfg.LogRead.QueryRowContext(ctx, `SELECT ts FROM entry WHERE seq = $1`, whole).Scan(&v.lastTime)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// chunks reads the records and tiles and puts their trees together.
func (v *verification) chunks(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	workers := min(runtime.GOMAXPROCS(0), maxParallelVerification)
	if v.options.Gentle {
		workers = 1
	}
	jobs, ordered := make(chan *chunk), make(chan *chunk, 2*workers)
	group.Go(func() { v.plan(ctx, jobs, ordered) })
	for range workers {
		group.Go(func() {
			for c := range jobs {
				c.read(ctx)
				close(c.done)
			}
		})
	}
	for c := range ordered {
		begun := time.Now()
		select {
		case <-c.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if c.err != nil {
			return c.err
		}
		if err := v.join(ctx, c); err != nil {
			return err
		}
		if v.options.Progress != nil {
			v.options.Progress(min(c.to*tileWidth, v.head.size), v.head.size)
		}
		if v.options.Gentle {
			rest(ctx, restFactor*time.Since(begun))
		}
	}
	return ctx.Err()
}

func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// plan hands out the chunks, in order to the one, to be read to the others.
func (v *verification) plan(ctx context.Context, jobs, ordered chan<- *chunk) {
	defer close(jobs)
	defer close(ordered)
	end := (v.head.size + tileWidth - 1) / tileWidth
	for n := v.report.From / tileWidth; n < end; n += tilesPerChunk {
		c := &chunk{verification: v, from: n, to: min(n+tilesPerChunk, end), done: make(chan struct{})}
		for _, to := range []chan<- *chunk{ordered, jobs} {
			select {
			case to <- c:
			case <-ctx.Done():
				return
			}
		}
	}
}

// wants reports whether the leaves of a tile are needed one by one: because a
// root is known within it, or because it is the last and not full.
func (v *verification) wants(n int64) bool {
	first, last := n*tileWidth, (n+1)*tileWidth
	if last > v.head.size {
		return true
	}
	i, _ := slices.BinarySearch(v.sizes, first+1)
	return i < len(v.sizes) && v.sizes[i] < last
}

// end compares the head with the tree.
func (v *verification) end(context.Context) error {
	v.report.Root = v.bytes.root()
	h := v.head
	root := tlog.Hash{}
	if copy(root[:], h.root) != len(h.root) || len(h.root) != tlog.HashSize {
		v.add(Finding{Kind: FindingHead, Text: "the head's root is not a hash"})
	}
	// What no checkpoint covers yet, the head's root decides.
	v.settle(root, v.bytes, v.tiles, v.head.size, func() {
		v.add(Finding{Kind: FindingHead, Text: "the head's root is not that of the %d records"}, v.head.size)
	})
	if !bytes.Equal(h.frontier, joined(v.bytes.nodes)) && !bytes.Equal(h.frontier, joined(v.tiles.nodes)) {
		v.add(Finding{Kind: FindingHead, Text: "the head's subtrees are not those of the records"})
	}
	if h.last != v.lastTime && h.size > 0 {
		v.add(Finding{Kind: FindingHead, Text: "the head's time is not that of the last record"})
	}
	if v.report.From == 0 && h.pruned > v.prunedByRecord {
		v.add(Finding{Kind: FindingPruned, Text: "the records up to %d are marked as removed, and no record says so"}, h.pruned)
	}
	return nil
}

// settle compares both trees with a root that is known, and decides which of
// the suspects up to that size are the record's fault and which the tile's. It
// returns which tree is true: -1 that of the tiles, 1 that of the bytes, 0 both
// or neither.
func (v *verification) settle(root tlog.Hash, b, t front, size int64, differ func()) int {
	ofBytes, ofTiles := b.root(), t.root()
	settled := 0
	var blame func(seq int64)
	switch {
	case root == ofBytes && root == ofTiles:
		return 0
	case root == ofTiles:
		settled, blame = -1, v.blameRecord
	case root == ofBytes:
		settled, blame = 1, v.blameTile
	default:
		differ()
		blame = func(seq int64) { v.blameRecord(seq); v.blameTile(seq) }
	}
	rest := v.suspects[:0]
	for _, s := range v.suspects {
		if s.seq <= size {
			blame(s.seq)
		} else {
			rest = append(rest, s)
		}
	}
	v.suspects = rest
	return settled
}

func (v *verification) blameRecord(seq int64) {
	v.add(Finding{Kind: FindingRecordAltered, Sequence: seq, Text: "the record %d is not the one that was written"}, seq)
}

func (v *verification) blameTile(seq int64) {
	path := tilePath(0, (seq-1)/tileWidth)
	if seq > v.head.size/tileWidth*tileWidth {
		path = tlog.Tile{H: tileHeight, L: 0, N: seq / tileWidth, W: int(v.head.size % tileWidth)}.Path() // the head's edge
	}
	v.add(Finding{Kind: FindingTileAltered, Sequence: seq, Tile: path, Text: "the hash of the record %d in %s was changed"}, seq, path)
}
