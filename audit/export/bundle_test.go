package export_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/export"
	"coc-console/audit/search"
)

func (o *opened) bundle(t testing.TB, q search.Query, anchors ...[]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	q.Visible = audittest.All
	if err := export.Bundle(t.Context(), &out, o.Index, q, export.BundleOptions{Anchors: anchors}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func checkBundle(t testing.TB, bundle []byte, key string, anchors ...[]byte) export.BundleReport {
	t.Helper()
	r, err := export.VerifyBundle(bytes.NewReader(bundle), int64(len(bundle)), []string{key}, anchors...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// zipFile is a file of a bundle.
type zipFile struct{ name, text string }

func unzip(t testing.TB, bundle []byte) []zipFile {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(bundle), int64(len(bundle)))
	if err != nil {
		t.Fatal(err)
	}
	var out []zipFile
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, zipFile{f.Name, string(text)})
	}
	return out
}

func rezip(t testing.TB, files []zipFile) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range files {
		to, err := w.Create(f.name)
		if err == nil {
			_, err = io.WriteString(to, f.text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func textOf(files []zipFile, name string) string {
	for _, f := range files {
		if f.name == name {
			return f.text
		}
	}
	return ""
}

// TestBundleOfARange: all ranges of logs of awkward sizes.
func TestBundleOfARange(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn, audittest.Signing)
		for _, size := range []int64{1, 2, 3, 255, 256, 257, 700} {
			now, err := o.Size(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			o.AppendEach(t, audittest.Several(int(size-now))...)
			o.Signed(t)
			for _, r := range [][2]int64{{1, size}, {1, 1}, {size, size}, {size/2 + 1, size}, {1, size/2 + 1}, {size/3 + 1, 2*size/3 + 1}} {
				bundle := o.bundle(t, search.Query{After: r[0] - 1, Before: r[1] + 1})
				report := checkBundle(t, bundle, o.PublicKey())
				if !report.OK() || report.Kind != export.BundleRange || report.First != r[0] || report.Last != r[1] ||
					report.Records != r[1]-r[0]+1 || report.Pruned != 0 || report.Checkpoint.Size != size {
					t.Errorf("%v of %d: %+v", r, size, report.Findings)
				}
				o.sameBytes(t, bundle, r[0], r[1])
				if again := o.bundle(t, search.Query{After: r[0] - 1, Before: r[1] + 1}); !bytes.Equal(again, bundle) {
					t.Errorf("%v of %d: it is another one the second time", r, size)
				}
			}
		}
	})
}

// sameBytes checks, without our code, that a bundle holds the log's exact bytes
// and their hashes.
func (o *opened) sameBytes(t *testing.T, bundle []byte, first, last int64) {
	t.Helper()
	var records, leaves strings.Builder
	for i, body := range audittest.Column[[]byte](t, o.Entries.Read, `SELECT body FROM entry WHERE seq >= $1 AND seq <= $2 ORDER BY seq`, first, last) {
		hash := sha256.Sum256(append([]byte{0}, body...))
		fmt.Fprintf(&records, "%s\n", body)
		fmt.Fprintf(&leaves, "%d %s\n", first+int64(i), base64.StdEncoding.EncodeToString(hash[:]))
	}
	files := unzip(t, bundle)
	if textOf(files, "records.jsonl") != records.String() || textOf(files, "leaves.txt") != leaves.String() {
		t.Errorf("%d to %d: the bundle holds something else than the log", first, last)
	}
}

func TestBundleOfASearch(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn, audittest.Signing)
		o.AppendTogether(t, audittest.Mixed(1500))
		o.Signed(t)
		o.CaughtUp(t)
		middle := o.Everything(t)[700].Time.In(time.FixedZone("", 3600))
		for _, q := range []search.Query{{Person: "ann"}, {Person: "' OR 1=1 --", Outcome: audit.OutcomeFailed}, {Text: []string{"disk"}, After: 300, Before: 900},
			{Action: "operation.", From: middle}, {Ticket: "SCT1", To: middle}, {Not: []search.Filter{{Field: search.FieldActor, Value: "ben"}}}} {
			q.Visible = audittest.All
			bundle := o.bundle(t, q)
			report := checkBundle(t, bundle, o.PublicKey())
			found := o.Export(t, q)
			if !report.OK() || report.Kind != export.BundleSearch || report.Records != int64(len(found)) || len(found) == 0 {
				t.Errorf("%s: %d were found, the report says %d, %v", q, len(found), report.Records, report.Findings)
			}
			for i, line := range strings.Split(strings.TrimSuffix(textOf(unzip(t, bundle), "records.jsonl"), "\n"), "\n") {
				if !strings.Contains(line, fmt.Sprintf(`"seq":%d,`, found[i].Sequence)) {
					t.Fatalf("%s: the line %d is %s", q, i+1, line)
				}
			}
		}
		var out bytes.Buffer
		if err := export.Bundle(t.Context(), &out, o.Index, search.Query{Person: "nobody", Visible: audittest.All}, export.BundleOptions{}); !errors.Is(err, audit.ErrNotFound) || out.Len() > 0 {
			t.Errorf("of nothing: %v, %d bytes", err, out.Len())
		}
	})
}

