package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"coc-console/audit"
	"coc-console/migrations"
)

// errFindings says that a verification found something, which was printed.
var errFindings = errors.New("the log is not what was written")

// errBundleFindings is the same of a bundle.
var errBundleFindings = fmt.Errorf("the bundle does not prove what it says: %w", errFindings)

// searchTables are compared with the log where they exist: they may be deleted.
func searchTables(ctx context.Context, c auditConfig) (*migrations.DB, error) {
	db, err := migrations.Inspect(ctx, c.dsn(), migrations.Search)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return db, err
}

// verifyCommand reads the log and says what it proves. It needs the public key
// from elsewhere: one that lies beside the log proves nothing to anybody who
// does not trust that machine.
func verifyCommand(ctx context.Context, c auditConfig, stdout, stderr io.Writer) error {
	if c.keys == "" {
		return &settingError{"public-key", "the key that signs the checkpoints is needed; the console prints it at its start"}
	}
	if c.state == "" && c.fromLast {
		if c.database != "" {
			return &settingError{"state", "a file is needed, as there is no data folder"}
		}
		c.state = filepath.Join(c.data, "audit.verified")
	}
	return inspected(ctx, c, func(log *audit.Log, _ *migrations.DB) error {
		return verifyLog(ctx, log, c, stdout, stderr)
	})
}

func verifyLog(ctx context.Context, log *audit.Log, c auditConfig, stdout, stderr io.Writer) (err error) {
	options := audit.VerifyOptions{Keys: split(c.keys), Words: c.words}
	if options.Anchor, err = readAnchor(c); err != nil {
		return err
	}
	if c.fromLast {
		if options.From, err = lastVerified(c); err != nil {
			return err
		}
	}
	search, err := searchTables(ctx, c)
	if err != nil {
		return err
	}
	if search != nil {
		defer func() { err = errors.Join(err, search.Close()) }()
		options.Search = search.Read
	}
	bar := newMeter(stderr, c.progress)
	options.Progress = bar.show
	report, err := log.Verify(ctx, options)
	bar.end()
	if err != nil {
		return err
	}
	if err := printReport(report, stdout); err != nil {
		return err
	}
	return remember(c, report)
}

func readAnchor(c auditConfig) ([]byte, error) {
	if c.anchor == "" {
		return nil, nil
	}
	signed, err := os.ReadFile(c.anchor)
	if err != nil {
		return nil, &settingError{"anchor", err.Error()}
	}
	return signed, nil
}

// maxState is more than a checkpoint has.
const maxState = 64 << 10

// lastVerified is the checkpoint up to which an earlier verification found
// nothing; the zero one before the first. It is believed only if it is signed;
// that the log continues it is verified with the rest.
func lastVerified(c auditConfig) (audit.Checkpoint, error) {
	signed, err := os.ReadFile(c.state)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return audit.Checkpoint{}, nil
	case err != nil:
		return audit.Checkpoint{}, &settingError{"state", err.Error()}
	case len(signed) > maxState:
		return audit.Checkpoint{}, &settingError{"state", c.state + " is not a checkpoint"}
	}
	last, err := audit.ParseCheckpoint(signed, split(c.keys)...)
	if err != nil {
		return last, fmt.Errorf("%s cannot be relied on; verify everything, without --from-last: %w", c.state, err)
	}
	return last, nil
}

// remember keeps the checkpoint that was reached.
func remember(c auditConfig, report audit.Report) error {
	if c.state == "" || report.Signed.Note == nil {
		return nil
	}
	return writeWhole(c.state, func(w io.Writer) error { _, err := w.Write(report.Signed.Note); return err })
}

func printReport(report audit.Report, stdout io.Writer) error {
	for _, f := range report.Findings {
		fmt.Fprintf(stdout, "%s: %s\n", f.Kind, f.Text)
	}
	if report.More > 0 {
		fmt.Fprintf(stdout, "and %d more\n", report.More)
	}
	fmt.Fprintf(stdout, "%d records read in %v; checkpoints that are signed and true: %d", report.Size-report.From,
		report.Took.Round(time.Millisecond), report.Checkpoints)
	if report.Signed.Size > 0 {
		fmt.Fprintf(stdout, ", the latest covers records 1 to %d", report.Signed.Size)
	}
	fmt.Fprintln(stdout)
	if report.From > 0 {
		fmt.Fprintf(stdout, "The records 1 to %d were verified before, and not read again.\n", report.From)
	}
	if !report.OK() {
		return errFindings
	}
	_, err := fmt.Fprintln(stdout, "Nothing was changed, added or left out in what the checkpoints cover.")
	return err
}

// verifyBundleCommand checks a bundle with nothing but a public key.
func verifyBundleCommand(_ context.Context, c auditConfig, stdout, _ io.Writer) error {
	if c.keys == "" {
		return &settingError{"public-key", "the log's key is needed, from elsewhere than the bundle"}
	}
	var anchors [][]byte
	switch anchor, err := readAnchor(c); {
	case err != nil:
		return err
	case anchor != nil:
		anchors = append(anchors, anchor)
	}
	f, err := os.Open(c.file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	report, err := audit.VerifyBundle(f, info.Size(), split(c.keys), anchors...)
	if err != nil {
		return err
	}
	return printBundle(report, stdout)
}

func printBundle(r audit.BundleReport, stdout io.Writer) error {
	for _, f := range r.Findings {
		fmt.Fprintln(stdout, f.Text)
	}
	if r.More > 0 {
		fmt.Fprintf(stdout, "and %d more\n", r.More)
	}
	if !r.OK() {
		return errBundleFindings
	}
	fmt.Fprintf(stdout, "Log %s, checkpoint of %s over %d records.\n", r.Checkpoint.Origin, r.Checkpoint.Time.Format(time.RFC3339), r.Checkpoint.Size)
	if r.Query != "" {
		fmt.Fprintf(stdout, "Query: %q\n", r.Query)
	}
	fmt.Fprintf(stdout, "%d records are in the log, unaltered.\n", r.Records-r.Pruned)
	if r.Pruned > 0 {
		fmt.Fprintf(stdout, "Of %d more only the hashes are here: their text was removed from the log, or withheld.\n", r.Pruned)
	}
	if r.Kind == audit.BundleRange {
		fmt.Fprintf(stdout, "They are all records from %d to %d: none is left out.\n", r.First, r.Last)
	} else {
		fmt.Fprintf(stdout, "A search among the records %d to %d found them. That it missed none cannot be shown by a search.\n", r.First, r.Last)
	}
	for _, e := range r.Earlier {
		fmt.Fprintf(stdout, "The log continues its checkpoint of %s over %d records.\n", e.Time.Format(time.RFC3339), e.Size)
	}
	for _, a := range r.Anchored {
		fmt.Fprintf(stdout, "The log continues the checkpoint that was kept elsewhere, over %d records.\n", a.Size)
	}
	return nil
}
