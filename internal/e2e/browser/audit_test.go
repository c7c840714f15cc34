package browser

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestBrowserAuditSuggests: the search box offers what occurs in the log, by
// keys alone, and the search that it makes is sent.
func TestBrowserAuditSuggests(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	s := startStage(t, quick)
	tb := b.open(t, s.base, look{still: true})
	tb.SignIn("manager")
	tb.Go("/audit?view=everything")
	tb.TabTo("#field-q")
	tb.Press("out")
	tb.WaitFor("document.querySelector('#suggestions [role=option]')?.textContent === 'outcome:'")
	tb.Press(kb.ArrowDown)
	tb.WaitFor("document.querySelector('#field-q').getAttribute('aria-activedescendant') === 'suggestion-0'")
	tb.enter()
	tb.WaitFor("[...document.querySelectorAll('#suggestions [role=option]')].some((o) => o.textContent === 'outcome:succeeded')")
	tb.Press("suc")
	tb.WaitFor("document.querySelectorAll('#suggestions [role=option]').length === 1")
	tb.Press(kb.Escape)
	tb.WaitFor("document.querySelector('#suggestions').hidden && document.querySelector('#field-q').value === 'outcome:suc'")
	tb.Press("c")
	tb.WaitFor("document.querySelectorAll('#suggestions [role=option]').length === 1")
	tb.Press(kb.ArrowDown)
	tb.enter()
	tb.WaitFor("document.querySelector('#field-q').value === 'outcome:succeeded '")
	tb.Press("-actor:nobody" + kb.Enter)
	tb.WaitFor("new URL(location.href).searchParams.get('q') === 'outcome:succeeded -actor:nobody'")
	tb.See("tr[data-status=succeeded]")
}

// enter sends one Enter key, whose character the page can keep back.
func (t *tab) enter() {
	t.Helper()
	call(t, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: "Enter", Code: "Enter",
		Text: "\r", WindowsVirtualKeyCode: 13})
	call(t, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyUp, Key: "Enter", Code: "Enter",
		WindowsVirtualKeyCode: 13})
}

// TestBrowserAuditGrows: records that come later appear by themselves, unless
// somebody is in the list: there they wait to be asked for.
func TestBrowserAuditGrows(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	s := startStage(t, quick)
	manager, operator := b.open(t, s.base, look{still: true}), b.open(t, s.base, look{still: true})
	manager.SignIn("manager")
	manager.Go("/audit?q=action:ticket.viewed")
	manager.See("#tail:not([hidden])")
	operator.SignIn("operator")
	operator.Go("/tickets/" + s.UUID("running"))
	manager.WaitFor("document.querySelectorAll('tr[data-action=\"ticket.viewed\"]').length === 1")
	manager.WaitFor("document.querySelector('#total').dataset.total === '1'")

	manager.Press("j") // into the list
	manager.WaitFor("document.activeElement.closest('tr.row')")
	operator.Go("/tickets/" + s.UUID("abnormal"))
	manager.WaitFor("document.querySelector('#tail .button-primary').checkVisibility()")
	if !manager.Is("document.querySelectorAll('tr[data-action=\"ticket.viewed\"]').length === 1") {
		t.Error("a row came under somebody's hands")
	}
	manager.Click("#tail .button-primary")
	manager.WaitFor("document.querySelectorAll('tr[data-action=\"ticket.viewed\"]').length === 2 && document.activeElement.closest('tr.row')")
	first := manager.Text("document.activeElement.textContent")
	manager.Press("j")
	manager.WaitFor(fmt.Sprintf("document.activeElement.textContent !== %q && document.activeElement.closest('tr.row')", first))
	manager.Press("k")
	manager.WaitFor(fmt.Sprintf("document.activeElement.textContent === %q", first))
	manager.Press(kb.Enter)
	manager.WaitFor(fmt.Sprintf("location.pathname === '/audit/' + %q", first))
}

// TestBrowserOperationsGrow: the first operation of a day comes with its day, as one row, and what said that there are
// none goes.
func TestBrowserOperationsGrow(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	s := startStage(t, quick)
	manager, operator := b.open(t, s.base, look{still: true}), b.open(t, s.base, look{still: true})
	manager.SignIn("manager")
	manager.Go("/audit")
	manager.See("#tail:not([hidden])")
	manager.See("main .empty")
	operator.SignIn("operator")
	operator.Go("/tickets/" + s.UUID("running") + "/operations/new?operation_type=PAUSE_ORDER")
	operator.Click("#confirm")
	manager.WaitFor("document.querySelectorAll('#rows tr.op').length === 1")
	if !manager.Is("document.querySelector('#rows tr.op').previousElementSibling?.matches('.day') && !document.querySelector('main .empty')") {
		t.Error("the page is " + manager.Text("document.querySelector('#rows').parentElement.innerText"))
	}
	if manager.Is("!!document.querySelector('main tr[id^=record]')") {
		t.Error("single records come into the list of operations")
	}
}

// TestBrowserAuditExports: an export is saved with its progress, and without
// scripts by the browser itself.
func TestBrowserAuditExports(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	s := startStage(t, quick)
	for name, noScripts := range map[string]bool{"with scripts": false, "without": true} {
		t.Run(name, func(t *testing.T) {
			tb := b.open(t, s.base, look{still: true, noScripts: noScripts})
			tb.SignIn("manager")
			folder := t.TempDir()
			call(tb, cdpbrowser.SetDownloadBehavior, cdpbrowser.SetDownloadBehaviorParams{Behavior: cdpbrowser.SetDownloadBehaviorBehaviorAllow, DownloadPath: folder,
				BrowserContextID: chromedp.FromContext(tb.ctx).BrowserContextID})
			tb.Go("/audit?q=action:session.signed_in")
			if !noScripts {
				tb.See("[data-complete][role=combobox]") // the page has its script
			}
			tb.Click(".export-menu > summary")
			tb.Click("form.export button[value=jsonl]")
			if !noScripts {
				tb.WaitFor("/Saved/.test(document.querySelector('form.export [role=status]').textContent)")
			}
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for range 200 {
				// Some browsers write into the file of that name, others give it when it is whole.
				if files, err := filepath.Glob(filepath.Join(folder, "audit-*.jsonl")); err == nil && len(files) == 1 {
					if text, err := os.ReadFile(files[0]); err == nil && len(text) >= 100 {
						return
					}
				}
				<-tick.C
			}
			t.Error("no whole file is saved")
		})
	}
}
