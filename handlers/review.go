package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/ansi"
	"coc-console/internal/i18n"
	"coc-console/internal/live"
	"coc-console/internal/operate"
	"coc-console/internal/present"
	"coc-console/templates"
)

// queueKept is how long the number of operations to review is good for: every
// page of a manager shows it.
const queueKept = 10 * time.Second

// maxReviews bounds how far back operations to review are looked for: a bulk operation
// alone can be 200 of them.
const maxReviews = 2000

// reviewQueue remembers the operations that wait for a review.
type reviewQueue struct {
	mu    sync.Mutex
	at    time.Time
	waits []audit.Record // newest first

	reviewing sync.Mutex // held while a review is written
}

// forget makes the next reading ask the log.
func (q *reviewQueue) forget() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.at = time.Time{}
}

// toReview are the overrides that nobody has reviewed, newest
// first.
func (h *base) toReview(ctx context.Context) ([]audit.Record, error) {
	h.queue.mu.Lock()
	defer h.queue.mu.Unlock()
	if age := h.now().Sub(h.queue.at); age >= 0 && age < queueKept {
		return h.queue.waits, nil
	}
	waits, err := h.unreviewed(ctx)
	if err != nil {
		return nil, err
	}
	h.queue.waits, h.queue.at = waits, h.now()
	return waits, nil
}

// unreviewed walks through the newest maxReviews records about overrides: a
// review comes after what it is of, so that it is met first.
func (h *base) unreviewed(ctx context.Context) ([]audit.Record, error) {
	waits, reviewed := []audit.Record{}, map[string]bool{}
	query := search.Query{Action: "glass.", Limit: search.MaxLimit, Visible: search.Visibility{All: true}}
	for seen := 0; seen < maxReviews; seen += query.Limit {
		found, err := h.index.Search(ctx, query)
		if err != nil {
			return nil, err
		}
		for _, r := range found.Records {
			if r.Action == audit.ActionOverrideReviewed {
				reviewed[r.OperationID] = true
			} else if !reviewed[r.OperationID] {
				waits = append(waits, r)
			}
			query.Before = r.Sequence
		}
		if len(found.Records) < query.Limit {
			break
		}
	}
	return waits, nil
}

// reviewOf is the record of an operation's review; nil when there is none.
func (h *Handlers) reviewOf(ctx context.Context, operation string) (*audit.Record, error) {
	all, err := h.index.Operation(ctx, operation)
	if err != nil {
		return nil, fmt.Errorf("read review of operation %s: %w", operation, err)
	}
	for i := range all {
		if all[i].Action == audit.ActionOverrideReviewed {
			return &all[i], nil
		}
	}
	return nil, nil //nolint:nilnil // most have none
}

// overridesWait is the number for the notice, as it was last known; 0 when the log
// has not told it yet.
func (h *base) overridesWait(ctx context.Context, v Viewer) int {
	if !v.Manager {
		return 0
	}
	n, err := h.counts.Get(ctx, live.CountKey{Of: "reviews"}, func(ctx context.Context) (int, error) {
		waits, err := h.toReview(ctx)
		return len(waits), err
	})
	if err != nil {
		h.logger.WarnContext(ctx, "overrides to review not counted", "error", err)
	}
	return n
}

// Reviews lists the overrides that nobody has reviewed.
func (h *Handlers) Reviews(c echo.Context) error {
	if err := h.reviews(c); err != nil {
		return err
	}
	return h.showReviews(c, http.StatusOK, formOfReview(c))
}

func (h *Handlers) reviews(c echo.Context) error {
	if v, _ := ViewerFrom(c.Request().Context()); !v.Manager {
		return h.denied(c, errDenied)
	}
	return nil
}

// reviewForm is one form as it came, with what is wrong with it.
type reviewForm struct{ operation, comment, problem string }

// formOfReview reads the form; the address has it for who had to sign in again.
func formOfReview(c echo.Context) reviewForm {
	return reviewForm{operation: bounded(c.FormValue("operation")), comment: reason(c.FormValue("comment"))}
}

func (h *Handlers) showReviews(c echo.Context, status int, f reviewForm) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	waits, err := h.toReview(ctx)
	if err != nil {
		return err
	}
	page := templates.Reviews{Frame: h.Frame(c, i18n.T(ctx).Review.Heading, templates.SectionApprovals),
		MaxComment: operate.MaxReason}
	for _, r := range oneOfEach(waits) {
		row := templates.ReviewRow{ID: r.OperationID, Operation: r.OperationType, Target: present.TargetTitle(r),
			BatchIndex: r.BatchIndex,
			Who:        ansi.VisibleLine(r.Actor.AccountName + "/" + r.Actor.UserName), Reason: ansi.Visible(r.Reason), At: r.When(),
			Stops: operate.ParseDetail(r.Detail).Stops, Receipt: present.ReceiptAddress(r.OperationID),
			Record: present.RecordAddress(r.Sequence),
			Own:    r.Actor.UserID == v.Actor.UserID}
		if err := h.tellOutcome(ctx, &row, r, waits); err != nil {
			return err
		}
		if row.ID == f.operation {
			row.Comment, row.Problem = f.comment, f.problem
		}
		page.Rows = append(page.Rows, row)
	}
	return Render(c, status, page)
}

