package system

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coc-console/internal/cli"
	"coc-console/internal/e2e"
)

// told is what a command prints.
func told(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := cli.Run(t.Context(), args, e2e.NoEnvironment, &out, &out)
	return strings.TrimSpace(out.String()), err
}

// TestRotatedSessionKey: with another key everybody signs in again, and the log goes on.
func TestRotatedSessionKey(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.start()
	b := newBrowser(t, p.url)
	b.signIn("operator")
	if page := b.get("/tickets"); page.status != http.StatusOK {
		t.Fatalf("the list answers %d", page.status)
	}
	p.stop()
	key := filepath.Join(s.data, "session.key")
	must(t, os.Rename(key, key+".former"))
	p = s.start()
	b.base = p.url
	if page := b.get("/tickets"); page.status != http.StatusSeeOther || !strings.HasPrefix(page.location, "/sign-in") {
		t.Errorf("a session of the former key: %d, to %q", page.status, page.location)
	}
	b.signIn("operator")
	if page := b.get("/tickets"); page.status != http.StatusOK {
		t.Errorf("after signing in again the list answers %d", page.status)
	}
	p.stop()
}

// TestRotatedLogKey follows docs/operations.md: the log goes on with another key once the former one's public half is
// named, not before, and both prove it.
func TestRotatedLogKey(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.start()
	newBrowser(t, p.url).signIn("operator")
	p.stop()
	former, err := told(t, "audit", "checkpoint", "--public-key", "--data", s.data)
	must(t, err)
	key := filepath.Join(s.data, "audit.key")
	must(t, os.Rename(key, key+".former"))
	refused, err := told(t, "serve", "--coc-endpoint", s.url, "--iam-endpoint", s.url, "--accounts", "demo", "--data", s.data, "--listen", "127.0.0.1:0")
	if err == nil || !strings.Contains(err.Error(), "--audit-keys") {
		t.Errorf("without the former key it says %v\n%s", err, refused)
	}
	p = s.start("--audit-keys", former)
	newBrowser(t, p.url).signIn("operator")
	p.stop()
	now, err := told(t, "audit", "checkpoint", "--public-key", "--data", s.data)
	must(t, err)
	if now == former {
		t.Fatal("the key is the former one")
	}
	if text, err := told(t, "audit", "verify", "--data", s.data, "--public-key", former+","+now); err != nil {
		t.Errorf("with both keys: %v\n%s", err, text)
	}
	s.start("--audit-keys", former).stop() // as long as the log is kept
}
