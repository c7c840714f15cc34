package simulator

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestProbability: the share is as asked for, and the same seed and calls are
// hit again.
func TestProbability(t *testing.T) {
	run := func(seed uint64) (hits []int) {
		w := newWorld(t, Config{Seed: seed, Faults: []Fault{{Kind: CallListTickets, Probability: 0.3, Status: 503}}})
		token := w.signIn("operator")
		for i := range 300 {
			if w.coc(token, "GET", orders+"?limit=1", "").status == 503 {
				hits = append(hits, i)
			}
		}
		return hits
	}
	first := run(1)
	if len(first) < 60 || len(first) > 120 {
		t.Errorf("%d of 300 calls were hit", len(first))
	}
	if !slices.Equal(first, run(1)) {
		t.Error("the same seed hits others")
	}
	if slices.Equal(first, run(2)) {
		t.Error("another seed hits the same")
	}
}

func TestProbabilityAndTimes(t *testing.T) {
	w := newWorld(t, Config{Faults: []Fault{{Kind: CallListTickets, Probability: 0.5, Times: 3, Status: 503}}})
	token, hits := w.signIn("operator"), 0
	for range 100 {
		if w.coc(token, "GET", orders+"?limit=1", "").status == 503 {
			hits++
		}
	}
	if hits != 3 {
		t.Errorf("%d calls were hit", hits)
	}
}

func TestLongTail(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	list := make([]time.Duration, 100_000)
	for i := range list {
		list[i] = longTail(time.Second, rng)
	}
	slices.Sort(list)
	if median := list[50_000]; median < 400*time.Millisecond || median > 430*time.Millisecond {
		t.Errorf("median %v", median)
	}
	if p99 := list[99_000]; p99 < 8*time.Second || p99 > 10*time.Second {
		t.Errorf("p99 %v", p99)
	}
	if list[0] < 0 || list[len(list)-1] > 100*time.Second || longTail(0, rng) != 0 {
		t.Errorf("%v to %v", list[0], list[len(list)-1])
	}
	w := newWorld(t, Config{Faults: []Fault{{Effect: Slow, Tail: time.Microsecond}}})
	w.signIn("operator") // waits a moment
}

// TestTicketByScenario: files cannot know an execute_uuid.
func TestTicketByScenario(t *testing.T) {
	w := newWorld(t, Config{Faults: []Fault{{Ticket: "paused", Status: 503}}})
	token := w.signIn("operator")
	for scenario, want := range map[string]int{"paused": 503, "running": 200} {
		if r := w.coc(token, "GET", orders+"/"+w.UUID(scenario), ""); r.status != want {
			t.Errorf("%s: %d, want %d", scenario, r.status, want)
		}
	}
	if r := w.coc(token, "GET", orders+"/SCT2026030209151401c2f9a07", ""); r.status != 400 {
		t.Errorf("unknown: %d", r.status)
	}
}

func TestDrip(t *testing.T) {
	w := newWorld(t, Config{Faults: []Fault{{Kind: AnyCOCCall, Effect: Drip, Pace: time.Microsecond}}})
	token := w.signIn("operator")
	w.get(token, orders+"?limit=100", &listBody{})
	for _, path := range []string{"", "/" + w.UUID("running") + "/statistics"} {
		if r := w.coc(token, "GET", orders+path, ""); r.status != 200 || r.header.Get("Content-Length") != fmt.Sprint(len(r.body)) {
			t.Errorf("%d, %s of %d bytes", r.status, r.header.Get("Content-Length"), len(r.body))
		}
	}
}

// TestTwice: the second effect undoes what somebody did in between.
func TestTwice(t *testing.T) {
	w := newWorld(t, Config{Faults: []Fault{{Kind: CallOperate, Times: 1, Effect: Twice, Pace: time.Minute}}})
	token, uuid := w.signIn("operator"), w.UUID("running")
	expect := func(after time.Duration, want string) {
		t.Helper()
		w.step(after)
		if got, _ := w.status(token, uuid); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	w.operate(token, "running", pauseBody).says(t, 200, uuid)
	expect(2*time.Second, paused)
	w.operate(token, "running", `{"operation_type":"CONTINUE_ORDER"}`).says(t, 200, uuid)
	expect(2*time.Second, processing)
	expect(time.Minute, paused)
}

func TestExpireToken(t *testing.T) {
	w := newWorld(t, Config{})
	token, other := w.signIn("operator"), w.signIn("reader")
	w.Inject(Fault{Kind: CallOperate, Times: 1, Effect: ExpireToken})
	w.operate(token, "running", pauseBody).is(t, 401, "APIGW.0301", "token expires, expires_at: 2026-03-02T09:15:14.000000Z")
	w.coc(token, "GET", orders, "").is(t, 401, "APIGW.0301", "token expires")
	w.get(other, orders, &listBody{})

	token = w.signIn("operator")
	w.Inject(Fault{Kind: CallOperate, Times: 1, Effect: ExpireToken, Late: true})
	w.operate(token, "running", pauseBody).says(t, 200, w.UUID("running"))
	w.coc(token, "GET", orders, "").is(t, 401, "APIGW.0301", "token expires")
	w.step(2 * time.Second)
	if got, _ := w.status(w.signIn("operator"), w.UUID("running")); got != paused {
		t.Errorf("the ticket is %s", got)
	}
}

// TestNames: every kind and effect has a name of its own that reads back.
func TestNames(t *testing.T) {
	for k := AnyCall; k.String() != ""; k++ {
		var back CallKind
		if err := back.UnmarshalText([]byte(k.String())); err != nil || back != k {
			t.Errorf("%d %q: %d %v", k, k, back, err)
		}
	}
	for e := Refuse; e <= ExpireToken; e++ {
		var back Effect
		if err := back.UnmarshalText([]byte(e.String())); err != nil || back != e || e.String() == "" {
			t.Errorf("%d %q: %d %v", e, e, back, err)
		}
	}
	var k CallKind
	if err := k.UnmarshalText([]byte("x")); err == nil || !strings.Contains(err.Error(), "operate") {
		t.Error(err)
	}
}
