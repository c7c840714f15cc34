package auditcmd

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
	"coc-console/audit/export"
	"coc-console/audit/search"
	"coc-console/internal/database"
	"coc-console/internal/progress"
	"coc-console/internal/settings"

	"github.com/spf13/cobra"
)

func (p Program) exportCommand() *cobra.Command {
	var c auditConfig
	return p.auditing(&cobra.Command{
		Use: "export", Short: "Write records as CSV, as lines of JSON, or as a bundle that proves what it holds",
		Example: "  coc-console audit export --data /var/lib/coc-console --query \"action:operation.requested\" --output records.csv\n" +
			"  coc-console audit export --data /var/lib/coc-console --format bundle --from 1000 --to 2000 --output log.zip",
	}, &c, c.where("format", "query", "from", "to", "output", "public-key", "anchor", "progress"), writeExport)
}

// writeExport writes records. It reads the log itself, not the search tables.
func writeExport(ctx context.Context, c auditConfig, stdout, stderr io.Writer) error {
	q, err := exportQuery(c)
	if err != nil {
		return err
	}
	anchor, err := readAnchor(c)
	if err != nil {
		return err
	}
	if c.format == "bundle" && c.output == "" && progress.IsTerminal(stdout) {
		return settings.Wrong("output", "a bundle is not for a terminal: name a file")
	}
	bar := progress.New(stderr, c.progress)
	defer bar.End()
	step := func(done, total int64) error { bar.Show(done, total); return ctx.Err() }
	write := func(w io.Writer) error {
		return inspected(ctx, c, func(log *audit.Log, _ *database.DB) error {
			if err := tellRemoved(ctx, stderr, log, q); err != nil {
				return err
			}
			in := search.New(log, search.Config{})
			if c.format != "bundle" {
				return export.Write(ctx, w, in, q, export.Format(c.format), step)
			}
			o := export.BundleOptions{Progress: step}
			if anchor != nil {
				o.Anchors = append(o.Anchors, anchor)
			}
			return export.Bundle(ctx, w, in, q, o)
		})
	}
	if c.output != "" {
		return writeWhole(c.output, write)
	}
	return buffered(stdout, write)
}

// tellRemoved says which of the records that are asked for have gone.
func tellRemoved(ctx context.Context, w io.Writer, log *audit.Log, q search.Query) error {
	pruned, err := log.Pruned(ctx)
	if err != nil || q.After >= pruned {
		return err
	}
	_, err = fmt.Fprintf(w, "of the records 1 to %d only the hashes are left: their contents were removed\n", pruned)
	return err
}

func exportQuery(c auditConfig) (search.Query, error) {
	q, err := search.ParseQuery(c.query, time.UTC)
	if err != nil {
		return q, settings.Wrong("query", err.Error())
	}
	if c.from < 0 || c.to < 0 || c.to > 0 && c.to < c.from {
		return q, settings.Wrong("from", fmt.Sprintf("there are no records from %d to %d", c.from, c.to))
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
	if err := mayBeFile(path); err != nil {
		return err
	}
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

// mayBeFile says in words why a file of that name cannot be written. What is no
// regular file, such as a device, would be replaced by one.
func mayBeFile(path string) error {
	if folder, err := os.Stat(filepath.Dir(path)); err != nil || !folder.IsDir() {
		return fmt.Errorf("there is no folder %s: make it first, or name another file", filepath.Dir(path))
	}
	switch there, err := os.Stat(path); {
	case err != nil:
		return nil //nolint:nilerr // it is not there yet
	case there.IsDir():
		return fmt.Errorf("%s is a folder: name a file in it", path)
	case !there.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file: name another one, or leave it out for standard output", path)
	}
	return nil
}
