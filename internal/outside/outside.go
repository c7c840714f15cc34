// Package outside is the console's address as people have it: its origin, and the path below which a proxy serves it.
// Inside the program all addresses begin at the root. What leaves it gets the path in front: addresses in markup by
// Markup, those of redirects and the paths of cookies by Header. What comes in loses it by Handler.
package outside

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// Address is where people reach the console. The zero value says that nobody has told: the console is at the root of
// whatever host a browser names.
type Address struct {
	Origin string // such as https://ops.example.com
	Path   string // such as /coc; empty at the root
}

// plainPath are the characters that mean the same in an address, in markup and in a cookie.
var plainPath = regexp.MustCompile(`^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*$`)

var errAddress = errors.New("this is not an address such as https://ops.example.com or https://ops.example.com/coc")

// Parse reads an http or https address; empty is the zero Address.
func Parse(text string) (Address, error) {
	if text == "" {
		return Address{}, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil ||
		u.RawQuery != "" || u.Fragment != "" {
		return Address{}, errAddress
	}
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	if !plainPath.MatchString(path) {
		return Address{}, errors.New("its path has other characters than letters, digits and - . _ ~ between single slashes")
	}
	host, err := hostOf(u)
	if err != nil {
		return Address{}, err
	}
	return Address{Origin: u.Scheme + "://" + host, Path: path}, nil
}

var errHost = errors.New("its host is no name or address, or its port is none from 1 to 65535")

// hostOf is a host with its port, as browsers write it: in lower case and ASCII, without the port of the scheme.
func hostOf(u *url.URL) (string, error) {
	host, err := strings.ToLower(u.Hostname()), error(nil)
	switch ip, notIP := netip.ParseAddr(host); {
	case notIP == nil && ip.Zone() != "", strings.Contains(host, ".."), strings.ContainsFunc(host, isSpace):
		return "", errHost
	case notIP == nil:
		host = ip.String()
	case !isASCII(host):
		if host, err = idna.Lookup.ToASCII(host); err != nil {
			return "", errHost
		}
	}
	usual := map[string]int{"http": 80, "https": 443}[u.Scheme]
	port, err := strconv.Atoi(cmp.Or(u.Port(), strconv.Itoa(usual)))
	if err != nil || port < 1 || port > 65535 {
		return "", errHost
	}
	if port != usual {
		return net.JoinHostPort(host, strconv.Itoa(port)), nil
	}
	if strings.Contains(host, ":") {
		return "[" + host + "]", nil
	}
	return host, nil
}

func isSpace(r rune) bool { return r <= ' ' || r == 0x7f }

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > 0x7f })
}

// String is the address without a slash at its end; empty of the zero Address.
func (a Address) String() string { return a.Origin + a.Path }

// Host is the name or address of the host, without a port.
func (a Address) Host() string {
	u, err := url.Parse(a.Origin)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

type contextKey struct{}

// With returns a context of somebody who reaches the console at a.
func With(ctx context.Context, a Address) context.Context {
	if a == (Address{}) {
		return ctx
	}
	return context.WithValue(ctx, contextKey{}, a)
}

// From returns the address that the context has, else the zero Address.
func From(ctx context.Context) Address {
	a, _ := ctx.Value(contextKey{}).(Address)
	return a
}

// Handler serves requests with the address in their context, and without the path in front: a proxy may have left it,
// or taken it away.
func (a Address) Handler(next http.Handler) http.Handler {
	if a == (Address{}) {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(With(r.Context(), a))
		if path, below := a.inside(r.URL.Path); below {
			u := *r.URL
			u.Path = path
			u.RawPath, _ = a.inside(r.URL.RawPath) // none, where it writes the path in another way
			r.URL, r.RequestURI = &u, u.RequestURI()
		}
		next.ServeHTTP(w, r)
	})
}

// inside is a path without that of the address, and whether it was below that.
func (a Address) inside(path string) (string, bool) {
	rest, below := strings.CutPrefix(path, a.Path)
	switch {
	case a.Path == "" || !below || rest != "" && rest[0] != '/':
		return "", false
	case rest == "":
		return "/", true
	}
	return rest, true
}

// Header puts the path in front of where an answer leads, and into its cookies, so that others on the same host don't
// get them. Those with the prefix __Host- are for the whole host.
func (a Address) Header(h http.Header) {
	if a.Path == "" {
		return
	}
	if to := h.Get("Location"); strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "//") {
		h.Set("Location", a.Path+to)
	}
	for i, cookie := range h["Set-Cookie"] {
		before, rest, ok := strings.Cut(cookie, "; Path=/")
		if !ok || strings.HasPrefix(cookie, hostPrefix) {
			continue
		}
		if rest != "" && rest[0] != ';' { // of a page, and not of all
			rest = "/" + rest
		}
		h["Set-Cookie"][i] = before + "; Path=" + a.Path + rest
	}
}

const (
	hostPrefix   = "__Host-"
	securePrefix = "__Secure-"
)

// CookiePrefix is what the name of a cookie begins with whose value says who somebody is. At the root of a host
// browsers are told to take it with Secure alone, from this host and for all of it; below a path, with Secure alone:
// __Host- would hand it to everything else on the host.
func (a Address) CookiePrefix(secure bool) string {
	switch {
	case !secure:
		return ""
	case a.Path != "":
		return securePrefix
	}
	return hostPrefix
}

// WithoutPrefix is the name of a cookie without what CookiePrefix gave it.
func WithoutPrefix(name string) string {
	return strings.TrimPrefix(strings.TrimPrefix(name, hostPrefix), securePrefix)
}
