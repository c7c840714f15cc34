package handlers

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"coc-console/internal/listing"
	"coc-console/internal/watch"
	"coc-console/templates"
)

// placePatience is how long a ticket's page waits for the list that it was opened from.
const placePatience = 700 * time.Millisecond

// fromParam is the list that somebody came from, as the address or the form has it.
func fromParam(c echo.Context) string { return listing.From(c.FormValue("from")) }

// listFrom reads such a list, for the reader whom the context names.
func (h *ticketPages) listFrom(ctx context.Context, from string) (f listing.Filter, ok bool) {
	chosen, err := url.ParseQuery(from)
	if err != nil {
		return f, false
	}
	errs := templates.FieldErrors{}
	f, times := h.readTicketFilter(ctx, chosen, errs)
	return f, len(errs) == 0 && !times.Local
}

// listShown is what a list shows the reader now, and what the rules hide of it: the view that others share or, after
// the first page, one that is read.
func (h *ticketPages) listShown(ctx context.Context, f *listing.Filter) (*watch.List, map[string]bool, error) {
	v, _ := ViewerFrom(ctx)
	if f.Host != "" {
		found, err := h.findFor(ctx, v, f.Host, false, placePatience/2)
		return f.Servers(found), nil, err
	}
	l := &listLook{h: h, ctx: ctx, filter: *f, reader: v}
	if f.Query.Marker != 0 {
		page, err := h.coc.ListTickets(ctx, v.Caller, f.Query)
		s := &watch.List{Page: page}
		return s, listing.Hides(l.hidden(s)), err
	}
	key := watch.ListKey{Account: v.Actor.AccountID, Project: v.Caller.ProjectID, Query: f.Query}
	viewer, err := h.watch.JoinList(ctx, key, h.credentials(v))
	if err != nil {
		return nil, nil, err
	}
	defer viewer.Close()
	l.viewer = viewer
	s := l.snapshot()
	if s.At.IsZero() && s.Trouble != nil {
		return nil, nil, s.Trouble.Err
	}
	*f = l.filter
	ids, _ := strings.CutPrefix(l.class(s).Name, narrow)
	return s, listing.Hides(ids), nil
}

// place is where the ticket stands in the list that it was opened from, nil where that is not known.
func (l *ticketLook) place() *templates.Place {
	if l.filter.From == "" {
		return nil
	}
	f, ok := l.h.listFrom(l.ctx, l.filter.From)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(l.ctx, placePatience)
	defer cancel()
	s, hides, err := l.h.listShown(ctx, &f)
	if err != nil {
		l.h.logger.DebugContext(ctx, "list of a ticket not read", "ticket", l.id, "error", err)
		return nil
	}
	return f.Place(s, hides, l.id, l.viewer.Snapshot().Ticket.Created)
}

// own is what of the ticket's page is the reader's own.
func (l *ticketLook) own(o onTicket, others templates.Presence) ([]byte, error) {
	html, err := o.html(others)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := templates.InPlace(l.place()).Render(l.ctx, &b); err != nil {
		return nil, fmt.Errorf("render the place of ticket %s: %w", l.id, err)
	}
	return append(b.Bytes(), html...), nil
}
