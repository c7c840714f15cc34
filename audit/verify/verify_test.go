package verify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"coc-console/audit"
	"coc-console/audit/anchor"
	"coc-console/audit/audittest"
	"coc-console/audit/verify"
	"coc-console/internal/database"
)

// inspect opens a log for reading alone.
func inspect(t testing.TB, dsn string, change ...func(*audit.Config)) *opened {
	t.Helper()
	return &opened{audittest.Inspect(t, dsn, append([]func(*audit.Config){audittest.Signing}, change...)...)}
}

func TestVerifyAHealthyLog(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		audittest.Written(t, dsn)
		o := inspect(t, dsn)
		var done, total int64
		r := o.MustVerify(t, verify.Options{Search: o.Index, Progress: func(d, n int64) { done, total = d, n }})
		if !r.OK() || r.Size != 600 || r.Signed.Size != 600 || r.Checkpoints != 3 || r.Kept != 2 || r.From != 0 || done != 600 || total != 600 {
			t.Errorf("%+v, %d of %d", r, done, total)
		}
		for _, from := range []int64{1, 255, 256, 257, 300, 512, 513, 599, 600} {
			root, err := o.RootAt(t.Context(), from)
			if err != nil {
				t.Fatal(err)
			}
			part := o.MustVerify(t, verify.Options{From: audit.Checkpoint{Size: from, Root: root}})
			if !part.OK() || part.From != from || part.Root != r.Root {
				t.Errorf("from %d: %+v", from, part)
			}
			root[0]++
			if part := o.MustVerify(t, verify.Options{From: audit.Checkpoint{Size: from, Root: root}}); part.OK() {
				t.Errorf("from %d with another root nothing is found", from)
			}
		}
	})
}

// attack is what somebody does to the database who can write it.
type attack struct {
	name string
	do   []string
	want []string // kinds, with what is named
}

