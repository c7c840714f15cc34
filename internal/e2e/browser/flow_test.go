package browser

import (
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp/kb"

	"coc-console/internal/simulator"
)

// TestBrowserFlow goes the way from a ticket through a confirmation to the receipt, and back.
func TestBrowserFlow(t *testing.T) {
	b := startBrowser(t)
	t.Run("keys", func(t *testing.T) { flowKeys(t, b) })
	t.Run("clicks", func(t *testing.T) { flowClicks(t, b) })
	t.Run("changed", func(t *testing.T) { flowChanged(t, b) })
	for name, l := range map[string]look{"back": {still: true}, "back without scripts": {still: true, noScripts: true}} {
		t.Run(name, func(t *testing.T) { flowBack(t, b, l) })
	}
}

// flowKeys counts the keys, but for what is typed, from a ticket's link to the receipt: 12 at most.
func flowKeys(t *testing.T, b *chrome) {
	s := startStage(t, quick)
	tb := b.open(t, s.base, look{still: true})
	tb.SignIn("operator")
	for _, tt := range []struct{ scenario, operation, words string }{
		{"running", "PAUSE_ORDER", "pause"}, {"abnormal", "CANCEL_ORDER", "cancel ticket"},
	} {
		tb.Go("/tickets/" + s.UUID(tt.scenario))
		tb.See("#ticket")
		keys := 1
		tb.pressControlK()
		tb.Press(tt.words)
		tb.WaitFor(fmt.Sprintf("document.querySelector('#palette-list [aria-selected=true]')?.innerText.toLowerCase().includes(%q)", tt.words))
		press := func(key string) {
			tb.Press(key)
			keys++
		}
		press(kb.Enter)
		tb.See("article[data-operation-type=" + tt.operation + "] #confirm")
		tb.WaitFor("document.activeElement?.matches('h1')")
		for !tb.Is("document.activeElement?.name === 'reason'") && keys < 20 {
			press(kb.Tab)
		}
		tb.Press("too many errors")
		if tb.Is("!!document.querySelector('[name=count]')") {
			press(kb.Tab)
			tb.Press(tb.Text("document.querySelector('[data-stops]').dataset.stops"))
		}
		press(kb.Enter) // in the last field
		tb.See("#receipt")
		tb.See("#receipt[data-status='operation.observed']")
		t.Logf("%s: %d keys", tt.operation, keys)
		if keys > 12 {
			t.Errorf("%s takes %d keys besides typing, want 12 at most", tt.operation, keys)
		}
	}
	if n := s.Calls(simulator.CallOperate); n != 2 {
		t.Errorf("%d operations were sent, want 2", n)
	}
}

// flowClicks does the same with the pointer: 3 clicks.
func flowClicks(t *testing.T, b *chrome) {
	s := startStage(t, quick)
	tb := b.open(t, s.base, look{still: true})
	tb.SignIn("operator")
	tb.Go("/tickets/" + s.UUID("abnormal"))
	clicks := 0
	click := func(selector string) {
		tb.Click(selector)
		clicks++
	}
	click("[data-operation-type=CANCEL_ORDER] a[href]")
	tb.See("article[data-operation-type=CANCEL_ORDER] #confirm")
	tb.Focus("[name=reason]")
	clicks++
	tb.Press("too many errors")
	tb.Press(kb.Tab)
	tb.Press(tb.Text("document.querySelector('[data-stops]').dataset.stops"))
	click("#confirm")
	tb.See("#receipt[data-status='operation.observed']")
	t.Logf("%d clicks", clicks)
	if clicks > 3 {
		t.Errorf("%d clicks, want 3 at most", clicks)
	}
}

// flowChanged: what changed since the page was read takes the focus, and the fields keep what was typed.
func flowChanged(t *testing.T, b *chrome) {
	s := startStage(t, quick)
	first, second := b.open(t, s.base, look{still: true}), b.open(t, s.base, look{still: true})
	first.SignIn("operator")
	second.SignIn("manager")
	cancel, pause := "/tickets/"+s.UUID("running")+"/operations/new?operation_type=CANCEL_ORDER", "/tickets/"+s.UUID("running")+"/operations/new?operation_type=PAUSE_ORDER"
	second.Go(cancel)
	second.Type("[name=reason]", "worth keeping")
	first.Go(pause)
	first.Click("#confirm")
	first.See("#receipt[data-status='operation.observed']")
	second.Focus("[name=count]")
	second.Press(second.Text("document.querySelector('[data-stops]').dataset.stops") + kb.Enter)
	second.See("#changes")
	second.WaitFor("document.activeElement?.matches('#changes, #errors')")
	if got := second.Text("document.querySelector('[name=reason]').value"); got != "worth keeping" {
		t.Errorf("the reason is %q", got)
	}
	if n := s.Calls(simulator.CallOperate); n != 1 {
		t.Errorf("%d operations were sent, want 1", n)
	}
}

// flowBack: the browser's way back from a receipt leads to a form that says that the effect of the first is awaited.
func flowBack(t *testing.T, b *chrome, l look) {
	s := startStage(t, quick)
	tb := b.open(t, s.base, l)
	tb.SignIn("operator")
	defer s.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.NoEffect})()
	tb.Go("/tickets/" + s.UUID("running") + "/operations/new?operation_type=PAUSE_ORDER")
	tb.Type("[name=reason]", "too many errors")
	tb.Click("#confirm")
	tb.See("#receipt[data-status='operation.accepted']")
	tb.Back()
	tb.See("article[data-operation-type=PAUSE_ORDER] #pending li[data-operation] a[href^='/operations/']")
	tb.See("#operation [name=despite]")
	if n := s.Calls(simulator.CallOperate); n != 1 {
		t.Errorf("%d operations were sent, want 1", n)
	}
}

// Back presses the browser's button; it works with scripts off, too.
func (t *tab) Back() {
	t.Helper()
	history := call(t, cdppage.GetNavigationHistory, cdp.Empty{})
	entry := history.Entries[history.CurrentIndex-1]
	call(t, cdppage.NavigateToHistoryEntry, cdppage.NavigateToHistoryEntryParams{EntryID: entry.ID})
}
