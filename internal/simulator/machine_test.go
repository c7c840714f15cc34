package simulator

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// ok, bad, gone and slow are instances: a success after 10 s, an exit status
// of 1, an absent agent, and one that does not end within the time-out of 60 s.
func ok() InstanceSpec {
	return InstanceSpec{Run: 10 * time.Second, Log: "one\ntwo\nthree\nfour\nfive"}
}
func bad() InstanceSpec {
	return InstanceSpec{Run: 5 * time.Second, ExitCode: 1, Log: "no\nexit status 1"}
}
func gone() InstanceSpec { return InstanceSpec{Run: 2 * time.Second, Offline: true} }
func slow() InstanceSpec {
	return InstanceSpec{Run: 2 * time.Minute, Log: strings.Repeat("tick\n", 119) + "done"}
}
func late() InstanceSpec { p := ok(); p.Dispatch = 20 * time.Second; return p }

func on(pause bool, list ...InstanceSpec) BatchSpec { return BatchSpec{pause, list} }

// numbered makes a machine whose rows have the ids 11, 12, … in batch 1, 21, …
// in batch 2. Nothing waits before it starts, effects are immediate.
func numbered(rules Rules, rate float64, batches ...BatchSpec) *machine {
	rules.ScheduleDelay = -1
	if rules.EffectDelay == 0 {
		rules.EffectDelay = -1
	}
	m := &machine{rules: rules, timeout: time.Minute, rate: rate, status: ready, current: 1, created: start, at: start}
	for i, b := range batches {
		made := &batch{index: i + 1, pause: b.Pause}
		for j, p := range b.Instances {
			made.rows = append(made.rows, &row{id: int64(10*(i+1) + j + 1), plan: p, batch: i + 1, status: ready, created: start})
		}
		m.batches = append(m.batches, made)
	}
	m.advance(start)
	return m
}

// picture is the whole state in short: PROCESSING 2: FF/PR.
func (m *machine) picture() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d: ", m.status, m.current)
	for i, batch := range m.batches {
		if i > 0 {
			b.WriteByte('/')
		}
		for _, r := range batch.rows {
			b.WriteByte(r.status[0])
		}
	}
	return b.String()
}

