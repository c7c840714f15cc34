package web_test

import (
	"encoding/csv"
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
)

// TestEveryActionIsWritten does each thing once and looks for its record.
func TestEveryActionIsWritten(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, c *console) {
		b := c.signedIn(t, "operator", i18n.EnUS)
		ticket := c.sim.UUID("running")
		b.want(b.get("/tickets?status=PROCESSING&creator=operator&name=run&from=2026-01-01T00:00Z"), http.StatusOK)
		b.want(b.get(c.ticket("running")+"?batch=2&status=READY"), http.StatusOK)
		b.want(b.get(c.ticket("running")+"/instances/1001"), http.StatusOK)
		b.settled(b.apply(c.newOperation("running", "operation_type=PAUSE_ORDER"), "why").location())
		b.want(b.get("/audit?outcome=succeeded&action=session."), http.StatusOK)
		b.want(b.get("/audit/export?person=operator"), http.StatusOK)
		b.want(b.get("/audit/2"), http.StatusOK)
		b.want(b.post("/sign-out", nil), http.StatusSeeOther)
		m := c.signedIn(t, "manager", i18n.EnUS)
		b = c.signedIn(t, "operator", i18n.EnUS)
		b.want(b.get("/audit/"+last(c, "session.signed_in", "manager")), http.StatusForbidden, i18n.For(i18n.EnUS).Problem.Denied.Heading)
		m.want(m.get("/audit"), http.StatusOK)

		for _, want := range []struct {
			action audit.Action
			record audit.Record
		}{
			{audit.ActionTicketListed, audit.Record{Outcome: "succeeded", Detail: "status=PROCESSING creator=operator name=run from=2026-01-01T00:00:00Z"}},
			{audit.ActionTicketViewed, audit.Record{Outcome: "succeeded", Ticket: ticket, Target: "running_check", Detail: "batch=2 status=READY"}},
			{audit.ActionLogViewed, audit.Record{Outcome: "succeeded", Ticket: ticket, BatchIndex: 1, InstanceID: 1001, Target: "web-1.001µs"}},
			{audit.ActionOperationRequested, audit.Record{Outcome: "pending", Ticket: ticket, Target: "running_check", Reason: "why", OperationType: "PAUSE_ORDER"}},
			{audit.ActionAuditExported, audit.Record{Outcome: "succeeded", Detail: "person=operator"}},
			{audit.ActionSessionSignedOut, audit.Record{Outcome: "succeeded"}},
			{audit.ActionAccessDenied, audit.Record{Outcome: "denied"}},
		} {
			got := c.only(want.action)
			checkWho(t, got, "operator")
			if got.Outcome != want.record.Outcome || got.Ticket != want.record.Ticket || got.BatchIndex != want.record.BatchIndex ||
				got.InstanceID != want.record.InstanceID || got.Target != want.record.Target || got.Reason != want.record.Reason ||
				got.OperationType != want.record.OperationType || want.record.Detail != "" && got.Detail != want.record.Detail {
				t.Errorf("%s: got %+v", want.action, got)
			}
		}
		if got := c.records(audit.ActionAuditViewed); got[0].Detail != "action=session. outcome=succeeded" || got[1].Detail != "sequence=2" {
			t.Errorf("the views of the log are %+v", got)
		}
		if got := c.only(audit.ActionTicketListed); got.Duration <= 0 {
			t.Error("a record has no duration")
		}
	}
	t.Run("sqlite", func(t *testing.T) { run(t, start(t)) })
	t.Run("postgresql", func(t *testing.T) { run(t, start(t, func(s *settings) { s.dsn = audittest.Postgres(t) })) })
}

// last is the sequence of a user's last record of an action.
func last(c *console, action audit.Action, user string) string {
	sequence := ""
	for _, r := range c.records(action) {
		if r.Actor.UserName == user {
			sequence = number(r.Sequence)
		}
	}
	return sequence
}

