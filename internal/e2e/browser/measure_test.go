package browser

import (
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/performance"

	"coc-console/internal/simulator"
)

// observed has a page count, from its beginning, what blocks it and what moves without having been asked to.
const observed = `globalThis.blocked = 0; globalThis.moves = [];
new PerformanceObserver((list) => { for (const e of list.getEntries()) if (!e.hadRecentInput)
	moves.push(e.value.toFixed(4) + " " + e.sources.map((s) => s.node?.parentElement?.outerHTML.slice(0, 200)).join(" ")); }).observe({type: "layout-shift", buffered: true});
new PerformanceObserver((list) => { for (const e of list.getEntries()) blocked += Math.max(0, e.duration - 50); }).observe({type: "longtask", buffered: true});`

// moved is how far the page has moved so far, as browsers count it.
const moved = "moves.reduce((sum, move) => sum + parseFloat(move), 0)"

// TestBrowserScriptTime reports what the page of a ticket with 200 instances costs the browser: at the first load, and
// for each instance that changes. Times depend on the machine; that nothing moves at the load does not.
func TestBrowserScriptTime(t *testing.T) {
	b := startBrowser(t)
	s := startStage(t, simulator.Config{Rules: quick.Rules, Tickets: crowded()})
	tb := b.open(t, s.base, look{})
	tb.SignIn("operator")
	call(tb, performance.Enable, performance.EnableParams{})
	call(tb, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true})
	call(tb, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: observed})
	for range 4 {
		tb.Go("/tickets/" + s.UUID("crowded"))
		tb.WaitFor("document.querySelector('[role=grid][data-roving]') && performance.getEntriesByName('first-contentful-paint').length")
		t.Logf("first load: scripts %.1f ms, layout and styles %.1f ms, blocked for %s ms, first paint after %s ms", tb.metric("ScriptDuration")*1000,
			tb.rendering()*1000, tb.Text("String(Math.round(blocked))"),
			tb.Text("String(Math.round(performance.getEntriesByName('first-contentful-paint')[0].startTime))"))
		// A browser that is short of time may paint the half of a header.
		if !tb.Is(moved + " < 0.01") {
			t.Errorf("moved at the load: %s", tb.Text("moves.join('\\n')"))
		}
	}
	tb.Mark()
	tb.polled()

	const calm, changes = 5, 4
	script, rendering := tb.metric("ScriptDuration"), tb.rendering()
	tb.Eval("new Promise((done) => setTimeout(done, " + strconv.Itoa(calm*1000) + "))")
	scriptCalm, renderingCalm := (tb.metric("ScriptDuration")-script)/calm, (tb.rendering()-rendering)/calm
	t.Logf("each second, as times go on: scripts %.1f ms, layout and styles %.1f ms", scriptCalm*1000, renderingCalm*1000)

	script, rendering = tb.metric("ScriptDuration"), tb.rendering()
	began := time.Now()
	for range changes {
		s.offset(time.Minute)
		// One answer of the page for one change: to ask again and again would be counted.
		tb.Eval(`new Promise((done) => new MutationObserver((_, observer) => done(observer.disconnect())).observe(
			document.querySelector("main"), {attributes: true, attributeFilter: ["data-digest"]}))`)
	}
	took := time.Since(began).Seconds()
	t.Logf("each change of an instance: scripts %.1f ms, layout and styles %.1f ms", (tb.metric("ScriptDuration")-script-scriptCalm*took)*1000/changes,
		(tb.rendering()-rendering-renderingCalm*took)*1000/changes)
	t.Logf("moved by the changes: %s", tb.Text("("+moved+").toFixed(4)"))
}

// rendering is how long the browser worked on where things are and how they look, in seconds.
func (t *tab) rendering() float64 {
	t.Helper()
	return t.metric("LayoutDuration") + t.metric("RecalcStyleDuration")
}
