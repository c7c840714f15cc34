package forwarded

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func behindProxies(logger *slog.Logger) *Proxies {
	return &Proxies{Logger: logger, Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}}
}

func TestClientAddresses(t *testing.T) {
	t.Parallel()
	const unknown = Unknown
	s := behindProxies(slog.New(slog.DiscardHandler))
	for _, tt := range []struct {
		peer string
		xff  []string
		want string
	}{
		{"203.0.113.1:5", nil, "203.0.113.1"},
		{"203.0.113.1:5", []string{"198.51.100.7"}, "203.0.113.1"},
		{"[::ffff:203.0.113.1]:5", nil, "203.0.113.1"},
		{"[fe80::1%eth0]:5", nil, "fe80::1"},
		{"@", nil, unknown},
		{"10.0.0.1:5", nil, unknown},
		{"10.0.0.1:5", []string{""}, unknown},
		{"10.0.0.1:5", []string{" , ,"}, unknown},
		{"10.0.0.1:5", []string{"203.0.113.5"}, "203.0.113.5"},
		{"[::ffff:10.0.0.1]:5", []string{"203.0.113.5"}, "203.0.113.5"},
		{"10.0.0.1:5", []string{"203.0.113.5:44321"}, "203.0.113.5"},
		{"10.0.0.1:5", []string{"[2001:db8::7]:51000"}, "2001:db8::7"},
		{"10.0.0.1:5", []string{"[2001:DB8::7]"}, "2001:db8::7"},
		{"10.0.0.1:5", []string{"2001:db8::7"}, "2001:db8::7"},
		{"10.0.0.1:5", []string{"[fe80::7%eth0]:1"}, "fe80::7"},
		{"10.0.0.1:5", []string{"::ffff:203.0.113.5"}, "203.0.113.5"},
		{"10.0.0.1:5", []string{"203.0.113.5,"}, "203.0.113.5"},
		{"10.0.0.1:5", []string{", 203.0.113.5 , ,"}, "203.0.113.5"},
		{"10.0.0.1:5", []string{`"203.0.113.5"`}, "203.0.113.5"},
		{"10.0.0.1:5", []string{`"[2001:db8::7]:51000"`}, "2001:db8::7"},
		{"10.0.0.1:5", []string{"198.51.100.1, 203.0.113.5"}, "203.0.113.5"},
		{"10.0.0.1:5", []string{"198.51.100.1, 203.0.113.5, 10.0.0.9:80, fd00::1"}, "203.0.113.5"},
		{"10.0.0.1:5", []string{"198.51.100.1", "203.0.113.5", "10.0.0.9"}, "203.0.113.5"}, // one header for each proxy
		{"10.0.0.1:5", []string{"unknown, 203.0.113.5"}, "203.0.113.5"},
		{"10.0.0.1:5", []string{"203.0.113.5, unknown"}, unknown}, // who stands before it may be invented
		{"10.0.0.1:5", []string{"203.0.113.5, _hidden, 10.0.0.2"}, unknown},
		{"10.0.0.1:5", []string{"10.0.0.2, 10.0.0.3, 10.0.0.2"}, "10.0.0.2"}, // a proxy asks for itself
		{"10.0.0.1:5", []string{"unknown"}, unknown},
		{"10.0.0.1:5", []string{"0.0.0.0"}, unknown},
		{"10.0.0.1:5", []string{"203.0.113.5:port"}, unknown},
		{"10.0.0.1:5", []string{"[2001:db8::7"}, unknown},
		{"10.0.0.1:5", []string{"[2001:db8::7]x"}, unknown},
		{"10.0.0.1:5", []string{"for=203.0.113.5"}, unknown},
		{"10.0.0.1:5", []string{"203.000.113.005"}, unknown},
		{"10.0.0.1:5", []string{"<b>\x00"}, unknown},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		r.RemoteAddr, r.Header["X-Forwarded-For"] = tt.peer, tt.xff
		r.Header.Set("Forwarded", "for=192.0.2.99")
		r.Header.Set("X-Real-Ip", "192.0.2.98")
		if got := s.Client(r); got != tt.want {
			t.Errorf("%s, %q: got %s, want %s", tt.peer, tt.xff, got, tt.want)
		}
	}
}

func TestUnknownAddressesAreWarnedOfOnce(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	address := behindProxies(slog.New(slog.NewTextHandler(&out, nil))).Client
	for _, xff := range []string{"unknown", "_hidden", "", "203.0.113.5", "", "unknown"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		r.RemoteAddr = "10.0.0.1:5"
		r.Header.Set("X-Forwarded-For", xff)
		address(r)
	}
	if n := strings.Count(out.String(), "\n"); n != 2 || !strings.Contains(out.String(), badForwardedFor) || !strings.Contains(out.String(), noForwardedFor) {
		t.Errorf("%d lines: %s", n, out.String())
	}
}

