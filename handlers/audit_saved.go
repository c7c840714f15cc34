package handlers

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/templates"
)

// The limits of saved searches: characters of a name, and searches a person.
const (
	maxSearchName = 60
	maxSearches   = 50
)

// errManySearches says that a person has saved as many searches as are kept.
var errManySearches = errors.New("too many searches are saved")

// Store is the console's own database.
type Store struct{ Write, Read *sql.DB }

// savedSearches are a person's searches by their names.
func (s Store) savedSearches(ctx context.Context, userID string) (all []templates.SavedSearch, err error) {
	rows, err := s.Read.QueryContext(ctx, `SELECT name, query FROM saved_search WHERE user_id = $1 ORDER BY name`, userID)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var one templates.SavedSearch
		if err := rows.Scan(&one.Name, &one.Query); err != nil {
			return nil, err
		}
		one.Address = searchAddress(one.Query)
		all = append(all, one)
	}
	return all, rows.Err()
}

// saveSearch keeps a search; one of the same name is replaced.
func (s Store) saveSearch(ctx context.Context, userID, name, query string, now int64) error {
	all, err := s.savedSearches(ctx, userID)
	if err != nil {
		return err
	}
	known := slices.ContainsFunc(all, func(one templates.SavedSearch) bool { return one.Name == name })
	if len(all) >= maxSearches && !known {
		return errManySearches
	}
	_, err = s.Write.ExecContext(ctx, `INSERT INTO saved_search (user_id, name, query, created_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (user_id, name) DO UPDATE SET query = excluded.query, created_at = excluded.created_at`, userID, name, query, now)
	return err
}

func (s Store) deleteSearch(ctx context.Context, userID, name string) error {
	_, err := s.Write.ExecContext(ctx, `DELETE FROM saved_search WHERE user_id = $1 AND name = $2`, userID, name)
	return err
}

// SaveSearch keeps the search of the form under its name, for its reader alone.
func (h *Handlers) SaveSearch(c echo.Context) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	text, name := strings.TrimSpace(bounded(c.FormValue("q"))), strings.TrimSpace(bounded(c.FormValue("name")))
	if _, err := audit.ParseQuery(text, i18n.ZoneFrom(ctx)); err != nil || len(text) > maxQuery || strings.ContainsRune(text, 0) {
		return &Problem{Status: http.StatusUnprocessableEntity, Kind: ProblemBadInput, Value: shortened(text), Err: err}
	}
	t := i18n.T(ctx).Field
	problem := ""
	switch {
	case name == "":
		problem = t.Missing
	case utf8.RuneCountInString(name) > maxSearchName:
		problem = t.TooLong(maxSearchName)
	case strings.IndexFunc(name, hidden) >= 0 || strings.ContainsAny(name, "\r\n\t"):
		problem = t.Hidden
	}
	if problem == "" {
		err := h.Store.saveSearch(ctx, v.Actor.UserID, name, text, h.Now().UnixMicro())
		if err == nil {
			return c.Redirect(http.StatusSeeOther, searchAddress(text))
		}
		if !errors.Is(err, errManySearches) {
			return err
		}
		problem = t.ManySearches(maxSearches)
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
	name := c.FormValue("name")
	if !strings.ContainsRune(name, 0) { // which none has, and PostgreSQL does not take
		if err := h.Store.deleteSearch(ctx, v.Actor.UserID, name); err != nil {
			return err
		}
	}
	return c.Redirect(http.StatusSeeOther, searchAddress(strings.TrimSpace(bounded(c.FormValue("q")))))
}
