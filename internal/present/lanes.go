package present

import (
	"slices"
	"strconv"
	"time"

	"coc-console/internal/ansi"
	"coc-console/internal/coc"
	"coc-console/internal/course"
	"coc-console/internal/operate"
	"coc-console/internal/watch"
	"coc-console/templates"
)

// The bounds of what is shown of batches one by one.
const (
	maxLines = 9  // with the lines that stand for others: the same all the time, so that nothing below moves
	maxMarks = 10 // of one batch
)

// scale is a line of time; its ends are whole steps, so that what lies on it keeps its place for a while.
type scale struct {
	from time.Time
	span time.Duration
	step time.Duration
}

// steps are the distances of labels on it.
var steps = []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute,
	30 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}

// maxSteps is how many labels a line may have.
const maxSteps = 6

func newScale(from, to time.Time) scale {
	x := scale{from: from.Truncate(time.Minute), step: steps[len(steps)-1]}
	for _, step := range steps {
		if to.Sub(x.from) <= maxSteps*step {
			x.step = step
			break
		}
	}
	x.span = x.step
	if more := to.Sub(x.from.Add(x.step)); more > 0 {
		x.span = (to.Sub(x.from) + x.step - 1).Truncate(x.step)
	}
	return x
}

// at is where a time is, in percent.
func (x scale) at(t time.Time) float64 {
	return min(max(100*float64(t.Sub(x.from))/float64(x.span), 0), 100)
}

func share(percent float64) string { return strconv.FormatFloat(percent, 'f', 2, 64) + "%" }

// Lanes are a ticket's batches on a line of time.
func (c Course) Lanes(now operate.Situation, f InstanceFilter) templates.Lanes {
	s := c.snapshot
	out := templates.Lanes{None: len(s.Batches) == 0, Unread: s.BatchesAt.IsZero(), Table: f.Table}
	other := f
	other.Table = !f.Table
	out.Switch = other.address(string(s.Ticket.ExecuteUUID), "") + "#batches"
	left := time.Duration(0)
	if e, ok := watch.EstimateRemaining(s, s.At); ok {
		left = e.Remaining
	}
	at := clockOf(s)
	last := at
	if now.Over() {
		last = ended(s)
	}
	from := s.Ticket.Created
	if from.IsZero() {
		from = last
	}
	x := newScale(from, last.Add(left))
	all := make([]templates.Lane, len(s.Batches))
	for i, b := range s.Batches {
		all[i] = c.lane(b, now, x, f)
	}
	if f.Table {
		out.Rows = all
		return out
	}
	before, rows, after := windowOf(all)
	out.Rows, out.Before, out.After = rows, foldOf(before), foldOf(after)
	if out.Before != nil {
		out.Before.Parts = c.partsOf(before, x)
		out.Before.Took = lastTo(before).Sub(before[0].From)
	}
	if left > 0 {
		now, end := x.at(at), x.at(at.Add(left))
		part := templates.LanePart{Status: "ESTIMATE", X: share(now), Width: share(end - now)}
		if out.After != nil {
			out.After.Parts, out.After.Took = []templates.LanePart{part}, left
		}
	}
	if !from.IsZero() { // else there is no time to mark
		c.marks(&out, x, now.Over())
	}
	return out
}

// clockOf is when a ticket was read, by the clock of its times: nothing of it began after that, if COC's is ahead.
func clockOf(s *watch.Snapshot) time.Time {
	now := s.At
	for _, b := range s.Batches {
		for _, r := range b.Instances {
			for _, t := range [...]time.Time{r.Created, r.Finished} {
				if t.After(now) {
					now = t
				}
			}
		}
	}
	return now
}

// windowOf are the batches that are shown one by one: the last that have begun and the next ones, and the one that is
// selected. The rest is folded.
func windowOf(all []templates.Lane) (before, rows, after []templates.Lane) {
	if len(all) <= maxLines {
		return nil, all, nil
	}
	begun := 0
	for i, l := range all {
		if !l.From.IsZero() {
			begun = i + 1
		}
	}
	from, to := 0, maxLines-1
	if begun > to {
		to = min(begun+1, len(all))
		if from = to - (maxLines - 2); to == len(all) {
			from--
		}
	}
	before, rows, after = all[:from], slices.Clone(all[from:to]), all[to:]
	for _, l := range before {
		if l.Selected {
			rows[0] = l
		}
	}
	for _, l := range after {
		if l.Selected {
			rows[len(rows)-1] = l
		}
	}
	return before, rows, after
}

func foldOf(lanes []templates.Lane) *templates.LaneFold {
	if len(lanes) == 0 {
		return nil
	}
	f := &templates.LaneFold{First: lanes[0].Index, Last: lanes[len(lanes)-1].Index, Links: lanes}
	for _, l := range lanes {
		f.Instances += l.Total
		f.Counts = addCounts(f.Counts, l.Counts)
	}
	return f
}

// lastTo is when the last of some batches ended.
func lastTo(lanes []templates.Lane) (end time.Time) {
	for _, l := range lanes {
		if l.To.After(end) {
			end = l.To
		}
	}
	return end
}

