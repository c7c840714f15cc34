package database

import (
	"slices"
	"strings"
	"testing"
)

// TestUnguarded takes the log's triggers away, one after the other, and has
// others with their names that refuse nothing.
func TestUnguarded(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		db := open(t, t.TempDir(), Audit)
		triggers := pairs(t, db, `SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name`)
		if len(triggers) != 11 {
			t.Errorf("%d triggers", len(triggers))
		}
		for _, tr := range triggers {
			db.become(t, []string{`DROP TRIGGER ` + tr.name}, tr.name)
			db.become(t, []string{`CREATE TRIGGER ` + tr.name + ` BEFORE UPDATE ON edge BEGIN SELECT 1; END`}, tr.name)
			db.become(t, []string{`DROP TRIGGER ` + tr.name, tr.text})
		}
	})
	t.Run("postgresql", func(t *testing.T) {
		db := open(t, postgres(t), Audit)
		triggers := pairs(t, db, `SELECT tgname || ' ON ' || tgrelid::regclass, pg_get_triggerdef(oid) FROM pg_trigger
			WHERE tgrelid::regclass::text IN ('entry', 'tile', 'head', 'checkpoint') AND NOT tgisinternal ORDER BY tgname`)
		if len(triggers) != 10 {
			t.Errorf("%d triggers", len(triggers))
		}
		execute(t, db, `CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`)
		for _, tr := range triggers {
			name, table := word(tr.name, 0), word(tr.name, 2)
			db.become(t, []string{`ALTER TABLE ` + table + ` DISABLE TRIGGER ` + name}, name)
			db.become(t, []string{`DROP TRIGGER ` + tr.name}, name)
			db.become(t, []string{`CREATE TRIGGER ` + name + ` BEFORE INSERT ON ` + table + ` FOR EACH ROW EXECUTE FUNCTION log_is_never_changed()`}, name)
			db.become(t, []string{`DROP TRIGGER ` + tr.name, `CREATE TRIGGER ` + name + ` BEFORE UPDATE ON ` + table + ` FOR EACH ROW EXECUTE FUNCTION nothing()`}, name)
			db.become(t, []string{`DROP TRIGGER ` + tr.name, tr.text})
		}
		db.become(t, []string{`CREATE OR REPLACE FUNCTION head_only_grows() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`}, "head_only_grows")
	})
}

// become executes statements and compares which triggers are missed then.
func (d *DB) become(t *testing.T, statements []string, want ...string) {
	t.Helper()
	for _, s := range statements {
		execute(t, d, s)
	}
	if got, err := d.Unguarded(t.Context()); err != nil || !slices.Equal(got, want) {
		t.Errorf("%q: misses %q, want %q (%v)", statements, got, want, err)
	}
}

func execute(t *testing.T, db *DB, statement string) {
	t.Helper()
	if _, err := db.Write.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

type pair struct{ name, text string }

func pairs(t *testing.T, db *DB, query string) (all []pair) {
	t.Helper()
	rows, err := db.Read.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var p pair
		if err := rows.Scan(&p.name, &p.text); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func word(text string, n int) string { return strings.Fields(text)[n] }
