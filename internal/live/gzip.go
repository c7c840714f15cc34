package live

import (
	"bytes"
	"hash/maphash"
	"sync"
)

// Compressor compresses pages part by part, and keeps the compressed parts: each is compressed once for all pages that
// have it. The zero value is ready.
type Compressor struct {
	mu   sync.Mutex
	all  map[uint64]*compressedPart
	uses uint64
	size int
}

type compressedPart struct {
	plain []byte
	*piece
	used uint64
}

// maxParts bounds what is kept of parts, in bytes.
const maxParts = 4 << 20

// seed makes it a matter of chance which parts share a key.
var seed = maphash.MakeSeed()

// Gzip compresses what stands around a body, which may be nil, and the part in it that is the reader's own. The parts
// of head and tail end with cut.
func (p *Compressor) Gzip(head []byte, body *Body, own, tail []byte, cut string) []byte {
	all := p.pieces(head, cut)
	if body != nil {
		all = append(all, body.pieces[:body.own]...)
		all = append(all, p.pieces(own, cut)...)
		all = append(all, body.pieces[body.own:]...)
	}
	return gzipped(append(all, p.pieces(tail, cut)...))
}

func (p *Compressor) pieces(text []byte, cut string) (all []*piece) {
	for part := range bytes.SplitAfterSeq(text, []byte(cut)) {
		if len(part) > 0 {
			all = append(all, p.compressed(part))
		}
	}
	return all
}

// compressed is a part as a piece. The text decides, not its hash.
func (p *Compressor) compressed(text []byte) *piece {
	key := maphash.Bytes(seed, text)
	p.mu.Lock()
	p.uses++
	found, ok := p.all[key]
	if ok && bytes.Equal(found.plain, text) {
		found.used = p.uses
		p.mu.Unlock()
		return found.piece
	}
	p.mu.Unlock()
	made := &compressedPart{plain: bytes.Clone(text), piece: newPiece(text)}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keep(key, made)
	return made.piece
}

// keep remembers a part; those that were used longest ago make room.
func (p *Compressor) keep(key uint64, made *compressedPart) {
	p.drop(key)
	if p.size >= maxParts {
		for old, one := range p.all {
			if p.uses-one.used > uint64(len(p.all))/2 {
				p.drop(old)
			}
		}
	}
	if p.all == nil || p.size >= maxParts {
		p.all, p.size = map[uint64]*compressedPart{}, 0
	}
	made.used = p.uses
	p.all[key] = made
	p.size += len(made.plain) + len(made.deflated)
}

func (p *Compressor) drop(key uint64) {
	if old, ok := p.all[key]; ok {
		p.size -= len(old.plain) + len(old.deflated)
		delete(p.all, key)
	}
}
