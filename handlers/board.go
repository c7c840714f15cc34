package handlers

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"encoding/hex"
	"hash/fnv"
	"html"
	"maps"
	"slices"
	"strings"
	"sync"

	"coc-console/internal/i18n"
	"coc-console/templates"
)

// The bounds of what is kept of rendered pages.
const (
	maxBoards   = 64
	maxRecent   = 8 // versions of one page, of which a viewer may have any
	packetLevel = 6
)

// boardKey names a page as one kind of reader sees it: everybody with the same
// key sees the same. Whoever looks a board up has been let in by package watch.
type boardKey struct {
	view     string // what is watched, with the account and the project; with the session where it shares with nobody
	class    string // what the rules let the reader do
	language i18n.Language
	zone     string
	query    string // canonical
}

// readerClass is what the rules make of a reader: whom they deny the same sees
// the same page.
type readerClass struct {
	name string
	sees bool
}

// maxClasses bounds what is remembered of readers; beyond it all are asked for
// again.
const maxClasses = 2000

// classes remembers the class of each reader of each view.
type classes struct {
	mu  sync.Mutex
	all map[string]classAt
}

type classAt struct {
	of    any // a snapshot
	class readerClass
}

func (c *classes) of(who string, snapshot any, ask func() readerClass) readerClass {
	c.mu.Lock()
	at, known := c.all[who]
	c.mu.Unlock()
	if known && at.of == snapshot {
		return at.class
	}
	class := ask()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil || len(c.all) >= maxClasses {
		c.all = map[string]classAt{}
	}
	c.all[who] = classAt{snapshot, class}
	return class
}

// boards keeps the pages that somebody looks at, rendered.
type boards[P fragmented] struct {
	mu   sync.Mutex
	all  map[boardKey]*board[P]
	uses uint64
}

// fragmented is a page that consists of fragments.
type fragmented interface {
	Fragments() []templates.Fragment
}

func newBoards[P fragmented]() *boards[P] { return &boards[P]{all: map[boardKey]*board[P]{}} }

// get finds or starts a board; the one that was used longest ago makes room.
func (b *boards[P]) get(key boardKey) *board[P] {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.uses++
	found, ok := b.all[key]
	if !ok {
		if len(b.all) >= maxBoards {
			b.evict()
		}
		found = &board[P]{}
		b.all[key] = found
	}
	found.used = b.uses
	return found
}

func (b *boards[P]) evict() {
	var oldest boardKey
	least := b.uses
	for key, one := range b.all {
		if one.used < least {
			oldest, least = key, one.used
		}
	}
	delete(b.all, oldest)
}

// board is one page in its newest versions.
type board[P fragmented] struct {
	used uint64 // by boards

	mu     sync.Mutex
	of     any // the snapshot that the newest one shows
	recent []*rendering[P]
}

// show returns the rendering of a snapshot, which is made once: describe
// describes the page.
func (b *board[P]) show(ctx context.Context, snapshot any, describe func() (P, error)) (*rendering[P], error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := len(b.recent); n > 0 && b.of == snapshot {
		return b.recent[n-1], nil
	}
	page, err := describe()
	if err != nil {
		return nil, err
	}
	var last *rendering[P]
	if n := len(b.recent); n > 0 {
		last = b.recent[n-1]
	}
	r, err := renderParts(context.WithoutCancel(ctx), page, last)
	if err != nil {
		return nil, err
	}
	b.of = snapshot
	if last != nil {
		if last.digest == r.digest {
			return last, nil
		}
		last.supersede()
	}
	b.recent = append(b.recent, r)[max(0, len(b.recent)+1-maxRecent):]
	return r, nil
}

// known returns the version with that digest, nil when it is forgotten.
func (b *board[P]) known(digest string) *rendering[P] {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range slices.Backward(b.recent) {
		if r.digest == digest {
			return r
		}
	}
	return nil
}

// rendering is one version of a page, in parts.
type rendering[P fragmented] struct {
	page   P
	digest string
	order  []string          // the ids of the parts
	sums   map[string]uint64 // by id
	lists  map[string]string // the order of a list's parts, by the list's id

	html map[string]string // by id; versions share what is the same

	mu      sync.Mutex
	packets map[string]*packet // by the digest of what they start from; nil once there is a newer version
}

func renderParts[P fragmented](ctx context.Context, p P, last *rendering[P]) (*rendering[P], error) {
	r := &rendering[P]{page: p, sums: map[string]uint64{}, lists: map[string]string{}, html: map[string]string{}, packets: map[string]*packet{}}
	var b bytes.Buffer
	ids := map[string][]string{}
	for _, f := range p.Fragments() {
		b.Reset()
		if err := f.Body.Render(ctx, &b); err != nil {
			return nil, err
		}
		r.order, r.sums[f.ID] = append(r.order, f.ID), sumOf(b.Bytes())
		if last != nil && last.sums[f.ID] == r.sums[f.ID] {
			r.html[f.ID] = last.html[f.ID]
		} else {
			r.html[f.ID] = b.String()
		}
		if f.List != "" {
			ids[f.List] = append(ids[f.List], f.ID)
		}
	}
	for list, members := range ids {
		r.lists[list] = strings.Join(members, " ")
	}
	r.digest = r.whole()
	return r, nil
}

