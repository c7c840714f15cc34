package auditcmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"coc-console/audit"
	"coc-console/audit/export"
	"coc-console/audit/syslog"
	"coc-console/internal/database"
	"coc-console/internal/settings"

	"github.com/spf13/cobra"
)

func (p Program) tailCommand() *cobra.Command {
	var c auditConfig
	return p.auditing(&cobra.Command{
		Use: "tail", Short: "Print records, or send them to a SIEM, after a number or where the last call ended",
		Example: "  coc-console audit tail --data /var/lib/coc-console --cursor /var/lib/siem/cursor --follow\n" +
			"  coc-console audit tail --data /var/lib/coc-console --cursor /var/lib/siem/cursor --follow \\\n" +
			"    --syslog tls://siem.example.com:6514 --lines cef",
	}, &c, c.where("after", "cursor", "follow", "interval", "lines", "syslog", "syslog-ca"), tail)
}

// tail prints or sends records, each at least once.
func tail(ctx context.Context, c auditConfig, stdout, stderr io.Writer) error {
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
	if c.syslog != "" || c.syslogCA != "" {
		return c.send(ctx, at, stderr)
	}
	if c.lines == string(syslog.CEF) {
		stdout = syslog.CEFWriter{To: stdout}
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

// send sends records to a SIEM.
func (c auditConfig) send(ctx context.Context, at export.Cursor, stderr io.Writer) error {
	receiver, err := syslog.ParseReceiver(c.syslog, c.syslogCA)
	if err != nil {
		return settings.Wrong("syslog", err.Error()) // an address with a password is not repeated
	}
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("name this machine: %w", err)
	}
	s := syslog.Sender{Receiver: receiver, Form: syslog.Form(c.lines), Host: host, Interval: c.interval,
		Logger:   slog.New(slog.NewTextHandler(stderr, nil)),
		Received: func(now export.Cursor) error { return keepCursor(c.cursor, now) }}
	return inspected(ctx, c, func(log *audit.Log, _ *database.DB) error { return s.Run(ctx, log, at, c.follow) })
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

// keepCursor remembers what has been written, or was received.
func keepCursor(path string, now export.Cursor) error {
	if path == "" {
		return nil
	}
	return writeWhole(path, func(w io.Writer) error { return json.NewEncoder(w).Encode(now) })
}
