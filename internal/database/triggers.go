package database

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"coc-console/migrations"
)

// Triggers as the migrations write them: by name, what SQLite keeps of one, or
// when PostgreSQL calls which function.
var (
	sqliteTrigger    = regexp.MustCompile(`(?s)CREATE TRIGGER (\w+) .*?END;`)
	postgresTrigger  = regexp.MustCompile(`CREATE TRIGGER (\w+) BEFORE ([A-Z ]+?) ON (?:\w+\.)?(\w+)\s+FOR EACH (\w+) EXECUTE FUNCTION (?:\w+\.)?(\w+)\(\)`)
	postgresFunction = regexp.MustCompile(`(?s)CREATE FUNCTION (\w+)\(\) RETURNS trigger LANGUAGE plpgsql AS \$\$(.*?)\$\$;`)
)

// Unguarded names those of the log's triggers that are missing, switched off or
// not as this console makes them: nothing else in the database refuses to
// change what was written.
func (d *DB) Unguarded(ctx context.Context) ([]string, error) {
	text, err := migrations.Read(string(d.Engine), string(Audit), "0001_entries.sql")
	if err != nil {
		return nil, err
	}
	wanted, there := map[string]string{}, map[string]string{}
	if d.Engine == SQLite {
		for _, m := range sqliteTrigger.FindAllStringSubmatch(text, -1) {
			wanted[m[1]] = strings.TrimSuffix(m[0], ";")
		}
		err = d.triggers(ctx, there, `SELECT name, sql, '' FROM sqlite_schema WHERE type = 'trigger'`, func(sql, _ string) string { return sql })
	} else {
		functions := map[string]string{}
		for _, m := range postgresFunction.FindAllStringSubmatch(text, -1) {
			functions[m[1]] = m[2]
		}
		for _, m := range postgresTrigger.FindAllStringSubmatch(text, -1) {
			wanted[m[1]] = whenAndWhat(m[0], functions[m[5]])
		}
		err = d.triggers(ctx, there, `SELECT t.tgname, pg_get_triggerdef(t.oid), p.prosrc FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
			WHERE t.tgrelid IN (to_regclass('entry'), to_regclass('tile'), to_regclass('checkpoint'), to_regclass('head'))
			AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')`, whenAndWhat)
	}
	maps.DeleteFunc(wanted, func(name, text string) bool { return there[name] == text })
	return slices.Sorted(maps.Keys(wanted)), err
}

// whenAndWhat describes a trigger of PostgreSQL, which writes its events in
// another order and its table with the schema.
func whenAndWhat(definition, function string) string {
	m := postgresTrigger.FindStringSubmatch(definition)
	if m == nil || !strings.HasSuffix(strings.TrimSpace(definition), "()") {
		return definition
	}
	events := strings.Split(m[2], " OR ")
	slices.Sort(events)
	return strings.Join(append(events, m[3], m[4], m[5], function), " ")
}

// triggers reads those of the database by name, each as describe has it.
func (d *DB) triggers(ctx context.Context, into map[string]string, query string,
	describe func(definition, function string) string) error {
	rows, err := d.Read.QueryContext(ctx, query)
	if err != nil {
		return fmt.Errorf("list the triggers: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name, definition, function string
		if err := rows.Scan(&name, &definition, &function); err != nil {
			return fmt.Errorf("read a trigger: %w", err)
		}
		into[name] = describe(definition, function)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read the triggers: %w", err)
	}
	return nil
}
