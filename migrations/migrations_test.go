package migrations

import (
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

func open(t *testing.T, dsn string, store Store) *DB {
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
	var group sync.WaitGroup
	errs := make(chan error, 12)
	for range 4 {
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

func TestNewerSchemaIsRefused(t *testing.T) {
	for name, dsn := range map[string]func(*testing.T) string{
		"sqlite": func(t *testing.T) string { return t.TempDir() }, "postgresql": postgres,
	} {
		t.Run(name, func(t *testing.T) {
			at := dsn(t)
			db := open(t, at, Console)
			_, err := db.Write.ExecContext(t.Context(),
				`INSERT INTO console_schema_version (version_id, is_applied) VALUES (999, $1)`, true)
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(t.Context(), at, Console); !errors.Is(err, ErrNewerSchema) {
				t.Errorf("got %v, want ErrNewerSchema", err)
			}
		})
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
