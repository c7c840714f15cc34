package web_test

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/i18n"
)

// append writes records of a person who does not sign in.
func (c *console) append(records ...audit.Record) {
	c.t.Helper()
	for _, r := range records {
		if r.Outcome == "" {
			r.Outcome = audit.OutcomeSucceeded
		}
		_, err := c.log.Append(c.t.Context(), r)
		must(c.t, err)
	}
}

func listed(user, ticket string, outcome audit.Outcome) audit.Record {
	return audit.Record{Action: audit.ActionTicketViewed, Outcome: outcome, Actor: audit.Actor{UserID: "id-" + user, UserName: user},
		Ticket: ticket, Reason: "reason of " + user}
}

const day = 24 * time.Hour

var (
	boxText  = regexp.MustCompile(`name="q" type="text" value="([^"]*)"`)
	chosen   = regexp.MustCompile(`<option value="([^"]*)" selected>`)
	totalOf  = regexp.MustCompile(`data-total="([0-9]+)"`)
	facetRow = regexp.MustCompile(`(?s)<li class="facet-value[^"]*"><a href="([^"]*)">(.*?)</a> ?<span class="number">([0-9]+)</span>`)
)

// TestOneSearchInTwoForms: the controls and the text say the same, whichever
// was changed.
func TestOneSearchInTwoForms(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "manager", i18n.EnUS)
	b.setCookie("zone", "Asia/Shanghai")
	c.append(listed("ann", "", "failed"), listed("ann", "", "denied"), listed("ben", "", "failed"))
	const march, exact = "2026-03-02T09:15", "after:2026-03-02T09:15:00+08:00"
	for _, tt := range []struct {
		name          string
		was, q        string
		controls      url.Values
		leads         string // the text that the form leads to
		rows          int
		person, state string // what the controls then show
	}{
		{"a control alone", "", "", url.Values{"person": {"ann"}}, "actor:ann", 2, "ann", ""},
		{"text alone", "", "actor:ann outcome:failed", nil, "actor:ann outcome:failed", 1, "ann", "failed"},
		{"both agree", "actor:ann", "actor:ann", url.Values{"person": {"ann"}, "outcome": {"denied"}}, "actor:ann outcome:denied", 1, "ann", "denied"},
		{"a control is changed", "actor:ann", "actor:ann", url.Values{"person": {"ben"}}, "actor:ben", 1, "ben", ""},
		{"the text is changed", "actor:ann", "actor:ben", url.Values{"person": {"ann"}}, "actor:ben", 1, "ben", ""},
		{"a control is cleared", "actor:ann outcome:failed", "actor:ann outcome:failed", url.Values{"person": {"ann"}}, "actor:ann", 2, "ann", ""},
		{"each changes another", "outcome:failed", "actor:ann outcome:failed", url.Values{"outcome": {"denied"}}, "actor:ann outcome:denied", 1, "ann", "denied"},
		{"text that was typed stays as it was", "", "outcome:failed   actor:ann", nil, "outcome:failed   actor:ann", 1, "ann", "failed"},
		{"a time", "", "actor:ann", url.Values{"from": {march}}, "actor:ann " + exact, 2, "ann", ""},
		{"a time that is there", "actor:ann " + exact, "actor:ann " + exact, url.Values{"person": {"ben"}, "from": {march}}, "actor:ben " + exact, 1, "ben", ""},
		{"a time is taken away", exact, exact, url.Values{"person": {"ann"}}, "actor:ann", 2, "ann", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := b.in(t)
			form := url.Values{"was": {tt.was}, "q": {tt.q}}
			maps.Copy(form, tt.controls)
			if tt.was != "" && tt.was != tt.q && tt.controls == nil {
				t.Fatal("the form did not show what it was")
			}
			p := b.get("/audit?" + form.Encode())
			if want := "/audit?" + (url.Values{"q": {tt.leads}}).Encode(); p.StatusCode != http.StatusSeeOther || p.location() != want {
				t.Fatalf("status %d, leads to %q, want %q", p.StatusCode, p.location(), want)
			}
			p = b.follow(p)
			b.want(p, http.StatusOK)
			if n := len(shown(p)); n != tt.rows {
				t.Errorf("%d records, want %d", n, tt.rows)
			}
			if text := unescaped(boxText.FindStringSubmatch(p.body)[1]); text != tt.leads {
				t.Errorf("the box says %q", text)
			}
			if !strings.Contains(p.body, `id="field-person" name="person" type="text" value="`+tt.person+`"`) {
				t.Error("the control shows somebody else")
			}
			if states := chosen.FindAllStringSubmatch(p.body, -1); states[1][1] != tt.state {
				t.Errorf("the controls show %v", states)
			}
		})
	}
	// An address with controls shows the text that means the same.
	p := b.get("/audit?person=ann&outcome=failed")
	if text := unescaped(boxText.FindStringSubmatch(p.body)[1]); text != "actor:ann outcome:failed" || len(shown(p)) != 1 {
		t.Errorf("the box says %q, with %d records", text, len(shown(p)))
	}
}

