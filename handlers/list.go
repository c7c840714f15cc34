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
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/internal/watch"
	"coc-console/templates"
)

// Whose tickets a list shows.
const (
	scopeAll  = ""
	scopeMine = "mine" // those that the reader's user name has created
	scopeTeam = "team" // those of whoever is in one of the reader's teams
)

var listScopes = []string{scopeAll, scopeMine, scopeTeam}

// ticketsOfScope is how many tickets are read where the scope is applied to
// what was read: the longest page that COC gives.
const ticketsOfScope = 100

// maxDecisions is how many tickets are shown that wait for a decision.
const maxDecisions = 5

// listFilter chooses tickets. COC can choose by one creator, and whether it
// compares the name exactly is not documented (docs/coc-api.md section 4.1); a
// team is therefore chosen here, among the tickets that were read.
type listFilter struct {
	query coc.TicketQuery
	scope string
	// fits tells whether a creator is in the scope; nil = everybody is.
	fits func(creator string) bool
	// partial says that only the tickets that were read were chosen from.
	partial bool
	class   string // of the readers to whom the scope is the same
	alone   bool   // the reader is in no team
}

// of makes the scope that of a reader.
func (f *listFilter) of(v Viewer, rules *policy.Rules) {
	me := v.Actor.UserName
	switch f.scope {
	case scopeMine:
		f.fits, f.class = func(creator string) bool { return creator == me }, me
		if f.partial = f.query.Creator != "" && f.query.Creator != me; !f.partial {
			f.query.Creator = me
		}
	case scopeTeam:
		teams := rules.Teams(operate.PersonOf(v.Actor))
		account := v.Actor.AccountName
		f.partial, f.alone, f.class, f.query.Limit = true, len(teams) == 0, strings.Join(teams, "\x00"), ticketsOfScope
		f.fits = func(creator string) bool {
			// COC names a creator by the user name alone, and shows those of
			// the token's account: members by their ids are not found.
			return slices.ContainsFunc(rules.Teams(policy.Person{AccountName: account, UserName: creator}), func(t string) bool { return slices.Contains(teams, t) })
		}
	}
}

// chosen are the tickets of the scope.
func (f *listFilter) chosen(all []coc.TicketSummary) []coc.TicketSummary {
	if f.fits == nil {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(t coc.TicketSummary) bool { return !f.fits(t.Creator) })
}

// values are the filter as an address has it, always written the same way.
func (f *listFilter) values() url.Values {
	q := url.Values{}
	creator := f.query.Creator
	if f.scope == scopeMine && !f.partial {
		creator = "" // the scope says it
	}
	for name, text := range map[string]string{"scope": f.scope, "status": string(f.query.Status), "creator": creator, "name": f.query.NameLike,
		"from": exact(f.query.From), "to": exact(f.query.To)} {
		if text != "" {
			q.Set(name, text)
		}
	}
	return q
}

func exact(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	if t.Truncate(time.Minute).Equal(t) {
		return t.Format(exactTime)
	}
	return t.Format(time.RFC3339Nano)
}

func (f *listFilter) address(below string) string { return address("/tickets"+below, f.values()) }

// with is the address of the list with one value changed.
func (f *listFilter) with(name, value string) string {
	q := f.values()
	q.Set(name, value)
	if value == "" {
		q.Del(name)
	}
	return address("/tickets", q)
}

// last is the key of the last row of a page that another follows, or empty.
func (f *listFilter) last(page coc.TicketPage) string {
	rows := page.Tickets
	switch {
	case f.scope == scopeTeam && len(rows) == ticketsOfScope:
		return decimal(rows[len(rows)-1].OrderID)
	case f.scope != scopeTeam && len(rows) > ticketsPerPage:
		return decimal(rows[ticketsPerPage-1].OrderID)
	}
	return ""
}

func (f *listFilter) detail() string {
	after := ""
	if f.query.Marker != 0 {
		after = decimal(f.query.Marker)
	}
	creator := f.values().Get("creator")
	return detail("scope", f.scope, "status", string(f.query.Status), "creator", creator, "name", f.query.NameLike,
		"from", stamp(f.query.From), "to", stamp(f.query.To), "after", after)
}

// listLook is one look at a list, by somebody who may.
type listLook struct {
	h      *Handlers
	ctx    context.Context //nolint:containedctx // it lives as long as one request
	filter listFilter
	reader Viewer
	viewer *watch.Viewer[watch.List]
}

