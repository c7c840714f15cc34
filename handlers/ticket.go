package handlers

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/internal/watch"
	"coc-console/templates"
)

// How often a page without a stream asks again, in seconds: while its ticket
// runs, and while it waits for a decision.
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
	return visible(bounded(text))
}

// Ticket shows one ticket with its instances.
func (h *Handlers) Ticket(c echo.Context) error {
	l, err := h.lookAtTicket(c)
	if err != nil {
		return err
	}
	defer l.viewer.Close()
	r, final, err := l.show()
	if err != nil {
		return err
	}
	page := r.page
	page.Rendered, page.Digest = r.html, r.digest
	page.Frame = h.Frame(c, page.Live.Title, templates.SectionTickets)
	page.Refresh = refreshAfter(coc.TicketStatus(page.Head.Status))
	if !final {
		page.Address = l.address("/events")
	}
	return Render(c, http.StatusOK, page)
}

// TicketEvents is the stream of what changes on a ticket's page.
func (h *Handlers) TicketEvents(c echo.Context) error {
	leave, err := h.seat(c)
	if err != nil {
		return err
	}
	defer leave()
	l, err := h.lookAtTicket(c)
	if err != nil {
		return err
	}
	defer l.viewer.Close()
	return serveStream(h, c, source[templates.Ticket]{changed: l.viewer.Changed(), err: l.viewer.Err, show: l.show, known: l.known})
}

// ticketLook is one look at a ticket, by somebody who may.
type ticketLook struct {
	h      *Handlers
	ctx    context.Context //nolint:containedctx // it lives as long as one request
	id     coc.ExecuteUUID
	filter instanceFilter
	reader Viewer
	viewer *watch.Viewer[watch.Snapshot]
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
func (h *Handlers) lookAtTicket(c echo.Context) (*ticketLook, error) {
	id, err := ticketParam(c)
	if err != nil {
		return nil, err
	}
	return h.look(c, id)
}

// look lets a viewer in with their own token, and notes that they look.
func (h *Handlers) look(c echo.Context, id coc.ExecuteUUID) (*ticketLook, error) {
	filter, err := readInstanceFilter(c)
	if err != nil {
		return nil, err
	}
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	start := h.Now()
	record := audit.Record{Action: audit.ActionTicketViewed, Ticket: string(id)}
	viewer, err := h.Watch.Join(ctx, watchKey(v, id), h.credentials(v))
	record.Duration = since(start, h.Now)
	if err != nil {
		return nil, h.lookFailed(c, record, watchProblem(err))
	}
	l := &ticketLook{h: h, ctx: ctx, id: id, filter: filter, reader: v, viewer: viewer}
	if err := l.check(c); err != nil {
		viewer.Close()
		return nil, err
	}
	record.Target, record.Detail = viewer.Snapshot().Ticket.ScriptName, detail("batch", filter.batchText(), "status", string(filter.Status), "q", filter.Search)
	h.noteViewOf(c, l.address(""), record)
	s := viewer.Snapshot()
	h.opened(ctx, v, shownTicket{id: string(id), status: string(s.Ticket.Status), failed: s.Statistics.Count(coc.InstanceAbnormal)})
	return l, nil
}

// check refuses a snapshot in which nothing could be read, what the rules hide,
// and what can only be a mistake once the ticket is known.
func (l *ticketLook) check(c echo.Context) error {
	s := l.viewer.Snapshot()
	if s.TicketAt.IsZero() && s.Trouble != nil {
		return watchProblem(s.Trouble.Err)
	}
	if err := l.h.see(c, s.Ticket); err != nil {
		return err
	}
	return l.filter.fits(s)
}

// address is the page's own, with something behind its path.
func (l *ticketLook) address(below string) string {
	path := ticketAddress(string(l.id)) + below
	if q := l.filter.query(); q != "" {
		path += "?" + q
	}
	return path
}

// show renders the newest snapshot, once for all who see the same.
func (l *ticketLook) show() (*rendering[templates.Ticket], bool, error) {
	s := l.viewer.Snapshot()
	class := l.class(s)
	if !class.sees {
		return nil, false, &watch.Ended{Reason: watch.ReasonForbidden}
	}
	r, err := l.board(class).show(l.ctx, s, func() (templates.Ticket, error) { return l.describe(s) })
	return r, s.Final, err
}

// known is the version of the page with that digest, if it is not forgotten.
func (l *ticketLook) known(digest string) *rendering[templates.Ticket] {
	return l.board(l.class(l.viewer.Snapshot())).known(digest)
}

func (l *ticketLook) board(c readerClass) *board[templates.Ticket] {
	return l.h.tickets.get(boardKey{view: viewName(l.reader, string(l.id)), class: c.name, language: i18n.From(l.ctx),
		zone: i18n.ZoneFrom(l.ctx).String(), query: l.filter.query()})
}

// class asks the rules what they let the reader see and do now, once for each
// person and reading.
func (l *ticketLook) class(s *watch.Snapshot) readerClass {
	return l.h.classes.of(viewName(l.reader, string(l.id))+"\x00"+l.reader.Actor.UserID, s, func() readerClass {
		if !l.h.maySee(l.reader, s.Ticket) {
			return readerClass{}
		}
		now, may := l.offers(s)
		choices(now, may)
		for _, r := range (instanceFilter{}).rows(s) {
			may.denied(coc.Operation{Type: coc.CancelInstance, InstanceID: r.ID}, &r.Instance.Instance)
		}
		return readerClass{name: may.class(), sees: true}
	})
}

// offers is what the rules say of the ticket's operations at a reading.
func (l *ticketLook) offers(s *watch.Snapshot) (operate.Situation, *offers) {
	now, rows := situationOf(s), map[int32][]coc.Instance{}
	for _, b := range s.Batches {
		for _, r := range b.Instances {
			rows[b.Index] = append(rows[b.Index], r.Instance)
		}
	}
	return now, l.h.offers(l.ctx, l.reader, now, rows)
}

func ticketName(t coc.Ticket) string {
	return visible(cmp.Or(t.ScriptName, string(t.ExecuteUUID)))
}

func refreshAfter(s coc.TicketStatus) int {
	switch {
	case s.Terminal():
		return 0
	case s == coc.TicketAbnormal || s == coc.TicketPaused:
		return refreshWaiting
	}
	return refreshRunning
}

// lookFailed notes a ticket that could not be read, and hands the error on to
// the error page.
func (h *Handlers) lookFailed(c echo.Context, record audit.Record, err error) error {
	if upstream, ok := errors.AsType[*coc.Error](err); ok {
		record.Outcome, record.Upstream = audit.OutcomeFailed, upstreamOf(upstream)
		if upstream.Forbidden() {
			record.Outcome = audit.OutcomeDenied
		}
		h.noteView(c, record)
	}
	return err
}
