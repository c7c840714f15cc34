package browser

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"

	"coc-console/internal/simulator"
)

// TestBrowserLivePhone has a Chinese reader watch a ticket of 200 instances on a phone, over a line of 400 kbit/s and 400 ms.
func TestBrowserLivePhone(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	s := startStage(t, simulator.Config{Rules: quick.Rules, Tickets: crowded()}, hurried...)
	tb := b.open(t, s.base, look{language: "zh-CN", width: 390, height: 800, still: true})
	call(tb, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: true})
	call(tb, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: []*network.Conditions{
		{Latency: 400, DownloadThroughput: 400_000 / 8, UploadThroughput: 400_000 / 8, ConnectionType: network.ConnectionTypeCellular3g}}})
	tb.SignIn("operator")
	tb.Go("/tickets/" + s.UUID("crowded"))
	tb.Mark()
	tb.polled()
	fits := func(what string) {
		t.Helper()
		if wide := tb.Text(tooWide); wide != "" {
			t.Errorf("%s scrolls sideways: %s", what, wide)
		}
		if small := tb.Text(tooSmall); small != "" {
			t.Errorf("%s has targets that are hard to hit:\n%s", what, small)
		}
		if cut := tb.Text(overflowing); cut != "" {
			t.Errorf("%s has text that runs out of its cell:\n%s", what, cut)
		}
	}
	fits("the ticket")
	tb.said()
	s.offset(5 * time.Minute)
	tb.See("#instance-1003[data-status=ABNORMAL]")
	tb.WaitFor("document.title.includes('1 个异常') || document.title.includes('异常 1')")
	tb.WaitFor("said.some((text) => text.includes('异常 1'))")
	fits("the ticket with a failure")
	tb.Same("a slow line")
	if latin := tb.Text(`[...document.querySelectorAll("main :is(h1, h2, th, dt, button, label, p)")].filter((e) => e.checkVisibility() && /^[A-Za-z ]{12,}$/.test(e.innerText.trim())).map((e) => e.innerText).join("; ")`); latin != "" {
		t.Errorf("not in Chinese: %s", latin)
	}
	tb.Click("#instance-1003 th a")
	tb.WaitFor("location.pathname.includes('/instances/') && document.querySelector('#log-text')")
	fits("the log")
	tb.Eval("history.back()")
	tb.See("#ticket #instances")
	tb.Click("[data-operation-type=PAUSE_ORDER] a[href]")
	tb.See("#confirm")
	fits("the confirmation")
}

// TestBrowserLiveDialogs holds what opens on a ticket's page against the rules of accessibility, in both languages and themes,
// with high contrast and with the colours of the reader's system.
func TestBrowserLiveDialogs(t *testing.T) {
	t.Parallel()
	source := axeSource(t)
	b := startBrowser(t)
	s := startStage(t, simulator.Config{Rules: quick.Rules, Tickets: readable()})
	open := []shown{
		{"log", func(t *tab) {
			t.Click("#instance-2 a[href$='#log']")
			t.See("#log-panel #log-text")
		}},
		{"palette", func(t *tab) {
			t.pressControlK()
			t.See("#palette-list li")
		}},
		{"keys", func(t *tab) {
			t.Press("?")
			t.See("dialog[open] #keys kbd")
		}},
	}
	for _, language := range []string{"en-US", "zh-CN"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			tb := b.open(t, s.base, look{language: language, still: true})
			tb.SignIn("operator")
			for _, p := range open {
				tb.Go("/tickets/" + s.UUID("readable"))
				tb.WaitFor("document.documentElement.dataset.wrap")
				p.open(tb)
				if p.name != "log" {
					if said, _, _ := strings.Cut(tb.reading("dialog"), "\n"); !strings.HasPrefix(said, `dialog "`) {
						t.Errorf("%s: nothing says what has opened: %s", p.name, said)
					}
				}
				tb.Eval(source)
				for _, scheme := range []string{"light", "dark"} {
					for _, feature := range [][2]string{{"prefers-contrast", "no-preference"}, {"prefers-contrast", "more"}, {"forced-colors", "active"}} {
						tb.Media("", [][2]string{{"prefers-color-scheme", scheme}, {"prefers-reduced-motion", "reduce"}, feature})
						if found := tb.Text(axe); found != "" {
							t.Errorf("%s, %s, %v:\n%s", p.name, scheme, feature, found)
						}
						if p.name != "log" || feature[0] == "forced-colors" {
							continue
						}
						tb.sees("the log")
					}
				}
				tb.Dark(false)
			}
		})
	}
}

