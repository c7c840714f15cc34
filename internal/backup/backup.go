// Package backup copies the audit log into one verified file, and puts such a
// file back.
package backup

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
	"coc-console/audit/verify"
	"coc-console/internal/database"
	"coc-console/internal/settings"
)

// Config says which log, which file, and which keys are believed.
type Config struct {
	File           string // the backup
	Data, Database string // where the log is: a folder, or a postgres:// address
	Keys           []string
	KeyFile        string // with the key that signs; none is made
	Anchor         string // a file with a checkpoint that was kept elsewhere
	Force          bool   // Write may replace a file
	Lose           string // how many records Restore may give up; UnknownLoss: however many

	// Copied and Verified are told how far it is; nil: nobody wants to know.
	Copied   func(bytes int64)
	Verified func(done, total int64)
}

// UnknownLoss stands for a number of records that nobody can say.
const UnknownLoss = "unknown"

// ErrFindings says that a copy is not what was written. The result's report says
// why.
var ErrFindings = errors.New("the log is not what was written")

// A Result is what Write or Restore did.
type Result struct {
	Origin string // the log's name
	Size   int64  // its records
	Bytes  int64  // of the file
	Report verify.Report
	Took   time.Duration

	Aside       string // where Restore put the log that was there; empty: there was none
	KeyMissing  bool   // the key that signs is not there
	AnchorAhead bool   // the anchor knows of more records
}

func (c Config) dsn() string { return cmp.Or(c.Database, c.Data) }

// Write writes the log, as it is at one moment, into the file, while a console
// runs. The file has its name only once it is verified.
func (c Config) Write(ctx context.Context) (result Result, err error) {
	start := time.Now()
	if err := c.mayWrite(); err != nil {
		return result, err
	}
	db, err := database.Inspect(ctx, c.dsn(), database.Audit)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return result, settings.Wrong("data", "there is no audit.db in "+c.Data)
	case err != nil:
		return result, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	temporary, err := os.CreateTemp(filepath.Dir(c.File), filepath.Base(c.File)+".*.part")
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, removeAll(temporary.Name())) }()
	if err := temporary.Close(); err != nil {
		return result, err
	}
	if err := c.copying(temporary.Name(), func() error { return db.CopyTo(ctx, temporary.Name()) }); err != nil {
		return result, fmt.Errorf("copy the audit log to %s: %w", temporary.Name(), err)
	}
	found, err := c.examine(ctx, temporary.Name())
	result = found.result()
	if err != nil {
		return result, err
	}
	info, err := os.Stat(temporary.Name())
	if err != nil {
		return result, err
	}
	result.Bytes = info.Size()
	if err := c.mayWrite(); err != nil { // it took a while
		return result, err
	}
	err = errors.Join(os.Rename(temporary.Name(), c.File), database.SyncFolder(filepath.Dir(c.File)))
	result.Took = time.Since(start)
	return result, err
}

func (c Config) mayWrite() error {
	there, err := os.Stat(c.File)
	folder, noFolder := os.Stat(filepath.Dir(c.File))
	switch {
	case errors.Is(noFolder, fs.ErrNotExist) || noFolder == nil && !folder.IsDir():
		return fmt.Errorf("there is no folder %s: make it first, or name another file", filepath.Dir(c.File))
	case err != nil:
		return nil //nolint:nilerr // what keeps the file from being made says so then
	case there.IsDir():
		return fmt.Errorf("%s is a folder: name a file in it", c.File)
	case !there.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file: name another one", c.File)
	}
	if log, err := os.Stat(filepath.Join(c.Data, "audit.db")); err == nil && os.SameFile(there, log) {
		return fmt.Errorf("%s is the log itself", c.File)
	}
	if !c.Force {
		return fmt.Errorf("%s is there already; --force replaces it", c.File)
	}
	if !mayReplace(c.File, there.Size()) {
		return fmt.Errorf("%s is not a backup, so not even --force replaces it: name another file", c.File)
	}
	return nil
}

// sqliteHeader is how SQLite's files begin, and so backups.
const sqliteHeader = "SQLite format 3\x00"

