package handlers

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"coc-console/internal/i18n"
	"coc-console/templates"
)

// The limits of what is saved: characters of a name, and entries of a person
// for each page.
const (
	maxSearchName = 60
	maxSearches   = 50
)

// errManySearches says that a person has saved as much as is kept.
var errManySearches = errors.New("too much is saved")

// Store is the console's own database.
type Store struct{ Write, Read *sql.DB }

// Prepared is a statement that every request needs: to parse it takes longer
// than to execute it.
type Prepared struct {
	mu   sync.Mutex
	stmt *sql.Stmt
}

// Get prepares the statement at its first use; it ends with the database.
func (p *Prepared) Get(ctx context.Context, db *sql.DB, text string) (*sql.Stmt, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stmt == nil {
		stmt, err := db.PrepareContext(context.WithoutCancel(ctx), text)
		if err != nil {
			return nil, err
		}
		p.stmt = stmt
	}
	return p.stmt, nil
}

// saver keeps what people save.
type saver struct {
	Store
	listing Prepared
}

// savedOn names the page that something is saved for.
type savedOn string

const (
	savedAudit   savedOn = "audit"
	savedTickets savedOn = "tickets"
)

// saved are a person's entries by their names; address makes one of a query.
func (s *saver) saved(ctx context.Context, on savedOn, userID string, address func(query string) string) (all []templates.SavedSearch, err error) {
	stmt, err := s.listing.Get(ctx, s.Read, `SELECT name, query FROM saved WHERE user_id = $1 AND page = $2 ORDER BY name`) //nolint:sqlclosecheck // it ends with the database
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(ctx, userID, string(on))
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var one templates.SavedSearch
		if err := rows.Scan(&one.Name, &one.Query); err != nil {
			return nil, err
		}
		one.Address = address(one.Query)
		all = append(all, one)
	}
	return all, rows.Err()
}

// save keeps a query; one of the same name is replaced.
func (s *saver) save(ctx context.Context, on savedOn, userID, name, query string, now int64) error {
	all, err := s.saved(ctx, on, userID, func(string) string { return "" })
	if err != nil {
		return err
	}
	known := slices.ContainsFunc(all, func(one templates.SavedSearch) bool { return one.Name == name })
	if len(all) >= maxSearches && !known {
		return errManySearches
	}
	_, err = s.Write.ExecContext(ctx, `INSERT INTO saved (user_id, page, name, query, created_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (user_id, page, name) DO UPDATE SET query = excluded.query, created_at = excluded.created_at`,
		userID, string(on), name, query, now)
	return err
}

func (s *saver) forget(ctx context.Context, on savedOn, userID, name string) error {
	if strings.ContainsRune(name, 0) || !utf8.ValidString(name) { // which none is, and PostgreSQL does not take
		return nil
	}
	_, err := s.Write.ExecContext(ctx, `DELETE FROM saved WHERE user_id = $1 AND page = $2 AND name = $3`, userID, string(on), name)
	return err
}

// keep saves a query under a name, unless something is wrong with that.
func (h *Handlers) keep(ctx context.Context, on savedOn, name, query string) (problem string, err error) {
	v, _ := ViewerFrom(ctx)
	t := i18n.T(ctx).Field
	switch {
	case name == "":
		return t.Missing, nil
	case utf8.RuneCountInString(name) > maxSearchName:
		return t.TooLong(maxSearchName), nil
	case strings.IndexFunc(name, hidden) >= 0 || strings.ContainsAny(name, "\r\n\t"):
		return t.Hidden, nil
	}
	err = h.saver.save(ctx, on, v.Actor.UserID, name, query, h.Now().UnixMicro())
	if errors.Is(err, errManySearches) {
		return t.ManySearches(maxSearches), nil
	}
	return "", err
}