// lookAtList lets a viewer in with their own token, and notes that they look.
func (h *Handlers) lookAtList(c echo.Context, f listFilter, record audit.Record) (*listLook, error) {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	start := h.Now()
	key := watch.ListKey{Account: v.Actor.AccountID, Project: v.Caller.ProjectID, Query: f.query}
	viewer, err := h.Watch.JoinList(ctx, key, h.credentials(v))
	if err != nil {
		return nil, err
	}
	if s := viewer.Snapshot(); s.At.IsZero() && s.Trouble != nil {
		viewer.Close()
		return nil, s.Trouble.Err
	}
	record.Duration = since(start, h.Now)
	h.noteViewOf(c, f.address(""), record)
	return &listLook{h: h, ctx: ctx, filter: f, reader: v, viewer: viewer}, nil
}

// show renders the newest snapshot: once for all who see the same, and then
// with what is unread for the reader.
func (l *listLook) show() (*rendering[templates.Tickets], bool, error) {
	s := l.viewer.Snapshot()
	class := l.class(s)
	r, err := l.board(class).show(l.ctx, s, func() (templates.Tickets, error) { return l.describe(s, class), nil })
	if err != nil {
		return nil, false, err
	}
	r, err = l.forReader(r)
	return r, false, err
}

func (l *listLook) known(digest string) *rendering[templates.Tickets] {
	if r := l.h.personal.known(digest); r != nil {
		return r
	}
	return l.board(l.class(l.viewer.Snapshot())).known(digest)
}

func (l *listLook) view() string { return viewName(l.reader, "list "+l.filter.values().Encode()) }

func (l *listLook) board(c readerClass) *board[templates.Tickets] {
	return l.h.lists.get(boardKey{view: l.view(), class: l.filter.class + "\x00" + c.name, language: i18n.From(l.ctx),
		zone: i18n.ZoneFrom(l.ctx).String()})
}

// narrow marks the class of those who may not open tickets.
const narrow = "narrow "

// class is what the rules hide from the reader, asked once for each person and
// reading, and whether they may see how far tickets are.
func (l *listLook) class(s *watch.List) readerClass {
	class := l.h.classes.of(l.view()+"\x00"+l.reader.Actor.UserID, s, func() readerClass { return readerClass{name: l.hidden(s), sees: true} })
	if !l.viewer.Whole() {
		class.name = narrow + class.name
	}
	return class
}

// hidden lists the tickets that the rules hide from the reader.
func (l *listLook) hidden(s *watch.List) string {
	var ids []string
	for _, t := range slices.Concat(s.Page.Tickets, s.Waiting) {
		if !l.h.maySee(l.reader, coc.Ticket{ExecuteUUID: t.ExecuteUUID, ScriptName: t.Name, Creator: t.Creator, Status: t.Status}) {
			ids = append(ids, string(t.ExecuteUUID))
		}
	}
	slices.Sort(ids)
	return strings.Join(slices.Compact(ids), " ")
}

// describe makes the page of a snapshot for one class of readers.
func (l *listLook) describe(s *watch.List, class readerClass) templates.Tickets {
	f, t := &l.filter, i18n.T(l.ctx)
	name, isNarrow := strings.CutPrefix(class.name, narrow)
	if isNarrow {
		s = &watch.List{Meta: s.Meta, Page: s.Page, Waiting: s.Waiting, WaitingTotal: s.WaitingTotal}
	}
	hides := map[string]bool{}
	for id := range strings.FieldsSeq(name) {
		hides[id] = true
	}
	page := templates.Tickets{Frame: templates.Frame{Here: f.address("")}, Total: s.Page.Total, ReadAt: s.At,
		Filter: templates.TicketFilter{Scope: f.scope}, Filtered: f.filtered()}
	all := s.Page.Tickets
	if f.scope != scopeTeam {
		all = all[:min(len(all), ticketsPerPage)]
	}
	if last := f.last(s.Page); last != "" {
		q := f.values()
		q.Set("after", last)
		page.Pager.Older = address("/tickets", q)
	}
	if f.partial {
		page.Read = len(all)
	}
	if f.alone {
		page.Filter.Scope = "alone"
	}
	page.Rows, page.Hidden = rowsOf(s, f.chosen(all), hides)
	page.Narrow = isNarrow && len(page.Rows) > 0 // an empty list tells nobody what they may
	page.Live.Title = t.Title.Tickets
	if f.query.Status == "" && f.query.Marker == 0 {
		page.Decisions = f.decisions(s, hides)
		page.Icon = iconOf(page.Decisions)
		if n := page.Decisions.Count; n > 0 {
			page.Live.Title = t.List.Title(n, page.Live.Title)
		}
	}
	if s.Stale() || s.Trouble != nil && s.Trouble.Since.Sub(s.At) > time.Minute {
		page.Trouble = troubleOf(s.Trouble, &t.Problem)
	}
	return page
}

