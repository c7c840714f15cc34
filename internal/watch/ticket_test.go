package watch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"coc-console/internal/coc"
	"coc-console/internal/simulator"
)

const (
	fast = 5 * time.Second
	slow = 15 * time.Second
	long = 20 * time.Minute
)

func TestSnapshotHoldsWhatCOCTells(t *testing.T) {
	d := newFixture(t, Limits{}, spec("running", time.Minute, runs(long, long), runs(long)))
	u := d.signIn("operator", "s")
	v := d.join("running", u)
	s := v.Snapshot()
	if s.Version != 1 || s.Changed != 1 || s.Final || s.Trouble != nil || s.Cut || s.Stale() {
		t.Errorf("meta %+v", s.Meta)
	}
	now := d.clock.now()
	if s.At != now || s.TicketAt != now || s.StatisticsAt != now || s.BatchesAt != now || s.Next != now.Add(fast) {
		t.Errorf("times %v %v %v %v, next %v", s.At, s.TicketAt, s.StatisticsAt, s.BatchesAt, s.Next)
	}
	if s.Ticket.Status != coc.TicketProcessing || s.Ticket.ScriptName != "reload" || s.Statistics.Total != 3 || len(s.Batches) != 2 {
		t.Errorf("ticket %+v, statistics %+v", s.Ticket, s.Statistics)
	}
	first, ok := s.Batch(1)
	if !ok || first.State != coc.BatchRunning || first.At != now || len(first.Instances) != 2 || first.Instances[0].Target.HostName != "web-1" {
		t.Errorf("batch 1 %+v", first)
	}
	if second, _ := s.Batch(2); second.State != coc.BatchWaiting || second.Instances[0].Status != coc.InstanceReady {
		t.Errorf("batch 2 %+v", second)
	}
	if _, ok := s.Batch(3); ok || len(s.Events) != 0 {
		t.Error("a batch that is not there, or events before anything happened")
	}
}

// TestPollCosts holds the number of upstream calls: ticket, statistics,
// batches, instances.
func TestPollCosts(t *testing.T) {
	d := newFixture(t, Limits{Running: time.Hour}, spec("running", time.Minute, runs(67*time.Second, 90*time.Second), runs(long, long), runs(long)))
	u := d.signIn("operator", "s")
	poll := func(wait time.Duration) func() { return func() { d.pass(wait) } }
	for _, step := range []struct {
		name string
		does func()
		want [4]int
	}{
		{"the first", func() { d.join("running", u); d.waits() }, [4]int{1, 1, 1, 3}},
		{"nothing happened", poll(fast), [4]int{1, 1, 0, 0}},
		{"an instance finished", poll(fast), [4]int{1, 1, 0, 1}},
		{"nothing happened again", poll(fast), [4]int{1, 1, 0, 0}},
		{"the second batch began", poll(20 * time.Second), [4]int{1, 1, 0, 2}},
	} {
		if got := d.calls(step.does); got != step.want {
			t.Errorf("%s: calls %v, want %v", step.name, got, step.want)
		}
	}
}

func TestLogsOfRunningRowsAreReadNowAndThen(t *testing.T) {
	d := newFixture(t, Limits{}, spec("running", time.Minute, runs(2*time.Minute, 2*time.Minute), runs(long)))
	v := d.join("running", d.signIn("operator", "s"))
	d.waits()
	length := func() int { return v.Snapshot().Batches[0].Instances[0].LogBytes }
	before, version := length(), v.Snapshot().Changed
	if got := d.calls(func() { d.pass(fast); d.pass(fast) }); got != [4]int{2, 2, 0, 0} {
		t.Errorf("two polls cost %v", got)
	}
	if v.Snapshot().Changed != version || v.Snapshot().Version == version {
		t.Errorf("nothing differs, and the meta is %+v", v.Snapshot().Meta)
	}
	if got := d.calls(func() { d.pass(40 * time.Second) }); got != [4]int{1, 1, 0, 1} || length() <= before {
		t.Errorf("the reading of logs cost %v; %d bytes after %d", got, length(), before)
	}
	if s := v.Snapshot(); s.Changed != s.Version || !s.Batches[0].RunningAt.After(s.Batches[0].At) {
		t.Errorf("changed %+v, batch at %v, running at %v", s.Meta, s.Batches[0].At, s.Batches[0].RunningAt)
	}
}