// TestWrongSearchIsMarked: the page points at the word.
func TestWrongSearchIsMarked(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "manager", i18n.ZhCN)
	for text, marked := range map[string]string{
		"actor:ann outcom:failed x":      "actor:ann <mark>outcom:failed</mark> x",
		`<b> outcome:faild`:              "&lt;b&gt; outcome:<mark>faild</mark>",
		`reason "without an end`:         "reason <mark>&#34;without an end</mark>",
		"重启 -after:2026-03-01 actor:ann": "重启 <mark>-after:2026-03-01</mark> actor:ann",
	} {
		for _, query := range []url.Values{{"q": {text}}, {"q": {text}, "was": {"actor:ann"}, "person": {"ben"}}} {
			p := b.get("/audit?" + query.Encode())
			b.want(p, http.StatusUnprocessableEntity)
			if !strings.Contains(p.body, marked) {
				t.Errorf("%s: not marked as %s\n%s", text, marked, shortened(p.body))
			}
			if unescaped(boxText.FindStringSubmatch(p.body)[1]) != text {
				t.Errorf("%s: what was typed is lost", text)
			}
		}
	}
}

// facets reads the facets of a page: their words with their numbers and addresses.
func facets(p page) map[string][2]string {
	out := map[string][2]string{}
	tags := regexp.MustCompile(`<[^>]*>`)
	for _, m := range facetRow.FindAllStringSubmatch(p.body, -1) {
		out[strings.Join(strings.Fields(unescaped(tags.ReplaceAllString(m[2], ""))), " ")] = [2]string{m[3], unescaped(m[1])}
	}
	return out
}

// TestSummary: what stands above the list counts what the list shows, and leads
// to it.
func TestSummary(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, c *console) {
		b := c.signedIn(t, "manager", i18n.EnUS)
		named := listed("ann", "T2", "denied")
		named.Target = "nginx_reload"
		c.append(listed("ann", "T1", "failed"), named, listed("ben", "T1", "failed"))
		must(t, c.index.CatchUp(t.Context())) // names are the search tables'
		p := b.get("/audit?q=action:ticket.viewed")
		b.want(p, http.StatusOK, "3 records")
		found := facets(p)
		for word, want := range map[string][2]string{"ann": {"2", "actor:ann action:ticket.viewed"}, "T1": {"2", "ticket:T1 action:ticket.viewed"},
			"nginx_reload": {"1", "ticket:T2 action:ticket.viewed"},
			"Denied":       {"1", "action:ticket.viewed outcome:denied"}, "Remove Opened a ticket": {"3", ""}} {
			leads := strings.TrimSuffix("/audit?"+(url.Values{"q": {want[1]}}).Encode(), "?q=")
			if found[word] != [2]string{want[0], leads} {
				t.Errorf("%s: %v, want %v %s", word, found[word], want[0], leads)
			}
			if want[1] == "" {
				continue
			}
			narrower := b.get(found[word][1])
			if n := len(shown(narrower)); number(int64(n)) != want[0] {
				t.Errorf("%s leads to %d records, want %s", word, n, want[0])
			}
			if back := facets(narrower)["Remove "+word][1]; back != "/audit?q=action%3Aticket.viewed" {
				t.Errorf("%s is removed by %q", word, back)
			}
		}
		for _, m := range regexp.MustCompile(`<a class="chip" href="([^"]*)"><span class="hidden">Remove </span> ?<bdi>([^<]*)`).FindAllStringSubmatch(p.body, -1) {
			if m[1] != "/audit?view=everything" || m[2] != "action:ticket.viewed" {
				t.Errorf("the filter %s is removed by %s", m[2], m[1])
			}
		}
	})
}

var barLinks = regexp.MustCompile(`<tr><th scope="row"><a href="([^"]+)">[^<]*</a></th>\s*<td class="right">([0-9]+)`)

