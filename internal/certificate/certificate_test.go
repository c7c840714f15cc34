package certificate

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// write makes a certificate of that life, and its key.
func write(t *testing.T, f Files, serial int64, begin time.Time, life time.Duration) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: begin, NotAfter: begin.Add(life), DNSNames: []string{"ops.example.com"}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{f.Cert: {Type: "CERTIFICATE", Bytes: der}, f.Key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func filesIn(t *testing.T) Files {
	t.Helper()
	folder := t.TempDir()
	return Files{Cert: filepath.Join(folder, "cert.pem"), Key: filepath.Join(folder, "key.pem")}
}

// TestFilesAreFollowed: a renewed pair is taken up, one that does not fit changes nothing.
func TestFilesAreFollowed(t *testing.T) {
	t.Parallel()
	files := filesIn(t)
	synctest.Test(t, func(t *testing.T) {
		write(t, files, 1, time.Now(), 90*24*time.Hour)
		var log bytes.Buffer
		s, err := files.Serve(slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		var following sync.WaitGroup
		following.Go(func() { s.Follow(ctx) })
		serves := func(serial int64) {
			t.Helper()
			<-time.After(2 * lookEvery)
			synctest.Wait()
			got, err := s.get(&tls.ClientHelloInfo{})
			if err != nil || got.Leaf.SerialNumber.Int64() != serial {
				t.Errorf("it serves %v and %v, want number %d", got, err, serial)
			}
		}
		serves(1)
		if err := os.WriteFile(files.Key, []byte("half a key"), 0o600); err != nil {
			t.Fatal(err)
		}
		serves(1)
		write(t, files, 2, time.Now(), 90*24*time.Hour)
		serves(2)
		stop()
		following.Wait()
		if n := strings.Count(log.String(), "the certificate stays as it was"); n != 1 {
			t.Errorf("what does not fit is told of %d times, want once\n%s", n, log.String())
		}
	})
}

// TestEndsSoon: of a long life the last two weeks, of a short one the last quarter.
func TestEndsSoon(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		life, age time.Duration
		want      bool
	}{
		{90 * 24 * time.Hour, 75 * 24 * time.Hour, false}, {90 * 24 * time.Hour, 77 * 24 * time.Hour, true},
		{24 * time.Hour, 17 * time.Hour, false}, {24 * time.Hour, 19 * time.Hour, true},
	} {
		files := filesIn(t)
		write(t, files, 1, time.Now().Add(-tt.age), tt.life)
		s, err := files.Serve(slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if end, soon := s.End(); soon != tt.want || end.IsZero() {
			t.Errorf("of %v after %v: ends %v, soon %v", tt.life, tt.age, end, soon)
		}
	}
}

// TestAuthority: nobody is served before there is a certificate, and no other name is asked for.
func TestAuthority(t *testing.T) {
	t.Parallel()
	a := Authority{Email: "ops@example.com", Name: "ops.example.com", Directory: "https://127.0.0.1:1/dir", Folder: t.TempDir()}
	s, err := a.Serve(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.get(&tls.ClientHelloInfo{ServerName: a.Name}); err == nil {
		t.Errorf("it serves %v", got)
	}
	if end, soon := s.End(); !end.IsZero() || !soon {
		t.Errorf("no certificate ends %v, soon %v", end, soon)
	}
	for host, want := range map[string]bool{"ops.example.com": true, "OPS.example.com:80": true, "evil.example.com": false, "": false} {
		if err := a.isOwn(t.Context(), host); (err == nil) != want {
			t.Errorf("%q: %v", host, err)
		}
	}
	a.CAFile = filepath.Join(t.TempDir(), "missing.pem")
	if _, err := a.Serve(slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a file that is not there is taken")
	}
}
