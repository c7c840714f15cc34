package system

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestLockedAnchorHoldsUpNoStop: another program holds the lock of the anchor's
// file. /readyz and the pages say since when, and SIGTERM ends the console.
func TestLockedAnchorHoldsUpNoStop(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "anchor")
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Close() }()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	p := startProcess(t, "--anchor-file", path)
	b := newBrowser(t, p.url)
	b.signIn("manager")
	const pending = "anchors: warning unanchored: an anchor did not take the last checkpoint, pending since "
	for !strings.Contains(b.get("/readyz").body, pending) {
		if t.Context().Err() != nil {
			t.Fatal("it is never told")
		}
	}
	if got := b.get("/audit/integrity"); got.status != http.StatusOK || !strings.Contains(got.body, "data-pending") || !strings.Contains(got.body, "pending since") {
		t.Errorf("the page does not say that the anchor is pending: %d", got.status)
	}
	start := time.Now()
	p.stop()
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("the console took %v to stop", took)
	}
}
