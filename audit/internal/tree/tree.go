// Package tree keeps the log's Merkle tree (RFC 6962) in the database's tiles:
// the right edge, from which an append goes on, and the hashes of which proofs
// are made.
package tree

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"

	"coc-console/audit/internal/merkle"
)

// ErrDamaged says that what the tree's hashes stand for is not what is stored.
// A log in that state takes no more records: whatever followed would cover it up.
var ErrDamaged = errors.New("audit: the log does not fit its own hashes")

// Tree is the right edge of the Merkle tree: enough to go on from,
// and to fill the tiles that become full. The frontier is the truth and comes
// from the locked head row; the edges are a cache, checked against it.
type Tree struct {
	merkle.Frontier
	edge [merkle.Levels]edge
	Full []Tile // tiles that have become full since At
}

// edge is the part that is known of a tile that is not full: the nodes
// [end-len(nodes), end) of a level.
type edge struct {
	end   int64
	nodes []tlog.Hash
}

// Tile is a full tile.
type Tile struct {
	Level int
	N     int64
	Data  []byte
}

// At moves the tree to what a head row says. Edges of another size are not
// used; those of the same are only used where they fit the frontier.
func (t *Tree) At(size int64, frontier []byte) error {
	if len(frontier) != bits.OnesCount64(uint64(size))*tlog.HashSize {
		return fmt.Errorf("%w: the head's frontier has %d bytes for %d records", ErrDamaged, len(frontier), size)
	}
	t.Full = nil
	if t.Size != size || !t.endsWith(frontier) {
		t.Frontier = merkle.Frontier{Size: size, Peaks: merkle.Split(frontier)}
	}
	return nil
}

// endsWith compares the tree with a stored frontier: a commit that continues the one before need not split it again.
func (t *Tree) endsWith(frontier []byte) bool {
	if len(t.Peaks)*tlog.HashSize != len(frontier) {
		return false
	}
	for i := range t.Peaks {
		if h := frontier[i*tlog.HashSize:]; tlog.Hash(h) != t.Peaks[i] {
			return false
		}
	}
	return true
}

// nodes is how many complete nodes a tile level has.
func (t *Tree) nodes(level int) int64 { return t.Size >> (merkle.TileHeight * level) }

// Knows reports whether the edge of a level is the tree's.
func (t *Tree) Knows(level int) bool {
	n, e := t.nodes(level), &t.edge[level]
	return n%merkle.TileWidth == 0 || e.end == n && int64(len(e.nodes)) == n%merkle.TileWidth
}

// completes reports whether so many more leaves fill a tile of the level.
func (t *Tree) completes(level, leaves int) bool {
	return (t.Size+int64(leaves))>>(merkle.TileHeight*(level+1)) > t.nodes(level+1)
}

// AddLeaf appends a leaf.
func (t *Tree) AddLeaf(leaf tlog.Hash) error {
	t.push(0, leaf)
	return t.Add(leaf, 0, func(height int, n int64, h tlog.Hash) error {
		if height%merkle.TileHeight != 0 {
			return nil
		}
		return t.complete(height/merkle.TileHeight-1, n, h)
	})
}

// Leaves are those beyond the last full tile, if the lowest edge is known.
func (t *Tree) Leaves() []tlog.Hash {
	if t.Size%merkle.TileWidth == 0 {
		return nil
	}
	return t.edge[0].nodes
}

// push adds a node to the edge of its level.
func (t *Tree) push(level int, h tlog.Hash) {
	if level == merkle.Levels {
		return
	}
	n, e := t.Size>>(merkle.TileHeight*level), &t.edge[level]
	if e.end != n || n%merkle.TileWidth == 0 {
		e.nodes = e.nodes[:0]
	}
	e.nodes, e.end = append(e.nodes, h), n+1
}

// complete makes a full tile, whose root is known from the frontier.
func (t *Tree) complete(level int, n int64, root tlog.Hash) error {
	nodes := t.edge[level].nodes
	if len(nodes) != merkle.TileWidth || merkle.Fold(nodes) != root {
		return fmt.Errorf("%w: tile %d of level %d", ErrDamaged, n, level)
	}
	t.Full = append(t.Full, Tile{level, n, merkle.Join(nodes)})
	t.push(level+1, root)
	return nil
}

// Querier is a database or a transaction.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Load reads the edges that so many more leaves need, and the lowest where it
// is signed; or all of them when they are to be read again. What it reads must
// fit the frontier.
func (t *Tree) Load(ctx context.Context, q Querier, leaves int, all, lowest bool) error {
	for level := range merkle.Levels {
		needed := t.completes(level, leaves) || lowest && level == 0
		if t.nodes(level) == 0 || !all && (t.Knows(level) || !needed) {
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

func (t *Tree) loadEdge(ctx context.Context, q Querier, level int) error {
	end := t.nodes(level)
	nodes, err := Nodes(ctx, q, level, end/merkle.TileWidth*merkle.TileWidth, end)
	t.edge[level] = edge{end, nodes}
	return err
}

// checkEdge compares an edge with those hashes of the frontier that stand for
// the same leaves.
func (t *Tree) checkEdge(level int) error {
	nodes := t.edge[level].nodes
	width := bits.OnesCount64(uint64(t.Size) & (1<<(merkle.TileHeight*level) - 1)) // smaller subtrees, of lower levels
	parts := t.Peaks[:len(t.Peaks)-width]
	var peaks []tlog.Hash
	for len(nodes) > 0 {
		n := 1 << (bits.Len(uint(len(nodes))) - 1)
		peaks, nodes = append(peaks, merkle.Fold(nodes[:n])), nodes[n:]
	}
	for i, h := range parts[len(parts)-len(peaks):] {
		if h != peaks[i] {
			return fmt.Errorf("%w: the last tile of level %d", ErrDamaged, level)
		}
	}
	return nil
}

// Nodes derives the nodes [from, to) of a tile level from what is stored
// below it: the entries, or the full tiles of the level below.
func Nodes(ctx context.Context, q Querier, level int, from, to int64) ([]tlog.Hash, error) {
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
	nodes := make([]tlog.Hash, 0, merkle.TileWidth)
	for rows.Next() {
		var data sql.RawBytes
		if err := rows.Scan(&data); err != nil {
			return nil, fmt.Errorf("read the nodes of level %d: %w", level, err)
		}
		nodes = append(nodes, nodeOf(level, data))
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the nodes of level %d: %w", level, err)
	}
	if int64(len(nodes)) != to-from {
		return nil, fmt.Errorf("%w: of the nodes %d to %d of level %d only %d are there", ErrDamaged, from, to, level, len(nodes))
	}
	return nodes, nil
}

// nodeOf is the node that a body, or a full tile of the level below, stands for.
func nodeOf(level int, data []byte) tlog.Hash {
	if level == 0 {
		return merkle.Leaf(data)
	}
	return merkle.TileRoot(data)
}
