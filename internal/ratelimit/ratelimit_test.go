package ratelimit_test

import (
	"strconv"
	"testing"
	"time"

	"coc-console/internal/ratelimit"
)

type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newClock() *clock { return &clock{time.Date(2026, 3, 2, 4, 0, 0, 0, time.UTC)} }

// TestRates: what one person uses up is theirs alone, and comes back; reading
// leaves operations alone.
func TestRates(t *testing.T) {
	c := newClock()
	p := ratelimit.New(ratelimit.Default(1), c.now, nil)
	n := 0
	for ; ; n++ {
		wait, ok := p.Take("ann", ratelimit.Requests)
		if ok {
			continue
		}
		if wait <= 0 || wait > 2*time.Second {
			t.Errorf("wait %v", wait)
		}
		break
	}
	if n != 200 {
		t.Errorf("%d requests at once, want 200", n)
	}
	for who, k := range map[string]ratelimit.Kind{"ann": ratelimit.Operations, "bob": ratelimit.Requests} {
		if _, ok := p.Take(who, k); !ok {
			t.Errorf("%s has no %s", who, k)
		}
	}
	c.at = c.at.Add(time.Second)
	for range 20 {
		if _, ok := p.Take("ann", ratelimit.Requests); !ok {
			t.Fatal("a second later there are no 20 more")
		}
	}
	if _, ok := p.Take("ann", ratelimit.Requests); ok {
		t.Error("there are more than 20")
	}
}

// TestSpending: what was used beyond what was left is paid for later.
func TestSpending(t *testing.T) {
	c := newClock()
	p := ratelimit.New(ratelimit.Default(1).With(ratelimit.Bytes, 1000), c.now, nil)
	p.Spend("ann", ratelimit.Bytes, 900)
	if _, ok := p.Left("ann", ratelimit.Bytes); !ok {
		t.Fatal("nothing is left of 1000 after 900")
	}
	p.Spend("ann", ratelimit.Bytes, 1<<40)
	wait, ok := p.Left("ann", ratelimit.Bytes)
	if ok || wait < 50*time.Minute || wait > time.Hour {
		t.Errorf("left: %v, wait %v", ok, wait)
	}
	c.at = c.at.Add(wait)
	if _, ok := p.Left("ann", ratelimit.Bytes); !ok {
		t.Error("nothing is left after the wait")
	}
}

// TestAtOnce: a place that is given back can be taken again.
func TestAtOnce(t *testing.T) {
	p := ratelimit.New(ratelimit.Default(1).With(ratelimit.Streams, 2), newClock().now, nil)
	leave, ok := p.Enter("ann", ratelimit.Streams)
	_, second := p.Enter("ann", ratelimit.Streams)
	_, third := p.Enter("ann", ratelimit.Streams)
	_, other := p.Enter("bob", ratelimit.Streams)
	if !ok || !second || third || !other {
		t.Fatal(ok, second, third, other)
	}
	leave()
	leave() // twice is once
	if _, ok := p.Enter("ann", ratelimit.Streams); !ok {
		t.Error("the place is not free")
	}
	if _, ok := p.Enter("ann", ratelimit.Streams); ok {
		t.Error("leaving twice freed two")
	}
}

// TestRefusalsAreToldOnce a minute, with their number.
func TestRefusalsAreToldOnce(t *testing.T) {
	c := newClock()
	counted, told := 0, []int{}
	p := ratelimit.New(ratelimit.Default(1), c.now, func(ratelimit.Kind) { counted++ })
	tell := func(n int) { told = append(told, n) }
	for range 50 {
		p.Refuse("ann", ratelimit.Requests, tell)
		p.Flush(false)
	}
	c.at = c.at.Add(time.Minute)
	p.Flush(false)
	for range 7 {
		p.Refuse("ann", ratelimit.Requests, tell)
	}
	p.Flush(false)
	p.Flush(true)
	p.Flush(true)
	if counted != 57 || len(told) != 3 || told[0] != 1 || told[1] != 49 || told[2] != 7 {
		t.Errorf("%d counted, told %v", counted, told)
	}
}

// TestMemoryIsBounded however many people there are; who uses something now is
// not forgotten.
func TestMemoryIsBounded(t *testing.T) {
	c := newClock()
	p := ratelimit.New(ratelimit.Default(1).With(ratelimit.Streams, 1), c.now, nil)
	if _, ok := p.Enter("ann", ratelimit.Streams); !ok {
		t.Fatal("no place")
	}
	for i := range 10_050 {
		c.at = c.at.Add(time.Millisecond)
		p.Take(strconv.Itoa(i), ratelimit.Requests)
	}
	if n := p.Len(); n > 10_000 {
		t.Errorf("%d people are remembered", n)
	}
	if _, ok := p.Enter("ann", ratelimit.Streams); ok {
		t.Error("what ann uses is forgotten")
	}
}
