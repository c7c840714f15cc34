package policy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"coc-console/internal/policy"
)

// TestExamplesOfTheDocumentation: those of docs/policy.md, together with the
// built-in policies, decide as it says.
func TestExamplesOfTheDocumentation(t *testing.T) {
	text, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(policy.Default())
	for _, m := range regexp.MustCompile("(?s)```cedar\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		b.WriteString("\n" + m[1])
	}
	path := filepath.Join(t.TempDir(), "rules.cedar")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	calendar := regexp.MustCompile("(?s)```json\n(.*?\"windows\".*?)```").FindStringSubmatch(string(text))
	if calendar == nil {
		t.Fatal("the document has no calendar")
	}
	rules, err := policy.Load(policy.Files{Policy: path, Calendar: write(t, "calendar.json", calendar[1]),
		Default: `{"roles": {"on-call": ["acme/olga"], "incident": ["acme/ivan"]}, "teams": {"payments": ["acme/pia", "acme/ivan"]}}`})
	if err != nil {
		t.Fatal(err)
	}
	monday := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	ask := func(user string, a policy.Action, at time.Time, project, region string, override bool) policy.Decision {
		return rules.Decide(policy.Request{Person: policy.Person{UserID: user, UserName: user, AccountName: "acme"}, Action: a,
			Ticket:        &policy.Ticket{Account: "acme", Project: project, Regions: []string{region}, Total: 9, Stops: 1, Running: 1},
			Circumstances: policy.Circumstances{At: at, Override: override, Reason: override}})
	}
	if d := ask("pia", "CANCEL_INSTANCE", monday, "payments", "eu", false); !d.Allowed {
		t.Errorf("the team in its project: %+v", d)
	}
	if d := ask("pia", "CANCEL_INSTANCE", monday, "other", "eu", false); !d.Denied() {
		t.Errorf("the team elsewhere: %+v", d)
	}
	if d := ask("pia", "CANCEL_INSTANCE", monday.AddDate(0, 0, 5), "payments", "eu", false); !d.Denied() || d.Policies[0] != "weekend" {
		t.Errorf("on Saturday: %+v", d)
	}
	if d := ask("pia", "PAUSE_ORDER", monday.AddDate(0, 0, 5), "payments", "eu", false); !d.Allowed {
		t.Errorf("a pause on Saturday: %+v", d)
	}
	if d := ask("pia", "PAUSE_ORDER", monday, "payments", "cn-north-4", false); !d.Needs(policy.Approval) || d.Override {
		t.Errorf("in production: %+v", d)
	}
	whole := rules.Decide(policy.Request{Person: policy.Person{UserID: "olga", UserName: "olga", AccountName: "acme"}, Action: "CANCEL_ORDER",
		Ticket:        &policy.Ticket{Account: "acme", Regions: []string{"cn-north-4"}, Total: 9, Stops: 9},
		Circumstances: policy.Circumstances{At: monday, Reason: true, Counted: true}})
	if !whole.Needs(policy.Approval) || whole.Approvers() != (policy.Approvers{Number: 2, Apart: true}) {
		t.Errorf("a whole ticket in production: %+v", whole)
	}
	christmas := time.Date(2026, 12, 21, 10, 0, 0, 0, time.UTC)
	if d := ask("pia", "PAUSE_ORDER", christmas, "payments", "eu", false); !d.Denied() || d.Policies[0] != "freeze" || len(d.Windows) != 1 {
		t.Errorf("in the freeze: %+v", d)
	}
	if d := ask("ivan", "PAUSE_ORDER", christmas, "payments", "eu", false); !d.Allowed {
		t.Errorf("in an incident: %+v", d)
	}
	if d := ask("olga", "PAUSE_ORDER", monday, "payments", "cn-north-4", false); !d.Needs(policy.Approval) || !d.Override {
		t.Errorf("on call in production: %+v", d)
	}
	if d := ask("olga", "PAUSE_ORDER", monday, "payments", "cn-north-4", true); !d.Allowed {
		t.Errorf("with the override: %+v", d)
	}
}
