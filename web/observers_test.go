package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/internal/simulator"
)

// orphan applies an operation whose requester signs out before it takes effect.
func orphan(t *testing.T, c *console) (receipt string) {
	t.Helper()
	b := c.signedIn(t, "operator", i18n.EnUS)
	path := c.newOperation("paused", "operation_type=CONTINUE_ORDER")
	applied := b.post(strings.Split(path, "/new")[0], b.form(b.get(path)))
	b.want(applied, http.StatusSeeOther)
	b.want(b.post("/sign-out", nil), http.StatusSeeOther)
	return applied.location()
}

// eventually waits for what the console does by itself.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for !holds() {
		select {
		case <-t.Context().Done():
			t.Fatal("not in time: " + what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// TestBystandersLendNothing: somebody who is signed in to the same project, and
// looks at something else, does not watch for the effect; whoever opens the
// ticket or the receipt does.
func TestBystandersLendNothing(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"ticket", "receipt"} {
		t.Run(where, func(t *testing.T) {
			languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
				c := start(t, func(s *settings) { s.slowEffects, s.idle = true, 8*time.Hour })
				receipt := orphan(t, c)
				b := c.signedIn(t, "manager", language)
				b.want(b.get("/tickets"), http.StatusOK)
				b.want(b.get(c.ticket("running")), http.StatusOK)
				eventually(t, "it is not watched", func() bool {
					blind, err := c.operations.Unwatched(t.Context(), strings.TrimPrefix(receipt, "/operations/"))
					return err == nil && blind
				})
				looks := c.sim.Calls(simulator.CallShowTicket)
				page := "/tickets/" + c.only(audit.ActionOperationRequested).Ticket
				if where == "receipt" {
					b.want(b.get(receipt), http.StatusOK, texts.Receipt.Unwatched)
					page = receipt
				} else if n := c.sim.Calls(simulator.CallShowTicket); n != looks {
					t.Errorf("a bystander's token was used for %d calls", n-looks)
				}
				c.clock.advance(61 * time.Minute)
				b.want(b.get(page), http.StatusOK)
				eventually(t, "its effect is seen", func() bool { return len(c.records(audit.ActionOperationObserved)) == 1 })
			})
		})
	}
}

// TestServiceIdentityLooks: with a user of the console's own, the effect is
// looked for though nobody does.
func TestServiceIdentityLooks(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) { s.service, s.servicePassword = "demo/reader", "reader" })
	orphan(t, c)
	eventually(t, "its effect is seen", func() bool { return len(c.records(audit.ActionOperationObserved)) == 1 })
}
