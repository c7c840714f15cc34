package handlers

import (
	"context"
	"slices"
	"strings"

	"coc-console/audit"
	"coc-console/audit/query"
	"coc-console/audit/search"
	"coc-console/internal/course"
	"coc-console/internal/live"
	"coc-console/internal/present"
)

// ofTickets are the groups of records that a ticket's page tells of.
var ofTickets = []audit.Action{"operation.", "approval.", audit.ActionReviewed, audit.ActionOverrideReviewed}

// anyTicket is rung for with each of them: lists say what is pending.
const anyTicket = ""

func isOfTicket(a audit.Action) bool {
	return slices.ContainsFunc(ofTickets, func(group audit.Action) bool {
		return a == group || query.IsGroup(string(group)) && strings.HasPrefix(string(a), string(group))
	})
}

// newHistories keeps what was done to tickets that are shown, and wakes their pages; nil where other consoles append to
// the log, too.
func newHistories(log *audit.Log, bells *live.Bells) *live.Recents[course.Deed] {
	var kept *live.Recents[course.Deed]
	if log.Dialect() == audit.SQLite {
		kept = &live.Recents[course.Deed]{Most: present.MaxTimeline,
			Number: func(d course.Deed) int64 { return d.Sequence }}
	}
	log.OnCommit(func(batch []audit.Committed) {
		if kept != nil {
			kept.Next(batch[0].Sequence, batch[len(batch)-1].Sequence)
		}
		for _, r := range batch {
			if !isOfTicket(r.Action) {
				continue
			}
			if kept != nil {
				kept.Add(r.Ticket, func() course.Deed { return present.DeedOf(*r.Record) })
			}
			bells.Ring(r.Ticket)
			bells.Ring(anyTicket)
		}
	})
	return kept
}

// history is what was done to the ticket through this console, newest first. Whoever can open the ticket may see it.
func (h *ticketPages) history(ctx context.Context, id string) ([]course.Deed, error) {
	find := func() (out []course.Deed, err error) {
		for _, group := range ofTickets {
			found, err := h.index.Search(ctx, search.Query{Ticket: id, Action: group, Limit: present.MaxTimeline,
				Visible: search.Visibility{All: true}})
			if err != nil {
				return nil, err
			}
			for _, r := range found.Records {
				out = append(out, present.DeedOf(r))
			}
		}
		slices.SortFunc(out, func(a, b course.Deed) int { return int(b.Sequence - a.Sequence) })
		return out[:min(len(out), present.MaxTimeline)], nil
	}
	return h.histories.Of(id, h.now(), find)
}
