package system

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// certified writes a certificate for 127.0.0.1 with a serial number, and its key.
func certified(t *testing.T, serial int64, certFile, keyFile string) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	c := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(24 * time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	must(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		must(t, os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
	}
	parsed, err := x509.ParseCertificate(der)
	must(t, err)
	return parsed
}

// TestServesTLS: the console serves https by itself, over HTTP/2. A certificate that is renewed while 102 streams are
// open is taken up, and ends none of them; files that don't fit change nothing.
func TestServesTLS(t *testing.T) {
	onlyInWhole(t)
	folder := t.TempDir()
	cert, key := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	roots := x509.NewCertPool()
	roots.AddCert(certified(t, 1, cert, key))
	p := startProcess(t, "--tls-cert", cert, "--tls-key", key, "--http-redirect", "127.0.0.1:0", "--user-limit-factor", "2")
	if !strings.HasPrefix(p.url, "https://127.0.0.1:") {
		t.Fatalf("it says that it is at %s", p.url)
	}
	var streams []eventStream
	var b *browser
	for _, person := range []string{"manager", "reader", "operator", "manager", "reader", "operator"} {
		b = newBrowser(t, p.url)
		b.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
		b.signIn(person)
		streams = append(streams, openStreams(t, b, 17)...)
	}
	res := answered(t, b.client, p.url+"/tickets")
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK || res.ProtoMajor != 2 || res.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("the list: %d over %s, HSTS %q", res.StatusCode, res.Proto, res.Header.Get("Strict-Transport-Security"))
	}

	serial := func() int64 {
		conn, err := (&tls.Dialer{Config: &tls.Config{RootCAs: roots}}).DialContext(t.Context(), "tcp", strings.TrimPrefix(p.url, "https://"))
		must(t, err)
		defer func() { _ = conn.Close() }()
		return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	must(t, os.WriteFile(key, []byte("half a key"), 0o600))
	p.until("it says that it keeps the certificate", func() bool {
		return strings.Contains(p.stderr.String(), "the certificate stays as it was")
	})
	if n := serial(); n != 1 {
		t.Errorf("with a broken key the certificate is number %d", n)
	}
	roots.AddCert(certified(t, 2, cert, key))
	p.until("the renewed certificate is taken up", func() bool { return serial() == 2 })
	for _, s := range streams {
		s.event()
	}
	if _, err := (&tls.Dialer{Config: &tls.Config{RootCAs: roots, MaxVersion: tls.VersionTLS11}}).DialContext(t.Context(), "tcp",
		strings.TrimPrefix(p.url, "https://")); err == nil {
		t.Error("it speaks TLS 1.1")
	}
	plain := regexp.MustCompile(`serving redirect to https" address=(\S+)`).FindStringSubmatch(p.stderr.String())
	if plain == nil {
		t.Fatalf("it does not say where the redirect is served\n%s", p.stderr)
	}
	res = answered(t, b.client, "http://"+plain[1]+"/tickets?name=web")
	_ = res.Body.Close()
	if to := res.Header.Get("Location"); res.StatusCode != http.StatusPermanentRedirect || to != p.url+"/tickets?name=web" {
		t.Errorf("http leads to %d %q", res.StatusCode, to)
	}
}

func answered(t *testing.T, client *http.Client, address string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	must(t, err)
	res, err := client.Do(r)
	must(t, err)
	return res
}

// eventStream is a live page that is open.
type eventStream struct {
	t    *testing.T
	text *bufio.Reader
}

// openStreams opens live pages of a running ticket, all at the same time, and waits for the first event of each.
func openStreams(t *testing.T, b *browser, n int) []eventStream {
	t.Helper()
	ticket := regexp.MustCompile(`/tickets/SCT[0-9a-z]+`).FindString(b.get("/tickets?status=PROCESSING").body)
	if ticket == "" {
		t.Fatal("no ticket is running")
	}
	all := make([]eventStream, n)
	for i := range all {
		res := answered(t, b.client, b.base+ticket+"/events")
		t.Cleanup(func() { _ = res.Body.Close() })
		if res.StatusCode != http.StatusOK {
			t.Fatalf("stream %d is answered %d", i, res.StatusCode)
		}
		all[i] = eventStream{t, bufio.NewReader(res.Body)}
	}
	return all
}

// event reads the stream up to the end of a line.
func (s eventStream) event() {
	s.t.Helper()
	if _, err := s.text.ReadString('\n'); err != nil {
		s.t.Errorf("a stream has ended: %v", err)
	}
}

// until waits for something that the console does.
func (p *process) until(what string, done func() bool) {
	p.t.Helper()
	late := time.After(2 * time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-late:
			p.t.Fatalf("not in time: %s\n%s", what, p.stderr)
		case <-tick.C:
		}
	}
}
