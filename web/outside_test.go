package web_test

import (
	"context"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"coc-console/internal/i18n"
	"coc-console/internal/outside"
	"coc-console/web"
)

const belowPath = "/coc"

// proxied puts a console below a path of another origin, behind a proxy with TLS that leaves the path or takes it away.
func proxied(t *testing.T, strips bool, change ...func(*settings)) (*console, *httptest.Server) {
	t.Helper()
	var to *url.URL
	proxy := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
		if strips {
			r.Out.URL.Path = strings.TrimPrefix(r.In.URL.Path, belowPath)
			r.Out.URL.RawPath = strings.TrimPrefix(r.In.URL.RawPath, belowPath)
		}
		r.SetURL(to)
		r.SetXForwarded()
	}}
	mux := http.NewServeMux()
	mux.Handle(belowPath+"/", proxy)
	mux.Handle(belowPath, proxy)
	front := httptest.NewTLSServer(mux)
	t.Cleanup(front.Close)
	c := start(t, append(change, func(s *settings) {
		s.trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
		s.outside = outside.Address{Origin: front.URL, Path: belowPath}
	})...)
	var err error
	to, err = url.Parse(c.url)
	must(t, err)
	return c, front
}

// outsideOf is a browser at the proxy. The paths that it is given are those inside.
func (c *console) outsideOf(t *testing.T, front *httptest.Server, language i18n.Language) *browser {
	t.Helper()
	b := c.browser(t, language)
	b.console = &console{t: t, url: front.URL + belowPath, sim: c.sim, sessions: c.sessions}
	b.client.Transport = front.Client().Transport
	return b
}

// inner is the address inside of one that an answer leads to.
func inner(t testing.TB, location string) string {
	t.Helper()
	path, below := strings.CutPrefix(location, belowPath)
	if !below {
		t.Fatalf("%q leads out of the console", location)
	}
	return path
}

// TestBelowPath: behind either kind of proxy every address of every page begins with the console's path and leads to
// a page, a file or a stream.
func TestBelowPath(t *testing.T) {
	t.Parallel()
	for name, strips := range map[string]bool{"a proxy that strips the path": true, "a proxy that keeps the path": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, front := proxied(t, strips, byCompany, func(s *settings) {
				s.streams.Heartbeat = 100 * time.Millisecond
				s.policies = free + `@id("asked") @demand("approval") forbid (principal, action == Action::"CANCEL_ORDER", resource) unless { context.approved };`
			})
			b := c.outsideOf(t, front, i18n.EnUS)
			b.want(b.get("/sign-in?return=%2Faudit"), http.StatusOK)
			p := b.post("/sign-in", credentials("manager"))
			b.want(p, http.StatusSeeOther)
			b.happen(c)
			until(t, "the log is signed", func() bool { _, err := c.log.Checkpoint(t.Context()); return err == nil })
			w := &crawl{b: b, seen: map[string]bool{}, routes: map[string]bool{}}
			w.from("/tickets", "/audit/report", "/audit/incident", "/tickets?find=abnormal", "/session", "/tickets/next", "/policies/change",
				c.ticket("running")+"/compare", c.ticket("abnormal")+"/instances/202/log", "/counts/events", "/reviews")
			for _, r := range web.Addresses() {
				if r.Method == http.MethodGet && !w.routes[r.Path] && !slices.Contains(notLinked, r.Path) {
					t.Errorf("no page leads to %s", r.Path)
				}
			}
		})
	}
}

// notLinked are no pages, need something of their own, or are only there for addresses of the release before.
var notLinked = []string{"/bulk/:id/events", "/healthz", "/readyz", "/metrics", "/design", "/sign-in", "/sign-in/oidc/callback", "/sign-in/oidc/sign-out", "/jobs", "/jobs/new", "/jobs/:id",
	"/jobs/:id/result.csv", "/audit/story", "/audit/complete", "/"}

