// Package merkle is the arithmetic of the log's Merkle tree (RFC 6962), whose
// hashes are stored in tiles of 256.
package merkle

import (
	"crypto/sha256"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// The shape of the tree's tiles.
const (
	TileHeight = 8
	TileWidth  = 1 << TileHeight
	Levels     = 8 // 256^8 leaves are more than fit a sequence
)

// Leaf is the hash of a record's bytes as a leaf of the tree (RFC 6962, section
// 2.1): SHA-256 of a zero byte and the bytes.
func Leaf(body []byte) tlog.Hash {
	var space [1024]byte // most records fit: no allocation
	return sha256.Sum256(append(append(space[:0], 0), body...))
}

// Empty is the hash of a tree without leaves.
var Empty = must(tlog.TreeHash(0, nil))

func must(h tlog.Hash, _ error) tlog.Hash { return h }

// Root is the hash of a tree with these complete subtrees, the largest first.
func Root(peaks []tlog.Hash) tlog.Hash {
	if len(peaks) == 0 {
		return Empty
	}
	h := peaks[len(peaks)-1]
	for i := len(peaks) - 2; i >= 0; i-- {
		h = tlog.NodeHash(peaks[i], h)
	}
	return h
}

// Fold is the root of a complete subtree, whose nodes are a power of two, and
// no more than a tile has.
func Fold(nodes []tlog.Hash) tlog.Hash {
	var half [TileWidth / 2]tlog.Hash
	for level := nodes; ; level = half[:len(level)/2] {
		if len(level) == 1 {
			return level[0]
		}
		for i := range len(level) / 2 {
			half[i] = tlog.NodeHash(level[2*i], level[2*i+1])
		}
	}
}

// Join puts hashes one after the other, as they are stored.
func Join(hashes []tlog.Hash) []byte {
	out := make([]byte, 0, len(hashes)*tlog.HashSize)
	for _, h := range hashes {
		out = append(out, h[:]...)
	}
	return out
}

// Split is the reverse of Join.
func Split(data []byte) []tlog.Hash {
	out := make([]tlog.Hash, len(data)/tlog.HashSize)
	for i := range out {
		out[i] = tlog.Hash(data[i*tlog.HashSize:])
	}
	return out
}

// TileRoot is the root of a stored tile; one that is not full has none.
func TileRoot(data []byte) tlog.Hash {
	if len(data) != TileWidth*tlog.HashSize {
		return tlog.Hash{}
	}
	return Fold(Split(data))
}

// TilePath is a full tile's path, as tlog has it: tile/8/0/000.
func TilePath(level int, n int64) string {
	return tlog.Tile{H: TileHeight, L: level, N: n, W: TileWidth}.Path()
}

// Peaks splits a tree's size into its complete subtrees, the largest first, as
// tlog numbers their hashes.
func Peaks(size int64) []int64 {
	var out []int64
	for at := int64(0); at < size; {
		height := bits.Len64(uint64(size-at)) - 1
		out = append(out, tlog.StoredHashIndex(height, at>>height))
		at += 1 << height
	}
	return out
}

// Frontier is a tree of which only the roots of the complete subtrees are kept,
// the largest first.
type Frontier struct {
	Size  int64
	Peaks []tlog.Hash
}

// Add appends a complete subtree of that height, whose place is a multiple of
// its size. It tells node, which may be nil, of every subtree that becomes
// complete by it, and ends with its error.
func (f *Frontier) Add(h tlog.Hash, height int, node func(height int, n int64, h tlog.Hash) error) error {
	size := int64(1) << height
	for n := f.Size >> height; n&1 == 1; {
		last := len(f.Peaks) - 1
		h, f.Peaks = tlog.NodeHash(f.Peaks[last], h), f.Peaks[:last]
		n >>= 1
		height++
		if node == nil {
			continue
		}
		if err := node(height, n, h); err != nil {
			return err
		}
	}
	f.Peaks = append(f.Peaks, h)
	f.Size += size
	return nil
}

// Root is the tree's hash.
func (f *Frontier) Root() tlog.Hash { return Root(f.Peaks) }
