package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"coc-console/audit"
	"coc-console/migrations"
)

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

	printKey bool
	keyFile  string

	file string // of verify-bundle
}

func (c auditConfig) dsn() string {
	if c.database != "" {
		return c.database
	}
	return c.data
}

// auditCommand is one of the commands on the audit log.
type auditCommand struct {
	name, text string
	flags      []string
	file       bool // one is named behind the command
	run        func(ctx context.Context, c auditConfig, stdout, stderr io.Writer) error
}

// where are the flags that say where the log is.
var where = []string{"data", "database"}

func auditCommands() []auditCommand {
	return []auditCommand{
		{"verify", "check that nothing in the audit log was changed",
			slices.Concat(where, []string{"public-key", "anchor", "from-last", "state", "words", "progress"}), false, verifyCommand},
		{"export", "write records as CSV, as lines of JSON, or as a bundle that proves what it holds",
			slices.Concat(where, []string{"format", "query", "from", "to", "output", "public-key", "anchor", "progress"}), false, exportCommand},
		{"verify-bundle FILE", "check such a bundle; needs neither the log nor a network",
			[]string{"public-key", "anchor"}, true, verifyBundleCommand},
		{"tail", "print records as lines of JSON, after a number or where the last call ended",
			slices.Concat(where, []string{"after", "cursor", "follow", "interval"}), false, tailCommand},
		{"checkpoint", "print the log's latest signed checkpoint, to be kept elsewhere",
			slices.Concat(where, []string{"public-key", "audit-key-file"}), false, checkpointCommand},
		{"reindex", "build the search tables anew; on SQLite the console must be stopped",
			slices.Concat(where, []string{"progress"}), false, reindexCommand},
	}
}

// allAuditFlags are those of all commands; on checkpoint, public-key is a switch.
func allAuditFlags(c *auditConfig) *flag.FlagSet {
	f := flag.NewFlagSet("audit", flag.ContinueOnError)
	f.StringVar(&c.data, "data", "./coc-console-data", "`FOLDER` of audit.db, or a backup's file")
	f.StringVar(&c.database, "database", "", "postgres://… `ADDRESS` of a log that is kept there")
	f.StringVar(&c.keys, "public-key", "", "`LIST` of public keys whose checkpoints are believed; needed to verify. audit checkpoint takes it without a list, and prints the log's key instead")
	f.StringVar(&c.anchor, "anchor", "", "`FILE` with a checkpoint that was kept elsewhere: verify finds a log that was cut short or put back, export has a bundle show that the log continues it")
	f.BoolVar(&c.progress, "progress", false, "say how far it is also where errors do not go to a terminal")
	f.BoolVar(&c.fromLast, "from-last", false, "begin where the last verification that found nothing ended; what was read then is not read again")
	f.StringVar(&c.state, "state", "", "`FILE` that remembers that; default audit.verified in the data folder. Whoever can write it can have records passed over, so best on another machine")
	f.BoolVar(&c.words, "words", false, "compare the words that are searched, too; takes much longer, and 8 bytes of memory for each record")
	f.StringVar(&c.format, "format", "csv", "`FORMAT`: csv, jsonl or bundle")
	f.StringVar(&c.query, "query", "", "`TEXT` that selects records, as the search box takes it; dates are those of UTC. With one, a bundle cannot show that none is left out")
	f.Int64Var(&c.from, "from", 0, "`NUMBER` of the first record")
	f.Int64Var(&c.to, "to", 0, "`NUMBER` of the last record")
	f.StringVar(&c.output, "output", "", "`FILE` to write, which has its name only once it is whole; empty: standard output")
	f.Int64Var(&c.after, "after", 0, "`NUMBER` of the record after which to begin")
	f.StringVar(&c.cursor, "cursor", "", "`FILE` that remembers the last record, once its line is written: after a crash some lines come twice, none is lost")
	f.BoolVar(&c.follow, "follow", false, "go on with what is appended, until interrupted")
	f.DurationVar(&c.interval, "interval", time.Second, "`TIME` between two looks with --follow")
	f.StringVar(&c.keyFile, "audit-key-file", "", "`FILE` with the key of which the public half is printed; default audit.key in the data folder")
	return f
}

