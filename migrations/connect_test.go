package migrations

import (
	"context"
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
