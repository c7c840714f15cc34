package audit_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/anchor"
	"coc-console/audit/audittest"
)

func anchoredIn(anchors ...audit.Anchor) func(*audit.Config) {
	return func(c *audit.Config) { c.Anchors = anchors }
}

func TestFileAnchor(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		file := anchor.File{Path: filepath.Join(t.TempDir(), "anchor")}
		for round := range 3 {
			o := open(t, dsn, audittest.Signing, anchoredIn(file))
			o.AppendTogether(t, audittest.Several(200))
			if err := o.CloseAll(); err != nil {
				t.Fatal(err)
			}
			signed, err := file.Last(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			c, err := audit.ParseCheckpoint(signed, o.PublicKey())
			if err != nil || c.Size != int64(200*(round+1)) {
				t.Errorf("after %d rounds it has %d records (%v)", round+1, c.Size, err)
			}
			if a := o.Anchors(); len(a) != 1 || a[0].Size != c.Size || a[0].Err != nil || a[0].At.IsZero() || a[0].Name != file.Path {
				t.Errorf("the status is %+v", a)
			}
		}
	})
}

// TestFileAnchorKeepsTheOlder when the newer does not continue it.
func TestFileAnchorKeepsTheOlder(t *testing.T) {
	file := anchor.File{Path: filepath.Join(t.TempDir(), "anchor")}
	if err := file.Publish(t.Context(), []byte("one"), nil); err != nil {
		t.Fatal(err)
	}
	no := errors.New("no")
	for _, tc := range []struct {
		answer error
		left   string
	}{{no, "one"}, {nil, "two"}} {
		err := file.Publish(t.Context(), []byte("two"), func(older []byte) error {
			if string(older) != "one" {
				t.Errorf("the older is %q", older)
			}
			return tc.answer
		})
		if signed, lastErr := file.Last(t.Context()); !is(err, tc.answer) || lastErr != nil || string(signed) != tc.left {
			t.Errorf("%q, %v, %v", signed, err, lastErr)
		}
	}
	if err := os.WriteFile(file.Path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := file.Last(t.Context()); err == nil {
		t.Error("an empty file is an anchor")
	}
}

// TestStrangeAnchors are refused at the start.
func TestStrangeAnchors(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		audittest.Written(t, dsn)
		path := filepath.Join(t.TempDir(), "anchor")
		for name, text := range map[string]string{"empty": "", "no note": "hello",
			"not signed by us": "example.com/log\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nts 1\nkept 0\n\n— example.com/log AAAAAA==\n"} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if o, err := audittest.New(t.Context(), dsn, audittest.Signing, anchoredIn(anchor.File{Path: path})); err == nil {
				t.Errorf("%s: the log opens", name)
				_ = o.CloseAll()
			}
		}
	})
}

func TestLogAnchor(t *testing.T) {
	var text bytes.Buffer
	o := open(t, audittest.Fresh(t, audittest.SQLite), audittest.Signing,
		anchoredIn(anchor.Log{Logger: slog.New(slog.NewTextHandler(&text, nil))}))
	o.AppendEach(t, audittest.Viewed(""))
	if err := o.CloseAll(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), `example.com/log\n1\n`) {
		t.Errorf("the log says %q", &text)
	}
}

func TestWebhookAnchor(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		var broken atomic.Bool
		broken.Store(true)
		got := make(chan string, 10)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if broken.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			body, _ := io.ReadAll(r.Body)
			got <- r.Method + " " + r.Header.Get("Content-Type") + " " + string(body)
		}))
		defer server.Close()
		o := open(t, dsn, audittest.Signing, anchoredIn(anchor.Webhook{URL: server.URL + "/secret", Client: server.Client()}))
		o.AppendEach(t, audittest.Viewed(""))
		<-got
		audittest.Until(t, "the failure is seen", func() bool { return o.Anchors()[0].Err != nil })
		if w := o.Health(t.Context()); len(w) != 1 || w[0].Kind != audit.WarningUnanchored || strings.Contains(w[0].Text, "secret") {
			t.Errorf("%+v", w)
		}
		broken.Store(false)
		if err := o.CloseAll(); err != nil { // the next checkpoint
			t.Fatal(err)
		}
		if text := <-got; !strings.HasPrefix(text, "POST text/plain; charset=utf-8 example.com/log\n1\n") {
			t.Errorf("it got %q", text)
		}
		if a := o.Anchors()[0]; a.Err != nil || a.Size != 1 {
			t.Errorf("%+v", a)
		}
	})
}

