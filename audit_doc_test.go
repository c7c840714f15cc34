package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"go/ast"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
)

// auditDoc is docs/audit.md.
func auditDoc(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("docs", "audit.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// blocks are the code blocks of a language after a heading.
func blocks(t *testing.T, doc, heading, language string) (all []string) {
	t.Helper()
	_, section, found := strings.Cut(doc, "\n"+heading+"\n")
	if !found {
		t.Fatalf("there is no %q", heading)
	}
	for _, m := range regexp.MustCompile("(?s)\n```"+language+"\n(.*?\n)```\n").FindAllStringSubmatch(section, -1) {
		all = append(all, m[1])
	}
	if len(all) == 0 {
		t.Fatalf("there is no %s after %q", language, heading)
	}
	return all
}

// TestDocumentedExample computes the example of the document with the standard
// library alone, and with the package.
func TestDocumentedExample(t *testing.T) {
	const heading = "### An example"
	doc := auditDoc(t)
	records := lines(blocks(t, doc, heading, "json")[0])
	texts := blocks(t, doc, heading, "text")
	hashes, checkpoint, key := lines(texts[0]), texts[1], strings.TrimSpace(texts[2])
	leaves := [][]byte{hashOf(0, []byte(records[0])), hashOf(0, []byte(records[1]))}
	for i, h := range [][]byte{leaves[0], leaves[1], rootOf(leaves)} {
		if hex.EncodeToString(h) != hashes[i] {
			t.Errorf("the hash %d is %x, not %s", i+1, h, hashes[i])
		}
	}
	checkNote(t, checkpoint, key, 2, rootOf(leaves))
	if c, err := audit.ParseCheckpoint([]byte(checkpoint), key); err != nil || c.Size != 2 || !bytes.Equal(c.Root[:], rootOf(leaves)) {
		t.Errorf("the package reads %+v (%v)", c, err)
	}
}

// checkNote checks a checkpoint's signature, size and root without any code of
// the log or of its libraries.
func checkNote(t *testing.T, checkpoint, key string, size int, root []byte) {
	t.Helper()
	decode := func(s string) []byte {
		raw, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	text, signature, _ := strings.Cut(checkpoint, "\n\n")
	text += "\n"
	parts, fields := strings.SplitN(key, "+", 3), strings.Fields(signature)
	public := decode(parts[2])
	id := sha256.Sum256(append([]byte(parts[0]+"\n"), public...))
	raw := decode(fields[2])
	if hex.EncodeToString(id[:4]) != parts[1] || !bytes.Equal(id[:4], raw[:4]) || fields[1] != parts[0] {
		t.Error("the key's id is wrong")
	}
	if !ed25519.Verify(public[1:], []byte(text), raw[4:]) {
		t.Error("the signature is wrong")
	}
	stated := strings.Split(text, "\n")
	if stated[0] != parts[0] || stated[1] != strconv.Itoa(size) || !bytes.Equal(decode(stated[2]), root) {
		t.Errorf("it states %q", stated)
	}
}

// checker is the document's script, with what it needs.
type checker struct {
	*victim
	python, script string
}

func newChecker(v *victim) checker {
	v.t.Helper()
	python, err := exec.LookPath("python3")
	if err == nil {
		_, err = exec.LookPath("openssl")
	}
	if err != nil {
		missing(v.t, err.Error())
	}
	return checker{v, python, writeFile(v.t, blocks(v.t, auditDoc(v.t), "### With other tools", "python")[0])}
}

// copied is the path of a copy of the log as it is now.
func (c checker) copied() string {
	c.t.Helper()
	path := filepath.Join(c.t.TempDir(), "audit.db")
	c.exec(`VACUUM INTO '` + path + `'`)
	return path
}

// check runs the script on a copy and compares what it says.
func (c checker) check(name string, do func(v *victim), want []string, args ...string) {
	c.t.Helper()
	outer := c.t
	c.t.Run(name, func(t *testing.T) {
		c.victim.t = t
		defer func() { c.mend(); c.victim.t = outer }()
		do(c.victim)
		out, err := exec.CommandContext(t.Context(), c.python, append([]string{c.script, c.copied(), c.key}, args...)...).CombinedOutput()
		if got := lines(string(out)); !slices.Equal(got, want) || (err == nil) != (len(want) == 1) {
			t.Errorf("it says %q (%v), want %q", got, err, want)
		}
	})
}

// TestCheckingWithoutTheConsole runs the document's script on logs that were
// tampered with, and on one whose old records were removed.
func TestCheckingWithoutTheConsole(t *testing.T) {
	v := newVictim(t, filepath.Join(t.TempDir(), "data"), "example.com/log")
	c := newChecker(v)
	nothing := func(*victim) {}
	of300, of600 := "the first 300 records are not those of checkpoint 1", "the first 600 records are not those of checkpoint 2"
	ofHead := "the first 600 records are not those of the head's checkpoint"
	c.check("untouched", nothing, says("600 records; signed and true up to 600"))
	c.check("with an anchor", nothing, says("600 records; signed and true up to 600"), v.anchor)
	c.check("another anchor", nothing, says("the kept checkpoint is not signed with the key", "600 records; signed and true up to 600"),
		writeFile(t, strings.Replace(v.command(nil, "checkpoint"), "kept 2", "kept 1", 1)))
	c.check("a record", func(v *victim) { v.edit(17) },
		says("record 17 does not have its hash", of300, of600, ofHead, "the head has another root", "600 records; signed and true up to 0"))
	c.check("a record and the tree", func(v *victim) { v.edit(17); v.rehash(v.leaves()) },
		says(of300, of600, ofHead, "600 records; signed and true up to 0"))
	c.check("another key", func(v *victim) { v.edit(17); v.rehash(v.leaves()); v.resign(audit.NewKey()) },
		says("checkpoint 1 is not signed with the key", "checkpoint 2 is not signed with the key", "the head's checkpoint is not signed with the key",
			"600 records; signed and true up to 0"))
	c.check("two adjacent deleted", statements(`DELETE FROM entry WHERE seq IN (300, 301)`),
		says("record 300 is missing", "record 301 is missing", "600 records; signed and true up to 600"))
	c.check("a checkpoint deleted", statements(`DELETE FROM checkpoint WHERE n = 1`),
		says("the kept checkpoints are not 1 to 1", "600 records; signed and true up to 600"))
	c.check("cut short", cutShort, says("300 records; signed and true up to 300"))
	c.check("cut short, with an anchor", cutShort,
		says("the kept checkpoint has 600 records, the log 300", "300 records; signed and true up to 300"), v.anchor)
	c.check("the first 512 removed", func(v *victim) { v.prune() }, says("601 records; signed and true up to 601"))
}

// prune removes what fills tiles, as the console would.
func (v *victim) prune() {
	v.t.Helper()
	log, err := audit.Open(v.t.Context(), audit.Config{Dialect: string(v.log.Engine), Log: v.log.Write, LogRead: v.log.Read,
		Search: v.index.Write, SearchRead: v.index.Read, Key: v.secret})
	if err != nil {
		v.t.Fatal(err)
	}
	if n, err := log.Prune(v.t.Context(), time.Now(), audit.Actor{UserName: "ann"}); err != nil || n != 512 {
		v.t.Errorf("up to %d are removed: %v", n, err)
	}
	if err := log.Close(); err != nil {
		v.t.Fatal(err)
	}
}

// TestOneRecordInAShell runs what the document says about one record.
func TestOneRecordInAShell(t *testing.T) {
	for _, tool := range []string{"sqlite3", "sha256sum"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing(t, err.Error())
		}
	}
	c := checker{victim: newVictim(t, filepath.Join(t.TempDir(), "data"), "example.com/log")}
	shell := exec.CommandContext(t.Context(), "sh", "-e", "-c", blocks(t, auditDoc(t), "### With other tools", "sh")[0])
	shell.Dir = filepath.Dir(c.copied())
	out, err := shell.CombinedOutput()
	leaf := hex.EncodeToString(hashOf(0, c.body(17)))
	if got := lines(string(out)); err != nil || !slices.Equal(got, []string{leaf, leaf}) {
		t.Errorf("it says %q (%v), want twice %s", got, err, leaf)
	}
}

// testName is a test as the document writes it.
var testName = regexp.MustCompile("`([a-z]+)\\.(Test[A-Za-z]+)`")

// TestGuaranteesHaveTests: each that package audit states has a row in the
// document, whose tests exist.
func TestGuaranteesHaveTests(t *testing.T) {
	promises, tests := map[string]bool{}, map[string]bool{}
	for _, f := range goFiles(t) {
		if f.name == "audit/log.go" {
			promises = stated(f.syntax.Doc.Text())
		}
		for _, d := range f.syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && f.test && fn.Recv == nil {
				tests[strings.TrimSuffix(f.syntax.Name.Name, "_test")+"."+fn.Name.Name] = true
			}
		}
	}
	_, table, _ := strings.Cut(auditDoc(t), "\n| guarantee | tests |\n|---|---|\n")
	rows := lines(table)
	if len(promises) < 5 || len(rows) != len(promises) {
		t.Errorf("%d guarantees have %d rows: %v", len(promises), len(rows), promises)
	}
	for _, row := range rows {
		cells := strings.Split(row, "|")
		if name := strings.TrimSpace(cells[1]); !promises[name] {
			t.Errorf("the package does not promise %q", name)
		}
		named := testName.FindAllStringSubmatch(cells[2], -1)
		if len(named) == 0 {
			t.Errorf("no test: %s", row)
		}
		for _, m := range named {
			if !tests[m[1]+"."+m[2]] {
				t.Errorf("there is no test %s.%s", m[1], m[2])
			}
		}
	}
}

// stated are the guarantees of the package comment: how each item begins, up
// to its first full stop, colon or parenthesis.
func stated(comment string) map[string]bool {
	_, rest, _ := strings.Cut(comment, "# What it guarantees\n")
	section, _, _ := strings.Cut(rest, "\n# ")
	promises := map[string]bool{}
	for _, item := range strings.Split(section, "\n  - ")[1:] {
		item = strings.Join(strings.Fields(item), " ")
		if end := strings.IndexAny(item, ".:("); end > 0 {
			item = item[:end]
		}
		promises[strings.TrimSpace(item)] = true
	}
	return promises
}
