package auditcmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"coc-console/audit"
	"coc-console/audit/export"
	"coc-console/audit/search"
	"coc-console/audit/verify"
	"coc-console/internal/backup"
	"coc-console/internal/cli/output"
	"coc-console/internal/database"
	"coc-console/internal/progress"
	"coc-console/internal/settings"

	"github.com/spf13/cobra"
)

// errBundleFindings says that the verification of a bundle found something,
// which was printed.
var errBundleFindings = fmt.Errorf("the bundle does not prove what it says: %w", backup.ErrFindings)

// searchTables are compared with the log where they exist: they may be deleted.
func searchTables(ctx context.Context, c auditConfig) (*database.DB, error) {
	db, err := database.Inspect(ctx, c.dsn(), database.Search)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return db, err
}

func (p Program) verifyCommand() *cobra.Command {
	var c auditConfig
	return p.auditing(&cobra.Command{
		Use: "verify", Short: "Check that nothing in the audit log was changed",
		Example: "  coc-console audit verify --data /var/lib/coc-console --public-key coc-console/…+…+… --anchor kept-checkpoint",
	}, &c, c.where("public-key", "anchor", "from-last", "state", "words", "progress"), checkLog)
}

func (p Program) verifyBundleCommand() *cobra.Command {
	var c auditConfig
	return p.auditing(&cobra.Command{
		Use: "verify-bundle FILE", Short: "Check a bundle that export wrote; needs neither the log nor a network", Args: p.OneFile(&c.file),
		Example: "  coc-console audit verify-bundle log.zip --public-key coc-console/…+…+…",
	}, &c, c.settings("public-key", "anchor"), verifyBundle)
}

// checkLog reads the log and says what it proves. It needs the public key
// from elsewhere: one that lies beside the log proves nothing to anybody who
// does not trust that machine.
func checkLog(ctx context.Context, c auditConfig, stdout, stderr io.Writer) error {
	if len(settings.Split(c.keys)) == 0 {
		return settings.Wrong("public-key", "the key that signs the checkpoints is needed; the console prints it at its start")
	}
	if c.state == "" && c.fromLast {
		if c.database != "" {
			return settings.Wrong("state", "a file is needed, as there is no data folder")
		}
		c.state = filepath.Join(c.data, "audit.verified")
	}
	return inspected(ctx, c, func(log *audit.Log, _ *database.DB) error {
		return verifyLog(ctx, log, c, stdout, stderr)
	})
}

func verifyLog(ctx context.Context, log *audit.Log, c auditConfig, stdout, stderr io.Writer) (err error) {
	options := verify.Options{Keys: settings.Split(c.keys), Words: c.words}
	if options.Anchor, err = readAnchor(c); err != nil {
		return err
	}
	if c.fromLast {
		if options.From, err = lastVerified(c); err != nil {
			return err
		}
	}
	tables, err := searchTables(ctx, c)
	if err != nil {
		return err
	}
	if tables != nil {
		defer func() { err = errors.Join(err, tables.Close()) }()
		options.Search = search.New(log, search.Config{Read: tables.Read, Rows: tables})
	}
	// Of ten million records 54 MB are kept, so that twice that is much; the collector takes a fiftieth of the time.
	defer debug.SetGCPercent(debug.SetGCPercent(50))
	bar := progress.New(stderr, c.progress)
	options.Progress = bar.Show
	report, err := verify.Log(ctx, log, options)
	bar.End()
	if err != nil {
		return err
	}
	if err := printReport(report, c.format, stdout); err != nil {
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
		return nil, settings.Wrong("anchor", err.Error())
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
		return audit.Checkpoint{}, settings.Wrong("state", err.Error())
	case len(signed) > maxState:
		return audit.Checkpoint{}, settings.Wrong("state", c.state+" is not a checkpoint")
	}
	last, err := audit.ParseCheckpoint(signed, settings.Split(c.keys)...)
	if err != nil {
		return last, fmt.Errorf("%s cannot be relied on; verify everything, without --from-last: %w", c.state, err)
	}
	return last, nil
}

