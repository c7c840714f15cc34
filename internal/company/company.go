// Package company signs people in with the account that they have at their company: by OpenID Connect's code flow with
// PKCE, at one of several providers, and renews what they have signed in with. What it has to remember of a sign-in is
// in a sealed cookie of the browser that began it, so that consoles need not share it. It says in the reader's language
// what went wrong (Explain).
package company

import (
	"bytes"
	"cmp"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"

	"coc-console/internal/huawei"
	"coc-console/internal/iam"
	"coc-console/internal/upstream"
)

// Config says which provider, and what becomes of its ID tokens.
type Config struct {
	// Name tells it from others, for good: sessions keep it; empty: OnlyName. Label is what its button says; empty: what it says where
	// there is one provider.
	Name, Label      string
	Issuer, ClientID string
	// Secret is the client's, read at every sign-in, so that a changed one is taken up; nil: a public client.
	Secret func() (string, error)
	Scopes []string // openid is always among them
	// Key seals what a browser carries between the two parts of a sign-in; it is shared by consoles that share a database.
	Key []byte
	// Exchange gives a credential of the cloud for an ID token. Its errors are *iam.Error.
	Exchange func(context.Context, Grant) (iam.Identity, huawei.Credential, error)
	// GroupsClaim is the claim with the person's groups, also within others as in realm_access.roles; empty: none count. Count returns those that do, one in a line.
	// GroupsPrefix stands before the groups' names, so that those of several providers are told apart.
	GroupsClaim, GroupsPrefix string
	Logger                    *slog.Logger // hears of groups that can't be read; nil: nobody does
	Count                     func(groups []string) string
	ConnectTimeout            time.Duration
	CallTimeout               time.Duration
	Now                       func() time.Time
}

// Grant is what a credential is asked for with.
type Grant struct {
	IDToken   huawei.Token
	Project   string
	Renewable bool // the credential can be renewed before it ends
}

// Entry is what a sign-in leads to.
type Entry struct {
	Identity   iam.Identity
	Credential huawei.Credential
	Renewal    Renewal // zero for those who did not come by a provider
}

// Provider is a company's. It is safe for concurrent use.
type Provider struct {
	cfg  Config
	seal cipher.AEAD
	http *http.Client

	mu     sync.Mutex
	known  *discovered
	fault  error // why it was not discovered
	failed time.Time
	spent  map[string]time.Time // states that were used, until when they count
	warned bool                 // that an ID token has no groups
}

// discovered is what the provider says about itself.
type discovered struct {
	provider   *oidc.Provider
	at         time.Time
	endSession string // empty: it has none
	revocation string // the same
	style      oauth2.AuthStyle
}

// discoverEvery is how old what the provider says of itself may be. Its keys are asked for again with it, and whenever
// a token is signed with another one.
const discoverEvery = time.Hour

// askAgain is how long a provider that fails is not asked again: anybody can begin a sign-in.
const askAgain = 2 * time.Second

// maxAnswer bounds the provider's answers, in bytes.
const maxAnswer = 1 << 20

// New returns a provider. Nothing is asked of it yet: a console starts although the provider is down.
func New(cfg Config) (*Provider, error) {
	if _, err := huawei.ParseEndpoint(cfg.Issuer); err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, cfg.Key, nil, "coc-console company sign-in", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	seal, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	connect := cmp.Or(cfg.ConnectTimeout, 5*time.Second)
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: connect}).DialContext,
		TLSHandshakeTimeout: connect, ForceAttemptHTTP2: true, DisableKeepAlives: true, // sign-ins are rare
		OnProxyConnectResponse: upstream.CheckProxy}
	client := &http.Client{Transport: bounded{transport}, Timeout: cmp.Or(cfg.CallTimeout, 20*time.Second),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	cfg.Name = cmp.Or(cfg.Name, OnlyName)
	return &Provider{cfg: cfg, seal: seal, http: client, spent: map[string]time.Time{}}, nil
}

// bounded is a transport whose answers end after maxAnswer bytes, are JSON where something is read, and hold no
// keys that can't be read.
type bounded struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err //nolint:wrapcheck // http.Client wraps it
	}
	res.Body = http.MaxBytesReader(nil, res.Body, maxAnswer)
	if r.Method != http.MethodGet {
		return res, nil
	}
	text, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK || !json.Valid(text) {
		return nil, newAnswerError(r, res)
	}
	res.Body = io.NopCloser(bytes.NewReader(readableKeys(text)))
	return res, nil
}

