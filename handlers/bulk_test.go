package handlers_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"coc-console/handlers"
	"coc-console/internal/bulk"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
)

const bulkRoute = "/bulk/:id"

func (p *pages) targets(scenarios ...string) []string {
	var all []string
	for _, s := range scenarios {
		all = append(all, p.sim.UUID(s))
	}
	return all
}

// TestBulkForm: what is wrong with a bulk operation is said on its page, and nothing starts.
func TestBulkForm(t *testing.T) {
	p := start(t)
	r := p.as(t, "operator")
	text := i18n.For(i18n.EnUS)
	many := make([]string, bulk.MaxItems+1)
	for i := range many {
		many[i] = p.sim.UUID("running")
	}
	for _, tt := range []struct {
		name    string
		op      string
		targets []string
		says    string
	}{
		{"no operation", "STOP", p.targets("running"), text.Field.UnknownOperation},
		{"one that is for one batch", "SKIP_BATCH", p.targets("running"), text.Field.UnknownOperation},
		{"no target", "PAUSE_ORDER", nil, text.Bulk.Targets(bulk.MaxItems)},
		{"too many targets", "PAUSE_ORDER", many, text.Bulk.Targets(bulk.MaxItems)},
		{"no ticket", "PAUSE_ORDER", []string{"x"}, text.Bulk.Targets(bulk.MaxItems)},
		{"an instance to pause", "PAUSE_ORDER", []string{p.sim.UUID("running") + ".2001.1"},
			text.Bulk.Targets(bulk.MaxItems)},
		{"a ticket in place of an instance", "CANCEL_INSTANCE", p.targets("running"), text.Bulk.Targets(bulk.MaxItems)},
		{"half an instance", "CANCEL_INSTANCE", []string{p.sim.UUID("running") + ".2001"}, text.Bulk.Targets(bulk.MaxItems)},
		{"an instance without a number", "CANCEL_INSTANCE", []string{p.sim.UUID("running") + ".x.1"},
			text.Bulk.Targets(bulk.MaxItems)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := url.Values{"operation_type": {tt.op}, "target": tt.targets}
			r.get(p.NewBulk, "/bulk/new", "/bulk/new?"+q.Encode()).want(t, http.StatusUnprocessableEntity, tt.says)
			r.post(p.StartBulk, "/bulk", "/bulk", q).want(t, http.StatusUnprocessableEntity, tt.says)
		})
	}
}

// TestBulkPlan: the confirmation says what cannot be sent and what the rules want, and keeps what was typed.
func TestBulkPlan(t *testing.T) {
	p := start(t)
	text := i18n.For(i18n.EnUS)
	r := p.as(t, "operator")
	plan := func(op string, scenarios ...string) answer {
		q := url.Values{"operation_type": {op}, "target": p.targets(scenarios...), "reason": {"from the address"}}
		return r.get(p.NewBulk, "/bulk/new", "/bulk/new?"+q.Encode()).want(t, http.StatusOK)
	}
	t.Run("all fit", func(t *testing.T) {
		if form := plan("PAUSE_ORDER", "own6", "own7").want(t, http.StatusOK,
			"from the address").fields(); form.Get("key") == "" || len(form["seen"]) != 2 || len(form["target"]) != 2 {
			t.Errorf("the form is %v", form)
		}
	})
	t.Run("one does not", func(t *testing.T) {
		a := plan("PAUSE_ORDER", "own6", "finished").want(t, http.StatusOK,
			"/bulk/new?operation_type=PAUSE_ORDER&target="+p.sim.UUID("own6"))
		if a.fields().Get("key") != "" {
			t.Error("what does not fit can be sent")
		}
	})
	t.Run("instances of several tickets", func(t *testing.T) {
		var targets []string
		for _, scenario := range []string{"halted8", "halted9"} {
			a := r.get(p.Ticket, ticketRoute, p.ticket(scenario)).want(t, http.StatusOK)
			for _, found := range regexp.MustCompile(`name="target" value="([^"]+)"`).FindAllStringSubmatch(a.body, -1) {
				targets = append(targets, found[1])
			}
		}
		q := url.Values{"operation_type": {"CANCEL_INSTANCE"}, "target": targets}
		r.get(p.NewBulk, "/bulk/new", "/bulk/new?"+q.Encode()).want(t, http.StatusOK, "halted8_check", "halted9_check",
			"Stops the script on these instances only.").without(t, "this instance only")
	})
	t.Run("targets that are none", func(t *testing.T) {
		for _, q := range []string{"operation_type=CANCEL_ORDER", "operation_type=NOPE&target=x", "operation_type=CANCEL_INSTANCE&target=x"} {
			r.get(p.NewBulk, "/bulk/new", "/bulk/new?"+q).want(t, http.StatusUnprocessableEntity, text.Bulk.New).without(t, " 0 ")
		}
	})
	t.Run("one is hidden", func(t *testing.T) {
		plan("PAUSE_ORDER", "own6", "secret").want(t, http.StatusOK, "This ticket is kept secret.").without(t, "secret_check")
	})
	t.Run("the rules want a reason and a number", func(t *testing.T) {
		form := plan("CANCEL_ORDER", "own6", "own7").fields()
		form.Set("operation_type", "CANCEL_ORDER")
		form.Del("reason")
		form.Set("count", "5")
		a := r.post(p.StartBulk, "/bulk", "/bulk", form).want(t, http.StatusUnprocessableEntity, text.Policy.Miscounted(6))
		if a.fields().Get("key") == "" {
			t.Error("the form cannot be sent again")
		}
	})
	t.Run("a long reason", func(t *testing.T) {
		form := plan("PAUSE_ORDER", "own6").fields()
		form.Set("operation_type", "PAUSE_ORDER")
		form.Set("reason", strings.Repeat("x", operate.MaxReason+1))
		r.post(p.StartBulk, "/bulk", "/bulk", form).want(t, http.StatusUnprocessableEntity,
			text.Field.ReasonTooLong(operate.MaxReason+1, operate.MaxReason))
	})
	t.Run("somebody else's key", func(t *testing.T) {
		form := plan("PAUSE_ORDER", "own6").fields()
		form.Set("operation_type", "PAUSE_ORDER")
		form.Set("key", p.sessions.NewKey(p.as(t, "manager").viewer.Actor))
		r.post(p.StartBulk, "/bulk", "/bulk", form).want(t, http.StatusUnprocessableEntity, text.Problem.BadForm.Heading)
	})
	t.Run("what others may not do", func(t *testing.T) {
		q := url.Values{"operation_type": {"PAUSE_ORDER"}, "target": p.targets("own6")}
		a := p.as(t, "reader").get(p.NewBulk, "/bulk/new", "/bulk/new?"+q.Encode()).want(t, http.StatusOK, "demo/manager")
		if a.fields().Get("key") != "" {
			t.Error("who may not operate can send the form")
		}
	})
}

