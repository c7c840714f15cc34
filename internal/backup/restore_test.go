package backup

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/database"
)

// killVariable makes the test binary something that is killed: a restoration after so many steps, or what writes to a
// log.
const killVariable = "COC_CONSOLE_TEST_KILL"

// TestRestoreKilled kills a restoration between its steps: the log that is in
// place is the old one or the new one, whole, and it can be run again.
func TestRestoreKilled(t *testing.T) {
	if how := os.Getenv(killVariable); how != "" {
		writeOrRestoreAndDie(t, strings.Split(how, ","))
	}
	for done := range 5 {
		t.Run(strconv.Itoa(done)+" steps", func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			first, closeFirst := openAll(t, folder)
			write(t, first, 9)
			closeFirst()
			file := filepath.Join(t.TempDir(), "backup.db")
			if _, err := configOf(folder, file, "").Write(t.Context()); err != nil {
				t.Fatal(err)
			}
			before := bodies(t, folder)
			killed(t, "write", folder)
			if info, err := os.Stat(filepath.Join(folder, "audit.db-wal")); err != nil || info.Size() == 0 {
				t.Fatalf("nothing lies beside the log: %v", err)
			}
			old := bodies(t, folder)
			lost := strconv.Itoa(len(old) - len(before))
			killed(t, strconv.Itoa(done), folder, file, lost)
			got := bodies(t, folder)
			if len(got) == len(before)+1 {
				checkRestored(t, got, before)
			} else if !slices.EqualFunc(got, old, bytes.Equal) {
				t.Fatalf("it has %d records, the old log had %d", len(got), len(old))
			}
			if done == 4 != (len(got) == len(before)+1) {
				t.Errorf("after %d steps it has %d records", done, len(got))
			}
			log, closeAll := openAll(t, folder) // as a console would
			if n, err := log.Size(t.Context()); err != nil || n != int64(len(got)) {
				t.Errorf("it has %d records (%v)", n, err)
			}
			closeAll()
			if done == 4 {
				lost = "1" // the record of the first restoration
			}
			if _, err := configOf(folder, file, lost).Restore(t.Context()); err != nil {
				t.Fatal(err)
			}
			checkRestored(t, bodies(t, folder), before)
		})
	}
}

// killed runs this test in a process of its own, which must be killed.
func killed(t *testing.T, how ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRestoreKilled$")
	cmd.Env = append(os.Environ(), killVariable+"="+strings.Join(how, ","))
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL { //nolint:forcetypeassert // Unix
		t.Fatalf("it was not killed: %v\n%s", err, out)
	}
}

func writeOrRestoreAndDie(t *testing.T, how []string) {
	t.Helper()
	if how[0] == "write" {
		log, _ := openAll(t, how[1])
		write(t, log, 3) // more records than a restoration writes
	} else {
		restoreInSteps(t, how[0], how[1], how[2], how[3])
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {}
}

func restoreInSteps(t *testing.T, count, folder, file, lose string) {
	t.Helper()
	r := restoration{Config: configOf(folder, file, lose), staging: filepath.Join(folder, "restoring")}
	n, err := strconv.Atoi(count)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	steps := r.steps(t.Context())
	if len(steps) != 4 {
		t.Fatalf("there are %d steps", len(steps))
	}
	for _, step := range steps[:n] {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
}

// bodies are the bytes of all records.
func bodies(t *testing.T, folder string) (all [][]byte) {
	t.Helper()
	db, err := database.Inspect(t.Context(), folder, database.Audit)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	rows, err := db.Read.QueryContext(t.Context(), `SELECT body FROM entry ORDER BY seq`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var body []byte
		if err := rows.Scan(&body); err != nil {
			t.Fatal(err)
		}
		all = append(all, body)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// checkRestored compares the log after a restoration with what it was: the same records, and one that says that it was
// restored.
func checkRestored(t *testing.T, got, want [][]byte) {
	t.Helper()
	if len(got) != len(want)+1 || !slices.EqualFunc(got[:len(want)], want, bytes.Equal) {
		t.Fatalf("it has not the %d records of before: %s", len(want), got)
	}
	size := []byte(fmt.Sprintf(`\"size\":%d`, len(want)))
	if last := got[len(want)]; !bytes.Contains(last, []byte(`"action":"audit.restored"`)) || !bytes.Contains(last, size) {
		t.Errorf("the last record is %s", last)
	}
}

// write appends so many records.
func write(t *testing.T, log *audit.Log, n int) {
	t.Helper()
	for range n {
		_, err := log.Append(t.Context(), audit.Record{Action: audit.ActionTicketListed, Outcome: audit.OutcomeSucceeded, Reason: "to be kept"})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func configOf(folder, file, lose string) Config {
	return Config{File: file, Data: folder, KeyFile: filepath.Join(folder, "audit.key"), Lose: lose}
}

// openAll opens the log of a folder as a console does.
func openAll(t *testing.T, folder string) (log *audit.Log, closeAll func()) {
	t.Helper()
	secret, err := audit.LoadKey(filepath.Join(folder, "audit.key"))
	if err != nil {
		t.Fatal(err)
	}
	db := openLogOf(t, folder)
	tables, err := database.Open(t.Context(), folder, database.Search)
	if err != nil {
		t.Fatal(err)
	}
	log, err = audit.Open(t.Context(), audit.Config{Dialect: string(db.Engine), Log: db.Write, LogRead: db.Read, Database: db, Key: secret})
	if err != nil {
		t.Fatal(err)
	}
	index, err := search.Open(t.Context(), log, search.Config{Write: tables.Write, Read: tables.Read})
	if err != nil {
		t.Fatal(err)
	}
	return log, func() {
		t.Helper()
		if err := errors.Join(index.Close(), log.Close(), tables.Close(), db.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func openLogOf(t *testing.T, folder string) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), folder, database.Audit)
	if err != nil {
		t.Fatal(err)
	}
	return db
}