// TestBundleOfTimes: a query of times alone is a range of numbers.
func TestBundleOfTimes(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn, audittest.Signing, func(c *audit.Config) { c.Now = audittest.Steady() })
		records := o.AppendEach(t, audittest.Several(50)...)
		o.Signed(t)
		report := checkBundle(t, o.bundle(t, search.Query{From: records[10].Time, To: records[20].Time}), o.PublicKey())
		if !report.OK() || report.Kind != export.BundleRange || report.First != 11 || report.Last != 20 || report.Query == "" {
			t.Errorf("%+v", report.Findings)
		}
	})
}

// TestBundleBeyondTheCheckpoint: what nobody has signed yet is left out.
func TestBundleBeyondTheCheckpoint(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		o.AppendEach(t, audittest.Several(20)...)
		var out bytes.Buffer
		if err := export.Bundle(t.Context(), &out, o.Index, search.Query{Visible: audittest.All}, export.BundleOptions{}); !errors.Is(err, audit.ErrNotFound) || out.Len() > 0 {
			t.Errorf("without a checkpoint: %v, %d bytes", err, out.Len())
		}
	})
}

// TestBundleWithAnchors: it shows that the log continues what others kept.
func TestBundleWithAnchors(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn, audittest.Signing)
		o.AppendEach(t, audittest.Several(300)...)
		kept := o.Signed(t)
		o.AppendEach(t, audittest.Several(500)...)
		now := o.Signed(t)
		bundle := o.bundle(t, search.Query{After: 600}, kept.Note)
		for _, c := range []audit.Checkpoint{kept, now} {
			if r := checkBundle(t, bundle, o.PublicKey(), c.Note); !r.OK() || len(r.Anchored) != 1 || r.Anchored[0].Size != c.Size {
				t.Errorf("%d: %+v", c.Size, r)
			}
		}
		without := o.bundle(t, search.Query{After: 600})
		if r := checkBundle(t, without, o.PublicKey(), kept.Note); r.OK() || !strings.Contains(r.Findings[0].Text, "cannot show") {
			t.Errorf("without it: %+v", r)
		}
		forged := audittest.Resign(t, o.Origin(), make([]byte, 32), 300)
		if r := checkBundle(t, bundle, o.PublicKey(), forged); r.OK() || r.Findings[0].File != "" {
			t.Errorf("an anchor of nobody's: %+v", r)
		}
		if err := export.Bundle(t.Context(), io.Discard, o.Index, search.Query{Visible: audittest.All}, export.BundleOptions{Anchors: [][]byte{forged}}); !errors.Is(err, audit.ErrForked) {
			t.Errorf("a checkpoint of another log: %v", err)
		}
	})
}

