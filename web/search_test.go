package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"

	"coc-console/audit"
	"coc-console/internal/i18n"
)

// TestAuditSearch: the search box and the controls narrow together, and what
// is wrong is said with its word.
func TestAuditSearch(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		c := start(t)
		operator := c.signedIn(t, "operator", language)
		operator.settled(operator.apply(c.newOperation("running", "operation_type=PAUSE_ORDER"), "磁盘已满 on db-7").location())
		operator.get("/tickets?name=other")
		b := c.signedIn(t, "manager", language)
		operations := c.records(audit.ActionOperationRequested, audit.ActionOperationAccepted, audit.ActionOperationObserved)
		var all []string
		for _, r := range slices.Backward(operations) {
			all = append(all, number(r.Sequence))
		}
		requested := []string{number(operations[0].Sequence)}
		for q, want := range map[string][]string{
			"db-7": all, "磁盘": all, `"已满 on"`: all, "actor:operator db-7": all, "actor:manager db-7": nil,
			"action:operation.requested": requested, "db-7 outcome:pending": requested, "db-7 -outcome:succeeded": requested,
			"ticket:" + c.sim.UUID("running") + " action:operation.": all, "operation:PAUSE_ORDER after:2020-01-01": all,
			"db-7 before:2020-01-01": nil, "nowhere": nil,
		} {
			p := b.get("/audit?q=" + url.QueryEscape(q))
			b.want(p, http.StatusOK, q)
			if got := shown(p); !slices.Equal(got, want) {
				t.Errorf("%s shows %v, want %v", q, got, want)
			}
		}
		p := b.get("/audit?outcome=pending&q=db-7")
		if got := shown(p); !slices.Equal(got, requested) {
			t.Errorf("box and control show %v, want %v", got, requested)
		}
		for q, says := range map[string]string{
			"colour:red": texts.Field.Query.Qualifier("colour:red"), `"open`: texts.Field.Query.Quote(`"open`),
			"a b c d e f g h i j k": texts.Field.Query.Many(10), "w*": texts.Field.Query.Short("w*"), "-lo*": texts.Field.Query.Short("lo*"),
			"after:tomorrow": texts.Field.Query.Time("tomorrow"), "actor:": texts.Field.Query.Empty("actor:"),
		} {
			b.want(b.get("/audit?q="+url.QueryEscape(q)), http.StatusUnprocessableEntity, says)
		}
		b.want(b.get("/audit?person=manager&q=actor:operator"), http.StatusUnprocessableEntity, texts.Field.Query.Twice("manager"))
	})
}

// TestAuditSearchWidensNothing: who is no manager finds by search what they
// may see, and no more.
func TestAuditSearchWidensNothing(t *testing.T) {
	t.Parallel()
	c := start(t)
	manager := c.signedIn(t, "manager", i18n.EnUS)
	manager.settled(manager.apply(c.newOperation("running", "operation_type=PAUSE_ORDER"), "secretword").location())
	b := c.signedIn(t, "operator", i18n.EnUS)
	for _, q := range []string{"secretword", "actor:manager", "-actor:operator", "ticket:nonsense", "action:operation."} {
		p := b.get("/audit?q=" + url.QueryEscape(q))
		b.want(p, http.StatusOK)
		if got := shown(p); len(got) != 0 {
			t.Errorf("%s shows %v", q, got)
		}
	}
	// What was done to a ticket that they can open is theirs to see.
	if got := shown(b.get("/audit?q=" + url.QueryEscape("secretword ticket:"+c.sim.UUID("running")))); len(got) != 3 {
		t.Errorf("of a ticket that they can open, the search shows %v", got)
	}
}
