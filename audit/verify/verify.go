// Package verify checks that an audit log is what was written: on demand (Log),
// and in the background (Start).
package verify

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"coc-console/audit"
	"coc-console/audit/internal/merkle"
	"coc-console/audit/search"
	"coc-console/internal/clock"
	"coc-console/internal/sqlutil"
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

// The kinds of notes: what a verification mentions although nothing was changed.
const (
	// NoteClock is a checkpoint that is signed and true, and says an earlier
	// time than the one before. Consoles whose clocks differ signed such ones,
	// before checkpoints' times were kept from going back.
	NoteClock = "checkpoint.clock"
)

const (
	maxFindings             = 1000
	maxNotes                = 20
	tilesPerChunk           = 16
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

// Options narrow or widen a verification.
type Options struct {
	From     audit.Checkpoint        // records up to its size were verified before, and it was true then; zero: none were
	Anchor   []byte                  // a signed checkpoint that was kept elsewhere
	Keys     []string                // the public keys that are believed; nil: those of the log
	Search   *search.Index           // whose tables are compared with the records; nil: they are not
	Words    bool                    // their words, too. It takes much longer, and eight bytes for each record
	Progress func(done, total int64) // records; called now and then

	// LowPriority does one thing at a time, mostly rests, and accepts a log that
	// may not have signed anything yet.
	LowPriority bool
}

// Report is what a verification found out.
type Report struct {
	From, Size  int64            // the records From+1 to Size were read
	Root        tlog.Hash        // of the tree that they form
	Signed      audit.Checkpoint // the latest checkpoint that is signed and true: what follows it nobody vouches for yet
	Checkpoints int              // how many are signed and true
	Kept        int64            // the number of the last checkpoint that is kept
	Pruned      int64            // records up to it are known by their hashes only
	Findings    []Finding        // the first maxFindings
	More        int              // how many findings are left out
	Notes       []Finding        // the first maxNotes things worth knowing, which are no findings
	MoreNotes   int              // how many notes are left out
	Took        time.Duration
}

// OK reports whether nothing was found. Notes do not count.
func (r Report) OK() bool { return len(r.Findings) == 0 }

// Log reads a log and checks that it is what was written: every record's
// bytes against the hashes, the tiles, the head and every signed checkpoint;
// numbers and times; the columns, and where asked the search tables, against
// the bytes. What it finds is in the report; an error says that it could not
// read. Records that are appended meanwhile are left for the next time.
func Log(ctx context.Context, log *audit.Log, o Options) (Report, error) {
	start := time.Now()
	if o.Keys == nil {
		o.Keys = log.Keys()
	}
	v := &verification{log: log, options: o}
	if o.Search != nil {
		v.search = o.Search.Reader()
	}
	err := errors.Join(v.run(ctx), v.guarded(ctx))
	v.report.Took = time.Since(start)
	return v.report, err
}

// verification is one run. Chunks of tiles are read and hashed side by side,
// and put together in order by one goroutine, which owns everything here.
type verification struct {
	log     *audit.Log
	options Options
	search  *sql.DB // nil: it is not compared, or no longer
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
	bytes, tiles   merkle.Frontier
	suspects       []suspect
	levels         [merkle.Levels]children
	lastTime       int64
	prunedByRecord int64
	rootsDiffer    bool // at the last mark
}

// wholeHead is the head row at the beginning.
type wholeHead struct {
	size, last     int64
	root, frontier []byte
	note, edge     []byte
	pruned         int64
}

// mark is a size at which the root is known.
type mark struct {
	audit.Checkpoint
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

func (v *verification) note(f Finding, args ...any) {
	if len(v.report.Notes) == maxNotes {
		v.report.MoreNotes++
		return
	}
	f.Text = fmt.Sprintf(f.Text, args...)
	v.report.Notes = append(v.report.Notes, f)
}

func (v *verification) run(ctx context.Context) error {
	db := v.log.Reader()
	h := &v.head
	err := db.QueryRowContext(ctx, `SELECT size, last_ts, root, frontier, note,
		(SELECT leaves FROM edge WHERE id = 1 LIMIT 1), pruned FROM head WHERE id = 1`).
		Scan(&h.size, &h.last, &h.root, &h.frontier, &h.note, &h.edge, &h.pruned)
	if errors.Is(err, sql.ErrNoRows) {
		v.add(Finding{Kind: FindingHead, Text: "the head is missing"})
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the log's head: %w", err)
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
	names, err := v.log.Unguarded(ctx)
	for _, name := range names {
		v.add(Finding{Kind: FindingUnguarded, Text: "the trigger %s, which refuses changes, is missing or was changed"}, name)
	}
	return err
}

// single looks for heads besides the one.
func (v *verification) single(ctx context.Context) error {
	for _, table := range []string{"head", "edge"} {
		var n int64
		if err := v.log.Reader().QueryRowContext(ctx, `SELECT count(*) FROM `+table).Scan(&n); err != nil {
			return fmt.Errorf("count the rows of %s: %w", table, err)
		}
		if n > 1 {
			v.add(Finding{Kind: FindingHead, Text: "the table %s has %d rows, and should have one"}, table, n)
		}
	}
	return nil
}

// widthOf is how many leaves a node of a tile level stands for. Above 2^62 no
// log has any.
func widthOf(level int) int64 {
	return 1 << min(merkle.TileHeight*level, 62)
}

// begin takes up the tree where an earlier verification left it.
func (v *verification) begin(ctx context.Context) error {
	whole := v.report.From / merkle.TileWidth * merkle.TileWidth
	if whole == 0 {
		return nil
	}
	peaks, err := v.log.Hashes(ctx).ReadHashes(merkle.Peaks(whole))
	if err != nil {
		return err
	}
	v.bytes, v.tiles = merkle.Frontier{Size: whole, Peaks: peaks},
		merkle.Frontier{Size: whole, Peaks: slices.Clone(peaks)}
	for level := 1; level < merkle.Levels; level++ {
		n := whole / widthOf(level)
		nodes, err := v.log.Nodes(ctx, level, n/merkle.TileWidth*merkle.TileWidth, n)
		if errors.Is(err, audit.ErrDamaged) { // the root at From tells
			nodes = make([]tlog.Hash, n%merkle.TileWidth)
		} else if err != nil {
			return err
		}
		v.levels[level] = children{n, nodes, slices.Clone(nodes)}
	}
	v.marked(whole, v.bytes, v.tiles, v.believe)
	err = v.log.Reader().QueryRowContext(ctx, `SELECT ts FROM entry WHERE seq = $1`, whole).Scan(&v.lastTime)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return sqlutil.Wrap(err, "read when a record was made")
}

// chunks reads the records and tiles and puts their trees together.
func (v *verification) chunks(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	workers := min(runtime.GOMAXPROCS(0), maxParallelVerification)
	if v.options.LowPriority {
		workers = 1
	}
	jobs, ordered := make(chan *chunk), make(chan *chunk, 2*workers)
	group.Go(func() { v.plan(ctx, jobs, ordered) })
	for range workers {
		group.Go(func() {
			var rows searchRows
			for c := range jobs {
				c.rows = &rows
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
			v.options.Progress(min(c.to*merkle.TileWidth, v.head.size), v.head.size)
		}
		if v.options.LowPriority {
			clock.Sleep(ctx, restFactor*time.Since(begun))
		}
	}
	return ctx.Err()
}

// plan hands out the chunks, in order to the one, to be read to the others.
func (v *verification) plan(ctx context.Context, jobs, ordered chan<- *chunk) {
	defer close(jobs)
	defer close(ordered)
	end := (v.head.size + merkle.TileWidth - 1) / merkle.TileWidth
	for n := v.report.From / merkle.TileWidth; n < end; n += tilesPerChunk {
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
	first, last := n*merkle.TileWidth, (n+1)*merkle.TileWidth
	if last > v.head.size {
		return true
	}
	i, _ := slices.BinarySearch(v.sizes, first+1)
	return i < len(v.sizes) && v.sizes[i] < last
}

// end compares the head with the tree.
func (v *verification) end(context.Context) error {
	v.report.Root = v.bytes.Root()
	h := v.head
	root := tlog.Hash{}
	if copy(root[:], h.root) != len(h.root) || len(h.root) != tlog.HashSize {
		v.add(Finding{Kind: FindingHead, Text: "the head's root is not a hash"})
	}
	// What no checkpoint covers yet, the head's root decides.
	v.resolve(root, v.bytes, v.tiles, v.head.size, func() {
		v.add(Finding{Kind: FindingHead, Text: "the head's root is not that of the %d records"}, v.head.size)
	})
	if !bytes.Equal(h.frontier, merkle.Join(v.bytes.Peaks)) && !bytes.Equal(h.frontier, merkle.Join(v.tiles.Peaks)) {
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

// resolve compares both trees with a root that is known, and decides which of
// the suspects up to that size are the record's fault and which the tile's. It
// returns which tree is true: -1 that of the tiles, 1 that of the bytes, 0 both
// or neither.
func (v *verification) resolve(root tlog.Hash, b, t merkle.Frontier, size int64, differ func()) int {
	ofBytes, ofTiles := b.Root(), t.Root()
	resolved := 0
	var blame func(seq int64)
	switch {
	case root == ofBytes && root == ofTiles:
		return 0
	case root == ofTiles:
		resolved, blame = -1, v.blameRecord
	case root == ofBytes:
		resolved, blame = 1, v.blameTile
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
	return resolved
}

func (v *verification) blameRecord(seq int64) {
	v.add(Finding{Kind: FindingRecordAltered, Sequence: seq, Text: "the record %d is not the one that was written"}, seq)
}

func (v *verification) blameTile(seq int64) {
	path := merkle.TilePath(0, (seq-1)/merkle.TileWidth)
	if seq > v.head.size/merkle.TileWidth*merkle.TileWidth {
		// the head's edge
		path = tlog.Tile{H: merkle.TileHeight, L: 0, N: seq / merkle.TileWidth,
			W: int(v.head.size % merkle.TileWidth)}.Path()
	}
	v.add(Finding{Kind: FindingTileAltered, Sequence: seq, Tile: path, Text: "the hash of the record %d in %s was changed"}, seq, path)
}
