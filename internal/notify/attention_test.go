package notify_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"coc-console/internal/notify"
)

// TestAttention: a ticket that comes to need attention is told once, and again when it was well in between.
func TestAttention(t *testing.T) {
	engines(t, func(d *desk) {
		d.shared = false // the second console goes on at once
		r := receive(d.T)
		d.notices(map[string]*receiver{"hook": r}, `{"events": ["ticket.*"], "teams": ["db"], "targets": ["hook"]}`)
		now, failing, all := []string{"SCT1"}, error(nil), true
		d.attention = func(context.Context) (notify.Attention, error) {
			a := notify.Attention{Account: "acme", All: all}
			for _, id := range now {
				a.Tickets = append(a.Tickets, notify.AttentionTicket{ID: id, Name: "reload", Creator: map[bool]string{true: "otto", false: "dora"}[id == "SCT9"]})
			}
			return a, failing
		}
		n := d.console()
		minute := func() {
			d.step(time.Minute)
			d.look(n) // asks
			d.look(n) // tells
		}
		minute()
		if got := tickets(r); got != "" {
			d.Errorf("at the first look %s was told", got)
		}
		now = []string{"SCT1", "SCT2", "SCT9"} // the last is of another team
		minute()
		minute()
		failing = errors.New("COC is away")
		minute()
		minute()
		failing, now, all = nil, []string{"SCT3"}, false // there are more than are listed
		n = d.console()
		minute()
		now, all = []string{"SCT2", "SCT3"}, true
		minute()
		if got := tickets(r); got != "SCT2 SCT3" {
			d.Errorf("%s were told", got)
		}
		now = nil // all are well
		minute()
		now = []string{"SCT3"}
		minute()
		if got := tickets(r); got != "SCT2 SCT3 SCT3" {
			d.Errorf("%s were told in all", got)
		}
		if n := strings.Count(d.logged.String(), "COC is away"); n != 1 {
			d.Errorf("the failure was told %d times", n)
		}
		if got := r.got[0]; got["ticket_name"] != "reload" || got["creator"] != "dora" || got["link"] != "https://ops.example.com/tickets/SCT2" {
			d.Errorf("the message says %v", got)
		}
	})
}

func tickets(r *receiver) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, e := range r.got {
		id, _ := e["ticket"].(string)
		all = append(all, id)
	}
	return strings.Join(all, " ")
}