func attacks() []attack {
	edited := func(seq int) string {
		return fmt.Sprintf(`UPDATE entry SET body = (SELECT body FROM edited WHERE seq = %d) WHERE seq = %d`, seq, seq)
	}
	missing := func(from, to int) (out []string) {
		for i := from; i <= to; i++ {
			out = append(out, fmt.Sprintf("record.missing record %d", i))
		}
		return out
	}
	swap := func(column string, a, b int) []string {
		return []string{fmt.Sprintf(`UPDATE entry SET %[1]s = (SELECT %[1]s FROM saved_entry WHERE seq = %[3]d) WHERE seq = %[2]d`, column, a, b),
			fmt.Sprintf(`UPDATE entry SET %[1]s = (SELECT %[1]s FROM saved_entry WHERE seq = %[3]d) WHERE seq = %[2]d`, column, b, a)}
	}
	return []attack{
		{"edit in the first tile", []string{edited(17)}, []string{"record.altered record 17"}},
		{"edit in the last, partial tile", []string{edited(590)}, []string{"record.altered record 590"}},
		{"two edits", []string{edited(256), edited(257)}, []string{"record.altered record 256", "record.altered record 257"}},
		{"time", []string{`UPDATE entry SET ts = ts + 1000000000 WHERE seq = 17`}, []string{"record.number record 17", "record.order record 18"}},
		{"time of the last", []string{`UPDATE entry SET ts = ts + 1 WHERE seq = 600`}, []string{"head.altered", "record.number record 600"}},
		{"number", []string{`UPDATE entry SET seq = 1000000 WHERE seq = 17`}, []string{"record.extra record 1000000", "record.missing record 17"}},
		{"bodies swapped", swap("body", 17, 400), []string{"record.altered record 17", "record.altered record 400",
			"record.number record 17", "record.number record 400"}},
		{"neighbours swapped", append(swap("body", 17, 18), swap("ts", 17, 18)...), []string{"record.altered record 17", "record.altered record 18",
			"record.number record 17", "record.number record 18", "record.order record 18"}},
		{"one deleted", []string{`DELETE FROM entry WHERE seq = 17`}, missing(17, 17)},
		{"two adjacent deleted", []string{`DELETE FROM entry WHERE seq IN (17, 18)`}, missing(17, 18)},
		{"two adjacent deleted in the partial tile", []string{`DELETE FROM entry WHERE seq IN (590, 591)`}, missing(590, 591)},
		{"the tail deleted", []string{`DELETE FROM entry WHERE seq > 590`}, append([]string{"head.altered"}, missing(591, 600)...)},
		{"one added", []string{`INSERT INTO entry (seq, ts, body) SELECT 601, ts + 1, body FROM entry WHERE seq = 600`}, []string{"record.extra record 601"}},
		{"one before the first", []string{`DELETE FROM entry WHERE seq = 1`}, missing(1, 1)},

		{"tile deleted", []string{`DELETE FROM tile WHERE n = 1`}, []string{"tile.missing tile/8/0/001"}},
		{"two adjacent tiles deleted", []string{`DELETE FROM tile`}, []string{"tile.missing tile/8/0/000", "tile.missing tile/8/0/001"}},
		{"tile moved", []string{`UPDATE tile SET n = 7 WHERE n = 1`}, []string{"tile.extra tile/8/0/007", "tile.missing tile/8/0/001"}},
		{"tile lifted", []string{`UPDATE tile SET l = 1 WHERE n = 1`}, []string{"tile.extra tile/8/1/001", "tile.missing tile/8/0/001"}},

		{"kept: number", []string{`UPDATE checkpoint SET n = 3 WHERE n = 2`}, []string{"checkpoint.altered checkpoint 600", "checkpoint.missing", "head.altered checkpoint 600"}},
		{"kept: size", []string{`UPDATE checkpoint SET size = 301 WHERE n = 1`}, []string{"checkpoint.altered checkpoint 301"}},
		{"kept: time", []string{`UPDATE checkpoint SET ts = ts - 1 WHERE n = 1`}, []string{"checkpoint.altered checkpoint 300"}},
		{"kept: notes swapped", []string{`UPDATE checkpoint SET note = (SELECT note FROM saved_checkpoint s WHERE s.n = 3 - checkpoint.n)`},
			[]string{"checkpoint.altered checkpoint 300", "checkpoint.altered checkpoint 600", "checkpoint.altered checkpoint 600"}},
		{"kept: first deleted", []string{`DELETE FROM checkpoint WHERE n = 1`}, []string{"checkpoint.missing"}},
		{"kept: last deleted", []string{`DELETE FROM checkpoint WHERE n = 2`}, []string{"checkpoint.missing"}},
		{"kept: two adjacent deleted", []string{`DELETE FROM checkpoint`}, []string{"checkpoint.missing", "checkpoint.missing"}},

		{"head: smaller", []string{`UPDATE head SET size = 599`}, []string{"head.altered", "head.altered", "head.altered", "log.rolled_back checkpoint 600",
			"log.rolled_back checkpoint 600", "record.extra record 600"}},
		{"head: larger", []string{`UPDATE head SET size = 601`}, []string{"head.altered", "head.altered", "record.missing record 601"}},
		{"head: time", []string{`UPDATE head SET last_ts = last_ts + 1`}, []string{"head.altered"}},
		{"head: root", []string{`UPDATE head SET root = frontier`}, []string{"head.altered", "head.altered"}},
		{"head: frontier", []string{`UPDATE head SET frontier = root`}, []string{"head.altered"}},
		{"head: an older note", []string{`UPDATE head SET note = (SELECT note FROM checkpoint WHERE n = 1)`, `UPDATE edge SET leaves = substr(leaves, 1, 0)`},
			[]string{"head.altered", "head.altered checkpoint 300"}},
		{"head: no note", []string{`UPDATE head SET note = substr(note, 1, 0)`}, []string{"checkpoint.missing"}},
		{"head: edge", []string{`UPDATE edge SET leaves = (SELECT root FROM head)`}, []string{"head.altered"}},
		{"head: pruned", []string{`UPDATE head SET pruned = 256`}, []string{"log.pruned"}},
		{"head: pruned, and they are gone", []string{`UPDATE head SET pruned = 256`, `DELETE FROM entry WHERE seq <= 256`}, []string{"log.pruned"}},
		{"edge deleted", []string{`DELETE FROM edge`}, []string{"head.altered"}},
		{"head deleted", []string{`DELETE FROM head`}, []string{"head.altered"}},
	}
}

