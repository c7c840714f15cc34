package audit_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"coc-console/audit"
)

func TestCheckpointsFollowTheRecords(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn, signing)
		o.append(t, several(3)...)
		// Nobody appends any more: the head is signed all the same.
		var c audit.Checkpoint
		until(t, "the head is signed", func() bool {
			var err error
			c, err = o.Checkpoint(t.Context())
			return err == nil && c.Size == 3
		})
		if root, err := o.RootAt(t.Context(), 3); err != nil || root != c.Root || c.Origin != "example.com/log" ||
			c.Time.Before(time.Now().Add(-time.Minute)) {
			t.Errorf("%+v (%v)", c, err)
		}
		if n := number(t, o.entry, `SELECT count(*) FROM checkpoint`); n != 0 {
			t.Errorf("%d checkpoints are kept within the first minute", n)
		}
		if err := o.Log.Close(); err != nil {
			t.Fatal(err)
		}
		if n := number(t, o.entry, `SELECT size FROM checkpoint`); n != 3 {
			t.Errorf("the end is kept with size %d", n)
		}
	})
}

// TestCheckpointsAreKept by the number of records.
func TestCheckpointsAreKept(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn, signing)
		o.fill(t, 3*4096)
		until(t, "a checkpoint is kept", func() bool { return number(t, o.entry, `SELECT count(*) FROM checkpoint`) > 0 })
		if err := o.close(); err != nil {
			t.Fatal(err)
		}
		if r := inspect(t, dsn).verify(t, audit.VerifyOptions{}); !r.OK() || r.Kept == 0 || r.Signed.Size != r.Size {
			t.Errorf("%+v", r)
		}
	})
}

func TestLogWithoutAKey(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		o := open(t, dsn)
		o.append(t, several(3)...)
		if o.PublicKey() != "" || !strings.HasPrefix(o.Origin(), "coc-console/") {
			t.Errorf("%q, %q", o.PublicKey(), o.Origin())
		}
		if r := o.verify(t, audit.VerifyOptions{}); !r.OK() || r.Signed.Size != 0 || r.Size != 3 {
			t.Errorf("%+v", r)
		}
		name := o.Origin()
		if err := o.close(); err != nil {
			t.Fatal(err)
		}
		if again := open(t, dsn, func(c *audit.Config) { c.Key = testKey }); again.Origin() != name || again.PublicKey() == "" {
			t.Errorf("it is called %q, was %q", again.Origin(), name)
		}
	})
}

func TestAnotherName(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		written(t, dsn)
		if _, err := openLog(t.Context(), dsn, signing, func(c *audit.Config) { c.Origin = "example.com/other" }); err == nil {
			t.Error("the log took another name")
		}
	})
}

// TestChangedKeys: another key is refused, unless the former is trusted.
func TestChangedKeys(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		written(t, dsn)
		former, err := audit.VerifierKey("example.com/log", testKey.Public().(ed25519.PublicKey))
		if err != nil {
			t.Fatal(err)
		}
		changed := func(c *audit.Config) { c.Key = audit.NewKey() }
		refused(t, dsn, audit.ErrSignature, changed)
		o := open(t, dsn, signing, changed, func(c *audit.Config) { c.Trusted = []string{former} })
		o.append(t, viewed(""))
		if err := o.Log.Close(); err != nil {
			t.Fatal(err)
		}
		if r := o.verify(t, audit.VerifyOptions{}); !r.OK() || r.Signed.Size != 601 {
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
	dsn := postgres(t)
	consoles := []*opened{open(t, dsn, signing), open(t, dsn, signing)}
	for range 5 {
		for _, o := range consoles {
			o.appendTogether(t, several(300))
		}
	}
	for _, o := range consoles {
		if err := o.Log.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if r := consoles[0].verify(t, audit.VerifyOptions{}); !r.OK() || r.Size != 3000 || r.Signed.Size != 3000 {
		t.Errorf("%+v", r)
	}
}

// FuzzParseCheckpoint: only what the key has signed is a checkpoint, and only
// in its one form. One is signed; the fuzzer has it, and changes it.
func FuzzParseCheckpoint(f *testing.F) {
	f.Add([]byte("example.com/log\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nts 1\nkept 0\n\n— example.com/log AAAA\n"))
	f.Add([]byte(""))
	key, err := audit.VerifierKey("example.com/log", testKey.Public().(ed25519.PublicKey))
	if err != nil {
		f.Fatal(err)
	}
	const text = "example.com/log\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nts 1\nkept 0\n"
	id, err := hex.DecodeString(strings.Split(key, "+")[1])
	if err != nil {
		f.Fatal(err)
	}
	signed := text + "\n— example.com/log " + base64.StdEncoding.EncodeToString(append(id, ed25519.Sign(testKey, []byte(text))...)) + "\n"
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

// TestSecretFileTogether: consoles that start together get one key, and none
// reads it half written.
func TestSecretFileTogether(t *testing.T) {
	for range 20 {
		path := filepath.Join(t.TempDir(), "key")
		keys := make([][]byte, 8)
		var group sync.WaitGroup
		for i := range keys {
			group.Go(func() {
				var err error
				if keys[i], err = audit.SecretFile(path, 32); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		for _, k := range keys {
			if len(k) != 32 || !bytes.Equal(k, keys[0]) {
				t.Fatalf("the keys are %x", keys)
			}
		}
	}
}
