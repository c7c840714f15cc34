package auditcmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"coc-console/audit"
	"coc-console/audit/retention"
	"coc-console/audit/search"
	"coc-console/internal/backup"
	"coc-console/internal/cli/output"
	"coc-console/internal/database"
	"coc-console/internal/settings"

	"github.com/spf13/cobra"
)

const besideOnPostgres = "On SQLite the console must be stopped, as the log has one writer; with --database it works beside consoles."

// writing are the settings of a command that appends to the log.
func (c *auditConfig) writing() *settings.Set {
	s := c.where()
	s.Console.StringVar(&c.keyFile, "audit-key-file", "", "`FILE` with the key that signs the log's checkpoints; default audit.key in the data folder")
	settings.ListVar(s.Console, &c.auditKeys, "audit-keys", "`LIST` of public keys, besides that one, whose checkpoints are believed", nil)
	return s
}

func (p Program) pruneCommand() *cobra.Command {
	var c auditConfig
	s := c.writing()
	s.Console.Var(settings.Days{To: &c.retention}, "retention", "`DAYS`, such as 400d: contents of records that are older are removed")
	return p.Command(&cobra.Command{
		Use: "prune", Short: "Remove the contents of old records; their hashes stay, and what a legal hold names",
		Long: "Remove the contents of records that are older than --retention. Their hashes stay: verification, proofs and exports of the others\n" +
			"go on. The log says that it was done, by whom, up to which record. " + besideOnPostgres,
		Example: "  coc-console audit prune --data /var/lib/coc-console --retention 400d",
	}, s, func(ctx context.Context, _ []string) error {
		if c.retention == 0 {
			return settings.Wrong("retention", "is needed: for how many days records are kept, such as 400d")
		}
		return c.changed(ctx, func(in *search.Index) error { return p.prune(ctx, c, in) })
	})
}

func (p Program) prune(ctx context.Context, c auditConfig, in *search.Index) error {
	before, err := in.Log().Pruned(ctx)
	if err != nil {
		return err
	}
	last, err := retention.Prune(ctx, in, time.Now().Add(-c.retention), p.actor())
	if err != nil {
		return err
	}
	value := map[string]int64{"removed": last - before, "removed_up_to": last}
	return output.Print(p.Stdout, c.format, value, func() string {
		if last == before {
			return "no record is to be removed\n"
		}
		return fmt.Sprintf("the contents of %s removed, up to record %d; their hashes stay\n",
			output.Count(last-before, "record is", "records are"), last)
	})
}

func (p Program) actor() audit.Actor { return audit.Actor{UserName: p.Operator()} }

func (p Program) holdCommand() *cobra.Command {
	return p.Group(&cobra.Command{Use: "hold", Short: "Keep records from being removed: legal holds"},
		p.holdAddCommand(), p.holdListCommand(), p.holdRemoveCommand())
}

// oneArgument is for commands that are told one thing.
func oneArgument(to *string, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("%s needs %s, and got %d words; see %s --help",
				strings.TrimPrefix(c.CommandPath(), "coc-console "), what, len(args), c.CommandPath())
		}
		*to = args[0]
		return nil
	}
}

func (p Program) holdAddCommand() *cobra.Command {
	var c auditConfig
	var query string
	s := c.writing()
	s.Options.StringVar(&c.reason, "reason", "", "`TEXT` for the audit log")
	return p.Command(&cobra.Command{
		Use: "add QUERY", Short: "Keep the records that a query finds, and what follows the first of them",
		Long: "Keep the records that a query finds, and all that follow the first of them, also those that are yet to come. The log says so.\n" +
			besideOnPostgres,
		Args:    oneArgument(&query, "one query, in quotes"),
		Example: "  coc-console audit hold add 'ticket:SCT20260117104200a1b2c3d4e' --data /var/lib/coc-console --reason \"case 7\"",
	}, s, func(ctx context.Context, _ []string) error {
		return c.changed(ctx, func(in *search.Index) error {
			h, err := retention.PlaceHold(ctx, in, query, c.reason, retention.Who{Actor: p.actor()})
			if err != nil {
				return err
			}
			return output.Print(p.Stdout, c.format, lineOf(h), func() string {
				if h.First >= h.Number { // a typing error, perhaps
					return fmt.Sprintf("hold %d is placed, but finds none of the records so far: only those to come are kept\n", h.Number)
				}
				return fmt.Sprintf("hold %d is placed: records from %d on are kept\n", h.Number, h.First)
			})
		})
	})
}

