package handlers

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/templates"
)

// refreshReceipt is how often a receipt asks again while its end is awaited,
// in seconds.
const refreshReceipt = 2

// Receipt shows what became of one operation.
func (h *Handlers) Receipt(c echo.Context) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	id := c.Param("id")
	if strings.IndexFunc(id, hidden) >= 0 { // PostgreSQL takes no NUL
		return notFound()
	}
	r, err := h.Operations.Receipt(ctx, id)
	if errors.Is(err, audit.ErrNotFound) {
		return notFound()
	}
	if err != nil {
		return err
	}
	if err := h.mayRead(ctx, v, r.Requested); err != nil {
		return h.denied(c, err)
	}
	page := h.receiptPage(c, r)
	if page.Glass {
		reviewed, err := h.reviewOf(ctx, id)
		if err != nil {
			return err
		}
		if reviewed != nil {
			page.ReviewedBy = visible(reviewed.Actor.AccountName + "/" + reviewed.Actor.UserName)
			page.Review = visible(operate.ParseDetail(reviewed.Detail).Comment)
		}
	}
	page.Now = h.ticketNow(ctx, v, r.Requested.Ticket)
	return Render(c, http.StatusOK, page)
}

// ticketNow is the ticket as it is at present, without a state where COC does
// not tell.
func (h *Handlers) ticketNow(ctx context.Context, v Viewer, ticket string) templates.TicketNow {
	now := templates.TicketNow{ReadAt: h.Now()}
	id, err := coc.ParseExecuteUUID(ticket)
	if err != nil {
		return now
	}
	s, err := h.Operations.Look(ctx, v.Caller, id)
	if err != nil {
		h.Logger.WarnContext(ctx, "the ticket of a receipt could not be read", "error", err)
		return now
	}
	if !h.maySee(v, s.Ticket) {
		return templates.TicketNow{}
	}
	now.Status, now.Batch, now.Batches = string(s.Ticket.Status), s.Ticket.CurrentBatch, len(s.Batches)
	now.Tally = tally(s.Statistics)
	return now
}

func (h *Handlers) receiptPage(c echo.Context, r operate.Receipt) templates.Receipt {
	ctx := c.Request().Context()
	req := r.Requested
	detail := operate.ParseDetail(req.Detail)
	page := templates.Receipt{
		Frame: h.Frame(c, i18n.T(ctx).Title.Receipt(req.OperationType, targetTitle(req)), templates.SectionTickets),
		ID:    r.ID, Story: storyAddress("operation", r.ID), TicketID: req.Ticket, TicketAddress: ticketAddress(req.Ticket), Type: req.OperationType,
		BatchIndex: req.BatchIndex, Target: visible(req.Target), Actor: visible(req.Actor.UserName),
		Reason: visible(req.Reason), Seen: seenAttributes(req.Seen),
		Steps: []templates.Step{step(req), answerStep(r), endStep(r)},
		Open:  r.Open(), Deadline: req.Time.Add(h.Operations.Deadline),
	}
	if req.InstanceID != 0 {
		page.InstanceID = decimal(req.InstanceID)
		page.TargetAddress = instanceAddress(req.Ticket, req.InstanceID, detail.Batch)
	}
	if r.End != nil {
		for _, other := range operate.ParseDetail(r.End.Detail).Others {
			page.Others = append(page.Others, decimal(other))
		}
	}
	if page.Open {
		page.Refresh = refreshReceipt
	}
	page.Again = again(r, detail.Batch)
	page.Stops, page.Policies, page.Glass, page.ApprovedBy = detail.Stops, detail.Policies, detail.Glass, visible(detail.ApprovedBy)
	if detail.ApprovedBy != "" {
		page.Approval = approvalAddress(r.ID)
	}
	if v, _ := ViewerFrom(ctx); detail.Job != "" && (v.Manager || v.Actor.UserID == req.Actor.UserID) {
		page.Job = jobAddress(detail.Job)
	}
	return page
}

// targetTitle names the instance or the ticket that was acted on.
func targetTitle(r audit.Record) string {
	if r.Target == "" {
		return r.Ticket
	}
	return visible(r.Target)
}

// again is the address to try the operation anew, where it had no effect.
func again(r operate.Receipt, batch int32) string {
	if r.Open() || r.End != nil && r.End.Action == audit.ActionOperationObserved {
		return ""
	}
	op := coc.Operation{Type: coc.OperationType(r.Requested.OperationType), BatchIndex: r.Requested.BatchIndex,
		InstanceID: r.Requested.InstanceID}
	return newOperationAddress(r.Requested.Ticket, op, batch)
}

func step(r audit.Record) templates.Step {
	d := operate.ParseDetail(r.Detail)
	return templates.Step{
		Action: string(r.Action), Time: r.Time, Duration: r.Duration, Note: string(d.Note), Status: d.Status,
		Upstream:          strings.TrimSpace(verbatim(r.Upstream.Status, r.Upstream.Code, r.Upstream.Message)),
		UpstreamRequestID: visible(r.Upstream.RequestID), Record: recordAddress(r.Sequence),
	}
}

func answerStep(r operate.Receipt) templates.Step {
	if r.Answer == nil {
		return templates.Step{Action: string(audit.ActionOperationAccepted), Pending: true}
	}
	return step(*r.Answer)
}

func endStep(r operate.Receipt) templates.Step {
	switch {
	case r.End != nil:
		return step(*r.End)
	case r.Open():
		return templates.Step{Action: string(audit.ActionOperationObserved), Pending: true}
	}
	return templates.Step{Action: string(audit.ActionOperationObserved), Skipped: true}
}

// errDenied is a record that is not the reader's to see.
var errDenied = errors.New("the record belongs to somebody else")

// mayRead says whether the reader may see a record: managers all of them,
// others their own and what was done to tickets that they can open. COC and the
// rules decide what they can open.
func (h *Handlers) mayRead(ctx context.Context, v Viewer, r audit.Record) error {
	if v.sees().Whole(r) {
		return nil
	}
	id, err := coc.ParseExecuteUUID(r.Ticket)
	if err != nil || !strings.HasPrefix(string(r.Action), "operation.") {
		return errDenied
	}
	return h.mayOpen(ctx, v, id)
}

func (h *Handlers) mayOpen(ctx context.Context, v Viewer, id coc.ExecuteUUID) error {
	t, err := h.COC.Ticket(ctx, v.Caller, id)
	var upstream *coc.Error
	switch {
	case errors.As(err, &upstream) && (upstream.NotFound() || upstream.Forbidden()):
		return errDenied
	case err == nil && !h.maySee(v, t):
		return errDenied
	}
	return err
}

// denied writes down that somebody wanted to see what they may not, and says
// so; other errors pass.
func (h *Handlers) denied(c echo.Context, err error) error {
	if !errors.Is(err, errDenied) {
		return err
	}
	// The ticket is left out: the record is its actor's to read.
	h.note(c.Request().Context(), audit.Record{Action: audit.ActionAccessDenied, Outcome: audit.OutcomeDenied,
		Detail: detail("address", c.Request().URL.Path)})
	return &Problem{Status: http.StatusForbidden, Kind: ProblemDenied, Err: err}
}
