package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// The shape of the tree's tiles.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
	tileLevels = 8 // 256^8 leaves are more than fit a sequence
)

// ErrDamaged says that what the tree's hashes stand for is not what is stored.
// A log in that state takes no more records: whatever followed would cover it up.
var ErrDamaged = errors.New("audit: the log does not fit its own hashes")

// tree is the right edge of the Merkle tree (RFC 6962): enough to go on from,
// and to fill the tiles that become full. The frontier is the truth and comes
// from the locked head row; the edges are a cache, checked against it.
type tree struct {
	size     int64
	frontier []tlog.Hash // roots of the complete subtrees, the largest first
	edge     [tileLevels]edge
	full     []tileRow // tiles that have become full since at
}

// edge is the part that is known of a tile that is not full: the nodes
// [end-len(nodes), end) of a level.
type edge struct {
	end   int64
	nodes []tlog.Hash
}

// tileRow is a full tile.
type tileRow struct {
	level int
	n     int64
	data  []byte
}

// at moves the tree to what a head row says. Edges of another size are not
// used; those of the same are only used where they fit the frontier.
func (t *tree) at(size int64, frontier []byte) error {
	if len(frontier) != bits.OnesCount64(uint64(size))*tlog.HashSize {
		return fmt.Errorf("%w: the head's frontier has %d bytes for %d records", ErrDamaged, len(frontier), size)
	}
	t.size, t.frontier, t.full = size, t.frontier[:0], nil
	for ; len(frontier) > 0; frontier = frontier[tlog.HashSize:] {
		t.frontier = append(t.frontier, tlog.Hash(frontier[:tlog.HashSize]))
	}
	return nil
}

// nodes is how many complete nodes a tile level has.
func (t *tree) nodes(level int) int64 { return t.size >> (tileHeight * level) }

// knows reports whether the edge of a level is the tree's.
func (t *tree) knows(level int) bool {
	n, e := t.nodes(level), &t.edge[level]
	return n%tileWidth == 0 || e.end == n && int64(len(e.nodes)) == n%tileWidth
}

// completes reports whether so many more leaves fill a tile of the level.
func (t *tree) completes(level, leaves int) bool {
	return (t.size+int64(leaves))>>(tileHeight*(level+1)) > t.nodes(level+1)
}

// add appends a leaf.
func (t *tree) add(leaf tlog.Hash) error {
	t.push(0, leaf)
	h, height := leaf, 0
	for s := t.size; s&1 == 1; s >>= 1 {
		last := len(t.frontier) - 1
		h, t.frontier = tlog.NodeHash(t.frontier[last], h), t.frontier[:last]
		if height++; height%tileHeight == 0 {
			if err := t.complete(height/tileHeight-1, t.size>>height, h); err != nil {
				return err
			}
		}
	}
	t.frontier = append(t.frontier, h)
	t.size++
	return nil
}

// leaves are those beyond the last full tile, if the lowest edge is known.
func (t *tree) leaves() []tlog.Hash {
	if t.size%tileWidth == 0 {
		return nil
	}
	return t.edge[0].nodes
}

// push adds a node to the edge of its level.
func (t *tree) push(level int, h tlog.Hash) {
	if level == tileLevels {
		return
	}
	n, e := t.size>>(tileHeight*level), &t.edge[level]
	if e.end != n || n%tileWidth == 0 {
		e.nodes = e.nodes[:0]
	}
	e.nodes, e.end = append(e.nodes, h), n+1
}

// complete makes a full tile, whose root is known from the frontier.
func (t *tree) complete(level int, n int64, root tlog.Hash) error {
	nodes := t.edge[level].nodes
	if len(nodes) != tileWidth || fold(nodes) != root {
		return fmt.Errorf("%w: tile %d of level %d", ErrDamaged, n, level)
	}
	t.full = append(t.full, tileRow{level, n, joined(nodes)})
	t.push(level+1, root)
	return nil
}

// root is the tree's hash.
func (t *tree) root() tlog.Hash { return rootOf(t.frontier) }

// emptyRoot is the hash of a tree without leaves.
var emptyRoot = must(tlog.TreeHash(0, nil))

func must(h tlog.Hash, _ error) tlog.Hash { return h }

