package handlers

import (
	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/internal/report"
	"coc-console/templates"
)

// Report sums a period up: for managers all operations, for others their own.
func (h *Handlers) Report(c echo.Context) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	page := templates.Report{Frame: h.Frame(c, i18n.Report.T(ctx).Heading, templates.SectionAudit), Own: !v.Manager}
	rules := h.rules.Rules()
	a := report.Asked{Query: c.QueryParams(), Visible: search.Visibility{All: v.Manager, UserID: v.Actor.UserID},
		Teams: func(a audit.Actor) []string { return rules.Teams(operate.PersonOf(a)) }, Now: h.now()}
	status, err := a.Fill(ctx, h.index, &page)
	if err != nil {
		return err
	}
	h.noteView(c, audit.Record{Action: audit.ActionAuditViewed, Duration: since(a.Now, h.now),
		Detail: detail("page", "report", "from", page.From, "to", page.To)})
	if file, found := report.File(page, c.QueryParam("table"), c.Response()); found {
		return file()
	}
	return Render(c, status, page)
}
