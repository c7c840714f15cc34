package system

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coc-console/audit"
	"coc-console/internal/database"
)

// attack is what somebody does who can write the database, and all that audit
// verify then says.
type attack struct {
	name string
	do   func(v *victim)
	want []string
}

// statements are an attack of a few words of SQL.
func statements(all ...string) func(v *victim) {
	return func(v *victim) {
		for _, s := range all {
			v.exec(s)
		}
	}
}

// each is a finding about each of some records.
func each(finding string, from, to int) (all []string) {
	for seq := from; seq <= to; seq++ {
		all = append(all, fmt.Sprintf(finding, seq))
	}
	return all
}

// says are findings, each of one line.
func says(findings ...string) []string { return findings }

const (
	missingRecord = "record.missing: the record %d is missing"
	alteredTile   = "tile.altered: the hash of the record %d in tile/8/0/000 was changed"
	alteredEdge   = "tile.altered: the hash of the record %d in tile/8/0/002.p/88 was changed"
	wrong17       = "record.altered: the record 17 is not the one that was written"
	wrongRoot300  = "checkpoint.root: the first 300 records are not those of the checkpoint"
	wrongRoot600  = "checkpoint.root: the first 600 records are not those of the checkpoint"
	wrongHead     = "head.altered: the head's root is not that of the 600 records"
	wrongSubtrees = "head.altered: the head's subtrees are not those of the records"
	wrongTime     = "head.altered: the head's time is not that of the last record"
	wrongEdge     = "head.altered: the head does not have the leaves of the last tile"
	rolledBack    = "log.rolled_back: a checkpoint of 600 records is signed, and the log has %d"
	badSignature  = "checkpoint.signature: %s is not signed by a known key: invalid signature for key KEY"
	noSignature   = "checkpoint.signature: %s is not signed by a known key: note has no verifiable signatures"
	otherLog      = "checkpoint.signature: %s is one of the log %q, not of %q"
)

// signers are what is signed.
var signers = []string{"the checkpoint 1", "the checkpoint 2", "the head's checkpoint"}

// ofAll is a finding about each of what is signed.
func ofAll(finding string, args ...any) (all []string) {
	for _, s := range signers {
		all = append(all, fmt.Sprintf(finding, append([]any{s}, args...)...))
	}
	return all
}

