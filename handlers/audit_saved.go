package handlers

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/i18n"
)

// SaveSearch keeps the search of the form under its name, for its reader alone.
func (h *Handlers) SaveSearch(c echo.Context) error {
	ctx := c.Request().Context()
	text, name := strings.TrimSpace(bounded(c.FormValue("q"))), strings.TrimSpace(bounded(c.FormValue("name")))
	if _, err := audit.ParseQuery(text, i18n.ZoneFrom(ctx)); err != nil || len(text) > maxQuery || strings.ContainsRune(text, 0) {
		return &Problem{Status: http.StatusUnprocessableEntity, Kind: ProblemBadInput, Value: shortened(text), Err: err}
	}
	problem, err := h.keep(ctx, savedAudit, name, text)
	switch {
	case err != nil:
		return err
	case problem == "":
		return c.Redirect(http.StatusSeeOther, searchAddress(text))
	}
	return h.searchNotSaved(c, text, name, problem)
}

// searchNotSaved shows the list again with what was typed.
func (h *Handlers) searchNotSaved(c echo.Context, text, name, problem string) error {
	r := c.Request().Clone(c.Request().Context())
	r.Method, r.URL.Path, r.URL.RawQuery = http.MethodGet, "/audit", strings.TrimPrefix(strings.TrimPrefix(searchAddress(text), "/audit"), "?")
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
	page.Errors["name"], page.SaveName = problem, name
	return Render(c, http.StatusUnprocessableEntity, page)
}

// DeleteSearch forgets one of the reader's own searches, and shows the list of
// what is searched for now.
func (h *Handlers) DeleteSearch(c echo.Context) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	if err := h.saver.forget(ctx, savedAudit, v.Actor.UserID, c.FormValue("name")); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, searchAddress(strings.TrimSpace(bounded(c.FormValue("q")))))
}
