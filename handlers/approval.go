package handlers

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/templates"
)

// refreshApproval is how often an open request's page asks again, in seconds.
const refreshApproval = 5

// decidedShown is how many decided requests the list shows.
const decidedShown = 50

func approvalAddress(id string) string { return "/approvals/" + url.PathEscape(id) }

// Approvals lists the requests of the reader's account: what waits, what is
// their own, and what was decided.
func (h *Handlers) Approvals(c echo.Context) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	all, err := h.Operations.Approvals(ctx, operate.ApprovalFilter{AccountID: v.Actor.AccountID})
	if err != nil {
		return err
	}
	page := templates.Approvals{Frame: h.Frame(c, i18n.T(ctx).Approval.Heading, templates.SectionApprovals)}
	page.Refresh = refreshWaiting
	for _, a := range all {
		if a.Requester.UserID != v.Actor.UserID && !h.maySee(v, a.Shown) {
			continue
		}
		row := approvalRow(a)
		switch {
		case a.State.Open() && a.Requester.UserID == v.Actor.UserID:
			page.Mine = append(page.Mine, row)
		case a.State.Open():
			page.Waiting = append(page.Waiting, row)
		case len(page.Decided) < decidedShown:
			page.Decided = append(page.Decided, row)
		}
	}
	return Render(c, http.StatusOK, page)
}

// approvalsWait is the number for the navigation; 0 when it cannot be told.
func (h *Handlers) approvalsWait(ctx context.Context, v Viewer) int {
	n, err := h.Operations.WaitingFor(ctx, v.Actor)
	if err != nil {
		h.Logger.WarnContext(ctx, "the requests that wait could not be counted", "error", err)
	}
	return n
}

func approvalRow(a operate.Approval) templates.ApprovalRow {
	return templates.ApprovalRow{ID: a.ID, State: string(a.State), Type: string(a.Operation.Type), Target: visible(a.Target),
		Requester: visible(a.Requester.UserName), Reason: visible(a.Reason), Address: approvalAddress(a.ID), Stops: a.Radius.Stops,
		Asked: a.Created, Expires: a.Expires}
}

// approval reads the request that the address names. Other accounts have none.
func (h *Handlers) approval(c echo.Context) (operate.Approval, error) {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	id := c.Param("id")
	if strings.IndexFunc(id, hidden) >= 0 { // PostgreSQL takes no NUL
		return operate.Approval{}, notFound()
	}
	a, err := h.Operations.Approval(ctx, id)
	if errors.Is(err, audit.ErrNotFound) || err == nil && a.Requester.AccountID != v.Actor.AccountID {
		return a, notFound()
	}
	return a, err
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
func (h *Handlers) showApproval(c echo.Context, a operate.Approval, status int, wrong templates.FieldErrors) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	t := i18n.T(ctx)
	page := templates.Approval{Frame: h.Frame(c, t.Approval.One(string(a.Operation.Type), visible(a.Target)), templates.SectionApprovals),
		ApprovalRow: approvalRow(a), TicketID: string(a.Ticket), TicketAddress: ticketAddress(string(a.Ticket)),
		BatchIndex: a.Operation.BatchIndex, Decider: visible(a.Decider.UserName), Decided: a.Decided, Comment: visible(a.Comment),
		Note: string(a.Note), Problem: visible(a.Problem), Own: a.Requester.UserID == v.Actor.UserID && a.State.Open(),
		Errors: wrong, Typed: bounded(c.FormValue("comment"))}
	if a.Operation.InstanceID != 0 {
		page.InstanceID = decimal(a.Operation.InstanceID)
	}
	page.MaySend = page.Own && a.State == operate.ApprovalGranted && a.Note != ""
	switch a.State {
	case operate.ApprovalSent:
		page.Receipt = receiptAddress(a.ID)
	case operate.ApprovalReturned:
		page.Again = newOperationAddress(string(a.Ticket), a.Operation, a.BatchHint)
	case operate.ApprovalWaiting, operate.ApprovalGranted:
		page.Refresh = refreshApproval
	case operate.ApprovalRefused, operate.ApprovalWithdrawn, operate.ApprovalExpired: // nothing more comes of it
	}
	now, err := h.Operations.Read(ctx, v.Caller, a.Ticket, a.Operation, a.BatchHint)
	if err == nil && a.Requester.UserID != v.Actor.UserID {
		if err := h.see(c, now.Ticket); err != nil {
			return err
		}
	}
	if err := h.compareSeen(ctx, &page, a, now, err); err != nil {
		return err
	}
	if err == nil && a.State == operate.ApprovalWaiting && !page.Own {
		d := h.Operations.MayApprove(v.Actor, a, now)
		page.MayDecide = d.Allowed
		if !d.Allowed {
			page.Denied = Denial(ctx, d)
		}
	}
	return Render(c, status, page)
}

