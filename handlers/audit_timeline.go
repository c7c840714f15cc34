package handlers

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/ansi"
	"coc-console/internal/auditview"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/present"
	"coc-console/internal/report"
	"coc-console/templates"
)

// Timeline puts the records of one ticket, one operation or one bulk operation on one line of time: each operation as
// one, and views folded.
func (h *Handlers) Timeline(c echo.Context) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	page := templates.Timeline{Frame: h.Frame(c, i18n.T(ctx).Title.Timeline, templates.SectionAudit)}
	read := h.ticketTimeline
	switch {
	case c.QueryParam("operation") != "":
		read = h.operationTimeline
	case c.QueryParam("bulk") != "":
		read = h.bulkTimeline
	}
	records, q, err := read(c, &page)
	if err != nil {
		return err
	}
	h.line(ctx).FillLine(&page, records)
	if page.Evidence, err = h.logState.LineEvidence(ctx, v.sees(), records, q); err != nil {
		return err
	}
	if v.Manager && len(records) > 0 {
		page.Evidence.Incident = report.IncidentOf(records, q.Ticket)
	}
	h.noteView(c, audit.Record{Action: audit.ActionAuditViewed, Ticket: page.Subject.Ticket,
		Detail: detail("story", bounded(q.Ticket), "operation", bounded(q.OperationID), "bulk", bounded(page.Subject.Bulk),
			"before", bounded(c.QueryParam("before")))})
	return Render(c, http.StatusOK, page)
}

// operationTimeline reads one operation's records, if the reader may see them.
func (h *Handlers) operationTimeline(c echo.Context, page *templates.Timeline) ([]audit.Record, search.Query, error) {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	q := search.Query{OperationID: c.QueryParam("operation")}
	if !ansi.Shows(q.OperationID) {
		return nil, q, notFound()
	}
	all, err := h.index.Operation(ctx, q.OperationID)
	if err != nil {
		return nil, q, err
	}
	if len(all) == 0 {
		return nil, q, notFound()
	}
	records, err := h.ofOperation(ctx, v, all)
	if err != nil {
		return nil, q, err
	}
	if len(records) == 0 {
		return nil, q, h.denied(c, errDenied)
	}
	name, err := h.ticketName(ctx, v, all[0].Ticket, records)
	if err != nil {
		return nil, q, err
	}
	page.Subject = auditview.SubjectOf(records, name)
	page.Whole = present.TimelineAddress("ticket", page.Subject.Ticket)
	page.List = auditview.AuditAddress(q)
	return records, q, nil
}

// ticketTimeline reads the newest of a ticket's records that the reader may see.
func (h *Handlers) ticketTimeline(c echo.Context, page *templates.Timeline) ([]audit.Record, search.Query, error) {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	id, ok := coc.TypedExecuteUUID(c.QueryParam("ticket"))
	of := search.Query{Ticket: string(id)}
	if !ok {
		return nil, of, notFound()
	}
	q := search.Query{Ticket: string(id), Limit: search.MaxLimit}
	page.List = auditview.AuditAddress(of)
	errs := templates.FieldErrors{}
	h.logForm(c).ReadPage(&q, errs)
	if len(errs) > 0 {
		return nil, of, notFound()
	}
	var err error
	if q.Visible, err = h.visibility(ctx, v, q); err != nil {
		return nil, of, err
	}
	if !h.hasNewest(ctx) {
		page.Notices = append(page.Notices,
			templates.Notice{Kind: templates.NoticeWarning, Text: i18n.T(ctx).Notice.LogNewest})
	}
	found, err := h.index.Search(ctx, q)
	if err != nil {
		return nil, of, err
	}
	name, err := h.ticketName(ctx, v, string(id), found.Records)
	if err != nil {
		return nil, of, err
	}
	page.Subject = templates.Subject{Ticket: string(id), TicketAddress: present.TicketAddress(string(id)),
		TicketName: ansi.VisibleLine(name)}
	turn := func(to string, n int64) string {
		if n == 0 {
			return ""
		}
		return present.Address("/audit/timeline", url.Values{"ticket": {string(id)}, to: {present.Decimal(n)}})
	}
	page.Older, page.Newer = turn("before", found.Next), turn("after", found.Newer)
	slices.Reverse(found.Records)
	return found.Records, of, nil
}

// bulkTimeline reads the records of a bulk operation and of all that it sent, for whoever may open it.
func (h *Handlers) bulkTimeline(c echo.Context, page *templates.Timeline) ([]audit.Record, search.Query, error) {
	ctx := c.Request().Context()
	var q search.Query
	j, err := h.bulkOperationOf(c, c.QueryParam("bulk"))
	if err != nil {
		return nil, q, err
	}
	records, err := h.bulk.Records(ctx, j)
	if err != nil {
		return nil, q, err
	}
	v, _ := ViewerFrom(ctx)
	for i := range records {
		records[i] = v.sees().Show(records[i])
	}
	page.Subject = templates.Subject{Bulk: j.ID, Type: string(j.Type), BulkItems: len(j.Items),
		Who: ansi.VisibleLine(j.Actor.UserName), Receipt: present.BulkAddress(j.ID)}
	page.List = present.BulkAddress(j.ID)
	return records, q, nil
}
