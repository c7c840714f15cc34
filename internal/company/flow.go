package company

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"coc-console/internal/huawei"
	"coc-console/internal/outside"
	"coc-console/internal/upstream"
)

// CallbackPath is where the provider sends people back to.
const CallbackPath = "/sign-in/oidc/callback"

// signInLife is how long somebody may take at the provider.
const signInLife = 15 * time.Minute

// Leeway is how far the provider's clock may be from this console's.
const Leeway = 2 * time.Minute

// Wish is how somebody wants to sign in.
type Wish struct {
	Back    string // where to go afterwards
	Project string // whose token is wanted
	Again   bool   // the provider asks who that is, although it may know
}

// Origin is the console's address as people have it or, where nobody has said, as the browser has it.
func Origin(r *http.Request, secure bool) string {
	if at := outside.From(r.Context()); at.Origin != "" {
		return at.String()
	}
	if secure {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// flow is what the browser carries of a sign-in that has begun.
type flow struct {
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"`
	Redirect string `json:"r"`
	Back     string `json:"b"`
	Project  string `json:"p,omitempty"`
	Provider string `json:"i,omitempty"`
	Until    int64  `json:"u"` // seconds since 1970
}

// Begin is the address at the provider at which somebody signs in, and the cookies that their browser needs to come
// back. Its errors are *Error.
func (p *Provider) Begin(ctx context.Context, r *http.Request, secure bool, w Wish) (string, []*http.Cookie, error) {
	found, err := p.discover(ctx)
	if err != nil {
		return "", nil, err
	}
	f := flow{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(),
		Redirect: Origin(r, secure) + CallbackPath, Back: w.Back, Project: w.Project, Provider: p.cfg.Name,
		Until: p.cfg.Now().Add(signInLife).Unix()}
	client, err := p.client(found, f.Redirect)
	if err != nil {
		return "", nil, err
	}
	options := []oauth2.AuthCodeOption{oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)}
	if w.Again {
		options = append(options, oauth2.SetAuthURLParam("prompt", "login"))
	}
	sealed, err := p.sealed(f)
	if err != nil {
		return "", nil, err
	}
	own := cookie(cookieName(ctx, secure, f.State), sealed, secure, int(signInLife.Seconds()))
	cookies := append(surplus(r, secure), own)
	return client.AuthCodeURL(f.State, options...), cookies, nil
}

// Each sign-in that has begun has a cookie of its own, so that several tabs can.
const (
	cookiePrefix = "coc-sign-in-"
	maxBegun     = 3 // besides a new one
)

func cookieName(ctx context.Context, secure bool, state string) string {
	sum := sha256.Sum256([]byte(state))
	return outside.From(ctx).CookiePrefix(secure) + cookiePrefix + hex.EncodeToString(sum[:6])
}

func cookie(name, value string, secure bool, age int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // on plain http, for loopback alone, browsers would not send a Secure one
		Name: name, Value: value, Path: "/", HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode,
		MaxAge: age}
}

// surplus removes sign-ins that were begun and not ended, where there are many.
func surplus(r *http.Request, secure bool) (gone []*http.Cookie) {
	for _, c := range r.Cookies() {
		if strings.HasPrefix(outside.WithoutPrefix(c.Name), cookiePrefix) {
			gone = append(gone, cookie(c.Name, "", secure, -1))
		}
	}
	if len(gone) <= maxBegun {
		return nil
	}
	return gone
}

func (p *Provider) sealed(f flow) (string, error) { return p.sealText(f, f.State) }

// sealText seals a value for a cookie, and binds it to a name.
func (p *Provider) sealText(value any, name string) (string, error) {
	plain, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, p.seal.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return base64.RawURLEncoding.EncodeToString(p.seal.Seal(nonce, nonce, plain, []byte(name))), nil
}

// openText reads what sealText has sealed.
func (p *Provider) openText(text, name string, into any) bool {
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(sealed) < p.seal.NonceSize() {
		return false
	}
	plain, err := p.seal.Open(nil, sealed[:p.seal.NonceSize()], sealed[p.seal.NonceSize():], []byte(name))
	return err == nil && json.Unmarshal(plain, into) == nil
}

// opened is what a cookie holds of the sign-in with that state.
func (p *Provider) opened(text, state string) (f flow, ok bool) {
	ok = p.openText(text, state, &f)
	return f, ok && f.State == state
}