// compareSeen puts what was seen beside what is, as far as it can be read.
func (h *Handlers) compareSeen(ctx context.Context, page *templates.Approval, a operate.Approval, now operate.Reading, failed error) error {
	seen := seenAttributes(a.Seen)
	present := map[string]string{}
	var upstream *coc.Error
	var target *operate.TargetError
	switch {
	case failed == nil:
		for _, x := range seenAttributes(now.Picture().String()) {
			present[x.Name] = x.Value
		}
		r := now.Radius(a.Operation)
		page.Radius = radiusText(ctx, r)
	case errors.As(failed, &upstream) && !upstream.SignInAgain():
		_, page.Failure = failureOf(upstream, &i18n.T(ctx).Problem)
	case errors.As(failed, &target):
	default:
		return failed
	}
	for _, x := range seen {
		page.Seen = append(page.Seen, templates.SeenPair{Aspect: x.Name, Then: x.Value, Now: present[x.Name]})
	}
	return nil
}

func radiusText(ctx context.Context, r operate.Radius) string {
	t := i18n.T(ctx).Rules
	if r.Stops == 0 {
		return t.StopsNothing
	}
	return t.Stops(r.Stops, r.Running)
}

// Denial is a decision against somebody, for a page.
func Denial(ctx context.Context, d policy.Decision) *templates.Denial {
	return &templates.Denial{Text: ruleText(ctx, d.Text), Policies: d.Policies, Ask: d.Ask, Failed: d.Failed}
}

// ruleText is what a rule says in the reader's language, or at all.
func ruleText(ctx context.Context, t policy.Text) string {
	if i18n.From(ctx) == i18n.ZhCN && t.Chinese != "" || t.English == "" {
		return t.Chinese
	}
	return t.English
}

// DecideApproval takes what somebody decides about a request, or its requester
// does with it.
func (h *Handlers) DecideApproval(c echo.Context) error {
	a, err := h.approval(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	origin := OriginFrom(ctx)
	switch c.FormValue("decision") {
	case "approve", "refuse":
		_, err = h.Operations.Answer(ctx, a.ID, operate.Answer{Approve: c.FormValue("decision") == "approve",
			Comment: reason(c.FormValue("comment")), Actor: v.Actor, Origin: origin, Caller: v.Caller})
	case "withdraw":
		err = h.Operations.Withdraw(ctx, a.ID, v.Actor, origin)
	case "send":
		_, err = h.Operations.SendApproved(ctx, a.ID, operate.Request{SessionKey: v.SessionKey, Caller: v.Caller, Actor: v.Actor, Origin: origin})
	default:
		return &Problem{Status: http.StatusUnprocessableEntity, Kind: ProblemBadInput, Value: shortened(c.FormValue("decision"))}
	}
	if err == nil {
		return c.Redirect(http.StatusSeeOther, approvalAddress(a.ID))
	}
	return h.undecided(c, a, err)
}

// undecided says why nothing was decided.
func (h *Handlers) undecided(c echo.Context, a operate.Approval, err error) error {
	t := i18n.T(c.Request().Context())
	var tooLong *operate.ReasonTooLongError
	var denied *operate.PolicyError
	switch {
	case errors.As(err, &tooLong):
		return h.showApproval(c, a, http.StatusUnprocessableEntity, templates.FieldErrors{"comment": t.Field.ReasonTooLong(tooLong.Length, operate.MaxReason)})
	case errors.Is(err, operate.ErrDecided):
		if now, failed := h.approval(c); failed == nil {
			a = now
		}
		return h.showApproval(c, a, http.StatusConflict, templates.FieldErrors{"decision": t.Approval.Gone})
	case errors.Is(err, operate.ErrOwnRequest):
		return h.showApproval(c, a, http.StatusForbidden, templates.FieldErrors{"decision": t.Approval.NotYours})
	case errors.As(err, &denied):
		return h.showApproval(c, a, http.StatusForbidden, nil)
	}
	return err
}
