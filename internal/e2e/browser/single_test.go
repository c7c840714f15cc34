package browser

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"coc-console/internal/operate"
	"coc-console/internal/simulator"
)

// TestBrowserSinglePage checks what scripts add to the pages: they make one application of them.
func TestBrowserSinglePage(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	for name, check := range map[string]func(stage, *tab){
		"links and history":     links,
		"forms":                 forms,
		"double click":          doubleClick,
		"live":                  live,
		"typed text":            typed,
		"stale":                 stale,
		"language and theme":    preferences,
		"session in the middle": expired,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startStage(t, quick)
			tb := b.open(t, s.base, look{})
			tb.SignIn("operator")
			tb.Mark()
			check(s, tb)
		})
	}
}

// Mark leaves a mark on the document, which a reload would wipe out.
func (t *tab) Mark() {
	t.Helper()
	t.Eval("globalThis.mark = true")
}

// Same fails when the document is no longer the marked one.
func (t *tab) Same(after string) {
	t.Helper()
	if !t.Is("globalThis.mark") {
		t.Errorf("%s: the page was loaded again", after)
	}
}

// onHeading waits for the focus on the heading, and for the title that goes with it.
func (t *tab) onHeading(words string) {
	t.Helper()
	t.WaitFor(fmt.Sprintf(`document.activeElement?.tagName === "H1" && document.activeElement.innerText.includes(%[1]q) && document.title.includes(%[1]q)`, words))
}

func links(s stage, t *tab) {
	t.Click(fmt.Sprintf("tr[data-ticket=%s] th a", s.UUID("paused")))
	t.onHeading("renew_certificates")
	t.Same("a link")
	t.Click("nav.sections a[href='/audit']")
	t.onHeading("Audit")
	t.See("nav.sections [aria-current][href='/audit']")
	t.Eval("history.back()")
	t.onHeading("renew_certificates")
	t.WaitFor(fmt.Sprintf("location.pathname === '/tickets/%s'", s.UUID("paused")))
	t.Eval("history.back()")
	t.onHeading("Tickets")
	t.Eval("history.forward()")
	t.onHeading("renew_certificates")
	t.Same("back and forward")
	t.Click("#instances tr[data-instance] th a")
	t.See("#log")
	t.Same("a link in a list")
}

func forms(s stage, t *tab) {
	t.Type("#filters [name=q]", "creator:manager")
	t.Click("#filters button")
	t.WaitFor(`document.querySelector("#filters [name=creator]")?.getAttribute("value") === "manager"`)
	if search := t.Text("location.search"); search != "?creator=manager&status=attention" {
		t.Errorf("the filter's address is %q, want the state that was set and the field that is filled, nothing else", search)
	}
	t.Same("a GET form")
	long := strings.Repeat("x", operate.MaxReason+1)
	t.Go("/tickets/" + s.UUID("abnormal") + "/operations/new?operation_type=CONTINUE_ORDER")
	t.Mark()
	t.Type("[name=reason]", long)
	t.Click("#confirm")
	t.See("#errors")
	t.WaitFor(`document.activeElement?.matches("[role=alert]")`)
	if n := len(t.Text("document.querySelector('[name=reason]').value")); n != len(long) {
		t.Errorf("%d of %d characters of the reason are left", n, len(long))
	}
	t.Same("a form with a mistake")
	t.Type("[name=reason]", "short")
	t.Click("#confirm")
	t.See("#receipt")
	t.WaitFor("location.pathname.startsWith('/operations/')")
	t.Same("a form")
	if n := s.Calls(simulator.CallOperate); n != 1 {
		t.Errorf("%d operations reached COC, want 1", n)
	}
}

func doubleClick(s stage, t *tab) {
	defer s.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.Slow, Delay: 300 * time.Millisecond})()
	t.Go("/tickets/" + s.UUID("abnormal") + "/operations/new?operation_type=CONTINUE_ORDER")
	t.Eval("document.querySelector('#confirm').click(); document.querySelector('#confirm').click()")
	t.See("#receipt")
	if n := s.Calls(simulator.CallOperate); n != 1 {
		t.Errorf("%d operations reached COC, want 1", n)
	}
}

// toRunning goes by links from the list, which shows what needs attention, to the ticket that runs.
func (t *tab) toRunning(s stage) {
	t.Helper()
	t.Click("#scopes a:has(#tab-running)")
	t.Click(fmt.Sprintf("tr[data-ticket=%s] th a", s.UUID("running")))
}

func live(s stage, t *tab) {
	t.toRunning(s)
	t.See("#ticket[data-status=PROCESSING] #batch-2[data-status=RUNNING]")
	s.offset(40 * time.Minute)
	t.See("#batch-2[data-status=FINISHED]")
	t.See("#batch-3[data-status=RUNNING]")
	t.Same("a refresh")
}

