package handlers

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/audit/export"
	"coc-console/internal/ansi"
	"coc-console/internal/bulk"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/internal/present"
	"coc-console/templates"
)

// refreshBulk is how often a running bulk operation's page asks again, in seconds.
const refreshBulk = 2

func bulkAddress(id string) string { return "/bulk/" + url.PathEscape(id) }

// BulkOperations lists the bulk operations of the reader's account: all of them for who may read
// the whole log, else their own.
func (h *Handlers) BulkOperations(c echo.Context) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	filter := bulk.Filter{AccountID: v.Actor.AccountID}
	if !v.Manager {
		filter.Requester = v.Actor.UserID
	}
	all, err := h.bulk.List(ctx, filter)
	if err != nil {
		return err
	}
	page := templates.Bulks{Frame: h.Frame(c, i18n.T(ctx).Bulk.Heading, templates.SectionBulk)}
	page.Refresh = refreshWaiting
	for _, j := range all {
		page.Rows = append(page.Rows, bulkRow(j))
	}
	return Render(c, http.StatusOK, page)
}

func bulkRow(j bulk.Operation) templates.BulkRow {
	if j.Doubtful {
		j.State = present.NotAuthentic
	}
	return templates.BulkRow{ID: j.ID, State: string(j.State), Type: string(j.Type),
		Who: ansi.VisibleLine(j.Actor.UserName), Reason: ansi.Visible(j.Reason),
		Address: bulkAddress(j.ID), Items: j.Size(), Started: j.Created, Ended: j.Ended}
}

// bulkOperation reads the one that the address names, if the reader may see it.
func (h *Handlers) bulkOperation(c echo.Context) (bulk.Operation, error) {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	id := c.Param("id")
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
	v, _ := ViewerFrom(ctx)
	page := templates.Bulk{Frame: h.Frame(c, i18n.T(ctx).Bulk.Name(string(j.Type), len(j.Items)), templates.SectionBulk),
		BulkRow: bulkRow(j), Note: doubtNote(j.Doubtful, j.Note), MayStop: j.State == bulk.Running && !j.Doubtful,
		MayContinue: j.State == bulk.Stopped && !j.Doubtful &&
			j.Actor.UserID == v.Actor.UserID, Result: bulkAddress(j.ID) + "/result.csv"}
	var failed []string
	open := false
	receipts, err := h.itemReceipts(ctx, j)
	if err != nil {
		return err
	}
	for _, i := range j.Items {
		item, again, done := bulkItem(ctx, i, receipts)
		page.Items = append(page.Items, item)
		if again {
			failed = append(failed, targetValue(bulk.Target{Ticket: i.Ticket, InstanceID: i.Operation.InstanceID,
				BatchHint: i.BatchHint}))
		}
		if done {
			page.Done++
		}
		open = open || !done
	}
	page.Stops = j.Stops
	present.BulkFigures(&page)
	if len(failed) > 0 && j.State != bulk.Running {
		page.Retry = newBulkAddress(j.Type, failed)
	}
	if open || j.State == bulk.Running { // it ends a moment after its last item
		page.Refresh = refreshBulk
	}
	return Render(c, http.StatusOK, page)
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

// bulkItem is one row: again says that it had no effect and can be tried again,
// done that nothing more will come of it.
func bulkItem(ctx context.Context, i bulk.Item, receipts map[string]operate.Receipt) (row templates.BulkItem, again,
	done bool) {
	row = templates.BulkItem{N: i.N, State: string(i.State), Target: ansi.VisibleLine(i.Target),
		Address: present.TicketAddress(string(i.Ticket)),
		Problem: itemNote(ctx, i.Problem), Operation: i.Key}
	if i.Operation.InstanceID != 0 {
		row.Address = present.InstanceAddress(string(i.Ticket), i.Operation.InstanceID, i.BatchHint)
	}
	present.BulkBefore(&row, i.Expected)
	if i.State != bulk.ItemSent {
		return row, i.State == bulk.ItemFailed, i.State == bulk.ItemFailed
	}
	r, known := receipts[i.Key]
	if !known { // a row says that it was sent, and the log has no request: there is no receipt to show
		return row, false, true
	}
	present.BulkSent(&row, r)
	last := r.Requested
	if r.Answer != nil {
		last = *r.Answer
	}
	if r.End != nil {
		last = *r.End
	}
	row.State, row.Receipt = string(last.Action), present.ReceiptAddress(i.Key)
	row.Problem = strings.TrimSpace(present.AnswerText(last.Upstream.Status, last.Upstream.Code, last.Upstream.Message))
	switch {
	case last.Action == audit.ActionOperationAccepted,
		last.Action == audit.ActionOperationObserved && !r.Unattributed():
		row.Problem = ""
	case r.Unattributed():
		row.Problem = i18n.T(ctx).Word.Note.Of(string(operate.ParseDetail(last.Detail).Note))
	}
	effect := last.Action == audit.ActionOperationObserved
	return row, !r.Open() && !effect, !r.Open()
}

// itemNote puts the first word of an item's problem into the reader's language.
func itemNote(ctx context.Context, problem string) string {
	note, rest, _ := strings.Cut(problem, ": ")
	t := i18n.T(ctx)
	if word, ok := t.Bulk.Note[note]; ok {
		if refusal, ok := t.Word.Refusal[rest]; ok {
			rest = refusal
		}
		return strings.TrimSuffix(word+": "+ansi.Visible(rest), ": ")
	}
	return ansi.Visible(problem)
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
	return c.Redirect(http.StatusSeeOther, bulkAddress(j.ID))
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
	rows := [][]string{{"item", "ticket", "instance_id", "batch_index", "target", "operation_type", "operation_id",
		"state", "problem"}}
	receipts, err := h.itemReceipts(ctx, j)
	if err != nil {
		return err
	}
	for _, i := range j.Items {
		item, _, _ := bulkItem(ctx, i, receipts)
		rows = append(rows, []string{present.Decimal(i.N), string(i.Ticket), present.Decimal(i.Operation.InstanceID), present.Decimal(i.BatchHint),
			export.SafeCell(item.Target),
			string(i.Operation.Type), i.Key, item.State, export.SafeCell(item.Problem)})
	}
	if err := w.WriteAll(rows); err != nil {
		return fmt.Errorf("write the items of bulk operation %s: %w", j.ID, err)
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="job-`+j.ID+`.csv"`)
	return c.Blob(http.StatusOK, "text/csv; charset=utf-8", []byte(b.String()))
}