// auditFlags are the flags of one command.
func auditFlags(command auditCommand, c *auditConfig) *flag.FlagSet {
	f := flag.NewFlagSet("audit", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	allAuditFlags(c).VisitAll(func(s *flag.Flag) {
		switch {
		case !slices.Contains(command.flags, s.Name):
		case s.Name == "public-key" && slices.Contains(command.flags, "audit-key-file"):
			f.BoolVar(&c.printKey, s.Name, false, s.Usage)
		default:
			f.Var(s.Value, s.Name, s.Usage)
		}
	})
	return f
}

// auditEnvName is the variable of one of the commands' flags. Those that mean
// the same as the console's own have its variables.
func auditEnvName(flagName string) string {
	if slices.Contains([]string{"data", "database", "audit-key-file"}, flagName) {
		return envName(flagName)
	}
	return envName("audit-" + flagName)
}

func describeAudit(b *strings.Builder) {
	b.WriteString("\nCommands on the audit log. Exit status 0: all is well. 1: something is wrong with the log or the bundle,\n" +
		"and was named. 2: the command could not be carried out.\n\n")
	for _, command := range auditCommands() {
		fmt.Fprintf(b, "  audit %s: %s\n     ", command.name, command.text)
		for _, name := range command.flags {
			fmt.Fprintf(b, " --%s", name)
		}
		b.WriteString("\n")
	}
	b.WriteString("\nSettings of audit:\n")
	describe(b, allAuditFlags(&auditConfig{}), auditEnvName)
}

// statusError is an error that ends the program with a status.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }

// Unwrap returns the error.
func (e *statusError) Unwrap() error { return e.err }

// The statuses of the commands on the audit log.
const (
	statusWrong  = 1
	statusFailed = 2
)

// statusOf is the status with which an error ends the program.
func statusOf(err error) int {
	if e, ok := errors.AsType[*statusError](err); ok {
		return e.status
	}
	return 1
}

// withStatus tells a log that is wrong from a command that failed.
func withStatus(err error) error {
	if err == nil {
		return nil
	}
	for _, wrong := range []error{errFindings, audit.ErrDamaged, audit.ErrForked, audit.ErrRolledBack, audit.ErrSignature, audit.ErrBundle} {
		if errors.Is(err, wrong) {
			return &statusError{statusWrong, err}
		}
	}
	return &statusError{statusFailed, err}
}

// runAudit is coc-console audit and one of its commands.
func runAudit(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return withStatus(errors.New("audit needs a command, such as audit verify; see coc-console help"))
	}
	if args[0] == "help" || strings.HasPrefix(args[0], "-") {
		_, err := io.WriteString(stdout, help())
		return err
	}
	for _, command := range auditCommands() {
		if name, _, _ := strings.Cut(command.name, " "); name != args[0] {
			continue
		}
		c, err := parseAudit(command, args[1:], getenv)
		if errors.Is(err, errHelp) {
			_, err = io.WriteString(stdout, help())
			return err
		}
		if err == nil {
			err = command.run(ctx, c, stdout, stderr)
		}
		return withStatus(err)
	}
	return withStatus(fmt.Errorf("there is no command audit %s; see coc-console help", args[0]))
}

func parseAudit(command auditCommand, args []string, getenv func(string) string) (auditConfig, error) {
	var c auditConfig
	f := auditFlags(command, &c)
	if err := fromEnvironment(f, getenv); err != nil {
		return c, err
	}
	if command.file && len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		c.file, args = args[0], args[1:]
	}
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		return c, errHelp
	} else if err != nil {
		return c, errors.New(strings.ReplaceAll(err.Error(), "flag provided but not defined: -", "there is no setting --"))
	}
	rest := f.Args()
	if command.file && c.file == "" && len(rest) > 0 {
		c.file, rest = rest[0], rest[1:]
	}
	switch {
	case len(rest) > 0:
		return c, fmt.Errorf("audit has no setting %q; see coc-console help", rest[0])
	case command.file && c.file == "":
		return c, errors.New("audit verify-bundle needs a file; see coc-console help")
	case c.database != "" && !migrations.IsPostgres(c.database):
		return c, &settingError{"database", "this is not a postgres:// address"} // it may hold a password: not repeated
	}
	return c, nil
}

