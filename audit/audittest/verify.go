package audittest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"coc-console/audit"
	"coc-console/audit/verify"
)

// MustVerify is what a verification of the log finds out.
func (l *Log) MustVerify(t testing.TB, options verify.Options) verify.Report {
	t.Helper()
	r, err := l.Verify(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Named shortens findings to what they name.
func Named(findings []verify.Finding) []string {
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

// Resign makes a checkpoint with a key that nobody knows.
func Resign(t testing.TB, origin string, root []byte, size int64) []byte {
	t.Helper()
	key, _, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\nts 1\nkept 2\n", origin, size,
		tlog.Hash(root))}, signer)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// Written is a closed log of 600 records with two kept checkpoints, of 300 and
// 600 records: two full tiles and part of a third.
func Written(t testing.TB, dsn string) {
	t.Helper()
	for range 2 {
		o := Open(t, dsn, Signing)
		o.AppendTogether(t, Several(300))
		o.CaughtUp(t)
		if err := o.CloseAll(); err != nil {
			t.Fatal(err)
		}
	}
}

// Refused fails unless Open refuses the log for that reason.
func Refused(t *testing.T, dsn string, want error, change ...func(*audit.Config)) {
	t.Helper()
	o, err := New(t.Context(), dsn, append([]func(*audit.Config){Signing}, change...)...)
	if !errors.Is(err, want) {
		t.Errorf("Open gives %v, want %v", err, want)
	}
	if err == nil {
		if err := o.CloseAll(); err != nil {
			t.Error(err)
		}
	}
}
