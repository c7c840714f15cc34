package browser

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	cdppage "github.com/chromedp/cdproto/page"

	"coc-console/internal/simulator"
)

// TestBrowserTicket checks what a ticket's page answers at a look, and by one click.
func TestBrowserTicket(t *testing.T) {
	b := startBrowser(t)
	for name, check := range map[string]func(stage, *tab){
		"batch": batchFilters, "timeline in words": timelineInWords, "ranges": rangeSelection, "folds": foldedRows, "figures": figuresFilter,
		"impossible": impossibleSayWhy, "still": nothingMoves, "untouched": nothingMovesByItself,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startStage(t, simulator.Config{Rules: quick.Rules, Tickets: crowded()}, hurried...)
			tb := b.open(t, s.base, look{still: true})
			tb.SignIn("operator")
			tb.Go("/tickets/" + s.UUID("crowded"))
			tb.Mark()
			tb.WaitFor("document.querySelector('[role=grid][data-roving]')")
			check(s, tb)
			tb.Same("the ticket's page")
		})
	}
}

// batchFilters: a click on a batch narrows the table to it, shows the table, and marks the batch; the chip takes that back.
func batchFilters(s stage, t *tab) {
	s.offset(11 * time.Minute)
	t.See("#batch-2[data-status=RUNNING]")
	t.Click("#batch-2 a")
	t.WaitFor("location.search === '?batch=2' && location.hash === '#instances' && document.querySelector('#batch-2.row-selected a[aria-current]')")
	t.WaitFor("[...document.querySelectorAll('#instance-rows tr')].length === 10 && document.querySelector('#instance-1010')")
	t.WaitFor("(() => { const y = document.querySelector('#instances').getBoundingClientRect().top; return y >= 100 && y < 700; })()")
	t.Click("[data-filter=batch]")
	t.WaitFor("!location.search && !document.querySelector('.row-selected') && document.querySelectorAll('#instance-rows tr').length > 10")
}

// timelineInWords: who does not see the drawing hears what it shows, and can have it as a table.
func timelineInWords(s stage, t *tab) {
	s.offset(11 * time.Minute)
	t.See("#batch-2[data-status=RUNNING]")
	t.See("#batch-1[data-status=FAILED]")
	row := t.Text("document.querySelector('#batch-1').textContent.replace(/\\s+/g, ' ')")
	for _, part := range []string{"Failed", "Batch 1", "From ", " to "} {
		if !strings.Contains(row, part) {
			t.Errorf("batch 1 does not say %q: %s", part, row)
		}
	}
	if got := t.Text("document.querySelector('#batch-1 .marks').ariaLabel"); got != "9 succeeded, 1 failed" {
		t.Errorf("the marks of batch 1 are called %q", got)
	}
	if got := t.Text("document.querySelector('#counts .bar').ariaLabel"); !strings.Contains(got, " succeeded, 1 failed, 9 running, 180 waiting") {
		t.Errorf("the bar is called %q", got)
	}
	for _, drawn := range []string{"#lane-axis", "#lane-over", "#batch-1 .lane-run"} {
		if !t.Is(find(drawn) + ".getAttribute('aria-hidden') === 'true'") {
			t.Errorf("%s is not hidden from those who do not see it", drawn)
		}
	}
	t.Click("#batches-switch")
	t.See("#batch-table tr[data-batch='20']")
	if got := t.Text("document.querySelector(\"#batch-table tr[data-batch='1']\").innerText.replace(/\\s+/g, ' ')"); !strings.Contains(got, "1 Failed") || !strings.Contains(got, "9 succeeded, 1 failed") {
		t.Errorf("the table says of batch 1: %s", got)
	}
	s.offset(10 * time.Minute)
	t.See("#batch-table tr[data-batch='3'][data-status=RUNNING]") // it is as live
	t.Click("#batches-switch")
	t.See("#batch-3[role=row]")
}

// press clicks with a modifier: 8 is Shift.
func (t *tab) press(selector string, modifiers int64) {
	t.Helper()
	t.Point(selector)
	var x, y float64
	if _, err := fmt.Sscan(t.Text(fmt.Sprintf("(() => { const r = %s.getBoundingClientRect(); return (r.x + r.width / 2) + ' ' + (r.y + r.height / 2); })()", find(selector))), &x, &y); err != nil {
		t.Fatal(err)
	}
	for _, what := range []input.DispatchMouseEventType{input.DispatchMouseEventTypeMousePressed, input.DispatchMouseEventTypeMouseReleased} {
		call(t, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: what, X: x, Y: y, Button: input.MouseButtonLeft, ClickCount: 1, Modifiers: modifiers})
	}
}

