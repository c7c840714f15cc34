package browser

import (
	"testing"
	"time"
)

// TestBrowserCountsLive: what is asked for in one browser is in the badge of another within two seconds, on a page that
// has nothing to do with it. A second tab has it from the first, and without scripts the count is that of the page.
func TestBrowserCountsLive(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	s := startStage(t, quick)
	asks, approves, plain := b.open(t, s.base, look{still: true}), b.open(t, s.base, look{still: true}), b.open(t, s.base, look{noScripts: true})
	asks.SignIn("operator")
	approves.SignIn("manager")
	plain.SignIn("manager")
	approves.Go("/shortcuts")
	approves.WaitFor("document.querySelector('#count-attention').textContent.includes('1')") // the stream is there
	second := approves.Second()
	second.Go("/me/permissions")
	plain.Go("/shortcuts")
	if badge := plain.Text("document.querySelector('#count-approvals').textContent"); badge != "" {
		t.Errorf("the badge says %q before anybody asked", badge)
	}
	asks.Go("/tickets/" + s.UUID("abnormal") + "/operations/new?operation_type=CANCEL_ORDER")
	asks.Type("[name=reason]", "The new release answers no requests.")
	asks.Click("#ask")
	begun := time.Now()
	asks.See("#approval[data-status=waiting]")
	for _, tb := range []*tab{approves, second} {
		tb.WaitFor("document.querySelector('#count-approvals').textContent.includes('1')")
	}
	if took := time.Since(begun); took > soon {
		t.Errorf("the badge took %s", took)
	}
	list := asks.Second()
	list.Go("/tickets?status=any")
	list.See(".ticket-name > .badge")
	if over := list.Text(badgesOver); over != "" {
		t.Errorf("a badge lies over the line below the ticket's name: %s", over)
	}
	plain.Go("/shortcuts")
	plain.WaitFor("document.querySelector('#count-approvals').textContent.includes('1')")
	approves.Go("/tickets?status=FINISHED&name=nothing")
	approves.WaitFor("document.querySelector('#tab-attention').textContent.includes('1') && document.querySelector('#count-attention').textContent.includes('1')")
}

// TestBrowserTells: who wants it is told by the browser when something comes to wait for them, in a tab that nobody looks
// at; before they want it, and after they don't any more, they aren't.
func TestBrowserTells(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	s := startStage(t, quick)
	asks, approves := b.open(t, s.base, look{still: true}), b.open(t, s.base, look{still: true})
	asks.SignIn("operator")
	approves.SignIn("manager")
	approves.Go("/shortcuts")
	// The browser's, which shows nothing here, in so many words; and a tab that is not looked at.
	approves.Eval(`(() => {
		window.told = [];
		const all = class { constructor(title, o) { window.told.push(title + "|" + o.tag + "|" + o.body); } };
		all.permission = "default";
		all.requestPermission = async () => (all.permission = "granted");
		Object.defineProperty(globalThis, "Notification", { value: all, configurable: true });
		window.hide = (is) => {
			Object.defineProperty(document, "hidden", { value: is, configurable: true });
			document.dispatchEvent(new Event("visibilitychange"));
		};
		document.dispatchEvent(new Event("coc-page"));
	})()`)
	ask := func(ticket, count string) {
		asks.Go("/tickets/" + s.UUID(ticket) + "/operations/new?operation_type=CANCEL_ORDER")
		asks.Type("[name=reason]", "The new release answers no requests.")
		asks.Click("#ask")
		asks.See("#approval[data-status=waiting]")
		approves.WaitFor("document.querySelector('#count-approvals').textContent.includes('" + count + "')")
	}
	ask("abnormal", "1")
	if n := approves.Text("String(window.told.length)"); n != "0" {
		t.Errorf("told %s times without wanting it", n)
	}
	approves.Click(".me > summary")
	if label := approves.Text("document.querySelector('#tell').textContent"); label != "Notify me in this browser" {
		t.Errorf("the button says %q", label)
	}
	approves.Click("#tell")
	approves.WaitFor("document.querySelector('#tell').textContent === 'Stop notifying me in this browser'")
	approves.Eval("window.hide(true)")
	ask("running", "2")
	approves.WaitFor("window.told.length === 1 && window.told[0].startsWith('COC console|count-approvals|')")
	approves.Eval("window.hide(false)")
	approves.Click("#tell")
	approves.WaitFor("document.querySelector('#tell').textContent === 'Notify me in this browser'")
}
