package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/internal/present"
	"coc-console/internal/watch"
)

// authorizeView is the gate that whatever shows a ticket has to pass: nil when the rules let the reader see it, else
// a Problem that says why not and whom to ask. That somebody was stopped goes into the log; of a page that asks again
// by itself once.
func (h *base) authorizeView(c echo.Context, t coc.Ticket) error {
	if t.ExecuteUUID == "" { // not read: nobody can say that it may be seen
		return &Problem{Status: http.StatusServiceUnavailable, Kind: ProblemUnavailable,
			Err: errors.New("the ticket was not read")}
	}
	v, _ := ViewerFrom(c.Request().Context())
	d := h.operations.MayView(v.Actor, t)
	if d.Allowed {
		return nil
	}
	return h.forbidden(c, ProblemRules, d, audit.Record{Ticket: string(t.ExecuteUUID)})
}

// read reads what an operation would act on, for somebody who may see the
// ticket. Of one that is hidden no error tells more, such as that it has no such
// instance. An error with a reading is about a ticket that the reader may see.
func (h *base) read(c echo.Context, ticket coc.ExecuteUUID, op coc.Operation, hint int32) (operate.Reading, error) {
	ctx := c.Request().Context()
	v, _ := ViewerFrom(ctx)
	now, err := h.operations.ReadFor(ctx, operate.Request{SessionKey: v.SessionKey, Caller: v.Caller, Actor: v.Actor, Ticket: ticket,
		Operation: op, BatchHint: hint})
	if err == nil || now.Ticket.ExecuteUUID != "" {
		if hidden := h.authorizeView(c, now.Ticket); hidden != nil {
			return operate.Reading{}, hidden
		}
	}
	return now, err
}

// export is the gate of those who can read all records to what is carried away
// from the log. Others export no more than they may read: what they did.
func (h *base) export(c echo.Context, v Viewer) error {
	if d := h.mayExport(v); v.Manager && !d.Allowed {
		return h.forbidden(c, ProblemNoExport, d, audit.Record{})
	}
	return nil
}

func (h *base) mayExport(v Viewer) policy.Decision {
	return h.rules.Decide(policy.Request{Person: operate.PersonOf(v.Actor), Action: policy.Export,
		Circumstances: policy.Circumstances{At: h.now().Local()}})
}

// forbidden is the page for whom the rules stop.
func (h *base) forbidden(c echo.Context, kind ProblemKind, d policy.Decision, r audit.Record) error {
	r.Action, r.Outcome = audit.ActionAccessDenied, audit.OutcomeDenied
	r.Input, r.Detail = d.Input(), operate.Detail{Policies: d.Policies, Error: strings.Join(d.Failed, "; ")}.String()
	h.noteView(c, r)
	return &Problem{Status: http.StatusForbidden, Kind: kind, Decision: &d,
		Err: fmt.Errorf("the rules deny it: %s", strings.Join(d.Policies, ", "))}
}

// maySee reports whether the rules let somebody see a ticket, for lists that leave out what they do not.
func (h *base) maySee(v Viewer, t coc.Ticket) bool {
	return t.ExecuteUUID != "" && h.operations.MayView(v.Actor, t).Allowed
}

// permissions is what the rules say of a ticket's operations to the reader. snapshot may be nil.
func (h *base) permissions(ctx context.Context, v Viewer, subject *present.Subject,
	snapshot *watch.Snapshot) *present.Permissions {
	return present.NewPermissions(ctx, v.Actor, h.operations.DecideOn, subject, snapshot)
}
