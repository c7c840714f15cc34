// Package forwarded tells where a request comes from, and whether over TLS, as far as the proxies that passed it on can
// be believed.
package forwarded

import (
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
)

// Unknown stands where a client's address can't be told.
const Unknown = "unknown"

// Proxies are those that are believed.
type Proxies struct {
	Trusted []netip.Prefix
	Logger  *slog.Logger

	warned sync.Map // of what
}

// client is where a request comes from, as far as those who passed it on can
// be believed.
type client struct {
	address string // Unknown if it can't be told
	// hop counts the proxies in X-Forwarded-For behind the client's own entry.
	hop int
	// entries are those of X-Forwarded-For; 0 for a request without a proxy.
	entries int
	// unread is why the address can't be told.
	unread string
}

// The reasons for which an address can't be told.
const (
	noForwardedFor  = "no X-Forwarded-For from a trusted proxy"
	badForwardedFor = "X-Forwarded-For can't be read"
)

// clientOf tells where a request comes from. Only a proxy that is named in the
// settings, or one that may open the console's Unix socket, is believed:
// X-Forwarded-For is read from its end, over the entries of such proxies, to
// the first of somebody else. What stands before it is theirs to invent. The
// proxy's own address is never the client'p.
func (p *Proxies) clientOf(r *http.Request) client {
	if !p.Trusts(r) {
		if peer, ok := peerOf(r.RemoteAddr); ok {
			return client{address: peer.String()}
		}
		return client{address: Unknown}
	}
	entries := listed(r.Header.Values("X-Forwarded-For"))
	if len(entries) == 0 {
		return client{address: Unknown, unread: noForwardedFor}
	}
	c := client{entries: len(entries)}
	for i := range entries {
		address, ok := parseForwarded(entries[len(entries)-1-i])
		if !ok {
			return client{address: Unknown, entries: len(entries), hop: i, unread: badForwardedFor}
		}
		c.address, c.hop = address.String(), i
		if !p.isProxy(address) {
			return c
		}
	}
	return c // all of them are proxies: the first has sent it
}

// listed splits the values of a header that is a list; blank entries don't
// count.
func listed(values []string) []string {
	var entries []string
	for _, value := range values {
		for entry := range strings.SplitSeq(value, ",") {
			if entry = strings.TrimSpace(entry); entry != "" {
				entries = append(entries, entry)
			}
		}
	}
	return entries
}

// parseForwarded reads an address as proxies write it: with or without a port,
// brackets, quotes and a zone.
func parseForwarded(entry string) (netip.Addr, bool) {
	if inner, ok := strings.CutPrefix(entry, `"`); ok {
		entry = strings.TrimSpace(strings.TrimSuffix(inner, `"`))
	}
	address, err := netip.ParseAddr(entry)
	if err != nil {
		host, port, splits := strings.Cut(entry, ":")
		if inner, ok := strings.CutPrefix(entry, "["); ok {
			host, port, splits = strings.Cut(inner, "]")
			port = strings.TrimPrefix(port, ":")
		}
		if !splits || strings.Trim(port, "0123456789") != "" {
			return netip.Addr{}, false
		}
		address, err = netip.ParseAddr(host)
	}
	address = plainAddress(address)
	return address, err == nil && !address.IsUnspecified()
}

// plainAddress is an address in the one form in which it is compared: without
// zone, and IPv4 as such.
func plainAddress(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// peerOf is the address that a connection comes from.
func peerOf(remote string) (netip.Addr, bool) {
	peer, err := netip.ParseAddrPort(remote)
	return plainAddress(peer.Addr()), err == nil
}

func (p *Proxies) isProxy(address netip.Addr) bool {
	for _, t := range p.Trusted {
		if t.Contains(address) {
			return true
		}
	}
	return false
}

// Trusts reports whether a request was handed on by a proxy that is believed.
func (p *Proxies) Trusts(r *http.Request) bool {
	if overSocket(r) {
		return true
	}
	peer, ok := peerOf(r.RemoteAddr)
	return ok && p.isProxy(peer)
}

// overSocket reports whether a request came over a Unix socket. No browser
// opens one: it is a proxy, and the file's mode says which may. What the other
// end calls itself tells nothing, since it may choose that.
func overSocket(r *http.Request) bool {
	own, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return ok && own.Network() == "unix"
}

// Client is the address that a request comes from, or Unknown. The log warns once of each reason for which it can't be
// told.
func (p *Proxies) Client(r *http.Request) string {
	c := p.clientOf(r)
	if c.unread == "" {
		return c.address
	}
	if _, again := p.warned.LoadOrStore(c.unread, true); !again {
		p.Logger.Warn("client address unknown", "reason", c.unread, "proxy", r.RemoteAddr,
			"x_forwarded_for", shortened(strings.Join(r.Header.Values("X-Forwarded-For"), ", ")))
	}
	return c.address
}

// shortened cuts what others sent for the log.
func shortened(text string) string {
	const longest = 200
	return strings.ToValidUTF8(text[:min(len(text), longest)], "\uFFFD")
}

// OverTLS reports whether the browser reached us over TLS.
func (p *Proxies) OverTLS(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	if !p.Trusts(r) {
		return false
	}
	protocols := listed(r.Header.Values("X-Forwarded-Proto"))
	c := p.clientOf(r)
	switch {
	case len(protocols) == 0:
		return false
	case len(protocols) > 1 && len(protocols) == c.entries: // each proxy has added one of both
		return strings.EqualFold(protocols[len(protocols)-1-c.hop], "https")
	}
	for _, named := range protocols {
		if !strings.EqualFold(named, "https") {
			return false
		}
	}
	return true
}

// OnMachine reports whether a request came from this machine, past no proxy,
// to a name of this machine: another site's page cannot make the browser here
// call us by its own name. A proxy on the machine hides that a request comes
// from elsewhere. One that is named in the settings is known by its address,
// others by what they add to the headers, and by HTTP/1.0, which nothing else
// speaks any more.
func (p *Proxies) OnMachine(r *http.Request) bool {
	if p.Trusts(r) || !r.ProtoAtLeast(1, 1) {
		return false
	}
	for _, name := range []string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host",
		"X-Real-Ip"} {
		if len(r.Header.Values(name)) > 0 {
			return false
		}
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return isLoopback(host) && isLoopbackPeer(r.RemoteAddr)
}

func isLoopbackPeer(remote string) bool {
	peer, ok := peerOf(remote)
	return ok && peer.IsLoopback()
}

func isLoopback(host string) bool {
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
