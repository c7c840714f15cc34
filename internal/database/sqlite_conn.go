package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"modernc.org/sqlite"

	"coc-console/internal/files"
)

// sqliteConnector opens connections of one file without the driver registry,
// and none of another file that has taken its place.
type sqliteConnector struct {
	driver  *sqlite.Driver
	dsn     string
	unmoved func() error
	keeps   bool // prepared statements: see keepingConn
	asks    bool // the same few questions: see askingConn
}

func (d *DB) connector(store Store, readOnly bool) driver.Connector {
	conns := &sqlite.Driver{}
	if d.readers != nil {
		conns = &d.readers.driver
	}
	return sqliteConnector{conns, dataSource(d.Path, store, readOnly), d.Unmoved,
		store != Search && !readOnly, store != Console && readOnly}
}

func (c sqliteConnector) Connect(context.Context) (driver.Conn, error) {
	if err := c.unmoved(); err != nil {
		return nil, err
	}
	conn, err := c.driver.Open(c.dsn)
	if err != nil {
		file, _, _ := strings.Cut(c.dsn, "?")
		return nil, fmt.Errorf("open %s: %w", file, err)
	}
	if opened, ok := conn.(sqliteConn); ok && c.keeps {
		return &keepingConn{sqliteConn: opened, kept: map[string]keptStmt{}}, nil
	} else if ok && c.asks {
		return &askingConn{sqliteConn: opened, kept: map[string]*keptQuery{}}, nil
	}
	return conn, nil
}

// Driver returns SQLite's driver.
func (c sqliteConnector) Driver() driver.Driver { return c.driver }

// lockName is the file in a data folder that whoever writes its log locks.
const lockName = "audit.lock"

// fileLock is the lock that keeps a second console off the log. The kernel
// lets go of it when the process ends, however it ends.
type fileLock struct{ file *os.File }

// Close lets go of the lock. There may be none.
func (l fileLock) Close() error {
	if l.file == nil {
		return nil
	}
	return files.Unlock(l.file)
}

// ErrFolderInUse says that a console, or a command that writes, has the folder.
var ErrFolderInUse = errors.New("another console uses this data folder")

func lockFile(path string) (fileLock, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fileLock{}, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return fileLock{}, fmt.Errorf("%w (%s is locked): stop it first", ErrFolderInUse, path)
	}
	return fileLock{f}, nil
}

// sqliteConn is what database/sql uses of a connection of SQLite's driver.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type keptStmt interface {
	driver.Stmt
	driver.StmtExecContext
}

// keepingConn is a connection that keeps its statements prepared, those that
// begin and end a transaction too: to parse them takes longer than a small
// commit's rows. It does so only where nothing can interrupt them: a statement
// that was interrupted at its end may have taken place, which the driver's own
// transactions know how to tell.
type keepingConn struct {
	sqliteConn
	kept   map[string]keptStmt
	within bool // a transaction has begun
	lazy   bool // it does not wait for the disk: see Lazily
	unsafe bool // it may not wait for the disk again
}

// lazily marks the contexts of Lazily.
type lazily struct{}

// Lazily returns a context in which a commit on SQLite does not wait for the disk:
// everybody sees it at once, and it survives the end of the process, but a power
// cut may undo the last ones. The next commit that waits makes them durable, too.
// It is for the context of BeginTx, or of a statement outside a transaction.
func Lazily(ctx context.Context) context.Context { return context.WithValue(ctx, lazily{}, true) }

// heed makes the connection wait for the disk, or not, as a context wants it. SQLite
// reads that as it parses, which takes longer than a claim's row: of commits in a row
// that need not wait only the first one says so. A transaction stays as it was begun.
func (c *keepingConn) heed(ctx context.Context) error {
	lazy := ctx.Value(lazily{}) != nil
	if c.within || lazy == c.lazy {
		return nil
	}
	level := `PRAGMA synchronous = FULL`
	if lazy {
		level = `PRAGMA synchronous = NORMAL`
	}
	_, err := c.sqliteConn.ExecContext(context.Background(), level, nil)
	if err == nil {
		c.lazy = lazy
	}
	c.unsafe = c.unsafe || c.lazy && !lazy
	return err
}

// ResetSession comes before whoever takes the connection out of the pool uses it: with their context.
func (c *keepingConn) ResetSession(ctx context.Context) error {
	if err := c.heed(ctx); err != nil {
		return errors.Join(driver.ErrBadConn, err)
	}
	return c.sqliteConn.ResetSession(ctx)
}

// IsValid reports whether the pool may keep the connection.
func (c *keepingConn) IsValid() bool { return !c.unsafe && c.sqliteConn.IsValid() }

