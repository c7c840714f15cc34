package handlers

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"coc-console/audit/query"
	"coc-console/audit/search"
	"coc-console/internal/auditview"
	"coc-console/internal/i18n"
	"coc-console/internal/store"
)

// SaveSearch keeps the search of the form under its name, for its reader alone.
func (h *Handlers) SaveSearch(c echo.Context) error {
	ctx := c.Request().Context()
	text, name := strings.TrimSpace(bounded(c.FormValue("q"))), strings.TrimSpace(bounded(c.FormValue("name")))
	if _, err := search.ParseQuery(text, i18n.ZoneFrom(ctx)); err != nil || len(text) > auditview.MaxQuery ||
		strings.ContainsRune(text, 0) {
		return &Problem{Status: http.StatusUnprocessableEntity, Kind: ProblemBadInput, Value: shortened(text), Err: err}
	}
	v, _ := ViewerFrom(ctx)
	view := sentView(c)
	problem, err := h.save(ctx, store.SavedAudit, v.Actor.UserID, name, auditview.Saved(view, text))
	switch {
	case err != nil:
		return err
	case problem == "":
		return c.Redirect(http.StatusSeeOther, auditview.ViewAddress(view, text))
	}
	return h.searchAgain(c, text, name, problem)
}

// sentView is the tab of the form.
func sentView(c echo.Context) auditview.View {
	values := url.Values{}
	if v := c.FormValue("view"); v != "" {
		values.Set("view", v)
	}
	return auditview.NewLogForm(c.Request().Context(), values, query.Night{}).ViewSent()
}

// searchAgain shows the list again with what was typed.
func (h *Handlers) searchAgain(c echo.Context, text, name, problem string) error {
	form := auditview.NewLogForm(c.Request().Context(), url.Values{"q": {text}, "view": {string(sentView(c))}}, h.night)
	page, err := h.newAudit(c)
	if err != nil {
		return err
	}
	q, _ := form.Read(&page)
	if len(page.Errors) == 0 {
		if err := h.searchLog(c, form, q, &page); err != nil {
			return err
		}
	}
	if page.SaveName = name; problem != "" {
		page.Errors["name"] = problem
	}
	return Render(c, http.StatusUnprocessableEntity, page)
}

// DeleteSearch forgets one of the reader's own searches, and shows the list of what is searched for now.
func (h *Handlers) DeleteSearch(c echo.Context) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	if err := h.saved.Delete(ctx, store.SavedAudit, v.Actor.UserID, c.FormValue("name")); err != nil {
		return err
	}
	text := strings.TrimSpace(bounded(c.FormValue("q")))
	return c.Redirect(http.StatusSeeOther, auditview.ViewAddress(sentView(c), text))
}
