package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"coc-console/audit"
	"coc-console/migrations"
)

// auditConfig is what the commands on the audit log can be told. They read
// beside a running console and change nothing.
type auditConfig struct {
	data, database, keys, anchor string
}

func (c auditConfig) dsn() string {
	if c.database != "" {
		return c.database
	}
	return c.data
}

func auditFlags(c *auditConfig) *flag.FlagSet {
	f := flag.NewFlagSet("audit", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&c.data, "data", "./coc-console-data", "`FOLDER` of audit.db, or a backup's file")
	f.StringVar(&c.database, "database", "", "postgres://… `ADDRESS` of a log that is kept there")
	f.StringVar(&c.keys, "public-key", "", "`LIST` of public keys whose checkpoints are believed, as audit checkpoint prints them; needed to verify")
	f.StringVar(&c.anchor, "anchor", "", "`FILE` with a checkpoint that was kept elsewhere: shows a log that was cut short or put back")
	return f
}

func parseAudit(args []string, getenv func(string) string) (auditConfig, error) {
	var c auditConfig
	f := auditFlags(&c)
	f.VisitAll(func(s *flag.Flag) {
		if v := getenv(envName(s.Name)); v != "" && (s.Name == "data" || s.Name == "database") {
			_ = f.Set(s.Name, v) // texts take any value
		}
	})
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return c, errHelp
	case err != nil:
		return c, errors.New(strings.ReplaceAll(err.Error(), "flag provided but not defined: -", "there is no setting --"))
	case f.NArg() > 0:
		return c, fmt.Errorf("audit has no setting %q; see coc-console help", f.Arg(0))
	}
	if c.database != "" && !migrations.IsPostgres(c.database) {
		return c, &settingError{"database", "this is not a postgres:// address"} // it may hold a password: not repeated
	}
	return c, nil
}

// runAudit is coc-console audit verify, and audit checkpoint.
func runAudit(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) (err error) {
	if len(args) == 0 {
		return errors.New("audit verify or audit checkpoint; see coc-console help")
	}
	c, err := parseAudit(args[1:], getenv)
	if errors.Is(err, errHelp) {
		_, err = io.WriteString(stdout, help())
		return err
	}
	if err != nil {
		return err
	}
	db, err := migrations.Inspect(ctx, c.dsn(), migrations.Audit)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &settingError{"data", "there is no audit.db in " + c.data}
	case err != nil:
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	log, err := audit.Inspect(ctx, audit.Config{Dialect: string(db.Engine), Log: db.Write, LogRead: db.Read, Trusted: split(c.keys)})
	if err != nil {
		return err
	}
	switch args[0] {
	case "verify":
		return verifyLog(ctx, log, c, stdout, stderr)
	case "checkpoint":
		return printCheckpoint(ctx, db, stdout)
	}
	return fmt.Errorf("there is no command audit %s; see coc-console help", args[0])
}

// searchTables are compared with the log where they exist: they may be deleted.
func searchTables(ctx context.Context, c auditConfig) (*migrations.DB, error) {
	db, err := migrations.Inspect(ctx, c.dsn(), migrations.Search)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return db, err
}

// printCheckpoint prints the latest signed checkpoint, to be kept elsewhere.
func printCheckpoint(ctx context.Context, db *migrations.DB, w io.Writer) error {
	var note []byte
	if err := db.Read.QueryRowContext(ctx, `SELECT note FROM head WHERE id = 1`).Scan(&note); err != nil {
		return err
	}
	if len(note) == 0 {
		return errors.New("the log has no signed checkpoint yet")
	}
	_, err := w.Write(note)
	return err
}

// errFindings says that a verification found something, which was printed.
var errFindings = errors.New("the log is not what was written")

// progressEvery is how often a verification says how far it is.
const progressEvery = 2 * time.Second

// verifyLog reads the whole log and says what it proves. It needs the public
// key from elsewhere: one that lies beside the log proves nothing to anybody
// who does not trust that machine.
func verifyLog(ctx context.Context, log *audit.Log, c auditConfig, stdout, stderr io.Writer) error {
	if c.keys == "" {
		return &settingError{"public-key", "the key that signs the checkpoints is needed; the console prints it at its start"}
	}
	options := audit.VerifyOptions{Keys: split(c.keys)}
	if c.anchor != "" {
		var err error
		if options.Anchor, err = os.ReadFile(c.anchor); err != nil {
			return &settingError{"anchor", err.Error()}
		}
	}
	said := time.Now()
	options.Progress = func(done, total int64) {
		if time.Since(said) < progressEvery {
			return
		}
		said = time.Now()
		fmt.Fprintf(stderr, "%d of %d records\n", done, total)
	}
	search, err := searchTables(ctx, c)
	if err != nil {
		return err
	}
	if search != nil {
		defer func() { _ = search.Close() }()
		options.Search = search.Read
	}
	report, err := log.Verify(ctx, options)
	if err != nil {
		return err
	}
	for _, f := range report.Findings {
		fmt.Fprintf(stdout, "%s: %s\n", f.Kind, f.Text)
	}
	if report.More > 0 {
		fmt.Fprintf(stdout, "and %d more\n", report.More)
	}
	fmt.Fprintf(stdout, "%d records read in %v; %d checkpoints are signed and true", report.Size-report.From,
		report.Took.Round(time.Millisecond), report.Checkpoints)
	if report.Signed.Size > 0 {
		fmt.Fprintf(stdout, ", the latest covers records 1 to %d", report.Signed.Size)
	}
	fmt.Fprintln(stdout)
	if !report.OK() {
		return errFindings
	}
	_, err = fmt.Fprintln(stdout, "Nothing was changed, added or left out in what the checkpoints cover.")
	return err
}
