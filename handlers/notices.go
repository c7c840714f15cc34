package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"coc-console/internal/i18n"
	"coc-console/templates"
)

// Notices takes what somebody wants to hear of by mail, and shows managers where people are told.
func (h *Handlers) Notices(c echo.Context) error { return h.answerNotices(c, http.StatusOK) }

// NoticesAgain is for the form of Notices, when somebody else has opened it.
func (h *Handlers) NoticesAgain(c echo.Context) error { return h.answerNotices(c, http.StatusConflict) }

func (h *Handlers) answerNotices(c echo.Context, status int) error {
	v, _ := ViewerFrom(c.Request().Context())
	page := templates.Notices{Manager: v.Manager,
		Frame: h.Frame(c, i18n.Told.T(c.Request().Context()).Heading, templates.SectionNone)}
	status, to, err := h.notices.Answer(c.Request(), v.Actor, &page, status)
	if err != nil {
		return &Problem{Status: http.StatusServiceUnavailable, Kind: ProblemUnavailable, Err: err}
	} else if to != "" {
		return c.Redirect(status, to)
	}
	return Render(c, status, page)
}
