package audittest

import (
	"sync/atomic"
	"time"
)

// Clock is one that a test sets, while the log reads it in the background.
type Clock struct{ at atomic.Pointer[time.Time] }

// NewClock is a clock that stands at a time.
func NewClock(at time.Time) *Clock {
	c := &Clock{}
	c.Set(at)
	return c
}

// Now is the time that was set last.
func (c *Clock) Now() time.Time { return *c.at.Load() }

// Set turns it to a time.
func (c *Clock) Set(at time.Time) { c.at.Store(&at) }
