package notify_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/approval"
	"coc-console/internal/notify"
	"coc-console/internal/operate"
	"coc-console/internal/review"
	"coc-console/internal/store"
)

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.Transformer("empty", func(s []string) []string { return append([]string{}, s...) })); diff != "" {
		t.Errorf("%s: %s", what, diff)
	}
}

// TestEvents: what the log gets is told in its order, and nothing that it had before.
func TestEvents(t *testing.T) {
	engines(t, func(d *desk) {
		r := receive(d.T)
		d.notices(map[string]*receiver{"all": r}, `{"events": ["*"], "targets": ["all", "all"]}`)
		d.append(record(audit.ActionOperationUnknown, "otto", "old", operate.Detail{}))
		n := d.started()
		asked := record(audit.ActionApprovalRequested, "otto", "op1", operate.Detail{Stops: 12})
		asked.Input = `{"v":1,"action":"cancel","at":"2026-03-02T12:00:00Z","ticket":{"name":"nginx_reload","teams":["db"],"stops":12}}`
		d.append(asked, record(audit.ActionTicketViewed, "otto", "", operate.Detail{}),
			record(audit.ActionApprovalGranted, "dora", "op1", operate.Detail{Comment: "fine"}),
			record(audit.ActionOperationRequested, "otto", "op1", operate.Detail{}), record(audit.ActionOperationUnknown, "otto", "op1", operate.Detail{}),
			record(audit.ActionOperationNotObserved, "otto", "op1", operate.Detail{Note: "deadline"}),
			record(audit.ActionPolicyChanged, "", "", operate.Detail{Error: "line 3"}),
			audit.Record{Action: audit.ActionPolicyChanged, Outcome: audit.OutcomeSucceeded},
			record(audit.ActionJobStarted, "otto", "", operate.Detail{Job: "bulk1"}), record(audit.ActionJobEnded, "", "", operate.Detail{Job: "bulk1"}))
		d.look(n)
		same(d.T, "heard", r.heard(), []string{"approval.waiting op1", "approval.approved op1", "operation.unknown op1",
			"operation.not_confirmed op1", "policy.broken", "bulk.ended bulk1"})
		first := r.got[0]
		delete(first, "id")
		want := map[string]any{"event": "approval.waiting", "severity": "warning", "time": "2026-03-02T12:00:00Z", "record": 2.0, "ticket": "SCT1",
			"ticket_name": "nginx_reload", "operation": "CANCEL_ORDER", "operation_id": "op1", "target": "nginx_reload", "stops": 12.0,
			"who": "acme/otto", "reason": "it hangs", "until": "2026-03-02T13:00:00Z", "teams": []any{"db", "web"}, "roles": []any{"on-call"},
			"path": "/approvals/op1", "link": "https://ops.example.com/approvals/op1"}
		first["time"] = want["time"] // the log dates records a microsecond apart
		first["until"] = want["until"]
		if diff := cmp.Diff(want, first); diff != "" {
			d.Error(diff)
		}
		if got := r.got[1]; got["who"] != "acme/otto" || got["decided_by"] != "acme/dora" || got["stops"] != 12.0 || got["comment"] != "fine" {
			d.Errorf("the approval says %v", got)
		}
		if got := r.got[5]; got["who"] != "acme/otto" || got["link"] != "https://ops.example.com/bulk/bulk1" {
			d.Errorf("the end of the bulk operation says %v", got)
		}
	})
}

// TestElevationsAreTold: who asks for a role, until when and why; and who decided what of whose.
func TestElevationsAreTold(t *testing.T) {
	engines(t, func(d *desk) {
		r := receive(d.T)
		d.notices(map[string]*receiver{"all": r}, `{"events": ["elevation.*"], "targets": ["all"]}`)
		n := d.started()
		of := func(action audit.Action, who, reason, detail string) audit.Record {
			r := record(action, who, "", operate.Detail{})
			r.Ticket, r.OperationType, r.Target, r.Reason, r.Detail = "", "", "on-call", reason, "elevation=E1 until=2026-03-02T20:00:00Z"+detail
			return r
		}
		d.append(of(audit.ActionElevationRequested, "otto", "night shift", ""), of(audit.ActionElevationGranted, "dora", "fine", " for=acme/otto"),
			of(audit.ActionElevationEnded, "otto", "", " for=acme/otto"))
		d.look(n)
		want := []map[string]any{
			{"event": "elevation.waiting", "who": "acme/otto", "reason": "night shift"},
			{"event": "elevation.approved", "who": "acme/otto", "decided_by": "acme/dora", "comment": "fine"}}
		if len(r.got) != len(want) {
			d.Fatalf("heard %v", r.heard())
		}
		for i, w := range want {
			w["target"], w["until"], w["link"] = "on-call", "2026-03-02T20:00:00Z", "https://ops.example.com/elevations"
			for key, value := range w {
				if r.got[i][key] != value {
					d.Errorf("%s: %s is %v, want %v", w["event"], key, r.got[i][key], value)
				}
			}
		}
	})
}

