package audit_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
	"testing"

	"coc-console/audit"
	"coc-console/migrations"
)

var testKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))

// signing makes a log sign its checkpoints.
func signing(c *audit.Config) { c.Key, c.Origin = testKey, "example.com/log" }

// written is a closed log of 600 records with two kept checkpoints, of 300 and
// 600 records: two full tiles and part of a third.
func written(t testing.TB, dsn string) {
	t.Helper()
	for range 2 {
		o := open(t, dsn, signing)
		o.appendTogether(t, several(300))
		o.caughtUp(t)
		if err := o.close(); err != nil {
			t.Fatal(err)
		}
	}
}

// inspect opens a log for reading, with its databases.
func inspect(t testing.TB, dsn string, change ...func(*audit.Config)) *opened {
	t.Helper()
	o, err := openWith(t.Context(), audit.Inspect, dsn, append([]func(*audit.Config){signing}, change...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

func (o *opened) verify(t testing.TB, options audit.VerifyOptions) audit.Report {
	t.Helper()
	r, err := o.Verify(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// named shortens findings to what they name.
func named(findings []audit.Finding) []string {
	out := make([]string, len(findings))
	for i, f := range findings {
		out[i] = f.Kind
		if f.Sequence != 0 {
			out[i] += fmt.Sprintf(" record %d", f.Sequence)
		}
		if f.Tile != "" {
			out[i] += " " + f.Tile
		}
		if f.Checkpoint != 0 {
			out[i] += fmt.Sprintf(" checkpoint %d", f.Checkpoint)
		}
	}
	slices.Sort(out)
	return out
}

func TestVerifyAHealthyLog(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		written(t, dsn)
		o := inspect(t, dsn)
		var done, total int64
		r := o.verify(t, audit.VerifyOptions{Search: o.search.Read, Progress: func(d, n int64) { done, total = d, n }})
		if !r.OK() || r.Size != 600 || r.Signed.Size != 600 || r.Checkpoints != 3 || r.Kept != 2 || r.From != 0 || done != 600 || total != 600 {
			t.Errorf("%+v, %d of %d", r, done, total)
		}
		for _, from := range []int64{1, 255, 256, 257, 300, 512, 513, 599, 600} {
			root, err := o.RootAt(t.Context(), from)
			if err != nil {
				t.Fatal(err)
			}
			part := o.verify(t, audit.VerifyOptions{From: audit.Checkpoint{Size: from, Root: root}})
			if !part.OK() || part.From != from || part.Root != r.Root {
				t.Errorf("from %d: %+v", from, part)
			}
			root[0]++
			if part := o.verify(t, audit.VerifyOptions{From: audit.Checkpoint{Size: from, Root: root}}); part.OK() {
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
	written(t, dsn)
	o = inspect(t, dsn)
	o.unguard(t)
	execute(t, o.entry, `CREATE TABLE edited AS SELECT * FROM entry WHERE 1 = 0`)
	for _, table := range tables {
		execute(t, o.entry, `CREATE TABLE saved_`+table+` AS SELECT * FROM `+table)
	}
	for _, seq := range []int64{17, 256, 257, 590} {
		e, err := o.Entry(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		execute(t, o.entry, `INSERT INTO edited (seq, ts, body) VALUES ($1, 0, $2)`, seq, bytes.Replace(e.Body, []byte("number"), []byte("NUMBER"), 1))
	}
	return o, func() {
		for _, table := range tables {
			execute(t, o.entry, `DELETE FROM `+table)
			execute(t, o.entry, `INSERT INTO `+table+` SELECT * FROM saved_`+table)
		}
	}
}

func TestTampering(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		o, mend := attacked(t, dsn)
		for _, a := range attacks() {
			t.Run(a.name, func(t *testing.T) {
				defer mend()
				for _, s := range a.do {
					execute(t, o.entry, s)
				}
				got := named(o.verify(t, audit.VerifyOptions{}).Findings)
				if slices.Sort(a.want); !slices.Equal(got, a.want) {
					t.Errorf("got  %q\nwant %q", got, a.want)
				}
			})
		}
		if r := o.verify(t, audit.VerifyOptions{}); !r.OK() {
			t.Errorf("mended: %v", r.Findings)
		}
	})
}

// TestEveryByte changes, one after the other, every hash of a tile and of the
// head's edge, and every byte of the notes.
func TestEveryByte(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		o, mend := attacked(t, dsn)
		defer mend()
		each := func(read, write string, step int, want func(i int) string) {
			t.Helper()
			original := column[[]byte](t, o.entry.Read, read)[0]
			for i := 0; i < len(original); i += step {
				changed := bytes.Clone(original)
				changed[i+i/step%step] ^= 1
				execute(t, o.entry, write, changed)
				got := named(o.verify(t, audit.VerifyOptions{}).Findings)
				if w := want(i); len(got) == 0 || w != "" && !slices.Equal(got, []string{w}) {
					t.Errorf("%s, byte %d: got %q, want %q", write, i, got, w)
				}
			}
			execute(t, o.entry, write, original)
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
		if r := o.verify(t, audit.VerifyOptions{}); !r.OK() {
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
	engines(t, func(t *testing.T, dsn string) {
		written(t, dsn)
		o := inspect(t, dsn)
		anchor := o.anchored(t)
		o.unguard(t)
		for _, s := range []string{`DELETE FROM entry WHERE seq > 300`, `DELETE FROM tile WHERE n > 0`, `DELETE FROM checkpoint WHERE n > 1`,
			`UPDATE head SET note = (SELECT note FROM checkpoint)`} {
			execute(t, o.entry, s)
		}
		o.rehead(t)
		edge := audit.Leaves(column[[]byte](t, o.entry.Read, `SELECT body FROM entry WHERE seq > 256 ORDER BY seq`))
		execute(t, o.entry, `UPDATE edge SET leaves = $1`, edge)
		if r := o.verify(t, audit.VerifyOptions{}); !r.OK() || r.Size != 300 {
			t.Fatalf("the log of 300 records: %+v", r)
		}
		if got := named(o.verify(t, audit.VerifyOptions{Anchor: anchor}).Findings); !slices.Equal(got, []string{"log.rolled_back checkpoint 600"}) {
			t.Errorf("with the anchor: %q", got)
		}
		if err := o.close(); err != nil {
			t.Fatal(err)
		}
		file := audit.FileAnchor{Path: t.TempDir() + "/anchor"}
		if err := file.Publish(t.Context(), anchor, nil); err != nil {
			t.Fatal(err)
		}
		withAnchor := func(c *audit.Config) { c.Anchors = []audit.Anchor{file} }
		refused(t, dsn, audit.ErrRolledBack, withAnchor)

		o = open(t, dsn, signing) // without it the log goes on, in another direction
		o.appendTogether(t, several(400))
		if err := o.close(); err != nil {
			t.Fatal(err)
		}
		refused(t, dsn, audit.ErrForked, withAnchor)
		o = inspect(t, dsn)
		if got := named(o.verify(t, audit.VerifyOptions{Anchor: anchor}).Findings); !slices.Equal(got, []string{"log.forked checkpoint 600"}) {
			t.Errorf("the fork with the anchor: %q", got)
		}
	})
}

// TestForgedTree rewrites a record and everything that follows from it.
func TestForgedTree(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		written(t, dsn)
		o := inspect(t, dsn)
		o.unguard(t)
		body := bytes.Replace(column[[]byte](t, o.entry.Read, `SELECT body FROM entry WHERE seq = 17`)[0], []byte("number"), []byte("NUMBER"), 1)
		execute(t, o.entry, `UPDATE entry SET body = $1 WHERE seq = 17`, body)
		bodies := column[[]byte](t, o.entry.Read, `SELECT body FROM entry ORDER BY seq`)
		for n := range 2 {
			execute(t, o.entry, `UPDATE tile SET d = $1 WHERE n = $2`, audit.Leaves(bodies[n*256:(n+1)*256]), n)
		}
		o.rehead(t)
		if got := named(o.verify(t, audit.VerifyOptions{}).Findings); !slices.Equal(got, []string{"checkpoint.root checkpoint 300"}) {
			t.Errorf("with the true signatures: %q", got)
		}
		if err := o.close(); err != nil {
			t.Fatal(err)
		}
		refused(t, dsn, audit.ErrForked)

		// With a key of the attacker's the log would sign all of it.
		o = inspect(t, dsn)
		root, _, _ := audit.Head(bodies)
		forged := audit.Resign(t, o.Origin(), root, 600)
		execute(t, o.entry, `UPDATE head SET note = $1`, forged)
		execute(t, o.entry, `UPDATE checkpoint SET note = $1 WHERE n = 2`, forged)
		execute(t, o.entry, `DELETE FROM checkpoint WHERE n = 1`)
		got := o.verify(t, audit.VerifyOptions{}).Findings
		if len(got) != 3 || got[0].Kind != audit.FindingCheckpointGone || got[1].Kind != audit.FindingSignature || got[2].Kind != audit.FindingSignature {
			t.Errorf("with another key: %v", got)
		}
		if err := o.close(); err != nil {
			t.Fatal(err)
		}
		refused(t, dsn, audit.ErrSignature)
	})
}

// refused fails unless Open refuses the log for that reason.
func refused(t *testing.T, dsn string, want error, change ...func(*audit.Config)) {
	t.Helper()
	o, err := openLog(t.Context(), dsn, append([]func(*audit.Config){signing}, change...)...)
	if !is(err, want) {
		t.Errorf("Open gives %v, want %v", err, want)
	}
	if err == nil {
		if err := o.close(); err != nil {
			t.Error(err)
		}
	}
}

// TestHigherTiles has enough records for a tile of the next level.
func TestHigherTiles(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn, signing)
		const n = 256*256 + 300
		o.fill(t, n)
		if r := o.verify(t, audit.VerifyOptions{}); !r.OK() || r.Size != n {
			t.Fatalf("%+v", r)
		}
		root, err := o.RootAt(t.Context(), 256*256+1)
		if err != nil {
			t.Fatal(err)
		}
		if r := o.verify(t, audit.VerifyOptions{From: audit.Checkpoint{Size: 256*256 + 1, Root: root}}); !r.OK() {
			t.Errorf("the rest: %v", r.Findings)
		}
		o.unguard(t)
		d := column[[]byte](t, o.entry.Read, `SELECT d FROM tile WHERE l = 1 AND n = 0`)[0]
		d[32*100] ^= 1
		execute(t, o.entry, `UPDATE tile SET d = $1 WHERE l = 1`, d)
		if got := named(o.verify(t, audit.VerifyOptions{}).Findings); !slices.Equal(got, []string{"tile.altered tile/8/1/000"}) {
			t.Errorf("a hash of the second level: %q", got)
		}
		d[32*100] ^= 1
		execute(t, o.entry, `UPDATE tile SET d = $1 WHERE l = 1`, d)
		e, err := o.Entry(t.Context(), 40_000)
		if err != nil {
			t.Fatal(err)
		}
		execute(t, o.entry, `UPDATE entry SET body = $1 WHERE seq = 40000`, append(e.Body, ' '))
		if got := named(o.verify(t, audit.VerifyOptions{}).Findings); !slices.Equal(got, []string{"record.altered record 40000"}) {
			t.Errorf("a record: %q", got)
		}
		execute(t, o.entry, `UPDATE entry SET body = $1 WHERE seq = 40000`, e.Body)
		execute(t, o.entry, `DELETE FROM tile WHERE l = 1`)
		if got := named(o.verify(t, audit.VerifyOptions{}).Findings); !slices.Equal(got, []string{"tile.missing tile/8/1/000"}) {
			t.Errorf("a deleted tile: %q", got)
		}
	})
}

// searched is a log with an operation that has ended and one that has not,
// whose search tables have all of it and can be harmed and mended.
func searched(t *testing.T, dsn string) (o *opened, mend func()) {
	t.Helper()
	written(t, dsn)
	o = open(t, dsn, signing)
	open, ended := fullRecord(), fullRecord()
	ended.OperationID = "ended"
	end := ended
	end.Action, end.Outcome = audit.ActionOperationObserved, audit.OutcomeSucceeded
	o.append(t, open, ended, end)
	o.caughtUp(t)
	if err := o.close(); err != nil {
		t.Fatal(err)
	}
	o = inspect(t, dsn)
	rows := []string{"record", "value", "open_operation", "followed"}
	for _, table := range rows {
		execute(t, o.search, `CREATE TABLE saved_`+table+` AS SELECT * FROM `+table)
	}
	return o, func() {
		for _, table := range rows {
			execute(t, o.search, `DELETE FROM `+table)
			execute(t, o.search, `INSERT INTO `+table+` SELECT * FROM saved_`+table)
		}
	}
}

func TestSearchTablesAreVerified(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
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
			{"the mark lowered", `UPDATE followed SET upto = 602`, []string{"search.altered record 603"}},
			{"the mark lifted", `UPDATE followed SET upto = 700`, []string{"search.altered"}},
			{"the mark deleted", `DELETE FROM followed`, []string{"search.altered"}},
		} {
			t.Run(tt.name, func(t *testing.T) {
				defer mend()
				execute(t, o.search, tt.harm)
				got := named(o.verify(t, audit.VerifyOptions{Search: o.search.Read}).Findings)
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
	engines(t, func(t *testing.T, dsn string) {
		written(t, dsn)
		db, err := migrations.Inspect(t.Context(), dsn, migrations.Audit)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		o := inspect(t, dsn, func(c *audit.Config) { c.Unguarded = db.Unguarded })
		if r := o.verify(t, audit.VerifyOptions{}); !r.OK() {
			t.Errorf("guarded: %v", r.Findings)
		}
		drop := `DROP TRIGGER tile_is_never_changed`
		if !o.sqlite() {
			drop += ` ON tile`
		}
		execute(t, o.entry, drop)
		r := o.verify(t, audit.VerifyOptions{})
		if got := named(r.Findings); !slices.Equal(got, []string{"guard.missing"}) || !strings.Contains(r.Findings[0].Text, "tile_is_never_changed") {
			t.Errorf("without one: %v", r.Findings)
		}
	})
}

// TestWordsAreVerified changes what the full text has of a record. Nothing but
// a verification of the words sees it.
func TestWordsAreVerified(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		o, _ := searched(t, dsn)
		r, err := o.Record(t.Context(), 601)
		if err != nil {
			t.Fatal(err)
		}
		words := strings.Fields(o.Words(r))
		n := len(words)
		put := func(words []string) {
			text := strings.Join(words, " ")
			if !o.sqlite() {
				execute(t, o.search, `UPDATE record SET words = $1::tsvector WHERE seq = 601`, text)
				return
			}
			execute(t, o.search, `DELETE FROM record_text WHERE rowid = 601`)
			execute(t, o.search, `INSERT INTO record_text (rowid, doc) VALUES (601, $1)`, text)
		}
		swapped := slices.Clone(words)
		swapped[n-1], swapped[n-2] = words[n-2], words[n-1]
		if !o.sqlite() { // there a word comes with its place
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
			if got := named(o.verify(t, audit.VerifyOptions{Search: o.search.Read}).Findings); len(got) > 0 {
				t.Errorf("%s, without the words: %q", tt.name, got)
			}
			for _, from := range []int64{0, 300} {
				root, err := o.RootAt(t.Context(), from)
				if err != nil {
					t.Fatal(err)
				}
				options := audit.VerifyOptions{Search: o.search.Read, Words: true, From: audit.Checkpoint{Size: from, Root: root}}
				if got := named(o.verify(t, options).Findings); !slices.Equal(got, tt.want) {
					t.Errorf("%s, from %d: got %q, want %q", tt.name, from, got, tt.want)
				}
			}
		}
	})
}

func TestVerifyCanBeStopped(t *testing.T) {
	written := func(t *testing.T, dsn string) *opened { o := open(t, dsn); o.fill(t, 20_000); return o }
	engines(t, func(t *testing.T, dsn string) {
		o := written(t, dsn)
		ctx, cancel := context.WithCancel(t.Context())
		_, err := o.Verify(ctx, audit.VerifyOptions{Progress: func(int64, int64) { cancel() }, Gentle: true})
		if !is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}
