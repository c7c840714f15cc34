package web_test

import (
	"database/sql"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/verify"
	"coc-console/internal/i18n"
	"coc-console/internal/simulator"
)

// lockFile holds a database's write lock as another process would, until it is
// released.
func lockFile(t *testing.T, path string) (release func()) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	must(t, err)
	conn, err := db.Conn(t.Context())
	must(t, err)
	_, err = conn.ExecContext(t.Context(), `BEGIN IMMEDIATE`)
	must(t, err)
	released := false
	release = func() {
		if released {
			return
		}
		released = true
		if _, err := conn.ExecContext(t.Context(), `ROLLBACK`); err != nil {
			t.Error(err)
		}
		must(t, conn.Close())
		must(t, db.Close())
	}
	t.Cleanup(release)
	return release
}

// TestLockedLogHoldsNoPageUp: while another process holds the lock of the log's
// file, every page answers, operations are refused in time, and afterwards
// everything goes on without a restart.
func TestLockedLogHoldsNoPageUp(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) { s.log = func(a *audit.Config) { a.RepeatSpan = time.Minute } })
	manager := c.signedIn(t, "manager", i18n.EnUS)
	b := c.signedIn(t, "operator", i18n.ZhCN)
	receipt := b.follow(b.apply(c.newOperation("paused", "operation_type=CONTINUE_ORDER"), "before")).Request.URL.Path
	b.settled(receipt)
	form := b.form(b.get(c.newOperation("running", "operation_type=PAUSE_ORDER")))
	form.Set("reason", "typed")
	must(t, c.log.AwaitNotes(t.Context()))
	before, sent := c.records(), c.sim.Calls(simulator.CallOperate)
	release := lockFile(t, filepath.Join(c.dsn, "audit.db"))

	refused := make(chan page, 1)
	go func() { refused <- b.post(c.ticket("running")+"/operations", form) }()
	slowest := audit.CommitTimeout / 2 // whatever waits for the lock takes longer
	for _, path := range []string{"/tickets", c.ticket("running"), c.ticket("running") + "/instances/1001",
		c.newOperation("running", "operation_type=PAUSE_ORDER"), receipt, "/approvals", "/audit/review", "/bulk", "/audit",
		"/audit?q=action%3Aoperation.", "/audit/1", "/audit/timeline?ticket=" + c.sim.UUID("running"), "/audit/integrity", "/healthz", "/metrics"} {
		if p, took := quicker(manager, path, slowest); took > slowest || p.StatusCode >= http.StatusInternalServerError {
			t.Errorf("%s: %d after %v", path, p.StatusCode, took)
		}
	}
	p := manager.get("/readyz")
	for ; !strings.Contains(p.body, "commits: stopped pending"); p = manager.get("/readyz") {
		if t.Context().Err() != nil {
			t.Fatal("/readyz never tells of the commit")
		}
	}
	manager.want(p, http.StatusServiceUnavailable, "not ready")
	if metrics := manager.get("/metrics").body; !strings.Contains(metrics, "coc_console_log_commit_pending_seconds ") ||
		strings.Contains(metrics, "coc_console_log_commit_pending_seconds 0\n") {
		t.Error("no metric tells of the commit")
	}
	manager.want(manager.get("/audit"), http.StatusOK, i18n.For(i18n.EnUS).Notice.LogPending)
	says := i18n.For(i18n.ZhCN).Problem.LogBusy
	b.want(<-refused, http.StatusServiceUnavailable, says.Heading, says.Text, says.Advice, "typed")
	if n := c.sim.Calls(simulator.CallOperate); n != sent {
		t.Errorf("%d operations were sent", n-sent)
	}
	other := c.signedIn(t, "reader", i18n.EnUS) // to sign in takes no longer than a page either
	manager.want(manager.get("/tickets"), http.StatusOK)

	release()
	for p = manager.get("/readyz"); p.StatusCode != http.StatusOK; p = manager.get("/readyz") {
		if t.Context().Err() != nil {
			t.Fatal("it does not recover")
		}
	}
	receipt = b.follow(b.post(c.ticket("running")+"/operations", form)).Request.URL.Path
	b.settled(receipt)
	other.want(other.get("/tickets"), http.StatusOK)
	checkAfterLock(t, c, len(before))
}

// quicker asks for a page, once more if the answer took too long: a busy machine is
// slow now and then, a lock each time.
func quicker(b *browser, path string, slowest time.Duration) (p page, took time.Duration) {
	for range 2 {
		start := time.Now()
		p = b.get(path)
		if took = time.Since(start); took <= slowest {
			break
		}
	}
	return p, took
}

// checkAfterLock checks what the log says of the time in which it was locked.
func checkAfterLock(t *testing.T, c *console, before int) {
	t.Helper()
	var signedIn, omitted, resumed bool
	for !signedIn || !omitted || !resumed {
		select {
		case <-t.Context().Done():
			t.Fatalf("the log does not tell: signed in %v, reads %v, resumed %v", signedIn, omitted, resumed)
		case <-time.After(time.Millisecond):
		}
		for _, r := range c.records()[before:] {
			signedIn = signedIn || r.Action == audit.ActionSessionSignedIn && r.Actor.UserName == "reader"
			omitted = omitted || r.Action == audit.ActionReadsOmitted && r.Repeats > 0 && strings.Contains(r.Detail, "demo/manager")
			resumed = resumed || r.Action == audit.ActionAuditResumed
		}
	}
	if report, err := verify.Log(t.Context(), c.log, verify.Options{}); err != nil || !report.OK() {
		t.Errorf("the log has %v (%v)", report.Findings, err)
	}
	if err := c.index.CatchUp(t.Context()); err != nil {
		t.Error(err)
	}
	_, open, err := c.index.OpenOperations(t.Context())
	if err != nil || len(open) != 0 {
		t.Errorf("%d operations have no end (%v)", len(open), err)
	}
}

// TestLockedConsoleHoldsNoPageUp: the same for the lock of the console's own
// database, which sessions and lists write to.
func TestLockedConsoleHoldsNoPageUp(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "manager", i18n.EnUS)
	b.want(b.get("/tickets"), http.StatusOK)
	c.clock.advance(3 * time.Minute) // the session's last use is to be noted
	release := lockFile(t, filepath.Join(c.dsn, "console.db"))
	slowest := audit.CommitTimeout / 2
	for _, path := range []string{"/tickets", c.ticket("running"), "/approvals", "/audit/review", "/bulk", "/audit", "/audit/1"} {
		if p, took := quicker(b, path, slowest); took > slowest || p.StatusCode != http.StatusOK {
			t.Errorf("%s: %d after %v", path, p.StatusCode, took)
		}
	}
	release()
	b.want(b.get("/tickets"), http.StatusOK)
}
