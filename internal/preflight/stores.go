package preflight

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"coc-console/internal/database"
	"coc-console/internal/secretfile"
)

// Stores are the databases and the keys of a console.
type Stores struct {
	Data     string // folder
	Database string // address of PostgreSQL; empty: SQLite in the folder
}

func (s Stores) dsn() string {
	if s.Database != "" {
		return s.Database
	}
	return s.Data
}

// connectTimeout bounds the reaching of a database.
const connectTimeout = 15 * time.Second

// Databases looks at each of the console's databases: whether it is there, is read, and has a schema that this version
// knows.
func (s Stores) Databases(ctx context.Context) (all []Result) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	for _, store := range []database.Store{database.Audit, database.Search, database.Console} {
		r := s.database(ctx, store)
		if all = append(all, r); r.State == Failed && s.Database != "" {
			return all // it is the same database
		}
	}
	return all
}

func (s Stores) database(ctx context.Context, store database.Store) Result {
	check := "database, " + string(store)
	db, err := database.Inspect(ctx, s.dsn(), store)
	if errors.Is(err, fs.ErrNotExist) {
		return ok(check, "there is none yet: the first start makes it")
	}
	if err != nil {
		do := "is it a file of the console's, which this user may read? A backup is put back by coc-console restore"
		switch {
		case errors.Is(err, database.ErrDamagedFile):
			do = "docs/operations.md, Backup and restore"
		case errors.Is(err, syscall.ENOTDIR):
			do = "--data is below a file: name another folder"
		case s.Database != "":
			do = "check host, port, user, database and password in --database, and pg_hba.conf"
		}
		return failed(check, err.Error(), do)
	}
	begun := time.Now()
	has, newest, err := db.SchemaVersion(ctx, store)
	took := time.Since(begun)
	if err := errors.Join(err, db.Close()); err != nil {
		return failed(check, err.Error(), "the user of the database has to own its tables")
	}
	switch {
	case has > newest:
		return failed(check, fmt.Sprintf("its schema is %d, and this version knows %d", has, newest),
			"a newer console has used it: start that version, or restore a backup from before")
	case has == 0:
		return ok(check, "it is empty: the first start makes its tables")
	case has < newest:
		return ok(check, "schema %d: the next start takes it to %d; back up before", has, newest)
	}
	return ok(check, "schema %d, answers in %v", has, took.Round(100*time.Microsecond))
}

// The disk: how often a block is written, and from when on that is slow. People wait for two commits at each operation.
const (
	writes    = 20
	block     = 4096
	slowWrite = 50 * time.Millisecond
)

// Disk measures how long it takes until the disk of the data folder has a block for good. The file has no name.
func (s Stores) Disk(context.Context) []Result {
	const check = "disk"
	folder := s.Data
	for {
		if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) || folder == filepath.Dir(folder) {
			break
		}
		folder = filepath.Dir(folder)
	}
	if err := syscall.Access(folder, writable); err != nil {
		return []Result{failed(check, fmt.Sprintf("this user can't write to %s (%v)", folder, err), mendFolder(err))}
	}
	times, err := measure(folder)
	if err != nil {
		return []Result{failed(check, err.Error(), mendFolder(err))}
	}
	slices.Sort(times)
	median, worst := times[len(times)/2], times[len(times)-1]
	text := fmt.Sprintf("%s: a write is durable in %v, at worst %v%s", folder, median.Round(100*time.Microsecond),
		worst.Round(100*time.Microsecond), free(folder))
	if median >= slowWrite {
		return []Result{warning(check, text, "people wait for this at every operation: use a local SSD, not a network drive")}
	}
	return []Result{ok(check, "%s", text)}
}

// mendFolder says what to do about a folder that can't be written.
func mendFolder(err error) string {
	switch {
	case errors.Is(err, syscall.EROFS):
		return "its file system is mounted read-only: mount it for writing (a container needs a volume there), or name another folder as --data"
	case errors.Is(err, syscall.ENOTDIR):
		return "it is below a file: name another folder as --data"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "free space on its disk, or name a folder on another one as --data"
	}
	return "the console's user has to own the folder of --data (chown)"
}

func measure(folder string) (times []time.Duration, err error) {
	f, err := os.CreateTemp(folder, ".coc-console-check-*")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := os.Remove(f.Name()); err != nil {
		return nil, err
	}
	text := make([]byte, block)
	for range writes {
		begun := time.Now()
		if _, err := f.Write(text); err != nil {
			return nil, err
		}
		if err := f.Sync(); err != nil {
			return nil, err
		}
		times = append(times, time.Since(begun))
	}
	return times, nil
}

func free(folder string) string {
	var s syscall.Statfs_t
	if syscall.Statfs(folder, &s) != nil || s.Blocks == 0 {
		return ""
	}
	return fmt.Sprintf(", %d MiB free (%d%%)", s.Bavail*uint64(s.Bsize)>>20, 100*s.Bavail/s.Blocks)
}

// A Key is a file that holds one.
type Key struct {
	Check, Setting, Path string
	Size                 int  // in bytes
	Named                bool // the setting names it
}

// Key looks at a key. One that is not there is made by a start, which is wrong where consoles have to share it.
func (s Stores) Key(k Key) Check {
	return func(context.Context) []Result {
		info, err := os.Stat(k.Path)
		if errors.Is(err, fs.ErrNotExist) {
			return []Result{s.noKey(k)}
		}
		if err == nil && info.Size() == 0 {
			err = errors.New(k.Path + " is empty")
		}
		if err == nil {
			_, err = secretfile.Read(k.Path, k.Size) // it is there: nothing is made
		}
		if err != nil {
			return []Result{failed(k.Check, err.Error(), "put the key back from where you keep it, for the console's user alone")}
		}
		return []Result{ok(k.Check, "%s is readable, for its owner alone", k.Path)}
	}
}

func (s Stores) noKey(k Key) Result {
	if s.Database != "" && !k.Named {
		return warning(k.Check, "there is none: a start makes one in "+k.Path,
			"consoles that share a database need the same: give each a copy in --"+k.Setting)
	}
	folder := filepath.Dir(k.Path)
	if _, err := os.Stat(folder); err == nil {
		if err := syscall.Access(folder, writable); err != nil {
			return failed(k.Check, fmt.Sprintf("%s is not there, and this user can't make it (%v)", k.Path, err),
				"put the key there, or let the console's user write to "+folder)
		}
	}
	return ok(k.Check, "there is none yet: the first start makes %s", k.Path)
}
