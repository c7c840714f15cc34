package database

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net/url"
	"os"
	"strings"
	"testing"
)

// own returns the address of an empty schema of a role of its own, whose
// settings a test may change, and a connection that may change them.
func own(t *testing.T) (dsn, role string, admin *sql.DB) {
	t.Helper()
	base := os.Getenv("COC_CONSOLE_TEST_POSTGRES")
	if base == "" {
		base = "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"
	}
	admin, err := sql.Open("pgx", base)
	noError(t, err)
	t.Cleanup(func() { _ = admin.Close() })
	if err := admin.PingContext(t.Context()); err != nil {
		t.Skipf("no PostgreSQL to test with: %v", err)
	}
	role = "role_" + strings.ToLower(rand.Text())
	for _, statement := range []string{`CREATE ROLE ` + role + ` LOGIN`, `CREATE SCHEMA ` + role + ` AUTHORIZATION ` + role} {
		_, err := admin.ExecContext(t.Context(), statement)
		noError(t, err)
	}
	t.Cleanup(func() {
		for _, statement := range []string{`DROP SCHEMA ` + role + ` CASCADE`, `DROP OWNED BY ` + role, `DROP ROLE ` + role} {
			if _, err := admin.ExecContext(context.Background(), statement); err != nil {
				t.Error(err)
			}
		}
	})
	u, err := url.Parse(base)
	noError(t, err)
	u.User = url.User(role)
	q := u.Query()
	q.Set("search_path", role)
	u.RawQuery = q.Encode()
	return u.String(), role, admin
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// busy makes a pool open so many connections, and gives them back.
func busy(t *testing.T, pool *sql.DB, n int) {
	t.Helper()
	conns := make([]*sql.Conn, n)
	for i := range conns {
		var err error
		conns[i], err = pool.Conn(t.Context())
		noError(t, err)
	}
	for _, conn := range conns {
		noError(t, conn.Close())
	}
}

// kill has the server end all connections of the role.
func kill(t *testing.T, admin *sql.DB, role string) {
	t.Helper()
	for {
		var left int
		noError(t, admin.QueryRowContext(t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = $1`, role).Scan(&left))
		if left == 0 {
			return
		}
	}
}

// TestEndedConnections: the server has ended every connection of a pool. What
// reads, and what begins a transaction, does not notice.
func TestEndedConnections(t *testing.T) {
	dsn, role, admin := own(t)
	db, err := Open(t.Context(), dsn, Console)
	noError(t, err)
	defer func() { noError(t, db.Close()) }()
	var n int
	prepared, err := db.Read.PrepareContext(t.Context(), `SELECT count(*) FROM one_time_key WHERE key <> $1`)
	noError(t, err)
	defer func() { noError(t, prepared.Close()) }()
	for name, read := range map[string]func() error{
		"a question": func() error {
			return db.Read.QueryRowContext(t.Context(), `SELECT count(*) FROM one_time_key`).Scan(&n)
		},
		"one with a value":    func() error { return db.Read.QueryRowContext(t.Context(), `SELECT $1 + 1`, 1).Scan(&n) },
		"a prepared question": func() error { return prepared.QueryRowContext(t.Context(), "x").Scan(&n) },
		"a recursive question": func() error {
			return db.Read.QueryRowContext(t.Context(), `WITH a AS (SELECT 1 AS n) SELECT n FROM a`).Scan(&n)
		},
		"a transaction": func() error {
			tx, err := db.Write.BeginTx(t.Context(), nil)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(t.Context(), `INSERT INTO one_time_key (key, session_id, ticket, created_at) VALUES ($1, '', '', 0)`, rand.Text()); err != nil {
				return err
			}
			return tx.Commit()
		},
	} {
		busy(t, db.Read, 3)
		kill(t, admin, role)
		if err := read(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	busy(t, db.Write, 3)
	kill(t, admin, role)
	// A statement that writes may have been executed: its caller is told.
	if _, err := db.Write.ExecContext(t.Context(), `DELETE FROM one_time_key`); err == nil || !IsLost(err) {
		t.Errorf("a statement of its own got %v", err)
	}
	if _, err := db.Write.ExecContext(t.Context(), `DELETE FROM one_time_key`); err != nil && !IsLost(err) {
		t.Error(err)
	}
}

// TestServerThatTakesWritesAgain: connections from a time in which the server
// took no writes are thrown away, also those that have not found out.
func TestServerThatTakesWritesAgain(t *testing.T) {
	dsn, role, admin := own(t)
	db, err := Open(t.Context(), dsn, Console)
	noError(t, err)
	defer func() { noError(t, db.Close()) }()
	set := func(on string) {
		t.Helper()
		_, err := admin.ExecContext(t.Context(), `ALTER ROLE `+role+` SET default_transaction_read_only = `+on)
		noError(t, err)
	}
	insert := func() error {
		_, err := db.Write.ExecContext(t.Context(), `INSERT INTO one_time_key (key, session_id, ticket, created_at) VALUES ($1, '', '', 0)`, rand.Text())
		return err
	}
	within := func() error {
		tx, err := db.Write.BeginTx(t.Context(), nil)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(t.Context(), `DELETE FROM one_time_key`)
		if err != nil {
			_ = tx.Rollback()
			return err
		}
		return tx.Commit()
	}
	for name, write := range map[string]func() error{"a statement": insert, "a transaction": within} {
		set("on")
		kill(t, admin, role)
		busy(t, db.Write, 4) // all of them take no writes
		if err := write(); !IsReadOnly(err) {
			t.Errorf("%s: the server takes no writes, and the answer is %v", name, err)
		}
		set("off")
		busy(t, db.Write, 4)
		if err := write(); err != nil {
			t.Errorf("%s: the server takes writes again, and the answer is %v", name, err)
		}
	}
	set("on")
	kill(t, admin, role)
	busy(t, db.Write, 4)
	set("off") // nobody has written meanwhile
	if err := insert(); err != nil {
		t.Errorf("the first statement on an old connection got %v", err)
	}
}

func TestOnlyReads(t *testing.T) {
	for query, want := range map[string]bool{
		`SELECT 1`: true, ` select a from b where c = $1`: true, "WITH x AS (SELECT 1) SELECT * FROM x": true, `SHOW jit`: true,
		`SELECT 1 FROM head FOR UPDATE`: false, `WITH x AS (INSERT INTO a VALUES (1) RETURNING 1) SELECT * FROM x`: false,
		`INSERT INTO a VALUES (1) RETURNING 1`: false, `UPDATE a SET b = 1 RETURNING b`: false, `SELECT pg_advisory_lock(1)`: false,
		`DELETE FROM a`: false, ``: false,
	} {
		if got := onlyReads(query); got != want {
			t.Errorf("%q: %v", query, got)
		}
	}
}

// TestExecAndCommit: a statement and its commit are one request; a statement that
// is refused leaves the transaction to its rollback.
func TestExecAndCommit(t *testing.T) {
	db := open(t, postgres(t), Audit)
	if _, err := db.Write.ExecContext(t.Context(), `CREATE TABLE number (n BIGINT PRIMARY KEY)`); err != nil {
		t.Fatal(err)
	}
	run := func(n int64) (committing bool, err error) {
		conn, err := db.Write.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		err = conn.Raw(func(c any) error {
			pg, ok := c.(*pgConn)
			if !ok {
				t.Fatalf("it is a %T", c)
			}
			tx, err := pg.BeginTx(t.Context(), driver.TxOptions{})
			if err != nil {
				return err
			}
			if committing, err = pg.ExecAndCommit(t.Context(), `INSERT INTO number VALUES ($1)`, []any{n}); !committing {
				return errors.Join(err, tx.Rollback())
			}
			return err
		})
		return committing, err
	}
	if committing, err := run(1); err != nil || !committing {
		t.Errorf("committing %v: %v", committing, err)
	}
	if committing, err := run(1); !IsUnique(err) || committing {
		t.Errorf("the same again: committing %v: %v", committing, err)
	}
	var n int
	if err := db.Read.QueryRowContext(t.Context(), `SELECT count(*) FROM number`).Scan(&n); err != nil || n != 1 {
		t.Errorf("%d rows (%v)", n, err)
	}
}
