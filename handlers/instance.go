package handlers

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/internal/present"
	"coc-console/templates"
)

// Instance shows one instance with its log.
func (h *ticketPages) Instance(c echo.Context) error {
	now, err := h.readInstance(c)
	if err != nil {
		return err
	}
	id, row := string(now.Ticket.ExecuteUUID), *now.Instance
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	page := templates.InstancePage{
		Ticket: present.TicketHead(now.Situation, h.now()), TicketAddress: present.BatchAddress(id, now.InstanceBatch),
		Instance: present.Instance(id, now.InstanceBatch, row, now.Situation, h.now(), h.permissions(ctx, v, present.NewSubject(now.Situation), nil)),
		Log:      templates.ParseLog(row.Message), LogBytes: len(row.Message), ReadAt: h.now(),
	}
	page.Frame = h.Frame(c, i18n.T(ctx).Title.Instance(instanceTitle(page.Instance), present.TicketName(now.Ticket)),
		templates.SectionTickets)
	if row.Message != "" {
		page.Download = present.LogAddress(id, coc.InstanceID(row), now.InstanceBatch)
	}
	if !row.Status.Terminal() {
		page.Refresh = refreshAfter(now.Ticket.Status, now.Over())
	}
	return Render(c, http.StatusOK, page)
}

func instanceTitle(i templates.Instance) string {
	if i.HostName != "" {
		return i.HostName
	}
	return i.ID
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

// readInstance finds the instance that the address names and notes that its
// log was read.
func (h *ticketPages) readInstance(c echo.Context) (operate.Reading, error) {
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
	start := h.now()
	now, err := h.read(c, ticket, coc.Operation{Type: coc.CancelInstance, InstanceID: id},
		batchHint(c.QueryParam("batch")))
	record := audit.Record{Action: audit.ActionLogViewed, Ticket: string(ticket), InstanceID: id,
		Duration: since(start, h.now)}
	var target *operate.TargetError
	switch {
	case errors.As(err, &target):
		return operate.Reading{}, err
	case err != nil:
		return operate.Reading{}, h.lookFailed(c, record, err)
	}
	record.BatchIndex, record.Target = now.InstanceBatch, now.Instance.Target.HostName
	h.noteView(c, record)
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
