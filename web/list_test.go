package web_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/internal/i18n"
	"coc-console/internal/simulator"
	"coc-console/internal/watch"
)

// hastyLists lets the shared view of a list poll often, and people stay away
// for long without having to sign in again.
func hastyLists(s *settings) {
	s.watch = watch.Limits{ListFast: 30 * time.Millisecond, ListSlow: 30 * time.Millisecond, Nudge: time.Millisecond}
	s.idle = 20 * time.Hour
}

// row is the list's row of a ticket; empty where there is none.
func (b *browser) row(p page, prefix, scenario string) string {
	b.t.Helper()
	found := regexp.MustCompile(`(?s)<tr id="` + prefix + b.sim.UUID(scenario) + `".*?</tr>`).FindString(p.body)
	return found
}

func (c *console) rowID(prefix, scenario string) string {
	return `id="` + prefix + c.sim.UUID(scenario) + `"`
}

func TestListLives(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		c := start(t, hastyLists)
		b := c.signedIn(t, "operator", language)
		p := b.get("/tickets?status=any")
		b.want(p, http.StatusOK, texts.List.DecisionsOf(2, false), texts.List.Title(2, texts.Title.Tickets), texts.Live.ProgressOf(0, 3))
		attention := b.get("/tickets?status=attention")
		for _, scenario := range []string{"abnormal", "paused"} {
			if b.row(attention, "ticket-", scenario) == "" {
				t.Errorf("%s is not among those that need a decision", scenario)
			}
		}
		if row := b.row(p, "ticket-", "abnormal"); !strings.Contains(row, escaped(texts.List.Failed(1))) || !strings.Contains(row, `class="bar"`) {
			t.Errorf("how far the failed one is: %s", row)
		}
		e := b.watch("/tickets?status=any")
		b.settled(b.apply(c.newOperation("running", "operation_type=PAUSE_ORDER"), "look at the metrics").location())
		e.until(c.rowID("ticket-", "running"), texts.Word.TicketStatus.Of("PAUSED"), texts.List.DecisionsOf(3, false))
		b.settled(b.apply(c.newOperation("running", "operation_type=CANCEL_ORDER"), "not needed").location())
		e.until(c.rowID("ticket-", "running"), texts.Word.TicketStatus.Of("CANCELED"), texts.List.DecisionsOf(2, false))
		e.stop()
		caught := b.listen("/tickets/events", with("Last-Event-ID", "of another console"))
		all := caught.must()
		for _, id := range []string{`id="heading"`, `id="read-at"`, `id="total"`, c.rowID("ticket-", "finished"), `data-list="ticket-rows"`} {
			if !strings.Contains(all.data, id) {
				t.Errorf("a stream that begins with nothing known leaves out %s", id)
			}
		}
	})
}

// TestListIsShared counts what many who look at the list cost upstream.
func TestListIsShared(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) { s.watch = watch.Limits{ListFast: time.Hour, ListSlow: time.Hour} })
	b := c.signedIn(t, "operator", i18n.EnUS)
	b.want(b.get("/tickets?status=any"), http.StatusOK)
	other := c.signedIn(t, "manager", i18n.ZhCN)
	other.want(other.get("/tickets?status=any"), http.StatusOK) // with the token of its own
	before := c.sim.Calls(simulator.AnyCOCCall)
	for range 5 {
		b.want(b.get("/tickets?status=any"), http.StatusOK)
		other.want(other.get("/tickets?status=any"), http.StatusOK)
	}
	if n := c.sim.Calls(simulator.AnyCOCCall) - before; n != 0 {
		t.Errorf("ten loads cost %d calls", n)
	}
	if n := len(c.records(audit.ActionTicketListed)); n != 12 {
		t.Errorf("twelve loads are %d records", n)
	}
	e := b.watch("/tickets?status=any")
	e.stop()
	if n := len(c.records(audit.ActionTicketListed)); n != 13 {
		t.Errorf("a page with its stream is %d views", n-12)
	}
	p := b.get("/tickets?after=1000000")
	b.want(p, http.StatusOK)
	if liveAddress.MatchString(p.body) {
		t.Error("a page after the first has a stream")
	}
	for _, path := range []string{"/tickets/events?after=5", "/tickets/events?scope=nobody", "/tickets/events?status=READY"} {
		b.want(b.get(path), http.StatusUnprocessableEntity)
	}
}

