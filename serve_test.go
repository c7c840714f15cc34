package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestServe is the first command of the README.
func TestServe(t *testing.T) {
	before := goleak.IgnoreCurrent()
	c := launch(t, noEnvironment)
	for _, want := range []string{"account demo, user operator, password operator", "account demo, user manager, password manager", "simulator"} {
		if !strings.Contains(c.stdout.String(), want) {
			t.Errorf("it does not print %q:\n%s", want, c.stdout)
		}
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for path, want := range map[string]int{"/healthz": http.StatusOK, "/readyz": http.StatusOK, "/sign-in": http.StatusOK} {
		if got := status(t, client, c.url+path); got != want {
			t.Errorf("%s answers %d, want %d", path, got, want)
		}
	}
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
	goleak.VerifyNone(t, before)
	if res, err := client.Get(c.url + "/healthz"); err == nil {
		_ = res.Body.Close()
		t.Error("it still answers")
	}
	if text := c.stderr.String(); strings.Contains(text, "level=ERROR") || strings.Contains(text, "level=WARN") {
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
	data := filepath.Join(t.TempDir(), "deep", "folder")
	env := map[string]string{"COC_CONSOLE_DATA": "/nowhere", "COC_CONSOLE_LOG_FORMAT": "json", "COC_CONSOLE_LOG_LEVEL": "debug"}
	c := launch(t, func(name string) string { return env[name] }, "--data", data) // a flag wins
	if err := c.stop(); err != nil {
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
	if text := c.stderr.String(); !strings.Contains(text, `"msg":"stopping"`) {
		t.Errorf("the log is not JSON:\n%s", text)
	}
}

// TestWrongSettings: each stops the start with one line that names it.
func TestWrongSettings(t *testing.T) {
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("not a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	used := t.TempDir()
	launch(t, noEnvironment, "--data", used)

	for _, tt := range []struct {
		name string
		args []string
		env  map[string]string
		want []string // parts of the line
	}{
		{"an unknown command", []string{"sreve"}, nil, []string{`"sreve"`, "help"}},
		{"an unknown flag", []string{"--colour", "red"}, nil, []string{"--colour"}},
		{"a stray word", []string{"--listen", "127.0.0.1:0", "now"}, nil, []string{`"now"`}},
		{"an address without a port", []string{"--listen", "localhost"}, nil, []string{"--listen", `"localhost"`}},
		{"an address for all", []string{"--listen", "0.0.0.0:8080"}, nil, []string{"--listen", "--trusted-proxies"}},
		{"an address that is taken", []string{"--listen", taken.Addr().String()}, nil, []string{"--listen", "in use"}},
		{"one endpoint", []string{"--coc-endpoint", "https://coc.example.com"}, nil, []string{"--coc-endpoint", "--iam-endpoint"}},
		{"the other endpoint", nil, map[string]string{"COC_CONSOLE_IAM_ENDPOINT": "https://iam.example.com"}, []string{"--coc-endpoint", "--iam-endpoint"}},
		{"an endpoint in the clear", []string{"--coc-endpoint", "http://coc.example.com", "--iam-endpoint", "https://iam.example.com"}, nil, []string{"--coc-endpoint", "https"}},
		{"an endpoint that is none", []string{"--coc-endpoint", "https://coc.example.com", "--iam-endpoint", "iam"}, nil, []string{"--iam-endpoint", `"iam"`}},
		{"another database", []string{"--database", "mysql://root:secret@db/x"}, nil, []string{"--database", "postgres://"}},
		{"no data folder", []string{"--data", ""}, nil, []string{"--data"}},
		{"a data folder that is a file", []string{"--data", file}, nil, []string{"file"}},
		{"a data folder that is in use", []string{"--data", used}, nil, []string{"another console", used}},
		{"a log format", nil, map[string]string{"COC_CONSOLE_LOG_FORMAT": "xml"}, []string{"--log-format", `"xml"`}},
		{"a log level", []string{"--log-level", "loud"}, nil, []string{"--log-level", `"loud"`}},
		{"a manager", nil, map[string]string{"COC_CONSOLE_MANAGERS": "demo/manager, boss"}, []string{"--managers", `"boss"`}},
		{"a proxy", []string{"--trusted-proxies", "10.0.0.0/8,proxy"}, nil, []string{"--trusted-proxies", `"proxy"`}},
		{"no poll", []string{"--poll", "0s"}, nil, []string{"--poll"}},
		{"a time that is none", []string{"--observe", "soon"}, nil, []string{"observe", "soon"}},
		{"a variable that is no time", nil, map[string]string{"COC_CONSOLE_CALL_TIMEOUT": "soon"}, []string{"COC_CONSOLE_CALL_TIMEOUT", "soon"}},
		{"a key file without a key", []string{"--session-key-file", file}, nil, []string{"--session-key-file", file}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := tt.args
			if len(args) == 0 || strings.HasPrefix(args[0], "-") {
				args = append([]string{"--data", t.TempDir()}, args...)
				if !slices.Contains(args, "--listen") {
					args = append(args, "--listen", "127.0.0.1:0")
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
			defer cancel()
			stdout := newOutput()
			err := run(ctx, args, func(name string) string { return tt.env[name] }, stdout, io.Discard)
			if err == nil {
				t.Fatal("it started")
			}
			line := err.Error()
			if strings.Contains(line, "\n") || len(line) > 300 || strings.Contains(line, "secret") {
				t.Errorf("it says %q", line)
			}
			for _, part := range tt.want {
				if !strings.Contains(line, part) {
					t.Errorf("%q does not say %q", line, part)
				}
			}
			if stdout.String() != "" {
				t.Errorf("it prints %q", stdout)
			}
		})
	}
}

func TestCommandsThatPrint(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{[]string{"help"}, []string{"--listen", "COC_CONSOLE_LISTEN", "--session-key-file", "version"}},
		{[]string{"--help"}, []string{"--listen"}},
		{[]string{"serve", "--help"}, []string{"--listen"}},
		{[]string{"version"}, []string{"coc-console ", "go1."}},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			stdout := newOutput()
			if err := run(t.Context(), tt.args, noEnvironment, stdout, io.Discard); err != nil {
				t.Fatal(err)
			}
			for _, part := range tt.want {
				if !strings.Contains(stdout.String(), part) {
					t.Errorf("%q is missing:\n%s", part, stdout)
				}
			}
			for _, line := range lines(stdout.String()) {
				if len(line) > 200 {
					t.Errorf("a line of %d characters: %s", len(line), line)
				}
			}
		})
	}
}

// eventually asks until it is so.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(startTimeout)
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
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	before := goleak.IgnoreCurrent()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	c := launch(t, noEnvironment, "--metrics-listen", address)
	for url, want := range map[string]int{c.url + "/metrics": http.StatusNotFound, "http://" + address + "/metrics": http.StatusOK,
		"http://" + address + "/tickets": http.StatusNotFound} {
		if got := status(t, client, url); got != want {
			t.Errorf("%s answers %d, want %d", url, got, want)
		}
	}
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
	goleak.VerifyNone(t, before)
	c = launch(t, noEnvironment)
	if got := status(t, client, c.url+"/metrics"); got != http.StatusOK {
		t.Errorf("without an address of its own /metrics answers %d", got)
	}
}
