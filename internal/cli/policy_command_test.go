package cli

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPolicyCommands(t *testing.T) {
	folder := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	people := put("people.json", `{"roles": {"managers": ["demo/maria"], "on-call": ["demo/otto"]}, "teams": {"pay": ["demo/ana", "demo/anton"]}}`)
	broken := put("broken.cedar", "permit (principal, action, resource);")
	forbids := put("forbids.cedar", `@id("weekend") forbid (principal, action in Action::"operate", resource);`)
	large := []string{"--operation", "CANCEL_ORDER", "--creator", "ana", "--total", "200", "--stops", "200", "--running", "30"}
	for name, x := range map[string]struct {
		args []string
		want string // in the output or in the error
	}{
		"built in":      {[]string{"check"}, "well formed"},
		"broken":        {[]string{"check", "--policy", broken}, `line 1: a policy without @id`},
		"forbids alone": {[]string{"check", "--policy", forbids}, "warning: nobody may see any ticket"},
		"defaults":      {[]string{"defaults"}, `@id("own-ticket")`},
		"schema":        {[]string{"schema"}, "entity User"},
		"missing":       {[]string{"check", "--directory", filepath.Join(folder, "none")}, "no such file"},
		"teammate":      {append([]string{"explain", "--directory", people, "--user", "demo/anton"}, large...), "reason, by \"reason-for-more-than-one\""},
		"count":         {append([]string{"explain", "--directory", people, "--user", "demo/anton"}, large...), "count or approval"},
		"counted":       {append([]string{"explain", "--directory", people, "--user", "demo/ana", "--reason", "--counted"}, large...), "Allowed.\nDecided by: own-ticket, team-ticket."},
		"on call":       {append([]string{"explain", "--directory", people, "--user", "demo/otto"}, large...), "The emergency override, with a reason"},
		"stranger":      {append([]string{"explain", "--directory", people, "--user", "demo/sven"}, large...), "Denied.\nDecided by: (none).\nWho may help: demo/maria."},
		"log":           {[]string{"explain", "--managers", "demo/mo", "--user", "demo/mo", "--operation", "review"}, "Allowed."},
		"no user":       {[]string{"explain", "--operation", "review"}, "account/user"},
		"operation":     {[]string{"explain", "--user", "a/b", "--operation", "STOP"}, "none of the five"},
		"time":          {[]string{"explain", "--user", "a/b", "--operation", "view", "--at", "noon"}, "not a time"},
		"flag":          {[]string{"check", "--polcy", "x"}, "there is no setting --polcy"},
		"argument":      {[]string{"check", "x"}, `no setting "x"`},
		"other command": {[]string{"list"}, "no command policy list"},
		"none":          {nil, "policy check, policy explain, policy defaults or policy schema"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, log strings.Builder
			err := Run(context.Background(), append([]string{"policy"}, x.args...), func(string) string { return "" }, &out, &log)
			said := out.String()
			if err != nil {
				said += err.Error()
			}
			if !strings.Contains(said, x.want) {
				t.Errorf("said %q, want %q", said, x.want)
			}
		})
	}
}
