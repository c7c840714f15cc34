package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/internal/operate"
)

// TestSessionsPage: managers see who is signed in, and end one session or all
// of a person, with a reason; others do not, and the log says so.
func TestSessionsPage(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, _ *i18n.Texts) {
		texts := i18n.Sessions.In(language)
		c := start(t)
		boss := c.signedIn(t, "manager", language)
		clerks := []*browser{c.signedIn(t, "operator", language), c.signedIn(t, "operator", language), c.signedIn(t, "operator", language)}
		reader := c.signedIn(t, "reader", language)
		in := c.records(audit.ActionSessionSignedIn)
		who := in[1].Actor

		boss.want(boss.get("/sessions"), http.StatusOK, "demo/operator", "demo/reader", "127.0.0.1", "test-browser/1", texts.EndAll(3), in[1].Origin.Session)
		reader.want(reader.get("/sessions"), http.StatusForbidden)
		reader.want(reader.post("/sessions", url.Values{"session": {in[1].Origin.Session}, "reason": {"x"}}), http.StatusForbidden)
		if n := len(c.records(audit.ActionAccessDenied)); n != 2 {
			t.Errorf("%d denials are recorded", n)
		}
		for _, wrong := range []struct {
			form   url.Values
			status int
			text   string
		}{
			{url.Values{"session": {in[1].Origin.Session}, "reason": {" \n"}}, http.StatusUnprocessableEntity, texts.ReasonNeeded},
			{url.Values{"session": {in[1].Origin.Session}, "reason": {strings.Repeat("因", operate.MaxReason+1)}}, http.StatusUnprocessableEntity, strings.Repeat("因", operate.MaxReason+1)},
			{url.Values{"reason": {"x"}}, http.StatusBadRequest, ""},
		} {
			boss.want(boss.post("/sessions", wrong.form), wrong.status, wrong.text)
		}
		boss.want(boss.follow(boss.post("/sessions", url.Values{"session": {"0000"}, "reason": {"x"}})), http.StatusOK, texts.Ended(0))
		if len(c.records(audit.ActionSessionEnded)) != 0 {
			t.Fatal("something was ended")
		}

		p := boss.post("/sessions", url.Values{"session": {in[1].Origin.Session}, "whose": {who.AccountID + "/" + who.UserID}, "reason": {"lost <laptop>"}})
		boss.want(boss.follow(p), http.StatusOK, texts.Ended(1))
		clerks[0].want(clerks[0].get("/audit"), http.StatusSeeOther)
		clerks[1].want(clerks[1].get("/audit"), http.StatusOK)
		r := c.only(audit.ActionSessionEnded)
		checkWho(t, r, "manager")
		if r.Target != "demo/operator" || r.Reason != "lost <laptop>" || r.Detail != "why=manager session="+in[1].Origin.Session {
			t.Errorf("the record is %+v", r)
		}
		p = boss.post("/sessions", url.Values{"whose": {who.AccountID + "/" + who.UserID}, "reason": {"left"}})
		boss.want(boss.follow(p), http.StatusOK, texts.Ended(2))
		for _, b := range clerks[1:] {
			b.want(b.get("/audit"), http.StatusSeeOther)
		}
		reader.want(reader.get("/audit"), http.StatusOK)
		p = boss.post("/sessions", url.Values{"session": {in[0].Origin.Session}, "reason": {"my own"}})
		boss.want(p, http.StatusSeeOther)
		if !strings.HasPrefix(p.location(), "/sign-in") {
			t.Errorf("it leads to %q", p.location())
		}
	})
}
