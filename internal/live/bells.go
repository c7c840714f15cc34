package live

import (
	"context"
	"sync"
	"time"
)

// Bells wake the streams of what has changed besides what is watched, such as by a record of the log. The zero value is
// ready.
type Bells struct {
	mu  sync.Mutex
	all map[string]map[chan struct{}]bool
}

// Listen returns what gets a value when id is rung for; stop ends it.
func (b *Bells) Listen(id string) (rung <-chan struct{}, stop func()) {
	ch := make(chan struct{}, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all == nil {
		b.all = map[string]map[chan struct{}]bool{}
	}
	if b.all[id] == nil {
		b.all[id] = map[chan struct{}]bool{}
	}
	b.all[id][ch] = true
	return ch, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.all[id], ch)
		if len(b.all[id]) == 0 {
			delete(b.all, id)
		}
	}
}

// Ring wakes whoever listens for id. It waits for nobody.
func (b *Bells) Ring(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for ch := range b.all[id] {
		select {
		case ch <- struct{}{}:
		default: // rung for already
		}
	}
}

// Ticks gives a value every so often, until ctx ends.
func Ticks(ctx context.Context, every time.Duration) <-chan struct{} {
	all := make(chan struct{}, 1)
	go func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			select {
			case all <- struct{}{}:
			default: // told already
			}
		}
	}()
	return all
}
