package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// Health says that the process answers.
func (h *Handlers) Health(c echo.Context) error { return c.String(http.StatusOK, "ok\n") }

// Ready says whether this console can apply operations: 200 while it can, and 503 while not.
func (h *Handlers) Ready(c echo.Context) error {
	lines, ready := h.readiness.Report(c.Request().Context())
	if !ready {
		return c.String(http.StatusServiceUnavailable, "not ready\n"+lines)
	}
	return c.String(http.StatusOK, "ready\n"+lines)
}
