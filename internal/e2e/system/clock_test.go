package system

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// behind is a simulator whose answers say, by a proxy before it, that it is
// earlier than it is; and whose tokens end with a clock like that.
type behind struct {
	url      string
	by, ends atomic.Int64 // time.Durations; ends is taken from the end of tokens
}

var tokenEnd = regexp.MustCompile(`"expires_at":"([^"]+)"`)

func newBehind(t *testing.T, upstream string) *behind {
	t.Helper()
	target, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	b := &behind{}
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(target); p.Out.Header.Del("Accept-Encoding") },
		ModifyResponse: func(r *http.Response) error {
			r.Header.Set("Date", time.Now().Add(-time.Duration(b.by.Load())).UTC().Format(http.TimeFormat))
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			body = tokenEnd.ReplaceAllFunc(body, func(text []byte) []byte {
				end, err := time.Parse(time.RFC3339, string(tokenEnd.FindSubmatch(text)[1]))
				if err != nil {
					t.Error(err)
				}
				return []byte(`"expires_at":"` + end.Add(-time.Duration(b.ends.Load())).Format("2006-01-02T15:04:05.000000Z") + `"`)
			})
			r.Body = io.NopCloser(bytes.NewReader(body))
			r.ContentLength = int64(len(body))
			r.Header.Del("Content-Length")
			return nil
		}})
	t.Cleanup(proxy.Close)
	b.url = proxy.URL
	return b
}

func (b *behind) console(t *testing.T, args ...string) *process {
	t.Helper()
	return startProcess(t, append([]string{"--coc-endpoint", b.url, "--iam-endpoint", b.url, "--managers", "demo/manager", "--accounts", "demo"}, args...)...)
}

// TestClockThatIsWrong is warned of on pages, by /readyz and in the metrics,
// and no longer when it is right.
func TestClockThatIsWrong(t *testing.T) {
	t.Parallel()
	onlyInWhole(t)
	up := newBehind(t, newSite(t).url)
	p := up.console(t)
	b := newBrowser(t, p.url)
	up.by.Store(int64(time.Hour))
	b.signIn("operator")
	if page := b.get("/tickets"); !strings.Contains(page.body, "1 h 00 min ahead of ") || !strings.Contains(page.body, "notice-warning") {
		t.Errorf("the page does not warn: %d", page.status)
	}
	ready := b.get("/readyz")
	if !regexp.MustCompile(`(?m)^clock: warning clock_off: .*: 3(599|600|601)\.\d s ahead of that of the (COC|IAM) endpoint$`).MatchString(ready.body) ||
		!strings.HasPrefix(ready.body, "ready\n") {
		t.Errorf("%d %s", ready.status, ready.body)
	}
	if metrics := b.get("/metrics").body; !regexp.MustCompile(`(?m)^coc_console_clock_skew_seconds\{against="iam"\} 3(599|600)`).MatchString(metrics) {
		t.Error("the metrics have no skew against IAM")
	}
	if page := newBrowser(t, p.url).get("/sign-in"); !strings.Contains(page.body, "1 h 00 min ahead of ") {
		t.Error("the sign-in page does not warn")
	}
	up.by.Store(0)
	newBrowser(t, p.url).signIn("manager") // asks IAM
	eventually(t, "no warning of a clock that is right", func() bool {
		b.get("/tickets?status=any") // asks COC
		return strings.Contains(b.get("/readyz").body, "clock: ok\n") && !strings.Contains(b.get("/tickets").body, "ahead of ")
	})
}

// TestTokenThatIsOver by this machine's clock begins no session: it says both
// times, and how far the clocks are from each other.
func TestTokenThatIsOver(t *testing.T) {
	t.Parallel()
	up := newBehind(t, newSite(t).url)
	p := up.console(t)
	up.by.Store(int64(25 * time.Hour))
	b := newBrowser(t, p.url)
	for name, ends := range map[string]time.Duration{"ended": 25 * time.Hour, "about to end": 24*time.Hour - 5*time.Second} {
		up.ends.Store(int64(ends))
		got := b.post("/sign-in", url.Values{"account": {"demo"}, "user": {"operator"}, "password": {"operator"}})
		if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "You aren&#39;t signed in") ||
			!strings.Contains(got.body, "this console&#39;s clock says "+time.Now().UTC().Format("2006-01-02 15:")) ||
			!strings.Contains(got.body, "1 d 01 h ahead of IAM") {
			t.Errorf("%s: it answers %d\n%s", name, got.status, got.body)
		}
		if again := b.get("/tickets"); again.status != http.StatusSeeOther {
			t.Errorf("%s: a session was begun: %d", name, again.status)
		}
	}
	up.ends.Store(0)
	b.signIn("manager")
	if log := b.get("/audit?q=" + url.QueryEscape("action:session.sign_in_failed")).body; !strings.Contains(log, "session.sign_in_failed") {
		t.Error("the refusal is not recorded")
	}
}
