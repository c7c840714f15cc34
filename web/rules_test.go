package web_test

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/internal/simulator"
)

// TestDemandsOnThePage: the confirmation page says beforehand what is wanted,
// and says it again next to the fields, with what was typed kept.
func TestDemandsOnThePage(t *testing.T) {
	t.Parallel()
	for _, language := range []i18n.Language{i18n.EnUS, i18n.ZhCN} {
		t.Run(string(language), func(t *testing.T) {
			c := start(t, builtIn)
			texts := i18n.For(language)
			b := c.signedIn(t, "operator", language)
			p := b.get(c.newOperation("running", "operation_type=CANCEL_ORDER"))
			b.want(p, http.StatusOK, texts.Policy.Count(3), texts.Operation.ImpactOf(i18n.Impact{Operation: "CANCEL_ORDER", Number: 3, Running: 2}), texts.Policy.AskInstead)
			if strings.Contains(p.body, `id="override"`) {
				t.Error("an override is offered where the number is enough")
			}
			form := b.form(p)
			form.Set("reason", "")
			form.Set("count", "<4>")
			p = b.post(c.ticket("running")+"/operations", form)
			b.want(p, http.StatusUnprocessableEntity, texts.Policy.Miscounted(3), "<4>", "field-reason-error")
			c.sentNothing(t)
			form = b.form(p)
			form.Set("reason", "it deletes data")
			form.Set("count", "3")
			b.want(b.follow(b.post(c.ticket("running")+"/operations", form)), http.StatusOK, "it deletes data")
			if got := operate.ParseDetail(c.only(audit.ActionOperationRequested).Detail); got.Stops != 3 || len(got.Policies) == 0 {
				t.Errorf("the request says %+v", got)
			}
		})
	}
}

func TestDeniedOnThePage(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) {
		s.policies = `@id("look") permit (principal, action == Action::"view", resource);
			@id("managers") permit (principal in Role::"managers", action, resource);
			@id("freeze") @en("Nothing is paused in the freeze.") @zh("冻结期间不暂停。") forbid (principal, action == Action::"PAUSE_ORDER", resource);`
	})
	b := c.signedIn(t, "operator", i18n.EnUS)
	texts := i18n.For(i18n.EnUS).Policy
	p := b.get(c.newOperation("running", "operation_type=CANCEL_ORDER"))
	b.want(p, http.StatusOK, texts.NothingAllows, "demo/manager")
	if strings.Contains(p.body, `id="confirm"`) {
		t.Error("what is denied is offered")
	}
	p = b.get(c.newOperation("running", "operation_type=PAUSE_ORDER"))
	b.want(p, http.StatusOK, "Nothing is paused in the freeze.", "freeze")
	boss := c.signedIn(t, "manager", i18n.ZhCN)
	open := boss.get(c.newOperation("running", "operation_type=CANCEL_ORDER"))
	boss.want(open, http.StatusOK)
	form := boss.form(open)
	form.Set("person", b.person())
	form.Set("key", b.key())
	p = b.post(c.ticket("running")+"/operations", form) // a form that the page would not have shown
	b.want(p, http.StatusForbidden, texts.NothingAllows)
	c.sentNothing(t)
	if r := c.only(audit.ActionAccessDenied); r.OperationType != "CANCEL_ORDER" || r.Outcome != audit.OutcomeDenied {
		t.Errorf("the log says %+v", r)
	}
}

// TestPolicyChangesUnderAForm: the rules of the moment of sending count.
func TestPolicyChangesUnderAForm(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/rules.cedar"
	c := start(t, func(s *settings) { s.policyFile, s.policies = path, free })
	b := c.signedIn(t, "operator", i18n.EnUS)
	p := b.get(c.newOperation("running", "operation_type=PAUSE_ORDER"))
	form := b.form(p)
	must(t, os.WriteFile(path, []byte(`@id("none") permit (principal in Role::"managers", action, resource);`), 0o600))
	if changed, err := c.rules.Check(); !changed || err != nil {
		t.Fatalf("changed %v, %v", changed, err)
	}
	b.want(b.post(c.ticket("running")+"/operations", form), http.StatusForbidden)
	c.sentNothing(t)
	must(t, os.WriteFile(path, []byte(`permit`), 0o600))
	if _, err := c.rules.Check(); err == nil {
		t.Error("a broken file was taken up")
	}
	b.want(b.get("/tickets"), http.StatusOK, i18n.For(i18n.EnUS).Policy.Broken)
	b.want(b.get("/metrics"), http.StatusOK, "coc_console_policy_files_broken 1")
}

