package auditview

import (
	"time"

	"coc-console/audit/search"
)

// maxBars is how many bars a chart has at most.
const maxBars = 48

// barWidths are the widths that bars have: those that people count in.
var barWidths = []time.Duration{time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute,
	5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour,
	12 * time.Hour, day, 2 * day, 7 * day, 14 * day, 28 * day, 56 * day, 112 * day, 364 * day}

const day = 24 * time.Hour

// WholeBars chooses the bars' width, and moves those ends that the query does
// not fix so that all bars have it.
func WholeBars(from, to time.Time, q search.Query, zone *time.Location) (time.Time, time.Time, int) {
	for _, width := range barWidths {
		span := to.Sub(from)
		if span > maxBars*width {
			continue
		}
		switch {
		case !q.From.IsZero() && !q.To.IsZero():
			if span%width != 0 {
				continue
			}
		case !q.To.IsZero():
			from = to.Add(-widened(span, width))
		default:
			if q.From.IsZero() {
				from = floor(from, width, zone)
			}
			to = from.Add(widened(to.Sub(from), width))
		}
		return from, to, int(to.Sub(from) / width)
	}
	return from, to, maxBars
}

// widened is the shortest time of whole widths that covers a span.
func widened(span, width time.Duration) time.Duration {
	if rest := span % width; rest > 0 {
		return span + width - rest
	}
	return span
}

// floor is the last time of the zone's clock at which a bar may begin.
func floor(t time.Time, width time.Duration, zone *time.Location) time.Time {
	_, offset := t.In(zone).Zone()
	shift := time.Duration(offset) * time.Second
	return t.Add(shift).Truncate(width).Add(-shift)
}
