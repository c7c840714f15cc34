package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/internal/policy"
)

// TestFreezeOnThePage: in a freeze the confirmation says which window is in force and when it ends, and so does the
// page of permissions; whoever has the role passes; the record has the window's name.
func TestFreezeOnThePage(t *testing.T) {
	t.Parallel()
	end := time.Now().UTC().Add(50 * time.Hour).Truncate(time.Minute)
	c := start(t, func(s *settings) {
		s.policies = free + `@id("freeze") @en("Nothing is changed in a freeze.") @zh("封网期间不变更。")
			forbid (principal, action in Action::"operate", resource)
			when { context.calendar.contains("freeze") } unless { principal in Role::"on-call" };`
		s.directory = `{"roles": {"on-call": ["demo/operator"]}}`
		s.calendar = `{"zone": "UTC", "windows": [{"name": "freeze", "from": "2026-01-01 00:00", "to": "` + end.Format("2006-01-02 15:04") + `"}]}`
	})
	languages(t, func(t *testing.T, language i18n.Language, _ *i18n.Texts) {
		manager, onCall := c.signedIn(t, "manager", language), c.signedIn(t, "operator", language)
		texts := i18n.Calendar.In(language)
		says := func(b *browser, p page, want ...string) {
			t.Helper()
			b.want(p, http.StatusOK, texts.InForce)
			for _, text := range append(want, "<bdi>freeze</bdi>"+texts.Until, `datetime="`+end.Format(time.RFC3339)+`"`) {
				if !strings.Contains(p.body, text) {
					t.Errorf("the page does not say %s", text)
				}
			}
		}
		says(manager, manager.get(c.newOperation("running", "operation_type=PAUSE_ORDER")), `id="denial"`)
		says(manager, manager.get("/me/permissions"), `id="permissions-calendar"`)
		p := onCall.get(c.newOperation("running", "operation_type=PAUSE_ORDER"))
		if onCall.want(p, http.StatusOK); !strings.Contains(p.body, `id="confirm"`) || strings.Contains(p.body, `id="denial"`) {
			t.Error("whoever is on call is denied")
		}
	})
	b := c.signedIn(t, "operator", i18n.EnUS)
	p := b.get(c.newOperation("running", "operation_type=PAUSE_ORDER"))
	b.want(b.follow(b.post(c.ticket("running")+"/operations", b.form(p))), http.StatusOK)
	in, err := policy.ParseInput(c.only(audit.ActionOperationRequested).Input)
	if err != nil || len(in.Calendar) != 1 || in.Calendar[0] != "freeze" {
		t.Errorf("the record says %+v: %v", in, err)
	}
	c.clock.advance(51 * time.Hour)
	b = c.signedIn(t, "manager", i18n.EnUS)
	if p = b.get("/me/permissions"); strings.Contains(p.body, "permissions-calendar") {
		t.Error("the window is over, and still shown")
	}
}
