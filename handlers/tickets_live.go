package handlers

import (
	"context"
	"errors"
	"fmt"
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
	"coc-console/internal/listing"
	"coc-console/internal/live"
	"coc-console/internal/operate"
	"coc-console/internal/present"
	"coc-console/internal/store"
	"coc-console/internal/watch"
	"coc-console/templates"
)

func listDetail(f listing.Filter) string {
	after := ""
	if f.Query.Marker != 0 {
		after = present.Decimal(f.Query.Marker)
	}
	values := f.Values()
	return detail("scope", f.Scope, "status", values.Get("status"), "creator", values.Get("creator"),
		"name", f.Query.NameLike, "host", f.Host, "from", stamp(f.Query.From), "to", stamp(f.Query.To), "after", after)
}

// listLook is one look at a list, by somebody who may.
type listLook struct {
	h      *ticketPages
	ctx    context.Context //nolint:containedctx // it lives as long as one request
	filter listing.Filter
	reader Viewer
	viewer *watch.Viewer[watch.List]
	deep   *watch.List // what was made of a snapshot last
	of     deepOf
}

// lookAtList lets a viewer in with their own token, and notes that they look, if there is a record.
func (h *ticketPages) lookAtList(c echo.Context, f listing.Filter, record audit.Record) (*listLook, error) {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	start := h.now()
	key := watch.ListKey{Account: v.Actor.AccountID, Project: v.Caller.ProjectID, Query: f.Query}
	viewer, err := h.watch.JoinList(ctx, key, h.credentials(v))
	if err != nil {
		return nil, err
	}
	if s := viewer.Snapshot(); s.At.IsZero() && s.Trouble != nil {
		viewer.Close()
		return nil, s.Trouble.Err
	}
	if record.Duration = since(start, h.now); record.Action != "" {
		h.noteViewOf(c, f.Address(""), record)
	}
	return &listLook{h: h, ctx: ctx, filter: f, reader: v, viewer: viewer}, nil
}

// show renders the newest snapshot: once for all who see the same, and then with what is unread for the reader.
func (l *listLook) show(have *live.Outline) (*live.Version[templates.Tickets], bool, error) {
	s := l.snapshot()
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
	return l.versions(l.class(l.snapshot())).Known(digest)
}

func (l *listLook) view() string { return viewName(l.reader, "list "+l.filter.Values().Encode()) }

