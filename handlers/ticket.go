package handlers

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"weak"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/ansi"
	"coc-console/internal/coc"
	"coc-console/internal/course"
	"coc-console/internal/i18n"
	"coc-console/internal/listing"
	"coc-console/internal/live"
	"coc-console/internal/operate"
	"coc-console/internal/presence"
	"coc-console/internal/present"
	"coc-console/internal/store"
	"coc-console/internal/watch"
	"coc-console/templates"
)

// How often a page without a stream asks again, in seconds: while its ticket runs, and while it waits for a decision.
const (
	refreshRunning = 5
	refreshWaiting = 10
)

// ticketParam reads the ticket's key from the address.
func ticketParam(c echo.Context) (coc.ExecuteUUID, error) {
	text, err := url.PathUnescape(c.Param("execute_uuid"))
	if err != nil {
		text = c.Param("execute_uuid")
	}
	id, err := coc.ParseExecuteUUID(text)
	if err != nil {
		return "", &Problem{Status: http.StatusBadRequest, Kind: ProblemBadUUID, Value: shortened(text), Err: err}
	}
	return id, nil
}

// shortened bounds a value that stood in the path.
func shortened(text string) string {
	if len(text) > 100 {
		text = text[:100] + "…"
	}
	return ansi.Visible(bounded(text))
}

// Ticket shows one ticket with its instances.
func (h *ticketPages) Ticket(c echo.Context) error {
	l, err := h.lookAtTicket(c)
	if err != nil {
		return err
	}
	defer l.viewer.Close()
	r, final, err := l.show(nil)
	if err != nil {
		return err
	}
	page := r.Page
	page.Digest = r.Digest
	page.Frame = h.Frame(c, page.Live.Title, templates.SectionTickets)
	page.Refresh = refreshAfter(coc.TicketStatus(page.Head.Status), page.Head.Over)
	o := h.onTicket(l.ctx, l.id, presence.Act{})
	others := o.visit()
	if !final {
		page.Address = present.WithHere(l.address("/events"), others)
	}
	own, err := l.own(o, others)
	if err != nil {
		return err
	}
	return h.renderAround(c, http.StatusOK, page, r.Body, own)
}

// TicketEvents is the stream of what changes on a ticket's page.
func (h *ticketPages) TicketEvents(c echo.Context) error {
	leave, err := h.streamSlot(c)
	if err != nil {
		return err
	}
	defer leave()
	l, err := h.lookAtTicket(c)
	if err != nil {
		return err
	}
	defer l.viewer.Close()
	rung, stop := h.bells.Listen(string(l.id))
	defer stop()
	own, end := h.onTicket(l.ctx, l.id, presence.Act{}).stay(c)
	defer end()
	return serveStream(h.base, c, l.viewer, rung, l, own)
}

// ticketLook is one look at a ticket, by somebody who may.
type ticketLook struct {
	h      *ticketPages
	ctx    context.Context //nolint:containedctx // it lives as long as one request
	id     coc.ExecuteUUID
	filter present.InstanceFilter
	ticked []string // rows, by the address
	reader Viewer
	viewer *watch.Viewer[watch.Snapshot]
	asked  *present.Permissions // of the snapshot that is shown; nil: the rules were not asked yet
}

// watchKey names a ticket as the viewer's project sees it.
func watchKey(v Viewer, id coc.ExecuteUUID) watch.Key {
	return watch.Key{Account: v.Actor.AccountID, Project: v.Caller.ProjectID, Ticket: id}
}

// viewName tells apart what may not be shared.
func viewName(v Viewer, kind string) string {
	name := v.Actor.AccountID + "\x00" + v.Caller.ProjectID + "\x00" + kind
	if v.Caller.ProjectID == "" {
		name += "\x00" + v.SessionKey
	}
	return name
}

// lookAtTicket looks at the ticket of the address.
func (h *ticketPages) lookAtTicket(c echo.Context) (*ticketLook, error) {
	id, err := ticketParam(c)
	if err != nil {
		return nil, err
	}
	return h.look(c, id)
}

// look lets a viewer in with their own token, and notes that they look.
func (h *ticketPages) look(c echo.Context, id coc.ExecuteUUID) (*ticketLook, error) {
	filter, err := readInstanceFilter(c)
	if err != nil {
		return nil, err
	}
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	start := h.now()
	record := audit.Record{Action: audit.ActionTicketViewed, Ticket: string(id)}
	viewer, err := h.watch.Join(ctx, watchKey(v, id), h.credentials(v))
	record.Duration = since(start, h.now)
	if err != nil {
		return nil, h.lookFailed(c, record, watchProblem(err))
	}
	l := &ticketLook{h: h, ctx: ctx, id: id, filter: filter, reader: v, viewer: viewer}
	l.ticked = c.QueryParams()["target"]
	if err := l.check(c); err != nil {
		viewer.Close()
		return nil, err
	}
	h.watch.Looked(watchKey(v, id), h.lent(v))
	record.Target, record.Detail = viewer.Snapshot().Ticket.ScriptName,
		detail("batch", filter.BatchText(), "status", string(filter.Status), "q", filter.Search)
	h.noteViewOf(c, l.address(""), record)
	s := viewer.Snapshot()
	h.opened(ctx, v, store.ShownTicket{ID: string(id), Status: string(s.Ticket.Status), Failed: s.Statistics.Failed()})
	return l, nil
}

