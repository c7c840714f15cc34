package system

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coc-console/internal/cli"
	"coc-console/internal/e2e"
)

// sessionLine is what the command says of a session.
type sessionLine struct {
	Account string    `json:"account"`
	User    string    `json:"user"`
	Project string    `json:"project"`
	Address string    `json:"address"`
	Used    time.Time `json:"last_used"`
}

// TestSessionsCommand: who is signed in is listed beside a running console, and
// ended at once, with a record of the console's; without the key nobody is
// named or ended.
func TestSessionsCommand(t *testing.T) {
	t.Parallel()
	onlyInWhole(t)
	data := t.TempDir()
	c := e2e.Launch(t, e2e.NoEnvironment, "--data", data)
	operator, manager := newBrowser(t, c.URL), newBrowser(t, c.URL)
	operator.signIn("operator")
	manager.signIn("manager")

	var listed struct{ Sessions []sessionLine }
	sessionsJSON(t, &listed, "list", "--data", data)
	if len(listed.Sessions) != 2 || listed.Sessions[0].User != "manager" || listed.Sessions[1].Account != "demo" ||
		listed.Sessions[1].Address != "127.0.0.1" || time.Since(listed.Sessions[0].Used) > time.Minute || listed.Sessions[0].Project == "" {
		t.Errorf("it lists %+v", listed.Sessions)
	}
	if text := sessionsText(t, "list", "--data", data, "--user", "demo/operator"); !strings.Contains(text, "demo/operator") || strings.Contains(text, "manager") {
		t.Errorf("it lists\n%s", text)
	}
	if text := sessionsText(t, "list", "--data", data, "--session-key-file", filepath.Join(t.TempDir(), "none")); strings.Contains(text, "operator") || strings.Count(text, "\n") != 4 {
		t.Errorf("without the key it lists\n%s", text)
	}
	err := cli.Run(t.Context(), []string{"sessions", "end", "--data", data, "--user", "demo/operator", "--session-key-file", filepath.Join(t.TempDir(), "none")}, e2e.NoEnvironment, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "--session-key-file") {
		t.Errorf("without the key: %v", err)
	}

	var ended struct {
		Ended    []sessionLine
		Recorded bool
	}
	sessionsJSON(t, &ended, "end", "--data", data, "--user", "demo/operator", "--reason", "lost laptop")
	if len(ended.Ended) != 1 || ended.Ended[0].User != "operator" || !ended.Recorded {
		t.Errorf("it ends %+v", ended)
	}
	if p := operator.get("/tickets"); p.status != http.StatusSeeOther {
		t.Errorf("the session goes on: %d", p.status)
	}
	if p := manager.get("/audit?q=" + url.QueryEscape("action:session.ended")); !strings.Contains(p.body, "demo/operator") || !strings.Contains(p.body, "lost laptop") {
		t.Errorf("the log does not say it:\n%s", p.body)
	}
	if text := sessionsText(t, "end", "--data", data, "--user", "demo/operator"); !strings.Contains(text, "no live session") {
		t.Errorf("a second time it says %q", text)
	}

	operator.signIn("operator")
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	sessionsJSON(t, &ended, "end", "--data", data, "--user", "demo/operator")
	if len(ended.Ended) != 1 || ended.Recorded {
		t.Errorf("beside no console it says %+v", ended)
	}
	c = e2e.Launch(t, e2e.NoEnvironment, "--data", data)
	again := newBrowser(t, c.URL)
	again.signIn("manager")
	eventually(t, "both ends are recorded", func() bool {
		return strings.Count(again.get("/audit/export?format=csv").body, "why=command") == 2
	})
}

func TestSessionsCommandMistakes(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	for _, tt := range []struct {
		args []string
		want string
	}{
		{nil, "sessions list"}, {[]string{"drop"}, "sessions drop"}, {[]string{"list", "--data", empty}, "no console.db"},
		{[]string{"end", "--data", empty}, "--user"}, {[]string{"end", "--user", "operator"}, `"operator"`},
		{[]string{"list", "--format", "xml"}, `"xml"`}, {[]string{"list", "--database", "mysql://a:secret@b"}, "--database"}, {[]string{"list", "now"}, `"now"`},
	} {
		err := cli.Run(t.Context(), append([]string{"sessions"}, tt.args...), e2e.NoEnvironment, io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", tt.args, err)
		}
	}
}

func sessionsText(t *testing.T, args ...string) string {
	t.Helper()
	out := e2e.NewOutput()
	if err := cli.Run(t.Context(), append([]string{"sessions"}, args...), e2e.NoEnvironment, out, io.Discard); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func sessionsJSON(t *testing.T, to any, args ...string) {
	t.Helper()
	if err := json.Unmarshal([]byte(sessionsText(t, append(args, "--format", "json")...)), to); err != nil {
		t.Fatal(err)
	}
}
