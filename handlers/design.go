package handlers

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"coc-console/internal/i18n"
	"coc-console/templates"
)

// Design shows every component in every state; only in development there is such a page.
func (h *Handlers) Design(c echo.Context) error {
	part := c.QueryParam("part")
	if part == "" {
		part = templates.DesignParts()[0]
	}
	if !h.development || !slices.Contains(templates.DesignParts(), part) {
		return notFound()
	}
	f := h.Frame(c, i18n.T(c.Request().Context()).Design.Heading, templates.SectionNone)
	return Render(c, http.StatusOK, templates.Design{Frame: f, Part: part, Now: h.now()})
}
