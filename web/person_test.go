package web_test

import (
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/internal/simulator"
	"coc-console/web"
)

// replace signs somebody else in, in the same browser: what another tab does.
func (b *browser) replace(user string) {
	b.t.Helper()
	b.want(b.post("/sign-out", nil), http.StatusSeeOther)
	b.signIn(user)
}

// actingForms are one form for every POST route, as its page shows it, by the
// route. A route that is not here fails TestEveryFormIsBound.
func actingForms(t *testing.T, c *console, b *browser) map[string]struct {
	path string
	form url.Values
} {
	t.Helper()
	type sent = struct {
		path string
		form url.Values
	}
	operation := b.form(b.get(c.newOperation("running", "operation_type=PAUSE_ORDER")))
	operation.Set("reason", "typed by the first")
	asked := b.form(b.get(c.newOperation("abnormal", "operation_type=CANCEL_ORDER")))
	asked.Set("ask", "1")
	asked.Set("reason", "for a second")
	approval := b.post(c.ticket("abnormal")+"/operations", asked)
	b.want(approval, http.StatusSeeOther)
	target := c.sim.UUID("running")
	job := b.form(b.get("/bulk/new?operation_type=PAUSE_ORDER&target=" + target))
	job.Set("reason", "typed by the first")
	person := operation.Get("person")
	with := func(path string, pairs ...string) sent {
		form := url.Values{"person": {person}}
		for i := 0; i < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		return sent{path, form}
	}
	return map[string]sent{
		"/tickets/:execute_uuid/operations": {c.ticket("running") + "/operations", operation},
		"/approvals/:id":                    with(approval.location(), "decision", "approve", "comment", "typed by the first"),
		"/elevations":                       with("/elevations", "decision", "ask", "reason", "typed by the first"),
		"/audit/review":                     with("/audit/review", "operation", "x", "comment", "typed by the first"),
		"/sessions":                         with("/sessions", "whose", "x", "reason", "typed by the first"),
		"/bulk":                             {"/bulk", job},
		"/bulk/:id":                         with("/bulk/none", "do", "stop"),
		"/tickets/:execute_uuid/instances/:id/mark": with(c.ticket("running")+"/instances/1001/mark", "line", ""),
		"/handover": with("/handover", "hours", "12"), "/handover/note": with("/handover/note", "comment", "typed by the first"),
		"/audit/integrity":       with("/audit/integrity", "do", "hold", "query", "actor:somebody", "reason", "typed by the first"),
		"/notices":               with("/notices", "test", "x"),
		"/policies/change":       with("/policies/change", "digest", "x"),
		"/project":               with("/project", "project", "ap-southeast-3"),
		"/sign-out":              with("/sign-out"),
		"/wrap":                  with("/wrap", "wrap", "off"),
		"/tickets/seen":          with("/tickets/seen", "return", "/tickets"),
		"/tickets/views":         with("/tickets/views", "view", "status=ABNORMAL", "label", "typed by the first"),
		"/tickets/views/delete":  with("/tickets/views/delete", "view", "", "label", "mine"),
		"/audit/searches":        with("/audit/searches", "q", "outcome:failed", "name", "typed by the first"),
		"/audit/searches/delete": with("/audit/searches/delete", "q", "", "name", "mine"),
	}
}

// unboundRoutes do nothing in anybody's name.
var unboundRoutes = []string{"/sign-in", "/sign-in/oidc", "/language", "/theme", "/shortcuts", "/jobs", "/jobs/:id", "/reviews"} // the last three redirect

