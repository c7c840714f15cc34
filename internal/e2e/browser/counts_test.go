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
	plain.Go("/shortcuts")
	plain.WaitFor("document.querySelector('#count-approvals').textContent.includes('1')")
	approves.Go("/tickets?status=FINISHED&name=nothing")
	approves.WaitFor("document.querySelector('#tab-attention').textContent.includes('1') && document.querySelector('#count-attention').textContent.includes('1')")
}