// mayReplace reports whether a file may be a backup, or what is left of one:
// keys and settings are not replaced, however often somebody mistypes a name.
func mayReplace(path string, size int64) bool {
	if size == 0 {
		return true
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	header := make([]byte, len(sqliteHeader))
	_, err = io.ReadFull(f, header)
	return err == nil && string(header) == sqliteHeader
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

// toldEvery is how often somebody is told how large a copy is.
const toldEvery = time.Second

// copying says now and then how large the copy is.
func (c Config) copying(path string, work func() error) error {
	if c.Copied == nil {
		return work()
	}
	done := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(toldEvery)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			if info, err := os.Stat(path); err == nil {
				c.Copied(info.Size())
			}
		}
	}()
	err := work()
	close(done)
	<-stopped
	return err
}

// examined is a copy of the log of which every byte was looked at.
type examined struct {
	origin string
	size   int64
	keys   []string // that are believed
	report verify.Report
}

func (e examined) result() Result { return Result{Origin: e.origin, Size: e.size, Report: e.report} }

// examine verifies a whole copy.
func (c Config) examine(ctx context.Context, path string) (found examined, err error) {
	db, err := database.InspectFile(ctx, path)
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if found.origin, found.size, err = headOf(ctx, db); err != nil {
		return found, err
	}
	if found.keys, err = c.Believed(found.origin); err != nil {
		return found, err
	}
	log, err := audit.Inspect(ctx, audit.Config{Dialect: string(db.Engine), Log: db.Write, LogRead: db.Read,
		Database: db, Trusted: found.keys})
	if err != nil {
		return found, err
	}
	anchor, err := c.anchored(found)
	if err != nil {
		return found, err
	}
	options := verify.Options{Keys: found.keys, Progress: c.Verified}
	if anchor.Size <= found.size { // what it lacks is counted, not verified
		options.Anchor = anchor.Note
	}
	if found.report, err = verify.Log(ctx, log, options); err != nil {
		return found, err
	}
	if !found.report.OK() {
		return found, ErrFindings
	}
	return found, nil
}

// headOf is a log's name and size.
func headOf(ctx context.Context, db *database.DB) (origin string, size int64, err error) {
	origin, size, err = db.Head(ctx)
	switch {
	case err != nil:
		return "", 0, err
	case origin == "":
		return "", size, errors.New("no console has used this log yet")
	}
	return origin, size, nil
}

// Believed are the public keys of a log: those that were given, and that of
// the file with the signing key, where there is one.
func (c Config) Believed(origin string) ([]string, error) {
	keys := slices.Clone(c.Keys)
	if err := audit.CheckKeys(keys...); err != nil {
		return nil, settings.Wrong("public-key", err.Error())
	}
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
		return nil, settings.Wrong("public-key", "the key that signs the checkpoints is needed, and "+c.KeyFile+" is not there")
	}
	slices.Sort(keys)
	return slices.Compact(keys), nil
}

// signing is the key that signs, nil where its file is not there: none is made.
func (c Config) signing() (ed25519.PrivateKey, error) {
	if _, err := os.Stat(c.KeyFile); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	key, err := audit.LoadKey(c.KeyFile)
	if err != nil {
		return nil, settings.Wrong("audit-key-file", err.Error())
	}
	return key, nil
}

// anchored is the checkpoint that was kept elsewhere; zero where none is named.
func (c Config) anchored(found examined) (audit.Checkpoint, error) {
	if c.Anchor == "" {
		return audit.Checkpoint{}, nil
	}
	signed, err := os.ReadFile(c.Anchor)
	if err != nil {
		return audit.Checkpoint{}, settings.Wrong("anchor", err.Error())
	}
	anchor, err := audit.ParseCheckpoint(signed, found.keys...)
	if err == nil && anchor.Origin != found.origin {
		err = fmt.Errorf("it is of the log %s, not of %s", anchor.Origin, found.origin)
	}
	if err != nil {
		return audit.Checkpoint{}, settings.Wrong("anchor", err.Error())
	}
	return anchor, nil
}
