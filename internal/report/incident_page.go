package report

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"coc-console/audit"
	"coc-console/audit/query"
	"coc-console/audit/search"
	"coc-console/internal/ansi"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/present"
	"coc-console/templates"
)

// localTime is how a browser's field writes a time.
const localTime = "2006-01-02T15:04"

// AskedIncident is an incident report that a manager asks for.
type AskedIncident struct {
	Query url.Values // of the address: from, to, ticket, each of which may name several
	Seen  Seen
	Now   time.Time
	// Text is a query as the language of searches writes it.
	Text func(search.Query) string
}

// ParseIncident reads times, exact ones or those of a zone's clock, and tickets; ok is false where they are none.
func ParseIncident(from, to string, tickets []string, zone *time.Location) (p Period, ids []string, ok bool) {
	read := func(text string, late bool) (time.Time, bool) {
		if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
			return at, true
		}
		for _, layout := range []string{localTime, localTime + ":05", day} {
			if wall, err := time.Parse(layout, text); err == nil {
				return query.Local(wall, zone, late), true
			}
		}
		return time.Time{}, false
	}
	var starts, ends bool
	p.From, starts = read(strings.TrimSpace(from), false)
	p.To, ends = read(strings.TrimSpace(to), true)
	for word := range strings.FieldsSeq(strings.Join(tickets, "\n")) {
		id, found := coc.FindExecuteUUID(word)
		if !found {
			return p, nil, false
		}
		ids = append(ids, string(id))
	}
	return p, ids, starts && ends && p.From.Before(p.To) && len(ids) <= MaxTickets
}

// IncidentTitle names the report and its period.
func IncidentTitle(ctx context.Context, p Period) string {
	w := writer{zone: i18n.ZoneFrom(ctx)}
	return i18n.Incident.T(ctx).Heading + " " + w.at(p.From) + " – " + w.at(p.To)
}

// Fill reads the report into a page whose frame is the caller's, and returns the page's status.
func (a AskedIncident) Fill(ctx context.Context, in *search.Index, page *templates.Incident) (status int, err error) {
	zone := i18n.ZoneFrom(ctx)
	page.From, page.To = a.Query.Get("from"), a.Query.Get("to")
	page.Tickets = strings.Join(strings.Fields(strings.Join(a.Query["ticket"], "\n")), "\n")
	if page.From == "" && page.To == "" {
		now := a.Now.In(zone) // its minute is in the period
		page.From, page.To = now.Add(-12*time.Hour).Format(localTime), now.Add(time.Minute).Format(localTime)
	}
	p, tickets, ok := ParseIncident(page.From, page.To, []string{page.Tickets}, zone)
	if !ok {
		page.From, page.To = ansi.VisibleLine(page.From), ansi.VisibleLine(page.To)
		page.Tickets = ansi.Visible(page.Tickets)
		page.Wrong = i18n.Incident.T(ctx).Wrong
		return http.StatusUnprocessableEntity, nil
	}
	page.From, page.To = p.From.In(zone).Format(localTime), p.To.In(zone).Format(localTime)
	limited, stop := context.WithTimeout(ctx, readLimit)
	defer stop()
	r, err := ReadIncident(limited, in, p, tickets, a.Seen)
	switch {
	case errors.Is(err, ErrTooMany), err != nil && limited.Err() != nil && ctx.Err() == nil:
		page.Wrong = i18n.Report.T(ctx).TooMany
		return http.StatusUnprocessableEntity, nil // the reader is told
	case err != nil:
		return 0, err
	}
	page.Named, page.Tables = IncidentTitle(ctx, p), r.Tables(ctx)
	for format, to := range map[string]*string{"markdown": &page.Markdown, "html": &page.HTML} {
		q := p.exact(tickets)
		q.Set("format", format)
		*to = present.Address(IncidentAddress, q)
	}
	page.Bundle = present.Address("/audit/export", url.Values{"format": {"bundle"}, "q": {a.Text(r.Evidence())}})
	return http.StatusOK, nil
}

// IncidentFile is the page as a file by the name of its format; false where there is no such format, or no report.
func IncidentFile(ctx context.Context, page templates.Incident, format string) (name, kind string, body []byte,
	ok bool) {
	var b bytes.Buffer
	var err error
	switch {
	case page.Tables == nil:
		return "", "", nil, false
	case format == "markdown":
		name, kind, err = "incident.md", "text/markdown; charset=utf-8", Markdown(ctx, &b, page.Named, page.Tables)
	case format == "html":
		name, kind, err = "incident.html", "text/html; charset=utf-8", HTML(ctx, &b, page.Named, page.Tables)
	default:
		return "", "", nil, false
	}
	return name, kind, b.Bytes(), err == nil
}

// Viewed is the record of somebody who has read the report.
func (a AskedIncident) Viewed(p templates.Incident) audit.Record {
	return audit.Record{Action: audit.ActionAuditViewed,
		Detail: "page=incident from=" + p.From + " to=" + p.To + " tickets=" + present.Decimal(len(strings.Fields(p.Tickets)))}
}
