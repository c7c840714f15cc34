package ratelimit

import (
	"sync"
	"time"
)

// maxRefused is how many keys are told apart.
const maxRefused = 1000

// Refusals counts what limits refuse, since whoever tries can try often: the
// first of a key is told at once, then their number once a minute. The zero
// value is ready.
type Refusals struct {
	mu     sync.Mutex
	closed bool
	open   map[string]*refused
}

type refused struct {
	tell  func(count int)
	since time.Time
	more  int // refusals that were not told
	timer *time.Timer
}

// Note takes one refusal of what key stands for; tell is called with how many
// there were.
func (r *Refusals) Note(key string, now time.Time, tell func(count int)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	if one := r.open[key]; one != nil {
		one.more++
		if now.Sub(one.since) >= window {
			one.flush(now)
		}
		return
	}
	if r.open == nil {
		r.open = map[string]*refused{}
	}
	if len(r.open) >= maxRefused {
		for key := range r.open { // their numbers are told, and they begin again
			r.end(key, now)
		}
	}
	one := &refused{tell: tell, more: 1}
	one.timer = time.AfterFunc(window, func() { r.due(key, one) })
	r.open[key] = one
	one.flush(now)
}

// due tells what a minute has counted, or forgets who no longer tries.
func (r *Refusals) due(key string, one *refused) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open[key] != one {
		return
	}
	if one.more == 0 {
		delete(r.open, key)
		return
	}
	one.flush(one.since.Add(window))
	one.timer.Reset(window)
}

// flush tells the number of refusals.
func (one *refused) flush(now time.Time) {
	count := one.more
	one.more, one.since = 0, now
	one.tell(count)
}

func (r *Refusals) end(key string, now time.Time) {
	one := r.open[key]
	one.timer.Stop()
	delete(r.open, key)
	if one.more > 0 {
		one.flush(now)
	}
}

// Close tells what is counted, and counts no more.
func (r *Refusals) Close(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key := range r.open {
		r.end(key, now)
	}
	r.closed = true
}
