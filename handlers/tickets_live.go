package handlers

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"weak"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/ansi"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/live"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/internal/present"
	"coc-console/internal/store"
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

// listFilter chooses tickets. COC can choose by one creator, and whether it
// compares the name exactly is not documented (docs/coc-api.md section 4.1); a
// team is therefore chosen here, among the tickets that were read.
type listFilter struct {
	query coc.TicketQuery
	scope string
	// attention chooses the tickets that wait for somebody, whatever COC calls their states.
	attention bool
	back      string // a key of listRanges, in the place of query.From
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
			return slices.ContainsFunc(rules.Teams(policy.Person{AccountName: account, UserName: creator}),
				func(t string) bool { return slices.Contains(teams, t) })
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

// waiting are those of the tickets that need attention which the filter lets through: COC does not filter them.
func (f *listFilter) waiting(all []coc.TicketSummary) []coc.TicketSummary {
	q := f.query
	return slices.DeleteFunc(slices.Clone(all), func(t coc.TicketSummary) bool {
		return q.Creator != "" && t.Creator != q.Creator || !strings.Contains(t.Name, q.NameLike) ||
			t.Created.Before(q.From) || !q.To.IsZero() && t.Created.After(q.To)
	})
}

// values are the filter as an address has it, always written the same way.
func (f *listFilter) values() url.Values {
	q := url.Values{}
	creator := f.query.Creator
	if f.scope == scopeMine && !f.partial {
		creator = "" // the scope says it
	}
	status, from := string(f.query.Status), present.Exact(f.query.From)
	if f.attention {
		status = needsAttention
	}
	if f.back != "" {
		from = ""
	}
	for name, text := range map[string]string{"scope": f.scope, "status": status, "creator": creator,
		"name": f.query.NameLike, "from": from, "range": f.back, "to": present.Exact(f.query.To)} {
		if text != "" {
			q.Set(name, text)
		}
	}
	return q
}

func (f *listFilter) address(below string) string {
	return present.Address("/tickets"+below, f.values())
}

// with is the address of the list with one value changed.
func (f *listFilter) with(name, value string) string {
	q := f.values()
	q.Set(name, value)
	if value == "" {
		q.Del(name)
	}
	return present.Address("/tickets", q)
}

// last is the key of the last row of a page that another follows, or empty.
func (f *listFilter) last(page coc.TicketPage) string {
	rows := page.Tickets
	switch {
	case f.attention:
		return ""
	case f.scope == scopeTeam && len(rows) == ticketsOfScope:
		return present.Decimal(rows[len(rows)-1].OrderID)
	case f.scope != scopeTeam && len(rows) > ticketsPerPage:
		return present.Decimal(rows[ticketsPerPage-1].OrderID)
	}
	return ""
}

func (f *listFilter) detail() string {
	after := ""
	if f.query.Marker != 0 {
		after = present.Decimal(f.query.Marker)
	}
	values := f.values()
	return detail("scope", f.scope, "status", values.Get("status"), "creator", values.Get("creator"),
		"name", f.query.NameLike, "from", stamp(f.query.From), "to", stamp(f.query.To), "after", after)
}

// listLook is one look at a list, by somebody who may.
type listLook struct {
	h      *ticketPages
	ctx    context.Context //nolint:containedctx // it lives as long as one request
	filter listFilter
	reader Viewer
	viewer *watch.Viewer[watch.List]
}

// lookAtList lets a viewer in with their own token, and notes that they look.
func (h *ticketPages) lookAtList(c echo.Context, f listFilter, record audit.Record) (*listLook, error) {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	start := h.now()
	key := watch.ListKey{Account: v.Actor.AccountID, Project: v.Caller.ProjectID, Query: f.query}
	viewer, err := h.watch.JoinList(ctx, key, h.credentials(v))
	if err != nil {
		return nil, err
	}
	if s := viewer.Snapshot(); s.At.IsZero() && s.Trouble != nil {
		viewer.Close()
		return nil, s.Trouble.Err
	}
	record.Duration = since(start, h.now)
	h.noteViewOf(c, f.address(""), record)
	return &listLook{h: h, ctx: ctx, filter: f, reader: v, viewer: viewer}, nil
}

// show renders the newest snapshot: once for all who see the same, and then
// with what is unread for the reader.
func (l *listLook) show(have *live.Outline) (*live.Version[templates.Tickets], bool, error) {
	s := l.viewer.Snapshot()
	class := l.class(s)
	r, err := l.versions(class).Render(everybody(l.ctx), weak.Make(s), have,
		func() (templates.Tickets, error) { return l.describe(s, class), nil })
	if err != nil {
		return nil, false, err
	}
	r, err = l.forReader(r)
	return r, false, err
}

func (l *listLook) known(digest string) *live.Outline {
	return l.versions(l.class(l.viewer.Snapshot())).Known(digest)
}

func (l *listLook) view() string { return viewName(l.reader, "list "+l.filter.values().Encode()) }

func (l *listLook) versions(c live.Class) *live.Versions[templates.Tickets] {
	return l.h.lists.Get(live.Key{View: l.view(), Class: l.filter.class + "\x00" + c.Name,
		Language: string(i18n.From(l.ctx)),
		Zone:     i18n.ZoneFrom(l.ctx).String()})
}

// narrow marks the class of those who may not open tickets.
const narrow = "narrow "

// class is what the rules hide from the reader, asked once for each person and
// reading, and whether they may see how far tickets are.
func (l *listLook) class(s *watch.List) live.Class {
	class := live.ClassOf(&l.h.classes, l.view()+"\x00"+l.reader.Actor.UserID, s,
		func() live.Class { return live.Class{Name: l.hidden(s), Sees: true} })
	if !l.viewer.Whole() {
		class.Name = narrow + class.Name
	}
	return class
}

// hidden lists the tickets that the rules hide from the reader.
func (l *listLook) hidden(s *watch.List) string {
	var ids []string
	for _, t := range slices.Concat(s.Page.Tickets, s.Waiting) {
		if !l.h.maySee(l.reader, coc.Ticket{ExecuteUUID: t.ExecuteUUID, ScriptName: t.Name, Creator: t.Creator,
			Status: t.Status}) {
			ids = append(ids, string(t.ExecuteUUID))
		}
	}
	slices.Sort(ids)
	return strings.Join(slices.Compact(ids), " ")
}

// describe makes the page of a snapshot for one class of readers.
func (l *listLook) describe(s *watch.List, class live.Class) templates.Tickets {
	f, t := &l.filter, i18n.T(l.ctx)
	name, isNarrow := strings.CutPrefix(class.Name, narrow)
	if isNarrow {
		s = &watch.List{Meta: s.Meta, Page: s.Page, Waiting: s.Waiting, WaitingTotal: s.WaitingTotal}
	}
	hides := map[string]bool{}
	for id := range strings.FieldsSeq(name) {
		hides[id] = true
	}
	page := templates.Tickets{Frame: templates.Frame{Here: f.address("")}, Total: s.Page.Total, ReadAt: s.At,
		Filter: templates.TicketFilter{Scope: f.scope}, Filtered: f.filtered(), Running: -1, All: -1}
	all := s.Page.Tickets
	if f.attention {
		all = f.waiting(s.Waiting)
		page.Total = int64(len(f.chosen(all)))
	} else if f.scope != scopeTeam {
		all = all[:min(len(all), ticketsPerPage)]
	}
	if last := f.last(s.Page); last != "" {
		q := f.values()
		q.Set("after", last)
		page.Pager.Older = present.Address("/tickets", q)
	}
	if f.partial && !f.attention {
		page.Read = len(all)
	}
	if f.alone {
		page.Filter.Scope = "alone"
	}
	page.Rows, page.Hidden = rowsOf(s, f.chosen(all), hides)
	page.Narrow = isNarrow && len(page.Rows) > 0 // an empty list tells nobody what they may
	page.Live.Title = t.Title.Tickets
	if f.query.Marker == 0 {
		page.Decisions = f.decisions(s, hides)
		page.Icon = page.Decisions.Icon
		if n := page.Decisions.Count; n > 0 {
			page.Live.Title = t.List.Title(n, page.Live.Title)
		}
		f.count(&page, s)
	}
	// A list is read seldom: whoever waits for a second failure believes old rows for a minute.
	if s.Trouble != nil {
		page.Trouble = present.TroubleOf(s.Trouble, &t.Problem)
	}
	return page
}

// count puts the numbers of the tabs into the page, as far as a whole list tells them.
func (f *listFilter) count(page *templates.Tickets, s *watch.List) {
	if f.query != (coc.TicketQuery{Limit: f.query.Limit}) {
		return
	}
	page.All = s.Page.Total
	if int64(len(s.Page.Tickets)) >= s.Page.Total {
		page.Running = 0
		for _, t := range s.Page.Tickets {
			if t.Status == coc.TicketProcessing {
				page.Running++
			}
		}
	}
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
		row := present.TicketRow(t, s.At)
		if known, ok := s.Figures[t.ExecuteUUID]; ok {
			row.Counts, row.Total, row.Failed = present.Counts(known.Statistics), known.Total, known.Failed()
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

// decisions count the tickets that wait for somebody, whatever the list is narrowed to.
func (f *listFilter) decisions(s *watch.List, hides map[string]bool) *templates.Decisions {
	rows, _ := rowsOf(s, s.Waiting, hides)
	more := s.WaitingTotal - int64(len(s.Waiting))
	d := &templates.Decisions{Count: int64(len(rows)) + more, Icon: present.IconOf(rows)}
	if f.attention && more > 0 {
		all := listFilter{scope: f.scope}
		d.Abnormal, d.Paused = all.with("status", string(present.FailedWord(s.Waiting))),
			all.with("status", string(coc.TicketPaused))
	}
	return d
}

// take puts what a snapshot shows into the page of a request.
func take(page *templates.Tickets, from templates.Tickets) {
	page.Rows, page.Decisions, page.Total, page.Read, page.Hidden, page.Narrow = from.Rows, from.Decisions, from.Total,
		from.Read, from.Hidden, from.Narrow
	page.Running, page.All = from.Running, from.All
	page.Pager, page.Trouble, page.ReadAt, page.Unread, page.Live = from.Pager, from.Trouble, from.ReadAt, from.Unread,
		from.Live
	page.Filter.Scope = from.Filter.Scope
	if from.Live.Title != "" {
		page.Frame.Title = from.Live.Title
	}
}

// TicketListEvents is the stream of what changes on the list's first page.
func (h *ticketPages) TicketListEvents(c echo.Context) error {
	leave, err := h.streamSlot(c)
	if err != nil {
		return err
	}
	defer leave()
	wrong := templates.Tickets{Errors: templates.FieldErrors{}}
	f, times := h.readTicketFilter(c, &wrong)
	if len(wrong.Errors) > 0 || times.Local || f.query.Marker != 0 {
		return &Problem{Status: http.StatusUnprocessableEntity, Kind: ProblemBadInput,
			Value: shortened(c.QueryString())}
	}
	record := audit.Record{Action: audit.ActionTicketListed, Detail: f.detail()}
	l, err := h.lookAtList(c, f, record)
	if err != nil {
		return h.lookFailed(c, record, watchProblem(err))
	}
	defer l.viewer.Close()
	return serveStream(h.base, c, l.viewer, l)
}

// showViews describes whose tickets can be listed, and the reader's own views.
func (h *ticketPages) showViews(c echo.Context, page *templates.Tickets, f listFilter) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	team := f.scope == scopeTeam || len(h.rules.Rules().Teams(operate.PersonOf(v.Actor))) > 0
	page.Tabs = f.tabs(team)
	page.View = f.values().Encode()
	var err error
	page.Saved, err = h.savedOn(ctx, store.SavedTickets, viewAddress)
	return err
}

// viewAddress is the list as it was saved.
func viewAddress(query string) string {
	if query == "" {
		return "/tickets"
	}
	return "/tickets?" + query
}

// viewNames are the values that a list's address may have and a saved view keeps.
var viewNames = []string{"scope", "status", "creator", "name", "from", "to", "range"}

// maxView bounds what is saved of an address, in bytes.
const maxView = 2000

// viewOf reads a view as a form has it: the values that the list knows, always
// written the same way.
func viewOf(text string) (string, error) {
	all, err := url.ParseQuery(text)
	if err != nil || len(text) > maxView || !ansi.Shows(text) {
		return "", errors.Join(&Problem{Status: http.StatusUnprocessableEntity, Kind: ProblemBadInput,
			Value: shortened(text)}, err)
	}
	kept := url.Values{}
	for _, name := range viewNames {
		if value := all.Get(name); value != "" && ansi.Shows(value) {
			kept.Set(name, value)
		}
	}
	return kept.Encode(), nil
}

// SaveView keeps the list of the form under its name, for its reader alone.
func (h *ticketPages) SaveView(c echo.Context) error {
	view, err := viewOf(c.FormValue("view"))
	if err != nil {
		return err
	}
	label := strings.TrimSpace(bounded(c.FormValue("label")))
	problem, err := h.save(c.Request().Context(), store.SavedTickets, label, view)
	switch {
	case err != nil:
		return err
	case problem == "":
		return c.Redirect(http.StatusSeeOther, viewAddress(view))
	}
	return h.viewAgain(c, view, label, problem)
}

// viewAgain shows the list again, with the name that was typed.
func (h *ticketPages) viewAgain(c echo.Context, view, label, problem string) error {
	r := c.Request().Clone(c.Request().Context())
	r.Method, r.URL.Path, r.URL.RawQuery = http.MethodGet, "/tickets", view
	again := c.Echo().NewContext(r, c.Response())
	page := h.newTickets(again)
	if page.SaveLabel = label; problem != "" {
		page.Errors["label"] = problem
	}
	return h.showTickets(again, page)
}

// DeleteView forgets one of the reader's own views, and shows the list again.
func (h *ticketPages) DeleteView(c echo.Context) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	view, err := viewOf(c.FormValue("view"))
	if err != nil {
		return err
	}
	if err := h.saved.Delete(ctx, store.SavedTickets, v.Actor.UserID, c.FormValue("label")); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, viewAddress(view))
}
