package web_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"coc-console/internal/i18n"
)

// TestInstancesNameTheirTicket: what was done to one instance is shown and found by its ticket's name, too.
func TestInstancesNameTheirTicket(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) {
		s.policies = free + `@id("weights") @review("impact-from=1") permit (principal, action == Action::"review", resource);`
	})
	b, boss := c.signedIn(t, "operator", i18n.EnUS), c.signedIn(t, "manager", i18n.EnUS)
	receipt := b.apply(c.newOperation("running", "operation_type=CANCEL_INSTANCE&instance_id=1001"), "disk full").location()
	b.settled(receipt)
	id := strings.TrimPrefix(receipt, "/operations/")
	for _, path := range []string{"/handover", "/handover.md", "/audit/review", "/audit?view=operations&q=running_check"} {
		p := boss.get(path)
		boss.want(p, http.StatusOK)
		shown := strings.NewReplacer("<wbr>", "", `\_`, "_").Replace(p.body)
		if path == "/handover" { // where tickets that need a decision are named anyway
			_, shown, _ = strings.Cut(shown, `id="handover-done"`)
		}
		if !strings.Contains(shown, "running_check") || path != "/handover.md" && !strings.Contains(shown, id) {
			t.Errorf("%s doesn't name the ticket of %s:\n%s", path, id, shortened(shown))
		}
	}
}

// TestExamplesOfSearches: what the help of the search box gives as an example is understood.
func TestExamplesOfSearches(t *testing.T) {
	t.Parallel()
	c := start(t)
	boss := c.signedIn(t, "manager", i18n.EnUS)
	examples := regexp.MustCompile(`<dt><code>([^<]+)</code>`).FindAllStringSubmatch(boss.get("/audit").body, -1)
	if len(examples) < 20 {
		t.Fatalf("%d examples", len(examples))
	}
	for _, e := range examples {
		p := boss.get("/audit?" + url.Values{"q": {html.UnescapeString(e[1])}}.Encode())
		if p.StatusCode != http.StatusOK {
			t.Errorf("%s is answered with %d", e[1], p.StatusCode)
		}
	}
}

// TestTicketsAreNoNames: who asks for a ticket by its name, or with an id in capitals, is led to what finds it.
func TestTicketsAreNoNames(t *testing.T) {
	t.Parallel()
	c := start(t)
	boss, id := c.signedIn(t, "manager", i18n.EnUS), c.sim.UUID("running")
	for typed, meant := range map[string]string{"ticket:running_check": "running_check", "ticket:" + strings.ToLower(id): "ticket:" + id,
		"ticket:" + id: "", "-outcome:denied ticket:running_check": "running_check -outcome:denied"} {
		p := boss.get("/audit?" + url.Values{"view": {"operations"}, "q": {typed}}.Encode())
		boss.want(p, http.StatusOK)
		hint := regexp.MustCompile(`data-meant>[^<]*<a href="[^"]*">([^<]*)</a>`).FindStringSubmatch(p.body)
		if got := append(hint, "", "")[1]; html.UnescapeString(got) != meant {
			t.Errorf("%s: meant may be %q, want %q", typed, got, meant)
		}
	}
}

// TestSpelled: people are found as the log writes them; who types other capitals is led there.
func TestSpelled(t *testing.T) {
	t.Parallel()
	c := start(t)
	boss := c.signedIn(t, "manager", i18n.EnUS)
	boss.get("/tickets")
	for typed, meant := range map[string]string{"actor:Manager": "actor:manager", "actor:manager": "",
		"actor:MANAGER outcome:denied": "actor:manager outcome:denied", "actor:Man": ""} {
		view := map[bool]string{true: "operations", false: "everything"}[strings.Contains(typed, "denied")]
		p := boss.get("/audit?" + url.Values{"view": {view}, "q": {typed}}.Encode())
		boss.want(p, http.StatusOK)
		hint := regexp.MustCompile(`data-meant>[^<]*<a href="[^"]*">([^<]*)</a>`).FindStringSubmatch(p.body)
		if got := append(hint, "", "")[1]; got != meant {
			t.Errorf("%s: meant may be %q, want %q", typed, got, meant)
		}
	}
}
