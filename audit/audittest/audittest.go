// Package audittest opens an audit log with all that runs beside it, for tests.
package audittest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"coc-console/audit"
	"coc-console/audit/export"
	"coc-console/audit/internal/merkle"
	"coc-console/audit/retention"
	"coc-console/audit/search"
	"coc-console/audit/verify"
	"coc-console/internal/database"
	"coc-console/internal/sqlutil"
)

// The engines that a log runs on.
const (
	SQLite     = "sqlite"
	PostgreSQL = "postgresql"
)

// Engines runs a test on both, side by side, when the calling test has
// returned.
func Engines(t *testing.T, test func(t *testing.T, dsn string)) {
	t.Helper()
	for _, engine := range []string{SQLite, PostgreSQL} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			test(t, Fresh(t, engine))
		})
	}
}

// Fresh returns the address of an empty database.
func Fresh(t testing.TB, engine string) string {
	t.Helper()
	if engine == PostgreSQL {
		return Postgres(t)
	}
	return filepath.Join(t.TempDir(), "data")
}

// Postgres returns the address of an empty schema, or skips.
func Postgres(t testing.TB) string {
	t.Helper()
	base := os.Getenv("COC_CONSOLE_TEST_POSTGRES")
	if base == "" {
		base = "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"
	}
	admin, err := sql.Open("pgx", base)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.Close() })
	if err := admin.PingContext(t.Context()); err != nil {
		if os.Getenv("COC_CONSOLE_TEST_REQUIRE") == "1" {
			t.Fatalf("no PostgreSQL to test with: %v", err)
		}
		t.Skipf("no PostgreSQL to test with: %v", err)
	}
	schema := "test_" + strings.ToLower(rand.Text())
	if _, err := admin.ExecContext(t.Context(), "CREATE SCHEMA "+schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { DropSchema(t, admin, schema) })
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

// DropSchema drops a schema with all that is in it. A query that was given up may still be under way at the server, and
// deadlock with it; then it is tried again.
func DropSchema(t testing.TB, admin *sql.DB, schema string) {
	t.Helper()
	var err error
	for range 5 {
		if _, err = admin.ExecContext(context.Background(), "DROP SCHEMA "+schema+" CASCADE"); err == nil {
			return
		}
	}
	t.Errorf("drop schema %s: %v", schema, err)
}

// Log is an open log with its databases and its index, whose follower runs.
type Log struct {
	*audit.Log
	Index           *search.Index
	DSN             string
	Entries, Tables *database.DB

	closeLog, closeAll func() error
}

// Open opens a log; change adjusts its configuration. The test's end closes it.
func Open(t testing.TB, dsn string, change ...func(*audit.Config)) *Log {
	t.Helper()
	return ended(t)(New(t.Context(), dsn, change...))
}

// Inspect opens a log for reading alone.
func Inspect(t testing.TB, dsn string, change ...func(*audit.Config)) *Log {
	t.Helper()
	return ended(t)(Inspected(t.Context(), dsn, change...))
}

// Inspected is Inspect for who closes it, and expects errors.
func Inspected(ctx context.Context, dsn string, change ...func(*audit.Config)) (*Log, error) {
	return with(ctx, audit.Inspect, dsn, change...)
}

func ended(t testing.TB) func(*Log, error) *Log {
	t.Helper()
	return func(l *Log, err error) *Log {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := l.CloseAll(); err != nil {
				t.Error(err)
			}
		})
		return l
	}
}

// New is Open for who closes it, and expects errors.
func New(ctx context.Context, dsn string, change ...func(*audit.Config)) (*Log, error) {
	l, err := with(ctx, audit.Open, dsn, change...)
	if err != nil {
		return nil, err
	}
	if l.Index, err = search.Open(ctx, l.Log, l.tables()); err != nil {
		return nil, errors.Join(err, l.CloseAll())
	}
	return l, nil
}

func (l *Log) tables() search.Config {
	return search.Config{Write: l.Tables.Write, Read: l.Tables.Read, Rows: l.Tables}
}