// columnAttacks changes each column of the log's tables, by its name.
var columnAttacks = map[string]attack{
	"entry.seq": {do: statements(`UPDATE entry SET seq = 1000000 WHERE seq = 18`),
		want: says("record.extra: the record 1000000 is not among the log's 600", "record.missing: the record 18 is missing")},
	"entry.ts":   {do: statements(`UPDATE entry SET ts = ts - 1 WHERE seq = 17`), want: says("record.number: the record 17: it is the record 17 of TIME")},
	"entry.body": {do: func(v *victim) { v.flip("entry", "body", "seq = 17", 100) }, want: says(wrong17)},
	"tile.l": {do: statements(`UPDATE tile SET l = 1 WHERE n = 1`),
		want: says("tile.extra: there are no records for tile/8/1/001", "tile.missing: tile/8/0/001 is missing")},
	"tile.n": {do: statements(`UPDATE tile SET n = 7 WHERE n = 1`),
		want: says("tile.extra: there are no records for tile/8/0/007", "tile.missing: tile/8/0/001 is missing")},
	"tile.d": {do: func(v *victim) { v.flip("tile", "d", "n = 1", 8191) },
		want: says("tile.altered: the hash of the record 512 in tile/8/0/001 was changed")},
	"head.id": {do: statements(`UPDATE head SET id = 2`), want: says("head.altered: the head is missing")},
	"head.size": {do: statements(`UPDATE head SET size = 599`),
		want: says("head.altered: the head's root is not that of the 599 records", wrongSubtrees, wrongTime,
			fmt.Sprintf(rolledBack, 599), fmt.Sprintf(rolledBack, 599), "record.extra: the record 600 is not among the log's 599")},
	"head.last_ts":  {do: statements(`UPDATE head SET last_ts = last_ts + 1`), want: says(wrongTime)},
	"head.root":     {do: func(v *victim) { v.flip("head", "root", "id = 1", 0) }, want: says(wrongHead)},
	"head.frontier": {do: func(v *victim) { v.flip("head", "frontier", "id = 1", 0) }, want: says(wrongSubtrees)},
	"head.origin":   {do: statements(`UPDATE head SET origin = ''`), want: ofAll(otherLog, "example.com/log", "")},
	"head.note": {do: func(v *victim) { v.flip("head", "note", "id = 1", 20) },
		want: says(fmt.Sprintf(badSignature, "the head's checkpoint"))},
	"head.pruned": {do: statements(`UPDATE head SET pruned = 256`),
		want: says("log.pruned: the records up to 256 are marked as removed, and no record says so")},
	"edge.id":     {do: statements(`UPDATE edge SET id = 2`), want: says(wrongEdge)},
	"edge.leaves": {do: func(v *victim) { v.flip("edge", "leaves", "id = 1", 0) }, want: each(alteredEdge, 513, 513)},
	"checkpoint.n": {do: statements(`UPDATE checkpoint SET n = 3 WHERE n = 2`),
		want: says("checkpoint.altered: the checkpoint 3 of 600 records, of TIME, says that it is number 2, of 600 records, of TIME",
			"checkpoint.missing: the checkpoint 2 is missing", "head.altered: the head's checkpoint knows 2 others, and 3 are kept")},
	"checkpoint.size": {do: statements(`UPDATE checkpoint SET size = 301 WHERE n = 1`),
		want: says("checkpoint.altered: the checkpoint 1 of 301 records, of TIME, says that it is number 1, of 300 records, of TIME")},
	"checkpoint.ts": {do: statements(`UPDATE checkpoint SET ts = ts + 1 WHERE n = 1`),
		want: says("checkpoint.altered: the checkpoint 1 of 300 records, of TIME, says that it is number 1, of 300 records, of TIME")},
	"checkpoint.note": {do: func(v *victim) { v.flip("checkpoint", "note", "n = 1", 20) }, want: says(fmt.Sprintf(badSignature, "the checkpoint 1"))},
}

// TestEveryColumnOfTheLog changes each column that the schema has: one that is
// added needs an attack.
func TestEveryColumnOfTheLog(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(v *victim) {
		v.unsearched()
		names := map[string]bool{}
		for _, table := range v.tables(v.log) {
			if strings.HasSuffix(table, "_schema_version") || v.log.Engine == database.PostgreSQL && slices.Contains(otherTables, table) {
				continue
			}
			for _, column := range v.columns(v.log, table) {
				names[table+"."+column] = true
			}
		}
		for name := range columnAttacks {
			if !names[name] {
				v.t.Errorf("there is no column %s", name)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(names)) {
			a, ok := columnAttacks[name]
			if a.name = name; !ok {
				v.t.Errorf("nobody tampers with %s", name)
				continue
			}
			v.attack(a)
		}
	})
}

// otherTables are those of the search tables, which on PostgreSQL lie beside
// the log's.
var otherTables = []string{"record", "value", "open_operation", "followed", "operation", "ticket_name", "tally"}

// tables are those of a store, without SQLite's own and without the copies
// that the log is mended from.
func (v *victim) tables(db *database.DB) []string {
	v.t.Helper()
	query := `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'saved_%'`
	if db.Engine == database.PostgreSQL {
		query = `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() AND table_name NOT LIKE 'saved_%'`
	}
	return valuesIn[string](v, db, query)
}

func (v *victim) columns(db *database.DB, table string) []string {
	v.t.Helper()
	rows, err := db.Write.QueryContext(v.t.Context(), `SELECT * FROM `+table+` WHERE 1 = 0`)
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err := errors.Join(err, rows.Err()); err != nil {
		v.t.Fatal(err)
	}
	return names
}

// attack does it, compares what is found, and mends the log.
func (v *victim) attack(a attack, args ...string) {
	v.t.Helper()
	outer := v.t
	v.t.Run(a.name, func(t *testing.T) {
		v.t = t
		defer func() { v.mend(); v.t = outer }()
		a.do(v)
		got := v.found(args...)
		if slices.Sort(a.want); !slices.Equal(got, a.want) {
			t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(a.want, "\n\t"))
		}
	})
}

