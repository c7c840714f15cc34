package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"coc-console/audit"
	"coc-console/internal/i18n"
)

// TestTeamsViews: a view that is shared with a team is there for its members alone, who may delete it; the log has both.
func TestTeamsViews(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		c := start(t, hastyLists) // operator and manager are a team
		b, member, loner := c.signedIn(t, "operator", language), c.signedIn(t, "manager", language), c.signedIn(t, "reader", language)
		p := b.get("/tickets?status=PAUSED")
		b.want(p, http.StatusOK, texts.List.ShareWith, texts.List.OnlyMe)
		team := "operations"
		b.want(p, http.StatusOK, texts.List.TeamOf(team))
		form := url.Values{"view": {"status=PAUSED"}, "label": {"Night shift"}, "team": {team}}
		b.want(b.post("/tickets/views", form), http.StatusSeeOther)
		member.want(member.get("/tickets"), http.StatusOK, "Night shift", texts.List.TeamOf(team))
		if strings.Contains(loner.get("/tickets").body, "Night shift") {
			t.Error("somebody else sees it")
		}
		loner.want(loner.post("/tickets/views", form), http.StatusForbidden)
		loner.want(loner.post("/tickets/views/delete", form), http.StatusForbidden)
		b.want(b.post("/tickets/views", url.Values{"view": {"status=PAUSED"}, "label": {""}, "team": {team}}), http.StatusUnprocessableEntity, texts.Field.Missing)
		member.want(member.post("/tickets/views/delete", form), http.StatusSeeOther)
		if strings.Contains(b.get("/tickets").body, "Night shift") {
			t.Error("a deleted view is there")
		}
		shared, removed := c.records(audit.ActionViewShared), c.records(audit.ActionViewRemoved)
		if len(shared) != 1 || shared[0].Actor.UserName != "operator" || shared[0].Detail != "team=operations name=Night shift view=status=PAUSED" ||
			len(removed) != 1 || removed[0].Actor.UserName != "manager" {
			t.Errorf("the log has %+v and %+v", shared, removed)
		}
	})
}
