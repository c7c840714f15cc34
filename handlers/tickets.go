package handlers

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/listing"
	"coc-console/internal/live"
	"coc-console/internal/operate"
	"coc-console/internal/present"
	"coc-console/internal/watch"
	"coc-console/templates"
)

// maxFilter is the longest creator or name that COC takes, in characters.
const maxFilter = 64

// Tickets shows the list, or what the search box finds.
func (h *ticketPages) Tickets(c echo.Context) error {
	t := i18n.T(c.Request().Context())
	page := h.newTickets(c)
	if text := strings.TrimSpace(c.QueryParam("find")); text != "" {
		if address, unknown := h.listQuery(c, bounded(text)); unknown == "" && listing.IsQuery(text) {
			return c.Redirect(http.StatusSeeOther, address)
		}
		return h.find(c, page, text)
	}
	if text := strings.TrimSpace(bounded(c.QueryParam("q"))); text != "" {
		address, unknown := h.listQuery(c, text)
		if unknown == "" {
			return c.Redirect(http.StatusSeeOther, address)
		}
		page.Filter.Text, page.Errors["q"] = text, t.List.UnknownTerm(unknown)
		if meant := listing.Meant(t, unknown, h.stateWords()); meant != "" {
			page.Errors["q"] += t.Field.Query.Suggestion(meant)
		}
	}
	return h.showTickets(c, c.QueryParams(), page)
}

func (h *ticketPages) newTickets(c echo.Context) templates.Tickets {
	return templates.Tickets{Frame: h.Frame(c, i18n.T(c.Request().Context()).Title.Tickets, templates.SectionTickets),
		Errors: templates.FieldErrors{}, ReadAt: h.now()}
}

// showTickets shows the list that the values of an address choose.
func (h *ticketPages) showTickets(c echo.Context, chosen url.Values, page templates.Tickets) error {
	f, times := h.readTicketFilter(c.Request().Context(), chosen, page.Errors)
	h.showFilter(c, &page, &f, times)
	wrong := len(page.Errors) > 1 || len(page.Errors) == 1 && page.Errors["label"] == ""
	if times.Local && !wrong {
		return c.Redirect(http.StatusSeeOther, times.ExactAddress("/tickets", chosen))
	}
	var failed error
	if len(page.Errors) == 0 && isDefault(chosen) {
		if f.Attention, failed = h.somethingWaits(c, f); f.Attention {
			h.showFilter(c, &page, &f, times)
		}
	}
	if err := h.showViews(c, &page, f); err != nil {
		return err
	}
	if wrong {
		return h.renderGzip(c, http.StatusUnprocessableEntity, page)
	}
	status, err := 0, error(nil)
	switch {
	case failed != nil:
		record := audit.Record{Action: audit.ActionTicketListed, Detail: listDetail(f)}
		status, err = h.readFailed(c, record, watchProblem(failed), &page.Failure)
	case f.Host != "":
		status, _, err = h.search(c, &page, f, f.Host)
	default:
		status, err = h.listTickets(c, chosen, &page, f)
	}
	if err != nil {
		return err
	}
	if len(page.Errors) > 0 {
		status = http.StatusUnprocessableEntity
	}
	return h.renderGzip(c, status, page)
}

// isDefault reports whether an address chooses no list.
func isDefault(chosen url.Values) bool {
	return chosen.Get("after") == "" &&
		!slices.ContainsFunc(listing.Names, func(name string) bool { return chosen.Get(name) != "" })
}

// somethingWaits reports whether a ticket needs attention, as far as the reader may know: then those are shown first.
func (h *ticketPages) somethingWaits(c echo.Context, f listing.Filter) (bool, error) {
	l, err := h.lookAtList(c, f, audit.Record{})
	if errors.Is(err, watch.ErrFull) {
		return false, nil // the list is read in another way
	}
	if err != nil {
		return false, err
	}
	defer l.viewer.Close()
	v := l.reader
	n := h.board.Note(readerOf(v), h.now(), h.ticketsCounted(c.Request().Context(), v, l.viewer))
	return n.Attention > 0, nil
}