// rangeSelection: Shift ticks all up to the box before, the bar counts them, and what is ticked goes into one operation.
func rangeSelection(_ stage, t *tab) {
	if t.Is("document.querySelector('#bulk').checkVisibility()") {
		t.Error("the bar is there before anything is ticked")
	}
	t.press("#instance-1002 [name=target]", 0)
	t.press("#instance-1008 [name=target]", 8)
	t.WaitFor("document.querySelector('#bulk').checkVisibility() && document.querySelector('#bulk [data-count]').textContent.includes('7 selected')")
	t.press("#instance-1005 [name=target]", 0)
	t.press("#instance-1008 [name=target]", 8) // a range is taken away like its last box
	t.WaitFor("document.querySelector('#bulk [data-count]').textContent.includes('3 selected')")
	t.Click("#bulk [type=reset]")
	t.WaitFor("!document.querySelector('#bulk').checkVisibility()")
	t.press("#instance-1000 [name=target]", 0)
	t.press("#instance-1003 [name=target]", 8)
	t.Click("#bulk .button-danger")
	t.See("#confirm")
	if n := t.Text("String(document.querySelectorAll('main input[name=target]').length)"); n != "4" {
		t.Errorf("%s instances are confirmed, want 4", n)
	}
}

// foldedRows: of 200 instances those are shown that matter; which these are changes with the ticket, and no row is lost.
func foldedRows(s stage, t *tab) {
	counted := `document.querySelectorAll('#instance-rows tr').length + [...document.querySelectorAll('#folds a')].reduce((n, a) => n + parseInt(a.innerText), 0)`
	states := `[...new Set([...document.querySelectorAll('#instance-rows tr')].map((r) => r.dataset.status))].join()`
	t.WaitFor(states + " === 'PROCESSING,READY' && " + counted + " === 200")
	t.WaitFor("document.querySelector('[data-fold=WAITING]').innerText.includes('180 waiting in batches 3–20')")
	s.offset(5 * time.Minute)
	t.sortAgain("document.querySelector('#instance-rows tr').id === 'instance-1003' && " + counted + " === 200")
	s.offset(11 * time.Minute)
	t.sortAgain("document.querySelector('#instance-1019[data-status=PROCESSING]')")
	t.WaitFor("document.querySelector('[data-fold=WAITING]').innerText.includes('170 waiting in batches 4–20') && " + counted + " === 200")
	if height := t.Text("String(document.documentElement.scrollHeight)"); !t.Is("document.documentElement.scrollHeight <= 2000") {
		t.Errorf("the page is %s px high", height)
	}
	s.offset(35 * time.Minute) // 40 and more have ended
	t.See("[data-fold=DONE]")
	t.sortAgain(counted + " === 200 && !document.querySelector('#instance-rows [data-status=FINISHED]')")
	ticked := "document.querySelectorAll('#instance-rows input:checked').length === 1 && document.querySelector('#bulk [data-count]').textContent.includes('1 selected')"
	t.press("#instance-rows tr:nth-child(2) [name=target]", 0)
	t.WaitFor(ticked)
	t.Click("[data-fold=DONE]")
	t.WaitFor("location.search === '?rows=done' && " + ticked + " && document.querySelector('#instance-rows [data-status=FINISHED]') && !document.querySelector('[data-fold=DONE]')")
	t.Click("[data-fold=WAITING]")
	t.WaitFor("location.search === '?rows=all' && " + ticked + " && document.querySelectorAll('#instance-rows tr').length === 200")
}

// sortAgain puts the rows into the order that has changed, until a condition holds.
func (t *tab) sortAgain(condition string) {
	t.Helper()
	t.WaitFor("(() => { document.querySelector('#order-changed:not([hidden]) button')?.click(); return " + condition + "; })()")
}

// figuresFilter: each figure narrows the table to what it counts, and heads sort.
func figuresFilter(s stage, t *tab) {
	s.offset(5 * time.Minute)
	t.WaitFor("document.querySelector('#count-ABNORMAL strong').innerText === '1'")
	t.Click("#count-ABNORMAL")
	t.WaitFor("location.search === '?status=ABNORMAL' && document.querySelectorAll('#instance-rows tr').length === 1 && document.querySelector('[data-filter=status]')")
	t.Click("#progress")
	t.WaitFor("location.search === '?status=DONE' && document.querySelectorAll('#instance-rows tr').length === 5")
	t.Click("th.wide a")
	t.WaitFor("location.search.includes('sort=host') && document.querySelector('th.wide[aria-sort=ascending]')")
	t.Click("th.wide a")
	t.WaitFor("location.search.includes('sort=-host') && document.querySelector('th.wide[aria-sort=descending]') && document.querySelector('#instance-rows tr').id === 'instance-1004'")
	t.Press("f")
	t.WaitFor("!location.search.includes('sort')")
}

