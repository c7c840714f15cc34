package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/retention"
	"coc-console/audit/search"
	"coc-console/internal/i18n"
)

var recordsFact = regexp.MustCompile(`<dt>Records</dt> ?<dd><bdi>([0-9]+)`)

// TestIntegrityPage: managers see what proves the log, with commands that name
// this log's key; others are refused; the log's list leads there.
func TestIntegrityPage(t *testing.T) {
	t.Parallel()
	c := start(t)
	operator, manager := c.signedIn(t, "operator", i18n.EnUS), c.signedIn(t, "manager", i18n.EnUS)
	operator.want(operator.get("/audit/integrity"), http.StatusForbidden)
	if strings.Contains(operator.get("/audit").body, `href="/audit/integrity"`) {
		t.Error("somebody who may not see the page is led to it")
	}
	must(t, c.log.AwaitNotes(t.Context()))
	if !strings.Contains(manager.get("/audit").body, `href="/audit/integrity"`) {
		t.Error("managers are not led to the page")
	}
	p := manager.get("/audit/integrity")
	for _, part := range []string{"verification", "anchors", "keys", "clocks", "growth", "retention", "outside"} {
		if !strings.Contains(p.body, `<section id="`+part+`">`) {
			t.Errorf("the page doesn't have %s", part)
		}
	}
	manager.want(p, http.StatusOK, "coc-console audit checkpoint --data ./coc-console-data", "--public-key '"+c.log.PublicKey()+"'",
		i18n.For(i18n.EnUS).Integrity.KeepsAll, i18n.For(i18n.EnUS).Integrity.TooYoung)
	if strings.Contains(p.body, `id="disk-full"`) {
		t.Error("the page says of a log of seconds when the disk is full")
	}
	if got := recordsFact.FindStringSubmatch(p.body); got == nil || got[1] == "0" {
		t.Errorf("the page says that there are %v records", got)
	}
}

// TestVerifyNow: a manager has the whole log verified at once, and that is a
// record.
func TestVerifyNow(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) { s.verifyEvery = time.Hour })
	operator, manager := c.signedIn(t, "operator", i18n.EnUS), c.signedIn(t, "manager", i18n.EnUS)
	manager.want(manager.get("/audit/integrity"), http.StatusOK, i18n.For(i18n.EnUS).Integrity.VerifyNow)
	operator.want(operator.post("/audit/integrity", nil), http.StatusForbidden)
	manager.want(manager.follow(manager.post("/audit/integrity", nil)), http.StatusOK,
		i18n.For(i18n.EnUS).Integrity.Started)
	must(t, c.log.AwaitNotes(t.Context()))
	found, err := c.index.Search(t.Context(),
		search.Query{Action: audit.ActionAuditViewed, Visible: search.Visibility{All: true}})
	must(t, err)
	if !slices.ContainsFunc(found.Records, func(r audit.Record) bool { return strings.Contains(r.Detail, "verify=now") }) {
		t.Error("nobody can tell from the log that it was asked for")
	}
}

// TestNobodyVerifies: a console that doesn't verify its log offers no button,
// and says so to a form.
func TestNobodyVerifies(t *testing.T) {
	t.Parallel()
	c := start(t)
	manager := c.signedIn(t, "manager", i18n.EnUS)
	if strings.Contains(manager.get("/audit/integrity").body, `action="/audit/integrity"`) {
		t.Error("a button that does nothing is offered")
	}
	manager.want(manager.post("/audit/integrity", nil), http.StatusConflict)
}

// TestHoldsOnThePage: managers place and lift legal holds while the console runs; what can't be a hold's query is said
// beside the field, with what was typed, and nothing is recorded.
func TestHoldsOnThePage(t *testing.T) {
	t.Parallel()
	c := start(t)
	en := i18n.Holds.In(i18n.EnUS)
	operator, manager := c.signedIn(t, "operator", i18n.EnUS), c.signedIn(t, "manager", i18n.EnUS)
	place := func(query, reason string) url.Values {
		return url.Values{"do": {"hold"}, "query": {query}, "reason": {reason}}
	}
	operator.want(operator.post("/audit/integrity", place("actor:operator", "case 7")), http.StatusForbidden)
	for query, says := range map[string]string{"": en.Everything, "after:24h": en.Relative, "last night": en.Relative,
		"outcome:": "outcome:", strings.Repeat("x", 1001): en.TooLong(1000)} {
		manager.want(manager.post("/audit/integrity", place(query, "case 7")), http.StatusUnprocessableEntity, says, "case 7")
	}
	manager.want(manager.post("/audit/integrity", place("actor:operator", " ")), http.StatusUnprocessableEntity, en.NoReason, "actor:operator")
	must(t, c.log.AwaitNotes(t.Context()))
	if holds, err := retention.Holds(t.Context(), c.index); err != nil || len(holds) != 0 {
		t.Fatalf("%v, %v", holds, err)
	}
	manager.want(manager.post("/audit/integrity", place("actor:operator", "case 7")), http.StatusSeeOther)
	held := c.only(audit.ActionAuditHeld)
	if held.Actor.UserName != "manager" || held.Origin.Address == "" || held.Reason != "case 7" {
		t.Errorf("%+v", held)
	}
	manager.want(manager.get("/audit/integrity"), http.StatusOK, "actor:operator", "case 7", en.Lift)
	lift := url.Values{"do": {"lift"}, "hold": {strconv.FormatInt(held.Sequence, 10)}, "reason": {"closed"}}
	operator.want(operator.post("/audit/integrity", lift), http.StatusForbidden)
	manager.want(manager.post("/audit/integrity", lift), http.StatusSeeOther)
	manager.want(manager.post("/audit/integrity", lift), http.StatusUnprocessableEntity, en.NoHold)
	if holds, err := retention.Holds(t.Context(), c.index); err != nil || len(holds) != 0 {
		t.Errorf("%v, %v", holds, err)
	}
}
