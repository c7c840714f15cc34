package system

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"coc-console/internal/e2e"
)

// proof is what somebody has who was given a bundle: some leaves, by their
// index, and the hashes of all between, from left to right.
type proof struct {
	leaves  map[int][]byte
	between [][]byte
}

// root is the Merkle tree hash of RFC 6962, section 2.1, over the leaves from
// lo to below hi. ok is false when a hash is missing.
func (p *proof) root(lo, hi int) (root []byte, ok bool) {
	chosen := false
	for i := range p.leaves {
		chosen = chosen || lo <= i && i < hi
	}
	switch {
	case !chosen && len(p.between) == 0:
		return nil, false
	case !chosen:
		root, p.between = p.between[0], p.between[1:]
		return root, true
	case hi-lo == 1:
		return p.leaves[lo], true
	}
	k := 1
	for 2*k < hi-lo {
		k *= 2
	}
	left, ok1 := p.root(lo, lo+k)
	right, ok2 := p.root(lo+k, hi)
	return hashOf(1, left, right), ok1 && ok2
}

// bundleFiles unpacks a bundle.
func bundleFiles(t *testing.T, bundle string) map[string]string {
	t.Helper()
	archive, err := zip.NewReader(strings.NewReader(bundle), int64(len(bundle)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range archive.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = string(text)
	}
	return files
}

// proven reads the records, by their own bytes, and the proof of a bundle.
func proven(t *testing.T, files map[string]string) (p *proof, size int) {
	t.Helper()
	p = &proof{leaves: map[int][]byte{}}
	for _, record := range lines(files["records.jsonl"]) {
		var r struct{ Seq int }
		if err := json.Unmarshal([]byte(record), &r); err != nil {
			t.Fatal(err)
		}
		p.leaves[r.Seq-1] = hashOf(0, []byte(record))
	}
	for _, h := range lines(files["proof.txt"]) {
		raw, err := base64.StdEncoding.DecodeString(h)
		if err != nil {
			t.Fatal(err)
		}
		p.between = append(p.between, raw)
	}
	size, err := strconv.Atoi(strings.Split(files["checkpoint.txt"], "\n")[1])
	if err != nil {
		t.Fatal(err)
	}
	return p, size
}

// TestProofsFromARunningConsole gets records with their proofs over HTTP, and
// checks them with the standard library and the key that the console logged.
func TestProofsFromARunningConsole(t *testing.T) {
	t.Parallel()
	c := e2e.Launch(t, e2e.NoEnvironment)
	b := newBrowser(t, c.URL)
	b.signIn("manager")
	for i := range 5 {
		b.get("/tickets?name=" + strconv.Itoa(i)) // another read each time
	}
	b.get("/audit/1")
	logged := loggedKey.FindStringSubmatch(c.Stderr.String())
	if logged == nil {
		t.Fatalf("it does not log its public key:\n%s", c.Stderr)
	}
	key := strings.Trim(logged[1], `"`)
	for name, tt := range map[string]struct {
		query   string
		records int // that it must have at least
	}{"one record": {"&action=audit.viewed", 1}, "several": {"&action=ticket.listed", 5}, "all": {"", 7}} {
		t.Run(name, func(t *testing.T) {
			var files map[string]string
			eventually(t, "a checkpoint covers the records", func() bool {
				p := b.get("/audit/export?format=bundle" + tt.query)
				if p.status != http.StatusOK {
					return false
				}
				files = bundleFiles(t, p.body)
				return len(lines(files["records.jsonl"])) >= tt.records
			})
			p, size := proven(t, files)
			root, ok := p.root(0, size)
			if !ok || len(p.between) != 0 {
				t.Fatalf("the proof has too few hashes, or %d too many", len(p.between))
			}
			checkNote(t, files["checkpoint.txt"], key, size, root)

			changed, _ := proven(t, files)
			for i := range changed.leaves {
				changed.leaves[i] = hashOf(0, []byte("something else"))
			}
			if other, _ := changed.root(0, size); bytes.Equal(other, root) {
				t.Error("other records have the same root")
			}
		})
	}
}