// TestRoutes: who hears of what.
func TestRoutes(t *testing.T) {
	d := newDesk(t, t.TempDir())
	web, night, urgent := receive(t), receive(t), receive(t)
	d.notices(map[string]*receiver{"web": web, "night": night, "urgent": urgent}, `{"events": ["approval.*"], "teams": ["web"], "targets": ["web"]},
		{"events": ["*"], "quiet": {"from": "22:00", "to": "07:30", "zone": "Asia/Shanghai"}, "targets": ["night"]},
		{"events": ["operation.unknown", "approval.waiting"], "severity": "urgent", "roles": ["on-call"], "targets": ["urgent"]}`)
	n := d.started() // it is 20:00 in Shanghai
	d.append(record(audit.ActionApprovalRequested, "otto", "op1", operate.Detail{}), record(audit.ActionApprovalRequested, "dora", "op2", operate.Detail{}),
		record(audit.ActionOperationUnknown, "dora", "op3", operate.Detail{}))
	d.look(n)
	d.step(2*time.Hour + time.Minute) // quiet
	d.append(record(audit.ActionApprovalRequested, "dora", "op4", operate.Detail{}), record(audit.ActionOperationUnknown, "otto", "op5", operate.Detail{}))
	d.look(n)
	d.step(9*time.Hour + 30*time.Minute)
	d.append(record(audit.ActionApprovalRequested, "dora", "op6", operate.Detail{}))
	d.look(n)
	same(t, "team", web.heard(), []string{"approval.waiting op1"})
	same(t, "quiet hours", night.heard(), []string{"approval.waiting op1", "approval.waiting op2", "operation.unknown op3", "operation.unknown op5", "approval.waiting op6"})
	same(t, "role and severity", urgent.heard(), []string{"operation.unknown op5"})
}

// TestDue: what nobody decides or reviews in time is told, and nothing else.
func TestDue(t *testing.T) {
	engines(t, func(d *desk) {
		r := receive(d.T)
		d.notices(map[string]*receiver{"all": r}, `{"events": ["approval.expiring", "review.overdue"], "targets": ["all"]}`)
		n := d.started()
		d.append(record(audit.ActionApprovalRequested, "otto", "waits", operate.Detail{}), record(audit.ActionApprovalRequested, "otto", "granted", operate.Detail{}),
			record(audit.ActionApprovalGranted, "dora", "granted", operate.Detail{}), record(audit.ActionApprovalRequested, "otto", "withdrawn", operate.Detail{}),
			record(audit.ActionOverrideUsed, "otto", "open", operate.Detail{}), record(audit.ActionOverrideUsed, "otto", "reviewed", operate.Detail{}))
		d.look(n)
		d.append(record(audit.ActionApprovalWithdrawn, "otto", "withdrawn", operate.Detail{}))
		d.step(approval.Lifetime - 16*time.Minute)
		d.look(n)
		same(d.T, "early", r.heard(), nil)
		d.step(2 * time.Minute)
		d.look(n)
		d.look(n)
		same(d.T, "before its end", r.heard(), []string{"approval.expiring waits"})
		d.append(record(audit.ActionReviewed, "dora", "reviewed", operate.Detail{}))
		d.step(review.DueAfter)
		d.look(n)
		same(d.T, "after two days", r.heard(), []string{"approval.expiring waits", "review.overdue open"})
	})
}

