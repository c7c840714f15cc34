// Package opened remembers which pages a session has opened, so that a page which refreshes itself every few seconds is
// one record and not hundreds.
package opened

import (
	"crypto/sha256"
	"sync"
	"time"

	"coc-console/audit"
)

// life is how long a page that refreshes itself counts as one view.
const life = time.Hour

// most bounds what is remembered; beyond it everything is forgotten, and the next refresh of each page is written once
// more.
const most = 10_000

// Pages are those that sessions have opened.
type Pages struct {
	mu   sync.Mutex
	seen map[Key]view
}

// view is when a page was opened, and the newest record that it showed.
type view struct {
	at     time.Time
	newest int64
}

// Key is a page of a session, and how it was answered. It holds the address as a hash: addresses are as long as their
// senders like.
type Key struct {
	session string
	address [sha256.Size]byte
	outcome audit.Outcome
}

// KeyOf names a page by its address.
func KeyOf(session, address string, outcome audit.Outcome) Key {
	return Key{session: session, address: sha256.Sum256([]byte(address)), outcome: outcome}
}

// New returns what was opened when nothing was.
func New() *Pages { return &Pages{seen: map[Key]view{}} }

// First notes a view and reports whether it was not noted before.
func (p *Pages) First(k Key, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if before, known := p.seen[k]; known && now.Sub(before.at) < life {
		return false
	}
	p.put(k, view{at: now})
	return true
}

func (p *Pages) put(k Key, opened view) {
	if len(p.seen) >= most {
		clear(p.seen)
	}
	p.seen[k] = opened
}

// Open notes that the newest page of a search was opened.
func (p *Pages) Open(k Key, newest int64, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.put(k, view{now, newest})
}

// Continues reports whether a search that was opened is asked for nothing but what has come since.
func (p *Pages) Continues(k Key, after int64, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	opened, known := p.seen[k]
	return known && now.Sub(opened.at) < life && after >= opened.newest
}
