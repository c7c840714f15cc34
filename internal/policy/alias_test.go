package policy_test

import (
	"os"
	"path/filepath"
	"testing"

	"coc-console/internal/policy"
)

// TestOldNames: files that say second_person and context.glass mean approval
// and the emergency override.
func TestOldNames(t *testing.T) {
	path := filepath.Join(t.TempDir(), "old.cedar")
	text := `@id("all") permit (principal, action, resource);
		@id("two") @demand("count or second_person") forbid (principal, action in Action::"operate", resource)
		unless { context.counted || context.approved || context.glass };`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	rules, err := policy.Load(policy.Files{Policy: path})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(c policy.Circumstances) policy.Decision {
		return rules.Decide(policy.Request{Person: policy.Person{UserID: "1", UserName: "ann", AccountName: "acme"},
			Action: "CANCEL_ORDER", Ticket: &policy.Ticket{Account: "acme"}, Circumstances: c})
	}
	if d := ask(policy.Circumstances{}); !d.Wants(policy.Approval) || !d.Override {
		t.Errorf("as it is: %+v", d)
	}
	if d := ask(policy.Circumstances{Override: true}); !d.Allowed {
		t.Errorf("with the override: %+v", d)
	}
}