// readableKeys leaves keys out of a set that can't be read, such as those of an unknown curve: the library would refuse
// the whole set. Other texts stay.
func readableKeys(text []byte) []byte {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if json.Unmarshal(text, &set) != nil || set.Keys == nil {
		return text
	}
	set.Keys = slices.DeleteFunc(set.Keys, func(key json.RawMessage) bool {
		return json.Unmarshal(key, new(jose.JSONWebKey)) != nil
	})
	whole, err := json.Marshal(set)
	if err != nil {
		return text
	}
	return whole
}

// discover asks the provider about itself, at most once an hour. Where it does not answer any more, what it said
// before still counts.
func (p *Provider) discover(ctx context.Context) (*discovered, error) {
	now := p.cfg.Now()
	p.mu.Lock()
	known, fault, failed := p.known, p.fault, p.failed
	p.mu.Unlock()
	switch justNow := now.Sub(failed).Abs() < askAgain; {
	case known != nil && (justNow || now.Sub(known.at).Abs() < discoverEvery):
		return known, nil
	case justNow:
		return nil, fault
	}
	found, err := p.ask(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		found.at = now
		p.known = found
		return found, nil
	}
	if ctx.Err() == nil { // whoever gave up says nothing of the provider
		p.fault, p.failed = err, now
	}
	if known != nil {
		return known, nil
	}
	return nil, err
}

func (p *Provider) ask(ctx context.Context) (*discovered, error) {
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, p.http), p.cfg.Issuer)
	if err != nil {
		return nil, discoveryFailed(err)
	}
	return read(provider)
}

func discoveryFailed(err error) *Error {
	if mismatch, ok := errors.AsType[*oidc.IssuerMismatchError](err); ok {
		if mismatch.Discovered == "" {
			return &Error{Kind: WrongAnswer, Verbatim: "a document without an issuer", Cause: errDiscovery}
		}
		return &Error{Kind: Misconfigured, Verbatim: "issuer: " + shown(mismatch.Discovered), Cause: errIssuer}
	}
	if answer, ok := errors.AsType[*answerError](err); ok {
		return answer.failure(errDiscovery)
	}
	if _, ok := errors.AsType[*url.Error](err); ok {
		return &Error{Kind: Unreachable, Reason: upstream.ReasonOf(err), Cause: upstream.Plain(err)}
	}
	return &Error{Kind: WrongAnswer, Cause: errDiscovery} // err repeats the answer
}

var (
	errIssuer    = errors.New("the provider calls itself by another issuer")
	errDiscovery = errors.New("the provider's address gives no discovery document")
)

// read takes what the console needs of a discovery document.
func read(provider *oidc.Provider) (*discovered, error) {
	var more struct {
		EndSession string   `json:"end_session_endpoint"`
		Revocation string   `json:"revocation_endpoint"`
		Keys       string   `json:"jwks_uri"`
		Styles     []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := provider.Claims(&more); err != nil {
		return nil, &Error{Kind: Misconfigured, Cause: errDiscovery}
	}
	for name, address := range map[string]string{"authorization_endpoint": provider.Endpoint().AuthURL,
		"token_endpoint": provider.Endpoint().TokenURL, "jwks_uri": more.Keys} {
		if !isSafe(address) {
			return nil, &Error{Kind: Misconfigured, Verbatim: name + ": " + shown(address), Cause: errAddress}
		}
	}
	found := &discovered{provider: provider, style: oauth2.AuthStyleInHeader}
	if isSafe(more.EndSession) {
		found.endSession = more.EndSession
	}
	if isSafe(more.Revocation) {
		found.revocation = more.Revocation
	}
	if len(more.Styles) > 0 && !slices.Contains(more.Styles, "client_secret_basic") {
		found.style = oauth2.AuthStyleInParams
	}
	return found, nil
}

var errAddress = errors.New("an address of the provider is not https")

// isSafe reports whether an address is https, or http on loopback. Unlike an endpoint it may have a query.
func isSafe(address string) bool {
	before, _, _ := strings.Cut(address, "?")
	_, err := huawei.ParseEndpoint(before)
	return err == nil
}

// client is the console at the provider.
func (p *Provider) client(found *discovered, redirect string) (*oauth2.Config, error) {
	secret, style := "", oauth2.AuthStyleInParams
	if p.cfg.Secret != nil {
		var err error
		if secret, err = p.cfg.Secret(); err != nil {
			return nil, &Error{Kind: Misconfigured, Cause: fmt.Errorf("read the client's secret: %w", err)}
		}
		style = found.style
	}
	endpoint := found.provider.Endpoint()
	endpoint.AuthStyle = style
	scopes := p.cfg.Scopes
	if !slices.Contains(scopes, oidc.ScopeOpenID) {
		scopes = append([]string{oidc.ScopeOpenID}, scopes...)
	}
	return &oauth2.Config{ClientID: p.cfg.ClientID, ClientSecret: secret, Endpoint: endpoint, RedirectURL: redirect,
		Scopes: scopes}, nil
}
