package present

import (
	"cmp"
	"slices"
	"time"
)

// What labels take above the lanes, in pixels: as wide as the widest of common fonts makes them, with the gap beside
// them. laneWidth is the least width of the lanes, at any width of the window that shows them.
const (
	laneWidth  = 266
	labelGap   = 8
	timeLabel  = 36
	nowLabel   = 30
	labelDigit = 7 // of a pause, whose words are as long as "stopped "
)

// labels are the places above the lanes that are taken, in percent of their width.
type labels struct{ taken []interval }

type interval struct{ from, to float64 }

// inPercent is a label's width with the gap beside it.
func inPercent(pixels int) float64 { return 100 * float64(pixels+labelGap) / laneWidth }

// pauseLabel is the width of a label that tells how long a pause took, in pixels.
func pauseLabel(took time.Duration) int {
	text := "stopped 00 min"
	switch {
	case took >= 24*time.Hour:
		text = "stopped 00 d 00 h"
	case took >= time.Hour:
		text = "stopped 00 h 00 min"
	}
	return labelDigit * len(text)
}

// put takes the place of a label that is centred at a point, if it is free.
func (l *labels) put(at, width float64) bool {
	return l.take(interval{at - width/2, at + width/2})
}

func (l *labels) take(i interval) bool {
	if slices.ContainsFunc(l.taken, func(t interval) bool { return i.from < t.to && t.from < i.to }) {
		return false
	}
	l.taken = append(l.taken, i)
	return true
}

// putWithin takes the free place for a label's centre that is nearest to the middle of what it tells about. Its centre
// stays there, and the label above the lanes.
func (l *labels) putWithin(from, to, width float64) (at float64, ok bool) {
	middle := min(max((from+to)/2, width/2), 100)
	places := []float64{middle}
	for _, t := range l.taken {
		places = append(places, t.from-width/2, t.to+width/2)
	}
	places = slices.DeleteFunc(places, func(at float64) bool {
		return at != middle && (at < max(from, width/2) || at > to)
	})
	slices.SortStableFunc(places, func(a, b float64) int {
		return cmp.Compare(distance(a, middle), distance(b, middle))
	})
	for _, at := range places {
		if l.put(at, width) {
			return at, true
		}
	}
	return 0, false
}

func distance(a, b float64) float64 { return max(a-b, b-a) }
