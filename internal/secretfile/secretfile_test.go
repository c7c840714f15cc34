package secretfile_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"coc-console/internal/secretfile"
)

// TestSecretsThatOthersCanRead: they stop the start, and the error says how to
// mend it. What Kubernetes mounts with an fsGroup is taken.
func TestSecretsThatOthersCanRead(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "key")
	want, err := secretfile.Read(path, 32)
	if err != nil {
		t.Fatal(err)
	}
	for mode, taken := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o440: true, 0o640: false, 0o660: false, 0o620: false,
		0o604: false, 0o602: false, 0o644: false, 0o444: false, 0o666: false, 0o777: false} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		got, err := secretfile.Read(path, 32)
		if taken && (err != nil || string(got) != string(want)) {
			t.Errorf("mode %04o: %v", mode, err)
		}
		if !taken && (err == nil || !strings.Contains(err.Error(), "chmod 600 "+path) || got != nil) {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, taken := range map[os.FileMode]bool{0o700: true, 0o755: true, 0o777: false, 0o777 | os.ModeSticky: true} {
		if err := os.Chmod(folder, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := secretfile.Read(path, 32); (err == nil) != taken || err != nil && !strings.Contains(err.Error(), "chmod o-w "+folder) {
			t.Errorf("a folder of mode %04o: %v", mode, err)
		}
	}
	if err := os.Chmod(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(folder, "link") // as Kubernetes does it
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if _, err := secretfile.Read(link, 32); err != nil {
		t.Error(err)
	}
}

// TestReadTogether: consoles that start together get one key, and none
// reads it half written.
func TestReadTogether(t *testing.T) {
	for range 20 {
		path := filepath.Join(t.TempDir(), "key")
		keys := make([][]byte, 8)
		var group sync.WaitGroup
		for i := range keys {
			group.Go(func() {
				var err error
				if keys[i], err = secretfile.Read(path, 32); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		for _, k := range keys {
			if len(k) != 32 || !bytes.Equal(k, keys[0]) {
				t.Fatalf("the keys are %x", keys)
			}
		}
	}
}

// TestFolderForKey: a folder is called one, and nobody is told to change its mode.
func TestFolderForKey(t *testing.T) {
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := secretfile.Read(folder, 32)
	if err == nil || !strings.Contains(err.Error(), folder+" is a folder") || strings.Contains(err.Error(), "chmod") {
		t.Errorf("a folder: %v", err)
	}
}
