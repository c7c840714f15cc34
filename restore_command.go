package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"time"

	"coc-console/audit"
	"coc-console/migrations"
)

// runRestore is coc-console restore: it puts a backup into the place of the
// log, when all of it is what was written.
func runRestore(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	c, err := parseBackup("restore", args, getenv)
	if errors.Is(err, errHelp) {
		_, err = io.WriteString(stdout, help())
		return err
	}
	if err != nil {
		return err
	}
	if c.database != "" {
		return interrupted(ctx, c.restoreInto(ctx, stdout, stderr), "the database is as it was")
	}
	return interrupted(ctx, c.restore(ctx, stdout, stderr), "the log that was there is in its place")
}

// restoration is a backup on its way into a data folder. It is made ready in a
// folder of its own; steps then puts it into place.
type restoration struct {
	backupConfig
	found   examined
	staging string // folder in which audit.db is the backup, with a record of its being restored
	aside   string // where the present log goes; empty where there is none, and nothing of one
}

const unknownLoss = "unknown"

// restore replaces audit.db of a data folder.
func (c backupConfig) restore(ctx context.Context, stdout, stderr io.Writer) (err error) {
	if _, err := os.Stat(c.file); err != nil {
		return err
	}
	lock, err := migrations.Lock(c.data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	r := restoration{backupConfig: c, staging: filepath.Join(c.data, "restoring")}
	defer func() { err = errors.Join(err, os.RemoveAll(r.staging)) }()
	if err := r.ready(ctx, stdout, stderr); err != nil {
		return err
	}
	for _, step := range r.steps(ctx) {
		if err := step(); err != nil {
			return err
		}
	}
	return r.describe(stdout)
}

// restoreInto fills an empty PostgreSQL database.
func (c backupConfig) restoreInto(ctx context.Context, stdout, stderr io.Writer) (err error) {
	r := restoration{backupConfig: c}
	if r.staging, err = os.MkdirTemp("", "coc-console-restoring-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.staging)) }()
	to, err := migrations.Open(ctx, c.database, migrations.Audit)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if origin, size, err := headOf(ctx, to); err == nil { // before the work, not after
		return fmt.Errorf("%w: %s, with %d records", migrations.ErrNotEmpty, origin, size)
	}
	if err := r.ready(ctx, stdout, stderr); err != nil {
		return err
	}
	from, err := migrations.InspectFile(ctx, filepath.Join(r.staging, "audit.db"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	if err := to.Load(ctx, from); err != nil {
		return err
	}
	return r.describe(stdout)
}

// ready copies the backup, verifies the copy, makes sure that nothing is lost
// unsaid, and writes the record of it. Nothing that is there is touched.
func (r *restoration) ready(ctx context.Context, stdout, stderr io.Writer) (err error) {
	if err := errors.Join(os.RemoveAll(r.staging), os.MkdirAll(r.staging, 0o700)); err != nil {
		return err
	}
	staged := filepath.Join(r.staging, "audit.db")
	if err := isBackup(ctx, r.file); err != nil {
		return err
	}
	if err := copying(staged, stderr, func() error { return copyFile(ctx, staged, r.file) }); err != nil {
		return err
	}
	if r.found, err = r.examine(ctx, staged, stdout, stderr); err != nil {
		return err
	}
	lost, err := r.lost(ctx, staged)
	if err != nil {
		return err
	}
	if lost != r.lose && lost != "0" {
		return fmt.Errorf("the backup has %d records, and %s later ones would be lost; to give them up, say --lose %s", r.found.size, lost, lost)
	}
	if r.database == "" && slices.ContainsFunc([]string{"", "-wal", "-shm"}, func(suffix string) bool { return isThere(r.present() + suffix) }) {
		r.aside = r.present() + "." + time.Now().UTC().Format("20060102T150405.000Z")
	}
	return r.record(ctx, lost)
}

// isBackup refuses what is not one before it is copied.
func isBackup(ctx context.Context, path string) error {
	db, err := migrations.InspectFile(ctx, path)
	if err != nil {
		return err
	}
	return db.Close()
}

func isThere(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func (r *restoration) present() string { return filepath.Join(r.data, "audit.db") }

// copyFile copies into a new file, and ends with the context.
func copyFile(ctx context.Context, to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	for err == nil && ctx.Err() == nil {
		_, err = io.CopyN(out, in, 16<<20)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, ctx.Err(), out.Sync(), out.Close())
}

// lost is how many records are known of, from the present log and the anchor,
// that the backup does not have.
func (r *restoration) lost(ctx context.Context, staged string) (string, error) {
	anchor, err := r.anchored(r.found)
	if err != nil {
		return "", err
	}
	lost := max(0, anchor.Size-r.found.size)
	if r.database != "" {
		return strconv.FormatInt(lost, 10), nil
	}
	present, err := migrations.Inspect(ctx, r.data, migrations.Audit)
	if errors.Is(err, fs.ErrNotExist) {
		return strconv.FormatInt(lost, 10), nil
	}
	if err != nil {
		return unknownLoss, nil // a log that cannot be read is why backups are restored
	}
	defer func() { _ = present.Close() }()
	origin, size, err := headOf(ctx, present)
	switch {
	case err != nil && size == 0 && origin == "" && isEmpty(ctx, present):
		return strconv.FormatInt(lost, 10), nil
	case err != nil:
		return unknownLoss, nil
	case origin != r.found.origin:
		return "", fmt.Errorf("the backup is of the log %s, and %s is the log %s", r.found.origin, r.present(), origin)
	}
	same, err := r.inCommon(ctx, present.Read, staged, min(size, r.found.size))
	if err != nil {
		return unknownLoss, nil
	}
	return strconv.FormatInt(max(lost, size-same), 10), nil
}

// isEmpty reports whether no console has ever written to the log.
func isEmpty(ctx context.Context, db *migrations.DB) bool {
	var n int64
	err := db.Read.QueryRowContext(ctx, `SELECT count(*) FROM entry`).Scan(&n)
	return err == nil && n == 0
}

// inCommon is up to which record, and not beyond upto, the present log is that
// of the backup: from where they part, every record is another.
func (r *restoration) inCommon(ctx context.Context, present *sql.DB, staged string, upto int64) (same int64, err error) {
	backup, err := migrations.InspectFile(ctx, staged)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, backup.Close()) }()
	var failed error
	differ := func(seq int64) bool {
		one, err := bodyOf(ctx, present, seq)
		other, err2 := bodyOf(ctx, backup.Read, seq)
		failed = errors.Join(failed, err, err2)
		return one != nil && other != nil && !bytes.Equal(one, other) // one alone was removed for its age
	}
	if upto == 0 || !differ(upto) {
		return upto, failed
	}
	same = int64(sort.Search(int(upto), func(i int) bool { return differ(int64(i) + 1) }))
	return same, failed
}

func bodyOf(ctx context.Context, db *sql.DB, seq int64) (body []byte, err error) {
	err = db.QueryRowContext(ctx, `SELECT body FROM entry WHERE seq = $1`, seq).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return body, err
}

// restored is the detail of the record of a restoration.
type restored struct {
	File  string `json:"file"`
	Size  int64  `json:"size"`            // records that it had
	Root  string `json:"root"`            // of the tree that they form
	Lost  string `json:"lost"`            // records that were known of and are not in it
	Aside string `json:"aside,omitempty"` // where the log went that was there
}

// record appends audit.restored to the backup, and signs it where the key is
// there. The log then has it from the moment at which it is in place.
func (r *restoration) record(ctx context.Context, lost string) (err error) {
	var open closers
	defer func() { err = errors.Join(err, open.close()) }()
	log, err := r.open(ctx, &open)
	if err != nil {
		return err
	}
	detail, err := json.Marshal(restored{r.file, r.found.size, r.found.report.Root.String(), lost, r.aside})
	if err != nil {
		return err
	}
	_, err = log.Append(ctx, audit.Record{Action: audit.ActionAuditRestored, Outcome: audit.OutcomeSucceeded, Detail: string(detail)})
	return err
}

// open opens the backup that is being made ready as a console would.
func (r *restoration) open(ctx context.Context, open *closers) (*audit.Log, error) {
	settings := audit.Config{Dialect: audit.SQLite, Trusted: r.found.keys}
	var err error
	if settings.Key, err = r.signing(); err != nil {
		return nil, err
	}
	if settings.Key != nil { // it is not named twice
		own, err := backupConfig{keyFile: r.keyFile}.believed(r.found.origin)
		if err != nil {
			return nil, err
		}
		settings.Trusted = slices.DeleteFunc(slices.Clone(r.found.keys), func(k string) bool { return slices.Contains(own, k) })
	}
	db, err := migrations.Open(ctx, r.staging, migrations.Audit)
	if err != nil {
		return nil, err
	}
	open.add(db.Close)
	search, err := migrations.Open(ctx, r.staging, migrations.Search)
	if err != nil {
		return nil, err
	}
	open.add(search.Close)
	settings.Log, settings.LogRead, settings.Search, settings.SearchRead = db.Write, db.Read, search.Write, search.Read
	log, err := audit.Open(ctx, settings)
	if err != nil {
		return nil, err
	}
	open.add(log.Close)
	return log, nil
}

// steps put the backup into place. Between any two of them the process may be
// killed: either log is in place then, whole, and restore can be run again.
func (r *restoration) steps(ctx context.Context) []func() error {
	steps := []func() error{r.dropDerived, r.replace}
	if r.aside != "" {
		steps = append([]func() error{func() error { return r.settle(ctx) }, r.keep}, steps...)
	}
	return steps
}

// settle makes the present log one file. What cannot be read any more keeps
// what lies beside it by the name that it gets: the backup's file must not be
// taken for the one that this belongs to.
func (r *restoration) settle(ctx context.Context) error {
	err := migrations.Settle(ctx, r.data)
	gone := errors.Is(err, fs.ErrNotExist)
	if err == nil || !gone && (r.lose != unknownLoss || errors.Is(err, migrations.ErrInUse)) {
		return err
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Rename(r.present()+suffix, r.aside+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return migrations.SyncFolder(r.data)
}

// keep gives the present log a second name, so that it stays when the first
// becomes the backup's.
func (r *restoration) keep() error {
	if !isThere(r.present()) {
		return nil
	}
	return errors.Join(os.Link(r.present(), r.aside), migrations.SyncFolder(r.data))
}

// dropDerived removes the search tables: they are made anew.
func (r *restoration) dropDerived() error {
	search := filepath.Join(r.data, "search.db")
	return removeAll(search+"-wal", search+"-shm", search)
}

func (r *restoration) replace() error {
	return errors.Join(os.Rename(filepath.Join(r.staging, "audit.db"), r.present()), migrations.SyncFolder(r.data))
}

func (r *restoration) describe(w io.Writer) error {
	fmt.Fprintf(w, "%s is restored from %s: %d records, verified, and one that says so.\n", r.found.origin, r.file, r.found.size)
	if r.aside != "" {
		fmt.Fprintf(w, "The log that was there is %s now.\n", r.aside)
	}
	if key, err := r.signing(); err == nil && key == nil {
		fmt.Fprintf(w, "The key that signs is not at %s: put it there before the console is started.\n", r.keyFile)
	}
	if anchor, err := r.anchored(r.found); err == nil && anchor.Size > r.found.size {
		fmt.Fprintf(w, "%s knows of more records: keep it, it proves that they were there. The console starts with another --anchor-file.\n", r.anchor)
	}
	_, err := fmt.Fprintln(w, "The console can be started.")
	return err
}
