package handlers

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/live"
	"coc-console/internal/present"
	"coc-console/internal/store"
	"coc-console/templates"
)

func visitorOf(v Viewer) store.Visitor {
	return store.Visitor{UserID: v.Actor.UserID, ProjectID: v.Actor.ProjectID}
}

// visited notes what somebody is shown, and says what is new about it and since when. Without a database nothing is.
func (h *ticketPages) visited(ctx context.Context, who Viewer, shown []store.ShownTicket) (all map[string]store.News,
	since time.Time) {
	all, since, err := h.visits.Look(ctx, visitorOf(who), h.now(), shown)
	if err != nil && ctx.Err() == nil {
		h.logger.WarnContext(ctx, "visit not noted", "user", who.Actor.UserID, "error", err)
	}
	return all, since
}

// opened notes that somebody looks at a ticket itself.
func (h *ticketPages) opened(ctx context.Context, who Viewer, t store.ShownTicket) {
	if err := h.visits.Open(ctx, visitorOf(who), h.now(), t); err != nil && ctx.Err() == nil {
		h.logger.WarnContext(ctx, "opened ticket not noted", "ticket", t.ID, "error", err)
	}
}

// shown are the tickets of a page, each once.
func shown(p templates.Tickets) []store.ShownTicket {
	var all []store.ShownTicket
	for _, r := range p.Rows {
		failed := int32(-1)
		if r.Total > 0 {
			failed = r.Failed
		}
		all = append(all, store.ShownTicket{ID: r.ID, Status: r.Status, Failed: failed, Created: r.Created})
	}
	return all
}

// forReader puts what is unread into a rendering that others share.
func (l *listLook) forReader(r *live.Version[templates.Tickets]) (*live.Version[templates.Tickets], error) {
	found, since := l.h.visited(l.ctx, l.reader, shown(r.Page))
	asked, open := l.h.asked(l.ctx, l.reader), l.h.open(l.ctx, r.Page)
	if len(found) == 0 && len(asked) == 0 && len(open) == 0 {
		return r, nil
	}
	parts := []templates.Fragment{templates.Unread{Count: len(found), Since: since}.Fragment(r.Page.Here)}
	for _, row := range r.Page.Rows {
		n, isNew := found[row.ID]
		if o, isOpen := open[row.ID]; isOpen {
			row.Pending, row.Receipt = o.OperationType, present.ReceiptAddress(o.OperationID)
		}
		if row.News, row.Asked = templates.News(n), asked[row.ID]; isNew || row.Asked != "" || row.Pending != "" {
			parts = append(parts, row.Fragment())
		}
	}
	own, err := r.With(l.ctx, parts)
	if err == nil {
		l.h.lists.Remember(own.Outline)
	}
	return own, err
}

// asked are the tickets of the reader's account with an operation that waits for approval, by the address of that. They
// are shown with tickets that the reader may see.
func (h *ticketPages) asked(ctx context.Context, v Viewer) map[string]string {
	all, err := h.approvals.Waiting(ctx, v.Actor.AccountID)
	if err != nil {
		h.logger.WarnContext(ctx, "approvals of tickets not read", "user", v.Actor.UserName, "error", err)
		return nil
	}
	asked := make(map[string]string, len(all))
	for _, a := range all {
		asked[string(a.Ticket)] = present.ApprovalAddress(a.ID)
	}
	return asked
}

// open are the operations without an end on a page's tickets.
func (h *ticketPages) open(ctx context.Context, page templates.Tickets) map[string]audit.Record {
	ids := make([]string, 0, len(page.Rows))
	for _, r := range page.Rows {
		ids = append(ids, r.ID)
	}
	open, err := h.operations.Newest(ctx, ids)
	if err != nil && ctx.Err() == nil {
		h.logger.WarnContext(ctx, "open operations of tickets not read", "error", err)
	}
	return open
}

// mark puts what is unread into a page that is nobody else's.
func (l *listLook) mark(page *templates.Tickets) {
	found, since := l.h.visited(l.ctx, l.reader, shown(*page))
	page.Unread = templates.Unread{Count: len(found), Since: since}
	asked, open := l.h.asked(l.ctx, l.reader), l.h.open(l.ctx, *page)
	for i, row := range page.Rows {
		page.Rows[i].News, page.Rows[i].Asked = templates.News(found[row.ID]), asked[row.ID]
		if o, isOpen := open[row.ID]; isOpen {
			page.Rows[i].Pending, page.Rows[i].Receipt = o.OperationType, present.ReceiptAddress(o.OperationID)
		}
	}
}

// TicketsSeen takes all marks away, and comes back to the list.
func (h *ticketPages) TicketsSeen(c echo.Context) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	if err := h.visits.SeenAll(ctx, visitorOf(v), h.now()); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, returnTo(c.FormValue("return")))
}