var sequences = regexp.MustCompile(`data-sequence="([0-9]+)"`)

// shown lists the records of a page of the log.
func shown(p page) []string {
	var all []string
	for _, m := range sequences.FindAllStringSubmatch(p.body, -1) {
		all = append(all, m[1])
	}
	return all
}

func TestWhoSeesWhat(t *testing.T) {
	t.Parallel()
	c := start(t)
	operator, manager, nobody := c.signedIn(t, "operator", i18n.EnUS), c.signedIn(t, "manager", i18n.EnUS), c.signedIn(t, "nobody", i18n.EnUS)
	reader := c.signedIn(t, "reader", i18n.EnUS)
	receipt := operator.apply(c.newOperation("running", "operation_type=PAUSE_ORDER"), "mine").location()
	operator.settled(receipt)
	requested := c.only(audit.ActionOperationRequested)
	record := "/audit/" + number(requested.Sequence)
	signedIn := "/audit/" + last(c, audit.ActionSessionSignedIn, "operator")
	ofTicket := "/audit?ticket=" + c.sim.UUID("running")

	for _, tt := range []struct {
		name                      string
		b                         *browser
		record, receipt, signedIn int
		rows                      int // of the ticket
	}{
		{"manager", manager, 200, 200, 200, 3},
		{"operator", operator, 200, 200, 200, 3},
		{"another who may read the ticket", reader, 200, 200, 403, 3},
		{"who may not read the ticket", nobody, 403, 403, 403, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			denied := len(c.records(audit.ActionAccessDenied))
			tt.b.want(tt.b.get(record), tt.record)
			tt.b.want(tt.b.get(receipt), tt.receipt)
			tt.b.want(tt.b.get(signedIn), tt.signedIn)
			for _, status := range []int{tt.record, tt.receipt, tt.signedIn} {
				if status == http.StatusForbidden {
					denied++
				}
			}
			if n := len(c.records(audit.ActionAccessDenied)); n != denied {
				t.Errorf("%d denials in the log, want %d", n, denied)
			}
			p := tt.b.get(ofTicket)
			tt.b.want(p, http.StatusOK)
			if n := len(shown(p)); n != tt.rows {
				t.Errorf("%d records of the ticket, want %d", n, tt.rows)
			}
			// What the page shows is what the export gives.
			found := 0
			for _, r := range exported(t, tt.b, "/audit/export?ticket="+c.sim.UUID("running")) {
				if strings.HasPrefix(r[2], "operation.") {
					found++
				}
			}
			if found != min(tt.rows, 3) {
				t.Errorf("%d exported records of the ticket, want %d", found, tt.rows)
			}
		})
	}
	if all := shown(manager.get("/audit?view=everything")); len(all) < 10 {
		t.Errorf("a manager sees %d records", len(all))
	}
	for _, r := range exported(t, reader, "/audit/export")[1:] {
		if r[4] != "reader" {
			t.Errorf("reader exports a record of %s", r[4])
		}
	}
	for _, r := range c.records(audit.ActionAccessDenied) {
		if r.Ticket != "" || !strings.HasPrefix(r.Detail, "address=/") {
			t.Errorf("a denial tells %+v", r)
		}
	}
}

// TestRightsNeedCOC: when COC cannot say whether a ticket may be read, nothing
// is shown, and nothing is called denied.
func TestRightsNeedCOC(t *testing.T) {
	t.Parallel()
	c := start(t)
	operator, reader := c.signedIn(t, "operator", i18n.EnUS), c.signedIn(t, "reader", i18n.EnUS)
	receipt := operator.apply(c.newOperation("running", "operation_type=PAUSE_ORDER"), "mine").location()
	operator.settled(receipt)
	c.sim.Inject(simulator.Fault{Kind: simulator.CallShowTicket, Status: 500})
	for _, path := range []string{receipt, "/audit?ticket=" + c.sim.UUID("running")} {
		reader.want(reader.get(path), http.StatusBadGateway)
	}
	if n := len(c.records(audit.ActionAccessDenied)); n != 0 {
		t.Errorf("%d denials in the log", n)
	}
}

