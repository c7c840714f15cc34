package live

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
)

// How long a piece of a body gets, in bytes: shorter ones compress badly, of longer ones too much is compressed again
// when a part changes. At the beginning some part always does.
const (
	maxFirst = 16 << 10
	maxPiece = 64 << 10
)

// hole surrounds a part's id where the part belongs, while a body is rendered. Nobody can guess it.
var hole = "\x00" + rand.Text()

// OwnHole stands in a body where the part that is each reader's own belongs, while it is rendered.
var OwnHole = hole + ownPart + hole

const ownPart = "\x00own"

// Body is the part of a page that all who see a version share, compressed and without its text.
type Body struct {
	pieces []*piece
	own    int      // how many of them stand before the part that is the reader's own
	keys   []uint64 // of the pieces' texts
	places []place  // of the parts
}

// place is where a part stands in a piece.
type place struct{ piece, from, to uint32 }

// bodyOf puts the parts' HTML into a text that has their ids in its holes. Pieces that last has, too, are taken from
// it.
func bodyOf(text string, ids []string, html map[string]string, last *Body) (*Body, error) {
	b := &Body{places: make([]place, len(ids))}
	index := map[string]int{}
	for i, id := range ids {
		index[id] = i
	}
	var open bytes.Buffer
	cut := func(more int) {
		limit := maxPiece
		if len(b.pieces) == 0 {
			limit = maxFirst
		}
		if open.Len() > 0 && open.Len()+more > limit {
			b.add(open.Bytes(), last)
			open.Reset()
		}
	}
	isPart := false
	for segment := range strings.SplitSeq(text, hole) {
		switch {
		case isPart && segment == ownPart:
			b.add(open.Bytes(), last)
			open.Reset()
			b.own, segment = len(b.pieces), ""
		case isPart:
			part := html[segment]
			cut(len(part))
			b.places[index[segment]] = place{uint32(len(b.pieces)), uint32(open.Len()), uint32(open.Len() + len(part))}
			delete(index, segment)
			segment = part
		}
		open.WriteString(segment)
		isPart = !isPart
	}
	b.add(open.Bytes(), last)
	for id := range index {
		return nil, fmt.Errorf("the body has no place for the part %q", id)
	}
	return b, nil
}

func (b *Body) add(text []byte, last *Body) {
	key, found := maphash.Bytes(seed, text), (*piece)(nil)
	if last != nil {
		if i := slices.Index(last.keys, key); i >= 0 && int(last.pieces[i].size) == len(text) {
			found = last.pieces[i]
		}
	}
	if found == nil {
		found = newPiece(text)
	}
	b.pieces, b.keys = append(b.pieces, found), append(b.keys, key)
}

func (b *Body) size() int {
	size := 12 * len(b.places)
	for _, p := range b.pieces {
		size += 100 + len(p.deflated)
	}
	return size
}

// Plain is the body's text with the part that is the reader's own; empty of nil.
func (b *Body) Plain(own []byte) ([]byte, error) {
	if b == nil {
		return nil, nil
	}
	var all []byte
	for i, p := range b.pieces {
		text, err := p.plain()
		if err != nil {
			return nil, err
		}
		if i == b.own {
			all = append(all, own...)
		}
		all = append(all, text...)
	}
	return all, nil
}

// parts is the text of some parts, by their index.
func (b *Body) parts(some []int) (map[int]string, error) {
	texts, found := map[uint32][]byte{}, map[int]string{}
	for _, i := range some {
		at := b.places[i]
		if texts[at.piece] == nil {
			text, err := b.pieces[at.piece].plain()
			if err != nil {
				return nil, err
			}
			texts[at.piece] = text
		}
		found[i] = string(texts[at.piece][at.from:at.to])
	}
	return found, nil
}
