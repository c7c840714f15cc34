package handlers

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"

	"coc-console/internal/coc"
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
			page.Errors["reason"] = cmp.Or(ruleText(ctx, d.Text), t.Rules.Reason)
		case asking:
		case slices.Contains(d.Any, policy.Count) && e.Miscounted:
			page.Errors["count"] = t.Rules.Miscounted(e.Radius.Stops)
		case slices.Contains(d.Any, policy.Count):
			page.Errors["count"] = cmp.Or(ruleText(ctx, d.Text), t.Rules.Count(e.Radius.Stops))
		}
	}
	return http.StatusUnprocessableEntity
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
	r.Keeps = max(0, int(now.Statistics.Count(coc.InstanceProcessing))-radius.Running)
	if radius.Stops > 1 {
		r.Spread = spread(f.operation, now)
	}
	if d.Denied() {
		r.Denied = Denial(ctx, d)
		return
	}
	r.Reason, r.Number, r.Other = d.Wants(policy.Reason), d.Wants(policy.Count), d.Wants(policy.SecondPerson)
	r.OtherOnly, r.OfferGlass = d.Needs(policy.SecondPerson), d.Glass
}

// spread counts by region, zone and application what an operation on a batch or
// on the ticket stops. What all instances lack is left out.
func spread(op coc.Operation, now operate.Reading) []templates.Spread {
	if op.Type != coc.SkipBatch && op.Type != coc.CancelOrder {
		return nil
	}
	of := []struct {
		by    string
		value func(coc.Target) string
	}{
		{"region", func(t coc.Target) string { return t.RegionID }},
		{"zone", func(t coc.Target) string { return t.ZoneID }},
		{"application", func(t coc.Target) string { return t.Application }},
	}
	var all []templates.Spread
	for _, dimension := range of {
		counted := map[string]templates.SpreadRow{}
		for _, i := range now.Instances {
			if i.Status.Terminal() {
				continue
			}
			row := counted[dimension.value(i.Target)]
			row.Name = visible(dimension.value(i.Target))
			row.Stops++
			if i.Status == coc.InstanceProcessing {
				row.Running++
			}
			counted[dimension.value(i.Target)] = row
		}
		if _, none := counted[""]; len(counted) > 1 || len(counted) == 1 && !none {
			rows := slices.SortedFunc(maps.Values(counted), func(a, b templates.SpreadRow) int {
				return cmp.Or(cmp.Compare(b.Stops, a.Stops), cmp.Compare(a.Name, b.Name))
			})
			all = append(all, templates.Spread{By: dimension.by, Rows: rows})
		}
	}
	return all
}
