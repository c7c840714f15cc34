// Package database opens the console's databases and hides how their engines
// differ. It is the only package that knows a database driver.
//
// There are three stores: the audit log, the search tables derived from it,
// and the console's own (sessions, one-time keys). On SQLite each is a file of
// one data folder; on PostgreSQL all are tables of one database, which several
// consoles may share: they migrate one after the other, under a lock.
package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"modernc.org/sqlite"

	"coc-console/migrations"
)

// Engine is a kind of database.
type Engine string

// The engines.
const (
	SQLite     Engine = "sqlite"
	PostgreSQL Engine = "postgresql"
)

// Store is one of the console's databases.
type Store string

// The stores.
const (
	Audit   Store = "audit"
	Search  Store = "search"
	Console Store = "console"
)

// DB is an open store. On SQLite Write has a single connection and Read a few
// that cannot write; on PostgreSQL both are one pool.
type DB struct {
	Engine      Engine
	Write, Read *sql.DB
	Path        string // of the file; empty on PostgreSQL

	readers *rowReaders // nil where rows can be fetched only

	// New says that there were no tables of the store before it was opened.
	New bool

	lock fileLock
	file os.FileInfo // which file Path was when it was opened
}

// ErrNewerSchema says that a newer console has migrated the store.
var ErrNewerSchema = migrations.ErrNewerSchema

// IsPostgres reports whether dsn names a PostgreSQL database.
func IsPostgres(dsn string) bool {
	return strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://")
}

// Open opens a store and migrates it. dsn is a folder, made when missing, for
// SQLite, or a postgres:// address. The log's file is locked: one console at a
// time writes it.
func Open(ctx context.Context, dsn string, store Store) (*DB, error) {
	open := openSQLite
	if IsPostgres(dsn) {
		open = openPostgres
	}
	db, err := open(ctx, dsn, store)
	if err != nil {
		return nil, fmt.Errorf("open the %s database: %w", store, damagedStore(dsn, store, err))
	}
	if db.New, err = migrations.Migrate(ctx, db.Write, string(db.Engine), string(store)); err != nil {
		err = errors.Join(damagedStore(dsn, store, err), db.Close())
		return nil, fmt.Errorf("migrate the %s database: %w", store, err)
	}
	return db, nil
}

// damagedStore says, where a store's file is damaged, what to do.
func damagedStore(folder string, store Store, err error) error {
	why := DamagedFile(filepath.Join(folder, string(store)+".db"), err)
	if !errors.Is(why, ErrDamagedFile) {
		return err
	}
	switch store {
	case Audit:
		return fmt.Errorf("%w. Put a backup into its place: coc-console restore FILE", why)
	case Search:
		return fmt.Errorf("%w. Build it again: coc-console audit reindex", why)
	case Console:
	}
	return fmt.Errorf("%w. Move it away, with what lies beside it: people sign in again, and what was saved or waits "+
		"for an approval is gone; the audit log is not in it", why)
}

// Close closes the store.
func (d *DB) Close() error {
	err := d.Write.Close()
	if d.Read != d.Write {
		err = errors.Join(err, d.Read.Close())
	}
	return errors.Join(err, d.lock.Close())
}

// ErrFileMoved says that the database's file is no longer the one at its path:
// what is written would be lost when the console stops.
var ErrFileMoved = errors.New("the database's file was deleted or replaced")

