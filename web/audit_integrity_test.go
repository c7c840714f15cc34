package web_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
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
		i18n.For(i18n.EnUS).Integrity.KeepsAll)
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