// TestListIsWholeWhenPacked: what is sent in compressed pieces is the page.
func TestListIsWholeWhenPacked(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) { s.watch = watch.Limits{ListFast: time.Hour, ListSlow: time.Hour} })
	b := c.signedIn(t, "operator", i18n.EnUS)
	b.get("/tickets?status=any")
	plain := b.get("/tickets?status=any", with("Accept-Encoding", "identity"))
	for range 2 {
		res, stop := b.openStream("/tickets?status=any")
		if res.Header.Get("Content-Encoding") != "gzip" || !slices.Contains(res.Header.Values("Vary"), "Accept-Encoding") {
			t.Errorf("the header: %v", res.Header)
		}
		packed, err := io.ReadAll(res.Body)
		must(t, err)
		stop()
		unpacked, err := gzip.NewReader(bytes.NewReader(packed))
		must(t, err)
		text, err := io.ReadAll(unpacked)
		must(t, err)
		if string(text) != plain.body {
			t.Error("the packed page is another")
		}
	}
}

func TestListPermission(t *testing.T) {
	t.Parallel()
	accounts := simulator.DemoAccounts()
	accounts[0].Users = append(accounts[0].Users, simulator.User{Name: "lister", Password: "lister", Actions: []string{"coc:job:list"}})
	c := start(t, hastyLists, func(s *settings) { s.accounts = accounts })
	operator := c.signedIn(t, "operator", i18n.EnUS)
	operator.watch("/tickets?status=any").must()
	t.Run("refused by COC", func(t *testing.T) {
		nobody := c.signedIn(t, "nobody", i18n.EnUS)
		p := nobody.get("/tickets?status=any")
		nobody.want(p, http.StatusForbidden, i18n.For(i18n.EnUS).Problem.UpstreamForbidden.Heading)
		if strings.Contains(p.body, "running_check") {
			t.Error("who may not list sees tickets that others look at")
		}
		if r := c.records(audit.ActionTicketListed); r[len(r)-1].Outcome != audit.OutcomeDenied {
			t.Errorf("the record is %+v", r[len(r)-1])
		}
		nobody.want(nobody.get("/tickets/events"), http.StatusForbidden)
	})
	t.Run("may list, not open", func(t *testing.T) {
		lister := c.signedIn(t, "lister", i18n.EnUS)
		p := lister.get("/tickets?status=any")
		lister.want(p, http.StatusOK, "running_check", i18n.For(i18n.EnUS).List.NoFigures)
		if strings.Contains(p.body, `class="bar"`) {
			t.Error("the figures of another's token are shown")
		}
		e := lister.listen("/tickets/events")
		if all := e.must(); strings.Contains(all.data, `class=\"bar\"`) || strings.Contains(all.data, `class="bar"`) {
			t.Error("the stream brings them")
		}
	})
	t.Run("token refused while watching", func(t *testing.T) {
		reader := c.signedIn(t, "reader", i18n.EnUS)
		e := reader.watch("/tickets?status=any")
		c.clock.advance(time.Second) // tokens are as exact as seconds
		c.sim.Revoke("reader")
		c.clock.advance(time.Second)
		e.until("end session")
	})
}

// others are tickets of several people.
func others(s *settings) {
	for i, creator := range []string{"manager", "reader", "operator2", "reader"} {
		one := s.tickets[3]
		one.Scenario, one.Name, one.Creator, one.Age = fmt.Sprint("other", i), fmt.Sprintf("of_%s_%d", creator, i), creator, time.Duration(20+i)*time.Minute
		s.tickets = append(s.tickets, one)
	}
}

