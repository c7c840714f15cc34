package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
)

// overrideUsed cancels the running ticket on the operator's own account.
func (b *browser) overrideUsed() (receipt string) { return overrideOn(b, "running") }

func overrideOn(b *browser, scenario string) (receipt string) {
	b.t.Helper()
	form := b.form(b.get(b.newOperation(scenario, "operation_type=CANCEL_ORDER")))
	form.Set("reason", "it deletes data, and nobody answers")
	form.Set("glass", "1")
	p := b.post(b.ticket(scenario)+"/operations", form)
	b.want(p, http.StatusSeeOther)
	b.want(b.settled(p.location()), http.StatusOK)
	return p.location()
}

// TestOverrideIsReviewed: managers are told on every page, until one who did
// not do it has written what they found.
func TestOverrideIsReviewed(t *testing.T) {
	t.Parallel()
	for _, language := range []i18n.Language{i18n.EnUS, i18n.ZhCN} {
		t.Run(string(language), func(t *testing.T) {
			c := start(t, builtIn)
			texts := i18n.For(language)
			b, boss := c.signedIn(t, "operator", language), c.signedIn(t, "manager", language)
			boss.want(boss.get("/audit/review"), http.StatusOK, texts.Review.Empty)
			receipt := b.overrideUsed()
			id := strings.TrimPrefix(receipt, "/operations/")
			c.clock.advance(overridesKept)
			boss.want(boss.get("/tickets"), http.StatusOK, texts.Policy.OverridesToReview(1), "/audit/review")
			if p := b.get("/tickets"); strings.Contains(p.body, "overrides-wait") {
				t.Error("who is no manager is told")
			}
			b.want(b.get("/audit/review"), http.StatusForbidden)
			b.want(b.post("/audit/review", url.Values{"operation": {id}, "comment": {"fine"}}), http.StatusForbidden)
			p := boss.get("/audit/review")
			boss.want(p, http.StatusOK, "demo/operator", "it deletes data, and nobody answers", receipt, texts.Word.Action.Of("operation.observed"))
			boss.want(boss.post("/audit/review", url.Values{"operation": {id}, "comment": {" "}}), http.StatusUnprocessableEntity, texts.Review.Needed)
			long := strings.Repeat("审", operate.MaxReason+1)
			boss.want(boss.post("/audit/review", url.Values{"operation": {id}, "comment": {long}}), http.StatusUnprocessableEntity, long)
			boss.want(boss.post("/audit/review", url.Values{"operation": {"another"}, "comment": {"fine"}}), http.StatusSeeOther)
			if n := len(c.records(audit.ActionOverrideReviewed)); n != 0 {
				t.Fatalf("%d reviews too early", n)
			}
			boss.want(boss.follow(boss.post("/audit/review", url.Values{"operation": {id}, "comment": {"was right"}})), http.StatusOK, texts.Review.Empty)
			r := c.only(audit.ActionOverrideReviewed)
			if r.OperationID != id || r.Actor.UserName != "manager" || operate.ParseDetail(r.Detail).Comment != "was right" {
				t.Errorf("the log says %+v", r)
			}
			if p := boss.get("/tickets"); strings.Contains(p.body, "overrides-wait") {
				t.Error("what is reviewed is still told of")
			}
			b.want(b.get(receipt), http.StatusOK, texts.Review.Mark, "demo/manager", "was right", texts.Policy.DecidedBy, "on-call")
			boss.want(boss.get("/audit"), http.StatusOK, texts.Review.Mark)
			requested := c.only(audit.ActionOperationRequested)
			boss.want(boss.get("/audit/"+number(requested.Sequence)), http.StatusOK, texts.Review.Mark, texts.Word.Detail.Of("stops"), "on-call")
			boss.want(boss.get("/audit/"+number(r.Sequence)), http.StatusOK, "was right", texts.Word.Detail.Of("comment"))
		})
	}
}

// overridesKept is longer than a number on a page is good for.
const overridesKept = 11e9

