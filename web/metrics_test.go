package web_test

import (
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/anchor"
	"coc-console/audit/audittest"
	"coc-console/internal/i18n"
	"coc-console/internal/simulator"
)

func (b *browser) metrics() string {
	b.t.Helper()
	p := b.get("/metrics")
	b.want(p, http.StatusOK)
	return p.body
}

func (b *browser) wantMetrics(lines ...string) {
	b.t.Helper()
	all := b.metrics()
	for _, line := range lines {
		if !regexp.MustCompile(`(?m)^` + line + `$`).MatchString(all) {
			b.t.Errorf("/metrics has no line %s", line)
		}
	}
	if b.t.Failed() {
		b.t.Log(regexp.MustCompile(`(?m)^(#|go_|process_|.*_bucket).*\n`).ReplaceAllString(all, ""))
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) { s.log = func(a *audit.Config) { a.Key = audit.NewKey() } })
	b := c.signedIn(t, "operator", i18n.EnUS)
	b.want(c.browser(t, i18n.EnUS).post("/sign-in", map[string][]string{"account": {"demo"}, "user": {"operator"}, "password": {"no"}}), 422)
	b.get(c.ticket("running"))
	b.get("/nowhere/" + c.sim.UUID("running"))
	b.do("BREW", "/tickets", nil)
	c.sim.Inject(simulator.Fault{Kind: simulator.CallListTickets, Status: 500, Code: "COC.1", Message: "x", Times: 1})
	b.get("/tickets")
	b.settled(b.apply(c.newOperation("running", "operation_type=PAUSE_ORDER"), "why").location())
	p := b.get("/static/nothing")
	b.want(p, http.StatusNotFound)
	c.poll(t, "a checkpoint", func() bool { return strings.Contains(b.metrics(), "log_checkpoint_records") })
	// The record of an operation's end comes a moment before it stops counting as open.
	c.poll(t, "no open operation", func() bool { return strings.Contains(b.metrics(), "\ncoc_console_operations_open 0\n") })
	c.clock.advance(time.Minute)
	b.wantMetrics(
		`coc_console_http_requests_total\{method="GET",route="/tickets/:execute_uuid",status="200"\} 1`,
		`coc_console_http_requests_total\{method="GET",route="/tickets",status="502"\} 1`,
		`coc_console_http_requests_total\{method="POST",route="/sign-in",status="303"\} 1`,
		`coc_console_http_requests_total\{method="GET",route="other",status="404"\} 1`,
		`coc_console_http_requests_total\{method="other",route="[^"]+",status="405"\} 1`,
		`coc_console_http_request_duration_seconds_count\{method="GET",route="/tickets/:execute_uuid"\} 1`,
		`# HELP coc_console_http_request_seconds Deprecated: the same as coc_console_http_request_duration_seconds, for one release.`,
		`# TYPE coc_console_http_request_seconds histogram`,
		`coc_console_http_request_seconds_count\{method="GET",route="/tickets/:execute_uuid"\} 1`,
		`coc_console_http_static_requests_total 1`,
		`coc_console_upstream_requests_total\{call="sign_in",result="201",service="iam"\} 1`,
		`coc_console_upstream_requests_total\{call="sign_in",result="401",service="iam"\} 1`,
		`coc_console_upstream_requests_total\{call="list_tickets",result="500",service="coc"\} 1`,
		`coc_console_upstream_requests_total\{call="operate",result="200",service="coc"\} 1`,
		`coc_console_upstream_request_duration_seconds_count\{call="operate",service="coc"\} 1`,
		`coc_console_operation_records_total\{operation="PAUSE_ORDER",step="requested"\} 1`,
		`coc_console_operation_records_total\{operation="PAUSE_ORDER",step="accepted"\} 1`,
		`coc_console_operation_records_total\{operation="PAUSE_ORDER",step="observed"\} 1`,
		`coc_console_operations_open 0`, `coc_console_sessions 1`, `coc_console_readable\{part="log"\} 1`,
		`coc_console_log_records [1-9][0-9]*`, `coc_console_log_search_behind_records [0-9]+`,
		`coc_console_log_checkpoint_age_seconds [5-9][0-9]\.[0-9]+`, `coc_console_log_commit_seconds\{quantile="0.99"\} [0-9.e-]+`, `coc_console_log_commit_duration_seconds\{quantile="0.99"\} [0-9.e-]+`,
		`coc_console_log_failing 0`, `coc_console_database_size_bytes\{database="audit"\} [1-9][0-9.e+]+`, `coc_console_log_warning\{kind="slow"\} [01]`, // as the disk is
		`coc_console_readable\{part="growth"\} 1`,
		`go_goroutines [0-9]+`)
	for _, early := range []string{"\ncoc_console_log_growth_bytes_per_day ", "\ncoc_console_log_disk_full_timestamp_seconds "} {
		if strings.Contains(b.metrics(), early) {
			t.Errorf("of a log of seconds the metrics say%s", early)
		}
	}
	c.noNames(t, b.metrics())
}