// TestEveryFormIsBound: whatever one person has opened is not carried out for
// another one who has signed in in another tab. The page says who is who.
func TestEveryFormIsBound(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, _ *i18n.Texts) {
		c := start(t, builtIn)
		b := c.signedIn(t, "operator", language)
		forms := actingForms(t, c, b)
		for _, route := range web.PostRoutes() {
			if _, ok := forms[route]; !ok && !slices.Contains(unboundRoutes, route) {
				t.Errorf("nothing is known about POST %s", route)
			}
		}
		b.replace("manager")
		for route, sent := range forms {
			t.Run(route, func(t *testing.T) {
				b := b.in(t)
				before := len(c.records(audit.ActionRequestRefused))
				if before%10 == 9 { // of more than some in a minute only the number is recorded
					c.clock.advance(time.Minute)
				}
				p := b.send(sent.path, sent.form)
				b.want(p, http.StatusConflict)
				for _, name := range []string{"demo/operator", "demo/manager"} {
					if !strings.Contains(p.body, name) {
						t.Errorf("the page does not name %s\n%s", name, shortened(p.body))
					}
				}
				if typed := "typed by the first"; !strings.Contains(p.body, typed) && (sent.form.Get("reason")+sent.form.Get("comment")+sent.form.Get("label")+sent.form.Get("name")) == typed {
					t.Errorf("what was typed is lost\n%s", shortened(p.body))
				}
				found := c.records(audit.ActionRequestRefused)
				if len(found) != before+1 {
					t.Fatalf("%d records of refusals, want %d", len(found), before+1)
				}
				r := found[before]
				checkWho(t, r, "manager")
				if r.Outcome != audit.OutcomeDenied || !strings.Contains(r.Detail, "opened_by=demo/operator") || !strings.Contains(r.Detail, route) || strings.Contains(r.Reason+r.Detail, "typed") {
					t.Errorf("the record is %+v", r)
				}
			})
		}
		if b.cookie() == "" || b.get("/tickets").StatusCode != http.StatusOK {
			t.Error("the second person is signed out")
		}
		if n := rows(t, c, "saved"); n != 0 {
			t.Errorf("%d entries are saved", n)
		}
		for _, action := range []audit.Action{audit.ActionApprovalGranted, audit.ActionJobStarted, audit.ActionOperationRequested} {
			if n := len(c.records(action)); n != 0 {
				t.Errorf("%d records of %s", n, action)
			}
		}
		if n := c.sim.Calls(simulator.CallOperate); n != 0 {
			t.Errorf("%d operations were sent", n)
		}
	})
}

// TestFormOfAnotherIsShownAgain: the second person sees the first one's reason, and
// sends it, if they do, as their own, with a key of their own.
func TestFormOfAnotherIsShownAgain(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	first := b.form(b.get(c.newOperation("running", "operation_type=CANCEL_INSTANCE&instance_id=1001")))
	first.Set("reason", "stuck")
	action := c.ticket("running") + "/operations"
	b.replace("manager")
	p := b.send(action, first)
	b.want(p, http.StatusConflict, i18n.For(i18n.EnUS).Person.Heading("demo/operator"))
	again := b.form(p)
	if again.Get("key") == first.Get("key") || again.Get("person") == first.Get("person") || again.Get("reason") != "stuck" {
		t.Fatalf("the form is %v after %v", again, first)
	}
	c.sentNothing(t)
	mixed := maps.Clone(again)
	mixed.Set("key", first.Get("key"))
	b.want(b.send(action, mixed), http.StatusUnprocessableEntity, i18n.For(i18n.EnUS).Problem.BadForm.Heading)
	c.sentNothing(t)
	sent := b.send(action, again)
	b.want(sent, http.StatusSeeOther)
	b.settled(sent.location())
	checkWho(t, c.only(audit.ActionOperationRequested), "manager")
	// The first one, back again, has still the form of before, and its key.
	b.replace("operator")
	b.want(b.send(action, again), http.StatusConflict)
	if n := c.sim.Calls(simulator.CallOperate); n != 1 {
		t.Errorf("%d operations were sent, want 1", n)
	}
}

// TestFormOutlivesItsSession: a new session of the same person goes on with it.
func TestFormOutlivesItsSession(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	form := b.form(b.get(c.newOperation("running", "operation_type=PAUSE_ORDER")))
	form.Set("reason", "because")
	b.replace("operator")
	p := b.send(c.ticket("running")+"/operations", form)
	b.want(p, http.StatusSeeOther)
	if p.location() != "/operations/"+form.Get("key") {
		t.Errorf("it leads to %s", p.location())
	}
	b.settled(p.location())
}

// TestReturnToAFormOfAnother: who signs in in the place of somebody else is told
// whose form it was; the same person is not.
func TestReturnToAFormOfAnother(t *testing.T) {
	t.Parallel()
	c := start(t, builtIn)
	for user, other := range map[string]bool{"operator": false, "manager": true} {
		b := c.signedIn(t, "operator", i18n.EnUS)
		for route, sent := range actingForms(t, c, b) {
			if sent.form.Get("reason")+sent.form.Get("comment") == "" {
				continue
			}
			b.want(b.post("/sign-out", nil), http.StatusSeeOther)
			p := b.send(sent.path, sent.form)
			b.want(p, http.StatusSeeOther)
			to, err := url.Parse(p.location())
			must(t, err)
			in := credentials(user)
			in.Set("return", to.Query().Get("return"))
			p = b.follow(b.post("/sign-in", in))
			if route == "/audit/review" || (route == "/sessions" || route == "/audit/integrity") && !other { // there is nothing to review, and not everybody may
				continue
			}
			if route == "/approvals/:id" && !other {
				continue // the requester has no comment to write
			}
			b.want(p, http.StatusOK, "typed by the first")
			if said := strings.Contains(p.body, `id="other-person"`); said != other {
				t.Errorf("%s for %s: says it: %v\n%s", route, user, said, shortened(p.body))
			}
			b.replace("operator")
		}
		c.sentNothing(t)
	}
}

