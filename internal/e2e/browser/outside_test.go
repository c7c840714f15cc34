package browser

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"coc-console/internal/e2e"
	"coc-console/internal/simulator"
)

// behindProxy starts a console below /coc, behind a proxy that takes that away. change may change the answers.
func behindProxy(t *testing.T, args []string, change func(*http.Response) error) string {
	t.Helper()
	var to atomic.Pointer[url.URL]
	proxy := &httputil.ReverseProxy{FlushInterval: -1, ModifyResponse: change, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to.Load())
		r.Out.URL.Path = strings.TrimPrefix(r.In.URL.Path, "/coc")
	}}
	mux := http.NewServeMux()
	mux.Handle("/coc/", proxy)
	front := httptest.NewServer(mux)
	t.Cleanup(front.Close)
	base := front.URL + "/coc"
	console, err := url.Parse(e2e.Launch(t, e2e.NoEnvironment, append(args, "--url", base)...).URL)
	if err != nil {
		t.Fatal(err)
	}
	to.Store(console)
	return base
}

// TestBrowserBelowPath signs in, sees a ticket change, operates and confirms, below a path that a proxy strips.
func TestBrowserBelowPath(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	s, args := startUpstream(t, simulator.Config{Rules: quick.Rules, Tickets: crowded()})
	tb := b.open(t, behindProxy(t, append(args, hurried...), nil), look{still: true})
	tb.SignIn("operator")
	tb.Watch(s)
	s.offset(5 * time.Minute)
	tb.See("#instance-1003[data-status=ABNORMAL]")
	tb.Click("[data-operation-type=PAUSE_ORDER] a[href]")
	tb.See("#confirm")
	tb.Type("[name=reason]", "below a path")
	tb.Click("#confirm")
	tb.See("#receipt[data-status='operation.observed']")
	tb.WaitFor("location.pathname.startsWith('/coc/operations/')")
	tb.Same("a page, a form and its receipt")
	tb.pressControlK()
	tb.Press("reload")
	tb.WaitFor("document.querySelectorAll('#palette-list li').length > 1")
	if cookie := tb.Text("document.cookie"); !strings.Contains(cookie, "zone=") {
		t.Errorf("the page has the cookies %q", cookie)
	}
}

// heldBack is a body of which nothing arrives before its end.
type heldBack struct {
	io.ReadCloser
	all *bytes.Reader
}

func (h *heldBack) Read(b []byte) (int, error) {
	if h.all == nil {
		text, err := io.ReadAll(h.ReadCloser)
		if err != nil {
			return 0, err
		}
		h.all = bytes.NewReader(text)
	}
	return h.all.Read(b)
}

// TestBrowserBehindBuffer: a proxy holds streams back. After 10 s the page says so and goes on without its stream, and
// readyz names it.
func TestBrowserBehindBuffer(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	s, args := startUpstream(t, simulator.Config{Rules: quick.Rules, Tickets: crowded()})
	base := behindProxy(t, append(args, hurried...), func(r *http.Response) error {
		if strings.HasPrefix(r.Header.Get("Content-Type"), "text/event-stream") {
			r.Body = &heldBack{ReadCloser: r.Body}
		}
		return nil
	})
	tb := b.open(t, base, look{still: true, language: "zh-CN"})
	tb.SignIn("operator")
	tb.Go("/tickets/" + s.UUID("crowded") + "?rows=all")
	tb.Mark()
	s.offset(5 * time.Minute)
	tb.WaitFor("document.querySelector('main > #not-live')?.textContent.includes('代理')")
	tb.See("#instance-1003[data-status=ABNORMAL]")
	tb.WaitFor("document.querySelector('main > #not-live') && document.querySelector('main').dataset.refresh === '10'")
	tb.Same("a page that asks")
	tb.Eval("fetch('/coc/readyz').then((r) => r.text()).then((text) => globalThis.ready = text)")
	tb.WaitFor("globalThis.ready?.includes('streams: warning streams_held_back')")
}