// supersede lets go of what only the newest version needs.
func (r *rendering[P]) supersede() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.packets = nil
}

// since is the packet that brings a page from one version to this one; from
// nothing known, with nil. It is nil when nothing differs.
func (r *rendering[P]) since(have *rendering[P]) *packet {
	from := ""
	if have != nil {
		from = have.digest
	}
	if from == r.digest {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if p, ok := r.packets[from]; ok {
		return p
	}
	p := newPacket(r.changes(have))
	if r.packets != nil { // otherwise a newer version is there, and nobody else will want this
		r.packets[from] = p
	}
	return p
}

// changes is the event of what differs: every part as a template, and for a
// list whose order differs an empty one that has the order.
func (r *rendering[P]) changes(have *rendering[P]) string {
	var b strings.Builder
	for _, id := range r.order {
		if have == nil || have.sums[id] != r.sums[id] {
			b.WriteString("<template>" + r.html[id] + "</template>")
		}
	}
	for list, order := range r.lists {
		if have == nil || have.lists[list] != order {
			writeOrder(&b, list, order)
		}
	}
	if have != nil {
		for list := range have.lists {
			if _, there := r.lists[list]; !there {
				writeOrder(&b, list, "")
			}
		}
	}
	return event(r.digest, "parts", b.String())
}

func writeOrder(b *strings.Builder, list, order string) {
	b.WriteString(`<template data-list="` + html.EscapeString(list) + `" data-order="` + html.EscapeString(order) + `"></template>`)
}

// event writes a server-sent event.
func event(id, name, data string) string {
	var b strings.Builder
	if id != "" {
		b.WriteString("id: " + id + "\n")
	}
	b.WriteString("event: " + name + "\n")
	data = strings.ReplaceAll(data, "\r", "&#13;") // it would end the line
	for line := range strings.SplitSeq(data, "\n") {
		b.WriteString("data: " + line + "\n")
	}
	return b.String() + "\n"
}

// packet is something to send, which is compressed once for all.
type packet struct {
	plain   []byte
	deflate func() []byte
}

func newPacket(text string) *packet {
	p := &packet{plain: []byte(text)}
	p.deflate = sync.OnceValue(func() []byte { return deflated(p.plain) })
	return p
}

var deflaters = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(nil, packetLevel) // the level is a good one
	return w
}}

// deflated is a piece of a deflate stream: it refers to nothing before it, and
// ends at a byte, so that it fits into any stream.
func deflated(text []byte) []byte {
	var b bytes.Buffer
	w, ok := deflaters.Get().(*flate.Writer)
	if !ok {
		return nil
	}
	defer deflaters.Put(w)
	w.Reset(&b)
	_, _ = w.Write(text) // a buffer takes everything
	_ = w.Flush()
	return b.Bytes()
}

// with is a version of the page in which some parts are others: those of one
// reader. All else is shared.
func (r *rendering[P]) with(ctx context.Context, parts []templates.Fragment) (*rendering[P], error) {
	own := &rendering[P]{page: r.page, order: r.order, lists: r.lists, sums: maps.Clone(r.sums), html: maps.Clone(r.html), packets: map[string]*packet{}}
	var b bytes.Buffer
	for _, f := range parts {
		b.Reset()
		if err := f.Body.Render(ctx, &b); err != nil {
			return nil, err
		}
		own.html[f.ID], own.sums[f.ID] = b.String(), sumOf(b.Bytes())
	}
	own.digest = own.whole()
	return own, nil
}

func sumOf(html []byte) uint64 {
	sum := fnv.New64a()
	_, _ = sum.Write(html)
	return sum.Sum64()
}

// whole is the digest of all parts in their order.
func (r *rendering[P]) whole() string {
	whole := fnv.New128a()
	for _, id := range r.order {
		_, _ = whole.Write(binary.BigEndian.AppendUint64([]byte(id), r.sums[id]))
	}
	return hex.EncodeToString(whole.Sum(nil))
}

// renderings keeps the last versions that were one reader's alone, by their
// digests: whoever names one has it.
type renderings[P fragmented] struct {
	mu    sync.Mutex
	all   map[string]*rendering[P]
	order []string
}

// maxPersonal bounds them.
const maxPersonal = 256

// keep remembers a version, and returns the one that is known with its digest.
func (k *renderings[P]) keep(r *rendering[P]) *rendering[P] {
	k.mu.Lock()
	defer k.mu.Unlock()
	if known, ok := k.all[r.digest]; ok {
		return known
	}
	if k.all == nil {
		k.all = map[string]*rendering[P]{}
	}
	if len(k.order) >= maxPersonal {
		delete(k.all, k.order[0])
		k.order = k.order[1:]
	}
	k.all[r.digest], k.order = r, append(k.order, r.digest)
	return r
}

func (k *renderings[P]) known(digest string) *rendering[P] {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.all[digest]
}
