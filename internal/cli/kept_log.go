package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"coc-console/audit"
	"coc-console/internal/backup"
	"coc-console/internal/cli/output"
	"coc-console/internal/database"
)

// acceptLoss is the setting with which a console goes on without records that
// are known to be missing.
const acceptLoss = "accept-log-loss"

// missingLogError says that a log, or its end, is not where it was left.
type missingLogError struct{ text string }

func (e *missingLogError) Error() string { return e.text }

// Is makes it one of the errors for a log that is older than its checkpoint.
func (e *missingLogError) Is(target error) bool { return target == audit.ErrRolledBack }

// keptLog is what a data folder tells of its log before anything opens it.
// Whoever opens audit.db changes it, and then a -wal file that is put beside it
// later no longer fits.
type keptLog struct {
	config
	origin string           // of the log; empty: no console has ever used it
	size   int64            // records
	seen   audit.Checkpoint // the latest that was noted; zero: none was
	key    bool             // there was a key
}

// checkKept refuses a data folder whose log is gone, or shorter than it was,
// and returns how many records are lost where that is accepted; empty: none are.
func (c config) checkKept(ctx context.Context, logger *slog.Logger) (lost string, err error) {
	if c.database != "" {
		return "", nil
	}
	k := keptLog{config: c}
	if known, err := k.read(ctx); err != nil || !known {
		return "", err
	}
	why, lost := k.missing()
	switch {
	case why == "" && k.origin == "" && !k.key: // a new log, with a new key: nothing that was noted can be of it
		return "", k.moveSeen(logger)
	case why == "":
		return "", nil
	case !c.acceptLoss:
		return "", &missingLogError{why + " If the folder was copied while a console ran, or after one was killed, audit.db-wal is missing: " +
			"put it beside audit.db before you start a console again. If it is lost, coc-console restore puts a backup back. " +
			"To go on without those records, start once with --" + acceptLoss + ", which is recorded in the log"}
	}
	logger.Warn("log continues without lost records", "lost", lost, "why", why)
	return lost, k.moveSeen(logger)
}

// moveSeen keeps what was noted by another name: it proves that there was more.
func (c config) moveSeen(logger *slog.Logger) error {
	aside, err := backup.MoveSeen(c.data)
	if err == nil && aside != "" {
		logger.Warn("checkpoint of another log kept", "file", aside)
	}
	return err
}

// read reports whether the folder tells anything: not while a -wal file is
// there, which may hold the rest of the log.
func (k *keptLog) read(ctx context.Context) (known bool, err error) {
	path := filepath.Join(k.data, "audit.db")
	if wal, err := os.Stat(path + "-wal"); err == nil && wal.Size() > 0 {
		return false, nil
	}
	k.key = backup.IsThere(k.auditKeyFile)
	db, err := database.InspectFile(ctx, path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, database.ErrNotALog):
		// A file without tables is what is left of a database whose -wal file
		// was not copied. One that is no database at all is told when it is opened.
	case err != nil:
		return false, nil //nolint:nilerr // whatever is wrong with it is told when it is opened
	default:
		k.origin, k.size, err = db.Head(ctx)
		if err := errors.Join(err, db.Close()); err != nil {
			return false, nil //nolint:nilerr // the same
		}
	}
	return true, k.readSeen()
}

// readSeen reads what was noted, if the folder's key or one of --audit-keys has
// signed it. What anybody else has is refused when the log is opened.
func (k *keptLog) readSeen() error {
	signed, err := os.ReadFile(backup.SeenFile(k.data))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !k.key {
		return nil
	}
	keys, err := backup.Config{Data: k.data, KeyFile: k.auditKeyFile}.Believed(audit.OriginOf(signed))
	if err != nil {
		return err
	}
	seen, err := audit.ParseCheckpoint(signed, append(keys, k.auditKeys...)...)
	if err == nil {
		k.seen = seen
	}
	return nil
}

// missing says what is not there, and how many records that are.
func (k *keptLog) missing() (why, lost string) {
	path := filepath.Join(k.data, "audit.db")
	switch {
	case k.seen.Size > 0 && k.origin == "":
		return fmt.Sprintf("%s holds no log, and the log had %s on %s.", path, output.Count(k.seen.Size, "record", "records"), k.seen.Time.Format(time.RFC3339)),
			fmt.Sprint(k.seen.Size)
	case k.seen.Size > k.size && k.seen.Origin == k.origin:
		return fmt.Sprintf("%s has %s, and had %d on %s.", path, output.Count(k.size, "record", "records"), k.seen.Size,
				k.seen.Time.Format(time.RFC3339)),
			fmt.Sprint(k.seen.Size - k.size)
	case k.seen.Size > 0 && k.seen.Origin != k.origin:
		return fmt.Sprintf("%s is the log %s, and this folder's was %s.", path, k.origin, k.seen.Origin), backup.UnknownLoss
	case k.key && k.origin == "" && k.ownKey():
		return fmt.Sprintf("%s holds no log, and the key that signed one is at %s.", path, k.auditKeyFile), backup.UnknownLoss
	}
	return "", ""
}

// ownKey reports whether the key is one that a console made for the log in the
// data folder. Whoever brings a key from elsewhere may begin a log with it, as
// consoles do that share a database and the keys.
func (c config) ownKey() bool { return c.inData(c.auditKeyFile) }

// inData reports whether a file is one of the data folder's.
func (c config) inData(path string) bool {
	own, err := filepath.Abs(c.data)
	if err != nil {
		return true
	}
	file, err := filepath.Abs(path)
	return err != nil || filepath.Dir(file) == own
}

// makesKey makes sure that a key that is made now is younger than the log, so
// that a start that is killed in between is no sign of a lost log.
func makesKey(ctx context.Context, cfg config, dbs stores, settings audit.Config) error {
	if !backup.IsThere(cfg.auditKeyFile) {
		return audit.Name(ctx, settings)
	}
	if cfg.database == "" || cfg.acceptLoss || !cfg.ownKey() {
		return nil
	}
	origin, _, err := dbs.log.Head(ctx)
	if err != nil {
		return err
	}
	if origin == "" {
		return &missingLogError{fmt.Sprintf("the database has no log, and the key that signed one is at %s: it is older than this log. "+
			"Is --database the right one? A backup is put back with coc-console restore. To begin a new log, name a key outside of the data folder "+
			"in --audit-key-file, or start once with --%s", cfg.auditKeyFile, acceptLoss)}
	}
	return nil
}

// recordLoss appends that the log goes on without records.
func recordLoss(ctx context.Context, cfg config, log *audit.Log, lost string) error {
	if lost == "" {
		return nil
	}
	size, err := log.Size(ctx)
	if err != nil {
		return err
	}
	detail, err := json.Marshal(backup.Detail{File: filepath.Join(cfg.data, "audit.db"), Size: size, Lost: lost})
	if err != nil {
		return err
	}
	_, err = log.Append(ctx, audit.Record{Action: audit.ActionAuditRestored, Outcome: audit.OutcomeSucceeded,
		Detail: string(detail)})
	return err
}
