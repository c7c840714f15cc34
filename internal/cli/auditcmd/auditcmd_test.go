package auditcmd_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/backup"
	"coc-console/internal/cli"
	"coc-console/internal/cli/auditcmd"
	"coc-console/internal/database"
)

func noEnvironment(string) string { return "" }

// signedLog is a data folder with a log of a few records, its public key, and
// the checkpoint that covers them.
func signedLog(t *testing.T) (folder, key string, checkpoint []byte) {
	t.Helper()
	folder = t.TempDir()
	log, closeAll := openAll(t, folder)
	write(t, log, 9)
	key = log.PublicKey()
	closeAll()
	return folder, key, []byte(command(t, nil, "audit", "checkpoint", "--data", folder))
}

// openAll opens the log of a folder as a console does.
func openAll(t *testing.T, folder string) (log *audit.Log, closeAll func()) {
	t.Helper()
	return openAllAt(t, folder, time.Now)
}

func openAllAt(t *testing.T, folder string, now func() time.Time) (log *audit.Log, closeAll func()) {
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
	log, err = audit.Open(t.Context(), audit.Config{Dialect: string(db.Engine), Log: db.Write, LogRead: db.Read, Database: db, Key: secret, Now: now})
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

// command runs the program and returns what it prints; its error must be want.
func command(t *testing.T, want error, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	err := cli.Run(t.Context(), args, noEnvironment, &out, &out)
	if !errors.Is(err, want) {
		t.Fatalf("%v: got the error %v, want %v\n%s", args, err, want, out.String())
	}
	return out.String()
}

// tamper changes the log as whoever owns the machine can.
func tamper(t *testing.T, folder string, statements ...string) {
	t.Helper()
	db := openLogOf(t, folder)
	var drops string
	err := db.Write.QueryRowContext(t.Context(),
		`SELECT group_concat('DROP TRIGGER ' || name, ';') FROM sqlite_master WHERE type = 'trigger'`).Scan(&drops)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range append(strings.Split(drops, ";"), statements...) {
		if _, err := db.Write.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAuditVerify(t *testing.T) {
	for _, tt := range []struct {
		name       string
		statements []string
		want       []string
	}{
		{"untouched", nil, []string{"9 records read", "covers records 1 to 9", "Nothing was changed"}},
		{"a reason is changed", []string{`UPDATE entry SET body = CAST(replace(CAST(body AS TEXT), 'to be kept', 'to be lost') AS BLOB) WHERE seq = 4`}, []string{"record 4"}},
		{"two records are removed", []string{`DELETE FROM entry WHERE seq IN (5, 6)`}, []string{"record 5", "record 6"}},
		{"the end is cut off", []string{`DELETE FROM entry WHERE seq > 7`, `UPDATE head SET size = 7`}, []string{"7"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			folder, key, checkpoint := signedLog(t)
			anchor := filepath.Join(folder, "anchor")
			if err := os.WriteFile(anchor, checkpoint, 0o600); err != nil {
				t.Fatal(err)
			}
			var fails error
			if tt.statements != nil {
				tamper(t, folder, tt.statements...)
				fails = backup.ErrFindings
			}
			out := command(t, fails, "audit", "verify", "--data", folder, "--public-key", key, "--anchor", anchor)
			for _, want := range tt.want {
				if !strings.Contains(out, want) {
					t.Errorf("it does not say %q:\n%s", want, out)
				}
			}
		})
	}
}

// TestAuditBesideTheConsole: the commands need no lock and change nothing.
func TestAuditBesideTheConsole(t *testing.T) {
	folder, key, _ := signedLog(t)
	db := openLogOf(t, folder) // as a running console holds it
	defer func() { _ = db.Close() }()
	command(t, nil, "audit", "verify", "--data", folder, "--public-key", key)
}

func TestAuditMistakes(t *testing.T) {
	folder, key, _ := signedLog(t)
	for want, args := range map[string][]string{
		"audit needs a command":             {"audit"},
		"there is no command audit look":    {"audit", "look", "--data", folder},
		"there is no audit.db":              {"audit", "verify", "--data", t.TempDir(), "--public-key", key},
		"--public-key: the key that signs":  {"audit", "verify", "--data", folder},
		"there is no setting --nothing":     {"audit", "verify", "--nothing"},
		"audit verify takes no argument":    {"audit", "verify", "more"},
		`--public-key: "x" is not a public`: {"audit", "verify", "--data", folder, "--public-key", key + ",x"},
		"--public-key: the key that":        {"audit", "verify", "--data", folder, "--public-key", ","},
		`--public-key: "y" is not a public`: {"audit", "report", "--data", folder, "--public-key", "y"},
		`--public-key: "z" is not a public`: {"audit", "verify-bundle", "none.zip", "--public-key", "z"},
		`--public-key: "b" is not a public`: {"backup", filepath.Join(folder, "copy"), "--data", folder, "--public-key", "b"},
		"this is not a postgres:// address": {"audit", "verify", "--database", "mysql://x"},
		"--anchor: open":                    {"audit", "verify", "--data", folder, "--public-key", key, "--anchor", filepath.Join(folder, "none")},
	} {
		t.Run(want, func(t *testing.T) {
			var out bytes.Buffer
			err := cli.Run(t.Context(), args, noEnvironment, &out, &out)
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v: got %v, want %q", args, err, want)
			}
		})
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

// TestFormatJSON: what a command prints for people, it prints for programs, too.
func TestFormatJSON(t *testing.T) {
	folder, key, _ := signedLog(t)
	file, bundle := filepath.Join(t.TempDir(), "backup.db"), filepath.Join(t.TempDir(), "bundle.zip")
	command(t, nil, "audit", "export", "--data", folder, "--format", "bundle", "--from", "2", "--to", "5", "--output", bundle)
	for _, tt := range []struct {
		args []string
		want map[string]any // some of the fields
	}{
		{[]string{"audit", "verify", "--data", folder, "--public-key", key}, map[string]any{"ok": true, "records_read": 9.0, "covered": 9.0, "findings": []any{}}},
		{[]string{"audit", "verify-bundle", bundle, "--public-key", key}, map[string]any{"ok": true, "records": 4.0, "complete": true, "first": 2.0}},
		{[]string{"audit", "checkpoint", "--data", folder, "--public-key"}, map[string]any{"public_key": key}},
		{[]string{"audit", "reindex", "--data", folder}, map[string]any{"records": 9.0}},
		{[]string{"backup", file, "--data", folder}, map[string]any{"ok": true, "records": 9.0, "file": file}},
		{[]string{"restore", file, "--data", folder}, map[string]any{"ok": true, "records": 9.0}},
	} {
		var out bytes.Buffer
		err := cli.Run(t.Context(), append(tt.args, "--format", "json"), noEnvironment, &out, io.Discard)
		var got map[string]any
		if err := errors.Join(err, json.Unmarshal(out.Bytes(), &got)); err != nil {
			t.Errorf("%q: %v:\n%s", tt.args, err, out.String())
		}
		for field, want := range tt.want {
			if !reflect.DeepEqual(got[field], want) {
				t.Errorf("%q: %s is %v, want %v:\n%s", tt.args, field, got[field], want, out.String())
			}
		}
	}
}

// TestFormatJSONOfFindings: what is wrong is in the JSON, and the status is 1.
func TestFormatJSONOfFindings(t *testing.T) {
	folder, key, _ := signedLog(t)
	tamper(t, folder, `DELETE FROM entry WHERE seq = 5`)
	for _, args := range [][]string{{"audit", "verify", "--public-key", key}, {"backup", filepath.Join(t.TempDir(), "b")}} {
		var out bytes.Buffer
		err := cli.Run(t.Context(), append(args, "--data", folder, "--format", "json"), noEnvironment, &out, io.Discard)
		var got struct {
			OK       bool               `json:"ok"`
			Findings []auditcmd.Finding `json:"findings"`
		}
		if err2 := json.Unmarshal(out.Bytes(), &got); err2 != nil || !errors.Is(err, backup.ErrFindings) || cli.StatusOf(err) != 1 || got.OK || len(got.Findings) == 0 ||
			got.Findings[0].Record != 5 {
			t.Errorf("%q: %v, %v:\n%s", args, err, err2, out.String())
		}
	}
}

// TestRetentionCommands: a hold keeps records until it is removed; then what is
// old goes, and the rest is as provable as before.
func TestRetentionCommands(t *testing.T) {
	folder := t.TempDir()
	log, closeAll := openAllAt(t, folder, func() time.Time { return time.Now().AddDate(-2, 0, 0) })
	write(t, log, 309)
	key := log.PublicKey()
	closeAll()
	at := func(args ...string) []string {
		return append(append([]string{"audit"}, args...), "--data", folder)
	}
	list := at("hold", "list")
	for _, step := range []struct {
		args []string
		want string
	}{
		{list, "there is no hold"},
		{at("hold", "add", "action:ticket.listed", "--reason", "案件 7"), "hold 310 is placed: records from 1 on are kept"},
		{list, `310   `},
		{list, `"action:ticket.listed"  "案件 7"`},
		{at("prune", "--retention", "1d"), "no record is to be removed"},
		{at("hold", "remove", "310", "--reason", "closed"), "hold 310 is removed"},
		{list, "there is no hold"},
		{at("hold", "add", "ticket:SCT0", "--reason", "case 8"), "hold 312 is placed, but finds none of the records so far"},
		{at("hold", "remove", "312", "--reason", "closed"), "hold 312 is removed"},
		{append(at("verify"), "--public-key", key), "313 records read"},
		{at("prune", "--retention", "400d"), "the contents of 256 records are removed, up to record 256; their hashes stay"},
		{append(at("verify"), "--public-key", key), "Of the records 1 to 256 only the hashes are left"},
		{at("prune", "--retention", "400d"), "no record is to be removed"},
		{at("export"), "of the records 1 to 256 only the hashes are left"},
		{at("export", "--from", "257"), "audit.pruned"},
		{at("export", "--query", "action:audit."), "audit.released"},
	} {
		if out := command(t, nil, step.args...); !strings.Contains(out, step.want) {
			t.Errorf("%q: it does not say %q:\n%s", step.args, step.want, out)
		}
	}
	for want, args := range map[string][]string{
		"--retention: is needed":          at("prune"),
		"not a number of days":            at("prune", "--retention", "400"),
		"310: there is no such hold":      at("hold", "remove", "310"),
		"is not the number of a hold":     at("hold", "remove", "all"),
		"a hold needs a query":            at("hold", "add", " "),
		"needs one query":                 at("hold", "add"),
		"hold needs a command":            {"audit", "hold"},
		"--audit-key-file: the console's": at("prune", "--retention", "1d", "--audit-key-file", filepath.Join(folder, "none")),
	} {
		var out bytes.Buffer
		if err := cli.Run(t.Context(), args, noEnvironment, &out, &out); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", args, err, want)
		}
	}
	db := openLogOf(t, folder) // a console runs
	defer func() { _ = db.Close() }()
	var out bytes.Buffer
	if err := cli.Run(t.Context(), at("hold", "add", "actor:x"), noEnvironment, &out, &out); err == nil ||
		!strings.Contains(err.Error(), "stop it first") || !strings.Contains(err.Error(), "/audit/integrity") {
		t.Errorf("a hold beside a console that writes the log: %v", err)
	}
	command(t, nil, list...)
}

// TestTailToSIEM: every record is a message, and the cursor is at the last.
func TestTailToSIEM(t *testing.T) {
	folder, _, _ := signedLog(t)
	if out := command(t, nil, "audit", "tail", "--data", folder, "--lines", "cef"); strings.Count(out, "CEF:0|COC console|coc-console|1|ticket.listed|") != 9 {
		t.Errorf("it prints\n%s", out)
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			got <- err.Error()
			return
		}
		text, err := io.ReadAll(conn)
		got <- fmt.Sprint(string(text), errors.Join(err, conn.Close()))
	}()
	cursor := filepath.Join(folder, "cursor")
	command(t, nil, "audit", "tail", "--data", folder, "--syslog", "tcp://"+l.Addr().String(), "--cursor", cursor)
	if text := <-got; strings.Count(text, "coc-console - ticket.listed [meta sequenceId=") != 9 {
		t.Errorf("it got\n%s", text)
	}
	if text, err := os.ReadFile(cursor); err != nil || !strings.Contains(string(text), `"sequence":9,`) {
		t.Errorf("the cursor is %s, %v", text, err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	var out bytes.Buffer
	if err := cli.Run(t.Context(), []string{"audit", "tail", "--data", folder, "--syslog", "udp://x"}, noEnvironment, &out, &out); err == nil ||
		!strings.Contains(err.Error(), "--syslog: this is not an address such as tls://") {
		t.Error(err)
	}
}

// TestReportCommand: the report is the page's, as Markdown and HTML.
func TestReportCommand(t *testing.T) {
	folder := t.TempDir()
	log, closeAll := openAll(t, folder)
	for _, action := range []audit.Action{audit.ActionOperationRequested, audit.ActionOperationAccepted, audit.ActionOperationObserved} {
		if _, err := log.Append(t.Context(), audit.Record{Action: action, Outcome: audit.OutcomeSucceeded, OperationID: "op", OperationType: "CANCEL_ORDER",
			Ticket: "SCT1", Actor: audit.Actor{AccountName: "demo", UserName: "otto"}}); err != nil {
			t.Fatal(err)
		}
	}
	key := log.PublicKey()
	closeAll()
	directory := filepath.Join(folder, "people.json")
	if err := os.WriteFile(directory, []byte(`{"teams": {"pay": ["demo/otto"]}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"audit", "report", "--data", folder, "--directory", directory}
	for want, more := range map[string][]string{
		"| demo/otto | 1 | 1 |":             nil,
		"| pay | 1 | 1 |":                   nil,
		"Its key wasn't named":              nil,
		"3 records, signed":                 {"--public-key", key},
		"<bdi>Cancel ticket</bdi>":          {"--format", "html"},
		"<title>报告":                         {"--format", "html", "--language", "zh-cn"},
		"Nothing in this period.":           {"--from", "2020-01-01", "--to", "2020-01-02"},
		"# Report 2020-01-01 to 2020-01-02": {"--from", "2020-01-01", "--to", "2020-01-02"},
	} {
		if out := command(t, nil, append(args, more...)...); !strings.Contains(out, want) {
			t.Errorf("%q: it does not say %q:\n%s", more, want, out)
		}
	}
	var out bytes.Buffer
	if err := cli.Run(t.Context(), append(args, "--from", "yesterday"), noEnvironment, &out, &out); err == nil || !strings.Contains(err.Error(), "--from: the period") {
		t.Error(err)
	}
}

// TestIncidentCommand: the report as Markdown and HTML, with a bundle that verifies.
func TestIncidentCommand(t *testing.T) {
	folder := t.TempDir()
	log, closeAll := openAll(t, folder)
	const ticket = "SCT2026020211200001c2f9a07"
	for _, action := range []audit.Action{audit.ActionOperationRequested, audit.ActionOperationAccepted, audit.ActionOperationObserved} {
		if _, err := log.Append(t.Context(), audit.Record{Action: action, Outcome: audit.OutcomeSucceeded, OperationID: "op", OperationType: "CANCEL_ORDER",
			Ticket: ticket, Reason: "disk full", Actor: audit.Actor{AccountName: "demo", UserName: "otto"}}); err != nil {
			t.Fatal(err)
		}
	}
	key := log.PublicKey()
	closeAll()
	bundle := filepath.Join(folder, "evidence.zip")
	from, to := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339), time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	args := []string{"audit", "incident", "--data", folder, "--from", from, "--to", to, "--ticket", ticket}
	for want, more := range map[string][]string{
		"| demo/otto |  | Cancel ticket | " + ticket + " |  | disk full | Confirmed |": nil,
		"All records about " + ticket + " of the time":                                 nil,
		"<bdi>Operations</bdi>": {"--format", "html"},
		"<title>事件报告":           {"--format", "html", "--language", "zh-cn", "--zone", "Asia/Shanghai"},
		"3 records, signed":     {"--public-key", key, "--bundle", bundle},
	} {
		if out := command(t, nil, append(args, more...)...); !strings.Contains(out, want) {
			t.Errorf("%q: it does not say %q:\n%s", more, want, out)
		}
	}
	if out := command(t, nil, "audit", "verify-bundle", bundle, "--public-key", key); !strings.Contains(out, "3") {
		t.Error(out)
	}
	var out bytes.Buffer
	if err := cli.Run(t.Context(), append(args, "--ticket", "nginx"), noEnvironment, &out, &out); err == nil || !strings.Contains(err.Error(), "--from: the incident") {
		t.Error(err)
	}
}
