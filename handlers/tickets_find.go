package handlers

import (
	"context"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/ansi"
	"coc-console/internal/coc"
	"coc-console/internal/finder"
	"coc-console/internal/i18n"
	"coc-console/internal/listing"
	"coc-console/internal/present"
	"coc-console/templates"
)

// A search is waited for this long; what takes longer goes on in the background, and the page asks again.
const (
	findPatience = 1500 * time.Millisecond
	findAgain    = 2 // seconds
)

// find goes to the ticket that the search box names by its key, or shows those that it names by a part of their name,
// or by a server. Of one alone it goes to the server's row.
func (h *ticketPages) find(c echo.Context, page templates.Tickets, text string) error {
	if id, ok := coc.TypedExecuteUUID(text); ok {
		return c.Redirect(http.StatusSeeOther, present.TicketAddress(string(id)))
	}
	page.Search = bounded(text)
	if utf8.RuneCountInString(text) > maxFilter || !ansi.Shows(text) || strings.HasPrefix(text, "SCT") {
		page.Errors["find"] = i18n.T(c.Request().Context()).Field.NoUUID
		return h.showTickets(c, c.QueryParams(), page)
	}
	f := listing.Filter{}
	h.showFilter(c, &page, &f, present.Span{})
	if err := h.showViews(c, &page, f); err != nil {
		return err
	}
	for i := range page.Tabs {
		page.Tabs[i].Selected = false
	}
	status, only, err := h.search(c, &page, f, text)
	if err != nil {
		return err
	}
	if only != "" && !IsRefresh(c) {
		return c.Redirect(http.StatusSeeOther, only)
	}
	return h.renderGzip(c, status, page)
}

// findFor looks for tickets by a server or, with names, by their own name, too: those that somebody may see.
func (h *ticketPages) findFor(ctx context.Context, v Viewer, text string, names bool,
	patience time.Duration) (finder.Result, error) {
	scope := finder.Scope{Account: v.Actor.AccountID, Project: v.Caller.ProjectID}
	if scope.Project == "" {
		scope.Session = v.SessionKey // a token of account scope shares nothing
	}
	return h.finder.Find(ctx, finder.Request{Scope: scope, Session: v.SessionKey, Text: text, Names: names,
		Caller: h.lent(v).Caller, Sees: func(t coc.Ticket) bool { return h.maySee(v, t) }}, patience)
}

// search looks for tickets by a text: those that have such a server or, without one in the filter, such a name.
func (h *ticketPages) search(c echo.Context, page *templates.Tickets, f listing.Filter, text string) (status int,
	only string, err error) {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	start := h.now()
	record := audit.Record{Action: audit.ActionTicketListed, Detail: detail("find", text)}
	if f.Host != "" {
		record.Detail = listDetail(f)
	}
	found, err := h.findFor(ctx, v, text, f.Host == "", findPatience)
	record.Duration = since(start, h.now)
	if err != nil {
		status, err = h.readFailed(c, record, err, &page.Failure)
		return status, "", err
	}
	h.noteView(c, record)
	text = finder.Typed(text)
	f.Found(page, found, text, h.now())
	if page.Refresh = 0; !found.Done {
		page.Refresh = findAgain
	}
	return http.StatusOK, listing.OnlyAddress(found, text), nil
}
