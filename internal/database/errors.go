package database

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
)

// The codes of SQLite and PostgreSQL that callers tell apart.
const (
	sqliteBusy     = 5
	sqliteLocked   = 6
	sqliteReadOnly = 8
	sqliteIOError  = 10
	sqliteFull     = 13
	sqliteCantOpen = 14
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

func codes(err error) (int, string) {
	if s, ok := errors.AsType[*sqlite.Error](err); ok {
		return s.Code(), ""
	}
	if p, ok := errors.AsType[*pgconn.PgError](err); ok {
		return 0, p.Code
	}
	return 0, ""
}
