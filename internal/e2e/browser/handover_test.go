package browser

import (
	"os"
	"path/filepath"
	"testing"
)

// TestBrowserReviewAndHandover: a manager signs off two operations at once and takes the shift over, with scripts and
// without, in both languages, wide and on a phone.
func TestBrowserReviewAndHandover(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	rules := filepath.Join(t.TempDir(), "rules.cedar")
	all := `@id("all") @review("impact-from=1") permit (principal, action, resource);`
	if err := os.WriteFile(rules, []byte(all), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, l := range map[string]look{"scripts": {still: true}, "no scripts": {still: true, noScripts: true, language: "zh-CN", width: 390}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := &gallery{stage: startStage(t, quick, "--policy", rules)}
			operator := b.open(t, g.base, look{still: true})
			operator.SignIn("operator")
			for _, scenario := range []string{"running", "abnormal"} {
				operator.Go(g.confirm(scenario, "CANCEL_ORDER"))
				operator.Type("[name=reason]", "It deletes data, and nobody answers.")
				operator.Click("#confirm")
				operator.See("#receipt[data-status='operation.observed']")
			}
			operator.Go("/handover")
			operator.Type("#note [name=comment]", "Look at the data.")
			operator.Click("#note button")
			operator.WaitFor("document.querySelector('#handover-note .prewrap')?.textContent.includes('Look at the data.')")
			boss := b.open(t, g.base, l)
			boss.SignIn("manager")
			boss.Go("/handover")
			boss.Click("#take button")
			boss.See("#taken")
			boss.Go("/audit/review")
			boss.See("#reviews[data-waiting='2']")
			for _, row := range []string{"1", "2"} {
				boss.Click("tbody tr:nth-child(" + row + ") [name=operation]")
			}
			boss.Type("#sign [name=comment]", "They were right.")
			boss.Click("#sign button")
			boss.See("#reviews[data-waiting='0'][data-reviewed='2']")
			boss.Go("/audit/review?view=reviewed")
			boss.See("tbody tr[data-operation]:nth-child(2)")
			boss.Click("tbody tr:nth-child(1) .wide a")
			boss.WaitFor("document.querySelector('#receipt')?.textContent.includes('They were right.')")
		})
	}
}
