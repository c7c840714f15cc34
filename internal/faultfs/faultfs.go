// Package faultfs stands between SQLite and the files of one database. It
// records what SQLite writes, syncs and deletes, and lets such calls fail. It
// is for tests: only they may import it.
//
// The calls themselves are SQLite's own ones on real files. A Disk replaces
// four of the methods of a file and passes on the rest.
package faultfs

import (
	"bytes"
	"path/filepath"
	"slices"
	"sync"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// Kind is a kind of call.
type Kind string

// The kinds of events. All but Mark are calls that change a file.
const (
	Write    Kind = "write"
	Truncate Kind = "truncate"
	Sync     Kind = "sync"
	Unsynced Kind = "unsynced" // a sync that failed
	Delete   Kind = "delete"
	Mark     Kind = "mark"
)

// Event is one call that succeeded, a sync that did not, or a mark that a test
// has set.
type Event struct {
	Kind   Kind
	File   string // its name, without the folder
	Offset int64  // of a write; the size of a truncate; the value of a mark
	Data   []byte // of a write
}

// Fault says how a call ends.
type Fault int

// The ways of a call to end.
const (
	None    Fault = iota // as it does
	IOError              // EIO, without effect
	NoSpace              // ENOSPC, without effect
	Short                // ENOSPC, after the first half of a write; like NoSpace for other calls
)

// Disk is what a database's files are on: its own, its write-ahead log and its
// rollback journal.
type Disk struct {
	path string

	mu     sync.Mutex // held during a call: events have the order of the calls
	keep   bool
	events []Event
	fault  func(Event) Fault
}

// Mount watches the database that SQLite opens by a path, until unmount is
// called. It must be closed by then. Others are opened as ever.
func Mount(path string) (d *Disk, unmount func(), err error) {
	if path, err = filepath.Abs(path); err != nil {
		return nil, nil, err
	}
	d = &Disk{path: path}
	return d, layer.mount(d), nil
}

// Record keeps the events from now on.
func (d *Disk) Record() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.keep, d.events = true, nil
}

// Mark adds a mark to the events.
func (d *Disk) Mark(value int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.add(Event{Kind: Mark, Offset: value})
}

// Events returns what was recorded.
func (d *Disk) Events() []Event {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.events)
}

// Break asks of each call how it ends, one at a time. The call's data is only
// there while it is asked.
func (d *Disk) Break(how func(Event) Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = how
}

// Heal lets every call succeed again.
func (d *Disk) Heal() { d.Break(nil) }

func (d *Disk) add(e Event) {
	if d.keep {
		e.Data = bytes.Clone(e.Data) // it is SQLite's memory
		d.events = append(d.events, e)
	}
}

// has reports whether a path is one of the files.
func (d *Disk) has(path string) bool {
	return slices.Contains([]string{d.path, d.path + "-wal", d.path + "-journal"}, path)
}

func (d *Disk) ends(e Event) Fault {
	if d.fault == nil {
		return None
	}
	return d.fault(e)
}

// do makes a call, or does not, and returns SQLite's code for how it ended.
func (d *Disk) do(e Event, call func() int32) int32 {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := d.ends(e); f != None {
		if e.Kind == Sync {
			d.add(Event{Kind: Unsynced, File: e.File})
		}
		return code(e.Kind, f)
	}
	rc := call()
	if rc == sqlite3.SQLITE_OK {
		d.add(e)
	}
	return rc
}

// write is do for a write, part of which may take place.
func (d *Disk) write(e Event, call func(length int) int32) int32 {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.ends(e)
	if f == Short {
		e.Data = e.Data[:len(e.Data)/2]
	} else if f != None {
		return code(Write, f)
	}
	rc := call(len(e.Data))
	if rc != sqlite3.SQLITE_OK {
		return rc
	}
	d.add(e)
	return code(Write, f)
}

// code is what SQLite's own layer for Unix returns for an error.
func code(kind Kind, f Fault) int32 {
	switch {
	case f == None:
		return sqlite3.SQLITE_OK
	case kind == Truncate:
		return sqlite3.SQLITE_IOERR_TRUNCATE
	case kind == Sync:
		return sqlite3.SQLITE_IOERR_FSYNC
	case kind == Delete:
		return sqlite3.SQLITE_IOERR_DELETE
	case f == IOError:
		return sqlite3.SQLITE_IOERR_WRITE
	}
	return sqlite3.SQLITE_FULL
}

// on finds the disk of a file.
func (l *stack) on(path string) *Disk {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range l.disks {
		if d.has(path) {
			return d
		}
	}
	return nil
}

// mount adds a disk, and with the first one makes this layer SQLite's default.
func (l *stack) mount(d *Disk) (unmount func()) {
	tls := libc.NewTLS()
	defer tls.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.disks) == 0 {
		l.install(tls)
	}
	l.disks = append(l.disks, d)
	return sync.OnceFunc(func() {
		tls := libc.NewTLS()
		defer tls.Close()
		l.mu.Lock()
		defer l.mu.Unlock()
		l.disks = slices.DeleteFunc(l.disks, func(other *Disk) bool { return other == d })
		if len(l.disks) == 0 {
			l.remove(tls)
		}
	})
}
