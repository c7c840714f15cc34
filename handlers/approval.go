package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/ansi"
	"coc-console/internal/approval"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/live"
	"coc-console/internal/operate"
	"coc-console/internal/present"
	"coc-console/templates"
)

// readsApproval is how long what was read of a ticket is good enough for the stream of a request's page.
const readsApproval = 2 * time.Second

// decidedShown is how many decided requests the list shows.
const decidedShown = 50

// Approvals lists the requests of the reader's account: what waits, what is their own, and what was decided.
func (h *Handlers) Approvals(c echo.Context) error {
	page, err := h.allApprovals(c)
	if err != nil {
		return err
	}
	page.Frame = h.Frame(c, i18n.T(c.Request().Context()).Approval.Heading, templates.SectionApprovals)
	if page.Stream, err = h.followed(c, page.Parts()); err != nil {
		return err
	}
	page.Refresh = refreshFollow
	return Render(c, http.StatusOK, page)
}

// ApprovalsEvents is the stream of what changes in that list.
func (h *Handlers) ApprovalsEvents(c echo.Context) error {
	return h.follow(c, func() (templates.Parts, bool, error) {
		page, err := h.allApprovals(c)
		return page.Parts(), false, err
	})
}

func (h *Handlers) allApprovals(c echo.Context) (page templates.Approvals, err error) {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	all, err := h.approvals.List(ctx, approval.Filter{AccountID: v.Actor.AccountID})
	if err != nil {
		return page, err
	}
	page.View, page.Elevations = "waiting", h.elevations.CountFor(v.Actor)
	if view := c.QueryParam("view"); view == "mine" || view == "decided" {
		page.View = view
	}
	present.SortApprovals(&page, slices.DeleteFunc(all, func(a approval.Request) bool {
		return a.Requester.UserID != v.Actor.UserID && !h.maySee(v, a.Shown)
	}), v.Actor, decidedShown, h.approvals.MayAnswer)
	return page, nil
}

// approvalsWait is the number for the navigation, as it was last known; 0 when it cannot be told.
func (h *base) approvalsWait(ctx context.Context, v Viewer) int {
	n, err := h.countApprovals(ctx, v)
	if err != nil {
		h.logger.WarnContext(ctx, "approvals that wait not counted", "user", v.Actor.UserName, "error", err)
	}
	return n
}

func (h *base) countApprovals(ctx context.Context, v Viewer) (int, error) {
	return h.counts.Get(ctx, live.CountKey{Of: "approvals", Account: v.Actor.AccountID, User: v.Actor.UserID},
		func(ctx context.Context) (int, error) {
			n, err := h.approvals.CountFor(ctx, v.Actor)
			return n + h.elevations.CountFor(v.Actor), err
		})
}

// approval reads the request that the address names. Other accounts have none.
func (h *Handlers) approval(c echo.Context) (approval.Request, error) {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	id := c.Param("id")
	if !ansi.Shows(id) {
		return approval.Request{}, notFound()
	}
	a, err := h.approvals.Get(ctx, id)
	if errors.Is(err, audit.ErrNotFound) || err == nil && a.Requester.AccountID != v.Actor.AccountID {
		return a, notFound()
	}
	if err != nil {
		return a, fmt.Errorf("read approval %s: %w", id, err)
	}
	return a, nil
}

// Approval shows one request.
func (h *Handlers) Approval(c echo.Context) error {
	a, err := h.approval(c)
	if err != nil {
		return err
	}
	return h.showApproval(c, a, http.StatusOK, nil)
}

// showApproval renders a request beside a fresh reading of its ticket.
func (h *Handlers) showApproval(c echo.Context, a approval.Request, status int, wrong templates.FieldErrors) error {
	page, err := h.approvalPage(c, a, wrong)
	if err != nil {
		return err
	}
	t := i18n.T(c.Request().Context())
	page.Frame = h.Frame(c, t.Approval.Name(string(a.Operation.Type), ansi.VisibleLine(a.Target)),
		templates.SectionApprovals)
	if a.State.Open() && c.Request().Method == http.MethodGet {
		if page.Stream, err = h.followed(c, page.Parts()); err != nil {
			return err
		}
	}
	return Render(c, status, page)
}

// ApprovalEvents is the stream of what changes on a request's page.
func (h *Handlers) ApprovalEvents(c echo.Context) error {
	var shown approval.Request
	var at time.Time
	return h.follow(c, func() (templates.Parts, bool, error) {
		a, err := h.approval(c)
		now := h.now()
		if err != nil || a.State == shown.State && a.Missing() == shown.Missing() &&
			now.Sub(at) < readsApproval {
			return nil, false, err
		}
		page, err := h.approvalPage(c, a, nil)
		shown, at = a, now
		return page.Parts(), !a.State.Open(), err
	})
}

