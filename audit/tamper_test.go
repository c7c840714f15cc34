package audit_test

import (
	"database/sql"
	"testing"

	"coc-console/audit"
)

// tables of the log, with all that guards them.
var tables = []string{"entry", "tile", "head", "edge", "checkpoint"}

// unguard removes the triggers, as whoever can write the database may.
func (o *opened) unguard(t testing.TB) {
	t.Helper()
	if !o.sqlite() {
		for _, table := range tables {
			execute(t, o.entry, `ALTER TABLE `+table+` DISABLE TRIGGER ALL`)
		}
		return
	}
	for _, name := range column[string](t, o.entry.Read, `SELECT name FROM sqlite_schema WHERE type = 'trigger'`) {
		execute(t, o.entry, `DROP TRIGGER `+name)
	}
}

// rehead makes the head fit the entries, as an attacker without the key can.
func (o *opened) rehead(t testing.TB) {
	t.Helper()
	bodies := column[[]byte](t, o.entry.Write, `SELECT body FROM entry ORDER BY seq`)
	root, frontier, _ := audit.Head(bodies)
	execute(t, o.entry, `UPDATE head SET size = $1, last_ts = (SELECT coalesce(max(ts), 0) FROM entry), root = $2, frontier = $3`,
		len(bodies), root, frontier)
}

// column reads the only column of a query.
func column[T any](t testing.TB, db *sql.DB, query string, args ...any) []T {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer func() { _ = rows.Close() }()
	var out []T
	for rows.Next() {
		var v T
		if err := rows.Scan(&v); err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
