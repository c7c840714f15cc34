package browser

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/chromedp/cdproto/page"
)

// pageOfPDF is an object of a PDF that is a page.
var pageOfPDF = regexp.MustCompile(`/Type\s*/Page\b[^s]`)

// printed is how many pages of A4 the browser prints.
func (t *tab) printed(name string) int {
	t.Helper()
	margin := 0.4 // inches
	pdf := call(t, page.PrintToPDF, page.PrintToPDFParams{PaperWidth: 8.27, PaperHeight: 11.69, MarginTop: &margin, MarginBottom: &margin,
		MarginLeft: &margin, MarginRight: &margin}).Data
	if folder := os.Getenv("COC_CONSOLE_TEST_PICTURES"); folder != "" {
		if err := os.WriteFile(folder+"/"+name+".pdf", pdf, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return len(pageOfPDF.FindAll(pdf, -1))
}

// TestBrowserHandoverPrints: the handover of a busy night (twelve tickets that need a decision, thirty-six operations on
// six tickets) is one page or two, in both languages, and what nobody can use on paper is not on it.
func TestBrowserHandoverPrints(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	rules := filepath.Join(t.TempDir(), "rules.cedar")
	if err := os.WriteFile(rules, []byte(`@id("all") permit (principal, action, resource);`), 0o600); err != nil {
		t.Fatal(err)
	}
	g := &gallery{stage: startStage(t, quick, "--policy", rules)}
	operator := b.open(t, g.base, look{still: true})
	operator.SignIn("operator")
	for _, scenario := range []string{"running", "abnormal"} {
		operator.Go(g.confirm(scenario, "CANCEL_ORDER"))
		operator.Type("[name=reason]", "It deletes data on the hosts of zone b, and nobody of the team answers.")
		operator.Click("#confirm")
		operator.See("#receipt[data-status='operation.observed']")
	}
	for _, language := range []string{"en-US", "zh-CN"} {
		boss := b.open(t, g.base, look{still: true, language: language})
		boss.SignIn("manager")
		boss.Go("/handover")
		boss.See("#handover-done tr[data-operation]")
		boss.Eval(`
			const fill = (rows, n) => { for (let i = rows.length; rows.length && i < n; i++) rows[0].after(rows[i % rows.length].cloneNode(true)); };
			fill(document.querySelectorAll("#handover-tickets tbody tr"), 12);
			const group = document.querySelector("#handover-done tbody");
			fill(group.querySelectorAll("tr[data-operation]"), 6);
			fill([group], 6);
			document.querySelectorAll("#handover-done tbody").length`)
		if n := boss.printed("handover-" + language); n < 1 || n > 2 {
			t.Errorf("%s: %d pages of %s", language, n, boss.Text(`document.querySelector("main").innerText`))
		}
	}
}
