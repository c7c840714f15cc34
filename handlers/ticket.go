package handlers

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/templates"
)

// How often a ticket's page asks again, in seconds: while it runs, and while
// it waits for a decision.
const (
	refreshRunning = 5
	refreshWaiting = 10
)

// historyLength is how many records a ticket's page shows.
const historyLength = 20

// ticketParam reads the ticket's key from the address.
func ticketParam(c echo.Context) (coc.ExecuteUUID, error) {
	text, err := url.PathUnescape(c.Param("execute_uuid"))
	if err != nil {
		text = c.Param("execute_uuid")
	}
	id, err := coc.ParseExecuteUUID(text)
	if err != nil {
		return "", &Problem{Status: http.StatusBadRequest, Kind: ProblemBadUUID, Value: shortened(text), Err: err}
	}
	return id, nil
}

// shortened bounds a value that stood in the path.
func shortened(text string) string {
	if len(text) > 100 {
		text = text[:100] + "…"
	}
	return visible(bounded(text))
}

// Ticket shows one ticket with the instances of one batch.
func (h *Handlers) Ticket(c echo.Context) error {
	id, err := ticketParam(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	start := h.Now()
	now, err := h.Operations.Look(ctx, v.Caller, id)
	if err != nil {
		return h.lookFailed(c, audit.Record{Action: audit.ActionTicketViewed, Ticket: string(id), Duration: since(start, h.Now)}, err)
	}
	if err := h.see(c, now.Ticket); err != nil {
		return err
	}
	may := h.offers(ctx, v, now, nil)
	q, filter, err := instanceQuery(c, now)
	if err != nil {
		return err
	}
	page := templates.Ticket{
		Frame: h.Frame(c, i18n.T(ctx).Title.Ticket(ticketName(now.Ticket)), templates.SectionTickets),
		Head:  ticketHead(now.Ticket, h.Now()), Params: params(now.Ticket.Params),
		Total: now.Statistics.Total, Counts: counts(now.Statistics), Operations: choices(now, may),
		Batches: batches(now, q.Batch, may), Instances: filter, ReadAt: h.Now(),
		AllHistory: address("/audit", url.Values{"ticket": {string(id)}}), Story: storyAddress("ticket", string(id)),
	}
	page.Refresh = refreshAfter(now.Ticket.Status)
	if err := h.listInstances(ctx, &page.Instances, v, now, q, c, may); err != nil {
		return err
	}
	h.noteView(c, audit.Record{Action: audit.ActionTicketViewed, Ticket: string(id), Target: now.Ticket.ScriptName,
		Duration: since(start, h.Now), Detail: detail("batch", c.QueryParam("batch"), "status", string(q.Status))})
	if page.History, err = h.history(ctx, v, string(id)); err != nil {
		return err
	}
	return Render(c, http.StatusOK, page)
}

func ticketName(t coc.Ticket) string {
	return visible(cmp.Or(t.ScriptName, string(t.ExecuteUUID)))
}

func refreshAfter(s coc.TicketStatus) int {
	switch {
	case s.Terminal():
		return 0
	case s == coc.TicketAbnormal || s == coc.TicketPaused:
		return refreshWaiting
	}
	return refreshRunning
}

// lookFailed notes a ticket that could not be read, and hands the error on to
// the error page.
func (h *Handlers) lookFailed(c echo.Context, record audit.Record, err error) error {
	if upstream, ok := errors.AsType[*coc.Error](err); ok {
		record.Outcome, record.Upstream = audit.OutcomeFailed, upstreamOf(upstream)
		if upstream.Forbidden() {
			record.Outcome = audit.OutcomeDenied
		}
		h.noteView(c, record)
	}
	return err
}

// instanceQuery reads which instances the page lists: by default those of the
// batch that is being executed.
func instanceQuery(c echo.Context, now operate.Situation) (coc.InstanceQuery, templates.InstanceList, error) {
	q := coc.InstanceQuery{Limit: coc.MaxInstanceLimit, Status: coc.InstanceStatus(c.QueryParam("status"))}
	list := templates.InstanceList{Statuses: options(string(q.Status), coc.FilterableInstanceStatuses()...),
		Filtered: q.Status != "", FormAddress: ticketAddress(string(now.Ticket.ExecuteUUID))}
	if !offered(list.Statuses, string(q.Status)) {
		return q, list, &Problem{Status: http.StatusUnprocessableEntity, Kind: ProblemBadInput, Value: shortened(string(q.Status))}
	}
	if after := c.QueryParam("after"); after != "" {
		marker, err := coc.ParseID(after)
		if err != nil {
			return q, list, &Problem{Status: http.StatusUnprocessableEntity, Kind: ProblemBadInput, Value: shortened(after)}
		}
		q.Marker = marker
	}
	batch, err := chosenBatch(c.QueryParam("batch"), now)
	q.Batch, list.Batch = batch, batch
	return q, list, err
}

func chosenBatch(text string, now operate.Situation) (int32, error) {
	if text == "" {
		if _, ok := now.Batch(now.Ticket.CurrentBatch); ok {
			return now.Ticket.CurrentBatch, nil
		}
		if len(now.Batches) > 0 {
			return now.Batches[0].Index, nil
		}
		return 0, nil
	}
	n, err := coc.ParseID(text)
	if err != nil || n > coc.MaxBatchIndex {
		return 0, &operate.TargetError{Field: "batch_index"}
	}
	if _, ok := now.Batch(int32(n)); !ok {
		return 0, &operate.TargetError{Field: "batch_index"}
	}
	return int32(n), nil
}

// listInstances fills one page of a batch. That it fails is shown in its
// place: the rest of the ticket is worth seeing.
func (h *Handlers) listInstances(ctx context.Context, list *templates.InstanceList, v Viewer, now operate.Situation,
	q coc.InstanceQuery, c echo.Context, may *offers) error {
	if q.Batch == 0 {
		return nil
	}
	id := now.Ticket.ExecuteUUID
	found, err := h.COC.Instances(ctx, v.Caller, id, q)
	var upstream *coc.Error
	switch {
	case errors.As(err, &upstream) && !upstream.SignInAgain():
		_, list.Failure = failureOf(upstream, &i18n.T(ctx).Problem)
		return nil
	case err != nil:
		return err
	}
	list.Total = found.TotalInstances
	for _, i := range found.Instances {
		list.Rows = append(list.Rows, instance(string(id), q.Batch, i, now, h.Now(), may))
	}
	list.Pager.Newer = newerAddress(c)
	before := pagesBefore(c) * int(q.Limit)
	if n := len(found.Instances); n >= int(q.Limit) && int(found.TotalInstances) > before+n {
		list.Pager.Older = olderAddress(c, decimal(found.Instances[n-1].ID))
	}
	return nil
}

// history is what was done to the ticket through this console. Whoever can
// open the ticket may see it.
func (h *Handlers) history(ctx context.Context, v Viewer, id string) ([]templates.HistoryEntry, error) {
	found, err := h.Log.Search(ctx, audit.Query{Ticket: id, Action: "operation.", Limit: historyLength,
		Visible: audit.Visibility{All: v.Manager, UserID: v.Actor.UserID, Tickets: []string{id}}})
	if err != nil {
		return nil, err
	}
	out := make([]templates.HistoryEntry, len(found.Records))
	for i, r := range found.Records {
		out[i] = templates.HistoryEntry{
			Sequence: r.Sequence, Time: r.Time, Actor: visible(r.Actor.UserName), Action: string(r.Action),
			Outcome: string(r.Outcome), Operation: r.OperationType, Batch: r.BatchIndex, Reason: visible(r.Reason),
			Receipt: receiptAddress(r.OperationID),
		}
		if r.InstanceID != 0 {
			out[i].Target = visible(r.Target)
		}
	}
	return out, nil
}
