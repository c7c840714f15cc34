package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"coc-console/internal/ansi"
)

// LetsEncrypt is the directory of the authority that most use.
const LetsEncrypt = acme.LetsEncryptURL

// Authority is an ACME authority that gives the console its certificate.
type Authority struct {
	Email     string // of somebody whom it can write to
	Name      string // that the certificate is for, such as ops.example.com
	Directory string // its address
	CAFile    string // PEM file that it is checked by; empty: what the system trusts
	Folder    string // of what it gave, made when missing; its files have mode 0600
}

const (
	callTimeout = 30 * time.Second // one call to the authority
	firstPause  = time.Minute      // before it is asked again where it gave nothing
	lastPause   = time.Hour
)

// Roots are those that the authority is checked by; nil: those that the system trusts. The error is that of CAFile.
func (a Authority) Roots() (*x509.CertPool, error) {
	if a.CAFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(a.CAFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New(a.CAFile + " has no certificate")
	}
	return roots, nil
}

// Serve serves the certificate that is kept, or that comes once Follow has asked for one. It is renewed when a third of
// its life is left, and again and again where that fails.
func (a Authority) Serve(logger *slog.Logger) (*Serving, error) {
	roots, err := a.Roots()
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:errcheck,forcetypeassert // it is one
	transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	client := &http.Client{Transport: heard{transport, logger}, Timeout: callTimeout}
	s := &Serving{logger: logger, authority: &autocert.Manager{Prompt: autocert.AcceptTOS, Email: a.Email,
		Client: &acme.Client{DirectoryURL: a.Directory, UserAgent: "coc-console", HTTPClient: client},
		Cache:  autocert.DirCache(a.Folder), HostPolicy: a.isOwn}}
	s.follow = func(ctx context.Context) { a.follow(ctx, s) }
	return s, nil
}

// isOwn refuses other names. The authority's request has a port where that isn't 80.
func (a Authority) isOwn(_ context.Context, host string) error {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if !strings.EqualFold(host, a.Name) {
		return fmt.Errorf("%q is not the name of the certificate", ansi.Visible(host))
	}
	return nil
}

// follow asks for a certificate until there is one, and takes up those that follow.
func (a Authority) follow(ctx context.Context, s *Serving) {
	// What a browser of today says of itself: its certificate has an elliptic key.
	hello := &tls.ClientHelloInfo{ServerName: a.Name,
		CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}
	failed := firstPause / 2
	for pause := time.Duration(0); waited(ctx, pause); {
		pair, err := within(ctx, func() (*tls.Certificate, error) { return s.authority.GetCertificate(hello) })
		switch {
		case err == nil:
			before := s.now.Swap(pair)
			s.look(before == nil || !before.Leaf.Equal(pair.Leaf), a.Directory)
			pause = lookEvery
		case ctx.Err() == nil:
			failed = min(2*failed, lastPause)
			pause = failed
			s.logger.Warn("no certificate yet", "name", a.Name, "directory", a.Directory, "again", pause.String(),
				"error", err)
		}
	}
}

// within gives up waiting when the context ends.
func within[T any](ctx context.Context, get func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	got := make(chan answer, 1)
	go func() {
		value, err := get()
		got <- answer{value, err}
	}()
	select {
	case a := <-got:
		return a.value, a.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}
