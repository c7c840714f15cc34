package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"coc-console/internal/sqlutil"
)

// Record returns the record with that sequence, or ErrNotFound.
func (l *Log) Record(ctx context.Context, sequence int64) (Record, error) {
	records, err := l.AppendRecords(ctx, nil, `seq = $1`, sequence)
	if err != nil {
		return Record{}, err
	}
	if len(records) == 0 {
		return Record{}, ErrNotFound
	}
	return records[0], nil
}

// AppendRecords appends the records that a condition on the table entry selects;
// where may end with an order and a limit. It is text of a program and holds
// placeholders for everything else. An entry that cannot be read is there as
// ActionEntryDamaged.
func (l *Log) AppendRecords(ctx context.Context, out []Record, where string, args ...any) ([]Record, error) {
	query := `SELECT seq, ts, body FROM entry WHERE ` + where //nolint:gosec // see above
	rows, err := l.cfg.LogRead.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read entries: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var seq, ts int64
	var text sql.RawBytes
	to := []any{&seq, &ts, &text}
	for rows.Next() {
		if err := rows.Scan(to...); err != nil {
			return nil, fmt.Errorf("read entries: %w", err)
		}
		out = append(out, DecodeEntry(seq, ts, text))
	}
	return out, sqlutil.Wrap(rows.Err(), "read entries")
}

// EachEntry is Database.EachEntry on every engine.
func (l *Log) EachEntry(ctx context.Context, where string, args []any,
	each func(seq, ts int64, body []byte) error) error {
	if err := l.cfg.Database.EachEntry(ctx, where, args, each); !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	query := `SELECT seq, ts, body FROM entry WHERE ` + where + ` ORDER BY seq` //nolint:gosec // text of this program
	rows, err := l.cfg.LogRead.QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("read entries: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var seq, ts int64
	var body sql.RawBytes
	to := []any{&seq, &ts, &body}
	for rows.Next() {
		if err := rows.Scan(to...); err != nil {
			return fmt.Errorf("read entries: %w", err)
		}
		if err := each(seq, ts, body); err != nil {
			return err
		}
	}
	return sqlutil.Wrap(rows.Err(), "read entries")
}

// TimeOf is when a record was made, in microseconds since 1970; false where the
// log has no such record, or no longer.
func (l *Log) TimeOf(ctx context.Context, seq int64) (ts int64, ok bool, err error) {
	err = l.cfg.LogRead.QueryRowContext(ctx, `SELECT ts FROM entry WHERE seq = $1`, seq).Scan(&ts)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	return ts, err == nil, sqlutil.Wrap(err, "read when a record was made")
}

// Reader is the log's database for reading: what searches, verifies and exports
// the log asks it for tiles and numbers.
func (l *Log) Reader() *sql.DB { return l.cfg.LogRead }

// Dialect is the SQL that the log's database speaks: SQLite or PostgreSQL.
func (l *Log) Dialect() string { return l.cfg.Dialect }

// Unguarded names the triggers that should refuse changes of the log, and do not.
func (l *Log) Unguarded(ctx context.Context) ([]string, error) {
	return l.cfg.Database.Unguarded(ctx)
}