func TestMachine(t *testing.T) {
	type step struct {
		after time.Duration
		op    Operation // zero: only look
		want  string
	}
	look := Operation{}
	pause, goOn, stop := Operation{Type: pauseOrder}, Operation{Type: continueOrder}, Operation{Type: cancelOrder}
	skip := func(i int) Operation { return Operation{Type: skipBatch, BatchIndex: i} }
	kill := func(id int64) Operation { return Operation{Type: cancelInstance, InstanceID: id} }
	sec := time.Second
	tests := []struct {
		name    string
		rules   Rules
		rate    float64
		batches []BatchSpec
		steps   []step
	}{
		{"runs through", Rules{}, 100, []BatchSpec{on(false, ok(), ok()), on(true, ok())}, []step{
			{0, look, "PROCESSING 1: PP/R"}, {10 * sec, look, "PROCESSING 2: FF/P"}, {10 * sec, look, "FINISHED 2: FF/F"}}},
		{"one batch with PAUSE finishes", Rules{}, 100, []BatchSpec{on(true, ok())}, []step{{10 * sec, look, "FINISHED 1: F"}}},
		{"PAUSE between batches", Rules{}, 100, []BatchSpec{on(true, ok()), on(false, ok())}, []step{
			{time.Hour, look, "PAUSED 1: F/R"}, {0, goOn, "PROCESSING 2: F/P"}}},
		{"below the threshold", Rules{}, 100, []BatchSpec{on(false, ok(), bad()), on(false, ok())}, []step{
			{time.Hour, look, "ABNORMAL 1: FA/R"}, {0, goOn, "PROCESSING 2: FA/P"}, {10 * sec, look, "FINISHED 2: FA/F"}}},
		{"at the threshold", Rules{}, 50, []BatchSpec{on(false, ok(), bad())}, []step{{time.Hour, look, "FINISHED 1: FA"}}},
		{"time-out", Rules{}, 100, []BatchSpec{on(false, slow())}, []step{
			{59 * sec, look, "PROCESSING 1: P"}, {1 * sec, look, "ABNORMAL 1: A"}}},
		{"agent offline", Rules{}, 100, []BatchSpec{on(false, gone())}, []step{{2 * sec, look, "ABNORMAL 1: A"}}},
		{"continue from abnormal in the last batch", Rules{}, 100, []BatchSpec{on(false, bad())}, []step{
			{5 * sec, look, "ABNORMAL 1: A"}, {0, goOn, "FINISHED 1: A"}}},
		{"skip from abnormal", Rules{}, 100, []BatchSpec{on(false, bad()), on(false, ok())}, []step{
			{5 * sec, skip(1), "PROCESSING 2: A/P"}}},
		{"skip the last batch", Rules{}, 100, []BatchSpec{on(true, ok()), on(false, ok())}, []step{
			{10 * sec, skip(2), "FINISHED 2: F/C"}}},
		{"skip the next between batches", Rules{}, 100, []BatchSpec{on(true, ok()), on(false, ok()), on(false, ok())}, []step{
			{10 * sec, skip(2), "PROCESSING 3: F/C/P"}}},
		{"skip the current one in its middle", Rules{}, 100, []BatchSpec{on(false, ok(), late()), on(false, ok())}, []step{
			{sec, pause, "PAUSED 1: PR/R"}, {0, skip(1), "PROCESSING 2: CC/P"}}},
		{"skip while running", Rules{SkipWhileProcessing: true}, 100, []BatchSpec{on(false, ok()), on(false, ok())}, []step{
			{sec, skip(1), "PROCESSING 2: C/P"}}},
		{"pause lets running ones end and starts nothing", Rules{}, 100, []BatchSpec{on(false, ok(), late()), on(false, ok())}, []step{
			{sec, pause, "PAUSED 1: PR/R"}, {time.Hour, look, "PAUSED 1: FR/R"}, {0, goOn, "PROCESSING 1: FR/R"},
			{20 * sec, look, "PROCESSING 1: FP/R"}, {10 * sec, look, "PROCESSING 2: FF/P"}}},
		{"a batch ends badly while paused", Rules{}, 100, []BatchSpec{on(false, bad()), on(false, ok())}, []step{
			{sec, pause, "PAUSED 1: P/R"}, {time.Minute, look, "ABNORMAL 1: A/R"}}},
		{"a batch ends well while paused", Rules{}, 100, []BatchSpec{on(false, ok()), on(false, ok())}, []step{
			{sec, pause, "PAUSED 1: P/R"}, {time.Minute, look, "PAUSED 1: F/R"}, {0, goOn, "PROCESSING 2: F/P"}}},
		{"the last batch ends while paused", Rules{}, 100, []BatchSpec{on(false, ok())}, []step{
			{sec, pause, "PAUSED 1: P"}, {time.Minute, look, "FINISHED 1: F"}}},
		{"pause after the batch", Rules{PauseAfterBatch: true}, 100, []BatchSpec{on(false, ok()), on(false, ok())}, []step{
			{sec, pause, "PROCESSING 1: P/R"}, {time.Minute, look, "PAUSED 1: F/R"}}},
		{"cancel a running instance", Rules{}, 50, []BatchSpec{on(false, ok(), ok())}, []step{
			{sec, kill(11), "PROCESSING 1: CP"}, {10 * sec, look, "FINISHED 1: CF"}}},
		{"cancelled ones count as failed", Rules{}, 100, []BatchSpec{on(false, ok()), on(false, ok())}, []step{
			{sec, kill(11), "ABNORMAL 1: C/R"}}},
		{"cancelled ones do not count", Rules{IgnoreCanceled: true}, 100, []BatchSpec{on(false, ok()), on(false, ok())}, []step{
			{sec, kill(11), "PROCESSING 2: C/P"}}},
		{"a later batch that was cancelled before", Rules{IgnoreCanceled: true}, 100, []BatchSpec{on(false, ok()), on(false, ok()), on(false, ok())}, []step{
			{sec, kill(21), "PROCESSING 1: P/C/R"}, {9 * sec, look, "PROCESSING 3: F/C/P"}}},
		{"cancel a running ticket", Rules{}, 100, []BatchSpec{on(false, ok(), late()), on(false, ok())}, []step{
			{sec, stop, "CANCELED 1: CC/C"}, {time.Hour, look, "CANCELED 1: CC/C"}}},
		{"cancel an abnormal ticket", Rules{}, 100, []BatchSpec{on(false, bad()), on(false, ok())}, []step{
			{time.Minute, stop, "CANCELED 1: A/C"}}},
		{"stop early, and continue past it", Rules{StopEarly: true}, 100, []BatchSpec{on(false, bad(), ok(), late()), on(false, ok())}, []step{
			{5 * sec, look, "ABNORMAL 1: APR/R"}, {time.Minute, look, "ABNORMAL 1: AFR/R"}, {0, goOn, "PROCESSING 1: AFR/R"},
			{30 * sec, look, "PROCESSING 2: AFF/P"}}},
		{"threshold over the ticket", Rules{ThresholdPerOrder: true}, 75, []BatchSpec{on(false, ok(), ok(), ok()), on(false, bad())}, []step{
			{time.Hour, look, "FINISHED 2: FFF/A"}}},
		{"the wish to pause ends with its batch", Rules{PauseAfterBatch: true}, 100, []BatchSpec{on(false, bad()), on(false, ok()), on(false, ok())}, []step{
			{sec, pause, "PROCESSING 1: P/R/R"}, {10 * sec, goOn, "PROCESSING 2: A/P/R"}, {10 * sec, look, "PROCESSING 3: A/F/P"}}},
		{"a skip ends the wish to pause", Rules{PauseAfterBatch: true, SkipWhileProcessing: true}, 100,
			[]BatchSpec{on(false, ok()), on(false, ok()), on(false, ok())}, []step{
				{sec, pause, "PROCESSING 1: P/R/R"}, {0, skip(1), "PROCESSING 2: C/P/R"}, {10 * sec, look, "PROCESSING 3: C/F/P"}}},
		{"an instance that ends first is not cancelled", Rules{EffectDelay: 2 * sec}, 50, []BatchSpec{on(false, ok(), late())}, []step{
			{9 * sec, kill(11), "PROCESSING 1: PR"}, {10 * sec, look, "PROCESSING 1: FR"}}},
		{"two skips of one batch skip one", Rules{EffectDelay: 2 * sec}, 100, []BatchSpec{on(true, ok()), on(false, ok()), on(false, ok())}, []step{
			{10 * sec, skip(2), "PAUSED 1: F/R/R"}, {sec, skip(2), "PAUSED 1: F/R/R"}, {5 * sec, look, "PROCESSING 3: F/C/P"}}},
		{"an effect comes later", Rules{EffectDelay: 2 * sec}, 100, []BatchSpec{on(false, ok())}, []step{
			{sec, pause, "PROCESSING 1: P"}, {1999 * time.Millisecond, look, "PROCESSING 1: P"}, {time.Millisecond, look, "PAUSED 1: P"}}},
		{"an effect that no longer fits is none", Rules{EffectDelay: 2 * sec}, 100, []BatchSpec{on(true, ok()), on(false, ok())}, []step{
			{9 * sec, pause, "PROCESSING 1: P/R"}, {time.Minute, look, "PAUSED 1: F/R"}, {0, goOn, "PAUSED 1: F/R"},
			{0, goOn, "PAUSED 1: F/R"}, {3 * sec, look, "PROCESSING 2: F/P"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := numbered(test.rules, test.rate, test.batches...)
			now := start
			for i, s := range test.steps {
				now = now.Add(s.after)
				m.advance(now)
				if s.op.Type != "" {
					if err := m.accept(s.op); err != nil {
						t.Fatalf("step %d: %v", i, err)
					}
				}
				if got := m.picture(); got != s.want {
					t.Fatalf("step %d: %s, want %s", i, got, s.want)
				}
			}
		})
	}
}

func TestMachineRefuses(t *testing.T) {
	pausedSpec := []BatchSpec{on(true, ok()), on(false, ok()), on(false, ok())}
	runningSpec := []BatchSpec{on(false, slow(), ok()), on(false, ok())}
	abnormalSpec := []BatchSpec{on(false, bad(), ok()), on(false, ok())}
	tests := []struct {
		name    string
		rules   Rules
		batches []BatchSpec
		op      Operation
		want    string
	}{
		{"pause a paused one", Rules{}, pausedSpec, Operation{Type: pauseOrder}, "PAUSE_ORDER is not allowed while the order is PAUSED"},
		{"pause an abnormal one", Rules{}, abnormalSpec, Operation{Type: pauseOrder}, "not allowed while the order is ABNORMAL"},
		{"continue a running one", Rules{}, runningSpec, Operation{Type: continueOrder}, "not allowed while the order is PROCESSING"},
		{"continue an abnormal one", Rules{NoContinueFromAbnormal: true}, abnormalSpec, Operation{Type: continueOrder}, "not allowed while the order is ABNORMAL"},
		{"skip of a running one", Rules{}, runningSpec, Operation{Type: skipBatch, BatchIndex: 1}, "not allowed while the order is PROCESSING"},
		{"skip the past one", Rules{}, pausedSpec, Operation{Type: skipBatch, BatchIndex: 1}, "not the current batch"},
		{"skip a later one", Rules{}, pausedSpec, Operation{Type: skipBatch, BatchIndex: 3}, "not the current batch"},
		{"skip none", Rules{}, pausedSpec, Operation{Type: skipBatch, BatchIndex: 4}, "batch does not exist"},
		{"no such instance", Rules{}, pausedSpec, Operation{Type: cancelInstance, InstanceID: 99}, "instance does not exist"},
		{"an ended instance", Rules{}, abnormalSpec, Operation{Type: cancelInstance, InstanceID: 12}, "already FINISHED"},
		{"cancel what is over", Rules{}, []BatchSpec{on(false, ok())}, Operation{Type: cancelOrder}, "not allowed while the order is FINISHED"},
		{"an instance of what is over", Rules{}, []BatchSpec{on(false, ok())}, Operation{Type: cancelInstance, InstanceID: 11}, "not allowed while the order is FINISHED"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := numbered(test.rules, 100, test.batches...)
			m.advance(start.Add(30 * time.Second))
			before := m.picture()
			if err := m.accept(test.op); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
			if m.picture() != before {
				t.Errorf("%s became %s", before, m.picture())
			}
		})
	}
}

