package readiness

import (
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// heldFor is how long a page without its stream is told of: it asks every 10 s.
const heldFor = 2 * time.Minute

// Streams knows of pages whose event stream something in between holds back: they ask again and again instead, and
// say why.
type Streams struct {
	Logger *slog.Logger
	Now    func() time.Time

	mu   sync.Mutex
	last map[string]time.Time // by whose they are
}

// maxHeld bounds those that are remembered.
const maxHeld = 1000

// Asked notes that somebody's page asks by itself: why is what it says, "buffered" where its stream did not come
// through. The log gets the other end of the connection.
func (s *Streams) Asked(why, whose, remote string) {
	if why != "buffered" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Now()
	if s.drop(now) == 0 {
		s.Logger.Warn("event streams are held back on their way to browsers", "proxy", remote)
	}
	if s.last == nil {
		s.last = map[string]time.Time{}
	}
	if _, known := s.last[whose]; known || len(s.last) < maxHeld {
		s.last[whose] = now
	}
}

// drop forgets those that have asked no more, and returns how many are left.
func (s *Streams) drop(now time.Time) int {
	for whose, at := range s.last {
		if now.Sub(at) > heldFor {
			delete(s.last, whose)
		}
	}
	return len(s.last)
}

// line is what there is to say; empty where streams arrive.
func (s *Streams) line() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.drop(s.Now())
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; sessions in the last %d minutes: %d", int(heldFor.Minutes()), n)
}
