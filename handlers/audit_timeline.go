package handlers

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/ansi"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/present"
	"coc-console/templates"
)

// Timeline tells the records of one ticket or one operation in the order in which
// things happened: each operation as one, and views only by their number.
func (h *Handlers) Timeline(c echo.Context) error {
	ctx := c.Request().Context()
	page := templates.Timeline{Frame: h.Frame(c, i18n.T(ctx).Title.Timeline, templates.SectionAudit)}
	var records []audit.Record
	var err error
	if id := c.QueryParam("operation"); id != "" {
		records, err = h.operationTimeline(c, id, &page)
	} else {
		records, err = h.ticketTimeline(c, &page)
	}
	if err != nil {
		return err
	}
	page.Items = present.TimelineItems(records)
	h.noteView(c, audit.Record{Action: audit.ActionAuditViewed, Ticket: page.Ticket,
		Detail: detail("story", bounded(page.Ticket), "operation", bounded(page.Operation), "before", bounded(c.QueryParam("before")))})
	return Render(c, http.StatusOK, page)
}

// operationTimeline reads one operation's records, if the reader may see them.
func (h *Handlers) operationTimeline(c echo.Context, id string, page *templates.Timeline) ([]audit.Record, error) {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	if !ansi.Shows(id) {
		return nil, notFound()
	}
	records, err := h.index.Operation(ctx, id)
	if err != nil {
		return nil, err
	}
	if len(records) == 0 {
		return nil, notFound()
	}
	if err := h.mayRead(ctx, v, records[0]); err != nil {
		return nil, h.denied(c, err)
	}
	page.Operation, page.Ticket = id, records[0].Ticket
	page.TicketAddress = present.TicketAddress(page.Ticket)
	page.Whole = present.TimelineAddress("ticket", page.Ticket)
	page.List = present.AuditAddress(search.Query{OperationID: id})
	return records, nil
}

// ticketTimeline reads the newest of a ticket's records that the reader may see.
func (h *Handlers) ticketTimeline(c echo.Context, page *templates.Timeline) ([]audit.Record, error) {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	id, ok := coc.FindExecuteUUID(c.QueryParam("ticket"))
	if !ok {
		return nil, notFound()
	}
	page.Ticket, page.TicketAddress = string(id), present.TicketAddress(string(id))
	q := search.Query{Ticket: string(id), Limit: search.MaxLimit}
	page.List = present.AuditAddress(q)
	errs := templates.FieldErrors{}
	logForm(c).ReadPage(&q, errs)
	if len(errs) > 0 {
		return nil, notFound()
	}
	var err error
	if q.Visible, err = h.visibility(ctx, v, q); err != nil {
		return nil, err
	}
	if !h.hasNewest(ctx) {
		page.Notices = append(page.Notices,
			templates.Notice{Kind: templates.NoticeWarning, Text: i18n.T(ctx).Notice.LogNewest})
	}
	found, err := h.index.Search(ctx, q)
	if err != nil {
		return nil, err
	}
	if found.Next > 0 {
		page.Older = present.Address("/audit/timeline",
			url.Values{"ticket": {string(id)}, "before": {present.Decimal(found.Next)}})
	}
	if found.Newer > 0 {
		page.Newer = present.Address("/audit/timeline",
			url.Values{"ticket": {string(id)}, "after": {present.Decimal(found.Newer)}})
	}
	slices.Reverse(found.Records)
	return found.Records, nil
}
