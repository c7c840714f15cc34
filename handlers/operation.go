package handlers

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/approval"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/internal/present"
	"coc-console/internal/store"
	"coc-console/templates"
)

// operationForm is the form that applies an operation, as it came.
type operationForm struct {
	ticket                         coc.ExecuteUUID
	operationType, batch, instance string
	hint                           string // the batch in which the instance was seen
	reason, seen, key              string
	despite                        string        // the newest operation of those that the reader has seen to be pending
	count                          string        // of the instances that stop, as typed
	from                           string        // the list that the reader came from
	override, ask                  bool          // use the emergency override; ask for approval instead of sending
	operation                      coc.Operation // zero when the fields are wrong
}

// readOperation reads the form from the address or from the body, and checks
// its fields; the error is *coc.FieldError.
func readOperation(c echo.Context, ticket coc.ExecuteUUID) (operationForm, error) {
	value := func(name string) string { return bounded(c.FormValue(name)) }
	f := operationForm{
		ticket: ticket, operationType: value("operation_type"), batch: value("batch_index"),
		instance: value("instance_id"), hint: value("batch"),
		reason: reason(c.FormValue("reason")), seen: value("seen"), key: value("key"), count: value("count"),
		override: value("override") != "" || value("glass") != "", ask: value("ask") != "",
		despite: value("despite"), from: fromParam(c),
	}
	op, err := coc.ParseOperation(f.operationType, f.batch, f.instance)
	f.operation = op
	return f, err
}

// reason is what was typed, in the form in which it is counted and kept. It is
// not cut: one that is too long comes back whole.
func reason(typed string) string {
	// PostgreSQL takes no NUL
	return strings.NewReplacer("\r\n", "\n", "\x00",
		"\uFFFD").Replace(strings.TrimSpace(strings.ToValidUTF8(typed, "\uFFFD")))
}

// NewOperation shows what an operation would hit, and asks to confirm it.
func (h *Handlers) NewOperation(c echo.Context) error {
	ticket, err := ticketParam(c)
	if err != nil {
		return err
	}
	f, err := readOperation(c, ticket)
	f.seen, f.key, f.despite = "", "", "" // only what this page itself made counts
	v, _ := ViewerFrom(c.Request().Context())
	h.watch.Expect(watchKey(v, ticket))
	return h.showOperation(c, f, err)
}

// showsAfter is when those who look at a ticket are shown an effect: hardly later than COC does it, and
// so that reading and rendering hold up no other operation of the same moment.
const showsAfter = 150 * time.Millisecond

// Operate applies an operation and goes to its receipt. Whatever stops it
// before it is sent comes back to the form, with what was typed.
func (h *Handlers) Operate(c echo.Context) error {
	ticket, err := ticketParam(c)
	if err != nil {
		return err
	}
	f, err := readOperation(c, ticket)
	if err != nil {
		return h.showOperation(c, f, err)
	}
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	f.key = h.ownKey(v, f.key)
	if f.ask {
		id, err := h.approvals.Ask(ctx, f.request(ctx, v))
		if err != nil {
			return h.showOperation(c, f, err)
		}
		return c.Redirect(http.StatusSeeOther, present.ApprovalAddress(id))
	}
	id, err := h.operations.Apply(ctx, f.request(ctx, v))
	if err != nil {
		return h.showOperation(c, f, err)
	}
	key := watchKey(v, ticket)
	time.AfterFunc(showsAfter, func() { h.watch.Nudge(key) })
	h.onTicket(ctx, ticket, present.ActOf(f.operation, "")).leave()
	return c.Redirect(http.StatusSeeOther, present.From(present.ReceiptAddress(id), f.from))
}

// request is the form as package operate takes it.
func (f operationForm) request(ctx context.Context, v Viewer) operate.Request {
	return operate.Request{
		SessionKey: v.SessionKey, Caller: v.Caller, Actor: v.Actor, Origin: OriginFrom(ctx),
		Ticket: f.ticket, Operation: f.operation, BatchHint: batchHint(f.hint), Reason: f.reason, Expected: f.seen,
		Key:   f.key,
		Count: f.count, Override: f.override, Beside: f.despite,
	}
}

