package web_test

import (
	"net/http"
	"strings"
	"testing"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/internal/simulator"
)

// european is an endpoint that says ERROR where others say ABNORMAL, and
// refuses the other word.
func european(s *settings) { s.rules = func(r *simulator.Rules) { r.ErrorForAbnormal = true } }

// TestEuropeanEndpoint: a ticket in ERROR waits for a decision in the list, can
// be filtered for, is read on, and goes on when somebody says so.
func TestEuropeanEndpoint(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		c := start(t, hastyLists, european)
		b := c.signedIn(t, "operator", language)
		p := b.get("/tickets?status=any")
		b.want(p, http.StatusOK, texts.List.DecisionsOf(2, false))
		row := b.row(b.get("/tickets?status=attention"), "ticket-", "abnormal")
		if !strings.Contains(row, `data-status="ERROR"`) || !strings.Contains(row, escaped(texts.Word.TicketStatus.Of("ABNORMAL"))) {
			t.Errorf("the row is %s", row)
		}
		for _, word := range []string{"ERROR", "ABNORMAL"} { // an address from elsewhere works, too
			p := b.get("/tickets?status=" + word)
			if b.want(p, http.StatusOK); b.row(p, "ticket-", "abnormal") == "" || b.row(p, "ticket-", "running") != "" {
				t.Errorf("the list of %s does not have it, or has others", word)
			}
		}
		c.poll(t, "the batch is read, too", func() bool {
			p = b.get(c.ticket("abnormal"))
			return strings.Contains(p.body, `data-verdict="STOPPED"`)
		})
		b.want(p, http.StatusOK, `data-refresh`)
		for _, op := range []string{"CONTINUE_ORDER", "SKIP_BATCH", "CANCEL_ORDER"} {
			if !strings.Contains(p.body, "operation_type="+op) {
				t.Errorf("%s is not offered", op)
			}
		}
		b.want(b.get(c.newOperation("abnormal", "operation_type=PAUSE_ORDER")), http.StatusOK, texts.Word.Refusal.Of("ticket_not_running"))
		b.settled(b.apply(c.newOperation("abnormal", "operation_type=SKIP_BATCH&batch_index=2"), "not needed").location())
		if end := c.only(audit.ActionOperationObserved); end.OperationType != "SKIP_BATCH" {
			t.Errorf("the end is %+v", end)
		}
		c.poll(t, "one is left to decide", func() bool {
			return strings.Contains(b.get("/tickets?status=any").body, escaped(texts.List.DecisionsOf(1, false)))
		})
	})
}

// TestRolledBackTicket: a ticket that was rolled back is over: nothing is offered, and
// nobody has to decide.
func TestRolledBackTicket(t *testing.T) {
	t.Parallel()
	c := start(t, hastyLists, func(s *settings) { s.rules = func(r *simulator.Rules) { r.RollBack = true } })
	b := c.signedIn(t, "operator", i18n.EnUS)
	texts := i18n.For(i18n.EnUS)
	b.want(b.get("/tickets?status=any"), http.StatusOK, texts.List.DecisionsOf(1, false)) // the paused one
	p := b.get(c.ticket("abnormal"))
	b.want(p, http.StatusOK, texts.Course.Lead.Of("ROLLBACKED"), texts.Word.InstanceStatus.Of("ROLLBACKED"))
	b.want(b.get(c.newOperation("abnormal", "operation_type=CANCEL_ORDER")), http.StatusOK, texts.Word.Refusal.Of("ticket_over"))
	c.sentNothing(t)
}
