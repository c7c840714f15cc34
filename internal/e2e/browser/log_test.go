package browser

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/performance"

	"coc-console/internal/simulator"
)

// colourful has what terminals make of colours, a part that looks like an error, and markup.
const colourful = "start\n\x1b[1;32mok\x1b[0m \x1b[38;5;196mred\x1b[0m \x1b[44mbackground\x1b[0m\n<b>not bold</b> \x1b]0;title\x07\n" +
	"\x1b[31mERROR: disk full\x1b[0m\nprogress\x1b[2K\ndone\n"

// logStage has a ticket whose instances have long, colourful and growing logs.
func logStage(t *testing.T) (s stage, ticket string) {
	t.Helper()
	var huge, growing strings.Builder
	for i := 0; huge.Len() < 1<<20-200; i++ {
		fmt.Fprintf(&huge, "%06d the quick brown fox jumps over the lazy dog\n", i)
	}
	huge.WriteString("needle, at the end\n")
	for i := range 4000 {
		fmt.Fprintf(&growing, "step %d of many, %s\n", i, strings.Repeat("with words to wrap ", 10))
	}
	s = startStage(t, simulator.Config{Rules: quick.Rules, Tickets: []simulator.TicketSpec{{Scenario: "logs", Name: "read_logs", Creator: "operator",
		Age: time.Minute, Timeout: 1000 * time.Second, SuccessRate: 100, Batches: []simulator.BatchSpec{{Instances: []simulator.InstanceSpec{
			{Host: "huge-01", IP: "10.0.0.1", Run: time.Second, Log: huge.String()},
			{Host: "colour-01", IP: "10.0.0.2", Run: time.Second, ExitCode: 1, Log: colourful},
			{Host: "growing-01", IP: "10.0.0.3", Run: 900 * time.Second, Log: growing.String()},
		}}}}}})
	return s, "/tickets/" + s.UUID("logs")
}

// openLog opens the page of an instance by its host name.
func (t *tab) openLog(ticket, host string) {
	t.Helper()
	t.Go(ticket)
	t.See("tr[data-instance] th a")
	t.Go(t.Text(fmt.Sprintf(`(() => { const u = new URL([...document.querySelectorAll("tr[data-instance] th a")].find((a) => a.innerText.includes(%q)).href);
		return u.pathname + u.search; })()`, host)))
	t.See("#log-text")
	t.WaitFor("!document.querySelector('#log-tools').hidden")
}

func TestBrowserLog(t *testing.T) {
	b := startBrowser(t)
	s, ticket := logStage(t)
	for name, check := range map[string]func(*tab, string){
		"colours": logColours, "large": logLarge, "grows": logGrows, "panel": logPanel, "copy": logCopy,
	} {
		t.Run(name, func(t *testing.T) {
			tb := b.open(t, s.base, look{still: true})
			tb.SignIn("operator")
			check(tb, ticket)
		})
	}
}

// logColours: colours are classes, all else is text, and the way to the first error is a link.
func logColours(t *tab, ticket string) {
	t.openLog(ticket, "colour-01")
	if got := t.Text("document.querySelector('#log-text').textContent"); !strings.Contains(got, "<b>not bold</b> \nERROR: disk full\n\ndone") {
		t.Errorf("the log is %q", got)
	}
	if t.Is("document.querySelector('#log-text b, #log-text [style]')") {
		t.Error("the log has made elements")
	}
	for class, word := range map[string]string{"log-c2.log-bold": "ok", "log-c9": "red", "log-c1": "ERROR: disk full"} {
		if got := t.Text("document.querySelector('#log-text ." + class + "').textContent"); got != word {
			t.Errorf("in the colour %s is %q, want %q", class, got, word)
		}
	}
	if !t.Is("getComputedStyle(document.querySelector('.log-c2')).color !== getComputedStyle(document.querySelector('#log-text')).color") {
		t.Error("a colour shows nothing")
	}
	t.Press("e")
	t.WaitFor("document.activeElement?.id === 'log-error' && location.hash === '#log-error'")
}

// maxScript is how long scripts may take to search 1 MB, in seconds.
const maxScript = 1.0

// logLarge: a log of 1 MB is searched without a pause that can be felt.
func logLarge(t *tab, ticket string) {
	t.openLog(ticket, "huge-01")
	call(t, performance.Enable, performance.EnableParams{})
	before := t.metric("ScriptDuration")
	t.Press("l")
	t.Type("#log-find", "NEEDLE")
	t.WaitFor("document.querySelector('#log-count').textContent === '1 of 1'")
	t.WaitFor(`(() => { const [r] = CSS.highlights.get("current"), box = r.getBoundingClientRect(), log = document.querySelector("#log-text").getBoundingClientRect();
		return r.toString() === "needle" && box.height > 0 && box.top >= log.top && box.bottom <= log.bottom; })()`)
	t.Type("#log-find", "brown fox")
	t.WaitFor("/^1 of \\d{5}$/.test(document.querySelector('#log-count').textContent)")
	t.Click("[data-log=next]")
	t.WaitFor("document.querySelector('#log-count').textContent.startsWith('2 of')")
	t.Click("[data-log=previous]")
	t.Click("[data-log=previous]")
	t.WaitFor("/^(\\d+) of \\1$/.test(document.querySelector('#log-count').textContent)")
	t.Type("#log-find", "no such thing")
	t.WaitFor("document.querySelector('#log-count').textContent === 'No match'")
	took := t.metric("ScriptDuration") - before
	t.Logf("scripts ran for %.0f ms", took*1000)
	if took > maxScript {
		t.Errorf("scripts ran for %.2f s", took)
	}
	t.Click("[data-log=wrap]")
	t.WaitFor("getComputedStyle(document.querySelector('#log-text')).whiteSpaceCollapse === 'preserve' && getComputedStyle(document.querySelector('#log-text')).textWrapMode === 'nowrap'")
	t.Go(ticket)
	t.openLog(ticket, "huge-01")
	if !t.Is("document.querySelector('[data-log=wrap]').ariaPressed === 'false'") {
		t.Error("the choice of wrapping is forgotten")
	}
}

