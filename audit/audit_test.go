// The suite of the log runs on every engine: a real SQLite folder and a
// schema of its own in a real PostgreSQL.
package audit_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"coc-console/audit"
	"coc-console/migrations"
)

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		os.Exit(child())
	}
	goleak.VerifyTestMain(m)
}

const (
	onSQLite     = "sqlite"
	onPostgreSQL = "postgresql"
)

// engines runs a test on both, side by side, when the calling test has
// returned.
func engines(t *testing.T, test func(t *testing.T, dsn string)) {
	t.Helper()
	for _, engine := range []string{onSQLite, onPostgreSQL} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			test(t, fresh(t, engine))
		})
	}
}

// fresh returns the address of an empty database.
func fresh(t testing.TB, engine string) string {
	t.Helper()
	if engine == onPostgreSQL {
		return postgres(t)
	}
	return filepath.Join(t.TempDir(), "data")
}

// postgres returns the address of an empty schema, or skips.
func postgres(t testing.TB) string {
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
		t.Skipf("no PostgreSQL to test with: %v", err)
	}
	schema := "test_" + strings.ToLower(rand.Text())
	if _, err := admin.ExecContext(t.Context(), "CREATE SCHEMA "+schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.ExecContext(context.Background(), "DROP SCHEMA "+schema+" CASCADE"); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

// opened is an open log with its databases.
type opened struct {
	*audit.Log
	dsn           string
	entry, search *migrations.DB
	close         func() error
}

// open opens a log; change adjusts its configuration.
func open(t testing.TB, dsn string, change ...func(*audit.Config)) *opened {
	t.Helper()
	o, err := openLog(t.Context(), dsn, change...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

func openLog(ctx context.Context, dsn string, change ...func(*audit.Config)) (*opened, error) {
	return openWith(ctx, audit.Open, dsn, change...)
}

func is(err, target error) bool { return errors.Is(err, target) }

// fill appends so many records with few goroutines.
func (o *opened) fill(t testing.TB, n int) {
	t.Helper()
	var group sync.WaitGroup
	const appenders = 256
	for i := range appenders {
		group.Go(func() {
			for range (n + appenders - 1 - i) / appenders {
				if _, err := o.Append(t.Context(), viewed("")); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
}

// openWith opens a log for writing or for reading.
func openWith(ctx context.Context, how func(context.Context, audit.Config) (*audit.Log, error), dsn string,
	change ...func(*audit.Config)) (*opened, error) {
	o := &opened{dsn: dsn}
	var err error
	if o.entry, err = migrations.Open(ctx, dsn, migrations.Audit); err != nil {
		return nil, err
	}
	if o.search, err = migrations.Open(ctx, dsn, migrations.Search); err != nil {
		return nil, errors.Join(err, o.entry.Close())
	}
	cfg := audit.Config{
		Dialect: string(o.entry.Engine), Log: o.entry.Write, LogRead: o.entry.Read, EachEntry: o.entry.EachEntry,
		Search: o.search.Write, SearchRead: o.search.Read,
		IsFull: migrations.IsFull, IsReadOnly: migrations.IsReadOnly, InDoubt: migrations.InDoubt, Unmoved: o.entry.Unmoved,
	}
	for _, c := range change {
		c(&cfg)
	}
	if o.Log, err = how(ctx, cfg); err != nil {
		return nil, errors.Join(err, o.entry.Close(), o.search.Close())
	}
	o.close = sync.OnceValue(func() error { return errors.Join(o.Log.Close(), o.entry.Close(), o.search.Close()) })
	return o, nil
}

func (o *opened) sqlite() bool { return o.entry.Engine == migrations.SQLite }

// execute runs a statement in one of the databases.
func execute(t testing.TB, db *migrations.DB, statement string, args ...any) {
	t.Helper()
	if _, err := db.Write.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func number(t testing.TB, db *migrations.DB, query string, args ...any) (n int64) {
	t.Helper()
	if err := db.Read.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// gate stops the writer before a commit, with the records of it taken, until
// it is opened.
type gate struct {
	reached chan struct{} // has an element once the writer is there
	open    func()
}

// gated opens a log whose writer stands before a gate with one record, whose
// end is sent to first.
func gated(t testing.TB, dsn string) (o *opened, g gate, first <-chan error) {
	t.Helper()
	isOpen := make(chan struct{})
	g = gate{reached: make(chan struct{}, 1), open: sync.OnceFunc(func() { close(isOpen) })}
	o = open(t, dsn, func(c *audit.Config) {
		c.Unmoved = func() error {
			select {
			case g.reached <- struct{}{}:
			default:
			}
			<-isOpen
			return nil
		}
	})
	t.Cleanup(g.open)
	ended := make(chan error, 1)
	go func() { _, err := o.Append(t.Context(), viewed("at the gate")); ended <- err }()
	<-g.reached
	return o, g, ended
}

// queue starts appends that must succeed, waits until all are in the queue, and
// returns a function that waits for their ends.
func (o *opened) queue(t testing.TB, records []audit.Record) (ended func()) {
	t.Helper()
	before := o.Queued()
	var group sync.WaitGroup
	for _, r := range records {
		group.Go(func() {
			if _, err := o.Append(t.Context(), r); err != nil {
				t.Error(err)
			}
		})
	}
	until(t, "the records are queued", func() bool { return o.Queued() == before+len(records) })
	return group.Wait
}

// until waits for a condition.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for !holds() {
		if t.Context().Err() != nil {
			t.Fatalf("%s: never", what)
		}
		runtime.Gosched()
	}
}

// caughtUp waits until the search tables know the whole log.
func (o *opened) caughtUp(t testing.TB) {
	t.Helper()
	if err := o.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (o *opened) append(t testing.TB, records ...audit.Record) []audit.Record {
	t.Helper()
	out := make([]audit.Record, len(records))
	for i, r := range records {
		var err error
		if out[i], err = o.Append(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// appendTogether appends at the same time, in any order, as many as the queue takes.
func (o *opened) appendTogether(t testing.TB, records []audit.Record) {
	t.Helper()
	for some := range slices.Chunk(records, audit.QueueLength) {
		var group sync.WaitGroup
		for _, r := range some {
			group.Go(func() {
				if _, err := o.Append(t.Context(), r); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
}

// export returns the records that match, oldest first.
func (o *opened) export(t testing.TB, q audit.Query) []audit.Record {
	t.Helper()
	var out []audit.Record
	err := o.Export(t.Context(), q, func(r audit.Record) error { out = append(out, r); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var all = audit.Visibility{All: true}

// everything returns the whole log, oldest first.
func (o *opened) everything(t testing.TB) []audit.Record {
	t.Helper()
	return o.export(t, audit.Query{Visible: all})
}

func viewed(detail string) audit.Record {
	return audit.Record{Action: audit.ActionTicketViewed, Outcome: audit.OutcomeSucceeded, Detail: detail}
}

func several(n int) []audit.Record {
	out := make([]audit.Record, n)
	for i := range out {
		out[i] = viewed(fmt.Sprintf("number %d", i))
	}
	return out
}

// checkOrder fails unless the numbers are 1, 2, 3… and the times increase.
func checkOrder(t testing.TB, records []audit.Record) {
	t.Helper()
	for i, r := range records {
		if r.Sequence != int64(i+1) {
			t.Fatalf("the record at %d has sequence %d", i+1, r.Sequence)
		}
		if i > 0 && !r.Time.After(records[i-1].Time) {
			t.Fatalf("record %d is at %v, after one at %v", r.Sequence, r.Time, records[i-1].Time)
		}
	}
}

func sequences(records []audit.Record) []int64 {
	out := make([]int64, len(records))
	for i, r := range records {
		out[i] = r.Sequence
	}
	return out
}

func same(t testing.TB, what string, got, want []audit.Record) {
	t.Helper()
	if len(got) == 0 && len(want) == 0 {
		return
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %v, want %v", what, sequences(got), sequences(want))
	}
}
