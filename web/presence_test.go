package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/i18n"
)

// TestWhoElseIsHere: a ticket's page says who else looks and who stands at a
// confirmation, when it is loaded and as long as it is open; a confirmation warns
// of another one on the same target.
func TestWhoElseIsHere(t *testing.T) {
	t.Parallel()
	c := start(t)
	b, boss := c.signedIn(t, "operator", i18n.EnUS), c.signedIn(t, "manager", i18n.EnUS)
	texts := i18n.For(i18n.EnUS)
	path := c.ticket("running")
	b.want(b.get(path), http.StatusOK, "presence-said")
	if p := b.get(path); strings.Contains(p.body, "presence-here") || !strings.Contains(p.body, path+`/events"`) {
		t.Error("whoever is alone is told of others")
	}
	stream := b.listen(path + "/events")
	stream.must()
	p := boss.get(path)
	boss.want(p, http.StatusOK, texts.Presence.Here([]string{"operator"}), path+"/events?here=1")
	if e := stream.until("presence-here", texts.Presence.Here([]string{"manager"})); e.id != "" {
		t.Errorf("the part that is one reader's own has the id %q", e.id)
	}
	confirm := c.newOperation("running", "operation_type=PAUSE_ORDER")
	boss.want(boss.get(confirm), http.StatusOK)
	stream.until("presence-acts", texts.Word.Operation.Of("PAUSE_ORDER"))
	second := b.get(c.newOperation("running", "operation_type=CANCEL_ORDER"))
	b.want(second, http.StatusOK, "presence-same", texts.Presence.Same)
	if !strings.Contains(second.body, `data-live="`+path+"/presence/events?operation_type=CANCEL_ORDER&amp;here=1") || strings.Contains(second.body, "data-ended") {
		t.Error("a confirmation has no stream of its own, or one that says itself that the session has ended")
	}
	other := boss.listen(path + "/presence/events?operation_type=PAUSE_ORDER&here=1")
	other.until("presence-same", texts.Word.Operation.Of("CANCEL_ORDER"))
	boss.post(path+"/operations", boss.form(boss.get(confirm)))
	other.stop()
	c.clock.advance(4 * time.Second)
	stream.until("presence-said")
}

// TestLookHere: a line of a log, or a host, is shown to whoever may see the
// ticket, with a name; only who has marked it takes it back, and nothing is
// recorded.
func TestLookHere(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) { s.policies = hiding })
	b, boss := c.signedIn(t, "operator", i18n.EnUS), c.signedIn(t, "manager", i18n.EnUS)
	texts := i18n.For(i18n.EnUS)
	path := c.ticket("running")
	first := b.get(path + "/instances/1001?batch=1")
	b.want(first, http.StatusOK, path+"/instances/1001/mark?batch=1", texts.Presence.Mark)
	stream := boss.listen(path + "/events")
	stream.must()
	mark := func(line string) page {
		return b.post(path+"/instances/1001/mark?batch=1", url.Values{"line": {line}})
	}
	for _, line := range []string{"0", "-1", "x", "99999999", "1.5"} {
		b.want(mark(line), http.StatusUnprocessableEntity, texts.Presence.BadLine, "aria-invalid")
	}
	if p := mark("1"); p.StatusCode != http.StatusSeeOther || !strings.HasSuffix(p.location(), "/instances/1001?batch=1#L1") {
		t.Errorf("a mark leads to %d %s", p.StatusCode, p.location())
	}
	e := stream.until("presence-mark", "operator", "/instances/1001?batch=1#L1")
	if strings.Contains(e.data, `name="remove"`) {
		t.Error("another's mark can be taken back")
	}
	boss.want(boss.get(path), http.StatusOK, "presence-mark", "operator")
	for _, other := range []string{"1001", "1002", "1003"} {
		if p := b.post(path+"/instances/"+other+"/mark", nil); p.StatusCode != http.StatusSeeOther {
			t.Errorf("a mark of host %s: %d", other, p.StatusCode)
		}
	}
	own := b.get(path)
	_, key, _ := strings.Cut(own.body, `name="remove" value="`)
	key, _, _ = strings.Cut(key, `"`)
	boss.post(path+"/instances/1001/mark?batch=1", url.Values{"remove": {key}})
	if p := b.get(path); strings.Count(p.body, "data-mark=") != 4 {
		t.Error("another has taken a mark away")
	}
	if p := b.post(path+"/instances/1001/mark?batch=1", url.Values{"remove": {key}}); p.location() != path {
		t.Errorf("to take a mark back leads to %s", p.location())
	}
	if p := b.get(path); strings.Count(p.body, "data-mark=") != 3 {
		t.Error("one's own mark is still there")
	}
	b.want(b.send(path+"/instances/1001/mark", url.Values{"line": {"1"}}), http.StatusUnprocessableEntity)
	b.want(b.post(c.ticket("paused")+"/instances/2001/mark", url.Values{"line": {"1"}}), http.StatusForbidden)
	if boss.want(boss.get(c.ticket("paused")), http.StatusOK); strings.Contains(boss.get(c.ticket("paused")).body, "data-mark=") {
		t.Error("who may not see a ticket has marked something")
	}
	for _, r := range c.records() {
		if r.Action != audit.ActionTicketViewed && strings.Contains(string(r.Action), "mark") {
			t.Errorf("a mark is recorded: %+v", r)
		}
	}
}