func TestRhythm(t *testing.T) {
	stopped := spec("stopped", time.Hour, runs(time.Second), runs(long))
	stopped.Batches[0].Instances[0].ExitCode = 1
	held := spec("held", time.Minute, runs(long), runs(long))
	held.Operations = []simulator.PastOperation{{After: 30 * time.Second, Operation: simulator.Operation{Type: "PAUSE_ORDER"}}}
	paused := spec("paused", time.Hour, runs(time.Second), runs(long))
	paused.Batches[0].Pause = true
	for scenario, want := range map[string]time.Duration{"running": fast, "stopped": slow, "held": fast, "paused": slow} {
		d := newFixture(t, Limits{}, spec("running", time.Minute, runs(long)), stopped, held, paused)
		d.join(scenario, d.signIn("operator", "s"))
		if got := d.waits(); got != want {
			t.Errorf("%s: the next poll comes after %v, want %v", scenario, got, want)
		}
	}
}

func TestPollingEndsWithTheTicket(t *testing.T) {
	d := newFixture(t, Limits{}, spec("running", time.Minute, runs(70*time.Second)))
	u := d.signIn("operator", "s")
	v := d.join("running", u)
	d.waits()
	if wait := d.pass(time.Minute); wait != forever {
		t.Errorf("after the end the next poll comes after %v", wait)
	}
	s := v.Snapshot()
	if !s.Final || s.Ticket.Status != coc.TicketFinished || !s.Next.IsZero() || s.Batches[0].State != coc.BatchFinished {
		t.Errorf("the end: %+v, next %v", s.Ticket, s.Next)
	}
	got := d.calls(func() {
		d.Nudge(d.key("running", u))
		d.clock.step(time.Hour)
		if other := d.join("running", u); other.Snapshot() != s {
			t.Error("who comes later sees something else")
		}
	})
	if got != [4]int{1, 0, 0, 0} { // the check of one who joins after so long
		t.Errorf("after the end %v calls", got)
	}
}

// TestGraceOfATicketThatIsOver: CANCEL_ORDER may leave rows open for a
// while.
func TestGraceOfATicketThatIsOver(t *testing.T) {
	c := newClock()
	w := &Watcher{cfg: Config{Now: c.now, Limits: Limits{}.withDefaults()}}
	f := newTicketFeed(w, Key{Ticket: "x"})
	f.now = Snapshot{Ticket: coc.Ticket{Status: coc.TicketCanceled}, TicketAt: c.now(), Statistics: counts(coc.InstanceReady, 1, 1),
		Batches: []Batch{batchOf(1, coc.InstanceReady)}}
	f.note(f.now)
	if got := f.interval(); got != slow {
		t.Errorf("with an open row: %v", got)
	}
	c.step(w.cfg.Limits.Grace)
	f.note(f.now)
	if got := f.interval(); got != 0 {
		t.Errorf("after the time of grace: %v", got)
	}
	f.now.Ticket.Status = coc.TicketProcessing
	f.note(f.now)
	if got := f.interval(); got != fast {
		t.Errorf("running again: %v", got)
	}
	f.now.Ticket.Status = coc.TicketFinished
	f.note(f.now)
	if got := f.interval(); got != slow {
		t.Errorf("over again: %v", got)
	}
	f.now.Statistics = counts(coc.InstanceFinished, 1, 1)
	if got := f.interval(); got != slow {
		t.Errorf("with rows that are older than the statistics: %v", got)
	}
	f.now.Batches[0] = batchOf(1, coc.InstanceFinished)
	if got := f.interval(); got != 0 {
		t.Errorf("all is over: %v", got)
	}
}

