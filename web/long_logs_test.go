package web_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/internal/simulator"
)

// TestTicketWithLongLogs: a batch whose logs take more than an answer may hold
// is shown and operated as any other.
func TestTicketWithLongLogs(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("ten mebibytes, again and again: only large")
	}
	log := strings.Repeat("0123456789abcde\n", 1<<16) // a mebibyte
	batch := simulator.BatchSpec{}
	for i := range int64(10) {
		batch.Instances = append(batch.Instances, simulator.InstanceSpec{ID: 4001 + i, Host: "web-" + strconv.FormatInt(i, 10), IP: "10.0.0.7",
			Region: "cn-north-4", Run: time.Second, Log: log})
	}
	batch.Instances[9].ExitCode = 1
	running := simulator.InstanceSpec{ID: 4101, Host: "web-10", IP: "10.0.0.8", Region: "cn-north-4", Run: 20 * time.Minute}
	c := start(t, func(s *settings) {
		s.tickets = append(s.tickets, simulator.TicketSpec{Scenario: "long", Name: "long_logs", Creator: "operator", Timeout: 25 * time.Minute,
			SuccessRate: 50, Age: 10 * time.Minute, Batches: []simulator.BatchSpec{batch, {Instances: []simulator.InstanceSpec{running}}}})
	})
	b := c.signedIn(t, "operator", i18n.EnUS)
	p := b.get(c.ticket("long"))
	b.want(p, http.StatusOK, "long_logs", "web-0", "web-9", "web-10")
	if strings.Contains(p.body, i18n.For(i18n.EnUS).Problem.UpstreamBadAnswer.Heading) {
		t.Error("the page shows a failure")
	}
	if p := b.get("/metrics"); !strings.Contains(p.body, `{call="list_instances",result="bad_answer",service="coc"}`) {
		t.Error("no answer was too large: this tests nothing")
	}
	b.want(b.get("/readyz"), http.StatusOK, "coc: ok")
	b.want(b.get(c.ticket("long")+"/instances/4010"), http.StatusOK, "0123456789abcde")
	if p := b.get(c.ticket("long") + "/instances/4010/log"); p.StatusCode != http.StatusOK || len(p.body) < 1<<20 {
		t.Errorf("the log: status %d, %d bytes", p.StatusCode, len(p.body))
	}
	form := b.form(b.get(c.newOperation("long", "operation_type=CANCEL_ORDER")))
	form.Set("reason", "it is over")
	p = b.post(c.ticket("long")+"/operations", form)
	b.want(p, http.StatusSeeOther)
	b.want(b.settled(p.location()), http.StatusOK)
	if n := len(c.records(audit.ActionOperationObserved)); n != 1 {
		t.Errorf("%d observed", n)
	}
}
