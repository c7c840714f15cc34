package handlers

import (
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/listing"
	"coc-console/internal/present"
	"coc-console/templates"
)

// showFilter puts the filter into the page as it is shown.
func (h *ticketPages) showFilter(c echo.Context, page *templates.Tickets, f *listing.Filter, times present.Span) {
	typed := page.Filter.Text
	page.Filter, page.Filtered = f.Shown(i18n.T(c.Request().Context())), f.Filtered()
	page.Filter.Text, page.Filter.From, page.Filter.To = typed, times.ShownFrom, times.ShownTo
}

// listQuery adds what was typed into the query field to the address's filters, or gives the first term that means
// nothing.
func (h *ticketPages) listQuery(c echo.Context, text string) (address, unknown string) {
	ctx := c.Request().Context()
	known := h.stateWords()
	q := url.Values{}
	for name, values := range c.QueryParams() {
		if slices.Contains(listing.Names, name) && values[0] != "" {
			q.Set(name, values[0])
		}
	}
	query := present.TicketQuery{States: known, Now: h.now(), Time: func(name, text string) (time.Time, bool) {
		at, _, err := present.ParseTime(text, i18n.ZoneFrom(ctx), name == "to")
		return at, err == nil
	}, Ranges: slices.Collect(maps.Keys(listing.Ranges)), Exact: present.Exact}
	unknown = query.Add(q, text)
	return present.Address("/tickets", q), unknown
}

// stateWords are the words by which a state is known, in all languages: the ticket's own, and what one says of
// instances in that state.
func (h *ticketPages) stateWords() map[string]string {
	known := map[string]string{listing.Attention: listing.Attention}
	for _, language := range i18n.Languages() {
		t := i18n.For(language)
		for _, s := range h.ticketStatuses() {
			known[string(s)] = string(s)
			known[t.Word.InstanceStatus.Of(string(s))], known[t.Word.TicketStatus.Of(string(s))] = string(s), string(s)
		}
		known[t.Word.InstanceStatus.Of(string(coc.InstanceAbnormal))] = string(h.inItsWords(coc.TicketAbnormal))
		known[t.List.Tabs.Of(listing.Attention)] = listing.Attention
	}
	return known
}
