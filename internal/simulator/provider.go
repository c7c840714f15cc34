package simulator

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"coc-console/internal/simulator/api"
)

// The client that is registered at the company's provider, and the name under which IAM knows the provider.
const (
	ProviderPath         = "/idp" // the provider's issuer is this path of the simulator's address
	ProviderName         = "company"
	ProviderClientID     = "coc-console"
	ProviderClientSecret = "the-demo-client-secret" // everybody may know it
)

// idTokenLife is how long an ID token counts, codeLife how long a code does.
const (
	idTokenLife = 5 * time.Minute
	codeLife    = time.Minute
	maxCodes    = 1000
)

// provider is the company's: a small OpenID Connect provider, whose people sign in with one click. Its keys are made
// when they are first needed, and differ from run to run.
type provider struct {
	mu     sync.Mutex
	people []Person
	keys   []*ecdsa.PrivateKey // the last one signs
	former int                 // keys that are gone
	codes  map[string]grantedCode
	spare  map[string]*refresh // by refresh token
	nonce  string              // of the sign-in before, for the fault that repeats it
}

func (p *provider) everybody() []Person {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.people
}

func (p *provider) person(name string) (Person, bool) {
	all := p.everybody()
	i := slices.IndexFunc(all, func(p Person) bool { return p.Name == name })
	if i < 0 {
		return Person{}, false
	}
	return all[i], true
}

// grantedCode is what a code leads to.
type grantedCode struct {
	person                     Person
	redirect, challenge, nonce string
	offline                    bool // it also leads to a refresh token
	until                      time.Time
}

// refresh is what a refresh token leads to. Each is for one use: a second one ends all that followed from the sign-in.
type refresh struct {
	person string
	spent  bool
	over   *bool // shared by all of one sign-in
}

// RotateKeys has the provider sign with a new key, and no longer publish those of before.
func (s *Simulator) RotateKeys() {
	s.idp.mu.Lock()
	defer s.idp.mu.Unlock()
	s.idp.former += len(s.idp.keys)
	s.idp.keys = nil
}

func (p *provider) signing() (key *ecdsa.PrivateKey, id string, err error) {
	if len(p.keys) == 0 {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, "", fmt.Errorf("make the provider's key: %w", err)
		}
		p.keys = append(p.keys, key)
	}
	return p.keys[len(p.keys)-1], p.keyID(len(p.keys) - 1), nil
}

func (p *provider) keyID(i int) string { return fmt.Sprintf("key-%d", p.former+i+1) }

func issuerOf(c *call) string { return "http://" + c.Host + ProviderPath }

// provide serves the provider's addresses.
func (s *Simulator) provide(c *call) answer {
	switch path := strings.TrimPrefix(c.URL.Path, ProviderPath); c.Method + " " + path {
	case "GET /.well-known/openid-configuration":
		return discovery(c)
	case "GET /jwks":
		return s.keySet()
	case "GET /authorize":
		return s.choose(c.URL.Query())
	case "POST /authorize":
		form, err := url.ParseQuery(string(c.body))
		if err != nil {
			return oauthError(http.StatusBadRequest, "invalid_request", "The form can't be read.")
		}
		return s.chosen(form)
	case "POST /token":
		return s.redeem(c)
	case "POST /revoke":
		return s.revoke(c)
	case "GET /logout":
		return s.idp.signedOut(c.URL.Query())
	}
	return htmlAnswer(http.StatusNotFound, "<h1>Not found</h1>")
}

func discovery(c *call) answer {
	issuer := issuerOf(c)
	return jsonAnswer(http.StatusOK, map[string]any{
		"issuer": issuer, "authorization_endpoint": issuer + "/authorize", "token_endpoint": issuer + "/token",
		"jwks_uri": issuer + "/jwks", "end_session_endpoint": issuer + "/logout", "revocation_endpoint": issuer + "/revoke",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"ES256"}, "code_challenge_methods_supported": []string{"S256"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic"},
		"grant_types_supported":                 []string{"authorization_code", "refresh_token"},
		"scopes_supported":                      []string{"openid", "profile", "email", "groups", "offline_access"},
	})
}

