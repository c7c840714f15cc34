package browser

import (
	"os"
	"path/filepath"
	"testing"
)

// TestBrowserTeamsView: a view that one member of a team shares is a tab of another's list, who deletes it.
func TestBrowserTeamsView(t *testing.T) {
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
