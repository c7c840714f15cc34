package handlers

import (
	"context"
	"slices"

	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/internal/present"
	"coc-console/templates"
)

// fillRules asks the rules about the form as far as it is filled in, and puts into the page what they would still
// want: nobody is to learn of a demand only after pressing the button.
func (h *Handlers) fillRules(ctx context.Context, page *templates.NewOperation, f operationForm, now operate.Reading) {
	v, _ := ViewerFrom(ctx)
	bare := f.request(ctx, v)
	bare.Reason, bare.Count, bare.Override = "", "", false
	d, impact := h.operations.Decide(bare, now)
	present.ConfirmImpact(page, f.operation, now, impact)
	r := &page.Rules
	if d.Denied() {
		r.Denied = present.Denial(ctx, d)
		bare.Reason, bare.Override = "any", true
		around, _ := h.operations.Decide(bare, now)
		r.OfferOverride, r.Reason = around.Allowed, true
		return
	}
	r.Reason, r.Number, r.Other = d.Wants(policy.Reason), d.Wants(policy.Count), d.Wants(policy.Approval)
	if r.OtherOnly = d.Needs(policy.Approval); !r.OtherOnly {
		return
	}
	r.OfferOverride, r.Approvers, r.Several = d.Override, d.Ask, present.SeveralApprovers(ctx, d)
	for _, x := range d.Demands {
		if slices.Equal(x.Any, []policy.Kind{policy.Approval}) {
			r.Demands = append(r.Demands, templates.PolicyDemand{Policy: x.Policy, Text: present.RuleText(ctx, x.Text)})
		}
	}
}
