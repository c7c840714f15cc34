package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"coc-console/internal/i18n"
)

func TestPermissionsPage(t *testing.T) {
	t.Parallel()
	c := start(t, builtIn)
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		operator, manager := c.signedIn(t, "operator", language), c.signedIn(t, "manager", language)
		own := operator.get("/me/permissions")
		operator.want(own, http.StatusOK, texts.Permissions.Heading, texts.Permissions.OwnTicket)
		if cancel := row(own.body, "CANCEL_ORDER"); !strings.Contains(cancel, `data-status="demands"`) ||
			!strings.Contains(cancel, `href="#policy-count-what-stops"`) || !strings.Contains(own.body, `id="policy-count-what-stops"`) {
			t.Errorf("what cancelling needs: %s", cancel)
		}
		if !strings.Contains(row(own.body, "review"), `data-status="denied"`) {
			t.Errorf("an operator may review: %s", row(own.body, "review"))
		}
		whole := manager.get("/me/permissions")
		if !strings.Contains(row(whole.body, "review"), `data-status="allowed"`) {
			t.Errorf("a manager may not review: %s", row(whole.body, "review"))
		}
		other := manager.get("/me/permissions?" + url.Values{"user": {"demo/operator"}}.Encode())
		manager.want(other, http.StatusOK, texts.Permissions.HeadingOf("demo/operator"))
		if !strings.Contains(row(other.body, "review"), `data-status="denied"`) {
			t.Errorf("the operator may review: %s", row(other.body, "review"))
		}
		operator.want(operator.get("/me/permissions?user=demo%2Fmanager"), http.StatusOK, texts.Permissions.OwnOnly)
		manager.want(manager.get("/me/permissions?user=nobody"), http.StatusOK, texts.Permissions.UserWrong)
		named := operator.get("/me/permissions?" + url.Values{"ticket": {c.sim.UUID("running")}}.Encode())
		operator.want(named, http.StatusOK, texts.Permissions.OnTicket("running_check"))
		if skip := row(named.body, "SKIP_BATCH"); strings.Count(skip, "<td") != 1 {
			t.Errorf("skipping a batch of the ticket: %s", skip)
		}
		operator.want(operator.get("/me/permissions?ticket=%3Cb%3E"), http.StatusOK, texts.Permissions.TicketWrong)
		operator.want(operator.get("/me/permissions?ticket=SCT2026030209151401c2f9a07"), http.StatusNotFound)
	})
}

// row is the table row of an action.
func row(body, action string) string {
	_, from, _ := strings.Cut(body, `data-action="`+action+`"`)
	row, _, _ := strings.Cut(from, "</tr>")
	return row
}
