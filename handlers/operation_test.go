package handlers_test

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/handlers"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
)

const (
	operateRoute   = "/tickets/:execute_uuid/operations"
	operationRoute = "/tickets/:execute_uuid/operations/new"
	receiptRoute   = "/operations/:id"
)

// confirm opens the page that confirms an operation, and returns its form.
func (r reader) confirm(t *testing.T, scenario, query string) url.Values {
	t.Helper()
	form := r.get(r.NewOperation, operationRoute, r.ticket(scenario)+"/operations/new?"+query).want(t,
		http.StatusOK).fields()
	if form.Get("key") == "" || form.Get("seen") == "" {
		t.Fatalf("the form is %v", form)
	}
	return form
}

// apply sends a form, and returns the operation's id.
func (r reader) apply(t *testing.T, scenario string, form url.Values) string {
	t.Helper()
	a := r.post(r.Operate, operateRoute, r.ticket(scenario)+"/operations", form)
	id, ok := strings.CutPrefix(a.location, "/operations/")
	if a.err != nil || a.status != http.StatusSeeOther || !ok {
		t.Fatalf("status %d, to %q, error %v: %s", a.status, a.location, a.err, excerpt(a.body))
	}
	return id
}

// TestOperationAddress: what is wrong with the address of a confirmation is said
// on the page, and nothing is read for it.
func TestOperationAddress(t *testing.T) {
	p := start(t)
	r := p.as(t, "operator")
	field := i18n.For(i18n.EnUS).Field
	for _, tt := range []struct {
		query  string
		status int
		says   string
	}{
		{"operation_type=STOP", http.StatusUnprocessableEntity, field.UnknownOperation},
		{"operation_type=SKIP_BATCH", http.StatusUnprocessableEntity, field.Missing},
		{"operation_type=SKIP_BATCH&batch_index=x", http.StatusUnprocessableEntity, field.BatchIndex},
		{"operation_type=SKIP_BATCH&batch_index=9", http.StatusUnprocessableEntity, field.NoSuchBatch},
		{"operation_type=CANCEL_INSTANCE", http.StatusUnprocessableEntity, field.Missing},
		{"operation_type=CANCEL_INSTANCE&instance_id=x", http.StatusUnprocessableEntity, field.InstanceID},
		{"operation_type=CANCEL_INSTANCE&instance_id=77", http.StatusUnprocessableEntity, field.NoSuchInstance},
		{"operation_type=PAUSE_ORDER&instance_id=77", http.StatusUnprocessableEntity, field.Unexpected("instance_id")},
		{"operation_type=PAUSE_ORDER", http.StatusOK, "running_check"},
	} {
		t.Run(tt.query, func(t *testing.T) {
			r.get(p.NewOperation, operationRoute, p.ticket("running")+"/operations/new?"+tt.query).want(t, tt.status, tt.says)
		})
	}
	r.get(p.NewOperation, operationRoute, p.ticket("secret")+"/operations/new?operation_type=PAUSE_ORDER").
		wantProblem(t, http.StatusForbidden, handlers.ProblemRules)
	r.get(p.NewOperation, operationRoute, "/tickets/x/operations/new").wantProblem(t, http.StatusBadRequest,
		handlers.ProblemBadUUID)
}

// TestConfirmationTakesNothingFromItsAddress: what proves that somebody saw a
// page comes from that page, and never from a link.
func TestConfirmationTakesNothingFromItsAddress(t *testing.T) {
	p := start(t)
	r := p.as(t, "operator")
	form := r.confirm(t, "running", "operation_type=PAUSE_ORDER&reason=why&seen=x&key="+strings.Repeat("A",
		26)+"&despite=y")
	if form.Get("key") == strings.Repeat("A", 26) || form.Get("seen") == "x" || form.Get("despite") != "" {
		t.Errorf("the form is %v", form)
	}
	if !p.sessions.OwnsKey(r.viewer.Actor, form.Get("key")) {
		t.Error("the key is not the reader's")
	}
}

// TestOperationForm: what stops a form comes back to it, with what was typed,
// and nothing is sent.
func TestOperationForm(t *testing.T) {
	p := start(t)
	t1, field := i18n.For(i18n.EnUS), i18n.For(i18n.EnUS).Field
	for _, tt := range []struct {
		name, user, scenario, query string
		change                      url.Values
		status                      int
		says                        string
	}{
		{"a long reason", "operator", "running", "operation_type=PAUSE_ORDER",
			url.Values{"reason": {strings.Repeat("长", operate.MaxReason+1)}},
			http.StatusUnprocessableEntity, field.ReasonTooLong(operate.MaxReason+1, operate.MaxReason)},
		{"no number", "operator", "running", "operation_type=CANCEL_ORDER", url.Values{"reason": {"it is wrong"}},
			http.StatusUnprocessableEntity, "3"},
		{"the wrong number", "operator", "running", "operation_type=CANCEL_ORDER",
			url.Values{"reason": {"it is wrong"}, "count": {"2"}},
			http.StatusUnprocessableEntity, t1.Policy.Miscounted(3)},
		{"no reason", "operator", "running", "operation_type=CANCEL_ORDER", url.Values{"count": {"3"}},
			http.StatusUnprocessableEntity, "This stops more than one instance: enter a reason."},
		{"a key that is nobody's", "operator", "running", "operation_type=PAUSE_ORDER",
			url.Values{"key": {strings.Repeat("A", 26)}},
			http.StatusUnprocessableEntity, t1.Problem.BadForm.Heading},
		{"a snapshot that is none", "operator", "running", "operation_type=PAUSE_ORDER", url.Values{"seen": {"x"}},
			http.StatusUnprocessableEntity, t1.Problem.BadForm.Heading},
		{"what has come to be different", "operator", "running", "operation_type=PAUSE_ORDER",
			url.Values{"seen": {"running=7"}},
			http.StatusUnprocessableEntity, t1.Problem.BadForm.Heading},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := p.as(t, tt.user)
			form := r.confirm(t, tt.scenario, tt.query)
			maps.Copy(form, tt.change)
			form.Set("operation_type", strings.TrimPrefix(tt.query, "operation_type="))
			a := r.post(p.Operate, operateRoute, p.ticket(tt.scenario)+"/operations", form).want(t, tt.status, tt.says)
			if typed := tt.change.Get("reason"); typed != "" && !strings.Contains(a.body, typed) {
				t.Error("what was typed is not on the page")
			}
			if a.fields().Get("key") == "" {
				t.Error("the form has no key")
			}
			if n := len(r.of(p.records(t, p.sim.UUID(tt.scenario), audit.ActionOperationRequested))); n != 0 {
				t.Errorf("%d requests are in the log", n)
			}
		})
	}
}