func TestAuditPages(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "manager", i18n.EnUS)
	for range 120 {
		b.want(b.get("/tickets?name=x"), http.StatusOK)
	}
	var newestFirst []string
	for i := range 121 {
		newestFirst = append(newestFirst, number(int64(121-i)))
	}
	older := regexp.MustCompile(`rel="next" href="([^"]+)"`)
	newer := regexp.MustCompile(`rel="prev" href="([^"]+)"`)
	address := "/audit?action=ticket.&person=manager"
	want := newestFirst[:120]
	var pages [][]string
	for {
		p := b.get(address)
		b.want(p, http.StatusOK)
		pages = append(pages, shown(p))
		m := older.FindStringSubmatch(p.body)
		if m == nil {
			break
		}
		address = unescaped(m[1])
	}
	if got := slices.Concat(pages...); !slices.Equal(got, want) {
		t.Fatalf("going to older pages shows %d records, want %d: %v", len(got), len(want), got)
	}
	for i := len(pages) - 1; ; i-- { // and back
		p := b.get(address)
		if !slices.Equal(shown(p), pages[i]) {
			t.Errorf("page %d shows %v, want %v", i, shown(p), pages[i])
		}
		m := newer.FindStringSubmatch(p.body)
		if m == nil {
			if i != 0 {
				t.Errorf("it ends at page %d", i)
			}
			break
		}
		address = unescaped(m[1])
	}
}

func TestAuditTimes(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "manager", i18n.EnUS)
	b.setCookie("zone", "Asia/Shanghai")
	at := c.only(audit.ActionSessionSignedIn).Time
	shanghai := time.FixedZone("", 8*60*60)
	local := at.In(shanghai)
	b.want(b.get("/audit"), http.StatusOK, local.Format("2006-01-02 15:04:05"), "Asia/Shanghai")

	from, to := local.Truncate(time.Minute), local.Truncate(time.Minute).Add(time.Minute)
	p := b.get("/audit?action=session.signed_in&from=" + from.Format("2006-01-02T15:04") + "&to=" + to.Format("2006-01-02T15:04"))
	b.want(p, http.StatusSeeOther) // to the exact address, which means the same to everybody
	u, err := url.Parse(p.location())
	must(t, err)
	if u.Query().Get("from") != from.Format("2006-01-02T15:04Z07:00") || u.Query().Get("action") != "session.signed_in" {
		t.Fatalf("it leads to %q", p.location())
	}
	p = b.get(p.location())
	if !slices.Equal(shown(p), []string{"1"}) {
		t.Errorf("the minute of the sign-in shows %v", shown(p))
	}
	if !strings.Contains(p.body, `value="`+from.Format("2006-01-02T15:04")+`"`) {
		t.Error("the form does not show the reader's local time")
	}
	p = b.get("/audit?action=session.signed_in&from=" + url.QueryEscape(to.Format(time.RFC3339)))
	if len(shown(p)) != 0 {
		t.Errorf("later than the sign-in there is %v", shown(p))
	}
	b.setCookie("zone", "<b>/../etc")
	b.want(b.get("/audit"), http.StatusOK, at.Format("2006-01-02 15:04:05")+" UTC")
}

// exported reads an export; its first row is the header.
func exported(t *testing.T, b *browser, path string) [][]string {
	t.Helper()
	p := b.get(path)
	b.want(p, http.StatusOK)
	text, marked := strings.CutPrefix(p.body, "\uFEFF")
	if !marked || p.Header.Get("Content-Type") != "text/csv; charset=utf-8" || !strings.HasPrefix(p.Header.Get("Content-Disposition"), `attachment; filename="audit-`) {
		t.Fatalf("it is no CSV file: %v", p.Header)
	}
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	must(t, err)
	return rows
}

