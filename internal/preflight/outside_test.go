package preflight

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"coc-console/internal/outside"
)

// whole is an answer that nobody gets before its end.
func whole(r *http.Response) error {
	text, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(text))
	return err
}

func TestOutside(t *testing.T) {
	t.Parallel()
	key := bytes.Repeat([]byte{3}, 32)
	strips := func(r *httputil.ProxyRequest) { r.Out.URL.Path = strings.TrimPrefix(r.In.URL.Path, "/coc") }
	local := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	for _, tt := range []struct {
		name    string
		rewrite func(*httputil.ProxyRequest)
		answer  func(*http.Response) error
		trusted []netip.Prefix
		key     []byte
		want    []string // states and texts, by line
	}{
		{"well, and the path is left", func(r *httputil.ProxyRequest) { r.SetXForwarded() }, nil, local, key,
			[]string{"ok|leaves /coc", "ok|https", "ok|127.0.0.1", "ok|comes through"}},
		{"well, and the path is taken away", func(r *httputil.ProxyRequest) { r.SetXForwarded(); strips(r) }, nil, local, key,
			[]string{"ok|takes /coc away", "ok|", "ok|", "ok|"}},
		{"held back", func(r *httputil.ProxyRequest) { r.SetXForwarded() }, whole, local, key, []string{"ok|", "ok|", "ok|", "failed|holds back"}},
		{"a proxy that says nothing", strips, nil, local, key, []string{"ok|", "failed|no X-Forwarded-Proto", "failed|no X-Forwarded-For", "ok|"}},
		{"a proxy that says http", func(r *httputil.ProxyRequest) { r.SetXForwarded(); r.Out.Header.Set("X-Forwarded-Proto", "http") }, nil, local, key,
			[]string{"ok|", `failed|arrives as "http"`, "ok|", "ok|"}},
		{"a proxy that nobody named", func(r *httputil.ProxyRequest) { r.SetXForwarded() }, nil, nil, key, []string{"ok|", "failed|not believed", "failed|not believed", "ok|"}},
		{"another console", strips, nil, local, bytes.Repeat([]byte{4}, 32), []string{"warning|not this console"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			hold := time.Minute // nobody waits for it
			if tt.answer != nil {
				hold = 200 * time.Millisecond
			}
			console := httptest.NewServer(outside.Probe(key, hold, http.NotFoundHandler()))
			t.Cleanup(console.Close)
			to, err := url.Parse(console.URL)
			if err != nil {
				t.Fatal(err)
			}
			front := httptest.NewTLSServer(&httputil.ReverseProxy{FlushInterval: -1, ModifyResponse: tt.answer,
				Rewrite: func(r *httputil.ProxyRequest) { tt.rewrite(r); r.SetURL(to) }})
			t.Cleanup(front.Close)
			got := Outside{At: outside.Address{Origin: front.URL, Path: "/coc"}, Key: tt.key, Trusted: tt.trusted, Client: front.Client(), Hold: hold}.Check(t.Context())
			if len(got) != len(tt.want) {
				t.Fatalf("got %d lines, want %d\n%s", len(got), len(tt.want), Text(got))
			}
			for i, want := range tt.want {
				state, text, _ := strings.Cut(want, "|")
				if string(got[i].State) != state || !strings.Contains(got[i].Text, text) || state == "failed" && got[i].Do == "" {
					t.Errorf("line %d is %+v, want %s", i, got[i], want)
				}
			}
		})
	}
}
