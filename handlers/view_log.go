package handlers

import (
	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/auditview"
	"coc-console/internal/opened"
)

// noteSearch writes that the log was searched. A list that grows by itself is one view, as long as it asks for newer
// records only: whoever marks another request as its own doing is recorded, too.
func (h *base) noteSearch(c echo.Context, form *auditview.LogForm, q search.Query, found search.Page, r audit.Record) {
	ctx := c.Request().Context()
	key := opened.KeyOf(OriginFrom(ctx).Session, "search "+form.Filters().Encode(), "")
	now := h.now()
	if IsRefresh(c) && q.Before == 0 && q.After > 0 && h.views.Continues(key, q.After, now) {
		return
	}
	if q.Before == 0 {
		newest := q.After
		if q.After == 0 && len(found.Records) > 0 {
			newest = found.Records[0].Sequence
		}
		h.views.Open(key, newest, now)
	}
	h.noteSoon(ctx, r)
}

// sees is what a reader may see by themselves, without asking COC.
func (v Viewer) sees() search.Visibility {
	return search.Visibility{All: v.Manager, UserID: v.Actor.UserID}
}

// noteView writes that a page was read. A page that asks again by itself is
// written only when this session had not opened it.
func (h *base) noteView(c echo.Context, r audit.Record) {
	h.noteViewOf(c, c.Request().URL.RequestURI(), r)
}

// noteViewOf is noteView of a page by its address, for what belongs to a page and is asked for at another.
func (h *base) noteViewOf(c echo.Context, address string, r audit.Record) {
	ctx := c.Request().Context()
	key := opened.KeyOf(OriginFrom(ctx).Session, address, r.Outcome)
	if first := h.views.First(key, h.now()); first || !IsRefresh(c) {
		h.noteSoon(ctx, r)
	}
}
