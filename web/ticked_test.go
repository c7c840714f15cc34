package web_test

import (
	"strings"
	"testing"

	"coc-console/internal/i18n"
)

// TestTickedByTheAddress: what a form without scripts sends along is ticked on the ticket's page, and on no other's.
func TestTickedByTheAddress(t *testing.T) {
	t.Parallel()
	c := start(t)
	row := c.sim.UUID("running") + ".1002.1"
	b := c.signedIn(t, "manager", i18n.EnUS)
	for query, ticked := range map[string]int{"?rows=all&target=" + row: 1, "?rows=all": 0, "?rows=all&target=else": 0} {
		body := b.get(c.ticket("running") + query).body
		if n := strings.Count(body, `value="`+row+`" checked`); n != ticked || strings.Count(body, " checked aria-label") != ticked {
			t.Errorf("%s: %d boxes are ticked, want %d", query, n, ticked)
		}
	}
}