func (l *listLook) versions(c live.Class) *live.Versions[templates.Tickets] {
	return l.h.lists.Get(live.Key{View: l.view(), Class: l.filter.Class + "\x00" + c.Name,
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
	ids, isNarrow := strings.CutPrefix(class.Name, narrow)
	return l.filter.Page(s, listing.Hides(ids), isNarrow, i18n.T(l.ctx))
}

// take puts what a snapshot shows into the page of a request.
func take(page *templates.Tickets, from templates.Tickets) {
	page.Rows, page.Decisions, page.Total, page.Read, page.Hidden, page.Narrow = from.Rows, from.Decisions, from.Total,
		from.Read, from.Hidden, from.Narrow
	page.Looked, page.LookedAll = from.Looked, from.LookedAll
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
	errs := templates.FieldErrors{}
	f, times := h.readTicketFilter(c.Request().Context(), c.QueryParams(), errs)
	if len(errs) > 0 || times.Local || f.Query.Marker != 0 {
		return &Problem{Status: http.StatusUnprocessableEntity, Kind: ProblemBadInput,
			Value: shortened(c.QueryString())}
	}
	record := audit.Record{Action: audit.ActionTicketListed, Detail: listDetail(f)}
	l, err := h.lookAtList(c, f, record)
	if err != nil {
		return h.lookFailed(c, record, watchProblem(err))
	}
	defer l.viewer.Close()
	rung, stop := h.bells.Listen(anyTicket)
	defer stop()
	return serveStream(h.base, c, l.viewer, rung, l, live.Own{})
}

// showViews describes whose tickets can be listed, and the reader's own views.
func (h *ticketPages) showViews(c echo.Context, page *templates.Tickets, f listing.Filter) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	team := f.Scope == listing.ScopeTeam || len(h.rules.Rules().Teams(operate.PersonOf(v.Actor))) > 0
	page.Tabs = f.Tabs(team)
	if page.View = f.Values().Encode(); f.Plain() && !f.Attention && f.Host == "" && f.Scope == "" {
		page.View = "" // all tickets
	}
	var err error
	if page.Saved, err = h.savedOn(ctx, store.SavedTickets, viewAddress); err != nil {
		return err
	}
	page.Teams = h.rules.Rules().Teams(operate.PersonOf(v.Actor))
	for _, team := range page.Teams {
		shared, err := h.saved.List(ctx, store.SavedTickets, store.TeamOwner(v.Actor.AccountID, team))
		if err != nil {
			return err
		}
		for _, one := range shared {
			page.Saved = append(page.Saved, templates.SavedSearch{Name: one.Name, Query: one.Query, Team: team,
				Address: viewAddress(one.Query)})
		}
	}
	return nil
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

// viewOf reads a view as a form has it: the values that the list knows, always written the same way.
func viewOf(text string) (string, error) {
	all, err := url.ParseQuery(text)
	if err != nil || len(text) > maxView || !ansi.Shows(text) {
		return "", errors.Join(&Problem{Status: http.StatusUnprocessableEntity, Kind: ProblemBadInput,
			Value: shortened(text)}, err)
	}
	kept := url.Values{}
	for _, name := range listing.Names {
		if value := all.Get(name); value != "" && ansi.Shows(value) {
			kept.Set(name, value)
		}
	}
	return kept.Encode(), nil
}

// viewOwner is whose a view of a form is: its reader's or, with a team that they are a member of, the team's.
func (h *ticketPages) viewOwner(c echo.Context) (owner, team string, err error) {
	v, _ := ViewerFrom(c.Request().Context())
	if team = bounded(c.FormValue("team")); team == "" {
		return v.Actor.UserID, "", nil
	}
	if !slices.Contains(h.rules.Rules().Teams(operate.PersonOf(v.Actor)), team) {
		return "", "", &Problem{Status: http.StatusForbidden, Kind: ProblemDenied}
	}
	return store.TeamOwner(v.Actor.AccountID, team), team, nil
}

// SaveView keeps the list of the form under its name, for its reader alone or for a team of theirs.
func (h *ticketPages) SaveView(c echo.Context) error {
	view, err := viewOf(c.FormValue("view"))
	if err != nil {
		return err
	}
	label := strings.TrimSpace(bounded(c.FormValue("label")))
	owner, team, err := h.viewOwner(c)
	if err != nil {
		return err
	}
	problem, err := h.save(c.Request().Context(), store.SavedTickets, owner, label, view)
	switch {
	case err != nil:
		return err
	case problem == "":
		if team != "" {
			h.note(c.Request().Context(), audit.Record{Action: audit.ActionViewShared,
				Detail: detail("team", team, "name", label, "view", view)})
		}
		return c.Redirect(http.StatusSeeOther, viewAddress(view))
	}
	return h.viewAgain(c, view, label, problem)
}

// viewAgain shows the list again, with the name that was typed.
func (h *ticketPages) viewAgain(c echo.Context, view, label, problem string) error {
	chosen, err := url.ParseQuery(view)
	if err != nil {
		return fmt.Errorf("read the list of a view: %w", err)
	}
	page := h.newTickets(c)
	page.Here = viewAddress(view)
	page.SaveTeam = bounded(c.FormValue("team"))
	if page.SaveLabel = label; problem != "" {
		page.Errors["label"] = problem
	}
	return h.showTickets(c, chosen, page)
}

// DeleteView forgets one of the reader's own views, and shows the list again.
func (h *ticketPages) DeleteView(c echo.Context) error {
	ctx := c.Request().Context()
	view, err := viewOf(c.FormValue("view"))
	if err != nil {
		return err
	}
	owner, team, err := h.viewOwner(c)
	if err != nil {
		return err
	}
	if err := h.saved.Delete(ctx, store.SavedTickets, owner, c.FormValue("label")); err != nil {
		return err
	}
	if team != "" {
		h.note(ctx, audit.Record{Action: audit.ActionViewRemoved,
			Detail: detail("team", team, "name", bounded(c.FormValue("label")))})
	}
	return c.Redirect(http.StatusSeeOther, viewAddress(view))
}