// Unmoved returns ErrFileMoved when another file, or none, is at the path of
// the open one.
func (d *DB) Unmoved() error {
	if d.Path == "" {
		return nil
	}
	now, err := os.Stat(d.Path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(now, d.file) {
		return fmt.Errorf("%w: %s", ErrFileMoved, d.Path)
	}
	return err
}

// Space returns how many bytes the disk of the database's file has left for
// this user, and has in all; zeros on PostgreSQL, whose disk is elsewhere.
func (d *DB) Space() (free, total uint64, err error) {
	if d.Path == "" {
		return 0, 0, nil
	}
	var s syscall.Statfs_t
	if err := syscall.Statfs(d.Path, &s); err != nil {
		return 0, 0, fmt.Errorf("read the free space of %s: %w", d.Path, err)
	}
	return s.Bavail * uint64(s.Bsize), s.Blocks * uint64(s.Bsize), nil
}

// Clock returns what the database's own clock says; ErrUnsupported for SQLite,
// which has none.
func (d *DB) Clock(ctx context.Context) (time.Time, error) {
	if d.Engine != PostgreSQL {
		return time.Time{}, errors.ErrUnsupported
	}
	var micro int64
	err := d.Read.QueryRowContext(ctx, `SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint`).Scan(&micro)
	if err != nil {
		return time.Time{}, fmt.Errorf("read the database's clock: %w", err)
	}
	return time.UnixMicro(micro), nil
}

// Size returns how many bytes the store takes: its file and what is written
// but not yet copied into it. On PostgreSQL it is the whole database, which
// holds all stores.
func (d *DB) Size(ctx context.Context) (int64, error) {
	if d.Path == "" {
		var n int64
		err := d.Read.QueryRowContext(ctx, `SELECT pg_database_size(current_database())`).Scan(&n)
		if err != nil {
			return 0, fmt.Errorf("read the database's size: %w", err)
		}
		return n, nil
	}
	info, err := os.Stat(d.Path)
	if err != nil {
		return 0, err
	}
	n := info.Size()
	if wal, err := os.Stat(d.Path + "-wal"); err == nil { // there is none at times
		n += wal.Size()
	}
	return n, nil
}

func openPostgres(ctx context.Context, dsn string, store Store) (*DB, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, errors.New("the address of the database is not valid") // err may hold a password
	}
	settings := `SET jit = off` // it takes longer than any statement of ours
	if store == Search {
		// Whether a word or a name is rare decides the plan: one for all values is wrong for most.
		settings += `; SET plan_cache_mode = force_custom_plan`
	}
	pool := sql.OpenDB(newPGConnector(config, settings))
	pool.SetMaxOpenConns(8)
	pool.SetMaxIdleConns(4)
	db := &DB{Engine: PostgreSQL, Write: pool, Read: pool}
	if err := db.checkPostgres(ctx, store); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return db, nil
}

