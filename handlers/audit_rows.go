package handlers

import (
	"context"
	"errors"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/auditview"
	"coc-console/templates"
)

// searchRows fills the page with the rows of a view, and returns the newest of them as a page of a search.
func (h *Handlers) searchRows(ctx context.Context, form *auditview.LogForm, q search.Query,
	page *templates.Audit, refresh bool) (found search.Page, err error) {
	wait := func() (err error) { page.Total, err = h.summary().TotalRows(ctx, q, form.View()); return err }
	if !refresh { // of a list that grows by itself only the number changes
		wait = h.summary().Rows(ctx, form.View(), q, page)
	}
	rows, err := h.index.Rows(ctx, q, form.View())
	if err := errors.Join(err, wait()); err != nil {
		return found, err
	}
	if len(rows.Rows) > 0 {
		found.Records = []audit.Record{{Sequence: rows.Rows[0].Sequence}}
	}
	if refresh {
		again, err := h.index.RowsAt(ctx, form.Shown(), q.Visible)
		if err != nil {
			return found, err
		}
		rows.Rows = append(rows.Rows, again...)
	}
	if page.Operations, err = form.Rows(ctx, rows, h.recordsOf); err != nil {
		return found, err
	}
	err = errors.Join(h.review.MarkDenied(ctx, page.Operations), form.Spelled(ctx, h.index.Complete, q, page))
	if err != nil {
		return found, err
	}
	if page.Behind = rows.Behind; rows.Newer > 0 {
		page.Pager.Newer = auditPage(form, "after", rows.Newer)
	}
	if rows.Next > 0 {
		page.Pager.Older = auditPage(form, "before", rows.Next)
	}
	page.Tail = tailOf(form, q, found)
	return found, nil
}

// recordsOf are the records of a row that the reader may see.
func (h *Handlers) recordsOf(ctx context.Context, row search.Row) ([]audit.Record, error) {
	v, _ := ViewerFrom(ctx)
	var all []audit.Record
	for _, n := range row.Records {
		r, err := h.log.Record(ctx, n)
		if errors.Is(err, audit.ErrNotFound) {
			continue // its contents were removed
		}
		if err != nil {
			return nil, err
		}
		switch err := h.mayRead(ctx, v, r); {
		case err == nil:
			all = append(all, v.sees().Show(r))
		case !errors.Is(err, errDenied):
			return nil, err
		}
	}
	return all, nil
}

// summary counts what stands beside a list.
func (h *Handlers) summary() auditview.Summary {
	return auditview.Summary{Log: h.log, Index: h.index, Now: h.now}
}
