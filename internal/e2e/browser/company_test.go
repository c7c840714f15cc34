package browser

import (
	"testing"

	"coc-console/internal/e2e"
)

// TestBrowserCompanySignIn: a real browser goes to the simulator's provider and comes back to the page that was asked
// for; signing out leads over the provider to the sign-in page.
func TestBrowserCompanySignIn(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	tb := b.open(t, e2e.Launch(t, e2e.NoEnvironment).URL, look{still: true})
	tb.Go("/tickets?name=kernel")
	tb.Click("#company button")
	tb.WaitFor("document.querySelector('button[value=\"li.na\"]') !== null")
	tb.Click("button[value='li.na']")
	tb.WaitFor("location.pathname === '/tickets' && location.search === '?name=kernel' && document.querySelector('.me') !== null")
	tb.Click(".me > summary")
	tb.Click("#sign-out")
	tb.WaitFor("location.pathname === '/sign-in' && document.querySelector('#company input[name=again]') !== null")
}
