package system

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/anchor"
	"coc-console/audit/audittest"
	"coc-console/audit/retention"
	"coc-console/audit/search"
	"coc-console/internal/cli"
	"coc-console/internal/database"
	"coc-console/internal/e2e"
)

// postgresAddress is that of an empty schema; without PostgreSQL the test is
// logOf is a log as a console that was stopped leaves it: a data folder with
// its keys, and a database where it is on PostgreSQL.
type logOf struct {
	t        testing.TB
	folder   string
	database string
}

func newLog(t testing.TB, engine database.Engine) *logOf {
	t.Helper()
	l := &logOf{t: t, folder: filepath.Join(t.TempDir(), "data")}
	if err := os.Mkdir(l.folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if engine == database.PostgreSQL {
		l.database = audittest.Postgres(t)
	}
	return l
}

// dsn is where the log is, and where are the settings that say so.
func (l *logOf) where() []string {
	where := []string{"--data", l.folder}
	if l.database != "" {
		where = append(where, "--database", l.database)
	}
	return where
}

// serve is where for a console on the simulator, which the log was not made by.
func (l *logOf) serve() []string { return append(l.where(), "--demo") }

func (l *logOf) dsn() string { return cmp.Or(l.database, l.folder) }

// open opens the log as a console does.
func (l *logOf) open() (log *followedLog, closeAll func()) {
	l.t.Helper()
	return openLog(l.t, l.dsn(), l.folder, anchor.File{Path: l.anchor()})
}

// followedLog is a log with its search tables.
type followedLog struct {
	*audit.Log
	index *search.Index
}

// openLog opens a log with the key of a folder as a console does.
func openLog(t testing.TB, dsn, folder string, anchors ...audit.Anchor) (_ *followedLog, closeAll func()) {
	t.Helper()
	must(t, os.MkdirAll(folder, 0o700))
	key, err := audit.LoadKey(filepath.Join(folder, "audit.key"))
	must(t, err)
	var dbs [3]*database.DB
	for i, store := range []database.Store{database.Audit, database.Search, database.Console} {
		dbs[i], err = database.Open(t.Context(), dsn, store)
		must(t, err)
	}
	log, err := audit.Open(t.Context(), audit.Config{Dialect: string(dbs[0].Engine), Log: dbs[0].Write, LogRead: dbs[0].Read,
		Database: dbs[0], Key: key, Anchors: anchors})
	must(t, err)
	index, err := search.Open(t.Context(), log, search.Config{Write: dbs[1].Write, Read: dbs[1].Read})
	must(t, err)
	return &followedLog{log, index}, func() {
		t.Helper()
		must(t, errors.Join(index.Close(), log.Close(), dbs[0].Close(), dbs[1].Close(), dbs[2].Close()))
	}
}

// anchor is the file that gets the log's checkpoints, outside of its folder.
func (l *logOf) anchor() string { return l.folder + ".anchor" }

// grow appends so many records.
func (l *logOf) grow(n int) *logOf {
	l.t.Helper()
	log, closeAll := l.open()
	defer closeAll()
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			_, err := log.Append(l.t.Context(), audit.Record{Action: audit.ActionTicketListed, Outcome: audit.OutcomeSucceeded,
				Reason: fmt.Sprintf("to be kept, %d", i)})
			if err != nil {
				l.t.Error(err)
			}
		})
	}
	group.Wait()
	return l
}

// bodies are the bytes of all records.
func (l *logOf) bodies() [][]byte {
	l.t.Helper()
	db, err := database.Inspect(l.t.Context(), l.dsn(), database.Audit)
	if err != nil {
		l.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	rows, err := db.Read.QueryContext(l.t.Context(), `SELECT body FROM entry ORDER BY seq`)
	if err != nil {
		l.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var all [][]byte
	for rows.Next() {
		var body []byte
		if err := rows.Scan(&body); err != nil {
			l.t.Fatal(err)
		}
		all = append(all, body)
	}
	if err := rows.Err(); err != nil {
		l.t.Fatal(err)
	}
	return all
}

// backup makes one into a folder of its own.
func (l *logOf) backup() string {
	l.t.Helper()
	file := filepath.Join(l.t.TempDir(), "backup.db")
	runs(l.t, slices.Concat([]string{"backup", file}, l.where())...)
	return file
}

// runs runs a command that must succeed, and returns what it prints.
func runs(t testing.TB, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	if err := cli.Run(t.Context(), args, e2e.NoEnvironment, &out, &out); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out.String())
	}
	return out.String()
}

