package system

import (
	"context"
	"database/sql"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"coc-console/internal/simulator"
)

// file opens one of the console's databases past it.
func (s *site) file(name string) *sql.DB {
	s.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.data, name)+"?_pragma=busy_timeout(10000)")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = db.Close() })
	return db
}

// lock lets nobody write to a database until release is called.
func (s *site) lock(name string) (release func()) {
	s.t.Helper()
	ctx := s.t.Context()
	conn, err := s.file(name).Conn(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		s.t.Fatal(err)
	}
	return func() {
		if _, err := conn.ExecContext(ctx, "ROLLBACK"); err != nil {
			s.t.Error(err)
		}
		if err := conn.Close(); err != nil {
			s.t.Error(err)
		}
	}
}

// text is the first column of the first row that a query of console.db gives.
func (s *site) text(db *sql.DB, query string, args ...any) string {
	var out string
	if err := db.QueryRowContext(s.t.Context(), query, args...).Scan(&out); err != nil {
		return ""
	}
	return out
}

// history are the actions of every operation in the log, in order, and how
// often each of all actions is there.
func (s *site) history(db *sql.DB) (byOperation map[string][]string, counts map[string]int) {
	s.t.Helper()
	byOperation, counts = map[string][]string{}, map[string]int{}
	rows, err := db.QueryContext(s.t.Context(), `SELECT body FROM entry ORDER BY seq`)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var body []byte
		var entry logged
		if err := rows.Scan(&body); err != nil {
			s.t.Fatal(err)
		}
		if err := json.Unmarshal(body, &entry); err != nil {
			s.t.Fatal(err)
		}
		counts[entry.Action]++
		if entry.OperationID != "" {
			byOperation[entry.OperationID] = append(byOperation[entry.OperationID], strings.TrimPrefix(entry.Action, "operation."))
		}
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	return byOperation, counts
}

// whole checks that every operation has its end, so many, and the log from
// outside.
func (s *site) whole(p *process, requests int) {
	s.t.Helper()
	s.allEnded(s.database(), requests)
	p.stop()
	key := loggedKey.FindStringSubmatch(p.stderr.String())
	if key == nil {
		s.t.Fatalf("it does not log its public key:\n%s", p.stderr)
	}
	runs(s.t, "audit", "verify", "--data", s.data, "--public-key", strings.Trim(key[1], `"`))
}

// allEnded waits until every operation in the log has an end, and checks that
// it has one answer and one end, and that so many were requested.
func (s *site) allEnded(db *sql.DB, requests int) {
	s.t.Helper()
	ended := func() bool {
		all, _ := s.history(db)
		for _, actions := range all {
			if slices.Contains(actions, "requested") && !slices.Contains(actions, "observed") && !slices.Contains(actions, "not_observed") {
				return false
			}
		}
		return true
	}
	eventually(s.t, "every operation has an end", ended)
	all, counts := s.history(db)
	for id, actions := range all {
		if n := len(actions) - len(slices.DeleteFunc(slices.Clone(actions), func(a string) bool { return !strings.HasPrefix(a, "approval.") })); n != 3 {
			s.t.Errorf("the operation %s has the records %v", id, actions)
		}
	}
	if counts["operation.requested"] != requests {
		s.t.Errorf("%d operations were requested, want %d", counts["operation.requested"], requests)
	}
}

var instanceRow = regexp.MustCompile(`data-instance="(\d+)"`)

// job opens the page on which cancelling every instance of the first batch is
// confirmed, and returns its form.
func (b *browser) job(ticket string) url.Values {
	b.t.Helper()
	address := url.Values{"operation_type": {"CANCEL_INSTANCE"}}
	for _, m := range instanceRow.FindAllStringSubmatch(b.get("/tickets/"+ticket+"?batch=1").body, -1) {
		if target := ticket + "." + m[1] + ".1"; !slices.Contains(address["target"], target) {
			address.Add("target", target)
		}
	}
	p := b.get("/bulk/new?" + address.Encode())
	_, rest, found := strings.Cut(p.body, `action="/bulk"`)
	if p.status != http.StatusOK || !found {
		b.t.Fatalf("the page of a job answers %d without the form: %s", p.status, p.body)
	}
	rest, _, _ = strings.Cut(rest, "</form>")
	fields := url.Values{"reason": {"a test"}}
	for _, input := range hiddenInput.FindAllString(rest, -1) {
		pair := map[string]string{}
		for _, m := range attribute.FindAllStringSubmatch(input, -1) {
			pair[m[1]] = html.UnescapeString(m[2])
		}
		fields.Add(pair["name"], pair["value"])
	}
	return fields
}

