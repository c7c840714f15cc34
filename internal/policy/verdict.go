package policy

import (
	"fmt"
	"slices"

	"github.com/cedar-policy/cedar-go"
)

// Verdict is a decision in one word.
type Verdict string

// The verdicts.
const (
	Allowed  Verdict = "allowed"
	Confirm  Verdict = "confirm"  // once the person gives a reason or the number of instances
	Approved Verdict = "approval" // once somebody else approves
	Denied   Verdict = "denied"
)

// Verdicts are all verdicts, the mildest first.
func Verdicts() []Verdict { return []Verdict{Allowed, Confirm, Approved, Denied} }

// Verdict is the decision in one word. What a person may meet either by themselves or by an approval is Confirm.
func (d Decision) Verdict() Verdict {
	switch {
	case d.Allowed:
		return Allowed
	case d.Denied():
		return Denied
	case d.Needs(Approval):
		return Approved
	}
	return Confirm
}

// Deciding are the policies to which the verdict is due: those that demand something, or that allow or deny.
func (d Decision) Deciding() []string {
	if len(d.Demands) == 0 {
		return d.Policies
	}
	ids := make([]string, len(d.Demands))
	for i, m := range d.Demands {
		ids[i] = m.Policy
	}
	return ids
}

// Operate decides an operation as the console does: what somebody may not see they may not operate, and an emergency
// override counts only where nothing else allows it.
func (r *Rules) Operate(q Request) Decision {
	view := q
	view.Action, view.Circumstances = View, Circumstances{At: q.At}
	if t := q.Ticket; t != nil { // as a list knows it
		view.Ticket = &Ticket{ID: t.ID, Name: t.Name, Creator: t.Creator, Account: t.Account, Project: t.Project,
			Status: t.Status}
	}
	if d := r.Decide(view); !d.Allowed {
		return d
	}
	calm := q
	calm.Override = false
	d := r.Decide(calm)
	if q.Override && !d.Allowed {
		if overridden := r.Decide(q); overridden.Allowed {
			return overridden
		}
	}
	return d
}

// Trial is what policies in shadow would have made of a decision: they are recorded, and not enforced.
type Trial struct {
	Verdict  Verdict
	Policies []string // those in shadow to which it is due
}

// shadow is the @mode of policies that are in trial.
const shadow = "shadow"

// mode reads the annotation @mode; a policy without it is enforced.
func mode(id string, notes cedar.Annotations) (inShadow bool, err error) {
	switch text, ok := notes["mode"]; {
	case !ok || text == "enforce":
		return false, nil
	case text == shadow:
		return true, nil
	}
	return false, fmt.Errorf(`policy %q: @mode is "shadow" or "enforce"`, id)
}

// trial is what the policies in shadow would have changed; nil: nothing.
func (r *Rules) trial(d Decision, q Request, entities cedar.EntityMap, request cedar.Request) *Trial {
	if len(r.shadows) == 0 {
		return nil
	}
	x := r.withShadows[q.Action]
	if x == nil {
		x = r.withShadows[""]
	}
	with := r.decide(x.find(entities, request), entities, request, q.Circumstances)
	if with.Denied() && d.Denied() || len(with.Failed) > len(d.Failed) {
		return nil
	}
	var due []string
	for _, id := range with.Deciding() {
		if r.shadows[cedar.PolicyID(id)] && !slices.Contains(due, id) {
			due = append(due, id)
		}
	}
	if len(due) == 0 || with.Allowed && d.Allowed {
		return nil
	}
	return &Trial{with.Verdict(), due}
}
