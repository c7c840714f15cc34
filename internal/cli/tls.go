package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"coc-console/internal/settings"
	"coc-console/internal/sockets"

	"github.com/spf13/pflag"
)

// certificateEvery is how often the files of the certificate are looked at.
const certificateEvery = 5 * time.Second

// expiresSoon is how long before its end a certificate is warned of.
const expiresSoon = 14 * 24 * time.Hour

// tlsConfig says how the console serves https itself.
type tlsConfig struct {
	cert, key string // files
	redirect  string // address that leads from http
}

func (c *tlsConfig) define(f *pflag.FlagSet) {
	f.StringVar(&c.cert, "tls-cert", "", "PEM `FILE` with a certificate, and those that lead to its authority: the console then serves https itself; taken up when it changes")
	f.StringVar(&c.key, "tls-key", "", "PEM `FILE` with the certificate's key; goes with --tls-cert")
	f.StringVar(&c.redirect, "http-redirect", "", "`ADDRESS`, such as :80, that leads browsers from http to https; goes with --tls-cert")
}

func (c *tlsConfig) on() bool { return c.cert != "" }

func (c *tlsConfig) check() error {
	for name, value := range map[string]string{"tls-key": c.key, "http-redirect": c.redirect} {
		if value != "" && !c.on() {
			return settings.Wrong(name, "goes with --tls-cert")
		}
	}
	if !c.on() {
		return nil
	}
	if c.key == "" {
		return settings.Wrong("tls-cert", "goes with --tls-key")
	}
	if c.redirect != "" {
		if err := sockets.Check(c.redirect); err != nil {
			return settings.Wrong("http-redirect", err.Error())
		}
	}
	if _, err := (&certificate{tlsConfig: *c}).read(); err != nil {
		return settings.Wrong("tls-cert", err.Error())
	}
	return nil
}

// certificate is what two files have. It is safe for concurrent use once it was read.
type certificate struct {
	tlsConfig
	logger *slog.Logger

	pem, refused []byte // of both files: what is served, and what could not be
	warned       bool   // that it expires soon
	now          atomic.Pointer[tls.Certificate]
}

// read takes up what the files have. changed is false where that is what is served, or what was refused before.
func (c *certificate) read() (changed bool, err error) {
	cert, err := os.ReadFile(c.cert)
	if err != nil {
		return false, err
	}
	key, err := os.ReadFile(c.key)
	if err != nil {
		return false, err
	}
	both := bytes.Join([][]byte{cert, key}, []byte{0})
	if bytes.Equal(both, c.pem) || bytes.Equal(both, c.refused) {
		return false, nil
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		c.refused = both
		return false, fmt.Errorf("%s with %s: %w", c.cert, c.key, err)
	}
	c.pem, c.refused, c.warned = both, nil, false
	c.now.Store(&pair)
	return true, nil
}

// follow looks at the files again. What can't be used leaves the certificate as it is.
func (c *certificate) follow(context.Context) error {
	changed, err := c.read()
	if err != nil {
		return fmt.Errorf("the certificate stays as it was: %w", err)
	}
	end := c.now.Load().Leaf.NotAfter
	if changed {
		c.logger.Info("certificate taken up", "file", c.cert, "ends", end)
	}
	if time.Until(end) < expiresSoon && !c.warned {
		c.warned = true
		c.logger.Warn("the certificate ends soon, or has ended", "file", c.cert, "ends", end)
	}
	return nil
}

// secure lets a server speak TLS, with the certificate that the files have at the time.
func (c *tlsConfig) secure(ctx context.Context, server *http.Server, logger *slog.Logger, open *closers) error {
	if !c.on() {
		return nil
	}
	own := &certificate{tlsConfig: *c, logger: logger}
	if err := own.follow(ctx); err != nil {
		return settings.Wrong("tls-cert", err.Error())
	}
	server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return own.now.Load(), nil }}
	maintain(ctx, certificateEvery, own.follow, logger, open)
	return nil
}

// serveRedirect leads browsers from http to the console's https at a port. Only addresses are led there: what a form
// has sent has travelled in the open already, and is answered so.
func serveRedirect(ctx context.Context, cfg config, console net.Addr, logger *slog.Logger, open *closers) error {
	if cfg.tls.redirect == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(console.String())
	if err != nil {
		return settings.Wrong("http-redirect", "the console has no port to lead to: it is served on "+console.String())
	}
	at := setting{"http-redirect", cfg.tls.redirect, cfg.getenv}
	return serveBeside(ctx, "redirect to https", at, redirectTo(port), logger, open)
}

func redirectTo(port string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			http.Error(w, "This is served over https alone.", http.StatusForbidden)
			return
		}
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		host = net.JoinHostPort(strings.Trim(host, "[]"), port)
		to := "https://" + strings.TrimSuffix(host, ":443") + r.URL.RequestURI()
		http.Redirect(w, r, to, http.StatusPermanentRedirect) //nolint:gosec // to the same host
	})
}