// showOperation renders the confirmation page with a fresh reading of the ticket, or the one that the operation was
// stopped with. why is what stopped the form before anything was sent; nil for a page that was opened to confirm.
func (h *Handlers) showOperation(c echo.Context, f operationForm, why error) error {
	ctx := c.Request().Context()
	page := h.operationPage(c, f)
	status, err := h.explain(ctx, &page, f, why)
	if err != nil {
		return err
	}
	if _, ok := errors.AsType[*coc.FieldError](why); ok {
		return Render(c, status, page) // there is nothing to read for it
	}
	now, err := h.reading(c, f, why)
	if err != nil {
		return h.unread(c, page, status, why, err)
	}
	present.Confirm(&page, f.operation, now)
	if page.Key == "" || page.Problem != nil {
		page.Key = h.newKey(ctx)
	}
	pending, stopped := errors.AsType[*operate.PendingError](why)
	if seen, err := operate.ParseSnapshot(f.seen); err == nil && stopped {
		page.Changes = present.Changes(seen.Changes(now.Snapshot(), f.operation.Type))
	}
	if err := h.fillPending(ctx, &page, f, pending); err != nil {
		return err
	}
	h.fillNext(ctx, &page, f, now)
	h.fillRules(ctx, &page, f, now)
	page.Presence = h.onTicket(ctx, f.ticket, present.ActOf(f.operation, present.HostOf(now.Instance))).visit()
	page.OwnOnly = true
	stream := present.PresenceAddress(string(f.ticket), f.operation, batchHint(f.hint))
	page.Address = present.WithHere(stream, page.Presence)
	return Render(c, status, page)
}

// fillPending names the operations on the same target that are pending: those that have stopped the form, or those of
// now. Beside them stand the others on the ticket, the requests for approval, and what was done to it last.
func (h *Handlers) fillPending(ctx context.Context, page *templates.NewOperation, f operationForm,
	why *operate.PendingError) error {
	if page.Refusal != "" {
		return nil // nothing can be sent anyway
	}
	if why == nil {
		pending, err := h.operations.Pending(ctx, f.ticket, f.operation, f.key)
		if err != nil {
			return err
		}
		why = &operate.PendingError{Pending: pending}
	}
	page.Pending = present.PendingOperations(why.Pending)
	page.Despite = len(page.Pending) > 0 && f.despite == page.Pending[0].ID
	v, _ := ViewerFrom(ctx)
	history, err := h.history(ctx, string(f.ticket))
	if err != nil {
		return err
	}
	present.LastActivity(page, history)
	requests, err := h.approvals.List(ctx, approval.Filter{Open: true, AccountID: v.Actor.AccountID, Ticket: f.ticket})
	page.Requests = present.PendingRequests(requests, f.operation, v.Actor)
	return err
}

// fillNext names what starts next when the operation takes effect. Rows that
// cannot be read leave the batch without its hosts.
func (h *Handlers) fillNext(ctx context.Context, page *templates.NewOperation, f operationForm, now operate.Reading) {
	if page.Next == 0 {
		return
	}
	v, _ := ViewerFrom(ctx)
	rows, err := h.coc.AllInstances(ctx, v.Caller, f.ticket, page.Next)
	if err != nil {
		h.logger.WarnContext(ctx, "next batch not read", "ticket", f.ticket, "batch", page.Next, "error", err)
		page.NextUnread = true
	}
	present.NextHosts(page, now, rows)
}

// reading is what the form was stopped with, or a fresh one; of a ticket that the reader may see.
func (h *Handlers) reading(c echo.Context, f operationForm, why error) (operate.Reading, error) {
	var refused *operate.RefusedError
	var stale *operate.StaleError
	var ruled *operate.PolicyError
	switch {
	case errors.As(why, &ruled):
		return ruled.Now, h.authorizeView(c, ruled.Now.Ticket)
	case errors.As(why, &refused):
		return refused.Now, h.authorizeView(c, refused.Now.Ticket)
	case errors.As(why, &stale):
		return stale.Now, h.authorizeView(c, stale.Now.Ticket)
	}
	return h.read(c, f.ticket, f.operation, batchHint(f.hint))
}

func (h *Handlers) operationPage(c echo.Context, f operationForm) templates.NewOperation {
	t := i18n.T(c.Request().Context())
	return templates.NewOperation{
		Frame: h.Frame(c, t.Title.Operation(f.operationType, ""), templates.SectionTickets), Errors: templates.FieldErrors{},
		Ticket:        templates.TicketHead{ID: string(f.ticket)},
		TicketAddress: present.From(present.TicketAddress(string(f.ticket)), f.from), From: f.from, Action: present.OperationsAddress(string(f.ticket)),
		Type: f.operationType, Types: present.OperationTypes(), BatchIndex: f.batch, InstanceID: f.instance, BatchHint: f.hint,
		Seen: f.seen, Key: f.key, Reason: f.reason, MaxReason: operate.MaxReason, ReadAt: h.now(),
		Rules: templates.OperationRules{Count: f.count, Override: f.override},
	}
}

