package browser

import (
	"testing"
	"time"
)

// TestBrowserApprovalsLive: what is asked for, and decided, stands on the other's page within two seconds, which is neither
// loaded again nor loses what is being typed; a page that is over asks for nothing any more.
func TestBrowserApprovalsLive(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	s := startStage(t, quick)
	asks, decides := b.open(t, s.base, look{still: true}), b.open(t, s.base, look{still: true})
	asks.SignIn("operator")
	decides.SignIn("manager")
	decides.Go("/approvals")
	decides.WaitFor("document.querySelector('main').dataset.live === '/approvals/events'")
	decides.Mark()
	asks.Go("/tickets/" + s.UUID("abnormal") + "/operations/new?operation_type=CANCEL_ORDER")
	asks.Type("[name=reason]", "The new release answers no requests.")
	asks.Click("#ask")
	begun := time.Now()
	asks.See("#approval[data-status=waiting]")
	decides.See("#approvals li[data-status=waiting]")
	if took := time.Since(begun); took > soon {
		t.Errorf("the list took %s", took)
	}
	decides.Same("a request has come")
	decides.Click("#approvals li a")
	decides.See("#decide")
	asks.Mark()
	decides.Type("[name=comment]", "Seen on the dashboard, too.")
	s.offset(3 * time.Second) // the ticket is read again
	if typed := decides.Text("document.querySelector('[name=comment]').value"); typed != "Seen on the dashboard, too." {
		t.Errorf("the comment is %q", typed)
	}
	decides.Click("#refuse")
	begun = time.Now()
	decides.See("#approval[data-status=refused]")
	asks.See("#approval[data-status=refused] #decided-by")
	if took := time.Since(begun); took > soon {
		t.Errorf("the decision took %s", took)
	}
	asks.Same("it is decided")
	asks.WaitFor("!document.querySelector('main').dataset.live && !document.querySelector('main').dataset.refresh")
}

// TestBrowserBulkLive: a bulk operation goes on under the eyes of whoever looks, and the list of them, too.
func TestBrowserBulkLive(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	g := &gallery{stage: startStage(t, quick)}
	tb, other := b.open(t, g.base, look{still: true}), b.open(t, g.base, look{still: true})
	other.SignIn("manager")
	other.Go("/bulk")
	other.WaitFor("document.querySelector('main').dataset.live === '/bulk/events'")
	other.Mark()
	tb.SignIn("operator")
	job := g.cancelChosen(tb, "abnormal")
	other.See("#jobs tr[data-job]")
	other.Same("one has begun")
	other.Go(job)
	other.Mark()
	other.See("#job[data-status=ended]")
	other.See("#items tr[data-status='operation.observed'] a[href^='/operations/']")
	other.Same("it has ended")
	other.WaitFor("!document.querySelector('main').dataset.live")
}
