package web_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"coc-console/internal/i18n"
)

// TestSizeOfTicketPages: a ticket's page is stored by no browser, and small enough to be sent whole at each visit.
func TestSizeOfTicketPages(t *testing.T) {
	t.Parallel()
	const most = 11 << 10
	c := start(t)
	b := c.signedIn(t, "operator", i18n.EnUS)
	for _, scenario := range []string{"abnormal", "running", "paused"} {
		compressed := b.get(c.ticket(scenario), func(r *http.Request) { r.Header.Set("Accept-Encoding", "gzip") })
		if kept := compressed.Header.Get("Cache-Control"); kept != "no-store" {
			t.Errorf("%s may be kept: %q", scenario, kept)
		}
		r, err := gzip.NewReader(strings.NewReader(compressed.body))
		if err != nil {
			t.Fatalf("%s: %d %v %v", scenario, compressed.StatusCode, compressed.Header, err)
		}
		page, err := io.ReadAll(r)
		must(t, err)
		t.Logf("%s: %d bytes, %d compressed", scenario, len(page), len(compressed.body))
		if !strings.Contains(string(page), "instance-rows") || len(compressed.body) > most {
			t.Errorf("%s: the page has %d bytes, compressed; want at most %d", scenario, len(compressed.body), most)
		}
	}
}
