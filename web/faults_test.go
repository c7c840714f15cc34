package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
	"coc-console/internal/simulator"
)

// disturbed is an operation that goes wrong: what the log holds in the end,
// and what its receipt says.
type disturbed struct {
	name        string
	fault       simulator.Fault
	query       string // PAUSE_ORDER where empty
	answer, end audit.Action
	note        operate.Note // of the answer or, where that has none, of the end
	status      int          // of the upstream, as recorded
}

const (
	accepted    = audit.ActionOperationAccepted
	rejected    = audit.ActionOperationRejected
	unknown     = audit.ActionOperationUnknown
	observed    = audit.ActionOperationObserved
	notObserved = audit.ActionOperationNotObserved
)

// disturbances are all effects of the simulator's faults on an operation, each
// before and after it took effect where that makes a difference.
func disturbances(hold chan struct{}) []disturbed {
	gateway := simulator.Fault{Status: http.StatusBadGateway, Code: "APIGW.0201", Message: "Backend unavailable", Gateway: true}
	with := func(f simulator.Fault, change func(*simulator.Fault)) simulator.Fault { change(&f); return f }
	late := func(f *simulator.Fault) { f.Late = true }
	cancel := "operation_type=CANCEL_INSTANCE&instance_id=1001"
	return []disturbed{
		{"refused", simulator.Fault{Status: 400, Code: "COC.00040701", Message: "no"}, "", rejected, "", "", 400},
		{"throttled", simulator.Fault{Status: 429, Code: "APIGW.0308", Message: "slow", Gateway: true}, "", rejected, "", "", 429},
		{"throttled until", simulator.Fault{Status: 429, Code: "APIGW.0308", Message: "slow", Gateway: true, RetryAfter: "1"}, "", rejected, "", "", 429},
		{"an error of COC, before", simulator.Fault{Status: 500, Code: "COC.00000001", Message: "internal error"}, "", unknown, notObserved, operate.NoteUncertain, 500},
		{"an error of COC, after", simulator.Fault{Status: 500, Code: "COC.00000001", Message: "internal error", Late: true}, "", unknown, observed, operate.NoteUnattributed, 500},
		{"a refusal in nobody's words, after", simulator.Fault{Status: 400, Late: true}, "", unknown, observed, operate.NoteUnattributed, 400},
		{"a portal's page, after", simulator.Fault{Effect: simulator.HTMLBody, Status: 403, Late: true}, "", unknown, observed, operate.NoteUnattributed, 403},
		{"a server error without a word", simulator.Fault{Status: 503}, "", unknown, notObserved, "", 503},
		{"the gateway, before", gateway, "", unknown, notObserved, "", 502},
		{"the gateway, after", with(gateway, late), "", unknown, observed, "", 502},
		{"too slow, before", simulator.Fault{Effect: simulator.Slow, Hold: hold}, "", unknown, notObserved, operate.NoteTimeout, 0},
		{"too slow, after", simulator.Fault{Effect: simulator.Slow, Hold: hold, Late: true}, "", unknown, observed, operate.NoteTimeout, 0},
		{"slow", simulator.Fault{Effect: simulator.Slow, Delay: 20 * time.Millisecond, Tail: time.Millisecond}, "", accepted, observed, "", 200},
		{"reset, before", simulator.Fault{Effect: simulator.Reset}, "", unknown, notObserved, operate.NoteConnection, 0},
		{"reset, after", simulator.Fault{Effect: simulator.Reset, Late: true}, "", unknown, observed, operate.NoteConnection, 0},
		{"HTML, before", simulator.Fault{Effect: simulator.HTMLBody, Status: 200}, "", unknown, notObserved, operate.NoteBadAnswer, 200},
		{"HTML, after", simulator.Fault{Effect: simulator.HTMLBody}, "", unknown, observed, operate.NoteBadAnswer, 200},
		{"nothing, before", simulator.Fault{Effect: simulator.EmptyBody, Status: 200}, "", accepted, notObserved, operate.NoteDeadline, 200},
		{"nothing, after", simulator.Fault{Effect: simulator.EmptyBody}, "", accepted, observed, "", 200},
		{"half a body", simulator.Fault{Effect: simulator.HalfBody}, "", unknown, observed, operate.NoteBadAnswer, 200},
		{"another type", simulator.Fault{Effect: simulator.WrongType}, "", accepted, observed, "", 200},
		{"sent elsewhere", simulator.Fault{Effect: simulator.RedirectAway}, "", unknown, notObserved, operate.NoteBadAnswer, 302},
		{"accepted and forgotten", simulator.Fault{Effect: simulator.NoEffect}, "", accepted, notObserved, operate.NoteDeadline, 200},
		{"another instance", simulator.Fault{Effect: simulator.OtherRow}, cancel, accepted, notObserved, operate.NoteOtherInstance, 200},
		{"words nobody knows", simulator.Fault{Effect: simulator.NewWords}, "", accepted, observed, "", 200},
		{"statistics that count nothing", simulator.Fault{Effect: simulator.Miscount}, "", accepted, observed, "", 200},
		{"in drips", simulator.Fault{Effect: simulator.Drip, Pace: time.Millisecond}, "", accepted, observed, "", 200},
		{"twice", simulator.Fault{Effect: simulator.Twice, Pace: time.Millisecond}, "", accepted, observed, "", 200},
		{"signing in without a hint", simulator.Fault{Effect: simulator.HideHint}, "", accepted, observed, "", 200},
		{"another clock", simulator.Fault{Effect: simulator.ClockSkew, Skew: time.Hour}, "", accepted, observed, "", 200},
		{"an echo of the token", simulator.Fault{Effect: simulator.EchoToken}, "", rejected, "", "", 400},
		{"the token ends afterwards", simulator.Fault{Effect: simulator.ExpireToken, Late: true}, "", accepted, observed, "", 200},
	}
}