// TestForgedPersons: only what this console has made for the person counts.
func TestForgedPersons(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	form := b.form(b.get(c.newOperation("running", "operation_type=PAUSE_ORDER")))
	good := form.Get("person")
	text, tag, _ := strings.Cut(good, ".")
	for name, value := range map[string]string{"none": "", "garbage": "x", "no tag": text, "an empty tag": text + ".", "another's tag": text + "." + strings.Repeat("A", len(tag)),
		"changed": "A" + text[1:] + "." + tag, "markup": "<b>.<i>", "long": strings.Repeat("A", 60_000) + "." + tag, "only the tag": "." + tag} {
		form.Set("person", value)
		p := b.send(c.ticket("running")+"/operations", form)
		b.want(p, http.StatusUnprocessableEntity, i18n.For(i18n.EnUS).Person.Heading(""))
		if strings.Contains(p.body, "<i>") || b.form(p).Get("person") != good {
			t.Errorf("%s: the form is not the reader's own", name)
		}
	}
	form.Del("person")
	b.want(b.send(c.ticket("running")+"/operations?person="+url.QueryEscape(good), form), http.StatusUnprocessableEntity) // not in the address
	c.sentNothing(t)
	form.Set("person", good)
	b.want(b.send(c.ticket("running")+"/operations", form), http.StatusSeeOther)
}

// TestRefusalsAreBounded: many refused requests do not fill the log, and are counted.
func TestRefusalsAreBounded(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	for range 50 {
		b.want(b.post("/audit/review", url.Values{"x": {"y"}}, with("Sec-Fetch-Site", "cross-site")), http.StatusForbidden)
	}
	found := c.records(audit.ActionRequestRefused)
	if n := len(found); n == 0 || n > 25 {
		t.Errorf("%d records of 50 refusals", n)
	}
	checkWho(t, found[0], "operator")
	b.wantMetrics(`coc_console_requests_refused_total\{why="cross_site"\} 50`)
	c.clock.advance(time.Minute)
	b.post("/audit/review", nil, with("Sec-Fetch-Site", "same-site"))
	found = c.records(audit.ActionRequestRefused)
	if last := found[len(found)-1]; !strings.Contains(last.Detail, "omitted=") || !strings.Contains(last.Detail, "why=cross_site") {
		t.Errorf("what was left out is not counted: %s", last.Detail)
	}
}

// TestPagesOfAnotherAskForNothing: what a tab asks for by itself is not answered
// with the page of somebody else.
func TestPagesOfAnotherAskForNothing(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	mine := markerOf(t, b.get("/tickets"))
	if p := b.get("/session"); !strings.Contains(p.body, `"person":"`+mine+`"`) || !strings.Contains(p.body, `"name":"demo/operator"`) {
		t.Errorf("/session says %s", p.body)
	}
	b.want(b.get("/approvals", with("Coc-Console-Person", mine)), http.StatusOK)
	b.replace("operator")
	b.want(b.get("/approvals", with("Coc-Console-Person", mine)), http.StatusOK) // the same person
	b.replace("manager")
	for _, path := range []string{"/approvals", "/tickets/events", c.ticket("running") + "/events"} {
		b.want(b.get(path, with("Coc-Console-Person", mine), with("Coc-Console-Refresh", "1")), http.StatusConflict, i18n.For(i18n.EnUS).Problem.OtherPerson.Heading)
	}
	b.want(b.post("/sign-out", nil), http.StatusSeeOther)
	if p := b.get("/session"); !strings.Contains(p.body, `"person":""`) {
		t.Errorf("/session says %s", p.body)
	}
}

func markerOf(t *testing.T, p page) string {
	t.Helper()
	_, after, ok := strings.Cut(p.body, `data-person="`)
	marker, _, _ := strings.Cut(after, `"`)
	if !ok || len(marker) != 16 {
		t.Fatalf("no marker\n%s", p.body)
	}
	return marker
}

// TestStreamsEndWithTheirSession: at once, also where somebody else signs in.
func TestStreamsEndWithTheirSession(t *testing.T) {
	t.Parallel()
	c := start(t)
	for _, next := range []string{"", "manager"} {
		b := c.signedIn(t, "operator", i18n.EnUS)
		list, ticket := b.watch("/tickets"), b.watch(c.ticket("running"))
		if next == "" {
			b.want(b.post("/sign-out", nil), http.StatusSeeOther)
		} else {
			b.signIn(next)
		}
		for _, e := range []*events{list, ticket} {
			for {
				got, err := e.next()
				if err != nil {
					t.Fatalf("the stream ends with %v", err)
				}
				if got.name == "end" {
					if got.data != "session" {
						t.Errorf("it ends for %q", got.data)
					}
					break
				}
			}
		}
	}
}