// TestDeniedOperation: who may not operate sees so before the button, and is
// stopped when they send the form of somebody who may.
func TestDeniedOperation(t *testing.T) {
	p := start(t)
	r := p.as(t, "reader")
	r.get(p.NewOperation, operationRoute, p.ticket("running")+"/operations/new?operation_type=PAUSE_ORDER").want(t,
		http.StatusOK, "demo/manager")
	form := p.as(t, "operator").confirm(t, "running", "operation_type=PAUSE_ORDER")
	form.Set("operation_type", "PAUSE_ORDER")
	form.Set("key", p.sessions.NewKey(r.viewer.Actor))
	r.post(p.Operate, operateRoute, p.ticket("running")+"/operations", form).want(t, http.StatusForbidden)
}

// TestOperate: an operation leads to its receipt, which tells each step; sent
// twice, the form leads to the same.
func TestOperate(t *testing.T) {
	p := start(t)
	r := p.as(t, "operator")
	form := r.confirm(t, "own1", "operation_type=PAUSE_ORDER")
	form.Set("operation_type", "PAUSE_ORDER")
	form.Set("reason", "a test\r\nof it")
	id := r.apply(t, "own1", form)
	if again := r.apply(t, "own1", form); again != id {
		t.Errorf("the form leads to %s, and then to %s", id, again)
	}
	requested := r.of(p.records(t, p.sim.UUID("own1"), audit.ActionOperationRequested))
	if len(requested) != 1 || requested[0].Reason != "a test\nof it" || requested[0].OperationType != "PAUSE_ORDER" {
		t.Fatalf("the log has %+v", requested)
	}
	p.await(t, id)
	a := r.get(p.Receipt, receiptRoute, "/operations/"+id).want(t, http.StatusOK, "own1_check", "a test")
	if strings.Contains(a.body, "operations/new?operation_type=PAUSE_ORDER") {
		t.Error("what had its effect is offered again")
	}
}

// await waits until nothing more comes of an operation.
func (p *pages) await(t *testing.T, id string) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for time.Now().Before(deadline) {
		all, err := p.index.Operation(t.Context(), id)
		must(t, err)
		if slices.ContainsFunc(all, func(r audit.Record) bool {
			return r.Action == audit.ActionOperationObserved || r.Action == audit.ActionOperationRejected
		}) {
			return
		}
		<-time.After(5 * time.Millisecond) // then ask again
	}
	t.Fatal("the operation has no end")
}

// TestReceiptIsPrivate: a receipt is shown to whoever can open its ticket.
func TestReceiptIsPrivate(t *testing.T) {
	p := start(t)
	manager := p.as(t, "manager")
	form := manager.confirm(t, "secret", "operation_type=PAUSE_ORDER")
	form.Set("operation_type", "PAUSE_ORDER")
	id := manager.apply(t, "secret", form)
	p.await(t, id)
	manager.get(p.Receipt, receiptRoute, "/operations/"+id).want(t, http.StatusOK, "secret_check")
	operator := p.as(t, "operator")
	operator.get(p.Receipt, receiptRoute, "/operations/"+id).wantProblem(t, http.StatusForbidden, handlers.ProblemDenied)
	if n := len(operator.of(p.records(t, "", audit.ActionAccessDenied))); n != 1 {
		t.Errorf("%d records of a denied access", n)
	}
	for _, id := range []string{strings.Repeat("A", 26), "x", "%00"} {
		operator.get(p.Receipt, receiptRoute, "/operations/"+id).wantProblem(t, http.StatusNotFound, handlers.ProblemNotFound)
	}
}

// TestOperateAgain: a form that was opened by somebody else is shown again with
// what was typed, and without what confirms it.
func TestOperateAgain(t *testing.T) {
	p := start(t)
	r := p.as(t, "operator")
	r.ctx = func(ctx context.Context) context.Context {
		return handlers.WithOpener(ctx, handlers.Opener{User: "manager", Account: "demo", Refused: true})
	}
	form := url.Values{"operation_type": {"CANCEL_ORDER"}, "reason": {"typed by another"}, "count": {"3"}, "glass": {"1"},
		"key": {strings.Repeat("A", 26)}, "seen": {"x"}}
	a := r.post(p.OperateAgain, operateRoute, p.ticket("running")+"/operations", form).want(t, http.StatusConflict,
		"typed by another", "demo/manager")
	got := a.fields()
	if got.Get("key") == form.Get("key") || got.Get("count") == "3" || got.Get("seen") == "x" {
		t.Errorf("the form carries %v", got)
	}
	if n := len(r.of(p.records(t, p.sim.UUID("running"), audit.ActionOperationRequested))); n != 0 {
		t.Errorf("%d requests are in the log", n)
	}
}