// TestDown: a target that is down for an hour gets everything then, once and in order, and others don't wait.
func TestDown(t *testing.T) {
	engines(t, func(d *desk) {
		down, up := receive(d.T), receive(d.T)
		d.notices(map[string]*receiver{"down": down, "up": up}, `{"events": ["operation.*"], "targets": ["down", "up"]}`)
		n := d.started()
		down.answers(http.StatusInternalServerError)
		var want []string
		for i := range 12 {
			id := fmt.Sprintf("op%02d", i)
			d.append(record(audit.ActionOperationUnknown, "otto", id, operate.Detail{}))
			want = append(want, "operation.unknown "+id)
			for range 60 {
				d.step(5 * time.Second)
				d.look(n)
			}
		}
		same(d.T, "of the other", up.heard(), want)
		if down.tried < 8 || down.tried > 20 {
			d.Errorf("it was tried %d times in an hour", down.tried)
		}
		s, err := n.Status(d.Context())
		if err != nil || len(s.Targets) != 2 {
			d.Fatal(err, s)
		}
		for _, one := range s.Targets {
			if one.Name == "down" && (one.Waiting != 12 || one.Failing.IsZero() || one.Problem != "it answered with status 500" || !one.Sent.IsZero()) ||
				one.Name == "up" && (one.Waiting != 0 || !one.Failing.IsZero() || one.Sent.IsZero()) {
				d.Errorf("the state is %+v", one)
			}
		}
		down.answers(http.StatusOK)
		for range 15 {
			d.step(time.Minute)
			d.look(n)
		}
		same(d.T, "after it came back", down.heard(), want)
		if strings.Count(d.logged.String(), "notice not sent") != 1 || strings.Contains(d.logged.String(), "canary") {
			d.Errorf("the console's log says\n%s", &d.logged)
		}
	})
}

// TestSlow: a target that takes its time holds up no other.
func TestSlow(t *testing.T) {
	d := newDesk(t, t.TempDir())
	slow, quick := receive(t), receive(t)
	d.notices(map[string]*receiver{"slow": slow, "quick": quick}, `{"events": ["operation.*"], "targets": ["slow", "quick"]}`)
	n := d.started()
	hold, heard := make(chan struct{}), make(chan struct{}, 9)
	slow.before, quick.before = func() { <-hold }, func() { heard <- struct{}{} }
	for _, id := range []string{"op1", "op2"} {
		d.append(record(audit.ActionOperationUnknown, "otto", id, operate.Detail{}))
		if err := n.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-heard
	}
	close(hold)
	n.Wait()
	d.look(n)
	want := []string{"operation.unknown op1", "operation.unknown op2"}
	same(t, "of the quick one", quick.heard(), want)
	same(t, "of the slow one", slow.heard(), want)
}

// TestClockSetBack: a target is not left alone for as long as the clock went back.
func TestClockSetBack(t *testing.T) {
	d := newDesk(t, t.TempDir())
	r := receive(t)
	d.notices(map[string]*receiver{"hook": r}, `{"events": ["operation.*"], "targets": ["hook"]}`)
	n := d.started()
	r.answers(http.StatusBadGateway)
	d.append(record(audit.ActionOperationUnknown, "otto", "op1", operate.Detail{}))
	d.look(n)
	r.answers(http.StatusOK)
	d.step(-3 * time.Hour)
	d.look(n)
	same(t, "heard", r.heard(), []string{"operation.unknown op1"})
}

func failures(d *desk) []audit.Record {
	d.Helper()
	page, err := d.log.Index.Search(d.Context(), search.Query{Action: audit.ActionNoticeFailed, Visible: search.Visibility{All: true}, Limit: search.MaxLimit})
	if err != nil {
		d.Fatal(err)
	}
	return page.Records
}