func TestExport(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "manager", i18n.EnUS)
	b.settled(b.apply(c.newOperation("running", "operation_type=CANCEL_INSTANCE&instance_id=1001"), "=HYPERLINK(\"x\"), \"quoted\"\nline").location())
	rows := exported(t, b, "/audit/export")
	column := func(row []string, name string) string { return row[slices.Index(rows[0], name)] }
	if rows[1][0] != "1" || column(rows[len(rows)-1], "action") != "audit.exported" {
		t.Errorf("the first row is %v, the last one %v: its own record must be there", rows[1], rows[len(rows)-1])
	}
	found := false
	for _, row := range rows[1:] {
		if column(row, "action") != "operation.requested" {
			continue
		}
		found = true
		if column(row, "reason") != "'=HYPERLINK(\"x\"), \"quoted\"\nline" || column(row, "instance_id") != "1001" || column(row, "batch_index") != "" ||
			column(row, "user_name") != "manager" || column(row, "ticket") != c.sim.UUID("running") || column(row, "address") != "127.0.0.1" {
			t.Errorf("the row is %v", row)
		}
		if _, err := time.Parse(time.RFC3339Nano, column(row, "time")); err != nil {
			t.Error(err)
		}
	}
	if !found {
		t.Error("the operation is not in the export")
	}
	if rows := exported(t, b, "/audit/export?action=session.signed_in"); len(rows) != 2 {
		t.Errorf("a filtered export has %d rows, want 2", len(rows))
	}
}