// Answer is what the provider sent somebody back with.
type Answer struct {
	// Back is where the person wanted to go, and Project the one that they chose; empty where that is not known.
	Back, Project string
	provider      *Provider
	flow          flow
	code          string
	err           error
}

// Receive reads a request to CallbackPath. The cookies end the sign-in in the browser. What is wrong with the answer
// comes from Exchange.
func (all Providers) Receive(r *http.Request, secure bool) (Answer, []*http.Cookie) {
	q := r.URL.Query()
	state := q.Get("state")
	name := cookieName(r.Context(), secure, state)
	a := Answer{code: q.Get("code"), err: &Error{Kind: OtherBrowser, Cause: errState}}
	held, err := r.Cookie(name)
	if err != nil || state == "" || len(all) == 0 {
		return a, nil
	}
	ends := []*http.Cookie{cookie(name, "", secure, -1)}
	f, ok := all[0].opened(held.Value, state) // they share a key
	if a.provider = all.Named(f.Provider); !ok || a.provider == nil {
		return a, ends
	}
	a.flow, a.Back, a.Project = f, f.Back, f.Project
	a.err = a.provider.check(f, q)
	return a, ends
}

var (
	errOther = errors.New("the answer is of another issuer")
	errState = errors.New("the state is of another browser")
	errSpent = errors.New("the answer was used before")
	errLate  = errors.New("the sign-in took too long")
	errNonce = errors.New("the ID token has the nonce of another sign-in")
	errNone  = errors.New("the answer holds no code or no ID token")
)

// check says what is wrong with an answer before the provider is asked.
func (p *Provider) check(f flow, q url.Values) error {
	switch {
	case p.cfg.Now().Unix() > f.Until:
		return &Error{Kind: OtherBrowser, Cause: errLate}
	case !p.spend(f):
		return &Error{Kind: Replayed, Cause: errSpent}
	case q.Has("iss") && q.Get("iss") != p.cfg.Issuer: // RFC 9207
		return &Error{Kind: Misconfigured, Verbatim: "iss: " + shown(q.Get("iss")), Cause: errOther}
	case q.Has("error"):
		return refusal(q.Get("error"), q.Get("error_description"))
	case q.Get("code") == "":
		return &Error{Kind: BadToken, Cause: errNone}
	}
	return nil
}

// maxSpent bounds the used states that are remembered. That the provider takes a code once stands behind them.
const maxSpent = 10_000

// spend notes that a state is used, and reports whether it was not.
func (p *Provider) spend(f flow) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.cfg.Now()
	if len(p.spent) >= maxSpent {
		for state, until := range p.spent {
			if now.After(until) {
				delete(p.spent, state)
			}
		}
		if len(p.spent) >= maxSpent {
			clear(p.spent)
		}
	}
	_, used := p.spent[f.State]
	p.spent[f.State] = time.Unix(f.Until, 0)
	return !used
}

// Exchange redeems the code at the provider, checks the ID token, and gives it to IAM. Its errors are *Error and
// *iam.Error.
func (a Answer) Exchange(ctx context.Context) (Entry, error) {
	if a.err != nil {
		return Entry{}, a.err
	}
	p := a.provider
	found, err := p.discover(ctx)
	if err != nil {
		return Entry{}, err
	}
	client, err := p.client(found, a.flow.Redirect)
	if err != nil {
		return Entry{}, err
	}
	answer, err := client.Exchange(oidc.ClientContext(ctx, p.http), a.code, oauth2.VerifierOption(a.flow.Verifier))
	if err != nil {
		return Entry{}, failedAt(err, upstream.NewSecrets(hidden, a.code, a.flow.Verifier, client.ClientSecret))
	}
	idToken, err := idTokenOf(answer)
	if err != nil {
		return Entry{}, err
	}
	person, err := p.verify(ctx, found, idToken)
	if err != nil {
		return Entry{}, err
	}
	if person.Nonce != a.flow.Nonce {
		return Entry{}, &Error{Kind: Replayed, Cause: errNonce}
	}
	return p.exchange(ctx, person, a.flow.Project, Renewal{Provider: p.cfg.Name, Subject: person.Subject, IDToken: idToken,
		Refresh: refreshOf(answer)})
}

// exchange gives an ID token to IAM.
func (p *Provider) exchange(ctx context.Context, person *oidc.IDToken, project string, r Renewal) (Entry, error) {
	id, credential, err := p.cfg.Exchange(ctx, Grant{IDToken: r.IDToken, Project: project, Renewable: r.Possible()})
	if err == nil && !id.ProjectScoped && !id.AccountScoped {
		err = &Error{Kind: Unscoped}
	}
	id.Subject, id.Groups = shown(person.Subject), p.groups(ctx, person)
	return Entry{Identity: id, Credential: credential, Renewal: r}, err
}

