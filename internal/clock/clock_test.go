package clock

import (
	"io"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"
)

// machine has a clock that can be set, and one that cannot.
type machine struct {
	wall   time.Time
	steady time.Duration
}

func (m *machine) now() time.Time { return m.wall }

func (m *machine) pass(d time.Duration) { m.wall, m.steady = m.wall.Add(d), m.steady+d }

func newMachine() (*machine, *Monitor) {
	m := &machine{wall: time.Now().Round(0)}
	return m, newMonitor(m.now, func() time.Duration { return m.steady }, slog.New(slog.NewTextHandler(io.Discard, nil)))
}

// answer is one of a clock that this one is ahead of, after a round trip.
func (m *machine) answer(to *Monitor, against string, ahead, trip time.Duration) {
	before := m.wall
	m.pass(trip / 2)
	said := m.wall.Add(-ahead).Truncate(time.Second)
	m.pass(trip / 2)
	to.Hear(against, said, time.Second, before, m.wall)
}

// TestSkew of many sizes, by answers of a second's resolution that take a while.
func TestSkew(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, tt := range []struct {
		by, trip time.Duration
		off      bool
	}{
		{0, time.Millisecond, false}, {0, 9 * time.Second, false}, {time.Second, 50 * time.Millisecond, false}, {-1400 * time.Millisecond, time.Millisecond, false},
		{2600 * time.Millisecond, 20 * time.Millisecond, true}, {-2600 * time.Millisecond, 20 * time.Millisecond, true},
		{time.Hour, time.Second, true}, {-24 * time.Hour, 9 * time.Second, true},
	} {
		for range 100 {
			m, to := newMachine()
			for n := range 8 {
				m.pass(time.Duration(random.Int64N(int64(3 * time.Second))))
				m.answer(to, COC, tt.by, tt.trip)
				s := to.Skews()
				if len(s) != 1 || s[0].Off != tt.off || (s[0].By-tt.by).Abs() > 500*time.Millisecond+tt.trip/2 {
					t.Fatalf("%v by answers that take %v: %+v after %d", tt.by, tt.trip, s, n+1)
				}
			}
			if worst, off := to.Worst(); off != tt.off || off && worst.Against != COC {
				t.Errorf("%v: %+v, %v", tt.by, worst, off)
			}
			m.pass(maxAge + time.Second)
			if s := to.Skews(); len(s) != 0 {
				t.Errorf("it still knows %+v", s)
			}
		}
	}
}

// TestDatabaseCorrects the clock where it is wrong, whichever way, and COC alone does not.
func TestDatabaseCorrects(t *testing.T) {
	for _, by := range []time.Duration{time.Hour, -time.Hour, 200 * time.Millisecond, 0} {
		m, to := newMachine()
		m.answer(to, COC, by, 0)
		if got := to.Now(); !got.Equal(m.wall) {
			t.Errorf("off by %v, COC alone makes it %v", by, got.Sub(m.wall))
		}
		to.Hear(Database, m.wall.Add(-by), 0, m.wall, m.wall)
		want := time.Duration(0)
		if by.Abs() >= Limit {
			want = by
		}
		if got := m.wall.Sub(to.Now()); got != want {
			t.Errorf("off by %v: %v is taken from the clock", by, got)
		}
		m.wall = m.wall.Add(-by) // it is put right
		if got := to.Now(); want != 0 && !got.Equal(m.wall) {
			t.Errorf("put right, it is still corrected, by %v", got.Sub(m.wall))
		}
	}
}

// TestSteps: that the clock was set, and that COC's answer since then says that
// it should not have been, are needed together.
func TestSteps(t *testing.T) {
	for name, tt := range map[string]struct {
		step, ahead time.Duration // and how far it is ahead of COC's since then
		corrected   bool
	}{
		"set an hour ahead":                 {time.Hour, time.Hour, true},
		"set back where it should not be":   {-10 * time.Minute, -10 * time.Minute, true},
		"put right":                         {-time.Hour, 0, false},
		"was wrong all the time":            {0, time.Hour, false},
		"set, and wrong by something else":  {time.Hour, -30 * time.Minute, false},
		"a little, as time services do":     {time.Second, 3 * time.Second, false},
		"the machine slept, and COC agrees": {8 * time.Hour, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			m, to := newMachine()
			m.pass(time.Minute)
			m.answer(to, COC, tt.ahead-tt.step, time.Millisecond)
			m.wall = m.wall.Add(tt.step)
			if got := to.Now(); !got.Equal(m.wall) {
				t.Errorf("without an answer since then it is corrected by %v", got.Sub(m.wall))
			}
			m.pass(time.Minute)
			m.answer(to, COC, tt.ahead, time.Millisecond)
			want := time.Duration(0)
			if tt.corrected {
				want = tt.step
			}
			if got := m.wall.Sub(to.Now()); got != want {
				t.Errorf("%v is taken from the clock, want %v", got, want)
			}
		})
	}
}

// TestNothingHeard of a nil monitor.
func TestNothingHeard(t *testing.T) {
	var m *Monitor
	m.Hear(COC, time.Now(), 0, time.Now(), time.Now())
	if _, off := m.Worst(); off || m.Skews() != nil {
		t.Error("it knows something")
	}
}
