// Package clock compares this machine's clock with others that the console
// meets anyway: the database's, and those of COC and IAM, whose answers carry a
// Date header.
package clock

import (
	"cmp"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// The clocks that this machine's is compared with.
const (
	Database = "database"
	COC      = "coc"
	IAM      = "iam"
)

// Limit is from which difference on a clock is called wrong.
const Limit = 2 * time.Second

const (
	certain     = time.Second     // of a difference must be beyond doubt before it is told
	maxAge      = 5 * time.Minute // of a reading
	maxReadings = 8               // that are kept of one clock
	sameDrift   = 500 * time.Millisecond
)

// Skew is how far this machine's clock is from another.
type Skew struct {
	Against string        // Database, COC or IAM
	By      time.Duration // above zero where this machine's clock is ahead
	Off     bool          // it is Limit or more
}

// reading bounds how far this machine's clock was ahead of another.
type reading struct {
	low, high time.Duration
	at        time.Time
	drift     time.Duration
}

// correction is what is taken from this machine's clock, while it has not been
// set meanwhile.
type correction struct{ by, drift time.Duration }

// Monitor remembers what other clocks said. It is safe for concurrent use, and
// a nil one has heard nothing.
type Monitor struct {
	now    func() time.Time
	steady func() time.Duration // since the start, by a clock that nobody can set
	start  time.Time
	logger *slog.Logger

	correction atomic.Pointer[correction]
	mu         sync.Mutex
	readings   map[string][]reading // the oldest first
	off        map[string]bool      // which the logger was told of
}

// New returns a monitor of the clock now.
func New(now func() time.Time, logger *slog.Logger) *Monitor {
	start := time.Now()
	return newMonitor(now, func() time.Duration { return time.Since(start) }, logger)
}

func newMonitor(now func() time.Time, steady func() time.Duration, logger *slog.Logger) *Monitor {
	m := &Monitor{now: now, steady: steady, start: now().Round(0), logger: logger, readings: map[string][]reading{},
		off: map[string]bool{}}
	m.correction.Store(&correction{})
	return m
}

// drift is how far the clock was set since the start, now that it says this.
func (m *Monitor) drift(now time.Time) time.Duration {
	return now.Round(0).Sub(m.start) - m.steady()
}

// Hear takes a reading of another clock: what it said, to which resolution, and
// this machine's times before and after.
func (m *Monitor) Hear(against string, said time.Time, resolution time.Duration, before, after time.Time) {
	if m == nil || after.Before(before) {
		return
	}
	r := reading{low: before.Round(0).Sub(said) - resolution, high: after.Round(0).Sub(said), at: after,
		drift: m.drift(after)}
	if (after.Round(0).Sub(before.Round(0)) - after.Sub(before)).Abs() > sameDrift {
		return // the clock was set in between
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	all := append(m.readings[against], r)
	m.readings[against] = all[max(0, len(all)-maxReadings):]
	m.correct(after)
	s, known := m.skew(against, after)
	if known && s.Off != m.off[against] {
		m.off[against] = s.Off
		if s.Off {
			m.logger.Warn("this machine's clock differs from another", "against", against, "ahead",
				s.By.Round(time.Millisecond))
		} else {
			m.logger.Info("this machine's clock no longer differs from another", "against", against)
		}
	}
}

// skew is what the latest readings that agree come to: each has a second's
// resolution, and several of them less.
func (m *Monitor) skew(against string, now time.Time) (Skew, bool) {
	var low, high time.Duration
	known, drift := false, m.drift(now)
	for _, r := range slices.Backward(m.readings[against]) {
		if now.Sub(r.at) > maxAge || (drift-r.drift).Abs() > sameDrift {
			break
		}
		if !known {
			low, high, known = r.low, r.high, true
			continue
		}
		if r.low > high || r.high < low {
			break // the other clock was set, or this one crept
		}
		low, high = max(low, r.low), min(high, r.high)
	}
	by := low + (high-low)/2
	return Skew{against, by, by.Abs() >= Limit && max(low, -high) >= certain}, known
}

// correct decides what Now takes from the clock. Consoles that share a database
// follow its clock where theirs is wrong. Elsewhere two witnesses are needed:
// the clock was set, and an answer of COC or IAM since then says that it should
// not have been.
func (m *Monitor) correct(now time.Time) {
	c := correction{drift: m.drift(now)}
	if s, known := m.skew(Database, now); known {
		if s.Off {
			c.by = s.By
		}
		m.correction.Store(&c)
		return
	}
	for _, against := range []string{COC, IAM} {
		if s, known := m.skew(against, now); known && s.Off && c.drift.Abs() >= Limit && (s.By-c.drift).Abs() < Limit {
			c.by = c.drift
		}
	}
	m.correction.Store(&c)
}

// Now is the time by this machine's clock, or by a better one where this is
// known to be wrong.
func (m *Monitor) Now() time.Time {
	if m == nil {
		return time.Now()
	}
	now, c := m.now(), m.correction.Load()
	if c.by == 0 || (m.drift(now)-c.drift).Abs() > sameDrift {
		return now
	}
	return now.Add(-c.by)
}

// Skews returns what is known, in the order of names.
func (m *Monitor) Skews() []Skew {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []Skew
	for against := range m.readings {
		if s, known := m.skew(against, m.now()); known {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b Skew) int { return cmp.Compare(a.Against, b.Against) })
	return all
}

// Worst is the largest difference that is Limit or more, if there is one.
func (m *Monitor) Worst() (worst Skew, off bool) {
	for _, s := range m.Skews() {
		if s.Off && s.By.Abs() > worst.By.Abs() {
			worst, off = s, true
		}
	}
	return worst, off
}
