package system

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/cli"
	"coc-console/internal/database"
	"coc-console/internal/e2e"
)

// What the commands on the log end with.
const (
	wrong  = 1 // something is wrong with the log or the bundle
	failed = 2
)

// onLogs runs a test with a log on each engine.
func onLogs(t *testing.T, records int, test func(t *testing.T, l *logOf)) {
	t.Helper()
	for _, engine := range []database.Engine{database.SQLite, database.PostgreSQL} {
		t.Run(string(engine), func(t *testing.T) { test(t, newLog(t, engine).grow(records)) })
	}
}

// audits runs a command on the log that must succeed, and returns its output.
func (l *logOf) audits(args ...string) string {
	l.t.Helper()
	return runs(l.t, slices.Concat([]string{"audit", args[0]}, l.where(), args[1:])...)
}

// fails runs a command on the log that must end with a status and a message.
func (l *logOf) fails(status int, message string, args ...string) string {
	l.t.Helper()
	return failsWith(l.t, status, message, slices.Concat([]string{"audit", args[0]}, l.where(), args[1:])...)
}

func failsWith(t testing.TB, status int, message string, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	err := cli.Run(t.Context(), args, e2e.NoEnvironment, &out, io.Discard)
	if err == nil || cli.StatusOf(err) != status || !strings.Contains(err.Error(), message) {
		t.Fatalf("%v: got the status %d and %v, want %d and %q\n%s", args, cli.StatusOf(err), err, status, message, out.String())
	}
	return out.String()
}

// key is the log's public key.
func (l *logOf) key() string {
	l.t.Helper()
	return strings.TrimSpace(l.audits("checkpoint", "--public-key"))
}

func TestAuditExport(t *testing.T) {
	t.Parallel()
	onLogs(t, 600, func(t *testing.T, l *logOf) {
		bodies := l.bodies()
		if got := l.audits("export", "--format", "jsonl", "--from", "250", "--to", "300"); got != string(bytes.Join(bodies[249:300], []byte("\n")))+"\n" {
			t.Errorf("the lines are %.300s", got)
		}
		rows, err := csv.NewReader(strings.NewReader(l.audits("export", "--query", `action:ticket. "kept, 7"`))).ReadAll()
		if err != nil || len(rows) != 2 || !strings.HasSuffix(rows[1][20], "kept, 7") || rows[0][20] != "reason" {
			t.Errorf("%v, %v", rows, err)
		}
		file := filepath.Join(t.TempDir(), "log.csv")
		if out := l.audits("export", "--output", file, "--progress"); !strings.Contains(out, "600 of 600 records") {
			t.Errorf("it says %q", out)
		}
		text, err := os.ReadFile(file)
		if err != nil || bytes.Count(text, []byte("\r\n")) != 601 {
			t.Errorf("%d rows, %v", bytes.Count(text, []byte("\r\n")), err)
		}
		l.fails(failed, "--format", "export", "--format", "xml")
		l.fails(failed, "--query", "export", "--query", "actr:ann")
		l.fails(failed, "--from", "export", "--from", "5", "--to", "4")
	})
}

func TestAuditBundle(t *testing.T) {
	t.Parallel()
	onLogs(t, 300, func(t *testing.T, l *logOf) {
		kept := filepath.Join(t.TempDir(), "kept")
		if err := os.WriteFile(kept, []byte(l.audits("checkpoint")), 0o600); err != nil {
			t.Fatal(err)
		}
		l.grow(300)
		file, key := filepath.Join(t.TempDir(), "log.zip"), l.key()
		l.audits("export", "--format", "bundle", "--from", "290", "--to", "400", "--anchor", kept, "--output", file)
		out := runs(t, "audit", "verify-bundle", file, "--public-key", key, "--anchor", kept)
		for _, want := range []string{"111 records are in the log, unaltered", "all records from 290 to 400", "kept elsewhere, over 300 records"} {
			if !strings.Contains(out, want) {
				t.Errorf("it does not say %q: %s", want, out)
			}
		}
		l.audits("export", "--format", "bundle", "--query", `"kept, 17"`, "--output", file) // once more: the old one is replaced
		if out := runs(t, "audit", "verify-bundle", "--public-key", key, file); !strings.Contains(out, "missed none cannot be shown") {
			t.Errorf("it says %s", out)
		}
		l.fails(failed, "no such record", "export", "--format", "bundle", "--query", "actor:nobody", "--output", filepath.Join(t.TempDir(), "none"))
		other := newLog(t, database.SQLite).grow(1)
		failsWith(t, wrong, "the bundle does not prove", "audit", "verify-bundle", file, "--public-key", other.key())
		failsWith(t, failed, "--public-key", "audit", "verify-bundle", file)
		failsWith(t, failed, "needs a file", "audit", "verify-bundle", "--public-key", key)
		failsWith(t, failed, "no such file", "audit", "verify-bundle", file+"x", "--public-key", key)
		whole, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, whole[:len(whole)-30], 0o600); err != nil {
			t.Fatal(err)
		}
		failsWith(t, wrong, "not a whole bundle", "audit", "verify-bundle", file, "--public-key", key)
	})
}

