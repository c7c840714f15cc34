package migrations

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
	if db.readers, err = newEntryReaders(); err != nil {
		return nil, err
	}
	db.Read = sql.OpenDB(db.connector(store, true))
	db.Read.SetMaxOpenConns(4)
	db.Write = db.Read
	if err := db.Read.PingContext(ctx); err != nil {
		return nil, fmt.Errorf("open the %s database: %w", store, errors.Join(err, db.Close()))
	}
	return db, nil
}
