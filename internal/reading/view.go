package reading

import (
	"context"
	"time"

	"coc-console/internal/coc"
)

// Key names a ticket as an account's project sees it.
type Key struct {
	Account, Project string
	Ticket           coc.ExecuteUUID
}

// View is what a live view has read last of a ticket, with when the calls were
// begun.
type View struct {
	Ticket          coc.Ticket
	TicketBegan     time.Time
	Statistics      coc.Statistics
	StatisticsBegan time.Time
	// Rows are the instances of a batch, as new as Statistics; false when it does
	// not have them.
	Rows func(batch int32) ([]coc.Instance, bool)
}

// Views are the live views of tickets.
type Views interface {
	// View returns the view of a ticket that the session's own token may read;
	// false when there is none.
	View(key Key, session string) (View, bool)
	// NextView returns a view that was begun after since; it asks for one and waits
	// for it. False when nobody looks, or none came in time.
	NextView(ctx context.Context, key Key, since time.Time) (View, bool)
}

// NoViews is where nobody looks.
type NoViews struct{}

// View finds none.
func (NoViews) View(Key, string) (View, bool) { return View{}, false }

// NextView finds none.
func (NoViews) NextView(context.Context, Key, time.Time) (View, bool) { return View{}, false }

// part is a part of the view that was begun after notBefore; nil without one.
func (v *View) part(p part, notBefore time.Time) *flight {
	if v == nil {
		return nil
	}
	switch {
	case p.kind == partTicket && !v.TicketBegan.Before(notBefore):
		return landed(v.TicketBegan, v.Ticket)
	case p.kind == partStatistics && !v.StatisticsBegan.Before(notBefore):
		return landed(v.StatisticsBegan, v.Statistics)
	case p.kind == partRows && !v.StatisticsBegan.Before(notBefore):
		if rows, ok := v.Rows(p.batch); ok {
			return landed(v.StatisticsBegan, rows)
		}
	}
	return nil
}

// Situation is the view as far as it tells of the ticket without its batches.
func (v *View) Situation() Situation { return Situation{Ticket: v.Ticket, Statistics: v.Statistics} }
