package policy_test

import (
	"strings"
	"testing"

	"coc-console/internal/policy"
)

// TestElevationsOfDirectory: what a directory can't mean is an error that says what to mend.
func TestElevationsOfDirectory(t *testing.T) {
	const head = `{"roles": {"managers": ["acme/boss"]}, "teams": {"web": ["acme/ann"]}, "elevations": `
	for text, says := range map[string]string{
		`{"on-call": {}}`:                                          "nobody could ask",
		`{"on-call": {"teams": ["net"]}}`:                          `no team "net"`,
		`{"on-call": {"teams": ["web"], "hours": 25}}`:             "from 1 to 24",
		`{"on-call": {"teams": ["web"], "hours": -1}}`:             "from 1 to 24",
		`{"on-call": {"members": ["ann"]}}`:                        "account/user",
		`{"on-call": {"teams": ["web"], "approvers": ["bosses"]}}`: `no role "bosses"`,
		`{" ": {"teams": ["web"]}}`:                                "without a role",
		`{"on-call": {"teams": ["web"], "days": 1}}`:               "days",
	} {
		_, err := policy.Load(policy.Files{Directory: write(t, "directory.json", head+text+"}")})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
}

// TestOffered: roles are offered to members, teams and groups of the company's provider, not to who has them; and
// approved by those roles that the directory gives.
func TestOffered(t *testing.T) {
	r, err := policy.Load(policy.Files{Directory: write(t, "directory.json", `{"roles": {"managers": ["acme/boss"], "on-call": ["acme/max"], "leads": ["acme/lea"]},
		"teams": {"web": ["acme/ann", "acme/max"]},
		"elevations": {"on-call": {"members": ["id:7", "group:sre"], "teams": ["web"], "hours": 4, "approvers": ["leads"]}}}`)})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		who  policy.Person
		want int
	}{{policy.Person{UserName: "ann", AccountName: "acme"}, 1}, {policy.Person{UserID: "7", UserName: "x", AccountName: "y"}, 1},
		{policy.Person{UserName: "zoe", AccountName: "acme", Groups: "ops\nsre"}, 1},
		{policy.Person{UserName: "zoe", AccountName: "acme", Groups: "ops"}, 0}, {policy.Person{UserName: "max", AccountName: "acme"}, 0},
		{policy.Person{}, 0}} {
		if got := r.Elevations(x.who); len(got) != x.want || x.want == 1 && got[0].Longest.Hours() != 4 {
			t.Errorf("%+v is offered %v", x.who, got)
		}
	}
	if got := r.GroupsThatCount([]string{"sre", "ops"}); got != "sre" {
		t.Errorf("groups that count: %q", got)
	}
	for name, want := range map[string]bool{"lea": true, "boss": false, "ann": false} {
		p := policy.Person{UserName: name, AccountName: "acme", Elevated: "leads"}
		if r.MayApproveElevation(p, "on-call") != want || r.MayApproveElevation(p, "managers") {
			t.Errorf("%s approves: %v", name, !want)
		}
	}
}