func with(ctx context.Context, how func(context.Context, audit.Config) (*audit.Log, error), dsn string,
	change ...func(*audit.Config)) (*Log, error) {
	l := &Log{DSN: dsn}
	var err error
	if l.Entries, err = database.Open(ctx, dsn, database.Audit); err != nil {
		return nil, err
	}
	if l.Tables, err = database.Open(ctx, dsn, database.Search); err != nil {
		return nil, errors.Join(err, l.Entries.Close())
	}
	cfg := audit.Config{Dialect: string(l.Entries.Engine), Log: l.Entries.Write, LogRead: l.Entries.Read,
		Database: Unwatched(l.Entries), OwnClock: true} // tests set the clock
	for _, c := range change {
		c(&cfg)
	}
	if l.Log, err = how(ctx, cfg); err != nil {
		return nil, errors.Join(err, l.Entries.Close(), l.Tables.Close())
	}
	l.Index = search.New(l.Log, l.tables())
	l.closeLog = sync.OnceValue(func() error { return errors.Join(l.Index.Close(), l.Log.Close()) })
	l.closeAll = sync.OnceValue(func() error { return errors.Join(l.Close(), l.Entries.Close(), l.Tables.Close()) })
	return l, nil
}

// Close closes the log and its index.
func (l *Log) Close() error { return l.closeLog() }

// CloseAll closes the databases, too.
func (l *Log) CloseAll() error { return l.closeAll() }

