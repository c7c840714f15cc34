package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"coc-console/internal/elevation"
	"coc-console/internal/i18n"
	"coc-console/templates"
)

// Elevations shows the roles that people have, or ask for, for a while.
func (h *Handlers) Elevations(c echo.Context) error {
	return h.showElevations(c, http.StatusOK, templates.Elevations{})
}

func (h *Handlers) showElevations(c echo.Context, status int, page templates.Elevations) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	page.Frame = h.Frame(c, i18n.Elevation.T(ctx).Heading, templates.SectionApprovals)
	return Render(c, status, h.elevations.Page(v.Actor, v.Manager, elevation.FormOf(c.FormValue), page))
}

// Elevate asks for a role, answers a request, or ends one.
func (h *Handlers) Elevate(c echo.Context) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	form := elevation.FormOf(c.FormValue)
	form.Reason, form.Comment = reason(form.Reason), reason(form.Comment)
	var page templates.Elevations
	ok, err := h.elevations.Apply(ctx, v.Actor, OriginFrom(ctx), form, &page)
	if err != nil {
		return err
	}
	if !ok {
		return h.showElevations(c, http.StatusUnprocessableEntity, page)
	}
	return c.Redirect(http.StatusSeeOther, "/elevations")
}