// interrupting cancels a context at the first thing that is said.
type interrupting struct{ cancel context.CancelFunc }

func (w interrupting) Write(p []byte) (int, error) { w.cancel(); return len(p), nil }

// TestAuditExportBreaksOff: nothing has the file's name before it is whole.
func TestAuditExportBreaksOff(t *testing.T) {
	t.Parallel()
	onLogs(t, 1500, func(t *testing.T, l *logOf) {
		for _, format := range []string{"csv", "bundle"} {
			folder := t.TempDir()
			ctx, cancel := context.WithCancel(t.Context())
			args := slices.Concat([]string{"audit", "export"}, l.where(), []string{"--format", format, "--output", filepath.Join(folder, "x"), "--progress"})
			err := cli.Run(ctx, args, e2e.NoEnvironment, io.Discard, interrupting{cancel})
			left, err2 := os.ReadDir(folder)
			if !errors.Is(err, context.Canceled) && err != nil || err2 != nil || err != nil && len(left) != 0 || err == nil && len(left) != 1 {
				t.Errorf("%s: %v; left are %v", format, err, left)
			}
			cancel()
			ctx, cancel = context.WithCancel(t.Context())
			cancel()
			err = cli.Run(ctx, args, e2e.NoEnvironment, io.Discard, io.Discard)
			if left, err2 = os.ReadDir(folder); !errors.Is(err, context.Canceled) || err2 != nil || len(left) > 1 {
				t.Errorf("%s: %v; left are %v", format, err, left)
			}
		}
	})
}

