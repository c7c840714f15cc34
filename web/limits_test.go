package web_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/internal/ratelimit"
)

func limits(k ratelimit.Kind, n int) func(*settings) {
	return func(s *settings) {
		l := ratelimit.Default(1000).With(k, n)
		s.limits = &l
	}
}

// refused is an answer to one who has used up a limit.
func (b *browser) refused(p page, texts *i18n.Texts, k ratelimit.Kind) {
	b.t.Helper()
	b.want(p, http.StatusTooManyRequests, texts.Problem.Limited.Heading, texts.Problem.LimitedBy.Of(string(k)))
	if n, err := strconv.Atoi(p.Header.Get("Retry-After")); err != nil || n < 1 || n > 3600 {
		b.t.Errorf("Retry-After is %q", p.Header.Get("Retry-After"))
	}
}

// TestLimitsOfOnePerson: whoever reads too much is stopped with a page, in all
// of their sessions; they can still operate and sign out, others read on, and
// the log says it once a minute.
func TestLimitsOfOnePerson(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		for _, k := range []ratelimit.Kind{ratelimit.Requests, ratelimit.Records} {
			t.Run(string(k), func(t *testing.T) {
				c := start(t, limits(k, 12))
				b, same := c.signedIn(t, "operator", language), c.signedIn(t, "operator", language)
				other := c.signedIn(t, "manager", language)
				n := 0
				for ; n < 50; n++ {
					if p := b.get("/tickets?name=x" + strconv.Itoa(n)); p.StatusCode != http.StatusOK {
						b.refused(p, texts, k)
						break
					}
				}
				if n < 10 || n > 13 {
					t.Errorf("%d pages at once, want about 12", n)
				}
				for range 5 {
					same.refused(same.get("/audit"), texts, k)
				}
				other.want(other.get("/tickets"), http.StatusOK)
				p := b.get(c.newOperation("running", "operation_type=PAUSE_ORDER"))
				b.want(p, http.StatusOK)
				b.want(b.follow(b.post(c.ticket("running")+"/operations", b.form(p))), http.StatusOK)
				b.want(b.post("/sign-out", nil), http.StatusSeeOther)

				r := c.only(audit.ActionAccessThrottled)
				if r.Actor.UserName != "operator" || r.Detail != "limit="+string(k)+" count=1" || r.Outcome != audit.OutcomeDenied || r.Origin.Session == "" {
					t.Errorf("the record is %+v", r)
				}
				c.clock.advance(time.Minute)
				c.people.Flush(false)
				c.people.Flush(false)
				if all := c.records(audit.ActionAccessThrottled); len(all) != 2 || all[1].Detail != "limit="+string(k)+" count=5" {
					t.Errorf("the records are %+v", all)
				}
				if line := `coc_console_requests_limited_total{limit="` + string(k) + `"} 6`; !strings.Contains(other.metrics(), line) {
					t.Errorf("the metrics have no %s", line)
				}
				c.clock.advance(6 * time.Minute)
				same.want(same.get("/audit"), http.StatusOK)
			})
		}
	})
}

// TestOperationsAreLimitedToo: what was typed is kept, and nothing is sent.
func TestOperationsAreLimitedToo(t *testing.T) {
	t.Parallel()
	c := start(t, limits(ratelimit.Operations, 2))
	b := c.signedIn(t, "operator", i18n.EnUS)
	form := b.form(b.get(c.newOperation("running", "operation_type=PAUSE_ORDER")))
	b.want(b.get("/approvals"), http.StatusOK)
	form.Set("reason", "an <urgent> matter")
	p := b.post(c.ticket("running")+"/operations", form)
	b.refused(p, i18n.For(i18n.EnUS), ratelimit.Operations)
	b.want(p, http.StatusTooManyRequests, "an <urgent> matter")
	c.sentNothing(t)
	c.clock.advance(time.Hour)
	again := url.Values{}
	at := strings.Index(p.body, `id="again"`)
	for _, m := range hiddenInput.FindAllStringSubmatch(p.body[at:], -1) {
		again.Add(m[1], unescaped(m[2]))
	}
	again.Set("reason", unescaped(reasonText.FindStringSubmatch(p.body[at:])[1]))
	b.want(b.post(c.ticket("running")+"/operations", again), http.StatusSeeOther)
}

// TestDownloadsAreLimited by their bytes; one that has begun is whole.
func TestDownloadsAreLimited(t *testing.T) {
	t.Parallel()
	c := start(t, limits(ratelimit.Bytes, 100))
	boss := c.signedIn(t, "manager", i18n.EnUS)
	p := boss.get("/audit/export?format=csv")
	boss.want(p, http.StatusOK)
	if len(p.body) < 101 {
		t.Fatalf("the file has %d bytes", len(p.body))
	}
	boss.refused(boss.get("/audit/export?format=csv"), i18n.For(i18n.EnUS), ratelimit.Bytes)
	boss.want(boss.get("/audit"), http.StatusOK)
}

// TestStreamsAreLimitedPerPerson, whatever the number of sessions.
func TestStreamsAreLimitedPerPerson(t *testing.T) {
	t.Parallel()
	c := start(t, limits(ratelimit.Streams, 2))
	one, two := c.signedIn(t, "operator", i18n.EnUS), c.signedIn(t, "operator", i18n.EnUS)
	other := c.signedIn(t, "manager", i18n.EnUS)
	address := c.ticket("running") + "/events"
	one.listen(address).must()
	two.listen(address).must()
	one.refused(one.get(address), i18n.For(i18n.EnUS), ratelimit.Streams)
	two.refused(two.get("/tickets/events"), i18n.For(i18n.EnUS), ratelimit.Streams)
	other.listen(address).must()
}
