package browser

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp/kb"

	"coc-console/internal/simulator"
)

// rushing is a ticket of 200 instances in four batches that end within the hour, one in 25 of them badly, each with a log
// that grows.
func rushing() []simulator.TicketSpec {
	spec := simulator.TicketSpec{Scenario: "rushing", Name: "reload_nginx", Creator: "operator", Age: time.Second, Timeout: 1700 * time.Second, SuccessRate: 1}
	var log strings.Builder
	for i := range 300 {
		fmt.Fprintf(&log, "step %d of 300 %s\n", i+1, strings.Repeat("·", i%40))
	}
	for b := range 4 {
		var batch simulator.BatchSpec
		for i := range 50 {
			one := simulator.InstanceSpec{ID: int64(1000*(b+1) + i), Host: fmt.Sprintf("web-%d-%02d", b+1, i), IP: "10.0.0.7", Region: "cn-north-4",
				Zone: "cn-north-4a", Run: time.Duration(60+(i*37)%50*12) * time.Second, Log: log.String()}
			if i%25 == 7 {
				one.ExitCode = 1
			}
			batch.Instances = append(batch.Instances, one)
		}
		spec.Batches = append(spec.Batches, batch)
	}
	return []simulator.TicketSpec{spec}
}

// lastRushing is one of the last batch, which waits for most of the time.
const lastRushing = "#instance-4049"

// hurried are the settings under which a ticket is read many times a second.
var hurried = []string{"--live-poll-interval", "250ms"}

// TestBrowserLiveHands has 200 instances run at speed under the hands of a reader.
func TestBrowserLiveHands(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	for name, check := range map[string]func(stage, *tab){"typing": handsTyping, "pointer": handsPointer, "focus": handsFocus} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startStage(t, simulator.Config{Rules: quick.Rules, Tickets: rushing()}, hurried...)
			tb := b.open(t, s.base, look{})
			tb.SignIn("operator")
			tb.Go("/tickets/" + s.UUID("rushing") + "?rows=all")
			tb.Mark()
			tb.WaitFor("document.documentElement.dataset.wrap") // the last of the scripts
			check(s, tb)
			tb.Same("a rush of updates")
		})
	}
}

// rush moves the ticket on, and waits until the page shows what has become of it.
func (t *tab) rush(s stage, by time.Duration) {
	t.Helper()
	s.offset(by)
	t.polled()
}

// polled waits until the page shows a reading that was begun after now.
func (t *tab) polled() {
	t.Helper()
	for range 2 {
		t.Eval("document.querySelector('#read-at').dataset.old = 'true'")
		t.WaitFor("!document.querySelector('#read-at').dataset.old")
	}
}

// Point puts the pointer onto the middle of an element, after bringing it into view.
func (t *tab) Point(selector string) {
	t.Helper()
	t.See(selector)
	for range 20 { // it may move while nobody is on it yet
		var x, y float64
		at := t.Text(fmt.Sprintf(`(() => { const e = %s; e.scrollIntoView({block: 'center', behavior: 'instant'}); const r = e.getBoundingClientRect();
			return (r.x + r.width / 2) + " " + (r.y + r.height / 2); })()`, find(selector)))
		if _, err := fmt.Sscan(at, &x, &y); err != nil {
			t.Fatal(err)
		}
		call(t, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: input.DispatchMouseEventTypeMouseMoved, X: x, Y: y})
		t.Eval("new Promise(requestAnimationFrame)")
		if t.Is(find(selector) + ".matches(':hover')") {
			return
		}
	}
	t.Fatalf("the pointer is not on %s", selector)
}

// Focus gives an element the focus, after bringing it into view.
func (t *tab) Focus(selector string) {
	t.Helper()
	t.Eval(fmt.Sprintf("(() => { const e = %s; e.scrollIntoView({block: 'center', behavior: 'instant'}); e.focus({preventScroll: true}); })()", find(selector)))
}

// holds starts to write down, with every picture that is painted, where an element is.
func (t *tab) holds(selector string) {
	t.Helper()
	t.Eval(fmt.Sprintf(`(() => {
		const e = %s, moves = globalThis.moves = [];
		const place = () => { const r = e.getBoundingClientRect(); return e.isConnected ? [r.x, r.y, r.width, r.height].map((n) => Math.round(n)).join(" ") : "gone"; };
		let last = place();
		const look = () => {
			const now = place();
			if (now !== last) moves.push(last + " → " + now);
			last = now;
			if (globalThis.moves === moves) requestAnimationFrame(look);
		};
		look();
	})()`, find(selector)))
}

// held fails when what is watched has moved.
func (t *tab) held(what string) {
	t.Helper()
	t.Eval("new Promise(requestAnimationFrame)")
	if moves := t.Text("moves.join(', ')"); moves != "" {
		t.Errorf("%s has moved (x y width height): %s", what, moves)
	}
	t.Eval("globalThis.moves = undefined")
}

