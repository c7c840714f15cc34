package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"coc-console/internal/i18n"
)

// TestWrapOfAPerson: whether lines of logs are wrapped is a person's choice, in all their browsers and in no other's.
func TestWrapOfAPerson(t *testing.T) {
	t.Parallel()
	c := start(t)
	first, second, other := c.signedIn(t, "operator", i18n.EnUS), c.signedIn(t, "operator", i18n.EnUS), c.signedIn(t, "manager", i18n.EnUS)
	const off = `data-wrap="off"`
	first.post("/wrap", url.Values{"wrap": {"off"}, "return": {"/tickets"}})
	for name, b := range map[string]*browser{"the same browser": first, "another one": second} {
		if p := b.get("/tickets"); !strings.Contains(p.body, off) {
			t.Errorf("%s wraps lines", name)
		}
	}
	if strings.Contains(other.get("/tickets").body, off) {
		t.Error("somebody else's lines are not wrapped")
	}
	if p := first.post("/wrap", url.Values{"wrap": {"sideways"}}); p.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("an unknown choice is answered with %d", p.StatusCode)
	}
	second.post("/wrap", url.Values{"wrap": {"on"}})
	if strings.Contains(first.get("/tickets").body, off) {
		t.Error("the choice is not taken back")
	}
}
