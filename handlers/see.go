package handlers

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
)

// see is the gate that whatever shows a ticket has to pass: nil when the rules
// let the reader see it, else a Problem that says why not and whom to ask. That
// somebody was stopped goes into the log; of a page that asks again by itself
// once.
func (h *Handlers) see(c echo.Context, t coc.Ticket) error {
	v, _ := ViewerFrom(c.Request().Context())
	d := h.Operations.MayView(v.Actor, t)
	if d.Allowed {
		return nil
	}
	return h.ruledOut(c, ProblemRules, d, audit.Record{Ticket: string(t.ExecuteUUID)})
}

// export is the gate of those who can read all records to what is carried away
// from the log. Others export no more than they may read: what they did.
func (h *Handlers) export(c echo.Context, v Viewer) error {
	if d := h.mayExport(v); v.Manager && !d.Allowed {
		return h.ruledOut(c, ProblemNoExport, d, audit.Record{})
	}
	return nil
}

func (h *Handlers) mayExport(v Viewer) policy.Decision {
	return h.Rules.Decide(policy.Request{Person: operate.PersonOf(v.Actor), Action: policy.Export,
		Circumstances: policy.Circumstances{At: h.Now().Local()}})
}

// ruledOut is the page for whom the rules stop.
func (h *Handlers) ruledOut(c echo.Context, kind ProblemKind, d policy.Decision, r audit.Record) error {
	r.Action, r.Outcome = audit.ActionAccessDenied, audit.OutcomeDenied
	r.Detail = operate.Detail{Policies: d.Policies, Error: strings.Join(d.Failed, "; ")}.String()
	h.noteView(c, r)
	return &Problem{Status: http.StatusForbidden, Kind: kind, Decision: &d,
		Err: fmt.Errorf("the rules deny it: %s", strings.Join(d.Policies, ", "))}
}

// maySee reports whether the rules let somebody see a ticket, for lists that
// leave out what they do not.
func (h *Handlers) maySee(v Viewer, t coc.Ticket) bool {
	return h.Operations.MayView(v.Actor, t).Allowed
}
