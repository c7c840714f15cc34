package policy_test

import (
	"slices"
	"strings"
	"testing"

	"coc-console/internal/policy"
)

// TestShadow: policies in shadow decide nothing, and what they would have made of a decision is told.
func TestShadow(t *testing.T) {
	r := load(t, `@id("all") permit (principal, action, resource);
		@id("denies") @mode("shadow") forbid (principal, action == Action::"CANCEL_ORDER", resource);
		@id("asks") @mode("shadow") @demand("approval") forbid (principal, action == Action::"SKIP_BATCH", resource) unless { context.approved };
		@id("enforced") @mode("enforce") forbid (principal, action == Action::"CONTINUE_ORDER", resource);
		@id("late") @mode("shadow") permit (principal, action == Action::"CONTINUE_ORDER", resource);`)
	for action, want := range map[policy.Action]*policy.Trial{
		"CANCEL_ORDER":   {Verdict: policy.Denied, Policies: []string{"denies"}},
		"SKIP_BATCH":     {Verdict: policy.Approved, Policies: []string{"asks"}},
		"PAUSE_ORDER":    nil,
		"CONTINUE_ORDER": nil,
		policy.View:      nil,
	} {
		q := policy.Request{Person: people["creator"], Action: action, Ticket: ticket("few")}
		d := r.Decide(q)
		if d.Allowed != (action != "CONTINUE_ORDER") {
			t.Errorf("%s: allowed %v", action, d.Allowed)
		}
		if got := d.Trial; (got == nil) != (want == nil) || got != nil && (got.Verdict != want.Verdict || !slices.Equal(got.Policies, want.Policies)) {
			t.Errorf("%s: in trial %+v, want %+v", action, got, want)
		}
	}
	trial := 0
	for _, p := range r.List() {
		if p.Trial {
			trial++
		}
	}
	if trial != 3 {
		t.Errorf("%d policies are listed as in trial", trial)
	}
	f := policy.Files{Policy: write(t, "rules.cedar", `@id("a") @mode("dark") permit (principal, action, resource);`)}
	if _, err := policy.Load(f); err == nil || !strings.Contains(err.Error(), "@mode") {
		t.Errorf("an unknown mode: %v", err)
	}
}

// TestShadowPermitsNothing: a file whose permits are all in shadow keeps everybody out, and the check says so.
func TestShadowPermitsNothing(t *testing.T) {
	r := load(t, `@id("all") @mode("shadow") permit (principal, action, resource);`)
	d := r.Decide(policy.Request{Person: people["creator"], Action: "PAUSE_ORDER", Ticket: ticket("few")})
	if !d.Denied() || d.Trial == nil || d.Trial.Verdict != policy.Allowed {
		t.Errorf("%+v", d)
	}
	if warnings := r.Warnings(); len(warnings) < 4 {
		t.Errorf("the check says %q", warnings)
	}
}
