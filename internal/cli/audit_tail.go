package cli

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
	"coc-console/audit/export"
	"coc-console/internal/database"
	"coc-console/internal/settings"

	"github.com/spf13/cobra"
)

func (p *commandLine) tailCommand() *cobra.Command {
	var c auditConfig
	return p.auditing(&cobra.Command{
		Use: "tail", Short: "Print records as lines of JSON, after a number or where the last call ended",
		Example: "  coc-console audit tail --data /var/lib/coc-console --cursor /var/lib/siem/cursor --follow",
	}, &c, c.where("after", "cursor", "follow", "interval"), tail)
}

// tail prints records as lines of JSON, each at least once.
func tail(ctx context.Context, c auditConfig, stdout, _ io.Writer) error {
	if c.after < 0 {
		return settings.Wrong("after", fmt.Sprintf("%d is not the number of a record", c.after))
	}
	if c.interval <= 0 {
		return settings.Wrong("interval", fmt.Sprintf("%v is not a time such as 1s", c.interval))
	}
	at, err := startOfTail(c)
	if err != nil {
		return err
	}
	return inspected(ctx, c, func(log *audit.Log, _ *database.DB) error {
		for {
			at, err = export.Tail(ctx, stdout, log, at, func(now export.Cursor) error {
				return keepCursor(c.cursor, now)
			})
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
func startOfTail(c auditConfig) (export.Cursor, error) {
	asked := export.Cursor{Sequence: c.after}
	if c.cursor == "" {
		return asked, nil
	}
	text, err := os.ReadFile(c.cursor)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return asked, nil
	case err != nil:
		return asked, settings.Wrong("cursor", err.Error())
	case c.after > 0:
		return asked, settings.Wrong("after", c.cursor+" says already where to begin")
	}
	var kept export.Cursor
	if err := json.Unmarshal(text, &kept); err != nil || kept.Log == "" || kept.Sequence < 0 {
		return asked, settings.Wrong("cursor", c.cursor+" is not a cursor")
	}
	return kept, nil
}

// keepCursor remembers what has been written to standard output.
func keepCursor(path string, now export.Cursor) error {
	if path == "" {
		return nil
	}
	return writeWhole(path, func(w io.Writer) error { return json.NewEncoder(w).Encode(now) })
}
