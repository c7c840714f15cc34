package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"coc-console/audit"
	"coc-console/handlers"
	"coc-console/internal/cli/auditcmd"
	"coc-console/internal/cli/output"
	"coc-console/internal/database"
	"coc-console/internal/policy"
	"coc-console/internal/secretfile"
	"coc-console/internal/settings"
	"coc-console/internal/store"
	"coc-console/web"

	"github.com/spf13/cobra"
)

// sessionsConfig is what the commands on sessions can be told.
type sessionsConfig struct {
	data, database, keyFile string
	format                  string
	user, reason            string
	idle                    time.Duration
}

// sessionsCommand has the commands on sessions, which work beside a running
// console.
func (p *commandLine) sessionsCommand() *cobra.Command {
	return p.group(&cobra.Command{Use: "sessions", Short: "Say who is signed in, and end sessions"},
		p.sessionsListCommand(), p.sessionsEndCommand())
}

func (c *sessionsConfig) settings() *settings.Set {
	s := settings.New("sessions")
	f := s.Console
	f.StringVar(&c.data, "data", "./coc-console-data", "`FOLDER` of console.db and session.key")
	s.DatabaseVar(&c.database, new(string), "postgres://… `ADDRESS` of the database that the consoles share")
	f.StringVar(&c.keyFile, "session-key-file", "", "`FILE` with the key that seals the sessions; default session.key in the data folder")
	f.DurationVar(&c.idle, "session-idle-timeout", 8*time.Hour, "`TIME` without use after which the console ends a session")
	s.Former["session-idle"] = "session-idle-timeout"
	output.FormatOption(s, &c.format)
	return s
}

func (p *commandLine) sessionsListCommand() *cobra.Command {
	var c sessionsConfig
	s := c.settings()
	s.Options.StringVar(&c.user, "user", "", "`ACCOUNT/USER`, or id: with an IAM user's id, whose sessions alone are listed")
	return p.command(&cobra.Command{
		Use: "list", Short: "Say who is signed in; works beside a running console",
		Long: "Say who is signed in; works beside a running console. Without the file of the session key it says only when sessions\n" +
			"were used.",
		Example: "  coc-console sessions list --data /var/lib/coc-console --format json",
	}, s, func(ctx context.Context, _ []string) error { return c.run(ctx, p.stdout, sessionsConfig.list) })
}

func (p *commandLine) sessionsEndCommand() *cobra.Command {
	var c sessionsConfig
	s := c.settings()
	s.Options.StringVar(&c.user, "user", "", "`ACCOUNT/USER`, or id: with an IAM user's id, whose sessions end")
	s.Options.StringVar(&c.reason, "reason", "", "`TEXT` for the audit log")
	return p.command(&cobra.Command{
		Use: "end", Short: "End the sessions of one person at once; the audit log says who did and why",
		Example: "  coc-console sessions end --data /var/lib/coc-console --user my-account/alice --reason \"lost laptop\"",
	}, s, func(ctx context.Context, _ []string) error {
		if c.user == "" {
			return settings.Wrong("user", "is needed: account/user, or id: with an IAM user's id")
		}
		return c.run(ctx, p.stdout, sessionsConfig.end)
	})
}

func (c *sessionsConfig) complete() error {
	if err := auditcmd.CheckDatabase(c.database); err != nil {
		return err
	}
	if c.user != "" {
		if err := policy.CheckMember(c.user); err != nil {
			return settings.Wrong("user", err.Error())
		}
	}
	c.keyFile = cmp.Or(c.keyFile, filepath.Join(c.data, "session.key"))
	return nil
}

// sessionStore is the store of a running console, and its sessions; without
// the console's key they are nil.
type sessionStore struct {
	db       *database.DB
	sessions *web.Sessions
}

// run opens the store beside a running console, and does its work there. It
// makes no store.
func (c sessionsConfig) run(ctx context.Context, stdout io.Writer,
	work func(sessionsConfig, context.Context, sessionStore, io.Writer) error) (err error) {
	if err := c.complete(); err != nil {
		return err
	}
	if c.database == "" {
		if _, err := os.Stat(filepath.Join(c.data, "console.db")); errors.Is(err, fs.ErrNotExist) {
			return settings.Wrong("data", "there is no console.db in "+c.data)
		}
	}
	db, err := database.Open(ctx, cmp.Or(c.database, c.data), database.Console)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	sessions, err := c.sessions(db)
	if err != nil {
		return err
	}
	if sessions == nil && c.user != "" {
		return settings.Wrong("session-key-file", c.keyFile+" is not there: without the key nobody can say whose a session is")
	}
	return work(c, ctx, sessionStore{db, sessions}, stdout)
}

// sessions opens them with the console's key; without one they are nil.
func (c sessionsConfig) sessions(db *database.DB) (*web.Sessions, error) {
	if _, err := os.Stat(c.keyFile); errors.Is(err, fs.ErrNotExist) { // SecretFile would make one
		return nil, nil //nolint:nilnil // the caller says what it does without
	}
	key, err := secretfile.Read(c.keyFile, web.KeySize)
	if err != nil {
		return nil, settings.Wrong("session-key-file", err.Error())
	}
	return web.NewSessions(web.SessionConfig{Write: db.Write, Read: db.Read, Key: key, Idle: c.idle,
		Manager: func(audit.Actor) bool { return false }, Logger: slog.New(slog.DiscardHandler), Now: time.Now})
}

