package operate_test

import (
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
)

func TestDemands(t *testing.T) {
	d := newDesk(t)
	d.BuiltIn()
	form := d.Form("running", cancelOrder)
	form.Reason = " "
	denied := d.Stopped(form)
	if !denied.Decision.Needs(policy.Reason) || !denied.Decision.Wants(policy.Count) || denied.Impact.Stops != 6 ||
		denied.Impact.Running != 2 {
		t.Errorf("without reason and number: %+v %+v", denied.Decision, denied.Impact)
	}
	form.Reason = "the release is broken"
	form.Count = "5"
	if denied = d.Stopped(form); denied.Decision.Wants(policy.Reason) || !denied.Miscounted {
		t.Errorf("a wrong number: %+v", denied)
	}
	d.Puts(0)
	form.Count = " 6 "
	_, err := d.Apply(t.Context(), form)
	check(t, err)
	d.Puts(1)
	detail := operate.ParseDetail(d.ReceiptOf(form.Key).Requested.Detail)
	if detail.Stops != 6 || len(detail.Policies) == 0 || detail.Override {
		t.Errorf("the request's detail is %+v", detail)
	}
	in, err := policy.ParseInput(d.ReceiptOf(form.Key).Requested.Input)
	if err != nil || in.Action != "CANCEL_ORDER" || in.Ticket.Stops != 6 || in.Ticket.Running != 2 || !in.Counted ||
		!in.Reason || in.Override || len(in.Ticket.Zones) == 0 || in.Ticket.Creator == "" || in.At.IsZero() {
		t.Errorf("the request's input is %+v, %v", in, err)
	}
	d.Clock.Step(effect)
	for _, r := range d.Records(search.Query{OperationID: form.Key}) {
		if r.Action != audit.ActionOperationRequested && r.Input != "" {
			t.Errorf("%s repeats the input", r.Action)
		}
	}
}

// TestSmallThingsNeedNothing: one instance, a pause and going on stay quick.
func TestSmallThingsNeedNothing(t *testing.T) {
	d := newDesk(t)
	d.BuiltIn()
	for scenario, op := range map[string]coc.Operation{"running": pauseOrder, "paused": continueOrder,
		"held": cancel(d.Row("held", 1, 0))} {
		form := d.Form(scenario, op)
		form.Reason = ""
		if _, err := d.Apply(t.Context(), form); err != nil {
			t.Errorf("%s: %v", op.Type, err)
		}
	}
	d.Puts(3)
}

func TestDenied(t *testing.T) {
	d := newDesk(t)
	d.Rules = rules(t, `@id("managers") permit (principal in Role::"managers", action, resource);`)
	d.Parts = d.Serve()
	denied := d.Stopped(d.Form("running", pauseOrder))
	if !denied.Decision.Denied() || len(denied.Decision.Ask) != 1 {
		t.Errorf("%+v", denied)
	}
	d.Puts(0)
	found := d.Records(search.Query{Action: audit.ActionAccessDenied})
	if len(found) != 1 || found[0].Ticket != string(d.Ticket("running")) ||
		found[0].OperationType != string(coc.PauseOrder) {
		t.Errorf("the log has %+v", found)
	}
}

// TestOverride: with a reason, marked, and noted before the request.
func TestOverride(t *testing.T) {
	d := newDesk(t)
	d.BuiltIn()
	form := d.Form("running", cancelOrder)
	form.Override, form.Reason = true, ""
	d.Stopped(form)
	d.Puts(0)
	form.Reason = "data is being deleted"
	_, err := d.Apply(t.Context(), form)
	check(t, err)
	d.Puts(1)
	broken := d.Records(search.Query{Action: audit.ActionOverrideUsed})
	requested := d.ReceiptOf(form.Key).Requested
	if len(broken) != 1 || broken[0].Sequence >= requested.Sequence || broken[0].OperationID != form.Key ||
		broken[0].Reason != form.Reason {
		t.Errorf("the log has %+v", broken)
	}
	if !operate.ParseDetail(requested.Detail).Override {
		t.Errorf("the request is not marked: %s", requested.Detail)
	}
}

// TestUnneededOverride: who asks for it without need breaks nothing.
func TestUnneededOverride(t *testing.T) {
	d := newDesk(t)
	d.BuiltIn()
	form := d.Form("running", pauseOrder)
	form.Override = true
	_, err := d.Apply(t.Context(), form)
	check(t, err)
	if found := d.Records(search.Query{Action: audit.ActionOverrideUsed}); len(found) > 0 {
		t.Errorf("the log has %+v", found)
	}
}

func TestOverrideIsNotForEverybody(t *testing.T) {
	d := newDesk(t)
	d.BuiltIn()
	form := d.Form("running", cancelOrder)
	form.Override, form.Actor, form.Caller = true, d.Superior, d.Manager // not on call
	if denied := d.Stopped(form); denied.Decision.Override {
		t.Errorf("%+v", denied)
	}
	d.Puts(0)
}

// BenchmarkRulesOfAnOperation is what the built-in rules add to an operation,
// from the form to COC's answer: in turns with rules that permit everything.
func BenchmarkRulesOfAnOperation(b *testing.B) {
	d := newDesk(b)
	check(b, d.Close())
	free, builtIn := d.Rules, rules(b, "")
	s := &swapped{Rules: free}
	d.Rules = s
	d.Parts = d.Serve()
	var took [2]time.Duration
	for b.Loop() {
		for n, r := range []operate.Rules{free, builtIn} {
			s.Rules = r
			d.Simulate()
			form := d.Form("running", pauseOrder)
			began := time.Now()
			_, err := d.Apply(b.Context(), form)
			took[n] += time.Since(began)
			check(b, err)
			d.Clock.Step(effect)
			d.End(form.Key) // nobody watches beside the next one
		}
	}
	b.ReportMetric(float64(took[0].Microseconds())/float64(b.N), "µs/free")
	b.ReportMetric(float64(took[1].Microseconds())/float64(b.N), "µs/built-in")
	b.ReportMetric(float64(took[1])/float64(took[0]), "ratio")
}
