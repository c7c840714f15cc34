package accept_test

import (
	"net/http"
	"testing"

	"coc-console/internal/accept"
)

func TestGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, "gzip": true, "br, GZIP": true, "x-gzip": true, "*": true, "br": false, "gzip;q=0": false, "*;q=0": false,
		"gzip;q=0, *": false, "gzip; q=0.5, identity": false, "gzip;q=0.5, identity;q=0.1": true, "gzip;level=9": false,
	} {
		if got := accept.Gzip(http.Header{"Accept-Encoding": {header}}); got != want {
			t.Errorf("%q: got %v, want %v", header, got, want)
		}
	}
}
