package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"coc-console/internal/auditview"
	"coc-console/internal/i18n"
	"coc-console/internal/report"
	"coc-console/templates"
)

// Incident reports for managers on a period and its tickets, as a page or as a file.
func (h *Handlers) Incident(c echo.Context) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	if !v.Manager {
		return h.denied(c, errDenied)
	}
	page := templates.Incident{Frame: h.Frame(c, i18n.Incident.T(ctx).Heading, templates.SectionAudit)}
	a := report.AskedIncident{Query: c.QueryParams(), Seen: h.seen, Now: h.now(),
		Text: auditview.QueryText}
	status, err := a.Fill(ctx, h.index, &page)
	if err != nil {
		return err
	}
	r := a.Viewed(page)
	r.Duration = since(a.Now, h.now)
	h.noteView(c, r)
	if name, kind, body, ok := report.IncidentFile(ctx, page, c.QueryParam("format")); ok {
		attach(c, name)
		return c.Blob(http.StatusOK, kind, body)
	}
	return Render(c, status, page)
}
