package export

import (
	"context"
	"encoding/binary"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"coc-console/audit"
	"coc-console/audit/internal/merkle"
	"coc-console/internal/sqlutil"
)

// runs are increasing numbers, as runs of consecutive ones: how many are left
// out, and how many follow. A range takes a few bytes, however long it is.
type runs struct {
	packed      []byte
	start, next int64 // of the last run
	before      int64 // the first number after the run before it
}

func (r *runs) add(n int64) {
	if n != r.next {
		r.pack()
		r.start = n
	}
	r.next = n + 1
}

func (r *runs) pack() {
	if r.next > r.start {
		r.packed = binary.AppendUvarint(r.packed, uint64(r.start-r.before))
		r.packed = binary.AppendUvarint(r.packed, uint64(r.next-r.start))
	}
	r.before, r.start = r.next, r.next
}

// reader returns functions that tell the next number and take it. After the
// last there is a number beyond all.
func (r *runs) reader() (next, take func() int64) {
	r.pack()
	rest := r.packed
	var at, end int64
	advance := func() {
		for at == end {
			if len(rest) == 0 {
				at, end = 1<<62, 1<<62+1
				return
			}
			skip, n := binary.Uvarint(rest)
			count, m := binary.Uvarint(rest[n:])
			rest = rest[n+m:]
			at += int64(skip)
			end = at + int64(count)
		}
	}
	advance()
	return func() int64 { return at }, func() int64 {
		n := at
		at++
		advance()
		return n
	}
}

// tileLeaves reads the leaves of a tree from left to right, and the roots of
// what lies between them.
type tileLeaves struct {
	ctx    context.Context // a walker's functions take none
	log    *audit.Log
	size   int64
	hashes tlog.HashReader
	tiles  [][]tlog.Hash // from the tile first on
	first  int64
}

// aheadTiles is how many tiles are read at once where all are needed.
const aheadTiles = 16

func (t *tileLeaves) leaf(i int64) (tlog.Hash, error) {
	tile, err := t.tile(i / merkle.TileWidth)
	if err != nil {
		return tlog.Hash{}, err
	}
	return tile[i%merkle.TileWidth], nil
}

// tile returns the leaves of a tile that belong to the tree.
func (t *tileLeaves) tile(n int64) ([]tlog.Hash, error) {
	if t.first <= n && n < t.first+int64(len(t.tiles)) {
		return t.tiles[n-t.first], nil
	}
	ahead := int64(1)
	if len(t.tiles) > 0 && n == t.first+int64(len(t.tiles)) {
		ahead = aheadTiles
	}
	rows, err := sqlutil.Column[[]byte](t.log.Reader().QueryContext(t.ctx, `SELECT d FROM tile WHERE l = 0 AND n >= $1 AND n < $2 ORDER BY n`, n, n+ahead))
	if err != nil {
		return nil, fmt.Errorf("read the tile %d: %w", n, err)
	}
	t.first, t.tiles = n, t.tiles[:0]
	for _, d := range rows {
		if len(d) != merkle.TileWidth*tlog.HashSize {
			return nil, fmt.Errorf("%w: the tile %d", audit.ErrDamaged, n)
		}
		t.tiles = append(t.tiles, merkle.Split(d))
	}
	if len(rows) == 0 { // the last one, which is not full
		leaves, err := t.log.Nodes(t.ctx, 0, n*merkle.TileWidth, min((n+1)*merkle.TileWidth, t.size))
		if err != nil {
			return nil, err
		}
		t.tiles = append(t.tiles, leaves)
	}
	return t.tiles[0], nil
}

// root is the root over the leaves [lo, hi), which are a part of the tree.
func (t *tileLeaves) root(lo, hi int64) (tlog.Hash, error) {
	var parts []tlog.Hash
	for lo < hi {
		height := 0
		for lo+2<<height <= hi {
			height++
		}
		h, err := t.subtree(height, lo>>height)
		if err != nil {
			return h, err
		}
		parts = append(parts, h)
		lo += 1 << height
	}
	return merkle.Root(parts), nil
}

func (t *tileLeaves) subtree(height int, n int64) (tlog.Hash, error) {
	if height >= merkle.TileHeight {
		found, err := t.hashes.ReadHashes([]int64{tlog.StoredHashIndex(height, n)})
		if err != nil {
			return tlog.Hash{}, err
		}
		return found[0], nil
	}
	from := n << height
	tile, err := t.tile(from / merkle.TileWidth)
	if err != nil {
		return tlog.Hash{}, err
	}
	at := from % merkle.TileWidth
	return merkle.Fold(tile[at : at+1<<height]), nil
}
