package system

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"math/bits"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/search"
	"coc-console/internal/cli"
	"coc-console/internal/database"
	"coc-console/internal/e2e"
)

// logTables are the tables of the log that an attacker rewrites, by the column
// that tells their rows apart.
var logTables = map[string]string{"entry": "seq", "tile": "n", "head": "id", "edge": "id", "checkpoint": "n"}

// victim is a log of 600 records, signed at 300 and at 600, in the hands of
// somebody who owns the machine but not the key: triggers, keys and checks of
// the tables are gone. It can be harmed and mended again and again.
type victim struct {
	t          *testing.T
	dsn        string
	origin     string
	secret     ed25519.PrivateKey
	key        string // the public one
	anchor     string // a file with the checkpoint of all records
	log, index *database.DB
}

const victimSize = 600

// eachEngine runs a test with a victim on SQLite and on PostgreSQL.
func eachEngine(t *testing.T, test func(v *victim)) {
	t.Helper()
	for engine, dsn := range map[string]func(*testing.T) string{
		"sqlite":     func(t *testing.T) string { return filepath.Join(t.TempDir(), "data") },
		"postgresql": emptySchema,
	} {
		t.Run(engine, func(t *testing.T) { test(newVictim(t, dsn(t), "example.com/log")) })
	}
}

