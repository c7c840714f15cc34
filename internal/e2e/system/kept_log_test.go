package system

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coc-console/audit"
	"coc-console/internal/cli"
	"coc-console/internal/database"
	"coc-console/internal/e2e"
)

// copyFolder copies the files of a folder but those whose names end in one of
// the endings that are left out.
func copyFolder(t *testing.T, from string, without ...string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.Mkdir(to, 0o700); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
next:
	for _, e := range entries {
		for _, ending := range without {
			if strings.HasSuffix(e.Name(), ending) {
				continue next
			}
		}
		put(t, filepath.Join(to, e.Name()), read(t, filepath.Join(from, e.Name())))
	}
	return to
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func put(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// stopsAtStart starts a console that must end by itself, and returns why.
func stopsAtStart(t *testing.T, args ...string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), e2e.StartTimeout)
	defer cancel()
	err := cli.Run(ctx, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...), e2e.NoEnvironment, io.Discard, io.Discard)
	if err == nil {
		t.Fatalf("%v: it starts", args)
	}
	return err
}

// sizeOf is how many records the log of a folder has.
func sizeOf(t *testing.T, folder string) (n int64) {
	t.Helper()
	db, err := database.Inspect(t.Context(), folder, database.Audit)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	must(t, db.Read.QueryRowContext(t.Context(), `SELECT size FROM head`).Scan(&n))
	return n
}

// TestCopyWithoutItsWAL: the data folder of a console that was killed is copied,
// without what SQLite keeps beside its files.
func TestCopyWithoutItsWAL(t *testing.T) {
	t.Parallel()
	onlyInWhole(t)
	data := t.TempDir()
	p := startProcess(t, "--data", data)
	b := newBrowser(t, p.url)
	b.signIn("operator")
	for !isThere(filepath.Join(data, "audit.seen")) {
		b.get("/tickets")
	}
	p.kill()
	for name, without := range map[string][]string{"all that is beside the log": {"-wal", "-shm"}, "what was noted, too": {"-wal", "-shm", "audit.seen"}} {
		t.Run(name, func(t *testing.T) {
			folder := copyFolder(t, data, without...)
			before := read(t, filepath.Join(folder, "audit.db"))
			err := stopsAtStart(t, "--data", folder)
			for _, part := range []string{"holds no log", "audit.db-wal is missing", "coc-console restore", "--accept-log-loss"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("it does not say %q: %v", part, err)
				}
			}
			if !errors.Is(err, audit.ErrRolledBack) || cli.StatusOf(err) != 1 {
				t.Errorf("the status is %d: %v", cli.StatusOf(err), err)
			}
			if !bytes.Equal(before, read(t, filepath.Join(folder, "audit.db"))) {
				t.Error("the start that was refused has changed audit.db")
			}

			put(t, filepath.Join(folder, "audit.db-wal"), read(t, filepath.Join(data, "audit.db-wal")))
			startProcess(t, "--data", folder).stop()
			if n := sizeOf(t, folder); n < 2 {
				t.Errorf("with its -wal file the log has %d records", n)
			}

			folder = copyFolder(t, data, without...)
			p := startProcess(t, "--data", folder, "--accept-log-loss")
			b := newBrowser(t, p.url)
			b.signIn("manager")
			if page := b.get("/audit/1"); !strings.Contains(page.body, "audit.restored") {
				t.Errorf("the loss is not recorded: %d", page.status)
			}
			p.stop()
			startProcess(t, "--data", folder).stop()
		})
	}
}

// TestShorterLogThanSeen: an older audit.db is put into the place of the present one.
func TestShorterLogThanSeen(t *testing.T) {
	t.Parallel()
	onlyInWhole(t)
	data := t.TempDir()
	visit := func() {
		t.Helper()
		p := startProcess(t, "--data", data)
		newBrowser(t, p.url).signIn("operator")
		p.stop()
	}
	visit()
	older := read(t, filepath.Join(data, "audit.db"))
	backup := filepath.Join(t.TempDir(), "backup")
	runs(t, "backup", backup, "--data", data)
	visit()
	put(t, filepath.Join(data, "audit.db"), older)
	err := stopsAtStart(t, "--data", data)
	if !errors.Is(err, audit.ErrRolledBack) || !strings.Contains(err.Error(), "has 1 record, and had 2") || !strings.Contains(err.Error(), "audit.db-wal") {
		t.Errorf("it says %v", err)
	}
	runs(t, "restore", backup, "--data", data)
	visit()
}

// TestKeysThatAreThereFirst: a key that is brought begins a log, and so does a
// new key after everything else was lost. One that a console made does not.
func TestKeysThatAreThereFirst(t *testing.T) {
	t.Parallel()
	onlyInWhole(t)
	brought := filepath.Join(t.TempDir(), "audit.key")
	if _, err := audit.LoadKey(brought); err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	p := startProcess(t, "--data", data, "--audit-key-file", brought)
	newBrowser(t, p.url).signIn("operator")
	p.stop()

	// A killed first start: the log has its name, and there is no key yet.
	named := t.TempDir()
	startProcess(t, "--data", named).stop()
	if err := os.Remove(filepath.Join(named, "audit.key")); err != nil {
		t.Fatal(err)
	}
	startProcess(t, "--data", named).stop()

	// A new log with a new key: what was noted of the old one is kept.
	for _, name := range []string{"audit.db", "audit.lock", "console.db"} { // which says that the log is a demo's
		if err := os.Remove(filepath.Join(data, name)); err != nil {
			t.Fatal(err)
		}
	}
	startProcess(t, "--data", data).stop()
	if kept, err := filepath.Glob(filepath.Join(data, "audit.seen") + ".*"); err != nil || len(kept) != 1 {
		t.Errorf("%v, %v", kept, err)
	}

	made := t.TempDir()
	if _, err := audit.LoadKey(filepath.Join(made, "audit.key")); err != nil {
		t.Fatal(err)
	}
	stopsAtStart(t, "--data", made)
	startProcess(t, "--data", made, "--accept-log-loss").stop()
}

// TestKeyOlderThanTheDatabase: the data folder's key signed a log that the
// PostgreSQL database does not have.
func TestKeyOlderThanTheDatabase(t *testing.T) {
	t.Parallel()
	onlyInWhole(t)
	data := t.TempDir()
	startProcess(t, "--data", data, "--database", emptySchema(t)).stop()
	err := stopsAtStart(t, "--data", data, "--database", emptySchema(t))
	if !strings.Contains(err.Error(), "the database has no log") || !strings.Contains(err.Error(), "--audit-key-file") {
		t.Errorf("it says %v", err)
	}
	startProcess(t, "--data", data, "--database", emptySchema(t), "--accept-log-loss").stop()
}
