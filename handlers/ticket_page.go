package handlers

import (
	"net/url"

	"coc-console/internal/i18n"
	"coc-console/internal/present"
	"coc-console/internal/watch"
	"coc-console/templates"
)

// describe makes the page of a snapshot: all of it that does not depend on who
// looks. Times that pass are of the moment of the reading.
func (l *ticketLook) describe(s *watch.Snapshot) (templates.Ticket, error) {
	id, t := string(l.id), i18n.T(l.ctx)
	now, may := l.permissions(s)
	page := templates.Ticket{
		Head: present.TicketHead(now, s.At), Params: present.Params(s.Ticket.Params), Progress: present.ProgressOf(s),
		Total: s.Statistics.Total, Counts: present.Counts(s.Statistics), Operations: present.Choices(now, may),
		Batches: present.MapOf(s, now, l.filter.Batch), Instances: l.filter.List(s, id), ReadAt: s.At,
		AllHistory: present.Address("/audit", url.Values{"ticket": {id}}), Timeline: present.TimelineAddress("ticket", id),
	}
	page.Frame = templates.Frame{Here: l.address("")}
	page.Head.Failed = s.Statistics.Failed()
	page.Live.Title = t.Live.Title(t.Word.TicketStatus.Of(templates.Standing(page.Head.Status, page.Head.Over)),
		page.Head.Failed, present.TicketName(s.Ticket))
	page.Icon = page.Head.Status
	for _, r := range l.filter.Rows(s) {
		page.Instances.Rows = append(page.Instances.Rows,
			present.Instance(id, r.Batch, r.Instance.Instance, now, s.At, may))
	}
	if s.Stale() {
		page.Trouble = present.TroubleOf(s.Trouble, &t.Problem)
	}
	done, err := l.h.history(l.ctx, id)
	if err != nil {
		return page, err
	}
	page.Activity = present.Timeline(done, s.Events)
	return page, nil
}
