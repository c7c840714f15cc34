package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxSaved is how many entries of a person are kept for each page.
const MaxSaved = 50

// ErrManySaved says that a person has saved as much as is kept.
var ErrManySaved = errors.New("too much is saved")

// SavedOn names the page that something is saved for.
type SavedOn string

// The pages.
const (
	SavedAudit   SavedOn = "audit"
	SavedTickets SavedOn = "tickets"
	// SavedChoices is no page: what somebody has chosen for all of them, as the query, by what it is about.
	SavedChoices SavedOn = "choices"
)

// TeamOwner is in the place of a user's id for what the members of a team share: no user's id has a slash.
func TeamOwner(account, team string) string { return "team/" + account + "/" + team }

// SavedQuery is a query that a person has saved under a name.
type SavedQuery struct{ Name, Query string }

// Saved reads and writes what people save.
type Saved struct {
	db   DB
	list Statement
	all  known[[]SavedQuery] // by page and owner: every list of tickets asks
}

// NewSaved returns what is saved in a database.
func NewSaved(db DB) *Saved { return &Saved{db: db} }

// List returns a person's entries by their names; they must not be changed.
func (s *Saved) List(ctx context.Context, on SavedOn, userID string) ([]SavedQuery, error) {
	all, err := s.all.get(s.db, string(on)+" "+userID,
		func() ([]SavedQuery, error) { return s.read(ctx, on, userID) })
	if err != nil {
		return nil, fmt.Errorf("list what %s saved on %s: %w", userID, on, err)
	}
	return all, nil
}

func (s *Saved) read(ctx context.Context, on SavedOn, userID string) (all []SavedQuery, err error) {
	//nolint:sqlclosecheck // it ends with the database
	stmt, err := s.list.Get(ctx, s.db.Read, `SELECT name, query FROM saved WHERE user_id = $1 AND page = $2 ORDER BY name`)
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(ctx, userID, string(on))
	return collect(rows, err, func(from scanner) (q SavedQuery, err error) {
		err = from.Scan(&q.Name, &q.Query)
		return q, err
	})
}

// OfAll are the queries of everybody that have a name.
func (s *Saved) OfAll(ctx context.Context, on SavedOn, name string) ([]string, error) {
	rows, err := s.db.Write.QueryContext(ctx, `SELECT query FROM saved WHERE page = $1 AND name = $2 ORDER BY user_id`,
		string(on), name)
	all, err := collect(rows, err, text)
	if err != nil {
		return nil, fmt.Errorf("list what all saved on %s as %s: %w", on, name, err)
	}
	return all, nil
}

// Save keeps a query; one of the same name is replaced.
func (s *Saved) Save(ctx context.Context, on SavedOn, userID string, one SavedQuery, now time.Time) error {
	all, err := s.List(ctx, on, userID)
	if err != nil {
		return err
	}
	known := slices.ContainsFunc(all, func(other SavedQuery) bool { return other.Name == one.Name })
	if len(all) >= MaxSaved && !known {
		return ErrManySaved
	}
	defer s.all.changed()
	_, err = s.db.Write.ExecContext(ctx, `INSERT INTO saved (user_id, page, name, query, created_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (user_id, page, name) DO UPDATE SET query = excluded.query, created_at = excluded.created_at`,
		userID, string(on), one.Name, one.Query, now.UnixMicro())
	if err != nil {
		return fmt.Errorf("save on %s for %s: %w", on, userID, err)
	}
	return nil
}

// Delete forgets an entry; it is no error when there is none.
func (s *Saved) Delete(ctx context.Context, on SavedOn, userID, name string) error {
	if strings.ContainsRune(name, 0) || !utf8.ValidString(name) { // which none is, and PostgreSQL does not take
		return nil
	}
	defer s.all.changed()
	_, err := s.db.Write.ExecContext(ctx, `DELETE FROM saved WHERE user_id = $1 AND page = $2 AND name = $3`, userID, string(on), name)
	if err != nil {
		return fmt.Errorf("delete what %s saved on %s: %w", userID, on, err)
	}
	return nil
}