// noNames: labels tell of nobody and of no ticket.
func (c *console) noNames(t *testing.T, all string) {
	t.Helper()
	for _, secret := range []string{"operator", "demo", c.sim.UUID("running"), "nowhere", "BREW", c.upstream.header("X-Auth-Token"), c.dsn} {
		if strings.Contains(all, secret) {
			t.Errorf("the metrics hold %q", secret)
		}
	}
}

func TestOpenOperationsAreCounted(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	hold := make(chan struct{})
	c.sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.Slow, Hold: hold})
	done := make(chan page, 1)
	form := b.form(b.get(c.newOperation("running", "operation_type=PAUSE_ORDER")))
	go func() { done <- b.post(c.ticket("running")+"/operations", form) }()
	c.poll(t, "an open operation", func() bool {
		select {
		case answer := <-done:
			t.Fatalf("answered before COC did: %d %s", answer.StatusCode, answer.location())
		default:
		}
		return strings.Contains(b.metrics(), "\ncoc_console_operations_open 1\n")
	})
	close(hold)
	b.settled((<-done).location())
	c.poll(t, "none", func() bool { return strings.Contains(b.metrics(), "\ncoc_console_operations_open 0\n") })
}

// poll waits for what is expected; the test's own limit ends it.
func (c *console) poll(t *testing.T, what string, holds func() bool) {
	t.Helper()
	until(t, what, holds)
}

func TestWhoReadsMetrics(t *testing.T) {
	t.Parallel()
	proxied := func(s *settings) { s.trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }
	host := func(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }
	for _, tt := range []struct {
		name    string
		console func(*settings)
		change  func(*http.Request)
		want    int
	}{
		{"from this machine", func(*settings) {}, with("X", "y"), http.StatusOK},
		{"a page of another site", func(*settings) {}, host("evil.example"), http.StatusNotFound},
		{"an unknown proxy", func(*settings) {}, with("X-Forwarded-For", "127.0.0.1"), http.StatusNotFound},
		{"a known proxy", proxied, with("X-Forwarded-For", "192.0.2.1"), http.StatusNotFound},
		{"a known proxy that is lied to", proxied, with("X-Forwarded-For", "127.0.0.1"), http.StatusNotFound},
		{"a known proxy that adds nothing", proxied, with("X", "y"), http.StatusNotFound},
		{"with TLS before it", proxied, with("X-Forwarded-Proto", "https"), http.StatusNotFound},
		{"at another address", func(s *settings) { s.elsewhere = true }, with("X", "y"), http.StatusNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := start(t, tt.console)
			b := c.browser(t, i18n.EnUS)
			b.want(b.get("/metrics", tt.change), tt.want)
		})
	}
}

