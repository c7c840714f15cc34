package browser

import (
	"fmt"
	"testing"

	"coc-console/internal/simulator"
)

// TestBrowserPresence: two people on one ticket see each other come and go, what the other is about to confirm, and what
// the other points at, without touching anything.
func TestBrowserPresence(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	s := startStage(t, quick)
	one, other := b.open(t, s.base, look{still: true}), b.open(t, s.base, look{still: true, language: "zh-CN"})
	one.SignIn("operator")
	other.SignIn("manager")
	ticket := "/tickets/" + s.UUID("running")
	one.Go(ticket)
	one.Mark()
	one.alone("at first")
	other.Go(ticket)
	other.Mark()
	one.names("#presence-here", "manager")
	other.names("#presence-here", "operator")
	other.Go("/tickets")
	one.WaitFor("!document.querySelector('#presence-here')")
	one.alone("after the other has left")
	confirmations(one, other, ticket)
	pointing(one, other, ticket)
	one.Same("all that the other did")
	if n := s.Calls(simulator.CallOperate); n > 0 {
		t.Errorf("%d operations were sent", n)
	}
}

// confirmations: who stands at one is named with the operation, and warned of another one of the same ticket.
func confirmations(looks, acts *tab, ticket string) {
	const confirm = "/operations/new?operation_type="
	acts.Go(ticket + confirm + "PAUSE_ORDER")
	acts.See("#confirm")
	acts.Mark()
	acts.said()
	acts.Type("[name=reason]", "typed before")
	looks.names("#presence-said [data-operation-type=PAUSE_ORDER]", "manager")
	looks.names("#presence-said [data-operation-type=PAUSE_ORDER]", "Pause")
	if looks.Is("document.querySelector('.presence-same')") {
		looks.Error("who only looks is warned")
	}
	if acts.Is("document.querySelector('.presence-same')") {
		acts.Error("one confirmation alone warns")
	}
	second := looks.Second()
	second.Go(ticket + confirm + "CANCEL_ORDER")
	second.names(".presence-same[data-operation-type=PAUSE_ORDER]", "manager")
	second.names(".presence-same", "Talk to each other")
	acts.names(".presence-same[data-operation-type=CANCEL_ORDER]", "operator")
	acts.WaitFor("said.some((text) => text.includes('operator'))")
	acts.WaitFor(below("#presence", "#confirm"))
	second.Go("/tickets")
	acts.WaitFor("!document.querySelector('.presence-same')")
	if reason := acts.Text("document.querySelector('[name=reason]').value"); reason != "typed before" {
		acts.Errorf("the reason is %q", reason)
	}
	acts.Same("the other's confirmation")
	acts.Go(ticket)
	looks.WaitFor("!document.querySelector('.presence-acts')")
}

// below tells whether an element is wholly below another one: what comes and goes there moves nothing above.
func below(one, other string) string {
	return fmt.Sprintf("%s.getBoundingClientRect().top >= %s.getBoundingClientRect().bottom", find(one), find(other))
}

// pointing: a host and a line that one marks are links on the other's page; only who has marked them takes them back.
func pointing(looks, points *tab, ticket string) {
	points.Go(ticket)
	points.Click("tr[data-instance][data-status=FINISHED] th a")
	points.See("#log-mark")
	points.Click("#log-mark .button")
	host := points.Text("document.querySelector('h1 bdi').innerText")
	looks.names(".presence-mark[data-line='0']", "manager")
	looks.names(".presence-mark[data-line='0'] a", host)
	if looks.Is("document.querySelector('.presence-mark form')") {
		looks.Error("another's mark can be taken back")
	}
	points.Click("#L2")
	points.WaitFor("document.querySelector('#log-line').value === '2'")
	points.Mark()
	points.Click("#log-mark .button")
	points.WaitFor("document.querySelector('#L2[data-look]') && location.hash === '#L2'")
	points.Same("a mark")
	looks.names(".presence-mark[data-line='2'] a", host+", line 2")
	second := looks.Second()
	second.Go(ticket)
	second.Click(".presence-mark[data-line='2'] a")
	second.WaitFor("location.hash === '#L2' && document.querySelector('#L2:target')")
	second.WaitFor("document.querySelector('#L2').dataset.look === 'manager'")
	points.Click("#L1")
	points.WaitFor("document.querySelector('#log-line').value === '1'")
	points.Click("#log-mark .button")
	second.WaitFor("document.querySelector('#L1').dataset.look === 'manager'") // live, in the open log
	points.Go(ticket)
	for _, line := range []string{"1", "2", "0"} {
		points.Click(fmt.Sprintf(".presence-mark[data-line='%s'] form button", line))
		looks.WaitFor(fmt.Sprintf("!document.querySelector(\".presence-mark[data-line='%s']\")", line))
	}
}

// names waits until an element shows a text.
func (t *tab) names(selector, text string) {
	t.Helper()
	t.WaitFor(fmt.Sprintf("%s?.innerText.includes(%q)", find(selector), text))
}

// alone fails when the page names anybody.
func (t *tab) alone(when string) {
	t.Helper()
	if !t.Is("document.querySelector('#presence') && !document.querySelector('#presence').innerText.trim()") {
		t.Errorf("%s the page says: %s", when, t.Text("document.querySelector('#presence').innerText"))
	}
}
