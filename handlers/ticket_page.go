package handlers

import (
	"cmp"
	"net/url"
	"slices"

	"coc-console/internal/approval"
	"coc-console/internal/course"
	"coc-console/internal/i18n"
	"coc-console/internal/present"
	"coc-console/internal/watch"
	"coc-console/templates"
)

// describe makes the page of a snapshot: all of it that does not depend on who
// looks. Times that pass are of the moment of the reading.
func (l *ticketLook) describe(s *watch.Snapshot, deeds []course.Deed) templates.Ticket {
	id, t := string(l.id), i18n.T(l.ctx)
	now, may := l.permissions(s)
	happened := present.NewCourse(s, deeds, approval.Lifetime)
	page := templates.Ticket{
		Head: present.TicketHead(now, s.At), Params: present.Params(s.Ticket.Params), Progress: present.ProgressOf(s),
		Counts: present.Counts(s.Statistics), Operations: happened.MarkPending(present.Choices(now, may)),
		Lanes: happened.Lanes(now, l.filter), Instances: l.filter.List(s, id), ReadAt: s.At,
		Failures: happened.Outputs(l.filter, t), Requests: happened.Requests(), Feed: happened.Feed(),
		AllHistory: present.Address("/audit", url.Values{"ticket": {id}}), Timeline: present.TimelineAddress("ticket", id),
	}
	for i := range page.Operations {
		page.Operations[i].Address = present.From(page.Operations[i].Address, l.filter.From)
	}
	page.Verdict = happened.Verdict(page.Head.Over)
	page.Head.Regions, page.Head.Zones = present.Places(s)
	page.Frame = templates.Frame{Here: l.address("")}
	page.Head.Failed = s.Statistics.Failed()
	standing := t.Word.TicketStatus.Of(templates.Standing(page.Head.Status, page.Head.Over))
	page.Live.Title = t.Live.Title(cmp.Or(standing, t.Common.Unknown),
		page.Head.Failed, present.TicketName(s.Ticket))
	page.Icon = page.Head.Status
	rows := l.filter.Rows(s)
	page.Instances.InView = len(rows)
	rows, page.Instances.Folds = l.filter.Fold(s, rows, page.Head.Over)
	for _, r := range rows {
		row := present.Instance(id, r.Batch, r.Instance.Instance, now, s.At, may)
		row.Address = present.From(row.Address, l.filter.From)
		row.Cancel.Address = present.From(row.Cancel.Address, l.filter.From)
		row.LastLine = present.LastLine(r.Instance)
		row.Ticked = slices.Contains(l.ticked, row.Target)
		page.Instances.Rows = append(page.Instances.Rows, row)
	}
	if s.Stale() {
		page.Trouble = present.TroubleOf(s.Trouble, s.Partial(), &t.Problem)
	}
	return page
}