// TestDeadLetter: after a day a message is given up, which the log has; somebody may send it again.
func TestDeadLetter(t *testing.T) {
	engines(t, func(d *desk) {
		r := receive(d.T)
		d.notices(map[string]*receiver{"hook": r}, `{"events": ["operation.*"], "targets": ["hook"]}`)
		n := d.started()
		r.answers(http.StatusBadGateway)
		d.append(record(audit.ActionOperationUnknown, "otto", "op1", operate.Detail{}), record(audit.ActionOperationUnknown, "otto", "op2", operate.Detail{}))
		for at := time.Duration(0); at < 24*time.Hour-15*time.Minute; at += 5 * time.Minute {
			d.look(n)
			d.step(5 * time.Minute)
		}
		if s, err := n.Status(d.Context()); err != nil || len(s.Dead) != 0 || s.Targets[0].Waiting != 2 {
			d.Fatalf("before a day is over: %+v, %v", s, err)
		}
		d.step(16 * time.Minute)
		d.look(n)
		s, err := n.Status(d.Context())
		if err != nil || len(s.Dead) != 2 || s.Targets[0].Waiting != 0 {
			d.Fatalf("after a day: %+v, %v", s, err)
		}
		found := failures(d)
		if len(found) != 2 || found[1].Target != "hook" || found[1].Outcome != audit.OutcomeFailed || found[1].Ticket != "SCT1" ||
			!strings.Contains(operate.ParseDetail(found[1].Detail).Error, "it answered with status 502") {
			d.Errorf("the records are %+v", found)
		}
		r.answers(http.StatusOK)
		letter := s.Dead[slices.IndexFunc(s.Dead, func(l notify.DeadLetter) bool { return l.Event.OperationID == "op1" })]
		if err := n.SendAgain(d.Context(), letter.Number); err != nil {
			d.Fatal(err)
		}
		if err := n.SendAgain(d.Context(), letter.Number); !errors.Is(err, notify.ErrNoLetter) {
			d.Errorf("sent again twice: %v", err)
		}
		d.look(n)
		same(d.T, "sent again", r.heard(), []string{"operation.unknown op1"})
		d.step(31 * 24 * time.Hour)
		if err := n.Purge(d.Context()); err != nil {
			d.Fatal(err)
		}
		if s, err = n.Status(d.Context()); err != nil || len(s.Dead) != 0 {
			d.Errorf("after a month: %+v, %v", s, err)
		}
	})
}

// TestGone: 410 ends a target at once, until a test reaches it, or its address is another.
func TestGone(t *testing.T) {
	d := newDesk(t, t.TempDir())
	r := receive(t)
	d.notices(map[string]*receiver{"hook": r}, `{"events": ["operation.*"], "targets": ["hook"]}`)
	n := d.started()
	r.answers(http.StatusGone)
	d.append(record(audit.ActionOperationUnknown, "otto", "op1", operate.Detail{}), record(audit.ActionOperationUnknown, "otto", "op2", operate.Detail{}))
	d.look(n)
	d.look(n)
	if s, err := n.Status(t.Context()); err != nil || len(s.Dead) != 2 || s.Targets[0].Gone == "" || r.tried != 1 || len(failures(d)) != 2 {
		t.Fatalf("%+v, %v; tried %d times, %d records", s, err, r.tried, len(failures(d)))
	}
	if err := n.SendTest(t.Context(), "hook", "acme/mona"); err == nil || !strings.Contains(err.Error(), "410") {
		t.Errorf("a test says %v", err)
	}
	r.answers(http.StatusOK)
	if err := n.SendTest(t.Context(), "hook", "acme/mona"); err != nil {
		t.Errorf("a test says %v", err)
	}
	if err := n.SendTest(t.Context(), "other", "acme/mona"); !errors.Is(err, notify.ErrNoTarget) {
		t.Errorf("a test of no target says %v", err)
	}
	d.append(record(audit.ActionOperationUnknown, "otto", "op3", operate.Detail{}))
	d.look(n)
	same(t, "heard", r.heard(), []string{"test", "operation.unknown op3"})
}

// TestRefused: what a target will never take does not hold up what comes behind it for a day.
func TestRefused(t *testing.T) {
	d := newDesk(t, t.TempDir())
	r := receive(t)
	d.notices(map[string]*receiver{"hook": r}, `{"events": ["operation.*"], "targets": ["hook"]}`)
	n := d.started()
	r.answers(http.StatusBadRequest)
	d.append(record(audit.ActionOperationUnknown, "otto", "op1", operate.Detail{}), record(audit.ActionOperationUnknown, "otto", "op2", operate.Detail{}))
	for range 36 {
		d.look(n)
		d.step(5 * time.Second)
	}
	r.answers(http.StatusOK)
	d.step(15 * time.Minute)
	d.look(n)
	if s, err := n.Status(t.Context()); err != nil || len(s.Dead) != 1 || s.Dead[0].Attempts != 6 {
		t.Errorf("%+v, %v", s, err)
	}
	same(t, "heard", r.heard(), []string{"operation.unknown op2"})
}

