package browser

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"coc-console/internal/simulator"
)

// quick lets operations take effect soon.
var quick = simulator.Config{Rules: simulator.Rules{EffectDelay: 300 * time.Millisecond}}

// TestBrowserMainJob is the whole job of an operator and what a manager sees of it: with a mouse, with a keyboard alone,
// and in a browser without scripts.
func TestBrowserMainJob(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	for _, way := range []struct {
		name      string
		keyboard  bool
		noScripts bool
	}{{name: "scripts"}, {name: "keyboard", keyboard: true}, {name: "no scripts", noScripts: true}} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			s := startStage(t, quick)
			j := &job{tab: b.open(t, s.base, look{noScripts: way.noScripts}), uuid: s.UUID("abnormal")}
			j.keyboard = way.keyboard
			j.SignIn("operator")
			j.find(way.noScripts)
			j.work()
			j.readLog()
			if n := s.Calls(simulator.CallOperate); n != len(j.done) {
				t.Errorf("%d operations reached COC, want %d", n, len(j.done))
			}
			m := &job{tab: b.open(t, s.base, look{noScripts: way.noScripts}), uuid: j.uuid, done: j.done}
			m.keyboard = way.keyboard
			m.SignIn("manager")
			m.readLog()
		})
	}
}

// job is one person at work on one ticket.
type job struct {
	*tab
	uuid string
	done []string // the operations
}

// find goes to the ticket, by a text that holds its key or by the list's filter.
func (j *job) find(byText bool) {
	j.Helper()
	if byText {
		j.Type("[role=search] input", "please look at "+j.uuid+", it hangs")
		j.send("[role=search] input")
	} else {
		j.Type("#filters [name=q]", "state:failed")
		j.Click("#filters button")
		j.WaitFor(`document.querySelector("tr[data-ticket]") && !document.querySelector("tr[data-ticket]:not([data-status=ABNORMAL])")`)
		j.Click(fmt.Sprintf("tr[data-ticket=%s] th a", j.uuid))
	}
	j.See("#ticket[data-status=ABNORMAL]")
}

// work applies the five operations.
func (j *job) work() {
	j.Helper()
	j.fourth()
	j.See("#batch-4.row-selected")
	j.apply("CANCEL_INSTANCE", "tr[data-instance][data-status=READY] a.danger", "1 0 1 0")
	j.apply("SKIP_BATCH", "[data-operation-type=SKIP_BATCH] a[href]", "0 0 6 6")
	j.See("#ticket[data-status=ABNORMAL]")
	j.apply("CONTINUE_ORDER", "[data-operation-type=CONTINUE_ORDER] a[href]", "")
	j.apply("PAUSE_ORDER", "[data-operation-type=PAUSE_ORDER] a[href]", "")
	j.See("#ticket[data-status=PAUSED]")
	j.apply("CANCEL_ORDER", "[data-operation-type=CANCEL_ORDER] a[href]", "")
	j.See("#ticket[data-status=CANCELED]")
}

// fourth goes to the fourth batch; on the keyboard the map is one stop, and arrows move within it.
func (j *job) fourth() {
	j.Helper()
	if !j.keyboard {
		j.Click("#batch-4 a")
		return
	}
	j.TabTo("#batch-1 a")
	j.Press(kb.ArrowDown + kb.ArrowDown + kb.ArrowDown)
	j.WaitFor("document.activeElement.closest('#batch-4')")
	j.Press(kb.Enter)
}