// sessionLine is a session as the commands print it. Who and from where are
// empty where there is no key.
type sessionLine struct {
	Session   string    `json:"session,omitempty"`
	Account   string    `json:"account,omitempty"`
	AccountID string    `json:"account_id,omitempty"`
	User      string    `json:"user,omitempty"`
	UserID    string    `json:"user_id,omitempty"`
	Project   string    `json:"project,omitempty"`
	Address   string    `json:"address,omitempty"`
	UserAgent string    `json:"user_agent,omitempty"`
	Begun     time.Time `json:"signed_in"`
	Used      time.Time `json:"last_used"`
	Checked   time.Time `json:"checked"`
	Expires   time.Time `json:"expires"`
}

func lineOf(s handlers.SessionInfo) sessionLine {
	return sessionLine{Session: s.Name, Account: s.Actor.AccountName, AccountID: s.Actor.AccountID, User: s.Actor.UserName, UserID: s.Actor.UserID,
		Project: s.Actor.ProjectName, Address: s.Address, UserAgent: s.Browser,
		Begun: s.Begun.UTC(), Used: s.Used.UTC(), Checked: s.Checked.UTC(), Expires: s.Expires.UTC()}
}

func (c sessionsConfig) list(ctx context.Context, from sessionStore, stdout io.Writer) error {
	if from.sessions == nil {
		lines, err := c.sealed(ctx, from.db)
		if err != nil {
			return err
		}
		return c.print(stdout, lines, "without the session key nobody can say whose these are")
	}
	list, more, err := from.sessions.List(ctx)
	if err != nil {
		return err
	}
	lines, note := []sessionLine{}, ""
	for _, s := range list {
		if c.user == "" || handlers.SessionFilter(c.user)(s) {
			lines = append(lines, lineOf(s))
		}
	}
	if more {
		note = fmt.Sprintf("only the %d that were used last are listed", handlers.MaxSessions)
	}
	return c.print(stdout, lines, note)
}

// sealed lists what the database says without the key.
func (c sessionsConfig) sealed(ctx context.Context, db *database.DB) ([]sessionLine, error) {
	now := time.Now()
	rows, err := store.NewSessions(store.DB{Write: db.Write, Read: db.Read}).List(ctx, now, "", handlers.MaxSessions)
	if err != nil {
		return nil, err
	}
	lines := []sessionLine{}
	for _, r := range rows {
		if r.Seen > now.Add(-c.idle).UnixMicro() {
			lines = append(lines, sessionLine{Begun: time.UnixMicro(r.Created).UTC(), Used: time.UnixMicro(r.Seen).UTC(),
				Checked: time.UnixMicro(r.Checked).UTC(), Expires: time.UnixMicro(r.Expires).UTC()})
		}
	}
	return lines, nil
}

func (c sessionsConfig) print(w io.Writer, lines []sessionLine, note string) error {
	return output.Print(w, c.format, map[string]any{"sessions": lines, "note": note}, func() string {
		if len(lines) == 0 {
			return "nobody is signed in\n"
		}
		if note != "" {
			note += "\n"
		}
		return tableOfSessions(lines) + note
	})
}

func tableOfSessions(lines []sessionLine) string {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "USER\tLAST USED\tSIGNED IN\tFROM\tPROJECT\tSESSION")
	for _, l := range lines {
		who := "?"
		if l.User != "" {
			who = l.Account + "/" + l.User
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", printable(who), l.Used.Format(time.RFC3339),
			l.Begun.Format(time.RFC3339),
			printable(cmp.Or(l.Address, "-")), printable(cmp.Or(l.Project, "-")), cmp.Or(l.Session, "-"))
	}
	_ = table.Flush() // into memory
	return b.String()
}

// printable keeps what others chose from steering a terminal.
func printable(text string) string {
	quoted := fmt.Sprintf("%+q", text)
	if quoted == `"`+text+`"` {
		return text
	}
	return fmt.Sprintf("%q", text)
}

// recordedWithin is how long end waits for a running console to write the
// records.
const recordedWithin = 6 * time.Second

// end ends the sessions of one person at once, for all consoles that share the
// database. A running console writes the records within seconds; where none
// runs, the next that starts does.
func (c sessionsConfig) end(ctx context.Context, from sessionStore, stdout io.Writer) error {
	ended, ids, err := from.sessions.EndByCommand(ctx, handlers.SessionFilter(c.user), operator(), c.reason)
	if err != nil {
		return err
	}
	recorded, err := waitRecorded(ctx, from.sessions, ids)
	if err != nil {
		return err
	}
	lines := []sessionLine{}
	for _, s := range ended {
		lines = append(lines, lineOf(s))
	}
	return output.Print(stdout, c.format, map[string]any{"ended": lines, "recorded": recorded}, func() string {
		ended := output.Count(len(lines), "session", "sessions")
		switch {
		case len(lines) == 0:
			return fmt.Sprintf("%s has no live session\n", c.user)
		case recorded:
			return fmt.Sprintf("ended %s of %s; the audit log has the records\n", ended, c.user)
		}
		return fmt.Sprintf("ended %s of %s; no console has recorded it yet: the next one that runs does\n", ended, c.user)
	})
}

func waitRecorded(ctx context.Context, sessions *web.Sessions, ids []string) (bool, error) {
	give := time.NewTimer(recordedWithin)
	defer give.Stop()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for {
		done, err := sessions.Recorded(ctx, ids)
		if done || err != nil {
			return done, err
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-give.C:
			return false, nil
		case <-look.C:
		}
	}
}

// operator is who runs the command, as the system names them.
func operator() string {
	name := "uid" + fmt.Sprint(os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if as := os.Getenv("SUDO_USER"); as != "" && os.Getuid() == 0 {
		name = as + "(sudo)"
	}
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	return name
}
