package handlers

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/ansi"
	"coc-console/internal/bulk"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/internal/present"
	"coc-console/templates"
)

// bulkOperations lists the bulk operations of the reader's account: all of them for who may read
// the whole log, else their own.
func (h *Handlers) bulkOperations(ctx context.Context) (page templates.Bulks, err error) {
	v, _ := ViewerFrom(ctx)
	filter := bulk.Filter{AccountID: v.Actor.AccountID}
	if !v.Manager {
		filter.Requester = v.Actor.UserID
	}
	all, err := h.bulk.List(ctx, filter)
	for _, j := range all {
		page.Rows = append(page.Rows, present.BulkRow(j))
	}
	return page, err
}

// BulkOperations shows them.
func (h *Handlers) BulkOperations(c echo.Context) error {
	ctx := c.Request().Context()
	page, err := h.bulkOperations(ctx)
	if err != nil {
		return err
	}
	page.Frame = h.Frame(c, i18n.T(ctx).Bulk.Heading, templates.SectionBulk)
	if page.Stream, err = h.followed(c, page.Parts()); err != nil {
		return err
	}
	page.Refresh = refreshWaiting
	return Render(c, http.StatusOK, page)
}

// BulkOperationsEvents is the stream of what changes among them.
func (h *Handlers) BulkOperationsEvents(c echo.Context) error {
	return h.follow(c, func() (templates.Parts, bool, error) {
		page, err := h.bulkOperations(c.Request().Context())
		return page.Parts(), false, err
	})
}

// bulkOperation reads the one that the address names, if the reader may see it.
func (h *Handlers) bulkOperation(c echo.Context) (bulk.Operation, error) {
	return h.bulkOperationOf(c, c.Param("id"))
}

// bulkOperationOf is bulkOperation by its id.
func (h *Handlers) bulkOperationOf(c echo.Context, id string) (bulk.Operation, error) {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	if !ansi.Shows(id) {
		return bulk.Operation{}, notFound()
	}
	j, err := h.bulk.Get(ctx, id)
	switch {
	case errors.Is(err, audit.ErrNotFound):
		return j, notFound()
	case err != nil:
		return j, fmt.Errorf("read bulk operation %s: %w", id, err)
	case j.Actor.UserID != v.Actor.UserID && (!v.Manager || j.Actor.AccountID != v.Actor.AccountID):
		return j, notFound()
	}
	return j, nil
}

// BulkOperation shows one bulk operation with what came of every item.
func (h *Handlers) BulkOperation(c echo.Context) error {
	j, err := h.bulkOperation(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	page, over, err := h.bulkItems(ctx, j)
	if err != nil {
		return err
	}
	page.Frame = h.Frame(c, i18n.T(ctx).Bulk.Name(string(j.Type), len(j.Items)), templates.SectionBulk)
	if !over {
		if page.Stream, err = h.followed(c, page.Parts()); err != nil {
			return err
		}
		page.Refresh = refreshFollow
	}
	return Render(c, http.StatusOK, page)
}

// BulkOperationEvents is the stream of what changes on one's page.
func (h *Handlers) BulkOperationEvents(c echo.Context) error {
	return h.follow(c, func() (templates.Parts, bool, error) {
		j, err := h.bulkOperation(c)
		if err != nil {
			return nil, false, err
		}
		page, over, err := h.bulkItems(c.Request().Context(), j)
		return page.Parts(), over, err
	})
}

// bulkItems is a bulk operation as its page shows it; over says that nothing more will come of it.
func (h *Handlers) bulkItems(ctx context.Context, j bulk.Operation) (page templates.Bulk, over bool, err error) {
	v, _ := ViewerFrom(ctx)
	page = templates.Bulk{BulkRow: present.BulkRow(j), Note: present.DoubtNote(j.Doubtful, j.Note), MayStop: j.State == bulk.Running && !j.Doubtful,
		MayContinue: j.State == bulk.Stopped && !j.Doubtful &&
			j.Actor.UserID == v.Actor.UserID, Result: present.BulkAddress(j.ID) + "/result.csv", Timeline: present.TimelineAddress("bulk", j.ID)}
	var failed []string
	open := false
	receipts, err := h.itemReceipts(ctx, j)
	if err != nil {
		return page, false, err
	}
	for _, i := range j.Items {
		item, again, done := present.BulkItem(ctx, i, receipts)
		page.Items = append(page.Items, item)
		if again {
			failed = append(failed, bulk.Target{Ticket: i.Ticket, InstanceID: i.Operation.InstanceID,
				BatchHint: i.BatchHint}.String())
		}
		if done {
			page.Done++
		}
		open = open || !done
	}
	page.Stops = j.Stops
	present.BulkFigures(&page)
	if len(failed) > 0 && j.State != bulk.Running {
		page.Retry = present.NewBulkAddress(j.Type, failed)
	}
	return page, !open && j.State != bulk.Running, nil // it ends a moment after its last item
}

// itemReceipts reads the receipts of what was sent, all at once.
func (h *Handlers) itemReceipts(ctx context.Context, j bulk.Operation) (map[string]operate.Receipt, error) {
	var sent []string
	for _, i := range j.Items {
		if i.State == bulk.ItemSent {
			sent = append(sent, i.Key)
		}
	}
	return h.operations.Receipts(ctx, sent)
}

// ChangeBulk stops a bulk operation, or goes on with it.
func (h *Handlers) ChangeBulk(c echo.Context) error {
	j, err := h.bulkOperation(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	switch c.FormValue("do") {
	case "stop":
		err = h.bulk.Stop(ctx, j.ID, v.Actor, OriginFrom(ctx))
	case "continue":
		err = h.bulk.Continue(ctx, j.ID, v.SessionKey, v.Actor, OriginFrom(ctx))
	default:
		return &Problem{Status: http.StatusUnprocessableEntity, Kind: ProblemBadInput,
			Value: shortened(c.FormValue("do"))}
	}
	switch {
	case errors.Is(err, operate.ErrNotAuthentic): // the page says so
	case errors.Is(err, bulk.ErrNotYours):
		h.noteDenied(ctx, refusedNotOwn, audit.Record{Action: audit.ActionAccessDenied,
			Detail: detail("job", j.ID, "do", c.FormValue("do"))})
		return &Problem{Status: http.StatusForbidden, Kind: ProblemDenied, Err: err}
	case err != nil && !errors.Is(err, bulk.ErrState): // it is what was wanted, or has ended: the page says so
		return err
	}
	return c.Redirect(http.StatusSeeOther, present.BulkAddress(j.ID))
}

// BulkResult sends what came of a bulk operation's items as CSV.
func (h *Handlers) BulkResult(c echo.Context) error {
	j, err := h.bulkOperation(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	var b strings.Builder
	b.WriteString("\uFEFF") // so that spreadsheets read UTF-8
	w := csv.NewWriter(&b)
	receipts, err := h.itemReceipts(ctx, j)
	if err != nil {
		return err
	}
	if err := w.WriteAll(present.BulkTable(ctx, j, receipts)); err != nil {
		return fmt.Errorf("write the items of bulk operation %s: %w", j.ID, err)
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="job-`+j.ID+`.csv"`)
	return c.Blob(http.StatusOK, "text/csv; charset=utf-8", []byte(b.String()))
}
