package live

import (
	"context"
	"maps"
	"runtime"
	"slices"
	"sync"
	"weak"
)

// The bounds of what is kept, in bytes; beyond maxClasses all readers are asked for again.
const (
	maxPages    = 64 << 20
	maxOutlines = 8 << 20
	maxClasses  = 10_000
)

// emptyPage is about how many bytes a page takes before it is rendered.
const emptyPage = 1 << 10

// Key names a page as one kind of reader sees it: everybody with the same key
// sees the same. Whoever asks for one has been let in before.
type Key struct {
	View     string // what is watched, with whatever may not be shared
	Class    string // what the reader may see and do
	Language string
	Zone     string
	Query    string // canonical
}

// Cache keeps the pages that somebody looks at in their newest version, and the outlines of those before. The zero
// value is ready.
type Cache[P Page] struct {
	mu    sync.Mutex
	all   map[Key]*Versions[P]
	most  int // bytes; 0 = maxPages
	size  int
	uses  uint64
	swept uint64 // uses at the last sweep

	outlines outlines
}

// Get finds or starts a page.
func (c *Cache[P]) Get(key Key) *Versions[P] {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.uses++
	found, ok := c.all[key]
	if !ok {
		if c.all == nil {
			c.all = map[Key]*Versions[P]{}
		}
		found = &Versions[P]{cache: c, key: key, used: c.uses}
		c.all[key] = found
		c.grow(found, emptyPage)
	}
	found.used = c.uses
	return found
}

// Size is about how many bytes the pages take, and how many there are.
func (c *Cache[P]) Size() (size, pages int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.size, len(c.all)
}

// Sweep forgets the pages that nobody has used since the last sweep, and the outlines that were there at it.
func (c *Cache[P]) Sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range c.all {
		if one.used <= c.swept {
			c.drop(one)
		}
	}
	c.swept = c.uses
	c.outlines.sweep()
}

// Remember keeps the outline of a version that was shown to one reader alone.
func (c *Cache[P]) Remember(o *Outline) { c.outlines.keep(o) }

// Known returns the outline with that digest, nil when it is forgotten.
func (c *Cache[P]) Known(digest string) *Outline { return c.outlines.get(digest) }

// grow notes what a page takes; those that were used longest ago make room. The caller holds the lock.
func (c *Cache[P]) grow(one *Versions[P], size int) {
	if c.all[one.key] != one {
		return
	}
	c.size, one.size = c.size+size-one.size, size
	most := c.most
	if most == 0 {
		most = maxPages
	}
	if c.size <= most {
		return
	}
	oldest := slices.SortedFunc(maps.Values(c.all), func(a, b *Versions[P]) int {
		if a.used < b.used {
			return -1
		}
		return 1
	})
	for _, old := range oldest {
		if c.size > most-most/8 && old != one { // not one by one
			c.drop(old)
		}
	}
}

func (c *Cache[P]) drop(one *Versions[P]) {
	delete(c.all, one.key)
	c.size -= one.size
}

// Versions is one page in its newest version.
type Versions[P Page] struct {
	cache *Cache[P]
	key   Key
	used  uint64 // these two by the cache, under its lock
	size  int

	mu     sync.Mutex
	of     any // what the newest one shows
	newest *Version[P]
}

// Render returns the version that shows a snapshot, which is made once: describe
// describes the page. Others get this version, too: ctx must be nobody's in
// particular. snapshot is compared, and should keep nothing alive. Whoever has an outline of the page gets
// what leads from it, and may not ask for the body.
func (b *Versions[P]) Render(ctx context.Context, snapshot any, have *Outline,
	describe func() (P, error)) (*Version[P], error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.newest != nil && b.of == snapshot && b.newest.leadsFrom(have) {
		return b.newest, nil
	}
	page, err := describe()
	if err != nil {
		return nil, err
	}
	if b.newest != nil && b.of == snapshot {
		have = nil // others see it, too
	}
	v, err := newVersion(ctx, page, b.newest, have)
	if err != nil {
		return nil, err
	}
	b.of = snapshot
	if b.newest != nil && b.newest.Digest == v.Digest && b.newest.leadsFrom(have) {
		return b.newest, nil
	}
	b.newest = v
	b.cache.Remember(v.Outline)
	b.cache.mu.Lock()
	defer b.cache.mu.Unlock()
	b.cache.grow(b, emptyPage+v.size())
	return v, nil
}

// Known returns the outline with that digest, nil when it is forgotten.
func (b *Versions[P]) Known(digest string) *Outline {
	b.mu.Lock()
	newest := b.newest
	b.mu.Unlock()
	if newest != nil && newest.Digest == digest {
		return newest.Outline
	}
	return b.cache.Known(digest)
}

// outlines keeps those of versions that were shown, by their digests: whoever names one has it.
type outlines struct {
	mu    sync.Mutex
	all   map[string]*Outline
	order []string
	size  int
	swept int // how many of them were there at the last sweep
}

// sweep forgets those that were there at the last sweep: whoever has one of them gets a whole page with the next
// change.
func (c *outlines) sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for range min(c.swept, len(c.order)) {
		c.dropFirst()
	}
	c.order = slices.Clone(c.order)
	c.swept = len(c.order)
}

func (c *outlines) keep(o *Outline) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all[o.Digest] != nil {
		return
	}
	if c.all == nil {
		c.all = map[string]*Outline{}
	}
	c.all[o.Digest], c.order = o, append(c.order, o.Digest)
	c.size += o.size()
	for c.size > maxOutlines {
		c.dropFirst()
	}
}

func (c *outlines) dropFirst() {
	c.size -= c.all[c.order[0]].size()
	delete(c.all, c.order[0])
	c.order, c.swept = c.order[1:], max(0, c.swept-1)
}

func (c *outlines) get(digest string) *Outline {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all[digest]
}

// Derived keeps what was made of snapshots, for as long as these are alive. The zero value is ready.
type Derived[S, D any] struct {
	mu  sync.Mutex
	all map[weak.Pointer[S]]*D
}

// Of returns what was made of a snapshot, which must not refer to it.
func (d *Derived[S, D]) Of(snapshot *S, made func(*S) *D) *D {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := weak.Make(snapshot)
	if known := d.all[key]; known != nil {
		return known
	}
	if d.all == nil {
		d.all = map[weak.Pointer[S]]*D{}
	}
	d.all[key] = made(snapshot)
	runtime.AddCleanup(snapshot, d.forget, key)
	return d.all[key]
}

func (d *Derived[S, D]) forget(key weak.Pointer[S]) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.all, key)
}

// Class is what the rules make of a reader: whom they deny the same sees the
// same page.
type Class struct {
	Name string
	Sees bool
}

// Classes remembers the class of each reader of each view, and keeps no
// snapshot alive for that. The zero value is ready.
type Classes struct {
	mu  sync.Mutex
	all map[string]classAt
}

type classAt struct {
	of    any // a weak.Pointer to the snapshot
	class Class
}

// ClassOf returns the class of a reader as of a snapshot; ask is asked once for
// each.
func ClassOf[S any](c *Classes, who string, snapshot *S, ask func() Class) Class {
	of := any(weak.Make(snapshot))
	c.mu.Lock()
	at, known := c.all[who]
	c.mu.Unlock()
	if known && at.of == of {
		return at.class
	}
	class := ask()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil || len(c.all) >= maxClasses {
		c.all = map[string]classAt{}
	}
	c.all[who] = classAt{of, class}
	return class
}
