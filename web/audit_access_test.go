package web_test

import (
	"encoding/json"
	"fmt"
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

// TestAuditAddresses: who gets what from every address of the log. What only a
// manager may see is one word, which nobody else may be sent.
func TestAuditAddresses(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, c *console) {
		const secret = "ann-of-another-team"
		c.append(audit.Record{Action: audit.ActionTicketViewed, Actor: audit.Actor{UserID: "id-ann", UserName: secret, ProjectName: secret},
			Ticket: c.sim.UUID("running"), Reason: secret})
		foreign := "/audit/1"
		manager, operator := c.signedIn(t, "manager", i18n.EnUS), c.signedIn(t, "operator", i18n.EnUS)
		operator.settled(operator.apply(c.newOperation("running", "operation_type=PAUSE_ORDER"), "why").location())
		own := "/audit/" + number(c.only(audit.ActionOperationRequested).Sequence)
		story := "/audit/timeline?operation=" + c.only(audit.ActionOperationRequested).OperationID
		size, err := c.log.Size(t.Context())
		must(t, err)
		c.covered(t, size)
		manager.want(manager.post("/audit/searches", url.Values{"name": {secret}, "q": {"actor:ann"}}), http.StatusSeeOther)
		save := url.Values{"name": {"mine"}, "q": {"outcome:failed"}}
		const out = http.StatusSeeOther // to the sign-in page
		for _, tt := range []struct {
			method, path      string
			operator, manager int
			seen              bool // by a manager
		}{
			{"GET", "/audit", 200, 200, true},
			{"GET", "/audit?ticket=" + c.sim.UUID("running"), 200, 200, true},
			{"GET", "/audit?after=1", 200, 200, true},
			{"GET", foreign, 403, 200, true},
			{"GET", foreign + "/bytes", 403, 200, true},
			{"GET", foreign + "/proof", 403, 200, false},
			{"GET", own, 200, 200, false},
			{"GET", own + "/bytes", 200, 200, false},
			{"GET", own + "/proof", 200, 200, false},
			{"GET", "/audit/export", 200, 200, true},
			{"GET", "/audit/export?format=jsonl", 200, 200, true},
			{"GET", "/audit/export?format=bundle", 403, 200, false}, // packed
			{"GET", "/audit/checkpoint", 200, 200, false},
			{"GET", "/audit/suggest?field=actor", 200, 200, true},
			{"GET", "/audit/suggest?field=actor&prefix=ann", 200, 200, true},
			{"GET", "/audit/suggest?field=project&prefix=a", 200, 200, true},
			{"GET", "/audit/suggest?prefix=a", 200, 200, false},
			{"GET", "/audit/timeline?ticket=" + c.sim.UUID("running"), 200, 200, false}, // views are numbers
			{"GET", story, 200, 200, false},
			{"POST", "/audit/searches", 303, 303, false},
			{"POST", "/audit/searches/delete", 303, 303, false},
			// The last one: from here on the word is in the operator's own records, too.
			{"GET", "/audit?q=actor:" + secret, 200, 200, true},
		} {
			t.Run(tt.method+" "+tt.path, func(t *testing.T) {
				ask := func(b *browser, status int) string {
					t.Helper()
					var p page
					if tt.method == http.MethodPost {
						p = b.in(t).post(tt.path, save)
					} else {
						p = b.in(t).get(tt.path)
					}
					if p.StatusCode != status {
						t.Errorf("status %d, want %d", p.StatusCode, status)
					}
					return p.body + p.location()
				}
				if to := ask(c.browser(t, i18n.EnUS), out); !strings.Contains(to, "/sign-in") || strings.Contains(to, "<main") {
					t.Errorf("whoever is not signed in gets %q", shortened(to))
				}
				// What was typed is shown again, to whoever typed it.
				shown := ask(operator, tt.operator)
				if strings.Contains(tt.path, secret) {
					shown = strings.ReplaceAll(shown, "actor:"+secret, "")
					shown = strings.ReplaceAll(shown, `value="`+secret+`"`, "")
					shown = strings.ReplaceAll(shown, "actor%3A"+secret, "")
				}
				if strings.Contains(shown, secret) {
					t.Errorf("an operator is shown %q", shortened(shown))
				}
				if body := ask(manager, tt.manager); tt.seen && !strings.Contains(body, secret) {
					t.Errorf("a manager does not see the record")
				}
			})
		}
	})
}

