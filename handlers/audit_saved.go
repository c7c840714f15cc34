package handlers

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"coc-console/audit/search"
	"coc-console/internal/i18n"
	"coc-console/internal/present"
	"coc-console/internal/store"
)

// SaveSearch keeps the search of the form under its name, for its reader alone.
func (h *Handlers) SaveSearch(c echo.Context) error {
	ctx := c.Request().Context()
	text, name := strings.TrimSpace(bounded(c.FormValue("q"))), strings.TrimSpace(bounded(c.FormValue("name")))
	if _, err := search.ParseQuery(text, i18n.ZoneFrom(ctx)); err != nil || len(text) > maxQuery ||
		strings.ContainsRune(text, 0) {
		return &Problem{Status: http.StatusUnprocessableEntity, Kind: ProblemBadInput, Value: shortened(text), Err: err}
	}
	problem, err := h.save(ctx, store.SavedAudit, name, text)
	switch {
	case err != nil:
		return err
	case problem == "":
		return c.Redirect(http.StatusSeeOther, present.SearchAddress(text))
	}
	return h.searchAgain(c, text, name, problem)
}

// searchAgain shows the list again with what was typed.
func (h *Handlers) searchAgain(c echo.Context, text, name, problem string) error {
	r := c.Request().Clone(c.Request().Context())
	r.Method, r.URL.Path, r.URL.RawQuery = http.MethodGet, "/audit",
		strings.TrimPrefix(strings.TrimPrefix(present.SearchAddress(text), "/audit"), "?")
	again := c.Echo().NewContext(r, c.Response())
	page, err := h.newAudit(again)
	if err != nil {
		return err
	}
	q, _ := readAuditFilter(again, &page)
	if len(page.Errors) == 0 {
		if err := h.searchLog(again, q, &page); err != nil {
			return err
		}
	}
	if page.SaveName = name; problem != "" {
		page.Errors["name"] = problem
	}
	return Render(c, http.StatusUnprocessableEntity, page)
}

// DeleteSearch forgets one of the reader's own searches, and shows the list of
// what is searched for now.
func (h *Handlers) DeleteSearch(c echo.Context) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	if err := h.saved.Delete(ctx, store.SavedAudit, v.Actor.UserID, c.FormValue("name")); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, present.SearchAddress(strings.TrimSpace(bounded(c.FormValue("q")))))
}
