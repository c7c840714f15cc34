package outside_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"coc-console/internal/outside"
)

// TestProbeNeedsItsKey: nobody else learns how their request arrives.
func TestProbeNeedsItsKey(t *testing.T) {
	t.Parallel()
	key := bytes.Repeat([]byte{3}, 32)
	h := outside.Probe(key, time.Millisecond, http.NotFoundHandler())
	good := outside.ProbeToken(key, time.Now())
	for token, want := range map[string]int{
		good: http.StatusOK, "": http.StatusNotFound, "x": http.StatusNotFound, good + "0": http.StatusNotFound, "1" + good: http.StatusNotFound,
		outside.ProbeToken(key, time.Now().Add(-time.Hour)):         http.StatusNotFound,
		outside.ProbeToken(bytes.Repeat([]byte{4}, 32), time.Now()): http.StatusNotFound,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/coc"+outside.ProbePath, http.NoBody)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != want {
			t.Errorf("%q is answered %d, want %d", token, w.Code, want)
		}
	}
}
