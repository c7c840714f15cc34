package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"coc-console/handlers"
)

// policy is the content security policy of every page: nothing inline, nothing
// from elsewhere, and scripts may write markup through one named policy only.
const policy = "default-src 'none'; object-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types coc-console"

// headers sets the security headers of every answer. Pages are never stored:
// they show what only their reader may see, and are out of date in seconds.
func (s *server) headers(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		s.setSecurityHeaders(h, isSecure(c))
		h.Set("Cache-Control", "no-store")
		if c.Request().Method == http.MethodPost {
			c.Response().Before(func() { forgetForm(c) })
		}
		return next(c)
	}
}

// sentCookie says when a form was sent last, which nobody reads.
const sentCookie = "coc-console-sent"

// forgetForm keeps a browser's way back from what a form has led to from showing
// the form as it was: pages that are not to be stored are kept for a while, until a
// cookie changes that scripts can't read.
func forgetForm(c echo.Context) {
	if c.Response().Status != http.StatusSeeOther {
		return
	}
	c.SetCookie(&http.Cookie{ //nolint:gosec // on plain http, for loopback alone, browsers would not send a Secure one
		Name: sentCookie, Value: strconv.FormatInt(time.Now().UnixNano(), 36), Path: "/", HttpOnly: true,
		Secure: isSecure(c), SameSite: http.SameSiteLaxMode,
	})
}

func (s *server) setSecurityHeaders(h http.Header, secure bool) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	switch {
	case secure && s.HSTSSubdomains:
		h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	case secure:
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// maxForm is the largest body of a form, in bytes: a token of 32 KB, escaped,
// is the largest thing that anybody has to send.
const maxForm = 128 << 10

// limitBody cuts the body off and parses the form once, so that no handler can
// read half of one, or a body that GET should not have; see readable.
func (s *server) limitBody(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		r.Body = http.MaxBytesReader(c.Response(), r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			return formProblem(err)
		}
		if err := readable(r); err != nil {
			return err
		}
		return next(c)
	}
}

// readable refuses an address that is no text: one with NUL or invalid UTF-8,
// which names nothing here and which PostgreSQL takes for an error. What a form
// holds is made text instead, so that what somebody typed is not lost.
func readable(r *http.Request) error {
	if !isText(r.URL.Path) {
		return &handlers.Problem{Status: http.StatusNotFound, Kind: handlers.ProblemNotFound}
	}
	for name, values := range r.URL.Query() {
		for _, value := range append(values, name) {
			if !isText(value) && name != "return" { // which leads home where it is no address of ours
				return handlers.UnreadableInput(value)
			}
		}
	}
	r.Form, r.PostForm = asText(r.Form), asText(r.PostForm)
	return nil
}

// asText returns a form's values without bytes that are no text.
func asText(form url.Values) url.Values {
	out := make(url.Values, len(form))
	for name, values := range form {
		for _, value := range values {
			out.Add(name, strings.ReplaceAll(strings.ToValidUTF8(value, "\uFFFD"), "\x00", "\uFFFD"))
		}
	}
	return out
}

func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// transport decides once whether the browser reached us over TLS. Only a proxy
// that is named in the settings is believed.
func (s *server) transport(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		c.SetRequest(r.WithContext(handlers.WithSecure(r.Context(), s.proxies.OverTLS(r))))
		return next(c)
	}
}

// safeToSignIn reports whether a password may travel: over TLS, or over plain
// http that does not leave the machine.
func (s *server) safeToSignIn(c echo.Context) bool {
	return isSecure(c) || s.proxies.OnMachine(c.Request())
}

func isSecure(c echo.Context) bool { return handlers.IsSecure(c.Request().Context()) }