const jobSize = 12

// jobCrash is one moment in a job at which the console is killed.
type jobCrash struct {
	name string
	// until brings the job, which start starts, to that moment; release undoes
	// what it took, after the kill.
	until func(s *site, b *browser, start func(), db *sql.DB, key string) (release func())
	// then is what people do after the next start.
	then func(s *site, b *browser, key string)
	lost int // operations whose answer nobody wrote down, at least
}

func (s *site) items(db *sql.DB, state string) int {
	n, err := strconv.Atoi(s.text(db, `SELECT CAST(count(*) AS TEXT) FROM job_item WHERE state = $1`, state))
	if err != nil {
		return -1
	}
	return n
}

var jobCrashes = []jobCrash{
	{name: "before its start is in the log", until: func(s *site, _ *browser, start func(), db *sql.DB, key string) func() {
		release := s.lock("audit.db")
		go start()
		eventually(s.t, "the job is stored", func() bool { return s.text(db, `SELECT state FROM job WHERE id = $1`, key) == "running" })
		return release
	}},
	{name: "before an item's request is in the log", until: func(s *site, _ *browser, start func(), db *sql.DB, _ string) func() {
		hold := make(chan struct{})
		s.sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.Slow, Hold: hold, Late: true})
		start()
		eventually(s.t, "one is sent", func() bool { return s.sim.Calls(simulator.CallOperate) > 0 })
		release := s.lock("audit.db")
		claimed := s.text(db, `SELECT CAST(count(*) AS TEXT) FROM target_claim`)
		eventually(s.t, "another is claimed", func() bool {
			return s.text(db, `SELECT CAST(count(*) AS TEXT) FROM target_claim`) != claimed || s.items(db, "sending") == 8
		})
		return func() { release(); close(hold) }
	}, lost: 1},
	{name: "between requests and their answers", until: func(s *site, _ *browser, start func(), _ *sql.DB, _ string) func() {
		hold := make(chan struct{})
		s.sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.Slow, Hold: hold, Times: workers, Late: true})
		start()
		eventually(s.t, "some are sent", func() bool { return s.sim.Calls(simulator.CallOperate) >= workers })
		return func() { close(hold) }
	}, lost: workers},
	{name: "between an answer and the job's note of it", until: func(s *site, _ *browser, start func(), db *sql.DB, _ string) func() {
		hold := make(chan struct{})
		s.sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.Slow, Hold: hold, Times: 1})
		start()
		eventually(s.t, "one is sent", func() bool { return s.sim.Calls(simulator.CallOperate) >= 1 })
		release := s.lock("console.db")
		close(hold)
		eventually(s.t, "its answer is in the log, and not in the job", func() bool {
			_, counts := s.history(s.database())
			return counts["operation.accepted"] > s.items(db, "sent")
		})
		return release
	}},
	{name: "while it is stopped", until: func(s *site, b *browser, start func(), db *sql.DB, key string) func() {
		start()
		eventually(s.t, "one is sent", func() bool { return s.items(db, "sent") > 0 })
		if p := b.post("/bulk/"+key, url.Values{"do": {"stop"}}); p.status != http.StatusSeeOther {
			s.t.Errorf("stopping answers %d", p.status)
		}
		eventually(s.t, "nothing is on its way", func() bool { return s.items(db, "sending") == 0 })
		return func() {}
	}, then: func(s *site, b *browser, key string) {
		if p := b.post("/bulk/"+key, url.Values{"do": {"continue"}}); p.status != http.StatusSeeOther {
			s.t.Errorf("continuing answers %d", p.status)
		}
	}},
}

