package outside_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coc-console/internal/outside"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]outside.Address{
		"":                             {},
		"https://ops.example.com":      {Origin: "https://ops.example.com"},
		"https://ops.example.com/":     {Origin: "https://ops.example.com"},
		"https://ops.example.com/coc":  {Origin: "https://ops.example.com", Path: "/coc"},
		"http://[::1]:8080/a/b.c_d~e/": {Origin: "http://[::1]:8080", Path: "/a/b.c_d~e"},
		// As browsers write it in Origin and Host.
		"HTTPS://OPS.Example.COM:443/Coc":  {Origin: "https://ops.example.com", Path: "/Coc"},
		"http://ops.example.com:80":        {Origin: "http://ops.example.com"},
		"https://ops.example.com:80":       {Origin: "https://ops.example.com:80"},
		"https://ops.example.com:08443":    {Origin: "https://ops.example.com:8443"},
		"https://ops.example.com:":         {Origin: "https://ops.example.com"},
		"https://München.example/coc":      {Origin: "https://xn--mnchen-3ya.example", Path: "/coc"},
		"https://ops_1.example.com":        {Origin: "https://ops_1.example.com"},
		"https://[2001:DB8:0:0::0001]:443": {Origin: "https://[2001:db8::1]"},
		"https://192.0.2.7:8443":           {Origin: "https://192.0.2.7:8443"},
	} {
		if got, err := outside.Parse(text); got != want || err != nil {
			t.Errorf("%q: got %v and %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"ops.example.com", "ftp://ops.example.com", "https://", "https://me@ops.example.com", "https://x/?q=1", "https://x/#f",
		"https://x//y", "https://x/../y", "https://x/.", "https://x/a;b", "https://x/a,b", "https://x/%2e", "https://x/a\"b", "https://x/ä",
		"https://x:0", "https://x:65536", "https://[fe80::1%25eth0]", "https://a\u202Eb.example", "https://a..b", "https://a b.example", "https://xn--a.example/ü"} {
		if got, err := outside.Parse(text); err == nil {
			t.Errorf("%q is %v, and no address", text, got)
		}
	}
}

// TestHandler: a proxy may leave the path or take it away.
func TestHandler(t *testing.T) {
	t.Parallel()
	at := outside.Address{Origin: "https://ops.example.com", Path: "/coc"}
	var got string
	h := at.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r.URL.Path + " " + r.URL.RequestURI() + " " + r.RequestURI
		if outside.From(r.Context()) != at {
			t.Errorf("the context has %v", outside.From(r.Context()))
		}
	}))
	for from, want := range map[string]string{
		"/coc/tickets?a=b": "/tickets /tickets?a=b /tickets?a=b",
		"/tickets?a=b":     "/tickets /tickets?a=b /tickets?a=b",
		"/coc":             "/ / /",
		"/coc/":            "/ / /",
		"/cocoa":           "/cocoa /cocoa /cocoa",
		"/coc/a%2Fb":       "/a/b /a%2Fb /a%2Fb",
		"/%63oc/a":         "/a /a /a",
		"/coc/coc/a":       "/coc/a /coc/a /coc/a",
	} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, from, http.NoBody))
		if got != want {
			t.Errorf("%s is inside %s, want %s", from, got, want)
		}
	}
}

func TestHeader(t *testing.T) {
	t.Parallel()
	at := outside.Address{Path: "/coc"}
	for from, want := range map[string]string{"/tickets?x": "/coc/tickets?x", "/": "/coc/", "https://idp.example.com/": "https://idp.example.com/", "//x": "//x"} {
		h := http.Header{"Location": {from}}
		if at.Header(h); h.Get("Location") != want {
			t.Errorf("%s leads to %s, want %s", from, h.Get("Location"), want)
		}
	}
	h := http.Header{"Set-Cookie": {"a=b; Path=/; HttpOnly", "c=d; Path=/", "__Host-e=f; Path=/; Secure", "__Secure-g=h; Path=/; Secure", "i=j; Path=/sign-in/x; Secure"}}
	at.Header(h)
	want := []string{"a=b; Path=/coc; HttpOnly", "c=d; Path=/coc", "__Host-e=f; Path=/; Secure", "__Secure-g=h; Path=/coc; Secure", "i=j; Path=/coc/sign-in/x; Secure"}
	if diff := cmp.Diff(want, h["Set-Cookie"]); diff != "" {
		t.Errorf("cookies (-want +got):\n%s", diff)
	}
}

func TestMarkup(t *testing.T) {
	t.Parallel()
	at := outside.Address{Path: "/coc"}
	for from, want := range map[string]string{
		`<a class="x" href="/tickets">/tickets href=&#34;/x&#34;</a>`: `<a class="x" href="/coc/tickets">/tickets href=&#34;/x&#34;</a>`,
		`<form action="/a"><input value="/a"></form>`:                 `<form action="/coc/a"><input value="/a"></form>`,
		`<img src="/s"><a href="//x">`:                                `<img src="/coc/s"><a href="//x">`,
		`<main data-live="/e" data-shortcut="/">`:                     `<main data-live="/coc/e" data-shortcut="/">`,
		`<a href="#x">`: `<a href="#x">`,
		at.Seen(`<a href="/coc/x">`) + `<a href="/y">`: `<a href="/coc/x"><a href="/coc/y">`,
	} {
		if got := string(at.Markup([]byte(from))); got != want {
			t.Errorf("%s\nis   %s\nwant %s", from, got, want)
		}
	}
	root := outside.Address{Origin: "https://ops.example.com"}
	if text := `<a href="/x">`; string(root.Markup([]byte(text))) != text || root.Seen(text) != text {
		t.Error("at the root, markup stays as it is")
	}
}