// lane is one batch.
func (c Course) lane(b watch.Batch, now operate.Situation, x scale, f InstanceFilter) templates.Lane {
	chosen := f
	chosen.Batch = b.Index
	l := templates.Lane{Index: b.Index, Total: b.TotalInstances, Rotation: ansi.VisibleLine(string(b.Rotation)),
		Read: c.snapshot.At, State: string(now.BatchState(b.Index)), Current: b.Index == now.Ticket.CurrentBatch, Selected: b.Index == f.Batch,
		Address: chosen.address(string(now.Ticket.ExecuteUUID), "") + "#instances", Counts: countRows(b.Instances)}
	open := false
	for _, r := range b.Instances {
		l.Zones = append(l.Zones, ansi.VisibleLine(firstOf(r.Target.ZoneID, r.Target.RegionID)))
		open = open || !r.Status.Terminal()
		if r.Finished.After(l.To) {
			l.To = r.Finished
		}
		if len(b.Instances) <= maxMarks {
			l.Cells = append(l.Cells, string(r.Status))
		}
	}
	l.Zones = different(l.Zones)
	l.From = began(c.snapshot, b.Index)
	end := l.To
	if open {
		end, l.To = clockOf(c.snapshot), time.Time{}
	}
	if l.From.IsZero() || end.Before(l.From) {
		l.To = time.Time{}
		return l
	}
	l.Took = end.Sub(l.From)
	l.Parts = parts(l.Counts, x.at(l.From), x.at(end))
	return l
}

// partOrder is the order of a lane's parts: what runs comes last.
var partOrder = []coc.InstanceStatus{coc.InstanceFinished, coc.InstanceAbnormal, coc.InstanceError,
	coc.InstanceRolledBack, coc.InstanceCanceled, coc.InstanceProcessing}

// narrowest is the least width of a part, in percent, so that it is seen.
const narrowest = 0.4

// parts divide a lane by what its instances came to; those that wait have none.
func parts(counts []templates.Count, from, to float64) (all []templates.LanePart) {
	var total int32
	for _, c := range counts {
		if c.Status != string(coc.InstanceReady) {
			total += c.Count
		}
	}
	for _, status := range partOrder {
		for _, c := range counts {
			if c.Status != string(status) {
				continue
			}
			width := max((to-from)*float64(c.Count)/float64(total), narrowest)
			all = append(all, templates.LanePart{Status: c.Status, X: share(from), Width: share(width)})
			from, total = from+width, total-c.Count
		}
	}
	return all
}

// partsOf are the runs of several batches in one lane.
func (c Course) partsOf(lanes []templates.Lane, x scale) (all []templates.LanePart) {
	for _, l := range lanes {
		if !l.From.IsZero() {
			all = append(all, parts(l.Counts, x.at(l.From), x.at(l.To))...)
		}
	}
	return all
}

// minPause is the shortest pause that has a label.
const minPause = 2 * time.Minute

// marks are the lines and labels over all lanes: now, then pauses, which move within themselves where their place is
// taken, then times. What finds no place has no label.
func (c Course) marks(out *templates.Lanes, x scale, over bool) {
	s, now := c.snapshot, clockOf(c.snapshot)
	var taken labels
	if !over {
		out.Now = share(x.at(now))
		taken.put(x.at(now), inPercent(nowLabel))
		out.Ticks = append(out.Ticks, templates.LaneTick{X: out.Now, Kind: "now"})
	}
	for _, stop := range course.Stops(s, c.cause) {
		to := stop.To
		if to.IsZero() {
			to = now
		}
		if to.Before(stop.From) {
			continue
		}
		from, end := x.at(stop.From), x.at(to)
		out.Stops = append(out.Stops, templates.LaneStop{X: share(from), Width: share(end - from), Failed: stop.Failed})
		took, kind := to.Sub(stop.From), "pause"
		if stop.Failed {
			kind = "halt"
		}
		if took < minPause {
			continue
		}
		if at, ok := taken.putWithin(from, end, inPercent(pauseLabel(took))); ok {
			out.Ticks = append(out.Ticks, templates.LaneTick{X: share(at), Kind: kind, Took: took})
		}
	}
	for t := x.from; !t.After(x.from.Add(x.span)); t = t.Add(x.step) {
		at := x.at(t)
		tick, width := templates.LaneTick{X: share(at), Time: t, Day: x.step >= 12*time.Hour}, inPercent(timeLabel)
		place := interval{at - width/2, at + width/2}
		if t.Equal(x.from) {
			tick.Kind, place = "start", interval{0, width}
		}
		if at < 97 && taken.take(place) {
			out.Ticks = append(out.Ticks, tick)
		}
	}
}

// Places are the regions and zones of a ticket's servers, each once.
func Places(s *watch.Snapshot) (regions, zones []string) {
	for _, b := range s.Batches {
		for _, r := range b.Instances {
			regions = append(regions, ansi.VisibleLine(r.Target.RegionID))
			zones = append(zones, ansi.VisibleLine(r.Target.ZoneID))
		}
	}
	return different(regions), different(zones)
}