func TestForwardedProtocols(t *testing.T) {
	t.Parallel()
	s := behindProxies(slog.New(slog.DiscardHandler))
	for _, tt := range []struct {
		peer, xff string
		protocols []string
		want      bool
	}{
		{"10.0.0.1:5", "203.0.113.5", []string{"https"}, true},
		{"10.0.0.1:5", "203.0.113.5", []string{" HTTPS ,"}, true},
		{"10.0.0.1:5", "unknown", []string{"https"}, true},
		{"203.0.113.1:5", "203.0.113.5", []string{"https"}, false},
		{"10.0.0.1:5", "203.0.113.5", nil, false},
		{"10.0.0.1:5", "203.0.113.5", []string{"http"}, false},
		{"10.0.0.1:5", "203.0.113.5, 10.0.0.2", []string{"https, http"}, true},      // TLS ends at the first proxy
		{"10.0.0.1:5", "203.0.113.5, 10.0.0.2", []string{"https", "http"}, true},    //
		{"10.0.0.1:5", "203.0.113.5, 10.0.0.2", []string{"http, https"}, false},     // and begins behind it
		{"10.0.0.1:5", "198.51.100.1, 203.0.113.5", []string{"https, http"}, false}, // the first is invented
		{"10.0.0.1:5", "203.0.113.5", []string{"https, http"}, false},               // nobody knows whose is whose
		{"10.0.0.1:5", "203.0.113.5, 10.0.0.2, 10.0.0.3", []string{"https"}, true},  //
		{"10.0.0.1:5", "203.0.113.5", []string{"https, https"}, true},               //
		{"10.0.0.1:5", "", []string{"https, http"}, false},                          //
		{"10.0.0.1:5", "203.0.113.5, 10.0.0.2", []string{"httpsx, https"}, false},   //
		{"[fd00::1]:5", "2001:db8::7", []string{"https"}, true},                     //
		{"[::ffff:10.0.0.1]:5", "2001:db8::7", []string{"https"}, true},             //
		{"10.0.0.1", "203.0.113.5", []string{"https"}, false},                       // no peer
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		r.RemoteAddr, r.Header["X-Forwarded-Proto"] = tt.peer, tt.protocols
		r.Header.Set("X-Forwarded-For", tt.xff)
		if got := s.OverTLS(r); got != tt.want {
			t.Errorf("%s, %q, %q: got %v", tt.peer, tt.xff, tt.protocols, got)
		}
	}
}

// TestProxiesAreNotThisMachine: what a proxy on the machine passes on comes
// from elsewhere.
func TestProxiesAreNotThisMachine(t *testing.T) {
	t.Parallel()
	local := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("::1/128")}
	for _, tt := range []struct {
		name, peer string
		trusted    []netip.Prefix
		old        bool
		want       bool
	}{
		{"nobody is trusted", "127.0.0.1:5", nil, false, true},
		{"a trusted proxy that adds no header", "127.0.0.1:5", local, false, false},
		{"by IPv6", "[::1]:5", local, false, false},
		{"by a mapped address", "[::ffff:127.0.0.1]:5", local, false, false},
		{"somebody else on the machine", "127.0.0.2:5", local, false, true},
		{"HTTP/1.0, as nginx speaks it", "127.0.0.1:5", nil, true, false},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody)
		r.Host, r.RemoteAddr = "127.0.0.1:8080", tt.peer
		if tt.old {
			r.ProtoMinor = 0
		}
		s := &Proxies{Trusted: tt.trusted}
		if got := s.OnMachine(r); got != tt.want {
			t.Errorf("%s: on the machine %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestTrusts(t *testing.T) {
	t.Parallel()
	s := &Proxies{Trusted: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8")}}
	for remote, want := range map[string]bool{
		"10.1.2.3:1": true, "[::ffff:10.1.2.3]:1": true, "[fd00::1]:1": true, "10.2.2.3:1": false, "[fe80::1]:1": false, "10.1.2.3": false, "": false,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		r.RemoteAddr = remote
		if got := s.Trusts(r); got != want {
			t.Errorf("%q: got %v, want %v", remote, got, want)
		}
	}
}

func FuzzForwardedFor(f *testing.F) {
	for _, text := range []string{"", "203.0.113.5:1, [::1]:2", "[", "]", "%", "\"", "1:2:3", "fe80::1%[", "[fe80::1%]]:1"} {
		f.Add(text)
	}
	s := behindProxies(slog.New(slog.DiscardHandler))
	f.Fuzz(func(t *testing.T, text string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		r.RemoteAddr, r.Header["X-Forwarded-For"] = "10.9.9.9:5", []string{text}
		got := s.clientOf(r)
		if a, err := netip.ParseAddr(got.address); got.address != Unknown && (err != nil || a.Zone() != "" || a.Is4In6()) {
			t.Errorf("%q: %q", text, got.address)
		}
		if got.address == "10.9.9.9" && !strings.Contains(text, "9.9") {
			t.Errorf("%q: the proxy's own address", text)
		}
	})
}
