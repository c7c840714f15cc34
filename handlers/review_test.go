package handlers_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"coc-console/audit"
	"coc-console/handlers"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
)

// override cancels a ticket without its number, for which a review is wanted.
func (r reader) override(t *testing.T, scenario string) string {
	t.Helper()
	form := r.confirm(t, scenario, "operation_type=CANCEL_ORDER")
	form.Set("operation_type", "CANCEL_ORDER")
	form.Set("reason", "there is no time")
	form.Set("glass", "1")
	form.Set("count", "")
	return r.apply(t, scenario, form)
}

// TestReviews: who sees the queue, what is wrong with a review, and what a good
// one does.
func TestReviews(t *testing.T) {
	p := start(t)
	text := i18n.For(i18n.EnUS)
	operator, manager := p.as(t, "operator"), p.as(t, "manager")
	id := operator.override(t, "own10")
	p.await(t, id)
	review := func(r reader, comment string) answer {
		return r.post(p.Review, "/audit/review", "/audit/review", url.Values{"operation": {id}, "comment": {comment}})
	}
	t.Run("not for everybody", func(t *testing.T) {
		operator.in(t).get(p.Reviews, "/audit/review", "/audit/review").wantProblem(t, http.StatusForbidden, handlers.ProblemDenied)
		review(operator.in(t), "fine").wantProblem(t, http.StatusForbidden, handlers.ProblemDenied)
	})
	t.Run("no comment", func(t *testing.T) {
		review(manager.in(t), " \n").want(t, http.StatusUnprocessableEntity, text.Review.Needed)
	})
	t.Run("the queue, read again for the review", func(t *testing.T) {
		manager.in(t).get(p.Reviews, "/audit/review", "/audit/review").want(t, http.StatusOK, "own10_check", "there is no time",
			"demo/operator", "/operations/"+id)
	})
	t.Run("a long comment", func(t *testing.T) {
		comment := strings.Repeat("x", operate.MaxReason+1)
		review(manager.in(t), comment).want(t, http.StatusUnprocessableEntity,
			text.Field.ReasonTooLong(operate.MaxReason+1, operate.MaxReason), comment)
	})
	t.Run("opened by somebody else", func(t *testing.T) {
		r := manager.in(t)
		r.ctx = func(ctx context.Context) context.Context {
			return handlers.WithOpener(ctx, handlers.Opener{User: "operator", Account: "demo", Refused: true})
		}
		form := url.Values{"operation": {id}, "comment": {"typed by another"}}
		r.post(p.ReviewAgain, "/audit/review", "/audit/review", form).want(t, http.StatusConflict, "typed by another")
		form.Set("operation", "x")
		r.post(p.ReviewAgain, "/audit/review", "/audit/review", form).wantProblem(t, http.StatusNotFound, handlers.ProblemNotFound)
	})
	t.Run("a review", func(t *testing.T) {
		if a := review(manager.in(t), "it was right"); a.status != http.StatusSeeOther || a.location != "/audit/review" {
			t.Fatalf("status %d, to %q, error %v", a.status, a.location, a.err)
		}
		all := p.records(t, p.sim.UUID("own10"), audit.ActionOverrideReviewed)
		if len(all) != 1 || all[0].OperationID != id || operate.ParseDetail(all[0].Detail).Comment != "it was right" ||
			all[0].Actor.UserName != "manager" {
			t.Errorf("the log has %+v", all)
		}
		manager.in(t).get(p.Reviews, "/audit/review", "/audit/review").want(t, http.StatusOK).without(t, "own10_check")
		operator.in(t).get(p.Receipt, receiptRoute, "/operations/"+id).want(t, http.StatusOK, "it was right", "demo/manager")
	})
	t.Run("a second one", func(t *testing.T) {
		if a := review(manager.in(t), "once more"); a.err != nil || a.location != "/audit/review" {
			t.Errorf("to %q, %v", a.location, a.err)
		}
		if n := len(p.records(t, p.sim.UUID("own10"), audit.ActionOverrideReviewed)); n != 1 {
			t.Errorf("%d reviews are in the log", n)
		}
	})
}
