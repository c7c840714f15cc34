package handover

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"coc-console/internal/ansi"
	"coc-console/internal/i18n"
	"coc-console/internal/markdown"
	"coc-console/internal/present"
	"coc-console/templates"
)

// Periods are the hours that a page can go back, DefaultHours those that nobody has chosen.
var Periods = []int{8, 12, 24}

// DefaultHours are those of a night.
const DefaultHours = 12

// Page fills the page of a sheet. Its frame, hours and form are the caller's.
func (s Sheet) Page(page templates.Handover) templates.Handover {
	page.At, page.Since, page.Digest = s.At, s.Since.UTC().Format(time.RFC3339Nano), s.Digest()
	page.Reviews, page.Count = s.Reviews, s.Count()
	for _, n := range Periods {
		page.Periods = append(page.Periods, templates.HandoverPeriod{Hours: n, Selected: n == page.Hours,
			Address: "/handover?hours=" + strconv.Itoa(n)})
	}
	page.Markdown = "/handover.md?hours=" + strconv.Itoa(page.Hours)
	for _, t := range s.Tickets {
		page.Tickets = append(page.Tickets, templates.HandoverTicket{Name: ansi.VisibleLine(t.Name),
			Status: string(t.Status), Creator: ansi.VisibleLine(t.Creator), Created: t.Created,
			Address: present.TicketAddress(string(t.ExecuteUUID))})
	}
	for _, o := range s.Open {
		row := operationRow(o)
		row.Target = present.TargetAndTicket(o.Requested)
		page.Open = append(page.Open, row)
	}
	for _, a := range s.Approvals {
		page.Approvals = append(page.Approvals, present.ApprovalRow(a))
	}
	for _, b := range s.Bulks {
		page.Bulks = append(page.Bulks, templates.BulkRow{ID: b.ID, State: string(b.State), Type: string(b.Type),
			Who: ansi.VisibleLine(b.Actor.UserName), Reason: ansi.Visible(b.Reason),
			Address: "/bulk/" + url.PathEscape(b.ID), Items: b.Size(), Started: b.Created})
	}
	for _, t := range s.Done {
		g := templates.HandoverGroup{Name: ansi.VisibleLine(t.Name), Address: present.TicketAddress(t.ID)}
		if g.Name == "" {
			g.Name = t.ID
		}
		for _, o := range t.Operations {
			g.Operations = append(g.Operations, operationRow(o))
		}
		page.Done = append(page.Done, g)
	}
	if n := s.Note; n != nil {
		page.Note, page.NoteBy, page.NoteAt = ansi.Visible(n.Text), ansi.VisibleLine(n.By.UserName), n.At
	}
	if n := s.Taken; n != nil {
		page.TakenBy, page.TakenAt = ansi.VisibleLine(n.By.UserName), n.At
	}
	return page
}

func operationRow(o Operation) templates.HandoverOperation {
	r := o.Requested
	return templates.HandoverOperation{ID: r.OperationID, Type: r.OperationType, Target: present.TargetTitle(r),
		Who: ansi.VisibleLine(r.Actor.UserName), Reason: ansi.Visible(r.Reason), Outcome: string(o.Last),
		Receipt: present.ReceiptAddress(r.OperationID), At: r.When(), Override: o.Override, Reviewed: o.Reviewed}
}

// Markdown is a page as text for a chat, in the reader's language and zone.
func Markdown(ctx context.Context, p templates.Handover) string {
	m := writer{t: i18n.T(ctx), h: i18n.Handover.T(ctx), rows: i18n.AuditRows.T(ctx), zone: i18n.ZoneFrom(ctx)}
	m.line("# %s", m.h.Heading)
	if p.Note != "" {
		m.line("\n%s  \n_%s_", strings.ReplaceAll(markdown.Text(p.Note), "\n", "  \n"),
			plain(m.h.Saved(p.NoteBy, m.time(p.NoteAt))))
	}
	m.heading(m.h.Tickets, len(p.Tickets), m.h.NoTickets, p.Unlisted, m.h.NoList)
	for _, t := range p.Tickets {
		m.line("- **%s** %s (%s)", plain(m.t.Word.TicketStatus.Of(t.Status)), plain(t.Name), plain(t.Creator))
	}
	m.heading(m.h.Open, len(p.Open), m.h.NoOpen, false, "")
	m.operations(p.Open)
	m.heading(m.h.Approvals, len(p.Approvals), m.h.NoApprovals, false, "")
	for _, a := range p.Approvals {
		m.line("- %s: %s, %s %s. %s", plain(m.t.Approval.Name(a.Type, a.Target)), plain(a.Requester), m.h.Expires,
			m.time(a.Expires), plain(a.Reason))
	}
	m.heading(m.h.Bulk, len(p.Bulks), m.h.NoBulk, false, "")
	for _, b := range p.Bulks {
		m.line("- **%s** %s: %s. %s", plain(m.t.Bulk.State.Of(b.State)), plain(m.t.Bulk.Name(b.Type, b.Items)),
			plain(b.Who), plain(b.Reason))
	}
	m.heading(m.h.Last(p.Hours), p.Count, m.h.None, false, "")
	for _, g := range p.Done {
		m.line("\n**%s**\n", plain(g.Name))
		m.operations(g.Operations)
	}
	if p.Reviews >= 0 {
		m.line("\n%s", m.h.Reviews(p.Reviews))
	}
	return m.b.String()
}

// writer writes a page.
type writer struct {
	b    strings.Builder
	t    *i18n.Texts
	h    *i18n.HandoverTexts
	rows *i18n.AuditRowsTexts
	zone *time.Location
}

func (m *writer) line(format string, args ...any) { fmt.Fprintf(&m.b, format+"\n", args...) }

// time says how far it is from UTC: nobody knows where a text is read that was copied into a chat.
func (m *writer) time(t time.Time) string {
	return strings.TrimSuffix(t.In(m.zone).Format("2006-01-02 15:04 UTC-07:00"), "+00:00")
}

// heading begins a part, and says where there is nothing in it or it is not known.
func (m *writer) heading(name string, n int, none string, unknown bool, why string) {
	m.line("\n## %s (%d)\n", name, n)
	switch {
	case unknown:
		m.line("%s", why)
	case n == 0:
		m.line("%s", none)
	}
}

func (m *writer) operations(all []templates.HandoverOperation) {
	for _, o := range all {
		marks := ""
		if o.Override {
			marks = " (" + m.h.Override + ")"
		}
		if o.Reviewed {
			marks += " (" + m.t.Review.Reviewed + ")"
		}
		reason := plain(o.Reason)
		if reason == "" {
			reason = m.h.NoReason
		}
		m.line("- %s **%s** %s%s: %s. _%s_", m.time(o.At), plain(o.Who), plain(m.t.Approval.Name(o.Type, o.Target)),
			marks, reason, plain(m.rows.OutcomeOf(o.Outcome)))
	}
}

func plain(text string) string { return markdown.Line(text) }

// Asked are the hours and the beginning of a hand-over that a form asks for, as
// numbers and RFC 3339 write them; of what is missing or wrong, what nobody has chosen.
func Asked(hours, since string, now time.Time) (int, time.Time) {
	n, err := strconv.Atoi(hours)
	if err != nil || n < 1 || n > 7*24 {
		n = DefaultHours
	}
	from, err := time.Parse(time.RFC3339Nano, since)
	if err != nil || now.Sub(from).Abs() > 8*24*time.Hour {
		from = now.Add(-time.Duration(n) * time.Hour).Truncate(time.Minute)
	}
	return n, from
}
