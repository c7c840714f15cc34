package backup

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
	"coc-console/internal/database"
)

// Restore verifies the file and puts it into the place of the log: of a data
// folder whose console is stopped, or in an empty PostgreSQL database.
func (c Config) Restore(ctx context.Context) (result Result, err error) {
	err = c.isBackup(ctx)
	switch {
	case err != nil:
	case c.Database != "":
		result, err = c.restoreInto(ctx)
	default:
		result, err = c.restore(ctx)
	}
	if errors.Is(err, database.ErrNotALog) || errors.Is(err, errDamaged) || errors.Is(err, errNoFile) {
		err = fmt.Errorf("%w. Nothing was changed. Restore another backup", err)
	}
	return result, err
}

// Why a backup cannot be restored, before anything is.
var (
	errDamaged = errors.New("the backup cannot be read")
	errNoFile  = errors.New("there is no file")
)

// restoration is a backup on its way into a data folder. It is made ready in a
// folder of its own; steps then puts it into place.
type restoration struct {
	Config
	found   examined
	staging string // folder in which audit.db is the backup, with a record of its being restored
	aside   string // where the present log goes; empty where there is none, and nothing of one
}

// restore replaces audit.db of a data folder.
func (c Config) restore(ctx context.Context) (result Result, err error) {
	lock, err := database.Lock(c.Data)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	r := restoration{Config: c, staging: filepath.Join(c.Data, "restoring")}
	defer func() { err = errors.Join(err, os.RemoveAll(r.staging)) }()
	if err := r.ready(ctx); err != nil {
		return r.result(), err
	}
	for _, step := range r.steps(ctx) {
		if err := step(); err != nil {
			return result, err
		}
	}
	return r.result(), nil
}

// restoreInto fills an empty PostgreSQL database.
func (c Config) restoreInto(ctx context.Context) (result Result, err error) {
	r := restoration{Config: c}
	if r.staging, err = os.MkdirTemp("", "coc-console-restoring-"); err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.staging)) }()
	to, err := database.Open(ctx, c.Database, database.Audit)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if origin, size, err := headOf(ctx, to); err == nil { // before the work, not after
		return result, fmt.Errorf("%w: %s, with %d records", database.ErrNotEmpty, origin, size)
	}
	if err := r.ready(ctx); err != nil {
		return r.result(), err
	}
	from, err := database.InspectFile(ctx, filepath.Join(r.staging, "audit.db"))
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	if err := to.Load(ctx, from); err != nil {
		return result, fmt.Errorf("put %s into the database: %w", r.File, err)
	}
	return r.result(), nil
}

// ready copies the backup, verifies the copy, makes sure that nothing is lost
// unsaid, and writes the record of it. Nothing that is there is touched.
func (r *restoration) ready(ctx context.Context) (err error) {
	if err := errors.Join(os.RemoveAll(r.staging), os.MkdirAll(r.staging, 0o700)); err != nil {
		return err
	}
	staged := filepath.Join(r.staging, "audit.db")
	if err := r.copying(staged, func() error { return copyFile(ctx, staged, r.File) }); err != nil {
		return err
	}
	if r.found, err = r.examine(ctx, staged); err != nil {
		return r.unreadable(err)
	}
	lost, err := r.lost(ctx, staged)
	if err != nil {
		return err
	}
	if lost != r.Lose && lost != "0" {
		return fmt.Errorf("the backup has %d records, and %s later ones would be lost; to give them up, say --lose %s", r.found.size, lost, lost)
	}
	if r.Database == "" && slices.ContainsFunc([]string{"", "-wal", "-shm"},
		func(suffix string) bool { return IsThere(r.present() + suffix) }) {
		r.aside = r.present() + "." + time.Now().UTC().Format("20060102T150405.000Z")
	}
	return r.record(ctx, lost)
}

// isBackup refuses what is not one before it is copied.
func (c Config) isBackup(ctx context.Context) error {
	db, err := database.InspectFile(ctx, c.File)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w %s", errNoFile, c.File)
	case err != nil:
		return err
	}
	return db.Close()
}

// unreadable names the backup, not its copy, where it is damaged.
func (c Config) unreadable(err error) error {
	if damaged := database.DamagedFile(c.File, err); errors.Is(damaged, database.ErrDamagedFile) {
		return fmt.Errorf("%w: %w", errDamaged, damaged)
	}
	return err
}

// IsThere reports whether a file is there.
func IsThere(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func (r *restoration) present() string { return filepath.Join(r.Data, "audit.db") }

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
	if r.Database != "" {
		return strconv.FormatInt(lost, 10), nil
	}
	present, err := database.Inspect(ctx, r.Data, database.Audit)
	if errors.Is(err, fs.ErrNotExist) {
		return strconv.FormatInt(lost, 10), nil
	}
	if err != nil {
		return UnknownLoss, nil // a log that cannot be read is why backups are restored
	}
	defer func() { _ = present.Close() }()
	origin, size, err := headOf(ctx, present)
	switch {
	case err != nil && size == 0 && origin == "" && isEmpty(ctx, present):
		return strconv.FormatInt(lost, 10), nil
	case err != nil:
		return UnknownLoss, nil
	case origin != r.found.origin:
		return "", fmt.Errorf("the backup is of the log %s, and %s is the log %s", r.found.origin, r.present(), origin)
	}
	same, err := r.inCommon(ctx, present.Read, staged, min(size, r.found.size))
	if err != nil {
		return UnknownLoss, nil
	}
	return strconv.FormatInt(max(lost, size-same), 10), nil
}