// workers is how many items of a job are on their way at most. When as many are held, none is between its record and its
// sending, where a kill would leave it unsent.
const workers = 8

// TestKilledDuringAJob kills the console at every step of a job. After the
// next start each item is sent once, and has its end.
func TestKilledDuringAJob(t *testing.T) {
	t.Parallel()
	for _, c := range jobCrashes {
		t.Run(c.name, func(t *testing.T) {
			s := newSiteOf(t, jobSize)
			first := s.start("--bulk-rate", "20")
			b := newBrowser(t, first.url)
			b.signIn("operator")
			fields := b.job(s.sim.UUID("running"))
			db, key := s.file("console.db"), fields.Get("key")
			release := c.until(s, b, func() { _, _ = b.try(context.WithoutCancel(t.Context()), http.MethodPost, "/bulk", fields) }, db, key)
			first.kill()
			release()

			second := s.start("--bulk-rate", "100")
			b.base = second.url
			if c.then != nil {
				c.then(s, b, key)
			}
			eventually(t, "the job has its end", func() bool { return s.text(db, `SELECT state FROM job WHERE id = $1`, key) == "ended" })
			if p := b.post("/bulk", fields); p.location != "/bulk/"+key {
				t.Errorf("the same form again answers %d, to %q", p.status, p.location)
			}
			if n := s.items(db, "sent"); n != jobSize {
				t.Errorf("%d items were sent", n)
			}
			s.sentOnce(jobSize)
			_, counts := s.history(s.database())
			if counts["job.started"] != 1 || counts["job.ended"] != 1 || counts["operation.unknown"] < c.lost {
				t.Errorf("the log counts %v", counts)
			}
			s.whole(second, jobSize)
		})
	}
}

var stopsOf = regexp.MustCompile(`data-stops="([0-9]+)"`)

// approval is the form that approves a request, with the number that its page asks for.
func (b *browser) approval(key string) url.Values {
	b.t.Helper()
	stops := stopsOf.FindStringSubmatch(b.get("/approvals/" + key).body)
	if stops == nil {
		b.t.Fatal("the page does not ask how many instances stop")
	}
	return b.named(url.Values{"decision": {"approve"}, "count": {stops[1]}})
}

// TestKilledDuringAnApproval kills the console after a question, after the
// answer and while the operation is sent.
func TestKilledDuringAnApproval(t *testing.T) {
	t.Parallel()
	for name, until := range map[string]func(s *site, answer func(), db *sql.DB, key string) (release func()){
		"asked": func(*site, func(), *sql.DB, string) func() { return func() {} },
		"granted, not in the log": func(s *site, answer func(), db *sql.DB, key string) func() {
			release := s.lock("audit.db")
			go answer()
			eventually(s.t, "it is granted", func() bool { return s.text(db, `SELECT state FROM approval WHERE id = $1`, key) == "granted" })
			return release
		},
		"requested, not answered": func(s *site, answer func(), _ *sql.DB, _ string) func() {
			hold := make(chan struct{})
			s.sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.Slow, Hold: hold, Times: 1, Late: true})
			go answer()
			eventually(s.t, "it is sent", func() bool { return s.sim.Calls(simulator.CallOperate) == 1 })
			return func() { close(hold) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			first := s.start()
			requester, approver := newBrowser(t, first.url), newBrowser(t, first.url)
			requester.signIn("operator")
			approver.signIn("manager")
			action, fields := requester.form(s.sim.UUID("running"), "CANCEL_ORDER")
			fields.Set("ask", "1")
			key := fields.Get("key")
			if p := requester.post(action, fields); p.location != "/approvals/"+key {
				t.Fatalf("asking answers %d, to %q: %s", p.status, p.location, p.body)
			}
			approve := approver.approval(key)
			db := s.file("console.db")
			release := until(s, func() {
				_, _ = approver.try(context.WithoutCancel(t.Context()), http.MethodPost, "/approvals/"+key, approve)
			}, db, key)
			first.kill()
			release()

			second := s.start()
			requester.base, approver.base = second.url, second.url
			if name == "asked" {
				if p := approver.post("/approvals/"+key, approve); p.status != http.StatusSeeOther {
					t.Errorf("approving answers %d: %s", p.status, p.body)
				}
			}
			eventually(t, "the request has its end", func() bool { return s.text(db, `SELECT state FROM approval WHERE id = $1`, key) == "sent" })
			if p := requester.get("/operations/" + key); p.status != http.StatusOK {
				t.Errorf("the receipt answers %d", p.status)
			}
			s.sentOnce(1)
			_, counts := s.history(s.database())
			if counts["approval.requested"] != 1 || counts["approval.granted"] != 1 {
				t.Errorf("the log counts %v", counts)
			}
			s.whole(second, 1)
		})
	}
}