// TestSecondPerson goes through asking, looking and approving in two browsers.
func TestSecondPerson(t *testing.T) {
	t.Parallel()
	c := start(t, builtIn)
	requester, approver := c.signedIn(t, "operator", i18n.EnUS), c.signedIn(t, "manager", i18n.ZhCN)
	form := requester.form(requester.get(c.newOperation("running", "operation_type=CANCEL_ORDER")))
	form.Set("ask", "1")
	form.Set("reason", "")
	p := requester.post(c.ticket("running")+"/operations", form)
	requester.want(p, http.StatusUnprocessableEntity, "field-reason-error")
	if strings.Contains(p.body, "field-count-error") {
		t.Error("who asks somebody else has to type the number")
	}
	form.Set("reason", "it deletes data")
	p = requester.post(c.ticket("running")+"/operations", form)
	requester.want(p, http.StatusSeeOther)
	at := p.location()
	requester.want(requester.get(at), http.StatusOK, i18n.For(i18n.EnUS).Approval.OwnText)
	requester.want(requester.post(at, url.Values{"decision": {"approve"}}), http.StatusForbidden, i18n.For(i18n.EnUS).Approval.NotYours)
	c.sentNothing(t)
	approver.want(approver.get("/approvals"), http.StatusOK, "running_check", at)
	approver.want(approver.get(at), http.StatusOK, "it deletes data", i18n.For(i18n.ZhCN).Approval.Approve("CANCEL_ORDER"), i18n.For(i18n.ZhCN).Operation.ImpactOf(i18n.Impact{Operation: "CANCEL_ORDER", Number: 3, Running: 2}))
	long := url.Values{"decision": {"approve"}, "comment": {strings.Repeat("审", operate.MaxReason+1)}}
	approver.want(approver.post(at, long), http.StatusUnprocessableEntity, "field-comment-error")
	approver.want(approver.post(at, url.Values{"decision": {"maybe"}}), http.StatusUnprocessableEntity)
	c.sentNothing(t)
	p = approver.post(at, url.Values{"decision": {"approve"}, "comment": {"同意"}, "count": {"2"}})
	approver.want(p, http.StatusUnprocessableEntity, "field-count-error", i18n.For(i18n.ZhCN).Policy.Miscounted(3), "同意")
	c.sentNothing(t)
	p = approver.post(at, url.Values{"decision": {"approve"}, "comment": {"同意"}, "count": {"3"}})
	approver.want(p, http.StatusSeeOther)
	approver.want(approver.get(at), http.StatusOK, "/operations/"+strings.TrimPrefix(at, "/approvals/"), "同意")
	approver.want(approver.post(at, url.Values{"decision": {"approve"}}), http.StatusConflict, i18n.For(i18n.ZhCN).Approval.Gone)
	if n := c.sim.Calls(simulator.CallOperate); n != 1 {
		t.Errorf("%d operations were sent", n)
	}
	requested := c.only(audit.ActionOperationRequested)
	if requested.Actor.UserName != "operator" || operate.ParseDetail(requested.Detail).ApprovedBy != "demo/manager" {
		t.Errorf("the request says %+v", requested)
	}
	requester.want(requester.settled("/operations/"+requested.OperationID), http.StatusOK)
}