// attacked is a log that can be harmed and mended again and again.
func attacked(t *testing.T, dsn string) (o *opened, mend func()) {
	audittest.Written(t, dsn)
	o = inspect(t, dsn)
	o.Unguard(t)
	audittest.Execute(t, o.Entries, `CREATE TABLE edited AS SELECT * FROM entry WHERE 1 = 0`)
	for _, table := range audittest.Guarded {
		audittest.Execute(t, o.Entries, `CREATE TABLE saved_`+table+` AS SELECT * FROM `+table)
	}
	for _, seq := range []int64{17, 256, 257, 590} {
		e, err := o.Entry(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		audittest.Execute(t, o.Entries, `INSERT INTO edited (seq, ts, body) VALUES ($1, 0, $2)`, seq, bytes.Replace(e.Body, []byte("number"), []byte("NUMBER"), 1))
	}
	return o, func() {
		for _, table := range audittest.Guarded {
			audittest.Execute(t, o.Entries, `DELETE FROM `+table)
			audittest.Execute(t, o.Entries, `INSERT INTO `+table+` SELECT * FROM saved_`+table)
		}
	}
}

func TestTampering(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o, mend := attacked(t, dsn)
		for _, a := range attacks() {
			t.Run(a.name, func(t *testing.T) {
				defer mend()
				for _, s := range a.do {
					audittest.Execute(t, o.Entries, s)
				}
				got := audittest.Named(o.MustVerify(t, verify.Options{}).Findings)
				if slices.Sort(a.want); !slices.Equal(got, a.want) {
					t.Errorf("got  %q\nwant %q", got, a.want)
				}
			})
		}
		if r := o.MustVerify(t, verify.Options{}); !r.OK() {
			t.Errorf("mended: %v", r.Findings)
		}
	})
}

// TestEveryByte changes, one after the other, every hash of a tile and of the
// head's edge, and every byte of the notes.
func TestEveryByte(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o, mend := attacked(t, dsn)
		defer mend()
		each := func(read, write string, step int, want func(i int) string) {
			t.Helper()
			original := audittest.Column[[]byte](t, o.Entries.Read, read)[0]
			for i := 0; i < len(original); i += step {
				changed := bytes.Clone(original)
				changed[i+i/step%step] ^= 1
				audittest.Execute(t, o.Entries, write, changed)
				got := audittest.Named(o.MustVerify(t, verify.Options{}).Findings)
				if w := want(i); len(got) == 0 || w != "" && !slices.Equal(got, []string{w}) {
					t.Errorf("%s, byte %d: got %q, want %q", write, i, got, w)
				}
			}
			audittest.Execute(t, o.Entries, write, original)
		}
		each(`SELECT d FROM tile WHERE n = 1`, `UPDATE tile SET d = $1 WHERE n = 1`, 32, func(i int) string {
			return fmt.Sprintf("tile.altered record %d tile/8/0/001", 257+i/32)
		})
		each(`SELECT leaves FROM edge`, `UPDATE edge SET leaves = $1`, 32, func(i int) string {
			return fmt.Sprintf("tile.altered record %d tile/8/0/002.p/88", 513+i/32)
		})
		each(`SELECT root FROM head`, `UPDATE head SET root = $1`, 1, func(int) string { return "head.altered" })
		each(`SELECT frontier FROM head`, `UPDATE head SET frontier = $1`, 1, func(int) string { return "head.altered" })
		each(`SELECT note FROM head`, `UPDATE head SET note = $1`, 1, func(int) string { return "" })
		each(`SELECT note FROM checkpoint WHERE n = 1`, `UPDATE checkpoint SET note = $1 WHERE n = 1`, 1, func(int) string { return "" })
		each(`SELECT body FROM entry WHERE seq = 5`, `UPDATE entry SET body = $1 WHERE seq = 5`, 1, func(int) string { return "" })
		if r := o.MustVerify(t, verify.Options{}); !r.OK() {
			t.Errorf("mended: %v", r.Findings)
		}
	})
}

// anchored returns the last checkpoint that the log has signed.
func (o *opened) anchored(t *testing.T) []byte {
	t.Helper()
	c, err := o.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c.Note
}

