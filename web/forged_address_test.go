package web_test

import (
	"net/http"
	"net/netip"
	"testing"

	"coc-console/internal/i18n"
	"coc-console/internal/simulator"
)

// TestForgedAddressesDoNotEscapeLimits: what a client writes into the headers
// gives it no other address for the limits than the one that the trusted proxy
// saw (GO-2026-6872: Echo's own choice, without an extractor, believes all of it).
func TestForgedAddressesDoNotEscapeLimits(t *testing.T) {
	t.Parallel()
	const seen = "203.0.113.9"
	forged := map[string]func(address string) []func(*http.Request){
		"X-Forwarded-For": func(a string) []func(*http.Request) {
			return []func(*http.Request){with("X-Forwarded-For", a+", "+seen)}
		},
		"X-Real-Ip": func(a string) []func(*http.Request) {
			return []func(*http.Request){with("X-Real-Ip", a), with("X-Forwarded-For", seen)}
		},
		"Forwarded": func(a string) []func(*http.Request) {
			return []func(*http.Request){with("Forwarded", "for="+a), with("X-Forwarded-For", seen)}
		},
	}
	for header, set := range forged {
		t.Run(header, func(t *testing.T) {
			c := start(t, func(s *settings) { s.trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
			b := c.browser(t, i18n.EnUS)
			var last page
			for i := range 15 {
				in := credentials("user-" + number(int64(i)))
				in.Set("password", "guess")
				last = b.post("/sign-in", in, append(set("198.51.100."+number(int64(i))), with("X-Forwarded-Proto", "https"))...)
			}
			if last.StatusCode != http.StatusTooManyRequests {
				t.Errorf("the last guess got %d", last.StatusCode)
			}
			if n := c.sim.Calls(simulator.CallSignIn); n != 10 {
				t.Errorf("IAM was asked %d times, want 10", n)
			}
		})
	}
}