func TestListScope(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		c := start(t, hastyLists, others) // operator and manager are a team
		b, loner := c.signedIn(t, "operator", language), c.signedIn(t, "reader", language)
		for path, want := range map[string]int{"?status=any": 8, "?scope=mine": 4, "?scope=team": 5, "?scope=team&status=FINISHED": 2, "?scope=team&creator=manager": 1,
			"?scope=mine&creator=manager": 0, "?scope=mine&status=PAUSED": 1} {
			p := b.get("/tickets" + path)
			b.want(p, http.StatusOK)
			if got := strings.Count(p.body, `data-ticket="SCT`); got != want {
				t.Errorf("%q has %d rows, want %d", path, got, want)
			}
			if !strings.Contains(p.body, `data-live="`) {
				t.Errorf("%q does not live", path)
			}
		}
		b.want(b.get("/tickets?scope=team"), http.StatusOK, texts.List.OfLooked(5, 8, 8, true), texts.List.DecisionsOf(2, false))
		b.want(b.get("/tickets?scope=mine"), http.StatusOK, texts.Tickets.Total(4, 4))
		b.want(b.get("/tickets?scope=everybody"), http.StatusUnprocessableEntity, texts.Field.Choice)
		p := loner.get("/tickets?status=any")
		loner.want(p, http.StatusOK, texts.List.DecisionsOf(2, false))
		if strings.Contains(p.body, "scope=team") {
			t.Error("who is in no team is offered its tickets")
		}
		loner.want(loner.get("/tickets?scope=team"), http.StatusOK, texts.List.EmptyScope.Of("alone"), texts.List.DecisionsOf(2, false))
		loner.want(loner.get("/tickets?scope=mine"), http.StatusOK, texts.Tickets.Total(2, 2))
		if r := c.records(audit.ActionTicketListed); !strings.Contains(r[len(r)-1].Detail, "scope=mine") {
			t.Errorf("the record does not say the scope: %+v", r[len(r)-1])
		}
	})
}

// TestTeamIsLookedForInOlderPages: COC lists 100 at a time; those after them are read in the background.
func TestTeamIsLookedForInOlderPages(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) {
		one := s.tickets[3]
		s.tickets = nil
		for i := range 120 {
			one.Scenario, one.Name, one.Creator, one.Age = fmt.Sprint("n", i), fmt.Sprint("n", i), []string{"reader", "manager"}[i/110], time.Duration(i+1)*time.Minute
			s.tickets = append(s.tickets, one)
		}
	})
	b := c.signedIn(t, "operator", i18n.EnUS)
	texts := i18n.For(i18n.EnUS)
	p, whole := b.get("/tickets?scope=team"), texts.List.OfLooked(10, 120, 120, true)
	if !strings.Contains(p.body, whole) {
		b.want(p, http.StatusOK, texts.List.OfLooked(0, 100, 120, false), texts.List.EmptyScope.Of("team"))
		address, digest := liveAddress.FindStringSubmatch(p.body), liveDigest.FindStringSubmatch(p.body)
		b.listen(unescaped(address[1]), with("Last-Event-ID", digest[1])).until(whole)
		p = b.get("/tickets?scope=team")
	}
	b.want(p, http.StatusOK, whole)
	if n := strings.Count(p.body, `data-ticket="SCT`); n != 10 {
		t.Errorf("%d rows", n)
	}
	if strings.Contains(p.body, `rel="next"`) {
		t.Error("there is a page after the last")
	}
}

func onEngines(t *testing.T, test func(t *testing.T, change func(*settings))) {
	t.Run("SQLite", func(t *testing.T) { test(t, func(*settings) {}) })
	t.Run("PostgreSQL", func(t *testing.T) {
		dsn := audittest.Postgres(t)
		test(t, func(s *settings) { s.dsn = dsn })
	})
}

