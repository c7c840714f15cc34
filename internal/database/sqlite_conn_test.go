package database

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"testing"
)

// TestStatementsAreKept: more of them than are kept, and after the table
// they are of has changed.
func TestStatementsAreKept(t *testing.T) {
	ctx := context.WithoutCancel(t.Context()) // only these are kept
	db := open(t, t.TempDir(), Audit)
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := db.Write.ExecContext(ctx, query, args...); err != nil {
			t.Fatal(query, err)
		}
	}
	exec(`CREATE TABLE numbers (n INTEGER)`)
	for i := range 2 * maxKept {
		exec(fmt.Sprintf(`INSERT INTO numbers (n) VALUES ($1 + %d)`, i), 1)
	}
	exec(`ALTER TABLE numbers ADD COLUMN m INTEGER DEFAULT 7`)
	for i := range 2 * maxKept {
		exec(fmt.Sprintf(`INSERT INTO numbers (n) VALUES ($1 + %d)`, i), 1)
	}
	var rows, sum int
	if err := db.Read.QueryRowContext(ctx, `SELECT count(*), sum(m) FROM numbers`).Scan(&rows, &sum); err != nil || rows != 4*maxKept || sum != 7*rows {
		t.Error(rows, sum, err)
	}
}

// TestTransactionsEnd: by a commit, by one that fails, or by a rollback, with
// and without a context that may end, and the next can begin.
func TestTransactionsEnd(t *testing.T) {
	for name, ctx := range map[string]context.Context{"kept": context.WithoutCancel(t.Context()), "not kept": t.Context()} {
		t.Run(name, func(t *testing.T) {
			db := open(t, t.TempDir(), Audit)
			if _, err := db.Write.ExecContext(ctx, `CREATE TABLE parent (n INTEGER PRIMARY KEY);
				CREATE TABLE child (n INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)`); err != nil {
				t.Fatal(err)
			}
			for _, tt := range []struct {
				insert   string
				rollback bool
				fails    bool
				rows     int
			}{
				{`INSERT INTO parent (n) VALUES ($1)`, false, false, 1},
				{`INSERT INTO child (n) VALUES ($1 + 1)`, false, true, 1}, // the commit finds no parent
				{`INSERT INTO child (n) VALUES ($1)`, true, false, 1},
				{`INSERT INTO child (n) VALUES ($1)`, false, false, 2},
			} {
				tx, err := db.Write.BeginTx(ctx, nil)
				if err != nil {
					t.Fatal(tt.insert, err)
				}
				if _, err := tx.ExecContext(ctx, tt.insert, 1); err != nil {
					t.Fatal(tt.insert, err)
				}
				end := tx.Commit
				if tt.rollback {
					end = tx.Rollback
				}
				if err := end(); (err != nil) != tt.fails {
					t.Error(tt.insert, err)
				}
				var rows int
				if err := db.Read.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM parent) + (SELECT count(*) FROM child)`).Scan(&rows); err != nil || rows != tt.rows {
					t.Errorf("after %s there are %d rows, not %d (%v)", tt.insert, rows, tt.rows, err)
				}
			}
		})
	}
}

// TestKeptQuestions asks more questions than a connection keeps, the same one
// again while it is being answered, after it was interrupted, and after the
// table it asks about was made again.
func TestKeptQuestions(t *testing.T) {
	db, err := Open(t.Context(), t.TempDir(), Search)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for field := range 3 {
		if _, err := db.Write.ExecContext(t.Context(), `INSERT INTO value (field, folded, value) VALUES ($1, 'a', 'b')`, fmt.Sprint(field)); err != nil {
			t.Fatal(err)
		}
	}
	conn, err := db.Read.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	const question = `SELECT field FROM value WHERE folded = $1 ORDER BY field`
	ask := func(ctx context.Context, at func(n int)) (n int, err error) { // at is called for each row
		rows, err := conn.QueryContext(ctx, question, "a")
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		for ; rows.Next(); n++ {
			var field string
			if err := rows.Scan(&field); err != nil || field != fmt.Sprint(n) {
				return n, fmt.Errorf("row %d is of %q (%w)", n, field, err)
			}
			at(n)
		}
		return n, rows.Err()
	}
	count := func(what string, want int) {
		t.Helper()
		if n, err := ask(t.Context(), func(int) {}); err != nil || n != want {
			t.Errorf("%s: %d, %v", what, n, err)
		}
	}
	count("first", 3)
	for i := range 2 * maxKept {
		var n int
		if err := conn.QueryRowContext(t.Context(), fmt.Sprintf(`SELECT %d + $1`, i), 1).Scan(&n); err != nil || n != i+1 {
			t.Fatal(i, n, err)
		}
	}
	count("after many others", 3)
	if n, err := ask(t.Context(), func(int) { count("while it is being answered", 3) }); err != nil || n != 3 {
		t.Error(n, err)
	}
	ended, end := context.WithCancel(t.Context())
	if _, err := ask(ended, func(int) { end(); <-ended.Done() }); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	count("after it was interrupted", 3)
	for _, s := range []string{`DROP TABLE value`, `CREATE TABLE value (folded TEXT, field TEXT)`, `INSERT INTO value VALUES ('a', '0')`} {
		if _, err := db.Write.ExecContext(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	count("of another table", 1)
}

// TestLazily: only a transaction, or a statement, that was begun so does not wait for the disk. Several in a row say so
// once; whoever comes next waits, also with a statement that was prepared before, on a connection of its own, and where
// rows are returned.
func TestLazily(t *testing.T) {
	for name, ctx := range map[string]context.Context{"kept": context.WithoutCancel(t.Context()), "not kept": t.Context()} {
		t.Run(name, func(t *testing.T) {
			db := open(t, t.TempDir(), Console)
			level := func(from interface {
				QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
			}, want int) {
				t.Helper()
				var got int
				if err := from.QueryRowContext(ctx, `PRAGMA synchronous`).Scan(&got); err != nil || got != want {
					t.Errorf("synchronous is %d, want %d (%v)", got, want, err)
				}
			}
			const insert = `INSERT INTO one_time_key (key, session_id, ticket, created_at) VALUES ($1, '', '', 0)`
			prepared, err := db.Write.PrepareContext(Lazily(ctx), `SELECT synchronous FROM pragma_synchronous`)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = prepared.Close() }()
			insertLazily := func() {
				t.Helper()
				if _, err := db.Write.ExecContext(Lazily(context.WithoutCancel(ctx)), insert, rand.Text()); err != nil {
					t.Error(err)
				}
				var got int
				if err := db.Write.QueryRowContext(Lazily(ctx), `PRAGMA synchronous`).Scan(&got); err != nil || got != 1 {
					t.Errorf("the next one of those that need not wait finds synchronous at %d, want 1 (%v)", got, err)
				}
			}
			insertLazily()
			var got int
			if err := prepared.QueryRowContext(ctx).Scan(&got); err != nil || got != 2 {
				t.Errorf("a prepared statement finds synchronous at %d, want 2 (%v)", got, err)
			}
			insertLazily()
			level(db.Write, 2)
			conn, err := db.Write.Conn(Lazily(ctx))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := conn.ExecContext(Lazily(ctx), insert, rand.Text()); err != nil {
				t.Error(err)
			}
			level(conn, 2)
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
			for i, lazy := range []bool{true, false, true} {
				in := ctx
				if lazy {
					in = Lazily(context.WithoutCancel(ctx))
				}
				tx, err := db.Write.BeginTx(in, nil)
				if err != nil {
					t.Fatal(err)
				}
				level(tx, map[bool]int{true: 1, false: 2}[lazy])
				if _, err := tx.ExecContext(ctx, insert, fmt.Sprint(i)); err != nil {
					t.Error(err)
				}
				if err := map[bool]func() error{true: tx.Commit, false: tx.Rollback}[i != 2](); err != nil {
					t.Error(err)
				}
				level(db.Write, 2)
				if _, err := db.Write.ExecContext(Lazily(ctx), insert, fmt.Sprint(i, "alone")); err != nil {
					t.Error(err)
				}
				if _, err := db.Write.ExecContext(Lazily(ctx), `INSERT INTO nothing VALUES ($1)`, 1); err == nil {
					t.Error("a statement that is wrong succeeds")
				}
				level(db.Write, 2)
			}
		})
	}
}
