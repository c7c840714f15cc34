package audit_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"coc-console/audit"
	"coc-console/audit/audittest"
)

// rfc6962 checks an inclusion proof as RFC 9162, section 2.1.3.2, writes it
// down, without any code of the log or of its libraries.
func rfc6962(body []byte, index, size uint64, path [][]byte, root []byte) bool {
	hash := func(prefix byte, parts ...[]byte) []byte {
		h := sha256.New()
		h.Write([]byte{prefix})
		for _, p := range parts {
			h.Write(p)
		}
		return h.Sum(nil)
	}
	if index >= size {
		return false
	}
	fn, sn, r := index, size-1, hash(0, body)
	for _, p := range path {
		if sn == 0 {
			return false
		}
		if fn&1 == 1 || fn == sn {
			r = hash(1, p, r)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			r = hash(1, r, p)
		}
		fn, sn = fn>>1, sn>>1
	}
	return sn == 0 && bytes.Equal(r, root)
}

// noted checks a note's Ed25519 signature and returns its root, with the
// standard library alone.
func noted(t *testing.T, signed []byte, verifier string) (lines []string, root []byte) {
	t.Helper()
	text, signature, _ := strings.Cut(string(signed), "\n\n")
	text += "\n"
	decode := func(s string) []byte {
		t.Helper()
		raw, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	parts := strings.SplitN(verifier, "+", 3) // name, hash of the key, 0x01 and the key
	key := decode(parts[2])
	mark := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	line := strings.Fields(signature) // —, name, hash of the key and signature
	raw := decode(line[2])
	if line[0] != "—" || line[1] != parts[0] || binary.BigEndian.Uint32(raw) != binary.BigEndian.Uint32(mark[:]) || key[0] != 1 ||
		!ed25519.Verify(key[1:], []byte(text), raw[4:]) {
		t.Fatalf("the signature of %s is wrong", signed)
	}
	lines = strings.Split(text, "\n")
	return lines, decode(lines[2])
}

// TestProofsWithoutOurCode proves records to somebody who has only the public
// key and the RFC.
func TestProofsWithoutOurCode(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		audittest.Written(t, dsn)
		o := inspect(t, dsn)
		c, err := o.Checkpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		lines, root := noted(t, c.Note, o.PublicKey())
		if lines[0] != "example.com/log" || lines[1] != "600" {
			t.Errorf("the checkpoint says %q", lines)
		}
		for _, seq := range []int64{1, 2, 256, 257, 300, 512, 513, 599, 600} {
			e, err := o.Entry(t.Context(), seq)
			if err != nil {
				t.Fatal(err)
			}
			proof, err := o.Prove(t.Context(), seq, c.Size)
			if err != nil {
				t.Fatal(err)
			}
			path := make([][]byte, len(proof))
			for i := range proof {
				path[i] = proof[i][:]
			}
			if !rfc6962(e.Body, uint64(seq-1), 600, path, root) {
				t.Errorf("the proof of record %d is wrong", seq)
			}
			if rfc6962(append(e.Body, ' '), uint64(seq-1), 600, path, root) || rfc6962(e.Body, uint64(seq), 600, path, root) {
				t.Errorf("the proof of record %d proves something else", seq)
			}
			if leaf := sha256.Sum256(append([]byte{0}, e.Body...)); leaf != e.Leaf {
				t.Errorf("the leaf of record %d is wrong", seq)
			}
		}
	})
}

// TestProofsOfEverySize checks proofs between all sizes up to 20, and some around tiles.
func TestProofsOfEverySize(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		audittest.Written(t, dsn)
		o := inspect(t, dsn)
		sizes := []int64{255, 256, 257, 300, 511, 512, 513, 600}
		for n := range int64(20) {
			sizes = append(sizes, n+1)
		}
		for _, newer := range sizes {
			root, err := o.RootAt(t.Context(), newer)
			if err != nil {
				t.Fatal(err)
			}
			for _, older := range sizes {
				if older > newer {
					if _, err := o.Consistency(t.Context(), older, newer); err == nil {
						t.Errorf("%d came before %d", older, newer)
					}
					continue
				}
				proof, err := o.Consistency(t.Context(), older, newer)
				olderRoot, err2 := o.RootAt(t.Context(), older)
				if err != nil || err2 != nil {
					t.Fatal(err, err2)
				}
				if err := tlog.CheckTree(proof, newer, root, older, olderRoot); err != nil {
					t.Errorf("%d to %d: %v", older, newer, err)
				}
				record, err := o.Prove(t.Context(), older, newer)
				if err != nil {
					t.Fatal(err)
				}
				e, err := o.Entry(t.Context(), older)
				if err != nil {
					t.Fatal(err)
				}
				if err := tlog.CheckRecord(record, newer, root, older-1, e.Leaf); err != nil {
					t.Errorf("%d in %d: %v", older, newer, err)
				}
			}
		}
	})
}

func TestProofsOfWhatIsNotThere(t *testing.T) {
	o := open(t, audittest.Fresh(t, audittest.SQLite), audittest.Signing)
	if _, err := o.Checkpoint(t.Context()); !is(err, audit.ErrNotFound) {
		t.Errorf("an empty log has a checkpoint: %v", err)
	}
	o.AppendEach(t, audittest.Viewed(""))
	for name, err := range map[string]error{
		"no record":       second(o.Prove(t.Context(), 0, 1)),
		"beyond the size": second(o.Prove(t.Context(), 2, 1)),
		"beyond the log":  second(o.Prove(t.Context(), 1, 2)),
		"no entry":        second(o.Entry(t.Context(), 2)),
		"later than all":  second(o.Consistency(t.Context(), 1, 2)),
	} {
		if !is(err, audit.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if p, err := o.Consistency(t.Context(), 0, 1); err != nil || len(p) != 0 {
		t.Errorf("from nothing: %v, %v", p, err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestCoveringCheckpoints(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		audittest.Written(t, dsn)
		o := inspect(t, dsn)
		for seq, size := range map[int64]int64{1: 300, 300: 300, 301: 600, 600: 600} {
			if c, err := o.Covering(t.Context(), seq); err != nil || c.Size != size {
				t.Errorf("record %d is covered by %d (%v), want %d", seq, c.Size, err, size)
			}
		}
		if _, err := o.Covering(t.Context(), 601); !is(err, audit.ErrNotFound) {
			t.Errorf("what does not exist is covered: %v", err)
		}
	})
}
