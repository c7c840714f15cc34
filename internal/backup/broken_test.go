package backup

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"coc-console/internal/database"
)

// TestRestoreOfBrokenFiles is refused in words that name the file, say what is
// wrong with it and what to do, and changes nothing.
func TestRestoreOfBrokenFiles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	log, closeAll := openAll(t, folder)
	write(t, log, 1000)
	closeAll()
	whole := filepath.Join(t.TempDir(), "whole.db")
	if _, err := configOf(folder, whole, "").Write(t.Context()); err != nil {
		t.Fatal(err)
	}
	bytes, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	sessions, err := database.Open(t.Context(), t.TempDir(), database.Console)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sessions.Close() }()
	console, err := os.ReadFile(sessions.Path)
	if err != nil {
		t.Fatal(err)
	}
	noise := make([]byte, 4096)
	_, _ = rand.Read(noise)
	middle := len(bytes) / 2 / 4096 * 4096
	for name, tt := range map[string]struct {
		bytes []byte
		want  string
	}{
		"cut-in-its-header": {bytes[:50], "is damaged, or was cut short"},
		"cut":               {bytes[:middle], "is damaged, or was cut short"},
		"a-page-of-noise":   {slices.Concat(bytes[:middle], noise, bytes[middle+4096:]), "is damaged, or was cut short"},
		"empty":             {nil, "is empty"},
		"text":              {[]byte("hello\n"), "not a SQLite database"},
		"noise":             {slices.Concat(noise, noise), "not a SQLite database"},
		"other-tables":      {console, "a SQLite database with something else"},
		"folder":            {want: "is a folder"},
		"missing":           {want: "there is no file"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), name+".db")
			switch name {
			case "missing":
			case "folder":
				err = os.Mkdir(file, 0o700)
			default:
				err = os.WriteFile(file, tt.bytes, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			before := listOf(t, folder)
			config := configOf(folder, file, "")
			_, err := config.Restore(t.Context())
			if err == nil {
				t.Fatal("it was restored")
			}
			for _, part := range []string{file, tt.want, "Nothing was changed", "another backup"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("it does not say %q: %v", part, err)
				}
			}
			for _, part := range []string{"SQL logic", "malformed", "(11)", "(26)", "restoring"} {
				if strings.Contains(err.Error(), part) {
					t.Errorf("it says %q: %v", part, err)
				}
			}
			if after := listOf(t, folder); !slices.Equal(before, after) {
				t.Errorf("the folder had %q and has %q", before, after)
			}
		})
	}
}

// listOf is what a folder holds, without the lock's file.
func listOf(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "audit.lock" {
			names = append(names, e.Name())
		}
	}
	return names
}

// TestBackupIntoWhatIsNoFile is refused before anything is copied: not even
// force replaces a folder or a device.
func TestBackupIntoWhatIsNoFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	log, closeAll := openAll(t, folder)
	write(t, log, 1)
	closeAll()
	elsewhere := t.TempDir()
	pipe := filepath.Join(elsewhere, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		elsewhere: "is a folder",
		pipe:      "is not a regular file",
		filepath.Join(elsewhere, "none", "backup.db"): "there is no folder",
		filepath.Join(folder, "audit.key"):            "is not a backup",
	} {
		config := configOf(folder, file, "")
		config.Force = true
		_, err := config.Write(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), ".part") {
			t.Errorf("%s: %v, want %q", file, err, want)
		}
	}
	if left := listOf(t, elsewhere); !slices.Equal(left, []string{"pipe"}) {
		t.Errorf("it left %q", left)
	}
}
