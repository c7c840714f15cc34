package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"coc-console/internal/database"

	"github.com/spf13/cobra"
)

func noEnvironment(string) string { return "" }

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
	const anyKey = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"
	open := filepath.Join(t.TempDir(), "open")
	if err := errors.Join(os.WriteFile(open, []byte(anyKey), 0o600), os.Chmod(open, 0o644)); err != nil {
		t.Fatal(err)
	}
	used := t.TempDir()
	lock, err := database.Lock(used)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Close() }()

	for _, tt := range []struct {
		name string
		args []string
		env  map[string]string
		want []string // parts of the line
	}{
		{"an unknown command", []string{"sreve"}, nil, []string{`"sreve"`, "help"}},
		{"a certificate without its key", []string{"--tls-cert", file}, nil, []string{"--tls-cert", "--tls-key"}},
		{"no certificate", []string{"--tls-cert", file, "--tls-key", file}, nil, []string{"--tls-cert", file, "PEM"}},
		{"a key without its certificate", []string{"--tls-key", file}, nil, []string{"--tls-key", "--tls-cert"}},
		{"a redirect to nothing", []string{"--http-redirect", ":0"}, nil, []string{"--http-redirect", "--tls-cert"}},
		{"an unknown flag", []string{"--colour", "red"}, nil, []string{"--colour"}},
		{"a stray word", []string{"--listen", "127.0.0.1:0", "now"}, nil, []string{`"now"`}},
		{"an address without a port", []string{"--listen", "localhost"}, nil, []string{"--listen", `"localhost"`}},
		{"an address for all", []string{"--listen", "0.0.0.0:8080", "--coc-endpoint", "https://coc.example.com", "--iam-endpoint", "https://iam.example.com",
			"--accounts", "acme"}, nil, []string{"--listen", "--tls-cert", "--trusted-proxies"}},
		{"an address that is taken", []string{"--listen", taken.Addr().String()}, nil, []string{"--listen", "in use"}},
		{"one endpoint", []string{"--coc-endpoint", "https://coc-intl.myhuaweicloud.com", "--accounts", "acme"}, nil,
			[]string{"--iam-endpoint", "https://iam.ap-southeast-3.myhuaweicloud.com"}},
		{"the other endpoint", []string{"--accounts", "acme"}, map[string]string{"COC_CONSOLE_IAM_ENDPOINT": "https://iam.eu-west-101.myhuaweicloud.eu/"},
			[]string{"--coc-endpoint", "https://coc-eu-west-101-open-api.myhuaweicloud.eu"}},
		{"an endpoint in the clear", []string{"--coc-endpoint", "http://coc.example.com", "--iam-endpoint", "https://iam.example.com"}, nil, []string{"--coc-endpoint", "https"}},
		{"an endpoint that is none", []string{"--coc-endpoint", "https://coc.example.com", "--iam-endpoint", "iam"}, nil, []string{"--iam-endpoint", `"iam"`}},
		{"no accounts", []string{"--coc-endpoint", "https://coc.example.com", "--iam-endpoint", "https://iam.example.com"}, nil,
			[]string{"--accounts", "anybody with an account of the cloud", "--accounts d78cbac186b744899480f25bd022f000"}},
		{"accounts that name none", []string{"--coc-endpoint", "https://coc.example.com", "--iam-endpoint", "https://iam.example.com"},
			map[string]string{"COC_CONSOLE_ACCOUNTS": " , "}, []string{"--accounts"}},
		{"another database", []string{"--database", "mysql://root:secret@db/x"}, nil, []string{"--database", "postgres://"}},
		{"no data folder", []string{"--data", ""}, nil, []string{"--data"}},
		{"a data folder that is a file", []string{"--data", file}, nil, []string{"file"}},
		{"a data folder that is in use", []string{"--data", used}, nil, []string{"another console", used}},
		{"a log format", nil, map[string]string{"COC_CONSOLE_LOG_FORMAT": "xml"}, []string{"--log-format", `"xml"`}},
		{"a log level", []string{"--log-level", "loud"}, nil, []string{"--log-level", `"loud"`}},
		{"a manager", nil, map[string]string{"COC_CONSOLE_MANAGERS": "demo/manager, boss"}, []string{"--managers", `"boss"`}},
		{"an address with another path", []string{"--url", "https://ops.example.com/a;b"}, nil, []string{"--url", "its path"}},
		{"an authority without a name", []string{"--acme-email", "ops@example.com"}, nil, []string{"--acme-domain", "--url"}},
		{"an authority for an address", []string{"--acme-email", "ops@example.com", "--acme-domain", "192.0.2.1"}, nil, []string{"--acme-domain"}},
		{"an authority for no mail", []string{"--acme-email", "ops", "--acme-domain", "ops.example.com"}, nil, []string{"--acme-email"}},
		{"a name without an authority", []string{"--acme-domain", "ops.example.com"}, nil, []string{"--acme-domain", "--acme-email"}},
		{"an authority's certificate that is none", []string{"--acme-email", "ops@example.com", "--url", "https://ops.example.com", "--acme-ca", "/dev/null"}, nil, []string{"--acme-ca"}},
		{"an address without a scheme", []string{"--url", "ops.example.com"}, nil, []string{"--url", "https://ops.example.com"}},
		{"no file of notices", []string{"--notices", "/nowhere/notices.json"}, nil, []string{"--notices", "no such file"}},
		{"a proxy", []string{"--trusted-proxies", "10.0.0.0/8,proxy"}, nil, []string{"--trusted-proxies", `"proxy"`}},
		{"no poll", []string{"--ticket-poll-interval", "0s"}, nil, []string{"--ticket-poll-interval"}},
		{"a time that is none", []string{"--effect-timeout", "soon"}, nil, []string{"--effect-timeout", "soon"}},
		{"a variable that is no time", nil, map[string]string{"COC_CONSOLE_CALL_TIMEOUT": "soon"}, []string{"COC_CONSOLE_CALL_TIMEOUT", "soon"}},
		{"a session key that others can read", []string{"--session-key-file", open}, nil, []string{"--session-key-file", "0644", "chmod 600 " + open}},
		{"an audit key that others can read", []string{"--audit-key-file", open}, nil, []string{"--audit-key-file", "0644", "chmod 600 " + open}},
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
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var stdout bytes.Buffer
			err := Run(ctx, args, func(name string) string { return tt.env[name] }, &stdout, io.Discard)
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
				t.Errorf("it prints %q", stdout.String())
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
			var stdout bytes.Buffer
			if err := Run(t.Context(), tt.args, noEnvironment, &stdout, io.Discard); err != nil {
				t.Fatal(err)
			}
			for _, part := range tt.want {
				if !strings.Contains(stdout.String(), part) {
					t.Errorf("%q is missing:\n%s", part, stdout.String())
				}
			}
			for line := range strings.Lines(stdout.String()) {
				if len(line) > 201 {
					t.Errorf("a line of %d characters: %s", len(line), line)
				}
			}
		})
	}
}

