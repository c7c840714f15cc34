package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/internal/simulator"
)

// TestSwitchProject: with a token that IAM gives in exchange the same person goes on in another project; the log has it,
// and forms of the former project are refused.
func TestSwitchProject(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		c := start(t)
		b := c.signedIn(t, "operator", language)
		form := b.person() // of a page of the former project
		b.want(b.get("/project"), http.StatusOK, "cn-north-4", "ap-southeast-3", texts.Frame.SwitchProject)
		cookie := b.cookie()
		p := b.post("/project", url.Values{"project": {"ap-southeast-3"}})
		if p.location() != "/tickets" || b.cookie() == cookie {
			t.Fatalf("%d, to %q", p.StatusCode, p.location())
		}
		b.want(b.follow(p), http.StatusOK, "ap-southeast-3")
		if p := b.get("/session"); !strings.Contains(p.body, `"in":"ap-southeast-3"`) {
			t.Errorf("the session is %s", p.body)
		}
		b.want(b.send(c.ticket("running")+"/operations", url.Values{"person": {form}, "operation_type": {"PAUSE_ORDER"}, "reason": {"because"}}),
			http.StatusConflict, texts.Problem.OtherProject.Heading, "because")
		if n := c.sim.Calls(simulator.CallOperate); n != 0 {
			t.Errorf("%d operations were sent", n)
		}
		all := c.records(audit.ActionSessionSwitched)
		if len(all) != 1 || !strings.HasPrefix(all[0].Detail, "from=cn-north-4 to=ap-southeast-3") || all[0].Actor.ProjectName != "ap-southeast-3" {
			t.Errorf("the log has %+v", all)
		}
		b.want(b.follow(b.post("/project", url.Values{"project": {"cn-north-4"}})), http.StatusOK, "cn-north-4")
	})
}

// TestProjectRefused: without a token in exchange the page that signs in is filled in, says why, and the session goes on.
func TestProjectRefused(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) { s.rules = func(r *simulator.Rules) { r.NoRescope = true } })
	b := c.signedIn(t, "operator", i18n.EnUS)
	texts := i18n.For(i18n.EnUS)
	p := b.post("/project", url.Values{"project": {"ap-southeast-3"}})
	b.want(p, http.StatusUnprocessableEntity, texts.SignInProblem.NotSwitched("ap-southeast-3"), "identity:rescope")
	for _, filled := range []string{`value="demo"`, `value="operator"`, `value="ap-southeast-3"`} {
		if !strings.Contains(p.body, filled) {
			t.Errorf("the form lacks %s", filled)
		}
	}
	b.want(b.get("/tickets?status=any"), http.StatusOK, "cn-north-4", "running_check")
	b.want(b.post("/project", url.Values{"project": {"mars"}}), http.StatusUnprocessableEntity)
	b.want(b.post("/project", url.Values{"project": {strings.Repeat("x", 300)}}), http.StatusUnprocessableEntity)
	b.want(b.send("/sign-in", url.Values{"account": {"demo"}, "user": {"operator"}, "password": {"operator"}, "project": {"ap-southeast-3"},
		"return": {"/tickets"}}), http.StatusSeeOther)
	b.want(b.get("/tickets"), http.StatusOK, "ap-southeast-3")
	if all := c.records(audit.ActionSessionSwitched); len(all) != 2 || all[0].Outcome != audit.OutcomeFailed {
		t.Errorf("the log has %+v", all)
	}
}