func fromEnvironment(f *flag.FlagSet, getenv func(string) string) (bad error) {
	f.VisitAll(func(s *flag.Flag) {
		value := getenv(auditEnvName(s.Name))
		if _, isSwitch := s.Value.(interface{ IsBoolFlag() bool }); isSwitch && s.Name == "public-key" {
			return // its variable is the list
		}
		if value == "" || bad != nil {
			return
		}
		if err := f.Set(s.Name, value); err != nil {
			bad = &settingError{s.Name, fmt.Sprintf("%s has a wrong value %q", auditEnvName(s.Name), value)}
		}
	})
	return bad
}

// inspected opens the log for reading, beside a running console, and calls f.
func inspected(ctx context.Context, c auditConfig, f func(*audit.Log, *migrations.DB) error) (err error) {
	db, err := migrations.Inspect(ctx, c.dsn(), migrations.Audit)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &settingError{"data", "there is no audit.db in " + c.data}
	case err != nil:
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	log, err := audit.Inspect(ctx, audit.Config{Dialect: string(db.Engine), Log: db.Write, LogRead: db.Read, EachEntry: db.EachEntry, Trusted: split(c.keys),
		Unguarded: db.Unguarded})
	if err != nil {
		return err
	}
	return f(log, db)
}

// checkpointCommand prints the latest signed checkpoint, or the key that
// verifies it.
func checkpointCommand(ctx context.Context, c auditConfig, stdout, _ io.Writer) error {
	return inspected(ctx, c, func(log *audit.Log, db *migrations.DB) error {
		if c.printKey {
			return printKey(log, c, stdout)
		}
		return printCheckpoint(ctx, db, stdout)
	})
}

func printKey(log *audit.Log, c auditConfig, stdout io.Writer) error {
	path := c.keyFile
	if path == "" {
		path = filepath.Join(c.data, "audit.key")
	}
	if _, err := os.Stat(path); err != nil { // LoadKey would make one
		return &settingError{"audit-key-file", err.Error()}
	}
	secret, err := audit.LoadKey(path)
	if err != nil {
		return &settingError{"audit-key-file", err.Error()}
	}
	key, err := audit.VerifierKey(log.Origin(), ed25519.PublicKey(secret[ed25519.SeedSize:]))
	if err == nil {
		_, err = fmt.Fprintln(stdout, key)
	}
	return err
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

// reindexCommand builds the search tables anew. On SQLite it takes the log's
// lock, so that no console runs; on PostgreSQL it works beside them.
func reindexCommand(ctx context.Context, c auditConfig, stdout, stderr io.Writer) (err error) {
	if c.database == "" { // Open would make an empty log
		if err := inspected(ctx, c, func(*audit.Log, *migrations.DB) error { return nil }); err != nil {
			return err
		}
	}
	db, err := migrations.Open(ctx, c.dsn(), migrations.Audit)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	search, err := migrations.Open(ctx, c.dsn(), migrations.Search)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, search.Close()) }()
	log, err := audit.Inspect(ctx, audit.Config{Dialect: string(db.Engine), Log: db.Write, LogRead: db.Read, EachEntry: db.EachEntry,
		Search: search.Write, SearchRead: search.Read})
	if err != nil {
		return err
	}
	bar := newMeter(stderr, c.progress)
	err = log.Reindex(ctx, func(done, total int64) { bar.show(done, total) })
	bar.end()
	if err != nil {
		return err
	}
	size, err := log.Size(ctx)
	if err == nil {
		_, err = fmt.Fprintf(stdout, "the search tables have all %d records\n", size)
	}
	return err
}
