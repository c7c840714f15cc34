package policy_test

import (
	"strings"
	"testing"

	"coc-console/internal/policy"
)

// TestApprovers: the largest number of all policies that want an approval holds.
func TestApprovers(t *testing.T) {
	r := load(t, `@id("all") permit (principal, action, resource);
		@id("one") @demand("approval") forbid (principal, action in Action::"operate", resource) unless { context.approved };
		@id("three") @demand("count or approval") @approvers("3") forbid (principal, action == Action::"CANCEL_ORDER", resource)
			unless { context.counted || context.approved };
		@id("apart") @demand("approval") @approvers("2") @approvers_from("different-teams")
			forbid (principal, action == Action::"SKIP_BATCH", resource) unless { context.approved };
		@id("why") @demand("reason") forbid (principal, action == Action::"CONTINUE_ORDER", resource) unless { context.reason };`)
	for action, want := range map[policy.Action]policy.Approvers{"PAUSE_ORDER": {Number: 1}, "CANCEL_ORDER": {Number: 3},
		"SKIP_BATCH": {Number: 2, Apart: true}, "CONTINUE_ORDER": {Number: 1}} {
		d := r.Decide(policy.Request{Person: people["creator"], Action: action, Ticket: ticket("one")})
		if d.Approvers() != want {
			t.Errorf("%s: %+v, want %+v", action, d.Approvers(), want)
		}
	}
}

// TestWrongApprovers: what they can't mean is an error of the file, with the line and the policy.
func TestWrongApprovers(t *testing.T) {
	for notes, want := range map[string]string{
		`@demand("reason") @approvers("2")`:                                      `"approval"`,
		`@approvers("2")`:                                                        `"approval"`,
		`@demand("approval") @approvers("0")`:                                    "from 1 to 9",
		`@demand("approval") @approvers("ten")`:                                  "from 1 to 9",
		`@demand("approval") @approvers("10")`:                                   "from 1 to 9",
		`@demand("approval") @approvers_from("different-teams")`:                 "2 or more",
		`@demand("approval") @approvers("2") @approvers_from("anywhere")`:        `"different-teams"`,
		`@demand("approval") @approvers("1") @approvers_from("different-teams")`: "2 or more",
		`@demand("reason") @approvers("2") @approvers_from("different-teams")`:   `"approval"`,
	} {
		_, err := policy.Load(policy.Files{Policy: write(t, "rules.cedar", "\n@id(\"x\") "+notes+
			` forbid (principal, action in Action::"operate", resource) unless { context.approved };`)})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `line 2: policy "x"`) {
			t.Errorf("%s: %v, want %q", notes, err, want)
		}
	}
}
