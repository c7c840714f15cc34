package browser

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"coc-console/internal/simulator"
)

// TestBrowserTasks does what people do at night, in both languages, and tells how long the machine and the keys take:
// find a failing server's ticket by its address and read its first error, pause from a link by keys, say who paused a
// ticket and why.
func TestBrowserTasks(t *testing.T) {
	b := startBrowser(t)
	failing := simulator.InstanceSpec{Host: "web-07", IP: "10.9.8.7", Run: time.Second, ExitCode: 4, Log: "start\nERROR: disk full\nbye\n"}
	tickets := []simulator.TicketSpec{
		{Scenario: "fails", Name: "failing_check", Creator: "operator", Age: time.Minute, Timeout: 1000 * time.Second, SuccessRate: 100,
			Batches: []simulator.BatchSpec{{Instances: []simulator.InstanceSpec{failing}}, {Instances: []simulator.InstanceSpec{{Host: "web-08", IP: "10.9.8.8", Run: time.Minute}}}}},
		{Scenario: "runs", Name: "running_check", Creator: "operator", Age: time.Minute, Timeout: 1000 * time.Second, SuccessRate: 100,
			Batches: []simulator.BatchSpec{{Instances: []simulator.InstanceSpec{{Host: "db-01", IP: "10.9.8.9", Run: 900 * time.Second}}},
				{Instances: []simulator.InstanceSpec{{Host: "db-02", IP: "10.9.8.10", Run: time.Minute}}}}},
	}
	for name, l := range map[string]look{"en-us": {still: true}, "zh-cn": {still: true, language: "zh-CN"}} {
		t.Run(name, func(t *testing.T) {
			s := startStage(t, simulator.Config{Rules: quick.Rules, Tickets: tickets})
			tb := b.open(t, s.base, l)
			tb.SignIn("operator")
			for _, task := range []struct {
				name string
				do   func(stage, *tab)
			}{{"a server's first error", firstErrorOf}, {"pause from a link", pauseByKeys}, {"who paused, and why", whoPaused}} {
				begun := time.Now()
				task.do(s, tb)
				t.Logf("%s: %.1f s", task.name, time.Since(begun).Seconds())
			}
		})
	}
}

func firstErrorOf(_ stage, t *tab) {
	t.Type("#find", "10.9.8.7")
	t.send("#find")
	t.See("tr[data-instance][data-status=ABNORMAL]")
	t.Eval("document.querySelector('tr[data-status=ABNORMAL] th a').focus()")
	t.Press("l")
	t.See("#log-panel .log-error")
	if got := t.Text("document.querySelector('#log-panel .log-error').innerText"); !strings.Contains(got, "disk full") {
		t.Errorf("the first error is %q", got)
	}
	t.Press(kb.Escape)
}

func pauseByKeys(s stage, t *tab) {
	t.Go("/tickets/" + s.UUID("runs"))
	t.See("#ticket")
	t.pressControlK()
	if t.Is("document.documentElement.lang.startsWith('zh')") {
		t.Press("暂停")
	} else {
		t.Press("pause")
	}
	t.WaitFor("document.querySelector('#palette-list [aria-selected=true]')")
	t.Press(kb.Enter)
	t.See("article[data-operation-type=PAUSE_ORDER] #confirm")
	t.WaitFor("document.activeElement?.matches('h1')")
	for range 20 {
		if t.Is("document.activeElement?.name === 'reason'") {
			break
		}
		t.Press(kb.Tab)
	}
	t.Press("too many errors")
	t.Press(kb.Enter)
	t.See("#receipt[data-status='operation.observed']")
}

func whoPaused(s stage, t *tab) {
	t.Go("/tickets/" + s.UUID("runs"))
	t.See("#standing[data-verdict=PAUSED_HERE]")
	t.WaitFor("document.querySelector('#standing').innerText.includes('operator') && document.querySelector('#standing').innerText.includes('too many errors')")
}
