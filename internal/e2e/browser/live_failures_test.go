package browser

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"coc-console/internal/e2e"
	"coc-console/internal/simulator"
)

// TestBrowserLiveFailures: whatever fails between COC and the reader, the page says since when and why, keeps what it has, and
// recovers by itself.
func TestBrowserLiveFailures(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	for name, check := range map[string]func(stage, *tab){
		"away for 30 s":       awayForHalfAMinute,
		"throttled":           throttled,
		"upstream fails":      upstreamFails,
		"says only what is":   quiet,
		"session with filter": sessionWithFilter,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startStage(t, simulator.Config{Rules: quick.Rules, Tickets: crowded()}, hurried...)
			tb := b.open(t, s.base, look{still: true})
			tb.SignIn("operator")
			check(s, tb)
		})
	}
	t.Run("restart", func(t *testing.T) {
		t.Parallel()
		restarted(t, b)
	})
}

// said starts to write down what screen readers are told.
func (t *tab) said() {
	t.Helper()
	t.Eval(`globalThis.said = []; new MutationObserver(() => {
		const text = document.querySelector("#status").textContent;
		if (text) said.push(text);
	}).observe(document.querySelector("#status"), { childList: true, characterData: true, subtree: true })`)
}

// clock sets the page's clock forward.
func (t *tab) clock(by time.Duration) {
	t.Helper()
	t.Eval(fmt.Sprintf("(() => { const now = Date.now; Date.now = () => now() + %d; })()", by.Milliseconds()))
}

// seconds is an expression: the time of day in a text, in seconds.
const seconds = `((text) => { const [h, m, s] = text.match(/\d\d:\d\d:\d\d/)[0].split(":").map(Number); return h * 3600 + m * 60 + s; })`

// awayForHalfAMinute cuts the network; the page's clock tells it that 30 seconds have passed.
func awayForHalfAMinute(s stage, t *tab) {
	proxy := newCut(t.T, s.base)
	t.base = "http://" + proxy.Addr().String()
	t.Watch(s)
	t.said()
	t.Eval("globalThis.before = new Date().toTimeString()")
	proxy.set(true)
	t.clock(30 * time.Second)
	t.See("#stale")
	if off := t.Text(fmt.Sprintf("String(Math.abs(%[1]s(document.querySelector('#stale').textContent) - %[1]s(before)))", seconds)); len(off) > 1 || off > "3" {
		t.Errorf("the page is %s seconds off about since when: %s", off, t.Text("document.querySelector('#stale').textContent"))
	}
	t.WaitFor("said.some((text) => text.includes('No connection'))")
	t.WaitFor("/^\\((3\\d|[4-9]\\d) s ago\\)$/.test(document.querySelector('#read-at [data-age]').textContent)")
	if n := t.Text("String(document.querySelectorAll('#instance-rows tr').length)"); n != "200" {
		t.Errorf("%s of 200 rows are left without a connection", n)
	}
	s.offset(5 * time.Minute)
	proxy.set(false)
	t.WaitFor("!document.querySelector('#stale')")
	t.See("#instance-1003[data-status=ABNORMAL]")
	t.WaitFor("said.some((text) => text.includes('Up to date again') || text.includes('Failed 1'))")
	t.See("#timeline li[data-status=ABNORMAL]")
	t.Same("30 seconds without a network")
}

// throttled: COC asks for a pause, and the page says so at once.
func throttled(s stage, t *tab) {
	t.troubled(s, "COC is throttling", http.StatusTooManyRequests, "2")
}

// upstreamFails: COC answers with errors of its own.
func upstreamFails(s stage, t *tab) {
	t.troubled(s, "COC failed", http.StatusInternalServerError, "")
}

// refuse lets every call to COC fail.
func (s stage) refuse(status int, after string) (remove func()) {
	return s.Inject(simulator.Fault{Kind: simulator.AnyCOCCall, Effect: simulator.Refuse, Status: status, Code: "COC.00000500", Message: "Try later.", RetryAfter: after})
}

