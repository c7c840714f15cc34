package upstream

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// serving is a server with a certificate of its own.
func serving(t *testing.T, change func(*x509.Certificate)) (address string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	change(c)
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(parsed)
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL, roots
}

// answering is a TCP server that writes the text and closes.
func answering(t *testing.T, text string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 4096))
			_, _ = io.WriteString(conn, text)
			_ = conn.Close()
		}
	}()
	return l.Addr().String()
}

// TestReasons makes each failure real.
func TestReasons(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mute.Close() })
	unknown, _ := serving(t, func(*x509.Certificate) {})
	expired, expiredRoots := serving(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	other, otherRoots := serving(t, func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"other.example"} })
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	proxy := func(address string) func(*http.Transport) {
		return func(tr *http.Transport) {
			tr.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: address, User: url.UserPassword("user", "s3cret")})
		}
	}
	roots := func(pool *x509.CertPool) func(*http.Transport) {
		return func(tr *http.Transport) {
			tr.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
		}
	}
	nothing := func(*http.Transport) {}
	for _, tt := range []struct {
		name, address string
		change        func(*http.Transport)
		want          Reason
	}{
		{"refused", gone.URL, nothing, Refused},
		{"an unknown name", "https://nowhere.invalid", func(tr *http.Transport) {
			tr.DialContext = func(context.Context, string, string) (net.Conn, error) {
				return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "nowhere.invalid", IsNotFound: true}}
			}
		}, DNS},
		{"no answer", "http://" + mute.Addr().String(), func(tr *http.Transport) { tr.ResponseHeaderTimeout = 50 * time.Millisecond }, Timeout},
		{"no handshake", "https://" + mute.Addr().String(), func(tr *http.Transport) { tr.TLSHandshakeTimeout = 50 * time.Millisecond }, Timeout},
		{"unknown authority", unknown, nothing, UnknownCA},
		{"expired", expired, roots(expiredRoots), CertificateExpired},
		{"another host", other, roots(otherRoots), CertificateHost},
		{"plain http", "https://" + strings.TrimPrefix(plain.URL, "http://"), nothing, TLS},
		{"the connection breaks", "http://" + answering(t, ""), nothing, Broken},
		{"the proxy wants a password", "https://coc.example.com", proxy(answering(t, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")), ProxyAuth},
		{"the proxy refuses", "https://coc.example.com", proxy(answering(t, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")), Proxy},
		{"no proxy", "https://coc.example.com", proxy(strings.TrimPrefix(gone.URL, "http://")), Proxy},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr := &http.Transport{OnProxyConnectResponse: CheckProxy, DisableKeepAlives: true}
			tt.change(tr)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, tt.address, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			res, err := (&http.Client{Transport: tr}).Do(r)
			if err == nil {
				_ = res.Body.Close()
				t.Fatal("it answered")
			}
			if got := ReasonOf(err); got != tt.want {
				t.Errorf("%v: got %q, want %q", err, got, tt.want)
			}
			if text := NewSecrets("x").Error(err).Error(); strings.Contains(text, "s3cret") {
				t.Error(text)
			}
		})
	}
	if got := ReasonOf(context.Canceled); got != "" {
		t.Errorf("who gave up: %q", got)
	}
	for status, body := range map[int]string{200: " <!doctype html>", 302: "", 511: "{}", 403: "\uFEFF<html>"} {
		if got := ReasonOfAnswer(status, []byte(body)); got != Portal {
			t.Errorf("%d %q: %q", status, body, got)
		}
	}
	for status, body := range map[int]string{200: "{}", 401: `{"error_code":"APIGW.0301"}`, 502: "<html>", 404: ""} {
		if got := ReasonOfAnswer(status, []byte(body)); got != "" {
			t.Errorf("%d %q: %q", status, body, got)
		}
	}
}

// TestHealth: a service is asked when nothing is known of it, at most every 30
// seconds, and nobody waits long.
func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		pass := func(d time.Duration) { <-time.After(d) } // on the bubble's clock
		var h *Health
		var probed atomic.Int32
		takes := time.Duration(0)
		h = NewHealth("coc", slog.New(slog.NewTextHandler(&out, nil)), nil, func(ctx context.Context) {
			probed.Add(1)
			select {
			case <-time.After(takes):
				h.Note("", nil)
			case <-ctx.Done():
				h.Note(ReasonOf(ctx.Err()), ctx.Err())
			}
		})
		if s := h.Ask(t.Context()); !s.Reachable() || probed.Load() != 1 {
			t.Errorf("at first: %+v after %d probes", s, probed.Load())
		}
		pass(29 * time.Second)
		h.Ask(t.Context())
		if probed.Load() != 1 {
			t.Errorf("%d probes in 30 seconds", probed.Load())
		}
		pass(2 * time.Second)
		takes = time.Minute
		start := time.Now()
		for range 3 {
			h.Ask(t.Context())
		}
		if waited := time.Since(start); waited > 2*time.Second || probed.Load() != 2 {
			t.Errorf("waited %v for %d probes", waited, probed.Load())
		}
		pass(10 * time.Second)
		if s := h.Status(); s.Reachable() || s.Reason != Timeout || s.Success.IsZero() {
			t.Errorf("after a time-out: %+v", s)
		}
		synctest.Wait()
		for range 3 {
			h.Note(Broken, errors.New("cause"))
		}
		h.Note("", nil)
		if s := h.Status(); !s.Reachable() {
			t.Errorf("after an answer: %+v", s)
		}
		if text := out.String(); strings.Count(text, "reason=timeout") != 1 || strings.Count(text, "reason=broken") != 1 || !strings.Contains(text, "answers again") {
			t.Error(text)
		}
		h.Close()
		pass(time.Hour)
		h.Ask(t.Context())
		if probed.Load() != 2 {
			t.Errorf("%d probes after the end", probed.Load())
		}
	})
}

// TestBudget: readers of large answers wait for one another, not those of small
// ones, and whoever gives up lets others on.
func TestBudget(t *testing.T) {
	b := NewBudget()
	large := strings.Repeat("x", SmallAnswer+1)
	var held []func()
	for range largePlaces {
		body, done, err := b.Read(t.Context(), strings.NewReader(large), MaxAnswer)
		if err != nil || len(body) != len(large) {
			t.Fatalf("%d bytes, %v", len(body), err)
		}
		held = append(held, done)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, done, err := b.Read(ctx, strings.NewReader(large), MaxAnswer)
	done()
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("one more: %v", err)
	}
	body, done, err := b.Read(t.Context(), strings.NewReader("small"), MaxAnswer)
	if done(); err != nil || string(body) != "small" {
		t.Errorf("a small one: %q, %v", body, err)
	}
	held[0]()
	held[0]()
	if _, _, err := b.Read(t.Context(), strings.NewReader(large), MaxAnswer); err != nil {
		t.Errorf("after one has ended: %v", err)
	}
	_, done, err = b.Read(t.Context(), strings.NewReader("12345"), 4)
	done()
	if ReasonOf(err) != TooLarge {
		t.Errorf("above the limit: %v", err)
	}
	if len(b.small) != largePlaces || len(b.large) != largePlaces {
		t.Errorf("%d and %d places are taken", len(b.small), len(b.large))
	}
}
