package database

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"

	"coc-console/migrations"
)

// A copy of the log is one plain SQLite file, whichever engine it is of. These
// tables are all that the log consists of; the derived ones are left out.
var (
	logRows = []struct {
		table   string
		columns []string
		order   string
	}{
		{"entry", []string{"seq", "ts", "body"}, "seq"},
		{"tile", []string{"l", "n", "d"}, "l, n"},
		{"checkpoint", []string{"n", "size", "ts", "note"}, "n"},
	}
	logState = []struct {
		table   string
		columns []string
	}{
		{"edge", []string{"leaves"}},
		{"head", []string{"size", "last_ts", "root", "frontier", "origin", "note", "pruned"}}, // last: it says how many there are
	}
)

// The rows that one statement inserts: SQLite has no round trips to spare.
const (
	sqliteRows   = 1
	postgresRows = 500
)

// CopyTo writes the log, as it is at one moment, into a file that is empty or
// not there yet, while a console goes on writing the log. When it returns, the
// file is on the disk; after an error it is of no use.
func (d *DB) CopyTo(ctx context.Context, path string) error {
	err := d.readable(ctx, cmp.Or(d.Path, "the database"))
	if err != nil {
		return err
	}
	if d.Engine == SQLite {
		err = d.vacuumInto(ctx, path)
	} else {
		err = d.copyRows(ctx, path)
	}
	if err != nil {
		return err
	}
	return syncPath(path)
}

func (d *DB) vacuumInto(ctx context.Context, path string) error {
	db := sql.OpenDB(d.connector(Audit, false)) // a reader may not even write another file
	_, err := db.ExecContext(ctx, `VACUUM INTO $1`, path)
	if err = errors.Join(DamagedFile(d.Path, err), db.Close()); err != nil {
		return fmt.Errorf("copy %s into %s: %w", d.Path, path, err)
	}
	return nil
}

func (d *DB) copyRows(ctx context.Context, path string) (err error) {
	to := &DB{Engine: SQLite, Write: openFile(path, url.Values{"_pragma": {"journal_mode(OFF)", "synchronous(OFF)"},
		"_txlock": {"immediate"}})}
	to.Read = to.Write
	to.Write.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, to.Close()) }()
	if _, err := migrations.Migrate(ctx, to.Write, string(to.Engine), string(Audit)); err != nil {
		return err
	}
	from, err := d.Read.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return fmt.Errorf("begin to read the log: %w", err)
	}
	defer func() { _ = from.Rollback() }()
	tx, err := to.Write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin to write the copy: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	restore, err := dropTriggers(ctx, tx) // they would not let a log begin after its pruned records
	if err != nil {
		return err
	}
	if err := copyLog(ctx, from, tx, sqliteRows); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, restore); err != nil {
		return fmt.Errorf("create the triggers again: %w", err)
	}
	return commit(tx)
}

func commit(tx *sql.Tx) error {
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit the copy of the log: %w", err)
	}
	return nil
}

// dropTriggers returns the statements that make them again.
func dropTriggers(ctx context.Context, tx *sql.Tx) (restore string, err error) {
	var drop string
	err = tx.QueryRowContext(ctx, `SELECT group_concat('DROP TRIGGER ' || name, ';'), group_concat(sql, ';') || ';'
		FROM sqlite_master WHERE type = 'trigger'`).Scan(&drop, &restore)
	if err == nil {
		_, err = tx.ExecContext(ctx, drop)
	}
	if err != nil {
		return "", fmt.Errorf("drop the triggers: %w", err)
	}
	return restore, nil
}

// ErrNotEmpty says that there is a log where one was to be restored.
var ErrNotEmpty = errors.New("the database has a log already")

// Load copies the log of a file into this database, all of it or nothing. It
// is ErrNotEmpty when a console has ever used the database.
func (d *DB) Load(ctx context.Context, from *DB) error {
	tx, err := d.Write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin to load the log: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	var origin string
	var size int64
	if err := tx.QueryRowContext(ctx, `SELECT origin, size FROM head WHERE id = 1 FOR UPDATE`).Scan(&origin, &size); err != nil {
		return fmt.Errorf("read the head of the audit log: %w", err)
	}
	if origin != "" || size > 0 {
		return fmt.Errorf("%w: %s, with %d records", ErrNotEmpty, origin, size)
	}
	read, err := from.Read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("begin to read the copy: %w", err)
	}
	defer func() { _ = read.Rollback() }()
	if err := copyLog(ctx, read, tx, postgresRows); err != nil {
		return err
	}
	return commit(tx)
}

func copyLog(ctx context.Context, from, to *sql.Tx, rows int) error {
	for _, t := range logRows {
		if err := copyTable(ctx, from, to, t.table, t.columns, t.order, rows); err != nil {
			return fmt.Errorf("copy %s: %w", t.table, err)
		}
	}
	for _, t := range logState {
		values, err := rowOf(len(t.columns), from.QueryRowContext(ctx,
			`SELECT `+strings.Join(t.columns, ", ")+` FROM `+t.table+` WHERE id = 1`).Scan)
		if err != nil {
			return fmt.Errorf("copy %s: %w", t.table, err)
		}
		var sets []string
		for i, c := range t.columns {
			sets = append(sets, fmt.Sprintf("%s = $%d", c, i+1))
		}
		//nolint:gosec // names of ours
		if _, err := to.ExecContext(ctx, `UPDATE `+t.table+` SET `+strings.Join(sets, ", ")+` WHERE id = 1`,
			values...); err != nil {
			return fmt.Errorf("copy %s: %w", t.table, err)
		}
	}
	return nil
}