func TestMessages(t *testing.T) {
	m := numbered(Rules{}, 1, on(false, ok(), bad(), gone(), slow(), late(), slow()))
	expect := func(after time.Duration, id int64, want string, has bool) {
		t.Helper()
		m.advance(start.Add(after))
		if got, ok := m.message(m.row(id)); got != want || ok != has {
			t.Errorf("after %v, %d: %q %v, want %q %v", after, id, got, ok, want, has)
		}
	}
	expect(0, 11, "", true)
	expect(0, 15, "", false)
	expect(4*time.Second, 11, "one\ntwo", true)
	expect(9*time.Second, 11, "one\ntwo\nthree\nfour", true)
	expect(10*time.Second, 11, "one\ntwo\nthree\nfour\nfive", true)
	expect(10*time.Second, 12, "no\nexit status 1", true)
	expect(10*time.Second, 13, offlineLine, true)
	if err := m.accept(Operation{Type: cancelInstance, InstanceID: 16}); err != nil {
		t.Fatal(err)
	}
	expect(time.Minute, 14, strings.TrimSpace(strings.Repeat("tick\n", 60))+"\n\n"+timeoutLine, true)
	expect(time.Minute, 16, strings.TrimSpace(strings.Repeat("tick\n", 10)), true)
}

func anyRules(t *rapid.T) Rules {
	flag := func(name string) bool { return rapid.Bool().Draw(t, name) }
	return Rules{EffectDelay: rapid.SampledFrom([]time.Duration{-1, time.Second, 3 * time.Second}).Draw(t, "delay"),
		ThresholdPerOrder: flag("per order"), StopEarly: flag("early"), IgnoreCanceled: flag("ignore"),
		PauseAfterBatch: flag("pause after"), SkipWhileProcessing: flag("skip"), NoContinueFromAbnormal: flag("no continue"), RollBack: flag("roll back"), ErrorForAbnormal: flag("error"),
		RowsDatedByTicket: flag("dated")}
}

