package cli

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"

	"coc-console/internal/certificate"
	"coc-console/internal/huawei"
	"coc-console/internal/outside"
	"coc-console/internal/settings"
	"coc-console/internal/sockets"

	"github.com/spf13/pflag"
)

// tlsConfig says how the console serves https itself.
type tlsConfig struct {
	files     certificate.Files
	authority certificate.Authority
	redirect  string // address that leads from http

	serving *certificate.Serving // once it was opened; nil: none
}

func (c *tlsConfig) define(f *pflag.FlagSet) {
	f.StringVar(&c.files.Cert, "tls-cert", "", "PEM `FILE` with a certificate, and those that lead to its authority: the console then serves https itself; taken up when it changes")
	f.StringVar(&c.files.Key, "tls-key", "", "PEM `FILE` with the certificate's key; goes with --tls-cert")
	f.StringVar(&c.redirect, "http-redirect", "", "`ADDRESS`, such as :80, that leads browsers from http to https; goes with --tls-cert or --acme-email")
	a := &c.authority
	f.StringVar(&a.Email, "acme-email", "", "`ADDRESS` of somebody whom an authority can write to: the console then gets its certificate by itself (ACME) and renews it; setting this agrees to the authority's terms; the authority has to reach it at port 443 (--listen) or 80 (--http-redirect)")
	f.StringVar(&a.Name, "acme-domain", "", "`NAME` of the console that the certificate is for; empty: that of --url")
	f.StringVar(&a.Directory, "acme-directory", certificate.LetsEncrypt, "`URL` of the authority's directory")
	f.StringVar(&a.CAFile, "acme-ca", "", "PEM `FILE` with the certificates that an authority of one's own is checked by; empty: those that the system trusts")
}

func (c *tlsConfig) on() bool { return c.files.Cert != "" || c.authority.Email != "" }

// complete takes the name from the console's address.
func (c *tlsConfig) complete(at outside.Address, data string) {
	if c.authority.Email != "" {
		c.authority.Name = strings.ToLower(cmp.Or(c.authority.Name, at.Host()))
		c.authority.Folder = filepath.Join(data, "acme")
	}
}

func (c *tlsConfig) check() error {
	if c.redirect != "" {
		if !c.on() {
			return settings.Wrong("http-redirect", "goes with --tls-cert or --acme-email")
		}
		if err := sockets.Check(c.redirect); err != nil {
			return settings.Wrong("http-redirect", err.Error())
		}
	}
	if err := c.checkAuthority(); err != nil {
		return err
	}
	switch {
	case c.files == certificate.Files{}:
		return nil
	case c.files.Cert == "":
		return settings.Wrong("tls-key", "goes with --tls-cert")
	case c.files.Key == "":
		return settings.Wrong("tls-cert", "goes with --tls-key")
	case c.authority.Email != "":
		return settings.Wrong("acme-email", "the certificate is that of --tls-cert: leave one of both out")
	}
	if _, err := c.files.Serve(slog.New(slog.DiscardHandler)); err != nil {
		return settings.Wrong("tls-cert", err.Error())
	}
	return nil
}

func (c *tlsConfig) checkAuthority() error {
	a := c.authority
	if a.Email == "" {
		for name, value := range map[string]string{"acme-domain": a.Name, "acme-ca": a.CAFile} {
			if value != "" {
				return settings.Wrong(name, "goes with --acme-email")
			}
		}
		return nil
	}
	if user, host, ok := strings.Cut(a.Email, "@"); !ok || user == "" || host == "" {
		return settings.Wrong("acme-email", fmt.Sprintf("%q is no mail address", a.Email))
	}
	if net.ParseIP(a.Name) != nil || !strings.Contains(strings.Trim(a.Name, "."), ".") ||
		strings.ContainsAny(a.Name, "*/: ") {
		return settings.Wrong("acme-domain",
			fmt.Sprintf("%q is no name such as ops.example.com: give one, or --url", a.Name))
	}
	if _, err := huawei.ParseEndpoint(a.Directory); err != nil {
		return settings.Wrong("acme-directory", err.Error())
	}
	if _, err := a.Roots(); err != nil {
		return settings.Wrong("acme-ca", err.Error())
	}
	return nil
}

// open prepares the certificate that is served, where there is one.
func (c *tlsConfig) open(logger *slog.Logger) (err error) {
	switch {
	case c.authority.Email != "":
		if c.serving, err = c.authority.Serve(logger); err != nil {
			return settings.Wrong("acme-ca", err.Error())
		}
	case c.files.Cert != "":
		if c.serving, err = c.files.Serve(logger); err != nil {
			return settings.Wrong("tls-cert", err.Error())
		}
	}
	return nil
}

// secure lets a server speak TLS, leads browsers there from plain http, and follows the certificate.
func (c *tlsConfig) secure(ctx context.Context, server *http.Server, at net.Addr, cfg config, logger *slog.Logger,
	open *closers) error {
	if c.serving == nil {
		return nil
	}
	server.TLSConfig = c.serving.Config()
	if c.redirect != "" {
		_, port, err := net.SplitHostPort(at.String())
		if err != nil {
			return settings.Wrong("http-redirect", "the console has no port to lead to: it is served on "+at.String())
		}
		to := setting{"http-redirect", c.redirect, cfg.getenv}
		plain := c.serving.Plain(redirectTo(port, cfg.outside.Origin))
		if err := serveBeside(ctx, "redirect to https", to, plain, logger, open); err != nil {
			return err
		}
	}
	open.run(ctx, c.serving.Follow)
	return nil
}

// redirectTo leads browsers from http to the console's https: to its origin, where that is known, else to a port. Only
// addresses are led there: what a form has sent has travelled in the open already, and is answered so.
func redirectTo(port, origin string) http.Handler {
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
		to := "https://" + strings.TrimSuffix(host, ":443")
		if strings.HasPrefix(origin, "https://") {
			to = origin
		}
		to += r.URL.RequestURI()
		http.Redirect(w, r, to, http.StatusPermanentRedirect) //nolint:gosec // to the same host
	})
}
