package live

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"sync"
)

// deflateLevel is that of events and of the pieces of pages: what 6 takes is made for one reader, most of the time, and
// 4 makes it 4 % larger in half of the time.
const deflateLevel = 4

// piece is a text as part of a deflate stream: it refers to nothing before it, and ends at a byte, so that it fits into
// any stream. The text itself is not kept.
type piece struct {
	deflated  []byte
	sum, size uint32 // of the text, as gzip counts them
}

var deflaters = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(nil, deflateLevel) // the level is a good one
	return w
}}

func newPiece(text []byte) *piece {
	var b bytes.Buffer
	w := deflaters.Get().(*flate.Writer) //nolint:errcheck // the pool has nothing else
	defer deflaters.Put(w)
	w.Reset(&b)
	_, _ = w.Write(text) // a buffer takes everything
	_ = w.Flush()
	return &piece{deflated: bytes.Clone(b.Bytes()), sum: crc32.ChecksumIEEE(text), size: uint32(len(text))}
}

// plain is the text, for the few who take nothing compressed.
func (p *piece) plain() ([]byte, error) {
	text, in := make([]byte, p.size), bytes.NewReader(p.deflated)
	r := inflaters.Get().(io.Reader) //nolint:errcheck // the pool has nothing else
	defer inflaters.Put(r)
	err := r.(flate.Resetter).Reset(in, nil) //nolint:errcheck // all of flate's are
	if err == nil {
		_, err = io.ReadFull(r, text)
	}
	if err != nil {
		return nil, fmt.Errorf("decompress a part of a page: %w", err)
	}
	return text, nil
}

var inflaters = sync.Pool{New: func() any { return flate.NewReader(nil) }}

// gzipHead is the head of a gzip file of no name and no time.
var gzipHead = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff}

// total is what the end of a gzip file says of all its pieces.
type total struct{ sum, size uint32 }

func (t *total) add(p *piece) {
	t.sum, t.size = joinedSum(t.sum, p.sum, p.size), t.size+p.size // gzip counts modulo 2³²
}

// tail ends the file.
func (t *total) tail() []byte {
	tail := []byte{3, 0} // a last, empty block
	tail = binary.LittleEndian.AppendUint32(tail, t.sum)
	return binary.LittleEndian.AppendUint32(tail, t.size)
}

// gzipped is a gzip file of these pieces.
func gzipped(pieces []*piece) []byte {
	var all total
	size := len(gzipHead) + 10
	for _, p := range pieces {
		size += len(p.deflated)
	}
	out := append(make([]byte, 0, size), gzipHead...)
	for _, p := range pieces {
		out = append(out, p.deflated...)
		all.add(p)
	}
	return append(out, all.tail()...)
}

// joinedSum is the CRC-32 of two texts, one behind the other: the first one's times x to the number of the second's
// bits, plus the second one's, as polynomials over the field of two elements.
func joinedSum(first, second, size uint32) uint32 {
	for i := 0; size > 0; i, size = i+1, size>>1 {
		if size&1 == 1 {
			first = times(first, shifts[i])
		}
	}
	return first ^ second
}

// shifts are x to the power of 8·2^i.
var shifts = func() (all [32]uint32) {
	all[0] = 1 << 23 // x⁸: the highest bit is x⁰
	for i := range all[1:] {
		all[i+1] = times(all[i], all[i])
	}
	return all
}()

// times multiplies modulo CRC-32's polynomial.
func times(a, b uint32) (product uint32) {
	for ; a != 0; a <<= 1 {
		if a>>31 == 1 {
			product ^= b
		}
		b = b>>1 ^ crc32.IEEE&-(b&1)
	}
	return product
}
