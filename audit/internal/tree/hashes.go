package tree

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"coc-console/audit/internal/merkle"
)

// Reader reads the tree's hashes from the tiles, and where those are not full, from what is below.
type Reader struct {
	db    *sql.DB
	roots rootCache
}

// NewReader reads the tree that a database holds.
func NewReader(db *sql.DB) *Reader { return &Reader{db: db} }

// Hashes are for proofs: roots are remembered from one call to the next.
func (r *Reader) Hashes(ctx context.Context) tlog.HashReader {
	return tlog.HashReaderFunc((&hashReader{db: r.db, roots: &r.roots, ctx: ctx, tiles: map[tileID][]byte{}}).read)
}

// Stored are for verification: nothing is believed that was read before.
func (r *Reader) Stored(ctx context.Context) tlog.HashReader {
	return tlog.HashReaderFunc((&hashReader{db: r.db, ctx: ctx, tiles: map[tileID][]byte{}}).read)
}

type tileID struct {
	level int
	n     int64
}

type hashReader struct {
	db    *sql.DB
	roots *rootCache      // nil: believe no root that was read before
	ctx   context.Context // tlog's readers take none
	tiles map[tileID][]byte
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
	level, above := height/merkle.TileHeight, height%merkle.TileHeight
	from, to := n<<above, (n+1)<<above
	data, err := r.tile(tileID{level, from / merkle.TileWidth})
	if err != nil {
		return tlog.Hash{}, err
	}
	if data != nil {
		first := from % merkle.TileWidth
		return merkle.Fold(merkle.Split(data[first*tlog.HashSize : (first+to-from)*tlog.HashSize])), nil
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
		if nodes, err = Nodes(r.ctx, r.db, 0, from, to); err != nil {
			return tlog.Hash{}, err
		}
	}
	return merkle.Fold(nodes), nil
}

// tile reads a full tile, nil when there is none.
func (r *hashReader) tile(id tileID) ([]byte, error) {
	if data, ok := r.tiles[id]; ok {
		return data, nil
	}
	var data []byte
	err := r.db.QueryRowContext(r.ctx, `SELECT d FROM tile WHERE l = $1 AND n = $2`, id.level, id.n).Scan(&data)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read the tile %d of level %d: %w", id.n, id.level, err)
	}
	if len(data) != merkle.TileWidth*tlog.HashSize {
		data = nil
	}
	r.tiles[id] = data
	return data, nil
}

// root is the root of a full tile. Roots never change, so they are remembered.
func (r *hashReader) root(id tileID) (tlog.Hash, error) {
	if r.roots != nil {
		if h, ok := r.roots.get(id); ok {
			return h, nil
		}
	}
	data, err := r.tile(id)
	if err != nil {
		return tlog.Hash{}, err
	}
	delete(r.tiles, id) // of many only the root is needed
	if data == nil {
		return tlog.Hash{}, fmt.Errorf("%w: the tile %d of level %d is missing", ErrDamaged, id.n, id.level)
	}
	h := merkle.TileRoot(data)
	if r.roots != nil {
		r.roots.put(id, h)
	}
	return h, nil
}

// rootCache holds the roots of tiles beside the right edge of the tree, for
// proofs. Verification does not use it.
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
