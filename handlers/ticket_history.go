package handlers

import (
	"context"
	"strings"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/ansi"
	"coc-console/internal/live"
	"coc-console/internal/operate"
	"coc-console/internal/present"
	"coc-console/templates"
)

// newHistories keeps what was done to tickets that are shown; nil where other consoles append to the log, too.
func newHistories(log *audit.Log) *live.Recents[templates.ActivityEntry] {
	if log.Dialect() != audit.SQLite {
		return nil
	}
	kept := &live.Recents[templates.ActivityEntry]{Most: present.MaxTimeline,
		Number: func(e templates.ActivityEntry) int64 { return e.Sequence }}
	log.OnCommit(func(batch []audit.Committed) {
		kept.Next(batch[0].Sequence, batch[len(batch)-1].Sequence)
		for _, r := range batch {
			if strings.HasPrefix(string(r.Action), "operation.") {
				kept.Add(r.Ticket, func() templates.ActivityEntry { return activityOf(*r.Record) })
			}
		}
	})
	return kept
}

// history is what was done to the ticket through this console, newest first.
// Whoever can open the ticket may see it.
func (h *ticketPages) history(ctx context.Context, id string) ([]templates.ActivityEntry, error) {
	find := func() (out []templates.ActivityEntry, err error) {
		found, err := h.index.Search(ctx, search.Query{Ticket: id, Action: "operation.", Limit: present.MaxTimeline,
			Visible: search.Visibility{Tickets: []string{id}}})
		for _, r := range found.Records {
			out = append(out, activityOf(r))
		}
		return out, err
	}
	return h.histories.Of(id, h.now(), find)
}

func activityOf(r audit.Record) templates.ActivityEntry {
	e := templates.ActivityEntry{
		ID: "record-" + present.Decimal(r.Sequence), Sequence: r.Sequence, Time: r.When(), Actor: ansi.VisibleLine(r.Actor.UserName), Action: string(r.Action),
		Outcome: string(r.Outcome), Operation: r.OperationType, Batch: r.BatchIndex, Reason: ansi.Visible(r.Reason),
		Receipt: present.ReceiptAddress(r.OperationID), Override: operate.ParseDetail(r.Detail).Override,
	}
	if r.InstanceID != 0 {
		e.Target = ansi.VisibleLine(r.Target)
	}
	return e
}
