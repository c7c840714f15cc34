package live

import (
	"runtime"
	"time"
)

// turns are places of streams that render what has changed. Whoever has had one rests for as long as that took, so
// that all streams take a half of the time, at most, of as many processors as there are places. While one waits for its
// turn, what else changes becomes a part of the same rendering: the more there is to do, the fewer versions are made of
// a page.
type turns chan struct{}

const (
	// turnPatience is how long a stream waits for its turn: then it goes on without.
	turnPatience = 2 * time.Second
	// maxRest bounds the rest.
	maxRest = 100 * time.Millisecond
)

func newTurns() turns { return make(turns, max(1, runtime.GOMAXPROCS(0)/2)) }

// turn is a place that was taken; the zero value is none.
type turn struct {
	of    turns
	began time.Time
}

// end gives the place back, after the rest.
func (t turn) end() {
	if t.of != nil {
		time.AfterFunc(min(time.Since(t.began), maxRest), t.of.free)
	}
}

func (t turns) free() { <-t }