func copyTable(ctx context.Context, from, to *sql.Tx, table string, columns []string, order string, atOnce int) error {
	names := strings.Join(columns, ", ")
	rows, err := from.QueryContext(ctx,
		`SELECT `+names+` FROM `+table+` ORDER BY `+order) //nolint:gosec // names of ours
	if err != nil {
		return fmt.Errorf("read rows: %w", err)
	}
	defer func() { _ = rows.Close() }()
	insert, err := to.PrepareContext(ctx, insertion(table, columns, atOnce))
	if err != nil {
		return fmt.Errorf("prepare the insertion: %w", err)
	}
	defer func() { _ = insert.Close() }()
	var pending []any
	for rows.Next() {
		values, err := rowOf(len(columns), rows.Scan)
		if err != nil {
			return fmt.Errorf("read a row: %w", err)
		}
		if pending = append(pending, values...); len(pending) == atOnce*len(columns) {
			if _, err := insert.ExecContext(ctx, pending...); err != nil {
				return fmt.Errorf("insert rows: %w", err)
			}
			pending = pending[:0]
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read rows: %w", err)
	}
	if len(pending) == 0 {
		return nil
	}
	if _, err := to.ExecContext(ctx, insertion(table, columns, len(pending)/len(columns)), pending...); err != nil {
		return fmt.Errorf("insert rows: %w", err)
	}
	return nil
}

func rowOf(columns int, scan func(...any) error) ([]any, error) {
	values, to := make([]any, columns), make([]any, columns)
	for i := range values {
		to[i] = &values[i]
	}
	err := scan(to...)
	for i, v := range values { // SQLite's driver gives nil for no bytes, and no column may be NULL
		if b, isBytes := v.([]byte); v == nil || isBytes && b == nil {
			values[i] = []byte{}
		}
	}
	return values, err
}

// insertion is the statement that inserts so many rows.
func insertion(table string, columns []string, rows int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "INSERT INTO %s (%s) VALUES ", table, strings.Join(columns, ", "))
	for i := range rows * len(columns) {
		switch {
		case i > 0 && i%len(columns) == 0:
			b.WriteString("), (")
		case i > 0:
			b.WriteString(", ")
		default:
			b.WriteString("(")
		}
		fmt.Fprintf(&b, "$%d", i+1)
	}
	b.WriteString(")")
	return b.String()
}

// InspectFile opens a copy of the log for reading alone, and leaves nothing
// beside it. A file that is not there is fs.ErrNotExist; ErrNotALog and
// ErrNewerSchema say that it is not one that this console can read.
func InspectFile(ctx context.Context, path string) (*DB, error) {
	named := path // as whoever reads the error knows it
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	switch info, err := os.Stat(path); {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s is %w: it is a folder", named, ErrNotALog)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is %w: it is not a regular file", named, ErrNotALog)
	}
	if wal, err := os.Stat(path + "-wal"); err == nil && wal.Size() > 0 {
		return nil, fmt.Errorf("%s is %w: %s-wal lies beside it: a database that is in use, or was copied while it was",
			named, ErrNotALog, named)
	}
	pool := openFile(path, url.Values{"mode": {"ro"}, "immutable": {"1"},
		"_pragma": {"query_only(ON)", "trusted_schema(OFF)", "cell_size_check(ON)"}})
	pool.SetMaxOpenConns(4)
	db := &DB{Engine: SQLite, Write: pool, Read: pool}
	if err := db.readable(ctx, named); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// readable reports, as an error about what is named so, that this console does
// not know the schema.
func (d *DB) readable(ctx context.Context, named string) error {
	var version int64
	if err := d.Read.QueryRowContext(ctx, `SELECT max(version_id) FROM audit_schema_version`).Scan(&version); err != nil {
		return notALog(named, err)
	}
	newest, err := migrations.Newest(string(d.Engine), string(Audit))
	if err != nil {
		return err
	}
	if version > newest {
		return fmt.Errorf("%w (schema %d, this one knows %d)", ErrNewerSchema, version, newest)
	}
	return nil
}

// openFile opens a file past the settings of a store.
func openFile(path string, query url.Values) *sql.DB {
	dsn := (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: query.Encode()}).String()
	return sql.OpenDB(sqliteConnector{&sqlite.Driver{}, dsn, func() error { return nil }, false, false})
}

// Lock keeps consoles, and other restorations, off a data folder, which it
// makes when it is missing. It fails while a console uses the folder.
func Lock(dir string) (io.Closer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return lockFile(filepath.Join(dir, lockName))
}

// ErrInUse says that another program has the log's file open.
var ErrInUse = errors.New("another program has the log open")

// Settle brings everything that a killed console has left beside the log's
// file into it, so that the file alone is the log. The caller has the lock.
func Settle(ctx context.Context, dir string) error {
	db, err := Inspect(ctx, dir, Audit)
	if err != nil {
		return err
	}
	err = db.Close()
	pool := sql.OpenDB(db.connector(Audit, false))
	var busy, frames, done int
	err = errors.Join(err, pool.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &frames, &done),
		pool.Close())
	if err != nil {
		return fmt.Errorf("write %s-wal into the log's file: %w", db.Path, err)
	}
	if _, err := os.Stat(db.Path + "-wal"); busy != 0 || err == nil { // whoever closes the file last removes it
		return fmt.Errorf("%w: %s", ErrInUse, db.Path)
	}
	return nil
}

// SyncFolder makes what was renamed in a folder survive a power cut.
func SyncFolder(dir string) error { return syncPath(dir) }

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