func (s *Simulator) keySet() answer {
	s.idp.mu.Lock()
	defer s.idp.mu.Unlock()
	if _, _, err := s.idp.signing(); err != nil {
		return oauthError(http.StatusInternalServerError, "server_error", err.Error())
	}
	list := []map[string]string{}
	for i, key := range s.idp.keys {
		point, err := key.PublicKey.Bytes() // 4, x, y
		if err != nil {
			return oauthError(http.StatusInternalServerError, "server_error", err.Error())
		}
		list = append(list, map[string]string{"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256",
			"kid": s.idp.keyID(i), "x": base64.RawURLEncoding.EncodeToString(point[1:33]),
			"y": base64.RawURLEncoding.EncodeToString(point[33:])})
	}
	return jsonAnswer(http.StatusOK, map[string]any{"keys": list})
}

// wrongRequest says what is wrong with a request to sign in; empty: nothing.
func wrongRequest(q url.Values) string {
	to, err := url.Parse(q.Get("redirect_uri"))
	switch {
	case q.Get("client_id") != ProviderClientID:
		return "This client is not registered."
	case err != nil || !isOwnMachine(to.Hostname()) || !strings.HasSuffix(to.Path, "/sign-in/oidc/callback"):
		return "This redirect_uri is not registered: it is a console's on this machine, and ends in /sign-in/oidc/callback."
	case q.Get("response_type") != "code" || !slices.Contains(strings.Fields(q.Get("scope")), "openid"):
		return "This is no request for a code and the scope openid."
	case q.Get("code_challenge") == "" || q.Get("code_challenge_method") != "S256":
		return "A code_challenge of the method S256 is missing."
	}
	return ""
}

func isOwnMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// choose is the page on which a person of the demo signs in.
func (s *Simulator) choose(q url.Values) answer {
	if why := wrongRequest(q); why != "" {
		return htmlAnswer(http.StatusBadRequest, "<h1>The request is wrong</h1><p>"+html.EscapeString(why)+"</p>")
	}
	var hidden, body strings.Builder
	for _, name := range []string{"client_id", "redirect_uri", "response_type", "scope", "state", "nonce",
		"code_challenge", "code_challenge_method"} {
		hidden.WriteString(`<input type="hidden" name="` + name + `" value="` + html.EscapeString(q.Get(name)) + `">`)
	}
	body.WriteString("<h1>Example company: sign in</h1><p>The simulator's provider. Its people have no passwords.</p>")
	for _, p := range s.idp.everybody() {
		groups := html.EscapeString(strings.Join(p.Groups, ", "))
		body.WriteString(`<form method="post" action="` + ProviderPath + `/authorize">` + hidden.String() +
			`<p><button name="person" value="` + html.EscapeString(p.Name) + `">` + html.EscapeString(p.Name) +
			"</button> " + groups + "</p></form>")
	}
	body.WriteString(`<form method="post" action="` + ProviderPath + `/authorize">` + hidden.String() +
		`<p><button name="person" value="">Cancel</button></p></form>`)
	return htmlAnswer(http.StatusOK, body.String())
}

// chosen sends the browser back with a code.
func (s *Simulator) chosen(form url.Values) answer {
	if why := wrongRequest(form); why != "" {
		return htmlAnswer(http.StatusBadRequest, "<h1>The request is wrong</h1><p>"+html.EscapeString(why)+"</p>")
	}
	back := url.Values{"state": {form.Get("state")}}
	person, known := s.idp.person(form.Get("person"))
	if !known {
		back.Set("error", "access_denied")
		back.Set("error_description", "The person cancelled the sign-in.")
		return redirect(form.Get("redirect_uri"), back)
	}
	code := rand.Text()
	s.idp.mu.Lock()
	defer s.idp.mu.Unlock()
	if s.idp.codes == nil || len(s.idp.codes) >= maxCodes {
		s.idp.codes = map[string]grantedCode{}
	}
	s.idp.codes[code] = grantedCode{person: person, redirect: form.Get("redirect_uri"), nonce: form.Get("nonce"),
		offline:   slices.Contains(strings.Fields(form.Get("scope")), "offline_access"),
		challenge: form.Get("code_challenge"), until: s.now().Add(codeLife)}
	back.Set("code", code)
	return redirect(form.Get("redirect_uri"), back)
}