// TestActivity: all bars together are all records, and each leads to its own.
func TestActivity(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) { s.idle = day })
	b := c.signedIn(t, "manager", i18n.EnUS)
	for range 5 {
		c.append(listed("ann", "T1", "failed"), listed("ben", "T1", "failed"))
		c.clock.advance(41 * time.Minute)
	}
	for _, query := range []string{"?view=everything", "?q=actor:ann", "?q=actor:ann+after:2026-01-01", "?q=action:ticket.+before:2099-01-01",
		"?q=actor:ann+after:" + c.clock.now().Add(-2*time.Hour).UTC().Format("2006-01-02T15:04:05Z") + "+before:" + c.clock.now().UTC().Format("2006-01-02T15:04:05Z")} {
		p := b.get("/audit" + query)
		b.want(p, http.StatusOK)
		total, sum := totalOf.FindStringSubmatch(p.body)[1], 0
		var all []string
		bars := barLinks.FindAllStringSubmatch(p.body, -1)
		for _, m := range bars {
			narrower := b.get(unescaped(m[1]))
			rows := shown(narrower)
			if number(int64(len(rows))) != m[2] {
				t.Errorf("%s: a bar of %s leads to %d records", query, m[2], len(rows))
			}
			sum += len(rows)
			all = append(rows, all...)
		}
		if number(int64(sum)) != total || len(bars) < 2 && query != "?q=actor:ann+after:2026-01-01" && !strings.Contains(query, "2099") {
			t.Errorf("%s: %d bars have %d records, the search %s", query, len(bars), sum, total)
		}
		if query == "?q=actor:ann" && !slices.Equal(all, shown(p)) {
			t.Errorf("the bars lead to %v, the list shows %v", all, shown(p))
		}
	}
}

// TestManyAreCountedHonestly: beyond the limit of counting a page says "more
// than"; a log that nothing narrows is known to the last record.
func TestManyAreCountedHonestly(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "manager", i18n.EnUS)
	done := make(chan error, 64)
	const many = search.MaxCount + 7
	for range 64 {
		go func() {
			for range many / 64 {
				if _, err := c.log.Append(t.Context(), listed("ann", "", "failed")); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 64 {
		must(t, <-done)
	}
	for range many % 64 {
		c.append(listed("ann", "", "failed"))
	}
	b.want(b.get("/audit?q=actor:ann"), http.StatusOK, "More than 10,000 records", i18n.For(i18n.EnUS).Audit.Counted(search.MaxFaceted))
	must(t, c.log.AwaitNotes(t.Context()))
	size, err := c.log.Size(t.Context())
	must(t, err)
	b.want(b.get("/audit?view=everything"), http.StatusOK, i18n.For(i18n.EnUS).Audit.Total(size, false))
}

// TestRequestSaysWhatCameOfIt: the record stays pending, the row says how it ended.
func TestRequestSaysWhatCameOfIt(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, c *console) {
		b := c.signedIn(t, "operator", i18n.EnUS)
		b.settled(b.apply(c.newOperation("running", "operation_type=PAUSE_ORDER"), "why").location())
		for _, path := range []string{"/audit?view=everything", "/audit?action=operation.requested"} {
			p := b.get(path)
			b.want(p, http.StatusOK)
			row := regexp.MustCompile(`(?s)<tr[^>]*data-action="operation.requested".*?</tr>`).FindString(p.body)
			if !strings.Contains(row, `data-status="confirmed"`) || !strings.Contains(row, `data-end="operation.observed"`) {
				t.Errorf("%s: the row is %s", path, row)
			}
		}
	})
}

// TestOnlyTheSameListIsSparedItsViews: a list that grows by itself is one
// record; whatever else claims to be one is written down.
func TestOnlyTheSameListIsSparedItsViews(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) { s.idle = day })
	b := c.signedIn(t, "manager", i18n.EnUS)
	refresh := with("Coc-Console-Refresh", "1")
	c.append(listed("ann", "", "failed"), listed("ann", "", "failed"))
	for _, step := range []struct {
		name, path string
		ahead      time.Duration
		written    int
	}{
		{"not opened before", "/audit?q=actor:ann&after=1", 0, 1},
		{"opened", "/audit?q=actor:ann", 0, 1},
		{"grows", "/audit?q=actor:ann&after=3", 0, 0},
		{"grows again", "/audit?q=actor:ann&after=9", 0, 0},
		{"goes back", "/audit?q=actor:ann&after=1", 0, 1},
		{"older ones", "/audit?q=actor:ann&before=3", 0, 1},
		{"all of it", "/audit?q=actor:ann", 0, 1},
		{"another search", "/audit?q=actor:ben&after=3", 0, 1},
		{"an hour later", "/audit?q=actor:ann&after=3", time.Hour, 1},
	} {
		c.clock.advance(step.ahead)
		before := len(c.records(audit.ActionAuditViewed))
		change := refresh
		if step.name == "opened" {
			change = func(*http.Request) {}
		}
		b.want(b.get(step.path, change), http.StatusOK)
		if n := len(c.records(audit.ActionAuditViewed)) - before; n != step.written {
			t.Errorf("%s: %d records, want %d", step.name, n, step.written)
		}
	}
}