// rewritten is an attack after which all fits again but what is signed.
func rewritten(change func(all []row) []row) func(v *victim) {
	return func(v *victim) { v.rewrite(change(v.rows())) }
}

// recordAttacks are those on records and their hashes.
func recordAttacks() []attack {
	return []attack{
		{"one byte", func(v *victim) { v.flip("entry", "body", "seq = 590", 90) },
			says("record.altered: the record 590 is not the one that was written")},
		{"a record and its leaf", func(v *victim) {
			v.edit(17)
			v.exec(`UPDATE tile SET d = $1 WHERE n = 0`, bytes.Join(v.leaves()[:256], nil))
		}, says(wrongRoot300, wrongHead, wrongSubtrees)},
		{"a record and the whole tree", func(v *victim) { v.edit(17); v.rehash(v.leaves()) }, says(wrongRoot300)},
		{"a record of the last tile and the whole tree", func(v *victim) { v.edit(590); v.rehash(v.leaves()) }, says(wrongRoot600)},
		{"a record, the tree, signed with another key", func(v *victim) {
			v.edit(17)
			v.rehash(v.leaves())
			v.resign(audit.NewKey())
		}, ofAll(noSignature)},
		{"the first deleted", statements(`DELETE FROM entry WHERE seq = 1`), each(missingRecord, 1, 1)},
		{"one deleted", statements(`DELETE FROM entry WHERE seq = 300`), each(missingRecord, 300, 300)},
		{"the last deleted", statements(`DELETE FROM entry WHERE seq = 600`), append(each(missingRecord, 600, 600), wrongTime)},
		{"two adjacent deleted", statements(`DELETE FROM entry WHERE seq IN (300, 301)`), each(missingRecord, 300, 301)},
		{"all deleted", statements(`DELETE FROM entry`), append(each(missingRecord, 1, 600), wrongTime)},
		{"one deleted, the rest moved up", rewritten(func(all []row) []row { return slices.Delete(all, 16, 17) }),
			says(wrongRoot300, wrongEdge, fmt.Sprintf(rolledBack, 599), fmt.Sprintf(rolledBack, 599))},
		{"one inserted before the first", rewritten(func(all []row) []row { return slices.Insert(all, 0, all[400]) }), says(wrongRoot300, wrongEdge)},
		{"one inserted", rewritten(func(all []row) []row { return slices.Insert(all, 16, all[400]) }), says(wrongRoot300, wrongEdge)},
		{"one inserted at the end", statements(`INSERT INTO entry (seq, ts, body) SELECT 601, ts + 1, body FROM entry WHERE seq = 600`),
			says("record.extra: the record 601 is not among the log's 600")},
		{"one moved", rewritten(func(all []row) []row {
			moved := all[16]
			return slices.Insert(slices.Delete(all, 16, 17), 400, moved)
		}), says(wrongRoot300)},
		{"two swapped and renumbered", rewritten(func(all []row) []row { all[16], all[400] = all[400], all[16]; return all }), says(wrongRoot300)},
		{"two swapped", statements(`UPDATE entry SET seq = 418 - seq WHERE seq IN (17, 401)`),
			says(wrong17, "record.altered: the record 401 is not the one that was written",
				"record.number: the record 17: it is the record 401 of TIME", "record.number: the record 401: it is the record 17 of TIME",
				"record.order: the record 18 is not later than the one before", "record.order: the record 401 is not later than the one before")},
		{"a number before the first", statements(`UPDATE entry SET seq = 0 WHERE seq = 17`),
			says("record.extra: the record 0 is not among the log's 600", "record.missing: the record 17 is missing")},
		{"one twice", statements(`INSERT INTO entry (seq, ts, body) SELECT seq, ts, body FROM entry WHERE seq = 17`),
			says("record.extra: there is more than one record 17", "record.order: the record 17 is not later than the one before")},
		{"a tile twice", statements(`INSERT INTO tile SELECT * FROM tile WHERE n = 1`), says("tile.extra: there is more than one tile/8/0/001")},
		{"a tile cut short", func(v *victim) { v.exec(`UPDATE tile SET d = $1 WHERE n = 1`, make([]byte, 8160)) },
			says("tile.altered: tile/8/0/001 does not have 256 hashes")},
		{"adjacent tiles deleted", statements(`DELETE FROM tile`), says("tile.missing: tile/8/0/000 is missing", "tile.missing: tile/8/0/001 is missing")},
		{"every hash of a tile", func(v *victim) { v.exec(`UPDATE tile SET d = $1 WHERE n = 0`, make([]byte, 8192)) }, each(alteredTile, 1, 256)},
		{"every hash of the edge", func(v *victim) { v.exec(`UPDATE edge SET leaves = $1`, make([]byte, 88*32)) }, each(alteredEdge, 513, 600)},
	}
}