// clientForm is the form of a client that proves who it is.
func clientForm(c *call) (url.Values, bool) {
	form, err := url.ParseQuery(string(c.body))
	id, secret, ok := c.BasicAuth()
	return form, err == nil && ok && id == ProviderClientID &&
		subtle.ConstantTimeCompare([]byte(secret), []byte(ProviderClientSecret)) == 1
}

func wrongClient() answer {
	return oauthError(http.StatusUnauthorized, "invalid_client", "The client or its secret is wrong.")
}

// revoke ends a refresh token, with all that followed from its sign-in; one that is unknown is no error (RFC 7009).
func (s *Simulator) revoke(c *call) answer {
	form, ok := clientForm(c)
	if !ok {
		return wrongClient()
	}
	s.idp.mu.Lock()
	defer s.idp.mu.Unlock()
	if held, known := s.idp.spare[form.Get("token")]; known {
		*held.over = true
	}
	return jsonAnswer(http.StatusOK, map[string]any{})
}

// Refreshable counts the refresh tokens that can still be used.
func (s *Simulator) Refreshable() (n int) {
	s.idp.mu.Lock()
	defer s.idp.mu.Unlock()
	for _, r := range s.idp.spare {
		if !r.spent && !*r.over {
			n++
		}
	}
	return n
}

// redeem is the token endpoint.
func (s *Simulator) redeem(c *call) answer {
	form, ok := clientForm(c)
	if !ok {
		return wrongClient()
	}
	s.idp.mu.Lock()
	defer s.idp.mu.Unlock()
	if form.Get("grant_type") == "refresh_token" {
		return s.refresh(c, form.Get("refresh_token"))
	}
	code, known := s.idp.codes[form.Get("code")]
	delete(s.idp.codes, form.Get("code"))
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	switch {
	case form.Get("grant_type") != "authorization_code":
		return oauthError(http.StatusBadRequest, "unsupported_grant_type", "Only codes and refresh tokens are taken.")
	case !known || !s.now().Before(code.until) || code.redirect != form.Get("redirect_uri") ||
		base64.RawURLEncoding.EncodeToString(sum[:]) != code.challenge:
		return oauthError(http.StatusBadRequest, "invalid_grant", "The code is unknown, used or over.")
	}
	token, err := s.idToken(c, code)
	if err != nil {
		return oauthError(http.StatusInternalServerError, "server_error", err.Error())
	}
	return s.idp.tokens(token, code.offline, &refresh{person: code.person.Name, over: new(bool)})
}

// tokens is the token address's answer. The caller holds the provider's lock.
func (p *provider) tokens(idToken string, offline bool, next *refresh) answer {
	out := map[string]any{"access_token": rand.Text(), "token_type": "Bearer", "expires_in": int(idTokenLife.Seconds())}
	if idToken != "" {
		out["id_token"] = idToken
	}
	if offline {
		if p.spare == nil || len(p.spare) >= maxCodes {
			p.spare = map[string]*refresh{}
		}
		text := rand.Text() + rand.Text()
		p.spare[text] = next
		out["refresh_token"] = text
	}
	return jsonAnswer(http.StatusOK, out)
}

