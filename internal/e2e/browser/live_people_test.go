package browser

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp/kb"

	"coc-console/internal/simulator"
)

// TestBrowserLiveTogether: one of two who look at a ticket pauses it; the other sees it, who did it and why, without touching
// anything.
func TestBrowserLiveTogether(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	s := startStage(t, quick, hurried...)
	acts, looks := b.open(t, s.base, look{still: true}), b.open(t, s.base, look{still: true, language: "zh-CN"})
	acts.SignIn("operator")
	looks.SignIn("manager")
	ticket := "/tickets/" + s.UUID("running")
	looks.Go(ticket)
	looks.See("#ticket[data-status=PROCESSING]")
	looks.Mark()
	looks.said()
	acts.Go(ticket + "/operations/new?operation_type=PAUSE_ORDER")
	const why = "The alarms of the payment service <b>have</b> begun."
	acts.Type("[name=reason]", why)
	acts.Click("#confirm")
	looks.See("#ticket[data-status=PAUSED]")
	looks.See("#timeline li[data-status='operation.observed']")
	row := looks.Text("document.querySelector(\"#timeline li[data-status='operation.observed']\").innerText")
	for _, part := range []string{"operator", why} {
		if !strings.Contains(row, part) {
			t.Errorf("the timeline does not say %q: %s", part, row)
		}
	}
	looks.WaitFor("document.title.startsWith('已暂停') && document.querySelector('link[rel=icon]').href.includes('paused')")
	looks.WaitFor("said.some((text) => text.includes('已暂停'))")
	looks.See("[data-operation-type=CONTINUE_ORDER] a[href]")
	looks.Click("#more-operations summary")
	looks.See("[data-operation-type=PAUSE_ORDER] [aria-disabled=true]")
	for _, part := range []string{"operator", why} {
		if said := looks.Text("document.querySelector('#standing').innerText"); !strings.Contains(said, part) {
			t.Errorf("the verdict does not say %q: %s", part, said)
		}
	}
	looks.Same("what somebody else did")
	if got := looks.Text("location.pathname"); got != ticket {
		t.Errorf("the page is %s", got)
	}
}

// TestBrowserLiveWithoutScripts filters, sorts, reads a log and pauses a ticket in a browser without scripts.
func TestBrowserLiveWithoutScripts(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	s := startStage(t, simulator.Config{Rules: quick.Rules, Tickets: crowded()}, hurried...)
	tb := b.open(t, s.base, look{noScripts: true})
	tb.SignIn("operator")
	ticket := "/tickets/" + s.UUID("crowded")
	tb.Go(ticket)
	tb.See("meta[http-equiv=refresh]") // it lives on
	tb.Click("[data-fold=WAITING]")
	tb.WaitFor("location.search.includes('rows=waiting') && document.readyState === 'complete'")
	if n := tb.Text("String(document.querySelectorAll('#instance-rows tr').length)"); n != "200" {
		t.Errorf("%s of 200 rows", n)
	}
	tb.Type("#field-q", "web-02")
	tb.Click("#instance-filters summary")
	tb.Choose("#field-sort", "host")
	tb.Click("#instance-filter button")
	tb.WaitFor("location.search.includes('q=web-02') && location.search.includes('sort=host') && document.readyState === 'complete'")
	if got := tb.Text("[...document.querySelectorAll('#instance-rows th')].map((e) => e.innerText.trim()).join()"); !strings.HasPrefix(got, "web-02-0,web-02-1,") || strings.Count(got, ",") != 9 {
		t.Errorf("the filter leaves %s", got)
	}
	tb.Go(ticket)
	tb.Click("#batch-1 a")
	tb.WaitFor("location.search === '?batch=1' && document.querySelectorAll('#instance-rows tr').length === 10 && document.querySelector('#batch-1.row-selected')")
	tb.Click("#instance-1001 th a")
	tb.See("#log")
	tb.Go(ticket)
	tb.Click("#instance-1003 a[href$='#log']")
	tb.See("#log")
	s.offset(5 * time.Minute)
	tb.Go(tb.Text("location.pathname"))
	tb.WaitFor("document.querySelector('#log').innerText.includes('last line')")
	tb.Go(ticket)
	tb.See("#instance-1003[data-status=ABNORMAL]")
	tb.Click("[data-operation-type=PAUSE_ORDER] a[href]")
	tb.Type("[name=reason]", "without scripts")
	if tb.Is("document.querySelector('[name=count]')") {
		tb.Type("[name=count]", tb.Text("document.querySelector('[data-stops]').dataset.stops"))
	}
	tb.Click("#confirm")
	tb.See("#receipt")
	tb.WaitFor("document.querySelector(\"#receipt[data-status='operation.observed']\")")
	tb.Go(ticket)
	tb.WaitFor("document.querySelector('#timeline').innerText.includes('without scripts')")
}