// readTicketFilter reads the filters, for the reader whom the context names. What is wrong with them goes into errs.
func (h *ticketPages) readTicketFilter(ctx context.Context, chosen url.Values,
	errs templates.FieldErrors) (listing.Filter, present.Span) {
	t := i18n.T(ctx)
	value := func(name string) string { return strings.TrimSpace(bounded(chosen.Get(name))) }
	times := present.ReadSpan(ctx, chosen, errs)
	f := listing.New()
	status := value("status")
	q := &f.Query
	q.Creator, q.NameLike, q.From, q.To = value("creator"), value("name"), times.From, times.To
	f.Scope, f.Back, f.Host = value("scope"), value("range"), value("host")
	if f.Attention = status == listing.Attention; !f.Attention && status != listing.Any {
		q.Status = h.inItsWords(coc.TicketStatus(status))
	}
	if q.Status != "" && !slices.Contains(h.ticketStatuses(), q.Status) {
		errs["status"] = t.Field.Choice
	}
	if !slices.Contains(listing.Scopes, f.Scope) {
		errs["scope"], f.Scope = t.Field.Choice, ""
	}
	if d, ok := listing.Ranges[f.Back]; ok && q.From.IsZero() {
		q.From = h.now().Truncate(d / 24).Add(-d)
	} else {
		f.Back = ""
	}
	for name, text := range map[string]string{"creator": q.Creator, "name": q.NameLike, "host": f.Host} {
		if len([]rune(text)) > maxFilter {
			errs[name] = t.Field.TooLong(maxFilter)
		}
	}
	if after := chosen.Get("after"); after != "" && !f.Attention {
		marker, err := coc.ParseID(after)
		if err != nil {
			errs["after"] = t.Field.Choice
		}
		q.Marker, f.Trail = marker, chosen.Get("trail")
	}
	v, _ := ViewerFrom(ctx)
	f.For(operate.PersonOf(v.Actor), h.rules.Rules())
	return f, times
}

// listTickets puts the rows into the page: of the shared view, or, for the
// pages after the first, read for this reader alone.
func (h *ticketPages) listTickets(c echo.Context, chosen url.Values, page *templates.Tickets,
	f listing.Filter) (int, error) {
	start := h.now()
	record := audit.Record{Action: audit.ActionTicketListed, Detail: listDetail(f)}
	var err error
	if f.Query.Marker == 0 {
		err = h.listLive(c, page, f, record)
	} else {
		err = h.listPage(c, chosen, page, f, record)
	}
	if errors.Is(err, watch.ErrFull) && !f.Attention {
		err = h.listPage(c, chosen, page, f, record)
	}
	if err != nil {
		record.Duration = since(start, h.now)
		return h.readFailed(c, record, watchProblem(err), &page.Failure)
	}
	return http.StatusOK, nil
}

// listLive shows the first page, which lives.
func (h *ticketPages) listLive(c echo.Context, page *templates.Tickets, f listing.Filter, record audit.Record) error {
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
	if page.LookedAll && !f.Filtered() {
		team := h.countTeam(c.Request().Context(), l.reader)
		page.Numbers = h.board.Note(readerOf(l.reader), h.now(), func(n *templates.Numbers) { n.Team = team })
	}
	if f.Plain() {
		page.Numbers = h.board.Note(readerOf(l.reader), h.now(),
			h.ticketsCounted(c.Request().Context(), l.reader, l.viewer))
	}
	page.Rendered, page.Digest, page.Every = r.HTML, r.Digest, refreshRunning
	page.Address = f.Address("/events")
	return nil
}

// listPage reads one page of the list.
func (h *ticketPages) listPage(c echo.Context, chosen url.Values, page *templates.Tickets, f listing.Filter,
	record audit.Record) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	start := h.now()
	found, err := h.coc.ListTickets(ctx, v.Caller, f.Query)
	if err != nil {
		return err
	}
	record.Duration = since(start, h.now)
	h.noteView(c, record)
	l := listLook{h: h, ctx: ctx, filter: f, reader: v}
	s := &watch.List{Meta: watch.Meta{At: start}, Page: found}
	rows := l.describe(s, live.Class{Name: l.hidden(s), Sees: true})
	l.mark(&rows)
	if last := f.Last(found); last != "" {
		rows.Pager.Older = listing.Older("/tickets", chosen, last)
	}
	rows.Pager.Newer = listing.Newer("/tickets", chosen)
	take(page, rows)
	return nil
}

// readFailed describes a failed reading on the page that asked for it, and notes it. Only an error that is not COC's,
// or that wants a new sign-in, goes to the error page.
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

// ticketStatuses are the states that the list may be narrowed to, in the words of the endpoint.
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
