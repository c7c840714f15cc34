package web

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/labstack/echo/v4"

	"coc-console/handlers"
)

// policy is the content security policy of every page: nothing inline, nothing
// from elsewhere, and scripts may write markup through one named policy only.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types coc-console"

// headers sets the security headers of every answer. Pages are never stored:
// they show what only their reader may see, and are out of date in seconds.
func (s *server) headers(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		setSecurityHeaders(h, isSecure(c))
		h.Set("Cache-Control", "no-store")
		return next(c)
	}
}

func setSecurityHeaders(h http.Header, secure bool) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// sameSite refuses what another site's page sends.
func (s *server) sameSite(next echo.HandlerFunc) echo.HandlerFunc {
	protection := http.NewCrossOriginProtection()
	return func(c echo.Context) error {
		if err := protection.Check(c.Request()); err != nil {
			return &handlers.Problem{Status: http.StatusForbidden, Kind: handlers.ProblemCrossSite, Err: err}
		}
		return next(c)
	}
}

// maxForm is the largest body of a form, in bytes: a token of 32 KB, escaped,
// is the largest thing that anybody has to send.
const maxForm = 128 << 10

// limitBody cuts the body off and parses the form once, so that no handler can
// read half of one, or a body that GET should not have.
func (s *server) limitBody(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		r.Body = http.MaxBytesReader(c.Response(), r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			return formProblem(err)
		}
		return next(c)
	}
}

type contextKey int

const secureKey contextKey = iota

// transport decides once whether the browser reached us over TLS. Only a proxy
// that is named in the settings is believed.
func (s *server) transport(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		c.SetRequest(r.WithContext(context.WithValue(r.Context(), secureKey, s.overTLS(r))))
		return next(c)
	}
}

func (s *server) overTLS(r *http.Request) bool {
	return r.TLS != nil || s.trusts(r.RemoteAddr) && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

func (s *server) trusts(remote string) bool {
	addr, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	for _, p := range s.TrustedProxies {
		if p.Contains(addr.Addr().Unmap()) {
			return true
		}
	}
	return false
}

func isSecure(c echo.Context) bool {
	secure, _ := c.Request().Context().Value(secureKey).(bool)
	return secure
}

// safeToSignIn reports whether a password may travel: over TLS, or over plain
// http that does not leave the machine. A proxy on the machine hides that it
// does, but for what it adds to the headers.
func safeToSignIn(c echo.Context) bool {
	return isSecure(c) || onMachine(c)
}

// onMachine reports whether a request came from this machine, past no proxy
// that says so, to a name of this machine: another site's page cannot make the
// browser here call us by its own name.
func onMachine(c echo.Context) bool {
	for _, name := range []string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-Ip"} {
		if c.Request().Header.Get(name) != "" {
			return false
		}
	}
	host := c.Request().Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return isLoopback(host) && isLoopbackPeer(c.Request().RemoteAddr)
}

func isLoopbackPeer(remote string) bool {
	host, _, err := net.SplitHostPort(remote)
	return err == nil && isLoopback(host)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// extractor tells the client's address; X-Forwarded-For counts only from
// proxies that are named in the settings (Echo believes anybody by default).
func (s *server) extractor() echo.IPExtractor {
	if len(s.TrustedProxies) == 0 {
		return echo.ExtractIPDirect()
	}
	options := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range s.TrustedProxies {
		_, ipNet, err := net.ParseCIDR(p.String())
		if err != nil {
			continue // a netip.Prefix always parses
		}
		options = append(options, echo.TrustIPRange(ipNet))
	}
	return echo.ExtractIPFromXFFHeader(options...)
}
