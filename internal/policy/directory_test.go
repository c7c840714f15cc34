package policy_test

import (
	"strings"
	"testing"

	"coc-console/internal/policy"
)

// TestDirectoryErrors: all that is wrong with a directory is told with its line, as it is of policies.
func TestDirectoryErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"":                    {"directory.json: it is empty"},
		"{\n \"roles\": {\n}": {"line 3, column 2: not JSON: it ends too early"},
		"{\n \"rolls\": {}}":  {`line 2, column 2: unknown field "rolls": there are roles, teams, elevations`},
		"{\"roles\":\n {\"on-call\": \"acme/maria\"}}": {`line 2, column 14: "roles.on-call" is a text, and must be a list of texts`},
		"{\"teams\": {\"db\": [],\n\"db\": []}}":       {`line 2, column 1: "db" is there twice, first on line 1`},
		"{\"teams\": {\"db\": [\n\"acme/otto\",\n\"maria\"], \" \": []},\n\"roles\": {\"managers\": [\"id:\"]}}": {
			`line 3, column 1: team "db": "maria" is neither`, `line 3, column 11: a team without a name`,
			`line 4, column 24: role "managers": "id:" is neither`},
		"{\"elevations\": {\n\"on-call\": {\"hours\": 99,\n\"teams\": [\"web\"],\n\"approvers\": [\"bosses\"]}}}": {
			`line 2, column 13: elevation "on-call": hours are from 1 to 24`,
			`line 3, column 11: elevation "on-call": there is no team "web"`,
			`line 4, column 15: elevation "on-call": there is no role "bosses"`},
		"{\"elevations\": {\n\"on-call\": {}}}": {`line 2, column 1: elevation "on-call": it has neither members nor teams`},
	} {
		_, err := policy.Load(policy.Files{Directory: write(t, "directory.json", text)})
		if err == nil || strings.Contains(err.Error(), " json: ") {
			t.Errorf("%s: %v", text, err)
			continue
		}
		rest := err.Error()
		for _, part := range want { // in this order
			_, after, found := strings.Cut(rest, part)
			if rest = after; !found {
				t.Errorf("%s: it does not say %q: %v", text, part, err)
			}
		}
	}
}