// TestJobOverHTTP chooses instances, confirms, and reads and carries away what
// came of it.
func TestJobOverHTTP(t *testing.T) {
	t.Parallel()
	c := start(t, builtIn)
	b := c.signedIn(t, "operator", i18n.EnUS)
	texts := i18n.For(i18n.EnUS)
	uuid := c.sim.UUID("running")
	for _, bad := range []string{"", "?operation_type=CANCEL_INSTANCE", "?operation_type=SKIP_BATCH&target=" + uuid,
		"?operation_type=CANCEL_INSTANCE&target=" + uuid, "?operation_type=PAUSE_ORDER&target=" + uuid + "&target=" + uuid,
		"?operation_type=CANCEL_INSTANCE&target=" + uuid + ".x.1", "?operation_type=CANCEL_INSTANCE&target=%00"} {
		b.want(b.get("/bulk/new"+bad), http.StatusUnprocessableEntity)
	}
	p := b.get("/bulk/new?operation_type=CANCEL_INSTANCE&target=" + uuid + ".1001.1&target=" + uuid + ".1003.2&target=" + uuid + ".999.1")
	b.want(p, http.StatusOK, texts.Field.NoSuchInstance, texts.Bulk.Drop)
	if strings.Contains(p.body, `id="confirm"`) {
		t.Error("a job with a wrong target is offered")
	}
	p = b.get("/bulk/new?operation_type=CANCEL_INSTANCE&target=" + uuid + ".1001.1&target=" + uuid + ".1003.2")
	b.want(p, http.StatusOK, texts.Operation.ImpactOf(i18n.Impact{Operation: "CANCEL_INSTANCE", Number: 2, Running: 1}))
	form := b.form(p)
	p = b.post("/bulk", form)
	b.want(p, http.StatusUnprocessableEntity, "field-reason-error")
	c.sentNothing(t)
	form = b.form(p)
	form.Set("reason", "=stuck")
	p = b.post("/bulk", form)
	b.want(p, http.StatusSeeOther)
	at := p.location()
	if again := b.post("/bulk", form); again.location() != at {
		t.Errorf("the same form again: %d %s", again.StatusCode, again.location())
	}
	b.want(b.settled(at), http.StatusOK, texts.Bulk.Completed, texts.Word.Action.Of("operation.observed"))
	if n := c.sim.Calls(simulator.CallOperate); n != 2 {
		t.Errorf("%d operations were sent", n)
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(b.get(at+"/result.csv").body, "\uFEFF"))).ReadAll()
	must(t, err)
	if len(rows) != 3 || rows[1][2] != "1001" || rows[2][7] != "operation.observed" {
		t.Errorf("the result is %v", rows)
	}
	other := c.signedIn(t, "reader", i18n.EnUS)
	other.want(other.get(at), http.StatusNotFound)
	other.want(other.post(at, url.Values{"do": {"stop"}}), http.StatusNotFound)
	b.want(b.get("/bulk"), http.StatusOK, at)
	b.want(b.post(at, url.Values{"do": {"jump"}}), http.StatusUnprocessableEntity)
}

// TestJobWithALateError: an item whose effect comes, while COC answers with an
// error, is not told as failed, nor as done by it.
func TestJobWithALateError(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		c := start(t)
		b := c.signedIn(t, "operator", language)
		c.sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Code: "COC.00000001", Message: "internal error", Late: true, Times: 1})
		uuid := c.sim.UUID("running")
		form := b.form(b.get("/bulk/new?operation_type=CANCEL_INSTANCE&target=" + uuid + ".1001.1&target=" + uuid + ".1003.2"))
		form.Set("reason", "stuck")
		p := b.post("/bulk", form)
		b.want(p, http.StatusSeeOther)
		done := b.settled(p.location())
		b.want(done, http.StatusOK, texts.Word.Action.Of("operation.observed"), texts.Word.Note.Of(string(operate.NoteUnattributed)))
		if strings.Contains(done.body, texts.Word.Action.Of("operation.rejected")) {
			t.Error("it is told as rejected")
		}
		if n := len(c.records(audit.ActionOperationUnknown)); n != 1 || len(c.records(audit.ActionOperationRejected)) != 0 {
			t.Errorf("%d answers are unknown", n)
		}
	})
}

