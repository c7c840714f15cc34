package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"coc-console/internal/sqlutil"
)

// SessionEnd is a row of the table session_end: a session that a command has ended, whose record a console has to
// write.
type SessionEnd struct {
	ID     string
	Sealed []byte
}

// EndWith deletes a session and leaves word of it, both or neither. It reports whether the session was there.
func (s *Sessions) EndWith(ctx context.Context, session string, end SessionEnd, at time.Time) (was bool, err error) {
	err = transact(ctx, s.db.Write, func(tx *sql.Tx) error {
		n, err := affected(tx.ExecContext(ctx, `DELETE FROM session WHERE id = $1`, session))
		if err != nil || n == 0 {
			return err
		}
		was = true
		_, err = affected(tx.ExecContext(ctx, `INSERT INTO session_end (id, sealed, created_at) VALUES ($1, $2, $3)`,
			end.ID, end.Sealed, at.UnixMicro()))
		return err
	})
	return was && err == nil, sqlutil.Wrap(err, "end a session")
}

// HasEnd reports whether the end of a session still waits for its record.
func (s *Sessions) HasEnd(ctx context.Context, id string) (bool, error) {
	var n int
	err := s.db.Read.QueryRowContext(ctx, `SELECT count(*) FROM session_end WHERE id = $1`, id).Scan(&n)
	return n > 0, sqlutil.Wrap(err, "look for the end of a session")
}

// Ends lists the ends that wait for their record, and that nobody has claimed since then.
func (s *Sessions) Ends(ctx context.Context, now, since time.Time) (all []SessionEnd, err error) {
	const atOnce = 50
	rows, err := s.db.Read.QueryContext(ctx, `SELECT id, sealed FROM session_end WHERE taken_at <= $1 OR taken_at > $2 ORDER BY created_at LIMIT $3`,
		since.UnixMicro(), now.UnixMicro(), atOnce)
	if err != nil {
		return nil, fmt.Errorf("list ends of sessions: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var e SessionEnd
		if err := rows.Scan(&e.ID, &e.Sealed); err != nil {
			return nil, fmt.Errorf("list ends of sessions: %w", err)
		}
		all = append(all, e)
	}
	return all, sqlutil.Wrap(rows.Err(), "list ends of sessions")
}

// ClaimEnd reports that the caller is the one to write an end's record: nobody has claimed it since then.
func (s *Sessions) ClaimEnd(ctx context.Context, id string, now, since time.Time) (bool, error) {
	return s.changes(ctx, "claim the end of a session", `UPDATE session_end SET taken_at = $1 WHERE id = $2 AND (taken_at <= $3 OR taken_at > $1)`,
		now.UnixMicro(), id, since.UnixMicro())
}

// DeleteEnd deletes the row of an end, whose record is written.
func (s *Sessions) DeleteEnd(ctx context.Context, id string) error {
	_, err := s.db.Write.ExecContext(ctx, `DELETE FROM session_end WHERE id = $1`, id)
	return sqlutil.Wrap(err, "delete the end of a session")
}
