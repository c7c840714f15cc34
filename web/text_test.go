package web_test

import (
	"cmp"
	"html"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"coc-console/audit/audittest"
	"coc-console/internal/i18n"
	"coc-console/internal/simulator"
	"coc-console/web"
)

// unseen are the characters that a page must never show as they are: each shows
// nothing, or turns what follows.
const unseen = "\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u202e\u2028\u2029\u2060\u2066\u2800\u3164\ufeff\uffa0\U000E0041\U000E0001\u0085\u200d\ufe0f"

var markup = regexp.MustCompile(`<[^>]*>`)

// hostile is a name that tries to be another.
func hostile(name string) string {
	var b strings.Builder
	for _, r := range unseen {
		b.WriteString(string(r) + name[:1])
	}
	return name + b.String()
}

// seen looks for characters that are not shown as such.
func seen(body string) []rune {
	return slices.DeleteFunc([]rune(html.UnescapeString(body)), func(r rune) bool { return !strings.ContainsRune(unseen, r) })
}

// TestUnseenCharacters goes through every page with names, logs and reasons that
// hold them.
func TestUnseenCharacters(t *testing.T) {
	t.Parallel()
	accounts := simulator.DemoAccounts()
	accounts[0].Users[0].Name = hostile("o")
	user := accounts[0].Users[0]
	spec := tickets()
	spec[1].Name, spec[1].Creator, spec[1].ExecuteUser = hostile("n"), user.Name, hostile("x")
	spec[1].Params = []simulator.ParamSpec{{Name: hostile("p"), Value: hostile("v")}}
	for i := range spec[1].Batches {
		for j := range spec[1].Batches[i].Instances {
			x := &spec[1].Batches[i].Instances[j]
			x.Host, x.Region, x.Zone, x.Application, x.Run, x.Log = hostile("h"), hostile("r"), hostile("z"), hostile("a"), time.Millisecond, hostile("l")+"\n"+hostile("m")
		}
	}
	c := start(t, func(s *settings) { s.accounts, s.tickets = accounts, spec })
	b := c.browser(t, i18n.EnUS)
	fields := credentials(user.Name)
	fields.Set("password", user.Password)
	b.want(b.post("/sign-in", fields), http.StatusSeeOther)
	form := b.form(b.get(c.newOperation("abnormal", "operation_type=CANCEL_INSTANCE&instance_id=301&batch=3")))
	form.Set("reason", hostile("because"))
	receipt := b.post(c.ticket("abnormal")+"/operations", form).location()
	ids := strings.NewReplacer(":execute_uuid", c.sim.UUID("running"), "/operations/:id", receipt, ":sequence", "2")
	paths := []string{"/tickets?name=n", "/audit?q=reason:because", "/audit/3", "/audit/4", c.ticket("running") + "/instances/1001?batch=1",
		c.ticket("running") + "/instances/1001/?batch=1", c.newOperation("running", "operation_type=CANCEL_ORDER"),
		"/audit/timeline?ticket=" + c.sim.UUID("abnormal"), "/audit/timeline?operation=" + form.Get("key"), c.ticket("running") + "/hosts.txt"}
	for _, r := range web.Addresses() {
		if path := ids.Replace(r.Path); r.Method == http.MethodGet && !strings.HasSuffix(path, "/events") && !strings.Contains(path, ":") {
			paths = append(paths, path)
		}
	}
	for _, path := range paths {
		p := b.get(path)
		if found := seen(p.body); strings.HasPrefix(p.Header.Get("Content-Type"), "text/") && !strings.Contains(p.Header.Get("Content-Type"), "csv") && len(found) > 0 {
			i := strings.IndexRune(html.UnescapeString(p.body), found[0])
			text := html.UnescapeString(p.body)
			t.Errorf("%s: %d characters are not shown, first %q in %q", path, len(found), found[0], text[max(0, i-80):min(len(text), i+40)])
		}
	}
	if p := b.get(c.ticket("running")); !strings.Contains(p.body, "h[U+00AD]h[U+061C]") || !strings.Contains(p.body, "m[U+00AD]m") {
		t.Errorf("the ticket's page hides what names hold\n%s", shortened(p.body))
	}
	c.sim.Inject(simulator.Fault{Kind: simulator.AnyCOCCall, Status: 400, Code: "COC.1", Message: hostile("e")})
	if p := b.get(c.ticket("abnormal")); len(seen(p.body)) > 0 || !strings.Contains(p.body, "e[U+00AD]e") {
		t.Errorf("COC's message is shown as %q", seen(p.body))
	}
}

