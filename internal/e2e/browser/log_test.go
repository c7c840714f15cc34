package browser

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp/kb"

	"coc-console/internal/simulator"
)

// colourful has what terminals make of colours, a part that looks like an error, and markup.
const colourful = "start\n\x1b[1;32mok\x1b[0m \x1b[38;5;196mred\x1b[0m \x1b[44mbackground\x1b[0m\n<b>not bold</b> \x1b]0;title\x07\n" +
	"\x1b[31mERROR: disk full\x1b[0m\nprogress\x1b[2K\ndone\n"

// logStage has a ticket whose instances have long, colourful and growing logs.
func logStage(t *testing.T) (s stage, ticket string) {
	t.Helper()
	var huge, growing, wide strings.Builder
	for i := 0; huge.Len() < 1<<20-200; i++ {
		fmt.Fprintf(&huge, "%06d the quick brown fox jumps over the lazy dog\n", i)
	}
	huge.WriteString("needle, at the end\n")
	// Lines that take two rows each, so that a part is twice as high as it is estimated; the errors are at the ends of parts.
	for i := 1; i <= 3000; i++ {
		line := strings.Repeat("wide ", 30)
		if i%1000 == 0 {
			line = "error: at last"
		}
		fmt.Fprintf(&wide, "%d %s\n", i, line)
	}
	for i := range 4000 {
		fmt.Fprintf(&growing, "step %d of many, %s\n", i, strings.Repeat("with words to wrap ", 10))
	}
	s = startStage(t, simulator.Config{Rules: quick.Rules, Tickets: []simulator.TicketSpec{{Scenario: "logs", Name: "read_logs", Creator: "operator",
		Age: time.Minute, Timeout: 1000 * time.Second, SuccessRate: 100, Batches: []simulator.BatchSpec{{Instances: []simulator.InstanceSpec{
			{Host: "huge-01", IP: "10.0.0.1", Run: time.Second, Log: huge.String()},
			{Host: "colour-01", IP: "10.0.0.2", Run: time.Second, ExitCode: 1, Log: colourful},
			{Host: "growing-01", IP: "10.0.0.3", Run: 900 * time.Second, Log: growing.String()},
			{Host: "wide-01", IP: "10.0.0.4", Run: time.Second, ExitCode: 1, Log: wide.String()},
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
		"colours": logColours, "large": logLarge, "grows": logGrows, "panel": logPanel, "copy": logCopy, "wide": logWide,
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
	if t.Is("document.querySelector('#log-text b, .log-part [style]')") {
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
const maxScript = 2.0

// maxOpen is how long a log of 1 MB may take from the click until it is painted, in milliseconds, while other tests run
// beside. On a calm machine it is 400; -v prints it.
const maxOpen = 4000.0

// logOpens: a log of 1 MB opens beside the ticket at once.
func logOpens(t *tab, ticket string) {
	t.Helper()
	const link = `[...document.querySelectorAll("tr[data-instance] a[href$='#log']")].find((a) => a.closest("tr").innerText.includes("huge-01"))`
	best := math.Inf(1)
	for range 3 {
		t.Go(ticket)
		t.WaitFor("document.documentElement.dataset.wrap && " + link)
		took, err := eval[float64](t, `(async () => {
			const start = performance.now(), frame = () => new Promise(requestAnimationFrame);
			`+link+`.click();
			while (!document.querySelector("#log-panel #log-text")) await frame();
			await frame();
			await new Promise((painted) => { const c = new MessageChannel(); c.port1.onmessage = painted; requestAnimationFrame(() => c.port2.postMessage(0)); });
			return performance.now() - start;
		})()`)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("1 MB is shown after %.0f ms", took)
		best = min(best, took)
	}
	if best > maxOpen {
		t.Errorf("a log of 1 MB is shown after %.0f ms, want at most %.0f", best, maxOpen)
	}
}

// logLarge: a log of 1 MB is searched without a pause that can be felt.
func logLarge(t *tab, ticket string) {
	logOpens(t, ticket)
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
	for end := time.Now().Add(patience); !t.Is("document.documentElement.dataset.wrap === 'off'"); t.Go(ticket) {
		if time.Now().After(end) {
			t.Fatal("the server has not kept the choice of wrapping")
		}
	}
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

// logWide: beside the ticket a log of long lines opens at its first error, and goes to the others and to what is searched:
// what is measured there is what is seen there.
func logWide(t *tab, ticket string) {
	t.Helper()
	seen := func(line int) string {
		return fmt.Sprintf(`(() => {
			const { left, top, height } = document.querySelector("#L%d").nextElementSibling.getBoundingClientRect();
			return document.elementFromPoint(left + 5, top + height / 2)?.closest(".log-error")?.textContent.startsWith("%[1]d ");
		})()`, line)
	}
	t.Go(ticket)
	t.WaitFor("document.documentElement.dataset.wrap && document.querySelector('tr[data-instance]')")
	t.Eval(`[...document.querySelectorAll("tr[data-instance] a[href$='#log']")].find((a) => a.closest("tr").innerText.includes("wide-01")).click()`)
	t.See("#log-panel #log-text")
	t.WaitFor(seen(1000))
	for _, line := range []int{1000, 2000, 3000} {
		t.Press("n")
		t.WaitFor(seen(line))
	}
	t.Type("#log-find", "2000 error")
	t.WaitFor(seen(2000))
}

// logCopy: the whole log is copied, as it is shown.
func logCopy(t *tab, ticket string) {
	t.openLog(ticket, "colour-01")
	t.Eval("navigator.clipboard.writeText = async (text) => { globalThis.copied = text; }")
	t.Click("[data-log=copy]")
	t.WaitFor("globalThis.copied?.includes('ERROR: disk full\\n\\ndone') && document.querySelector('[data-log=copy]').innerText.includes('Copied')")
}

// failedLog has errors at the lines 50, 150 and 250, of 300.
func failedLog(host string) string {
	var b strings.Builder
	for i := range 300 {
		if i%100 == 49 {
			fmt.Fprintf(&b, "ERROR: %s has no room\n", host)
		} else {
			fmt.Fprintf(&b, "%s does step %d\n", host, i+1)
		}
	}
	return b.String()
}

// failedStage has a ticket on which two hosts have failed with long logs.
func failedStage(t *testing.T) (s stage, ticket string) {
	t.Helper()
	var hosts []simulator.InstanceSpec
	for i, host := range []string{"left-01", "right-01"} {
		hosts = append(hosts, simulator.InstanceSpec{Host: host, IP: fmt.Sprintf("10.0.0.%d", i+1), Run: time.Second, ExitCode: 1, Log: failedLog(host)})
	}
	s = startStage(t, simulator.Config{Rules: quick.Rules, Tickets: []simulator.TicketSpec{{Scenario: "failed", Name: "read_logs",
		Creator: "operator", Age: time.Minute, Timeout: 1000 * time.Second, SuccessRate: 100, Batches: []simulator.BatchSpec{{Instances: hosts}}}}})
	return s, "/tickets/" + s.UUID("failed")
}

// TestBrowserLogLinks: a line has an address, errors have keys, and two logs are read side by side.
func TestBrowserLogLinks(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	s, ticket := failedStage(t)
	for name, l := range map[string]look{"scripts": {still: true}, "no scripts": {still: true, noScripts: true}} {
		t.Run(name, func(t *testing.T) {
			tb := b.open(t, s.base, l)
			tb.SignIn("operator")
			logLink(tb, ticket)
			logHosts(tb)
			if !l.noScripts {
				logKeys(tb, ticket)
				logErrors(tb, ticket)
			}
			logCompare(tb, ticket)
		})
	}
}

// inLog is whether an element of the log is within what is shown of it, and of the page.
func inLog(selector string) string {
	return fmt.Sprintf(`(() => { const box = document.querySelector(%q).getBoundingClientRect(), log = document.querySelector("#log-text").getBoundingClientRect();
		return box.height > 0 && box.top >= Math.max(log.top, 0) - 1 && box.bottom <= Math.min(log.bottom, innerHeight) + 1; })()`, selector)
}

// logLink: the address of a line leads to it, typed, followed, and with nonsense in it.
func logLink(t *tab, ticket string) {
	t.Helper()
	t.Go(ticket)
	t.Click("tr[data-instance] th a")
	t.See("#log-text #L300")
	page := t.Text("location.pathname + location.search")
	t.Go(ticket) // another page, so that the next one is loaded
	t.Go(page + "#L280")
	t.See("#L280:target")
	t.WaitFor(inLog("#L280"))
	if t.Is(inLog("#L50")) {
		t.Error("the log shows all lines, so that the test shows nothing")
	}
	if !t.Is("getComputedStyle(document.querySelector('#L280'), '::after').backgroundColor !== getComputedStyle(document.querySelector('#L281')).backgroundColor") {
		t.Error("the line of the address looks as others do")
	}
	t.Click("#L120")
	t.WaitFor("location.hash === '#L120' && document.querySelector('#L120:target')")
	t.WaitFor(inLog("#L120"))
	t.Go(ticket)
	t.Go(page + "#L(1")
	t.See("#log-text #L1")
}

// logHosts: the log of the host beside is a link away.
func logHosts(t *tab) {
	t.Helper()
	name := t.Text("document.querySelector('h1 bdi').innerText")
	t.Click("#log-hosts a.button")
	t.WaitFor(fmt.Sprintf("document.querySelector('h1 bdi')?.innerText !== %q && document.querySelector('#log-text')", name))
	t.Click("#log-hosts a.button")
	t.WaitFor(fmt.Sprintf("document.querySelector('h1 bdi')?.innerText === %q && document.querySelector('#log-text')", name))
}

// logKeys: J and K go from host to host. In the panel of a ticket, arrows go from host to host, where they have no log to scroll, and stay at the ends.
func logKeys(t *tab, ticket string) {
	t.Helper()
	name := t.Text("document.querySelector('h1 bdi').innerText")
	t.Press("J")
	t.WaitFor(fmt.Sprintf("document.querySelector('h1 bdi')?.innerText !== %q && document.querySelector('#log-text')", name))
	t.Press("J") // there is no other one
	t.Press("K")
	t.WaitFor(fmt.Sprintf("document.querySelector('h1 bdi')?.innerText === %q && document.querySelector('#log-text')", name))
	t.Go(ticket)
	t.Focus("tr[data-instance] th a")
	t.Press("l")
	t.See("#log-panel #log-text")
	shown := func(at int) {
		t.Helper()
		t.WaitFor(fmt.Sprintf("document.querySelector('#log-panel #log-hosts .number')?.innerText === 'Host %d of 2'", at))
	}
	for _, step := range []struct {
		key string
		at  int
	}{{kb.ArrowUp, 1}, {kb.ArrowDown, 2}, {kb.ArrowDown, 2}, {kb.ArrowUp, 1}, {"J", 2}, {"K", 1}} {
		t.Focus("#log-panel [data-log=wrap]")
		t.Press(step.key)
		shown(step.at)
	}
	next := "JSON.stringify(document.querySelector('#log-hosts .button:nth-of-type(2), #log-hosts .button + .button').getBoundingClientRect().left)"
	first := t.Text(next)
	t.Press("J")
	shown(2)
	if at := t.Text(next); at != first {
		t.Errorf("the way to the next host moves from %s to %s", first, at)
	}
}

// logErrors: n and N go from error to error and round, and say which it is.
func logErrors(t *tab, ticket string) {
	t.Helper()
	t.openLog(ticket, "left-01")
	for _, step := range []struct {
		key string
		at  int
	}{{"n", 1}, {"n", 2}, {"n", 3}, {"n", 1}, {"N", 3}, {"N", 2}} {
		t.Press(step.key)
		t.WaitFor(fmt.Sprintf("document.querySelector('#log-at').innerText.includes('%d of 3')", step.at))
		t.WaitFor(inLog(fmt.Sprintf("#L%d", step.at*100-50)))
	}
	t.Type("#log-find", "step")
	t.Eval("document.querySelector('#log-find').focus()")
	t.Press("n")
	if !t.Is("document.querySelector('#log-at').innerText.includes('2 of 3')") {
		t.Error("a letter of a search moves to another error")
	}
}

// logCompare: two logs stand side by side and scroll as one, also by keys.
func logCompare(t *tab, ticket string) {
	t.Helper()
	t.openCompare(ticket)
	t.WaitFor("document.querySelectorAll('#compare-logs h2').length === 2") // the page may still be coming
	hosts := t.Text("[...document.querySelectorAll('#compare-logs h2')].map((e) => e.innerText.trim()).sort().join()")
	if hosts != "left-01,right-01" {
		t.Errorf("compared are %s", hosts)
	}
	const tops = "[...document.querySelectorAll('.compared')].map((e) => Math.round(e.getBoundingClientRect().top)).join()"
	const line = "[...document.querySelectorAll('.compared')].map((e) => Math.round(e.querySelector('[data-n=\"290\"]').getBoundingClientRect().top))"
	t.Eval("globalThis.tops = " + tops)
	t.Eval("document.querySelector('#compare-logs').focus({ preventScroll: true })")
	t.PressUntil(kb.End, "globalThis.tops !== "+tops)
	t.WaitFor("(([a, b]) => a === b && a > 0 && a < innerHeight)(" + line + ")")
	left := t.Text("document.querySelector('#left').value")
	t.Choose("#left", t.Text("document.querySelector('#right').value"))
	t.Choose("#right", left)
	t.Click("#compare form.actions button")
	t.WaitFor("location.search.includes('left=') && document.querySelector('#right')?.value === '" + left + "'")
	t.Click("#compare-logs h2 a")
	t.See("#log-text")
}

// openCompare goes from the log of a host that failed to the page that compares.
func (t *tab) openCompare(ticket string) {
	t.Helper()
	t.Go(ticket)
	t.Click("tr[data-instance][data-status=ABNORMAL] th a")
	t.Click("#log-hosts a[href*='/compare']")
	t.See("#compare-logs .compared")
	t.WaitFor("document.readyState === 'complete'") // without its end the page does not scroll there
}