func (p Program) holdRemoveCommand() *cobra.Command {
	var c auditConfig
	var number string
	s := c.writing()
	s.Options.StringVar(&c.reason, "reason", "", "`TEXT` for the audit log")
	return p.Command(&cobra.Command{
		Use: "remove NUMBER", Short: "End a legal hold, which the log says", Args: oneArgument(&number, "the number of one hold"),
		Long:    "End a legal hold. The log says so. " + besideOnPostgres,
		Example: "  coc-console audit hold remove 4711 --data /var/lib/coc-console --reason \"case closed\"",
	}, s, func(ctx context.Context, _ []string) error {
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return fmt.Errorf("%q is not the number of a hold; see coc-console audit hold list", number)
		}
		return c.changed(ctx, func(in *search.Index) error {
			if err := retention.LiftHold(ctx, in, n, c.reason, retention.Who{Actor: p.actor()}); err != nil {
				return err
			}
			return output.Print(p.Stdout, c.format, map[string]int64{"removed": n}, func() string {
				return fmt.Sprintf("hold %d is removed\n", n)
			})
		})
	})
}

// holdLine is a hold as it is printed for programs.
type holdLine struct {
	Number int64     `json:"number"`
	Query  string    `json:"query"`
	Reason string    `json:"reason,omitempty"`
	By     string    `json:"by,omitempty"`
	Since  time.Time `json:"since"`
	First  int64     `json:"first"` // the first record that is kept
}

func lineOf(h retention.Hold) holdLine { return holdLine(h) }

func (p Program) holdListCommand() *cobra.Command {
	var c auditConfig
	return p.Command(&cobra.Command{
		Use: "list", Short: "Say which legal holds are in force; works beside a running console",
		Example: "  coc-console audit hold list --data /var/lib/coc-console",
	}, c.where(), func(ctx context.Context, _ []string) error {
		if err := CheckDatabase(c.database); err != nil {
			return err
		}
		return indexed(ctx, c, func(in *search.Index) error {
			all, err := retention.Holds(ctx, in)
			if err != nil {
				return err
			}
			lines := []holdLine{}
			for _, h := range all {
				lines = append(lines, lineOf(h))
			}
			return output.Print(p.Stdout, c.format, map[string]any{"holds": lines}, func() string {
				return tableOf(lines)
			})
		})
	})
}

func tableOf(lines []holdLine) string {
	if len(lines) == 0 {
		return "there is no hold\n"
	}
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "HOLD\tSINCE\tBY\tKEEPS FROM\tQUERY\tREASON")
	for _, l := range lines {
		_, _ = fmt.Fprintf(table, "%d\t%s\t%s\t%d\t%q\t%q\n", l.Number, l.Since.UTC().Format(time.RFC3339), l.By,
			l.First, l.Query, l.Reason)
	}
	_ = table.Flush() // into memory
	return b.String()
}

// changed opens the log for writing and calls f. On SQLite it takes the log's
// lock, so that no console runs; on PostgreSQL it works beside them.
func (c auditConfig) changed(ctx context.Context, f func(*search.Index) error) (err error) {
	if err := CheckDatabase(c.database); err != nil {
		return err
	}
	// Open would make an empty log.
	if err := inspected(ctx, c, func(*audit.Log, *database.DB) error { return nil }); err != nil {
		return err
	}
	cfg, err := c.signing()
	if err != nil {
		return err
	}
	db, err := database.Open(ctx, c.dsn(), database.Audit)
	if errors.Is(err, database.ErrFolderInUse) {
		return fmt.Errorf("%w. While it runs, managers place and remove holds on its page /audit/integrity, "+
			"and with --retention it removes old records itself", err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tables, err := database.Open(ctx, c.dsn(), database.Search)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tables.Close()) }()
	cfg.Dialect, cfg.Log, cfg.LogRead, cfg.Database = string(db.Engine), db.Write, db.Read, db
	log, err := audit.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	return f(search.New(log, search.Config{Write: tables.Write, Read: tables.Read, Rows: tables}))
}

// signing is what a log is opened with, to append to it: the key of its console.
func (c auditConfig) signing() (audit.Config, error) {
	path := c.keyFile
	if path == "" {
		path = filepath.Join(c.data, "audit.key")
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) { // LoadKey would make one
		return audit.Config{}, settings.Wrong("audit-key-file", "the console's key is needed, and is not at "+path)
	}
	key, err := audit.LoadKey(path)
	if err != nil {
		return audit.Config{}, settings.Wrong("audit-key-file", err.Error())
	}
	cfg := audit.Config{Key: key, Trusted: c.auditKeys}
	if c.database == "" {
		cfg.Seen = backup.SeenFile(c.data)
	}
	return cfg, nil
}

// indexed opens the log for reading, with the search tables where they exist,
// beside a running console, and calls f.
func indexed(ctx context.Context, c auditConfig, f func(*search.Index) error) error {
	return inspected(ctx, c, func(log *audit.Log, _ *database.DB) (err error) {
		tables, err := searchTables(ctx, c)
		if err != nil {
			return err
		}
		if tables == nil {
			return f(search.New(log, search.Config{}))
		}
		defer func() { err = errors.Join(err, tables.Close()) }()
		return f(search.New(log, search.Config{Read: tables.Read, Rows: tables}))
	})
}
