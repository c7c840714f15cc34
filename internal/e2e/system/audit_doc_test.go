package system

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
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
	"coc-console/audit/retention"
	"coc-console/audit/search"
	"coc-console/internal/e2e"
)

// auditDoc is docs/audit.md.
func auditDoc(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "audit.md"))
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
	t.Parallel()
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
		e2e.Missing(v.t, err.Error())
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
	t.Parallel()
	v := newVictim(t, filepath.Join(t.TempDir(), "data"), "example.com/log")
	c := newChecker(v)
	nothing := func(*victim) {}
	of300, of600 := "the first 300 records are not those of checkpoint 1", "the first 600 records are not those of checkpoint 2"
	ofHead := "the first 600 records are not those of the head's checkpoint"
	c.check("untouched", nothing, says("600 records; signed and true up to 600"))
	c.check("with an anchor", nothing, says("600 records; signed and true up to 600"), v.anchor)
	c.check("another anchor", nothing, says("the kept checkpoint is not signed with the key", "600 records; signed and true up to 600"),
		writeFile(t, strings.Replace(v.command("checkpoint"), "kept 2", "kept 1", 1)))
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
		Database: v.log, Key: v.secret})
	if err != nil {
		v.t.Fatal(err)
	}
	if n, err := retention.Prune(v.t.Context(), search.New(log, search.Config{Write: v.index.Write, Read: v.index.Read}), time.Now(), audit.Actor{UserName: "ann"}); err != nil || n != 512 {
		v.t.Errorf("up to %d are removed: %v", n, err)
	}
	if err := log.Close(); err != nil {
		v.t.Fatal(err)
	}
}

// TestOneRecordInAShell runs what the document says about one record.
func TestOneRecordInAShell(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"sqlite3", "sha256sum"} {
		if _, err := exec.LookPath(tool); err != nil {
			e2e.Missing(t, err.Error())
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