// troubled follows a page through a time in which COC gives no figures.
func (t *tab) troubled(s stage, why string, status int, after string) {
	t.Helper()
	t.Watch(s)
	t.said()
	remove := s.refuse(status, after)
	defer remove()
	s.offset(5 * time.Minute)
	t.See("#trouble .notice")
	words := t.Text("document.querySelector('#trouble').innerText")
	for _, part := range []string{"No data from COC since", why, "Try later."} {
		if !strings.Contains(words, part) {
			t.Errorf("the page does not say %q: %s", part, words)
		}
	}
	t.WaitFor(fmt.Sprintf("said.some((text) => text.includes('No data from COC since') && text.includes(%q))", why))
	t.See("#instance-1003[data-status=PROCESSING]") // what was known
	t.WaitFor("/^\\([1-9]\\d* s ago\\)$/.test(document.querySelector('#read-at [data-age]').textContent)")
	remove()
	t.WaitFor("!document.querySelector('#trouble .notice')")
	t.See("#instance-1003[data-status=ABNORMAL]")
	t.WaitFor("said.some((text) => text.includes('Up to date again'))")
	if n := t.Text("String(said.filter((text) => text.includes('No data from COC since')).length)"); n != "1" {
		t.Errorf("the trouble was said %s times", n)
	}
	t.Same("trouble with COC")
}

// quiet: screen readers hear of changes of state and of new failures, and nothing of readings that bring neither.
func quiet(s stage, t *tab) {
	t.Watch(s)
	t.polled() // what the page's title was said with is over
	t.said()
	for range 4 {
		t.polled()
	}
	s.offset(90 * time.Second) // the first instance of a batch ends well
	t.See("#instance-1000[data-status=FINISHED]")
	t.polled()
	if got := t.Text("said.join('; ')"); got != "" {
		t.Errorf("readings without news are told: %s", got)
	}
	s.offset(4 * time.Minute) // one fails
	t.WaitFor("said.some((text) => text.includes('Failed 1'))")
	t.polled()
	if n := t.Text("String(said.length)"); n != "1" {
		t.Errorf("one failure was told in %s: %s", n, t.Text("said.join('; ')"))
	}
}

// sessionWithFilter: the token ends while somebody watches what a filter leaves; the way back leads there.
func sessionWithFilter(s stage, t *tab) {
	address := "/tickets/" + s.UUID("crowded") + "?batch=1&q=web-01&sort=host"
	t.Go(address)
	t.Mark()
	t.said()
	s.offset(time.Second) // tokens are as exact as seconds
	s.Revoke("operator")
	s.offset(time.Second)
	t.See("#stale a")
	t.WaitFor("said.some((text) => text.includes('session has ended'))")
	if n := t.Text("String(document.querySelectorAll('#instance-rows tr').length)"); n != "10" {
		t.Errorf("%s of 10 rows are left", n)
	}
	t.Same("the end of the session")
	t.Click("#stale a")
	t.See("#sign-in [name=password]")
	for field, text := range map[string]string{"account": "demo", "user": "operator", "password": "operator"} {
		t.Type("[name="+field+"]", text)
	}
	t.Click("#sign-in button")
	t.WaitFor(fmt.Sprintf("location.pathname + location.search === %q && document.querySelector('#field-q').value === 'web-01' && document.querySelector('#field-sort').value === 'host'", address))
	s.offset(5 * time.Minute)
	t.See("#instance-1003[data-status=ABNORMAL]") // and goes on
}

// restarted stops the console and starts it again, at the same address and on the same data: the page goes on.
func restarted(t *testing.T, b *chrome) {
	s, args := startUpstream(t, simulator.Config{Rules: quick.Rules, Tickets: crowded()})
	args = append(args, append([]string{"--data", t.TempDir()}, hurried...)...)
	first := e2e.Launch(t, e2e.NoEnvironment, args...)
	s.base = first.URL
	tb := b.open(t, s.base, look{still: true})
	tb.SignIn("operator")
	tb.Watch(s)
	tb.said()
	tb.Eval(fmt.Sprintf("document.querySelector('#field-q').value = 'half a na'; document.querySelector('#field-q').focus(); document.querySelector(%q).click()", "#instance-1199 [name=target]"))
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	tb.clock(10 * time.Second)
	tb.See("#stale")
	s.offset(5 * time.Minute)
	second := e2e.Launch(t, e2e.NoEnvironment, append(args, "--listen", strings.TrimPrefix(s.base, "http://"))...)
	if second.URL != s.base {
		t.Fatalf("the console is at %s, want %s", second.URL, s.base)
	}
	tb.WaitFor("!document.querySelector('#stale')")
	tb.See("#instance-1003[data-status=ABNORMAL]")
	if !tb.Is("document.querySelector('#field-q').value === 'half a na' && document.activeElement.id === 'field-q' && document.querySelector('#instance-1199 [name=target]').checked") {
		t.Error("what the reader has done did not survive a restart")
	}
	s.offset(6 * time.Minute)
	tb.See("#batch-2[data-status=RUNNING]")
	tb.Same("a restart")
	tb.Click("nav.sections a[href='/bulk']") // the session is the same
	tb.WaitFor("location.pathname === '/bulk'")
	tb.Same("a link after a restart")
}