// happen makes an operation, a request for approval and a bulk operation, whose pages are then there.
func (b *browser) happen(c *console) {
	b.t.Helper()
	p := b.get(c.newOperation("abnormal", "operation_type=CANCEL_INSTANCE&instance_id=301&batch=3"))
	form := b.form(p)
	form.Set("reason", "below a path")
	p = b.post(c.ticket("abnormal")+"/operations", form)
	b.want(p, http.StatusSeeOther)
	b.settled(inner(b.t, p.location()))
	form = b.form(b.get(c.newOperation("running", "operation_type=CANCEL_ORDER")))
	form.Set("ask", "1")
	form.Set("reason", "below a path")
	p = b.post(c.ticket("running")+"/operations", form)
	b.want(p, http.StatusSeeOther)
	b.want(b.get(inner(b.t, p.location())), http.StatusOK)
	form = b.form(b.get("/bulk/new?operation_type=PAUSE_ORDER&target=" + c.sim.UUID("running")))
	form.Set("reason", "below a path")
	p = b.post("/bulk", form)
	b.want(p, http.StatusSeeOther)
	b.want(b.get(inner(b.t, p.location())), http.StatusOK)
}

// crawl visits what pages lead to.
type crawl struct {
	b      *browser
	seen   map[string]bool // addresses, by their route and what their query has
	routes map[string]bool
	queue  []string
}

var (
	rootAttribute = regexp.MustCompile(`([a-z-]+)="(/[^"]*)"`)
	posts         = regexp.MustCompile(`<form[^>]* method="post"[^>]*>|<button[^>]* formaction=[^>]*>`)
)

// noAddress are attributes whose value begins with a slash and is not followed by the browser.
var noAddress = []string{"value", "data-shortcut", "aria-keyshortcuts", "data-base"}

func (w *crawl) from(paths ...string) {
	w.b.t.Helper()
	for _, path := range paths {
		w.add(belowPath + path)
	}
	for len(w.queue) > 0 && !w.b.t.Failed() {
		next := w.queue[0]
		w.queue = w.queue[1:]
		w.visit(next)
	}
}

// visit gets one address, and adds those that its page has.
func (w *crawl) visit(address string) {
	t := w.b.t
	p := w.look(address)
	isThere := !strings.Contains(address, "format=bundle") // there may be none yet
	if p.StatusCode == http.StatusNotFound && isThere || p.StatusCode >= http.StatusInternalServerError {
		t.Errorf("%s: status %d\n%s", address, p.StatusCode, shortened(p.body))
	}
	if to := p.location(); to != "" {
		inner(t, to)
		w.add(to)
	}
	if !strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") && !strings.HasPrefix(p.Header.Get("Content-Type"), "text/event-stream") {
		return
	}
	text := posts.ReplaceAllStringFunc(p.body, func(tag string) string {
		for _, m := range rootAttribute.FindAllStringSubmatch(tag, -1) {
			if strings.HasSuffix(m[1], "action") {
				inner(t, m[2])
			}
		}
		return ""
	})
	for _, m := range rootAttribute.FindAllStringSubmatch(text, -1) {
		if slices.Contains(noAddress, m[1]) {
			continue
		}
		if !strings.HasPrefix(m[2], belowPath+"/") || strings.HasPrefix(m[2], belowPath+belowPath) {
			t.Errorf("%s has %s, which is not below %s", address, m[0], belowPath)
			continue
		}
		w.add(html.UnescapeString(m[2]))
	}
}

// look gets an answer; of a stream it reads what comes first.
func (w *crawl) look(address string) page {
	t := w.b.t
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(w.b.url, belowPath)+address, http.NoBody)
	must(t, err)
	r.Header.Set("Accept-Language", "en-US")
	res, err := w.b.client.Do(r)
	must(t, err)
	defer func() { _ = res.Body.Close() }()
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		first := make([]byte, 64<<10)
		n, err := res.Body.Read(first)
		must(t, err)
		return page{res, string(first[:n])}
	}
	text, err := io.ReadAll(res.Body)
	must(t, err)
	return page{res, string(text)}
}