// metric is one of the browser's figures about the page.
func (t *tab) metric(name string) float64 {
	t.Helper()
	for _, m := range call(t, performance.GetMetrics, cdp.Empty{}).Metrics {
		if m.Name == name {
			return m.Value
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

// logGrows: the end is followed while the log grows, unless its reader looks elsewhere.
func logGrows(t *tab, ticket string) {
	const atEnd = "(() => { const e = document.querySelector('#log-text'); return e.scrollTop + e.clientHeight >= e.scrollHeight - 40; })()"
	t.openLog(ticket, "growing-01")
	t.WaitFor(atEnd)
	length := t.Text("String(document.querySelector('#log-text').textContent.length)")
	t.hurry()
	t.WaitFor("document.querySelector('#log-text').textContent.length > " + length)
	t.WaitFor(atEnd)
	t.Eval("document.querySelector('#log-text').scrollTo(0, 0)")
	t.WaitFor("document.querySelector('[data-log=follow]').ariaPressed === 'false'")
	length = t.Text("String(document.querySelector('#log-text').textContent.length)")
	t.WaitFor("document.querySelector('#log-text').textContent.length > " + length)
	if t.Is(atEnd) {
		t.Error("the log moves away from under its reader")
	}
	t.Click("[data-log=follow]")
	t.WaitFor(atEnd)
}

// logPanel: on the ticket's page a log opens beside the table, lives on while the page does, and gives the focus back.
func logPanel(t *tab, ticket string) {
	t.Go(ticket)
	t.WaitFor("document.documentElement.dataset.wrap")
	t.Mark()
	const row = "tr[data-instance][data-status=PROCESSING]"
	t.Resize(1440, 360)
	const top = "document.querySelector(\"" + row + " a[href$='#log']\").getBoundingClientRect().top"
	t.Eval("document.querySelector('" + row + "').scrollIntoView({block: 'center', behavior: 'instant'})")
	t.Eval("globalThis.place = " + top)
	t.Click(row + " a[href$='#log']")
	t.See("#log-panel #log-text")
	if !t.Is("Math.abs(place - " + top + ") < 2") {
		t.Errorf("what was clicked on has moved: %s", t.Text("place + ' → ' + "+top))
	}
	t.WaitFor("document.activeElement?.id === 'log-text'")
	t.Same("the log")
	t.WaitFor(`(() => { const log = document.querySelector("#log-text"), end = new Range(); end.selectNodeContents(log.lastElementChild);
		return end.getBoundingClientRect().bottom < log.getBoundingClientRect().bottom; })()`)
	if got := t.Text("location.pathname"); got != ticket {
		t.Errorf("the address is %s", got)
	}
	if !t.Is("document.querySelector('" + row + "').closest('.scroll').getBoundingClientRect().right <= document.querySelector('#log-panel').getBoundingClientRect().left") {
		t.Error("the panel covers the table")
	}
	t.Eval("document.querySelector('#log-panel').mark = true")
	if t.Is("document.querySelector('main').dataset.refresh") {
		t.refreshed()
	}
	if !t.Is("document.querySelector('#log-panel').mark && document.querySelector('#log-text').textContent.includes('step 1 of many')") {
		t.Error("the panel did not outlive a refresh")
	}
	t.Press("\x1b")
	t.WaitFor("!document.querySelector('#log-panel') && document.activeElement.matches(\"a[href$='#log']\")")
	if !t.Is("Math.abs(place - " + top + ") < 2") {
		t.Errorf("with the panel closed it has moved: %s", t.Text("place + ' → ' + "+top))
	}
	t.Resize(390, 800)
	t.Click(row + " a[href$='#log']")
	t.WaitFor("location.pathname.includes('/instances/') && document.querySelector('#log-text')")
}

// logCopy: the whole log is copied, as it is shown.
func logCopy(t *tab, ticket string) {
	t.openLog(ticket, "colour-01")
	t.Eval("navigator.clipboard.writeText = async (text) => { globalThis.copied = text; }")
	t.Click("[data-log=copy]")
	t.WaitFor("globalThis.copied?.includes('ERROR: disk full\\n\\ndone') && document.querySelector('[data-log=copy]').innerText.includes('Copied')")
}