func anyBatches(t *rapid.T) []BatchSpec {
	instance := rapid.Custom(func(t *rapid.T) InstanceSpec {
		p := rapid.SampledFrom([]InstanceSpec{ok(), ok(), bad(), gone(), slow(), late()}).Draw(t, "kind")
		p.Run += time.Duration(rapid.IntRange(0, 5000).Draw(t, "ms")) * time.Millisecond
		return p
	})
	batch := rapid.Custom(func(t *rapid.T) BatchSpec {
		return on(rapid.Bool().Draw(t, "pause"), rapid.SliceOfN(instance, 1, 6).Draw(t, "instances")...)
	})
	return rapid.SliceOfN(batch, 1, 5).Draw(t, "batches")
}

// anyOperation is about the present batch more often than not, because most
// others are refused.
func anyOperation(t *rapid.T, current int) Operation {
	near := func(name string) int {
		return rapid.SampledFrom([]int{current, current, current + 1, 0, 6}).Draw(t, name)
	}
	return Operation{
		Type:       rapid.SampledFrom(operations).Draw(t, "type"),
		BatchIndex: near("batch"),
		InstanceID: int64(10*near("in") + rapid.IntRange(1, 6).Draw(t, "row")),
	}
}

// TestMachineProperties drives random operations against random tickets.
func TestMachineProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := numbered(anyRules(t), rapid.SampledFrom([]float64{1, 50, 80, 100}).Draw(t, "rate"), anyBatches(t)...)
		tk := &ticket{machine: *m}
		now := start
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			before := snapshot(&tk.machine)
			now = now.Add(time.Duration(rapid.IntRange(0, 8000).Draw(t, "step")) * time.Millisecond)
			tk.advance(now)
			checkTransition(t, before, &tk.machine)
			checkState(t, tk)
			for range rapid.IntRange(0, 2).Draw(t, "operations") {
				before = snapshot(&tk.machine)
				// A refusal is as good an answer as any here.
				_ = tk.accept(anyOperation(t, tk.current))
				checkTransition(t, before, &tk.machine)
				checkState(t, tk)
			}
		}
		tk.advance(now.Add(24 * time.Hour))
		checkState(t, tk)
		if tk.status == processing || tk.status == ready {
			t.Fatalf("still %s after a day", tk.picture())
		}
	})
}