func (f *listFilter) filtered() bool {
	q := f.values()
	q.Del("scope")
	return len(q) > 0
}

// rowsOf are the rows of tickets, without those that are hidden.
func rowsOf(s *watch.List, all []coc.TicketSummary, hides map[string]bool) (rows []templates.TicketRow, hidden int) {
	for _, t := range all {
		if hides[string(t.ExecuteUUID)] {
			hidden++
			continue
		}
		row := ticketRow(t, s.At)
		if known, ok := s.Figures[t.ExecuteUUID]; ok {
			row.Counts, row.Total, row.Failed = counts(known.Statistics), known.Total, known.Count(coc.InstanceAbnormal)
			for _, c := range known.Counts {
				if c.Status.Terminal() {
					row.Done += c.Count
				}
			}
		}
		rows = append(rows, row)
	}
	return rows, hidden
}

// decisions are the tickets of the scope that wait for somebody.
func (f *listFilter) decisions(s *watch.List, hides map[string]bool) *templates.Decisions {
	rows, _ := rowsOf(s, f.chosen(s.Waiting), hides)
	d := &templates.Decisions{Rows: rows[:min(len(rows), maxDecisions)], Count: int64(len(rows))}
	if more := s.WaitingTotal - int64(len(s.Waiting)); f.partial {
		d.AtLeast = more > 0
	} else {
		d.Count += more
	}
	if d.AtLeast || d.Count > int64(len(d.Rows)) {
		d.Abnormal, d.Paused = f.with("status", string(coc.TicketAbnormal)), f.with("status", string(coc.TicketPaused))
	}
	return d
}

// iconOf is the gravest state that waits.
func iconOf(d *templates.Decisions) string {
	icon := ""
	for _, r := range d.Rows {
		if icon == "" || r.Status == string(coc.TicketAbnormal) {
			icon = r.Status
		}
	}
	return icon
}

// take puts what a snapshot shows into the page of a request.
func take(page *templates.Tickets, from templates.Tickets) {
	page.Rows, page.Decisions, page.Total, page.Read, page.Hidden, page.Narrow = from.Rows, from.Decisions, from.Total, from.Read, from.Hidden, from.Narrow
	page.Pager, page.Trouble, page.ReadAt, page.Unread, page.Live = from.Pager, from.Trouble, from.ReadAt, from.Unread, from.Live
	page.Filter.Scope = from.Filter.Scope
	if from.Live.Title != "" {
		page.Frame.Title = from.Live.Title
	}
}

// TicketListEvents is the stream of what changes on the list's first page.
func (h *Handlers) TicketListEvents(c echo.Context) error {
	leave, err := h.seat(c)
	if err != nil {
		return err
	}
	defer leave()
	wrong := templates.Tickets{Errors: templates.FieldErrors{}}
	f, times := h.readTicketFilter(c, &wrong)
	if len(wrong.Errors) > 0 || times.local || f.query.Marker != 0 {
		return &Problem{Status: http.StatusUnprocessableEntity, Kind: ProblemBadInput, Value: shortened(c.QueryString())}
	}
	record := audit.Record{Action: audit.ActionTicketListed, Detail: f.detail()}
	l, err := h.lookAtList(c, f, record)
	if err != nil {
		return h.lookFailed(c, record, watchProblem(err))
	}
	defer l.viewer.Close()
	return serveStream(h, c, source[templates.Tickets]{changed: l.viewer.Changed(), err: l.viewer.Err, show: l.show, known: l.known})
}

// shown are the tickets of a page, each once.
func shown(p templates.Tickets) []shownTicket {
	var all []shownTicket
	add := func(r templates.TicketRow) {
		failed := int32(-1)
		if r.Total > 0 {
			failed = r.Failed
		}
		all = append(all, shownTicket{r.ID, r.Status, failed, r.Created})
	}
	for _, r := range p.Rows {
		add(r)
	}
	if p.Decisions == nil {
		return all
	}
	for _, r := range p.Decisions.Rows {
		if !slices.ContainsFunc(p.Rows, func(row templates.TicketRow) bool { return row.ID == r.ID }) {
			add(r)
		}
	}
	return all
}

