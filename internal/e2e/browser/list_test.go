package browser

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"coc-console/internal/simulator"
)

// queue are tickets: one runs for five minutes, one fails after two, one after twelve, one waits, and the others are over.
func queue() []simulator.TicketSpec {
	var all []simulator.TicketSpec
	add := func(scenario string, age time.Duration, exit int, pause bool, runs ...time.Duration) {
		spec := simulator.TicketSpec{Scenario: scenario, Name: scenario + "_check", Creator: "operator", Age: age, Timeout: 1700 * time.Second, SuccessRate: 100}
		for i, run := range runs {
			spec.Batches = append(spec.Batches, simulator.BatchSpec{Pause: pause, Instances: []simulator.InstanceSpec{{ID: int64(len(all)*10 + i + 1),
				Host: fmt.Sprintf("web-%d-%d", len(all), i), IP: "10.0.0.7", Region: "cn-north-4", Run: run, ExitCode: exit, Log: "done"}}})
		}
		all = append(all, spec)
	}
	add("fails", time.Second, 1, false, 2*time.Minute, time.Minute)
	add("runs", 2*time.Second, 0, false, 5*time.Minute)
	add("late", 3*time.Second, 1, false, 12*time.Minute, time.Minute)
	add("waits", time.Minute, 0, true, time.Second, time.Minute)
	for i := range 30 {
		add(fmt.Sprint("old", i), time.Duration(i+2)*time.Hour, 0, false, time.Second)
	}
	return all
}

// TestBrowserTicketListLives checks what keeps the list up to date, and what of the reader's it leaves alone.
func TestBrowserTicketListLives(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	t.Run("scripts", func(t *testing.T) {
		t.Parallel()
		s := startStage(t, simulator.Config{Rules: quick.Rules, Tickets: queue()}, "--live-poll-interval", "300ms")
		tb := b.open(t, s.base, look{})
		tb.SignIn("operator")
		tb.listLives(s)
	})
	t.Run("no scripts", func(t *testing.T) {
		t.Parallel()
		s := startStage(t, simulator.Config{Rules: quick.Rules, Tickets: queue()}, "--live-poll-interval", "300ms")
		tb := b.open(t, s.base, look{noScripts: true})
		tb.SignIn("operator")
		tb.listWithoutScripts(s)
	})
	t.Run("no scripts, whole", func(t *testing.T) {
		t.Parallel()
		s := startStage(t, simulator.Config{Rules: quick.Rules, Tickets: queue()})
		for _, language := range []string{"en-US", "zh-CN"} {
			tb := b.open(t, s.base, look{noScripts: true, language: language})
			tb.SignIn("operator")
			tb.Go("/tickets?status=any")
			if cut := tb.Text(cutCells); cut != "" {
				t.Errorf("cut in %s: %s", language, cut)
			}
		}
	})
}

// cutCells names what a cell of the list shows only a part of, or lets run out at its bottom.
const cutCells = `[...document.querySelectorAll(".tickets :is(td, th)")].filter((e) => e.checkVisibility() && e.clientWidth > 1 &&
	(e.scrollWidth > e.clientWidth + 1 || e.getBoundingClientRect().height > 41)).map((e) => e.className + ": " + e.innerText).join("; ")`

func (t *tab) listLives(s stage) {
	row := func(prefix, scenario string) string { return "#" + prefix + s.UUID(scenario) }
	t.Go("/tickets?status=any")
	t.Mark()
	t.polled()
	t.WaitFor("document.title.startsWith('(1)')")
	for _, scenario := range []string{"fails", "runs", "waits"} {
		t.Eval(fmt.Sprintf("document.querySelector('%s [name=target]').click()", row("ticket-", scenario)))
	}
	t.Eval(`document.querySelector("#find").value = "SCT-typed"; document.querySelector("#field-q").value = "half a na"`)
	t.Point(row("ticket-", "runs") + " th a")
	t.holds(row("ticket-", "runs"))
	s.offset(3 * time.Minute) // one has failed
	t.See(row("ticket-", "fails") + "[data-status=ABNORMAL] .bar")
	t.held("the row under the pointer")
	t.WaitFor("document.title.startsWith('(2)') && document.querySelector('link[rel=icon]').href.includes('abnormal')")
	t.WaitFor("document.querySelector('#status').textContent.includes('Need attention: 2')")
	s.offset(4 * time.Minute)
	t.See(row("ticket-", "runs") + "[data-status=FINISHED]")
	for what, condition := range map[string]string{
		"the typed search":                       `document.querySelector("#find").value === "SCT-typed"`,
		"the typed filter":                       `document.querySelector("#field-q").value === "half a na"`,
		"a ticked box":                           fmt.Sprintf("document.querySelector('%s [name=target]').checked", row("ticket-", "waits")),
		"a ticked box in a row that has changed": fmt.Sprintf("document.querySelector('%s [name=target]').checked", row("ticket-", "fails")),
	} {
		if !t.Is(condition) {
			t.Errorf("%s did not survive", what)
		}
	}
	t.Go("/tickets?status=attention")
	t.Mark()
	t.Point(row("ticket-", "waits") + " th a")
	t.holds(row("ticket-", "waits"))
	s.offset(6 * time.Minute)
	t.polled()
	t.WaitFor("document.title.startsWith('(3)')")
	if t.Is(find(row("ticket-", "late"))) {
		t.Error("a row has come between those that somebody points at")
	}
	t.held("a row under the pointer")
	t.Point("h1")
	t.See(row("ticket-", "late"))
	t.Eval("document.activeElement.blur()")
	t.Press("j")
	t.WaitFor("document.activeElement.closest('#ticket-rows')")
	t.Same("a stream of the list")
	t.Press("\r")
	t.See("#ticket")
	t.placed(s)
	t.pendingShown(s)
}