// isEmpty reports whether no console has ever written to the log.
func isEmpty(ctx context.Context, db *database.DB) bool {
	var n int64
	err := db.Read.QueryRowContext(ctx, `SELECT count(*) FROM entry`).Scan(&n)
	return err == nil && n == 0
}

// inCommon is up to which record, and not beyond upto, the present log is that
// of the backup: from where they part, every record is another.
func (r *restoration) inCommon(ctx context.Context, present *sql.DB, staged string, upto int64) (same int64,
	err error) {
	backup, err := database.InspectFile(ctx, staged)
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
	if err != nil {
		return nil, fmt.Errorf("read record %d: %w", seq, err)
	}
	return body, nil
}

// Detail is the detail of the record that a log was restored, or goes on without
// records.
type Detail struct {
	File  string `json:"file"`
	Size  int64  `json:"size"`            // records that it had
	Root  string `json:"root"`            // of the tree that they form
	Lost  string `json:"lost"`            // records that were known of and are not in it
	Aside string `json:"aside,omitempty"` // where the log went that was there
}

// record appends audit.restored to the backup, and signs it where the key is
// there. The log then has it from the moment at which it is in place.
func (r *restoration) record(ctx context.Context, lost string) (err error) {
	cfg, err := r.logConfig()
	if err != nil {
		return err
	}
	db, err := database.Open(ctx, r.staging, database.Audit)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	cfg.Log, cfg.LogRead, cfg.Database = db.Write, db.Read, db
	log, err := audit.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	detail, err := json.Marshal(Detail{r.File, r.found.size, r.found.report.Root.String(), lost, r.aside})
	if err != nil {
		return err
	}
	_, err = log.Append(ctx, audit.Record{Action: audit.ActionAuditRestored, Outcome: audit.OutcomeSucceeded,
		Detail: string(detail)})
	if err != nil {
		return fmt.Errorf("record the restoration: %w", err)
	}
	return nil
}

// logConfig opens the backup that is being made ready as a console would.
func (r *restoration) logConfig() (audit.Config, error) {
	cfg := audit.Config{Dialect: audit.SQLite, Trusted: r.found.keys}
	var err error
	if cfg.Key, err = r.signing(); err != nil || cfg.Key == nil {
		return cfg, err
	}
	own, err := Config{KeyFile: r.KeyFile}.Believed(r.found.origin) // it is not named twice
	if err != nil {
		return cfg, err
	}
	cfg.Trusted = slices.DeleteFunc(slices.Clone(r.found.keys), func(k string) bool { return slices.Contains(own, k) })
	return cfg, nil
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
	err := database.Settle(ctx, r.Data)
	gone := errors.Is(err, fs.ErrNotExist)
	if err == nil || !gone && (r.Lose != UnknownLoss || errors.Is(err, database.ErrInUse)) {
		return err
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Rename(r.present()+suffix, r.aside+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return database.SyncFolder(r.Data)
}

// keep gives the present log a second name, so that it stays when the first
// becomes the backup's.
func (r *restoration) keep() error {
	if !IsThere(r.present()) {
		return nil
	}
	return errors.Join(os.Link(r.present(), r.aside), database.SyncFolder(r.Data))
}

// dropDerived removes the search tables: they are made again. What was noted of
// the present log is kept by another name.
func (r *restoration) dropDerived() error {
	search := filepath.Join(r.Data, "search.db")
	_, err := MoveSeen(r.Data)
	return errors.Join(err, removeAll(search+"-wal", search+"-shm", search))
}

func (r *restoration) replace() error {
	return errors.Join(os.Rename(filepath.Join(r.staging, "audit.db"), r.present()), database.SyncFolder(r.Data))
}

// result is what was done so far.
func (r *restoration) result() Result {
	result := r.found.result()
	result.Aside = r.aside
	key, err := r.signing()
	result.KeyMissing = err == nil && key == nil
	anchor, err := r.anchored(r.found)
	result.AnchorAhead = err == nil && anchor.Size > r.found.size
	return result
}

// SeenFile is where a console notes how far the log of its data folder has come.
func SeenFile(data string) string { return filepath.Join(data, "audit.seen") }

// MoveSeen keeps what was noted of a log by another name: it proves that there was
// more.
func MoveSeen(data string) (aside string, err error) {
	aside = SeenFile(data) + "." + time.Now().UTC().Format("20060102T150405.000Z")
	switch err := os.Rename(SeenFile(data), aside); {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", err
	}
	return aside, database.SyncFolder(data)
}