// TestHostsOneALine: whatever names hold, a line is a host, and equal names are
// told apart.
func TestHostsOneALine(t *testing.T) {
	t.Parallel()
	spec := tickets()
	rows := []simulator.InstanceSpec{
		{ID: 1, Host: "web", IP: "10.0.0.1"}, {ID: 2, Host: "web", IP: "10.0.0.2"}, {ID: 3, Host: "one\ntwo\r\n\tthree\u2028", IP: "10.0.0.3"},
		{ID: 4, Host: "same", IP: "10.0.0.4"}, {ID: 5, Host: "same", IP: "10.0.0.4"}, {ID: 6, Host: " \n", IP: "10.0.0.6"}, {ID: 7, Host: "alone", IP: "10.0.0.7"},
	}
	for i := range rows {
		rows[i].Run = time.Hour
	}
	spec[1].Batches = []simulator.BatchSpec{{Instances: rows}}
	c := start(t, func(s *settings) { s.tickets = spec })
	b := c.signedIn(t, "operator", i18n.EnUS)
	p := b.get(c.ticket("running") + "/hosts.txt")
	b.want(p, http.StatusOK)
	lines := strings.Split(strings.TrimSuffix(p.body, "\n"), "\n")
	slices.Sort(lines)
	want := []string{"10.0.0.6", "alone", "one␊two␍␊␉three[U+2028]", "same\t10.0.0.4\t4", "same\t10.0.0.4\t5", "web\t10.0.0.1", "web\t10.0.0.2"}
	if !slices.Equal(lines, want) {
		t.Errorf("the hosts are %q, want %q", lines, want)
	}
}

// TestLogsAsTerminalsShowThem goes from what a script printed to the page, the
// ticket's table, and the file.
func TestLogsAsTerminalsShowThem(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("y", 1<<20-10)
	logs := map[string]struct{ log, last, want string }{
		"progress": {"get\n 1% retries=0\r 50% errors=0\r100%\r\nreset by peer\n", "reset by peer", "get\n100%\nreset by peer\n"},
		"link":     {"\x1b]8;;https://example.net/x\x1b\\the manual\x1b]8;;\x1b\\ \x1b]0;title\a\x1b(Bend", "the manual end", "the manual end"},
		"long":     {"start\n" + long + "\n", strings.Repeat("y", 159) + "…", long},
		"far link": {"\x1b]8;;https://example.net/" + strings.Repeat("x", 600) + "\x1b\\far\x1b]8;;\x1b\\ away", "far away", "far away"},
		"cut":      {"before\n97%\rnow\n\x1b[38;5", "now", "before\nnow\n"},
	}
	names := slices.Sorted(maps.Keys(logs))
	spec := tickets()
	spec[1].Batches = []simulator.BatchSpec{{}}
	for i, name := range names {
		spec[1].Batches[0].Instances = append(spec[1].Batches[0].Instances,
			simulator.InstanceSpec{ID: int64(i + 1), Host: name, IP: "10.0.0.1", Run: time.Second, Log: logs[name].log})
	}
	c := start(t, func(s *settings) { s.tickets = spec })
	b := c.signedIn(t, "operator", i18n.EnUS)
	table := b.get(c.ticket("running"))
	for i, name := range names {
		tt, path := logs[name], c.ticket("running")+"/instances/"+string(rune('1'+i))
		p := b.get(path)
		b.want(p, http.StatusOK)
		_, text, _ := strings.Cut(p.body, `id="log-text">`)
		text, _, _ = strings.Cut(text, "</pre>")
		if got := html.UnescapeString(markup.ReplaceAllString(text, "")); !strings.Contains(got, tt.want) || strings.ContainsAny(got, "\r\x1b\a") || strings.Contains(got, "example.net") ||
			strings.Contains(got, "38;5") || strings.Contains(got, "(B") || strings.Contains(got, "97%") {
			t.Errorf("%s: the log is %.200q", name, got)
		}
		if !strings.Contains(table.body, html.EscapeString(tt.last)) {
			t.Errorf("%s: the table has not the last line %q", name, tt.last)
		}
		if strings.Contains(p.body, `id="log-error"`) {
			t.Errorf("%s: an error is found where there is none", name)
		}
		file := b.get(path + "/log")
		if !strings.HasPrefix(file.Header.Get("Content-Type"), "text/plain") || file.body != tt.log && name != "long" {
			t.Errorf("%s: the file is %.200q", name, file.body)
		}
	}
}

