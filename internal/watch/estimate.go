package watch

import (
	"slices"
	"time"

	"coc-console/internal/coc"
)

// Estimate is how long a ticket may still run by itself.
type Estimate struct {
	Remaining time.Duration
	// Batch is the last one that is counted. Pauses says that the ticket then
	// stops for a decision, because of the batch's rotation strategy, and that
	// there are batches after it.
	Batch  int32
	Pauses bool
	// Overdue reports that an instance has run longer than the estimate gives it.
	Overdue bool
	Samples int // finished runs that it is based on
}

// maxAhead is how far COC's clock may be ahead.
const maxAhead = 2 * time.Second

// EstimateRemaining goes by the runs of the ticket itself: the instances of a
// batch run side by side, so that a batch takes as long as its longest run, and
// batches run one after the other. A batch is expected to take the median of
// what the longest run of each batch took, and no more than the ticket's
// time-out. ok is false when there is no basis: the ticket is not running, no
// instance has finished, not all rows are known, or COC's clock is ahead: then
// nobody knows how long anything has run.
func EstimateRemaining(s *Snapshot, now time.Time) (e Estimate, ok bool) {
	if s.Ticket.Status != coc.TicketProcessing || len(s.Batches) == 0 || s.Ticket.Created.After(now.Add(maxAhead)) {
		return Estimate{}, false
	}
	typical, samples := typicalRun(s)
	if samples == 0 {
		return Estimate{}, false
	}
	e.Samples = samples
	for i, b := range s.Batches {
		if b.At.IsZero() {
			return Estimate{}, false
		}
		if !open(b) {
			continue
		}
		left, overdue := leftOf(b, typical, now)
		e.Remaining, e.Overdue, e.Batch = e.Remaining+left, e.Overdue || overdue, b.Index
		if b.Rotation == coc.RotationPause && i < len(s.Batches)-1 {
			e.Pauses = true
			break
		}
	}
	return e, true
}

// typicalRun is the median of the longest finished run of each batch that is
// over, or else of those that are not, and how many runs have finished.
func typicalRun(s *Snapshot) (typical time.Duration, samples int) {
	var whole, partial []time.Duration
	for _, b := range s.Batches {
		most, n := longestRun(b)
		samples += n
		switch {
		case n == 0:
		case open(b):
			partial = append(partial, most)
		default:
			whole = append(whole, most)
		}
	}
	if len(whole) == 0 {
		whole = partial
	}
	if len(whole) == 0 {
		return 0, 0
	}
	slices.Sort(whole)
	typical = whole[len(whole)/2]
	if limit := s.Ticket.Timeout; limit > 0 {
		typical = min(typical, limit)
	}
	return typical, samples
}

// longestRun is the longest finished run of a batch, and how many there are.
func longestRun(b Batch) (most time.Duration, n int) {
	for _, r := range b.Instances {
		if r.Status == coc.InstanceFinished && !r.Created.IsZero() && !r.Finished.IsZero() {
			most = max(most, r.Duration(r.Finished))
			n++
		}
	}
	return most, n
}

// leftOf is how long a batch with open rows may still take.
func leftOf(b Batch, typical time.Duration, now time.Time) (left time.Duration, overdue bool) {
	for _, r := range b.Instances {
		switch {
		case r.Status.Terminal():
		case r.Status == coc.InstanceProcessing && !r.Created.IsZero():
			passed := r.Duration(now)
			left, overdue = max(left, typical-passed), overdue || passed > typical
		default: // it starts with its batch, or within moments
			left = typical
		}
	}
	return left, overdue
}

// Success is how a batch or a ticket stands against success_rate. That the
// threshold counts per batch, and that cancelled instances count against it,
// is inferred (docs/coc-api.md section 8.2).
type Success struct {
	Finished, Open, Total int
	Threshold             float64 // percent
	Required              int     // finished instances that reach it
}

// Verdict is what Success comes to.
type Verdict string

// The verdicts.
const (
	VerdictReached Verdict = "REACHED" // whatever the rest does
	VerdictOpen    Verdict = "OPEN"    // the rest decides
	VerdictMissed  Verdict = "MISSED"  // out of reach
)

// Verdict compares what has finished, and what may, with the threshold.
func (s Success) Verdict() Verdict {
	switch {
	case s.Finished >= s.Required:
		return VerdictReached
	case s.Finished+s.Open >= s.Required:
		return VerdictOpen
	}
	return VerdictMissed
}

// SuccessOf counts the rows of a batch, or with 0 of the whole ticket. ok is
// false when COC told no threshold, rows or their states are not known, or COC contradicts
// itself: after a roll-back the rows may all be rolled back, while the statistics
// still count what had finished.
func SuccessOf(s *Snapshot, batch int32) (rate Success, ok bool) {
	if s.Ticket.SuccessRate == nil {
		return Success{}, false
	}
	rate.Threshold = *s.Ticket.SuccessRate
	for _, b := range s.Batches {
		if batch != 0 && b.Index != batch {
			continue
		}
		if b.At.IsZero() {
			return Success{}, false
		}
		for _, r := range b.Instances {
			if !r.Status.Known() { // it may have succeeded or failed
				return Success{}, false
			}
			rate.Total++
			switch {
			case r.Status == coc.InstanceFinished:
				rate.Finished++
			case !r.Status.Terminal():
				rate.Open++
			}
		}
	}
	if batch == 0 && s.Statistics.Count(coc.InstanceFinished) != int32(rate.Finished) && rolledBack(s) {
		return Success{}, false
	}
	rate.Required = required(rate.Total, rate.Threshold)
	return rate, rate.Total > 0
}

func rolledBack(s *Snapshot) bool {
	return s.Ticket.Status == coc.TicketRolledBack || slices.ContainsFunc(s.Batches, func(b Batch) bool {
		return slices.ContainsFunc(b.Instances, func(r Instance) bool { return r.Status == coc.InstanceRolledBack })
	})
}

// required is the least number of finished instances whose share of total is
// not below the threshold, by the comparison that decides: finished / total × 100.
func required(total int, threshold float64) int {
	for n := range total {
		if float64(n)/float64(total)*100 >= threshold {
			return n
		}
	}
	return total
}
