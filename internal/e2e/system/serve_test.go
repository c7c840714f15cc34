package system

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"coc-console/internal/e2e"
)

// TestServe is the first command of the README.
func TestServe(t *testing.T) {
	before := goleak.IgnoreCurrent()
	c := e2e.Launch(t, e2e.NoEnvironment)
	for _, want := range []string{"account demo, user operator, password operator", "account demo, user manager, password manager", "simulator"} {
		if !strings.Contains(c.Stdout.String(), want) {
			t.Errorf("it does not print %q:\n%s", want, c.Stdout)
		}
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for path, want := range map[string]int{"/healthz": http.StatusOK, "/readyz": http.StatusOK, "/sign-in": http.StatusOK} {
		if got := status(t, client, c.URL+path); got != want {
			t.Errorf("%s answers %d, want %d", path, got, want)
		}
	}
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	goleak.VerifyNone(t, before)
	if res, err := client.Get(c.URL + "/healthz"); err == nil {
		_ = res.Body.Close()
		t.Error("it still answers")
	}
	if text := c.Stderr.String(); strings.Contains(text, "level=ERROR") || strings.Contains(text, "level=WARN") {
		t.Errorf("it complains:\n%s", text)
	}
}

func status(t *testing.T, client *http.Client, url string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Error(err)
	}
	return res.StatusCode
}

func TestServeByEnvironment(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "deep", "folder")
	env := map[string]string{"COC_CONSOLE_DATA": "/nowhere", "COC_CONSOLE_LOG_FORMAT": "json", "COC_CONSOLE_LOG_LEVEL": "debug"}
	c := e2e.Launch(t, func(name string) string { return env[name] }, "--data", data) // a flag wins
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"audit.db", "search.db", "console.db", "session.key"} {
		info, err := os.Stat(filepath.Join(data, name))
		if err != nil {
			t.Error(err)
		} else if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
	if text := c.Stderr.String(); !strings.Contains(text, `"msg":"stopping"`) {
		t.Errorf("the log is not JSON:\n%s", text)
	}
}

// eventually asks until it is so.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(e2e.StartTimeout)
	for !is() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("not in time: %s", what)
		}
	}
}

// TestMetricsListen: the metrics have an address of their own, and only that.
func TestMetricsListen(t *testing.T) {
	address := freeAddress(t)
	before := goleak.IgnoreCurrent()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	c := e2e.Launch(t, e2e.NoEnvironment, "--metrics-listen", address)
	for url, want := range map[string]int{c.URL + "/metrics": http.StatusNotFound, "http://" + address + "/metrics": http.StatusOK,
		"http://" + address + "/tickets": http.StatusNotFound} {
		if got := status(t, client, url); got != want {
			t.Errorf("%s answers %d, want %d", url, got, want)
		}
	}
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	goleak.VerifyNone(t, before)
	c = e2e.Launch(t, e2e.NoEnvironment)
	if got := status(t, client, c.URL+"/metrics"); got != http.StatusOK {
		t.Errorf("without an address of its own /metrics answers %d", got)
	}
}
