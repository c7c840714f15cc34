package main

import (
	"cmp"
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

// backupConfig is what backup and restore can be told.
type backupConfig struct {
	file           string
	data, database string
	keys, keyFile  string
	anchor         string
	force          bool   // of backup
	lose           string // of restore
}

func (c backupConfig) dsn() string { return cmp.Or(c.database, c.data) }

// backupVariable names the variable of a flag: those that the console has too.
func backupVariable(flagName string) string {
	switch flagName {
	case "data", "database", "audit-key-file":
		return envName(flagName)
	case "anchor":
		return envName("anchor-file")
	}
	return ""
}

func backupFlags(command string, c *backupConfig) *flag.FlagSet {
	f := flag.NewFlagSet(command, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&c.data, "data", "./coc-console-data", "`FOLDER` of audit.db and the keys")
	f.StringVar(&c.database, "database", "", "postgres://… `ADDRESS` of a log that is kept there; restore wants it empty")
	f.StringVar(&c.keyFile, "audit-key-file", "", "`FILE` with the key that signs the log's checkpoints; default audit.key in the data folder")
	f.StringVar(&c.keys, "public-key", "", "`LIST` of public keys whose checkpoints are believed; needed where the key's file is not")
	f.StringVar(&c.anchor, "anchor", "", "`FILE` with a checkpoint that was kept elsewhere, such as the console's: shows what the backup does not have")
	f.BoolVar(&c.force, "force", false, "backup: replace a FILE that is there")
	f.StringVar(&c.lose, "lose", "", "`NUMBER` of records that restore may give up because the backup does not have them; unknown where the present log cannot be read")
	return f
}

// parseBackup reads the file's name, before the flags or behind them, the
// flags and the environment.
func parseBackup(command string, args []string, getenv func(string) string) (backupConfig, error) {
	var c backupConfig
	f := backupFlags(command, &c)
	f.VisitAll(func(s *flag.Flag) {
		if name := backupVariable(s.Name); name != "" && getenv(name) != "" {
			_ = f.Set(s.Name, getenv(name)) // texts take any value
		}
	})
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		c.file, args = args[0], args[1:]
	}
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return c, errHelp
	case err != nil:
		return c, errors.New(strings.ReplaceAll(err.Error(), "flag provided but not defined: -", "there is no setting --"))
	}
	rest := f.Args()
	if c.file == "" && len(rest) > 0 {
		c.file, rest = rest[0], rest[1:]
	}
	switch {
	case len(rest) > 0:
		return c, fmt.Errorf("%s has no setting %q; see coc-console help", command, rest[0])
	case c.file == "":
		return c, fmt.Errorf("%s FILE: the file is missing; see coc-console help", command)
	case c.force && command != "backup":
		return c, &settingError{"force", "is a setting of backup"}
	case c.lose != "" && command != "restore":
		return c, &settingError{"lose", "is a setting of restore"}
	case c.database != "" && !migrations.IsPostgres(c.database):
		return c, &settingError{"database", "this is not a postgres:// address"} // it may hold a password: not repeated
	}
	c.keyFile = cmp.Or(c.keyFile, filepath.Join(c.data, "audit.key"))
	return c, nil
}

// runBackup is coc-console backup: it writes the log, as it is at one moment,
// into one file, while the console runs.
func runBackup(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	c, err := parseBackup("backup", args, getenv)
	if errors.Is(err, errHelp) {
		_, err = io.WriteString(stdout, help())
		return err
	}
	if err != nil {
		return err
	}
	return interrupted(ctx, c.backup(ctx, stdout, stderr), "nothing was kept")
}

// interrupted says in words that a command was ended from outside.
func interrupted(ctx context.Context, err error, state string) error {
	if err != nil && ctx.Err() != nil {
		return errors.New("interrupted: " + state)
	}
	return err
}

func (c backupConfig) backup(ctx context.Context, stdout, stderr io.Writer) (err error) {
	if err := c.mayWrite(); err != nil {
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
	temporary, err := os.CreateTemp(filepath.Dir(c.file), filepath.Base(c.file)+".*.part")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, removeAll(temporary.Name())) }()
	if err := temporary.Close(); err != nil {
		return err
	}
	start := time.Now()
	if err := copying(temporary.Name(), stderr, func() error { return db.CopyTo(ctx, temporary.Name()) }); err != nil {
		return err
	}
	found, err := c.examine(ctx, temporary.Name(), stdout, stderr)
	if err != nil {
		return err
	}
	if err := c.mayWrite(); err != nil { // it took a while
		return err
	}
	if err := errors.Join(os.Rename(temporary.Name(), c.file), migrations.SyncFolder(filepath.Dir(c.file))); err != nil {
		return err
	}
	return c.describeBackup(stdout, found, time.Since(start))
}

func (c backupConfig) mayWrite() error {
	there, err := os.Stat(c.file)
	if err != nil {
		return nil //nolint:nilerr // what keeps the file from being made says so then
	}
	if log, err := os.Stat(filepath.Join(c.data, "audit.db")); err == nil && os.SameFile(there, log) {
		return fmt.Errorf("%s is the log itself", c.file)
	}
	if !c.force {
		return fmt.Errorf("%s is there already; --force replaces it", c.file)
	}
	return nil
}

