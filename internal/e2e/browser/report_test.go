package browser

import (
	"fmt"
	"testing"
)

// TestBrowserReport: the report of a period, for a manager with and without
// scripts, in both languages, on a phone and on paper.
func TestBrowserReport(t *testing.T) {
	t.Parallel()
	source := axeSource(t)
	b := startBrowser(t)
	g := startGallery(t, b)
	for language, title := range map[string]string{"en-US": "Report", "zh-CN": "报告"} {
		for _, noScripts := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s without scripts %v", language, noScripts), func(t *testing.T) {
				tb := b.open(t, g.base, look{language: language, still: true, noScripts: noScripts})
				tb.SignIn("manager")
				tb.Go("/audit")
				tb.Click("main a[href='/audit/report']")
				tb.See("#report-person tbody tr")
				if got := tb.Text("document.querySelector('h1').firstChild.textContent.trim()"); got != title {
					t.Errorf("the page is called %q", got)
				}
				tb.Click("main nav.tabs a:nth-of-type(3)")
				tb.See("#report-person tbody tr")
				tb.WaitFor("document.querySelector('main nav.tabs a:nth-of-type(3)').matches('[aria-current]')")
				sum := `[...document.querySelectorAll("#report-person tbody td:nth-child(2)")].reduce((n, e) => n + Number(e.textContent), 0)`
				total := `Number(document.querySelector("#report-outcome tbody tr:last-child td").textContent)`
				if got := tb.Text("String(" + sum + " > 0 && " + sum + " === " + total + ")"); got != "true" {
					t.Error("the operations by person aren't those by outcome")
				}
				for _, width := range []int64{360, 390, 1440} {
					tb.Resize(width, 900)
					for name, script := range map[string]string{"scrolls sideways": tooWide, "has text that runs out": overflowing, "has small targets": tooSmall} {
						if found := tb.Text(script); found != "" {
							t.Errorf("at %d px it %s: %s", width, name, found)
						}
					}
				}
				tb.Media("print", nil)
				if found := tb.Text(tooWide); found != "" {
					t.Errorf("in print it is too wide: %s", found)
				}
				if shown := tb.Text(`[...document.querySelectorAll("main form, main .tabs, main .actions")].filter((e) => e.checkVisibility()).map((e) => e.className).join()`); shown != "" {
					t.Errorf("in print it has %s", shown)
				}
				tb.Media("", nil)
				if noScripts { // nor axe's
					return
				}
				tb.Eval(source)
				for _, dark := range []bool{false, true} {
					tb.Dark(dark)
					if found := tb.Text(axe); found != "" {
						t.Errorf("dark %v:\n%s", dark, found)
					}
				}
			})
		}
	}
}
