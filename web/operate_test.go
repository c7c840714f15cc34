package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/internal/i18n"
	"coc-console/internal/reading"
	"coc-console/internal/simulator"
)

// apply opens the confirmation page, fills the form in and sends it.
func (b *browser) apply(path, reason string) page {
	b.t.Helper()
	p := b.get(path)
	b.want(p, http.StatusOK)
	form := b.form(p)
	form.Set("reason", reason)
	return b.post(strings.TrimSuffix(p.Request.URL.Path, "/new"), form)
}

// settled waits until the receipt's effect is seen, or is no longer expected.
func (b *browser) settled(receipt string) page {
	b.t.Helper()
	for {
		p := b.get(receipt, with("Coc-Console-Refresh", "1"))
		b.want(p, http.StatusOK)
		if !strings.Contains(p.body, "data-refresh") {
			return p
		}
		if b.t.Context().Err() != nil {
			b.t.Fatal("the operation has no end")
		}
	}
}

func TestOperations(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, scenario, query string
		record                audit.Record // what the log must say about the target
	}{
		{"cancel an instance", "abnormal", "operation_type=CANCEL_INSTANCE&instance_id=301&batch=3",
			audit.Record{OperationType: "CANCEL_INSTANCE", InstanceID: 301, Target: "web-301ns (10.0.0.7)"}},
		{"cancel an instance with a large id", "paused", "operation_type=CANCEL_INSTANCE&instance_id=9007199254740993",
			audit.Record{OperationType: "CANCEL_INSTANCE", InstanceID: 1<<53 + 1, Target: "web-2501h59m59.254740993s (10.0.0.7)"}},
		{"skip a batch", "abnormal", "operation_type=SKIP_BATCH&batch_index=2",
			audit.Record{OperationType: "SKIP_BATCH", BatchIndex: 2, Target: "abnormal_check"}},
		{"continue", "paused", "operation_type=CONTINUE_ORDER", audit.Record{OperationType: "CONTINUE_ORDER", Target: "paused_check"}},
		{"pause", "running", "operation_type=PAUSE_ORDER", audit.Record{OperationType: "PAUSE_ORDER", Target: "running_check"}},
		{"cancel", "running", "operation_type=CANCEL_ORDER", audit.Record{OperationType: "CANCEL_ORDER", Target: "running_check"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := start(t)
			b := c.signedIn(t, "operator", i18n.EnUS)
			p := b.follow(b.apply(c.newOperation(tt.scenario, tt.query), "line 1\r\nline <2>"))
			b.want(p, http.StatusOK, "line 1\nline <2>")
			p = b.settled(p.Request.URL.Path)
			b.want(p, http.StatusOK, i18n.For(i18n.EnUS).Receipt.Verdict.Of("operation.observed"))
			if n := c.sim.Calls(simulator.CallOperate); n != 1 {
				t.Errorf("%d operations were sent", n)
			}
			want := tt.record
			want.Ticket, want.Reason = c.sim.UUID(tt.scenario), "line 1\nline <2>"
			checkOperation(t, c, want)
			b.want(b.get(c.ticket(tt.scenario)), http.StatusOK, "line 1\nline <2>", p.Request.URL.Path)
		})
	}
}

// checkOperation checks requested, accepted and observed of the one operation.
func checkOperation(t *testing.T, c *console, want audit.Record) {
	t.Helper()
	requested, accepted, observed := c.only(audit.ActionOperationRequested), c.only(audit.ActionOperationAccepted), c.only(audit.ActionOperationObserved)
	for _, got := range []audit.Record{requested, accepted, observed} {
		if got.OperationType != want.OperationType || got.BatchIndex != want.BatchIndex || got.InstanceID != want.InstanceID ||
			got.Target != want.Target || got.Ticket != want.Ticket || got.Reason != want.Reason {
			t.Errorf("%s: got %+v, want %+v", got.Action, got, want)
		}
		if got.Seen == "" || got.OperationID != requested.OperationID || len(got.OperationID) != 26 {
			t.Errorf("%s: seen %q, operation %q", got.Action, got.Seen, got.OperationID)
		}
		checkWho(t, got, "operator")
	}
	if requested.Outcome != audit.OutcomePending || accepted.Outcome != audit.OutcomeSucceeded || observed.Outcome != audit.OutcomeSucceeded {
		t.Errorf("outcomes %s, %s, %s", requested.Outcome, accepted.Outcome, observed.Outcome)
	}
	if accepted.Upstream.Status != http.StatusOK || accepted.Upstream.RequestID == "" || accepted.Duration <= 0 {
		t.Errorf("COC's answer is %+v after %s", accepted.Upstream, accepted.Duration)
	}
}

