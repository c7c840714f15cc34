// Package upstream holds what the clients of IAM and COC share: hiding secrets
// in what comes back, limits of what is read, why a service can't be reached,
// and when it last could.
package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
)

// Reason is why a service gave no answer of its own. The zero value means that
// it did, or that nothing is known.
type Reason string

// The reasons. Their texts are shown in metrics and at /readyz.
const (
	DNS                Reason = "dns"                     // its name is not known
	Refused            Reason = "refused"                 // nothing listens at its address
	Unreachable        Reason = "unreachable"             // no way leads to its address
	Timeout            Reason = "timeout"                 // no answer in time
	UnknownCA          Reason = "certificate_not_trusted" // nobody we trust signed its certificate
	CertificateExpired Reason = "certificate_expired"
	CertificateHost    Reason = "certificate_host" // its certificate is for another name
	TLS                Reason = "tls"              // no TLS at its address, or none that we speak
	ProxyAuth          Reason = "proxy_auth"       // the proxy wants a password: status 407
	Proxy              Reason = "proxy"            // the proxy is down or refuses
	Portal             Reason = "portal"           // a page or a redirect of somebody else
	Broken             Reason = "broken"           // the connection broke
	TooLarge           Reason = "too_large"        // an answer above the limit
	Failing            Reason = "failing"          // it answers with a status of 500 or above; of Health alone
	Other              Reason = "other"
)

// ProxyError is a proxy that did not connect us.
type ProxyError struct{ Status int }

func (e *ProxyError) Error() string {
	return fmt.Sprintf("the proxy answered %d %s", e.Status, http.StatusText(e.Status))
}

// CheckProxy fits http.Transport's OnProxyConnectResponse, and makes a proxy's
// refusal a *ProxyError.
func CheckProxy(_ context.Context, _ *url.URL, _ *http.Request, res *http.Response) error {
	if res.StatusCode == http.StatusOK {
		return nil
	}
	return &ProxyError{res.StatusCode}
}

// ReasonOf tells why a request failed. A caller who gave up is no reason.
func ReasonOf(err error) Reason {
	if err == nil || errors.Is(err, context.Canceled) {
		return ""
	}
	for _, tell := range []func(error) Reason{tooLarge, ofProxy, ofCertificate, ofNetwork} {
		if r := tell(err); r != "" {
			return r
		}
	}
	return Other
}

func tooLarge(err error) Reason {
	if _, ok := errors.AsType[*TooLargeError](err); ok {
		return TooLarge
	}
	return ""
}

func ofProxy(err error) Reason {
	if p, ok := errors.AsType[*ProxyError](err); ok {
		if p.Status == http.StatusProxyAuthRequired {
			return ProxyAuth
		}
		return Proxy
	}
	op, ok := errors.AsType[*net.OpError](err)
	if ok && op.Op == "proxyconnect" || strings.Contains(err.Error(), "invalid proxy address") {
		return Proxy
	}
	return ""
}

func ofCertificate(err error) Reason {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return UnknownCA
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return CertificateHost
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if invalid.Reason == x509.Expired {
			return CertificateExpired
		}
		return UnknownCA
	}
	_, record := errors.AsType[tls.RecordHeaderError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	_, verify := errors.AsType[*tls.CertificateVerificationError](err)
	if record || alert || verify || errors.Is(err, http.ErrSchemeMismatch) {
		return TLS
	}
	return ""
}

func ofNetwork(err error) Reason {
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return DNS
	}
	var timeout net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return Timeout
	case errors.Is(err, syscall.ECONNREFUSED):
		return Refused
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH),
		errors.Is(err, syscall.EADDRNOTAVAIL):
		return Unreachable
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE):
		return Broken
	}
	return ""
}

// ReasonOfAnswer tells an answer of somebody on the way from one of the
// service: a redirect, a page, or a proxy's own refusal. The service answers
// in JSON.
func ReasonOfAnswer(status int, body []byte) Reason {
	start := strings.TrimSpace(string(body[:min(len(body), 256)]))
	switch {
	case status == http.StatusProxyAuthRequired:
		return ProxyAuth
	case status == http.StatusNetworkAuthenticationRequired, status >= 300 && status < 400:
		return Portal
	case status < 500 && strings.HasPrefix(strings.TrimPrefix(start, "\uFEFF"), "<"):
		return Portal
	}
	return ""
}

// Plain takes the addresses of calls out of an error: package net/http puts
// them before its own words, and they may hold a secret.
func Plain(err error) error {
	for {
		wrapped, ok := errors.AsType[*url.Error](err)
		if !ok {
			return err
		}
		err = wrapped.Err
	}
}
