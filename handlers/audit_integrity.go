package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/templates"
)

// verified is how the log's verification stands, for managers.
func (h *Handlers) verified(v Viewer) *templates.Integrity {
	if !v.Manager {
		return nil
	}
	return h.logState.Verified()
}

// Integrity shows managers what proves that the log is what was written, and how it grows.
func (h *Handlers) Integrity(c echo.Context) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	if !v.Manager {
		return h.denied(c, errDenied)
	}
	standing, err := h.logState.Read(ctx, h.now())
	if err != nil {
		return err
	}
	t := i18n.T(ctx)
	page := templates.IntegrityPage{Frame: h.Frame(c, t.Audit.Integrity, templates.SectionAudit), Integrity: standing}
	if c.QueryParam("verifying") != "" {
		page.Notices = append(page.Notices, templates.Notice{Kind: templates.NoticeInfo, Text: t.Integrity.Started})
	}
	h.noteView(c, audit.Record{Action: audit.ActionAuditViewed, Detail: detail("page", "integrity")})
	return Render(c, http.StatusOK, page)
}

// VerifyLog has the whole log verified now. That somebody asked is in the log.
func (h *Handlers) VerifyLog(c echo.Context) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	if !v.Manager {
		return h.denied(c, errDenied)
	}
	if !h.verifier.Now() {
		return &Problem{Status: http.StatusConflict, Kind: ProblemBadInput, Value: "verify"}
	}
	h.noteView(c, audit.Record{Action: audit.ActionAuditViewed, Detail: detail("page", "integrity", "verify", "now")})
	return c.Redirect(http.StatusSeeOther, "/audit/integrity?verifying=1")
}
