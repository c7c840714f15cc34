package web_test

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/handlers"
	"coc-console/internal/elevation"
	"coc-console/internal/i18n"
)

// openElevations lets the console's people have roles for a while, by its directory.
func openElevations(t testing.TB, pages handlers.Config) *elevation.Service {
	t.Helper()
	s := elevation.New(elevation.Config{Log: pages.Log, Index: pages.Index, Rules: pages.Rules,
		Logger: pages.Logger, Now: pages.Now})
	must(t, s.Update(t.Context()))
	return s
}

var elevationID = regexp.MustCompile(`<input type="hidden" name="id" value="([A-Z0-9]+)"`)

// TestOnCallUntilMorning: who is not on call may not pause; they ask for the role until 08:00, a manager approves, it
// counts, stands in the records and ends by itself.
func TestOnCallUntilMorning(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) {
		s.policies = `@id("seen") permit (principal, action in [Action::"view", Action::"review"], resource);
			@id("on-call") permit (principal in Role::"on-call", action in Action::"operate", resource);`
		s.directory = `{"roles": {"managers": ["demo/manager"]},
			"elevations": {"on-call": {"members": ["demo/operator"], "hours": 24}}}`
	})
	en, zh := i18n.Elevation.In(i18n.EnUS), i18n.Elevation.In(i18n.ZhCN)
	operator, manager, reader := c.signedIn(t, "operator", i18n.EnUS), c.signedIn(t, "manager", i18n.ZhCN), c.signedIn(t, "reader", i18n.EnUS)
	pause := c.newOperation("running", "operation_type=PAUSE_ORDER")
	may := func(b *browser) bool { return strings.Contains(b.get(pause).body, `id="confirm"`) }
	if may(operator) {
		t.Fatal("somebody pauses without the role")
	}
	operator.want(operator.get("/elevations"), http.StatusOK, "on-call", en.UntilHint(24))
	if strings.Contains(reader.get("/elevations").body, `id="ask"`) {
		t.Error("a role is offered to whom the directory doesn't offer it")
	}

	morning := c.clock.now().UTC().Add(5 * time.Hour)
	ask := url.Values{"decision": {"ask"}, "role": {"on-call"}, "until": {morning.Format("15:04")}, "reason": {"night shift"}}
	with := func(name, value string) url.Values {
		form := url.Values{}
		maps.Copy(form, ask)
		form.Set(name, value)
		return form
	}
	for _, wrong := range []struct {
		form url.Values
		says string
	}{
		{with("until", "25:00"), en.BadUntil(24)}, {with("until", ""), en.BadUntil(24)}, {with("reason", " "), en.NoReason},
		{with("reason", strings.Repeat("夜", elevation.MaxReason+1)), en.TooLong(elevation.MaxReason)},
		{with("role", "managers"), en.NotOffered}, {with("role", ""), en.Choose},
	} {
		operator.want(operator.post("/elevations", wrong.form), http.StatusUnprocessableEntity, wrong.says)
	}
	operator.want(operator.post("/elevations", with("until", "nonsense")), http.StatusUnprocessableEntity, "night shift", "nonsense")
	reader.want(reader.post("/elevations", ask), http.StatusUnprocessableEntity, en.NotOffered)
	operator.want(operator.post("/elevations", ask), http.StatusSeeOther)
	operator.want(operator.post("/elevations", ask), http.StatusUnprocessableEntity, en.Open)
	if may(operator) {
		t.Fatal("the role counts before anybody has approved it")
	}

	p := manager.get("/elevations")
	manager.want(p, http.StatusOK, "night shift", zh.Approve)
	if waits := manager.get("/approvals").body; !strings.Contains(waits, `id="count-elevations">1<`) {
		t.Error("the page of approvals doesn't say that a role waits for an answer")
	}
	id := elevationID.FindStringSubmatch(p.body)[1]
	answer := url.Values{"id": {id}, "decision": {"approve"}, "comment": {"until the morning"}}
	for _, b := range []*browser{operator, reader} {
		b.want(b.post("/elevations", answer), http.StatusUnprocessableEntity, en.NotTheirs)
	}
	manager.want(manager.post("/elevations", answer), http.StatusSeeOther)
	manager.want(manager.post("/elevations", answer), http.StatusUnprocessableEntity, zh.Over)
	if !may(operator) || may(reader) {
		t.Fatal("the role doesn't count for whom it was given, or for others")
	}
	operator.want(operator.get("/me/permissions"), http.StatusOK, "on-call", "data-elevated")
	form := operator.form(operator.get(pause))
	form.Set("reason", "it deletes data")
	sent := operator.post(c.ticket("running")+"/operations", form)
	operator.want(sent, http.StatusSeeOther)
	operator.settled(sent.location())
	if r := c.only(audit.ActionOperationRequested); !strings.Contains(r.Input, `"on-call"`) {
		t.Errorf("the record doesn't say that they were on call: %s", r.Input)
	}

	c.clock.advance(5 * time.Hour)
	operator, manager = c.signedIn(t, "operator", i18n.EnUS), c.signedIn(t, "manager", i18n.ZhCN)
	if may(operator) {
		t.Error("the role counts after its end")
	}
	operator.want(operator.get("/elevations"), http.StatusOK, en.State.Of("ended"), "until the morning")
	manager.want(manager.get("/audit?view=approvals"), http.StatusOK, i18n.For(i18n.ZhCN).Word.Action.Of("elevation.granted"), "night shift")
}