// impossibleSayWhy: one operation is the first, to cancel is never that, and what cannot be done says why in the menu.
func impossibleSayWhy(_ stage, t *tab) {
	if n := t.Text("[...document.querySelectorAll('#operations .button-primary')].map((e) => e.innerText.trim()).join()"); n != "Pause ticket" {
		t.Errorf("the first operation is %q", n)
	}
	t.Click("#more-operations summary")
	for operation, why := range map[string]string{"CONTINUE_ORDER": "must be paused or need attention", "SKIP_BATCH": "must be paused or need attention"} {
		if got := t.Text(fmt.Sprintf("document.querySelector('#more-operations [data-operation-type=%s]').innerText", operation)); !strings.Contains(got, why) {
			t.Errorf("%s says %q", operation, got)
		}
	}
	t.See("#more-operations a[download]")
}

// nothingMoves: a ticket that changes shifts nothing.
func nothingMoves(s stage, t *tab) {
	call(t, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: observed})
	t.Go("/tickets/" + s.UUID("crowded"))
	t.Mark()
	t.polled()
	t.Eval("moves.length = 0") // TestBrowserScriptTime is about the load
	for n := range 12 {        // somebody is there, and a batch ends
		call(t, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: input.DispatchMouseEventTypeMouseMoved, X: 300 + float64(n), Y: 30})
		t.rush(s, time.Minute)
	}
	t.See("#batch-2[data-status=RUNNING]")
	if !t.Is(moved + " <= 0.005") {
		t.Errorf("moved by %s:\n%s", t.Text("("+moved+").toFixed(4)"), t.Text("moves.join('\\n')"))
	}
}

// nothingMovesByItself: the same where nobody has touched anything for a while. Rows keep their place, and a line says how
// many would move; it puts them into order.
func nothingMovesByItself(s stage, t *tab) {
	call(t, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: observed})
	t.Go("/tickets/" + s.UUID("crowded"))
	t.Mark()
	t.polled()
	t.Eval("{ const now = Date.now; Date.now = () => now() + 60_000; moves.length = 0; }") // nobody was there for a minute
	before := t.Text("[...document.querySelectorAll('#instance-rows tr')].map((r) => r.id).join()")
	for range 12 {
		t.rush(s, time.Minute)
	}
	t.See("#instance-1003[data-status=ABNORMAL]")
	t.See("#batch-2[data-status=RUNNING]")
	if after := t.Text("[...document.querySelectorAll('#instance-rows tr')].map((r) => r.id).join()"); after != before {
		t.Errorf("rows have moved:\n%s\n%s", before, after)
	}
	if !t.Is(moved + " <= 0.005") {
		t.Errorf("moved by %s:\n%s", t.Text("("+moved+").toFixed(4)"), t.Text("moves.join('\\n')"))
	}
	t.WaitFor("/^\\d+ moved/.test(document.querySelector('#order-changed:not([hidden])').innerText)")
	t.sortAgain("document.querySelector('#instance-rows tr').id === 'instance-1003' && document.querySelector('#order-changed').hidden")
}