// TestComplete: what is offered occurs in the log, and is a word of a search.
func TestComplete(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, c *console) {
		b := c.signedIn(t, "manager", i18n.EnUS)
		c.append(listed("Ann Other", "", "failed"), listed("anna", "", "failed"), listed("ben", "", "failed"))
		for path, want := range map[string][]string{
			"field=actor&prefix=an":   {`actor:"Ann Other"`, "actor:anna"},
			"field=actor&prefix=AN":   {`actor:"Ann Other"`, "actor:anna"},
			"field=outcome&prefix=fa": {"outcome:failed"},
			"field=nothing&prefix=a":  {},
			"field=actor&prefix=zzz":  {},
			"prefix=ac":               {"actor:", "action:"},
			"prefix=af":               {"after:"},
		} {
			p := b.get("/audit/suggest?" + path)
			b.want(p, http.StatusOK)
			var got struct{ Options []string }
			must(t, json.Unmarshal([]byte(p.body), &got))
			slices.Sort(got.Options)
			slices.Sort(want)
			if !slices.Equal(got.Options, want) {
				t.Errorf("%s: %v, want %v", path, got.Options, want)
			}
			for _, option := range got.Options {
				if _, err := search.ParseQuery(option, time.UTC); err != nil && strings.HasPrefix(path, "field") {
					t.Errorf("%s: %v", option, err)
				}
			}
		}
	})
}

var savedLinks = regexp.MustCompile(`(?s)<section class="saved".*?</section>`)

// TestSavedSearches: a search is kept under a name, for its owner alone, and
// deleted again.
func TestSavedSearches(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, c *console) {
		b, other := c.signedIn(t, "manager", i18n.EnUS), c.signedIn(t, "operator", i18n.EnUS)
		const text, name = `actor:ann "a & b"`, `failed <here>`
		address := "/audit?" + url.Values{"q": {text}}.Encode()
		p := b.post("/audit/searches", url.Values{"name": {" " + name + " "}, "q": {text}})
		if b.want(p, http.StatusSeeOther); p.location() != address {
			t.Errorf("leads to %q", p.location())
		}
		link := `href="` + escaped(address) + `"`
		list := savedLinks.FindString(b.get("/audit").body)
		if !strings.Contains(list, link) || !strings.Contains(list, escaped(name)) {
			t.Errorf("the list is %q", list)
		}
		if strings.Contains(other.get("/audit").body, link) {
			t.Error("somebody else sees it")
		}
		other.want(other.post("/audit/searches/delete", url.Values{"name": {name}}), http.StatusSeeOther)
		b.want(b.post("/audit/searches", url.Values{"name": {name}, "q": {"actor:ben"}}), http.StatusSeeOther)
		if list := savedLinks.FindString(b.get("/audit").body); strings.Contains(list, link) || !strings.Contains(list, `href="/audit?q=actor%3Aben"`) {
			t.Errorf("a search of the same name is not replaced: %q", list)
		}
		b.want(b.post("/audit/searches/delete", url.Values{"name": {name}, "q": {"actor:ben"}}), http.StatusSeeOther)
		if n := rows(t, c, "saved"); n != 0 {
			t.Errorf("%d searches are kept", n)
		}
	})
}

