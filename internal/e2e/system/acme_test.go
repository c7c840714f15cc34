package system

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"coc-console/internal/e2e"
	"coc-console/internal/preflight"
)

const certifiedName = "console.example.test"

// buildAuthority builds the ACME authority of the tests, which nobody here wrote.
func buildAuthority(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "pebble")
	build := exec.CommandContext(t.Context(), "go", "build", "-modfile=../../../tools/acme/go.mod", "-o", program,
		"github.com/letsencrypt/pebble/v2/cmd/pebble")
	if out, err := build.CombinedOutput(); err != nil {
		e2e.Missing(t, "the ACME authority can't be built: "+err.Error()+"\n"+string(out))
	}
	return program
}

// freePort is one that nobody listens on at the moment.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	must(t, err)
	return port
}

// serveNames answers over TCP that every name is 127.0.0.1.
func serveNames(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answerNames(conn)
		}
	}()
	return l.Addr().String()
}

func answerNames(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	for {
		var size uint16
		if binary.Read(conn, binary.BigEndian, &size) != nil {
			return
		}
		text := make([]byte, size)
		var m dnsmessage.Message
		if _, err := io.ReadFull(conn, text); err != nil || m.Unpack(text) != nil || len(m.Questions) != 1 {
			return
		}
		q := m.Questions[0]
		m.Response, m.Authoritative, m.Additionals = true, true, nil
		if q.Type == dnsmessage.TypeA {
			m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1},
				Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}}}
		}
		answer, err := m.AppendPack(make([]byte, 2))
		if err != nil {
			return
		}
		binary.BigEndian.PutUint16(answer, uint16(len(answer)-2))
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}

// startAuthority starts the authority, whose certificates live for some seconds, and gives the settings of a console
// that asks it. It looks for the console at those ports.
func startAuthority(t *testing.T, program, httpPort, tlsPort string, seconds int) []string {
	t.Helper()
	folder, port := t.TempDir(), freePort(t)
	cert, key, config := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem"), filepath.Join(folder, "config.json")
	roots := x509.NewCertPool()
	roots.AddCert(certified(t, 7, cert, key))
	number := func(port string) int {
		n, err := strconv.Atoi(port)
		must(t, err)
		return n
	}
	text, err := json.Marshal(map[string]any{"pebble": map[string]any{"listenAddress": "127.0.0.1:" + port, "certificate": cert, "privateKey": key,
		"httpPort": number(httpPort), "tlsPort": number(tlsPort), "profiles": map[string]any{"default": map[string]any{"description": "short", "validityPeriod": seconds}}}})
	must(t, err)
	must(t, os.WriteFile(config, text, 0o600))
	said := e2e.NewOutput()
	authority := exec.CommandContext(context.Background(), program, "-config", config, "-dnsserver", serveNames(t))
	authority.Env, authority.Stdout, authority.Stderr = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0"), said, said
	must(t, authority.Start())
	t.Cleanup(func() {
		_ = authority.Process.Kill()
		_ = authority.Wait()
		if t.Failed() {
			t.Logf("the authority said\n%s", said)
		}
	})
	directory := "https://127.0.0.1:" + port + "/dir"
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}}
	(&process{t: t, stderr: said}).until("the authority answers", func() bool {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, directory, http.NoBody)
		must(t, err)
		res, err := client.Do(r)
		if err != nil {
			return false
		}
		return res.Body.Close() == nil && res.StatusCode == http.StatusOK
	})
	return []string{"--acme-email", "ops@example.test", "--acme-directory", directory, "--acme-ca", cert, "--url", "https://" + certifiedName}
}

// certificateOf is what the console serves; nil while there is none.
func certificateOf(t *testing.T, address string) *x509.Certificate {
	t.Helper()
	conn, err := (&tls.Dialer{Config: &tls.Config{ServerName: certifiedName, InsecureSkipVerify: true}}).
		DialContext(t.Context(), "tcp", address)
	if err != nil {
		return nil
	}
	defer func() { _ = conn.Close() }()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0]
}

// TestCertificateFromAuthority: the console gets a certificate by either challenge, keeps it for its next start, and
// renews it while streams are open.
func TestCertificateFromAuthority(t *testing.T) {
	onlyInWhole(t)
	program := buildAuthority(t)
	for name, byHTTP := range map[string]bool{"tls-alpn-01": false, "http-01": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listen, redirect, life := freePort(t), freePort(t), 3600
			var asks []string
			if byHTTP {
				asks = startAuthority(t, program, redirect, freePort(t), life)
			} else {
				life = 15 // renewed when 5 are left
				asks = startAuthority(t, program, freePort(t), listen, life)
			}
			data := t.TempDir()
			asks = append(asks, "--listen", "127.0.0.1:"+listen, "--http-redirect", "127.0.0.1:"+redirect, "--data", data)
			p := startProcess(t, asks...)
			var got *x509.Certificate
			p.until("a certificate", func() bool { got = certificateOf(t, "127.0.0.1:"+listen); return got != nil })
			if len(got.DNSNames) != 1 || got.DNSNames[0] != certifiedName || !strings.HasPrefix(got.Issuer.CommonName, "Pebble") {
				t.Errorf("it is for %v, of %s", got.DNSNames, got.Issuer)
			}
			kept, err := filepath.Glob(filepath.Join(data, "acme", "*"))
			must(t, err)
			for _, file := range kept {
				if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("%s: %v, %v", file, info.Mode(), err)
				}
			}
			if len(kept) != 2 {
				t.Errorf("what is kept: %v", kept)
			}
			if lines, _ := checked(t, asks...); lines["acme"].State != preflight.OK || lines["clock, acme"].State != preflight.OK {
				t.Errorf("check says of the authority: %+v, %+v", lines["acme"], lines["clock, acme"])
			}
			if byHTTP {
				p.stop()
				again := startProcess(t, asks...)
				var next *x509.Certificate
				again.until("the kept certificate", func() bool { next = certificateOf(t, "127.0.0.1:"+listen); return next != nil })
				if !next.Equal(got) {
					t.Error("a new start asks for a new certificate")
				}
				return
			}
			// A renewal that fails is tried again half an hour later at the soonest: no test waits for that.
			for again := 0; !renewed(t, p, got); again++ {
				if again == 2 {
					t.Fatalf("the certificate isn't renewed\n%s", p.stderr)
				}
				p.stop()
				p = startProcess(t, asks...)
				p.until("a certificate", func() bool { got = certificateOf(t, "127.0.0.1:"+listen); return got != nil })
			}
		})
	}
}

// renewed waits for the next certificate while streams are open, which stay. It is false where none comes within twice
// the life of the first.
func renewed(t *testing.T, p *process, first *x509.Certificate) bool {
	t.Helper()
	b := newBrowser(t, p.url)
	b.client.Transport = &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{ServerName: certifiedName, InsecureSkipVerify: true}}
	b.signIn("operator")
	streams := openStreams(t, b, 20)
	late, tick := time.After(2*first.NotAfter.Sub(first.NotBefore)), time.NewTicker(100*time.Millisecond)
	defer tick.Stop()
	for now := first; now == nil || now.Equal(first); now = certificateOf(t, strings.TrimPrefix(p.url, "https://")) {
		select {
		case <-late:
			return false
		case <-tick.C:
		}
	}
	for _, s := range streams {
		s.event()
	}
	ready := b.get("/readyz").body
	if !strings.Contains(ready, "\ncertificate: ") {
		t.Errorf("readyz does not tell of the certificate\n%s", ready)
	}
	return true
}