// TestEveryFaultOfAnOperation: whatever happens on the way, the operation is
// sent once, the log holds what is known, it has an end, and the receipt says
// so in the reader's language.
func TestEveryFaultOfAnOperation(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	t.Cleanup(func() { close(hold) })
	all := disturbances(hold)
	for e := range simulator.WrongAudience { // the others are about ID tokens
		if !covered(all, e) {
			t.Errorf("no operation is disturbed by %q", e)
		}
	}
	for i, tt := range all {
		language := i18n.Languages()[i%len(i18n.Languages())]
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			checkDisturbed(t, tt, language)
		})
	}
}

func covered(all []disturbed, e simulator.Effect) bool {
	for _, d := range all {
		if d.fault.Effect == e {
			return true
		}
	}
	return false
}

func checkDisturbed(t *testing.T, tt disturbed, language i18n.Language) {
	c := start(t, quick)
	b := c.signedIn(t, "operator", language)
	query := tt.query
	if query == "" {
		query = "operation_type=PAUSE_ORDER"
	}
	path := c.newOperation("running", query)
	form := b.form(b.get(path))
	tt.fault.Kind, tt.fault.Times = simulator.CallOperate, 1
	c.sim.Inject(tt.fault)
	receipt := b.post(strings.Split(path, "/new")[0], form)
	b.want(receipt, http.StatusSeeOther)
	if tt.fault.Effect == simulator.ExpireToken {
		checkAfterExpiry(t, c, tt, receipt.location())
		return
	}
	p := b.settled(receipt.location())
	texts := i18n.For(language)
	end := tt.end
	if end == "" {
		end = tt.answer
	}
	verdict := string(end)
	if tt.answer == unknown && end == observed {
		verdict = string(operate.NoteUnattributed)
		if done := texts.Receipt.Verdict.Of(string(observed)); strings.Contains(p.body, done) {
			t.Errorf("it is told as %q", done)
		}
	}
	b.want(p, http.StatusOK, texts.Receipt.Verdict.Of(verdict))
	if tt.note != "" {
		b.want(p, http.StatusOK, texts.Word.Note.Of(string(tt.note)))
	}
	checkLog(t, c, tt)
	// The same form again: nothing is sent, and the receipt is the same.
	if again := b.post(strings.Split(path, "/new")[0], form); again.location() != receipt.location() {
		t.Errorf("the same form leads to %q, then to %q", receipt.location(), again.location())
	}
	checkSentOnce(t, c)
}

