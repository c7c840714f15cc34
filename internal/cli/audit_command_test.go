package cli

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/database"
)

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

// command runs the program and returns what it prints; its error must be want.
func command(t *testing.T, want error, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	err := Run(t.Context(), args, func(string) string { return "" }, &out, &out)
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
				fails = errFindings
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
		"audit has no setting":              {"audit", "verify", "more"},
		"this is not a postgres:// address": {"audit", "verify", "--database", "mysql://x"},
		"--anchor: open":                    {"audit", "verify", "--data", folder, "--public-key", key, "--anchor", filepath.Join(folder, "none")},
	} {
		t.Run(want, func(t *testing.T) {
			var out bytes.Buffer
			err := Run(t.Context(), args, func(string) string { return "" }, &out, &out)
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