func TestListViews(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, change func(*settings)) {
		c := start(t, change)
		texts := i18n.For(i18n.ZhCN)
		b, other := c.signedIn(t, "operator", i18n.ZhCN), c.signedIn(t, "manager", i18n.EnUS)
		view := "name=check&scope=mine&status=PAUSED"
		p := b.post("/tickets/views", url.Values{"view": {view + "&evil=1&after=5"}, "label": {"<b>夜班</b>"}})
		if p.location() != "/tickets?"+view {
			t.Fatalf("it leads to %q", p.location())
		}
		p = b.follow(p)
		b.want(p, http.StatusOK, texts.List.Saved, "<b>夜班</b>", "/tickets?"+view, texts.List.Delete("<b>夜班</b>"))
		if got := strings.Count(p.body, `data-ticket="SCT`); got != 1 {
			t.Errorf("the view has %d rows", got)
		}
		if strings.Contains(other.get("/tickets?status=any").body, "夜班") {
			t.Error("others see it")
		}
		if strings.Contains(b.get("/audit").body, "夜班") {
			t.Error("the log's searches have it")
		}
		for label, problem := range map[string]string{"": texts.Field.Missing, strings.Repeat("长", 61): texts.Field.TooLong(60), "a\u202eb": texts.Field.Hidden} {
			p := b.post("/tickets/views", url.Values{"view": {view}, "label": {label}})
			b.want(p, http.StatusUnprocessableEntity, problem, "paused_check")
		}
		b.want(b.post("/tickets/views", url.Values{"view": {"%zz"}, "label": {"x"}}), http.StatusUnprocessableEntity)
		b.want(b.post("/tickets/views", url.Values{"view": {strings.Repeat("a", 3000)}, "label": {"x"}}), http.StatusUnprocessableEntity)
		for i := range 49 {
			b.want(b.post("/tickets/views", url.Values{"view": {"status=PAUSED"}, "label": {fmt.Sprint("v", i)}}), http.StatusSeeOther)
		}
		b.want(b.post("/tickets/views", url.Values{"view": {view}, "label": {"one more"}}), http.StatusUnprocessableEntity, texts.Field.ManySearches(50))
		b.want(b.post("/tickets/views", url.Values{"view": {""}, "label": {"v1"}}), http.StatusSeeOther) // the name is known
		b.want(b.post("/audit/searches", url.Values{"q": {"ticket:x"}, "name": {"v1"}}), http.StatusSeeOther)
		other.want(other.post("/tickets/views/delete", url.Values{"label": {"<b>夜班</b>"}}), http.StatusSeeOther)
		b.want(b.get("/tickets?status=any"), http.StatusOK, "夜班")
		p = b.post("/tickets/views/delete", url.Values{"label": {"<b>夜班</b>"}, "view": {view}})
		if p.location() != "/tickets?"+view || strings.Contains(b.follow(p).body, "夜班") {
			t.Error("a deleted view is there")
		}
		for _, label := range []string{"v\x00", "v\xff"} {
			b.want(b.post("/tickets/views/delete", url.Values{"label": {label}}), http.StatusSeeOther)
			b.want(b.post("/audit/searches/delete", url.Values{"name": {label}}), http.StatusSeeOther)
		}
		if n := rows(t, c, "saved"); n != 50 {
			t.Errorf("%d are left", n)
		}
	})
}

func TestListShowsWhatHasChanged(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, _ *i18n.Texts) {
		onEngines(t, func(t *testing.T, change func(*settings)) {
			changedSince(t, start(t, hastyLists, change), language)
		})
	})
}

func changedSince(t *testing.T, c *console, language i18n.Language) {
	texts := i18n.For(language)
	b := c.signedIn(t, "operator", language)
	marks := func(p page) int {
		t.Helper()
		b.want(p, http.StatusOK)
		return strings.Count(p.body, `class="news"`)
	}
	if n := marks(b.get("/tickets?status=any")); n != 0 {
		t.Errorf("at the first visit %d are marked", n)
	}
	c.clock.advance(10 * time.Minute)
	if n := marks(b.get("/tickets?status=any")); n != 0 {
		t.Errorf("nothing has changed, and %d are marked", n)
	}
	c.clock.advance(60 * time.Minute) // the one that ran is over
	c.poll(t, "the list has news", func() bool {
		return strings.Contains(b.get("/tickets?status=any").body, escaped(texts.List.Was(texts.Word.TicketStatus.Of("PROCESSING"))))
	})
	for range 3 {
		b.want(b.get("/tickets?status=any"), http.StatusOK, texts.List.Unread(1, "")[:10], texts.List.Visit, texts.List.MarkSeen)
	}
	e := b.watch("/tickets?status=any")
	for range 3 {
		if news := e.until(`id="read-at"`); strings.Contains(news.data, c.rowID("ticket-", "running")) && !strings.Contains(news.data, `class="news"`) {
			t.Error("a new reading takes the mark away")
		}
	}
	e.stop()
	again := b.listen("/tickets/events")
	all := again.must()
	again.stop() // an open stream is somebody who looks
	if !strings.Contains(all.data, texts.List.Was(texts.Word.TicketStatus.Of("PROCESSING"))) {
		t.Error("the stream takes the mark away")
	}
	if n := marks(c.signedIn(t, "manager", language).get("/tickets?status=any")); n != 0 {
		t.Errorf("somebody else sees %d marks", n)
	}
	b.want(b.get(c.ticket("running")), http.StatusOK) // opening it is to have seen it
	if n := marks(b.get("/tickets?status=any")); n != 0 {
		t.Errorf("what was opened keeps %d marks", n)
	}
	c.poll(t, "no stream is open", func() bool { return c.handlers.Streams() == 0 })
	b.settled(b.apply(c.newOperation("paused", "operation_type=CANCEL_ORDER"), "over").location())
	c.clock.advance(2 * time.Minute)
	p := b.post("/tickets/seen", url.Values{"return": {"/tickets?status=CANCELED"}})
	if p.location() != "/tickets?status=CANCELED" {
		t.Errorf("it leads to %q", p.location())
	}
	c.poll(t, "the cancelled one is listed", func() bool {
		return strings.Contains(b.row(b.get("/tickets?status=any"), "ticket-", "paused"), `data-status="CANCELED"`)
	})
	if row := b.row(b.get("/tickets?status=any"), "ticket-", "paused"); !strings.Contains(row, `class="news"`) {
		t.Error("what has changed after all was marked as seen has no mark")
	}
	b.want(b.post("/tickets/seen", nil), http.StatusSeeOther)
	if n := marks(b.get("/tickets?status=any")); n != 0 {
		t.Errorf("after all was seen %d are marked", n)
	}
	if n := rows(t, c, "ticket_visit"); n != 2 {
		t.Errorf("two people have %d visits", n)
	}
}

