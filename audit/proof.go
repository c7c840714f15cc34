package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/bits"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// Entry is a record as the log keeps it.
type Entry struct {
	Sequence int64
	Time     time.Time
	Body     []byte    // the exact bytes
	Leaf     tlog.Hash // SHA-256 of a zero byte and Body: the leaf Sequence-1 of the tree
}

// Entry returns a record's bytes, or ErrNotFound.
func (l *Log) Entry(ctx context.Context, seq int64) (Entry, error) {
	e := Entry{Sequence: seq}
	var ts int64
	err := l.cfg.LogRead.QueryRowContext(ctx, `SELECT ts, body FROM entry WHERE seq = $1`, seq).Scan(&ts, &e.Body)
	if errors.Is(err, sql.ErrNoRows) {
		return Entry{}, ErrNotFound
	}
	e.Time, e.Leaf = fromMicro(ts), leafHash(e.Body)
	return e, err
}

// Prove returns the hashes that lead from the leaf of a record to the root of
// the tree with size records (RFC 6962, section 2.1.1).
func (l *Log) Prove(ctx context.Context, seq, size int64) (tlog.RecordProof, error) {
	if err := l.inTree(ctx, size); err != nil {
		return nil, err
	}
	if seq < 1 || seq > size {
		return nil, ErrNotFound
	}
	return tlog.ProveRecord(size, seq-1, l.hashes(ctx))
}

// Consistency returns the hashes that show that the tree with newer records
// continues the one with older (RFC 6962, section 2.1.2).
func (l *Log) Consistency(ctx context.Context, older, newer int64) (tlog.TreeProof, error) {
	if err := l.inTree(ctx, newer); err != nil {
		return nil, err
	}
	if older < 0 || older > newer {
		return nil, fmt.Errorf("audit: %d records cannot come before %d", older, newer)
	}
	if older == 0 {
		return tlog.TreeProof{}, nil
	}
	return tlog.ProveTree(newer, older, l.hashes(ctx))
}

// inTree refuses trees that the log has not reached.
func (l *Log) inTree(ctx context.Context, size int64) error {
	now, err := l.Size(ctx)
	if err == nil && size > now {
		err = fmt.Errorf("%w: the log has %d records, not %d", ErrNotFound, now, size)
	}
	return err
}

// rootAt is the root of the tree that the first size records form.
func (l *Log) rootAt(ctx context.Context, size int64) (tlog.Hash, error) {
	return tlog.TreeHash(size, l.hashes(ctx))
}

// hashes reads the tree's hashes from the tiles, and where those are not full,
// from what is below.
func (l *Log) hashes(ctx context.Context) tlog.HashReader {
	r := &hashReader{log: l, ctx: ctx, tiles: map[tileID][]byte{}}
	return tlog.HashReaderFunc(r.read)
}

type tileID struct {
	level int
	n     int64
}

type hashReader struct {
	log   *Log
	ctx   context.Context // tlog's readers take none
	tiles map[tileID][]byte
	anew  bool // believe no root that was read before
}

func (r *hashReader) read(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		height, n := tlog.SplitStoredHashIndex(index)
		var err error
		if out[i], err = r.hash(height, n); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// hash returns the n-th node of a height.
func (r *hashReader) hash(height int, n int64) (tlog.Hash, error) {
	level, above := height/tileHeight, height%tileHeight
	from, to := n<<above, (n+1)<<above
	data, err := r.tile(tileID{level, from / tileWidth})
	if err != nil {
		return tlog.Hash{}, err
	}
	if data != nil {
		first := from % tileWidth
		return fold(split(data[first*tlog.HashSize : (first+to-from)*tlog.HashSize])), nil
	}
	nodes := make([]tlog.Hash, 0, to-from)
	for at := from; at < to && level > 0; at++ {
		h, err := r.root(tileID{level - 1, at})
		if err != nil {
			return tlog.Hash{}, err
		}
		nodes = append(nodes, h)
	}
	if level == 0 {
		if nodes, err = storedNodes(r.ctx, r.log.cfg.LogRead, 0, from, to); err != nil {
			return tlog.Hash{}, err
		}
	}
	return fold(nodes), nil
}

// tile reads a full tile, nil when there is none.
func (r *hashReader) tile(id tileID) ([]byte, error) {
	if data, ok := r.tiles[id]; ok {
		return data, nil
	}
	var data []byte
	err := r.log.cfg.LogRead.QueryRowContext(r.ctx, `SELECT d FROM tile WHERE l = $1 AND n = $2`, id.level, id.n).Scan(&data)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	if len(data) != tileWidth*tlog.HashSize {
		data = nil
	}
	r.tiles[id] = data
	return data, nil
}

// root is the root of a full tile. Roots never change, so they are remembered.
func (r *hashReader) root(id tileID) (tlog.Hash, error) {
	if h, ok := r.log.roots.get(id); ok && !r.anew {
		return h, nil
	}
	data, err := r.tile(id)
	if err != nil {
		return tlog.Hash{}, err
	}
	delete(r.tiles, id) // of many only the root is needed
	if data == nil {
		return tlog.Hash{}, fmt.Errorf("%w: the tile %d of level %d is missing", ErrDamaged, id.n, id.level)
	}
	h := tileRoot(data)
	r.log.roots.put(id, h)
	return h, nil
}

// rootCache holds the roots of tiles beside the right edge of the tree, for
// proofs. Verification reads everything anew.
type rootCache struct {
	mu sync.Mutex
	m  map[tileID]tlog.Hash
}

const cachedRoots = 4096

func (c *rootCache) get(id tileID) (tlog.Hash, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h, ok := c.m[id]
	return h, ok
}

func (c *rootCache) put(id tileID, h tlog.Hash) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m == nil || len(c.m) >= cachedRoots {
		c.m = map[tileID]tlog.Hash{}
	}
	c.m[id] = h
}

// peaks splits a tree's size into its complete subtrees, the largest first, as
// tlog numbers their hashes.
func peaks(size int64) []int64 {
	var out []int64
	for at := int64(0); at < size; {
		height := bits.Len64(uint64(size-at)) - 1
		out = append(out, tlog.StoredHashIndex(height, at>>height))
		at += 1 << height
	}
	return out
}

// Leaf is the leaf hash of a record, also of one whose bytes Prune removed.
func (l *Log) Leaf(ctx context.Context, seq int64) (tlog.Hash, error) {
	if err := l.inTree(ctx, seq); err != nil {
		return tlog.Hash{}, err
	}
	if seq < 1 {
		return tlog.Hash{}, ErrNotFound
	}
	found, err := l.hashes(ctx).ReadHashes([]int64{tlog.StoredHashIndex(0, seq-1)})
	if err != nil {
		return tlog.Hash{}, err
	}
	return found[0], nil
}
