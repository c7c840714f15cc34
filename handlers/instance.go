package handlers

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/internal/presence"
	"coc-console/internal/present"
	"coc-console/templates"
)

// Instance shows one instance with its log.
func (h *ticketPages) Instance(c echo.Context) error {
	now, err := h.readInstance(c)
	if err != nil {
		return err
	}
	return h.showInstance(c, now, http.StatusOK, templates.MarkForm{})
}

// showInstance renders an instance with what was typed to mark a place in its log.
func (h *ticketPages) showInstance(c echo.Context, now operate.Reading, status int, mark templates.MarkForm) error {
	id, row := string(now.Ticket.ExecuteUUID), *now.Instance
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	page := templates.InstancePage{
		Ticket: present.TicketHead(now.Situation, h.now()), TicketAddress: present.BatchAddress(id, now.InstanceBatch),
		Instance: present.Instance(id, now.InstanceBatch, row, now.Situation, h.now(), h.permissions(ctx, v, present.NewSubject(now.Situation), nil)),
		Log:      templates.ParseLog(row.Message), LogBytes: len(row.Message), ReadAt: h.now(),
	}
	page.Frame = h.Frame(c, i18n.T(ctx).Title.Instance(cmp.Or(page.Instance.HostName, page.Instance.ID),
		present.TicketName(now.Ticket)),
		templates.SectionTickets)
	if row.Message != "" {
		page.Download = present.LogAddress(id, coc.InstanceID(row), now.InstanceBatch)
	}
	if !row.Status.Terminal() {
		page.Refresh = refreshAfter(now.Ticket.Status, now.Over())
	}
	o := h.onTicket(ctx, now.Ticket.ExecuteUUID, presence.Act{})
	page.Presence, page.OwnOnly = o.visit(), true
	of := coc.Operation{InstanceID: coc.InstanceID(row)}
	page.Address = present.WithHere(present.PresenceAddress(id, of, now.InstanceBatch), page.Presence)
	page.Mark = mark
	page.Hosts = present.LogHosts(id, now)
	page.Mark.Action = present.MarkAddress(id, coc.InstanceID(row), now.InstanceBatch)
	return Render(c, status, page)
}

// InstanceLog sends an instance's log as a file, exactly as COC gave it.
func (h *ticketPages) InstanceLog(c echo.Context) error {
	now, err := h.readInstance(c)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s-%d.log", now.Ticket.ExecuteUUID, coc.InstanceID(*now.Instance))
	c.Response().Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	return c.Blob(http.StatusOK, "text/plain; charset=utf-8", []byte(now.Instance.Message))
}

// readInstance finds the instance that the address names and notes that its log was read.
func (h *ticketPages) readInstance(c echo.Context) (operate.Reading, error) {
	start := h.now()
	now, err := h.findInstance(c)
	if err != nil {
		return now, err
	}
	h.noteView(c, audit.Record{Action: audit.ActionLogViewed, Ticket: string(now.Ticket.ExecuteUUID),
		InstanceID: coc.InstanceID(*now.Instance), Duration: since(start, h.now), BatchIndex: now.InstanceBatch,
		Target: now.Instance.Target.HostName})
	return now, nil
}

// findInstance reads the instance that the address names.
func (h *ticketPages) findInstance(c echo.Context) (operate.Reading, error) {
	ticket, err := ticketParam(c)
	if err != nil {
		return operate.Reading{}, err
	}
	text, err := url.PathUnescape(c.Param("id"))
	if err != nil {
		text = c.Param("id")
	}
	id, err := coc.ParseID(text)
	if err != nil {
		return operate.Reading{}, &Problem{Status: http.StatusBadRequest, Kind: ProblemBadInstance, Value: shortened(text),
			Err: err}
	}
	return h.readRow(c, ticket, id, batchHint(c.QueryParam("batch")))
}

// readRow reads one instance of a ticket that the reader may see.
func (h *ticketPages) readRow(c echo.Context, ticket coc.ExecuteUUID, id int64, batch int32) (operate.Reading, error) {
	start := h.now()
	now, err := h.read(c, ticket, coc.Operation{Type: coc.CancelInstance, InstanceID: id}, batch)
	if _, wrong := errors.AsType[*operate.TargetError](err); err != nil && !wrong {
		err = h.lookFailed(c, audit.Record{Action: audit.ActionLogViewed, Ticket: string(ticket), InstanceID: id,
			Duration: since(start, h.now)}, err)
	}
	if err != nil {
		return operate.Reading{}, err
	}
	return now, nil
}

// batchHint reads the batch in which an instance was seen. A wrong one only
// costs calls, so that it is not worth an error.
func batchHint(text string) int32 {
	n, err := coc.ParseID(text)
	if err != nil || n > coc.MaxBatchIndex {
		return 0
	}
	return int32(n)
}