// TestBytesThatAreNoText walks every address with bytes that PostgreSQL takes
// for errors, in the path, the query and the form. A new route is found here.
func TestBytesThatAreNoText(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{"", "postgresql"} {
		t.Run(cmp.Or(dsn, "sqlite"), func(t *testing.T) {
			c := start(t, func(s *settings) {
				if dsn != "" {
					s.dsn = audittest.Postgres(t)
				}
			})
			b := c.signedIn(t, "manager", i18n.EnUS)
			all := []string{"a%00b", "%FF", "%ff", "%C3%28", "%ED%A0%80"}
			if testing.Short() {
				all = all[:1]
			}
			for _, bytes := range all {
				for _, r := range web.Addresses() {
					path := regexp.MustCompile(`:\w+`).ReplaceAllString(r.Path, bytes)
					b.in(t).notText(r.Method, path, r.Path != path)
				}
			}
		})
	}
}

// notText asks an address whose parameters, or query and form, are no text.
func (b *browser) notText(method, path string, parameters bool) {
	b.t.Helper()
	ask := func(path string, form url.Values, statuses ...int) {
		b.t.Helper()
		var body io.Reader
		if form != nil {
			body = strings.NewReader(form.Encode())
		}
		p := b.do(method, path, body, with("Content-Type", "application/x-www-form-urlencoded"))
		if p.StatusCode >= 500 || len(statuses) > 0 && !slices.Contains(statuses, p.StatusCode) {
			b.t.Errorf("%s %s: status %d\n%s", method, path, p.StatusCode, shortened(p.body))
		}
		if !utf8.ValidString(p.body) {
			b.t.Errorf("%s %s: the answer is no text", method, path)
		}
	}
	if parameters {
		ask(path, nil, http.StatusNotFound)
		return
	}
	if strings.HasSuffix(path, "/events") || path == "/sign-out" {
		return // which stay open, or end the session
	}
	form, bad := url.Values{}, []string{"\xff", "a\x00b", "\xc3\x28"}
	for _, value := range bad {
		ask(path+"?"+url.Values{"x": {"fine", value}}.Encode(), nil, http.StatusUnprocessableEntity)
	}
	for i, name := range []string{"label", "view", "query", "name", "id", "return", "comment", "decision", "do", "reason", "key", "operation_type", "target", "seen",
		"statuses", "language", "theme", "shortcuts", "operation", "account", "user", "project"} {
		form.Set(name, bad[i%len(bad)])
		if method == http.MethodPost {
			ask(path, url.Values{name: form[name]})
		}
	}
	ask(path+"?%FF=1", nil, http.StatusUnprocessableEntity)
	if method == http.MethodPost {
		ask(path, form)
	}
}