// TestOtherSitesFetchNothing: pages of other sites, and of other ports of the same
// host, read nothing in a reader's name, and take no streams. A link still leads here.
func TestOtherSitesFetchNothing(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	type header = map[string]string
	headers := func(h header) func(*http.Request) {
		return func(r *http.Request) {
			for name, value := range h {
				r.Header.Set(name, value)
			}
		}
	}
	for name, tt := range map[string]struct {
		header header
		ok     bool
	}{
		"no browser":            {nil, true},
		"typed":                 {header{"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, true},
		"our own script":        {header{"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}, true},
		"a link elsewhere":      {header{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-User": "?1"}, true},
		"a link of a neighbour": {header{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, true},
		"an image":              {header{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, false},
		"a neighbour's fetch":   {header{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "empty"}, false},
		"a frame":               {header{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, false},
		"an object":             {header{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "object"}, false},
		"ahead of time":         {header{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Purpose": "prefetch;prerender"}, false},
		"a site alone":          {header{"Sec-Fetch-Site": "cross-site"}, false},
		"a word we don't know":  {header{"Sec-Fetch-Site": "next-door"}, false},
	} {
		for _, path := range []string{"/tickets", c.ticket("running"), c.newOperation("running", "operation_type=PAUSE_ORDER"), "/audit", "/audit/export", "/approvals", "/bulk"} {
			listed := len(c.records())
			p := b.get(path, headers(tt.header))
			status := http.StatusOK
			if link := strings.Contains(name, "link"); !tt.ok || link && path == "/audit/export" { // nobody is led to a download
				status = http.StatusForbidden
			}
			if p.StatusCode != status {
				t.Errorf("%s, %s: status %d", name, path, p.StatusCode)
			}
			for _, r := range c.records()[listed:] {
				if !tt.ok && r.Action != audit.ActionRequestRefused {
					t.Errorf("%s, %s: the log says %s", name, path, r.Action)
				}
			}
		}
		for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
			b.want(b.get(path, headers(tt.header)), http.StatusOK)
		}
	}
	b.want(b.get("/tickets/events", with("Sec-Fetch-Site", "same-site"), with("Sec-Fetch-Mode", "cors")), http.StatusForbidden)
	if n := c.handlers.Streams(); n != 0 {
		t.Errorf("%d streams are open", n)
	}
	if p := b.get("/static/", headers(header{"Sec-Fetch-Site": "cross-site"})); p.StatusCode == http.StatusForbidden {
		t.Error("static files are refused")
	}
}

// TestTwoConsolesOnOneHost: browsers send cookies to all ports of a host, and one
// console must not end another's sessions.
func TestTwoConsolesOnOneHost(t *testing.T) {
	t.Parallel()
	one, two := start(t), start(t, func(s *settings) { s.key = []byte(strings.Repeat("k", 32)) })
	b := one.signedIn(t, "operator", i18n.EnUS)
	other := *b
	other.console = two
	other.want(other.get("/tickets"), http.StatusSeeOther)
	other.signIn("manager")
	b.want(b.get("/tickets"), http.StatusOK, "operator")
	other.want(other.post("/sign-out", nil), http.StatusSeeOther)
	b.want(b.get("/tickets"), http.StatusOK, "operator")
}

// TestFormerCookies: the cookie's old name is read for one release.
func TestFormerCookies(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	old := c.browser(t, i18n.EnUS)
	old.setCookie("coc-console", b.cookie())
	old.want(old.get("/tickets"), http.StatusOK, "operator")
	old.want(old.post("/sign-out", nil), http.StatusSeeOther)
	old.want(old.get("/tickets"), http.StatusSeeOther)
	b.want(b.get("/tickets"), http.StatusSeeOther)
}

// TestTransportSecurity: names below the console's are covered on demand.
func TestTransportSecurity(t *testing.T) {
	t.Parallel()
	for subdomains, want := range map[bool]string{false: "max-age=31536000", true: "max-age=31536000; includeSubDomains"} {
		c := start(t, func(s *settings) {
			s.subdomains, s.trusted = subdomains, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		})
		b := c.browser(t, i18n.EnUS)
		for _, path := range []string{"/sign-in", "/static/none", "/nowhere"} {
			if got := b.get(path, with("X-Forwarded-Proto", "https")).Header.Get("Strict-Transport-Security"); got != want {
				t.Errorf("%s: %q, want %q", path, got, want)
			}
		}
	}
}