// refresh renews. The caller holds the provider's lock.
func (s *Simulator) refresh(c *call, token string) answer {
	effect := Slow
	if c.fault != nil {
		effect = c.fault.Effect
	}
	held, known := s.idp.spare[token]
	if known && held.spent {
		*held.over = true
	}
	i := -1
	if known {
		i = slices.IndexFunc(s.idp.people, func(p Person) bool { return p.Name == held.person })
	}
	if i < 0 || *held.over || effect == RefuseRefresh {
		return oauthError(http.StatusBadRequest, "invalid_grant", "The refresh token is unknown, used or over.")
	}
	held.spent = true
	next := &refresh{person: held.person, over: held.over}
	if effect == BareRefresh {
		return s.idp.tokens("", true, next)
	}
	text, err := s.idToken(c, grantedCode{person: s.idp.people[i]})
	if err != nil {
		return oauthError(http.StatusInternalServerError, "server_error", err.Error())
	}
	return s.idp.tokens(text, true, next)
}

// EndRefresh ends the refresh tokens that a person has now, as a provider does when they leave the company; no name is
// everybody's.
func (s *Simulator) EndRefresh(name string) {
	s.idp.mu.Lock()
	defer s.idp.mu.Unlock()
	for _, r := range s.idp.spare {
		if name == "" || r.person == name {
			*r.over = true
		}
	}
}

// idToken signs who somebody is. The caller holds the provider's lock.
func (s *Simulator) idToken(c *call, code grantedCode) (string, error) {
	now, nonce := s.now(), code.nonce
	if f := c.fault; f != nil && f.Effect == ClockSkew {
		now = now.Add(f.Skew)
	} else if f != nil && f.Effect == ReplayNonce {
		nonce = s.idp.nonce
	}
	s.idp.nonce = code.nonce
	claims := map[string]any{"iss": issuerOf(c), "aud": ProviderClientID, "sub": api.HexID("person/" + code.person.Name),
		"preferred_username": code.person.Name, "email": code.person.Name + "@example.com", "groups": code.person.Groups,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(idTokenLife).Unix()}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	return s.idp.sign(claims)
}

func (p *provider) sign(claims map[string]any) (string, error) {
	key, id, err := p.signing()
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"ES256","typ":"JWT","kid":"`+id+`"}`)) + "." + encode(payload)
	sum := sha256.Sum256([]byte(text))
	r, v, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign an ID token: %w", err)
	}
	signature := append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...)
	return text + "." + encode(signature), nil
}

// signedOut ends the person's session at the provider, which keeps none, and sends the browser back.
func (p *provider) signedOut(q url.Values) answer {
	if hint := q.Get("id_token_hint"); hint != "" {
		if _, err := p.verify(hint); err != nil {
			return htmlAnswer(http.StatusBadRequest, "<h1>The id_token_hint is wrong</h1>")
		}
	}
	to, err := url.Parse(q.Get("post_logout_redirect_uri"))
	if err != nil || !isOwnMachine(to.Hostname()) || q.Get("client_id") != ProviderClientID {
		return htmlAnswer(http.StatusOK, "<h1>Example company: signed out</h1>")
	}
	return redirect(to.String(), nil)
}

// redirect adds values to an address and sends the browser there.
func redirect(to string, values url.Values) answer {
	u, err := url.Parse(to)
	if err != nil {
		return htmlAnswer(http.StatusBadRequest, "<h1>The address is wrong</h1>")
	}
	q := u.Query()
	for name := range values {
		q.Set(name, values.Get(name))
	}
	u.RawQuery = q.Encode()
	a := htmlAnswer(http.StatusFound, "")
	a.header["Location"] = u.String()
	return a
}

func htmlAnswer(status int, body string) answer {
	return answer{status: status, header: map[string]string{"Content-Type": htmlType, "Cache-Control": "no-store"},
		body: []byte(`<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Example company</title><main>` + body + "</main></html>")}
}

// oauthError is the shape of RFC 6749 section 5.2.
func oauthError(status int, code, description string) answer {
	return jsonAnswer(status, map[string]string{"error": code, "error_description": description})
}
