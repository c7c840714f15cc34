package database

import (
	"errors"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
)

// The codes of SQLite and PostgreSQL that callers tell apart.
const (
	sqliteError    = 1
	sqliteBusy     = 5
	sqliteLocked   = 6
	sqliteReadOnly = 8
	sqliteIOError  = 10
	sqliteCorrupt  = 11
	sqliteFull     = 13
	sqliteCantOpen = 14
	sqliteNotADB   = 26
	sqliteUnique   = 2067
	sqlitePrimary  = 1555

	pgUnique   = "23505"
	pgDiskFull = "53100"
	pgReadOnly = "25006"
	pgNoLock   = "55P03"
)

// IsUnique reports whether err says that a key exists already.
func IsUnique(err error) bool {
	code, state := codes(err)
	return code == sqliteUnique || code == sqlitePrimary || state == pgUnique
}

// IsFull reports whether err says that there is no space left.
func IsFull(err error) bool {
	code, state := codes(err)
	return code&0xff == sqliteFull || state == pgDiskFull
}

// IsReadOnly reports whether err says that the database cannot be written.
func IsReadOnly(err error) bool {
	code, state := codes(err)
	return code&0xff == sqliteReadOnly || code&0xff == sqliteCantOpen || state == pgReadOnly
}

// IsBusy reports whether err says that a lock was not let go of in time.
func IsBusy(err error) bool {
	code, state := codes(err)
	return code&0xff == sqliteBusy || code&0xff == sqliteLocked || state == pgNoLock
}

// InDoubt reports whether err, of a commit on SQLite, leaves open what of it is
// on the disk: writing or syncing it failed.
func InDoubt(err error) bool {
	code, _ := codes(err)
	return code&0xff == sqliteIOError
}

// ErrNotALog says that a file holds no log.
var ErrNotALog = errors.New("not a copy of an audit log")

// ErrDamagedFile says that a file of SQLite is not whole.
var ErrDamagedFile = errors.New("is damaged, or was cut short")

// DamagedFile says of an error in words that a file of SQLite is not whole, or
// is no such file at all. It returns all other errors as they are.
func DamagedFile(path string, err error) error {
	code, _ := codes(err)
	switch code & 0xff {
	case sqliteCorrupt:
		return fmt.Errorf("%s %w", path, ErrDamagedFile)
	case sqliteNotADB:
		return fmt.Errorf("%s %w: it is not a SQLite database", path, ErrDamagedFile)
	}
	return err
}

// notALog says in words why a file cannot be read as a copy of the log.
func notALog(path string, err error) error {
	code, _ := codes(err)
	info, missing := os.Stat(path)
	switch why := DamagedFile(path, err); {
	case missing == nil && info.Size() == 0:
		return fmt.Errorf("%s is %w: it is empty", path, ErrNotALog)
	case code&0xff == sqliteNotADB:
		return fmt.Errorf("%s is %w: it is not a SQLite database", path, ErrNotALog)
	case errors.Is(why, ErrDamagedFile):
		return fmt.Errorf("%w, so that it is %w", why, ErrNotALog)
	case code == sqliteError:
		return fmt.Errorf("%s is %w: it is a SQLite database with something else", path, ErrNotALog)
	}
	return fmt.Errorf("%s is %w: %w", path, ErrNotALog, err)
}

func codes(err error) (int, string) {
	if s, ok := errors.AsType[*sqlite.Error](err); ok {
		return s.Code(), ""
	}
	if p, ok := errors.AsType[*pgconn.PgError](err); ok {
		return 0, p.Code
	}
	return 0, ""
}