// TestBundleOfPrunedRecords: their hashes stand in their places.
func TestBundleOfPrunedRecords(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn, audittest.Signing, func(c *audit.Config) { c.Now = audittest.Steady() })
		records := o.AppendEach(t, audittest.Several(700)...)
		if n, err := o.Prune(t.Context(), records[600].Time, audit.Actor{UserName: "ann"}); n != 512 || err != nil {
			t.Fatal(n, err)
		}
		o.Signed(t)
		for _, r := range []struct{ first, last, pruned int64 }{{1, 701, 512}, {500, 520, 13}, {3, 5, 3}, {513, 600, 0}} {
			report := checkBundle(t, o.bundle(t, search.Query{After: r.first - 1, Before: r.last + 1}), o.PublicKey())
			if !report.OK() || report.Pruned != r.pruned || report.Records != r.last-r.first+1 {
				t.Errorf("%v: %d %v", r, report.Pruned, report.Findings)
			}
		}
		files := unzip(t, o.bundle(t, search.Query{After: 499, Before: 521}))
		if !strings.HasPrefix(textOf(files, "records.jsonl"), "{\"pruned\":500}\n") || !strings.Contains(textOf(files, "README.txt"), "only the hash of 13") {
			t.Errorf("%+v", files)
		}
	})
}

// TestBundleOfADamagedLog: what is not as it was hashed is no evidence.
func TestBundleOfADamagedLog(t *testing.T) {
	for name, statement := range map[string]string{
		"altered": `UPDATE entry SET body = CAST(replace(CAST(body AS TEXT), 'number 7', 'number 8') AS BLOB) WHERE seq = 8`,
		"missing": `DELETE FROM entry WHERE seq = 8`,
		"moved":   `UPDATE entry SET body = (SELECT body FROM entry WHERE seq = 9) WHERE seq = 8`,
		"a hash":  `UPDATE tile SET d = CAST(zeroblob(8192) AS BLOB) WHERE l = 0 AND n = 0`,
		"signed":  `UPDATE head SET note = x''`,
	} {
		t.Run(name, func(t *testing.T) {
			o := open(t, audittest.Fresh(t, audittest.SQLite), audittest.Signing)
			o.AppendEach(t, audittest.Several(300)...)
			o.Signed(t)
			o.Unguard(t)
			audittest.Execute(t, o.Entries, statement)
			var out bytes.Buffer
			err := export.Bundle(t.Context(), &out, o.Index, search.Query{Visible: audittest.All}, export.BundleOptions{})
			if !errors.Is(err, audit.ErrDamaged) && !errors.Is(err, audit.ErrNotFound) {
				t.Errorf("the error is %v", err)
			}
			if _, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len())); err == nil {
				t.Error("it looks whole")
			}
		})
	}
}

// TestBundleBreaksOff: half a bundle is not taken for a whole one.
func TestBundleBreaksOff(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn, audittest.Signing)
		o.FillViewed(t, 3000)
		o.Signed(t)
		ctx, cancel := context.WithCancel(t.Context())
		var out bytes.Buffer
		err := export.Bundle(ctx, &out, o.Index, search.Query{Visible: audittest.All}, export.BundleOptions{Progress: func(done, total int64) error {
			if total != 3000 {
				t.Errorf("%d of %d", done, total)
			}
			if done > 1000 {
				cancel()
			}
			return ctx.Err()
		}})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the error is %v", err)
		}
		whole := o.bundle(t, search.Query{Before: 40})
		for _, half := range append([][]byte{out.Bytes()}, whole[:len(whole)-1], whole[:len(whole)/2], nil) {
			if _, err := export.VerifyBundle(bytes.NewReader(half), int64(len(half)), []string{o.PublicKey()}); !errors.Is(err, export.ErrBundle) {
				t.Errorf("%d bytes: %v", len(half), err)
			}
		}
	})
}

// sampled is a bundle that is the same in every process: fixed key, name and
// clock.
func sampled(t testing.TB, q search.Query) (bundle []byte, key string) {
	t.Helper()
	o := open(t, audittest.Fresh(t, audittest.SQLite), audittest.Signing, func(c *audit.Config) {
		c.Now, c.Origin = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }, "log.example"
	})
	o.Fill(t, 40, func(i int) audit.Record {
		r := audittest.Viewed(fmt.Sprintf("number %d", i))
		r.Actor.UserName = audittest.People[i%3]
		return r
	})
	kept := o.Signed(t)
	o.Fill(t, 30, func(i int) audit.Record { return audittest.Viewed("later") })
	o.Signed(t)
	return o.bundle(t, q, kept.Note), o.PublicKey()
}

// TestSampledBundle: workers of the fuzz test must agree on it.
func TestSampledBundle(t *testing.T) {
	first, _ := sampled(t, search.Query{After: 9, Before: 21})
	if second, _ := sampled(t, search.Query{After: 9, Before: 21}); !bytes.Equal(first, second) {
		t.Error("it is another one each time")
	}
}