// TestRhythmOfStates: polling ends with a ticket, not with a word for it.
func TestRhythmOfStates(t *testing.T) {
	open, ended := counts(coc.InstanceProcessing, 1, 1), counts(coc.InstanceAbnormal, 1, 1)
	openRows, endedRows := []Batch{batchOf(1, coc.InstanceProcessing)}, []Batch{batchOf(1, coc.InstanceAbnormal)}
	for _, status := range []coc.TicketStatus{coc.TicketAbnormal, coc.TicketError, coc.TicketRolledBack, "HIBERNATING"} {
		c := newClock()
		w := &Watcher{cfg: Config{Now: c.now, Limits: Limits{}.withDefaults()}}
		f := newTicketFeed(w, Key{Ticket: "x"})
		at := func() time.Duration {
			f.note(f.now)
			c.step(w.cfg.Limits.Grace)
			f.note(f.now)
			return f.interval()
		}
		f.now = Snapshot{Ticket: coc.Ticket{Status: status}, TicketAt: c.now(), Statistics: open, Batches: openRows}
		if got := at(); got != fast {
			t.Errorf("%s with a running row: %v", status, got)
		}
		f.now.Statistics, f.now.Batches = ended, endedRows
		want := map[coc.TicketStatus]time.Duration{coc.TicketAbnormal: slow, "HIBERNATING": slow}[status]
		if got := at(); got != want {
			t.Errorf("%s with nothing open: %v", status, got)
		}
		f.now.Ticket.Finished = c.now()
		if got := at(); got != 0 {
			t.Errorf("%s with an end: %v", status, got)
		}
	}
}

func TestEventsTellWhatHappened(t *testing.T) {
	d := newFixture(t, Limits{Events: 4}, spec("running", time.Minute, runs(70*time.Second), runs(long)))
	u := d.signIn("operator", "s")
	v := d.join("running", u)
	start := d.clock.now()
	d.waits()
	d.pass(20 * time.Second)
	first := v.Snapshot()
	d.operate("running", u, coc.Operation{Type: coc.CancelOrder})
	if wait := d.pass(fast); wait != forever {
		t.Errorf("after the end the next poll comes after %v", wait)
	}
	last := v.Snapshot()
	describe := func(events []Event) string {
		var b strings.Builder
		for _, e := range events {
			fmt.Fprintf(&b, "%s %d %s %s→%s %v-%v; ", e.Subject, e.Batch, e.Host, e.From, e.To, e.After.Sub(start), e.Seen.Sub(start))
		}
		return b.String()
	}
	if got, want := describe(first.Events), "instance 1 web-1 PROCESSING→FINISHED 0s-20s; batch 1  RUNNING→FINISHED 0s-20s; "+
		"instance 2 web-1 READY→PROCESSING 0s-20s; batch 2  WAITING→RUNNING 0s-20s; "; got != want {
		t.Errorf("events\n%s, want\n%s", got, want)
	}
	if got, want := describe(last.Events), "batch 2  WAITING→RUNNING 0s-20s; ticket 0  PROCESSING→CANCELED 20s-25s; "+
		"instance 2 web-1 PROCESSING→CANCELED 20s-25s; batch 2  RUNNING→CANCELED 20s-25s; "; got != want {
		t.Errorf("the last four events\n%s, want\n%s", got, want)
	}
}