// maxKept is more than the log has statements.
const maxKept = 32

// QueryContext asks, or executes a statement that returns rows.
func (c *keepingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.heed(ctx); err != nil {
		return nil, err
	}
	return c.sqliteConn.QueryContext(ctx, query, args)
}

// ExecContext executes a statement with values from those that are kept.
func (c *keepingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.heed(ctx); err != nil {
		return nil, err
	}
	if len(args) == 0 || ctx.Done() != nil {
		return c.sqliteConn.ExecContext(ctx, query, args)
	}
	s, err := c.keep(query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args)
}

func (c *keepingConn) keep(query string) (keptStmt, error) {
	if s := c.kept[query]; s != nil {
		return s, nil
	}
	if len(c.kept) == maxKept {
		if err := c.forget(); err != nil {
			return nil, err
		}
	}
	prepared, err := c.Prepare(query)
	if err != nil {
		return nil, err
	}
	s, ok := prepared.(keptStmt)
	if !ok {
		return nil, errors.Join(driver.ErrSkip, prepared.Close())
	}
	c.kept[query] = s
	return s, nil
}

func (c *keepingConn) forget() error {
	var err error
	for _, s := range c.kept {
		err = errors.Join(err, s.Close())
	}
	clear(c.kept)
	return err
}

// Close closes the connection with its statements.
func (c *keepingConn) Close() error { return errors.Join(c.forget(), c.sqliteConn.Close()) }

// BeginTx begins a transaction that writes.
func (c *keepingConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	if err := c.heed(ctx); err != nil {
		return nil, err
	}
	if o.ReadOnly || ctx.Done() != nil {
		return c.sqliteConn.BeginTx(ctx, o)
	}
	if err := c.run(`BEGIN IMMEDIATE`); err != nil {
		return nil, err
	}
	c.within = true
	return c, nil
}

// Commit ends the connection's transaction, also when it fails.
func (c *keepingConn) Commit() error {
	err := c.run(`COMMIT`)
	if err != nil {
		_ = c.run(`ROLLBACK`) // most failures have done that
	}
	c.within = false
	return err
}

// Rollback ends the connection's transaction.
func (c *keepingConn) Rollback() error {
	c.within = false
	return c.run(`ROLLBACK`)
}

func (c *keepingConn) run(query string) error {
	s, err := c.keep(query)
	if err == nil {
		_, err = s.ExecContext(context.Background(), nil)
	}
	return err
}

// askingConn is a connection that keeps its questions prepared: to parse one
// takes about as long as to find what it asks for.
type askingConn struct {
	sqliteConn
	kept map[string]*keptQuery
}

// keptQuery is a prepared question. It is asked once at a time.
type keptQuery struct {
	driver.Stmt
	driver.StmtQueryContext
	asked bool
}

// maxKeptQuery is the longest question that is kept, in bytes.
const maxKeptQuery = 2048

// QueryContext asks a question, by a statement that is kept if there are values.
func (c *askingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if len(args) == 0 || len(query) > maxKeptQuery {
		return c.sqliteConn.QueryContext(ctx, query, args)
	}
	q, err := c.keep(ctx, query)
	if err != nil {
		return nil, err
	}
	if q.asked {
		return c.sqliteConn.QueryContext(ctx, query, args)
	}
	rows, err := q.QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	q.asked = true
	return keptRows{rows, q}, nil
}

func (c *askingConn) keep(ctx context.Context, query string) (*keptQuery, error) {
	if q := c.kept[query]; q != nil {
		return q, nil
	}
	if len(c.kept) == maxKept {
		if err := c.forget(); err != nil {
			return nil, err
		}
	}
	prepared, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	asks, ok := prepared.(driver.StmtQueryContext)
	if !ok {
		return nil, errors.Join(driver.ErrSkip, prepared.Close())
	}
	q := &keptQuery{Stmt: prepared, StmtQueryContext: asks}
	c.kept[query] = q
	return q, nil
}

// forget closes the statements that nobody waits for an answer of.
func (c *askingConn) forget() error {
	var err error
	for text, q := range c.kept {
		if !q.asked {
			err = errors.Join(err, q.Close())
			delete(c.kept, text)
		}
	}
	return err
}

// Close closes the connection with its statements.
func (c *askingConn) Close() error { return errors.Join(c.forget(), c.sqliteConn.Close()) }

// keptRows are the answer of a statement that is kept.
type keptRows struct {
	driver.Rows
	of *keptQuery
}

// Close ends the answer: the question may be asked again.
func (r keptRows) Close() error {
	r.of.asked = false
	return r.Rows.Close()
}
