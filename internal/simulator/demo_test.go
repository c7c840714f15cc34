package simulator

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// clock is a stepped clock.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func newClock() *clock { return &clock{t: time.Date(2026, 3, 2, 9, 15, 14, 0, time.UTC)} }

func TestDemoScenarios(t *testing.T) {
	want := map[string]struct {
		status string
		batch  int
	}{
		"abnormal": {abnormal, 2}, "running": {processing, 2}, "paused": {paused, 1}, "large": {processing, 0},
		"finished": {finished, 2}, "canceled": {canceled, 2},
	}
	for seed := range uint64(20) {
		s := New(Config{Now: newClock().now, Seed: seed})
		found := map[string]Ticket{}
		for _, ticket := range s.Tickets() {
			if ticket.Scenario != "" {
				found[ticket.Scenario] = ticket
			}
		}
		for name, w := range want {
			got := found[name]
			if got.Status != w.status || w.batch != 0 && got.CurrentBatch != w.batch {
				t.Errorf("seed %d, %s: %s in batch %d, want %s in %d", seed, name, got.Status, got.CurrentBatch, w.status, w.batch)
			}
			if s.UUID(name) != got.ExecuteUUID || got.ExecuteUUID == "" {
				t.Errorf("UUID(%q) = %q", name, s.UUID(name))
			}
		}
		if large := found["large"].CurrentBatch; large < 3 || large > 15 {
			t.Errorf("seed %d: large is in batch %d", seed, large)
		}
	}
}

func TestDemoCrowd(t *testing.T) {
	s := New(Config{Now: newClock().now, Seed: 1})
	states, creators := map[string]int{}, map[string]int{}
	for _, ticket := range s.Tickets() {
		states[ticket.Status]++
		creators[ticket.Creator]++
	}
	for _, status := range []string{processing, abnormal, paused, canceled, finished} {
		if states[status] < 2 && status != paused || states[status] == 0 {
			t.Errorf("%d tickets are %s", states[status], status)
		}
	}
	if len(creators) < 4 || creators[demoUser]*3 < len(s.tickets) {
		t.Errorf("creators: %v", creators)
	}
	t.Log(states, creators)
}

// TestAbnormalPath is the story that the demo tells: skip, fail again,
// continue, and a batch that runs for minutes.
func TestAbnormalPath(t *testing.T) {
	for seed := range uint64(10) {
		c := newClock()
		s := New(Config{Now: c.now, Seed: seed})
		ticket := s.byUUID[s.UUID("abnormal")]
		do := func(op Operation, after time.Duration, status string, batch int) {
			t.Helper()
			ticket.advance(c.now())
			if err := ticket.accept(op); err != nil {
				t.Fatal(err)
			}
			c.step(after)
			ticket.advance(c.now())
			if ticket.status != status || ticket.current != batch {
				t.Fatalf("after %v: %s in batch %d, want %s in %d", op, ticket.status, ticket.current, status, batch)
			}
		}
		do(Operation{Type: skipBatch, BatchIndex: 2}, 4500*time.Millisecond, abnormal, 3)
		do(Operation{Type: continueOrder}, 3*time.Minute, processing, 4)
		do(Operation{Type: pauseOrder}, 2*time.Second, paused, 4)
		do(Operation{Type: continueOrder}, 2*time.Second, processing, 4)
		do(Operation{Type: cancelOrder}, 2*time.Second, canceled, 4)
	}
}

func TestAbnormalLogs(t *testing.T) {
	s := New(Config{Now: newClock().now})
	ticket := s.byUUID[s.UUID("abnormal")]
	var all []string
	for _, r := range ticket.batches[1].rows {
		text, _ := ticket.message(r)
		all = append(all, r.status+": "+text)
	}
	text := strings.Join(all, "\n")
	for _, want := range []string{"[emerg]", timeoutLine, offlineLine, "FINISHED: checking configuration"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
}
