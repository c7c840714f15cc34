package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"coc-console/internal/i18n"
	"coc-console/internal/replay"
	"coc-console/templates"
)

// PolicyChange shows managers what changed policy files would have decided; its form puts those that were shown into
// force.
func (h *Handlers) PolicyChange(c echo.Context) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	if !v.Manager {
		return h.denied(c, errDenied)
	}
	page := templates.PolicyChange{Frame: h.Frame(c, i18n.PolicyChange.T(ctx).Heading, templates.SectionNone)}
	status, err := replay.Asked{Log: h.log, Index: h.index, Rules: h.rules, Actor: v.Actor, Origin: OriginFrom(ctx),
		Now: h.now()}.Answer(c.Request(), &page)
	switch {
	case err != nil:
		return err
	case status == http.StatusSeeOther:
		return c.Redirect(status, "/me/permissions")
	}
	return Render(c, status, page)
}
