package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/live"
	"coc-console/internal/present"
	"coc-console/internal/watch"
	"coc-console/templates"
)

// ticketsPerPage is the length of a page of the list. One more row is asked
// for: COC does not say whether there is another page (docs/coc-api.md 4.1).
const ticketsPerPage = 50

// maxFilter is the longest creator or name that COC takes, in characters.
const maxFilter = 64

// Tickets shows the list, or goes to the ticket that the search box names by
// its key, or to those whose name it is part of.
func (h *ticketPages) Tickets(c echo.Context) error {
	t := i18n.T(c.Request().Context())
	page := h.newTickets(c)
	if find := strings.TrimSpace(c.QueryParam("find")); find != "" {
		if id, ok := coc.FindExecuteUUID(find); ok {
			return c.Redirect(http.StatusSeeOther, present.TicketAddress(string(id)))
		}
		if partOfName(find) {
			return c.Redirect(http.StatusSeeOther, present.Address("/tickets", url.Values{"name": {find}}))
		}
		page.Search = bounded(find)
		page.Errors["find"] = t.Field.NoUUID
	}
	if text := strings.TrimSpace(bounded(c.QueryParam("q"))); text != "" {
		address, unknown := h.listQuery(c, text)
		if unknown == "" {
			return c.Redirect(http.StatusSeeOther, address)
		}
		page.Filter.Text, page.Errors["q"] = text, t.List.UnknownTerm(unknown)
	}
	return h.showTickets(c, page)
}

// partOfName says whether a text can be part of a ticket's name, and is not
// meant as a key or a link.
func partOfName(text string) bool {
	other := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-. ()", r)
	}
	return len([]rune(text)) <= maxFilter && !strings.HasPrefix(text, "SCT") && strings.IndexFunc(text, other) < 0
}

func (h *ticketPages) newTickets(c echo.Context) templates.Tickets {
	return templates.Tickets{Frame: h.Frame(c, i18n.T(c.Request().Context()).Title.Tickets, templates.SectionTickets),
		Errors: templates.FieldErrors{}, ReadAt: h.now()}
}

func (h *ticketPages) showTickets(c echo.Context, page templates.Tickets) error {
	typed := page.Filter.Text
	f, times := h.readTicketFilter(c, &page)
	page.Filter.Text = typed
	if _, named := page.Errors["label"]; len(page.Errors) > 1 || len(page.Errors) == 1 && !named {
		return h.renderGzip(c, http.StatusUnprocessableEntity, page)
	}
	if times.Local {
		return c.Redirect(http.StatusSeeOther, times.ExactAddress(c.Request().URL))
	}
	if err := h.showViews(c, &page, f); err != nil {
		return err
	}
	status, err := h.listTickets(c, &page, f)
	if err != nil {
		return err
	}
	if len(page.Errors) > 0 {
		status = http.StatusUnprocessableEntity
	}
	return h.renderGzip(c, status, page)
}

// readTicketFilter reads the filters, and puts them and what is wrong with
// them into the page.
func (h *ticketPages) readTicketFilter(c echo.Context, page *templates.Tickets) (listFilter, present.Span) {
	t := i18n.T(c.Request().Context())
	value := func(name string) string { return strings.TrimSpace(bounded(c.QueryParam(name))) }
	times := present.ReadSpan(c.Request().Context(), c.QueryParams(), page.Errors)
	q := coc.TicketQuery{Limit: ticketsPerPage + 1, Status: h.inItsWords(coc.TicketStatus(value("status"))),
		Creator: value("creator"), NameLike: value("name"), From: times.From, To: times.To}
	f := listFilter{query: q, scope: value("scope"), back: value("range")}
	if f.attention = q.Status == needsAttention; f.attention {
		f.query.Status = ""
	} else if q.Status != "" && !slices.Contains(h.ticketStatuses(), q.Status) {
		page.Errors["status"] = t.Field.Choice
	}
	if !slices.Contains(listScopes, f.scope) {
		page.Errors["scope"], f.scope = t.Field.Choice, ""
	}
	if d, ok := listRanges[f.back]; ok && f.query.From.IsZero() {
		f.query.From = h.now().Truncate(d / 24).Add(-d)
	} else {
		f.back = ""
	}
	for name, text := range map[string]string{"creator": q.Creator, "name": q.NameLike} {
		if len([]rune(text)) > maxFilter {
			page.Errors[name] = t.Field.TooLong(maxFilter)
		}
	}
	if after := c.QueryParam("after"); after != "" && !f.attention {
		marker, err := coc.ParseID(after)
		if err != nil {
			page.Errors["after"] = t.Field.Choice
		}
		f.query.Marker = marker
	}
	page.Filter, page.Filtered = f.shown(t), f.filtered()
	page.Filter.From, page.Filter.To = times.ShownFrom, times.ShownTo
	v, _ := ViewerFrom(c.Request().Context())
	f.of(v, h.rules.Rules())
	return f, times
}

