package live

import (
	"context"
	"sync"
	"time"
)

// The bounds of the numbers that pages show beside their contents.
const (
	countPatience = 200 * time.Millisecond // a page waits so long for a number
	countTimeout  = 10 * time.Second       // the asking goes on in the background for so long
	maxCounts     = 1000
)

// Counts remembers the numbers that every page shows beside its own contents.
// A database that does not answer in time holds no page up: the last number that
// is known is shown, and the next one is awaited in the background.
type Counts struct {
	mu  sync.Mutex
	all map[CountKey]*countNow
}

// CountKey is whose number it is, and of what.
type CountKey struct{ Of, Account, User string }

type countNow struct {
	known  int
	err    error         // of the last asking
	asking chan struct{} // closed when the asking ends; nil: nobody asks
}

// Get is a number, as it is now or as it was last known.
func (s *Counts) Get(ctx context.Context, key CountKey, ask func(context.Context) (int, error)) (int, error) {
	s.mu.Lock()
	if s.all == nil || len(s.all) >= maxCounts {
		s.all = map[CountKey]*countNow{}
	}
	c := s.all[key]
	if c == nil {
		c = &countNow{}
		s.all[key] = c
	}
	if c.asking == nil {
		c.asking = make(chan struct{})
		go s.ask(context.WithoutCancel(ctx), c, ask)
	}
	asking := c.asking
	s.mu.Unlock()
	patience := time.NewTimer(countPatience)
	defer patience.Stop()
	select {
	case <-asking:
	case <-patience.C:
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return c.known, c.err
}

func (s *Counts) ask(ctx context.Context, c *countNow, ask func(context.Context) (int, error)) {
	ctx, cancel := context.WithTimeout(ctx, countTimeout)
	defer cancel()
	n, err := ask(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.err = err; err == nil {
		c.known = n
	}
	close(c.asking)
	c.asking = nil
}