// tailed reads the lines of a tail.
func tailed(t *testing.T, text string) (numbers []int64) {
	t.Helper()
	for _, line := range lines(text) {
		var l struct {
			Sequence int64
			Leaf     string
			Time     time.Time
			Record   struct{ Seq int64 }
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil || l.Sequence != l.Record.Seq || len(l.Leaf) != 64 || l.Time.IsZero() {
			t.Fatalf("%v: %s", err, line)
		}
		numbers = append(numbers, l.Sequence)
	}
	return numbers
}

func upTo(first, last int64) (all []int64) {
	for n := first; n <= last; n++ {
		all = append(all, n)
	}
	return all
}

func TestAuditTail(t *testing.T) {
	t.Parallel()
	onLogs(t, 300, func(t *testing.T, l *logOf) {
		cursor := filepath.Join(t.TempDir(), "cursor")
		if got := tailed(t, l.audits("tail", "--after", "250")); !slices.Equal(got, upTo(251, 300)) {
			t.Errorf("after 250 there are %v", got)
		}
		if got := tailed(t, l.audits("tail", "--cursor", cursor)); !slices.Equal(got, upTo(1, 300)) {
			t.Errorf("in all there are %v", got)
		}
		if got := l.audits("tail", "--cursor", cursor); got != "" {
			t.Errorf("nothing is new, it says %s", got)
		}
		l.grow(20)
		if got := tailed(t, l.audits("tail", "--cursor", cursor)); !slices.Equal(got, upTo(301, 320)) {
			t.Errorf("new are %v", got)
		}
		l.fails(failed, "--after", "tail", "--cursor", cursor, "--after", "3")
		l.fails(failed, "--after", "tail", "--after", "-1")
		l.fails(failed, "--interval", "tail", "--interval", "0s")
		l.fails(wrong, "older than its checkpoint", "tail", "--after", "321")
		other := newLog(t, database.SQLite).grow(400)
		other.fails(wrong, "the cursor is of the log", "tail", "--cursor", cursor)
		if err := os.WriteFile(cursor, []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
		l.fails(failed, "--cursor", "tail", "--cursor", cursor)
	})
}

// TestAuditTailGap: a missing record is told, and not passed over.
func TestAuditTailGap(t *testing.T) {
	t.Parallel()
	l := newLog(t, database.SQLite).grow(300)
	cursor := filepath.Join(t.TempDir(), "cursor")
	tamperWith(t, l.folder, `DELETE FROM entry WHERE seq = 270`)
	for _, want := range [][]int64{upTo(1, 269), nil} {
		out := lines(l.fails(wrong, "the record 270 is missing", "tail", "--cursor", cursor))
		if out[len(out)-1] != `{"error":"missing","sequence":270}` || !slices.Equal(tailed(t, strings.Join(out[:len(out)-1], "\n")), want) {
			t.Errorf("it ends with %s", out[len(out)-1])
		}
	}
	l = newLog(t, database.SQLite).grow(300)
	tamperWith(t, l.folder, `DELETE FROM entry WHERE seq > 298`, `UPDATE entry SET body = x'0a00' WHERE seq = 298`)
	if out := l.fails(wrong, "the record 299 is missing", "tail", "--after", "297"); !strings.Contains(out, `"sequence":298,`) || !strings.Contains(out, `"bytes":"CgA="`) {
		t.Errorf("it says %s", out)
	}
}

// TestAuditTailOfAnotherHistory: the record at the cursor is another one.
func TestAuditTailOfAnotherHistory(t *testing.T) {
	t.Parallel()
	l := newLog(t, database.SQLite).grow(20)
	cursor := filepath.Join(t.TempDir(), "cursor")
	l.audits("tail", "--cursor", cursor)
	tamperWith(t, l.folder, `UPDATE entry SET body = CAST(replace(CAST(body AS TEXT), 'to be', 'to bo') AS BLOB) WHERE seq = 20`)
	l.fails(wrong, "the record 20 is not the one", "tail", "--cursor", cursor)
}

// TestAuditTailFollows: what is appended later comes, until it is interrupted.
func TestAuditTailFollows(t *testing.T) {
	t.Parallel()
	onLogs(t, 5, func(t *testing.T, l *logOf) {
		log, closeAll := l.open()
		defer closeAll()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		in, out := io.Pipe()
		ended := make(chan error, 1)
		go func() {
			err := cli.Run(ctx, slices.Concat([]string{"audit", "tail", "--follow", "--interval", "10ms"}, l.where()), e2e.NoEnvironment, out, io.Discard)
			ended <- errors.Join(err, out.Close())
		}()
		decoder := json.NewDecoder(in)
		for n := int64(1); n <= 8; n++ {
			if n > 5 {
				if _, err := log.Append(t.Context(), audit.Record{Action: audit.ActionTicketListed, Outcome: audit.OutcomeSucceeded}); err != nil {
					t.Fatal(err)
				}
			}
			var line struct{ Sequence int64 }
			if err := decoder.Decode(&line); err != nil || line.Sequence != n {
				t.Fatalf("%v, %v", line, err)
			}
		}
		cancel()
		if _, err := io.Copy(io.Discard, in); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err != nil {
			t.Errorf("it ends with %v", err)
		}
	})
}

func TestAuditVerifyFromLast(t *testing.T) {
	t.Parallel()
	onLogs(t, 600, func(t *testing.T, l *logOf) {
		key, state := l.key(), filepath.Join(t.TempDir(), "state")
		args := []string{"verify", "--public-key", key, "--from-last", "--state", state, "--progress"}
		if out := l.audits(args...); !strings.Contains(out, "600 records read") || !strings.Contains(out, "600 of 600 records") {
			t.Errorf("the first says %s", out)
		}
		l.grow(50)
		for _, want := range []string{"50 records read", "0 records read"} {
			if out := l.audits(args...); !strings.Contains(out, "\n"+want) && !strings.HasPrefix(out, want) || !strings.Contains(out, "were verified before") {
				t.Errorf("want %s, it says %s", want, out)
			}
		}
		good, err := os.ReadFile(state)
		if err != nil {
			t.Fatal(err)
		}
		if l.database != "" {
			l.fails(failed, "--state", "verify", "--public-key", key, "--from-last")
		} else {
			l.audits("verify", "--public-key", key, "--from-last")
			if beside, err := os.ReadFile(filepath.Join(l.folder, "audit.verified")); err != nil || !bytes.Equal(beside, good) {
				t.Errorf("the state in the folder is %q, %v", beside, err)
			}
		}
		forged := bytes.Replace(good, []byte("\n650\n"), []byte("\n649\n"), 1)
		for _, bad := range [][]byte{forged, nil, bytes.Repeat([]byte("x"), 64<<10+1)} {
			if err := os.WriteFile(state, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			err := cli.Run(t.Context(), slices.Concat([]string{"audit"}, args[:1], l.where(), args[1:]), e2e.NoEnvironment, &out, &out)
			if err == nil || strings.Contains(out.String(), "Nothing was changed") {
				t.Errorf("%.60q is relied on: %s", bad, out.String())
			}
		}
	})
}

// TestAuditVerifyFromLastOfAnotherHistory: the signed state is of a log that
// this one does not continue.
func TestAuditVerifyFromLastOfAnotherHistory(t *testing.T) {
	t.Parallel()
	l := newLog(t, database.SQLite).grow(300)
	key, state := l.key(), filepath.Join(t.TempDir(), "state")
	args := []string{"verify", "--public-key", key, "--from-last", "--state", state}
	l.audits(args...)
	before, err := os.ReadFile(state)
	if err != nil {
		t.Fatal(err)
	}
	tamperWith(t, l.folder, `UPDATE entry SET body = CAST(replace(CAST(body AS TEXT), 'to be', 'to bo') AS BLOB) WHERE seq = 290`)
	l.fails(wrong, "not what was written", args...)
	if after, err := os.ReadFile(state); err != nil || !bytes.Equal(after, before) {
		t.Errorf("a verification that found something has moved the state: %v", err)
	}
}

func TestAuditReindex(t *testing.T) {
	t.Parallel()
	onLogs(t, 40, func(t *testing.T, l *logOf) {
		if l.database == "" {
			_, closeAll := l.open()
			l.fails(failed, "another console uses this data folder", "reindex")
			closeAll()
			if err := os.Remove(filepath.Join(l.folder, "search.db")); err != nil {
				t.Fatal(err)
			}
			failsWith(t, failed, "there is no audit.db", "audit", "reindex", "--data", t.TempDir())
		}
		if out := l.audits("reindex", "--progress"); !strings.Contains(out, "are complete: 40 records") || !strings.Contains(out, "40 of 40 records") {
			t.Errorf("it says %s", out)
		}
		l.audits("verify", "--public-key", l.key()) // compares them, too
	})
}

func TestAuditKey(t *testing.T) {
	t.Parallel()
	l := newLog(t, database.SQLite).grow(1)
	key := l.key()
	if _, err := audit.ParseCheckpoint([]byte(l.audits("checkpoint")), key); err != nil {
		t.Errorf("the key %s: %v", key, err)
	}
	none := filepath.Join(t.TempDir(), "none.key")
	l.fails(failed, "--audit-key-file", "checkpoint", "--public-key", "--audit-key-file", none)
	if _, err := os.Stat(none); err == nil {
		t.Error("a key was made")
	}
}

// TestAuditVariables: each setting has a variable, which a flag overrides.
func TestAuditVariables(t *testing.T) {
	t.Parallel()
	l := newLog(t, database.SQLite).grow(3)
	set := map[string]string{"COC_CONSOLE_DATA": l.folder, "COC_CONSOLE_AUDIT_FORMAT": "jsonl", "COC_CONSOLE_AUDIT_FROM": "2", "COC_CONSOLE_AUDIT_PUBLIC_KEY": l.key()}
	getenv := func(name string) string { return set[name] }
	for _, args := range [][]string{{"audit", "export"}, {"audit", "verify"}, {"audit", "checkpoint"}} {
		var out bytes.Buffer
		if err := cli.Run(t.Context(), args, getenv, &out, io.Discard); err != nil {
			t.Errorf("%v: %v", args, err)
		}
		if args[1] == "export" && len(lines(out.String())) != 2 {
			t.Errorf("it prints %s", out.String())
		}
	}
	set["COC_CONSOLE_AUDIT_FROM"] = "two"
	if err := cli.Run(t.Context(), []string{"audit", "export"}, getenv, io.Discard, io.Discard); err == nil || cli.StatusOf(err) != failed || !strings.Contains(err.Error(), "COC_CONSOLE_AUDIT_FROM") {
		t.Errorf("the error is %v", err)
	}
}

// TestAuditStatus: the status that a shell sees.
func TestAuditStatus(t *testing.T) {
	t.Parallel()
	l := newLog(t, database.SQLite).grow(30)
	key := l.key()
	status := func(args ...string) int {
		cmd := exec.CommandContext(t.Context(), os.Args[0], slices.Concat([]string{"audit"}, args)...)
		cmd.Env = append(os.Environ(), childVariable+"=1")
		if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return cmd.ProcessState.ExitCode()
	}
	verify := []string{"verify", "--data", l.folder, "--public-key", key}
	if got := status(verify...); got != 0 {
		t.Errorf("a good log: %d", got)
	}
	tamperWith(t, l.folder, `DELETE FROM entry WHERE seq = 7`)
	for want, args := range map[int][]string{1: verify, 2: {"verify", "--data", l.folder}} {
		if got := status(args...); got != want {
			t.Errorf("%v: got %d, want %d", args, got, want)
		}
	}
	if got := status("look"); got != 2 {
		t.Errorf("no such command: %s", strconv.Itoa(got))
	}
}
