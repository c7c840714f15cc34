package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"coc-console/audit"
	"coc-console/migrations"
)

// tailCommand prints records as lines of JSON, each at least once.
func tailCommand(ctx context.Context, c auditConfig, stdout, _ io.Writer) error {
	if c.after < 0 {
		return &settingError{"after", fmt.Sprintf("%d is not the number of a record", c.after)}
	}
	if c.interval <= 0 {
		return &settingError{"interval", fmt.Sprintf("%v is not a time such as 1s", c.interval)}
	}
	at, err := startOfTail(c)
	if err != nil {
		return err
	}
	return inspected(ctx, c, func(log *audit.Log, _ *migrations.DB) error {
		for {
			at, err = log.Tail(ctx, stdout, at, func(now audit.Cursor) error { return keepCursor(c.cursor, now) })
			if c.follow && ctx.Err() != nil {
				return nil //nolint:nilerr // it ended as it was asked to
			}
			if err != nil || !c.follow {
				return err
			}
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(c.interval):
			}
		}
	})
}

// startOfTail is where the last call ended, or what was asked for.
func startOfTail(c auditConfig) (audit.Cursor, error) {
	asked := audit.Cursor{Sequence: c.after}
	if c.cursor == "" {
		return asked, nil
	}
	text, err := os.ReadFile(c.cursor)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return asked, nil
	case err != nil:
		return asked, &settingError{"cursor", err.Error()}
	case c.after > 0:
		return asked, &settingError{"after", c.cursor + " says already where to begin"}
	}
	var kept audit.Cursor
	if err := json.Unmarshal(text, &kept); err != nil || kept.Log == "" || kept.Sequence < 0 {
		return asked, &settingError{"cursor", c.cursor + " is not a cursor"}
	}
	return kept, nil
}

// keepCursor remembers what has been written to standard output.
func keepCursor(path string, now audit.Cursor) error {
	if path == "" {
		return nil
	}
	return writeWhole(path, func(w io.Writer) error { return json.NewEncoder(w).Encode(now) })
}
