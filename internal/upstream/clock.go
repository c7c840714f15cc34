package upstream

import (
	"net/http"
	"time"
)

// Clock hears what time it is at a service: the Date of an answer, which is told
// to the second, and this machine's times when it was asked for and came. A nil
// one hears nothing.
type Clock struct {
	Now  func() time.Time
	Hear func(said, sent, received time.Time)
}

// Sent is the time to hand to Answered.
func (c *Clock) Sent() time.Time {
	if c == nil {
		return time.Time{}
	}
	return c.Now()
}

// Answered takes the Date of an answer, but not one that a cache has kept.
func (c *Clock) Answered(h http.Header, sent time.Time) {
	if c == nil || h.Get("Age") != "" {
		return
	}
	if said, err := http.ParseTime(h.Get("Date")); err == nil {
		c.Hear(said, sent, c.Now())
	}
}
