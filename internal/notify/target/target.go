// Package target sends a message to where people are told: a webhook, a chat, a mailbox.
package target

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Kind is a way of sending.
type Kind string

// The kinds.
const (
	Webhook  Kind = "webhook" // CloudEvents 1.0, signed as Standard Webhooks are
	Slack    Kind = "slack"
	Feishu   Kind = "feishu" // Lark, too
	WeCom    Kind = "wecom"
	DingTalk Kind = "dingtalk"
	Mail     Kind = "mail"
)

// Kinds lists them.
func Kinds() []Kind { return []Kind{Webhook, Slack, Feishu, WeCom, DingTalk, Mail} }

// Timeout is how long one attempt may take in all.
const Timeout = 10 * time.Second

const noAnswer = "no answer within 10s"

// MaxAfter is the longest pause that a target may ask for.
const MaxAfter = time.Hour

// Message is what is said, in the language of its reader.
type Message struct {
	ID       string // the same however often it is sent
	Event    string // such as approval.waiting
	Time     time.Time
	Source   string // where it comes from, as a URI
	Subject  string // what it is about, for programs
	Title    string
	Lines    []Line
	Link     string // empty: none
	LinkText string
	Data     any // what programs get
}

// Line is one fact behind its name, which ends with a colon and the space that follows.
type Line struct{ Label, Value string }

// Address is a target and how to reach it. Secrets are those of the moment.
type Address struct {
	Kind         Kind
	URL          string // of Mail smtp://host:587 (STARTTLS) or smtps://host:465
	Secret       string // signs; of Mail the password; empty: none
	AllowPrivate bool   // addresses that are not of the public internet
	AllowPlain   bool   // Mail without TLS
	User, From   string // of Mail
	To           []string
	Roots        *x509.CertPool // that sign its certificate; nil: the system's
	Resolver     *net.Resolver  // nil: the system's
}

// Error is why a message did not reach its target. Its text holds no secret.
type Error struct {
	Text    string
	Gone    bool          // the target wants no more
	Refused bool          // this message will never be taken; with Partly: by some
	Partly  bool          // some of those whom it is for have got it: it isn't to be sent to them again
	Later   []string      // of To, with Partly: those that may take it later
	After   time.Duration // the target asks for this pause
	Do      string        // what to do about it; empty: nobody knows
}

func (e *Error) Error() string { return e.Text }

// Check says what is wrong with an address, without its secrets.
func (a Address) Check() error {
	if !slices.Contains(Kinds(), a.Kind) {
		return fmt.Errorf("kind %q is none of %v", a.Kind, Kinds())
	}
	u, err := url.Parse(a.URL)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return errors.New("its url is not an address such as https://hooks.example.com/coc, without a user or a #")
	}
	if a.Kind == Mail {
		return a.checkMail(u)
	}
	switch {
	case a.User != "" || a.From != "" || len(a.To) > 0 || a.AllowPlain:
		return errors.New("user, from, to and allow_plain are for mail alone")
	case u.Scheme == "http" && !a.AllowPrivate:
		return errors.New("its url is http: only https, or with allow_private, which is for your own network")
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("its url is neither https nor http")
	case a.Kind == Webhook:
		_, err := webhookKey(a.Secret)
		return err
	case a.Secret != "" && (a.Kind == Slack || a.Kind == WeCom):
		return fmt.Errorf("%s signs nothing: its secret is in the url, best in url_file", a.Kind)
	}
	return nil
}

// Send sends a message once. An error is an *Error.
func (a Address) Send(ctx context.Context, m Message, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	var err error
	if a.Kind == Mail {
		err = a.mail(ctx, m, now)
	} else {
		err = a.post(ctx, m, now)
	}
	if err == nil {
		return nil
	}
	e := Error{Text: err.Error()}
	if said, ok := errors.AsType[*Error](err); ok {
		e = *said // others may have the same
	}
	if errors.Is(err, context.DeadlineExceeded) {
		e = Error{Text: noAnswer}
	}
	e.Text, e.Do = a.masked(e.Text), cmp.Or(e.Do, remedy(err))
	return &e
}

// remedy says what to do about an error of the network; what isn't known has no remedy.
func remedy(err error) string {
	if _, is := errors.AsType[*net.DNSError](err); is {
		return "check the name in its url, and this machine's DNS"
	}
	if _, is := errors.AsType[x509.UnknownAuthorityError](err); is {
		return "name the certificate of the authority that signed its own in ca_file"
	}
	if _, is := errors.AsType[x509.HostnameError](err); is {
		return "its certificate is for another name: check its url"
	}
	if _, is := errors.AsType[x509.CertificateInvalidError](err); is {
		return "its certificate has ended, or this machine's clock is wrong"
	}
	if _, is := errors.AsType[tls.RecordHeaderError](err); is || errors.Is(err, http.ErrSchemeMismatch) {
		return "what listens there doesn't speak TLS: check the scheme and the port in its url"
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return "it ended the connection without an answer: check the port in its url, and what is on the way"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: check the port in its url, and firewalls on the way"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "no route leads there: check its url, routes and firewalls"
	case errors.Is(err, context.DeadlineExceeded):
		return "a firewall may drop what is sent: check its url and what is on the way"
	}
	return ""
}

// Host is what may be shown of where a target is.
func (a Address) Host() string {
	if u, err := url.Parse(a.URL); err == nil {
		return u.Host
	}
	return ""
}

// longestError bounds the text of an error.
const longestError = 300

// masked is a text without anything that a secret may be in: whatever of the address comes behind the host, and the
// secret itself.
func (a Address) masked(text string) string {
	hidden := []string{a.URL, a.Secret}
	if u, err := url.Parse(a.URL); err == nil {
		hidden = append(hidden, u.RequestURI())
		hidden = append(hidden, strings.Split(u.EscapedPath(), "/")...)
		hidden = append(hidden, strings.Split(u.Path, "/")...)
		for name, values := range u.Query() {
			hidden = append(hidden, values...)
			if len(name) > 12 { // a key alone
				hidden = append(hidden, name)
			}
		}
	}
	slices.SortFunc(hidden, func(a, b string) int { return len(b) - len(a) })
	for _, secret := range hidden {
		if len(secret) >= 4 {
			text = strings.ReplaceAll(text, secret, "…")
		}
	}
	if runes := []rune(text); len(runes) > longestError {
		text = string(runes[:longestError]) + "…"
	}
	return text
}

// dialer connects to addresses of the public internet alone, unless the target may be elsewhere. It looks at the
// address that is really connected to: what a name meant a moment ago does not count.
func (a Address) dialer() *net.Dialer {
	d := &net.Dialer{Timeout: Timeout, Resolver: a.Resolver}
	if !a.AllowPrivate {
		d.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil || !public(at.Addr()) {
				return errPrivate
			}
			return nil
		}
	}
	return d
}

func (a Address) tls(host string) *tls.Config {
	return &tls.Config{ServerName: host, RootCAs: a.Roots, MinVersion: tls.VersionTLS12}
}

var errPrivate = &Error{Text: "it leads to an address that is not of the public internet; allow_private would permit it",
	Do: "is it meant to be inside? Then set allow_private; otherwise check the name in its url, and what DNS says of it"}

// notPublic are prefixes that netip has no word for.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("::/96"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/32"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("fec0::/10"),
}

func public(ip netip.Addr) bool {
	ip = ip.Unmap()
	return ip.IsGlobalUnicast() && !ip.IsPrivate() && ip.Zone() == "" &&
		!slices.ContainsFunc(notPublic, func(p netip.Prefix) bool { return p.Contains(ip) })
}