// TestOldBackup puts the state of 300 records back, complete and consistent.
func TestOldBackup(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		audittest.Written(t, dsn)
		o := inspect(t, dsn)
		kept := o.anchored(t)
		o.Unguard(t)
		for _, s := range []string{`DELETE FROM entry WHERE seq > 300`, `DELETE FROM tile WHERE n > 0`, `DELETE FROM checkpoint WHERE n > 1`,
			`UPDATE head SET note = (SELECT note FROM checkpoint)`} {
			audittest.Execute(t, o.Entries, s)
		}
		o.Rehead(t)
		edge := audittest.Leaves(audittest.Column[[]byte](t, o.Entries.Read, `SELECT body FROM entry WHERE seq > 256 ORDER BY seq`))
		audittest.Execute(t, o.Entries, `UPDATE edge SET leaves = $1`, edge)
		if r := o.MustVerify(t, verify.Options{}); !r.OK() || r.Size != 300 {
			t.Fatalf("the log of 300 records: %+v", r)
		}
		if got := audittest.Named(o.MustVerify(t, verify.Options{Anchor: kept}).Findings); !slices.Equal(got, []string{"log.rolled_back checkpoint 600"}) {
			t.Errorf("with the anchor: %q", got)
		}
		if err := o.CloseAll(); err != nil {
			t.Fatal(err)
		}
		file := anchor.File{Path: t.TempDir() + "/anchor"}
		if err := file.Publish(t.Context(), kept, nil); err != nil {
			t.Fatal(err)
		}
		withAnchor := func(c *audit.Config) { c.Anchors = []audit.Anchor{file} }
		audittest.Refused(t, dsn, audit.ErrRolledBack, withAnchor)

		o = open(t, dsn, audittest.Signing) // without it the log goes on, in another direction
		o.AppendTogether(t, audittest.Several(400))
		if err := o.CloseAll(); err != nil {
			t.Fatal(err)
		}
		audittest.Refused(t, dsn, audit.ErrForked, withAnchor)
		o = inspect(t, dsn)
		if got := audittest.Named(o.MustVerify(t, verify.Options{Anchor: kept}).Findings); !slices.Equal(got, []string{"log.forked checkpoint 600"}) {
			t.Errorf("the fork with the anchor: %q", got)
		}
	})
}

// TestForgedTree rewrites a record and everything that follows from it.
func TestForgedTree(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		audittest.Written(t, dsn)
		o := inspect(t, dsn)
		o.Unguard(t)
		body := bytes.Replace(audittest.Column[[]byte](t, o.Entries.Read, `SELECT body FROM entry WHERE seq = 17`)[0], []byte("number"), []byte("NUMBER"), 1)
		audittest.Execute(t, o.Entries, `UPDATE entry SET body = $1 WHERE seq = 17`, body)
		bodies := audittest.Column[[]byte](t, o.Entries.Read, `SELECT body FROM entry ORDER BY seq`)
		for n := range 2 {
			audittest.Execute(t, o.Entries, `UPDATE tile SET d = $1 WHERE n = $2`, audittest.Leaves(bodies[n*256:(n+1)*256]), n)
		}
		o.Rehead(t)
		if got := audittest.Named(o.MustVerify(t, verify.Options{}).Findings); !slices.Equal(got, []string{"checkpoint.root checkpoint 300"}) {
			t.Errorf("with the true signatures: %q", got)
		}
		if err := o.CloseAll(); err != nil {
			t.Fatal(err)
		}
		audittest.Refused(t, dsn, audit.ErrForked)

		// With a key of the attacker's the log would sign all of it.
		o = inspect(t, dsn)
		root, _ := audittest.Head(bodies)
		forged := audittest.Resign(t, o.Origin(), root, 600)
		audittest.Execute(t, o.Entries, `UPDATE head SET note = $1`, forged)
		audittest.Execute(t, o.Entries, `UPDATE checkpoint SET note = $1 WHERE n = 2`, forged)
		audittest.Execute(t, o.Entries, `DELETE FROM checkpoint WHERE n = 1`)
		got := o.MustVerify(t, verify.Options{}).Findings
		if len(got) != 3 || got[0].Kind != verify.FindingCheckpointGone || got[1].Kind != verify.FindingSignature || got[2].Kind != verify.FindingSignature {
			t.Errorf("with another key: %v", got)
		}
		if err := o.CloseAll(); err != nil {
			t.Fatal(err)
		}
		audittest.Refused(t, dsn, audit.ErrSignature)
	})
}

