package handlers

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"net/url"
	"slices"
	"strconv"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/internal/watch"
	"coc-console/templates"
)

// maxTimeline is how many entries a ticket's page shows; the log has the rest.
const maxTimeline = 100

// describe makes the page of a snapshot: all of it that does not depend on who
// looks. Times that pass are of the moment of the reading.
func (l *ticketLook) describe(s *watch.Snapshot) (templates.Ticket, error) {
	id, t := string(l.id), i18n.T(l.ctx)
	now, may := l.offers(s)
	page := templates.Ticket{
		Head: ticketHead(s.Ticket, s.At), Params: params(s.Ticket.Params), Progress: progressOf(s),
		Total: s.Statistics.Total, Counts: counts(s.Statistics), Operations: choices(now, may),
		Batches: mapOf(s, now, l.filter.Batch), Instances: l.filter.list(s, id), ReadAt: s.At,
		AllHistory: address("/audit", url.Values{"ticket": {id}}), Story: storyAddress("ticket", id),
	}
	page.Frame = templates.Frame{Here: l.address("")}
	page.Head.Failed = s.Statistics.Count(coc.InstanceAbnormal)
	page.Live.Title = t.Live.Title(t.Word.TicketStatus.Of(page.Head.Status), page.Head.Failed, ticketName(s.Ticket))
	page.Icon = page.Head.Status
	for _, r := range l.filter.rows(s) {
		page.Instances.Rows = append(page.Instances.Rows, instance(id, r.batch, r.Instance.Instance, now, s.At, may))
	}
	if s.Stale() {
		page.Trouble = troubleOf(s.Trouble, &t.Problem)
	}
	done, err := l.h.history(l.ctx, id)
	if err != nil {
		return page, err
	}
	page.Timeline = timeline(done, s.Events)
	return page, nil
}

// situationOf is a snapshot as the rules of the operations see it.
func situationOf(s *watch.Snapshot) operate.Situation {
	now := operate.Situation{Ticket: s.Ticket, Statistics: s.Statistics}
	for _, b := range s.Batches {
		now.Batches = append(now.Batches, b.Batch)
	}
	return now
}

func progressOf(s *watch.Snapshot) templates.Progress {
	p := templates.Progress{Total: s.Statistics.Total}
	for _, c := range s.Statistics.Counts {
		if c.Status.Terminal() {
			p.Done += c.Count
		}
	}
	if rate, ok := watch.SuccessOf(s, 0); ok {
		p.Success = &templates.Success{Finished: rate.Finished, Total: rate.Total, Required: rate.Required, Verdict: string(rate.Verdict()),
			Percent: strconv.FormatFloat(rate.Percent(), 'f', 0, 64), Threshold: strconv.FormatFloat(rate.Threshold, 'f', -1, 64)}
	}
	if e, ok := watch.EstimateRemaining(s, s.At); ok {
		p.Remaining = &templates.Remaining{Time: e.Remaining, Overdue: e.Overdue, Samples: e.Samples}
		if e.Pauses {
			p.Remaining.Batch = e.Batch
		}
	}
	return p
}

func troubleOf(t *watch.Trouble, texts *i18n.Problems) *templates.Trouble {
	out := &templates.Trouble{Since: t.Since, Missed: t.Missed, Failure: *failure(texts.UpstreamBroken, "", "")}
	if upstream, ok := errors.AsType[*coc.Error](t.Err); ok {
		_, shown := failureOf(upstream, texts)
		out.Failure = *shown
	}
	return out
}

// mapOf lists all batches with all instances, in COC's order.
func mapOf(s *watch.Snapshot, now operate.Situation, selected int32) []templates.Batch {
	out := batches(now, selected, nil) // the map offers no operations
	for i, b := range s.Batches {
		for _, r := range b.Instances {
			out[i].Cells = append(out[i].Cells, templates.Cell{ID: decimal(r.ID), Status: string(r.Status),
				Name:    visible(firstOf(r.Target.HostName, r.Target.FixedIP, r.Target.ResourceID, decimal(r.ID))),
				Address: instanceAddress(string(s.Ticket.ExecuteUUID), r.ID, b.Index)})
		}
	}
	return out
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// history is what was done to the ticket through this console, newest first.
// Whoever can open the ticket may see it.
func (h *Handlers) history(ctx context.Context, id string) ([]templates.TimelineEntry, error) {
	found, err := h.Log.Search(ctx, audit.Query{Ticket: id, Action: "operation.", Limit: maxTimeline,
		Visible: audit.Visibility{Tickets: []string{id}}})
	if err != nil {
		return nil, err
	}
	out := make([]templates.TimelineEntry, len(found.Records))
	for i, r := range found.Records {
		out[i] = templates.TimelineEntry{
			ID: "record-" + decimal(r.Sequence), Sequence: r.Sequence, Time: r.Time, Actor: visible(r.Actor.UserName), Action: string(r.Action),
			Outcome: string(r.Outcome), Operation: r.OperationType, Batch: r.BatchIndex, Reason: visible(r.Reason),
			Receipt: receiptAddress(r.OperationID), Glass: operate.ParseDetail(r.Detail).Glass,
		}
		if r.InstanceID != 0 {
			out[i].Target = visible(r.Target)
		}
	}
	return out, nil
}

// timeline merges what was done with what was seen, newest first.
func timeline(done []templates.TimelineEntry, seen []watch.Event) []templates.TimelineEntry {
	all := slices.Clone(done)
	for _, e := range slices.Backward(seen) {
		all = append(all, templates.TimelineEntry{ID: eventID(e), Time: e.Seen, After: e.After, Subject: string(e.Subject), From: e.From, To: e.To,
			Batch: e.Batch, Target: visible(e.Host)})
	}
	slices.SortStableFunc(all, func(a, b templates.TimelineEntry) int { return b.Time.Compare(a.Time) })
	return all[:min(len(all), maxTimeline)]
}

// eventID is the same for the same event at every rendering.
func eventID(e watch.Event) string {
	sum := fnv.New64a()
	_, _ = fmt.Fprint(sum, e.Subject, " ", e.Batch, " ", e.Instance, " ", e.From, " ", e.To, " ", e.Seen.UnixNano())
	return "event-" + hex.EncodeToString(sum.Sum(nil))
}
