package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"coc-console/audit"
	"coc-console/migrations"
)

// exportCommand writes records. It reads the log itself, not the search tables.
func exportCommand(ctx context.Context, c auditConfig, stdout, stderr io.Writer) error {
	q, err := exportQuery(c)
	if err != nil {
		return err
	}
	anchor, err := readAnchor(c)
	if err != nil {
		return err
	}
	if c.format == "bundle" && c.output == "" && isTerminal(stdout) {
		return &settingError{"output", "a bundle is not for a terminal: name a file"}
	}
	bar := newMeter(stderr, c.progress)
	defer bar.end()
	step := func(done, total int64) error { bar.show(done, total); return ctx.Err() }
	write := func(w io.Writer) error {
		return inspected(ctx, c, func(log *audit.Log, _ *migrations.DB) error {
			if c.format != "bundle" {
				return log.WriteRecords(ctx, w, q, audit.Format(c.format), step)
			}
			o := audit.BundleOptions{Progress: step}
			if anchor != nil {
				o.Anchors = append(o.Anchors, anchor)
			}
			return log.WriteBundle(ctx, w, q, o)
		})
	}
	if c.output != "" {
		return writeWhole(c.output, write)
	}
	return buffered(stdout, write)
}

func exportQuery(c auditConfig) (audit.Query, error) {
	switch c.format {
	case "csv", "jsonl", "bundle":
	default:
		return audit.Query{}, &settingError{"format", fmt.Sprintf("%q is not csv, jsonl or bundle", c.format)}
	}
	q, err := audit.ParseQuery(c.query, time.UTC)
	if err != nil {
		return q, &settingError{"query", err.Error()}
	}
	if c.from < 0 || c.to < 0 || c.to > 0 && c.to < c.from {
		return q, &settingError{"from", fmt.Sprintf("there are no records from %d to %d", c.from, c.to)}
	}
	q.Visible.All = true
	q.After = max(c.from-1, 0)
	if c.to > 0 {
		q.Before = c.to + 1
	}
	return q, nil
}

func buffered(w io.Writer, write func(io.Writer) error) error {
	out := bufio.NewWriterSize(w, 64<<10)
	if err := write(out); err != nil {
		return err
	}
	return out.Flush()
}

// writeWhole writes a file under another name, and gives it its own once it is
// whole and on the disk. A file that breaks off is removed.
func writeWhole(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".partial-*")
	if err != nil {
		return err
	}
	err = buffered(f, write)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