// TestRestart: a console that ends in the middle of a delivery loses nothing.
func TestRestart(t *testing.T) {
	engines(t, func(d *desk) {
		r := receive(d.T)
		d.notices(map[string]*receiver{"hook": r}, `{"events": ["operation.*"], "targets": ["hook"]}`)
		n := d.started()
		ctx, end := context.WithCancel(d.Context())
		r.before = end // it stops when the target has the message, and before it hears so
		d.append(record(audit.ActionOperationUnknown, "otto", "op1", operate.Detail{}), record(audit.ActionOperationUnknown, "otto", "op2", operate.Detail{}))
		if err := n.Step(ctx); err != nil {
			d.Fatal(err)
		}
		n.Wait()
		r.mu.Lock()
		r.before = nil
		r.mu.Unlock()
		d.append(record(audit.ActionOperationUnknown, "otto", "op3", operate.Detail{}))
		second := d.console()
		for range 20 { // where others share the database, it waits until the first one is known to be gone
			d.look(second)
		}
		heard := r.heard()
		if len(heard) < 3 || heard[0] != "operation.unknown op1" {
			d.Fatalf("heard %v", heard)
		}
		same(d.T, "heard", slices.Compact(heard), []string{"operation.unknown op1", "operation.unknown op2", "operation.unknown op3"})
	})
}

// TestTwoConsoles: of two on one database one sends, each message once and in order; when it falls silent the other goes on.
func TestTwoConsoles(t *testing.T) {
	engines(t, func(d *desk) {
		d.shared = true
		r := receive(d.T)
		d.notices(map[string]*receiver{"hook": r}, `{"events": ["operation.*"], "targets": ["hook"]}`)
		first := d.started()
		second := d.console()
		var want []string
		both := func(i int) {
			id := fmt.Sprintf("op%02d", i)
			d.append(record(audit.ActionOperationUnknown, "otto", id, operate.Detail{}))
			want = append(want, "operation.unknown "+id)
		}
		for i := range 20 {
			both(i)
			for _, n := range []*notify.Notifier{second, first} {
				if err := n.Step(d.Context()); err != nil {
					d.Fatal(err)
				}
			}
		}
		first.Wait()
		d.look(first)
		same(d.T, "of both", r.heard(), want)
		both(20) // the first console is gone
		for range 14 {
			d.look(second)
		}
		same(d.T, "while the first may live", r.heard(), want[:20])
		for range 3 {
			d.look(second)
		}
		same(d.T, "taken over", r.heard(), want)
		both(21)
		d.look(first) // it comes back, and has lost the lease
		same(d.T, "of the one that came back", r.heard(), want[:21])
		d.look(second)
		same(d.T, "of the other", r.heard(), want)
	})
}

// TestBulkIsNoFlood: of hundreds of items that fail the first is told.
func TestBulkIsNoFlood(t *testing.T) {
	d := newDesk(t, t.TempDir())
	r := receive(t)
	d.notices(map[string]*receiver{"hook": r}, `{"events": ["*"], "targets": ["hook"]}`)
	n := d.started()
	for i := range 9 {
		d.append(record(audit.ActionOperationNotObserved, "otto", fmt.Sprintf("item%d", i), operate.Detail{Job: "bulk1"}))
		if i == 4 {
			d.look(n)
		}
	}
	d.append(record(audit.ActionOperationNotObserved, "otto", "other", operate.Detail{Job: "bulk2"}), record(audit.ActionJobEnded, "", "", operate.Detail{Job: "bulk1"}))
	d.look(n)
	same(t, "heard", r.heard(), []string{"operation.not_confirmed item0", "operation.not_confirmed other", "bulk.ended bulk1"})
}

// TestLongRest: what is older than a day is not told, and a log that was put back is taken from its end.
func TestLongRest(t *testing.T) {
	d := newDesk(t, t.TempDir())
	r := receive(t)
	d.notices(map[string]*receiver{"hook": r}, `{"events": ["operation.*"], "targets": ["hook"]}`)
	d.started()
	d.append(record(audit.ActionOperationUnknown, "otto", "old", operate.Detail{}))
	d.step(25 * time.Hour)
	d.append(record(audit.ActionOperationUnknown, "otto", "new", operate.Detail{}))
	n := d.console()
	d.look(n)
	same(t, "heard", r.heard(), []string{"operation.unknown new"})
	if _, err := d.rows.Write.ExecContext(t.Context(), `UPDATE notice_reader SET position = 4711`); err != nil {
		t.Fatal(err)
	}
	d.look(n)
	d.append(record(audit.ActionOperationUnknown, "otto", "next", operate.Detail{}))
	d.look(n)
	same(t, "heard of a log that was put back", r.heard(), []string{"operation.unknown new", "operation.unknown next"})
	if _, position, err := store.NewNotices(d.rows, false).Position(t.Context()); err != nil || position != 3 {
		t.Errorf("the position is %d, %v", position, err)
	}
}
