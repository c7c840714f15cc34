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
	"coc-console/templates"
)

// Instance shows one instance with its log.
func (h *Handlers) Instance(c echo.Context) error {
	now, err := h.readInstance(c)
	if err != nil {
		return err
	}
	id, row := string(now.Ticket.ExecuteUUID), *now.Instance
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	page := templates.InstancePage{
		Ticket: ticketHead(now.Ticket, h.Now()), TicketAddress: batchAddress(id, now.InstanceBatch),
		Instance: instance(id, now.InstanceBatch, row, now.Situation, h.Now(), h.offers(ctx, v, now.Situation, nil)),
		Log:      parseLog(row.Message), LogBytes: len(row.Message), ReadAt: h.Now(),
	}
	page.Frame = h.Frame(c, i18n.T(ctx).Title.Instance(instanceTitle(page.Instance), ticketName(now.Ticket)), templates.SectionTickets)
	if row.Message != "" {
		page.Download = logAddress(id, coc.InstanceID(row), now.InstanceBatch)
	}
	if !row.Status.Terminal() {
		page.Refresh = refreshAfter(now.Ticket.Status)
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
func (h *Handlers) InstanceLog(c echo.Context) error {
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
func (h *Handlers) readInstance(c echo.Context) (operate.Reading, error) {
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
		return operate.Reading{}, &Problem{Status: http.StatusBadRequest, Kind: ProblemBadInstance, Value: shortened(text), Err: err}
	}
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	start := h.Now()
	now, err := h.Operations.Read(ctx, v.Caller, ticket, coc.Operation{Type: coc.CancelInstance, InstanceID: id},
		batchHint(c.QueryParam("batch")))
	record := audit.Record{Action: audit.ActionLogViewed, Ticket: string(ticket), InstanceID: id, Duration: since(start, h.Now)}
	var target *operate.TargetError
	switch {
	case errors.As(err, &target):
		return operate.Reading{}, err
	case err != nil:
		return operate.Reading{}, h.lookFailed(c, record, err)
	}
	if err := h.see(c, now.Ticket); err != nil {
		return operate.Reading{}, err
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