type past struct {
	status  string
	current int
	pending int
	rows    map[int64]string
}

func snapshot(m *machine) past {
	p := past{m.status, m.current, len(m.pending), map[int64]string{}}
	for _, b := range m.batches {
		for _, r := range b.rows {
			p.rows[r.id] = r.status
		}
	}
	return p
}

// checkTransition holds what was against what is.
func checkTransition(t *rapid.T, was past, m *machine) {
	over := was.status == canceled || was.status == finished || was.status == rolledBack
	stopped := was.status == paused || was.status == abnormal || over
	if over && m.status != was.status {
		t.Fatalf("%s became %s", was.status, m.status)
	}
	if m.current < was.current {
		t.Fatalf("batch %d after %d", m.current, was.current)
	}
	for _, b := range m.batches {
		for _, r := range b.rows {
			old := was.rows[r.id]
			over := old != ready && old != processing
			if over && r.status != old || old == processing && r.status == ready {
				t.Fatalf("instance %d: %s became %s", r.id, old, r.status)
			}
			if stopped && m.status == was.status && was.pending == 0 && old == ready && r.status != ready && r.status != canceled {
				t.Fatalf("instance %d started while %s", r.id, was.status)
			}
		}
	}
}

// checkState holds what is true of a ticket at any time.
func checkState(t *rapid.T, tk *ticket) {
	over := tk.over()
	if over != !tk.finished.IsZero() {
		t.Fatalf("%s has the end %v", tk.status, tk.finished)
	}
	counts := map[string]int{}
	for _, b := range tk.batches {
		for _, r := range b.rows {
			counts[r.status]++
			checkRow(t, tk, b, r)
		}
	}
	s := tk.statistics()
	sum := 0
	for _, c := range s.Counts {
		sum += c.Count
		if c.Count != counts[c.Status] || (c.Count == 0) != (len(c.Batches) == 0) {
			t.Fatalf("statistics of %s: %+v, counted %d", c.Status, c, counts[c.Status])
		}
	}
	if sum != s.Total {
		t.Fatalf("counts add up to %d of %d", sum, s.Total)
	}
}

func checkRow(t *rapid.T, tk *ticket, b *batch, r *row) {
	switch {
	case tk.over() && r.open():
		t.Fatalf("instance %d is %s in a ticket that is %s", r.id, r.status, tk.status)
	case r.status == processing && b.index != tk.current:
		t.Fatalf("instance %d of batch %d runs in batch %d", r.id, b.index, tk.current)
	case r.open() != r.ended.IsZero():
		t.Fatalf("instance %d is %s and ended %v", r.id, r.status, r.ended)
	case !r.ended.IsZero() && r.ended.Before(r.created):
		t.Fatalf("instance %d ended %v before %v", r.id, r.ended, r.created)
	case b.index < tk.current && r.open():
		t.Fatalf("instance %d of past batch %d is %s", r.id, b.index, r.status)
	case b.index > tk.current && r.status != ready && r.status != canceled:
		t.Fatalf("instance %d of future batch %d is %s", r.id, b.index, r.status)
	}
}

// TestStepsDoNotMatter: many small steps and one large one end in the same state.
func TestStepsDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules, batches := anyRules(t), anyBatches(t)
		one, many := numbered(rules, 80, batches...), numbered(rules, 80, batches...)
		total := time.Duration(rapid.IntRange(0, 300000).Draw(t, "ms")) * time.Millisecond
		for at := time.Duration(0); at < total; at += 777 * time.Millisecond {
			many.advance(start.Add(at))
		}
		one.advance(start.Add(total))
		many.advance(start.Add(total))
		if one.picture() != many.picture() {
			t.Fatalf("%s in one step, %s in many", one.picture(), many.picture())
		}
	})
}
