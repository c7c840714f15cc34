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
	dates := put("dates.json", `{"zone": "UTC", "windows": [{"name": "freeze", "from": "2026-12-18 16:00", "to": "2027-01-04 08:00"}]}`)
	badDates := put("bad.json", "{\"zone\": \"UTC\", \"windows\": [\n{\"name\": \"freeze\", \"from\": \"2026-12-18\"}]}")
	frozen := put("frozen.cedar", `@id("freeze") forbid (principal, action in Action::"operate", resource) when { context.calendar.contains("freeze") };`)
	several := put("several.cedar", `@id("all") permit (principal, action, resource);
		@id("several") @demand("approval") @approvers("3") @approvers_from("different-teams") forbid (principal, action in Action::"operate", resource) unless { context.approved };`)
	large := []string{"--operation", "CANCEL_ORDER", "--creator", "ana", "--total", "200", "--stops", "200", "--running", "30"}
	for name, x := range map[string]struct {
		args []string
		want string // in the output or in the error
	}{
		"built in":          {[]string{"check"}, "well formed"},
		"broken":            {[]string{"check", "--policy", broken}, `line 1: a policy without @id`},
		"forbids alone":     {[]string{"check", "--policy", forbids}, "warning: nobody may see any ticket"},
		"defaults":          {[]string{"defaults"}, `@id("own-ticket")`},
		"schema":            {[]string{"schema"}, "entity User"},
		"missing":           {[]string{"check", "--directory", filepath.Join(folder, "none")}, "no such file"},
		"teammate":          {append([]string{"explain", "--directory", people, "--user", "demo/anton"}, large...), "reason, by \"reason-for-more-than-one\""},
		"count":             {append([]string{"explain", "--directory", people, "--user", "demo/anton"}, large...), "count or approval"},
		"counted":           {append([]string{"explain", "--directory", people, "--user", "demo/ana", "--reason", "--counted"}, large...), "Allowed.\nDecided by: own-ticket, team-ticket."},
		"on call":           {append([]string{"explain", "--directory", people, "--user", "demo/otto"}, large...), "The emergency override, with a reason"},
		"stranger":          {append([]string{"explain", "--directory", people, "--user", "demo/sven"}, large...), "Denied.\nDecided by: (none).\nWho may help: demo/maria."},
		"log":               {[]string{"explain", "--managers", "demo/mo", "--user", "demo/mo", "--operation", "review"}, "Allowed."},
		"calendar":          {[]string{"check", "--policy-calendar", dates}, "well formed"},
		"broken calendar":   {[]string{"check", "--policy-calendar", badDates}, `window "freeze": from: "2026-12-18" is no time`},
		"unknown window":    {[]string{"check", "--policy", frozen}, `asks about the window "freeze"`},
		"in force":          {append([]string{"explain", "--user", "a/b", "--policy", frozen, "--policy-calendar", dates, "--at", "2026-12-18T17:00:00+01:00"}, large...), "The window \"freeze\" of the calendar is in force.\nDenied.\nDecided by: freeze."},
		"schema of dates":   {[]string{"schema"}, "calendar: Set<String>"},
		"replay of dates":   {[]string{"replay", "--policy-calendar", badDates}, `window "freeze"`},
		"approvers":         {append([]string{"explain", "--user", "a/b", "--policy", several}, large...), "approval by 3 people of different teams, by \"several\""},
		"replay of nothing": {[]string{"replay", "--data", filepath.Join(folder, "nowhere")}, "nowhere"},
		"replay by what":    {[]string{"replay", "--policy", broken}, `line 1: a policy without @id`},
		"replay since":      {[]string{"replay", "--since", "noon"}, "number of days"},
		"no user":           {[]string{"explain", "--operation", "review"}, "account/user"},
		"operation":         {[]string{"explain", "--user", "a/b", "--operation", "STOP"}, "none of the five"},
		"time":              {[]string{"explain", "--user", "a/b", "--operation", "view", "--at", "noon"}, "not a time"},
		"flag":              {[]string{"check", "--polcy", "x"}, "there is no setting --polcy"},
		"argument":          {[]string{"check", "x"}, `takes no argument "x"`},
		"other command":     {[]string{"list"}, "no command policy list"},
		"none":              {nil, "policy check, policy explain, policy replay, policy defaults or policy schema"},
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
