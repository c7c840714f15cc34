package operate_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/internal/operate/operatetest"
	"coc-console/internal/reading"
	"coc-console/internal/simulator"
)

// TestRaceOnAWatchedTicket lets 64 operations race on one ticket that somebody looks at, while instances of it are
// canceled elsewhere. Each is judged on a picture that is at most one second old, or refused: an instance that was
// canceled before that is never operated on, whatever the live view shows.
func TestRaceOnAWatchedTicket(t *testing.T) {
	const racing, instances = 64, 24
	for name, tt := range map[string]struct {
		age     time.Duration // of what the live view shows
		allowed bool          // to judge by it
	}{
		"the view is older than a second": {reading.SharedFor + time.Second, false},
		"the view is new":                 {0, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, atOnce, wide(instances))
			const batch = 1
			ticket := d.Ticket("wide")
			rows, err := d.Client.AllInstances(t.Context(), d.Manager, ticket, batch)
			check(t, err)
			now, err := d.Look(t.Context(), d.Manager, ticket)
			check(t, err)
			var forms []operate.Request // a third of the instances are gone, a third goes meanwhile
			for i := range racing {
				form := d.Form("wide", cancel(coc.InstanceID(rows[i%len(rows)])))
				form.BatchHint = batch
				forms = append(forms, form)
			}
			elsewhere := func(group int) (n int) {
				for i := group; i < len(rows); i += 3 {
					_, err := d.Client.Operate(t.Context(), d.Manager, operatetest.Proof{}, ticket, cancel(coc.InstanceID(rows[i])))
					if n++; err != nil && !errors.As(err, new(*coc.Error)) {
						t.Error(err) // that it is canceled already is what may happen
					}
				}
				return n
			}
			puts := elsewhere(0)
			v := &live{session: "operator"}
			d.Views, d.Poll = v, time.Hour
			d.Parts = d.Serve()
			_, err = d.ReadFor(t.Context(), d.Form("paused", continueOrder)) // a page that was opened before
			check(t, err)
			began := time.Now().Add(-tt.age)
			v.now = reading.View{Ticket: now.Ticket, TicketBegan: began, Statistics: now.Statistics, StatisticsBegan: began,
				Rows: func(b int32) ([]coc.Instance, bool) { return rows, b == batch }}

			answers := make([]error, racing)
			var all sync.WaitGroup
			all.Go(func() { puts += elsewhere(1) })
			for i, form := range forms {
				all.Go(func() { _, answers[i] = d.Apply(context.WithoutCancel(t.Context()), form) })
			}
			all.Wait()
			for i, err := range answers {
				switch row := i % len(rows); {
				case err == nil && row%3 == 0 && !tt.allowed:
					t.Errorf("operation %d was sent, and its instance was canceled before it began", i)
				case err == nil:
					puts++
				case !refused(err):
					t.Errorf("operation %d: %v", i, err)
				}
			}
			d.Puts(puts)
			if d.Sim.Calls(simulator.CallOperate) == 0 || puts <= len(rows)/2 {
				t.Errorf("only %d operations of anybody were sent: that is no race", puts)
			}
		})
	}
}

// refused reports whether an operation was refused for what its ticket is.
func refused(err error) bool {
	return errors.As(err, new(*operate.StaleError)) || errors.As(err, new(*operate.RefusedError)) ||
		errors.As(err, new(*operate.PendingError))
}
