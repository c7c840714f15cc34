package browser

import (
	"os"
	"path/filepath"
	"testing"

	"coc-console/internal/simulator"
)

// TestBrowserRulesOnPhones looks at the pages of rules, approvals and jobs in a narrow window.
func TestBrowserRulesOnPhones(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	s := startStage(t, quick)
	tb := b.open(t, s.base, look{still: true, dark: true, language: "zh-CN", width: 390})
	tb.SignIn("manager")
	abnormal := "/tickets/" + s.UUID("abnormal")
	for _, page := range []string{"/audit/review", "/approvals", "/bulk", "/tickets", abnormal + "/operations/new?operation_type=CANCEL_ORDER",
		"/bulk/new?operation_type=PAUSE_ORDER&target=" + s.UUID("running")} {
		tb.Go(page)
		tb.See("main h1")
		if wide := tb.Text(tooWide); wide != "" {
			t.Errorf("%s scrolls sideways: %s", page, wide)
		}
		if small := tb.Text(tooSmall); small != "" {
			t.Errorf("%s has targets that are hard to hit:\n%s", page, small)
		}
	}
}

// TestBrowserSecondPerson has who asks and who approves at the console at the same time: each page follows by itself.
func TestBrowserSecondPerson(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	s := startStage(t, quick)
	asks, approves := b.open(t, s.base, look{still: true}), b.open(t, s.base, look{still: true, dark: true, language: "zh-CN"})
	asks.SignIn("operator")
	approves.SignIn("manager")
	asks.Go("/tickets/" + s.UUID("abnormal") + "/operations/new?operation_type=CANCEL_ORDER")
	asks.Type("[name=reason]", "The new release answers no requests.")
	asks.Click("#ask")
	asks.See("#approval[data-status=waiting] #withdraw")
	if n := s.Calls(simulator.CallOperate); n != 0 {
		t.Errorf("%d operations were sent before anybody approved", n)
	}
	approves.Go("/tickets?status=any")
	approves.Click("nav a[href='/approvals']")
	approves.Click("#waiting li[data-operation] a")
	approves.See("#approval #approve")
	approves.Type("[name=comment]", "同意")
	approves.Type("[name=count]", approves.Text("document.querySelector('[data-stops]').dataset.stops"))
	approves.Click("#approve")
	approves.See("#approval[data-status=sent]")
	asks.See("#approval[data-status=sent]") // by itself
	asks.Click("#approval a[href^='/operations/']")
	asks.See("#receipt[data-status='operation.observed']")
	if n := s.Calls(simulator.CallOperate); n != 1 {
		t.Errorf("%d operations were sent", n)
	}
}

// TestBrowserTwoOperators: who comes second is shown what changed, and sends nothing.
func TestBrowserTwoOperators(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	s := startStage(t, quick)
	first, second := b.open(t, s.base, look{still: true}), b.open(t, s.base, look{still: true})
	first.SignIn("operator")
	second.SignIn("manager")
	page := "/tickets/" + s.UUID("running") + "/operations/new?operation_type=PAUSE_ORDER"
	first.Go(page)
	second.Go(page)
	first.Click("#confirm")
	first.See("#receipt[data-status='operation.observed']")
	second.Type("[name=reason]", "worth keeping")
	second.Click("#confirm")
	second.See("#changes, #refusal")
	if n := s.Calls(simulator.CallOperate); n != 1 {
		t.Errorf("%d operations were sent", n)
	}
}

// TestBrowserPolicyChanges: the rules change while a confirmation page is open. What was typed is kept, and nothing is sent.
func TestBrowserPolicyChanges(t *testing.T) {
	t.Parallel()
	rules := filepath.Join(t.TempDir(), "rules.cedar")
	put := func(text string) {
		if err := os.WriteFile(rules, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(`@id("all") permit (principal, action, resource);`)
	b := startBrowser(t)
	s := startStage(t, quick, "--policy", rules)
	tb := b.open(t, s.base, look{still: true})
	tb.SignIn("operator")
	tb.Go("/tickets/" + s.UUID("running") + "/operations/new?operation_type=PAUSE_ORDER")
	tb.Type("[name=reason]", "too many errors")
	put(`@id("look") permit (principal, action == Action::"view", resource);
		@id("freeze") @en("Nothing is changed in the freeze.") forbid (principal, action in Action::"operate", resource);`)
	other := b.open(t, s.base, look{still: true})
	other.SignIn("manager")
	other.Go("/tickets/" + s.UUID("running"))
	other.See("[data-operation-type=PAUSE_ORDER] [aria-disabled=true]") // the page follows when the rules are in force
	tb.Click("#confirm")
	tb.See("#denial")
	if n := s.Calls(simulator.CallOperate); n != 0 {
		t.Errorf("%d operations were sent", n)
	}
}

// TestBrowserJob chooses instances, confirms, and reads what came of each.
func TestBrowserJob(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	g := &gallery{stage: startStage(t, quick)}
	tb := b.open(t, g.base, look{still: true})
	tb.SignIn("operator")
	job := g.cancelChosen(tb, "abnormal")
	tb.See("#items tr[data-status='operation.observed'] a[href^='/operations/']")
	if n := g.Calls(simulator.CallOperate); n != 2 {
		t.Errorf("%d operations were sent for two instances", n)
	}
	tb.Go(job)
	tb.See("#job a[download]")
}