// checkAfterExpiry: the reader is signed out, and the operation waits until
// somebody looks at its ticket; the effect then gets its end in the log.
func checkAfterExpiry(t *testing.T, c *console, tt disturbed, receipt string) {
	t.Helper()
	b := c.signedIn(t, "manager", i18n.EnUS)
	id := strings.TrimPrefix(receipt, "/operations/")
	eventually(t, "nobody watches", func() bool {
		unwatched, err := c.operations.Unwatched(t.Context(), id)
		must(t, err)
		return unwatched
	})
	b.want(b.get("/tickets/"+c.only(audit.ActionOperationRequested).Ticket), http.StatusOK)
	eventually(t, "the operation has an end", func() bool { return len(c.records(tt.end)) > 0 })
	checkLog(t, c, tt)
	checkSentOnce(t, c)
}

func checkLog(t *testing.T, c *console, tt disturbed) {
	t.Helper()
	requested, answer := c.only(audit.ActionOperationRequested), c.only(tt.answer)
	if requested.Sequence >= answer.Sequence || answer.Upstream.Status != tt.status {
		t.Errorf("the log holds %+v", answer)
	}
	ends := c.records(observed, notObserved)
	if tt.end == "" {
		if len(ends) != 0 {
			t.Errorf("what was refused has an end: %+v", ends)
		}
		return
	}
	end := c.only(tt.end)
	if len(ends) != 1 || end.Sequence <= answer.Sequence {
		t.Errorf("the ends are %+v", ends)
	}
	notes := []operate.Note{operate.ParseDetail(answer.Detail).Note, operate.ParseDetail(end.Detail).Note}
	if tt.note != "" && notes[0] != tt.note && notes[1] != tt.note {
		t.Errorf("the notes are %q, want %q", notes, tt.note)
	}
}

func checkSentOnce(t *testing.T, c *console) {
	t.Helper()
	if n := c.sim.Calls(simulator.CallOperate); n != 1 {
		t.Errorf("%d operations were sent", n)
	}
}

// TestFaultsThatReadingSurvives: slow, oddly labelled and unfamiliar answers
// are shown like others, and what is unfamiliar stands there as COC wrote it.
func TestFaultsThatReadingSurvives(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		fault simulator.Fault
		says  string
	}{
		{"slow", simulator.Fault{Effect: simulator.Slow, Delay: 10 * time.Millisecond}, "running_check"},
		{"statistics that count nothing", simulator.Fault{Effect: simulator.Miscount}, "running_check"},
		{"in drips", simulator.Fault{Effect: simulator.Drip, Pace: time.Millisecond}, "running_check"},
		{"another type", simulator.Fault{Effect: simulator.WrongType}, "running_check"},
		{"words nobody knows", simulator.Fault{Effect: simulator.NewWords}, "HIBERNATING"},
		{"a broken connection, once", simulator.Fault{Effect: simulator.Reset, Times: 1}, "running_check"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := start(t)
			b := c.signedIn(t, "operator", i18n.ZhCN)
			tt.fault.Kind = simulator.AnyCOCCall
			c.sim.Inject(tt.fault)
			b.want(b.get(c.ticket("running")), http.StatusOK, tt.says)
			b.want(b.get("/tickets"), http.StatusOK)
			b.want(b.get(c.newOperation("running", "operation_type=CANCEL_ORDER")), http.StatusOK, tt.says)
			for _, r := range c.records(audit.ActionTicketViewed, audit.ActionTicketListed) {
				if r.Outcome != audit.OutcomeSucceeded {
					t.Errorf("the log says %+v", r)
				}
			}
		})
	}
}
