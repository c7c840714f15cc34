package handlers

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"hash/maphash"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"

	"coc-console/templates"
)

// renderPacked renders a page like Render and compresses it, too: in pieces, cut
// where templates.Cut stands, of which each is compressed once for all pages
// that have it.
func (h *Handlers) renderPacked(c echo.Context, status int, page templates.Page) error {
	b := buffers.Get().(*bytes.Buffer) //nolint:errcheck // the pool has nothing else
	defer buffers.Put(b)
	b.Reset()
	if err := templates.Document(page).Render(c.Request().Context(), b); err != nil {
		return err
	}
	c.Response().Header().Add(echo.HeaderVary, echo.HeaderAcceptEncoding)
	if !strings.Contains(c.Request().Header.Get(echo.HeaderAcceptEncoding), "gzip") {
		return c.HTMLBlob(status, b.Bytes())
	}
	c.Response().Header().Set(echo.HeaderContentEncoding, "gzip")
	return c.HTMLBlob(status, h.pieces.gzip(b.Bytes()))
}

var buffers = sync.Pool{New: func() any { return &bytes.Buffer{} }}

// pieces keeps compressed pieces of pages by what they say.
type pieces struct {
	mu   sync.Mutex
	all  map[uint64]*piece
	uses uint64
	size int
}

type piece struct {
	plain, packed []byte
	used          uint64
}

// maxPieces bounds what is kept, in bytes.
const maxPieces = 16 << 20

// seed makes it a matter of chance which pieces get in each other's way.
var seed = maphash.MakeSeed()

// gzipHead is the head of a gzip file of no name and no time.
var gzipHead = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff}

// gzip compresses a page.
func (p *pieces) gzip(page []byte) []byte {
	out := bytes.Clone(gzipHead)
	for part := range bytes.SplitAfterSeq(page, []byte(templates.Cut)) {
		out = append(out, p.packed(part)...)
	}
	out = append(out, 3, 0) // a last, empty block
	out = binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(page))
	return binary.LittleEndian.AppendUint32(out, uint32(len(page)))
}

// packed is a piece of a deflate stream. The text decides, not its hash.
func (p *pieces) packed(text []byte) []byte {
	key := maphash.Bytes(seed, text)
	p.mu.Lock()
	p.uses++
	found, ok := p.all[key]
	if ok && bytes.Equal(found.plain, text) {
		found.used = p.uses
		p.mu.Unlock()
		return found.packed
	}
	p.mu.Unlock()
	made := &piece{plain: bytes.Clone(text), packed: deflated(text)}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keep(key, made)
	return made.packed
}

// keep remembers a piece; those that were used longest ago make room.
func (p *pieces) keep(key uint64, made *piece) {
	p.drop(key)
	if p.size >= maxPieces {
		for old, one := range p.all {
			if p.uses-one.used > uint64(len(p.all))/2 {
				p.drop(old)
			}
		}
	}
	if p.all == nil || p.size >= maxPieces {
		p.all, p.size = map[uint64]*piece{}, 0
	}
	made.used = p.uses
	p.all[key] = made
	p.size += len(made.plain) + len(made.packed)
}

func (p *pieces) drop(key uint64) {
	if old, ok := p.all[key]; ok {
		p.size -= len(old.plain) + len(old.packed)
		delete(p.all, key)
	}
}