// TestBrowserLiveKeys goes through a ticket with keys alone, up to the page that asks; at each step one can see where the focus is.
func TestBrowserLiveKeys(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	s := startStage(t, simulator.Config{Rules: quick.Rules, Seed: 7})
	tb := b.open(t, s.base, look{still: true})
	tb.SignIn("operator")
	ticket := "/tickets/" + s.UUID("abnormal")
	tb.Go(ticket)
	tb.WaitFor("document.documentElement.dataset.wrap")
	tb.TabTo("#batch-1 a")
	tb.sees("the map")
	for _, step := range []struct{ keys, on string }{
		{kb.ArrowDown, "#batch-2 a"}, {kb.ArrowDown, "#batch-3 a"}, {kb.ArrowUp, "#batch-2 a"}, {kb.ArrowUp, "#batch-1 a"},
	} {
		tb.Press(step.keys)
		tb.focused(step.on)
		tb.sees(step.on)
	}
	tb.Press(kb.Enter)
	tb.WaitFor("location.search === '?batch=1' && document.querySelector('#batch-1.row-selected')")
	tb.Eval("history.back()")
	tb.WaitFor("!location.search && !document.querySelector('.row-selected')")
	tb.See("#ticket #instances")
	tb.Eval("document.querySelector('main').old = true")
	tb.Press("f")
	tb.WaitFor("!document.querySelector('main').old && document.activeElement.matches('h1')")
	tb.See("#instance-rows tr:first-child[data-status=ABNORMAL]")
	tb.Press("j")
	tb.focused("#instance-rows tr:nth-child(1) th a")
	for range 50 {
		if tb.Is("document.activeElement.matches('#instance-rows tr:nth-child(2) th a')") {
			break
		}
		tb.Press("j")
	}
	tb.sees("j")
	tb.Press("k")
	tb.focused("#instance-rows tr:nth-child(1) th a")
	tb.sees("k")
	tb.Press("l")
	tb.focused("#log-text")
	tb.sees("the log")
	tb.Press(kb.Escape)
	tb.focused("#instance-rows tr:nth-child(1) a[href$='#log']")
	tb.sees("after the log")
	tb.Press("/")
	tb.focused("#find")
	tb.sees("the search")
	tb.Press(kb.Escape)
	tb.Press("?")
	tb.See("dialog[open] #keys kbd")
	tb.WaitFor("document.activeElement.closest('dialog')")
	tb.sees("the keys")
	tb.Press(kb.Escape)
	tb.WaitFor("!document.querySelector('dialog')")
	tb.key("k", 2)
	tb.focused("dialog.palette input")
	tb.sees("the palette")
	tb.Press("skip")
	tb.WaitFor("document.querySelector('#palette-list [aria-selected=true]')?.innerText.includes('Skip')")
	tb.Press(kb.Enter)
	tb.See("#confirm")
	tb.WaitFor("location.search.includes('SKIP_BATCH')")
	tb.TabTo("#confirm")
	tb.sees("the button that confirms")
	if n := s.Calls(simulator.CallOperate); n > 0 {
		t.Errorf("%d operations were sent", n)
	}
}

// key presses one key with modifiers: 1 Alt, 2 Ctrl.
func (t *tab) key(key string, modifiers int64) {
	t.Helper()
	code := "Key" + strings.ToUpper(key)
	number := int64(strings.ToUpper(key)[0])
	for _, what := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeRawKeyDown, input.DispatchKeyEventTypeKeyUp} {
		call(t, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: what, Key: key, Code: code, WindowsVirtualKeyCode: number, Modifiers: modifiers})
	}
}

// sees fails when nothing shows where the focus is, or when it is out of view.
func (t *tab) sees(what string) {
	t.Helper()
	const ring = `(() => {
		const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
		if (e === document.body) return "nothing has it";
		if ((s.outlineStyle === "none" || parseFloat(s.outlineWidth) < 1) && s.boxShadow === "none") return "no ring on " + e.outerHTML.slice(0, 120);
		if (r.bottom < 0 || r.top > innerHeight) return "out of view: " + e.outerHTML.slice(0, 120);
		return "";
	})()`
	if wrong := t.Text(ring); wrong != "" {
		t.Errorf("%s: the focus cannot be seen: %s", what, wrong)
	}
}