// emptySchema returns the address of a new schema of the PostgreSQL to test with.
func emptySchema(t *testing.T) string {
	t.Helper()
	base := os.Getenv("COC_CONSOLE_TEST_POSTGRES")
	if base == "" {
		e2e.Missing(t, "a PostgreSQL: COC_CONSOLE_TEST_POSTGRES is not set")
	}
	admin, err := sql.Open("pgx", base)
	if err != nil {
		t.Fatal(err)
	}
	schema := "test_" + strings.ToLower(rand.Text())
	if _, err := admin.ExecContext(t.Context(), "CREATE SCHEMA "+schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		audittest.DropSchema(t, admin, schema)
		if err := admin.Close(); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

func newVictim(t *testing.T, dsn, origin string) *victim {
	t.Helper()
	v := newGuarded(t, dsn, origin)
	v.unguard()
	v.save()
	return v
}

// newGuarded is a victim that nobody has touched yet.
func newGuarded(t *testing.T, dsn, origin string) *victim {
	t.Helper()
	v := &victim{t: t, dsn: dsn, origin: origin, secret: audit.NewKey()}
	var err error
	if v.key, err = audit.VerifierKey(v.origin, v.secret.Public().(ed25519.PublicKey)); err != nil {
		t.Fatal(err)
	}
	for _, first := range []int{1, victimSize/2 + 1} {
		v.write(first, victimSize/2)
	}
	v.log, v.index = v.open(database.Audit), v.open(database.Search)
	t.Cleanup(func() {
		if err := errors.Join(v.log.Close(), v.index.Close()); err != nil {
			t.Error(err)
		}
	})
	v.anchor = writeFile(t, v.command("checkpoint"))
	return v
}

// writeFile returns the path of a new file with a text.
func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (v *victim) open(store database.Store) *database.DB {
	v.t.Helper()
	db, err := database.Open(v.t.Context(), v.dsn, store)
	if err != nil {
		v.t.Fatal(err)
	}
	return db
}

// write appends records as a console does that is started for them. Its end
// keeps a checkpoint.
func (v *victim) write(first, n int) {
	v.t.Helper()
	entries, tables := v.open(database.Audit), v.open(database.Search)
	log, err := audit.Open(v.t.Context(), audit.Config{Dialect: string(entries.Engine), Log: entries.Write, LogRead: entries.Read,
		Database: entries, Key: v.secret, Origin: v.origin})
	if err != nil {
		v.t.Fatal(err)
	}
	for i := first; i < first+n; i++ {
		_, err := log.Append(v.t.Context(), audit.Record{Action: audit.ActionTicketViewed, Outcome: audit.OutcomeSucceeded,
			Actor:  audit.Actor{UserID: "u", UserName: "operator", ProjectID: "p", ProjectName: "cn-north-4"},
			Origin: audit.Origin{Address: "192.0.2.1"}, Ticket: "SCT1", OperationID: "op", OperationType: "PAUSE_ORDER",
			Reason: fmt.Sprintf("number %d", i)})
		if err != nil {
			v.t.Fatal(err)
		}
	}
	err = search.New(log, search.Config{Write: tables.Write, Read: tables.Read}).CatchUp(v.t.Context())
	if err := errors.Join(err, log.Close(), tables.Close(), entries.Close()); err != nil {
		v.t.Fatal(err)
	}
}

// unguard removes the triggers and makes the tables again without keys and checks.
func (v *victim) unguard() {
	v.t.Helper()
	sqlite := v.log.Engine == database.SQLite
	triggers := `SELECT 'DROP TRIGGER ' || name FROM sqlite_schema WHERE type = 'trigger'`
	if !sqlite {
		triggers = `SELECT 'DROP TRIGGER ' || tgname || ' ON ' || tgrelid::regclass FROM pg_trigger
			WHERE NOT tgisinternal AND tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = current_schema()::regnamespace)`
	}
	for _, drop := range values[string](v, triggers) {
		v.exec(drop)
	}
	for table := range logTables {
		v.exec(`CREATE TABLE copied AS SELECT * FROM ` + table)
		v.exec(`DROP TABLE ` + table)
		v.exec(`ALTER TABLE copied RENAME TO ` + table)
	}
}

func (v *victim) save() {
	v.t.Helper()
	for table := range logTables {
		v.exec(`CREATE TABLE saved_` + table + ` AS SELECT * FROM ` + table)
	}
	for _, table := range []string{"record", "followed"} {
		v.execIn(v.index, `CREATE TABLE saved_`+table+` AS SELECT * FROM `+table)
	}
}

// mend puts the log and the search tables back as they were.
func (v *victim) mend() {
	v.t.Helper()
	for table := range logTables {
		v.exec(`DELETE FROM ` + table)
		v.exec(`INSERT INTO ` + table + ` SELECT * FROM saved_` + table)
	}
	for _, table := range []string{"record", "followed"} {
		v.execIn(v.index, `DELETE FROM `+table)
		v.execIn(v.index, `INSERT INTO `+table+` SELECT * FROM saved_`+table)
	}
}

// unsearched makes the search tables know nothing, as if they were about to be
// built again: they tell of changed records too.
func (v *victim) unsearched() {
	v.t.Helper()
	for _, saved := range []string{"", "saved_"} {
		v.execIn(v.index, `UPDATE `+saved+`followed SET upto = 0`)
		v.execIn(v.index, `DELETE FROM `+saved+`record`)
	}
	for _, table := range []string{"value", "open_operation", "operation"} {
		v.execIn(v.index, `DELETE FROM `+table)
	}
}

func (v *victim) execIn(db *database.DB, statement string, args ...any) {
	v.t.Helper()
	if _, err := db.Write.ExecContext(v.t.Context(), statement, args...); err != nil {
		v.t.Fatalf("%s: %v", statement, err)
	}
}

func (v *victim) exec(statement string, args ...any) {
	v.t.Helper()
	v.execIn(v.log, statement, args...)
}

// values are those of the only column of a query on the log.
func values[T any](v *victim, query string, args ...any) []T {
	v.t.Helper()
	return valuesIn[T](v, v.log, query, args...)
}

func valuesIn[T any](v *victim, db *database.DB, query string, args ...any) (all []T) {
	v.t.Helper()
	rows, err := db.Write.QueryContext(v.t.Context(), query, args...)
	if err != nil {
		v.t.Fatalf("%s: %v", query, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var one T
		if err := rows.Scan(&one); err != nil {
			v.t.Fatal(err)
		}
		all = append(all, one)
	}
	if err := rows.Err(); err != nil {
		v.t.Fatal(err)
	}
	return all
}

// command runs coc-console audit NAME on the log, as a user does.
func (v *victim) command(name string, args ...string) string {
	v.t.Helper()
	where := "--data"
	if v.log.Engine == database.PostgreSQL {
		where = "--database"
	}
	return runs(v.t, slices.Concat([]string{"audit", name, where, v.dsn}, args)...)
}

// changing is what differs from run to run.
var changing = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)

// findingKind is what a finding's line begins with; "600 records read in 1.1s" is none.
var findingKind = regexp.MustCompile(`^[a-z_]+\.[a-z_]+$`)

// found runs audit verify and returns what it says is wrong, a line each,
// besides the triggers, of which a victim has none.
func (v *victim) found(args ...string) []string {
	v.t.Helper()
	where := "--data"
	if v.log.Engine == database.PostgreSQL {
		where = "--database"
	}
	var out bytes.Buffer
	err := cli.Run(v.t.Context(), slices.Concat([]string{"audit", "verify", where, v.dsn, "--public-key", v.key}, args), e2e.NoEnvironment, &out, &out)
	var lines []string
	said := changing.ReplaceAllString(out.String(), "TIME")
	said = strings.ReplaceAll(said, strings.Join(strings.SplitN(v.key, "+", 3)[:2], "+"), "KEY") // its name and id
	unguarded := false
	for line := range strings.Lines(said) {
		if strings.HasPrefix(line, "guard.missing: the trigger ") {
			unguarded = true
		} else if kind, _, ok := strings.Cut(line, ": "); ok && findingKind.MatchString(kind) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	if !unguarded || err == nil || cli.StatusOf(err) != wrong {
		v.t.Errorf("it ends with %v and says\n%s", err, out.String())
	}
	slices.Sort(lines)
	return lines
}

// flip changes the lowest bit of a byte of one row.
func (v *victim) flip(table, column, row string, at int) {
	v.t.Helper()
	data := values[[]byte](v, `SELECT `+column+` FROM `+table+` WHERE `+row)[0]
	data[at] ^= 1
	v.exec(`UPDATE `+table+` SET `+column+` = $1 WHERE `+row, data)
}

// edit replaces a word of a record, and keeps its length.
func (v *victim) edit(seq int) {
	v.t.Helper()
	v.exec(`UPDATE entry SET body = $1 WHERE seq = $2`, bytes.Replace(v.body(seq), []byte("number"), []byte("NUMBER"), 1), seq)
}

func (v *victim) body(seq int) []byte {
	v.t.Helper()
	return values[[]byte](v, `SELECT body FROM entry WHERE seq = $1`, seq)[0]
}

// rows are the numbers, times and bodies of the log, to be rewritten.
type row struct {
	ts   int64
	body []byte
}

func (v *victim) rows() []row {
	v.t.Helper()
	times, bodies := values[int64](v, `SELECT ts FROM entry ORDER BY seq`), values[[]byte](v, `SELECT body FROM entry ORDER BY seq`)
	all := make([]row, len(times))
	for i := range all {
		all[i] = row{times[i], bodies[i]}
	}
	return all
}

// rewrite makes these the records 1, 2, 3…: their numbers and times are right,
// the tiles, the edge and the head fit them. Only signatures cannot be made.
func (v *victim) rewrite(rows []row) {
	v.t.Helper()
	v.exec(`DELETE FROM entry`)
	tx, err := v.log.Write.BeginTx(v.t.Context(), nil)
	if err != nil {
		v.t.Fatal(err)
	}
	var leaves [][]byte
	for i, r := range rows {
		_, content, _ := bytes.Cut(r.body, []byte(`"action":`))
		ts := rows[0].ts + int64(i)
		body := fmt.Appendf(nil, `{"v":1,"seq":%d,"ts":%d,"action":%s`, i+1, ts, content)
		if _, err := tx.ExecContext(v.t.Context(), `INSERT INTO entry (seq, ts, body) VALUES ($1, $2, $3)`, i+1, ts, body); err != nil {
			v.t.Fatal(err)
		}
		leaves = append(leaves, hashOf(0, body))
	}
	if err := tx.Commit(); err != nil {
		v.t.Fatal(err)
	}
	v.rehash(leaves)
}

// rehash makes the tiles, the edge and the head fit these leaves.
func (v *victim) rehash(leaves [][]byte) {
	v.t.Helper()
	v.exec(`DELETE FROM tile`)
	full := len(leaves) / 256
	for n := range full {
		v.exec(`INSERT INTO tile (l, n, d) VALUES (0, $1, $2)`, n, bytes.Join(leaves[n*256:(n+1)*256], nil))
	}
	var frontier [][]byte
	for rest := leaves; len(rest) > 0; {
		n := 1 << (bits.Len(uint(len(rest))) - 1)
		frontier, rest = append(frontier, rootOf(rest[:n])), rest[n:]
	}
	v.exec(`UPDATE edge SET leaves = $1`, bytes.Join(leaves[full*256:], nil))
	v.exec(`UPDATE head SET size = $1, last_ts = (SELECT max(ts) FROM entry), root = $2, frontier = $3`,
		len(leaves), rootOf(leaves), bytes.Join(frontier, nil))
}

// leaves are the hashes of the records that are stored.
func (v *victim) leaves() (all [][]byte) {
	v.t.Helper()
	for _, body := range values[[]byte](v, `SELECT body FROM entry ORDER BY seq`) {
		all = append(all, hashOf(0, body))
	}
	return all
}

func hashOf(prefix byte, parts ...[]byte) []byte {
	sum := sha256.Sum256(append([]byte{prefix}, bytes.Join(parts, nil)...))
	return sum[:]
}

// rootOf is the Merkle tree hash of RFC 6962, section 2.1.
func rootOf(leaves [][]byte) []byte {
	if len(leaves) == 1 {
		return leaves[0]
	}
	k := 1 << (bits.Len(uint(len(leaves)-1)) - 1)
	return hashOf(1, rootOf(leaves[:k]), rootOf(leaves[k:]))
}

// note signs a checkpoint of what is stored, as the log would with that key.
func (v *victim) note(key ed25519.PrivateKey, size, kept int) []byte {
	v.t.Helper()
	return v.noteAt(key, size, kept, values[int64](v, `SELECT max(ts) FROM entry`)[0])
}

// noteAt is a checkpoint that was signed at a time.
func (v *victim) noteAt(key ed25519.PrivateKey, size, kept int, ts int64) []byte {
	v.t.Helper()
	text := fmt.Sprintf("%s\n%d\n%s\nts %d\nkept %d\n", v.origin, size, base64.StdEncoding.EncodeToString(rootOf(v.leaves()[:size])),
		ts, kept)
	public := append([]byte{1}, key.Public().(ed25519.PublicKey)...)
	id := sha256.Sum256(append([]byte(v.origin+"\n"), public...))
	signature := append(id[:4], ed25519.Sign(key, []byte(text))...)
	return fmt.Appendf(nil, "%s\n— %s %s\n", text, v.origin, base64.StdEncoding.EncodeToString(signature))
}