// TestNobodyReviewsTheirOwn.
func TestNobodyReviewsTheirOwn(t *testing.T) {
	t.Parallel()
	c := start(t, builtIn, func(s *settings) {
		s.directory = `{"roles": {"on-call": ["demo/operator"], "managers": ["demo/operator"]}}`
	})
	b := c.signedIn(t, "operator", i18n.EnUS)
	id := strings.TrimPrefix(b.overrideUsed(), "/operations/")
	c.clock.advance(overridesKept)
	p := b.get("/audit/review")
	b.want(p, http.StatusOK, i18n.For(i18n.EnUS).Review.Own)
	if strings.Contains(p.body, `action="/audit/review"`) {
		t.Error("the form is offered")
	}
	b.want(b.post("/audit/review", url.Values{"operation": {id}, "comment": {"fine"}}), http.StatusUnprocessableEntity, i18n.For(i18n.EnUS).Review.Own)
	if n := len(c.records(audit.ActionOverrideReviewed)); n != 0 {
		t.Errorf("%d reviews", n)
	}
}

// TestApprovalsInTheNavigation: who may decide is told, and nobody else; the
// receipt leads back.
func TestApprovalsInTheNavigation(t *testing.T) {
	t.Parallel()
	c := start(t, builtIn)
	texts := i18n.For(i18n.EnUS)
	requester, approver, reader := c.signedIn(t, "operator", i18n.EnUS), c.signedIn(t, "manager", i18n.EnUS), c.signedIn(t, "reader", i18n.EnUS)
	form := requester.form(requester.get(c.newOperation("running", "operation_type=CANCEL_ORDER")))
	form.Set("reason", "it deletes data")
	form.Set("ask", "1")
	at := requester.post(c.ticket("running")+"/operations", form).location()
	approver.want(approver.get("/tickets"), http.StatusOK, texts.Approval.Waits(1))
	for _, b := range []*browser{requester, reader} {
		if p := b.get("/tickets"); strings.Contains(p.body, "approvals-wait") {
			t.Error("who may not decide is told")
		}
	}
	for b, waits := range map[*browser]string{reader: "0", approver: "1"} {
		p := b.get("/approvals")
		b.want(p, http.StatusOK, at)
		if !strings.Contains(p.body, `id="count-waiting">`+waits+"<") || strings.Contains(p.body, texts.Approval.ForOthers) != (waits == "0") {
			t.Errorf("who may decide %s is shown: %s", waits, p.body)
		}
	}
	approver.want(approver.post(at, url.Values{"decision": {"approve"}, "count": {"3"}}), http.StatusSeeOther)
	if p := approver.get("/tickets"); strings.Contains(p.body, "approvals-wait") {
		t.Error("what is decided still waits")
	}
	receipt := "/operations/" + strings.TrimPrefix(at, "/approvals/")
	requester.want(requester.settled(receipt), http.StatusOK, texts.Approval.Approved, "demo/manager", at)
}

// TestSpreadOfWhatStops counts by zone where the instances are that stop; what
// is the same for all is left out.
func TestSpreadOfWhatStops(t *testing.T) {
	t.Parallel()
	c := start(t, builtIn)
	b := c.signedIn(t, "operator", i18n.EnUS)
	texts := i18n.For(i18n.EnUS)
	says := texts.Operation.ImpactOf
	p := b.get(c.newOperation("running", "operation_type=CANCEL_ORDER"))
	b.want(p, http.StatusOK, texts.Policy.By(texts.Common.Zone), says(i18n.Impact{Operation: "CANCEL_ORDER", Number: 3, Running: 2}))
	spread := part(p.body, "spread")
	for zone, want := range map[string]string{"cn-north-4a": `data-running="1">1<`, "cn-north-4b": `data-running="1">2<`} {
		_, after, found := strings.Cut(spread, "<bdi>"+zone+"</bdi>")
		if after, _, _ = strings.Cut(after, "<dt>"); !found || !strings.Contains(after, want) {
			t.Errorf("the spread of %s has no %s: %s", zone, want, spread)
		}
	}
	if strings.Contains(spread, `data-spread="region"`) {
		t.Error("the one region is told")
	}
	p = b.get(c.newOperation("running", "operation_type=CANCEL_INSTANCE&instance_id=1001"))
	b.want(p, http.StatusOK, says(i18n.Impact{Operation: "CANCEL_INSTANCE", Number: 1, Running: 1, Keeps: 1}))
	if strings.Contains(p.body, `id="spread"`) {
		t.Error("one instance has a spread")
	}
}

