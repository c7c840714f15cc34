package audit_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/verify"
)

func TestCheckpointsFollowTheRecords(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn, audittest.Signing)
		o.AppendEach(t, audittest.Several(3)...)
		// Nobody appends any more, and the head is still signed.
		var c audit.Checkpoint
		audittest.Until(t, "the head is signed", func() bool {
			var err error
			c, err = o.Checkpoint(t.Context())
			return err == nil && c.Size == 3
		})
		if root, err := o.RootAt(t.Context(), 3); err != nil || root != c.Root || c.Origin != "example.com/log" ||
			c.Time.Before(time.Now().Add(-time.Minute)) {
			t.Errorf("%+v (%v)", c, err)
		}
		if n := audittest.Number(t, o.Entries, `SELECT count(*) FROM checkpoint`); n != 0 {
			t.Errorf("%d checkpoints are kept within the first minute", n)
		}
		if err := o.Log.Close(); err != nil {
			t.Fatal(err)
		}
		if n := audittest.Number(t, o.Entries, `SELECT size FROM checkpoint`); n != 3 {
			t.Errorf("the end is kept with size %d", n)
		}
	})
}

// TestCheckpointsAreKept by the number of records.
func TestCheckpointsAreKept(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn, audittest.Signing)
		o.FillViewed(t, 3*4096)
		audittest.Until(t, "a checkpoint is kept", func() bool { return audittest.Number(t, o.Entries, `SELECT count(*) FROM checkpoint`) > 0 })
		if err := o.CloseAll(); err != nil {
			t.Fatal(err)
		}
		if r := inspect(t, dsn).MustVerify(t, verify.Options{}); !r.OK() || r.Kept == 0 || r.Signed.Size != r.Size {
			t.Errorf("%+v", r)
		}
	})
}

func TestLogWithoutAKey(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		o.AppendEach(t, audittest.Several(3)...)
		if o.PublicKey() != "" || !strings.HasPrefix(o.Origin(), "coc-console/") {
			t.Errorf("%q, %q", o.PublicKey(), o.Origin())
		}
		if r := o.MustVerify(t, verify.Options{}); !r.OK() || r.Signed.Size != 0 || r.Size != 3 {
			t.Errorf("%+v", r)
		}
		name := o.Origin()
		if err := o.CloseAll(); err != nil {
			t.Fatal(err)
		}
		if again := open(t, dsn, func(c *audit.Config) { c.Key = audittest.Key }); again.Origin() != name || again.PublicKey() == "" {
			t.Errorf("it is called %q, was %q", again.Origin(), name)
		}
	})
}

func TestAnotherName(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		audittest.Written(t, dsn)
		if _, err := audittest.New(t.Context(), dsn, audittest.Signing, func(c *audit.Config) { c.Origin = "example.com/other" }); err == nil {
			t.Error("the log took another name")
		}
	})
}

// TestChangedKeys: another key is refused, unless the former is trusted.
func TestChangedKeys(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		audittest.Written(t, dsn)
		former, err := audit.VerifierKey("example.com/log", audittest.Key.Public().(ed25519.PublicKey))
		if err != nil {
			t.Fatal(err)
		}
		changed := func(c *audit.Config) { c.Key = audit.NewKey() }
		audittest.Refused(t, dsn, audit.ErrSignature, changed)
		o := open(t, dsn, audittest.Signing, changed, func(c *audit.Config) { c.Trusted = []string{former} })
		o.AppendEach(t, audittest.Viewed(""))
		if err := o.Log.Close(); err != nil {
			t.Fatal(err)
		}
		if r := o.MustVerify(t, verify.Options{}); !r.OK() || r.Signed.Size != 601 {
			t.Errorf("%+v", r)
		}
	})
}

func TestLoadKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.key")
	made, err := audit.LoadKey(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if read, err := audit.LoadKey(path); err != nil || !bytes.Equal(read, made) {
		t.Errorf("read back: %v", err)
	}
	for _, bad := range []string{"", "abc", strings.Repeat("0", 62), strings.Repeat("x", 64)} {
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := audit.LoadKey(path); err == nil {
			t.Errorf("%q is a key", bad)
		}
	}
}

func TestTwoSigners(t *testing.T) {
	dsn := audittest.Postgres(t)
	consoles := []*opened{open(t, dsn, audittest.Signing), open(t, dsn, audittest.Signing)}
	for range 5 {
		for _, o := range consoles {
			o.AppendTogether(t, audittest.Several(300))
		}
	}
	for _, o := range consoles {
		if err := o.Log.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if r := consoles[0].MustVerify(t, verify.Options{}); !r.OK() || r.Size != 3000 || r.Signed.Size != 3000 {
		t.Errorf("%+v", r)
	}
}

// FuzzParseCheckpoint: only what the key has signed is a checkpoint, and only
// in its one form. One is signed; the fuzzer has it, and changes it.
func FuzzParseCheckpoint(f *testing.F) {
	f.Add([]byte("example.com/log\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nts 1\nkept 0\n\n— example.com/log AAAA\n"))
	f.Add([]byte(""))
	key, err := audit.VerifierKey("example.com/log", audittest.Key.Public().(ed25519.PublicKey))
	if err != nil {
		f.Fatal(err)
	}
	const text = "example.com/log\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nts 1\nkept 0\n"
	id, err := hex.DecodeString(strings.Split(key, "+")[1])
	if err != nil {
		f.Fatal(err)
	}
	signed := text + "\n— example.com/log " + base64.StdEncoding.EncodeToString(append(id, ed25519.Sign(audittest.Key, []byte(text))...)) + "\n"
	if c, err := audit.ParseCheckpoint([]byte(signed), key); err != nil || c.Size != 1 {
		f.Fatalf("%+v (%v)", c, err)
	}
	f.Add([]byte(signed))
	f.Add([]byte(signed + "— example.com/witness AAAAAA==\n"))
	f.Add([]byte(strings.Replace(signed, "kept 0", "kept 1", 1)))
	f.Fuzz(func(t *testing.T, changed []byte) {
		if _, err := audit.ParseCheckpoint(changed, key); err == nil && !strings.HasPrefix(string(changed), text+"\n") {
			t.Errorf("%q is signed", changed)
		}
	})
}