// apply goes from the ticket through confirmation, receipt and record of one operation, and back to the ticket.
func (j *job) apply(operation, link, scope string) {
	j.Helper()
	j.Click(link)
	j.See(fmt.Sprintf("article[data-operation-type=%s] #confirm", operation))
	j.confirmation(operation, scope)
	j.Type("[name=reason]", j.reason(operation))
	if j.Is("!!document.querySelector('[name=count]')") {
		j.Type("[name=count]", j.Text("document.querySelector('[data-stops]').dataset.stops"))
	}
	j.Click("#confirm")
	j.See("#receipt")
	if first := j.Text("document.querySelector('#receipt').dataset.status"); !strings.HasPrefix(first, "operation.") {
		j.Errorf("%s: the receipt begins with %q", operation, first)
	}
	j.See("#receipt[data-status='operation.observed']")
	steps := j.Text(`[...document.querySelectorAll("#steps li")].map((li) => li.dataset.status).join(" ")`)
	if want := "operation.requested operation.accepted operation.observed"; steps != want {
		j.Errorf("%s: the receipt's steps are %q, want %q", operation, steps, want)
	}
	j.done = append(j.done, operation)
	j.Click("li[data-action='operation.requested'] a")
	j.See("article[data-action='operation.requested']")
	j.record(operation)
	j.Click(fmt.Sprintf("main a[href='/tickets/%s']", j.uuid))
	j.See("#ticket #timeline")
}

func (j *job) reason(operation string) string { return "reason for " + operation }

// confirmation checks that the page names what will be hit and how much of it there is.
func (j *job) confirmation(operation, scope string) {
	j.Helper()
	tally := func(row string) string {
		return j.Text(fmt.Sprintf(`[...document.querySelectorAll("td[data-tally=%s]")].map((td) => td.innerText).join(" ")`, row))
	}
	if got := tally("scope"); got != scope && operation != "CANCEL_INSTANCE" {
		j.Errorf("%s: the page counts %q, want %q", operation, got, scope)
	}
	if whole := strings.Fields(tally("whole")); len(whole) != 4 || whole[3] != "22" {
		j.Errorf("%s: the page counts %q in the ticket, want 22 in all", operation, whole)
	}
	if !j.Is(fmt.Sprintf("document.querySelector('#target').innerText.includes(%q)", j.uuid)) {
		j.Errorf("%s: the page does not name the ticket", operation)
	}
	if operation == "CANCEL_INSTANCE" {
		name := j.Text("document.querySelector('#target [data-instance] strong').innerText")
		if !j.Is(fmt.Sprintf("document.querySelector('h1').innerText.includes(%[1]q) && document.querySelector('#confirm').innerText.includes(%[1]q)", name)) {
			j.Errorf("heading and button do not name %s", name)
		}
	}
}

// record checks the page of the record of a request.
func (j *job) record(operation string) {
	j.Helper()
	for _, words := range []string{j.uuid, j.reason(operation), "operator"} {
		if !j.Is(fmt.Sprintf("document.querySelector('main').innerText.includes(%q)", words)) {
			j.Errorf("the record of %s does not hold %q", operation, words)
		}
	}
}

// readLog finds the three steps of every operation in the audit log.
func (j *job) readLog() {
	j.Helper()
	j.Click("nav.sections a[href='/audit']")
	j.Click("#views [data-view=everything]")
	j.WaitFor("new URLSearchParams(location.search).get('view') === 'everything'")
	j.See("#views [data-view=everything][aria-current]")
	j.Click("#filters .custom > summary")
	j.See("#filters [name=ticket]")
	j.Type("#filters [name=ticket]", j.uuid)
	j.Choose("#filters [name=action]", "operation.")
	j.Click("#filters .actions button")
	j.WaitFor(`document.querySelector("tr[data-action]") && !document.querySelector("tr[data-action]:not([data-action^='operation.'])")`)
	rows := strings.Split(j.Text(`[...document.querySelectorAll("tr[data-action]")].map((tr) => tr.dataset.action + " " + tr.dataset.status).join("|")`), "|")
	for _, want := range []string{"operation.requested", "operation.accepted accepted", "operation.observed confirmed"} {
		n := len(slices.DeleteFunc(slices.Clone(rows), func(row string) bool { return !strings.HasPrefix(row, want) }))
		if n != len(j.done) {
			j.Errorf("the log has %d × %s, want %d: %q", n, want, len(j.done), rows)
		}
	}
	j.Click("tr[data-action='operation.requested'] th a") // the newest
	j.See("article[data-action='operation.requested']")
	j.record(j.done[len(j.done)-1])
}
