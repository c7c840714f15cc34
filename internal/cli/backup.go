package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"coc-console/internal/backup"
	"coc-console/internal/cli/auditcmd"
	"coc-console/internal/cli/output"
	"coc-console/internal/progress"
	"coc-console/internal/settings"

	"github.com/spf13/cobra"
)

// backupConfig is what backup and restore can be told.
type backupConfig struct {
	backup.Config

	format string
}

func (c *backupConfig) settings() *settings.Set {
	s := settings.New("backup")
	f := s.Console
	f.StringVar(&c.Data, "data", "./coc-console-data", "`FOLDER` of audit.db and the keys")
	s.DatabaseVar(&c.Database, new(string), "postgres://… `ADDRESS` of a log that is kept there; restore wants it empty")
	f.StringVar(&c.KeyFile, "audit-key-file", "", "`FILE` with the key that signs the log's checkpoints; default audit.key in the data folder")
	settings.ListVar(s.Options, &c.Keys, "public-key", "`LIST` of public keys whose checkpoints are believed; needed where the key's file is not", nil)
	s.Own.StringVar(&c.Anchor, "anchor", "",
		"`FILE` with a checkpoint that was kept elsewhere, such as the console's: shows what the backup does not have")
	s.Also["anchor"] = "anchor-file"
	output.FormatOption(s, &c.format)
	return s
}

// backupCommand writes the log, as it is at one moment, into one file, while
// the console runs.
func (p *commandLine) backupCommand() *cobra.Command {
	var c backupConfig
	s := c.settings()
	s.Options.BoolVar(&c.Force, "force", false, "replace a FILE that is there")
	return p.command(&cobra.Command{
		Use: "backup FILE", Short: "Write the audit log into one file, while the console runs, and verify it",
		Long: "Write the audit log into one file, while the console runs, and verify it. The file is the log alone: not the keys, not the\n" +
			"sessions and one-time keys (console.db), nothing derived (search.db).",
		Example: "  coc-console backup /backups/coc-console.db --data /var/lib/coc-console", Args: oneFile(&c.File),
	}, s, func(ctx context.Context, _ []string) error {
		return p.backUp(ctx, &c, backup.Config.Write, "nothing was kept", c.textOfBackup)
	})
}

// restoreCommand puts a backup into the place of the log, when all of it is
// what was written.
func (p *commandLine) restoreCommand() *cobra.Command {
	var c backupConfig
	s := c.settings()
	s.Options.StringVar(&c.Lose, "lose", "", "`NUMBER` of records that may be given up because the backup does not have them; "+
		"unknown where the present log cannot be read")
	return p.command(&cobra.Command{
		Use: "restore FILE", Short: "Verify a backup and put it into the place of the log; the console is stopped",
		Example: "  coc-console restore /backups/coc-console.db --data /var/lib/coc-console --anchor kept-checkpoint", Args: oneFile(&c.File),
	}, s, func(ctx context.Context, _ []string) error {
		asBefore := "the log that was there is in its place"
		if c.Database != "" {
			asBefore = "the database is as it was"
		}
		return p.backUp(ctx, &c, backup.Config.Restore, asBefore, c.textOfRestoration)
	})
}

// backUp backs up or restores, and prints what came of it.
func (p *commandLine) backUp(ctx context.Context, c *backupConfig,
	work func(backup.Config, context.Context) (backup.Result, error), asBefore string,
	text func(backup.Result) string) error {
	c.KeyFile = cmp.Or(c.KeyFile, filepath.Join(c.Data, "audit.key"))
	if err := auditcmd.CheckDatabase(c.Database); err != nil {
		return err
	}
	bar := progress.New(p.stderr, true)
	c.Copied, c.Verified = bar.Copied, bar.Show
	done, err := work(c.Config, ctx)
	bar.End()
	if err != nil && !errors.Is(err, backup.ErrFindings) {
		return interrupted(ctx, err, asBefore)
	}
	return errors.Join(err, output.Print(p.stdout, c.format, backedUpOf(c.File, done), func() string {
		if err != nil {
			return auditcmd.TextOfFindings(done.Report)
		}
		return text(done)
	}))
}

// interrupted says in words that a command was ended from outside.
func interrupted(ctx context.Context, err error, state string) error {
	if ctx.Err() != nil {
		return errors.New("interrupted: " + state)
	}
	return err
}

// backedUp is what backup and restore print for programs.
type backedUp struct {
	OK          bool               `json:"ok"`
	Findings    []auditcmd.Finding `json:"findings"`
	File        string             `json:"file"`
	Log         string             `json:"log"`
	Records     int64              `json:"records"`
	Bytes       int64              `json:"bytes,omitempty"`
	Covered     int64              `json:"covered"` // the latest checkpoint covers records 1 to this
	Aside       string             `json:"aside,omitempty"`
	KeyMissing  bool               `json:"key_missing,omitempty"`
	AnchorAhead bool               `json:"anchor_ahead,omitempty"`
}

func backedUpOf(file string, r backup.Result) backedUp {
	return backedUp{r.Report.OK(), auditcmd.FindingsOf(r.Report.Findings), file, r.Origin, r.Size, r.Bytes,
		r.Report.Signed.Size, r.Aside, r.KeyMissing, r.AnchorAhead}
}

func (c *backupConfig) textOfBackup(r backup.Result) string {
	return fmt.Sprintf(`%s: %s of %s, %s, copied and verified in %v; the latest checkpoint covers records 1 to %d.
It is a SQLite file; coc-console restore puts it back, into a data folder or an empty PostgreSQL database.
Not in it: the key that signs (audit.key), without which a console cannot carry the log on: keep it apart from the
backups. Sessions and one-time keys (console.db, session.key) and what is derived (search.db) are not in it either.
`, c.File, output.Count(r.Size, "record", "records"), r.Origin, progress.Mebibytes(r.Bytes), r.Took.Round(time.Millisecond), r.Report.Signed.Size)
}

func (c *backupConfig) textOfRestoration(r backup.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is restored from %s: %s, verified, and one that says so.\n", r.Origin, c.File,
		output.Count(r.Size, "record", "records"))
	if r.Aside != "" {
		fmt.Fprintf(&b, "The log that was there is %s now.\n", r.Aside)
	}
	if r.KeyMissing {
		fmt.Fprintf(&b, "The key that signs is not at %s: put it there before the console is started.\n", c.KeyFile)
	}
	if r.AnchorAhead {
		fmt.Fprintf(&b, "%s knows of more records: keep it, it proves that they were there. The console starts with another --anchor-file.\n", c.Anchor)
	}
	if !r.KeyMissing {
		b.WriteString("The console can be started.\n")
	}
	return b.String()
}