// TestTicketsAreChosen: the list's boxes lead to a job's confirmation.
func TestTicketsAreChosen(t *testing.T) {
	t.Parallel()
	c := start(t, builtIn)
	b := c.signedIn(t, "operator", i18n.EnUS)
	texts := i18n.For(i18n.EnUS).Bulk
	p := b.get("/tickets?status=any")
	b.want(p, http.StatusOK, texts.Selected, texts.PauseSelected, texts.ContinueSelected, texts.CancelSelectedTickets, "/bulk/new")
	for scenario, want := range map[string]bool{"running": true, "finished": false} { // what is over takes no operation
		if got := strings.Contains(p.body, `name="target" value="`+c.sim.UUID(scenario)+`"`); got != want {
			t.Errorf("%s can be chosen: %v", scenario, got)
		}
	}
	query := url.Values{"operation_type": {"PAUSE_ORDER"}, "target": {c.sim.UUID("running"), c.sim.UUID("abnormal")}}
	b.want(b.get("/bulk/new?"+query.Encode()), http.StatusOK, texts.Name("PAUSE_ORDER", 2), texts.Drop)
}

// TestJobIsReviewedOnce: one review covers all that a bulk operation did with the override.
func TestJobIsReviewedOnce(t *testing.T) {
	t.Parallel()
	c := start(t, builtIn)
	texts := i18n.For(i18n.EnUS)
	b, boss := c.signedIn(t, "operator", i18n.EnUS), c.signedIn(t, "manager", i18n.EnUS)
	form := b.form(b.get("/bulk/new?operation_type=CANCEL_ORDER&target=" + c.sim.UUID("running") + "&target=" + c.sim.UUID("abnormal")))
	form.Set("reason", "both delete data, and nobody answers")
	form.Set("glass", "1")
	job := b.post("/bulk", form)
	b.want(job, http.StatusSeeOther)
	b.want(b.settled(job.location()), http.StatusOK)
	alone := strings.TrimPrefix(overrideOn(b, "paused"), "/operations/")
	c.clock.advance(overridesKept)
	p := boss.get("/audit/review")
	boss.want(p, http.StatusOK, job.location(), texts.Bulk.Name("CANCEL_ORDER", 2), texts.Policy.OverridesToReview(3))
	if n := strings.Count(p.body, `name="operation"`); n != 2 {
		t.Fatalf("%d boxes, want one for the job and one for what was done alone", n)
	}
	broken := c.records(audit.ActionOverrideUsed)
	boss.want(boss.post("/audit/review", url.Values{"operation": {broken[0].OperationID}, "comment": {"was right"}}), http.StatusSeeOther)
	reviewed := map[string]string{}
	for _, r := range c.records(audit.ActionOverrideReviewed) {
		reviewed[r.OperationID] = operate.ParseDetail(r.Detail).Job
	}
	id := strings.TrimPrefix(job.location(), "/bulk/")
	if len(reviewed) != 2 || reviewed[broken[0].OperationID] != id || reviewed[broken[1].OperationID] != id {
		t.Errorf("reviewed are %v", reviewed)
	}
	boss.want(boss.get("/audit/review"), http.StatusOK, alone)
}