// TestBulkInView: all instances that a filter shows are chosen, as if each had been ticked.
func TestBulkInView(t *testing.T) {
	p := start(t)
	r := p.as(t, "operator")
	all := "/bulk/new?all=" + p.sim.UUID("running") + "&operation_type=CANCEL_INSTANCE"
	for query, want := range map[string]int{"": 3, "&batch=1": 2, "&status=PROCESSING": 2, "&q=web-2003": 1} {
		form := r.get(p.NewBulk, "/bulk/new", all+query).want(t, http.StatusOK).fields()
		if len(form["target"]) != want {
			t.Errorf("%q: %v, want %d targets", query, form["target"], want)
		}
	}
	r.get(p.NewBulk, "/bulk/new", "/bulk/new?all=x").wantProblem(t, http.StatusBadRequest, handlers.ProblemBadUUID)
	r.get(p.NewBulk, "/bulk/new", "/bulk/new?all="+p.sim.UUID("secret")).wantProblem(t, http.StatusForbidden,
		handlers.ProblemRules)
}

// TestBulkOperation: it is sent item by item, its page and its file tell what
// came of each, and nobody but its requester and managers see it.
func TestBulkOperation(t *testing.T) {
	p := start(t)
	r := p.as(t, "operator")
	q := url.Values{"operation_type": {"PAUSE_ORDER"}, "target": p.targets("own8", "own9")}
	form := r.get(p.NewBulk, "/bulk/new", "/bulk/new?"+q.Encode()).want(t, http.StatusOK).fields()
	form.Set("operation_type", "PAUSE_ORDER")
	form.Set("reason", "all of them")
	a := r.post(p.StartBulk, "/bulk", "/bulk", form)
	id, ok := strings.CutPrefix(a.location, "/bulk/")
	if a.err != nil || !ok {
		t.Fatalf("status %d, to %q, error %v: %s", a.status, a.location, a.err, excerpt(a.body))
	}
	if again := r.post(p.StartBulk, "/bulk", "/bulk", form); again.location != a.location {
		t.Errorf("the form leads to %q, and then to %q", a.location, again.location)
	}
	deadline := time.Now().Add(2 * time.Minute)
	var csv answer
	for strings.Count(csv.body, "operation.observed") != 2 {
		if time.Now().After(deadline) {
			t.Fatalf("its items are\n%s", csv.body)
		}
		<-time.After(10 * time.Millisecond) // then ask again
		csv = r.get(p.BulkResult, bulkRoute+"/result.csv", "/bulk/"+id+"/result.csv").want(t, http.StatusOK, "own8_check",
			"own9_check")
	}
	r.get(p.BulkOperation, bulkRoute, "/bulk/"+id).want(t, http.StatusOK, "all of them", "own8_check", "own9_check")
	r.get(p.BulkOperations, "/bulk", "/bulk").want(t, http.StatusOK, "/bulk/"+id)
	p.as(t, "manager").get(p.BulkOperation, bulkRoute, "/bulk/"+id).want(t, http.StatusOK)
	other := p.as(t, "reader")
	other.get(p.BulkOperation, bulkRoute, "/bulk/"+id).wantProblem(t, http.StatusNotFound, handlers.ProblemNotFound)
	other.get(p.BulkOperations, "/bulk", "/bulk").want(t, http.StatusOK).without(t, "/bulk/"+id)
	for _, unknown := range []string{"x", "%00", strings.Repeat("A", 26)} {
		r.get(p.BulkOperation, bulkRoute, "/bulk/"+unknown).wantProblem(t, http.StatusNotFound, handlers.ProblemNotFound)
	}
	change := func(r reader, do string) answer {
		return r.post(p.ChangeBulk, bulkRoute, "/bulk/"+id, url.Values{"do": {do}})
	}
	change(r, "pause").wantProblem(t, http.StatusUnprocessableEntity, handlers.ProblemBadInput)
	change(other, "stop").wantProblem(t, http.StatusNotFound, handlers.ProblemNotFound)
	if a := change(r, "stop"); a.err != nil || a.location != "/bulk/"+id { // it has ended: the page says so
		t.Errorf("to %q, %v", a.location, a.err)
	}
	change(p.as(t, "manager"), "continue")
}