// checkWho checks that a record says who, from where and in which session.
func checkWho(t *testing.T, r audit.Record, user string) {
	t.Helper()
	account := simulator.DemoAccounts()[0]
	if r.Actor.UserName != user || len(r.Actor.UserID) != 32 || r.Actor.AccountName != "demo" || r.Actor.AccountID != account.ID() ||
		r.Actor.ProjectName != "cn-north-4" || r.Actor.ProjectID != account.ProjectID("cn-north-4") {
		t.Errorf("%s: who is %+v", r.Action, r.Actor)
	}
	if o := r.Origin; o.Address != "127.0.0.1" || o.UserAgent != "test-browser/1" || len(o.RequestID) != 26 || len(o.Session) != 16 {
		t.Errorf("%s: from where is %+v", r.Action, o)
	}
}

func TestSameFormTwice(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	form := b.form(b.get(c.newOperation("running", "operation_type=PAUSE_ORDER")))
	path := c.ticket("running") + "/operations"
	first := b.post(path, form)
	b.want(first, http.StatusSeeOther)
	again := b.post(path, form)
	b.want(again, http.StatusSeeOther)
	if first.location() != again.location() || first.location() != "/operations/"+form.Get("key") {
		t.Errorf("receipts %q and %q", first.location(), again.location())
	}
	if n := c.sim.Calls(simulator.CallOperate); n != 1 {
		t.Errorf("%d operations were sent", n)
	}
	b.settled(first.location())
}

func TestSameFormAtTheSameTime(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, c *console) {
		b := c.signedIn(t, "operator", i18n.EnUS)
		form := b.form(b.get(c.newOperation("running", "operation_type=PAUSE_ORDER")))
		const times = 8
		var all sync.WaitGroup
		pages := make([]page, times)
		for i := range times {
			all.Go(func() { pages[i] = b.post(c.ticket("running")+"/operations", form) })
		}
		all.Wait()
		for _, p := range pages {
			b.want(p, http.StatusSeeOther)
			if p.location() != "/operations/"+form.Get("key") {
				t.Errorf("the receipt is %q", p.location())
			}
		}
		if n := c.sim.Calls(simulator.CallOperate); n != 1 {
			t.Errorf("%d operations were sent", n)
		}
		b.settled("/operations/" + form.Get("key"))
		c.only(audit.ActionOperationRequested)
		c.only(audit.ActionOperationAccepted)
	}
	t.Run("sqlite", func(t *testing.T) { run(t, start(t)) })
	t.Run("postgresql", func(t *testing.T) { run(t, start(t, func(s *settings) { s.dsn = audittest.Postgres(t) })) })
}

// TestStalePage changes the ticket behind an open page: nothing is sent until
// the reader has seen what it is now, and confirmed that.
func TestStalePage(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		c := start(t)
		b := c.signedIn(t, "operator", language)
		form := b.form(b.get(c.newOperation("running", "operation_type=CANCEL_ORDER")))
		form.Set("reason", "it hangs")
		b.settled(b.apply(c.newOperation("running", "operation_type=PAUSE_ORDER"), "").location())

		p := b.post(c.ticket("running")+"/operations", form)
		b.want(p, http.StatusConflict, texts.Operation.ChangedText, texts.Word.TicketStatus.Of("PROCESSING"), texts.Word.TicketStatus.Of("PAUSED"))
		if n := c.sim.Calls(simulator.CallOperate); n != 1 {
			t.Fatalf("%d operations were sent", n)
		}
		fresh := b.form(p)
		if fresh.Get("reason") != "it hangs" || fresh.Get("seen") == form.Get("seen") {
			t.Errorf("the new form is %v", fresh)
		}
		b.settled(b.post(c.ticket("running")+"/operations", fresh).location())
		if n := c.sim.Calls(simulator.CallOperate); n != 2 {
			t.Errorf("%d operations were sent", n)
		}
	})
}

