package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"coc-console/internal/cli/auditcmd"
	"coc-console/internal/database"
	"coc-console/internal/settings"
	"coc-console/internal/simulator"
	"coc-console/internal/sockets"
	"coc-console/internal/store"
)

// The simulator inside lets everybody in who knows the passwords that the start
// prints. So it runs on a log of its own alone: on an empty data folder or
// database, or on one that is marked as a demo's. The mark names the log that it
// was made for, so that a log that is put into its place is not taken for a demo.

// demoFile is the mark of a data folder. PostgreSQL has it in the table demo.
const demoFile = "DEMO"

const demoMark = "The audit log in this folder is a demo's: the console made it on its simulator.\nlog: "

// checkDemo checks the settings of a console on its simulator.
func (c config) checkDemo() error {
	if !c.simulated() {
		if c.demo {
			return settings.Wrong("demo", "it goes without --coc-endpoint and --iam-endpoint")
		}
		return nil
	}
	const why = "without --coc-endpoint and --iam-endpoint the console runs on its simulator, whose passwords everybody knows, and serves this machine alone: give both endpoints"
	if !sockets.IsTCP(c.listen) || !settings.OnLoopback(c.listen) {
		return settings.Wrong("listen", why+", or listen on 127.0.0.1")
	}
	if len(c.trustedProxies) > 0 {
		return settings.Wrong("trusted-proxies", why+", or leave the proxies out")
	}
	return nil
}

// admitDemo stops a start on the simulator where the data is not a demo's.
// Nothing is opened for writing before.
func admitDemo(ctx context.Context, cfg config) error {
	if !cfg.simulated() {
		return nil
	}
	origin, empty, err := presentLog(ctx, cfg)
	if err != nil || empty {
		return err
	}
	marked, err := demoOf(ctx, cfg)
	if err != nil || marked != "" && marked == origin {
		return err
	}
	if cfg.demo {
		return onlyDemo(ctx, cfg)
	}
	return cfg.dataError("there is an audit log, and nothing says that it is a demo's: without endpoints the simulator would open it to everybody who knows its passwords. " +
		"Give --coc-endpoint and --iam-endpoint, or another " + cfg.dataSetting() + "; if it is a demo's of an earlier version, start once with --demo")
}

// refuseDemo stops a start with real endpoints on the log of a demo.
func refuseDemo(ctx context.Context, cfg config, origin string) error {
	marked, err := demoOf(ctx, cfg)
	if err != nil || marked == "" || marked != origin {
		return err
	}
	return cfg.dataError("the audit log there is a demo's, made on the simulator, and is no place for real operations: give another " +
		cfg.dataSetting() + ", or leave --coc-endpoint and --iam-endpoint out")
}

func (c config) dataSetting() string {
	if c.database != "" {
		return "--database"
	}
	return "--data"
}

// dataError names the setting, and the folder: a database's address may hold a password.
func (c config) dataError(why string) error {
	if c.database == "" {
		why = c.data + ": " + why
	}
	return settings.Wrong(strings.TrimPrefix(c.dataSetting(), "--"), why)
}

// presentLog is the name of the log that is there, and whether there is nothing
// to protect.
func presentLog(ctx context.Context, cfg config) (origin string, empty bool, err error) {
	db, err := database.Inspect(ctx, cfg.dsn(), database.Audit)
	if errors.Is(err, fs.ErrNotExist) {
		_, err = os.Stat(filepath.Join(cfg.data, string(database.Console)+".db"))
		if errors.Is(err, fs.ErrNotExist) {
			return "", true, nil
		}
		return "", false, err // sessions without their log
	}
	if err != nil {
		return "", false, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if there, err := db.HasTable(ctx, "head"); err != nil || !there {
		return "", !there, err
	}
	origin, size, err := db.Head(ctx)
	return origin, err == nil && size == 0, err
}

// demoOf is the name of the log that is marked as a demo's; empty where there is
// no mark.
func demoOf(ctx context.Context, cfg config) (origin string, err error) {
	if cfg.database == "" {
		text, err := os.ReadFile(filepath.Join(cfg.data, demoFile))
		if errors.Is(err, fs.ErrNotExist) {
			return "", nil
		}
		_, origin, _ = strings.Cut(string(text), "\nlog: ")
		return strings.TrimSpace(origin), err
	}
	db, err := database.Inspect(ctx, cfg.database, database.Console)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if there, err := db.HasTable(ctx, "demo"); err != nil || !there {
		return "", err
	}
	return store.Demo(ctx, store.DB{Write: db.Write, Read: db.Read})
}

// markDemo marks the log of that name as a demo's.
func markDemo(ctx context.Context, cfg config, console store.DB, origin string) error {
	if cfg.database == "" {
		return os.WriteFile(filepath.Join(cfg.data, demoFile), []byte(demoMark+origin+"\n"), 0o600)
	}
	return store.MarkDemo(ctx, console, origin)
}

// onlyDemo checks that nobody but the simulator's people is in the log: their
// account has an id that no real one can have.
func onlyDemo(ctx context.Context, cfg config) (err error) {
	db, err := database.Inspect(ctx, cfg.dsn(), database.Audit)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	log, err := auditcmd.InspectLog(ctx, db)
	if err != nil {
		return fmt.Errorf("read the audit log: %w", err)
	}
	known := map[string]bool{"": true} // the console itself, and failed sign-ins
	for _, a := range simulator.DemoAccounts() {
		known[a.ID()] = true
	}
	return log.EachEntry(ctx, `seq > 0`, nil, func(seq, _ int64, body []byte) error {
		var record struct {
			Actor struct {
				AccountID string `json:"account_id"`
			} `json:"actor"`
		}
		if json.Unmarshal(body, &record) == nil && known[record.Actor.AccountID] {
			return nil
		}
		return settings.Wrong("demo", fmt.Sprintf("record %d of the audit log is not of the simulator's accounts: "+
			"this is a real log. Give --coc-endpoint and --iam-endpoint, or another %s", seq, cfg.dataSetting()))
	})
}