// TestLongExport: the server's own limit for an answer is not the export's.
func TestLongExport(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) { s.writeLimit = 2 * time.Second })
	b := c.signedIn(t, "manager", i18n.EnUS)
	actor := c.only(audit.ActionSessionSignedIn).Actor
	const many = 3000
	var appended []chan error
	for range many {
		done := make(chan error, 1)
		appended = append(appended, done)
		go func() {
			_, err := c.log.Append(t.Context(), audit.Record{Action: audit.ActionTicketListed, Outcome: audit.OutcomeSucceeded,
				Actor: actor, Detail: strings.Repeat("x", 2000)})
			done <- err
		}()
	}
	for _, done := range appended {
		must(t, <-done)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url+"/audit/export", http.NoBody)
	must(t, err)
	r.Header.Set("Accept-Encoding", "identity")
	res, err := b.client.Do(r)
	must(t, err)
	defer func() { _ = res.Body.Close() }()
	if res.ContentLength != -1 {
		t.Errorf("the export has %d bytes before it begins", res.ContentLength)
	}
	c.clock.advance(time.Minute)
	timer := time.NewTimer(2500 * time.Millisecond) // a slow reader: longer than the server's limit
	defer timer.Stop()
	<-timer.C
	rows, err := csv.NewReader(res.Body).ReadAll()
	if err != nil || len(rows) < many {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

// TestRefreshIsOneView: a page that stays open is one record, also when it was
// opened by a refresh; another page, and a person, are records of their own.
func TestRefreshIsOneView(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	refresh := with("Coc-Console-Refresh", "1")
	for range 5 {
		b.want(b.get(c.ticket("running"), refresh), http.StatusOK)
	}
	c.only(audit.ActionTicketViewed)
	b.get(c.ticket("running"))
	b.get(c.ticket("running"), refresh)
	b.get(c.ticket("abnormal"), refresh)
	if n := len(c.records(audit.ActionTicketViewed)); n != 3 {
		t.Errorf("%d views, want 3", n)
	}
}

// TestTicketPages goes through the list to its end and back without losing a
// ticket, with the filters kept.
func TestTicketPages(t *testing.T) {
	t.Parallel()
	const many = 127
	c := start(t, func(s *settings) {
		s.tickets = nil
		for i := range many {
			s.tickets = append(s.tickets, simulator.TicketSpec{Name: "many", Creator: "operator", Timeout: time.Minute, SuccessRate: 100,
				Age: time.Duration(i+1) * time.Hour, Batches: []simulator.BatchSpec{{Instances: []simulator.InstanceSpec{{Run: time.Second}}}}})
		}
	})
	b := c.signedIn(t, "operator", i18n.EnUS)
	ids := regexp.MustCompile(`<tr[^>]* data-ticket="([^"]+)"`)
	older, newer := regexp.MustCompile(`rel="next" href="([^"]+)"`), regexp.MustCompile(`rel="prev" href="([^"]+)"`)
	address, seen := "/tickets?name=many", map[string]bool{}
	var pages []string
	for {
		p := b.get(address)
		b.want(p, http.StatusOK)
		pages = append(pages, address)
		for _, m := range ids.FindAllStringSubmatch(p.body, -1) {
			seen[m[1]] = true
		}
		m := older.FindStringSubmatch(p.body)
		if m == nil {
			break
		}
		address = unescaped(m[1])
	}
	if len(seen) != many || len(pages) != 3 {
		t.Errorf("%d tickets on %d pages, want %d on 3", len(seen), len(pages), many)
	}
	for i := len(pages) - 1; i > 0; i-- {
		m := newer.FindStringSubmatch(b.get(pages[i]).body)
		if m == nil || unescaped(m[1]) != pages[i-1] {
			t.Errorf("the page before %q is %v, want %q", pages[i], m, pages[i-1])
		}
	}
}

func TestFindGoesToTheTicket(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	id := c.sim.UUID("running")
	for _, text := range []string{id, " " + id + "\n", "https://console.example/coc/#/tickets/" + id + "?x=1", "look at " + id + ", please",
		strings.ToLower(id), id[:9] + " " + id[9:]} {
		if p := b.get("/tickets?find=" + url.QueryEscape(text)); p.location() != "/tickets/"+id {
			t.Errorf("%q leads to %q", text, p.location())
		}
	}
	b.want(b.follow(b.get("/tickets?find=unning_ch")), http.StatusOK, id)
}

// TestFindNarrowsTheList: a filter of the list in the search box of all pages leads there.
func TestFindNarrowsTheList(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	for typed, want := range map[string]string{
		"state:paused":             "/tickets?status=PAUSED",
		"host:web-1 state:paused":  "/tickets?host=web-1&status=PAUSED",
		"creator：operator running": "/tickets?creator=operator&name=running",
		"web-1:22":                 "", "no:such field": "", "host:no-such": "", "fd00::10": "",
	} {
		if p := b.get("/tickets?find=" + url.QueryEscape(typed)); p.location() != want {
			t.Errorf("%s leads to %s, want %s", typed, p.location(), want)
		}
	}
}

// TestFindByServer: one ticket with the server is gone to, at the server's row; several are listed, with what was looked
// through.
func TestFindByServer(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	host := c.hostOf(t, b, "running")
	p := b.get("/tickets?find=" + url.QueryEscape(host))
	if want := "/tickets/" + c.sim.UUID("running") + "?q=" + url.QueryEscape(host) + "#instance-"; !strings.HasPrefix(p.location(), want) {
		t.Errorf("%q leads to %q, want %q", host, p.location(), want)
	}
	list := i18n.For(i18n.EnUS).List
	b.want(b.get("/tickets?host="+url.QueryEscape(host)), http.StatusOK, c.sim.UUID("running"), host, list.Found(1, false))
	b.want(b.get("/tickets?find=no+such+server"), http.StatusOK, list.FoundNone, list.Found(0, false))
	if p := b.get("/tickets?q=" + url.QueryEscape("host:"+host)); p.location() != "/tickets?host="+url.QueryEscape(host) {
		t.Errorf("host: leads to %q", p.location())
	}
}

// hostOf is the name of a server of a ticket.
func (c *console) hostOf(t *testing.T, b *browser, scenario string) string {
	t.Helper()
	m := regexp.MustCompile(`class="wide"><a href="[^"]*"><bdi>([^<]+)<`).FindStringSubmatch(strings.ReplaceAll(b.get(c.ticket(scenario)).body, "\n", ""))
	if m == nil {
		t.Fatal("the ticket has no server")
	}
	return m[1]
}

// TestUntrustedText: what servers print is text, and is downloaded as it is.
func TestUntrustedText(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	p := b.get(c.ticket("finished") + "/instances/3001")
	b.want(p, http.StatusOK, "<script>alert(1)</script>")
	if strings.Contains(p.body, "<script>alert") {
		t.Error("a log is not escaped")
	}
	p = b.get(c.ticket("finished") + "/instances/3001/log")
	if p.body != "first line\n<script>alert(1)</script>\nlast line" || p.Header.Get("Content-Type") != "text/plain; charset=utf-8" ||
		!strings.HasPrefix(p.Header.Get("Content-Disposition"), "attachment; filename=") {
		t.Errorf("the download is %q as %v", p.body, p.Header)
	}
}

// TestAddressesAreTheirOwners: from where somebody works is for managers and
// themselves, on the record's page, in the export and by what a search finds.
func TestAddressesAreTheirOwners(t *testing.T) {
	t.Parallel()
	c := start(t)
	operator, manager, reader := c.signedIn(t, "operator", i18n.EnUS), c.signedIn(t, "manager", i18n.EnUS), c.signedIn(t, "reader", i18n.EnUS)
	operator.settled(operator.apply(c.newOperation("running", "operation_type=PAUSE_ORDER"), "mine").location())
	record := "/audit/" + number(c.only(audit.ActionOperationRequested).Sequence)
	for _, tt := range []struct {
		name  string
		b     *browser
		shown bool
	}{{"operator", operator, true}, {"manager", manager, true}, {"another who may read the ticket", reader, false}} {
		t.Run(tt.name, func(t *testing.T) {
			p := tt.b.get(record)
			tt.b.want(p, http.StatusOK, "mine")
			for _, text := range []string{"127.0.0.1", "test-browser/1"} {
				if got := strings.Contains(shortenedMain(p.body), text); got != tt.shown {
					t.Errorf("the record shows %s: %v", text, got)
				}
			}
			bytes := map[bool]int{true: http.StatusOK, false: http.StatusForbidden}[tt.shown]
			tt.b.want(tt.b.get(record+"/bytes"), bytes)
			if strings.Contains(p.body, record+"/bytes") != tt.shown {
				t.Error("the page offers the bytes, or does not")
			}
			found := 0
			rows := exported(t, tt.b, "/audit/export?action=operation.&ticket="+c.sim.UUID("running"))
			for _, row := range rows[1:] {
				found++
				address, agent := row[slices.Index(rows[0], "address")], row[slices.Index(rows[0], "user_agent")]
				if (address == "127.0.0.1") != tt.shown || (agent == "test-browser/1") != tt.shown || !tt.shown && address+agent != "" {
					t.Errorf("the export says %q and %q", address, agent)
				}
			}
			if found != 3 {
				t.Errorf("%d records are exported, want 3", found)
			}
			lines := tt.b.get("/audit/export?format=jsonl&action=operation.&ticket=" + c.sim.UUID("running"))
			tt.b.want(lines, http.StatusOK)
			if strings.Contains(lines.body, "127.0.0.1") != tt.shown {
				t.Errorf("the exact records are %q", lines.body)
			}
			for query, want := range map[string]int{"ip:127.0.0.1": 3, "-ip:192.0.2.1": 3} {
				if !tt.shown {
					want = 0
				}
				p := tt.b.get("/audit?action=operation.&ticket=" + c.sim.UUID("running") + "&q=" + url.QueryEscape(query))
				tt.b.want(p, http.StatusOK)
				if n := len(shown(p)); n != want {
					t.Errorf("%s finds %d records, want %d", query, n, want)
				}
			}
		})
	}
}

func shortenedMain(body string) string { return body[strings.Index(body, "<main"):] }
