package present

import (
	"context"
	"slices"
	"time"

	"coc-console/audit"
	"coc-console/internal/ansi"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/templates"
)

// ExampleInstances is how many instances the example tickets have, all running.
const ExampleInstances = 30

// PermissionAnswer is a decision as the page of permissions shows it, in the policies' own words.
func PermissionAnswer(ctx context.Context, d policy.Decision, rules *policy.Rules) templates.PermissionAnswer {
	a := templates.PermissionAnswer{State: "demands", Override: d.Override}
	for _, m := range d.Demands {
		a.Demands = append(a.Demands, templates.PermissionReason{Policy: m.Policy, Text: RuleText(ctx, m.Text)})
	}
	switch {
	case d.Allowed:
		a.State = "allowed"
	case d.Denied():
		a.State = "denied"
	default:
		return a // the demands say why
	}
	for _, id := range d.Policies {
		a.Reasons = append(a.Reasons, templates.PermissionReason{Policy: id, Text: RuleText(ctx, rules.Text(id))})
	}
	if len(d.Policies) == 0 && d.Denied() {
		a.Reasons = []templates.PermissionReason{{Text: i18n.T(ctx).Policy.NothingAllows}}
	}
	return a
}

// PoliciesInForce fills in the policies in force, and the windows of the calendar that are: for managers all policies
// with their text, for others those that answered them. The text may name people, and tickets that not everybody
// may see.
func PoliciesInForce(ctx context.Context, rules *policy.Rules, now time.Time,
	page *templates.Permissions) {
	page.Windows = windows(rules.Windows(now))
	answered := page.Answering()
	for _, p := range rules.List() {
		if page.Others || answered[p.ID] {
			page.Policies = append(page.Policies, templates.PermissionPolicy{ID: p.ID, Forbids: p.Forbids, Trial: p.Trial,
				Text: RuleText(ctx, p.Text)})
		}
	}
	if page.Others {
		page.Source = ansi.Visible(rules.Source())
	}
}

// ExampleTickets are tickets of those owners, which an operation would act on.
func ExampleTickets(who audit.Actor, owners []string, op coc.Operation) []*policy.Ticket {
	stops := 0
	if operate.Stops(op.Type) {
		stops = map[coc.Scope]int{coc.OnInstance: 1, coc.OnBatch: ExampleInstances / 3,
			coc.OnTicket: ExampleInstances}[op.Type.Scope()]
	}
	tickets := make([]*policy.Ticket, len(owners))
	for i, owner := range owners {
		tickets[i] = &policy.Ticket{Creator: owner, Account: who.AccountName, Project: who.ProjectName,
			Status: string(coc.TicketProcessing), Total: ExampleInstances, Stops: stops, Running: stops}
	}
	return tickets
}

// FirstImpact is that of an operation on the first target that the ticket has for it. rows are those of the
// batch that can
// be skipped.
func FirstImpact(now operate.Reading, op coc.Operation, rows []coc.Instance) operate.Impact {
	switch op.Type.Scope() {
	case coc.OnInstance:
		running := func(i coc.Instance) bool { return i.Status == coc.InstanceProcessing }
		if i := slices.IndexFunc(now.Instances, running); i >= 0 {
			now.Instance = &now.Instances[i]
		}
	case coc.OnBatch:
		now.Instances = rows
	case coc.OnTicket:
	}
	return now.Impact(op)
}
