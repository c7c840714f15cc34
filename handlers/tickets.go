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
func (h *Handlers) Tickets(c echo.Context) error {
	t := i18n.T(c.Request().Context())
	page := h.newTickets(c)
	if find := strings.TrimSpace(c.QueryParam("find")); find != "" {
		if id, ok := coc.FindExecuteUUID(find); ok {
			return c.Redirect(http.StatusSeeOther, ticketAddress(string(id)))
		}
		if partOfName(find) {
			return c.Redirect(http.StatusSeeOther, address("/tickets", url.Values{"name": {find}}))
		}
		page.Search = bounded(find)
		page.Errors["find"] = t.Field.NoUUID
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

func (h *Handlers) newTickets(c echo.Context) templates.Tickets {
	return templates.Tickets{Frame: h.Frame(c, i18n.T(c.Request().Context()).Title.Tickets, templates.SectionTickets),
		Errors: templates.FieldErrors{}, ReadAt: h.Now()}
}

func (h *Handlers) showTickets(c echo.Context, page templates.Tickets) error {
	f, times := h.readTicketFilter(c, &page)
	if _, named := page.Errors["label"]; len(page.Errors) > 1 || len(page.Errors) == 1 && !named {
		return h.renderPacked(c, http.StatusUnprocessableEntity, page)
	}
	if times.local {
		return c.Redirect(http.StatusSeeOther, times.exactAddress(c))
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
	return h.renderPacked(c, status, page)
}

// readTicketFilter reads the filters, and puts them and what is wrong with
// them into the page.
func (h *Handlers) readTicketFilter(c echo.Context, page *templates.Tickets) (listFilter, span) {
	t := i18n.T(c.Request().Context()).Field
	value := func(name string) string { return strings.TrimSpace(bounded(c.QueryParam(name))) }
	times := parseSpan(c, page.Errors)
	q := coc.TicketQuery{Limit: ticketsPerPage + 1, Status: coc.TicketStatus(value("status")),
		Creator: value("creator"), NameLike: value("name"), From: times.from, To: times.to}
	f := listFilter{query: q, scope: value("scope")}
	page.Filter = templates.TicketFilter{Statuses: options(string(q.Status), coc.FilterableTicketStatuses()...),
		Creator: q.Creator, Name: q.NameLike, From: times.shownFrom, To: times.shownTo, Scope: f.scope}
	page.Filtered = q.Status != "" || q.Creator != "" || q.NameLike != "" || times.shownFrom != "" || times.shownTo != ""
	if !offered(page.Filter.Statuses, string(q.Status)) {
		page.Errors["status"] = t.Choice
	}
	if !slices.Contains(listScopes, f.scope) {
		page.Errors["scope"], page.Filter.Scope = t.Choice, ""
	}
	for name, text := range map[string]string{"creator": q.Creator, "name": q.NameLike} {
		if len([]rune(text)) > maxFilter {
			page.Errors[name] = t.TooLong(maxFilter)
		}
	}
	if after := c.QueryParam("after"); after != "" {
		marker, err := coc.ParseID(after)
		if err != nil {
			page.Errors["after"] = t.Choice
		}
		f.query.Marker = marker
	}
	v, _ := ViewerFrom(c.Request().Context())
	f.of(v, h.Rules.Rules())
	return f, times
}

// listTickets puts the rows into the page: of the shared view, or, for the
// pages after the first, read for this reader alone.
func (h *Handlers) listTickets(c echo.Context, page *templates.Tickets, f listFilter) (int, error) {
	start := h.Now()
	record := audit.Record{Action: audit.ActionTicketListed, Detail: f.detail()}
	var err error
	if f.query.Marker == 0 {
		err = h.listLive(c, page, f, record)
	} else {
		err = h.listPage(c, page, f, record)
	}
	if errors.Is(err, watch.ErrFull) {
		err = h.listPage(c, page, f, record)
	}
	if err != nil {
		record.Duration = since(start, h.Now)
		return h.readFailed(c, record, watchProblem(err), &page.Failure)
	}
	return http.StatusOK, nil
}

// listLive shows the first page, which lives.
func (h *Handlers) listLive(c echo.Context, page *templates.Tickets, f listFilter, record audit.Record) error {
	l, err := h.lookAtList(c, f, record)
	if err != nil {
		return err
	}
	defer l.viewer.Close()
	r, _, err := l.show()
	if err != nil {
		return err
	}
	take(page, r.page)
	page.Rendered, page.Digest, page.Every = r.html, r.digest, refreshRunning
	page.Address = f.address("/events")
	return nil
}

// listPage reads one page of the list.
func (h *Handlers) listPage(c echo.Context, page *templates.Tickets, f listFilter, record audit.Record) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	start := h.Now()
	found, err := h.COC.ListTickets(ctx, v.Caller, f.query)
	if err != nil {
		return err
	}
	record.Duration = since(start, h.Now)
	h.noteView(c, record)
	l := listLook{h: h, ctx: ctx, filter: f, reader: v}
	s := &watch.List{Meta: watch.Meta{At: start}, Page: found}
	rows := l.describe(s, readerClass{name: l.hidden(s), sees: true})
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
func (h *Handlers) readFailed(c echo.Context, record audit.Record, err error, to **templates.Failure) (int, error) {
	ctx := c.Request().Context()
	var upstream *coc.Error
	if !errors.As(err, &upstream) {
		return 0, err
	}
	record.Outcome, record.Upstream = audit.OutcomeFailed, upstreamOf(upstream)
	if upstream.Forbidden() {
		record.Outcome = audit.OutcomeDenied
	}
	h.note(ctx, record)
	if upstream.SignInAgain() {
		return 0, err
	}
	h.Logger.WarnContext(ctx, "COC did not answer", "error", err, "request_id", OriginFrom(ctx).RequestID)
	status, shown := failureOf(upstream, &i18n.T(ctx).Problem)
	*to = shown
	return status, nil
}

func ticketRow(t coc.TicketSummary, now time.Time) templates.TicketRow {
	row := templates.TicketRow{
		ID: string(t.ExecuteUUID), Name: visible(t.Name), Status: string(t.Status), Creator: visible(t.Creator),
		Regions: strings.ReplaceAll(visible(t.RegionIDs), ",", ", "), Created: t.Created, Finished: t.Finished, Duration: t.Duration(now), Over: t.Status.Terminal(),
	}
	if id, err := coc.ParseExecuteUUID(row.ID); err == nil {
		row.Address = ticketAddress(string(id))
	}
	return row
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
	return address(c.Request().URL.Path, q)
}
