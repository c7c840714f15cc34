package system

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"encoding/csv"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coc-console/internal/e2e"
)

// oldData is the data folder of a demo that version 0.1 made, its databases as SQL, with what it exported of its log.
const oldData = "testdata/data-0.1"

// oldKey is the public key of its log, which its console printed.
const oldKey = "coc-console/o434khyx34mkrb6cr3lsonfxkt+764f9f93+Aab77vyuLevJu+sb212ZOthauSgJgLMhBdv6oDI9gMpB"

var actionRow = regexp.MustCompile(`<tr[^>]* data-action="([^"]+)"`)

// old is one of its files.
func old(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(oldData, name))
	must(t, err)
	return text
}

// makeDatabase makes the SQLite file that the statements of one of its files describe.
func makeDatabase(t *testing.T, file, name string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file)
	must(t, err)
	db.SetMaxOpenConns(1) // the statements belong to one connection
	_, err = db.ExecContext(t.Context(), string(old(t, name)))
	must(t, err)
	must(t, db.Close())
}

// oldFolder is that folder again.
func oldFolder(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "data")
	must(t, os.Mkdir(folder, 0o700))
	for _, name := range []string{"DEMO", "audit.key", "audit.seen", "session.key"} {
		must(t, os.WriteFile(filepath.Join(folder, name), old(t, name), 0o600))
	}
	for _, name := range []string{"audit", "console", "search"} {
		makeDatabase(t, filepath.Join(folder, name+".db"), name+".sql")
	}
	return folder
}

// TestOldDataFolder opens a data folder of version 0.1, and finds in it what that version showed.
func TestOldDataFolder(t *testing.T) {
	t.Parallel()
	folder := oldFolder(t)
	runs(t, "audit", "verify", "--data", folder, "--public-key", oldKey, "--anchor", filepath.Join(oldData, "audit.seen"))
	c := e2e.Launch(t, e2e.NoEnvironment, "--data", folder)
	manager := newBrowser(t, c.URL)
	manager.signIn("manager")
	for search, want := range map[string]string{
		"action:operation.requested actor:operator": strings.Repeat("operation.requested ", 7),
		"4711":                    "operation.observed operation.accepted operation.requested ",
		"action:approval.granted": "approval.granted ",
	} {
		p, got := manager.get("/audit?"+url.Values{"q": {search}}.Encode()), ""
		for _, m := range actionRow.FindAllStringSubmatch(p.body, -1) {
			got += m[1] + " "
		}
		if got != want {
			t.Errorf("a search for %s finds %q, want %q", search, got, want)
		}
	}
	for address, want := range map[string]string{
		"/audit/20":                              "Pause while 订单 is slow — incident 4711",
		"/operations/7GC2LX4JI6V4LBWFVISIT3FYIW": `data-status="operation.observed"`,
		"/audit/31":                              "agreed, &#34;go&#34;",
		"/bulk/W23ZP5YNVFFSBI2AFCD2HDL625":       "three at once",
	} {
		if p := manager.get(address); p.status != 200 || !strings.Contains(p.body, want) {
			t.Errorf("%s answers %d, without %s", address, p.status, want)
		}
	}
	operator := newBrowser(t, c.URL)
	operator.signIn("operator")
	if p := operator.get("/audit"); !strings.Contains(p.body, "What I did") {
		t.Error("the search that was saved is gone")
	}
	must(t, c.Stop())
	if text := c.Stderr.String(); strings.Contains(text, "level=ERROR") {
		t.Errorf("the console complains:\n%s", text)
	}
	runs(t, "audit", "verify", "--data", folder, "--public-key", oldKey, "--anchor", filepath.Join(oldData, "audit.seen"))
}

// TestOldExports: what version 0.1 exported is what is exported today, but for columns of CSV that came since, which are the
// last; and its bundle proves what it holds.
func TestOldExports(t *testing.T) {
	t.Parallel()
	folder := oldFolder(t)
	for format, name := range map[string]string{"csv": "records.csv", "jsonl": "records.jsonl"} {
		file := filepath.Join(t.TempDir(), name)
		runs(t, "audit", "export", "--data", folder, "--format", format, "--output", file)
		text, err := os.ReadFile(file)
		must(t, err)
		if format == "csv" {
			if diff := cmp.Diff(rowsOf(t, old(t, name)), rowsOf(t, text, "input", "result")); diff != "" {
				t.Errorf("%s differs:\n%s", name, diff)
			}
		} else if diff := cmp.Diff(string(old(t, name)), string(text)); diff != "" {
			t.Errorf("%s differs:\n%s", name, diff)
		}
	}
	bundle, err := base64.StdEncoding.DecodeString(string(old(t, "bundle.zip.base64")))
	must(t, err)
	file := filepath.Join(t.TempDir(), "bundle.zip")
	must(t, os.WriteFile(file, bundle, 0o600))
	if text := runs(t, "audit", "verify-bundle", file, "--public-key", oldKey); !strings.Contains(text, "57") {
		t.Errorf("it does not say how many records the bundle has:\n%s", text)
	}
}

// TestOldBackup puts a backup of version 0.1 into a new data folder, where a console carries it on.
func TestOldBackup(t *testing.T) {
	t.Parallel()
	backup := filepath.Join(t.TempDir(), "backup.db")
	makeDatabase(t, backup, "audit.sql") // a backup has the tables of the log as they are
	want := bodiesOf(t, oldFolder(t))
	folder := filepath.Join(t.TempDir(), "data")
	must(t, os.Mkdir(folder, 0o700))
	must(t, os.WriteFile(filepath.Join(folder, "audit.key"), old(t, "audit.key"), 0o600))
	runs(t, "restore", backup, "--data", folder)
	checkSame(t, bodiesOf(t, folder), want)
	must(t, e2e.Launch(t, e2e.NoEnvironment, "--data", folder, "--demo").Stop())
	runs(t, "audit", "verify", "--data", folder, "--public-key", oldKey, "--anchor", filepath.Join(oldData, "audit.seen"))
	if got := bodiesOf(t, folder); !slices.EqualFunc(got[:len(want)], want, slices.Equal) {
		t.Error("the console has changed records")
	}
}

func bodiesOf(t *testing.T, folder string) [][]byte {
	t.Helper()
	return (&logOf{t: t, folder: folder}).bodies()
}

// rowsOf are the rows of a CSV file without its last columns, which have these names.
func rowsOf(t *testing.T, text []byte, without ...string) [][]string {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	must(t, err)
	for i, row := range rows {
		kept := len(row) - len(without)
		if i == 0 && !slices.Equal(row[kept:], without) {
			t.Fatalf("the last columns are %q", row[kept:])
		}
		rows[i] = row[:kept]
	}
	return rows
}
