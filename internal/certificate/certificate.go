// Package certificate is what the console serves https with: a certificate from files, or one that an ACME authority
// gives it. Either is taken up while connections stay open.
package certificate

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// lookEvery is how often it is looked whether there is another certificate.
const lookEvery = 5 * time.Second

// expiresSoon is how long before its end a certificate is warned of, at most. One that lives shortly is in the last
// quarter of its life: from the third on it should have been renewed.
const expiresSoon = 14 * 24 * time.Hour

// Serving is the certificate that is served. It is safe for concurrent use.
type Serving struct {
	logger *slog.Logger
	now    atomic.Pointer[tls.Certificate]
	warned bool // that it ends soon
	follow func(ctx context.Context)
	// authority looks whether the name is the console's; nil: there is none.
	authority *autocert.Manager
}

// Follow takes up the certificates that come after the present one, or the first, until the context ends. An
// authority has to reach the console by then.
func (s *Serving) Follow(ctx context.Context) { s.follow(ctx) }

// Config is that of a server with the certificate of the time.
func (s *Serving) Config() *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.get}
	if s.authority != nil {
		c.NextProtos = []string{"h2", "http/1.1", acme.ALPNProto}
	}
	return c
}

// Plain answers at the port of plain http: an authority that looks for the console, all others by next.
func (s *Serving) Plain(next http.Handler) http.Handler {
	if s.authority == nil {
		return next
	}
	return s.authority.HTTPHandler(next)
}

var errNone = errors.New("there is no certificate yet")

// get is the certificate for a connection.
func (s *Serving) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if s.authority != nil && slices.Equal(hello.SupportedProtos, []string{acme.ALPNProto}) {
		return s.authority.GetCertificate(hello) //nolint:wrapcheck // the authority hears that it failed
	}
	if now := s.now.Load(); now != nil {
		return now, nil
	}
	return nil, errNone
}

// End is when the certificate ends; zero while there is none. soon warns of it.
func (s *Serving) End() (end time.Time, soon bool) {
	now := s.now.Load()
	if now == nil {
		return time.Time{}, true
	}
	leaf := now.Leaf
	return leaf.NotAfter, time.Until(leaf.NotAfter) < min(expiresSoon, leaf.NotAfter.Sub(leaf.NotBefore)/4)
}

// look says when a certificate was taken up, and once that it ends soon.
func (s *Serving) look(changed bool, from string) {
	end, soon := s.End()
	if changed {
		s.warned = false
		s.logger.Info("certificate taken up", "from", from, "ends", end)
	}
	if soon && !s.warned {
		s.warned = true
		s.logger.Warn("the certificate ends soon, or has ended", "from", from, "ends", end)
	}
}

// Files are the PEM files of a certificate, with those that lead to its authority, and of its key.
type Files struct{ Cert, Key string }

// Serve serves what the files have.
func (f Files) Serve(logger *slog.Logger) (*Serving, error) {
	s := &Serving{logger: logger}
	of := &filed{Files: f, serving: s}
	if _, err := of.read(); err != nil {
		return nil, err
	}
	s.look(true, f.Cert)
	s.follow = of.follow
	return s, nil
}

// filed is what two files have.
type filed struct {
	Files
	serving      *Serving
	pem, refused []byte // of both files: what is served, and what could not be
}

// read takes up what the files have. changed is false where that is what is served, or what was refused before.
func (f *filed) read() (changed bool, err error) {
	cert, err := os.ReadFile(f.Cert)
	if err != nil {
		return false, err
	}
	key, err := os.ReadFile(f.Key)
	if err != nil {
		return false, err
	}
	both := bytes.Join([][]byte{cert, key}, []byte{0})
	if bytes.Equal(both, f.pem) || bytes.Equal(both, f.refused) {
		return false, nil
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		f.refused = both
		return false, fmt.Errorf("%s with %s: %w", f.Cert, f.Key, err)
	}
	f.pem, f.refused = both, nil
	f.serving.now.Store(&pair)
	return true, nil
}

// follow looks at the files again and again. What can't be used leaves the certificate as it is.
func (f *filed) follow(ctx context.Context) {
	for waited(ctx, lookEvery) {
		changed, err := f.read()
		if err != nil {
			f.serving.logger.Warn("the certificate stays as it was", "again", lookEvery.String(), "error", err)
			continue
		}
		f.serving.look(changed, f.Cert)
	}
}

// waited reports whether the time has passed, and the context has not ended.
func waited(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