// remember keeps the checkpoint that was reached.
func remember(c auditConfig, report verify.Report) error {
	if c.state == "" || report.Signed.Note == nil {
		return nil
	}
	return writeWhole(c.state, func(w io.Writer) error { _, err := w.Write(report.Signed.Note); return err })
}

// Finding is what a verification found, as it is printed for programs.
type Finding struct {
	Kind   string `json:"kind,omitempty"`
	Record int64  `json:"record,omitempty"`
	Text   string `json:"text"`
}

// FindingsOf are findings as they are printed for programs; never nil.
func FindingsOf(all []verify.Finding) []Finding {
	out := []Finding{} // not null in JSON
	for _, f := range all {
		out = append(out, Finding{f.Kind, f.Sequence, f.Text})
	}
	return out
}

// verified is a report as it is printed for programs.
type verified struct {
	OK          bool      `json:"ok"`
	Findings    []Finding `json:"findings"`
	Notes       []Finding `json:"notes"`
	More        int       `json:"more_findings,omitempty"`
	MoreNotes   int       `json:"more_notes,omitempty"`
	Records     int64     `json:"records_read"`
	From        int64     `json:"verified_before,omitempty"`
	Checkpoints int       `json:"checkpoints"`
	Covered     int64     `json:"covered"`           // the latest checkpoint covers records 1 to this
	Removed     int64     `json:"removed,omitempty"` // of records 1 to this only the hashes are left
	Seconds     float64   `json:"seconds"`
}

func printReport(report verify.Report, format string, stdout io.Writer) error {
	value := verified{report.OK(), FindingsOf(report.Findings), FindingsOf(report.Notes), report.More, report.MoreNotes, report.Size - report.From, report.From,
		report.Checkpoints, report.Signed.Size, report.Pruned, report.Took.Seconds()}
	err := output.Print(stdout, format, value, func() string { return textOf(report) })
	if err == nil && !report.OK() {
		return backup.ErrFindings
	}
	return err
}

// TextOfFindings is the findings as they are printed for people, one a line.
func TextOfFindings(report verify.Report) string {
	var b strings.Builder
	for _, f := range report.Findings {
		fmt.Fprintf(&b, "%s: %s\n", f.Kind, f.Text)
	}
	if report.More > 0 {
		fmt.Fprintf(&b, "and %d more\n", report.More)
	}
	return b.String()
}

func textOf(report verify.Report) string {
	var b strings.Builder
	b.WriteString(TextOfFindings(report))
	for _, n := range report.Notes {
		fmt.Fprintf(&b, "note: %s: %s\n", n.Kind, n.Text)
	}
	if report.MoreNotes > 0 {
		fmt.Fprintf(&b, "and %s\n", output.Count(report.MoreNotes, "more note", "more notes"))
	}
	fmt.Fprintf(&b, "%s read in %v; checkpoints that are signed and true: %d", output.Count(report.Size-report.From, "record", "records"),
		report.Took.Round(time.Millisecond), report.Checkpoints)
	if report.Signed.Size > 0 {
		fmt.Fprintf(&b, ", the latest covers records 1 to %d", report.Signed.Size)
	}
	b.WriteString("\n")
	if report.From > 0 {
		fmt.Fprintf(&b, "The records 1 to %d were verified before, and not read again.\n", report.From)
	}
	if report.Pruned > 0 {
		fmt.Fprintf(&b, "Of the records 1 to %d only the hashes are left: their contents were removed.\n", report.Pruned)
	}
	if report.OK() {
		b.WriteString("Nothing was changed, added or left out in what the checkpoints cover.\n")
	}
	return b.String()
}

