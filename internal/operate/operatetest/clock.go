package operatetest

import (
	"sync/atomic"
	"time"
)

// Clock is a time that only moves when it is told to.
type Clock struct{ at atomic.Int64 }

func newClock() *Clock {
	c := &Clock{}
	c.at.Store(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC).UnixMicro())
	return c
}

// Now is the time.
func (c *Clock) Now() time.Time { return time.UnixMicro(c.at.Load()).UTC() }

// Step moves it on.
func (c *Clock) Step(d time.Duration) { c.at.Add(d.Microseconds()) }

// The times of tests.
const (
	poll     = 5 * time.Millisecond
	beat     = 20 * time.Millisecond
	Deadline = time.Minute // of the stepped clock
	Effect   = 2 * time.Second
)
