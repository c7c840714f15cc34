package handlers

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/templates"
)

// glassKept is how long the number of operations to review is good for: every
// page of a manager shows it.
const glassKept = 10 * time.Second

// maxReviews bounds how far back operations to review are looked for: a job
// alone can be 200 of them.
const maxReviews = 2000

// glass remembers the operations that wait for a review.
type glass struct {
	mu    sync.Mutex
	at    time.Time
	waits []audit.Record // glass.broken, newest first

	reviewing sync.Mutex // held while a review is written
}

// forget makes the next reading ask the log.
func (g *glass) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.at = time.Time{}
}

// broken are the operations with broken glass that nobody has reviewed, newest
// first.
func (h *Handlers) broken(ctx context.Context) ([]audit.Record, error) {
	h.glass.mu.Lock()
	defer h.glass.mu.Unlock()
	if age := h.Now().Sub(h.glass.at); age >= 0 && age < glassKept {
		return h.glass.waits, nil
	}
	waits, err := h.unreviewed(ctx)
	if err != nil {
		return nil, err
	}
	h.glass.waits, h.glass.at = waits, h.Now()
	return waits, nil
}

// unreviewed walks through the newest maxReviews records about broken glass: a
// review comes after what it is of, so that it is met first.
func (h *Handlers) unreviewed(ctx context.Context) ([]audit.Record, error) {
	waits, reviewed := []audit.Record{}, map[string]bool{}
	query := audit.Query{Action: "glass.", Limit: audit.MaxLimit, Visible: audit.Visibility{All: true}}
	for seen := 0; seen < maxReviews; seen += query.Limit {
		found, err := h.Log.Search(ctx, query)
		if err != nil {
			return nil, err
		}
		for _, r := range found.Records {
			if r.Action == audit.ActionGlassReviewed {
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
	all, err := h.Log.Operation(ctx, operation)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Action == audit.ActionGlassReviewed {
			return &all[i], nil
		}
	}
	return nil, nil //nolint:nilnil // most have none
}

// glassWaits is the number for the notice; 0 when the log cannot tell.
func (h *Handlers) glassWaits(ctx context.Context, v Viewer) int {
	if !v.Manager {
		return 0
	}
	waits, err := h.broken(ctx)
	if err != nil {
		h.Logger.WarnContext(ctx, "the operations to review could not be counted", "error", err)
	}
	return len(waits)
}

// Reviews lists the operations with broken glass that nobody has reviewed.
func (h *Handlers) Reviews(c echo.Context) error {
	if err := h.reviews(c); err != nil {
		return err
	}
	return h.showReviews(c, http.StatusOK, reviewForm{})
}

func (h *Handlers) reviews(c echo.Context) error {
	if v, _ := ViewerFrom(c.Request().Context()); !v.Manager {
		return h.denied(c, errDenied)
	}
	return nil
}

// reviewForm is one form as it came, with what is wrong with it.
type reviewForm struct{ operation, comment, problem string }

func (h *Handlers) showReviews(c echo.Context, status int, f reviewForm) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	waits, err := h.broken(ctx)
	if err != nil {
		return err
	}
	page := templates.Reviews{Frame: h.Frame(c, i18n.T(ctx).Review.Heading, templates.SectionApprovals), MaxComment: operate.MaxReason}
	for _, r := range oneOfEach(waits) {
		row := templates.ReviewRow{ID: r.OperationID, Operation: r.OperationType, Target: targetTitle(r), BatchIndex: r.BatchIndex,
			Who: visible(r.Actor.AccountName + "/" + r.Actor.UserName), Reason: visible(r.Reason), At: r.Time,
			Stops: operate.ParseDetail(r.Detail).Stops, Receipt: receiptAddress(r.OperationID), Record: recordAddress(r.Sequence),
			Own: r.Actor.UserID == v.Actor.UserID}
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

// tellOutcome says what came of an operation, or that it stands for a job's.
func (h *Handlers) tellOutcome(ctx context.Context, row *templates.ReviewRow, r audit.Record, waits []audit.Record) error {
	if id := operate.ParseDetail(r.Detail).Job; id != "" {
		row.Job, row.Operations = jobAddress(id), len(reviewedWith(r, waits))
		return nil
	}
	var err error
	if row.Outcome, err = h.outcome(ctx, r.OperationID); row.Outcome == "" {
		row.Receipt = ""
	}
	return err
}

// oneOfEach takes one of the operations of every job: a job is reviewed as a
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
// its job that wait.
func reviewedWith(r audit.Record, waits []audit.Record) []audit.Record {
	id := operate.ParseDetail(r.Detail).Job
	if id == "" {
		return []audit.Record{r}
	}
	return slices.DeleteFunc(slices.Clone(waits), func(w audit.Record) bool { return operate.ParseDetail(w.Detail).Job != id })
}

// outcome is the newest step of an operation; "" when it was never sent.
func (h *Handlers) outcome(ctx context.Context, operation string) (string, error) {
	r, err := h.Operations.Receipt(ctx, operation)
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

// Review notes that a manager has looked at an operation with broken glass, or
// at a job: then every operation of it that waits gets the record.
func (h *Handlers) Review(c echo.Context) error {
	if err := h.reviews(c); err != nil {
		return err
	}
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	f := reviewForm{operation: bounded(c.FormValue("operation")), comment: reason(c.FormValue("comment"))}
	// What is remembered may have been reviewed meanwhile, also by way of another console.
	h.glass.reviewing.Lock()
	defer h.glass.reviewing.Unlock()
	h.glass.forget()
	waits, err := h.broken(ctx)
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
	defer h.glass.forget() // also of a review that was written in part
	for _, r := range reviewedWith(waits[at], waits) {
		r.Sequence, r.Time, r.Duration, r.Upstream = 0, time.Time{}, 0, audit.Upstream{}
		r.Action, r.Outcome, r.Actor, r.Origin = audit.ActionGlassReviewed, audit.OutcomeSucceeded, v.Actor, OriginFrom(ctx)
		r.Detail = operate.Detail{Comment: f.comment, Job: operate.ParseDetail(r.Detail).Job}.String()
		if _, err := h.Log.Append(ctx, r); err != nil {
			return err
		}
	}
	return c.Redirect(http.StatusSeeOther, "/reviews")
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