// TestJobResultOfEveryKind: each item of a job ends by itself, and the table
// that is carried away tells how, safe for spreadsheets.
func TestJobResultOfEveryKind(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) {
		fifth := tickets()[1]
		fifth.Scenario, fifth.Name = "fifth", "=fifth"
		s.tickets = append(s.tickets, fifth)
	})
	b := c.signedIn(t, "operator", i18n.EnUS)
	for _, f := range []simulator.Fault{
		{Ticket: "abnormal", Status: http.StatusForbidden, Code: "COC.0403", Message: "=HYPERLINK(1)"},
		{Ticket: "paused", Effect: simulator.Reset}, // unknown at first
		{Ticket: "fifth", Effect: simulator.NoEffect},
	} {
		f.Kind = simulator.CallOperate
		c.sim.Inject(f)
	}
	query := url.Values{"operation_type": {"CANCEL_ORDER"}}
	scenarios := []string{"running", "abnormal", "paused", "fifth"}
	for _, s := range scenarios {
		query.Add("target", c.sim.UUID(s))
	}
	form := b.form(b.get("/bulk/new?" + query.Encode()))
	form.Set("reason", "all of them are wrong")
	p := b.post("/bulk", form)
	b.want(p, http.StatusSeeOther)
	b.want(b.settled(p.location()), http.StatusOK, escaped("COC.0403"), "/bulk/new?")
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(b.get(p.location()+"/result.csv").body, "\uFEFF"))).ReadAll()
	must(t, err)
	want := map[string]string{"running": "operation.observed", "abnormal": "operation.rejected", "paused": "operation.not_observed", "fifth": "operation.not_observed"}
	if len(rows) != 1+len(scenarios) {
		t.Fatalf("the result is %v", rows)
	}
	for i, s := range scenarios {
		row := rows[i+1]
		if row[1] != c.sim.UUID(s) || row[5] != "CANCEL_ORDER" || row[7] != want[s] {
			t.Errorf("%s: %v, want %s", s, row, want[s])
		}
		for _, cell := range row {
			if strings.HasPrefix(cell, "=") {
				t.Errorf("%q is a formula", cell)
			}
		}
	}
	if !strings.Contains(rows[2][8], "COC.0403") || !strings.Contains(rows[2][8], "=HYPERLINK(1)") {
		t.Errorf("the refusal is not verbatim: %q", rows[2][8])
	}
	if n := c.sim.Calls(simulator.CallOperate); n != len(scenarios) {
		t.Errorf("%d operations were sent", n)
	}
}

// TestAskedFormIsNotSentDirectly: the form of a request for approval, posted
// again with the number typed, sends nothing; a new form does, and an answer
// after that changes nothing.
func TestAskedFormIsNotSentDirectly(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		c := start(t, builtIn)
		b, approver := c.signedIn(t, "operator", language), c.signedIn(t, "manager", language)
		form := b.form(b.get(c.newOperation("running", "operation_type=CANCEL_ORDER")))
		form.Set("reason", "it deletes data")
		form.Set("ask", "1")
		at := b.post(c.ticket("running")+"/operations", form).location()
		form.Del("ask")
		form.Set("count", "3")
		p := b.post(c.ticket("running")+"/operations", form)
		b.want(p, http.StatusConflict, texts.Problem.KeyApproval.Heading, "it deletes data")
		c.sentNothing(t)
		fresh := b.form(p)
		if fresh.Get("key") == form.Get("key") || fresh.Get("key") == "" {
			t.Fatalf("the key is %q", fresh.Get("key"))
		}
		fresh.Set("count", "3")
		b.want(b.post(c.ticket("running")+"/operations", fresh), http.StatusSeeOther)
		approver.want(approver.post(at, url.Values{"decision": {"approve"}}), http.StatusSeeOther)
		approver.want(approver.get(at), http.StatusOK, texts.Approval.State.Of("returned"))
		if n := c.sim.Calls(simulator.CallOperate); n != 1 {
			t.Errorf("%d operations were sent", n)
		}
	})
}