// TestSearchesThatAreNotSaved: what is wrong stands next to the field, with what
// was typed.
func TestSearchesThatAreNotSaved(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "manager", i18n.EnUS)
	field := i18n.For(i18n.EnUS).Field
	for name, problem := range map[string]string{"": field.Missing, " ": field.Missing, strings.Repeat("é", 61): field.TooLong(60), "a\u202eb": field.Hidden, "a\nb": field.Hidden} {
		p := b.post("/audit/searches", url.Values{"name": {name}, "q": {"outcome:failed"}})
		b.want(p, http.StatusUnprocessableEntity, problem)
		if !strings.Contains(p.body, `<details open`) || unescaped(boxText.FindStringSubmatch(p.body)[1]) != "outcome:failed" {
			t.Errorf("%q: the form is not as it was", name)
		}
	}
	b.want(b.post("/audit/searches", url.Values{"name": {"x"}, "q": {"outcome:faild"}}), http.StatusUnprocessableEntity)
	for i := range 50 {
		b.want(b.post("/audit/searches", url.Values{"name": {fmt.Sprint("n", i)}, "q": {"outcome:failed"}}), http.StatusSeeOther)
	}
	b.want(b.post("/audit/searches", url.Values{"name": {"one more"}, "q": {"outcome:failed"}}), http.StatusUnprocessableEntity, field.ManySearches(50))
	b.want(b.post("/audit/searches", url.Values{"name": {"n7"}, "q": {"outcome:denied"}}), http.StatusSeeOther)
	if n := rows(t, c, "saved"); n != 50 {
		t.Errorf("%d searches are kept", n)
	}
}

var storyParts = regexp.MustCompile(`data-views="[0-9]+"|<li class="[a-z- ]+" data-operation|<li class="[a-z- ]+" data-sequence="[0-9]+" data-action="[a-z_.]+"`)

// TestStory: a ticket's records in their order, operations as one, views as a
// number.
func TestStory(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, c *console) {
		ticket := c.sim.UUID("running")
		m, b := c.signedIn(t, "manager", i18n.EnUS), c.signedIn(t, "operator", i18n.EnUS)
		for range 3 {
			b.want(b.get(c.ticket("running")), http.StatusOK)
		}
		m.want(m.get(c.ticket("running")), http.StatusOK)
		receipt := b.apply(c.newOperation("running", "operation_type=PAUSE_ORDER"), "because <it> hangs").location()
		b.settled(receipt)
		m.want(m.get(c.ticket("running")), http.StatusOK)
		p := m.get("/audit/timeline?ticket=" + ticket)
		m.want(p, http.StatusOK, "because <it> hangs", "4 views by 2 people", "1 view by 1 person")
		var order []string
		for _, part := range storyParts.FindAllString(p.body, -1) {
			order = append(order, part[strings.LastIndex(part, "data-"):])
		}
		want := []string{`data-views="4"`, "data-operation", `data-action="operation.requested"`, `data-action="operation.accepted"`,
			`data-action="operation.observed"`, `data-views="1"`}
		if !slices.Equal(order, want) {
			t.Errorf("the story is %v, want %v", order, want)
		}
		// The ticket, the receipt and the record lead to it.
		own := "/audit/timeline?operation=" + c.only(audit.ActionOperationRequested).OperationID
		for path, link := range map[string]string{c.ticket("running"): "/audit/timeline?ticket=" + ticket, receipt: own,
			"/audit/" + number(c.only(audit.ActionOperationRequested).Sequence): own} {
			if !strings.Contains(b.get(path).body, `href="`+link+`"`) {
				t.Errorf("%s does not lead to %s", path, link)
			}
		}
		p = b.get(own)
		b.want(p, http.StatusOK, "because <it> hangs")
		if strings.Contains(p.body, "data-views") {
			t.Error("an operation's story tells of views")
		}
		nobody := c.signedIn(t, "nobody", i18n.EnUS)
		nobody.want(nobody.get(own), http.StatusForbidden)
		if p := nobody.get("/audit/timeline?ticket=" + ticket); storyParts.MatchString(p.body) {
			t.Errorf("who may not open the ticket is told %s", shortened(p.body))
		}
		for _, path := range []string{"/audit/timeline", "/audit/timeline?ticket=none", "/audit/timeline?operation=none", "/audit/timeline?ticket=" + ticket + "&before=x"} {
			m.want(m.get(path), http.StatusNotFound)
		}
		m.want(m.get("/audit/timeline?operation=%00"), http.StatusUnprocessableEntity)
	})
}
