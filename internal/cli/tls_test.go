package cli

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestRedirectToHTTPS(t *testing.T) {
	for _, tt := range []struct{ port, origin, method, host, target, want string }{
		{"443", "", http.MethodGet, "ops.example.com", "/tickets?name=a%20b", "https://ops.example.com/tickets?name=a%20b"},
		{"443", "", http.MethodHead, "ops.example.com:80", "/", "https://ops.example.com/"},
		{"8443", "", http.MethodGet, "ops.example.com:8080", "/", "https://ops.example.com:8443/"},
		{"443", "", http.MethodGet, "[2001:db8::1]:80", "/", "https://[2001:db8::1]/"},
		{"8443", "", http.MethodGet, "[2001:db8::1]", "/a", "https://[2001:db8::1]:8443/a"},
		{"443", "", http.MethodGet, "ops.example.com", "//elsewhere.example/", "https://ops.example.com//elsewhere.example/"},
		{"443", "", http.MethodGet, "ops.example.com", "http://elsewhere.example/x", "https://elsewhere.example/x"},
		// Where people reach the console is known: another port of this machine may lead to its own.
		{"8443", "https://ops.example.com", http.MethodGet, "ops.example.com", "/coc/?a=b", "https://ops.example.com/coc/?a=b"},
		{"8443", "https://ops.example.com:444", http.MethodGet, "10.0.0.1:80", "//elsewhere.example/", "https://ops.example.com:444//elsewhere.example/"},
		{"8443", "http://ops.example.com", http.MethodGet, "ops.example.com", "/", "https://ops.example.com:8443/"},
		{"443", "", http.MethodPost, "ops.example.com", "/sign-in", ""},
	} {
		r := httptest.NewRequestWithContext(t.Context(), tt.method, tt.target, http.NoBody)
		if tt.target[0] == '/' {
			r.Host = tt.host
		}
		w := httptest.NewRecorder()
		redirectTo(tt.port, tt.origin).ServeHTTP(w, r)
		status := http.StatusPermanentRedirect
		if tt.want == "" {
			status = http.StatusForbidden
		}
		if got := w.Header().Get("Location"); got != tt.want || w.Code != status {
			t.Errorf("%s %s of %s: %d %q, want %d %q", tt.method, tt.target, tt.host, w.Code, got, status, tt.want)
		}
	}
}
