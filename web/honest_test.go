package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"coc-console/internal/i18n"
	"coc-console/internal/simulator"
)

// TestDecisionsWhateverIsFiltered: that nothing needs a decision is said only
// where nothing does.
func TestDecisionsWhateverIsFiltered(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		c := start(t, hastyLists)
		b := c.signedIn(t, "operator", language)
		for _, query := range []string{"", "?name=nothing", "?creator=nobody", "?status=FINISHED", "?status=ABNORMAL", "?from=2030-01-01T00:00Z",
			"?name=running&status=PROCESSING", "?scope=mine&name=nothing", "?to=2020-01-01T00:00Z"} {
			p := b.get("/tickets" + query)
			b.want(p, http.StatusOK, texts.List.DecisionsOf(2, false))
		}
		other := c.signedIn(t, "manager", language) // whose tickets these are not
		p := other.get("/tickets?scope=mine")
		other.want(p, http.StatusOK, texts.List.DecisionsOf(2, false))
		p = b.get("/tickets?status=attention&name=abnormal")
		b.want(p, http.StatusOK, texts.List.DecisionsOf(2, false), "abnormal_check")
		if strings.Contains(p.body, "paused_check") {
			t.Error("what needs attention is not narrowed by the name")
		}
	})
}

// TestFirstVisitAfterATicket: who opened a ticket before the list has no last
// visit, whatever has become of the ticket.
func TestFirstVisitAfterATicket(t *testing.T) {
	t.Parallel()
	c := start(t, hastyLists)
	b, boss := c.signedIn(t, "operator", i18n.EnUS), c.signedIn(t, "manager", i18n.EnUS)
	b.want(b.get(c.ticket("running")), http.StatusOK)
	form := boss.form(boss.get(c.newOperation("running", "operation_type=PAUSE_ORDER")))
	boss.want(boss.settled(boss.post(c.ticket("running")+"/operations", form).location()), http.StatusOK)
	for _, later := range []time.Duration{0, time.Minute, time.Hour} {
		c.clock.advance(later)
		p := b.get("/tickets?status=any")
		b.want(p, http.StatusOK)
		if strings.Contains(p.body, "0001-01-01") {
			t.Errorf("after %v: %s", later, shortened(p.body))
		}
	}
}

// TestReceiptBesideItsTicket: a receipt never says that an effect is awaited
// beside a ticket that shows it.
func TestReceiptBesideItsTicket(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		c := start(t, func(s *settings) { s.poll, s.deadline = time.Hour, 2*time.Hour })
		b := c.signedIn(t, "operator", language)
		for _, tt := range []struct{ scenario, operation, status, says string }{
			{"running", "PAUSE_ORDER", "PAUSED", "shows"}, {"paused", "CONTINUE_ORDER", "PROCESSING", "shows"},
			{"abnormal", "CANCEL_ORDER", "CANCELED", "shows"},
		} {
			form := b.form(b.get(c.newOperation(tt.scenario, "operation_type="+tt.operation)))
			receipt := b.post(c.ticket(tt.scenario)+"/operations", form).location()
			p := b.get(receipt)
			b.want(p, http.StatusOK, texts.Receipt.Verdict.Of(tt.says), texts.Receipt.StepShowing.Of(tt.says))
			if !strings.Contains(p.body, `id="now" data-status="`+tt.status+`"`) || strings.Contains(p.body, texts.Receipt.Verdict.Of("operation.accepted")) || strings.Contains(p.body, `"hint">`+texts.Receipt.StepPending) {
				t.Errorf("%s is awaited beside a ticket that is %s\n%s", tt.operation, tt.status, shortened(p.body))
			}
		}
	})
}

// TestChartEndsNow: no part of the chart is to come.
func TestChartEndsNow(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "manager", i18n.EnUS)
	for range 3 {
		b.want(b.get("/tickets?status=any"), http.StatusOK)
	}
	moments := regexp.MustCompile(`datetime="([^"]+)"`)
	for _, after := range []time.Duration{0, 3 * time.Minute, 5 * time.Hour, 40 * 24 * time.Hour} {
		c.clock.advance(after)
		b := c.signedIn(t, "manager", i18n.EnUS)
		for _, query := range []string{"", "?from=" + url.QueryEscape(c.clock.now().Add(-90*time.Minute).Format(time.RFC3339))} {
			p := b.get("/audit" + query)
			b.want(p, http.StatusOK)
			_, figure, _ := strings.Cut(p.body, `<figure`)
			figure, _, _ = strings.Cut(figure, `</figure>`)
			found := moments.FindAllStringSubmatch(figure, -1)
			if len(found) == 0 {
				t.Fatalf("the chart has no times\n%.500s", figure)
			}
			for _, m := range found {
				at, err := time.Parse(time.RFC3339, m[1])
				must(t, err)
				if at.After(c.clock.now()) {
					t.Errorf("%s, %v later: the chart has %s, and it is %s", query, after, m[1], c.clock.now().UTC().Format(time.RFC3339))
				}
			}
			last, err := time.Parse(time.RFC3339, found[len(found)-1][1])
			must(t, err)
			if c.clock.now().Sub(last) > time.Minute {
				t.Errorf("%s, %v later: the chart ends at %v", query, after, last)
			}
		}
	}
}

// TestListsSayThatTheyAreOld: rows that could not be read again are shown with
// the reason, from the first reading that failed.
func TestListsSayThatTheyAreOld(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		query    string
		language i18n.Language
		fault    simulator.Fault
		says     func(p *i18n.Problems) i18n.Message
	}{
		{"?status=any", i18n.EnUS, simulator.Fault{Status: 500, Code: "COC.00500000", Message: "ouch"}, func(p *i18n.Problems) i18n.Message { return p.UpstreamFailed }},
		{"?name=check", i18n.ZhCN, simulator.Fault{Effect: simulator.HTMLBody, Status: 200}, func(p *i18n.Problems) i18n.Message { return p.UpstreamBadAnswer }},
		{"?scope=mine", i18n.EnUS, simulator.Fault{Effect: simulator.Reset}, func(p *i18n.Problems) i18n.Message { return p.UpstreamBroken }},
		{"?status=PROCESSING", i18n.EnUS, simulator.Fault{Status: 429, Code: "APIGW.0308", Message: "throttled", Gateway: true},
			func(p *i18n.Problems) i18n.Message { return p.UpstreamThrottled }},
	} {
		t.Run(tt.query, func(t *testing.T) {
			c := start(t, hastyLists)
			b := c.signedIn(t, "operator", tt.language)
			if p := b.get("/tickets" + tt.query); strings.Contains(p.body, "notice-warning") || !strings.Contains(p.body, "running_check") {
				t.Fatalf("before any trouble: %s", shortened(p.body))
			}
			tt.fault.Kind = simulator.CallListTickets
			defer c.sim.Inject(tt.fault)()
			var p page
			eventually(t, "the list says that it is old", func() bool {
				p = b.get("/tickets" + tt.query)
				return strings.Contains(p.body, "notice-warning")
			})
			b.want(p, http.StatusOK, "running_check", tt.says(&i18n.For(tt.language).Problem).Heading)
		})
	}
}
