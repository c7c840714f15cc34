package listing

import (
	"cmp"
	"net/url"
	"time"

	"coc-console/internal/ansi"
	"coc-console/internal/finder"
	"coc-console/internal/present"
	"coc-console/internal/watch"
	"coc-console/templates"
)

// hostsShown is how many of a ticket's servers that were found are named.
const hostsShown = 3

// Found puts what was found into a page: those tickets that the filter lets through.
func (f *Filter) Found(page *templates.Tickets, found finder.Result, text string, now time.Time) {
	page.Found = &templates.Found{Looked: found.Looked, Of: found.Of, Cut: found.Cut, Done: found.Done,
		Stopped: found.Interrupted != nil}
	if !found.Since.IsZero() {
		page.Found.Back = now.Sub(found.Since)
	}
	for _, h := range found.Hits {
		if f.Passes(h.TicketSummary) {
			page.Rows = append(page.Rows, f.foundRow(h, text, now))
		}
	}
	page.ReadAt = now
}

// Servers is a list of what was found by its servers, as the places of tickets are told in it.
func (f *Filter) Servers(found finder.Result) *watch.List {
	s := &watch.List{}
	for _, h := range found.Hits {
		if f.Passes(h.TicketSummary) {
			s.Page.Tickets = append(s.Page.Tickets, h.TicketSummary)
		}
	}
	if s.Page.Total = int64(len(s.Page.Tickets)); found.Cut || !found.Done || found.Interrupted != nil {
		s.Page.Total = -1 // there may be more
	}
	s.Waiting, s.WaitingTotal = s.Page.Tickets, s.Page.Total
	return s
}

func (f *Filter) foundRow(h finder.Hit, text string, now time.Time) templates.TicketRow {
	row := present.TicketRow(h.TicketSummary, now)
	from := ""
	if f.Host != "" { // the search in the header is no list to come back to
		from = f.from()
		row.Address = present.From(row.Address, from)
	}
	for _, host := range h.Hosts[:min(len(h.Hosts), hostsShown)] {
		row.Hosts = append(row.Hosts, templates.Host{Name: ansi.VisibleLine(cmp.Or(host.Name, host.IP,
			present.Decimal(host.Instance))), Address: hostAddress(h, host, text, from)})
	}
	row.MoreHosts = len(h.Hosts) - len(row.Hosts)
	return row
}

// hostAddress is the row of a server on its ticket's page, which is narrowed to what was looked for.
func hostAddress(h finder.Hit, host finder.Host, text, from string) string {
	q := url.Values{"q": {text}}
	if from != "" {
		q.Set("from", from)
	}
	return present.Address(present.TicketAddress(string(h.ExecuteUUID)), q) + "#instance-" +
		present.Decimal(host.Instance)
}

// OnlyAddress is where the only ticket that was found is shown, empty when there are others, or may be.
func OnlyAddress(found finder.Result, text string) string {
	if !found.Done || found.Interrupted != nil || len(found.Hits) != 1 {
		return ""
	}
	h := found.Hits[0]
	switch len(h.Hosts) {
	case 0:
		return present.TicketAddress(string(h.ExecuteUUID))
	case 1:
		return hostAddress(h, h.Hosts[0], text, "")
	}
	return present.Address(present.TicketAddress(string(h.ExecuteUUID)), url.Values{"q": {text}}) + "#instances"
}
