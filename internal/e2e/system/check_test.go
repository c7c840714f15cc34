package system

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coc-console/internal/cli"
	"coc-console/internal/e2e"
	"coc-console/internal/preflight"
)

// checked runs coc-console check and returns its lines by their checks.
func checked(t *testing.T, args ...string) (map[string]preflight.Result, error) {
	t.Helper()
	var out bytes.Buffer
	failed := cli.Run(t.Context(), append([]string{"check", "--format", "json"}, args...), e2e.NoEnvironment, &out, os.Stderr)
	var all struct {
		OK     bool
		Checks []preflight.Result
	}
	if err := json.Unmarshal(out.Bytes(), &all); err != nil {
		t.Fatalf("%v, %v:\n%s", failed, err, out.String())
	}
	if all.OK != (failed == nil) {
		t.Errorf("ok is %v, and the error %v", all.OK, failed)
	}
	lines := map[string]preflight.Result{}
	for _, r := range all.Checks {
		lines[r.Check] = r
	}
	return lines, failed
}

// tree is the sum of every file in a folder.
func tree(t *testing.T, folder string) (all []string) {
	t.Helper()
	must(t, filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		info, _ := d.Info()
		all = append(all, fmt.Sprintf("%s %v %x", name, info.Mode(), sha256.Sum256(text)))
		return err
	}))
	return all
}

// TestCheck: before the first start, beside a running console and after its end all is well, and nothing is changed; then
// each fault is told, by a line that says what to do, and by the exit status.
func TestCheck(t *testing.T) {
	onlyInWhole(t)
	s := newSite(t)
	password := filepath.Join(t.TempDir(), "password")
	must(t, os.WriteFile(password, []byte("operator\n"), 0o600))
	args := []string{"--coc-endpoint", s.url, "--iam-endpoint", s.url, "--accounts", "demo", "--data", s.data, "--listen", freeAddress(t)}
	asOperator := append(slices.Clone(args), "--user", "demo/operator", "--password-file", password)
	well := func(when string) map[string]preflight.Result {
		t.Helper()
		lines, err := checked(t, asOperator...)
		if err != nil {
			t.Errorf("%s: %v", when, err)
		}
		for name, r := range lines {
			if r.State != preflight.OK {
				t.Errorf("%s: %s is %s: %s %s", when, name, r.State, r.Text, r.Do)
			}
		}
		return lines
	}
	before := tree(t, s.data)
	lines := well("before the first start")
	for _, name := range []string{"settings", "listen", "iam", "clock, iam", "coc", "clock, coc", "sign-in", "tickets", "database, audit", "database, search",
		"database, console", "log", "disk", "session key", "log key", "policies"} {
		if lines[name].State == "" {
			t.Errorf("there is no line of %s", name)
		}
	}
	if after := tree(t, s.data); !slices.Equal(before, after) {
		t.Errorf("the data folder had %q, and has %q", before, after)
	}
	p := startProcess(t, args...)
	if r := well("beside a console")["listen"]; !strings.Contains(r.Text, "a console serves") {
		t.Errorf("beside a console: %s", r.Text)
	}
	p.stop()
	before = tree(t, s.data)
	well("after its end")
	if after := tree(t, s.data); !slices.Equal(before, after) {
		t.Errorf("the data folder had\n%q, and has\n%q", before, after)
	}

	must(t, os.WriteFile(password, []byte("wrong\n"), 0o600))
	lines, err := checked(t, asOperator...)
	if cli.StatusOf(err) != 1 || lines["sign-in"].State != preflight.Failed || lines["tickets"].State != preflight.NotTried {
		t.Errorf("with a wrong password: %v, %+v", err, lines["sign-in"])
	}
	lines, err = checked(t, args...)
	if err != nil || lines["sign-in"].State != preflight.NotTried {
		t.Errorf("without a user: %v, %+v", err, lines["sign-in"])
	}
	must(t, os.Chmod(filepath.Join(s.data, "session.key"), 0o644))
	must(t, os.Rename(filepath.Join(s.data, "audit.db"), filepath.Join(t.TempDir(), "audit.db")))
	policies := filepath.Join(t.TempDir(), "rules.cedar")
	must(t, os.WriteFile(policies, []byte("permit everything"), 0o600))
	lines, err = checked(t, append(args, "--policy", policies, "--effect-timeout", "-1s")...)
	for name, text := range map[string]string{"settings": "--effect-timeout", "session key": "chmod 600", "log": "holds no log", "policies": policies} {
		if r := lines[name]; err == nil || r.State != preflight.Failed || !strings.Contains(r.Text, text) || r.Do == "" {
			t.Errorf("%s is %s: %q, to do %q", name, r.State, r.Text, r.Do)
		}
	}
	if _, err := os.Stat(filepath.Join(s.data, "audit.db")); !os.IsNotExist(err) {
		t.Errorf("check has made a log: %v", err)
	}
}

// TestCheckPostgreSQL: an empty database, and one that a console has used.
func TestCheckPostgreSQL(t *testing.T) {
	onlyInWhole(t)
	s := newSite(t)
	database := emptySchema(t)
	args := []string{"--coc-endpoint", s.url, "--iam-endpoint", s.url, "--accounts", "demo", "--data", s.data, "--database", database}
	lines, err := checked(t, args...)
	if r := lines["database, audit"]; err != nil || r.State != preflight.OK || !strings.Contains(r.Text, "it is empty") {
		t.Errorf("an empty database: %v, %+v", err, r)
	}
	if r := lines["log key"]; r.State != preflight.Warning {
		t.Errorf("a key of one console alone: %+v", r)
	}
	startProcess(t, args...).stop()
	lines, err = checked(t, args...)
	if r := lines["database, console"]; err != nil || r.State != preflight.OK || !strings.Contains(r.Text, "schema ") {
		t.Errorf("a database in use: %v, %+v", err, r)
	}
}
