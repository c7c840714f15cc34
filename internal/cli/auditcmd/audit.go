// Package auditcmd is the commands on the audit log: they verify it, export it,
// follow it, and remove what is old.
package auditcmd

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"coc-console/audit"
	"coc-console/audit/export"
	"coc-console/audit/search"
	"coc-console/internal/backup"
	"coc-console/internal/cli/output"
	"coc-console/internal/database"
	"coc-console/internal/progress"
	"coc-console/internal/settings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Program is what the commands need of the program that they are part of.
type Program struct {
	Stdout, Stderr io.Writer
	// Group completes a command that has commands.
	Group func(c *cobra.Command, commands ...*cobra.Command) *cobra.Command
	// Command completes a command: its settings, and what it does with them.
	Command func(c *cobra.Command, s *settings.Set, run func(context.Context, []string) error) *cobra.Command
	// OneFile is for commands that are told one file, which is read into to.
	OneFile func(to *string) cobra.PositionalArgs
	// Operator is who runs the command, as the system names them.
	Operator func() string
}

// auditConfig is what the commands on the audit log can be told.
type auditConfig struct {
	data, database, keys, anchor string
	progress                     bool

	fromLast, words bool
	state           string

	format, query, output string
	from, to              int64

	cursor   string
	after    int64
	follow   bool
	interval time.Duration
	lines    string
	syslog   string
	syslogCA string

	printKey bool
	keyFile  string

	file string // of verify-bundle

	auditKeys []string
	retention time.Duration
	reason    string
}

func (c auditConfig) dsn() string { return cmp.Or(c.database, c.data) }

// Audit is the command that has the commands on the audit log.
func (p Program) Audit() *cobra.Command {
	return p.Group(&cobra.Command{
		Use: "audit", Short: "Verify the audit log, export it, follow it, remove what is old",
		Long: "Commands on the audit log. Exit status 0: all is well. 1: something is wrong with the log or the bundle, and was named.\n" +
			"2: the command could not be carried out.",
	}, p.verifyCommand(), p.exportCommand(), p.verifyBundleCommand(), p.tailCommand(), p.checkpointCommand(), p.reindexCommand(),
		p.pruneCommand(), p.holdCommand(), p.reportCommand(), p.incidentCommand())
}

// auditSettings are the settings of a command on the audit log; those of where
// it is, and those that are named.
func (c *auditConfig) settings(names ...string) *settings.Set {
	s := settings.New("audit")
	f := pflag.NewFlagSet("audit", pflag.ContinueOnError)
	f.SortFlags = false
	f.StringVar(&c.keys, "public-key", "", "`LIST` of public keys whose checkpoints are believed; needed to verify")
	f.StringVar(&c.anchor, "anchor", "", "`FILE` with a checkpoint that was kept elsewhere: verify finds a log that was cut short or put back, export has a bundle show that the log continues it")
	f.BoolVar(&c.progress, "progress", false, "say how far it is also where errors do not go to a terminal")
	f.BoolVar(&c.fromLast, "from-last", false, "begin where the last verification that found nothing ended; what was read then is not read again")
	f.StringVar(&c.state, "state", "", "`FILE` that remembers that; default audit.verified in the data folder. Somebody who can write it can have records passed over, so it is best on another machine")
	f.BoolVar(&c.words, "words", false, "compare the words that are searched, too; takes much longer, and 8 bytes of memory for each record")
	settings.ChoiceVar(f, &c.format, "format", "`FORMAT`: csv, jsonl or bundle", "csv", "jsonl", "bundle")
	f.StringVar(&c.query, "query", "", "`TEXT` that selects records, as the search box takes it; dates are those of UTC. With one, a bundle cannot show that none is left out")
	f.Int64Var(&c.from, "from", 0, "`NUMBER` of the first record")
	f.Int64Var(&c.to, "to", 0, "`NUMBER` of the last record")
	f.StringVar(&c.output, "output", "", "`FILE` to write, which has its name only once it is whole; empty: standard output")
	f.Int64Var(&c.after, "after", 0, "`NUMBER` of the record after which to begin")
	f.StringVar(&c.cursor, "cursor", "", "`FILE` that remembers the last record, once its line is written: after a crash some lines come twice, none is lost")
	f.BoolVar(&c.follow, "follow", false, "go on with what is appended, until interrupted")
	f.DurationVar(&c.interval, "interval", time.Second, "`TIME` between two looks with --follow")
	settings.ChoiceVar(f, &c.lines, "lines", "`FORM` of a record: jsonl, or cef for ArcSight and others", "jsonl", "cef")
	f.StringVar(&c.syslog, "syslog", "", "`ADDRESS` of a SIEM that gets each record as an RFC 5424 message, such as tls://siem.example.com:6514, or tcp://…; empty: standard output")
	f.StringVar(&c.syslogCA, "syslog-ca", "", "`FILE` of certificates in PEM that sign the SIEM's, in the place of the system's")
	f.VisitAll(func(flag *pflag.Flag) {
		if slices.Contains(names, flag.Name) {
			s.Own.AddFlag(flag)
		}
	})
	if !slices.Contains(names, "format") && !slices.Contains(names, "follow") { // tail writes lines of JSON anyway
		output.FormatOption(s, &c.format)
	}
	return s
}

