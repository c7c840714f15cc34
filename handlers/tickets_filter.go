package handlers

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/present"
	"coc-console/templates"
)

// needsAttention is the state, of addresses alone, of tickets that wait for somebody.
const needsAttention = "attention"

// listRanges are how far back a list may go, by their names in addresses.
var listRanges = map[string]time.Duration{"1h": time.Hour, "24h": 24 * time.Hour, "7d": 7 * 24 * time.Hour,
	"30d": 30 * 24 * time.Hour}

// tabs are the choices of what is listed.
func (f *listFilter) tabs(team bool) []templates.Tab {
	status := f.values().Get("status")
	running, anybodys := string(coc.TicketProcessing), f.scope == scopeAll
	all := []templates.Tab{
		{Name: "attention", Address: "/tickets?status=" + needsAttention, Selected: anybodys && status == needsAttention},
		{Name: "running", Address: "/tickets?status=" + running, Selected: anybodys && status == running},
		{Name: "mine", Address: "/tickets?scope=" + scopeMine, Selected: f.scope == scopeMine},
	}
	if team {
		all = append(all, templates.Tab{Name: "team", Address: "/tickets?scope=" + scopeTeam,
			Selected: f.scope == scopeTeam})
	}
	return append(all, templates.Tab{Name: "all", Address: "/tickets", Selected: anybodys && status == ""})
}

// shown is the filter as the page shows it: what can be taken away, and what the form sends along.
func (f *listFilter) shown(t *i18n.Texts) templates.TicketFilter {
	q := f.values()
	out := templates.TicketFilter{Scope: f.scope, Cleared: (&listFilter{scope: f.scope}).address("")}
	for _, name := range []string{"scope", "status", "name", "creator", "from", "to", "range"} {
		if q.Get(name) != "" {
			out.Set = append(out.Set, templates.Attribute{Name: name, Value: q.Get(name)})
		}
	}
	chip := func(key, name, text string) {
		if text != "" {
			out.Chips = append(out.Chips, templates.Chip{Key: key, Text: text, Without: f.with(name, "")})
		}
	}
	if status := q.Get("status"); status != "" {
		chip("state", "status", cmp.Or(t.List.Tabs[status], t.Word.TicketStatus.Of(status)))
	}
	chip("name", "name", q.Get("name"))
	chip("creator", "creator", q.Get("creator"))
	chip("after", "from", q.Get("from"))
	chip("before", "to", q.Get("to"))
	for _, name := range []string{"1h", "24h", "7d", "30d"} {
		g := *f
		g.back, g.query.From = name, time.Time{}
		out.Ranges = append(out.Ranges, templates.Range{Name: name, Address: g.address(""), Selected: f.back == name})
	}
	g := *f
	g.back, g.query.From, g.query.To = "", time.Time{}, time.Time{}
	out.Ranges = append(out.Ranges, templates.Range{Name: "all", Address: g.address(""),
		Selected: f.back == "" && f.query.From.IsZero() && f.query.To.IsZero()})
	return out
}

// listQuery adds what was typed into the query field to the address's filters, or gives the first term that means
// nothing.
func (h *ticketPages) listQuery(c echo.Context, text string) (address, unknown string) {
	ctx := c.Request().Context()
	known := map[string]string{}
	for _, s := range h.ticketStatuses() {
		known[string(s)], known[i18n.T(ctx).Word.TicketStatus.Of(string(s))] = string(s), string(s)
	}
	known[needsAttention], known[i18n.T(ctx).List.Tabs.Of(needsAttention)] = needsAttention, needsAttention
	known["failed"] = string(h.inItsWords(coc.TicketAbnormal))
	q := url.Values{}
	for name, values := range c.QueryParams() {
		if slices.Contains(viewNames, name) && values[0] != "" {
			q.Set(name, values[0])
		}
	}
	query := present.TicketQuery{States: known, Now: h.now(), Time: func(text string) (time.Time, bool) {
		at, _, err := present.ParseTime(text, i18n.ZoneFrom(ctx))
		return at, err == nil
	}, Ranges: slices.Collect(maps.Keys(listRanges)), Exact: present.Exact}
	unknown = query.Add(q, text)
	return present.Address("/tickets", q), unknown
}
