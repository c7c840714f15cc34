package operate_test

import (
	"errors"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
)

// stopped applies a form that the rules must stop, and returns what they say.
func (d *desk) stopped(form operate.Request) *operate.PolicyError {
	d.t.Helper()
	_, err := d.Apply(d.t.Context(), form)
	denied, ok := errors.AsType[*operate.PolicyError](err)
	if !ok {
		d.t.Fatalf("%+v: %v, want a *PolicyError", form.Operation, err)
	}
	return denied
}

func (d *desk) records(q audit.Query) []audit.Record {
	d.t.Helper()
	q.Visible, q.Limit = audit.Visibility{All: true}, audit.MaxLimit
	page, err := d.log.Search(d.t.Context(), q)
	check(d.t, err)
	return page.Records
}

// builtIn makes the service ask the built-in rules.
func (d *desk) builtIn() {
	d.t.Helper()
	check(d.t, d.Close())
	d.rules = rules(d.t, "")
	d.Service = d.serve()
}

func TestDemands(t *testing.T) {
	d := newDesk(t)
	d.builtIn()
	form := d.form("running", cancelOrder)
	form.Reason = " "
	denied := d.stopped(form)
	if !denied.Decision.Needs(policy.Reason) || !denied.Decision.Wants(policy.Count) || denied.Radius.Stops != 6 || denied.Radius.Running != 2 {
		t.Errorf("without reason and number: %+v %+v", denied.Decision, denied.Radius)
	}
	form.Reason = "the release is broken"
	form.Count = "5"
	if denied = d.stopped(form); denied.Decision.Wants(policy.Reason) || !denied.Miscounted {
		t.Errorf("a wrong number: %+v", denied)
	}
	d.puts(0)
	form.Count = " 6 "
	_, err := d.Apply(t.Context(), form)
	check(t, err)
	d.puts(1)
	detail := operate.ParseDetail(d.receipt(form.Key).Requested.Detail)
	if detail.Stops != 6 || len(detail.Policies) == 0 || detail.Glass {
		t.Errorf("the request's detail is %+v", detail)
	}
}

// TestSmallThingsNeedNothing: one instance, a pause and going on stay quick.
func TestSmallThingsNeedNothing(t *testing.T) {
	d := newDesk(t)
	d.builtIn()
	for scenario, op := range map[string]coc.Operation{"running": pauseOrder, "paused": continueOrder, "held": cancel(d.row("held", 1, 0))} {
		form := d.form(scenario, op)
		form.Reason = ""
		if _, err := d.Apply(t.Context(), form); err != nil {
			t.Errorf("%s: %v", op.Type, err)
		}
	}
	d.puts(3)
}

func TestDenied(t *testing.T) {
	d := newDesk(t)
	d.rules = rules(t, `@id("managers") permit (principal in Role::"managers", action, resource);`)
	d.Service = d.serve()
	denied := d.stopped(d.form("running", pauseOrder))
	if !denied.Decision.Denied() || len(denied.Decision.Ask) != 1 {
		t.Errorf("%+v", denied)
	}
	d.puts(0)
	found := d.records(audit.Query{Action: audit.ActionAccessDenied})
	if len(found) != 1 || found[0].Ticket != string(d.ticket("running")) || found[0].OperationType != string(coc.PauseOrder) {
		t.Errorf("the log has %+v", found)
	}
}

// TestBreakingGlass: with a reason, marked, and noted before the request.
func TestBreakingGlass(t *testing.T) {
	d := newDesk(t)
	d.builtIn()
	form := d.form("running", cancelOrder)
	form.Glass, form.Reason = true, ""
	d.stopped(form)
	d.puts(0)
	form.Reason = "data is being deleted"
	_, err := d.Apply(t.Context(), form)
	check(t, err)
	d.puts(1)
	broken := d.records(audit.Query{Action: audit.ActionGlassBroken})
	requested := d.receipt(form.Key).Requested
	if len(broken) != 1 || broken[0].Sequence >= requested.Sequence || broken[0].OperationID != form.Key || broken[0].Reason != form.Reason {
		t.Errorf("the log has %+v", broken)
	}
	if !operate.ParseDetail(requested.Detail).Glass {
		t.Errorf("the request is not marked: %s", requested.Detail)
	}
}

// TestGlassStaysWhole: who asks for it without need breaks nothing.
func TestGlassStaysWhole(t *testing.T) {
	d := newDesk(t)
	d.builtIn()
	form := d.form("running", pauseOrder)
	form.Glass = true
	_, err := d.Apply(t.Context(), form)
	check(t, err)
	if found := d.records(audit.Query{Action: audit.ActionGlassBroken}); len(found) > 0 {
		t.Errorf("the log has %+v", found)
	}
}

func TestGlassIsNotForEverybody(t *testing.T) {
	d := newDesk(t)
	d.builtIn()
	form := d.form("running", cancelOrder)
	form.Glass, form.Actor, form.Caller = true, d.superior, d.manager // not on call
	if denied := d.stopped(form); denied.Decision.Glass {
		t.Errorf("%+v", denied)
	}
	d.puts(0)
}

// BenchmarkRulesOfAnOperation is what the built-in rules add to an operation,
// from the form to COC's answer: in turns with rules that permit everything.
func BenchmarkRulesOfAnOperation(b *testing.B) {
	d := newDesk(b)
	check(b, d.Close())
	free, builtIn := d.rules, rules(b, "")
	s := &swapped{free}
	d.rules = s
	d.Service = d.serve()
	var took [2]time.Duration
	for b.Loop() {
		for n, r := range []operate.Rules{free, builtIn} {
			s.Rules = r
			d.simulate()
			form := d.form("running", pauseOrder)
			began := time.Now()
			_, err := d.Apply(b.Context(), form)
			took[n] += time.Since(began)
			check(b, err)
			d.clock.step(effect)
			d.end(form.Key) // nobody watches beside the next one
		}
	}
	b.ReportMetric(float64(took[0].Microseconds())/float64(b.N), "µs/free")
	b.ReportMetric(float64(took[1].Microseconds())/float64(b.N), "µs/built-in")
	b.ReportMetric(float64(took[1])/float64(took[0]), "ratio")
}