// forReader puts what is unread into a rendering that others share.
func (l *listLook) forReader(r *rendering[templates.Tickets]) (*rendering[templates.Tickets], error) {
	found, since := l.h.visited(l.ctx, l.reader, shown(r.page))
	if len(found) == 0 {
		return r, nil
	}
	parts := []templates.Fragment{templates.Unread{Count: len(found), Since: since}.Fragment(r.page.Here)}
	for _, row := range r.page.Rows {
		if n, ok := found[row.ID]; ok {
			row.News = templates.News(n)
			parts = append(parts, row.Fragment())
		}
	}
	if d := r.page.Decisions; d != nil {
		for _, row := range d.Rows {
			if n, ok := found[row.ID]; ok {
				row.News = templates.News(n)
				parts = append(parts, row.Decision())
			}
		}
	}
	own, err := r.with(l.ctx, parts)
	if err == nil {
		own = l.h.personal.keep(own)
	}
	return own, err
}

// mark puts what is unread into a page that is nobody else's.
func (l *listLook) mark(page *templates.Tickets) {
	found, since := l.h.visited(l.ctx, l.reader, shown(*page))
	page.Unread = templates.Unread{Count: len(found), Since: since}
	for i, row := range page.Rows {
		page.Rows[i].News = templates.News(found[row.ID])
	}
}

// TicketsSeen takes all marks away, and comes back to the list.
func (h *Handlers) TicketsSeen(c echo.Context) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	if err := h.seenAll(ctx, v); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, returnTo(c.FormValue("return")))
}

// showViews describes whose tickets can be listed, and the reader's own views.
func (h *Handlers) showViews(c echo.Context, page *templates.Tickets, f listFilter) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	for _, scope := range listScopes {
		if scope == scopeTeam && scope != f.scope && len(h.Rules.Rules().Teams(operate.PersonOf(v.Actor))) == 0 {
			continue
		}
		page.Scopes = append(page.Scopes, templates.Scope{Name: scope, Address: f.with("scope", scope), Selected: scope == f.scope})
	}
	page.View = f.values().Encode()
	var err error
	page.Saved, err = h.saver.saved(ctx, savedTickets, v.Actor.UserID, viewAddress)
	return err
}

// viewAddress is the list as it was saved.
func viewAddress(query string) string {
	if query == "" {
		return "/tickets"
	}
	return "/tickets?" + query
}

// maxView bounds what is saved of an address, in bytes.
const maxView = 2000

// viewOf reads a view as a form has it: the values that the list knows, always
// written the same way.
func viewOf(text string) (string, error) {
	all, err := url.ParseQuery(text)
	if err != nil || len(text) > maxView || strings.IndexFunc(text, hidden) >= 0 {
		return "", errors.Join(&Problem{Status: http.StatusUnprocessableEntity, Kind: ProblemBadInput, Value: shortened(text)}, err)
	}
	kept := url.Values{}
	for _, name := range []string{"scope", "status", "creator", "name", "from", "to"} {
		if value := all.Get(name); value != "" && strings.IndexFunc(value, hidden) < 0 {
			kept.Set(name, value)
		}
	}
	return kept.Encode(), nil
}

// SaveView keeps the list of the form under its name, for its reader alone.
func (h *Handlers) SaveView(c echo.Context) error {
	view, err := viewOf(c.FormValue("view"))
	if err != nil {
		return err
	}
	label := strings.TrimSpace(bounded(c.FormValue("label")))
	problem, err := h.keep(c.Request().Context(), savedTickets, label, view)
	switch {
	case err != nil:
		return err
	case problem == "":
		return c.Redirect(http.StatusSeeOther, viewAddress(view))
	}
	// The list again, with what was typed.
	r := c.Request().Clone(c.Request().Context())
	r.Method, r.URL.Path, r.URL.RawQuery = http.MethodGet, "/tickets", view
	again := c.Echo().NewContext(r, c.Response())
	page := h.newTickets(again)
	page.Errors["label"], page.SaveLabel = problem, label
	return h.showTickets(again, page)
}

// DeleteView forgets one of the reader's own views, and shows the list again.
func (h *Handlers) DeleteView(c echo.Context) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	view, err := viewOf(c.FormValue("view"))
	if err != nil {
		return err
	}
	if err := h.saver.forget(ctx, savedTickets, v.Actor.UserID, c.FormValue("label")); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, viewAddress(view))
}