// handsTyping types into the search while a log is open: all that the reader has done stays.
func handsTyping(s stage, t *tab) {
	t.See("#instance-1027[data-status=PROCESSING]")
	t.rush(s, 30*time.Second) // so that there is a log
	t.Eval(fmt.Sprintf("document.querySelector('%s [name=target]').click(); document.querySelector('#instance-4048 [name=target]').click(); document.querySelector('#instance-2049 [name=target]').click()", lastRushing))
	t.Click("#instance-1027 a[href$='#log']")
	t.focused("#log-text")
	t.Eval("document.querySelector('#log-panel').mark = document.querySelector('#log-text').mark = true")
	s.offset(300 * time.Second) // so that there is something to scroll
	t.WaitFor("document.querySelector('#log-text').textContent.includes('step 130 ')")
	t.Eval("document.querySelector('#log-text').scrollTo(0, 30)")
	t.WaitFor("document.querySelector('[data-log=follow]').ariaPressed === 'false'")
	t.Eval("document.querySelector('#field-q').scrollIntoView({block: 'center', behavior: 'instant'}); document.querySelector('#field-q').focus()")
	t.holds("#field-q")
	typed := ""
	for _, key := range []string{"w", "e", "b", "-", "9", "-", "1", kb.ArrowLeft, kb.ArrowLeft, kb.Backspace, "3"} {
		t.Press(key)
		if len(key) == 1 && key >= " " && key != kb.Backspace {
			typed += key
		}
		t.rush(s, 20*time.Second)
	}
	t.held("the field that is typed into")
	s.offset(2 * time.Minute)
	t.See("#instance-2049[data-status=PROCESSING]") // a row with a ticked box has become another
	for what, condition := range map[string]string{
		"the typed text":   "document.querySelector('#field-q').value === 'web-3-1'",
		"the caret":        "document.querySelector('#field-q').selectionStart === 5",
		"the focus":        "document.activeElement.id === 'field-q'",
		"the open log":     "document.querySelector('#log-panel').mark && document.querySelector('#log-text').mark",
		"the log's place":  "document.querySelector('#log-text').scrollTop === 30",
		"the ticked boxes": fmt.Sprintf("[...document.querySelectorAll('[name=target]:checked')].map((e) => '#' + e.closest('tr').id).sort().join() === '#instance-2049,#instance-4048,%s'", lastRushing),
	} {
		if !t.Is(condition) {
			t.Errorf("%s did not survive", what)
		}
	}
	t.truth(s)
}

// truth lets the ticket come to its end, and compares every figure with what the simulator was told to do.
func (t *tab) truth(s stage) {
	t.Helper()
	s.offset(2 * time.Hour)
	t.See("#ticket[data-status=FINISHED]")
	for what, want := range map[string]string{
		"document.querySelectorAll('#instance-rows tr[data-status=ABNORMAL]').length":                                                          "8",
		"document.querySelectorAll('#instance-rows tr[data-status=FINISHED]').length":                                                          "192",
		"[...document.querySelectorAll('#batches .marks [data-status=ABNORMAL]')].reduce((n, e) => n + Number(e.dataset.count), 0)":            "8",
		"[...document.querySelectorAll('#batches .marks [data-status=FINISHED]')].reduce((n, e) => n + Number(e.dataset.count), 0)":            "192",
		"document.querySelector('#count-ABNORMAL strong').innerText":                                                                           "8",
		"document.querySelector('#counts .bar [data-status=FINISHED]').dataset.count":                                                          "192",
		"[...document.querySelectorAll('#batch-rows [data-batch]')].map((e) => e.dataset.status).join()":                                       "FAILED,FAILED,FAILED,FAILED",
		"document.querySelector('#progress strong').innerText.match(/\\d+/g).join()":                                                           "200,200",
		"[...document.querySelectorAll('#failures .output-hosts')].reduce((n, e) => n + parseInt(e.innerText), 0)":                             "8",
		"document.title.match(/\\d+ failed/)[0]":                                                                                               "8 failed",
		"[...document.querySelectorAll('#instance-rows tr[data-status=ABNORMAL]')].every((e) => Number(e.dataset.instance) % 1000 % 25 === 7)": "true",
	} {
		t.WaitFor(fmt.Sprintf("String(%s) === %q", what, want))
	}
}

// ending is an instance that runs for three minutes and a half.
const ending = "#instance-1049"

// kept fails when what the reader is on moves or goes while an instance ends, which leaves nothing to cancel.
func (t *tab) kept(s stage) {
	t.Helper()
	t.holds(ending + " a.danger")
	s.offset(216 * time.Second)
	t.See(ending + "[data-status=FINISHED]")
	t.polled()
	t.held("what is of no use any more, under somebody's hands,")
}

// handsPointer lays the pointer on one thing after the other while figures change around it.
func handsPointer(s stage, t *tab) {
	t.Point(ending + " a.danger")
	t.kept(s)
	for _, selector := range []string{
		lastRushing + " a.danger", lastRushing + " a[href$='#log']", "#instance-4020 th a", "#instance-4020 [name=target]", "#batch-4 a", "#batch-3 a",
		"[data-operation-type=PAUSE_ORDER] a", "[data-operation-type=CANCEL_ORDER] a", "#more-operations summary", "#failed-first", "#instance-filters summary",
		"#count-READY", "#progress", "#batches-switch", "#timeline .lane-head a", "#read-at a",
	} {
		if !t.Is(find(selector)) {
			t.Logf("%s is not on the page", selector)
			continue
		}
		t.Point(selector)
		t.holds(selector)
		for range 3 {
			t.rush(s, 25*time.Second)
		}
		t.held(selector + " under the pointer")
	}
}

// handsFocus does the same with the keyboard's focus, on a page whose clock goes on.
func handsFocus(s stage, t *tab) {
	t.Focus(ending + " a.danger")
	t.kept(s)
	for _, selector := range []string{lastRushing + " a.danger", "#instance-4020 th a", "#batch-4 a", "#batch-2 a", "#failures summary", "[data-operation-type=CANCEL_ORDER] a", "#copy-hosts"} {
		t.Focus(selector)
		t.holds(selector)
		for range 3 {
			t.rush(s, 25*time.Second)
		}
		t.held(selector + " with the focus")
	}
}
