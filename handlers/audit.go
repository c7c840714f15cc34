package handlers

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/audit/query"
	"coc-console/audit/search"
	"coc-console/internal/auditview"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/present"
	"coc-console/internal/store"
	"coc-console/templates"
)

// recordsPerPage is the length of a page of the log.
const recordsPerPage = 50

// Audit shows the log, newest first.
func (h *Handlers) Audit(c echo.Context) error {
	form := h.logForm(c)
	if to, ok := form.Merged(); ok {
		return c.Redirect(http.StatusSeeOther, to)
	}
	if to, ok := form.RangeAddress(h.now()); ok {
		return c.Redirect(http.StatusSeeOther, to)
	}
	page, err := h.newAudit(c)
	if err != nil {
		return err
	}
	q, times := form.Read(&page)
	page.View, page.Tabs = string(form.View()), auditview.Tabs(form.View(), q)
	if len(page.Errors) > 0 {
		return Render(c, http.StatusUnprocessableEntity, page)
	}
	if times.Local {
		return c.Redirect(http.StatusSeeOther, times.ExactAddress(c.Request().URL.Path, c.QueryParams()))
	}
	if err := h.searchLog(c, form, q, &page); err != nil {
		return err
	}
	return Render(c, http.StatusOK, page)
}

func (h *Handlers) newAudit(c echo.Context) (templates.Audit, error) {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	saved, err := h.savedOn(ctx, store.SavedAudit, auditview.SearchAddress)
	for i := range saved {
		saved[i] = auditview.OfSaved(saved[i])
	}
	return templates.Audit{Frame: h.Frame(c, i18n.T(ctx).Title.Audit, templates.SectionAudit), Errors: templates.FieldErrors{},
		All: v.Manager, Integrity: h.verified(v), Saved: saved}, err
}

// searchLog fills the page with what is found, and writes that it was read.
func (h *Handlers) searchLog(c echo.Context, form *auditview.LogForm, q search.Query, page *templates.Audit) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	var err error
	if q.Visible, err = h.visibility(ctx, v, q); err != nil {
		return err
	}
	q.Limit = recordsPerPage
	page.View, page.Tabs = string(form.View()), auditview.Tabs(form.View(), q)
	page.Ranges = form.Ranges(q, h.now())
	page.Today = h.now().In(i18n.ZoneFrom(ctx)).Format(time.DateOnly)
	if !v.Manager || h.mayExport(v).Allowed {
		page.Export = auditview.ExportAddress(q)
	}
	start := h.now()
	if !h.hasNewest(ctx) {
		page.Notices = append(page.Notices,
			templates.Notice{Kind: templates.NoticeWarning, Text: i18n.T(ctx).Notice.LogNewest})
	}
	limited, stop := context.WithTimeout(ctx, searchLimit)
	defer stop()
	if form.View() != search.PresetEverything {
		newest, err := h.searchRows(limited, form, q, page, IsRefresh(c))
		if err != nil && limited.Err() != nil && ctx.Err() == nil {
			return &Problem{Status: http.StatusServiceUnavailable, Kind: ProblemUnavailable, Err: err}
		}
		if err != nil {
			return err
		}
		h.noteSearch(c, form, q, newest, audit.Record{Action: audit.ActionAuditViewed, Ticket: q.Ticket,
			Duration: since(start, h.now), Detail: detail(form.Pairs()...)})
		return nil
	}
	summary := func() (err error) { page.Total, err = h.summary().Total(limited, q); return err }
	if !IsRefresh(c) { // of a list that grows by itself only the number changes
		summary = h.summary().Records(limited, q, page)
	}
	found, err := h.index.Search(limited, q)
	err = errors.Join(err, summary())
	if err == nil {
		err = h.showRecords(limited, form, q, found.Records, page, IsRefresh(c))
	}
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return &Problem{Status: http.StatusServiceUnavailable, Kind: ProblemUnavailable, Err: err}
	}
	if err != nil {
		return err
	}
	if found.Newer > 0 {
		page.Pager.Newer = auditPage(form, "after", found.Newer)
	}
	if found.Next > 0 {
		page.Pager.Older = auditPage(form, "before", found.Next)
	}
	page.Tail = tailOf(form, q, found)
	h.noteSearch(c, form, q, found, audit.Record{Action: audit.ActionAuditViewed, Ticket: q.Ticket, Duration: since(start, h.now),
		Detail: detail(form.Pairs()...)})
	return nil
}