// pendingShown: the list says that an operation on a ticket has no end yet, while it is open, and what batch tickets are in.
func (t *tab) pendingShown(s stage) {
	t.Go("/tickets?status=any")
	row := "#ticket-" + s.UUID("late")
	t.WaitFor(fmt.Sprintf("document.querySelector('%s .batch').innerText.startsWith('1/2')", row))
	end := s.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.NoEffect})
	defer end()
	other := t.Second()
	other.Go("/tickets/" + s.UUID("late") + "/operations/new?operation_type=CONTINUE_ORDER")
	other.Type("[name=reason]", "healthy")
	other.Click("#confirm")
	other.See("#receipt")
	t.WaitFor(fmt.Sprintf("document.querySelector('%s .badge-pending')?.innerText.trim() === 'operation pending' && document.querySelector('%s .badge-pending svg')", row, row))
	t.Click(row + " .badge-pending")
	t.See("#receipt")
}

// placed: a ticket says where it stands in the list that it was opened from, leads to the next and the previous one, and
// keeps that list through a confirmation to the receipt, which leads on.
func (t *tab) placed(s stage) {
	t.Go("/tickets?status=attention&name=check")
	order := t.Text("[...document.querySelectorAll('#ticket-rows tr')].map((r) => r.dataset.ticket).join()")
	ids := strings.Split(order, ",")
	t.Click("#ticket-" + ids[0] + " th a")
	t.WaitFor("document.querySelector('#place > a:not(.button)')?.innerText.trim() === '1 of " + fmt.Sprint(len(ids)) + "'")
	if t.Is(find("#place [rel=prev]")) {
		t.Error("there is something before the first")
	}
	t.Click("#place [rel=next]")
	t.WaitFor("location.pathname.endsWith('" + ids[1] + "') && document.querySelector('#place')?.innerText.includes('2 of ')")
	t.Click("#place [rel=prev]")
	t.WaitFor("location.pathname.endsWith('" + ids[0] + "') && document.querySelector('#place [rel=next]')")
	t.Go("/tickets/" + s.UUID("waits") + "?from=status%3Dattention%26name%3Dcheck&rows=all")
	t.Click("[data-operation-type=CONTINUE_ORDER] a[href]")
	t.Type("[name=reason]", "healthy")
	t.Click("#confirm")
	t.See("#receipt")
	t.Click("#next-steps a[href*=next]")
	t.WaitFor("location.pathname.startsWith('/tickets/SCT') && location.search.includes('name%3Dcheck') && document.querySelector('#place')")
	t.Click("#place > a:not(.button)")
	t.WaitFor("location.pathname === '/tickets' && location.search.includes('name=check')")
}

// send sends a form by Enter in its field.
func (t *tab) send(selector string) {
	t.Helper()
	t.See(selector)
	if t.keyboard {
		t.TabTo(selector)
		t.Press(kb.Enter)
		return
	}
	t.Eval(find(selector) + ".form.requestSubmit()")
}

// TestBrowserListFits holds where the first row of the list is, and how many a screen has.
func TestBrowserListFits(t *testing.T) {
	b := startBrowser(t)
	s := startStage(t, simulator.Config{Rules: quick.Rules, Tickets: queue()})
	tb := b.open(t, s.base, look{still: true})
	tb.SignIn("operator")
	for _, address := range []string{"/tickets", "/tickets?status=any", "/tickets?status=attention&name=check"} {
		tb.Go(address)
		if y := tb.Text("String(document.querySelector('#ticket-rows tr').getBoundingClientRect().top)"); !tb.Is(y + " <= 180") {
			t.Errorf("the first row of %s is at y = %s", address, y)
		}
	}
	tb.Go("/tickets?status=any")
	rows := "[...document.querySelectorAll('#ticket-rows tr')].filter((r) => r.getBoundingClientRect().bottom <= 900).length"
	if !tb.Is(rows + " >= 18") {
		t.Errorf("%s rows are on a screen of 900 px, want 18", tb.Text("String("+rows+")"))
	}
	tb.Eval("document.querySelectorAll('#ticket-rows [name=target]').forEach((box, i) => i < 2 && box.click())")
	tb.WaitFor("document.querySelector('#bulk').checkVisibility() && document.querySelector('#bulk strong').textContent.includes('2')")
	tb.Click("#bulk [type=reset]")
	tb.WaitFor("!document.querySelector('#bulk').checkVisibility()")
}

func (t *tab) listWithoutScripts(s stage) {
	t.Go("/tickets?scope=mine")
	t.See("#ticket-" + s.UUID("waits"))
	t.Type("#saved [name=label]", "night shift")
	t.Eval("document.querySelector('#saved form[action=\"/tickets/views\"]').submit()")
	t.See("#saved li a")
	t.Go("/tickets?status=any")
	t.Click("#saved li a")
	t.See("#scopes [aria-current]")
	s.offset(3 * time.Minute)
	failed := fmt.Sprintf("document.querySelector('#ticket-%s[data-status=ABNORMAL]')", s.UUID("fails"))
	for end := time.Now().Add(patience); !t.Is(failed); t.Go("/tickets?status=any") { // what others have just read is shown
		if time.Now().After(end) {
			t.Fatal("a page that is loaded again shows nothing new")
		}
	}
	t.Click("#saved form button")
	t.WaitFor("document.querySelector('#scopes') && !document.querySelector('#saved li')") // the deleted view is gone
	t.Click("#ticket-" + s.UUID("waits") + " [name=target]")
	t.Click("#bulk [value=CONTINUE_ORDER]")
	t.See("#job")
	t.placed(s)
}
