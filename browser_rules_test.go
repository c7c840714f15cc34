package main

import "testing"

// TestBrowserRulesOnPhones looks at the pages of rules, approvals and jobs in a narrow window.
func TestBrowserRulesOnPhones(t *testing.T) {
	b := startBrowser(t)
	s := startStage(t, quick)
	tb := b.open(t, s.base, look{still: true, dark: true, language: "zh-CN", width: 390})
	tb.SignIn("manager")
	abnormal := "/tickets/" + s.UUID("abnormal")
	for _, page := range []string{"/reviews", "/approvals", "/jobs", "/tickets", abnormal + "/operations/new?operation_type=CANCEL_ORDER",
		"/jobs/new?operation_type=PAUSE_ORDER&target=" + s.UUID("running")} {
		tb.Go(page)
		tb.See("main h1")
		if wide := tb.Text(tooWide); wide != "" {
			t.Errorf("%s scrolls sideways: %s", page, wide)
		}
		if small := tb.Text(tooSmall); small != "" {
			t.Errorf("%s has targets that are hard to hit:\n%s", page, small)
		}
	}
}