// approvalPage is a request beside a fresh reading of its ticket, without the frame.
func (h *Handlers) approvalPage(c echo.Context, a approval.Request,
	wrong templates.FieldErrors) (page templates.Approval, err error) {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	page = templates.Approval{ApprovalRow: present.ApprovalRow(a), TicketID: string(a.Ticket), TicketAddress: present.TicketAddress(string(a.Ticket)),
		BatchIndex: a.Operation.BatchIndex, Note: present.DoubtNote(a.Doubtful, a.Note), Problem: ansi.Visible(a.Problem), Own: a.Requester.UserID == v.Actor.UserID &&
			a.State.Open() && !a.Doubtful,
		Errors: wrong, Typed: bounded(c.FormValue("comment")), Count: bounded(c.FormValue("count"))}
	if a.Operation.InstanceID != 0 {
		page.InstanceID = present.Decimal(a.Operation.InstanceID)
	}
	page.MaySend = page.Own && a.State == approval.Granted && a.Note != ""
	switch a.State {
	case approval.Sent:
		page.Receipt = present.ReceiptAddress(a.ID)
	case approval.Returned:
		if a.Note == approval.NoteSentDirectly {
			page.Receipt = present.ReceiptAddress(a.ID)
			break
		}
		page.Again = present.NewOperationAddress(string(a.Ticket), a.Operation, a.BatchHint)
	case approval.Waiting, approval.Granted, approval.Refused, approval.Withdrawn, approval.Expired: // no receipt
	}
	now, err := h.readApproval(c, a)
	if err != nil && now.Ticket.ExecuteUUID == "" && a.Requester.UserID != v.Actor.UserID {
		return page, err // whether they may see the ticket is not known
	}
	if a.State != approval.Waiting {
		present.Freeze(ctx, &page, a)
		return page, nil
	}
	if err := h.compareSeen(ctx, &page, a, now, err); err != nil {
		return page, err
	}
	if err == nil && !page.Own && !a.Doubtful {
		present.MayDecide(ctx, &page, a, v.Actor, h.approvals.MayApprove(v.Actor, a, now))
		page.Stops, page.Number = h.approvals.Number(a, now)
	}
	return page, nil
}

// readApproval reads the ticket of a request; the requester may see that, who asked about it.
func (h *Handlers) readApproval(c echo.Context, a approval.Request) (operate.Reading, error) {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	if a.Requester.UserID == v.Actor.UserID {
		return h.operations.Read(ctx, v.Caller, a.Ticket, a.Operation, a.BatchHint)
	}
	return h.read(c, a.Ticket, a.Operation, a.BatchHint)
}

// compareSeen puts what was seen beside what is, as far as it can be read.
func (h *Handlers) compareSeen(ctx context.Context, page *templates.Approval, a approval.Request, now operate.Reading,
	failed error) error {
	seen := ""
	var upstream *coc.Error
	var target *operate.TargetError
	switch {
	case failed == nil:
		seen = now.Snapshot().String()
		page.Spread = present.Spread(a.Operation, now)
		n := present.ImpactOf(a.Operation, now.Impact(a.Operation), now.Snapshot(), 0, -1)
		if n != page.ApprovalRow.Impact {
			page.ImpactNow = &n
		}
	case errors.As(failed, &upstream) && !upstream.SignInAgain():
		_, page.Failure = present.FailureOf(upstream, &i18n.T(ctx).Problem)
	case errors.As(failed, &target):
	default:
		return failed
	}
	page.Seen = present.Compared(a.Expected, seen)
	return nil
}

// DecideApproval takes what somebody decides about a request, or its requester does with it.
func (h *Handlers) DecideApproval(c echo.Context) error {
	ctx := c.Request().Context()
	a, err := h.approval(c)
	if problem, ok := errors.AsType[*Problem](err); ok && problem.Kind == ProblemNotFound {
		h.noteDenied(ctx, refusedUnknown, audit.Record{Action: audit.ActionAccessDenied})
	}
	if err != nil {
		return err
	}
	v, _ := ViewerFrom(ctx)
	origin := OriginFrom(ctx)
	switch c.FormValue("decision") {
	case "approve", "refuse":
		_, err = h.approvals.Answer(ctx, a.ID, approval.Answer{Approve: c.FormValue("decision") == "approve",
			Comment: reason(c.FormValue("comment")), Count: bounded(c.FormValue("count")), Actor: v.Actor, Origin: origin, Caller: v.Caller})
	case "withdraw":
		err = h.approvals.Withdraw(ctx, a.ID, v.Actor, origin)
	case "send":
		_, err = h.approvals.Send(ctx, a.ID, operate.Request{SessionKey: v.SessionKey, Caller: v.Caller, Actor: v.Actor,
			Origin: origin})
	default:
		h.noteUndecided(c, a, "", refusedNotOffered)
		return &Problem{Status: http.StatusUnprocessableEntity, Kind: ProblemBadInput,
			Value: shortened(c.FormValue("decision"))}
	}
	if err == nil {
		return c.Redirect(http.StatusSeeOther, present.ApprovalAddress(a.ID))
	}
	return h.undecided(c, a, err)
}

