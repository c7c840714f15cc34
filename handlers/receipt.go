package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/ansi"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/internal/present"
	"coc-console/internal/review"
	"coc-console/templates"
)

// refreshReceipt is how often a receipt asks again while its end is awaited, in seconds.
const refreshReceipt = 2

// Receipt shows the stages and the outcome of one operation.
func (h *Handlers) Receipt(c echo.Context) error {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	id := c.Param("id")
	if !ansi.Shows(id) {
		return notFound()
	}
	r, err := h.operations.Receipt(ctx, id)
	if errors.Is(err, audit.ErrNotFound) {
		return notFound()
	}
	if err != nil {
		return fmt.Errorf("read receipt %s: %w", id, err)
	}
	if err := h.mayRead(ctx, v, r.Requested); err != nil {
		return h.denied(c, err)
	}
	now, at := h.ticketNow(ctx, v, r.Requested.Ticket)
	if r.Open() { // its end may have come while the ticket was read
		if r, err = h.operations.Receipt(ctx, id); err != nil {
			return fmt.Errorf("read receipt %s again: %w", id, err)
		}
	}
	page := h.receiptPage(c, r)
	page.Now, page.Showing = at, string(operate.ShowingOf(r, now))
	seen := ""
	if at.Status != "" {
		seen = operate.SnapshotOf(now, "").String()
	}
	page.Changed = present.Compared(r.Requested.Seen, seen)
	if page.ApprovedBy != "" || !page.Open {
		records, err := h.index.Operation(ctx, id)
		if err != nil {
			return fmt.Errorf("read the approval and review of operation %s: %w", id, err)
		}
		if page.ApprovedBy != "" {
			page.Approvals = present.Approvals(records)
		}
		if signed := review.Of(records); signed != nil {
			page.ReviewedBy, page.Review = signed.Name(), ansi.Visible(signed.Comment)
		}
	}
	if page.Open {
		if page.Unwatched, err = h.operations.Unwatched(ctx, id); err != nil {
			return err
		}
		if page.Now.Status != "" { // with their own token
			h.watch.Looked(watchKey(v, coc.ExecuteUUID(r.Requested.Ticket)), h.lent(v))
		}
	}
	return Render(c, http.StatusOK, page)
}

// ticketNow is the ticket as it is at present, without a state where COC does not tell.
func (h *Handlers) ticketNow(ctx context.Context, v Viewer, ticket string) (operate.Situation, templates.TicketNow) {
	now := templates.TicketNow{ReadAt: h.now()}
	id, err := coc.ParseExecuteUUID(ticket)
	if err != nil {
		return operate.Situation{}, now
	}
	s, err := h.operations.Look(ctx, v.Caller, id)
	if err != nil {
		h.logger.WarnContext(ctx, "ticket of a receipt not read", "ticket", ticket, "error", err)
		return operate.Situation{}, now
	}
	if !h.maySee(v, s.Ticket) {
		return operate.Situation{}, templates.TicketNow{}
	}
	now.Status, now.Batch, now.Batches = string(s.Ticket.Status), s.Ticket.CurrentBatch, len(s.Batches)
	now.Tally = present.Tally(s.Statistics)
	return s, now
}

func (h *Handlers) receiptPage(c echo.Context, r operate.Receipt) templates.Receipt {
	ctx := c.Request().Context()
	req, from := r.Requested, fromParam(c)
	detail := operate.ParseDetail(req.Detail)
	page := templates.Receipt{
		Frame: h.Frame(c, i18n.T(ctx).Title.Receipt(req.OperationType, present.TargetTitle(req)), templates.SectionTickets),
		ID:    r.ID, Timeline: present.TimelineAddress("operation", r.ID), TicketID: req.Ticket, TicketAddress: present.From(present.TicketAddress(req.Ticket), from),
		Type:       req.OperationType,
		BatchIndex: req.BatchIndex, Target: ansi.VisibleLine(req.Target), Actor: ansi.VisibleLine(req.Actor.UserName),
		Reason: ansi.Visible(req.Reason), From: ansi.VisibleLine(req.Origin.Address), Steps: present.Steps(r),
		Next: present.From(present.Address("/tickets/next", url.Values{"after": {req.Ticket}}), from), NextOfList: from != "",
		Open: r.Open(), Deadline: req.When().Add(h.operations.Deadline()),
	}
	if req.InstanceID != 0 {
		page.InstanceID = present.Decimal(req.InstanceID)
		page.TargetAddress = present.InstanceAddress(req.Ticket, req.InstanceID, detail.Batch)
	}
	if r.End != nil {
		for _, other := range operate.ParseDetail(r.End.Detail).Others {
			page.Others = append(page.Others, present.Decimal(other))
		}
	}
	if page.Open {
		page.Refresh = refreshReceipt
	}
	page.Again = present.From(present.Again(r, detail.Batch), from)
	page.Stops, page.Policies, page.Override, page.ApprovedBy = detail.Stops, detail.Policies, detail.Override,
		ansi.VisibleLine(detail.ApprovedBy)
	if detail.ApprovedBy != "" {
		page.Approval = present.ApprovalAddress(r.ID)
	}
	if v, _ := ViewerFrom(ctx); detail.Job != "" && (v.Manager || v.Actor.UserID == req.Actor.UserID) {
		page.Bulk = present.BulkAddress(detail.Job)
	}
	return page
}

// errDenied is a record that is not the reader's to see.
var errDenied = errors.New("the record belongs to somebody else")

// mayRead says whether the reader may see a record: managers all of them, others their own and what was done to
// tickets that they can open. COC and the rules decide what they can open.
func (h *base) mayRead(ctx context.Context, v Viewer, r audit.Record) error {
	if v.sees().Whole(r) {
		return nil
	}
	id, err := coc.ParseExecuteUUID(r.Ticket)
	if err != nil || !strings.HasPrefix(string(r.Action), "operation.") {
		return errDenied
	}
	return h.mayOpen(ctx, v, id)
}

func (h *base) mayOpen(ctx context.Context, v Viewer, id coc.ExecuteUUID) error {
	t, err := h.coc.Ticket(ctx, v.Caller, id)
	var upstream *coc.Error
	switch {
	case errors.As(err, &upstream) && (upstream.NotFound() || upstream.Forbidden()):
		return errDenied
	case err == nil && !h.maySee(v, t):
		return errDenied
	}
	return err
}

// denied writes down that somebody wanted to see what they may not, and says so; other errors pass.
func (h *base) denied(c echo.Context, err error) error {
	if !errors.Is(err, errDenied) {
		return err
	}
	// The ticket is left out: the record is its actor's to read.
	h.noteSoon(c.Request().Context(), audit.Record{Action: audit.ActionAccessDenied, Outcome: audit.OutcomeDenied,
		Detail: detail("address", c.Request().URL.Path)})
	return &Problem{Status: http.StatusForbidden, Kind: ProblemDenied, Err: err}
}