func TestFormFromAnotherSite(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		c := start(t)
		b := c.signedIn(t, "operator", language)
		form := b.form(b.get(c.newOperation("running", "operation_type=CANCEL_ORDER")))
		for _, tt := range []struct {
			name   string
			change func(*http.Request)
			status int
		}{
			{"cross-site", with("Sec-Fetch-Site", "cross-site"), http.StatusForbidden},
			{"same-site is another host", with("Sec-Fetch-Site", "same-site"), http.StatusForbidden},
			{"origin of an old browser", with("Origin", "https://evil.example"), http.StatusForbidden},
			{"origin null", with("Origin", "null"), http.StatusForbidden},
		} {
			t.Run(tt.name, func(t *testing.T) {
				for _, path := range []string{c.ticket("running") + "/operations", "/sign-in", "/sign-out", "/language", "/theme"} {
					b.want(b.post(path, form, tt.change), tt.status, texts.Problem.CrossSite.Heading)
				}
			})
		}
		c.sentNothing(t)
		b.want(b.get("/tickets"), http.StatusOK) // and nobody was signed out
		p := b.post(c.ticket("running")+"/operations", form, with("Sec-Fetch-Site", "same-origin"), with("Origin", c.url))
		b.settled(p.location())
	})
}

// TestSessionEndsInTheForm signs in again and comes back to the filled page.
func TestSessionEndsInTheForm(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		for _, tt := range []struct {
			name    string
			end     func(*console)
			says    string
			records int // of session.ended
		}{
			{"idle", func(c *console) { c.clock.advance(31 * time.Minute) }, texts.SignInProblem.Ended, 0},
			{"COC takes the token no more", func(c *console) {
				<-time.After(reading.SharedFor) // else the operation goes out by the page's reading, and COC refuses it
				c.sim.Revoke("operator")
			}, texts.SignInProblem.Expired, 1},
		} {
			t.Run(tt.name, func(t *testing.T) {
				c := start(t)
				b := c.signedIn(t, "operator", language)
				p := b.get(c.newOperation("abnormal", "operation_type=CANCEL_INSTANCE&instance_id=302"))
				form := b.form(p)
				form.Set("reason", "你好 & <goodbye>\r\nsecond line")
				tt.end(c)
				p = b.post(c.ticket("abnormal")+"/operations", form)
				b.want(p, http.StatusSeeOther)
				if to, err := url.Parse(p.location()); err != nil || to.Path != "/sign-in" {
					t.Fatalf("it leads to %q", p.location())
				}
				c.sentNothing(t)
				if n := len(c.records(audit.ActionSessionEnded)); n != tt.records {
					t.Errorf("%d sessions ended in the log, want %d", n, tt.records)
				}
				p = b.follow(p)
				b.want(p, http.StatusOK, tt.says)
				in := credentials("operator")
				for _, m := range hiddenInput.FindAllStringSubmatch(p.body, -1) {
					if m[1] == "return" {
						in.Set("return", unescaped(m[2])) // the last one is the form's
					}
				}
				p = b.follow(b.post("/sign-in", in))
				b.want(p, http.StatusOK)
				got := b.form(p)
				if got.Get("instance_id") != "302" || strings.ReplaceAll(got.Get("reason"), "\r\n", "\n") != "你好 & <goodbye>\nsecond line" {
					t.Fatalf("the form is %v", got)
				}
				b.settled(b.post(c.ticket("abnormal")+"/operations", got).location())
			})
		}
	})
}

// TestPendingOperation: an operation whose effect is awaited is named when
// somebody wants another one on the same target, which needs a tick.
func TestPendingOperation(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		c := start(t, func(s *settings) { s.slowEffects, s.deadline = true, time.Hour })
		b, other := c.signedIn(t, "operator", language), c.signedIn(t, "manager", language)
		path := c.newOperation("running", "operation_type=PAUSE_ORDER")
		if p := b.get(path); strings.Contains(p.body, `id="pending"`) || strings.Contains(p.body, "despite") {
			t.Fatal("something is pending")
		}
		form := b.form(b.get(path))
		receipt := b.post(c.ticket("running")+"/operations", form).location()
		b.want(b.get(receipt), http.StatusOK)
		if p := b.post(c.ticket("running")+"/operations", form); p.location() != receipt {
			t.Errorf("the same form leads to %q", p.location())
		}
		p := other.get(path)
		other.want(p, http.StatusOK, texts.Operation.Pending, texts.Operation.PendingBy("operator"), texts.Operation.PendingTick, receipt)
		again := other.form(p)
		again.Set("reason", "because <b>")
		p = other.post(c.ticket("running")+"/operations", again)
		other.want(p, http.StatusUnprocessableEntity, texts.Operation.PendingNeeded, "because <b>")
		again.Set("despite", "another")
		other.want(other.post(c.ticket("running")+"/operations", again), http.StatusUnprocessableEntity, texts.Operation.PendingNeeded)
		if n := c.sim.Calls(simulator.CallOperate); n != 1 {
			t.Fatalf("%d operations were sent", n)
		}
		// Another target is another matter.
		if p := other.get(c.newOperation("running", "operation_type=CANCEL_INSTANCE&instance_id=1001")); strings.Contains(p.body, `id="pending"`) {
			t.Error("an instance has a pending operation")
		}
		again = other.form(p)
		again.Set("despite", strings.TrimPrefix(receipt, "/operations/"))
		other.want(other.post(c.ticket("running")+"/operations", again), http.StatusSeeOther)
		if n := c.sim.Calls(simulator.CallOperate); n != 2 {
			t.Errorf("%d operations were sent, want 2", n)
		}
	})
}

