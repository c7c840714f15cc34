package auditview

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"coc-console/audit/retention"
	"coc-console/audit/search"
	"coc-console/internal/ansi"
	"coc-console/internal/i18n"
	"coc-console/templates"
)

// maxHoldReason is how many characters the reason of a hold has.
const maxHoldReason = 1000

// Hold places a legal hold, or lifts the one of that number, with a reason. What is wrong with the form comes back in
// it, with what was typed; then ok is false and nothing was recorded.
func (s Standing) Hold(ctx context.Context, who retention.Who, number, query,
	reason string) (form templates.HoldForm, ok bool, err error) {
	t := i18n.Holds.T(ctx)
	form = templates.HoldForm{Query: ansi.Visible(query), Reason: ansi.Visible(reason), Errors: templates.FieldErrors{}}
	switch {
	case strings.TrimSpace(reason) == "":
		form.Errors["reason"] = t.NoReason
	case utf8.RuneCountInString(reason) > maxHoldReason:
		form.Errors["reason"] = t.TooLong(maxHoldReason)
	case number == "" && len(query) > MaxQuery:
		form.Errors["query"] = t.TooLong(MaxQuery)
	}
	if len(form.Errors) > 0 {
		return form, false, nil
	}
	if number == "" {
		_, err = retention.PlaceHold(ctx, s.Index, query, reason, who)
	} else {
		n, _ := strconv.ParseInt(number, 10, 64) // 0 is no hold
		err = retention.LiftHold(ctx, s.Index, n, reason, who)
	}
	wrong, isWrong := errors.AsType[*search.QueryError](err)
	switch {
	case err == nil:
		return form, true, nil
	case isWrong:
		form.Errors["query"] = queryMessage(wrong, i18n.T(ctx).Field.Query)
	case errors.Is(err, retention.ErrEverything):
		form.Errors["query"] = t.Everything
	case errors.Is(err, retention.ErrRelative):
		form.Errors["query"] = t.Relative
	case errors.Is(err, retention.ErrNoHold):
		form.Problem = t.NoHold
	case errors.Is(err, retention.ErrUnderWay):
		form.Problem = t.Busy
	default:
		return form, false, err
	}
	return form, false, nil
}
