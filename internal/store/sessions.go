package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"coc-console/internal/sqlutil"
)

// Session is a row of the table session. Times are microseconds since 1970. What says that the session lives stands
// beside the sealed part, because it changes often.
type Session struct {
	ID                              string
	Sealed                          []byte
	Created, Seen, Expires, Checked int64
	Person                          string // tells people apart, and names none
	MAC                             []byte
}

const sessionColumns = `id, sealed, created_at, seen_at, expires_at, checked_at, person, mac`

func scanSession(from interface{ Scan(to ...any) error }) (r Session, err error) {
	err = from.Scan(&r.ID, &r.Sealed, &r.Created, &r.Seen, &r.Expires, &r.Checked, &r.Person, &r.MAC)
	return r, err
}

// ErrNoSession says that there is no such row.
var ErrNoSession = errors.New("no such session")

// Sessions reads and writes the tables session and session_end.
type Sessions struct {
	db      DB
	loading Statement
}

// NewSessions returns the sessions of a database.
func NewSessions(db DB) *Sessions { return &Sessions{db: db} }

// Find returns a session; ErrNoSession says that there is none. What it holds is not read again where it is what the
// caller knows: it is several kilobytes, and most requests follow another one.
func (s *Sessions) Find(ctx context.Context, id string, known []byte) (Session, error) {
	//nolint:sqlclosecheck // it ends with the database
	stmt, err := s.loading.Get(ctx, s.db.Read, `SELECT id, CASE WHEN sealed = $2 THEN NULL ELSE sealed END,
		created_at, seen_at, expires_at, checked_at, person, mac, CASE WHEN sealed = $2 THEN 1 ELSE 0 END
		FROM session WHERE id = $1`)
	if err != nil {
		return Session{}, fmt.Errorf("read a session: %w", err)
	}
	var r Session
	var same int
	err = stmt.QueryRowContext(s.db.brief(ctx), id, known).Scan(&r.ID, &r.Sealed, &r.Created, &r.Seen, &r.Expires,
		&r.Checked, &r.Person, &r.MAC, &same)
	if same == 1 {
		r.Sealed = known
	}
	return found(r, err)
}

// Latest is Find on the connection that writes: nothing newer is on its way.
func (s *Sessions) Latest(ctx context.Context, id string) (Session, error) {
	return found(scanSession(s.db.Write.QueryRowContext(ctx, `SELECT `+sessionColumns+` FROM session WHERE id = $1`,
		id)))
}

func found(r Session, err error) (Session, error) {
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Session{}, ErrNoSession
	case err != nil:
		return Session{}, fmt.Errorf("read a session: %w", err)
	}
	return r, nil
}

// List returns the sessions that expire after now, of one person or of all (""), those that were used last first.
func (s *Sessions) List(ctx context.Context, now time.Time, person string, limit int) (all []Session, err error) {
	rows, err := s.db.Read.QueryContext(ctx, `SELECT `+sessionColumns+` FROM session WHERE expires_at > $1 AND (person = $2 OR $2 = '')
		ORDER BY seen_at DESC LIMIT $3`, now.UnixMicro(), person, limit)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		r, err := scanSession(rows)
		if err != nil {
			return nil, fmt.Errorf("list sessions: %w", err)
		}
		all = append(all, r)
	}
	return all, sqlutil.Wrap(rows.Err(), "list sessions")
}

// Add inserts a session.
func (s *Sessions) Add(ctx context.Context, r Session) error {
	_, err := s.db.Write.ExecContext(ctx, `INSERT INTO session (`+sessionColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		r.ID, r.Sealed, r.Created, r.Seen, r.Expires, r.Checked, r.Person, r.MAC)
	return sqlutil.Wrap(err, "add a session")
}

// SetSealed replaces what a session holds, unless it is no longer what it was before, or gone.
func (s *Sessions) SetSealed(ctx context.Context, id string, before, sealed []byte) (changed bool, err error) {
	return s.changes(ctx, "change a session", `UPDATE session SET sealed = $1 WHERE id = $2 AND sealed = $3`, sealed, id, before)
}