// TestHigherTiles has enough records for a tile of the next level.
func TestHigherTiles(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn, audittest.Signing)
		const n = 256*256 + 300
		o.FillViewed(t, n)
		if r := o.MustVerify(t, verify.Options{}); !r.OK() || r.Size != n {
			t.Fatalf("%+v", r)
		}
		root, err := o.RootAt(t.Context(), 256*256+1)
		if err != nil {
			t.Fatal(err)
		}
		if r := o.MustVerify(t, verify.Options{From: audit.Checkpoint{Size: 256*256 + 1, Root: root}}); !r.OK() {
			t.Errorf("the rest: %v", r.Findings)
		}
		o.Unguard(t)
		d := audittest.Column[[]byte](t, o.Entries.Read, `SELECT d FROM tile WHERE l = 1 AND n = 0`)[0]
		d[32*100] ^= 1
		audittest.Execute(t, o.Entries, `UPDATE tile SET d = $1 WHERE l = 1`, d)
		if got := audittest.Named(o.MustVerify(t, verify.Options{}).Findings); !slices.Equal(got, []string{"tile.altered tile/8/1/000"}) {
			t.Errorf("a hash of the second level: %q", got)
		}
		d[32*100] ^= 1
		audittest.Execute(t, o.Entries, `UPDATE tile SET d = $1 WHERE l = 1`, d)
		e, err := o.Entry(t.Context(), 40_000)
		if err != nil {
			t.Fatal(err)
		}
		audittest.Execute(t, o.Entries, `UPDATE entry SET body = $1 WHERE seq = 40000`, append(e.Body, ' '))
		if got := audittest.Named(o.MustVerify(t, verify.Options{}).Findings); !slices.Equal(got, []string{"record.altered record 40000"}) {
			t.Errorf("a record: %q", got)
		}
		audittest.Execute(t, o.Entries, `UPDATE entry SET body = $1 WHERE seq = 40000`, e.Body)
		audittest.Execute(t, o.Entries, `DELETE FROM tile WHERE l = 1`)
		if got := audittest.Named(o.MustVerify(t, verify.Options{}).Findings); !slices.Equal(got, []string{"tile.missing tile/8/1/000"}) {
			t.Errorf("a deleted tile: %q", got)
		}
	})
}

// searched is a log with an operation that has ended and one that has not,
// whose search tables have all of it and can be harmed and mended.
func searched(t *testing.T, dsn string) (o *opened, mend func()) {
	t.Helper()
	audittest.Written(t, dsn)
	o = open(t, dsn, audittest.Signing)
	open, ended := audittest.FullRecord(), audittest.FullRecord()
	ended.OperationID = "ended"
	end := ended
	end.Action, end.Outcome = audit.ActionOperationObserved, audit.OutcomeSucceeded
	o.AppendEach(t, open, ended, end)
	o.CaughtUp(t)
	if err := o.CloseAll(); err != nil {
		t.Fatal(err)
	}
	o = inspect(t, dsn)
	rows := []string{"record", "value", "open_operation", "followed", "operation", "tally"}
	for _, table := range rows {
		audittest.Execute(t, o.Tables, `CREATE TABLE saved_`+table+` AS SELECT * FROM `+table)
	}
	return o, func() {
		for _, table := range rows {
			audittest.Execute(t, o.Tables, `DELETE FROM `+table)
			audittest.Execute(t, o.Tables, `INSERT INTO `+table+` SELECT * FROM saved_`+table)
		}
	}
}

