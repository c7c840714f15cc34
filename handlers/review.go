package handlers

import (
	"context"
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/internal/live"
	"coc-console/internal/operate"
	"coc-console/internal/present"
	"coc-console/internal/review"
	"coc-console/templates"
)

// overridesWait is the number for the notice, as it was last known; 0 when the log has not told it yet.
func (h *base) overridesWait(ctx context.Context, v Viewer) int {
	if !v.Manager {
		return 0
	}
	n, err := h.counts.Get(ctx, live.CountKey{Of: "reviews"}, func(ctx context.Context) (int, error) {
		waiting, _, err := h.review.List(ctx)
		return review.Overrides(waiting), err
	})
	if err != nil {
		h.logger.WarnContext(ctx, "overrides to review not counted", "error", err)
	}
	return n
}

// ReviewCoverage counts how reviews went, for the metrics.
func (h *Handlers) ReviewCoverage(ctx context.Context) (review.Coverage, error) {
	waiting, reviewed, err := h.review.List(ctx)
	return review.Covered(waiting, reviewed, h.now()), err
}

// Reviews lists the operations that somebody else has to look at.
func (h *Handlers) Reviews(c echo.Context) error {
	if v, _ := ViewerFrom(c.Request().Context()); !v.Manager {
		return h.denied(c, errDenied)
	}
	return h.showReviews(c, http.StatusOK, formOfReview(c))
}

// formOfReview reads the form; the address has it for who had to sign in again.
func formOfReview(c echo.Context) review.Form {
	f := review.Form{Comment: reason(c.FormValue("comment")), Chosen: c.QueryParams()["operation"]}
	if form, err := c.FormParams(); err == nil {
		f.Chosen = form["operation"] // what the address says is among them
	}
	return f
}

func (h *Handlers) showReviews(c echo.Context, status int, f review.Form) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	waiting, reviewed, err := h.review.List(ctx)
	if err != nil {
		return err
	}
	page := templates.Reviews{Frame: h.Frame(c, i18n.T(ctx).Review.Heading, templates.SectionAudit),
		Done: c.QueryParam("view") == "reviewed"}
	return Render(c, status, review.Page(page, waiting, reviewed, v.Actor, f, h.now()))
}

// Review signs operations off: a manager has looked at them.
func (h *Handlers) Review(c echo.Context) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	if !v.Manager {
		return h.denied(c, errDenied)
	}
	f, t := formOfReview(c), i18n.T(ctx)
	_, err := h.review.Sign(ctx, review.SignOff{By: v.Actor, Origin: OriginFrom(ctx), Items: f.Chosen,
		Comment: f.Comment})
	var storage *audit.StorageError
	switch {
	case err == nil:
		return c.Redirect(http.StatusSeeOther, "/audit/review")
	case errors.Is(err, review.ErrNone):
		f.Unchosen = t.Review.Unchosen
	case errors.Is(err, review.ErrOwn):
		f.Unchosen = t.Review.Own
	case errors.Is(err, review.ErrComment):
		f.Problem = t.Review.Needed
	case errors.Is(err, review.ErrLong):
		f.Problem = t.Field.ReasonTooLong(len([]rune(f.Comment)), operate.MaxReason)
	case errors.As(err, &storage):
		h.logger.ErrorContext(ctx, "review refused: the log does not take its record", "error", err)
		f.Problem = present.RefusedByLog(storage, &t.Problem)
		return h.showReviews(c, http.StatusServiceUnavailable, f)
	default:
		return err
	}
	return h.showReviews(c, http.StatusUnprocessableEntity, f)
}
