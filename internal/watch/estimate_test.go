package watch

import (
	"testing"
	"time"

	"coc-console/internal/coc"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// ran is a batch of runs: finished ones of the lengths given.
func ran(index int32, lengths ...time.Duration) Batch {
	b := batchOf(index, make([]coc.InstanceStatus, len(lengths))...)
	for i, length := range lengths {
		r := &b.Instances[i]
		r.Status, r.Created, r.Finished = coc.InstanceFinished, noon.Add(-time.Hour), noon.Add(-time.Hour+length)
	}
	return b
}

// since is a batch of runs that began that long before noon.
func since(index int32, passed ...time.Duration) Batch {
	b := batchOf(index, make([]coc.InstanceStatus, len(passed))...)
	for i, p := range passed {
		b.Instances[i].Status, b.Instances[i].Created = coc.InstanceProcessing, noon.Add(-p)
	}
	return b
}

func both(a, b Batch) Batch {
	a.Instances = append(a.Instances, b.Instances...)
	return a
}

func pausing(b Batch) Batch {
	b.Rotation = coc.RotationPause
	return b
}

func TestEstimateRemaining(t *testing.T) {
	const m, waits = time.Minute, coc.InstanceReady
	unread := batchOf(2, waits)
	unread.At = time.Time{}
	for name, c := range map[string]struct {
		batches []Batch
		status  coc.TicketStatus // empty = PROCESSING
		timeout time.Duration
		want    Estimate
		ok      bool
	}{
		"two batches wait":           {batches: []Batch{ran(1, 2*m, 5*m), batchOf(2, waits, waits), batchOf(3, waits)}, want: Estimate{10 * m, 3, false, false, 2}, ok: true},
		"the second runs":            {batches: []Batch{ran(1, 5*m), since(2, m, 3*m), batchOf(3, waits)}, want: Estimate{9 * m, 3, false, false, 1}, ok: true},
		"one of it has not started":  {batches: []Batch{ran(1, 5*m), both(since(2, 3*m), batchOf(2, waits))}, want: Estimate{5 * m, 2, false, false, 1}, ok: true},
		"it runs longer than usual":  {batches: []Batch{ran(1, 5*m), since(2, 7*m), batchOf(3, waits)}, want: Estimate{5 * m, 3, false, true, 1}, ok: true},
		"the median of the batches":  {batches: []Batch{ran(1, m), ran(2, 9*m), ran(3, 4*m), batchOf(4, waits)}, want: Estimate{4 * m, 4, false, false, 3}, ok: true},
		"a batch that is not over":   {batches: []Batch{both(ran(1, 2*m), since(1, m))}, want: Estimate{m, 1, false, false, 1}, ok: true},
		"whole batches count before": {batches: []Batch{ran(1, 6*m), both(ran(2, 9*m), since(2, m))}, want: Estimate{5 * m, 2, false, false, 2}, ok: true},
		"until the pause":            {batches: []Batch{ran(1, 5*m), pausing(since(2, m)), batchOf(3, waits)}, want: Estimate{4 * m, 2, true, false, 1}, ok: true},
		"no pause after the last":    {batches: []Batch{ran(1, 5*m), pausing(since(2, m))}, want: Estimate{4 * m, 2, false, false, 1}, ok: true},
		"never above the time-out":   {batches: []Batch{ran(1, 5*m), batchOf(2, waits)}, timeout: 3 * m, want: Estimate{3 * m, 2, false, false, 1}, ok: true},
		"nothing is left":            {batches: []Batch{ran(1, 5*m)}, want: Estimate{0, 0, false, false, 1}, ok: true},
		"nothing has finished":       {batches: []Batch{since(1, m), batchOf(2, waits)}},
		"failures are no basis":      {batches: []Batch{batchOf(1, coc.InstanceAbnormal), batchOf(2, waits)}},
		"rows are not known":         {batches: []Batch{ran(1, m), unread}},
		"it waits for a decision":    {batches: []Batch{ran(1, m), batchOf(2, waits)}, status: coc.TicketPaused},
		"it is over":                 {batches: []Batch{ran(1, m)}, status: coc.TicketFinished},
		"nothing is known":           {},
	} {
		s := &Snapshot{Ticket: coc.Ticket{Status: coc.TicketProcessing, Timeout: c.timeout}, Batches: c.batches}
		if c.status != "" {
			s.Ticket.Status = c.status
		}
		if got, ok := EstimateRemaining(s, noon); got != c.want || ok != c.ok {
			t.Errorf("%s: %+v %v, want %+v %v", name, got, ok, c.want, c.ok)
		}
	}
}

// TestEstimateOfARealRun compares with what the simulator then does.
func TestEstimateOfARealRun(t *testing.T) {
	d := newFixture(t, Limits{}, spec("running", time.Minute, runs(50*time.Second, 20*time.Second), runs(50*time.Second), runs(40*time.Second, 50*time.Second)))
	v := d.join("running", d.signIn("operator", "s"))
	d.waits()
	e, ok := EstimateRemaining(v.Snapshot(), d.clock.now())
	// The schedule takes a second, and three batches fifty each.
	if want := 91 * time.Second; !ok || e.Remaining != want || e.Batch != 3 {
		t.Errorf("estimate %+v, want %v", e, want)
	}
	d.pass(e.Remaining - time.Second)
	if v.Snapshot().Final {
		t.Error("it is over before")
	}
	if d.pass(time.Second + fast); !v.Snapshot().Final {
		t.Error("it is not over then")
	}
}

func TestSuccess(t *testing.T) {
	const good, bad, waits, gone = coc.InstanceFinished, coc.InstanceAbnormal, coc.InstanceReady, coc.InstanceCanceled
	rate := func(percent float64) *float64 { return &percent }
	s := &Snapshot{Batches: []Batch{batchOf(1, good, good, bad), batchOf(2, good, waits, gone, coc.InstanceProcessing), batchOf(3, bad, bad, good)}}
	for _, c := range []struct {
		percent float64
		batch   int32
		want    Success
		verdict Verdict
	}{
		{66, 1, Success{2, 0, 3, 66, 2}, VerdictReached},
		{67, 1, Success{2, 0, 3, 67, 3}, VerdictMissed},
		{75, 2, Success{1, 2, 4, 75, 3}, VerdictOpen},
		{80, 2, Success{1, 2, 4, 80, 4}, VerdictMissed},
		{33, 3, Success{1, 0, 3, 33, 1}, VerdictReached},
		{50, 0, Success{4, 2, 10, 50, 5}, VerdictOpen},
		{100, 0, Success{4, 2, 10, 100, 10}, VerdictMissed},
		{0, 3, Success{1, 0, 3, 0, 0}, VerdictReached},
	} {
		s.Ticket.SuccessRate = rate(c.percent)
		got, ok := SuccessOf(s, c.batch)
		if got != c.want || !ok || got.Verdict() != c.verdict {
			t.Errorf("batch %d, %v %%: %+v %s %v, want %+v %s", c.batch, c.percent, got, got.Verdict(), ok, c.want, c.verdict)
		}
	}
	if _, ok := SuccessOf(s, 9); ok {
		t.Error("a batch that is not there has a rate")
	}
	asleep := &Snapshot{Ticket: s.Ticket, Batches: []Batch{batchOf(1, good, "ASLEEP"), batchOf(2, good, "")}}
	for batch := range int32(3) {
		if got, ok := SuccessOf(asleep, batch); ok {
			t.Errorf("batch %d: instances in states that nobody knows have a rate: %+v", batch, got)
		}
	}
	s.Batches[2].At = time.Time{}
	if _, ok := SuccessOf(s, 0); ok {
		t.Error("rows that were never read have a rate")
	}
	s.Ticket.SuccessRate = nil
	if _, ok := SuccessOf(s, 1); ok {
		t.Error("without a threshold there is a rate")
	}
}
