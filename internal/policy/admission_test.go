package policy_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"coc-console/internal/policy"
)

const acmeID = "d78cbac186b744899480f25bd022f000"

// TestAccountsThatMaySignIn: ids are compared with ids, names with names.
func TestAccountsThatMaySignIn(t *testing.T) {
	for _, tt := range []struct {
		listed   []string
		id, name string
		want     bool
	}{
		{nil, "1", "acme", true},
		{[]string{"acme"}, acmeID, "acme", true},
		{[]string{"acme"}, acmeID, "Acme", false},
		{[]string{"acme"}, "acme", "other", false},
		{[]string{acmeID}, acmeID, "renamed", true},
		{[]string{acmeID}, "1", acmeID, false}, // an account that calls itself like another's id
		{[]string{"id:" + acmeID}, acmeID, "acme", true},
		{[]string{"id:7"}, "7", "acme", true},
		{[]string{"id:7"}, "8", "id:7", false},
		{[]string{"x", "acme"}, "", "", false},
		{[]string{"id:"}, "", "", false},
	} {
		if got := (policy.Admission{Accounts: tt.listed}).Includes(tt.id, tt.name); got != tt.want {
			t.Errorf("%q: account %q %q: %v", tt.listed, tt.id, tt.name, got)
		}
	}
}

// TestPoliciesAndSignIn: everybody signs in whom no policy forbids it; files
// of before that action keep working, whatever they demand first.
func TestPoliciesAndSignIn(t *testing.T) {
	const manager = `@id("m") permit (principal in Role::"managers", action, resource);`
	for name, tt := range map[string]struct {
		policies string
		want     map[string]bool
	}{
		"built in":         {policy.Default(), map[string]bool{"ann": true, "manager": true}},
		"of before":        {manager, map[string]bool{"ann": true, "manager": true}},
		"log for managers": {manager + `@id("f") forbid (principal, action, resource == Log::"audit") unless { principal in Role::"managers" };`, map[string]bool{"ann": true, "manager": true}},
		"always a reason":  {manager + `@id("r") @demand("reason") forbid (principal, action, resource) unless { context.reason };`, map[string]bool{"ann": true, "manager": true}},
		"managers alone":   {manager + `@id("f") forbid (principal, action == Action::"sign-in", resource) unless { principal in Role::"managers" };`, map[string]bool{"ann": false, "manager": true}},
		"nobody":           {manager + `@id("sign-in") forbid (principal, action == Action::"sign-in", resource);`, map[string]bool{"ann": false, "manager": false}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "rules.cedar")
			if err := os.WriteFile(path, []byte(tt.policies), 0o600); err != nil {
				t.Fatal(err)
			}
			rules, err := policy.Open(policy.Files{Policy: path, Managers: []string{"acme/manager"}}, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			for user, want := range tt.want {
				who := policy.Person{UserID: user, UserName: user, AccountName: "acme"}
				d, other := policy.Admission{Accounts: []string{"acme"}, Rules: rules}.Decide("1", who, time.Now())
				if other || d.Allowed != want || !want && (len(d.Policies) != 1 || d.Policies[0] == "m") {
					t.Errorf("%s: %+v, of another account: %v", user, d, other)
				}
				who.AccountName = "stranger"
				if d, other := (policy.Admission{Accounts: []string{"acme"}, Rules: rules}).Decide("1", who, time.Now()); !other || d.Allowed {
					t.Errorf("%s of another account: %+v", user, d)
				}
			}
		})
	}
}