// failedAt is why the provider's token address gave nothing.
func failedAt(err error, secrets *upstream.Secrets) *Error {
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		fails := refused.Response != nil && refused.Response.StatusCode >= http.StatusInternalServerError
		if refused.Response != nil && (fails || refused.ErrorCode == "") {
			return newAnswerError(refused.Response.Request, refused.Response).failure(wrongAnswer(refused.Response))
		}
		return refusal(secrets.Hide(refused.ErrorCode), secrets.Hide(refused.ErrorDescription))
	}
	if isNoOAuth(err) {
		return &Error{Kind: WrongAnswer, Cause: secrets.Error(err)}
	}
	return &Error{Kind: Unreachable, Reason: upstream.ReasonOf(err), Cause: secrets.Error(upstream.Plain(err))}
}

// idTokenOf is the ID token of the provider's answer.
func idTokenOf(answer *oauth2.Token) (huawei.Token, error) {
	text, _ := answer.Extra("id_token").(string)
	token := huawei.NewToken(text)
	if n := len(text); n > huawei.MaxTokenLength {
		long := fmt.Sprintf("the ID token has %d characters, at most %d are taken; does it hold too many groups?", n, huawei.MaxTokenLength)
		return huawei.Token{}, &Error{Kind: BadToken, Cause: errLong, Verbatim: long}
	}
	if !token.WellFormed() {
		return huawei.Token{}, &Error{Kind: BadToken, Cause: errNone}
	}
	return token, nil
}

const hidden = "[hidden]"

// wrongAnswer is what the token address sent that is no answer of OAuth.
func wrongAnswer(res *http.Response) error {
	return fmt.Errorf("%w: status %d, %q", errAnswer, res.StatusCode, shown(res.Header.Get("Content-Type")))
}

var (
	errAnswer = errors.New("the provider's token address gives no answer of OAuth")
	errLong   = errors.New("the ID token is too long")
)

// verify checks an ID token: signature, issuer, audience and times.
func (p *Provider) verify(ctx context.Context, found *discovered, token huawei.Token) (*oidc.IDToken, error) {
	// checkTimes looks at the times.
	verifier := found.provider.Verifier(&oidc.Config{ClientID: p.cfg.ClientID, SkipExpiryCheck: true})
	got, err := verifier.Verify(oidc.ClientContext(ctx, p.http), token.Reveal())
	if err != nil {
		if strings.Contains(err.Error(), "fetching keys") {
			return nil, keysFailed(err)
		}
		quiet := upstream.NewSecrets(hidden, token.Reveal()).Error(err)
		return nil, &Error{Kind: BadToken, Cause: quiet, Verbatim: shown(mistake(quiet))}
	}
	var more struct {
		Party     string   `json:"azp"`
		NotBefore *float64 `json:"nbf"`
	}
	if err := got.Claims(&more); err != nil || len(got.Audience) > 1 && more.Party != p.cfg.ClientID ||
		more.Party != "" && !slices.Contains([]string{p.cfg.ClientID}, more.Party) {
		return nil, &Error{Kind: BadToken, Cause: errParty, Verbatim: "azp"}
	}
	begins := got.IssuedAt
	if more.NotBefore != nil && time.Unix(int64(*more.NotBefore), 0).After(begins) {
		begins = time.Unix(int64(*more.NotBefore), 0)
	}
	return got, p.checkTimes(begins, got.Expiry)
}

var (
	errKeys  = errors.New("the provider's keys can't be read")
	errParty = errors.New("the ID token is for another client")
	errTimes = errors.New("the ID token does not count at this time")
)

// checkTimes refuses an ID token that is over, or not begun, by this console's clock.
func (p *Provider) checkTimes(begins, ends time.Time) error {
	now := p.cfg.Now()
	if now.After(ends.Add(Leeway)) || begins.After(now.Add(Leeway)) {
		return &Error{Kind: ClockOff, Cause: errTimes, Begins: begins, Ends: ends, Now: now}
	}
	return nil
}

// mistake is what is wrong with an ID token, without what the library puts before it.
func mistake(err error) string {
	text := err.Error()
	for _, prefix := range []string{"oidc: ", "failed to verify signature: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return text
}
