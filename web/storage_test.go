package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"coc-console/audit"
	"coc-console/internal/database"
	"coc-console/internal/i18n"
	"coc-console/internal/simulator"
)

// breaks are the ways in which a database stops taking writes. The settings
// hold for its one writing connection.
var breaks = []struct {
	name, broken, mended string
	says                 func(*i18n.Problems) i18n.Message
}{
	{"full", "PRAGMA max_page_count = 1", "PRAGMA max_page_count = 1000000", func(p *i18n.Problems) i18n.Message { return p.LogFull }},
	{"read-only", "PRAGMA query_only = ON", "PRAGMA query_only = OFF", func(p *i18n.Problems) i18n.Message { return p.LogReadOnly }},
}

// fill writes ever smaller rows until the database has no place left in its
// last pages.
func fill(t *testing.T, c *console, db *database.DB) {
	t.Helper()
	write := func(size int) error {
		return exec(t.Context(), c, fmt.Sprintf(
			`INSERT INTO one_time_key (key, session_id, ticket, created_at) VALUES (hex(randomblob(13)), hex(randomblob(%d)), 'x', 0)`, size))
	}
	if db == c.logDB {
		write = func(size int) error {
			_, err := c.log.Append(t.Context(), audit.Record{Action: audit.ActionTicketListed, Outcome: audit.OutcomeSucceeded, Detail: strings.Repeat("x", size)})
			return err
		}
	}
	for _, size := range []int{2000, 200, 20, 0} {
		n := 0
		for ; n < 500 && write(size) == nil; n++ {
		}
		if n == 500 {
			t.Fatal("the database is not full")
		}
	}
}

// TestLogRefuses: an operation without its record is not sent. The page says
// why and keeps the form, reading goes on, and once the log is mended the same
// form goes through.
func TestLogRefuses(t *testing.T) {
	t.Parallel()
	for _, store := range []database.Store{database.Audit, database.Console} {
		for _, tt := range breaks {
			t.Run(string(store)+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
					logRefuses(t, store, tt.broken, tt.mended, language, tt.says(&texts.Problem))
				})
			})
		}
	}
}

func logRefuses(t *testing.T, store database.Store, broken, mended string, language i18n.Language, says i18n.Message) {
	c := start(t)
	b := c.signedIn(t, "operator", language)
	texts := i18n.For(language)
	form := b.form(b.get(c.newOperation("running", "operation_type=PAUSE_ORDER")))
	form.Set("reason", "because <b>")
	db := map[database.Store]*database.DB{database.Audit: c.logDB, database.Console: c.db}[store]
	_, err := db.Write.ExecContext(t.Context(), broken)
	must(t, err)
	if strings.Contains(broken, "page") {
		fill(t, c, db)
	}
	p := b.post(c.ticket("running")+"/operations", form)
	b.want(p, http.StatusServiceUnavailable, says.Heading, says.Text, says.Advice, "because <b>")
	if n := c.sim.Calls(simulator.CallOperate); n != 0 {
		t.Fatalf("%d operations were sent", n)
	}
	again := b.form(p)
	for _, path := range []string{"/tickets", c.ticket("running"), c.ticket("running") + "/instances/1001"} {
		p := b.get(path)
		b.want(p, http.StatusOK)
		if store == database.Audit {
			b.want(p, http.StatusOK, texts.Notice.LogRefuses)
		}
	}
	if store == database.Audit {
		b.want(b.get("/readyz"), http.StatusServiceUnavailable)
		b.want(b.get("/audit/export"), http.StatusServiceUnavailable, says.Heading)
	} else {
		sessionsRefuse(t, c, language)
	}
	_, err = db.Write.ExecContext(t.Context(), mended)
	must(t, err)
	b.settled(b.post(c.ticket("running")+"/operations", again).location())
	b.want(b.get("/readyz"), http.StatusOK)
	if p := b.get("/tickets"); strings.Contains(p.body, escaped(texts.Notice.LogRefuses)) {
		t.Error("the page still warns")
	}
}

// sessionsRefuse: without its database the console cannot sign anybody in or
// out, and says so.
func sessionsRefuse(t *testing.T, c *console, language i18n.Language) {
	t.Helper()
	b, heading := c.browser(t, language), i18n.For(language).Problem.Unavailable.Heading
	b.want(b.post("/sign-in", credentials("operator")), http.StatusServiceUnavailable, heading)
	if b.cookie() != "" {
		t.Error("there is a session")
	}
}

// TestConsoleDatabaseGone: nothing can say who a reader is.
func TestConsoleDatabaseGone(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		c := start(t)
		b := c.signedIn(t, "operator", language)
		must(t, c.db.Close())
		for _, path := range []string{"/tickets", c.ticket("running"), "/audit", "/sign-in"} {
			b.want(b.get(path), http.StatusServiceUnavailable, texts.Problem.Unavailable.Heading)
		}
		b.want(b.post("/sign-out", nil), http.StatusServiceUnavailable, texts.Problem.Unavailable.Heading)
		b.want(b.post("/language", url.Values{"language": {"en-us"}}), http.StatusServiceUnavailable)
		b.want(c.browser(t, language).get("/healthz"), http.StatusOK)
		c.sentNothing(t)
	})
}