// explain puts into the page why nothing was sent, and returns the status that
// says so. Errors that belong on an error page are handed on.
func (h *Handlers) explain(ctx context.Context, page *templates.NewOperation, f operationForm, why error) (int, error) {
	t := i18n.T(ctx)
	var (
		refused *operate.RefusedError
		stale   *operate.StaleError
		ruled   *operate.PolicyError
		storage *audit.StorageError
		call    *coc.Error
	)
	switch {
	case why == nil:
		return http.StatusOK, nil
	case present.ExplainFields(page, t, why):
		return http.StatusUnprocessableEntity, nil
	case errors.As(why, &refused):
		return http.StatusConflict, nil // the page shows the refusal by itself
	case errors.As(why, &stale):
		page.Changes = present.Changes(stale.Changes)
		return http.StatusConflict, nil
	case errors.As(why, &ruled):
		return present.ExplainRules(ctx, page, ruled, f.ask), nil
	case errors.Is(why, approval.ErrNotOffered):
		return http.StatusConflict, nil // the page offers to send it
	case errors.Is(why, operate.ErrBadKey), errors.Is(why, operate.ErrBadSnapshot):
		h.noteKey(ctx, why, audit.Record{Ticket: string(f.ticket)})
		page.Problem = present.Failure(t.Problem.BadForm, "", "")
		return http.StatusUnprocessableEntity, nil
	case explainTaken(page, t, why):
		return http.StatusConflict, nil
	case errors.Is(why, operate.ErrKeySpent):
		h.noteKey(ctx, why, audit.Record{Ticket: string(f.ticket)})
		page.Problem, page.Key = present.Failure(t.Problem.KeySpent, "", ""), ""
		return http.StatusConflict, nil
	case errors.As(why, &storage):
		page.Problem = present.Failure(present.StorageMessage(storage, &t.Problem), "", "")
		h.logger.ErrorContext(ctx, "operation refused: the log does not take its record", "ticket", f.ticket, "error", why)
		return http.StatusServiceUnavailable, nil
	case errors.Is(why, operate.ErrUnwritten):
		page.Problem = present.Failure(t.Problem.LogUnwritten, "", "")
		return http.StatusServiceUnavailable, nil
	case errors.As(why, &call) && !call.SignInAgain() && !call.NotFound():
		var status int
		status, page.Problem = present.FailureOf(call, &t.Problem)
		return status, nil
	case errors.Is(why, audit.ErrBusy), errors.Is(why, audit.ErrClosed):
		page.Problem = present.Failure(t.Problem.Unavailable, "", "")
		return http.StatusServiceUnavailable, nil
	}
	return 0, why
}

// explainTaken says that the form's key belongs to another path; the page gets a new one.
func explainTaken(page *templates.NewOperation, t *i18n.Texts, why error) bool {
	taken, ok := errors.AsType[*operate.KeyTakenError](why)
	if !ok {
		return false
	}
	m := t.Problem.KeyElsewhere
	if taken.Path == store.PathApproval {
		m = t.Problem.KeyApproval
	}
	page.Problem, page.Key = present.Failure(m, "", ""), ""
	return true
}

// unread renders the page although the ticket cannot be read now: what was
// typed stays, and the form can be sent again as it is.
func (h *Handlers) unread(c echo.Context, page templates.NewOperation, status int, why, err error) error {
	ctx := c.Request().Context()
	t := i18n.T(ctx)
	var target *operate.TargetError
	var call *coc.Error
	switch {
	case errors.As(err, &target):
		page.Errors[target.Field] = present.TargetMessage(target, t.Field)
		return Render(c, http.StatusUnprocessableEntity, page)
	case errors.As(err, &call) && !call.SignInAgain() && !call.NotFound():
		// Whether the ticket may be seen is not known: nothing of it is told.
		for _, name := range []string{"despite", "instance_id", "batch_index"} {
			delete(page.Errors, name)
		}
		page.Changes = nil
		if page.Problem == nil {
			status, page.Problem = present.FailureOf(call, &t.Problem)
		}
		h.logger.WarnContext(ctx, "ticket not read to confirm an operation", "ticket", page.Ticket.ID, "error", err,
			"stopped", why)
		return Render(c, status, page)
	}
	return err
}
