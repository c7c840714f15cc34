package operatetest

import (
	"context"
	"errors"
	"strconv"
	"testing"

	"coc-console/audit"
	"coc-console/internal/approval"
	"coc-console/internal/operate"
)

// FourEyes wants an approval for every cancelling.
const FourEyes = `@id("all") permit (principal, action, resource);
@id("own") forbid (principal, action == Action::"approve", resource) when { resource.requester == principal.id };
@id("two") @demand("second_person") forbid (principal, action == Action::"CANCEL_ORDER", resource) unless { context.approved };`

// NewApprovalDesk is a desk where FourEyes is the policy.
func NewApprovalDesk(t *testing.T) *Desk { return NewDesk(t).Under(FourEyes) }

// Under makes the service ask other rules.
func (d *Desk) Under(policies string) *Desk {
	d.T.Helper()
	d.Rules = Rules(d.T, policies)
	Check(d.T, d.Close())
	d.Parts = d.Serve()
	return d
}

// Asked asks for approval of cancelling a ticket.
func (d *Desk) Asked(scenario string) string {
	d.T.Helper()
	id, err := d.Ask(d.T.Context(), d.Form(scenario, CancelOrder))
	Check(d.T, err)
	return id
}

// Decision is the manager's answer.
func (d *Desk) Decision(approve bool) approval.Answer {
	return approval.Answer{Approve: approve, Comment: "as agreed", Actor: d.Superior, Caller: d.Manager}
}

// Typed is an answer with the number that stopped when the request was made.
func (d *Desk) Typed(id string, by approval.Answer) approval.Answer {
	if a, err := d.Approvals.Get(context.Background(), id); err == nil {
		by.Count = strconv.Itoa(a.Impact.Stops)
	}
	return by
}

// Stands checks a request's state and note.
func (d *Desk) Stands(id string, state approval.State, note operate.Note) approval.Request {
	d.T.Helper()
	a, err := d.Approvals.Get(d.T.Context(), id)
	Check(d.T, err)
	if a.State != state || a.Note != note {
		d.T.Errorf("the request is %s (%s), want %s (%s)", a.State, a.Note, state, note)
	}
	return a
}

// Acts are the actions of an operation's records, in order.
func (d *Desk) Acts(id string) []audit.Action {
	d.T.Helper()
	records, err := d.Index.Operation(d.T.Context(), id)
	Check(d.T, err)
	var out []audit.Action
	for _, r := range records {
		out = append(out, r.Action)
	}
	return out
}

// Swapped are rules that change under way.
type Swapped struct{ operate.Rules }

// Stopped applies a form that the rules must stop, and returns what they say.
func (d *Desk) Stopped(form operate.Request) *operate.PolicyError {
	d.T.Helper()
	_, err := d.Apply(d.T.Context(), form)
	denied, ok := errors.AsType[*operate.PolicyError](err)
	if !ok {
		d.T.Fatalf("%+v: %v, want a *PolicyError", form.Operation, err)
	}
	return denied
}

// BuiltIn makes the service ask the built-in rules.
func (d *Desk) BuiltIn() {
	d.T.Helper()
	Check(d.T, d.Close())
	d.Rules = Rules(d.T, "")
	d.Parts = d.Serve()
}