// locked holds the lock of an anchor's file, as another program would.
func locked(t *testing.T, path string) (unlock func()) {
	t.Helper()
	f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	unlock = sync.OnceFunc(func() { _ = f.Close() })
	t.Cleanup(unlock)
	return unlock
}

// TestLockedAnchor is told of, holds up no other anchor and no end, and takes
// the checkpoint once the lock is free.
func TestLockedAnchor(t *testing.T) {
	file, other := anchor.File{Path: filepath.Join(t.TempDir(), "anchor")}, anchor.File{Path: filepath.Join(t.TempDir(), "other")}
	unlock := locked(t, file.Path)
	dsn := audittest.Fresh(t, audittest.SQLite)
	o := open(t, dsn, audittest.Signing, anchoredIn(file, other))
	start := time.Now()
	o.AppendEach(t, audittest.Viewed(""))
	audittest.Until(t, "the other anchor has the checkpoint", func() bool { return o.Anchors()[1].Size == 1 })
	audittest.Until(t, "it is warned of", func() bool {
		for _, w := range o.Health(t.Context()) {
			if w.Kind == audit.WarningUnanchored {
				return strings.Contains(w.Text, "pending since "+w.Since.UTC().Format(time.RFC3339)) &&
					!w.Since.Before(start.Truncate(time.Second))
			}
		}
		return false
	})
	stopping := time.Now()
	if err := o.CloseAll(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(stopping); took > 30*time.Second {
		t.Errorf("the log took %v to close", took)
	}
	if a := o.Anchors()[0]; a.Err == nil || !strings.Contains(a.Err.Error(), "is locked by another program") || a.Pending.IsZero() {
		t.Errorf("the status is %+v", a)
	}
	unlock()
	o = open(t, dsn, audittest.Signing, anchoredIn(file))
	audittest.Until(t, "it takes the checkpoint", func() bool { a := o.Anchors()[0]; return a.Size == 1 && a.Pending.IsZero() })
}

// TestLockedAnchorIsTriedUntilItsContextEnds.
func TestLockedAnchorIsTriedUntilItsContextEnds(t *testing.T) {
	file := anchor.File{Path: filepath.Join(t.TempDir(), "anchor")}
	unlock := locked(t, file.Path)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := file.Publish(ctx, []byte("one"), nil); err == nil || !strings.Contains(err.Error(), "locked") {
		t.Errorf("it was published: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- file.Publish(t.Context(), []byte("one"), nil) }()
	unlock()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestWebhookWithoutAnAnswer holds up no end, and its address stays secret.
func TestWebhookWithoutAnAnswer(t *testing.T) {
	asked, stop := make(chan struct{}, 8), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked <- struct{}{}; <-stop }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(stop) })
	var said bytes.Buffer
	o := open(t, audittest.Fresh(t, audittest.SQLite), audittest.Signing,
		anchoredIn(anchor.Webhook{URL: server.URL + "/?key=canary"}), func(c *audit.Config) {
			c.Logger = slog.New(slog.NewTextHandler(&said, nil))
		})
	o.AppendEach(t, audittest.Viewed(""))
	<-asked
	start := time.Now()
	if err := o.CloseAll(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("the log took %v to close", took)
	}
	if !strings.Contains(said.String(), "is not anchored") || strings.Contains(said.String(), "canary") {
		t.Errorf("it logs %s", said.String())
	}
}
