package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/simulator"
)

// probe is what a fuzzer's text is mixed with: were it ever echoed as it is,
// the page would hold an element that no page of ours has.
const probe = `<fuzz-probe a="1" b='2'>`

// sane checks what holds for every answer, whatever came.
func sane(t *testing.T, p page) {
	t.Helper()
	if p.StatusCode >= 500 && p.StatusCode != http.StatusBadGateway { // which is COC's refusal of a value that only COC judges
		t.Errorf("%s %s: status %d\n%s", p.Request.Method, p.Request.URL, p.StatusCode, shortened(p.body))
	}
	isPage := strings.HasPrefix(p.Header.Get("Content-Type"), "text/html")
	if isPage && (strings.Contains(p.body, "<fuzz-probe") || strings.Contains(p.body, `a="1" b='2'`)) {
		t.Errorf("%s %s: an echo is not escaped", p.Request.Method, p.Request.URL)
	}
	if to := p.location(); to != "" && (!strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`)) {
		t.Errorf("it leads to %q", to)
	}
	if p.Header.Get("Content-Security-Policy") == "" {
		t.Error("no policy")
	}
}

func FuzzOperationForm(f *testing.F) {
	c := start(f)
	signedIn := c.signedIn(f, "operator", i18n.EnUS)
	ticket := c.sim.UUID("abnormal")
	f.Add(ticket, "CANCEL_INSTANCE", "", "0301", "r", "1/ABNORMAL/2/3/0/1/0/2/READY", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	f.Add(ticket, "SKIP_BATCH", "2", "", "\x00", "1/ABNORMAL/2/3/0/1/0/2/", "ABCDEFGHIJKLMNOPQRSTUVWXY2")
	f.Add(ticket, "CANCEL_ORDER", " ", "1e3", probe, "1/A/-1/3/0/1/0/2/", "\xff")
	f.Add("../..", "PAUSE_ORDER", "21", "9223372036854775808", "", "", "")
	f.Fuzz(func(t *testing.T, ticket, operation, batch, instance, reason, seen, key string) {
		b := signedIn.in(t)
		form := url.Values{"operation_type": {operation}, "batch_index": {batch}, "instance_id": {instance}, "reason": {reason + probe},
			"seen": {seen}, "key": {key}}
		if key == someKey {
			form.Set("key", b.key())
		}
		sent := c.sim.Calls(simulator.CallOperate)
		p := b.post("/tickets/"+url.PathEscape(ticket)+"/operations", form)
		sane(t, p)
		if op, err := coc.ParseOperation(operation, batch, instance); err != nil && c.sim.Calls(simulator.CallOperate) != sent {
			t.Errorf("%+v was sent", op)
		}
		if _, err := coc.ParseExecuteUUID(ticket); err != nil && p.StatusCode < 400 {
			t.Errorf("status %d for the ticket %q", p.StatusCode, ticket)
		}
		sane(t, b.get("/tickets/"+url.PathEscape(ticket)+"/operations/new?"+form.Encode()))
		sane(t, b.get("/tickets/"+url.PathEscape(ticket)+"/instances/"+url.PathEscape(instance)+"?batch="+url.QueryEscape(batch)))
		form.Set("key", key+probe)
		sane(t, c.browser(t, i18n.ZhCN).post("/tickets/"+url.PathEscape(ticket)+"/operations", form)) // signed out
	})
}

func FuzzSignIn(f *testing.F) {
	c := start(f)
	f.Add("demo", "operator", "x", "", "", "", "/tickets")
	f.Add("\x00", "\xff", "p", "q", "000000", "", "//evil")
	f.Add("", "", "", "", "", "MII\r\nX: y", "/\\evil")
	f.Fuzz(func(t *testing.T, account, user, password, project, passcode, token, back string) {
		b := c.browser(t, i18n.EnUS)
		sane(t, b.post("/sign-in", url.Values{"account": {account + probe}, "user": {user + probe}, "password": {password}, "project": {project + probe},
			"passcode": {passcode}, "token": {token}, "return": {back}}))
		sane(t, b.get("/sign-in?"+url.Values{"return": {back + probe}, "mode": {token}}.Encode()))
		if b.cookie() != "" {
			t.Error("that signed somebody in")
		}
	})
}

func FuzzFilters(f *testing.F) {
	c := start(f)
	signedIn := c.signedIn(f, "operator", i18n.EnUS)
	f.Add("find", "x", "status", "ABNORMAL")
	f.Add("from", "2026-03-02T09:15", "to", "2026-03-02")
	f.Add("person", "\x00\xff", "ticket", "SCT2026030209151401c2f9a07")
	f.Add("after", "9223372036854775807", "before", "1")
	f.Add("after", "5", "trail", "1.2.3")
	f.Add("name", "%", "creator", "\u202e")
	f.Add("q", `actor:"a b" -x outcome:failed`, "q", "actr:")
	f.Add("format", "bundle", "q", `"`)
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2 string) {
		b := signedIn.in(t)
		q := url.Values{name1: {value1 + probe}, name2: {value2}}.Encode()
		exact := url.Values{name1: {value1}, name2: {value2}, "x": {probe}}.Encode()
		for _, path := range []string{"/tickets?", "/audit?", "/audit/export?", c.ticket("running") + "?"} {
			sane(t, b.get(path+q))
			sane(t, b.get(path+exact))
		}
		sane(t, b.post("/language", url.Values{"language": {value1}, "return": {value2}}))
		sane(t, b.post("/theme", url.Values{"theme": {value1 + probe}, "return": {value2}}))
	})
}

func FuzzCookies(f *testing.F) {
	c := start(f)
	f.Add("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "en-us", "dark", "Asia/Shanghai")
	f.Add("\"", "xx", "<b>", "../../etc/passwd")
	f.Add(";", "zh-CN", "", "Local")
	f.Fuzz(func(t *testing.T, session, language, theme, zone string) {
		b := c.browser(t, i18n.EnUS)
		raw := c.sessions.CookieName(false) + "=" + session + "; language=" + language + probe + "; theme=" + theme + "; zone=" + zone
		raw = strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return -1
			}
			return r
		}, raw)
		for _, path := range []string{"/sign-in", "/tickets", "/nowhere"} {
			p := b.get(path, with("Cookie", raw))
			sane(t, p)
			if path == "/tickets" && p.StatusCode != http.StatusSeeOther {
				t.Errorf("the cookie opens a page: %d", p.StatusCode)
			}
		}
	})
}
