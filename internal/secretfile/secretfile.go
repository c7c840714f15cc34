// Package secretfile reads secrets from files that only their owner can read, and creates them.
package secretfile

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"coc-console/internal/files"
)

// Read reads so many random bytes from a file of hex digits, and makes
// both where there is no file, for its owner alone. Consoles that start
// together on one file get the same. A file that others can read, or replace, is
// an error that says how to mend it.
func Read(path string, size int) ([]byte, error) {
	if err := check(path); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(text) == 0 { // another may be making it
		text, err = create(path, size)
	}
	if err != nil {
		return nil, err
	}
	secret, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(secret) != size {
		return nil, fmt.Errorf("%s does not hold a key of %d hex digits", path, 2*size)
	}
	return secret, nil
}

// createTimeout is how long a start waits for another that is making a key.
const createTimeout = 5 * time.Second

// check returns an error when others than this process's user can read a
// secret's file, or put another in its place. The group may read it in the two
// ways in which secrets are mounted into containers: the file is somebody else's,
// so that the group is how this user reads it, or it is mode 0440, which nobody
// can write (Kubernetes with an fsGroup).
func check(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.IsDir() {
		return fmt.Errorf("%s is a folder, not a file with a key", path)
	}
	mode := info.Mode().Perm()
	wrong := mode&0o027 != 0
	if mode&0o040 != 0 && mode != 0o440 {
		owner, known := info.Sys().(*syscall.Stat_t)
		wrong = wrong || !known || int(owner.Uid) == os.Geteuid()
	}
	if wrong {
		return fmt.Errorf("%s is a key that others can read or change (mode %04o): chmod 600 %s", path, mode, path)
	}
	folder, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return err
	}
	if folder.Mode().Perm()&0o002 != 0 && folder.Mode()&fs.ModeSticky == 0 {
		return fmt.Errorf("anybody can replace the key %s, because all can write its folder (mode %04o): chmod o-w %s",
			path, folder.Mode().Perm(), filepath.Dir(path))
	}
	return nil
}

// create makes a file that is not there, and returns what it holds. Only
// one console at a time does so in a folder.
func create(path string, size int) (text []byte, err error) {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), createTimeout)
	defer cancel()
	if err := files.Lock(ctx, folder); err != nil {
		return nil, errors.Join(err, folder.Close())
	}
	defer func() { _ = files.Unlock(folder) }()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return os.ReadFile(path) // another console was faster
	}
	if err != nil {
		return nil, err
	}
	secret := make([]byte, size)
	_, _ = rand.Read(secret) // never fails
	text = []byte(hex.EncodeToString(secret) + "\n")
	_, err = f.Write(text)
	return text, errors.Join(err, f.Sync(), f.Close())
}
