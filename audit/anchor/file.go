package anchor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"coc-console/internal/files"
)

// File keeps the last checkpoint in a file, best on another volume or a
// share that only takes new files. Several consoles may share it.
type File struct{ Path string }

// Name is the file's path.
func (a File) Name() string { return a.Path }

// Last reads the file.
func (a File) Last(ctx context.Context) ([]byte, error) {
	return within(ctx, a.last)
}

func (a File) last() ([]byte, error) {
	signed, err := os.ReadFile(a.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && len(signed) == 0 {
		err = fmt.Errorf("%s is empty", a.Path)
	}
	return signed, err
}

// Publish replaces the file under a lock, when the checkpoint continues the one
// in it. The new file is on the disk before it takes the old one's name. It
// ends with ctx, whoever holds the lock and whatever the file system does.
func (a File) Publish(ctx context.Context, signed []byte, extends func([]byte) error) error {
	_, err := within(ctx, func() (struct{}, error) { return struct{}{}, a.publish(ctx, signed, extends) })
	return err
}

func (a File) publish(ctx context.Context, signed []byte, extends func([]byte) error) error {
	lock, err := os.OpenFile(a.Path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := files.Lock(ctx, lock); err != nil {
		return errors.Join(err, lock.Close())
	}
	defer func() { _ = files.Unlock(lock) }()
	older, err := a.last()
	if err != nil || bytes.Equal(older, signed) {
		return err
	}
	if older != nil {
		if err := extends(older); err != nil {
			return err
		}
	}
	return files.Replace(a.Path, signed)
}

// within calls f, and no longer waits for it when ctx has ended: a file on a
// share may take for ever, and no call on it can be ended. Where f ends with
// ctx by itself, its own error says more.
func within[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	done := make(chan answer, 1)
	go func() {
		value, err := f()
		done <- answer{value, err}
	}()
	select {
	case a := <-done:
		return a.value, a.err
	case <-ctx.Done():
	}
	grace := time.NewTimer(2 * files.LockRetry)
	defer grace.Stop()
	select {
	case a := <-done:
		return a.value, a.err
	case <-grace.C:
		var none T
		return none, fmt.Errorf("it does not answer: %w", ctx.Err())
	}
}