// TestKilledDuringASharedJob: of two consoles on one database one is killed in
// the middle of a job; the other carries it on, and sends nothing twice.
func TestKilledDuringASharedJob(t *testing.T) {
	t.Parallel() // most of it is the wait until a silent console is taken for dead
	r := newReplicas(t)
	r.site = newSiteOf(t, jobSize)
	both := r.start(2)
	db, b := r.log(), r.browser()
	r.use(both[0])
	b.signIn("operator")
	fields := b.job(r.sim.UUID("running"))
	hold := make(chan struct{})
	r.sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.Slow, Hold: hold, Times: workers, Late: true})
	if p := b.post("/bulk", fields); p.location != "/bulk/"+fields.Get("key") {
		t.Fatalf("starting the job answers %d, to %q: %s", p.status, p.location, p.body)
	}
	eventually(t, "some are sent", func() bool { return r.sim.Calls(simulator.CallOperate) >= workers })
	both[0].kill()
	close(hold)
	r.use(both[1])
	eventually(t, "the job has its end", func() bool {
		_, counts := r.history(db)
		return counts["job.ended"] == 1
	})
	r.sentOnce(jobSize)
	r.allEnded(db, jobSize)
	if p := b.get("/bulk/" + fields.Get("key")); p.status != http.StatusOK || !strings.Contains(p.body, "operation.observed") {
		t.Errorf("the job's page at the other console answers %d", p.status)
	}
	both[1].stop()
	r.verify(both[1])
}

// TestKilledDuringASharedApproval: of two consoles on one database the one that
// sends what was approved is killed; the other brings it to its end.
func TestKilledDuringASharedApproval(t *testing.T) {
	t.Parallel() // most of it is the wait until a silent console is taken for dead
	r := newReplicas(t)
	both := r.start(2)
	db := r.log()
	r.use(both[0])
	requester, approver := r.browser(), r.browser()
	requester.signIn("operator")
	approver.signIn("manager")
	action, fields := requester.form(r.sim.UUID("running"), "CANCEL_ORDER")
	fields.Set("ask", "1")
	key := fields.Get("key")
	if p := requester.post(action, fields); p.location != "/approvals/"+key {
		t.Fatalf("asking answers %d, to %q: %s", p.status, p.location, p.body)
	}
	hold := make(chan struct{})
	r.sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.Slow, Hold: hold, Times: 1, Late: true})
	approve := approver.approval(key)
	go func() {
		_, _ = approver.try(context.WithoutCancel(t.Context()), http.MethodPost, "/approvals/"+key, approve)
	}()
	eventually(t, "it is sent", func() bool { return r.sim.Calls(simulator.CallOperate) == 1 })
	both[0].kill()
	close(hold)
	r.use(both[1])
	eventually(t, "the request has its end", func() bool {
		p := requester.get("/approvals/" + key)
		return p.status == http.StatusOK && strings.Contains(p.body, "/operations/"+key)
	})
	r.allEnded(db, 1)
	r.sentOnce(1)
	if _, counts := r.history(db); counts["approval.requested"] != 1 || counts["approval.granted"] != 1 {
		t.Errorf("the log counts %v", counts)
	}
	if p := approver.post("/approvals/"+key, approve); p.status == http.StatusSeeOther && r.sim.Calls(simulator.CallOperate) != 1 {
		t.Error("what was approved twice is sent twice")
	}
	both[1].stop()
	r.verify(both[1])
}
