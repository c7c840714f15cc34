package preflight

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"

	"coc-console/internal/clock"
	"coc-console/internal/upstream"
)

// Network is how the services are reached.
type Network struct {
	ConnectTimeout, CallTimeout time.Duration
	Now                         func() time.Time
	Roots                       *x509.CertPool // nil: those that the system trusts
}

// A Service is IAM, COC or the company's provider.
type Service struct {
	Name, Setting string // as in iam, iam-endpoint
	URL, Path     string // Path is a call that needs no rights; without a token a refusal is an answer
}

// remedies say what to do for each reason; %[1]s is the host, %[2]s the setting.
var remedies = map[upstream.Reason]string{
	upstream.DNS:                "check the name in --%[2]s, and this machine's DNS (`getent hosts %[1]s`)",
	upstream.Refused:            "nothing listens there: check the port in --%[2]s, and firewalls on the way",
	upstream.Unreachable:        "no route leads there: check routes and firewalls, or name a proxy in HTTPS_PROXY",
	upstream.Timeout:            "no answer in time: a firewall may drop what is sent; name a proxy in HTTPS_PROXY where one is needed",
	upstream.UnknownCA:          "its certificate is signed by nobody that this machine trusts: name the authority's certificate in SSL_CERT_FILE, beside the public ones",
	upstream.CertificateExpired: "its certificate has ended: is this machine's clock right?",
	upstream.CertificateHost:    "its certificate is for another name: check --%[2]s, and what DNS says of %[1]s",
	upstream.TLS:                "no TLS is spoken there: check the port in --%[2]s",
	upstream.ProxyAuth:          "the proxy wants a password: HTTPS_PROXY=http://user:password@proxy:port",
	upstream.Proxy:              "the proxy does not connect: check HTTPS_PROXY, or add %[1]s to NO_PROXY",
	upstream.Portal:             "somebody else answers in its place, such as a portal or a proxy's page: check --%[2]s and HTTPS_PROXY",
	upstream.Broken:             "the connection breaks: something on the way may cut it; name a proxy in HTTPS_PROXY where one is needed",
}

const otherRemedy = "check --%[2]s, and what is between this machine and %[1]s"

// Service reaches a service and compares the clock of its answer with this machine's.
func (n Network) Service(s Service) Check {
	return func(ctx context.Context) []Result {
		a, err := n.ask(ctx, s.URL, s.Path)
		if err != nil {
			return []Result{n.unreached(s, upstream.ReasonOf(err), upstream.Plain(err).Error())}
		}
		if reason := upstream.ReasonOfAnswer(a.status, a.body); reason != "" {
			return []Result{n.unreached(s, reason, fmt.Sprintf("an answer %d of somebody else", a.status))}
		}
		if a.status >= http.StatusInternalServerError {
			return []Result{warning(s.Name, fmt.Sprintf("%s answers %d", s.URL, a.status), "the service has a problem of its own: try again later")}
		}
		if a.status == http.StatusNotFound || a.status == http.StatusMethodNotAllowed {
			return []Result{warning(s.Name, fmt.Sprintf("%s answers %d to a call that the service knows", s.URL, a.status),
				"is it the address of another service? Check --"+s.Setting), n.clock(s, a)}
		}
		return []Result{ok(s.Name, "%s answers in %d ms%s", s.URL, a.took.Milliseconds(), a.way), n.clock(s, a)}
	}
}

func (n Network) unreached(s Service, reason upstream.Reason, cause string) Result {
	remedy, known := remedies[reason]
	if !known {
		remedy = otherRemedy
	}
	host := s.URL
	if u, err := url.Parse(s.URL); err == nil {
		host = u.Hostname()
	}
	remedy = strings.NewReplacer("%[1]s", host, "%[2]s", s.Setting).Replace(remedy)
	return failed(s.Name, s.URL+" is not reached ("+cause+")", remedy)
}

// answer is what a service said.
type answer struct {
	status         int
	kind, to       string // Content-Type, and where a redirect leads
	body           []byte
	said           time.Time // by its clock; zero: it didn't say
	sent, received time.Time
	took           time.Duration
	way            string // by which it was reached
}

// words are what came, without the body.
func (a answer) words() string {
	text := strings.TrimSpace(fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)))
	if a.kind != "" {
		text += ", " + a.kind
	}
	if a.to != "" {
		text += ", to " + a.to
	}
	return shortened(text)
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 1 << 20

// ask makes one call without a token, the way the console makes its own.
func (n Network) ask(ctx context.Context, base, path string) (answer, error) {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: n.ConnectTimeout}).DialContext,
		TLSClientConfig:     &tls.Config{RootCAs: n.Roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: n.ConnectTimeout, ForceAttemptHTTP2: true, DisableKeepAlives: true,
		OnProxyConnectResponse: upstream.CheckProxy}
	client := &http.Client{Transport: transport, Timeout: n.CallTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	var a answer
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) {
		a.way = ", at " + c.Conn.RemoteAddr().String()
	}})
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(base, "/")+path, http.NoBody)
	if err != nil {
		return a, fmt.Errorf("ask the service: %w", err)
	}
	a.sent = n.Now()
	res, err := client.Do(r)
	if err != nil {
		return a, err
	}
	if proxy, err := http.ProxyFromEnvironment(r); err == nil && proxy != nil {
		a.way = ", through the proxy " + proxy.Host
	}
	defer func() { _ = res.Body.Close() }()
	a.received, a.status, a.kind = n.Now(), res.StatusCode, res.Header.Get("Content-Type")
	if to, err := res.Location(); err == nil && a.status >= 300 && a.status < 400 {
		a.to = (&url.URL{Scheme: to.Scheme, Host: to.Host, Path: to.Path}).String() // a query may hold a secret
	}
	a.took = a.received.Sub(a.sent)
	a.said, _ = http.ParseTime(res.Header.Get("Date")) // zero where it can't be read
	a.body, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return a, fmt.Errorf("read the answer: %w", err)
	}
	return a, nil
}

