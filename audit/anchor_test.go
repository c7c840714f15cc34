package audit_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"coc-console/audit"
)

func anchoredIn(anchors ...audit.Anchor) func(*audit.Config) {
	return func(c *audit.Config) { c.Anchors = anchors }
}

func TestFileAnchor(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
		file := audit.FileAnchor{Path: filepath.Join(t.TempDir(), "anchor")}
		for round := range 3 {
			o := open(t, dsn, signing, anchoredIn(file))
			o.appendTogether(t, several(200))
			if err := o.close(); err != nil {
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
	file := audit.FileAnchor{Path: filepath.Join(t.TempDir(), "anchor")}
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
	engines(t, func(t *testing.T, dsn string) {
		written(t, dsn)
		path := filepath.Join(t.TempDir(), "anchor")
		for name, text := range map[string]string{"empty": "", "no note": "hello",
			"not signed by us": "example.com/log\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nts 1\nkept 0\n\n— example.com/log AAAAAA==\n"} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if o, err := openLog(t.Context(), dsn, signing, anchoredIn(audit.FileAnchor{Path: path})); err == nil {
				t.Errorf("%s: the log opens", name)
				_ = o.close()
			}
		}
	})
}

func TestLogAnchor(t *testing.T) {
	var text bytes.Buffer
	o := open(t, fresh(t, onSQLite), signing, anchoredIn(audit.LogAnchor{Logger: slog.New(slog.NewTextHandler(&text, nil))}))
	o.append(t, viewed(""))
	if err := o.close(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), `example.com/log\n1\n`) {
		t.Errorf("the log says %q", &text)
	}
}

func TestWebhookAnchor(t *testing.T) {
	engines(t, func(t *testing.T, dsn string) {
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
		o := open(t, dsn, signing, anchoredIn(audit.WebhookAnchor{URL: server.URL + "/secret", Client: server.Client()}))
		o.append(t, viewed(""))
		<-got
		until(t, "the failure is seen", func() bool { return o.Anchors()[0].Err != nil })
		if w := o.Health(t.Context()); len(w) != 1 || w[0].Kind != audit.WarningUnanchored || strings.Contains(w[0].Text, "secret") {
			t.Errorf("%+v", w)
		}
		broken.Store(false)
		if err := o.close(); err != nil { // the next checkpoint
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
