package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Inspect opens a store for reading alone, beside a running console: it takes
// no lock, migrates nothing and makes no file. A store that is not there is
// fs.ErrNotExist. In place of a folder, dsn may be a copy of the log.
func Inspect(ctx context.Context, dsn string, store Store) (*DB, error) {
	if IsPostgres(dsn) {
		db, err := openPostgres(ctx, dsn, store)
		if err != nil {
			return nil, fmt.Errorf("open the %s database: %w", store, err)
		}
		return db, nil
	}
	if info, err := os.Stat(dsn); err == nil && info.Mode().IsRegular() {
		if store != Audit {
			return nil, fmt.Errorf("%w: a copy of the log has no %s tables", fs.ErrNotExist, store)
		}
		return InspectFile(ctx, dsn)
	}
	path, err := filepath.Abs(filepath.Join(dsn, string(store)+".db"))
	if err != nil {
		return nil, err
	}
	db := &DB{Engine: SQLite, Path: path}
	if db.file, err = os.Stat(path); err != nil {
		return nil, err
	}
	if db.readers, err = newRowReaders(); err != nil {
		return nil, err
	}
	db.Read = sql.OpenDB(db.connector(store, true))
	db.Read.SetMaxOpenConns(4)
	db.Write = db.Read
	if err := db.Read.PingContext(ctx); err != nil {
		err = errors.Join(damagedStore(dsn, store, err), db.Close())
		return nil, fmt.Errorf("open the %s database: %w", store, err)
	}
	return db, nil
}

// Head is the name and the size of the audit log in the database.
func (d *DB) Head(ctx context.Context) (origin string, size int64, err error) {
	err = d.Read.QueryRowContext(ctx, `SELECT origin, size FROM head WHERE id = 1`).Scan(&origin, &size)
	if err != nil {
		return "", 0, fmt.Errorf("read the head of the audit log: %w", d.inWords(err))
	}
	return origin, size, nil
}

// inWords says of an error in words that the log's file is damaged; a copy is
// named by whoever has opened it.
func (d *DB) inWords(err error) error {
	if d.Path == "" {
		return err
	}
	return damagedStore(filepath.Dir(d.Path), Audit, err)
}

// HasTable reports whether the database has a table of that name.
func (d *DB) HasTable(ctx context.Context, name string) (bool, error) {
	query := `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = $1`
	if d.Engine == PostgreSQL {
		query = `SELECT count(*) FROM pg_catalog.pg_class WHERE oid = to_regclass($1)`
	}
	var n int
	if err := d.Read.QueryRowContext(ctx, query, name).Scan(&n); err != nil {
		return false, fmt.Errorf("look for the table %s: %w", name, d.inWords(err))
	}
	return n > 0, nil
}