// tellOutcome says what came of an operation, or that it stands for a bulk operation's.
func (h *Handlers) tellOutcome(ctx context.Context, row *templates.ReviewRow, r audit.Record,
	waits []audit.Record) error {
	if id := operate.ParseDetail(r.Detail).Job; id != "" {
		row.Bulk, row.Operations = bulkAddress(id), len(reviewedWith(r, waits))
		return nil
	}
	var err error
	if row.Outcome, err = h.outcome(ctx, r.OperationID); row.Outcome == "" {
		row.Receipt = ""
	}
	return err
}

// oneOfEach takes one of the operations of every bulk operation: a bulk operation is reviewed as a
// whole.
func oneOfEach(waits []audit.Record) []audit.Record {
	jobs := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(waits), func(r audit.Record) bool {
		id := operate.ParseDetail(r.Detail).Job
		again := id != "" && jobs[id]
		jobs[id] = true
		return again
	})
}

// reviewedWith are the operations that one review covers: the one, or all of
// its bulk operation that wait.
func reviewedWith(r audit.Record, waits []audit.Record) []audit.Record {
	id := operate.ParseDetail(r.Detail).Job
	if id == "" {
		return []audit.Record{r}
	}
	return slices.DeleteFunc(slices.Clone(waits),
		func(w audit.Record) bool { return operate.ParseDetail(w.Detail).Job != id })
}

// outcome is the newest step of an operation; "" when it was never sent.
func (h *Handlers) outcome(ctx context.Context, operation string) (string, error) {
	r, err := h.operations.Receipt(ctx, operation)
	switch {
	case errors.Is(err, audit.ErrNotFound):
		return "", nil
	case err != nil:
		return "", err
	case r.End != nil:
		return string(r.End.Action), nil
	case r.Answer != nil:
		return string(r.Answer.Action), nil
	}
	return string(r.Requested.Action), nil
}

// Review notes that a manager has looked at an override, or
// at a bulk operation: then every operation of it that waits gets the record.
func (h *Handlers) Review(c echo.Context) error {
	if err := h.reviews(c); err != nil {
		return err
	}
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	f := formOfReview(c)
	// What is remembered may have been reviewed meanwhile, also by way of another console.
	h.queue.reviewing.Lock()
	defer h.queue.reviewing.Unlock()
	h.queue.forget()
	waits, err := h.toReview(ctx)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(waits, func(r audit.Record) bool { return r.OperationID == f.operation })
	if at < 0 {
		return c.Redirect(http.StatusSeeOther, "/reviews") // somebody was faster: the list says what is left
	}
	if f.problem = h.reviewProblem(ctx, waits[at], f.comment); f.problem != "" {
		return h.showReviews(c, http.StatusUnprocessableEntity, f)
	}
	defer h.queue.forget() // also of a review that was written in part
	for _, r := range reviewedWith(waits[at], waits) {
		r.Sequence, r.Time, r.Duration, r.Upstream = 0, time.Time{}, 0, audit.Upstream{}
		r.Action, r.Outcome, r.Actor, r.Origin = audit.ActionOverrideReviewed, audit.OutcomeSucceeded, v.Actor,
			OriginFrom(ctx)
		r.Detail = operate.Detail{Comment: f.comment, Job: operate.ParseDetail(r.Detail).Job}.String()
		if _, err := h.log.Append(ctx, r); err != nil {
			return h.unreviewable(c, f, err)
		}
	}
	return c.Redirect(http.StatusSeeOther, "/reviews")
}

// unreviewable shows a review again that the log did not take.
func (h *Handlers) unreviewable(c echo.Context, f reviewForm, err error) error {
	var storage *audit.StorageError
	if !errors.As(err, &storage) {
		return err
	}
	h.logger.ErrorContext(c.Request().Context(), "review refused: the log does not take its record", "operation",
		f.operation, "error", err)
	f.problem = present.RefusedByLog(storage, &i18n.T(c.Request().Context()).Problem)
	return h.showReviews(c, http.StatusServiceUnavailable, f)
}

// reviewProblem says what is wrong with a review; "" when nothing is.
func (h *Handlers) reviewProblem(ctx context.Context, broken audit.Record, comment string) string {
	v, _ := ViewerFrom(ctx)
	t := i18n.T(ctx)
	switch n := len([]rune(comment)); {
	case broken.Actor.UserID == v.Actor.UserID:
		return t.Review.Own
	case strings.TrimSpace(comment) == "":
		return t.Review.Needed
	case n > operate.MaxReason:
		return t.Field.ReasonTooLong(n, operate.MaxReason)
	}
	return ""
}