// TestBrowserPrint prints a ticket, a log that is longer than the window, a receipt, a record and an incident: what they say is there, what can be clicked or filled in is not.
func TestBrowserPrint(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	g := &gallery{stage: startStage(t, simulator.Config{Rules: quick.Rules, Seed: 7})}
	tb := b.open(t, g.base, look{still: true, width: 794, height: 200})
	tb.SignIn("operator")
	tb.Go(g.ticket("abnormal"))
	instance := tb.Text("document.querySelector('#instance-rows tr[data-status=ABNORMAL] th a').pathname")
	receipt := g.operate(tb, "running", "PAUSE_ORDER", "operation.observed")
	tb.Go(receipt)
	record := tb.Text("document.querySelector('#steps a[href^=\"/audit/\"]').pathname")
	for _, p := range []struct{ name, address, data string }{
		{"ticket", g.ticket("abnormal"), "h1, #ticket-state, #standing, #counts .figure, #progress strong, #batches .marks *, #failures summary, #timeline li, #instance-rows tr, #instance-rows tr th, #facts dd, #read-at"},
		{"log", instance, "h1, #facts dd, #log-text"},
		{"receipt", receipt, "h1, #verdict, #steps li, main dd"},
		{"record", record, "h1, main dd"},
		{"incident", "/audit/incident", "h1, main th, main td"},
	} {
		if p.name == "incident" { // for managers
			tb = b.open(t, g.base, look{still: true, width: 718, height: 200})
			tb.SignIn("manager")
		}
		tb.Go(p.address)
		tb.WaitFor("document.documentElement.dataset.wrap || !document.querySelector('#ticket')")
		for _, dark := range []bool{false, true} {
			tb.Media("print", [][2]string{{"prefers-color-scheme", map[bool]string{false: "light", true: "dark"}[dark]}})
			if folder := os.Getenv("COC_CONSOLE_TEST_SCREENSHOTS"); folder != "" {
				if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("print-%s-%v.png", p.name, dark)), tb.Screenshot(true), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			const visible = `((selector) => [...document.querySelectorAll(selector)].filter((e) => e.checkVisibility() && e.getBoundingClientRect().width > 1))`
			if extra := tb.Text(visible + `("nav, .top, form, button, select, input, .settings, .skip, .row-actions a, [data-operation-type] a").map((e) => e.outerHTML.slice(0, 100)).join("\n")`); extra != "" {
				t.Errorf("%s: on paper is what is of no use there:\n%s", p.name, extra)
			}
			if lost := tb.Text(fmt.Sprintf(`[...document.querySelectorAll(%[2]q)].filter((e) => !%[1]s(%[2]q).includes(e)).map((e) => e.outerHTML.slice(0, 100)).join("\n")`, visible, p.data)); lost != "" {
				t.Errorf("%s: not on paper:\n%s", p.name, lost)
			}
			if !tb.Is(visible + fmt.Sprintf("(%q).length > 5", p.data)) {
				t.Errorf("%s: there is hardly anything on paper", p.name)
			}
			if wide := tb.Text(tooWide); wide != "" {
				t.Errorf("%s is wider than the paper: %s", p.name, wide)
			}
			if cut := tb.Text(`[...document.querySelectorAll(".scroll, #log-text")].concat([...document.querySelectorAll(".log-line code")]).filter((e) => e.checkVisibility() && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1)).map((e) => e.scrollWidth + " of " + e.clientWidth + " " + e.outerHTML.slice(0, 100)).join("\n")`); cut != "" {
				t.Errorf("%s: cut off: %s", p.name, cut)
			}
			if !tb.Is("getComputedStyle(document.documentElement).backgroundColor === 'rgb(255, 255, 255)' || getComputedStyle(document.documentElement).backgroundColor === 'rgba(0, 0, 0, 0)'") {
				t.Errorf("%s: the paper is %s", p.name, tb.Text("getComputedStyle(document.documentElement).backgroundColor"))
			}
		}
		tb.Dark(false)
	}
}