func TestSearchTablesAreVerified(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o, mend := searched(t, dsn)
		for _, tt := range []struct {
			name, harm string
			want       []string
		}{
			{"nothing", `SELECT 1`, nil},
			{"a column", `UPDATE record SET user_name = 'somebody else' WHERE seq = 17`, []string{"search.altered record 17"}},
			{"records deleted", `DELETE FROM record WHERE seq IN (400, 401)`, []string{"search.altered record 400", "search.altered record 401"}},
			{"a value deleted", `DELETE FROM value WHERE field = 'ticket'`, []string{"search.altered"}},
			{"a value changed", `UPDATE value SET value = value || ' ' WHERE field = 'ticket'`, []string{"search.altered", "search.altered"}},
			{"a value that nobody finds", `UPDATE value SET folded = folded || 'x' WHERE field = 'ticket'`, []string{"search.altered", "search.altered"}},
			{"a value added", `INSERT INTO value (field, folded, value) VALUES ('actor', 'eve', 'Eve')`, []string{"search.altered"}},
			{"a value of no field", `INSERT INTO value (field, folded, value) VALUES ('nothing', 'x', 'x')`, []string{"search.altered"}},
			{"an open operation deleted", `DELETE FROM open_operation`, []string{"search.altered record 601"}},
			{"an open operation added", `INSERT INTO open_operation (operation_id, seq) VALUES ('ended', 602)`, []string{"search.altered record 602"}},
			{"an open operation moved", `UPDATE open_operation SET seq = 5`, []string{"search.altered record 5", "search.altered record 601"}},
			{"an operation deleted", `DELETE FROM operation WHERE id = 'key-1'`, []string{"search.altered record 601"}},
			{"an operation's outcome", `UPDATE operation SET outcome = 'rejected' WHERE id = 'ended'`, []string{"search.altered record 602"}},
			{"an operation's id", `UPDATE operation SET id = 'other' WHERE id = 'ended'`, []string{"search.altered record 602",
				"search.altered record 602", "search.altered record 603"}},
			{"an operation's place", `UPDATE operation SET seq = 604 WHERE id = 'ended'`, []string{"search.altered record 602",
				"search.altered record 603", "search.altered record 604"}},
			{"an operation's records", `UPDATE operation SET records = substr(records, 1, 1) WHERE id = 'ended'`,
				[]string{"search.altered record 602", "search.altered record 603"}},
			{"an operation without records", `UPDATE operation SET records = substr(records, 1, 0) WHERE id = 'key-1'`,
				[]string{"search.altered record 601", "search.altered record 601"}},
			{"a tally", `UPDATE tally SET counts = '{"failed":256}' WHERE seq = 256`, []string{"search.altered record 256"}},
			{"a tally of nothing", `UPDATE tally SET counts = 'none' WHERE seq = 512`, []string{"search.altered record 512"}},
			{"a tally added", `INSERT INTO tally (seq, counts) VALUES (300, '{}')`, []string{"search.altered record 300"}},
			{"the mark lowered", `UPDATE followed SET upto = 602`, []string{"search.altered record 603"}},
			{"the mark lifted", `UPDATE followed SET upto = 700`, []string{"search.altered"}},
			{"the mark deleted", `DELETE FROM followed`, []string{"search.altered"}},
		} {
			t.Run(tt.name, func(t *testing.T) {
				defer mend()
				audittest.Execute(t, o.Tables, tt.harm)
				got := audittest.Named(o.MustVerify(t, verify.Options{Search: o.Index}).Findings)
				if !slices.Equal(got, tt.want) {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			})
		}
	})
}

// TestMissingGuards: a log that the database lets be changed is told of before
// it is changed.
func TestMissingGuards(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		audittest.Written(t, dsn)
		db, err := database.Inspect(t.Context(), dsn, database.Audit)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		o := inspect(t, dsn, func(c *audit.Config) { c.Database = audittest.WithGuards(c.Database, db.Unguarded) })
		if r := o.MustVerify(t, verify.Options{}); !r.OK() {
			t.Errorf("guarded: %v", r.Findings)
		}
		drop := `DROP TRIGGER tile_is_never_changed`
		if !o.OnSQLite() {
			drop += ` ON tile`
		}
		audittest.Execute(t, o.Entries, drop)
		r := o.MustVerify(t, verify.Options{})
		if got := audittest.Named(r.Findings); !slices.Equal(got, []string{"guard.missing"}) || !strings.Contains(r.Findings[0].Text, "tile_is_never_changed") {
			t.Errorf("without one: %v", r.Findings)
		}
	})
}