func TestTamperedRecords(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(v *victim) {
		v.unsearched()
		for _, a := range recordAttacks() {
			v.attack(a)
		}
	})
}

// checkpointAttacks are those on what is signed. That each field of the kept
// checkpoint is covered by its signature is seen by changing it.
func checkpointAttacks() []attack {
	badly := says(fmt.Sprintf(badSignature, "the checkpoint 1"))
	unknown := says(fmt.Sprintf(noSignature, "the checkpoint 1"))
	return []attack{
		{"origin", func(v *victim) { v.field(0, "example.com/other") }, badly},
		{"size", func(v *victim) { v.field(1, "299") }, badly},
		{"root", func(v *victim) { v.field(2, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=") }, badly},
		{"time", func(v *victim) { v.field(3, "ts 1") }, badly},
		{"how many are kept", func(v *victim) { v.field(4, "kept 7") }, badly},
		{"name of the key", func(v *victim) { v.signature(func(f []string) { f[1] = "example.com/other" }) }, unknown},
		{"id of the key", func(v *victim) { v.signature(func(f []string) { f[2] = "AAAA" + f[2][4:] }) }, unknown},
		{"signature", func(v *victim) { v.signature(func(f []string) { f[2] = f[2][:20] + "AAAA" + f[2][24:] }) }, badly},
		{"all signed with another key", func(v *victim) { v.resign(audit.NewKey()) }, ofAll(noSignature)},
		{"one deleted", statements(`DELETE FROM checkpoint WHERE n = 1`), says("checkpoint.missing: the checkpoint 1 is missing")},
		{"two adjacent deleted", statements(`DELETE FROM checkpoint`),
			says("checkpoint.missing: the checkpoint 1 is missing", "checkpoint.missing: the checkpoint 2 is missing")},
		{"every signature removed", func(v *victim) {
			v.exec(`DELETE FROM checkpoint`)
			v.exec(`UPDATE head SET note = $1`, []byte{})
		}, says("checkpoint.missing: no checkpoint is signed: nothing shows that these records are those that were written")},
		{"swapped", statements(`UPDATE checkpoint SET n = 3 - n`),
			says("checkpoint.altered: the checkpoint 1 of 600 records, of TIME, says that it is number 2, of 600 records, of TIME",
				"checkpoint.altered: the checkpoint 2 is older than the one before",
				"checkpoint.altered: the checkpoint 2 of 300 records, of TIME, says that it is number 1, of 300 records, of TIME")},
		{"twice", statements(`INSERT INTO checkpoint SELECT * FROM checkpoint WHERE n = 1`),
			says("checkpoint.altered: there is more than one checkpoint 1")},
		{"head deleted", statements(`DELETE FROM head`), says("head.altered: the head is missing")},
		{"head twice", statements(`INSERT INTO head SELECT * FROM head`), says("head.altered: the table head has 2 rows, and should have one")},
		{"edge deleted", statements(`DELETE FROM edge`), says(wrongEdge)},
		{"edge twice", statements(`INSERT INTO edge SELECT * FROM edge`), says("head.altered: the table edge has 2 rows, and should have one")},
		{"another name", statements(`UPDATE head SET origin = 'example.com/other'`), ofAll(otherLog, "example.com/log", "example.com/other")},
	}
}

func TestTamperedCheckpoints(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(v *victim) {
		v.unsearched()
		for _, a := range checkpointAttacks() {
			v.attack(a)
		}
	})
}

// TestOlderClock: a checkpoint that the log's own key signed by a clock that was
// behind is mentioned, and nothing is wrong.
func TestOlderClock(t *testing.T) {
	t.Parallel()
	for engine, dsn := range map[string]func(*testing.T) string{
		"sqlite":     func(t *testing.T) string { return filepath.Join(t.TempDir(), "data") },
		"postgresql": emptySchema,
	} {
		t.Run(engine, func(t *testing.T) {
			v := newGuarded(t, dsn(t), "example.com/log")
			behind := values[int64](v, `SELECT ts FROM checkpoint WHERE n = 2`)[0] - 200_000
			v.exec(`INSERT INTO checkpoint (n, size, ts, note) VALUES (3, $1, $2, $3)`, victimSize, behind, v.noteAt(v.secret, victimSize, 3, behind))
			v.exec(`UPDATE head SET note = (SELECT note FROM checkpoint WHERE n = 3)`)
			const note = "note: checkpoint.clock: the checkpoint 3 was signed by a clock that was 200ms behind the one before; nothing was changed\n"
			if out := v.command("verify", "--public-key", v.key, "--anchor", v.anchor); !strings.Contains(out, note) {
				t.Errorf("it says\n%s", out)
			}
			v.unguard()
			v.exec(`UPDATE checkpoint SET ts = ts + 200000 WHERE n = 3`)
			if found := v.found(); !slices.ContainsFunc(found, func(f string) bool { return strings.HasPrefix(f, "checkpoint.altered: the checkpoint 3 ") }) {
				t.Errorf("a changed time: %q", found)
			}
		})
	}
}

// field replaces a line of the first kept checkpoint.
func (v *victim) field(line int, text string) {
	v.t.Helper()
	note := values[[]byte](v, `SELECT note FROM checkpoint WHERE n = 1`)[0]
	lines := strings.SplitAfter(string(note), "\n")
	lines[line] = text + "\n"
	v.exec(`UPDATE checkpoint SET note = $1 WHERE n = 1`, []byte(strings.Join(lines, "")))
}

// signature changes the fields of the first kept checkpoint's signature.
func (v *victim) signature(change func(fields []string)) {
	v.t.Helper()
	note := values[[]byte](v, `SELECT note FROM checkpoint WHERE n = 1`)[0]
	fields := strings.Fields(strings.Split(string(note), "\n")[6])
	change(fields)
	v.field(6, strings.Join(fields, " "))
}

// resign signs all checkpoints again, for what is stored now.
func (v *victim) resign(key ed25519.PrivateKey) {
	v.t.Helper()
	for n, size := range []int{victimSize / 2, victimSize} {
		v.exec(`UPDATE checkpoint SET note = $1, ts = (SELECT max(ts) FROM entry) WHERE n = $2`, v.note(key, size, n+1), n+1)
	}
	v.exec(`UPDATE head SET note = (SELECT note FROM checkpoint WHERE n = 2)`)
}

// searchColumns is what each column of the search tables' records is changed
// to. The others are not compared with the log: words are what SQLite keeps in
// a table of its own, record_text.
var searchColumns = map[string]string{"seq": "700", "ts": "1", "action": "'session.ended'", "outcome": "'failed'", "user_id": "'x'", "user_name": "'x'",
	"ticket": "'x'", "operation_id": "'x'", "operation_type": "'x'", "project_id": "'x'", "project_name": "'x'", "address": "'x'"}

// TestTamperedSearchTables changes what the log is searched in.
func TestTamperedSearchTables(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(v *victim) {
		for _, column := range v.columns(v.index, "record") {
			if column == "words" {
				continue
			}
			to, ok := searchColumns[column]
			if !ok {
				v.t.Errorf("nobody tampers with %s", column)
				continue
			}
			want := says("search.altered: the search tables say something else than the record 17")
			if column == "seq" {
				want = says("search.altered: the search tables do not have the record 17",
					"search.altered: the search tables have a record 700, and should have those up to 600")
			}
			v.attack(attack{column, func(v *victim) { v.execIn(v.index, `UPDATE record SET `+column+` = `+to+` WHERE seq = 17`) }, want})
		}
		v.attack(attack{"two adjacent deleted", func(v *victim) { v.execIn(v.index, `DELETE FROM record WHERE seq IN (300, 301)`) },
			each("search.altered: the search tables do not have the record %d", 300, 301)})
		v.attack(attack{"the mark", func(v *victim) { v.execIn(v.index, `UPDATE followed SET upto = 598`) },
			each("search.altered: the search tables have a record %d, and should have those up to 598", 599, 600)})
		v.harmDerived()
	})
}

// harmDerived changes what else is searched, which mend leaves as it is.
func (v *victim) harmDerived() {
	v.t.Helper()
	v.execIn(v.index, `INSERT INTO value (field, folded, value) VALUES ('actor', 'eve', 'Eve')`)
	v.execIn(v.index, `DELETE FROM value WHERE field = 'ticket'`)
	v.execIn(v.index, `INSERT INTO open_operation (operation_id, seq) VALUES ('op', 17)`)
	v.execIn(v.index, `UPDATE operation SET outcome = 'rejected' WHERE id = 'op'`)
	v.execIn(v.index, `UPDATE tally SET counts = '{"failed":256}' WHERE seq = 256`)
	words := `DELETE FROM record_text WHERE rowid = 18`
	if v.index.Engine == database.PostgreSQL {
		words = `UPDATE record SET words = '' WHERE seq = 18`
	}
	others := []string{
		`search.altered: the search tables do not have the value ticket "SCT1"`,
		`search.altered: the search tables have the operation "op" as one without an end since record 17`,
		`search.altered: the search tables have the value actor "Eve", which no record has`,
		`search.altered: the search tables say something else of the operation "op", at record 1, than its records`,
		`search.altered: the search tables count other outcomes up to the record 256 than the records have`,
	}
	v.attack(attack{"values and operations", func(*victim) {}, says(others...)})
	v.attack(attack{"words", func(v *victim) { v.execIn(v.index, words) },
		says(append(others, "search.altered: the search tables have other words of the record 18")...)}, "--words")
}

// cutShort is the log as it was when it had 300 records: a backup of then, or
// what is left when everything later is removed with care.
func cutShort(v *victim) {
	v.exec(`DELETE FROM entry WHERE seq > 300`)
	v.rehash(v.leaves())
	v.exec(`DELETE FROM checkpoint WHERE n = 2`)
	v.exec(`UPDATE head SET note = (SELECT note FROM checkpoint WHERE n = 1)`)
}

// TestAnchors: what a log has lost at its end is seen with a checkpoint from
// elsewhere alone, and audit verify says up to where it vouches.
func TestAnchors(t *testing.T) {
	t.Parallel()
	onlyInWhole(t)
	eachEngine(t, func(v *victim) {
		anchored := func(text string) []string { return []string{"--anchor", writeFile(v.t, text)} }
		byTheHolder := func(v *victim) { v.edit(17); v.rehash(v.leaves()); v.resign(v.secret) }
		another := newVictim(v.t, filepath.Join(v.t.TempDir(), "data"), "example.com/another")
		v.unsearched()
		v.attack(attack{"nothing was done", func(*victim) {}, nil}, "--anchor", v.anchor)
		v.attack(attack{"cut short", cutShort, nil})
		v.attack(attack{"cut short, with the anchor", cutShort, says(fmt.Sprintf(rolledBack, 300))}, "--anchor", v.anchor)
		v.attack(attack{"another log by who holds the key", byTheHolder, nil})
		v.attack(attack{"another log by who holds the key, with the anchor", byTheHolder,
			says("log.forked: the first 600 records are not those of the checkpoint")}, "--anchor", v.anchor)
		v.attack(attack{"an empty anchor", func(*victim) {}, says("checkpoint.signature: the anchored checkpoint is empty")}, anchored("")...)
		v.attack(attack{"an anchor that is no checkpoint", func(*victim) {},
			says("checkpoint.signature: the anchored checkpoint is not signed by a known key: malformed note")}, anchored("hello\n")...)
		v.attack(attack{"the anchor of another log", func(*victim) {},
			says(fmt.Sprintf(otherLog, "the anchored checkpoint", "example.com/another", "example.com/log"))},
			"--anchor", another.anchor, "--public-key", v.key+","+another.key)
	})
}

// TestAnotherLog puts a log in the place of the one whose key is known.
func TestAnotherLog(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(v *victim) {
		another := newVictim(v.t, filepath.Join(v.t.TempDir(), "data"), "example.com/another")
		another.key = v.key
		another.unsearched()
		another.attack(attack{"the other's", func(*victim) {}, ofAll(noSignature)})
	})
}