// where are the settings of a command on a log, which say where it is.
func (c *auditConfig) where(names ...string) *settings.Set {
	s := c.settings(names...)
	c.locate(s)
	return s
}

func (c *auditConfig) locate(s *settings.Set) {
	s.Console.StringVar(&c.data, "data", "./coc-console-data", "`FOLDER` of audit.db, or a backup's file")
	s.DatabaseVar(&c.database, new(string), "postgres://… `ADDRESS` of a log that is kept there")
}

// auditing completes a command on the audit log.
func (p Program) auditing(c *cobra.Command, cfg *auditConfig, s *settings.Set,
	run func(context.Context, auditConfig, io.Writer, io.Writer) error) *cobra.Command {
	return p.Command(c, s, func(ctx context.Context, _ []string) error {
		if err := CheckDatabase(cfg.database); err != nil {
			return err
		}
		return run(ctx, *cfg, p.Stdout, p.Stderr)
	})
}

func (p Program) checkpointCommand() *cobra.Command {
	var c auditConfig
	s := c.where()
	s.Console.StringVar(&c.keyFile, "audit-key-file", "", "`FILE` with the key of which the public half is printed; default audit.key in the data folder")
	s.Options.BoolVar(&c.printKey, "public-key", false, "print the log's public key instead")
	return p.auditing(&cobra.Command{
		Use: "checkpoint", Short: "Print the log's latest signed checkpoint, to be kept elsewhere",
		Example: "  coc-console audit checkpoint --data /var/lib/coc-console\n  coc-console audit checkpoint --data /var/lib/coc-console --public-key",
	}, &c, s, printCheckpointOrKey)
}

func (p Program) reindexCommand() *cobra.Command {
	var c auditConfig
	return p.auditing(&cobra.Command{Use: "reindex", Short: "Build the search tables again; on SQLite the console must be stopped",
		Example: "  coc-console audit reindex --data /var/lib/coc-console"}, &c, c.where("progress"), reindex)
}

// IsWrong reports whether an error says that a log or a bundle is not what it
// should be; others say that a command could not be carried out.
func IsWrong(err error) bool {
	for _, wrong := range []error{backup.ErrFindings, audit.ErrDamaged, audit.ErrForked, audit.ErrRolledBack,
		audit.ErrSignature, export.ErrBundle, database.ErrDamagedFile} {
		if errors.Is(err, wrong) {
			return true
		}
	}
	return false
}

// CheckDatabase checks the setting that is the address of a database.
func CheckDatabase(address string) error {
	if address != "" && !database.IsPostgres(address) {
		return settings.Wrong("database", "this is not a postgres:// address") // it may hold a password: not repeated
	}
	return nil
}

// inspected opens the log for reading, beside a running console, and calls f.
func inspected(ctx context.Context, c auditConfig, f func(*audit.Log, *database.DB) error) (err error) {
	if err := audit.CheckKeys(settings.Split(c.keys)...); err != nil {
		return settings.Wrong("public-key", err.Error())
	}
	db, err := database.Inspect(ctx, c.dsn(), database.Audit)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return settings.Wrong("data", c.noLog())
	case err != nil:
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	log, err := InspectLog(ctx, db, settings.Split(c.keys)...)
	if err == nil {
		err = f(log, db)
	}
	return database.DamagedFile(cmp.Or(db.Path, c.data), err)
}