// listTickets puts the rows into the page: of the shared view, or, for the
// pages after the first, read for this reader alone.
func (h *ticketPages) listTickets(c echo.Context, page *templates.Tickets, f listFilter) (int, error) {
	start := h.now()
	record := audit.Record{Action: audit.ActionTicketListed, Detail: f.detail()}
	var err error
	if f.query.Marker == 0 {
		err = h.listLive(c, page, f, record)
	} else {
		err = h.listPage(c, page, f, record)
	}
	if errors.Is(err, watch.ErrFull) && !f.attention {
		err = h.listPage(c, page, f, record)
	}
	if err != nil {
		record.Duration = since(start, h.now)
		return h.readFailed(c, record, watchProblem(err), &page.Failure)
	}
	return http.StatusOK, nil
}

// listLive shows the first page, which lives.
func (h *ticketPages) listLive(c echo.Context, page *templates.Tickets, f listFilter, record audit.Record) error {
	l, err := h.lookAtList(c, f, record)
	if err != nil {
		return err
	}
	defer l.viewer.Close()
	r, _, err := l.show(nil)
	if err != nil {
		return err
	}
	take(page, r.Page)
	page.Rendered, page.Digest, page.Every = r.HTML, r.Digest, refreshRunning
	page.Address = f.address("/events")
	return nil
}

// listPage reads one page of the list.
func (h *ticketPages) listPage(c echo.Context, page *templates.Tickets, f listFilter, record audit.Record) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	start := h.now()
	found, err := h.coc.ListTickets(ctx, v.Caller, f.query)
	if err != nil {
		return err
	}
	record.Duration = since(start, h.now)
	h.noteView(c, record)
	l := listLook{h: h, ctx: ctx, filter: f, reader: v}
	s := &watch.List{Meta: watch.Meta{At: start}, Page: found}
	rows := l.describe(s, live.Class{Name: l.hidden(s), Sees: true})
	l.mark(&rows)
	if last := f.last(found); last != "" {
		rows.Pager.Older = olderAddress(c, last)
	}
	rows.Pager.Newer = newerAddress(c)
	take(page, rows)
	return nil
}

// readFailed describes a failed reading on the page that asked for it, and
// notes it. Only an error that is not COC's, or that wants a new sign-in, goes
// to the error page.
func (h *ticketPages) readFailed(c echo.Context, record audit.Record, err error, to **templates.Failure) (int, error) {
	ctx := c.Request().Context()
	var upstream *coc.Error
	if !errors.As(err, &upstream) {
		return 0, err
	}
	record.Outcome, record.Upstream = audit.OutcomeFailed, present.UpstreamOf(upstream)
	if upstream.Forbidden() {
		record.Outcome = audit.OutcomeDenied
	}
	h.noteSoon(ctx, record)
	if upstream.SignInAgain() {
		return 0, err
	}
	h.logger.WarnContext(ctx, "list of tickets not read", "error", err, "request_id", OriginFrom(ctx).RequestID)
	status, shown := present.FailureOf(upstream, &i18n.T(ctx).Problem)
	*to = shown
	return status, nil
}

// ticketStatuses are the states that the list may be narrowed to, in the words
// of the endpoint.
func (h *ticketPages) ticketStatuses() []coc.TicketStatus {
	list := coc.FilterableTicketStatuses()
	for i, s := range list {
		list[i] = h.inItsWords(s)
	}
	return list
}

// inItsWords is a state as the endpoint calls it: an address, or a saved view, may
// hold the other word for a failed ticket.
func (h *ticketPages) inItsWords(s coc.TicketStatus) coc.TicketStatus {
	if s.Failed() {
		return h.coc.FailedStatuses()[0]
	}
	return s
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// COC pages forward only, by the last key of the page before. The way back is
// kept in the address: trail holds the keys of the pages behind, so that the
// address can be shared and still goes both ways.
const maxTrail = 200

func trail(c echo.Context) []string {
	text := c.QueryParam("trail")
	if text == "" {
		return nil
	}
	keys := strings.Split(text, ".")
	for _, k := range keys {
		if _, err := coc.ParseID(k); err != nil || len(keys) > maxTrail {
			return nil
		}
	}
	return keys
}

// pagesBefore counts the pages behind this one, as far as the address tells.
func pagesBefore(c echo.Context) int {
	if c.QueryParam("after") == "" {
		return 0
	}
	return len(trail(c)) + 1
}

func olderAddress(c echo.Context, last string) string {
	keys := trail(c)
	if after := c.QueryParam("after"); after != "" {
		keys = append(keys, after)
	}
	return pageAddress(c, last, keys)
}

func newerAddress(c echo.Context) string {
	if c.QueryParam("after") == "" {
		return ""
	}
	keys := trail(c)
	if len(keys) == 0 {
		return pageAddress(c, "", nil)
	}
	return pageAddress(c, keys[len(keys)-1], keys[:len(keys)-1])
}

func pageAddress(c echo.Context, after string, keys []string) string {
	q := url.Values{}
	for name, values := range c.QueryParams() {
		if name != "after" && name != "trail" && values[0] != "" {
			q.Set(name, values[0])
		}
	}
	if after != "" {
		q.Set("after", after)
	}
	if len(keys) > 0 {
		q.Set("trail", strings.Join(keys[max(0, len(keys)-maxTrail):], "."))
	}
	return present.Address(c.Request().URL.Path, q)
}
