// Package migrations holds the schema of the console's databases, and brings a
// database up to date with it.
package migrations

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/pressly/goose/v3/lock"
)

// files are the migrations, in a folder for each engine with one for each store.
//
//go:embed sqlite postgresql
var files embed.FS

// postgreSQL is the engine that several consoles may migrate at the same time.
const postgreSQL = "postgresql"

// ErrNewerSchema says that a newer console has migrated the store.
var ErrNewerSchema = errors.New("the database was made by a newer version of the console")

// Migrate brings the tables of a store up to date, and tells whether there were
// none before.
func Migrate(ctx context.Context, db *sql.DB, engine, store string) (isNew bool, err error) {
	provider, err := newProvider(db, engine, store)
	if err != nil {
		return false, err
	}
	// At most starts there is nothing to do: one read instead of a lock.
	current, target, err := provider.GetVersions(ctx)
	if err != nil {
		return false, fmt.Errorf("read the schema's version: %w", err)
	}
	if current > target {
		return false, fmt.Errorf("%w (schema %d, this one knows %d)", ErrNewerSchema, current, target)
	}
	if current < target {
		if _, err := provider.Up(ctx); err != nil {
			return false, fmt.Errorf("migrate the schema from %d to %d: %w", current, target, err)
		}
	}
	return current == 0, nil
}

func newProvider(db *sql.DB, engine, store string) (*goose.Provider, error) {
	dir, err := fs.Sub(files, engine+"/"+store)
	if err != nil {
		return nil, err
	}
	table := store + "_schema_version"
	versions, err := database.NewStore(dialect(engine), table)
	if err != nil {
		return nil, fmt.Errorf("keep versions in %s: %w", table, err)
	}
	options := []goose.ProviderOption{goose.WithStore(versions), goose.WithVerbose(false)}
	if engine == postgreSQL {
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 120))
		if err != nil {
			return nil, fmt.Errorf("prepare the migrations' lock: %w", err)
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	provider, err := goose.NewProvider("", db, dir, options...)
	if err != nil {
		return nil, fmt.Errorf("read the migrations of %s for %s: %w", store, engine, err)
	}
	return provider, nil
}

func dialect(engine string) goose.Dialect {
	if engine == postgreSQL {
		return goose.DialectPostgres
	}
	return goose.DialectSQLite3
}

// Newest returns the version of a store's schema that Migrate makes.
func Newest(engine, store string) (int64, error) {
	names, err := fs.Glob(files, engine+"/"+store+"/*.sql")
	if err != nil || len(names) == 0 {
		return 0, fmt.Errorf("no migrations of %s for %s: %w", store, engine, err)
	}
	newest := names[len(names)-1]
	version, err := goose.NumericComponent(newest)
	if err != nil {
		return 0, fmt.Errorf("read the version of %s: %w", newest, err)
	}
	return version, nil
}

// Read returns the text of one migration.
func Read(engine, store, name string) (string, error) {
	text, err := files.ReadFile(engine + "/" + store + "/" + name)
	return string(text), err
}
