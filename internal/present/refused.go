package present

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"coc-console/internal/approval"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/templates"
)

// ExplainRules puts next to the fields what the rules want, and returns the
// status that says so. A denial is shown by the page itself. Who asks a second
// person need not type the number.
func ExplainRules(ctx context.Context, page *templates.NewOperation, e *operate.PolicyError, asking bool) int {
	if e.Decision.Denied() {
		return http.StatusForbidden
	}
	t := i18n.T(ctx)
	for _, d := range e.Decision.Demands {
		switch {
		case slices.Contains(d.Any, policy.Reason):
			page.Errors["reason"] = cmp.Or(RuleText(ctx, d.Text), t.Policy.Reason)
		case asking:
		case slices.Contains(d.Any, policy.Count) && e.Miscounted:
			page.Errors["count"] = t.Policy.Miscounted(e.Impact.Stops)
		case slices.Contains(d.Any, policy.Count):
			page.Errors["count"] = cmp.Or(RuleText(ctx, d.Text), t.Policy.Count(e.Impact.Stops))
		}
	}
	return http.StatusUnprocessableEntity
}

// ExplainFields says next to a field what is wrong with it; false when it is
// something else.
func ExplainFields(page *templates.NewOperation, t *i18n.Texts, why error) bool {
	var (
		field   *coc.FieldError
		tooLong *operate.ReasonTooLongError
		target  *operate.TargetError
		pending *operate.PendingError
	)
	switch {
	case errors.As(why, &field):
		page.Errors[field.Field] = fieldMessage(field, t.Field)
	case errors.As(why, &tooLong):
		page.Errors["reason"] = t.Field.ReasonTooLong(tooLong.Length, operate.MaxReason)
	case errors.As(why, &pending):
		page.Errors["despite"] = t.Operation.PendingNeeded
	case errors.As(why, &target):
		page.Errors[target.Field] = TargetMessage(target, t.Field)
	default:
		return false
	}
	return true
}

func fieldMessage(e *coc.FieldError, t i18n.FieldProblems) string {
	switch {
	case e.Problem == "missing":
		return t.Missing
	case e.Problem == "unexpected":
		return t.Unexpected(e.Field)
	case e.Field == "instance_id":
		return t.InstanceID
	case e.Field == "batch_index":
		return t.BatchIndex
	}
	return t.UnknownOperation
}

// Changes are what differs between what was seen and what is.
func Changes(all []operate.Change) []templates.Change {
	out := make([]templates.Change, len(all))
	for i, c := range all {
		out[i] = templates.Change{Aspect: string(c.Aspect), Before: c.Before, After: c.After, Material: c.Material}
	}
	return out
}

// DoubtNote is the note of a row that is not authentic: its own only if the
// console has put it there.
func DoubtNote(doubtful bool, note operate.Note) string {
	if doubtful && note != operate.NoteNotAuthentic && note != operate.NoteAskAgain {
		return "not_verifiable"
	}
	return string(note)
}

// ChosenTwo are the hosts that were asked for, where they are there, and two
// different ones else; none of fewer than two.
func ChosenTwo(all []templates.ComparedHost, left, right string) []templates.ComparedHost {
	if len(all) < 2 {
		return nil
	}
	find := func(id string) int {
		return slices.IndexFunc(all, func(h templates.ComparedHost) bool { return h.ID == id })
	}
	a, b := max(find(left), 0), find(right)
	if b < 0 || b == a {
		b = (a + 1) % len(all)
	}
	return []templates.ComparedHost{all[a], all[b]}
}

// Freeze shows what was decided as it was then: what the ticket is now says
// nothing about that.
func Freeze(ctx context.Context, page *templates.Approval, a approval.Request) {
	t := i18n.T(ctx).Approval
	page.Frozen, page.Seen = t.WhenDecided, Compared(a.Expected, a.AtDecision)
	if a.State == approval.Withdrawn || a.State == approval.Expired {
		page.Frozen = t.WhenAsked
	}
}

// LineOf reads the number of a line in a log; 0 where nothing was typed.
func LineOf(log, typed string) (line int, ok bool) {
	if typed == "" {
		return 0, true
	}
	line, err := strconv.Atoi(typed)
	return line, err == nil && line > 0 && line <= strings.Count(log, "\n")+1
}