// verifyBundle checks a bundle with nothing but a public key.
func verifyBundle(_ context.Context, c auditConfig, stdout, _ io.Writer) error {
	if len(settings.Split(c.keys)) == 0 {
		return settings.Wrong("public-key", "the log's key is needed, from elsewhere than the bundle")
	}
	if err := audit.CheckKeys(settings.Split(c.keys)...); err != nil {
		return settings.Wrong("public-key", err.Error())
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
	report, err := export.VerifyBundle(f, info.Size(), settings.Split(c.keys), anchors...)
	if err != nil {
		return err
	}
	return printBundle(report, c.format, stdout)
}

// provenBundle is the report on a bundle as it is printed for programs.
type provenBundle struct {
	OK         bool      `json:"ok"`
	Findings   []Finding `json:"findings"`
	More       int       `json:"more_findings,omitempty"`
	Log        string    `json:"log"`
	Checkpoint time.Time `json:"checkpoint"`
	Size       int64     `json:"checkpoint_size"`
	Query      string    `json:"query,omitempty"`
	Records    int64     `json:"records"`
	Pruned     int64     `json:"hashes_only"`
	Complete   bool      `json:"complete"` // all records from first to last
	First      int64     `json:"first"`
	Last       int64     `json:"last"`
	Anchored   bool      `json:"anchored"` // the log continues the checkpoint that was kept elsewhere
}

func printBundle(r export.BundleReport, format string, stdout io.Writer) error {
	value := provenBundle{OK: r.OK(), Findings: []Finding{}, More: r.More, Log: r.Checkpoint.Origin, Checkpoint: r.Checkpoint.Time.UTC(),
		Size: r.Checkpoint.Size, Query: r.Query, Records: r.Records - r.Pruned, Pruned: r.Pruned, Complete: r.Kind == export.BundleRange,
		First: r.First, Last: r.Last, Anchored: len(r.Anchored) > 0}
	for _, f := range r.Findings {
		value.Findings = append(value.Findings, Finding{Record: f.Sequence, Text: f.Text})
	}
	err := output.Print(stdout, format, value, func() string { return textOfBundle(r) })
	if err == nil && !r.OK() {
		return errBundleFindings
	}
	return err
}

func textOfBundle(r export.BundleReport) string {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintln(&b, f.Text)
	}
	if r.More > 0 {
		fmt.Fprintf(&b, "and %d more\n", r.More)
	}
	if !r.OK() {
		return b.String()
	}
	fmt.Fprintf(&b, "Log %s, checkpoint of %s over %s.\n", r.Checkpoint.Origin, r.Checkpoint.Time.Format(time.RFC3339),
		output.Count(r.Checkpoint.Size, "record", "records"))
	if r.Rows != "" {
		fmt.Fprintf(&b, "Rows: %s\n", r.Rows)
	}
	if r.Query != "" {
		fmt.Fprintf(&b, "Query: %q\n", r.Query)
	}
	fmt.Fprintf(&b, "%s in the log, unaltered.\n", output.Count(r.Records-r.Pruned, "record is", "records are"))
	if r.Pruned > 0 {
		fmt.Fprintf(&b, "Of %d more only the hashes are here: their text was removed from the log, or withheld.\n", r.Pruned)
	}
	if r.Kind == export.BundleRange {
		fmt.Fprintf(&b, "They are all records from %d to %d: none is left out.\n", r.First, r.Last)
	} else {
		fmt.Fprintf(&b, "A search among the records %d to %d found them. That it missed none cannot be shown by a search.\n", r.First, r.Last)
	}
	for _, e := range r.Earlier {
		fmt.Fprintf(&b, "The log continues its checkpoint of %s over %s.\n", e.Time.Format(time.RFC3339),
			output.Count(e.Size, "record", "records"))
	}
	for _, a := range r.Anchored {
		fmt.Fprintf(&b, "The log continues the checkpoint that was kept elsewhere, over %s.\n",
			output.Count(a.Size, "record", "records"))
	}
	return b.String()
}
