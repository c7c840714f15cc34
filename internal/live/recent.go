package live

import (
	"slices"
	"sync"
	"time"
)

// The bounds of the lists that are kept: how many, and for how long.
const (
	maxRecents = 1000
	recentLife = time.Minute
)

// Recents are lists of what happened to things that are shown, each newest first and up to a limit, so that a page that
// changes searches for nothing. Whoever writes what happens tells them. Nil keeps nothing.
type Recents[E any] struct {
	Number func(E) int64 // grows with time
	Most   int           // of one list

	mu   sync.Mutex
	all  map[string]*recent[E]
	upTo int64
}

// recent is one list; until it is loaded only what came meanwhile.
type recent[E any] struct {
	entries []E // shared, never changed
	loaded  bool
	since   time.Time
}

// Next tells which numbers come now. After a gap all is searched for again.
func (c *Recents[E]) Next(first, last int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if first != c.upTo+1 {
		c.all = nil
	}
	c.upTo = last
}

// Add takes up what has just happened to what has that id.
func (c *Recents[E]) Add(id string, made func() E) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.all[id]
	if l == nil {
		return
	}
	e := made()
	if len(l.entries) == 0 || c.Number(l.entries[0]) < c.Number(e) { // else a search was faster
		l.entries = c.joined([]E{e}, l.entries)
	}
}

// Of returns a list; search searches for it.
func (c *Recents[E]) Of(id string, now time.Time, search func() ([]E, error)) ([]E, error) {
	if c == nil {
		return search()
	}
	c.mu.Lock()
	l := c.all[id]
	if l == nil || now.Sub(l.since) > recentLife {
		if c.all == nil || len(c.all) >= maxRecents {
			c.all = map[string]*recent[E]{}
		}
		l = &recent[E]{since: now}
		c.all[id] = l
	}
	entries, loaded := l.entries, l.loaded
	c.mu.Unlock()
	if loaded {
		return entries, nil
	}
	found, err := search()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !l.loaded {
		came := slices.DeleteFunc(slices.Clone(l.entries), func(e E) bool {
			return len(found) > 0 && c.Number(e) <= c.Number(found[0])
		})
		l.entries, l.loaded = c.joined(came, found), true
	}
	return l.entries, nil
}

// Sweep forgets what was begun long ago.
func (c *Recents[E]) Sweep(now time.Time) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, l := range c.all {
		if now.Sub(l.since) > recentLife {
			delete(c.all, id)
		}
	}
}

func (c *Recents[E]) joined(newer, older []E) []E {
	all := slices.Concat(newer, older)
	return all[:min(len(all), c.Most)]
}