// TestListOutlivesItsDatabase: without it nothing is marked, and all is shown.
func TestListOutlivesItsDatabase(t *testing.T) {
	t.Parallel()
	c := start(t, hastyLists)
	b := c.signedIn(t, "operator", i18n.EnUS)
	_, err := c.db.Write.ExecContext(context.Background(), `DROP TABLE ticket_visit`)
	must(t, err)
	b.want(b.get("/tickets?status=any"), http.StatusOK, "running_check")
	if !strings.Contains(c.output.String(), "visit not noted") {
		t.Error("nobody is told")
	}
}

// TestListSaysSinceWhenItIsStale injects failures into a list that is watched.
func TestListSaysSinceWhenItIsStale(t *testing.T) {
	t.Parallel()
	c := start(t, hastyLists, func(s *settings) { s.watch.Backoff = 50 * time.Millisecond })
	b := c.signedIn(t, "operator", i18n.EnUS)
	e := b.watch("/tickets?status=any")
	e.must()
	remove := c.sim.Inject(simulator.Fault{Kind: simulator.CallListTickets, Status: 503, Effect: simulator.Refuse})
	e.until(`id="trouble"`, "notice-warning")
	b.want(b.get("/tickets?status=any"), http.StatusOK, "running_check")
	remove()
	recovered := e.until(`id="trouble"`)
	for strings.Contains(recovered.data, "notice-warning") {
		recovered = e.until(`id="trouble"`)
	}
}

// TestListWithoutRowsTellsNoPermission: that somebody may not open tickets is not known from a list that has none.
func TestListWithoutRowsTellsNoPermission(t *testing.T) {
	t.Parallel()
	c := start(t, builtIn)
	b := c.signedIn(t, "operator", i18n.EnUS)
	texts := i18n.For(i18n.EnUS)
	p := b.get("/tickets?name=nothing+is+called+so")
	b.want(p, http.StatusOK, texts.Tickets.EmptyFiltered)
	if strings.Contains(p.body, escaped(texts.List.NoFigures)) {
		t.Error("the operator is told that they may not open tickets")
	}
}

// TestListKeepsSeconds: the stream, and a view that is saved, choose the tickets that the page shows.
func TestListKeepsSeconds(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	exact := "from=2026-01-01T00%3A00%3A30Z"
	p := b.get("/tickets?" + exact)
	b.want(p, http.StatusOK, `/tickets/events?`+exact)
	if !strings.Contains(p.body, `name="view" value="`+exact+`"`) {
		t.Error("the view would be saved with other times")
	}
	b.want(b.get("/tickets?from=2026-01-01T00%3A00%3A00Z"), http.StatusOK, `/tickets/events?from=2026-01-01T00%3A00Z`)
}
