package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/audit/retention"
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
	typed := templates.HoldForm{Query: bounded(c.FormValue("query")), Reason: bounded(c.FormValue("reason"))}
	return h.showIntegrity(c, http.StatusOK, typed)
}

func (h *Handlers) showIntegrity(c echo.Context, status int, hold templates.HoldForm) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	if !v.Manager {
		return h.denied(c, errDenied)
	}
	standing, err := h.logState.Read(ctx, h.now())
	if err != nil {
		return err
	}
	standing.Hold = hold
	t := i18n.T(ctx)
	page := templates.IntegrityPage{Frame: h.Frame(c, t.Audit.Integrity, templates.SectionAudit), Integrity: standing}
	if c.QueryParam("verifying") != "" {
		page.Notices = append(page.Notices, templates.Notice{Kind: templates.NoticeInfo, Text: t.Integrity.Started})
	}
	h.noteView(c, audit.Record{Action: audit.ActionAuditViewed, Detail: detail("page", "integrity")})
	return Render(c, status, page)
}

// VerifyLog has the whole log verified now, or places or lifts a legal hold. That somebody asked is in the log.
func (h *Handlers) VerifyLog(c echo.Context) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	if !v.Manager {
		return h.denied(c, errDenied)
	}
	if do := c.FormValue("do"); do == "hold" || do == "lift" {
		return h.hold(c, v)
	}
	if !h.verifier.Now() {
		return &Problem{Status: http.StatusConflict, Kind: ProblemBadInput, Value: "verify"}
	}
	h.noteView(c, audit.Record{Action: audit.ActionAuditViewed, Detail: detail("page", "integrity", "verify", "now")})
	return c.Redirect(http.StatusSeeOther, "/audit/integrity?verifying=1")
}

func (h *Handlers) hold(c echo.Context, v Viewer) error {
	ctx := c.Request().Context()
	form, ok, err := h.logState.Hold(ctx, retention.Who{Actor: v.Actor, Origin: OriginFrom(ctx)}, c.FormValue("hold"),
		c.FormValue("query"), reason(c.FormValue("reason")))
	if err != nil {
		return err
	}
	if !ok {
		return h.showIntegrity(c, http.StatusUnprocessableEntity, form)
	}
	return c.Redirect(http.StatusSeeOther, "/audit/integrity#retention")
}
