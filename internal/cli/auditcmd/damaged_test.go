package auditcmd_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"coc-console/internal/cli"
)

// TestDamagedFiles: commands that are given a damaged file, or no file of theirs, say so in words.
func TestDamagedFiles(t *testing.T) {
	t.Parallel()
	folder, key, _ := signedLog(t)
	elsewhere := t.TempDir()
	copied := filepath.Join(elsewhere, "backup.db")
	command(t, nil, "backup", copied, "--data", folder)
	whole, err := os.ReadFile(copied)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(elsewhere, "cut.db")
	pipe := filepath.Join(elsewhere, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string][]byte{cut: whole[:len(whole)/2], filepath.Join(folder, "search.db"): []byte("no database at all")} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, x := range []struct {
		args []string
		want string
		exit int
	}{
		{[]string{"audit", "verify", "--data", cut, "--public-key", key}, cut + " is damaged, or was cut short", 1},
		{[]string{"audit", "verify", "--data", filepath.Join(elsewhere, "none"), "--public-key", key}, "no folder or file", 2},
		{[]string{"audit", "verify", "--data", elsewhere, "--public-key", key}, "no audit.db in " + elsewhere, 2},
		{[]string{"audit", "verify", "--data", folder, "--public-key", key}, "coc-console audit reindex", 1},
		{[]string{"audit", "export", "--data", copied, "--output", filepath.Join(elsewhere, "none", "x.csv")}, "there is no folder", 2},
		{[]string{"audit", "export", "--data", copied, "--output", elsewhere}, elsewhere + " is a folder", 2},
		{[]string{"audit", "export", "--data", copied, "--output", pipe}, "not a regular file", 2},
	} {
		var out bytes.Buffer
		err := cli.Run(t.Context(), x.args, noEnvironment, &out, &out)
		if err == nil || !strings.Contains(err.Error(), x.want) || cli.StatusOf(err) != x.exit ||
			strings.Contains(err.Error(), "malformed") || strings.Contains(err.Error(), "no such file") {
			t.Errorf("%q: %v, want %q", x.args, err, x.want)
		}
	}
	if info, err := os.Stat(pipe); err != nil || info.Mode().IsRegular() {
		t.Errorf("the pipe: %v, %v", info, err)
	}
	if out := command(t, nil, "audit", "reindex", "--data", folder); !strings.Contains(out, "9 records") {
		t.Errorf("reindex of a damaged search.db: %s", out)
	}
	command(t, nil, "audit", "verify", "--data", folder, "--public-key", key)
}
