package simulator

import (
	"errors"
	"sync"
	"time"
)

// Clock is simulated time: it runs at a factor of the real one, and can be
// stepped forward. It never goes back. It is safe for concurrent use.
type Clock struct {
	mu    sync.Mutex
	real  time.Time // when at was right
	at    time.Time
	speed float64
	now   func() time.Time // the real clock
}

// The limits of a clock. Beyond its last day times no longer fit their wire forms.
const (
	MaxSpeed = 100_000
	MaxStep  = 10 * 365 * 24 * time.Hour
)

var lastDay = time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)

var (
	errSpeed = errors.New("the speed is a number from 0 to 100000")
	errStep  = errors.New("a step is a time from 0s to 87600h, and does not pass the year 2998")
)

// NewClock starts a clock at a time, or at the real time when at is zero. It
// runs speed times as fast as the real one: 1 is real time, 0 stands still
// until it is stepped. A speed out of 0..MaxSpeed counts as 1.
func NewClock(at time.Time, speed float64) *Clock {
	return newClockOn(time.Now, at, speed)
}

func newClockOn(now func() time.Time, at time.Time, speed float64) *Clock {
	c := &Clock{real: now(), at: at, speed: 1, now: now}
	if at.IsZero() {
		c.at = c.real
	}
	if possibleSpeed(speed) {
		c.speed = speed
	}
	return c
}

func possibleSpeed(speed float64) bool { return speed >= 0 && speed <= MaxSpeed } // NaN is not

// Now is the simulated time, in UTC.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read()
}

func (c *Clock) read() time.Time {
	passed := max(0, c.now().Sub(c.real)) // Sub is monotonic, and saturates
	simulated := time.Duration(min(float64(passed)*c.speed, float64(MaxStep)))
	if t := c.at.Add(simulated); t.Before(lastDay) {
		return t.UTC().Round(0)
	}
	return lastDay
}

// Step moves the clock forward at once.
func (c *Clock) Step(d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.read()
	if d < 0 || d > MaxStep || now.Add(d).After(lastDay) {
		return errStep
	}
	c.real, c.at = c.now(), now.Add(d)
	return nil
}

// Speed is the factor at which the clock runs.
func (c *Clock) Speed() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.speed
}

// SetSpeed changes the factor from now on.
func (c *Clock) SetSpeed(speed float64) error {
	if !possibleSpeed(speed) {
		return errSpeed
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.real, c.at = c.now(), c.read()
	c.speed = speed
	return nil
}
