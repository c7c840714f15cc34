package present

import (
	"context"
	"errors"
	"slices"
	"strings"

	"coc-console/internal/ansi"
	"coc-console/internal/bulk"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/templates"
)

// BulkPlan puts a plan into the page on which it is confirmed. sendable says that
// each item can be sent, or will be once what it waits for has ended.
func BulkPlan(ctx context.Context, page *templates.NewBulk, r bulk.Request, plan bulk.Plan) (sendable bool) {
	page.Stops, page.OfferOverride = plan.Stops, plan.Override || r.Override
	var sum BulkImpact
	var good []string
	waiting := 0
	for _, item := range plan.Items {
		target := bulkTarget(ctx, item)
		op := coc.Operation{Type: r.Type, InstanceID: item.InstanceID}
		target.Impact = sum.Add(op, item.Now, item.Impact, item.OK() || item.OnlyWaits())
		if item.OnlyWaits() {
			waiting++
		}
		if item.OK() {
			good = append(good, target.Value)
		}
		if item.Err == nil && item.Decision.Denied() && page.Denied == nil {
			page.Denied = Denial(ctx, item.Decision)
		}
		page.Items = append(page.Items, target)
	}
	page.Impact, page.Spread = sum.Sum, sum.Spread()
	for _, d := range plan.Demands {
		page.WantsReason = page.WantsReason || slices.Contains(d.Any, "reason")
		page.WantsCount = page.WantsCount || slices.Contains(d.Any, "count")
	}
	page.WantsReason, page.WantsCount = page.WantsReason || page.Reason != "", page.WantsCount || page.Count != ""
	if len(good) < len(page.Items) && len(good) > 0 {
		page.Drop = NewBulkAddress(r.Type, good)
	}
	if len(plan.Items) > 0 && sameTicket(plan.Items) {
		page.Back = TicketAddress(string(plan.Items[0].Ticket))
	}
	return len(good)+waiting == len(page.Items)
}

// bulkTarget is one target on the confirmation page.
func bulkTarget(ctx context.Context, item bulk.Planned) templates.BulkTarget {
	target := templates.BulkTarget{Value: item.Target.String(), Seen: item.Now.Snapshot().String(),
		Name:    ansi.VisibleLine(item.Name),
		Problem: itemProblem(ctx, item), Address: TicketAddress(string(item.Ticket)), Ticket: item.InstanceID == 0}
	if item.InstanceID != 0 {
		target.Address = InstanceAddress(string(item.Ticket), item.InstanceID, item.BatchHint)
		target.Of = templates.TicketLink{Name: TicketName(item.Now.Ticket), Address: TicketAddress(string(item.Ticket))}
		if item.Err != nil { // it may be hidden
			target.Of.Name = string(item.Ticket)
		}
	}
	if target.Name == "" {
		target.Name = target.Value
	}
	if len(item.Pending) > 0 {
		p := item.Pending[0]
		target.Pending = &templates.PendingOperation{ID: p.OperationID, Type: p.OperationType, Target: TargetTitle(p),
			Actor: ansi.VisibleLine(p.Actor.UserName), Since: p.When(), Receipt: ReceiptAddress(p.OperationID)}
		target.Despite = !item.Waits()
	}
	switch {
	case item.Err != nil:
		target.Seen = item.Expected
	case item.Now.Instance != nil:
		target.Status = string(item.Now.Instance.Status)
	default:
		target.Status = string(item.Now.Ticket.Status)
	}
	return target
}

func sameTicket(items []bulk.Planned) bool {
	return !slices.ContainsFunc(items, func(p bulk.Planned) bool { return p.Ticket != items[0].Ticket })
}

// itemProblem says in words why an item cannot be sent; "" when it can.
func itemProblem(ctx context.Context, p bulk.Planned) string {
	t := i18n.T(ctx)
	var call *coc.Error
	var target *operate.TargetError
	var hidden *operate.PolicyError
	switch {
	case errors.As(p.Err, &hidden):
		return strings.TrimSpace(t.Problem.Hidden.Heading + t.Common.Stop + RuleText(ctx, hidden.Decision.Text))
	case errors.As(p.Err, &call):
		_, f := FailureOf(call, &t.Problem)
		return strings.TrimSpace(f.Heading + " " + f.Verbatim)
	case errors.As(p.Err, &target):
		return TargetMessage(target, t.Field)
	case p.Err != nil:
		return t.Problem.Unavailable.Heading
	case len(p.Changes) > 0:
		return t.Bulk.Note.Of(string(operate.NoteMoved))
	case p.Refusal != operate.Fits:
		return t.Word.Refusal.Of(string(p.Refusal))
	case p.Waits():
		return t.Bulk.Note.Of(string(operate.NotePending))
	case p.Decision.Denied():
		return strings.TrimSpace(t.Bulk.Note.Of(string(operate.NoteNotAllowed)) + " " + RuleText(ctx,
			p.Decision.Text))
	}
	return ""
}
