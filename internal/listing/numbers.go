package listing

import (
	"sync"
	"time"

	"coc-console/internal/watch"
	"coc-console/templates"
)

// The bounds of the numbers that are remembered.
const (
	maxNumbers  = 1000
	numbersLast = 10 * time.Minute
)

// Reader is whose numbers they are: a person in a project.
type Reader struct{ Account, User, Project string }

// Board remembers the numbers that each reader was shown last, so that a page without a script has them, too. The
// zero value is ready.
type Board struct {
	mu  sync.Mutex
	all map[Reader]noted
}

type noted struct {
	templates.Numbers
	at time.Time
}

// Known returns the last numbers, as far as they are new enough.
func (b *Board) Known(who Reader, now time.Time) templates.Numbers {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.known(who, now)
}

func (b *Board) known(who Reader, now time.Time) templates.Numbers {
	if n, ok := b.all[who]; ok && now.Sub(n.at) < numbersLast {
		return n.Numbers
	}
	return templates.NoNumbers
}

// Note changes the numbers of a reader, and returns them. The change must not wait for anything.
func (b *Board) Note(who Reader, now time.Time, change func(*templates.Numbers)) templates.Numbers {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.known(who, now)
	change(&n)
	if b.all == nil || len(b.all) >= maxNumbers {
		b.all = map[Reader]noted{}
	}
	b.all[who] = noted{n, now}
	return n
}

// Count is what puts into the numbers what a list that nothing narrows tells; hides are those that the rules hide.
func Count(s *watch.List, hides map[string]bool) func(*templates.Numbers) {
	f := New()
	attention := f.Decisions(s, hides).Count
	return func(n *templates.Numbers) { n.Attention, n.Running, n.All = attention, s.Running, s.Page.Total }
}
