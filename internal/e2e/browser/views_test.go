package browser

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"coc-console/internal/simulator"
)

// TestBrowserTeamsView: a view that one member of a team shares is a tab of another's list, who deletes it.
func TestBrowserTeamsView(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	file := filepath.Join(t.TempDir(), "directory.json")
	if err := os.WriteFile(file, []byte(`{"roles": {"on-call": ["demo/operator"]}, "teams": {"night": ["demo/operator", "demo/manager"]}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startStage(t, quick, "--directory", file)
	shares, member := b.open(t, s.base, look{still: true}), b.open(t, s.base, look{still: true, noScripts: true})
	shares.SignIn("operator")
	member.SignIn("manager")
	shares.Go("/tickets?status=PAUSED")
	shares.Click("#saved summary")
	shares.Type("#saved [name=label]", "Paused at night")
	shares.Choose("#field-team", "night")
	shares.Click("#saved form[action='/tickets/views'] .button")
	shares.WaitFor("[...document.querySelectorAll('#scopes a')].some((a) => a.textContent === 'Paused at night' && a.ariaCurrent)")
	member.Go("/tickets")
	tab := "[...document.querySelectorAll('#scopes a')].some((a) => a.textContent === 'Paused at night')"
	if !member.Is(tab) {
		t.Error("the team's view is no tab")
	}
	member.Eval("document.querySelector('#saved form[action$=delete]').submit()")
	member.WaitFor("!(" + tab + ") && document.querySelector('#scopes')")
	shares.Go("/tickets?status=any")
	shares.WaitFor("document.querySelector('#ticket-rows tr') && !(" + tab + ")")
	shares.Click("thead [data-all]")
	shares.WaitFor("document.querySelector('#bulk').checkVisibility() && !document.querySelector('#ticket-rows [name=target]:not(:checked)')")
}

// TestBrowserTeamsTickets: a team's list has its tickets from older pages, too, says how far it has looked, and its tab
// counts them, whatever the list is narrowed to.
func TestBrowserTeamsTickets(t *testing.T) {
	b := startBrowser(t)
	file := filepath.Join(t.TempDir(), "directory.json")
	if err := os.WriteFile(file, []byte(`{"roles": {"on-call": ["demo/operator"]}, "teams": {"night": ["demo/operator"]}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	var specs []simulator.TicketSpec
	for i := range 230 {
		creator := "somebody"
		if i%100 == 20 { // on each page
			creator = "operator"
		}
		specs = append(specs, simulator.TicketSpec{Scenario: fmt.Sprint("t", i), Name: fmt.Sprint("task_", i), Creator: creator, Age: time.Duration(i+1) * time.Hour,
			Timeout: time.Minute, SuccessRate: 100, Batches: []simulator.BatchSpec{{Instances: []simulator.InstanceSpec{
				{ID: int64(i + 1), Host: "web", IP: "10.0.0.7", Region: "cn-north-4", Run: time.Second}}}}})
	}
	s := startStage(t, simulator.Config{Rules: quick.Rules, Tickets: specs}, "--directory", file)
	tb, plain := b.open(t, s.base, look{still: true}), b.open(t, s.base, look{noScripts: true})
	tb.SignIn("operator")
	tb.Go("/tickets?scope=team")
	tb.Mark()
	tb.WaitFor("document.querySelectorAll('#ticket-rows tr').length === 3 && document.querySelector('#total').innerText.includes('3 tickets · looked through 230 of 230')")
	tb.Same("a list that goes on")
	tb.Click("#ticket-" + s.UUID("t220") + " th a")
	tb.WaitFor("document.querySelector('#place > a:not(.button)')?.innerText.trim() === '3 of 3'")
	plain.SignIn("operator")
	plain.Go("/tickets?scope=team")
	plain.Go("/tickets?scope=team&name=task_120")
	plain.WaitFor("document.querySelector('#tab-team').innerText.trim() === '3'")
}