// clock compares this machine's clock with the service's, which tells whole seconds.
func (n Network) clock(s Service, a answer) Result {
	check := "clock, " + s.Name
	if a.said.IsZero() {
		return Skip(check, "the answer has no date")
	}
	ahead, behind := a.sent.Sub(a.said)-time.Second, a.said.Sub(a.received) // at least
	const do = "mend time synchronization (`timedatectl`): records would have the wrong time, and tokens end at the wrong one"
	switch {
	case ahead >= clock.Limit:
		return failed(check, fmt.Sprintf("this machine's clock is %v ahead", ahead.Round(time.Second)), do)
	case behind >= clock.Limit:
		return failed(check, fmt.Sprintf("this machine's clock is %v behind", behind.Round(time.Second)), do)
	}
	return ok(check, "the clocks agree within 2 s")
}

// Discovery reads what an OpenID Connect provider says of itself.
func (n Network) Discovery(issuer string) Check {
	return func(ctx context.Context) []Result {
		s := Service{Name: "oidc", Setting: "oidc-issuer", URL: issuer, Path: "/.well-known/openid-configuration"}
		a, err := n.ask(ctx, s.URL, s.Path)
		if err != nil {
			return []Result{n.unreached(s, upstream.ReasonOf(err), upstream.Plain(err).Error())}
		}
		var said struct {
			Issuer string   `json:"issuer"`
			Begin  string   `json:"authorization_endpoint"`
			Token  string   `json:"token_endpoint"`
			Keys   string   `json:"jwks_uri"`
			PKCE   []string `json:"code_challenge_methods_supported"`
		}
		if a.status != http.StatusOK || json.Unmarshal(a.body, &said) != nil || said.Issuer == "" {
			return []Result{failed(s.Name, fmt.Sprintf("%s%s answers %s, without a discovery document", issuer, s.Path, a.words()),
				discoveryRemedy(a))}
		}
		if said.Issuer != issuer {
			itself := fmt.Sprintf("the provider calls itself %q", shortened(said.Issuer))
			return []Result{failed(s.Name, itself, "give exactly that as --oidc-issuer")}
		}
		if said.Begin == "" || said.Token == "" || said.Keys == "" {
			return []Result{failed(s.Name, "the provider names no address for sign-ins, tokens or keys", "it does not offer the code flow: ask its administrator")}
		}
		keys, err := n.ask(ctx, said.Keys, "")
		if err != nil || keys.status != http.StatusOK {
			return []Result{failed(s.Name, "the provider's keys are not there (jwks_uri)", "this machine has to reach "+shortened(said.Keys))}
		}
		return []Result{ok(s.Name, "%s is what it calls itself, and has its keys", issuer)}
	}
}

// discoveryRemedy says what to do about an answer in the place of a discovery document.
func discoveryRemedy(a answer) string {
	switch {
	case a.status >= http.StatusInternalServerError:
		return "the provider, or a proxy before it, has a problem of its own: try again later, or ask its administrator"
	case a.to != "":
		return "set --oidc-issuer to the issuer as the provider has it, which is not redirected; a sign-in page of the network may redirect, too: check HTTPS_PROXY"
	case upstream.ReasonOfAnswer(a.status, a.body) != "":
		return "a page answers: check --oidc-issuer, which is the issuer and not the address of a sign-in page, and HTTPS_PROXY"
	}
	return "check --oidc-issuer, path included: it is the address that the provider calls its issuer"
}

// Authority reads the directory of the ACME authority that is to give the console its certificate. Nothing is asked of
// it: the authority counts how often it is asked for a certificate.
func (n Network) Authority(directory string) Check {
	return func(ctx context.Context) []Result {
		s := Service{Name: "acme", Setting: "acme-directory", URL: directory}
		a, err := n.ask(ctx, s.URL, "")
		if err != nil {
			reason := upstream.ReasonOf(err)
			r := n.unreached(s, reason, upstream.Plain(err).Error())
			if reason == upstream.UnknownCA {
				r.Do = "its certificate is signed by nobody that is trusted: name the certificate of an authority of your own in --acme-ca"
			}
			return []Result{r}
		}
		var said struct {
			Account string `json:"newAccount"`
			Order   string `json:"newOrder"`
		}
		if a.status != http.StatusOK || json.Unmarshal(a.body, &said) != nil || said.Account == "" || said.Order == "" {
			return []Result{failed(s.Name, fmt.Sprintf("%s answers %d without a directory of ACME", directory, a.status),
				"check --acme-directory: it is the address that the authority calls its directory")}
		}
		return []Result{ok(s.Name, "%s gives certificates", directory), n.clock(s, a)}
	}
}

// shortened cuts what others say.
func shortened(text string) string {
	const longest = 200
	return strings.ToValidUTF8(text[:min(len(text), longest)], "\uFFFD")
}
