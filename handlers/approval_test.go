package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"coc-console/audit"
	"coc-console/handlers"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
)

const approvalRoute = "/approvals/:id"

// ask asks for approval of the cancellation of a ticket, and returns the
// request's id.
func (r reader) ask(t *testing.T, scenario string) string {
	t.Helper()
	form := r.confirm(t, scenario, "operation_type=CANCEL_ORDER")
	form.Set("operation_type", "CANCEL_ORDER")
	form.Set("reason", "it must not go on")
	form.Set("ask", "1")
	a := r.post(r.Operate, operateRoute, r.ticket(scenario)+"/operations", form)
	id, ok := strings.CutPrefix(a.location, "/approvals/")
	if a.err != nil || a.status != http.StatusSeeOther || !ok {
		t.Fatalf("status %d, to %q, error %v: %s", a.status, a.location, a.err, excerpt(a.body))
	}
	return id
}

func (r reader) decide(id, decision, comment string) answer {
	r.t.Helper()
	return r.post(r.DecideApproval, approvalRoute, "/approvals/"+id,
		url.Values{"decision": {decision}, "comment": {comment}, "count": {"3"}})
}

// TestApprovalPage: what each reader of a request is offered.
func TestApprovalPage(t *testing.T) {
	p := start(t)
	operator, manager, other := p.as(t, "operator"), p.as(t, "manager"), p.as(t, "reader")
	id := operator.ask(t, "own2")
	buttons := func(r reader) map[string]bool {
		body := r.get(p.Approval, approvalRoute, "/approvals/"+id).want(t, http.StatusOK, "it must not go on",
			"own2_check").body
		all := map[string]bool{}
		for _, name := range []string{"approve", "refuse", "withdraw", "send"} {
			all[name] = strings.Contains(body, `value="`+name+`"`)
		}
		return all
	}
	for _, tt := range []struct {
		name   string
		got    map[string]bool
		wanted []string
	}{
		{"the requester", buttons(operator), []string{"withdraw"}},
		{"an approver", buttons(manager), []string{"approve", "refuse"}},
		{"somebody else", buttons(other), nil},
	} {
		for name, shown := range tt.got {
			if want := strings.Contains(strings.Join(tt.wanted, " "), name); shown != want {
				t.Errorf("%s: %s is shown: %v, want %v", tt.name, name, shown, want)
			}
		}
	}
	for _, r := range []struct {
		user, view string
		in         string
	}{{"operator", "mine", "own2_check"}, {"manager", "waiting", "own2_check"}, {"reader", "", "own2_check"}} {
		p.as(t, r.user).get(p.Approvals, "/approvals", "/approvals?view="+r.view).want(t, http.StatusOK, r.in)
	}
}

// TestDecideApproval: who may do what with a request, and what is said to those
// who may not.
func TestDecideApproval(t *testing.T) {
	p := start(t)
	text := i18n.For(i18n.EnUS)
	operator, manager, other := p.as(t, "operator"), p.as(t, "manager"), p.as(t, "reader")
	id := operator.ask(t, "own3")

	t.Run("one's own", func(t *testing.T) {
		operator.in(t).decide(id, "approve", "").want(t, http.StatusForbidden, text.Approval.NotYours)
		manager.in(t).decide(id, "withdraw", "").want(t, http.StatusForbidden, text.Approval.NotYours)
		why := []string{}
		for _, r := range p.records(t, p.sim.UUID("own3"), audit.ActionAccessDenied) {
			why = append(why, r.Detail)
		}
		want := "why=own_request approval=" + id + " decision=approve|why=not_requester approval=" + id + " decision=withdraw"
		if got := strings.Join(why, "|"); got != want {
			t.Errorf("the log has %q, want %q", got, want)
		}
	})
	t.Run("not allowed", func(t *testing.T) {
		other.in(t).decide(id, "approve", "").want(t, http.StatusForbidden)
	})
	t.Run("a long comment", func(t *testing.T) {
		comment := strings.Repeat("x", operate.MaxReason+1)
		manager.in(t).decide(id, "refuse", comment).want(t, http.StatusUnprocessableEntity,
			text.Field.ReasonTooLong(operate.MaxReason+1, operate.MaxReason), comment)
	})
	t.Run("nothing", func(t *testing.T) {
		manager.in(t).decide(id, "maybe", "").wantProblem(t, http.StatusUnprocessableEntity, handlers.ProblemBadInput)
	})
	t.Run("refused", func(t *testing.T) {
		if a := manager.in(t).decide(id, "refuse", "not now"); a.status != http.StatusSeeOther ||
			a.location != "/approvals/"+id {
			t.Fatalf("status %d, to %q, error %v", a.status, a.location, a.err)
		}
		operator.in(t).get(p.Approval, approvalRoute, "/approvals/"+id).want(t, http.StatusOK, "not now", "manager")
	})
	t.Run("too late", func(t *testing.T) {
		manager.in(t).decide(id, "approve", "").want(t, http.StatusConflict, text.Approval.Gone)
		operator.in(t).decide(id, "withdraw", "").want(t, http.StatusConflict, text.Approval.Gone)
	})
	t.Run("a request that there is not", func(t *testing.T) {
		for _, unknown := range []string{"x", "%00", strings.Repeat("A", 26)} {
			manager.in(t).decide(unknown, "approve", "").wantProblem(t, http.StatusNotFound, handlers.ProblemNotFound)
		}
	})
}

// TestApprovedOperation: what somebody else approves is sent, and its receipt
// names them.
func TestApprovedOperation(t *testing.T) {
	p := start(t)
	operator, manager := p.as(t, "operator"), p.as(t, "manager")
	id := operator.ask(t, "own4")
	if a := manager.decide(id, "approve", "go on"); a.status != http.StatusSeeOther {
		t.Fatalf("status %d, error %v: %s", a.status, a.err, excerpt(a.body))
	}
	p.await(t, id)
	operator.get(p.Receipt, receiptRoute, "/operations/"+id).want(t, http.StatusOK, "own4_check", "manager",
		"/approvals/"+id)
	operator.get(p.Approval, approvalRoute, "/approvals/"+id).want(t, http.StatusOK, "/operations/"+id, "go on")
}

// TestWithdrawApproval: the requester takes a request back, and cannot send it
// any more.
func TestWithdrawApproval(t *testing.T) {
	p := start(t)
	operator := p.as(t, "operator")
	id := operator.ask(t, "own5")
	if a := operator.decide(id, "withdraw", ""); a.status != http.StatusSeeOther {
		t.Fatalf("status %d, error %v", a.status, a.err)
	}
	operator.decide(id, "send", "").want(t, http.StatusConflict)
	if n := len(p.records(t, p.sim.UUID("own5"), audit.ActionOperationRequested)); n != 0 {
		t.Errorf("%d requests are in the log", n)
	}
}
