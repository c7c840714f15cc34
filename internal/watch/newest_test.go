package watch

import (
	"context"
	"testing"
	"time"

	"coc-console/internal/coc"
)

// TestExpect: a ticket on which somebody is about to operate is read more often,
// for a while; who looks is told only of what differs.
func TestExpect(t *testing.T) {
	const eager = 700 * time.Millisecond
	d := newFixture(t, Limits{}, spec("running", time.Minute, runs(long)))
	u := d.signIn("operator", "s")
	v := d.join("running", u)
	if wait := d.waits(); wait != fast {
		t.Errorf("the next poll is %v away", wait)
	}
	d.Expect(d.key("running", u))
	if wait := d.waits(); wait != eager {
		t.Errorf("the next poll is %v away, want %v", wait, eager)
	}
	for range 2 {
		before := v.Snapshot()
		if wait := d.pass(eager); wait != eager {
			t.Errorf("the next poll is %v away, want %v", wait, eager)
		}
		if v.Snapshot() == before {
			t.Error("there is nothing newer")
		}
		silent(t, v) // nothing differs
	}
	d.clock.step(time.Second - eager) // polls that are asked for are a second apart
	d.Nudge(d.key("running", u))
	told(t, v)
	d.waits()
	if wait := d.pass(eagerFor); wait != fast {
		t.Errorf("nobody operates, and the next poll is %v away", wait)
	}
	told(t, v)
	d.Expect(d.key("running", u))
	d.waits()
	d.operate("running", u, coc.Operation{Type: coc.CancelOrder})
	for range 3 { // the effect takes a moment
		d.pass(eager)
	}
	if s := told(t, v); s.Ticket.Status != coc.TicketCanceled {
		t.Errorf("the viewer hears of %s", s.Ticket.Status)
	}
}

// TestNewest: whoever has looked with a token of their own may take the last
// snapshot, and what is next is one that was begun later.
func TestNewest(t *testing.T) {
	d := newFixture(t, Limits{}, spec("running", time.Minute, runs(long)))
	u, began := d.signIn("operator", "s"), time.Now()
	key := d.key("running", u)
	d.join("running", u)
	d.waits()
	if s, ok := d.Newest(key, "s"); !ok || s.TicketBegan.Before(began) || s.StatisticsBegan.Before(began) || !s.Counted {
		t.Errorf("found %v: %+v", ok, s)
	}
	if rows, ok := must(d.Newest(key, "s")).Rows(1); !ok || len(rows) != 1 {
		t.Errorf("rows %v, %+v", ok, rows)
	}
	for _, session := range []string{"", "another"} {
		if _, ok := d.Newest(key, session); ok {
			t.Errorf("session %q has not looked, and may", session)
		}
	}
	since := time.Now()
	d.clock.step(time.Second) // a nudge may poll again
	s, ok := d.Next(t.Context(), key, since)
	if !ok || s.TicketBegan.Before(since) {
		t.Errorf("found %v: %+v", ok, s)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, ok := d.Next(ended, key, time.Now().Add(time.Hour)); ok {
		t.Error("what is not read yet was found")
	}
	if _, ok := d.Next(t.Context(), Key{Account: "demo", Project: key.Project, Ticket: "another"}, since); ok {
		t.Error("nobody looks, and something was found")
	}
}

func must(s *Snapshot, ok bool) *Snapshot {
	if !ok {
		return &Snapshot{}
	}
	return s
}
