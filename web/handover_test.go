package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"coc-console/audit"
	"coc-console/internal/handover"
	"coc-console/internal/i18n"
)

// handoverForm is the form that takes over, as a page has it.
func handoverForm(p page) url.Values {
	form := url.Values{}
	for _, name := range []string{"hours", "since", "seen"} {
		if m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(p.body); m != nil {
			form.Set(name, m[1])
		}
	}
	return form
}

// TestHandover: what was done and what is open, a note, and the takeover of what was seen.
func TestHandover(t *testing.T) {
	t.Parallel()
	for _, language := range []i18n.Language{i18n.EnUS, i18n.ZhCN} {
		t.Run(string(language), func(t *testing.T) {
			t.Parallel()
			c := start(t, builtIn)
			texts := i18n.Handover.In(language)
			b, boss := c.signedIn(t, "operator", language), c.signedIn(t, "manager", language)
			receipt := b.overrideUsed()
			form := b.form(b.get(c.newOperation("paused", "operation_type=CANCEL_ORDER")))
			form.Set("reason", "it *waits* for <nobody>")
			form.Set("ask", "1")
			asked := b.post(c.ticket("paused")+"/operations", form).location()
			b.want(b.get("/handover"), http.StatusOK, texts.NoNote, "it deletes data, and nobody answers", receipt, asked, "abnormal_check",
				i18n.For(language).Review.Mark)
			b.want(b.post("/handover/note", url.Values{"comment": {strings.Repeat("交", handover.MaxNote+1)}}), http.StatusUnprocessableEntity,
				texts.TooLong(handover.MaxNote+1, handover.MaxNote))
			early := handoverForm(boss.get("/handover"))
			b.want(b.post("/handover/note", url.Values{"comment": {"Don't continue _paused_."}}), http.StatusSeeOther)
			boss.want(boss.post("/handover", early), http.StatusConflict, texts.Changed)
			if n := len(c.records(audit.ActionHandoverTaken)); n != 0 {
				t.Fatalf("%d takeovers of what has changed", n)
			}
			p := boss.get("/handover?hours=8")
			boss.want(p, http.StatusOK, "Don't continue _paused_.", texts.Last(8), texts.Reviews(1))
			after := boss.follow(boss.post("/handover", handoverForm(p)))
			boss.want(after, http.StatusOK)
			if !strings.Contains(after.body, `id="taken"`) {
				t.Error("the page does not say who took over")
			}
			note, taken := c.only(audit.ActionHandoverNoted), c.only(audit.ActionHandoverTaken)
			for _, want := range []string{"seen=" + handoverForm(p).Get("seen"), "open=0", "approvals=1", "done=1", "reviews=1",
				"note=" + number(note.Sequence)} {
				if !strings.Contains(taken.Detail, want) {
					t.Errorf("the takeover says %q, want %s", taken.Detail, want)
				}
			}
			if taken.Actor.UserName != "manager" || taken.Reason != "Don't continue _paused_." || note.Actor.UserName != "operator" {
				t.Errorf("noted is %+v, taken over %+v", note, taken)
			}
			text := boss.get("/handover.md?hours=8")
			boss.want(text, http.StatusOK)
			for _, want := range []string{"# " + texts.Heading, `it \*waits\* for &lt;nobody&gt;`, `Don't continue \_paused\_.`,
				"(" + texts.Override + ")"} {
				if !strings.Contains(text.body, want) {
					t.Errorf("the text has no %q:\n%s", want, text.body)
				}
			}
			if bare := regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d[^ ]* *(UTC)?`).FindAllStringSubmatch(text.body, -1); len(bare) == 0 ||
				slices.ContainsFunc(bare, func(found []string) bool { return found[1] == "" }) {
				t.Errorf("times without a zone: %q in\n%s", bare, text.body)
			}
			reviewed := "(" + i18n.For(language).Review.Reviewed + ")"
			if strings.Contains(text.body, reviewed) {
				t.Error("the text says that it was reviewed before anybody did")
			}
			boss.want(boss.post("/audit/review", url.Values{"operation": {strings.TrimPrefix(receipt, "/operations/")}, "comment": {"fine"}}), http.StatusSeeOther)
			boss.want(boss.get("/handover?hours=8"), http.StatusOK, "data-reviewed")
			boss.want(boss.get("/handover.md?hours=8"), http.StatusOK, reviewed)
			if got := text.Header.Get("Content-Type"); got != "text/markdown; charset=utf-8" {
				t.Errorf("the text is %s", got)
			}
		})
	}
}

// TestHandoverShowsWhatMayBeSeen: a ticket that the rules hide is in no part of it, and others' bulk operations are not.
func TestHandoverShowsWhatMayBeSeen(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) { s.policies = hiding })
	b, boss := c.signedIn(t, "operator", i18n.EnUS), c.signedIn(t, "manager", i18n.EnUS)
	form := boss.form(boss.get(c.newOperation("paused", "operation_type=CONTINUE_ORDER")))
	form.Set("reason", "kept quiet")
	boss.want(boss.settled(boss.post(c.ticket("paused")+"/operations", form).location()), http.StatusOK)
	form = boss.form(boss.get(c.newOperation("running", "operation_type=PAUSE_ORDER")))
	form.Set("reason", "for everybody")
	boss.want(boss.settled(boss.post(c.ticket("running")+"/operations", form).location()), http.StatusOK)
	for _, path := range []string{"/handover", "/handover.md"} {
		boss.want(boss.get(path), http.StatusOK, "kept quiet", "for everybody")
		p := b.get(path)
		b.want(p, http.StatusOK, "for everybody")
		for _, hidden := range []string{"kept quiet", "paused_check", c.sim.UUID("paused"), "/audit/review"} {
			if strings.Contains(p.body, hidden) {
				t.Errorf("%s tells of %q", path, hidden)
			}
		}
	}
}