// ClaimRenewal makes the caller, who calls itself by a random number, the one that renews what a session holds, unless
// another one is who is not gone. It returns who that is now. Clocks decide nothing: those of two consoles may differ.
func (s *Sessions) ClaimRenewal(ctx context.Context, id string, caller, gone int64) (renewer int64, err error) {
	mine, err := s.changes(ctx, "claim the renewal of a session",
		`UPDATE session SET renewer = $1 WHERE id = $2 AND (renewer = 0 OR renewer = $3)`, caller, id, gone)
	if err != nil || mine {
		return caller, err
	}
	err = s.db.Write.QueryRowContext(ctx, `SELECT renewer FROM session WHERE id = $1`, id).Scan(&renewer)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, ErrNoSession
	}
	return renewer, sqlutil.Wrap(err, "read who renews a session")
}

// ReleaseRenewal ends the caller's claim.
func (s *Sessions) ReleaseRenewal(ctx context.Context, id string, caller int64) error {
	_, err := s.changes(ctx, "end the claim of a renewal", `UPDATE session SET renewer = 0 WHERE id = $1 AND renewer = $2`,
		id, caller)
	return err
}

// SetTimes replaces when a session was seen and checked, and its MAC, unless somebody else has changed the row since it
// had the MAC of before.
func (s *Sessions) SetTimes(ctx context.Context, r Session, before []byte) (changed bool, err error) {
	return s.changes(ctx, "change a session", `UPDATE session SET seen_at = $1, checked_at = $2, mac = $3 WHERE id = $4 AND mac = $5`,
		r.Seen, r.Checked, r.MAC, r.ID, before)
}

// Delete deletes a session, and reports whether it was there.
func (s *Sessions) Delete(ctx context.Context, id string) (was bool, err error) {
	return s.changes(ctx, "delete a session", `DELETE FROM session WHERE id = $1`, id)
}

// Purge deletes the sessions that expired by now, or were not used since then, and returns them.
func (s *Sessions) Purge(ctx context.Context, now, since time.Time) (over []Session, err error) {
	rows, err := s.db.Write.QueryContext(ctx, `DELETE FROM session WHERE expires_at <= $1 OR seen_at <= $2
		RETURNING `+sessionColumns, now.UnixMicro(), since.UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("purge sessions: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		r, err := scanSession(rows)
		if err != nil {
			return over, fmt.Errorf("purge sessions: %w", err)
		}
		over = append(over, r)
	}
	return over, sqlutil.Wrap(rows.Err(), "purge sessions")
}

// Count returns how many sessions expire after now and were used since then.
func (s *Sessions) Count(ctx context.Context, now, since time.Time) (n int64, err error) {
	err = s.db.Read.QueryRowContext(ctx, `SELECT count(*) FROM session WHERE expires_at > $1 AND seen_at > $2`,
		now.UnixMicro(), since.UnixMicro()).Scan(&n)
	return n, sqlutil.Wrap(err, "count sessions")
}

// Unchecked lists sessions that live, were used since seen, were not checked since checked, and that nobody has claimed
// since claimed: those first that were checked longest ago.
func (s *Sessions) Unchecked(ctx context.Context, now, seen, checked, claimed time.Time, limit int) (
	ids []string, err error,
) {
	rows, err := s.db.Read.QueryContext(ctx, `SELECT id FROM session WHERE checked_at <= $1 AND expires_at > $2 AND seen_at > $3
		AND (tried_at <= $4 OR tried_at > $2) ORDER BY checked_at LIMIT $5`,
		checked.UnixMicro(), now.UnixMicro(), seen.UnixMicro(), claimed.UnixMicro(), limit)
	if err != nil {
		return nil, fmt.Errorf("list sessions to check: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("list sessions to check: %w", err)
		}
		ids = append(ids, id)
	}
	return ids, sqlutil.Wrap(rows.Err(), "list sessions to check")
}

// ClaimCheck reports that the caller is the one to check a session: nobody has claimed it since then.
func (s *Sessions) ClaimCheck(ctx context.Context, id string, now, since time.Time) (bool, error) {
	return s.changes(ctx, "claim the check of a session", `UPDATE session SET tried_at = $1 WHERE id = $2 AND (tried_at <= $3 OR tried_at > $1)`,
		now.UnixMicro(), id, since.UnixMicro())
}

// changes executes a statement, and reports whether it changed a row.
func (s *Sessions) changes(ctx context.Context, what, query string, args ...any) (bool, error) {
	done, err := s.db.Write.ExecContext(ctx, query, args...)
	if err != nil {
		return false, fmt.Errorf("%s: %w", what, err)
	}
	n, err := done.RowsAffected()
	return n > 0, sqlutil.Wrap(err, what)
}
