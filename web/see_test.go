package web_test

import (
	"net/http"
	"strings"
	"testing"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/internal/simulator"
	"coc-console/web"
)

// hiding lets the operator see every ticket but the paused one.
const hiding = free + `@id("hidden") @en("This ticket is kept quiet.") @zh("此工单不公开。")
	forbid (principal, action == Action::"view", resource) when { resource.name == "paused_check" } unless { principal in Role::"managers" };`

// TestHiddenTicket goes through every address below a ticket: none of them
// tells anything of a ticket that the rules hide. A new route is found here.
func TestHiddenTicket(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) { s.policies = hiding })
	b, boss := c.signedIn(t, "operator", i18n.EnUS), c.signedIn(t, "manager", i18n.EnUS)
	fields := "?operation_type=CONTINUE_ORDER&batch=1"
	for _, r := range web.Addresses() {
		if !strings.HasPrefix(r.Path, "/tickets/:execute_uuid") || r.Method != http.MethodGet {
			continue
		}
		path := strings.NewReplacer(":execute_uuid", c.sim.UUID("paused"), ":id", "2001").Replace(r.Path) + fields
		t.Run(r.Path, func(t *testing.T) {
			p := b.in(t).get(path)
			b.in(t).want(p, http.StatusForbidden, i18n.For(i18n.EnUS).Problem.Hidden.Heading, "This ticket is kept quiet.", "hidden", "demo/manager")
			if strings.Contains(p.body, "paused_check") || strings.Contains(p.body, "10.0.0.7") {
				t.Error("the page tells of the ticket")
			}
		})
	}
	chinese := c.signedIn(t, "operator", i18n.ZhCN)
	chinese.want(chinese.get(c.ticket("paused")), http.StatusForbidden, "此工单不公开。")
	boss.want(boss.get(c.ticket("paused")), http.StatusOK, "paused_check")
	if denials := c.records(audit.ActionAccessDenied); len(denials) == 0 || denials[0].Ticket != c.sim.UUID("paused") ||
		operate.ParseDetail(denials[0].Detail).Policies[0] != "hidden" {
		t.Errorf("the log says %+v", denials)
	}
}

// TestHiddenElsewhere: lists, receipts, the log, jobs and forms do not tell either.
func TestHiddenElsewhere(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) { s.policies = hiding })
	b, boss := c.signedIn(t, "operator", i18n.EnUS), c.signedIn(t, "manager", i18n.EnUS)
	form := boss.form(boss.get(c.newOperation("paused", "operation_type=CONTINUE_ORDER")))
	receipt := boss.post(c.ticket("paused")+"/operations", form).location()
	boss.want(boss.settled(receipt), http.StatusOK)
	b.want(b.get(receipt), http.StatusForbidden)
	p := b.get("/tickets?status=any")
	b.want(p, http.StatusOK, i18n.For(i18n.EnUS).Tickets.Hidden(1), "running_check")
	if strings.Contains(p.body, "paused_check") || strings.Contains(p.body, c.sim.UUID("paused")) {
		t.Error("the list tells of the ticket")
	}
	if p := boss.get("/tickets?status=any"); strings.Contains(p.body, `id="hidden"`) {
		t.Error("a manager's list hides something")
	}
	if p := b.get("/audit?ticket=" + c.sim.UUID("paused")); strings.Contains(p.body, `data-action="operation.`) || strings.Contains(p.body, "paused_check") {
		t.Errorf("the log tells of the ticket\n%s", shortened(p.body))
	}
	sent := c.sim.Calls(simulator.CallOperate)
	own := b.form(b.get(c.newOperation("running", "operation_type=PAUSE_ORDER")))
	own.Set("operation_type", "CONTINUE_ORDER")
	b.want(b.post(c.ticket("paused")+"/operations", own), http.StatusForbidden)
	p = b.get("/bulk/new?operation_type=CANCEL_ORDER&target=" + c.sim.UUID("paused"))
	if strings.Contains(p.body, `id="confirm"`) || strings.Contains(p.body, "paused_check") {
		t.Errorf("a job tells of the ticket\n%s", shortened(p.body))
	}
	if n := c.sim.Calls(simulator.CallOperate); n != sent {
		t.Errorf("%d operations were sent", n-sent)
	}
}

// TestOffers: what the rules deny is on the page, without an address, with the
// reason and whom to ask.
func TestOffers(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) {
		s.policies = free + `@id("no-cancel") @en("Only managers cancel.") @zh("仅管理员可取消。")
			forbid (principal, action in [Action::"CANCEL_ORDER", Action::"CANCEL_INSTANCE"], resource) unless { principal in Role::"managers" };`
	})
	for _, language := range []i18n.Language{i18n.EnUS, i18n.ZhCN} {
		b := c.signedIn(t, "operator", language)
		text := map[i18n.Language]string{i18n.EnUS: "Only managers cancel.", i18n.ZhCN: "仅管理员可取消。"}[language]
		for _, path := range []string{c.ticket("running"), c.ticket("running") + "/instances/1001?batch=1"} {
			p := b.get(path)
			b.want(p, http.StatusOK, text, "demo/manager", i18n.For(language).Policy.Contacts)
			if strings.Contains(p.body, "operation_type=CANCEL") {
				t.Errorf("%s offers what is denied", path)
			}
		}
		if p := b.get(c.ticket("running")); !strings.Contains(p.body, "operation_type=PAUSE_ORDER") {
			t.Error("what is allowed is not offered")
		}
	}
	boss := c.signedIn(t, "manager", i18n.EnUS)
	if p := boss.get(c.ticket("running")); !strings.Contains(p.body, "operation_type=CANCEL_ORDER") || !strings.Contains(p.body, "operation_type=CANCEL_INSTANCE") {
		t.Error("a manager is not offered what they may do")
	}
}

// TestExportByTheRules: what may be read need not be carried away.
func TestExportByTheRules(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) {
		s.policies = free + `@id("stays-here") @en("The log stays here.") @zh("日志不得带走。") forbid (principal, action == Action::"export", resource);`
	})
	boss := c.signedIn(t, "manager", i18n.EnUS)
	for _, format := range []string{"csv", "jsonl", "bundle"} {
		boss.want(boss.get("/audit/export?format="+format), http.StatusForbidden, "The log stays here.")
	}
	if p := boss.get("/audit"); strings.Contains(p.body, "/audit/export") {
		t.Error("what is denied is offered")
	}
	if found := c.records(audit.ActionAuditExported); len(found) > 0 {
		t.Errorf("the log says %+v", found)
	}
	b := c.signedIn(t, "operator", i18n.EnUS) // what they did themselves
	b.want(b.get("/audit/export?format=csv"), http.StatusOK)
	other := start(t, builtIn)
	b = other.signedIn(t, "operator", i18n.EnUS)
	b.want(b.get("/audit/export?format=csv"), http.StatusOK)
	boss = other.signedIn(t, "manager", i18n.EnUS)
	boss.want(boss.get("/audit/export?format=jsonl"), http.StatusOK)
}
