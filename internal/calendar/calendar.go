// Package calendar knows windows of time by name, such as a freeze: some recur every week, others are once.
package calendar

import (
	"slices"
	"sync/atomic"
	"time"
)

// Calendar has windows in one time zone. It does not change. A nil Calendar has none.
type Calendar struct {
	zone    *time.Location
	windows []window
	names   []string
	last    atomic.Pointer[span] // what InForce has said, and for how long it holds
}

// window is in force from one time until before another: those of the week, or of the calendar.
type window struct {
	name     string
	weekly   bool
	from, to wall
}

// wall is a time on a clock at the wall: of a day of the week, or of a date.
type wall struct {
	day          time.Weekday // where it is weekly
	date         time.Time    // where it is not: midnight, UTC
	hour, minute int
}

// Window is a name in force, and when it no longer is.
type Window struct {
	Name string
	End  time.Time // in the calendar's zone
}

// span is a time between two changes.
type span struct {
	from, to time.Time
	names    []string
}

// Names are those of all windows, sorted.
func (c *Calendar) Names() []string {
	if c == nil {
		return nil
	}
	return slices.Clone(c.names)
}

// InForce are the names of the windows in force at a time, sorted; nil: none. The caller only reads them.
func (c *Calendar) InForce(at time.Time) []string {
	if c == nil || len(c.windows) == 0 {
		return nil
	}
	if s := c.last.Load(); s != nil && !at.Before(s.from) && at.Before(s.to) {
		return s.names
	}
	s := c.spanAt(at)
	c.last.Store(&s)
	return s.names
}

// spanAt is what holds around a time, for at most a day.
func (c *Calendar) spanAt(at time.Time) span {
	s := span{from: at, to: at.Add(24 * time.Hour)}
	for _, w := range c.windows {
		start, end := w.around(at, c.zone)
		switch {
		case at.Before(start):
			s.to = earlier(s.to, start)
		case at.Before(end):
			s.to = earlier(s.to, end)
			if !slices.Contains(s.names, w.name) {
				s.names = append(s.names, w.name)
			}
		}
	}
	slices.Sort(s.names)
	return s
}

// maxChained bounds how many windows of one name may follow each other in what End says.
const maxChained = 100

// End is when a name that is in force at a time no longer is: the end of the last of its windows that follow each
// other without a gap. Zero: it is not in force, or always is.
func (c *Calendar) End(name string, at time.Time) time.Time {
	if c == nil {
		return time.Time{}
	}
	end := at
	for range maxChained {
		longest := end
		for _, w := range c.windows {
			if w.name != name {
				continue
			}
			if start, until := w.around(end, c.zone); !end.Before(start) && until.After(longest) {
				longest = until
			}
		}
		if longest.Equal(end) {
			if end.Equal(at) {
				return time.Time{}
			}
			return end.In(c.zone)
		}
		end = longest
	}
	return time.Time{}
}

// Windows are the names in force at a time with their ends, in the order of the names.
func (c *Calendar) Windows(at time.Time) []Window {
	names := c.InForce(at)
	all := make([]Window, len(names))
	for i, name := range names {
		all[i] = Window{Name: name, End: c.End(name, at)}
	}
	return all
}

// around are the start and end of the window that a time is in, or of one that is not over; of one that is once, of it.
func (w window) around(at time.Time, zone *time.Location) (start, end time.Time) {
	if !w.weekly {
		return w.from.first(w.from.date, zone), w.to.last(w.to.date, zone)
	}
	here := at.In(zone)
	today := time.Date(here.Year(), here.Month(), here.Day(), 0, 0, 0, 0, time.UTC)
	days := int(w.to.day-w.from.day+7) % 7
	if days == 0 && w.to.hour*60+w.to.minute <= w.from.hour*60+w.from.minute {
		days = 7
	}
	// The last day on which it starts, or this week's.
	first := today.AddDate(0, 0, -(int(today.Weekday()-w.from.day+7) % 7))
	for _, week := range []int{-7, 0, 7} {
		day := first.AddDate(0, 0, week)
		start, end = w.from.first(day, zone), w.to.last(day.AddDate(0, 0, days), zone)
		if at.Before(end) {
			break
		}
	}
	return start, end
}

// first is the instant at which a clock in the zone shows the time on that day; the earlier one of an hour that is
// repeated.
func (w wall) first(day time.Time, zone *time.Location) time.Time {
	t := w.on(day, zone)
	if before := t.Add(-time.Hour); w.shownAt(before, day) {
		return before
	}
	return t
}

// last is the later one.
func (w wall) last(day time.Time, zone *time.Location) time.Time {
	t := w.on(day, zone)
	if after := t.Add(time.Hour); w.shownAt(after, day) {
		return after
	}
	return t
}

// on is the instant of that time; of one that the clocks leave out, the moment at which they jump.
func (w wall) on(day time.Time, zone *time.Location) time.Time {
	t := time.Date(day.Year(), day.Month(), day.Day(), w.hour, w.minute, 0, 0, zone)
	if t.Hour() == w.hour && t.Minute() == w.minute {
		return t
	}
	begun, ends := t.ZoneBounds()
	if t.Hour()*60+t.Minute() > w.hour*60+w.minute && t.Day() == day.Day() {
		return begun // it is behind the jump
	}
	return ends
}

func (w wall) shownAt(t, day time.Time) bool {
	return t.Day() == day.Day() && t.Hour() == w.hour && t.Minute() == w.minute
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
