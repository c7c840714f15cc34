package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"coc-console/internal/simulator"
)

func TestBrowserKeyboard(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	for name, check := range map[string]func(stage, *tab){
		"through a ticket": keysThroughTicket, "palette": keysPalette, "help": keysHelp, "switched off": keysOff, "dangerous": keysDanger,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startStage(t, simulator.Config{Rules: quick.Rules, Seed: 7})
			tb := b.open(t, s.base, look{still: true})
			tb.SignIn("operator")
			check(s, tb)
		})
	}
}

// focused waits for the focus on an element.
func (t *tab) focused(selector string) {
	t.Helper()
	t.WaitFor("document.activeElement?.matches(" + quoted(selector) + ")")
}

func quoted(text string) string { return "`" + text + "`" }

// leads presses keys and waits for the page that they lead to, be it the same one again.
func (t *tab) leads(keys string) {
	t.Helper()
	t.Eval("document.querySelector('main').left = true")
	t.Press(keys)
	t.WaitFor("!document.querySelector('main').left && !navigation.transition")
}

// keysThroughTicket: from the list through a ticket to a log, and back, with keys alone.
func keysThroughTicket(s stage, t *tab) {
	t.leads("gt")
	t.WaitFor("location.pathname === '/tickets'")
	abnormal := "tr[data-ticket=" + s.UUID("abnormal") + "] th a"
	for range 50 {
		if t.Is("document.activeElement?.matches('" + abnormal + "')") {
			break
		}
		t.Press("j")
	}
	t.focused(abnormal)
	t.Press(kb.ArrowDown) // it is the first of those that need attention
	t.WaitFor("document.activeElement?.matches('tr[data-ticket] th a:not(" + abnormal + ")')")
	t.Press("k")
	t.focused(abnormal)
	t.leads(kb.Enter)
	t.See("#ticket #instances")
	t.leads("f")
	t.See("tr[data-instance][data-status=ABNORMAL]")
	for range 50 {
		if t.Is("document.activeElement?.matches('tr[data-status=ABNORMAL] th a')") {
			break
		}
		t.Press("j")
	}
	t.WaitFor("document.documentElement.dataset.wrap")
	t.Press("l")
	t.See("#log-panel")
	t.focused("#log-text, #log-panel")
	t.Press(kb.Escape)
	t.WaitFor("!document.querySelector('#log-panel')")
	t.focused("tr[data-status=ABNORMAL] a[href$='#log']")
	t.Press("/")
	t.focused("#find")
	t.Press("gt")
	if got := t.Text("document.querySelector('#find').value"); !strings.HasSuffix(got, "gt") {
		t.Errorf("typed into the search field: %q", got)
	}
	t.Press(kb.Escape)
	t.leads("ga")
	t.WaitFor("location.pathname === '/audit'")
	t.leads("gj")
	t.WaitFor("location.pathname === '/bulk'")
}

// keysPalette: Ctrl+K finds pages, operations and tickets; Escape gives the focus back.
func keysPalette(s stage, t *tab) {
	t.Go("/tickets/" + s.UUID("running"))
	t.focusFirstLink()
	t.pressControlK()
	t.focused("dialog.palette input")
	t.WaitFor("document.querySelector('#palette-list [aria-selected=true]')?.id === document.activeElement.getAttribute('aria-activedescendant')")
	t.Press(kb.Escape)
	t.WaitFor("!document.querySelector('dialog')")
	t.focused("main a[data-first]")

	t.pressControlK()
	t.Press("pause")
	t.WaitFor("document.querySelector('#palette-list [aria-selected=true]')?.innerText.includes('Pause')")
	t.Press(kb.Enter)
	t.WaitFor("location.pathname.endsWith('/operations/new') && location.search.includes('PAUSE_ORDER')")
	t.See("#confirm")

	t.pressControlK()
	t.Press("renew_cert")
	t.WaitFor("[...document.querySelectorAll('#palette-list li')].some((e) => e.innerText.includes('renew_certificates'))")
	for range 10 {
		if t.Is("document.querySelector('#palette-list [aria-selected=true]').innerText.includes('renew_certificates')") {
			break
		}
		t.Press(kb.ArrowDown)
	}
	t.Press(kb.Enter)
	t.onHeading("renew_certificates")

	t.pressControlK()
	t.Press(s.UUID("large"))
	t.WaitFor("document.querySelector('#palette-list li')?.innerText.includes('" + s.UUID("large") + "')")
	t.Press(kb.Enter)
	t.WaitFor("location.pathname === '/tickets/" + s.UUID("large") + "'")
}

func (t *tab) focusFirstLink() {
	t.Helper()
	t.See("main a[href]")
	t.WaitFor("document.readyState === 'complete'")
	t.Eval("(() => { const a = document.querySelector('main a[href]'); a.dataset.first = ''; a.focus(); })()")
}

// pressControlK opens the palette, once its script is there.
func (t *tab) pressControlK() {
	t.Helper()
	t.WaitFor(`(() => { document.querySelector("dialog") || document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "k", ctrlKey: true, bubbles: true }));
		return document.querySelector("dialog.palette[open]"); })()`)
}

// keysHelp: the question mark shows all keys in a dialog; without scripts its button leads to a page.
func keysHelp(_ stage, t *tab) {
	t.focusFirstLink()
	t.pressControlK() // its script is there
	t.Press(kb.Escape)
	t.WaitFor("!document.querySelector('dialog')")
	t.Press("?")
	t.See("dialog[open] #keys kbd")
	if got := t.Text("location.pathname"); got != "/tickets" {
		t.Errorf("the address is %s", got)
	}
	t.Press("j")
	if t.Is("document.activeElement?.matches('tr.row a')") {
		t.Error("keys act behind the dialog")
	}
	t.Press(kb.Escape)
	t.WaitFor("!document.querySelector('dialog')")
	t.focused("main a[data-first]")
}

// keysOff: who switches single keys off types in peace; Ctrl+K goes on.
func keysOff(_ stage, t *tab) {
	t.Go("/shortcuts")
	t.Click("#keys [value=off]")
	t.See("#keys [value=on]")
	t.Press("gt")
	t.Press("?")
	t.pressControlK()
	t.Press(kb.Escape)
	t.WaitFor("!document.querySelector('dialog')")
	if got := t.Text("location.pathname"); got != "/shortcuts" || t.Is("document.querySelector('[aria-keyshortcuts]:not([aria-keyshortcuts*=Control])')") {
		t.Errorf("keys still act: %s", got)
	}
	t.Click("#keys [value=on]")
	t.See("#keys [value=off]")
	t.Press("gt")
	t.WaitFor("location.pathname === '/tickets'")
}

// keysDanger: whatever single key is pressed on a ticket, nothing is sent.
func keysDanger(s stage, t *tab) {
	address := "/tickets/" + s.UUID("abnormal")
	for key := 'a'; key <= 'z'; key++ {
		t.Go(address)
		t.Press("j" + string(key))
	}
	if n := s.Calls(simulator.CallOperate); n > 0 {
		t.Errorf("%d operations were sent", n)
	}
}