// showRecords puts records into the page, and with a refresh those that it asks for again.
func (h *Handlers) showRecords(ctx context.Context, form *auditview.LogForm, q search.Query, records []audit.Record,
	page *templates.Audit, refresh bool) (err error) {
	if page.Rows, err = h.recordRows(ctx, records); err != nil || !refresh {
		return errors.Join(err, form.Spelled(ctx, h.index.Complete, q, page))
	}
	again, err := form.ShownRecords(ctx, h.log, q.Visible)
	if err != nil {
		return err
	}
	rows, err := h.recordRows(ctx, again)
	page.Rows = append(page.Rows, rows...)
	return err
}

// searchLimit is how long a search may take: it shares the database with operations.
const searchLimit = 5 * time.Second

// newestPatience bounds how long a page of the log waits for what was noted before it was asked for.
const newestPatience = 500 * time.Millisecond

// hasNewest waits for the newest records, and reports whether they came in time.
func (h *Handlers) hasNewest(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, newestPatience)
	defer cancel()
	return h.log.AwaitNotes(ctx) == nil
}

// tailOf is where records that come later are asked for: only the newest page of a search without an end grows.
func tailOf(form *auditview.LogForm, q search.Query, found search.Page) string {
	if q.Before != 0 || q.After != 0 || !q.To.IsZero() {
		return ""
	}
	newest := int64(0)
	if len(found.Records) > 0 {
		newest = found.Records[0].Sequence
	}
	return auditPage(form, "after", max(newest, 1))
}

// logForm is the search of the log that a request's address gives.
func (h *base) logForm(c echo.Context) *auditview.LogForm {
	return auditview.NewLogForm(c.Request().Context(), c.QueryParams(), h.night)
}

func auditPage(form *auditview.LogForm, name string, sequence int64) string {
	q := form.Filters()
	q.Set(name, present.Decimal(sequence))
	return present.Address("/audit", q)
}

// visibility is what the reader may see of the log. Somebody who is no manager
// and asks for one ticket sees what was done to it, if COC lets them open it.
func (h *Handlers) visibility(ctx context.Context, v Viewer, q search.Query) (search.Visibility, error) {
	visible := search.Visibility{All: v.Manager, UserID: v.Actor.UserID}
	id, err := coc.ParseExecuteUUID(q.Ticket)
	if v.Manager || err != nil || q.AsksForAddresses() {
		return visible, nil //nolint:nilerr // what names no ticket opens none
	}
	switch err := h.mayOpen(ctx, v, id); {
	case err == nil:
		visible.Tickets = []string{q.Ticket}
	case !errors.Is(err, errDenied):
		return visible, err
	}
	return visible, nil
}

// recordRows are the rows of the list. Of an operation's request they also say what came of it.
func (h *Handlers) recordRows(ctx context.Context, records []audit.Record) ([]templates.RecordRow, error) {
	rows := make([]templates.RecordRow, len(records))
	last := map[string]audit.Action{} // by operation: its last record's action
	var asked []string                // operations of which the list has the request alone
	for i, r := range records {
		rows[i] = auditview.RecordRow(r)
		if r.OperationID == "" {
			continue
		}
		if last[r.OperationID] == "" { // newest first
			last[r.OperationID] = r.Action
		}
		if last[r.OperationID] == audit.ActionOperationRequested {
			asked = append(asked, r.OperationID)
		}
	}
	found, err := h.index.LastActions(ctx, asked)
	if err != nil {
		return nil, err
	}
	maps.Copy(last, found)
	signed, err := h.review.SignedOf(ctx, slices.Collect(maps.Keys(last)))
	if err != nil {
		return nil, err
	}
	for i, r := range records {
		_, rows[i].Reviewed = signed[r.OperationID]
		if r.Action != audit.ActionOperationRequested {
			continue
		}
		end := last[r.OperationID]
		outcome := query.OutcomeOf(&audit.Record{Action: end, Outcome: audit.OutcomeUnknown})
		rows[i].Open = outcome == query.Unknown || query.General(outcome) == audit.OutcomePending
		if end != r.Action {
			rows[i].End, rows[i].Outcome = string(end), string(outcome)
		}
	}
	return rows, nil
}