// TestTamperedBundle changes each part of a bundle, and expects it to be named.
func TestTamperedBundle(t *testing.T) {
	ranged, key := sampled(t, search.Query{After: 9, Before: 21})
	searched, _ := sampled(t, search.Query{Person: "ann", Before: 31})
	for _, tt := range []struct {
		name, file, old, new string
		seq                  int64
		named                string // file, if it is another
	}{
		{name: "a record's text", file: "records.jsonl", old: "number 14", new: "number 99", seq: 15},
		{name: "a record's number", file: "records.jsonl", old: `"seq":15,`, new: `"seq":17,`, seq: 15},
		{name: "the last record's number", file: "records.jsonl", old: `"seq":20,`, new: `"seq":21,`, seq: 20},
		{name: "a record's time", file: "records.jsonl", old: `"seq":15,"ts":17`, new: `"seq":15,"ts":18`, seq: 15},
		{name: "a record is withheld", file: "records.jsonl", old: lineOf(ranged, t, 15), new: "", seq: 15},
		{name: "the first is withheld", file: "records.jsonl", old: lineOf(ranged, t, 10), new: "", seq: 10},
		{name: "the last is withheld", file: "records.jsonl", old: lineOf(ranged, t, 20), new: "", seq: 20},
		{name: "a record is pretended to be pruned", file: "records.jsonl", old: lineOf(ranged, t, 15), new: "{\"pruned\":15}\n", seq: 15},
		{name: "a record is there twice", file: "records.jsonl", old: lineOf(ranged, t, 15), new: lineOf(ranged, t, 15) + lineOf(ranged, t, 15), seq: 15},
		{name: "two are swapped", file: "records.jsonl", old: lineOf(ranged, t, 15) + lineOf(ranged, t, 16), new: lineOf(ranged, t, 16) + lineOf(ranged, t, 15), seq: 15},
		{name: "a line that is no record", file: "records.jsonl", old: lineOf(ranged, t, 15), new: "x\n" + lineOf(ranged, t, 15)},
		{name: "an empty line", file: "records.jsonl", old: lineOf(ranged, t, 15), new: "\n" + lineOf(ranged, t, 15)},
		{name: "a line at the end", file: "records.jsonl", old: lineOf(ranged, t, 20), new: lineOf(ranged, t, 20) + "{}\n"},
		{name: "the end is cut", file: "records.jsonl", old: "}\n" + lineOf(ranged, t, 20), new: "}\n{\"v\":1,\"seq\":20,"},
		{name: "a line is endless", file: "records.jsonl", old: `"ts":`, new: strings.Repeat(" ", 70000) + `"ts":`},
		{name: "a leaf", file: "leaves.txt", old: "\n15 ", new: "\n15 A", seq: 14},
		{name: "a leaf's number", file: "leaves.txt", old: "\n15 ", new: "\n16 ", seq: 14},
		{name: "a leaf is missing at the end", file: "leaves.txt", old: textOf(unzip(t, ranged), "leaves.txt")[10*48:], new: "", seq: 20},
		{name: "the proof is empty", file: "proof.txt", old: textOf(unzip(t, ranged), "proof.txt"), new: ""},
		{name: "the proof is longer", file: "proof.txt", old: "", new: textOf(unzip(t, ranged), "proof.txt")[:45]},
		{name: "the checkpoint's name", file: "checkpoint.txt", old: "log.example\n", new: "log.elsewhere\n"},
		{name: "the checkpoint's size", file: "checkpoint.txt", old: "\n70\n", new: "\n71\n"},
		{name: "the checkpoint's time", file: "checkpoint.txt", old: "\nts 1", new: "\nts 2"},
		{name: "the checkpoint's count", file: "checkpoint.txt", old: "\nkept ", new: "\nkept 1"},
		{name: "an older checkpoint", file: "earlier.json", old: `example\n40\n`, new: `example\n41\n`},
		{name: "an older checkpoint's proof", file: "earlier.json", old: `"proof": [`, new: `"proof": ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",`},
		{name: "no older checkpoint", file: "earlier.json", old: textOf(unzip(t, ranged), "earlier.json"), new: "[]\n"},
		{name: "the public key", file: "public-key.txt", old: "log.example+", new: "log.example+1"},
		{name: "no public key", file: "public-key.txt", old: key, new: ""},
		{name: "the text", file: "README.txt", old: "number 10", new: "number 1"},
		{name: "the text elsewhere", file: "README.txt", old: "What it proves", new: "What it shows"},
		{name: "the format", file: "bundle.json", old: "bundle 1", new: "bundle 2"},
		{name: "the log", file: "bundle.json", old: "log.example", new: "log.elsewhere"},
		{name: "the kind", file: "bundle.json", old: `"range"`, new: `"search"`, named: "README.txt"},
		{name: "the first number", file: "bundle.json", old: `"first": 10`, new: `"first": 9`},
		{name: "the last number", file: "bundle.json", old: `"last": 20`, new: `"last": 21`},
		{name: "the number of records", file: "bundle.json", old: `"records": 11`, new: `"records": 10`},
		{name: "the number of pruned ones", file: "bundle.json", old: `"pruned": 0`, new: `"pruned": 1`},
		{name: "the checkpoint's size there", file: "bundle.json", old: `"checkpoint_size": 70`, new: `"checkpoint_size": 71`},
		{name: "a checksum", file: "bundle.json", old: `"records.jsonl": "`, new: `"records.jsonl": "0`, named: "records.jsonl"},
		{name: "a checksum is missing", file: "bundle.json", old: `"proof.txt": `, new: `"other.txt": `},
		{name: "another field", file: "bundle.json", old: `"kind"`, new: `"more": 1, "kind"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			expectTampered(t, ranged, key, tt.file, tt.old, tt.new, cmpOr(tt.named, tt.file), tt.seq)
		})
	}
	t.Run("the query", func(t *testing.T) {
		expectTampered(t, searched, key, "bundle.json", "actor:ann", "ticket:X", "records.jsonl", 1)
	})
	t.Run("the query, which still fits", func(t *testing.T) {
		expectTampered(t, searched, key, "bundle.json", "actor:ann", "action:ticket.", "README.txt", 0)
	})
	t.Run("a search is called a range", func(t *testing.T) {
		expectTampered(t, searched, key, "bundle.json", `"search"`, `"range"`, "bundle.json", 0)
	})
	t.Run("a search's record is withheld", func(t *testing.T) {
		expectTampered(t, searched, key, "records.jsonl", lineOf(searched, t, 16), "", "records.jsonl", 16)
	})
	t.Run("a search's record is pruned", func(t *testing.T) {
		expectTampered(t, searched, key, "records.jsonl", lineOf(searched, t, 16), "{\"pruned\":16}\n", "records.jsonl", 16)
	})
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// lineOf is the line of a record in a bundle.
func lineOf(bundle []byte, t *testing.T, seq int64) string {
	t.Helper()
	for line := range strings.Lines(textOf(unzip(t, bundle), "records.jsonl")) {
		if strings.Contains(line, fmt.Sprintf(`"seq":%d,`, seq)) {
			return line
		}
	}
	t.Fatalf("there is no record %d", seq)
	return ""
}

func expectTampered(t *testing.T, bundle []byte, key, file, old, replacement, named string, seq int64) {
	t.Helper()
	files := unzip(t, bundle)
	for i, f := range files {
		if f.name != file {
			continue
		}
		if files[i].text = strings.Replace(f.text, old, replacement, 1); files[i].text == f.text {
			t.Fatalf("%q is not in %s", old, f.text)
		}
	}
	report := checkBundle(t, rezip(t, files), key)
	found := slices.ContainsFunc(report.Findings, func(f export.BundleFinding) bool { return f.File == named && f.Sequence == seq })
	if !found || len(report.Findings) > 20 {
		t.Errorf("nothing says %s, %d, or too much: %v", named, seq, report.Findings)
	}
	for _, f := range report.Findings {
		if seq != 0 && f.Sequence != 0 && (f.Sequence < seq || f.Sequence > seq+1) && file == "records.jsonl" {
			t.Errorf("%d is blamed, too: %s", f.Sequence, f)
		}
	}
}

// TestEveryByteOfABundle: no change goes unseen.
func TestEveryByteOfABundle(t *testing.T) {
	bundle, key := sampled(t, search.Query{Person: "ann", After: 9, Before: 21})
	files := unzip(t, bundle)
	if r := checkBundle(t, rezip(t, files), key); !r.OK() {
		t.Fatalf("packed again: %v", r.Findings)
	}
	random, places := rand.New(rand.NewPCG(1, 2)), 200
	if testing.Short() {
		places = 5
	}
	for i, f := range files {
		step := 1 + len(f.text)/places
		for at := random.IntN(step); at < len(f.text); at += step {
			changed := []byte(f.text)
			changed[at] ^= byte(1 << random.IntN(7))
			files[i].text = string(changed)
			if r := checkBundle(t, rezip(t, files), key); r.OK() {
				t.Errorf("the byte %d of %s, %q instead of %q, is not noticed", at, f.name, changed[at], f.text[at])
			}
		}
		files[i].text = f.text
	}
}

// TestHostileBundles: files that are missing, twice, unknown or endless.
func TestHostileBundles(t *testing.T) {
	bundle, key := sampled(t, search.Query{Before: 21})
	files, fillings := unzip(t, bundle), []string{"{\"pruned\":3}\n", "\n", "\x00"}
	if testing.Short() {
		fillings = fillings[:1]
	}
	for i, f := range files {
		if r := checkBundle(t, rezip(t, slices.Delete(slices.Clone(files), i, i+1)), key); len(r.Findings) != 1 || r.Findings[0].File != f.name {
			t.Errorf("without %s: %v", f.name, r.Findings)
		}
		if r := checkBundle(t, rezip(t, append(slices.Clone(files), f)), key); len(r.Findings) != 1 || r.Findings[0].File != f.name {
			t.Errorf("%s twice: %v", f.name, r.Findings)
		}
		for _, filling := range fillings {
			bomb := slices.Clone(files)
			bomb[i].text = f.text + strings.Repeat(filling, 3<<20/len(filling))
			if r := checkBundle(t, rezip(t, bomb), key); r.OK() {
				t.Errorf("3 MiB of %q after %s: nothing is found", filling, f.name)
			}
		}
	}
	if r := checkBundle(t, rezip(t, append(slices.Clone(files), zipFile{"../x", ""})), key); len(r.Findings) != 1 || r.Findings[0].File != "../x" {
		t.Errorf("a stranger: %v", r.Findings)
	}
	for _, keys := range [][]string{nil, {"no key"}} {
		if _, err := export.VerifyBundle(bytes.NewReader(bundle), int64(len(bundle)), keys); err == nil {
			t.Errorf("the keys %q will do", keys)
		}
	}
}

// FuzzVerifyBundle: whatever comes, verification ends, and what it accepts is
// the bundle that was made.
func FuzzVerifyBundle(f *testing.F) {
	bundle, key := sampled(f, search.Query{After: 9, Before: 21})
	files := unzip(f, bundle)
	for i := range files {
		f.Add(i, files[i].text)
	}
	f.Add(-1, string(bundle))
	f.Add(-1, string(rezip(f, files))) // another archive of the same files
	f.Add(len(files), string(rezip(f, files)))
	f.Fuzz(func(t *testing.T, which int, text string) {
		changed := []byte(text) // of an archive, only its files are proved: not its times, order or packing
		if 0 <= which && which < len(files) {
			all := slices.Clone(files)
			all[which].text = text
			changed = rezip(t, all)
		}
		r, err := export.VerifyBundle(bytes.NewReader(changed), int64(len(changed)), []string{key})
		if err != nil || !r.OK() {
			if string(changed) == string(bundle) || 0 <= which && which < len(files) && text == files[which].text {
				t.Errorf("refused as it was made: %v, %v", err, r.Findings)
			}
			return
		}
		byName := func(a, b zipFile) int { return strings.Compare(a.name, b.name) }
		if got := slices.SortedFunc(slices.Values(unzip(t, changed)), byName); !slices.Equal(got, slices.SortedFunc(slices.Values(files), byName)) {
			t.Error("accepted, though a file was changed")
		}
		if r.First != 10 || r.Last != 20 || r.Records != 11 {
			t.Errorf("it proves %+v", r)
		}
	})
}