// Background verifies the log again and again, until the test ends.
func (l *Log) Background(t testing.TB, every time.Duration) *verify.Background {
	t.Helper()
	b := verify.Start(t.Context(), l.Index, verify.Schedule{Every: every})
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// OnSQLite reports whether the log is a file.
func (l *Log) OnSQLite() bool { return l.Entries.Engine == database.SQLite }

// CaughtUp waits until the search tables know the whole log.
func (l *Log) CaughtUp(t testing.TB) {
	t.Helper()
	if err := l.Index.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// PauseFollower keeps the search tables as they are until resume is called.
func (l *Log) PauseFollower(t testing.TB) (resume func()) {
	t.Helper()
	tx, err := l.Tables.Write.BeginTx(context.WithoutCancel(t.Context()), nil)
	if err == nil {
		_, err = tx.ExecContext(t.Context(), `UPDATE followed SET upto = upto WHERE id = 1`)
	}
	if err != nil {
		t.Fatal(err)
	}
	return sync.OnceFunc(func() { _ = tx.Rollback() })
}

// Verify verifies the log.
func (l *Log) Verify(ctx context.Context, o verify.Options) (verify.Report, error) {
	return verify.Log(ctx, l.Log, o)
}

// Prune removes the bytes of old records.
func (l *Log) Prune(ctx context.Context, olderThan time.Time, actor audit.Actor) (int64, error) {
	return retention.Prune(ctx, l.Index, olderThan, actor)
}

// Write exports records as text.
func (l *Log) Write(ctx context.Context, w io.Writer, q search.Query, f export.Format, p export.Progress) error {
	return export.Write(ctx, w, l.Index, q, f, p)
}

// All is what a reader of the whole log sees.
var All = search.Visibility{All: true}

// Export returns the records that match, oldest first.
func (l *Log) Export(t testing.TB, q search.Query) []audit.Record {
	t.Helper()
	var out []audit.Record
	err := export.Records(t.Context(), l.Index, q, func(r audit.Record) error { out = append(out, r); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Everything returns the whole log, oldest first.
func (l *Log) Everything(t testing.TB) []audit.Record {
	t.Helper()
	return l.Export(t, search.Query{Visible: All})
}

// AppendEach appends records one after the other and returns them as they are stored.
func (l *Log) AppendEach(t testing.TB, records ...audit.Record) []audit.Record {
	t.Helper()
	out := make([]audit.Record, len(records))
	for i, r := range records {
		var err error
		if out[i], err = l.Append(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// Fill appends so many records in their order, without waiting for each.
func (l *Log) Fill(t testing.TB, n int, record func(i int) audit.Record) {
	t.Helper()
	queued, cancel := context.WithCancel(t.Context())
	cancel() // Keep then only queues
	for i := range n {
		r := record(i)
		err := l.Keep(queued, r)
		for ; errors.Is(err, audit.ErrBusy); err = l.Keep(queued, r) {
			_ = l.AwaitNotes(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := l.AwaitNotes(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// FillViewed appends so many records, for a log that is large enough.
func (l *Log) FillViewed(t testing.TB, n int) {
	t.Helper()
	l.Fill(t, n, func(int) audit.Record { return Viewed("") })
}

// AppendTogether appends records at the same time, in any order.
func (l *Log) AppendTogether(t testing.TB, records []audit.Record) {
	t.Helper()
	for some := range slices.Chunk(records, atOnce) {
		var group sync.WaitGroup
		for _, r := range some {
			group.Go(func() {
				if _, err := l.Append(t.Context(), r); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
}

// atOnce are as many records as the log's queue takes.
const atOnce = 4096

// Signed waits until a checkpoint covers the whole log, and returns it.
func (l *Log) Signed(t testing.TB) audit.Checkpoint {
	t.Helper()
	var c audit.Checkpoint
	Until(t, "the log is signed", func() bool {
		size, err := l.Size(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c, err = l.Checkpoint(t.Context())
		if err != nil && !errors.Is(err, audit.ErrNotFound) {
			t.Fatal(err)
		}
		return err == nil && c.Size == size
	})
	return c
}

// Guarded are the tables of the log, with all that guards them.
var Guarded = []string{"entry", "tile", "head", "edge", "checkpoint"}

// Unguard removes the triggers, as whoever can write the database may.
func (l *Log) Unguard(t testing.TB) {
	t.Helper()
	if !l.OnSQLite() {
		for _, table := range Guarded {
			Execute(t, l.Entries, `ALTER TABLE `+table+` DISABLE TRIGGER ALL`)
		}
		return
	}
	for _, name := range Column[string](t, l.Entries.Read, `SELECT name FROM sqlite_schema WHERE type = 'trigger'`) {
		Execute(t, l.Entries, `DROP TRIGGER `+name)
	}
}

// Rehead makes the head fit the entries, as an attacker without the key can.
func (l *Log) Rehead(t testing.TB) {
	t.Helper()
	bodies := Column[[]byte](t, l.Entries.Write, `SELECT body FROM entry ORDER BY seq`)
	root, frontier := Head(bodies)
	Execute(t, l.Entries, `UPDATE head SET size = $1, last_ts = (SELECT coalesce(max(ts), 0) FROM entry), root = $2, frontier = $3`,
		len(bodies), root, frontier)
}

// Head returns the root and the frontier of the tree over some bodies.
func Head(bodies [][]byte) (root, frontier []byte) {
	var f merkle.Frontier
	for _, b := range bodies {
		_ = f.Add(merkle.Leaf(b), 0, nil) // fails only where a callback does
	}
	h := f.Root()
	return h[:], merkle.Join(f.Peaks)
}

// Leaves are the hashes of some bodies, one after the other.
func Leaves(bodies [][]byte) []byte {
	hashes := make([]tlog.Hash, len(bodies))
	for i, b := range bodies {
		hashes[i] = merkle.Leaf(b)
	}
	return merkle.Join(hashes)
}

// RootAt is the root of the tree of the first records.
func (l *Log) RootAt(ctx context.Context, size int64) (tlog.Hash, error) {
	return tlog.TreeHash(size, l.Hashes(ctx))
}

// Column reads the only column of a query.
func Column[T any](t testing.TB, db *sql.DB, query string, args ...any) []T {
	t.Helper()
	out, err := sqlutil.Column[T](db.QueryContext(t.Context(), query, args...))
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return out
}