func openSQLite(ctx context.Context, dir string, store Store) (*DB, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	path, err := filepath.Abs(filepath.Join(dir, string(store)+".db"))
	if err != nil {
		return nil, err
	}
	db := &DB{Engine: SQLite, Path: path}
	if db.readers, err = newRowReaders(); err != nil {
		return nil, err
	}
	if store == Audit {
		if db.lock, err = lockFile(filepath.Join(dir, lockName)); err != nil {
			return nil, err
		}
	}
	// As every Linux distribution builds SQLite: a commit need not wait for the
	// file's timestamps. Where the system has no such call, fsync does.
	if _, err := sqlite.Fdatasync(true); err != nil && !errors.Is(err, sqlite.ErrFdatasyncUnavailable) {
		return nil, errors.Join(err, db.lock.Close())
	}
	if db.file, err = touch(path); err != nil {
		return nil, errors.Join(err, db.lock.Close())
	}
	db.Write = sql.OpenDB(db.connector(store, false))
	db.Write.SetMaxOpenConns(1)
	db.Read = sql.OpenDB(db.connector(store, true))
	db.Read.SetMaxOpenConns(4)
	db.Read.SetMaxIdleConns(4)
	if err := db.check(ctx, store); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// touch makes the file for its owner alone before SQLite would make it for all.
func touch(path string) (os.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	return info, errors.Join(err, f.Close())
}

// BusyTimeout is how long SQLite waits for a lock that another process, or
// another connection, holds on a file.
const BusyTimeout = 5 * time.Second

// connectTimeout bounds the making of a connection to PostgreSQL, where its
// address sets no connect_timeout.
const connectTimeout = 5 * time.Second

// lostAfter is when a server of PostgreSQL that does not answer even on the
// level of TCP is given up. How long a statement may take is its caller's to say.
const lostAfter = 15 * time.Second

// dataSource writes SQLite's address with its settings. Commits of the log and
// of the console's own store must survive a power cut (synchronous=FULL), but
// those of Lazily; the search tables can be built again, but must not be corrupt (NORMAL).
func dataSource(path string, store Store, readOnly bool) string {
	pragmas := []string{fmt.Sprintf("busy_timeout(%d)", BusyTimeout.Milliseconds()), "journal_mode(WAL)", "foreign_keys(ON)", "trusted_schema(OFF)",
		"cell_size_check(ON)", "synchronous(" + synchronous(store) + ")"}
	if store == Audit { // copied back into the file every 16 MiB, not every 4: fewer flushes while many write
		pragmas = append(pragmas, "wal_autocheckpoint(4000)", "secure_delete(ON)")
	}
	if readOnly {
		pragmas = append(pragmas, "query_only(ON)")
	}
	if store == Search { // its pages change often: fewer checkpoints write each fewer times
		pragmas = append(pragmas, "wal_autocheckpoint(16000)")
	}
	cache := pageCache[store].write
	if readOnly {
		cache = pageCache[store].read
	}
	pragmas = append(pragmas, fmt.Sprintf("cache_size(-%d)", cache))
	q := url.Values{"_pragma": pragmas, "_txlock": {"immediate"}, "mode": {"rw"}, // never makes a file
		"_defensive": {"1"}}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String()
}

// pageCache is how many KiB of its file each connection keeps. The system keeps
// all of it that fits, once for all connections; to read a page from there takes
// about a microsecond. Few of the log's pages are read twice; those of the search
// tables' words are, and while they are merged they are written, too.
var pageCache = map[Store]struct{ read, write int }{
	Audit: {4 << 10, 8 << 10}, Search: {8 << 10, 16 << 10}, Console: {2 << 10, 2 << 10},
}

func synchronous(store Store) string {
	if store == Search {
		return "NORMAL"
	}
	return "FULL"
}

// minSQLite is the first version without the WAL-reset bug, as a number.
const minSQLite = 3_051_003

// check reads the settings back: a log that is not durable must not start.
func (d *DB) check(ctx context.Context, store Store) error {
	var journal, version string
	var level int
	for query, to := range map[string]any{`PRAGMA journal_mode`: &journal, `PRAGMA synchronous`: &level,
		`SELECT sqlite_version()`: &version} {
		if err := d.Write.QueryRowContext(ctx, query).Scan(to); err != nil {
			return fmt.Errorf("%s: %w", query, err)
		}
	}
	wanted := map[string]int{"NORMAL": 1, "FULL": 2}[synchronous(store)]
	switch {
	case journal != "wal":
		return fmt.Errorf("journal_mode is %q, not wal", journal)
	case level < wanted:
		return fmt.Errorf("synchronous is %d, less than %d", level, wanted)
	}
	return checkVersion(version)
}

func checkVersion(version string) error {
	var major, minor, patch int
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch); err != nil {
		return fmt.Errorf("SQLite's version %q: %w", version, err)
	}
	if major*1_000_000+minor*1_000+patch < minSQLite {
		return fmt.Errorf("SQLite %s is too old", version)
	}
	return nil
}

// checkPostgres is check: whoever sets the server up may let commits be lost
// that were reported as done.
func (d *DB) checkPostgres(ctx context.Context, store Store) error {
	var commits string
	if err := d.Write.QueryRowContext(ctx, `SHOW synchronous_commit`).Scan(&commits); err != nil {
		return fmt.Errorf("read synchronous_commit: %w", err)
	}
	if commits == "off" && store != Search {
		return errors.New("synchronous_commit is off: what is written would not be durable")
	}
	return nil
}
