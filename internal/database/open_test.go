package database

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

var stores = []Store{Audit, Search, Console}

// postgres returns the address of an empty schema, or skips.
func postgres(t *testing.T) string {
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

func open(t testing.TB, dsn string, store Store) *DB {
	t.Helper()
	db, err := Open(t.Context(), dsn, store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestOpenTwice(t *testing.T) {
	for _, store := range stores {
		t.Run(string(store), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			for range 2 {
				db, err := Open(t.Context(), dir, store)
				if err != nil {
					t.Fatal(err)
				}
				if err := db.Close(); err != nil {
					t.Fatal(err)
				}
			}
			info, err := os.Stat(filepath.Join(dir, string(store)+".db"))
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode().Perm() != 0o600 {
				t.Errorf("the file's mode is %v, want 0600", info.Mode().Perm())
			}
		})
	}
}

func TestPostgresStartsTogether(t *testing.T) {
	dsn := postgres(t)
	const replicas = 8
	var group sync.WaitGroup
	errs := make(chan error, replicas*len(stores))
	for range replicas {
		for _, store := range stores {
			group.Go(func() {
				db, err := Open(t.Context(), dsn, store)
				if err == nil {
					err = db.Close()
				}
				errs <- err
			})
		}
	}
	group.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
}

// TestNewerSchemaIsRefused, and left as it is.
func TestNewerSchemaIsRefused(t *testing.T) {
	for name, dsn := range map[string]func(*testing.T) string{
		"sqlite": func(t *testing.T) string { return t.TempDir() }, "postgresql": postgres,
	} {
		for _, store := range stores {
			t.Run(name+"/"+string(store), func(t *testing.T) {
				at := dsn(t)
				db := open(t, at, store)
				table := string(store) + "_schema_version"
				if _, err := db.Write.ExecContext(t.Context(), `INSERT INTO `+table+` (version_id, is_applied) VALUES (999, $1)`, true); err != nil {
					t.Fatal(err)
				}
				before := versions(t, db, table)
				if err := db.Close(); err != nil {
					t.Fatal(err)
				}
				_, err := Open(t.Context(), at, store)
				if !errors.Is(err, ErrNewerSchema) || !strings.Contains(err.Error(), "schema 999") {
					t.Errorf("got %v, want ErrNewerSchema", err)
				}
				look, err := Inspect(t.Context(), at, store)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = look.Close() }()
				if after := versions(t, look, table); after != before {
					t.Errorf("the versions are %q, were %q", after, before)
				}
			})
		}
	}
}

// versions are what the store says of its schema.
func versions(t *testing.T, db *DB, table string) string {
	t.Helper()
	rows, err := db.Read.QueryContext(t.Context(), `SELECT version_id FROM `+table+` ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var all []string
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

// TestNotDurableIsRefused: settings with which a power cut would take what was
// reported as written.
func TestNotDurableIsRefused(t *testing.T) {
	for _, tt := range []struct {
		store  Store
		pragma string
		want   string // empty: all is well
	}{
		{Audit, `PRAGMA synchronous = NORMAL`, "synchronous is 1"},
		{Audit, `PRAGMA synchronous = OFF`, "synchronous is 0"},
		{Audit, `PRAGMA synchronous = EXTRA`, ""},
		{Audit, `PRAGMA journal_mode = DELETE`, `journal_mode is "delete"`},
		{Console, `PRAGMA synchronous = NORMAL`, "synchronous is 1"},
		{Search, `PRAGMA synchronous = NORMAL`, ""},
		{Search, `PRAGMA synchronous = OFF`, "synchronous is 0"},
	} {
		t.Run(string(tt.store)+" "+tt.pragma, func(t *testing.T) {
			db := open(t, t.TempDir(), tt.store)
			if err := db.Read.Close(); err != nil { // the journal's mode changes for one connection alone
				t.Fatal(err)
			}
			if _, err := db.Write.ExecContext(t.Context(), tt.pragma); err != nil {
				t.Fatal(err)
			}
			err := db.check(t.Context(), tt.store)
			if (tt.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestNotDurablePostgresIsRefused(t *testing.T) {
	dsn := postgres(t) + "&synchronous_commit=off"
	for _, store := range []Store{Audit, Console} {
		if db, err := Open(t.Context(), dsn, store); err == nil || !strings.Contains(err.Error(), "synchronous_commit is off") {
			t.Errorf("%s: got %v", store, err)
			if db != nil {
				_ = db.Close()
			}
		}
	}
	open(t, dsn, Search) // it can be made again
}

func TestOldSQLiteIsRefused(t *testing.T) {
	for version, old := range map[string]bool{"3.51.2": true, "3.50.9": true, "2.99.99": true, "3.51.3": false, "3.52.0": false, "4.0.0": false} {
		if err := checkVersion(version); (err != nil) != old {
			t.Errorf("%s: %v", version, err)
		}
	}
	if err := checkVersion("new"); err == nil {
		t.Error("a version that is none is taken")
	}
}

func TestEntriesAreNeverChanged(t *testing.T) {
	for name, dsn := range map[string]func(*testing.T) string{
		"sqlite": func(t *testing.T) string { return t.TempDir() }, "postgresql": postgres,
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t, dsn(t), Audit)
			if _, err := db.Write.ExecContext(t.Context(), `INSERT INTO entry (seq, ts, body) VALUES (1, 1, $1)`, []byte("x")); err != nil {
				t.Fatal(err)
			}
			changes := []string{`UPDATE entry SET ts = 2`, `DELETE FROM entry`}
			if db.Engine == SQLite {
				changes = append(changes, `INSERT OR REPLACE INTO entry (seq, ts, body) VALUES (1, 2, 'y')`,
					`INSERT INTO entry (seq, ts, body) VALUES (3, 3, x'00')`)
			} else {
				changes = append(changes, `TRUNCATE entry`)
			}
			for _, stmt := range changes {
				if _, err := db.Write.ExecContext(t.Context(), stmt); err == nil {
					t.Errorf("%s succeeded", stmt)
				}
			}
		})
	}
}

func TestErrorsAreToldApart(t *testing.T) {
	for name, dsn := range map[string]func(*testing.T) string{
		"sqlite": func(t *testing.T) string { return t.TempDir() }, "postgresql": postgres,
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t, dsn(t), Console)
			insert := `INSERT INTO one_time_key (key, session_id, ticket, created_at) VALUES ('k', '', '', 0)`
			if _, err := db.Write.ExecContext(t.Context(), insert); err != nil {
				t.Fatal(err)
			}
			_, err := db.Write.ExecContext(t.Context(), insert)
			if !IsUnique(err) || IsFull(err) || IsReadOnly(err) {
				t.Errorf("a second key gives %v", err)
			}
		})
	}
}

func TestSQLiteReadersCannotWrite(t *testing.T) {
	db := open(t, t.TempDir(), Console)
	_, err := db.Read.ExecContext(t.Context(), `DELETE FROM session`)
	if !IsReadOnly(err) {
		t.Errorf("got %v, want a read-only error", err)
	}
}

func TestSQLiteFull(t *testing.T) {
	db := open(t, t.TempDir(), Audit)
	if _, err := db.Write.ExecContext(t.Context(), `PRAGMA max_page_count = 12`); err != nil {
		t.Fatal(err)
	}
	_, err := db.Write.ExecContext(t.Context(), `INSERT INTO entry (seq, ts, body) VALUES (1, 1, zeroblob(1000000))`)
	if !IsFull(err) {
		t.Errorf("got %v, want a full disk", err)
	}
}

func TestFileMoved(t *testing.T) {
	db := open(t, t.TempDir(), Audit)
	if err := db.Unmoved(); err != nil {
		t.Fatal(err)
	}
	away := db.Path + ".away"
	if err := os.Rename(db.Path, away); err != nil {
		t.Fatal(err)
	}
	if err := db.Unmoved(); !errors.Is(err, ErrFileMoved) {
		t.Errorf("a missing file gives %v", err)
	}
	var n int
	if err := db.Read.QueryRowContext(t.Context(), `SELECT count(*) FROM entry`).Scan(&n); !errors.Is(err, ErrFileMoved) {
		t.Errorf("a new connection without the file gives %v", err)
	}
	if err := os.WriteFile(db.Path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := db.Unmoved(); !errors.Is(err, ErrFileMoved) {
		t.Errorf("another file gives %v", err)
	}
	if err := db.Read.QueryRowContext(t.Context(), `SELECT count(*) FROM entry`).Scan(&n); !errors.Is(err, ErrFileMoved) {
		t.Errorf("a new connection to another file gives %v", err)
	}
	if err := os.Rename(away, db.Path); err != nil {
		t.Fatal(err)
	}
	if err := db.Unmoved(); err != nil {
		t.Errorf("the file that came back gives %v", err)
	}
	if err := db.Read.QueryRowContext(t.Context(), `SELECT count(*) FROM entry`).Scan(&n); err != nil {
		t.Errorf("a new connection to it gives %v", err)
	}
}

// TestLogHasOneWriter runs itself as a second process on the same folder.
func TestLogHasOneWriter(t *testing.T) {
	const variable = "COC_CONSOLE_TEST_FOLDER"
	if dir := os.Getenv(variable); dir != "" {
		if _, err := Open(t.Context(), dir, Audit); err == nil {
			t.Fatal("a second process opened the log")
		} else if !strings.Contains(err.Error(), "another console") {
			t.Fatalf("unclear: %v", err)
		}
		return
	}
	dir := t.TempDir()
	open(t, dir, Audit)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLogHasOneWriter$")
	cmd.Env = append(os.Environ(), variable+"="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestLockOutlivesNobody closes a log while a program that is being started
// still has all files of this one: it must be free to open again at once.
func TestLockOutlivesNobody(t *testing.T) {
	dir := t.TempDir()
	db, err := Open(t.Context(), dir, Audit)
	if err != nil {
		t.Fatal(err)
	}
	started, err := syscall.Dup(int(db.lock.file.Fd())) // what a fork does
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(started) }()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	lock, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Close(); err != nil {
		t.Error(err)
	}
}

// TestOpenOfDamagedFiles says which file is damaged and what to do, in words of
// its own.
func TestOpenOfDamagedFiles(t *testing.T) {
	t.Parallel()
	for store, want := range map[Store]string{
		Audit: "coc-console restore", Search: "audit reindex", Console: "Move it away",
	} {
		for name, damage := range map[string]func([]byte) []byte{
			"cut":   func(b []byte) []byte { return b[:4096*3/2] },
			"noise": func(b []byte) []byte { return bytes.Repeat([]byte("no database "), len(b)/12) },
		} {
			folder := t.TempDir()
			db, err := Open(t.Context(), folder, store)
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(folder, string(store)+".db")
			whole, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, damage(whole), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err = Open(t.Context(), folder, store)
			if !errors.Is(err, ErrDamagedFile) {
				t.Fatalf("%s, %s: %v", store, name, err)
			}
			if text := err.Error(); !strings.Contains(text, file) || !strings.Contains(text, want) ||
				strings.Contains(text, "malformed") {
				t.Errorf("%s, %s: %v", store, name, err)
			}
		}
	}
}