// TestElevationEnds: by its owner, by an approver, and by whoever asked before anybody answers; nobody else ends it.
func TestElevationEnds(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) {
		s.policies = `@id("all") permit (principal, action, resource);`
		s.directory = `{"roles": {"managers": ["demo/manager"]}, "teams": {"web": ["demo/operator"]},
			"elevations": {"on-call": {"teams": ["web"]}}}`
	})
	en := i18n.Elevation.In(i18n.EnUS)
	operator, manager, reader := c.signedIn(t, "operator", i18n.EnUS), c.signedIn(t, "manager", i18n.EnUS), c.signedIn(t, "reader", i18n.EnUS)
	ask := url.Values{"decision": {"ask"}, "role": {"on-call"}, "until": {c.clock.now().UTC().Add(2 * time.Hour).Format("15:04")}, "reason": {"night shift"}}
	request := func() string {
		operator.want(operator.post("/elevations", ask), http.StatusSeeOther)
		return elevationID.FindStringSubmatch(operator.get("/elevations").body)[1]
	}
	end := func(b *browser, id string, status int) {
		b.want(b.post("/elevations", url.Values{"id": {id}, "decision": {"end"}}), status)
	}
	id := request()
	end(manager, id, http.StatusUnprocessableEntity)
	end(operator, id, http.StatusSeeOther)
	operator.want(operator.get("/elevations"), http.StatusOK, en.State.Of("withdrawn"))

	for _, who := range []*browser{operator, manager} {
		id = request()
		manager.want(manager.post("/elevations", url.Values{"id": {id}, "decision": {"approve"}}), http.StatusSeeOther)
		end(reader, id, http.StatusUnprocessableEntity)
		end(who, id, http.StatusSeeOther)
		end(who, id, http.StatusUnprocessableEntity)
		if strings.Contains(operator.get("/me/permissions").body, "data-elevated") {
			t.Error("the role counts after somebody has ended it")
		}
	}
	id = request()
	c.clock.advance(elevation.Lifetime)
	operator, manager = c.signedIn(t, "operator", i18n.EnUS), c.signedIn(t, "manager", i18n.EnUS)
	manager.want(manager.post("/elevations", url.Values{"id": {id}, "decision": {"approve"}}), http.StatusUnprocessableEntity, en.Over)
	operator.want(operator.get("/elevations"), http.StatusOK, en.State.Of("expired"))
}
