package simulator

import (
	"math"
	"testing"
	"time"
)

func TestClock(t *testing.T) {
	hardware := newClock()
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	c := newClockOn(hardware.now, start, 60)
	at := func(want time.Duration) {
		t.Helper()
		if got := c.Now().Sub(start); got != want {
			t.Errorf("%v after the start, want %v", got, want)
		}
	}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	at(0)
	hardware.step(time.Second)
	at(time.Minute)
	do(c.Step(30 * time.Second))
	at(90 * time.Second)
	do(c.SetSpeed(0))
	hardware.step(time.Hour)
	at(90 * time.Second)
	do(c.SetSpeed(1))
	hardware.step(time.Second)
	at(91 * time.Second)
	for _, wrong := range []float64{-1, MaxSpeed + 1, math.NaN(), math.Inf(1)} {
		if c.SetSpeed(wrong) == nil {
			t.Errorf("speed %v", wrong)
		}
	}
	for _, wrong := range []time.Duration{-1, MaxStep + 1} {
		if c.Step(wrong) == nil {
			t.Errorf("step %v", wrong)
		}
	}
	at(91 * time.Second)
	for range 200 {
		if c.Step(MaxStep) != nil {
			break
		}
	}
	if c.Now().After(lastDay) || c.Now().Year() < 2980 {
		t.Errorf("the end of time is %v", c.Now())
	}
	if c := newClockOn(hardware.now, time.Time{}, 1); !c.Now().Equal(hardware.now()) {
		t.Errorf("real time is %v", c.Now())
	}
}

// TestSpeed: an hour of a ticket passes in a minute.
func TestSpeed(t *testing.T) {
	hardware := newClock()
	s := New(Config{Clock: newClockOn(hardware.now, time.Time{}, 60)})
	before := s.byUUID[s.UUID("running")].current
	hardware.step(time.Minute)
	for _, ticket := range s.Tickets() {
		if ticket.Scenario == "running" && ticket.CurrentBatch <= before {
			t.Errorf("still in batch %d", ticket.CurrentBatch)
		}
	}
}