// refuses runs a command that must fail with one line that says all of want.
func refuses(t testing.TB, args []string, want ...string) {
	t.Helper()
	var out bytes.Buffer
	err := cli.Run(t.Context(), args, e2e.NoEnvironment, &out, &out)
	if err == nil {
		t.Fatalf("%v: it succeeds\n%s", args, out.String())
	}
	text := err.Error() + "\n" + out.String()
	for _, part := range want {
		if !strings.Contains(text, part) {
			t.Errorf("%v: it does not say %q:\n%s", args, part, text)
		}
	}
}

// copyKey puts the signing key of one folder into another, as somebody does
// who has kept it apart.
func copyKey(t testing.TB, to, from string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(from, "audit.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to, "audit.key"), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// checkSame compares the log after a restoration with what it was: the same
// records, and one that says that it was restored.
func checkSame(t testing.TB, got, want [][]byte) {
	t.Helper()
	if len(got) != len(want)+1 {
		t.Fatalf("it has %d records, want %d and one more", len(got), len(want))
	}
	for i := range want {
		if !bytes.Equal(got[i], want[i]) {
			t.Fatalf("record %d is %s, want %s", i+1, got[i], want[i])
		}
	}
	if last := got[len(want)]; !bytes.Contains(last, []byte(`"action":"audit.restored"`)) || !bytes.Contains(last, []byte(`\"size\":`+strconv.Itoa(len(want)))) {
		t.Errorf("the last record is %s", last)
	}
}

// TestBackupAndRestore takes a log from either engine to either, with a console
// that uses it, and starts a console on the result with the same anchor.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	engines := []database.Engine{database.SQLite, database.PostgreSQL}
	for _, from := range engines {
		t.Run("from "+string(from), func(t *testing.T) {
			source := newLog(t, from).grow(700)
			console := e2e.Launch(t, e2e.NoEnvironment, slices.Concat(source.serve(), []string{"--anchor-file", source.anchor()})...)
			newBrowser(t, console.URL).signIn("operator")
			before := source.bodies()
			file := source.backup()
			if err := console.Stop(); err != nil {
				t.Fatal(err)
			}
			for _, suffix := range []string{"-wal", "-shm", "-journal"} {
				if isThere(file + suffix) {
					t.Errorf("%s is left", file+suffix)
				}
			}
			for _, to := range engines {
				t.Run("to "+string(to), func(t *testing.T) {
					target := newLog(t, to)
					copyKey(t, target.folder, source.folder)
					runs(t, slices.Concat([]string{"restore", file}, target.where())...)
					checkSame(t, target.bodies(), before)
					if got, want := triggers(t, target), triggers(t, newLog(t, to).grow(0)); !slices.Equal(got, want) {
						t.Errorf("it is guarded by %q, want %q", got, want)
					}
					carriesOn(t, target)
				})
			}
		})
	}
}

// triggers guard a log against changes.
func triggers(t testing.TB, l *logOf) []string {
	t.Helper()
	db, err := database.Inspect(t.Context(), l.dsn(), database.Audit)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	query := `SELECT name FROM sqlite_master WHERE type = 'trigger' ORDER BY name`
	if db.Engine == database.PostgreSQL {
		query = `SELECT DISTINCT trigger_name FROM information_schema.triggers WHERE trigger_schema = current_schema() ORDER BY 1`
	}
	rows, err := db.Read.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil || len(names) == 0 {
		t.Fatalf("no triggers (%v)", err)
	}
	return names
}

// carriesOn verifies a log, runs a console on it with the anchor that knows
// it, and verifies it again.
func carriesOn(t testing.TB, l *logOf) {
	t.Helper()
	log, closeAll := l.open()
	key := log.PublicKey()
	closeAll()
	verify := slices.Concat([]string{"audit", "verify", "--public-key", key}, l.where())
	runs(t, verify...)
	runs(t, "audit", "verify", "--public-key", key, "--data", l.backup())
	console := e2e.Launch(t, e2e.NoEnvironment, slices.Concat(l.serve(), []string{"--anchor-file", l.anchor()})...)
	b := newBrowser(t.(*testing.T), console.URL)
	b.signIn("manager")
	if p := b.get("/audit"); p.status != http.StatusOK || !strings.Contains(p.body, "audit.restored") {
		t.Errorf("the audit log answers %d and does not show the restoration", p.status)
	}
	if err := console.Stop(); err != nil {
		t.Error(err)
	}
	runs(t, append(verify, "--anchor", l.anchor())...)
}

// TestBackupOfAPrunedLog: records whose bytes were removed are known by their
// hashes alone. The sizes are those at which no hash is beyond the full tiles.
func TestBackupOfAPrunedLog(t *testing.T) {
	t.Parallel()
	onlyInWhole(t)
	for _, tt := range []struct {
		from, to database.Engine
		records  int
	}{
		{database.SQLite, database.PostgreSQL, 510}, // with the records of pruning and restoring
		{database.PostgreSQL, database.SQLite, 511},
		{database.PostgreSQL, database.PostgreSQL, 510},
	} {
		t.Run(fmt.Sprintf("%s to %s, %d", tt.from, tt.to, tt.records), func(t *testing.T) {
			source := newLog(t, tt.from).grow(tt.records)
			log, closeAll := source.open()
			if n, err := retention.Prune(t.Context(), log.index, time.Now().Add(time.Hour), audit.Actor{}); err != nil || n != 256 {
				t.Errorf("%d records were pruned (%v)", n, err)
			}
			closeAll()
			before := source.bodies()
			target := newLog(t, tt.to)
			copyKey(t, target.folder, source.folder)
			runs(t, slices.Concat([]string{"restore", source.backup()}, target.where())...)
			if got := target.bodies(); len(got) != len(before)+1 || !slices.EqualFunc(got[:len(before)], before, bytes.Equal) {
				t.Errorf("it has %d records, want %d and one more", len(got), len(before))
			}
			carriesOn(t, target)
		})
	}
}

// BenchmarkBackup times a backup and a restoration, with all that is verified
// in them, of as many records as COC_CONSOLE_BENCH_RECORDS says.
func BenchmarkBackup(b *testing.B) {
	records := 100_000
	if text := os.Getenv("COC_CONSOLE_BENCH_RECORDS"); text != "" {
		var err error
		if records, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	for _, engine := range []database.Engine{database.SQLite, database.PostgreSQL} {
		b.Run(string(engine), func(b *testing.B) {
			source := newLog(b, engine)
			for left := records; left > 0; left -= 4000 { // the log's queue takes no more at once
				source.grow(min(left, 4000))
			}
			var backup, restore time.Duration
			for b.Loop() {
				start := time.Now()
				file := source.backup()
				backup += time.Since(start)
				target := newLog(b, engine)
				copyKey(b, target.folder, source.folder)
				start = time.Now()
				runs(b, slices.Concat([]string{"restore", file}, target.where())...)
				restore += time.Since(start)
			}
			b.ReportMetric(backup.Seconds()/float64(b.N), "s/backup")
			b.ReportMetric(restore.Seconds()/float64(b.N), "s/restore")
		})
	}
}

// TestRestoreWithItsAnchor: the log is lost with its folder, the anchor is not.
func TestRestoreWithItsAnchor(t *testing.T) {
	t.Parallel()
	l := newLog(t, database.SQLite).grow(300)
	file, before := l.backup(), l.bodies()
	key, err := os.ReadFile(filepath.Join(l.folder, "audit.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.RemoveAll(l.folder), os.Mkdir(l.folder, 0o700), os.WriteFile(filepath.Join(l.folder, "audit.key"), key, 0o600)); err != nil {
		t.Fatal(err)
	}
	runs(t, "restore", file, "--data", l.folder, "--anchor", l.anchor())
	checkSame(t, l.bodies(), before)
	carriesOn(t, l)
}

// TestRestorePutsAside: the log that is there is kept, with what a killed
// console has left beside it, and its search tables go.
func TestRestorePutsAside(t *testing.T) {
	t.Parallel()
	onlyInWhole(t)
	l := newLog(t, database.SQLite).grow(300)
	file, before := l.backup(), l.bodies()
	tamperWith(t, l.folder, `UPDATE entry SET body = CAST(replace(CAST(body AS TEXT), 'to be kept', 'to be lost') AS BLOB) WHERE seq = 4`)
	refuses(t, []string{"audit", "verify", "--data", l.folder, "--public-key", l.key()}, "record 4")
	runs(t, "restore", file, "--data", l.folder)
	checkSame(t, l.bodies(), before)
	old := asideOf(t, l.folder)
	db, err := database.InspectFile(t.Context(), old)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var body []byte
	if err := db.Read.QueryRowContext(t.Context(), `SELECT body FROM entry WHERE seq = 4`).Scan(&body); err != nil || !bytes.Contains(body, []byte("to be lost")) {
		t.Errorf("the log that was put aside has %s (%v)", body, err)
	}
	if isThere(filepath.Join(l.folder, "search.db")) {
		t.Error("the search tables are still there")
	}
	carriesOn(t, l)
}

// asideOf is the one log that was put aside.
func asideOf(t testing.TB, folder string) string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(folder, "audit.db.*Z"))
	if err != nil || len(all) != 1 {
		t.Fatalf("put aside are %v (%v)", all, err)
	}
	return all[0]
}

// tamperWith changes a log's file, or a backup, as whoever owns the machine can.
func tamperWith(t testing.TB, folder string, statements ...string) {
	t.Helper()
	tamperFile(t, filepath.Join(folder, "audit.db"), statements...)
}

func tamperFile(t testing.TB, file string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var drops string
	err = db.QueryRowContext(t.Context(), `SELECT group_concat('DROP TRIGGER ' || name, ';') FROM sqlite_master WHERE type = 'trigger'`).Scan(&drops)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range append(strings.Split(drops, ";"), statements...) {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// TestRestoreRefuses what is not whole, not this log, or less than what is
// there; and leaves everything as it is.
func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	onlyInWhole(t)
	for _, tt := range []struct {
		name string
		make func(t *testing.T, l *logOf) (file string, args []string)
		want []string
	}{
		{"a record with a changed byte", changed(`UPDATE entry SET body = CAST(replace(CAST(body AS TEXT), 'kept, 7"', 'kept, 8"') AS BLOB)`), []string{"is not what was written", "record.altered"}},
		{"a tile with a changed byte", changed(`UPDATE tile SET d = CAST(x'00' || substr(d, 2) AS BLOB)`), []string{"is not what was written", "tile.altered"}},
		{"a record that is gone", changed(`DELETE FROM entry WHERE seq = 5`), []string{"is not what was written", "record 5"}},
		{"without its checkpoint", changed(`UPDATE head SET note = x''`), []string{"is not what was written"}},
		{"half a file", func(t *testing.T, l *logOf) (string, []string) {
			file := l.backup()
			if err := os.Truncate(file, 40_000); err != nil {
				t.Fatal(err)
			}
			return file, nil
		}, nil},
		{"another file", func(t *testing.T, _ *logOf) (string, []string) { return "main_test.go", nil }, []string{"main_test.go is not a copy of an audit log", "not a SQLite database", "Nothing was changed"}},
		{"no file", func(t *testing.T, _ *logOf) (string, []string) { return "nothing", nil }, []string{"there is no file nothing", "Nothing was changed"}},
		{"a newer schema", changed(`INSERT INTO audit_schema_version (version_id, is_applied) VALUES (999, 1)`), []string{"newer version of the console"}},
		{"less than the log", func(t *testing.T, l *logOf) (string, []string) {
			file := l.backup()
			l.grow(7)
			return file, nil
		}, []string{"300 records", "7 later ones", "--lose 7"}},
		{"less than the log, with a wrong number", func(t *testing.T, l *logOf) (string, []string) {
			file := l.backup()
			l.grow(7)
			return file, []string{"--lose", "6"}
		}, []string{"--lose 7"}},
		{"less than the anchor", func(t *testing.T, l *logOf) (string, []string) {
			file := l.backup()
			l.grow(9)
			if err := os.Remove(filepath.Join(l.folder, "audit.db")); err != nil {
				t.Fatal(err)
			}
			return file, []string{"--anchor", l.anchor()}
		}, []string{"--lose 9"}},
		{"less than a log that cannot be read", func(t *testing.T, l *logOf) (string, []string) {
			file := l.backup()
			if err := os.WriteFile(filepath.Join(l.folder, "audit.db"), bytes.Repeat([]byte("x"), 8192), 0o600); err != nil {
				t.Fatal(err)
			}
			return file, nil
		}, []string{"--lose unknown"}},
		{"another log", func(t *testing.T, _ *logOf) (string, []string) {
			other := newLog(t, database.SQLite).grow(400)
			return other.backup(), []string{"--public-key", other.key()}
		}, []string{"is of the log coc-console/", "is the log coc-console/"}},
		{"another log's anchor", func(t *testing.T, l *logOf) (string, []string) {
			return l.backup(), []string{"--anchor", newLog(t, database.SQLite).grow(2).anchor()}
		}, []string{"--anchor"}},
		{"without a key", func(t *testing.T, l *logOf) (string, []string) {
			return l.backup(), []string{"--audit-key-file", filepath.Join(l.folder, "none")}
		}, []string{"--public-key"}},
		{"a console runs", func(t *testing.T, l *logOf) (string, []string) {
			file := l.backup()
			e2e.Launch(t, e2e.NoEnvironment, l.serve()...)
			return file, nil
		}, []string{"another console uses this data folder"}},
		{"something reads the log", func(t *testing.T, l *logOf) (string, []string) {
			file := l.backup()
			db, err := database.Inspect(t.Context(), l.folder, database.Audit)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			return file, nil
		}, []string{"another program has the log open"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLog(t, database.SQLite).grow(300)
			file, args := tt.make(t, l)
			before := contents(t, l.folder)
			refuses(t, slices.Concat([]string{"restore", file, "--data", l.folder}, args), tt.want...)
			if after := contents(t, l.folder); !slices.Equal(after, before) {
				t.Errorf("it left %q, there was %q", after, before)
			}
		})
	}
}

// changed is a backup that was changed by a statement.
func changed(statement string) func(*testing.T, *logOf) (string, []string) {
	return func(t *testing.T, l *logOf) (string, []string) {
		file := l.backup()
		tamperFile(t, file, statement)
		return file, nil
	}
}

// contents lists a folder without what a console that runs there makes and
// removes by itself.
func contents(t testing.TB, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		name := e.Name()
		if !strings.HasSuffix(name, "-wal") && !strings.HasSuffix(name, "-shm") &&
			!slices.Contains([]string{"audit.lock", "audit.seen", "audit.seen.new"}, name) {
			all = append(all, name)
		}
	}
	return all
}

// TestRestoreGivesUp what it is told to give up, by its number.
func TestRestoreGivesUp(t *testing.T) {
	t.Parallel()
	onlyInWhole(t)
	l := newLog(t, database.SQLite).grow(300)
	file, before := l.backup(), l.bodies()
	l.grow(7)
	out := runs(t, "restore", file, "--data", l.folder, "--lose", "7", "--anchor", l.anchor())
	checkSame(t, l.bodies(), before)
	if !strings.Contains(out, "knows of more records") {
		t.Errorf("it does not say what the anchor means:\n%s", out)
	}
	// From here on the logs part: a later backup of the one lacks what the other has.
	refuses(t, []string{"serve", "--listen", "127.0.0.1:0", "--data", l.folder, "--demo", "--anchor-file", l.anchor()}, "the log is older than its checkpoint")
	if err := os.Rename(l.anchor(), l.anchor()+".old"); err != nil {
		t.Fatal(err)
	}
	l.grow(20)
	refuses(t, []string{"restore", asideOf(t, l.folder), "--data", l.folder}, "307 records", "--lose 21")
	if err := os.WriteFile(filepath.Join(l.folder, "audit.db"), []byte("not a log"), 0o600); err != nil {
		t.Fatal(err)
	}
	runs(t, "restore", file, "--data", l.folder, "--lose", "unknown")
	checkSame(t, l.bodies(), before)
}

// TestRestoreIntoPostgres that is not empty.
func TestRestoreIntoPostgres(t *testing.T) {
	t.Parallel()
	onlyInWhole(t)
	file := newLog(t, database.SQLite).grow(3).backup()
	used := newLog(t, database.PostgreSQL).grow(4)
	before := used.bodies()
	refuses(t, slices.Concat([]string{"restore", file}, used.where()), "has a log already", "4 records")
	if !slices.EqualFunc(used.bodies(), before, bytes.Equal) {
		t.Error("the log was changed")
	}
	empty := newLog(t, database.PostgreSQL)
	tamperFile(t, file, `UPDATE entry SET body = x'00' WHERE seq = 2`)
	copyKey(t, empty.folder, used.folder) // not that of the backup
	refuses(t, slices.Concat([]string{"restore", file}, empty.where()), "is not what was written")
	if len(empty.bodies()) != 0 {
		t.Error("it has records")
	}
}

// TestBackupRefuses: what is there stays, and what is not whole is not kept.
func TestBackupRefuses(t *testing.T) {
	t.Parallel()
	l := newLog(t, database.SQLite).grow(300)
	file := l.backup()
	refuses(t, []string{"backup", file, "--data", l.folder}, "is there already", "--force")
	runs(t, "backup", "--data", l.folder, "--force", file)
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"backup"}, "needs a file"},
		{[]string{"backup", file, "more", "--data", l.folder}, `"more"`},
		{[]string{"backup", file + ".2", "--data", t.TempDir()}, "there is no audit.db"},
		{[]string{"backup", filepath.Join(l.folder, "audit.db"), "--data", l.folder, "--force"}, "the log itself"},
		{[]string{"backup", file + ".2", "--lose", "3"}, "--lose"},
		{[]string{"restore", file, "--force"}, "--force"},
		{[]string{"backup", file + ".2", "--database", "mysql://x"}, "postgres://"},
		{[]string{"backup", filepath.Join(file, "none"), "--data", l.folder}, "there is no folder"},
	} {
		refuses(t, tt.args, tt.want)
	}
	tamperWith(t, l.folder, `DELETE FROM entry WHERE seq = 5`)
	refuses(t, []string{"backup", file + ".2", "--data", l.folder}, "record 5", "is not what was written")
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(entries) != 1 {
		t.Errorf("left are %v (%v)", entries, err)
	}
}

// TestBackupInterrupted while it reads: nothing is left.
func TestBackupInterrupted(t *testing.T) {
	t.Parallel()
	onlyInWhole(t)
	l := newLog(t, database.PostgreSQL).grow(300)
	db, err := database.Inspect(t.Context(), l.database, database.Audit)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	tx, err := db.Write.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(t.Context(), `LOCK TABLE checkpoint IN ACCESS EXCLUSIVE MODE`); err != nil { // it comes after the records
		t.Fatal(err)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	folder, ended := t.TempDir(), make(chan error, 1)
	go func() {
		var out bytes.Buffer
		ended <- cli.Run(ctx, slices.Concat([]string{"backup", filepath.Join(folder, "backup.db")}, l.where()), e2e.NoEnvironment, &out, &out)
	}()
	eventually(t, "it copies", func() bool {
		parts, _ := filepath.Glob(filepath.Join(folder, "*.part"))
		return len(parts) == 1
	})
	interrupt()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("it ends with %v", err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("left are %v (%v)", left, err)
	}
}

func isThere(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
