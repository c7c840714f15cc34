package faultfs

import (
	"path/filepath"
	"sync"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// stack is the layer: SQLite's file system for this process, with what its
// files are replaced by.
type stack struct {
	mu      sync.Mutex
	disks   []*Disk
	below   *sqlite3.Tsqlite3_vfs // SQLite's own; nil: not installed yet
	own     *sqlite3.Tsqlite3_vfs // its copy, with our calls
	methods map[uintptr]*methods  // by the address of those they replace
	files   map[uintptr]opened    // by the address of SQLite's object
}

// methods are SQLite's for a file, and their copy with our calls.
type methods struct{ below, own *sqlite3.Tsqlite3_io_methods }

// opened is a file of a disk.
type opened struct {
	disk  *Disk
	name  string
	below *sqlite3.Tsqlite3_io_methods
}

// layer is the only one: SQLite has one list of file systems per process, and
// calls functions that know nothing but what they are called with.
var layer = stack{methods: map[uintptr]*methods{}, files: map[uintptr]opened{}}

// The translated SQLite knows objects by their address, and functions by that
// of their closure. These are the conversions.

func at[T any](address uintptr) *T      { return *(**T)(unsafe.Pointer(&address)) }      //nolint:gosec // see above
func function[F any](address uintptr) F { return *(*F)(unsafe.Pointer(&address)) }       //nolint:gosec // see above
func address[T any](pointer T) uintptr  { return *(*uintptr)(unsafe.Pointer(&pointer)) } //nolint:gosec // see above

// copied is a copy in memory that SQLite may keep the address of. It stays for
// the life of the process.
func copied[T any](tls *libc.TLS, v *T) *T {
	c := at[T](libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(*v))))
	*c = *v
	return c
}

type (
	openFunc     = func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32
	deleteFunc   = func(*libc.TLS, uintptr, uintptr, int32) int32
	closeFunc    = func(*libc.TLS, uintptr) int32
	writeFunc    = func(*libc.TLS, uintptr, uintptr, int32, int64) int32
	truncateFunc = func(*libc.TLS, uintptr, int64) int32
	syncFunc     = func(*libc.TLS, uintptr, int32) int32
)

func (l *stack) install(tls *libc.TLS) {
	if l.below == nil {
		l.below = at[sqlite3.Tsqlite3_vfs](sqlite3.Xsqlite3_vfs_find(tls, 0))
		l.own = copied(tls, l.below)
		l.own.FpNext, l.own.FzName = 0, address(copied(tls, &[8]byte{'f', 'a', 'u', 'l', 't', 'f', 's'}))
		l.own.FxOpen = address[openFunc](openFile)
		l.own.FxDelete = address[deleteFunc](deleteFile)
	}
	sqlite3.Xsqlite3_vfs_register(tls, address(l.own), 1)
}

func (l *stack) remove(tls *libc.TLS) {
	sqlite3.Xsqlite3_vfs_unregister(tls, address(l.own))
	sqlite3.Xsqlite3_vfs_register(tls, address(l.below), 1)
}

// replace puts our methods in the place of an open file's.
func (l *stack) replace(tls *libc.TLS, file uintptr, d *Disk, name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := at[sqlite3.Tsqlite3_file](file)
	m, known := l.methods[f.FpMethods]
	if !known {
		m = &methods{below: at[sqlite3.Tsqlite3_io_methods](f.FpMethods)}
		m.own = copied(tls, m.below)
		m.own.FxClose = address[closeFunc](closeFile)
		m.own.FxWrite = address[writeFunc](writeFile)
		m.own.FxTruncate = address[truncateFunc](truncateFile)
		m.own.FxSync = address[syncFunc](syncFile)
		l.methods[f.FpMethods] = m
	}
	f.FpMethods = address(m.own)
	l.files[file] = opened{d, name, m.below}
}

func (l *stack) file(file uintptr) opened {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.files[file]
}

func openFile(tls *libc.TLS, _, path, file uintptr, flags int32, out uintptr) int32 {
	rc := function[openFunc](layer.below.FxOpen)(tls, address(layer.below), path, file, flags, out)
	if rc != sqlite3.SQLITE_OK || path == 0 {
		return rc
	}
	name := libc.GoString(path)
	if d := layer.on(name); d != nil {
		layer.replace(tls, file, d, filepath.Base(name))
	}
	return rc
}

func deleteFile(tls *libc.TLS, _, path uintptr, syncs int32) int32 {
	call := func() int32 {
		return function[deleteFunc](layer.below.FxDelete)(tls, address(layer.below), path, syncs)
	}
	name := libc.GoString(path)
	if d := layer.on(name); d != nil {
		return d.do(Event{Kind: Delete, File: filepath.Base(name)}, call)
	}
	return call()
}

func closeFile(tls *libc.TLS, file uintptr) int32 {
	o := layer.file(file)
	layer.mu.Lock()
	delete(layer.files, file)
	layer.mu.Unlock()
	at[sqlite3.Tsqlite3_file](file).FpMethods = address(o.below)
	return function[closeFunc](o.below.FxClose)(tls, file)
}

func writeFile(tls *libc.TLS, file, data uintptr, n int32, offset int64) int32 {
	o := layer.file(file)
	e := Event{Kind: Write, File: o.name, Offset: offset, Data: libc.GoBytes(data, int(n))}
	return o.disk.write(e, func(bytes int) int32 {
		return function[writeFunc](o.below.FxWrite)(tls, file, data, int32(bytes), offset)
	})
}

func truncateFile(tls *libc.TLS, file uintptr, size int64) int32 {
	o := layer.file(file)
	return o.disk.do(Event{Kind: Truncate, File: o.name, Offset: size}, func() int32 {
		return function[truncateFunc](o.below.FxTruncate)(tls, file, size)
	})
}

func syncFile(tls *libc.TLS, file uintptr, flags int32) int32 {
	o := layer.file(file)
	return o.disk.do(Event{Kind: Sync, File: o.name}, func() int32 {
		return function[syncFunc](o.below.FxSync)(tls, file, flags)
	})
}
