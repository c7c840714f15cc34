package migrations

import (
	"context"
	"database/sql/driver"
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
}

func (d *DB) connector(store Store, readOnly bool) driver.Connector {
	return sqliteConnector{&sqlite.Driver{}, dataSource(d.Path, store, readOnly), d.Unmoved}
}

func (c sqliteConnector) Connect(context.Context) (driver.Conn, error) {
	if err := c.unmoved(); err != nil {
		return nil, err
	}
	return c.driver.Open(c.dsn)
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