// check refuses a snapshot in which nothing could be read, what the rules hide,
// and what can only be a mistake once the ticket is known.
func (l *ticketLook) check(c echo.Context) error {
	s := l.viewer.Snapshot()
	if s.TicketAt.IsZero() && s.Trouble != nil {
		return watchProblem(s.Trouble.Err)
	}
	if err := l.h.authorizeView(c, s.Ticket); err != nil {
		return err
	}
	return l.filter.Fits(s)
}

// address is the page's own, with something behind its path.
func (l *ticketLook) address(below string) string {
	path := present.TicketAddress(string(l.id)) + below
	if q := l.filter.Query(); q != "" {
		path += "?" + q
	}
	return path
}

// show renders the newest snapshot, once for all who see the same.
func (l *ticketLook) show(have *live.Outline) (*live.Version[templates.Ticket], bool, error) {
	s := l.viewer.Snapshot()
	l.asked = nil
	class := l.class(s)
	if !class.Sees {
		return nil, false, &watch.Ended{Reason: watch.ReasonForbidden}
	}
	of := shownTicket{snapshot: weak.Make(s)}
	var deeds []course.Deed
	var err error
	if l.h.histories != nil { // what is kept costs nothing; a search is made for a new reading alone
		if deeds, err = l.h.history(l.ctx, string(l.id)); err != nil {
			return nil, false, err
		}
		if len(deeds) > 0 {
			of.deeds = deeds[0].Sequence
		}
	}
	r, err := l.versions(class).Render(everybody(l.ctx), of, have, func() (templates.Ticket, error) {
		if l.h.histories == nil {
			if deeds, err = l.h.history(l.ctx, string(l.id)); err != nil {
				return templates.Ticket{}, err
			}
		}
		return l.describe(s, deeds), nil
	})
	l.asked = nil
	return r, s.Final, err
}

// shownTicket is what a version of the page shows: a reading, and what was done until a record of the log.
type shownTicket struct {
	snapshot weak.Pointer[watch.Snapshot]
	deeds    int64
}

// known is the outline of the page with that digest, if it is not forgotten.
func (l *ticketLook) known(digest string) *live.Outline {
	return l.versions(l.class(l.viewer.Snapshot())).Known(digest)
}

func (l *ticketLook) versions(c live.Class) *live.Versions[templates.Ticket] {
	return l.h.tickets.Get(live.Key{View: viewName(l.reader, string(l.id)), Class: c.Name,
		Language: string(i18n.From(l.ctx)),
		Zone:     i18n.ZoneFrom(l.ctx).String(), Query: strings.Join(append([]string{l.filter.Query()}, l.ticked...), " ")})
}

// class asks the rules what they let the reader see and do now, once for each person and reading.
func (l *ticketLook) class(s *watch.Snapshot) live.Class {
	return live.ClassOf(&l.h.classes, viewName(l.reader, string(l.id))+"\x00"+l.reader.Actor.UserID, s,
		func() live.Class {
			if !l.h.maySee(l.reader, s.Ticket) {
				return live.Class{}
			}
			now, may := l.permissions(s)
			present.Choices(now, may)
			may.AskRows()
			l.asked = may
			return live.Class{Name: may.Class(), Sees: true}
		})
}

// permissions is what the rules say of the ticket's operations at a reading.
func (l *ticketLook) permissions(s *watch.Snapshot) (operate.Situation, *present.Permissions) {
	subject := l.h.subjects.Of(s, present.SubjectOf)
	if l.asked != nil {
		return subject.Now, l.asked
	}
	return subject.Now, l.h.permissions(l.ctx, l.reader, subject, s)
}

func refreshAfter(s coc.TicketStatus, over bool) int {
	switch {
	case over:
		return 0
	case s.Waits():
		return refreshWaiting
	}
	return refreshRunning
}

// lookFailed notes a ticket that could not be read, and hands the error on to the error page.
func (h *base) lookFailed(c echo.Context, record audit.Record, err error) error {
	if upstream, ok := errors.AsType[*coc.Error](err); ok {
		record.Outcome, record.Upstream = audit.OutcomeFailed, present.UpstreamOf(upstream)
		if upstream.Forbidden() {
			record.Outcome = audit.OutcomeDenied
		}
		h.noteView(c, record)
	}
	return err
}

func readInstanceFilter(c echo.Context) (present.InstanceFilter, error) {
	f, wrong, err := present.ParseInstanceFilter(func(name string) string {
		return strings.TrimSpace(bounded(c.QueryParam(name)))
	})
	if wrong != "" {
		return f, &Problem{Status: http.StatusUnprocessableEntity, Kind: ProblemBadInput, Value: shortened(wrong)}
	}
	f.From = listing.From(f.From)
	return f, err
}