// TestInstancesAreChosenAtOnce: the box in the table's head takes what the filter shows and can be cancelled.
func TestInstancesAreChosenAtOnce(t *testing.T) {
	t.Parallel()
	c := start(t, builtIn)
	b := c.signedIn(t, "operator", i18n.EnUS)
	id := c.sim.UUID("running")
	if p := b.get("/tickets/" + id); !strings.Contains(p.body, `name="all" value="`+id+`"`) {
		t.Errorf("the table's head has no box\n%s", shortened(p.body))
	}
	all := b.get("/bulk/new?operation_type=CANCEL_INSTANCE&all=" + id)
	b.want(all, http.StatusOK, i18n.For(i18n.EnUS).Bulk.Name("CANCEL_INSTANCE", 3))
	if n := strings.Count(all.body, `name="target"`); n != 3 {
		t.Errorf("%d instances are chosen, want the 3 that can be cancelled\n%s", n, shortened(all.body))
	}
	waiting := b.get("/bulk/new?operation_type=CANCEL_INSTANCE&status=READY&all=" + id)
	if n := strings.Count(waiting.body, `name="target"`); n != 1 {
		t.Errorf("%d instances are chosen, want the one that waits\n%s", n, shortened(waiting.body))
	}
	b.want(b.get("/bulk/new?all=no-ticket"), http.StatusBadRequest)
}

// TestReviewedElsewhere: a form that was loaded before somebody else's review, at this console or another, makes no second one.
func TestReviewedElsewhere(t *testing.T) {
	t.Parallel()
	c := start(t, builtIn)
	b, boss := c.signedIn(t, "operator", i18n.EnUS), c.signedIn(t, "manager", i18n.EnUS)
	id := strings.TrimPrefix(b.overrideUsed(), "/operations/")
	c.clock.advance(overridesKept)
	boss.want(boss.get("/audit/review"), http.StatusOK, id)
	first := c.only(audit.ActionOverrideUsed)
	first.Sequence, first.Action, first.Actor.UserName = 0, audit.ActionOverrideReviewed, "another"
	if _, err := c.log.Append(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	p := boss.post("/audit/review", url.Values{"operation": {id}, "comment": {"was right"}})
	boss.want(boss.follow(p), http.StatusOK, i18n.For(i18n.EnUS).Review.Empty)
	if r := c.only(audit.ActionOverrideReviewed); r.Actor.UserName != "another" {
		t.Errorf("the review is by %q", r.Actor.UserName)
	}
}

// TestReviewsAreCounted: the metrics and the page tell how many operations were looked at within two days.
func TestReviewsAreCounted(t *testing.T) {
	t.Parallel()
	c := start(t, builtIn)
	b, boss := c.signedIn(t, "operator", i18n.EnUS), c.signedIn(t, "manager", i18n.EnUS)
	count := func(states string) {
		t.Helper()
		all := boss.metrics()
		for state := range strings.FieldsSeq(states) {
			name, n, _ := strings.Cut(state, "=")
			if line := "\ncoc_console_reviews{state=\"" + name + "\"} " + n + "\n"; !strings.Contains(all, line) {
				t.Errorf("the metrics have no %q", line)
			}
		}
	}
	review := func(receipt string) {
		t.Helper()
		boss.want(boss.post("/audit/review", url.Values{"operation": {strings.TrimPrefix(receipt, "/operations/")}, "comment": {"fine"}}), http.StatusSeeOther)
	}
	count("open=0 in_time=0 late=0 overdue=0")
	receipt := b.overrideUsed()
	count("open=1 in_time=0 late=0 overdue=0")
	review(receipt)
	count("open=0 in_time=1 late=0 overdue=0")
	receipt = overrideOn(b, "abnormal")
	c.clock.advance(49 * time.Hour)
	boss = c.signedIn(t, "manager", i18n.EnUS)
	count("open=0 in_time=1 late=0 overdue=1")
	review(receipt)
	count("open=0 in_time=1 late=1 overdue=0")
	boss.want(boss.get("/audit/review?view=reviewed"), http.StatusOK, "50%")
}