// TestWordsAreVerified changes what the full text has of a record. Nothing but
// a verification of the words sees it.
func TestWordsAreVerified(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o, _ := searched(t, dsn)
		r, err := o.Record(t.Context(), 601)
		if err != nil {
			t.Fatal(err)
		}
		words := strings.Fields(o.Index.Documents([]audit.Record{r})[0])
		n := len(words)
		put := func(words []string) {
			text := strings.Join(words, " ")
			if !o.OnSQLite() {
				audittest.Execute(t, o.Tables, `UPDATE record SET words = $1::tsvector WHERE seq = 601`, text)
				return
			}
			audittest.Execute(t, o.Tables, `DELETE FROM record_text WHERE rowid = 601`)
			audittest.Execute(t, o.Tables, `INSERT INTO record_text (rowid, doc) VALUES (601, $1)`, text)
		}
		swapped := slices.Clone(words)
		swapped[n-1], swapped[n-2] = words[n-2], words[n-1]
		if !o.OnSQLite() { // there a word comes with its place
			a, b := strings.Split(words[n-2], ":"), strings.Split(words[n-1], ":")
			swapped[n-2], swapped[n-1] = b[0]+":"+a[1], a[0]+":"+b[1]
		}
		for _, tt := range []struct {
			name  string
			words []string
			want  []string
		}{
			{"none", nil, []string{"search.altered record 601"}},
			{"one less", words[:n-1], []string{"search.altered record 601"}},
			{"one more", append(slices.Clone(words), "more"), []string{"search.altered record 601"}},
			{"two in another order", swapped, []string{"search.altered record 601"}},
			{"the right ones", words, nil},
		} {
			put(tt.words)
			if got := audittest.Named(o.MustVerify(t, verify.Options{Search: o.Index}).Findings); len(got) > 0 {
				t.Errorf("%s, without the words: %q", tt.name, got)
			}
			for _, from := range []int64{0, 300} {
				root, err := o.RootAt(t.Context(), from)
				if err != nil {
					t.Fatal(err)
				}
				options := verify.Options{Search: o.Index, Words: true, From: audit.Checkpoint{Size: from, Root: root}}
				if got := audittest.Named(o.MustVerify(t, options).Findings); !slices.Equal(got, tt.want) {
					t.Errorf("%s, from %d: got %q, want %q", tt.name, from, got, tt.want)
				}
			}
		}
	})
}

// TestRowsAreVerified adds rows of operations that the log does not have, and changes
// what the full text has of one.
func TestRowsAreVerified(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o, mend := searched(t, dsn)
		check := func(name, harm string, options verify.Options, want ...string) {
			t.Helper()
			defer mend()
			options.Search = o.Index
			for s := range strings.SplitSeq(harm, ";") {
				audittest.Execute(t, o.Tables, s)
			}
			if got := audittest.Named(o.MustVerify(t, options).Findings); !slices.Equal(got, want) {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
		doc, copied := "", "SELECT 5, '', outcome, records FROM operation WHERE id = 'ended'"
		if !o.OnSQLite() {
			doc, copied = ", doc", "SELECT 5, '', outcome, records, doc FROM operation WHERE id = 'ended'"
		}
		check("a row of records of no operation", "INSERT INTO operation (seq, id, outcome, records"+doc+") "+copied, verify.Options{},
			"search.altered record 5")
		check("two rows of one", "DROP INDEX operation_id; INSERT INTO operation (seq, id, outcome, records"+doc+") "+
			strings.Replace(copied, "''", "id", 1), verify.Options{}, "search.altered", "search.altered record 5")
		check("nothing", "SELECT 1", verify.Options{Words: true})
		harm := "UPDATE operation SET doc = doc || 'more:1'::tsvector WHERE id = 'ended'"
		if o.OnSQLite() {
			harm = "DELETE FROM operation_text WHERE rowid = 602; INSERT INTO operation_text (rowid, doc) VALUES (602, 'more')"
		}
		check("other words", harm, verify.Options{Words: true}, "search.altered record 602")
	})
}

func TestVerifyCanBeStopped(t *testing.T) {
	written := func(t *testing.T, dsn string) *opened { o := open(t, dsn); o.FillViewed(t, 20_000); return o }
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := written(t, dsn)
		ctx, cancel := context.WithCancel(t.Context())
		_, err := o.Verify(ctx, verify.Options{Progress: func(int64, int64) { cancel() }, LowPriority: true})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}