// TestDidYouMean: a slip in a command or a flag is answered with what was meant.
func TestDidYouMean(t *testing.T) {
	for want, args := range map[string][]string{
		`did you mean "serve"`:    {"sreve"},
		`did you mean "verify"`:   {"audit", "verfy"},
		`did you mean "explain"`:  {"policy", "explan"},
		"did you mean --listen":   {"serve", "--lisen", "x"},
		"did you mean --user":     {"sessions", "end", "--usr", "x"},
		"did you mean --database": {"audit", "verify", "--databse=x"},
	} {
		if err := refused(t, noEnvironment, args...); !strings.Contains(err, want) {
			t.Errorf("%q: %s", args, err)
		}
	}
}

func TestHelpOfEveryCommand(t *testing.T) {
	root := (&commandLine{getenv: noEnvironment, stdout: io.Discard, stderr: io.Discard}).commands()
	var all func(c *cobra.Command)
	all = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			all(sub)
		}
		text := printed(t, noEnvironment, append(strings.Fields(c.CommandPath())[1:], "--help")...)
		if c.Short == "" || !strings.Contains(text, "Usage:\n  "+c.CommandPath()) || !isGroup(c) && c.Example == "" && c.Parent().Name() != "completion" {
			t.Errorf("the help of %s:\n%s", c.CommandPath(), text)
		}
		for line := range strings.Lines(strings.Replace(text, c.Example, "", 1)) { // examples are copied
			if strings.Contains(line, " ") && len(strings.TrimSpace(line)) > 80 {
				t.Errorf("the help of %s is wider than a terminal: %s", c.CommandPath(), line)
			}
		}
	}
	all(root)
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if text := printed(t, noEnvironment, "completion", shell); !strings.Contains(text, "__complete") {
			t.Errorf("%s gets\n%s", shell, text)
		}
	}
	for want, args := range map[string][]string{
		"verify-bundle": {"__complete", "audit", "ver"}, "--session-key-file": {"__complete", "serve", "--sess"}, "json": {"__complete", "serve", "--log-format", ""},
		"warn": {"__complete", "serve", "--log-level", ""}, "keys": {"__complete", "serve", "--oidc-exchange", ""},
	} {
		if text := printed(t, noEnvironment, args...); !strings.Contains(text, want) {
			t.Errorf("%q gets\n%s", args, text)
		}
	}
	if err := refused(t, noEnvironment, "completion", "tcsh"); !strings.Contains(err, "tcsh") {
		t.Error(err)
	}
}

