package reading

import (
	"slices"
	"sync"
	"time"
)

// Marks tell what a log had when a reading was begun, as a sequence.
type Marks struct {
	mu  sync.Mutex
	all []mark // oldest first
}

type mark struct {
	at  time.Time
	end int64
}

// Add notes what the log has now. Of what is too old for any reading it keeps the
// newest.
func (m *Marks) Add(end int64) {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := len(m.all); n > 0 && m.all[n-1].end == end {
		return
	}
	m.all = append(m.all, mark{now, end})
	old := 0
	for len(m.all)-old > 1 && now.Sub(m.all[old+1].at) > 2*SharedFor {
		old++
	}
	if old > len(m.all)/2 {
		m.all = slices.Delete(m.all, 0, old)
	}
}

// At is a sequence that the log had at a time; false when that is not known.
func (m *Marks) At(t time.Time) (end int64, known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, mark := range slices.Backward(m.all) {
		if !mark.at.After(t) {
			return mark.end, true
		}
	}
	return 0, false
}