// undecided says why nothing was decided.
func (h *Handlers) undecided(c echo.Context, a approval.Request, err error) error {
	ctx, decision := c.Request().Context(), c.FormValue("decision")
	t := i18n.T(ctx)
	var tooLong *operate.ReasonTooLongError
	var denied *operate.PolicyError
	var number *approval.NumberError
	var uncounted *approval.NotCountedError
	var storage *audit.StorageError
	switch {
	case errors.As(err, &storage): // what was typed is kept
		h.logger.ErrorContext(c.Request().Context(), "decision refused: the log does not take its record", "approval", a.ID,
			"error", err)
		return h.showApproval(c, a, http.StatusServiceUnavailable,
			templates.FieldErrors{"decision": present.RefusedByLog(storage, &t.Problem)})
	case errors.As(err, &tooLong):
		return h.showApproval(c, a, http.StatusUnprocessableEntity,
			templates.FieldErrors{"comment": t.Field.ReasonTooLong(tooLong.Length, operate.MaxReason)})
	case errors.As(err, &number):
		say := t.Policy.Miscounted
		if number.Typed == "" {
			say = t.Policy.Count
		}
		return h.showApproval(c, a, http.StatusUnprocessableEntity, templates.FieldErrors{"count": say(number.Stops)})
	case errors.As(err, &uncounted):
		return h.showApproval(c, a, http.StatusForbidden,
			templates.FieldErrors{"decision": i18n.Approvers.T(ctx).Uncounted.Of(string(uncounted.Why))})
	case errors.Is(err, approval.ErrDecided):
		h.noteUndecided(c, a, decision, h.whyDecided(a))
		if now, failed := h.approval(c); failed == nil {
			a = now
		}
		return h.showApproval(c, a, http.StatusConflict, templates.FieldErrors{"decision": t.Approval.Gone})
	case errors.Is(err, approval.ErrAlreadySent), errors.Is(err, operate.ErrNotAuthentic):
		message := t.Approval.Sent
		if errors.Is(err, operate.ErrNotAuthentic) {
			message = t.Approval.NotAuthentic
		}
		if now, failed := h.approval(c); failed == nil {
			a = now
		}
		return h.showApproval(c, a, http.StatusConflict, templates.FieldErrors{"decision": message})
	case errors.Is(err, approval.ErrOwnRequest):
		why := refusedOwn
		if v, _ := ViewerFrom(ctx); a.Requester.UserID != v.Actor.UserID {
			why = refusedNotOwn
		}
		h.noteUndecided(c, a, decision, why)
		return h.showApproval(c, a, http.StatusForbidden, templates.FieldErrors{"decision": t.Approval.NotYours})
	case errors.As(err, &denied):
		return h.showApproval(c, a, http.StatusForbidden, nil)
	}
	return err
}

// noteUndecided writes that somebody could not decide about a request, or do with it what they wanted. What the request
// is about is left out unless they may see its ticket: the record is theirs to read.
func (h *Handlers) noteUndecided(c echo.Context, a approval.Request, decision, why string) {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	r := audit.Record{Detail: detail("approval", a.ID, "decision", decision)}
	if _, err := h.readApproval(c, a); err == nil || a.Requester.UserID == v.Actor.UserID {
		r.Ticket, r.OperationType, r.Target = string(a.Ticket), string(a.Operation.Type), a.Target
		r.BatchIndex, r.InstanceID = a.Operation.BatchIndex, a.Operation.InstanceID
	}
	r.Action = audit.ActionAccessDenied
	h.noteDenied(ctx, why, r)
}

// whyDecided tells a request that has expired from one that is answered.
func (h *Handlers) whyDecided(a approval.Request) string {
	if a.State == approval.Expired || a.State.Open() && !h.now().Before(a.Expires) {
		return refusedExpired
	}
	return refusedDecided
}
