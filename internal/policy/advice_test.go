package policy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coc-console/internal/policy"
)

func TestWarnings(t *testing.T) {
	const nobody = `nobody may see any ticket: no policy permits the action view
nobody may read the whole log: no policy permits the action review
nobody may export the log: no policy permits the action export
nobody may operate on any ticket: no policy permits an operation
a policy file replaces the built-in policies: begin with those that ` + "`coc-console policy defaults`" + ` prints`
	const all = `@id("all") permit (principal, action, resource);`
	for name, x := range map[string]struct{ policies, want string }{
		"everything":    {all, ""},
		"defaults":      {policy.Default(), `policy "count-what-stops" names the role "on-call", which has no members in the directory`},
		"only forbids":  {`@id("weekend") forbid (principal, action == Action::"view", resource);`, nobody},
		"an empty role": {`@id("a") permit (principal in Role::"ghosts", action, resource);`, nobody},
		"never": {all + `@id("b") forbid (principal, action, resource) when { false };`,
			`policy "b" can never apply: its condition is never met`},
		"unless true": {all + `@id("b") forbid (principal, action, resource) unless { true };`,
			`policy "b" can never apply: its condition is never met`},
		"two projects": {all + `@id("b") forbid (principal, action in Action::"operate", resource)
			when { resource.project == "x" && resource.project == "y" };`,
			`policy "b" can never apply: resource.project can't be both "x" and "y"`},
		"in a condition": {all + `@id("b") forbid (principal, action, resource) unless { principal in Team::"none" };`,
			`policy "b" names the team "none", which has no members in the directory`},
		"known": {all + `@id("b") forbid (principal in Team::"pay", action, resource);`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "rules.cedar")
			if err := os.WriteFile(path, []byte(x.policies), 0o600); err != nil {
				t.Fatal(err)
			}
			rules, err := policy.Load(policy.Files{Policy: path, Default: `{"roles": {"managers": ["a/m"]}, "teams": {"pay": ["a/p"]}}`})
			if err != nil {
				t.Fatal(err)
			}
			got := rules.Warnings()
			if name == "defaults" || name == "an empty role" {
				if !strings.Contains(strings.Join(got, "\n"), x.want) {
					t.Errorf("warnings: %q", got)
				}
				return
			}
			if diff := cmp.Diff(x.want, strings.Join(got, "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
	rules, err := policy.Load(policy.Files{})
	if err != nil || rules.Warnings() != nil {
		t.Errorf("the built-in policies: %v, %v", rules.Warnings(), err)
	}
}

// TestDefaultsAreNotAdvised: who began with the built-in policies and has no directory yet is not told to begin with them.
func TestDefaultsAreNotAdvised(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rules.cedar")
	if err := os.WriteFile(path, []byte(policy.Default()), 0o600); err != nil {
		t.Fatal(err)
	}
	rules, err := policy.Load(policy.Files{Policy: path})
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(rules.Warnings(), "\n")
	if !strings.Contains(got, "nobody may read the whole log") || strings.Contains(got, "replaces the built-in") {
		t.Errorf("warnings: %s", got)
	}
}
