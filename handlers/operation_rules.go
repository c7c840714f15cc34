package handlers

import (
	"context"
	"net/http"
	"slices"

	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/templates"
)

// explainRules puts next to the fields what the rules want, and returns the
// status that says so. A denial is shown by the page itself. Who asks a second
// person need not type the number.
func explainRules(ctx context.Context, page *templates.NewOperation, e *operate.PolicyError, asking bool) int {
	if e.Decision.Denied() {
		return http.StatusForbidden
	}
	t := i18n.T(ctx)
	for _, d := range e.Decision.Demands {
		switch {
		case slices.Contains(d.Any, policy.Reason):
			page.Errors["reason"] = cmpText(ruleText(ctx, d.Text), t.Rules.Reason)
		case asking:
		case slices.Contains(d.Any, policy.Count) && e.Miscounted:
			page.Errors["count"] = t.Rules.Miscounted(e.Radius.Stops)
		case slices.Contains(d.Any, policy.Count):
			page.Errors["count"] = cmpText(ruleText(ctx, d.Text), t.Rules.Count(e.Radius.Stops))
		}
	}
	return http.StatusUnprocessableEntity
}

func cmpText(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// fillRules asks the rules about the form as far as it is filled in, and puts
// into the page what they would still want: nobody is to learn of a demand
// only after pressing the button.
func (h *Handlers) fillRules(ctx context.Context, page *templates.NewOperation, f operationForm, now operate.Reading) {
	v, _ := ViewerFrom(ctx)
	bare := f.request(ctx, v)
	bare.Reason, bare.Count, bare.Glass = "", "", false
	d, radius := h.Operations.Decide(bare, now)
	r := &page.Rules
	r.Stops, r.Running, r.Radius = radius.Stops, radius.Running, radiusText(ctx, radius)
	if d.Denied() {
		r.Denied = Denial(ctx, d)
		return
	}
	r.Reason, r.Number, r.Other = d.Wants(policy.Reason), d.Wants(policy.Count), d.Wants(policy.SecondPerson)
	r.OtherOnly, r.OfferGlass = d.Needs(policy.SecondPerson), d.Glass
}
