package system

import (
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"coc-console/internal/i18n"
)

// tunnel is a proxy that leads every connection to one address, and wants a
// password if it has one.
type tunnel struct {
	to, password string
	connected    atomic.Int32
}

func (p *tunnel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, given, _ := strings.Cut(r.Header.Get("Proxy-Authorization"), " ")
	if r.Method != http.MethodConnect || p.password != "" && given != p.password {
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	p.connected.Add(1)
	onward, err := net.Dial("tcp", p.to)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = onward.Close()
		return
	}
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { _, _ = io.Copy(onward, conn); _ = onward.Close() }()
	_, _ = io.Copy(conn, onward)
	_ = conn.Close()
}

// TestProxyAndCertificatesFromTheEnvironment runs the program as it is started:
// HTTPS_PROXY and SSL_CERT_FILE hold for every call, also the one that sends an
// operation; without them the page and the log say what is missing, and no
// password.
func TestProxyAndCertificatesFromTheEnvironment(t *testing.T) {
	onlyInWhole(t)
	s := newSite(t)
	server := httptest.NewUnstartedServer(s.counted(s.sim.Handler()))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	authority := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	proxy := &tunnel{to: server.Listener.Addr().String(), password: "dXNlcjpzM2NyZXQ="} // user:s3cret
	front := httptest.NewServer(proxy)
	t.Cleanup(front.Close)
	host := strings.TrimPrefix(front.URL, "http://")
	run := func(certificates, proxyAddress, except string) (*process, *browser) {
		t.Setenv("SSL_CERT_FILE", certificates)
		t.Setenv("HTTPS_PROXY", proxyAddress)
		t.Setenv("NO_PROXY", except)
		p := spawn(t, "--coc-endpoint", "https://example.com", "--iam-endpoint", "https://example.com", "--accounts", "demo", "--ticket-poll-interval", "20ms", "--effect-timeout", "1s")
		p.ready()
		return p, newBrowser(t, p.url)
	}
	texts := i18n.For(i18n.EnUS).Problem.UpstreamReason
	in := url.Values{"account": {"demo"}, "user": {"operator"}, "password": {"operator"}, "project": {"cn-north-4"}}
	for _, tt := range []struct{ name, certificates, proxy, except, says, reason string }{
		{"without the authority", filepath.Join(t.TempDir(), "none"), "http://user:s3cret@" + host, "", texts.UnknownCA, "certificate_not_trusted"},
		{"without the proxy's password", authority, "http://" + host, "", texts.ProxyAuth, "proxy_auth"},
		{"with a proxy that is gone", authority, "http://user:s3cret@127.0.0.1:1", "", texts.Proxy, "proxy"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, b := run(tt.certificates, tt.proxy, tt.except)
			answer := b.post("/sign-in", in)
			if answer.status != http.StatusBadGateway || !strings.Contains(answer.body, strings.ReplaceAll(tt.says, "'", "&#39;")) {
				t.Errorf("status %d\n%.3000s", answer.status, answer.body)
			}
			if ready := b.get("/readyz"); ready.status != http.StatusOK || !strings.Contains(ready.body, "iam: warning "+tt.reason+": ") {
				t.Errorf("/readyz: %d %s", ready.status, ready.body)
			}
			if text := p.stderr.String(); !strings.Contains(text, "reason="+tt.reason) || strings.Contains(text, "s3cret") {
				t.Errorf("the log says %s", text)
			}
		})
	}
	_, b := run(authority, "http://user:s3cret@"+host, "")
	b.signIn("operator")
	before := proxy.connected.Load()
	action, fields := b.form(s.sim.UUID("running"), "PAUSE_ORDER")
	if answer := b.post(action, fields); answer.status != http.StatusSeeOther {
		t.Errorf("the operation: status %d\n%.2000s", answer.status, answer.body)
	}
	s.sentOnce(1)
	if proxy.connected.Load() <= before {
		t.Error("the operation did not come through the proxy")
	}
}