// TestBrowserTicketFits holds where things are on a screen.
func TestBrowserTicketFits(t *testing.T) {
	b := startBrowser(t)
	s := startStage(t, simulator.Config{Rules: quick.Rules, Seed: 7})
	tb := b.open(t, s.base, look{still: true})
	tb.SignIn("operator")
	for _, scenario := range []string{"large", "abnormal", "running"} {
		tb.Go("/tickets/" + s.UUID(scenario))
		if y := tb.Text("String(Math.round(document.querySelector('#instance-rows tr').getBoundingClientRect().top))"); !tb.Is(y + " <= 760") {
			t.Errorf("%s: the first row is at y = %s", scenario, y)
		}
		if y := tb.Text("String(Math.round(document.querySelector('#failures').getBoundingClientRect().bottom))"); !tb.Is(y + " <= 900") {
			t.Errorf("%s: the failures end at y = %s", scenario, y)
		}
		if y := tb.Text("String(document.documentElement.scrollHeight)"); !tb.Is(y + " <= 2000") {
			t.Errorf("%s: the page is %s px high", scenario, y)
		}
	}
	tb.Go("/tickets/" + s.UUID("abnormal"))
	if lines := tb.Text(`[...new Set([...document.querySelectorAll(".instances thead th:not(.select)")].map((e) => {
		const text = document.createRange();
		text.selectNodeContents(e.querySelector("a") ?? e);
		return Math.round(text.getBoundingClientRect().top);
	}))].join()`); strings.Contains(lines, ",") {
		t.Errorf("the heads of the table are at y = %s", lines)
	}
	tb.Click("#failures .lane-head a")
	tb.WaitFor("location.hash === '#failures' && document.querySelectorAll('#failures summary').length > 3")
	tb.WaitFor("document.querySelector('#failures h2').getBoundingClientRect().top >= document.querySelector('.ticket-head').getBoundingClientRect().bottom")
	phone := b.open(t, s.base, look{still: true, width: 390, height: 844})
	phone.SignIn("operator")
	phone.Go("/tickets/" + s.UUID("large"))
	if y := phone.Text("String(document.documentElement.scrollHeight)"); !phone.Is(y + " < 6000") {
		t.Errorf("on a phone the page is %s px high", y)
	}
	for _, on := range []string{"activity", "ticket-facts", "instances"} {
		phone.Click(".phone-tabs [href='#" + on + "']")
		phone.WaitFor(find("#"+on) + ".checkVisibility() && [...document.querySelectorAll('.pane')].filter((e) => e.checkVisibility()).length === 1")
	}
	if small := phone.Text(`[...document.querySelectorAll("#operations .button, .phone-tabs a, .figure, #field-q, .output summary, #instance-rows .hit, #folds a")].filter((e) => e.checkVisibility() && e.getBoundingClientRect().height < 43.5).map((e) => e.outerHTML.slice(0, 90)).join("\n")`); small != "" {
		t.Errorf("hard to hit:\n%s", small)
	}
}

// TestBrowserTicketApproval: a request for approval is on the ticket's page of everybody at once, and goes when it is decided.
func TestBrowserTicketApproval(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	s := startStage(t, quick) // which reads every few seconds: the log is faster
	asks, looks := b.open(t, s.base, look{still: true}), b.open(t, s.base, look{still: true})
	asks.SignIn("operator")
	looks.SignIn("manager")
	ticket := "/tickets/" + s.UUID("abnormal")
	looks.Go(ticket)
	looks.Mark()
	asks.Go(ticket)
	asks.Click("#more-operations summary")
	asks.Click("#more-operations a[href*=CANCEL_ORDER]")
	asks.Type("[name=reason]", "package <b>conflicts</b>, INC-4711")
	asks.Click("#ask")
	asks.See("#approval[data-status=waiting]")
	looks.See("#requests li[data-status='approval.requested']")
	for _, part := range []string{"operator", "Cancel ticket", "expires at"} {
		if said := looks.Text("document.querySelector('#requests').innerText"); !strings.Contains(said, part) {
			t.Errorf("the line does not say %q: %s", part, said)
		}
	}
	looks.See("#timeline li[data-status='approval.requested'] small")
	looks.Same("a request")
	looks.Click("#requests a")
	looks.Type("[name=comment]", "not now")
	looks.Click("#refuse")
	looks.See("#approval[data-status=refused]")
	looks.Go(ticket)
	looks.See("#timeline li[data-status='approval.refused']")
	if looks.Is("document.querySelector('#requests li')") {
		t.Error("a request that was declined still waits")
	}
}

// TestBrowserLaneLabels: above the batches no label lies on another, at any width, however long the ticket is paused.
func TestBrowserLaneLabels(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	s := startStage(t, quick)
	for _, l := range []look{{still: true}, {still: true, language: "zh-CN"}} {
		tb := b.open(t, s.base, l)
		tb.SignIn("operator")
		for _, paused := range []time.Duration{4 * time.Minute, 55 * time.Minute, 5 * time.Hour} {
			s.offset(paused)
			for _, width := range []int64{1440, 1024, 1000, 840, 720} {
				tb.Resize(width, 900)
				tb.Go("/tickets/" + s.UUID("paused"))
				tb.See("#lane-axis text")
				over := tb.Text(`(() => {
					const all = [...document.querySelectorAll("#lane-axis text")].map((e) => [e.textContent, e.getBoundingClientRect()]);
					return all.flatMap(([a, p], i) => all.slice(i + 1).filter(([, q]) => p.left < q.right && q.left < p.right).map(([b]) => a + " on " + b)).join();
				})()`)
				if over != "" {
					t.Errorf("paused for %s, %d wide: %s", paused, width, over)
				}
			}
		}
	}
}
