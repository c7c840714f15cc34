package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// pgConnector opens connections of a pool to PostgreSQL. A connection whose
// server turns out to take no writes is thrown away, with all that the pool
// opened before: after a failover, or when a guard of the disk has let go, a new
// one reaches a server that does.
type pgConnector struct {
	driver.Connector
	era atomic.Int64 // counts up when what was opened before is to be thrown away
}

func newPGConnector(config *pgx.ConnConfig, settings string) *pgConnector {
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	dialer := &net.Dialer{Timeout: config.ConnectTimeout, Control: boundSends,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: lostAfter / 3, Interval: lostAfter / 3, Count: 2}}
	config.DialFunc = dialer.DialContext
	return &pgConnector{Connector: stdlib.GetConnector(*config, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, settings); err != nil {
			return fmt.Errorf("%s: %w", settings, err)
		}
		return nil
	}))}
}

// boundSends makes a connection end whose peer confirms nothing for lostAfter:
// where the system has no such setting, it ends after the system's own time.
func boundSends(network, _ string, conn syscall.RawConn) error {
	const userTimeout = 0x12 // TCP_USER_TIMEOUT
	if runtime.GOOS != "linux" || !strings.HasPrefix(network, "tcp") {
		return nil
	}
	var failed error
	err := conn.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, userTimeout, int(lostAfter.Milliseconds()))
	})
	return errors.Join(err, failed)
}

// Connect opens a connection.
func (c *pgConnector) Connect(ctx context.Context) (driver.Conn, error) {
	era := c.era.Load() // before: one that is opened while it changes may be to the old server
	conn, err := c.Connector.Connect(ctx)
	if opened, ok := conn.(*stdlib.Conn); ok && err == nil {
		return &pgConn{Conn: opened, of: c, era: era}, nil
	}
	return conn, err
}

// pgConn is a connection to PostgreSQL.
type pgConn struct {
	*stdlib.Conn
	of   *pgConnector
	era  int64
	used bool // it was taken from the pool before
}

// ResetSession is called before a connection is used again.
func (c *pgConn) ResetSession(ctx context.Context) error {
	if c.era != c.of.era.Load() {
		return driver.ErrBadConn
	}
	c.used = true
	return c.Conn.ResetSession(ctx)
}

// IsValid reports whether the pool may keep the connection.
func (c *pgConn) IsValid() bool { return c.era == c.of.era.Load() && !c.Conn.Conn().IsClosed() }

// BeginTx begins a transaction. On a connection that has died nothing was
// begun: the pool takes another.
func (c *pgConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.BeginTx(ctx, o)
	return tx, c.harmless(ctx, err)
}

// QueryContext asks. What reads, outside a transaction, on a connection that
// has died is asked again on another.
func (c *pgConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	repeatable := c.idle() && onlyReads(query)
	rows, err := c.Conn.QueryContext(ctx, query, args)
	if repeatable {
		return rows, c.harmless(ctx, err)
	}
	return rows, c.judge(err)
}

// ExecContext executes a statement. One that a server refused because it takes
// no writes did nothing: outside a transaction, and on a connection that is not
// new, it is tried on a new one.
func (c *pgConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	idle := c.idle()
	result, err := c.Conn.ExecContext(ctx, query, args)
	if err = c.judge(err); idle && c.used && IsReadOnly(err) {
		return result, driver.ErrBadConn
	}
	return result, err
}

// ExecAndCommit executes a transaction's last statement and commits, in one round
// trip. After an error, committing says that the commit may have taken place: it
// has not if the server refused the statement.
func (c *pgConn) ExecAndCommit(ctx context.Context, query string, args []any) (committing bool, err error) {
	var batch pgx.Batch
	batch.Queue(query, args...)
	batch.Queue("commit")
	results := c.Conn.Conn().SendBatch(ctx, &batch)
	_, err = results.Exec()
	if _, refused := errors.AsType[*pgconn.PgError](err); refused {
		_ = results.Close() // which says the same
		return false, c.judge(err)
	}
	if err == nil {
		_, err = results.Exec()
	}
	if e := results.Close(); err == nil {
		err = e
	}
	return true, c.judge(err)
}

// PrepareContext prepares a statement.
func (c *pgConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	idle := c.idle()
	stmt, err := c.Conn.PrepareContext(ctx, query)
	if err == nil {
		if both, ok := stmt.(pgStmt); ok {
			return &pgPrepared{pgStmt: both, conn: c, reads: onlyReads(query)}, nil
		}
	}
	if idle {
		err = c.harmless(ctx, err)
	}
	return stmt, err
}

type pgStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// pgPrepared is a statement of a pgConn.
type pgPrepared struct {
	pgStmt
	conn  *pgConn
	reads bool
}

// QueryContext is pgConn's.
func (s *pgPrepared) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	idle := s.conn.idle()
	rows, err := s.pgStmt.QueryContext(ctx, args)
	if idle && s.reads {
		return rows, s.conn.harmless(ctx, err)
	}
	return rows, s.conn.judge(err)
}

// ExecContext executes it.
func (s *pgPrepared) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	result, err := s.pgStmt.ExecContext(ctx, args)
	return result, s.conn.judge(err)
}

func (c *pgConn) idle() bool { return c.Conn.Conn().PgConn().TxStatus() == 'I' }

// judge looks at what a connection answered: after a refusal to write, the pool
// is opened again.
func (c *pgConn) judge(err error) error {
	if IsReadOnly(err) {
		c.of.era.CompareAndSwap(c.era, c.era+1)
	}
	return err
}

// harmless is judge for what may be tried again: of a connection that has died
// it becomes the error that makes the pool take another.
func (c *pgConn) harmless(ctx context.Context, err error) error {
	if c.judge(err) != nil && ctx.Err() == nil && IsLost(err) {
		return driver.ErrBadConn
	}
	return err
}

// onlyReads reports whether a statement changes nothing and locks nothing.
func onlyReads(query string) bool {
	text := strings.ToUpper(strings.TrimSpace(query))
	if !strings.HasPrefix(text, "SELECT") && !strings.HasPrefix(text, "WITH") && !strings.HasPrefix(text, "SHOW") {
		return false
	}
	for _, word := range []string{"INSERT", "UPDATE", "DELETE", "ADVISORY"} { // FOR UPDATE is among them
		if strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// IsLost reports whether err says that a connection to PostgreSQL is gone: the
// server ended it, or the network did.
func IsLost(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if _, state := codes(err); state != "" {
		return strings.HasPrefix(state, "57P") || strings.HasPrefix(state, "08")
	}
	if _, dialed := errors.AsType[*pgconn.ConnectError](err); dialed {
		return false // there is no server: another connection does not help
	}
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || strings.Contains(err.Error(), "conn closed")
}
