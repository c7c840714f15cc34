// Package files locks and replaces files that several programs share.
package files

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"coc-console/internal/clock"
)

// LockRetry is the time between two tries for a lock that another program has.
const LockRetry = 20 * time.Millisecond

// errLocked says that another program has not released a lock in time.
var errLocked = errors.New("is locked by another program")

// Lock takes the lock on a file, and tries again while another program has
// it, until ctx ends. The call that waits by itself could not be ended.
func Lock(ctx context.Context, f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return fmt.Errorf("lock %s: %w", f.Name(), err)
		}
		if clock.Sleep(ctx, LockRetry); ctx.Err() != nil {
			return fmt.Errorf("%s %w", f.Name(), errLocked)
		}
	}
}

// Unlock lets go of the lock on a file, and closes it. To close it would not
// do: a program that this one is just starting has the file open, too, until
// it runs, and the lock is kept for as long.
func Unlock(f *os.File) error {
	return errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.Close())
}

// Replace writes a file under another name, syncs it, and renames it to path: after a crash the file is the old one or
// the new one. Everybody may read it.
func Replace(path string, text []byte) error {
	temporary := path + ".new"
	f, err := os.OpenFile(temporary, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644) //nolint:gosec // as said above
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