// add plans a visit, unless an address like it was planned before.
func (w *crawl) add(address string) {
	u, err := url.Parse(address)
	must(w.b.t, err)
	path := inner(w.b.t, u.Path)
	key := path
	for _, r := range web.Addresses() {
		if r.Method == http.MethodGet && fits(r.Path, path) {
			w.routes[r.Path], key = true, r.Path
			break
		}
	}
	for name := range u.Query() {
		key += "?" + name
	}
	parts := strings.Split(key, "?")
	slices.Sort(parts[1:])
	key = strings.Join(parts, "?")
	if !w.seen[key] {
		w.seen[key] = true
		w.queue = append(w.queue, strings.SplitN(address, "#", 2)[0])
	}
}

// fits reports whether a path is one of a route.
func fits(route, path string) bool {
	want, have := strings.Split(route, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return false
	}
	for i := range want {
		if want[i] != have[i] && !strings.HasPrefix(want[i], ":") {
			return false
		}
	}
	return true
}

// TestCookiesBelowPath: others on the host don't get them, who signed in at the root stays signed in, and signing out
// ends that, too.
func TestCookiesBelowPath(t *testing.T) {
	t.Parallel()
	c, front := proxied(t, true, byCompany)
	b := c.outsideOf(t, front, i18n.EnUS)
	p := b.post("/sign-in", credentials("operator"))
	b.want(p, http.StatusSeeOther)
	held := p.Cookies()[slices.IndexFunc(p.Cookies(), func(k *http.Cookie) bool { return strings.HasPrefix(k.Name, "__Secure-coc-console-") })]
	if held.Path != belowPath || !held.Secure || !held.HttpOnly {
		t.Errorf("the session's cookie is %v", held)
	}
	for _, k := range append(p.Cookies(), b.post("/theme", url.Values{"theme": {"dark"}}).Cookies()...) {
		if k.Path != belowPath {
			t.Errorf("%v is sent to everybody on the host", k)
		}
	}
	before := c.outsideOf(t, front, i18n.EnUS) // as the console at the root of the host had it
	root := strings.Replace(held.Name, "__Secure-", "__Host-", 1) + "=" + held.Value
	before.want(before.get("/tickets", with("Cookie", root)), http.StatusOK)
	p = b.get("/tickets")
	b.want(p, http.StatusOK)
	form := url.Values{"person": {personInput.FindStringSubmatch(p.body)[1]}}
	p = before.send("/sign-out", form, with("Cookie", root))
	before.want(p, http.StatusSeeOther)
	if to := p.location(); to != belowPath+"/sign-in?signed_out=1" {
		t.Errorf("the sign-out leads to %s", to)
	}
	before.want(before.get("/tickets", with("Cookie", root)), http.StatusSeeOther)
}

// TestCompanyBelowPath: the provider sends people back to where the console is outside.
func TestCompanyBelowPath(t *testing.T) {
	t.Parallel()
	c, front := proxied(t, true, byCompany)
	b := c.outsideOf(t, front, i18n.EnUS)
	p := b.signInAs("li.na", url.Values{"return": {"/audit"}})
	b.want(p, http.StatusSeeOther)
	if p.location() != belowPath+"/audit" {
		t.Errorf("the sign-in leads to %s", p.location())
	}
	b.want(b.get("/tickets"), http.StatusOK)
}

// TestOriginOutside: a browser that tells the origin alone may send forms, although the proxy calls the console by
// another name.
func TestOriginOutside(t *testing.T) {
	t.Parallel()
	c, front := proxied(t, true)
	b := c.outsideOf(t, front, i18n.EnUS)
	b.want(b.post("/theme", url.Values{"theme": {"dark"}}, with("Origin", front.URL)), http.StatusSeeOther)
	b.want(b.post("/theme", url.Values{"theme": {"dark"}}, with("Origin", "https://evil.example")), http.StatusForbidden)
}