func typed(s stage, t *tab) {
	t.toRunning(s)
	t.See("#ticket #instances")
	t.Click("#instance-filters summary")
	t.Eval("document.querySelector('#instance-filter [name=status]').focus()")
	t.Type("#instance-filter [name=status]", "READY")
	t.Type("[role=search] input", "half a k")
	t.refreshed()
	if got := t.Text("document.querySelector('#instance-filter [name=status]').value + document.querySelector('[role=search] input').value"); got != "READYhalf a k" {
		t.Errorf("after a refresh the fields hold %q", got)
	}
	if !t.Is("document.activeElement.matches('#instance-filter [name=status]')") {
		t.Error("a refresh takes the focus away")
	}
	t.Go("/tickets/" + s.UUID("abnormal") + "/operations/new?operation_type=CONTINUE_ORDER")
	t.Mark()
	t.Eval("delete document.querySelector('main').dataset.live") // as where there is no room for its stream
	t.Type("[name=reason]", "because the")
	t.refreshed()
	if got := t.Text("document.querySelector('[name=reason]').value"); got != "because the" {
		t.Errorf("after a refresh the reason is %q", got)
	}
	t.Same("a refresh")
}

// hurry lets the page ask again soon and after failures too; it is the page's own timer that asks.
func (t *tab) hurry() {
	t.Helper()
	t.Eval("document.querySelector('main').dataset.refresh = '0.2'; document.dispatchEvent(new Event('visibilitychange'))")
}

// refreshed lets the page refresh itself once.
func (t *tab) refreshed() {
	t.Helper()
	t.Eval("document.querySelector('#read-at').dataset.old = 'true'") // the answer does not have it
	t.hurry()
	t.WaitFor("!document.querySelector('#read-at').dataset.old")
}

func stale(s stage, t *tab) {
	t.toRunning(s)
	t.Click("#instances tr[data-instance][data-status=PROCESSING] th a")
	t.See("#log")
	remove := s.Inject(simulator.Fault{Kind: simulator.AnyCOCCall, Effect: simulator.Refuse, Status: http.StatusInternalServerError,
		Code: "COC.00000500", Message: "Internal error."})
	defer remove()
	t.hurry()
	t.See("#stale")
	if !t.Is("document.querySelector('#log')") {
		t.Error("the figures of the last good answer are gone")
	}
	t.WaitFor("document.querySelector('#status').textContent.includes(document.querySelector('#stale').textContent.trim())")
	remove()
	t.WaitFor("!document.querySelector('#stale')")
	t.Same("failures")
}

func preferences(s stage, t *tab) {
	address := "/tickets/" + s.UUID("abnormal") + "?batch=4"
	t.Go(address)
	t.Mark()
	colour := t.Text("getComputedStyle(document.documentElement).backgroundColor")
	t.Click("[name=theme][value=dark]")
	t.WaitFor("document.documentElement.dataset.theme === 'dark'")
	t.Same("the theme's button")
	if dark := t.Text("getComputedStyle(document.documentElement).backgroundColor"); dark == colour {
		t.Errorf("the dark theme is as %s as the light one", dark)
	}
	t.Click("[name=language][value=zh-cn]")
	t.WaitFor("document.documentElement.lang.startsWith('zh') && document.readyState === 'complete'")
	if got := t.Text("location.pathname + location.search"); got != address {
		t.Errorf("the language's button leads to %s, want %s", got, address)
	}
	if !t.Is("document.querySelector('#batch-4.row-selected') && document.documentElement.dataset.theme === 'dark'") {
		t.Error("batch or theme is lost with the change of the language")
	}
	t.Click("nav.sections a[href='/audit']")
	t.WaitFor("location.pathname === '/audit' && document.querySelector('#filters [name=person]')")
	if !t.Is("document.documentElement.lang.startsWith('zh')") {
		t.Error("the language is forgotten on the next page")
	}
}

// expired ends the token while a reason is being typed.
func expired(s stage, t *tab) {
	t.Go("/tickets/" + s.UUID("abnormal") + "/operations/new?operation_type=CONTINUE_ORDER")
	t.Type("[name=reason]", "worth keeping")
	s.offset(time.Second) // tokens are as exact as seconds
	s.Revoke("operator")
	s.offset(time.Second)
	t.Click("#confirm")
	t.See("#sign-in [name=password]")
	t.Type("[name=account]", "demo")
	t.Type("[name=user]", "operator")
	t.Type("[name=password]", "operator")
	t.Click("#sign-in button")
	t.See("#confirm")
	if got := t.Text("document.querySelector('[name=reason]').value"); got != "worth keeping" {
		t.Errorf("after signing in again the reason is %q", got)
	}
	if n := s.Calls(simulator.CallOperate); n > 1 {
		t.Errorf("%d operations reached COC, want the refused one at most", n)
	}
}
