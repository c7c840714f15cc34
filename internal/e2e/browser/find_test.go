package browser

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"coc-console/internal/simulator"
)

// TestBrowserFindsServers: the header's search leads from a server's name or address to its row, and says what it looked
// through; the list's own field takes servers, too.
func TestBrowserFindsServers(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	s := startStage(t, simulator.Config{Rules: quick.Rules, Tickets: queue()})
	for name, l := range map[string]look{"scripts": {}, "no scripts": {noScripts: true}, "Chinese": {language: "zh-CN"}} {
		t.Run(name, func(t *testing.T) {
			tb := b.open(t, s.base, l)
			tb.SignIn("operator")
			tb.Type("#find", "web-3-1")
			tb.send("#find")
			tb.See("#ticket")
			tb.WaitFor("document.querySelector('tr[data-instance]') && location.hash === '#' + document.querySelector('tr[data-instance]').id")
			if got := tb.Text("location.pathname"); !strings.HasSuffix(got, s.UUID("waits")) {
				t.Errorf("web-3-1 leads to %s", got)
			}
			tb.Type("#find", "10.0.0.7") // which all have
			tb.send("#find")
			tb.See("#found")
			tb.WaitFor("document.querySelector('#found').textContent.includes('34') && document.querySelectorAll('#ticket-rows tr').length === 34")
			if !l.noScripts {
				tb.suggested()
			}
			tb.Go("/tickets?status=any")
			tb.Type("#field-q", "host:web-0-1 after:24h")
			tb.send("#field-q")
			tb.WaitFor("location.search.includes('host=web-0-1') && document.querySelectorAll('#ticket-rows tr').length === 1")
			tb.See("#ticket-" + s.UUID("fails") + " small a[href*='#instance-']")
			tb.Click("#ticket-" + s.UUID("fails") + " th a")
			tb.WaitFor("document.querySelector('#place')?.textContent.includes('1') && document.querySelector('#place a[href*=\"host=web-0-1\"]')")
		})
	}
}

// suggested: the query field completes its fields in the reader's language, and the values that are known, by keys.
func (t *tab) suggested() {
	option := func(text string) {
		t.WaitFor(fmt.Sprintf("[...document.querySelectorAll('#suggestions [role=option]')].some((o) => o.textContent === %q)", text))
	}
	t.Go("/tickets?status=any")
	t.Focus("#field-q")
	t.Press("ho")
	option("host:")
	t.Press("st:web-0-")
	option("host:web-0-0")
	t.Press(kb.ArrowDown)
	t.WaitFor("document.querySelector('#field-q').getAttribute('aria-activedescendant') === 'suggestion-0'")
	t.enter()
	t.WaitFor("document.querySelector('#field-q').value === 'host:web-0-0 ' && document.querySelector('#suggestions').hidden")
	t.Press("creator:op")
	option("creator:operator")
	t.Press(kb.ArrowDown)
	t.enter()
	t.WaitFor("document.querySelector('#suggestions').hidden")
	t.Press(kb.Enter)
	t.WaitFor("location.search.includes('host=web-0-0') && location.search.includes('creator=operator') && document.querySelectorAll('.query-chip').length === 2")
}