func rootOf(frontier []tlog.Hash) tlog.Hash {
	if len(frontier) == 0 {
		return emptyRoot
	}
	h := frontier[len(frontier)-1]
	for i := len(frontier) - 2; i >= 0; i-- {
		h = tlog.NodeHash(frontier[i], h)
	}
	return h
}

// fold is the root of a complete subtree, whose nodes are a power of two.
func fold(nodes []tlog.Hash) tlog.Hash {
	var half [tileWidth / 2]tlog.Hash
	for level := nodes; ; level = half[:len(level)/2] {
		if len(level) == 1 {
			return level[0]
		}
		for i := range len(level) / 2 {
			half[i] = tlog.NodeHash(level[2*i], level[2*i+1])
		}
	}
}

func joined(hashes []tlog.Hash) []byte {
	out := make([]byte, 0, len(hashes)*tlog.HashSize)
	for _, h := range hashes {
		out = append(out, h[:]...)
	}
	return out
}

func split(data []byte) []tlog.Hash {
	out := make([]tlog.Hash, len(data)/tlog.HashSize)
	for i := range out {
		out[i] = tlog.Hash(data[i*tlog.HashSize:])
	}
	return out
}

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// load reads the edges that so many more leaves need, and the lowest where it
// is signed; or all of them when they are to be read anew. What it reads must
// fit the frontier.
func (t *tree) load(ctx context.Context, q querier, leaves int, all, lowest bool) error {
	for level := range tileLevels {
		needed := t.completes(level, leaves) || lowest && level == 0
		if t.nodes(level) == 0 || !all && (t.knows(level) || !needed) {
			continue
		}
		if err := t.loadEdge(ctx, q, level); err != nil {
			return err
		}
		if err := t.checkEdge(level); err != nil {
			return err
		}
	}
	return nil
}

func (t *tree) loadEdge(ctx context.Context, q querier, level int) error {
	end := t.nodes(level)
	nodes, err := storedNodes(ctx, q, level, end/tileWidth*tileWidth, end)
	t.edge[level] = edge{end, nodes}
	return err
}

// checkEdge compares an edge with those hashes of the frontier that stand for
// the same leaves.
func (t *tree) checkEdge(level int) error {
	nodes := t.edge[level].nodes
	width := bits.OnesCount64(uint64(t.size) & (1<<(tileHeight*level) - 1)) // smaller subtrees, of lower levels
	parts := t.frontier[:len(t.frontier)-width]
	var peaks []tlog.Hash
	for len(nodes) > 0 {
		n := 1 << (bits.Len(uint(len(nodes))) - 1)
		peaks, nodes = append(peaks, fold(nodes[:n])), nodes[n:]
	}
	for i, h := range parts[len(parts)-len(peaks):] {
		if h != peaks[i] {
			return fmt.Errorf("%w: the last tile of level %d", ErrDamaged, level)
		}
	}
	return nil
}

// storedNodes derives the nodes [from, to) of a tile level from what is stored
// below it: the entries, or the full tiles of the level below.
func storedNodes(ctx context.Context, q querier, level int, from, to int64) ([]tlog.Hash, error) {
	if from == to {
		return nil, nil
	}
	var rows *sql.Rows
	var err error
	if level == 0 {
		rows, err = q.QueryContext(ctx, `SELECT body FROM entry WHERE seq > $1 AND seq <= $2 ORDER BY seq`, from, to)
	} else {
		rows, err = q.QueryContext(ctx, `SELECT d FROM tile WHERE l = $1 AND n >= $2 AND n < $3 ORDER BY n`, level-1, from, to)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	nodes := make([]tlog.Hash, 0, tileWidth)
	for rows.Next() {
		var data sql.RawBytes
		if err := rows.Scan(&data); err != nil {
			return nil, err
		}
		nodes = append(nodes, nodeOf(level, data))
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if int64(len(nodes)) != to-from {
		return nil, fmt.Errorf("%w: of the nodes %d to %d of level %d only %d are there", ErrDamaged, from, to, level, len(nodes))
	}
	return nodes, nil
}

// nodeOf is the node that a body, or a full tile of the level below, stands for.
func nodeOf(level int, data []byte) tlog.Hash {
	if level == 0 {
		return leafHash(data)
	}
	return tileRoot(data)
}

// tileRoot is the root of a stored tile; one that is not full has none.
func tileRoot(data []byte) tlog.Hash {
	if len(data) != tileWidth*tlog.HashSize {
		return tlog.Hash{}
	}
	return fold(split(data))
}