// noLog says that there is neither a folder with a log nor a backup's file.
func (c auditConfig) noLog() string {
	if _, err := os.Stat(c.data); err != nil {
		return "there is no folder or file " + c.data
	}
	return "there is no audit.db in " + c.data
}

// InspectLog is the log of a database that is open, for reading. The keys are
// those whose checkpoints are believed.
func InspectLog(ctx context.Context, db *database.DB, trusted ...string) (*audit.Log, error) {
	return audit.Inspect(ctx, audit.Config{Dialect: string(db.Engine), Log: db.Write, LogRead: db.Read, Database: db,
		Trusted: trusted})
}

// printCheckpointOrKey prints the latest signed checkpoint, or the key that
// verifies it.
func printCheckpointOrKey(ctx context.Context, c auditConfig, stdout, _ io.Writer) error {
	return inspected(ctx, c, func(log *audit.Log, db *database.DB) error {
		if c.printKey {
			return printKey(log, c, stdout)
		}
		return printCheckpoint(ctx, db, c, stdout)
	})
}

func printKey(log *audit.Log, c auditConfig, stdout io.Writer) error {
	path := c.keyFile
	if path == "" {
		path = filepath.Join(c.data, "audit.key")
	}
	if _, err := os.Stat(path); err != nil { // LoadKey would make one
		return settings.Wrong("audit-key-file", err.Error())
	}
	secret, err := audit.LoadKey(path)
	if err != nil {
		return settings.Wrong("audit-key-file", err.Error())
	}
	key, err := audit.VerifierKey(log.Origin(), ed25519.PublicKey(secret[ed25519.SeedSize:]))
	if err != nil {
		return err
	}
	return output.Print(stdout, c.format, map[string]string{"public_key": key}, func() string { return key + "\n" })
}

// printCheckpoint prints the latest signed checkpoint, to be kept elsewhere.
func printCheckpoint(ctx context.Context, db *database.DB, c auditConfig, w io.Writer) error {
	var note []byte
	if err := db.Read.QueryRowContext(ctx, `SELECT note FROM head WHERE id = 1`).Scan(&note); err != nil {
		return fmt.Errorf("read the latest checkpoint: %w", err)
	}
	if len(note) == 0 {
		return errors.New("the log has no signed checkpoint yet")
	}
	return output.Print(w, c.format, map[string]string{"checkpoint": string(note)}, func() string {
		return string(note)
	})
}

// removeSearch removes search.db, all of which comes from the log.
func removeSearch(folder string) error {
	path := filepath.Join(folder, string(database.Search)+".db")
	for _, file := range []string{path + "-wal", path + "-shm", path} {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// reindex builds the search tables again. On SQLite it takes the log's
// lock, so that no console runs; on PostgreSQL it works beside them.
func reindex(ctx context.Context, c auditConfig, stdout, stderr io.Writer) (err error) {
	if c.database == "" { // Open would make an empty log
		if err := inspected(ctx, c, func(*audit.Log, *database.DB) error { return nil }); err != nil {
			return err
		}
	}
	db, err := database.Open(ctx, c.dsn(), database.Audit)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if c.database == "" { // what is damaged cannot be built again in its place
		if err := removeSearch(c.data); err != nil {
			return err
		}
	}
	tables, err := database.Open(ctx, c.dsn(), database.Search)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tables.Close()) }()
	log, err := InspectLog(ctx, db)
	if err != nil {
		return err
	}
	bar := progress.New(stderr, c.progress)
	err = search.New(log, search.Config{Write: tables.Write, Read: tables.Read}).Reindex(ctx,
		func(done, total int64) { bar.Show(done, total) })
	bar.End()
	if err != nil {
		return err
	}
	size, err := log.Size(ctx)
	if err != nil {
		return err
	}
	return output.Print(stdout, c.format, map[string]int64{"records": size}, func() string {
		return fmt.Sprintf("the search tables are complete: %s\n", output.Count(size, "record", "records"))
	})
}