// TestViewIsTheTruth drives tickets through their lives by random steps and
// operations: after every poll the rows are those that a full reading gives.
func TestViewIsTheTruth(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { truth(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

func truth(t *testing.T, rng *rand.Rand) {
	var batches [][]time.Duration
	for range 2 + rng.IntN(4) {
		var b []time.Duration
		for range 1 + rng.IntN(6) {
			b = append(b, time.Duration(1+rng.IntN(60))*time.Second)
		}
		batches = append(batches, b)
	}
	s := spec("any", time.Second, batches...)
	for i := range s.Batches {
		s.Batches[i].Pause = rng.IntN(4) == 0
		for j := range s.Batches[i].Instances {
			s.Batches[i].Instances[j].ExitCode = max(0, rng.IntN(6)-4)
		}
	}
	d := newFixture(t, Limits{}, s)
	u := d.signIn("operator", "s")
	v := d.join("any", u)
	d.waits()
	for range 60 {
		if v.Snapshot().Final {
			break
		}
		types := []coc.OperationType{coc.PauseOrder, coc.ContinueOrder, coc.ContinueOrder, coc.ContinueOrder}
		// What the state refuses is part of the life of a ticket.
		_, _ = d.cfg.Client.Operate(t.Context(), u.caller, proof{}, v.Snapshot().Ticket.ExecuteUUID, coc.Operation{Type: types[rng.IntN(4)]})
		d.pass(v.Snapshot().Next.Sub(d.clock.now()) + time.Duration(rng.IntN(10))*time.Second)
		sameAsFullReading(t, d, u, v.Snapshot())
	}
}

func sameAsFullReading(t *testing.T, d *fixture, u *user, s *Snapshot) {
	t.Helper()
	for _, b := range s.Batches {
		rows, err := d.cfg.Client.AllInstances(t.Context(), u.caller, s.Ticket.ExecuteUUID, b.Index)
		check(t, err)
		for i, r := range rows {
			if got := b.Instances[i]; got.ID != r.ID || got.Status != r.Status || !got.Finished.Equal(r.Finished) {
				t.Fatalf("version %d, batch %d: row %d is %s, and shown as %s", s.Version, b.Index, r.ID, r.Status, got.Status)
			}
		}
	}
}

func TestMoved(t *testing.T) {
	const ready, running, finished = coc.InstanceReady, coc.InstanceProcessing, coc.InstanceFinished
	add := func(list ...coc.Statistics) coc.Statistics {
		var s coc.Statistics
		for _, one := range list {
			s.Counts = append(s.Counts, one.Counts...)
		}
		return s
	}
	before := add(counts(ready, 4, 2, 3), counts(running, 1, 1), counts(finished, 1, 1))
	for name, c := range map[string]struct {
		batch Batch
		now   coc.Statistics
		want  bool
	}{
		"never read":                           {Batch{Batch: coc.Batch{Index: 1}}, before, true},
		"nothing changed":                      {batchOf(1, running, finished), before, false},
		"the run finished":                     {batchOf(1, running, finished), add(counts(ready, 4, 2, 3), counts(running, 0), counts(finished, 2, 1)), true},
		"its batch began":                      {batchOf(2, ready, ready), add(counts(ready, 2, 3), counts(running, 2, 2), counts(finished, 2, 1)), true},
		"it waits as before":                   {batchOf(3, ready, ready), add(counts(ready, 2, 3), counts(running, 2, 2), counts(finished, 2, 1)), false},
		"it is over, another one moved":        {batchOf(1, finished, coc.InstanceAbnormal), add(counts(running, 1, 2), counts(finished, 3, 1, 2), counts(coc.InstanceAbnormal, 1, 1)), false},
		"it was over and runs again":           {batchOf(1, finished, coc.InstanceAbnormal), add(counts(running, 2, 1), counts(finished, 1, 2)), true},
		"half of it, and the counts name it":   {batchOf(2, ready, running), add(counts(ready, 1, 2), counts(running, 1, 2), counts(finished, 4, 1)), true},
		"no batches are named, it is open":     {batchOf(1, running), add(counts(running, 3)), true},
		"no batches are named, it is over":     {batchOf(1, finished), add(counts(running, 3)), false},
		"no batches are named, as it had been": {batchOf(1, running), before, false},
	} {
		if got := moved(c.batch, before, c.now); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestContradictionIsReadAgain: rows that do not add up to the statistics are
// read again once they are old enough.
func TestContradictionIsReadAgain(t *testing.T) {
	d := newFixture(t, Limits{Running: time.Hour}, spec("running", time.Minute, runs(long), runs(long)))
	remove := d.sim.Inject(simulator.Fault{Kind: simulator.CallInstances, Effect: simulator.NewWords})
	v := d.join("running", d.signIn("operator", "s"))
	remove()
	d.waits()
	if got := v.Snapshot().Batches[0]; got.State != coc.BatchUnknown || got.Instances[0].Status != "HIBERNATING" {
		t.Fatalf("batch %+v", got)
	}
	if got := d.calls(func() { d.pass(fast) }); got[3] != 0 {
		t.Errorf("%d batches are read again at once", got[3])
	}
	if got := d.calls(func() { d.pass(time.Minute) }); got[3] != 2 || v.Snapshot().Batches[0].State != coc.BatchRunning {
		t.Errorf("%d batches are read after a minute: %+v", got[3], v.Snapshot().Batches[0])
	}
}

// TestBatchesAreReadAgainWhenTheTicketHasAnotherSize, though not at every poll.
func TestBatchesAreReadAgainWhenTheTicketHasAnotherSize(t *testing.T) {
	d := newFixture(t, Limits{}, spec("running", time.Minute, runs(long), runs(long)))
	u := d.signIn("operator", "s")
	f := newTicketFeed(d.Watcher, d.key("running", u))
	poll := func() {
		_, err := f.poll(t.Context(), u.caller)
		check(t, err)
	}
	poll()
	f.now.Batches = f.now.Batches[:1]
	if got := d.calls(poll); got[2] != 0 {
		t.Error("the batches are read again at once")
	}
	d.clock.step(settled)
	if got := d.calls(poll); got[2] != 1 || len(f.now.Batches) != 2 || f.now.Batches[1].At != d.clock.now() {
		t.Errorf("after a minute: %v, %d batches", got, len(f.now.Batches))
	}
	d.clock.step(settled)
	if got := d.calls(poll); got[2] != 0 {
		t.Error("the batches are read although they add up")
	}
}

// TestFaultsAreShownAndOutlived: whatever an upstream does, what is known stays,
// with its age, and the next good poll ends the trouble.
func TestFaultsAreShownAndOutlived(t *testing.T) {
	hold := make(chan struct{})
	t.Cleanup(func() { close(hold) })
	for name, f := range map[string]simulator.Fault{
		"500":             {Effect: simulator.Refuse, Status: 500, Code: "COC.00040701", Message: "internal"},
		"503":             {Effect: simulator.Refuse, Status: 503, Code: "APIGW.0613", Message: "unavailable", Gateway: true},
		"400":             {Effect: simulator.Refuse, Status: 400, Code: "COC.00010002", Message: "no"},
		"time-out":        {Effect: simulator.Slow, Hold: hold},
		"reset":           {Effect: simulator.Reset},
		"half an answer":  {Effect: simulator.HalfBody},
		"another's page":  {Effect: simulator.HTMLBody, Status: 502},
		"no answer":       {Effect: simulator.EmptyBody},
		"a redirect":      {Effect: simulator.RedirectAway},
		"reset statistic": {Kind: simulator.CallStatistics, Effect: simulator.Reset},
	} {
		t.Run(name, func(t *testing.T) {
			d := newFixture(t, Limits{}, spec("running", time.Minute, runs(65*time.Second, long)))
			d.Watcher = d.watcher(Limits{}, 300*time.Millisecond)
			v := d.join("running", d.signIn("operator", "s"))
			d.waits()
			start := d.clock.now()
			if f.Kind == simulator.AnyCall {
				f.Kind = simulator.AnyCOCCall
			}
			remove := d.sim.Inject(f)
			for i, want := range []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second, time.Minute, time.Minute} {
				if got := d.pass(v.Snapshot().Next.Sub(d.clock.now())); got != want {
					t.Errorf("after failure %d the wait is %v, want %v", i+1, got, want)
				}
				s := v.Snapshot()
				if s.Trouble == nil || s.Trouble.Missed != i+1 || !s.Trouble.Since.Equal(start.Add(fast)) || s.Trouble.Err == nil ||
					s.Stale() != (i >= 2) || !s.At.Equal(start) || s.StatisticsAt != start || s.Ticket.ScriptName != "reload" || s.Final {
					t.Fatalf("after failure %d: %+v, trouble %+v", i+1, s.Meta, s.Trouble)
				}
			}
			remove()
			if got := d.pass(time.Minute); got != fast || v.Snapshot().Trouble != nil || v.Snapshot().At != d.clock.now() {
				t.Errorf("after the trouble: wait %v, %+v", got, v.Snapshot().Meta)
			}
			if s := v.Snapshot(); s.Batches[0].Instances[0].Status != coc.InstanceFinished {
				t.Errorf("what happened meanwhile is not seen: %+v", s.Batches[0])
			}
		})
	}
}

// TestRowsThatCouldNotBeReadAreNotForgotten: the statistics have been seen by
// then, and do not change again.
func TestRowsThatCouldNotBeReadAreNotForgotten(t *testing.T) {
	for name, f := range map[string]simulator.Fault{
		"the rows fail":    {Kind: simulator.CallInstances, Effect: simulator.Refuse, Status: 500},
		"the ticket fails": {Kind: simulator.CallShowTicket, Effect: simulator.Refuse, Status: 500},
	} {
		d := newFixture(t, Limits{Running: time.Hour}, spec("running", time.Minute, runs(62*time.Second, long)))
		v := d.join("running", d.signIn("operator", "s"))
		d.waits()
		remove := d.sim.Inject(f)
		d.pass(fast)
		if s := v.Snapshot(); s.Trouble == nil || s.StatisticsAt != d.clock.now() || s.Statistics.Count(coc.InstanceFinished) != 1 ||
			s.Batches[0].Instances[0].Status != coc.InstanceProcessing {
			t.Errorf("%s: %+v, %+v", name, s.Meta, s.Statistics)
		}
		remove()
		d.pass(10 * time.Second)
		if s := v.Snapshot(); s.Trouble != nil || s.Batches[0].Instances[0].Status != coc.InstanceFinished {
			t.Errorf("%s: the row is lost: %+v", name, s.Batches[0].Instances[0].Status)
		}
	}
}

func TestThrottling(t *testing.T) {
	d := newFixture(t, Limits{}, spec("running", time.Minute, runs(long)))
	u := d.signIn("operator", "s")
	v := d.join("running", u)
	d.waits()
	remove := d.sim.Inject(simulator.Fault{Kind: simulator.CallStatistics, Effect: simulator.Refuse, Status: http.StatusTooManyRequests,
		Code: "APIGW.0308", Message: "too many", Gateway: true, RetryAfter: "90"})
	const asked = 94500 * time.Millisecond // with half of the spread
	if got := d.pass(fast); got != asked {
		t.Errorf("the wait is %v, want %v", got, asked)
	}
	remove()
	// Neither somebody's impatience nor a newcomer breaks the silence.
	got := d.calls(func() {
		d.Nudge(d.key("running", u))
		if wait := d.waits(); wait != 90*time.Second {
			t.Errorf("after a nudge the wait is %v", wait)
		}
		v.Close()
		d.waits()
		v = d.join("running", u)
		d.waits()
	})
	if got != [4]int{} {
		t.Errorf("in the silence %v calls", got)
	}
	if wait := d.pass(90 * time.Second); wait != fast || v.Snapshot().Trouble != nil {
		t.Errorf("after the silence: %v, %+v", wait, v.Snapshot().Trouble)
	}
}

func TestNudge(t *testing.T) {
	stopped := spec("stopped", time.Hour, runs(time.Second), runs(long))
	stopped.Batches[0].Pause = true
	d := newFixture(t, Limits{}, stopped)
	u := d.signIn("operator", "s")
	v := d.join("stopped", u)
	d.waits()
	d.operate("stopped", u, coc.Operation{Type: coc.ContinueOrder})
	d.clock.step(2 * time.Second)
	d.Nudge(d.key("stopped", u))
	if s := told(t, v); s.Ticket.Status != coc.TicketProcessing {
		t.Errorf("after a nudge the ticket is %s", s.Ticket.Status)
	}
	d.waits()
	for range 20 {
		d.Nudge(d.key("stopped", u))
	}
	if wait := d.waits(); wait != time.Second {
		t.Errorf("nudges are answered after %v", wait)
	}
	before := v.Snapshot().Version
	d.clock.step(time.Second)
	if got := told(t, v).Version; got != before+1 {
		t.Errorf("twenty nudges led to %d polls", got-before)
	}
	d.Nudge(Key{Account: "other", Project: u.caller.ProjectID, Ticket: d.key("stopped", u).Ticket}) // nobody looks
}

func TestFirstReadingFails(t *testing.T) {
	d := newFixture(t, Limits{}, spec("running", time.Minute, runs(long)))
	u := d.signIn("operator", "s")
	remove := d.sim.Inject(simulator.Fault{Kind: simulator.CallStatistics, Effect: simulator.Refuse, Status: 500})
	s := d.join("running", u).Snapshot()
	if s.Trouble == nil || s.Ticket.ScriptName != "reload" || s.TicketAt.IsZero() || !s.StatisticsAt.IsZero() || !s.At.IsZero() {
		t.Errorf("a snapshot without statistics: %+v", s)
	}
	remove()
	d.sim.Inject(simulator.Fault{Kind: simulator.CallShowTicket, Effect: simulator.Refuse, Status: 500, Code: "COC.1", Message: "broken"})
	other := u.as("other")
	if _, err := d.Join(t.Context(), d.key("running", u), other.Credentials); err == nil || !strings.Contains(err.Error(), "COC.1: broken") {
		t.Errorf("who could not read the ticket joins: %v", err)
	}
}

func TestJoinEndsWithItsContext(t *testing.T) {
	d := newFixture(t, Limits{}, spec("running", time.Minute, runs(long)))
	u := d.signIn("operator", "s")
	hold := make(chan struct{})
	d.sim.Inject(simulator.Fault{Kind: simulator.CallStatistics, Effect: simulator.Slow, Hold: hold})
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := d.Join(ctx, d.key("running", u), u.Credentials)
		failed <- err
	}()
	eventually(t, "the poll is under way", func() bool { return d.sim.Calls(simulator.CallStatistics) > 0 })
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if wait := d.waits(); wait != time.Minute { // it lingers: the poll was broken off
		t.Errorf("the view waits %v", wait)
	}
	close(hold)
	if u := d.Usage(); u.Viewers != 0 || u.Failed != 0 {
		t.Errorf("usage %+v", u)
	}
	if s := d.join("running", u).Snapshot(); s.Trouble != nil || s.Statistics.Total != 1 {
		t.Errorf("who comes afterwards sees %+v", s)
	}
}

func counts(status coc.InstanceStatus, n int32, batches ...int32) coc.Statistics {
	return coc.Statistics{Counts: []coc.StatusCount{{Status: status, Count: n, Batches: batches}}}
}

func batchOf(index int32, states ...coc.InstanceStatus) Batch {
	b := Batch{Batch: coc.Batch{Index: index, TotalInstances: int32(len(states))}, At: time.Unix(1, 0)}
	for i, s := range states {
		b.Instances = append(b.Instances, Instance{Instance: coc.Instance{ID: int64(index)*100 + int64(i), Status: s}})
	}
	b.State = stateOf(b.Instances)
	return b
}