// TestWarningsShowEverywhere makes each condition real, and looks for its
// warning on a manager's page, at /readyz and in the metrics.
func TestWarningsShowEverywhere(t *testing.T) {
	t.Parallel()
	sql := func(db func(*console) string, statement string) func(*testing.T, *console) {
		return func(t *testing.T, c *console) {
			t.Helper()
			target := c.logDB
			if db(c) == "search" {
				target = c.searchDB
			}
			_, err := target.Write.ExecContext(t.Context(), statement)
			must(t, err)
		}
	}
	inLog, inSearch := func(*console) string { return "log" }, func(*console) string { return "search" }
	space := func(free uint64) func(*audit.Config) {
		return func(a *audit.Config) {
			a.Database = audittest.WithSpace(a.Database, func() (uint64, uint64, error) { return free, 200 << 30, nil })
		}
	}
	nothing := func(*testing.T, *console) {}
	for _, tt := range []struct {
		kind   string
		line   string
		config func(*audit.Config)
		harm   func(*testing.T, *console)
		says   func(*i18n.Notices) string
		ready  int
	}{
		{audit.WarningLowSpace, "space: warning", space(512 << 20), nothing, func(n *i18n.Notices) string { return n.LogLowSpace }, 200},
		{audit.WarningReserve, "space: stopped", space(60 << 20), nothing, func(n *i18n.Notices) string { return n.LogReserve }, 503},
		{audit.WarningReadOnly, "records: stopped", nil, sql(inLog, "PRAGMA query_only = ON"), func(n *i18n.Notices) string { return n.LogRefuses }, 503},
		{audit.WarningFailing, "records: stopped", nil, func(t *testing.T, c *console) {
			t.Helper()
			must(t, os.Rename(filepath.Join(c.dsn, "audit.db"), filepath.Join(c.dsn, "moved.db")))
		}, func(n *i18n.Notices) string { return n.LogRefuses }, 503},
		{audit.WarningFull, "records: ", nil, func(t *testing.T, c *console) {
			t.Helper()
			_, err := c.logDB.Write.ExecContext(t.Context(), "PRAGMA max_page_count = 1")
			must(t, err)
			fill(t, c, c.logDB)
		}, func(n *i18n.Notices) string { return n.LogRefuses }, 0}, // what /readyz tries has place, at times
		{audit.WarningSlow, "commits: warning", func(a *audit.Config) { a.Database = audittest.WithUnmoved(a.Database, slowly) }, nothing, func(n *i18n.Notices) string { return n.LogSlow }, 200},
		{audit.WarningJournal, "journal: warning", nil, sql(inLog, `PRAGMA wal_autocheckpoint = 0; CREATE TABLE large AS SELECT randomblob(65 << 20)`),
			func(n *i18n.Notices) string { return n.LogJournal }, 200},
		{audit.WarningUnsigned, "checkpoint: warning", nil, sql(inLog, `CREATE TRIGGER deaf BEFORE UPDATE ON head WHEN NEW.note IS NOT OLD.note
			BEGIN SELECT RAISE(ABORT, 'no'); END`), func(n *i18n.Notices) string { return n.LogUnsigned }, 0}, // commits that sign fail, too
		{audit.WarningUnanchored, "anchors: warning", func(a *audit.Config) { a.Anchors = []audit.Anchor{anchor.File{Path: "/proc/none/anchor"}} },
			nothing, func(n *i18n.Notices) string { return n.LogUnanchored }, 200},
		{audit.WarningBehind, "search: warning", nil, sql(inSearch, "PRAGMA query_only = ON"), func(n *i18n.Notices) string { return n.LogBehind }, 200},
		{audit.WarningFindings, "verification: warning", nil, sql(inLog, "DROP TRIGGER entry_is_never_changed; UPDATE entry SET body = zeroblob(9)"),
			func(n *i18n.Notices) string { return n.LogChanged }, 0}, // a log that is not what was written takes no records
		{audit.WarningUnverified, "verification: warning", nil, sql(inLog, "ALTER TABLE checkpoint RENAME TO gone"),
			func(n *i18n.Notices) string { return n.LogUnverified }, 200},
	} {
		t.Run(tt.kind, func(t *testing.T) {
			c := start(t, func(s *settings) {
				s.verifyEvery = 5 * time.Millisecond
				if tt.kind == audit.WarningFindings {
					s.verifyEvery = time.Second // the records are changed before they are verified
				}
				s.log = func(a *audit.Config) {
					a.Key = audit.NewKey()
					if tt.config != nil {
						tt.config(a)
					}
				}
			})
			b := c.signedIn(t, "manager", i18n.EnUS)
			if tt.config == nil {
				b.wantMetrics(`coc_console_log_warning\{kind="` + tt.kind + `"\} 0`)
			}
			tt.harm(t, c)
			b.get("/tickets?name=new") // a record that repeats none, for what shows with one
			c.poll(t, "the warning", func() bool {
				return strings.Contains(b.metrics(), "\ncoc_console_log_warning{kind=\""+tt.kind+"\"} 1\n")
			})
			b.want(b.get("/tickets"), http.StatusOK, tt.says(&i18n.For(i18n.EnUS).Notice))
			p := b.get("/readyz")
			if tt.kind == audit.WarningFull {
				return
			}
			if !strings.Contains(p.body, tt.line+" "+tt.kind+": ") || tt.ready != 0 && p.StatusCode != tt.ready {
				t.Errorf("/readyz answers %d %s", p.StatusCode, p.body)
			}
			if strings.HasPrefix(p.body, "ready\n") != (p.StatusCode == http.StatusOK) {
				t.Errorf("/readyz answers %d %s", p.StatusCode, p.body)
			}
		})
	}
}

// slowly makes commits as slow as a disk that is busy.
func slowly() error {
	timer := time.NewTimer(110 * time.Millisecond)
	defer timer.Stop()
	<-timer.C
	return nil
}

func TestReadyWhenWell(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.browser(t, i18n.EnUS)
	p := b.get("/readyz")
	want := "ready\nrecords: ok\nanswers: ok\noperations: ok\nspace: ok\ncommits: ok\njournal: ok\ncheckpoint: ok\nanchors: ok\nsearch: ok\nrows: ok\nstreams: ok\nverification: ok\n" +
		"iam: ok: last answer N s ago\ncoc: ok: last answer N s ago\n"
	if p.StatusCode != http.StatusOK || regexp.MustCompile(`\d+s ago`).ReplaceAllString(p.body, "N s ago") != want {
		t.Errorf("/readyz answers %d %q", p.StatusCode, p.body)
	}
}
