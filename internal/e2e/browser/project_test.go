package browser

import (
	"testing"

	"coc-console/internal/simulator"
)

// TestBrowserSwitchProject: the menu leads to another project without a new sign-in, and a page that is open of the former
// one says so.
func TestBrowserSwitchProject(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	s := startStage(t, quick)
	tb := b.open(t, s.base, look{still: true})
	tb.SignIn("operator")
	former := tb.Second()
	former.Go("/tickets/" + s.UUID("abnormal") + "/operations/new?operation_type=CANCEL_ORDER")
	tb.Click("details.project summary")
	tb.Click("details.project a[href='/project']")
	tb.See("#projects [aria-current]")
	tb.Click("#projects button:not([aria-current])")
	tb.WaitFor("location.pathname === '/tickets' && document.querySelector('details.project summary').textContent.includes('ap-southeast-3')")
	former.Eval("dispatchEvent(new Event('focus'))")
	former.WaitFor("document.querySelector('#person-changed')?.textContent.includes('ap-southeast-3')")
	former.Eval("document.querySelector('#confirm').form.requestSubmit()")
	former.WaitFor("document.querySelector('#person-changed strong')")
	if n := s.Calls(simulator.CallOperate); n != 0 {
		t.Errorf("%d operations were sent", n)
	}
	tb.Click("details.project summary") // the menu knows them now
	tb.Click("details.project form:has(button:not([aria-current])) button")
	tb.WaitFor("document.querySelector('details.project summary').textContent.includes('cn-north-4')")
	former.Eval("dispatchEvent(new Event('focus'))")
	former.WaitFor("!document.querySelector('#person-changed')")
	tb.Resize(390, 844)
	if cut := tb.Text("(() => { const n = document.querySelector('.sections'); return n.scrollWidth > n.clientWidth + 1 ? n.textContent : ''; })()"); cut != "" {
		t.Errorf("on a phone the navigation is cut: %s", cut)
	}
	tb.Click(".me > summary")
	tb.Click(".me a[href='/project']")
	tb.See("#projects [aria-current]")
}
