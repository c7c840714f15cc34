package operate_test

import (
	"context"
	"testing"
	"time"

	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/internal/reading"
	"coc-console/internal/simulator"
)

// calls are those to COC on one ticket, by kind: ticket, batches, statistics,
// instances, operations.
type calls [5]int

func callsOf(d *desk) (n calls) {
	for i, kind := range []simulator.CallKind{simulator.CallShowTicket, simulator.CallBatches, simulator.CallStatistics,
		simulator.CallInstances, simulator.CallOperate} {
		n[i] = d.Sim.Calls(kind)
	}
	return n
}

func (n calls) since(before calls) calls {
	for i := range n {
		n[i] -= before[i]
	}
	return n
}

// atOnce lets operations take effect when they are sent.
func atOnce(c *simulator.Config) { c.Rules = simulator.Rules{EffectDelay: -1, ScheduleDelay: -1} }

// TestCallsOfAnOperation: what is judged is read once, and one look sees the effect.
func TestCallsOfAnOperation(t *testing.T) {
	for _, tt := range []struct {
		name, scenario string
		op             func(d *desk) coc.Operation
		want           calls
	}{
		{"pause", "running", func(*desk) coc.Operation { return pauseOrder }, calls{2, 0, 1, 0, 1}},
		{"continue", "paused", func(*desk) coc.Operation { return continueOrder }, calls{2, 0, 1, 0, 1}},
		{"cancel", "running", func(*desk) coc.Operation { return cancelOrder }, calls{2, 0, 1, 3, 1}},
		{"skip", "paused", func(*desk) coc.Operation { return skip(2) }, calls{2, 1, 2, 1, 1}},
		{"cancel an instance", "running", func(d *desk) coc.Operation { return cancel(d.Row("running", 2, 1)) },
			calls{1, 0, 2, 2, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t, atOnce)
			form := d.Form(tt.scenario, tt.op(d))
			if form.Operation.Type == coc.CancelInstance {
				form.BatchHint = 2
			}
			before := callsOf(d)
			id, err := d.Apply(t.Context(), form)
			check(t, err)
			d.End(id)
			if got := callsOf(d).since(before); got != tt.want {
				t.Errorf("calls %v, want %v", got, tt.want)
			}
		})
	}
}

// TestReadingsAreShared: what a page has just read for its form is what the form
// is judged by, until an operation of this console changes it.
func TestReadingsAreShared(t *testing.T) {
	d := newDesk(t, atOnce)
	row := func(n int) operate.Request {
		form := d.Form("running", cancel(d.Row("running", 1, n)))
		form.BatchHint = 1
		return form
	}
	first, second := row(0), row(1)
	_, err := d.ReadFor(t.Context(), first)
	check(t, err)
	for _, form := range []operate.Request{first, second} { // of two instances
		before := callsOf(d)
		looks := d.Looks()
		_, err := d.Apply(t.Context(), form)
		check(t, err)
		if got := callsOf(d).since(before); got[0] > d.Looks()-looks || got[1] != 0 || got[4] != 1 {
			t.Errorf("calls %v, want the operation alone", got)
		}
		d.End(form.Key)
	}
	// The whole ticket has changed since.
	end := d.Form("running", cancelOrder)
	before := callsOf(d)
	_, err = d.Apply(t.Context(), end)
	check(t, err)
	if got := callsOf(d).since(before); got[0] == 0 || got[2] == 0 {
		t.Errorf("calls %v, want a reading", got)
	}
}

// TestASharedReadingRefusesNothing: what was read before the form's page is read
// again before anything is refused by it.
func TestASharedReadingRefusesNothing(t *testing.T) {
	d := newDesk(t, atOnce)
	form := d.Form("running", pauseOrder)
	_, err := d.ReadFor(t.Context(), form)
	check(t, err)
	d.Elsewhere("running", pauseOrder)
	next := d.Form("running", continueOrder) // by a page that is newer
	_, err = d.Apply(t.Context(), next)
	check(t, err)
	d.Puts(2)
}

// live is a live view of every ticket, for one session.
type live struct {
	now     reading.View
	session string
}

func (l *live) View(_ reading.Key, session string) (reading.View, bool) {
	return l.now, session == l.session
}

func (*live) NextView(context.Context, reading.Key, time.Time) (reading.View, bool) {
	return reading.View{}, false
}

// TestALiveViewIsShared: with those whose own token is good for it, and while it
// is new.
func TestALiveViewIsShared(t *testing.T) {
	for name, tt := range map[string]struct {
		session string
		age     time.Duration
		own     int // readings of the ticket
	}{
		"new":                       {"operator", 0, 0},
		"too old":                   {"operator", 2 * reading.SharedFor, 1},
		"of one who may not see it": {"another", 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			v := &live{session: tt.session}
			d.Views, d.Poll = v, time.Hour
			d.Parts = d.Serve()
			form := d.Form("running", pauseOrder)
			_, err := d.ReadFor(t.Context(), d.Form("paused", continueOrder)) // a page that was opened before
			check(t, err)
			now, err := d.Look(t.Context(), d.Manager, form.Ticket)
			check(t, err)
			began := time.Now().Add(-tt.age)
			v.now = reading.View{Ticket: now.Ticket, TicketBegan: began, Statistics: now.Statistics, StatisticsBegan: began,
				Rows: func(int32) ([]coc.Instance, bool) { return nil, false }}
			before := callsOf(d)
			_, err = d.Apply(t.Context(), form)
			check(t, err)
			if got := callsOf(d).since(before); got[0] != tt.own || got[2] != tt.own || got[4] != 1 {
				t.Errorf("calls %v, want %d readings", got, tt.own)
			}
		})
	}
}