func TestVersion(t *testing.T) {
	text := printed(t, noEnvironment, "version")
	if !strings.HasPrefix(text, "coc-console "+defaultVersion) || printed(t, noEnvironment, "--version") != text {
		t.Errorf("%q", text)
	}
	var b build
	if err := json.Unmarshal([]byte(printed(t, noEnvironment, "version", "--format", "json")), &b); err != nil || b.Version != defaultVersion || b.Go == "" {
		t.Errorf("%+v, %v", b, err)
	}
	if got := (build{Version: "0.2.0", Commit: "0123456789abcdef", Changed: true, Go: "go1.26"}).String(); got != "coc-console 0.2.0 commit 0123456789ab (changed) go1.26\n" {
		t.Errorf("%q", got)
	}
}

// TestFormatJSON: what a command prints for people, it prints for programs, too.
func TestFormatJSON(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want map[string]any // some of the fields
	}{
		{[]string{"version"}, map[string]any{"version": defaultVersion}},
		{[]string{"policy", "check"}, map[string]any{"ok": true, "warnings": []any{}}},
		{[]string{"policy", "explain", "--user", "a/b", "--operation", "CANCEL_ORDER", "--creator", "c"}, map[string]any{"decision": "denied", "demands": []any{}}},
		{[]string{"policy", "explain", "--user", "a/b", "--operation", "CANCEL_ORDER", "--creator", "b", "--stops", "9", "--total", "9"}, map[string]any{"decision": "demands"}},
	} {
		text := printed(t, noEnvironment, append(tt.args, "--format", "json")...)
		var got map[string]any
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Errorf("%q: %v:\n%s", tt.args, err, text)
		}
		for field, want := range tt.want {
			if !reflect.DeepEqual(got[field], want) {
				t.Errorf("%q: %s is %v, want %v:\n%s", tt.args, field, got[field], want, text)
			}
		}
	}
}

// TestBrokenPoliciesAsJSON: a program that reads what check prints reads of broken files, too.
func TestBrokenPoliciesAsJSON(t *testing.T) {
	var out bytes.Buffer
	err := Run(t.Context(), []string{"policy", "check", "--policy", "/nowhere/file.cedar", "--format", "json"}, noEnvironment, &out, io.Discard)
	var got struct {
		OK    bool
		Error string
	}
	if decoding := json.Unmarshal(out.Bytes(), &got); err == nil || decoding != nil || got.OK || !strings.Contains(got.Error, "/nowhere/file.cedar") {
		t.Errorf("it ends with %v and prints %q", err, out.String())
	}
}

// TestDataThatCannotBeOpened: the error says once what was to be opened.
func TestDataThatCannotBeOpened(t *testing.T) {
	for _, args := range [][]string{{"serve", "--listen", "127.0.0.1:0", "--data", "/dev/null/data"}, {"audit", "reindex", "--data", "/dev/null/data"}} {
		if err := refused(t, noEnvironment, args...); strings.Count(err, "open the audit database") > 1 || !strings.Contains(err, "/dev/null") {
			t.Errorf("%q: %s", args, err)
		}
	}
}
