package migrations

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"syscall"

	"modernc.org/sqlite"
)

// sqliteConnector opens connections of one file without the driver registry,
// and none of another file that has taken its place.
type sqliteConnector struct {
	driver  *sqlite.Driver
	dsn     string
	unmoved func() error
	keeps   bool // prepared statements: see keepingConn
}

func (d *DB) connector(store Store, readOnly bool) driver.Connector {
	conns := &sqlite.Driver{}
	if d.readers != nil {
		conns = &d.readers.driver
	}
	return sqliteConnector{conns, dataSource(d.Path, store, readOnly), d.Unmoved, store == Audit && !readOnly}
}

func (c sqliteConnector) Connect(context.Context) (driver.Conn, error) {
	if err := c.unmoved(); err != nil {
		return nil, err
	}
	conn, err := c.driver.Open(c.dsn)
	if opened, ok := conn.(sqliteConn); ok && err == nil && c.keeps {
		return &keepingConn{sqliteConn: opened, kept: map[string]keptStmt{}}, nil
	}
	return conn, err
}

// Driver returns SQLite's driver.
func (c sqliteConnector) Driver() driver.Driver { return c.driver }

// lockName is the file in a data folder that whoever writes its log locks.
const lockName = "audit.lock"

// lockFile takes the lock that keeps a second console off the log. The kernel
// lets go of it when the process ends, however it ends.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("another console uses this data folder (%s is locked)", path)
	}
	return f, nil
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
	kept map[string]keptStmt
}

// maxKept is more than the log has statements.
const maxKept = 32

// ExecContext executes a statement with values from those that are kept.
func (c *keepingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
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
	if o.ReadOnly || ctx.Done() != nil {
		return c.sqliteConn.BeginTx(ctx, o)
	}
	return c, c.run(`BEGIN IMMEDIATE`)
}

// Commit ends the connection's transaction, also when it fails.
func (c *keepingConn) Commit() error {
	err := c.run(`COMMIT`)
	if err != nil {
		_ = c.run(`ROLLBACK`) // most failures have done that
	}
	return err
}

// Rollback ends the connection's transaction.
func (c *keepingConn) Rollback() error { return c.run(`ROLLBACK`) }

func (c *keepingConn) run(query string) error {
	s, err := c.keep(query)
	if err == nil {
		_, err = s.ExecContext(context.Background(), nil)
	}
	return err
}