// part is what an element with an id holds.
func part(body, id string) string {
	at := strings.Index(body, ` id="`+id+`"`)
	if at < 0 {
		return ""
	}
	rest := body[at:]
	return rest[:min(len(rest), max(strings.Index(rest, "</section>"), 0))]
}

// TestWhatStartsNext: continuing and skipping say which batch and hosts start.
func TestWhatStartsNext(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		c := start(t)
		b := c.signedIn(t, "operator", language)
		for _, tt := range []struct {
			query string
			batch int32
			hosts []string
		}{
			{"operation_type=CONTINUE_ORDER", 3, []string{"301", "302"}},
			{"operation_type=SKIP_BATCH&batch_index=2", 3, []string{"301", "302"}},
		} {
			p := b.get(c.newOperation("abnormal", tt.query))
			b.want(p, http.StatusOK, texts.Operation.Next(tt.batch))
			next := part(p.body, "next")
			for _, id := range []string{"101", "201", "202", "301", "302", "401"} {
				if got := strings.Contains(next, `data-instance="`+id+`"`); got != slices.Contains(tt.hosts, id) {
					t.Errorf("%s: instance %s starts next: %v", tt.query, id, got)
				}
			}
		}
		if p := b.get(c.newOperation("abnormal", "operation_type=CANCEL_ORDER")); strings.Contains(p.body, `id="next"`) {
			t.Error("cancelling starts something")
		}
		remove := c.sim.Inject(simulator.Fault{Kind: simulator.CallInstances, Status: 500, Code: "COC.1", Message: "x"})
		b.want(b.get(c.newOperation("abnormal", "operation_type=CONTINUE_ORDER")), http.StatusOK, texts.Operation.Next(3), texts.Operation.NextUnread)
		remove()
		waiting, running := b.get(c.newOperation("abnormal", "operation_type=CANCEL_INSTANCE&instance_id=301")),
			b.get(c.newOperation("running", "operation_type=CANCEL_INSTANCE&instance_id=1001"))
		b.want(waiting, http.StatusOK, texts.Operation.EffectWaiting)
		b.want(running, http.StatusOK, texts.Ticket.Effect.Of("CANCEL_INSTANCE"))
		if strings.Contains(waiting.body, escaped(texts.Ticket.Effect.Of("CANCEL_INSTANCE"))) {
			t.Error("the script of an instance that waits is stopped")
		}
	})
}

// TestStaleAndRefused: a change that makes the operation impossible is one
// message, which asks for no confirmation.
func TestStaleAndRefused(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		c := start(t)
		b := c.signedIn(t, "operator", language)
		form := b.form(b.get(c.newOperation("running", "operation_type=PAUSE_ORDER")))
		b.settled(b.apply(c.newOperation("running", "operation_type=PAUSE_ORDER"), "").location())
		p := b.post(c.ticket("running")+"/operations", form)
		b.want(p, http.StatusConflict, texts.Word.Refusal.Of("ticket_not_running"), texts.Operation.RefusedChanged, texts.Word.TicketStatus.Of("PAUSED"))
		if strings.Contains(p.body, escaped(texts.Operation.ChangedText)) || strings.Count(p.body, `role="alert"`) != 1 || strings.Contains(p.body, `id="confirm"`) {
			t.Error("the page has two minds")
		}
	})
}

// TestReceiptShowsTheTicketNow, also when COC does not tell.
func TestReceiptShowsTheTicketNow(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		c := start(t)
		b := c.signedIn(t, "operator", language)
		receipt := b.apply(c.newOperation("running", "operation_type=PAUSE_ORDER"), "").location()
		b.settled(receipt)
		p := b.get(receipt)
		now := part(p.body, "now")
		for _, want := range []string{`data-status="PAUSED"`, texts.Receipt.NowBatch(1, 2), "<time"} {
			if !strings.Contains(now, want) {
				t.Errorf("the ticket at present does not say %q: %s", want, now)
			}
		}
		c.sim.Inject(simulator.Fault{Kind: simulator.CallStatistics, Status: 500, Code: "COC.1", Message: "x"})
		b.want(b.get(receipt), http.StatusOK, texts.Receipt.NowUnread)
	})
}