// removeAll removes what is left of a file; that there is nothing is fine.
func removeAll(paths ...string) error {
	var failed error
	for _, path := range paths {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// copying says now and then how large the copy is.
func copying(path string, stderr io.Writer, work func() error) error {
	done := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			if info, err := os.Stat(path); err == nil {
				fmt.Fprintf(stderr, "%s copied\n", mebibytes(info.Size()))
			}
		}
	}()
	err := work()
	close(done)
	<-stopped
	return err
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

func (c backupConfig) describeBackup(w io.Writer, found examined, took time.Duration) error {
	info, err := os.Stat(c.file)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, `%s: %d records of %s, %s, copied and verified in %v; the latest checkpoint covers records 1 to %d.
It is a SQLite file; coc-console restore puts it back, into a data folder or an empty PostgreSQL database.
Not in it: the key that signs (audit.key), without which a console cannot carry the log on: keep it apart from the
backups. Sessions and one-time keys (console.db, session.key) and what is derived (search.db) are not in it either.
`, c.file, found.size, found.origin, mebibytes(info.Size()), took.Round(time.Millisecond), found.report.Signed.Size)
	return err
}

// examined is a copy of the log of which every byte was looked at.
type examined struct {
	origin string
	size   int64
	keys   []string // that are believed
	report audit.Report
}

// examine verifies a whole copy: what is found is printed, and is errFindings.
func (c backupConfig) examine(ctx context.Context, path string, stdout, stderr io.Writer) (found examined, err error) {
	db, err := migrations.InspectFile(ctx, path)
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if found.origin, found.size, err = headOf(ctx, db); err != nil {
		return found, err
	}
	if found.keys, err = c.believed(found.origin); err != nil {
		return found, err
	}
	log, err := audit.Inspect(ctx, audit.Config{Dialect: string(db.Engine), Log: db.Write, LogRead: db.Read, Trusted: found.keys,
		Unguarded: db.Unguarded})
	if err != nil {
		return found, err
	}
	anchor, err := c.anchored(found)
	if err != nil {
		return found, err
	}
	options := audit.VerifyOptions{Keys: found.keys, Progress: progress(stderr)}
	if anchor.Size <= found.size { // what it lacks is counted, not verified
		options.Anchor = anchor.Note
	}
	if found.report, err = log.Verify(ctx, options); err != nil {
		return found, err
	}
	for _, f := range found.report.Findings {
		fmt.Fprintf(stdout, "%s: %s\n", f.Kind, f.Text)
	}
	if !found.report.OK() {
		return found, errFindings
	}
	return found, nil
}

func progress(stderr io.Writer) func(done, total int64) {
	said := time.Now()
	return func(done, total int64) {
		if time.Since(said) < progressEvery {
			return
		}
		said = time.Now()
		fmt.Fprintf(stderr, "%d of %d records verified\n", done, total)
	}
}

// headOf is a log's name and size.
func headOf(ctx context.Context, db *migrations.DB) (origin string, size int64, err error) {
	err = db.Read.QueryRowContext(ctx, `SELECT origin, size FROM head WHERE id = 1`).Scan(&origin, &size)
	if err == nil && origin == "" {
		err = errors.New("no console has used this log yet")
	}
	return origin, size, err
}

// believed are the public keys of a log: those that were given, and that of
// the file with the signing key, where there is one.
func (c backupConfig) believed(origin string) ([]string, error) {
	keys := split(c.keys)
	secret, err := c.signing()
	if err != nil {
		return nil, err
	}
	if secret != nil {
		public, err := audit.VerifierKey(origin, ed25519.PublicKey(secret[ed25519.SeedSize:]))
		if err != nil {
			return nil, err
		}
		keys = append(keys, public)
	}
	if len(keys) == 0 {
		return nil, &settingError{"public-key", "the key that signs the checkpoints is needed, and " + c.keyFile + " is not there"}
	}
	slices.Sort(keys)
	return slices.Compact(keys), nil
}

// signing is the key that signs, nil where its file is not there: none is made.
func (c backupConfig) signing() (ed25519.PrivateKey, error) {
	if _, err := os.Stat(c.keyFile); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	key, err := audit.LoadKey(c.keyFile)
	if err != nil {
		return nil, &settingError{"audit-key-file", err.Error()}
	}
	return key, nil
}

// anchored is the checkpoint that was kept elsewhere; zero where none is named.
func (c backupConfig) anchored(found examined) (audit.Checkpoint, error) {
	if c.anchor == "" {
		return audit.Checkpoint{}, nil
	}
	signed, err := os.ReadFile(c.anchor)
	if err != nil {
		return audit.Checkpoint{}, &settingError{"anchor", err.Error()}
	}
	anchor, err := audit.ParseCheckpoint(signed, found.keys...)
	if err == nil && anchor.Origin != found.origin {
		err = fmt.Errorf("it is of the log %s, not of %s", anchor.Origin, found.origin)
	}
	if err != nil {
		return audit.Checkpoint{}, &settingError{"anchor", err.Error()}
	}
	return anchor, nil
}
