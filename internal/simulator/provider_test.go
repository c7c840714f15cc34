package simulator

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// company is a browser and a client of the simulator's provider.
type company struct {
	t   *testing.T
	sim *Simulator
	url string
}

func newCompany(t *testing.T) company {
	t.Helper()
	sim := New(Config{Tickets: []TicketSpec{}})
	server := httptest.NewServer(sim.Handler())
	t.Cleanup(server.Close)
	return company{t, sim, server.URL}
}

func (c company) send(method, path, contentType, body string, change ...func(*http.Request)) (*http.Response, string) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	for _, f := range change {
		f(r)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return res, string(text)
}

const callback = "http://127.0.0.1:8080/sign-in/oidc/callback"

// authorization is a request to sign in, with the verifier of its code.
func authorization(nonce string) (q url.Values, verifier string) {
	verifier = strings.Repeat("v", 50)
	sum := sha256.Sum256([]byte(verifier))
	return url.Values{"client_id": {ProviderClientID}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid groups"},
		"state": {"the-state"}, "nonce": {nonce}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}, verifier
}

// code signs a person in at the provider, and returns the code.
func (c company) code(person, nonce string) string {
	c.t.Helper()
	q, _ := authorization(nonce)
	if res, text := c.send(http.MethodGet, "/idp/authorize?"+q.Encode(), "", ""); res.StatusCode != http.StatusOK || !strings.Contains(text, ">"+person+"</button>") {
		c.t.Fatalf("the page has status %d:\n%s", res.StatusCode, text)
	}
	q.Set("person", person)
	res, text := c.send(http.MethodPost, "/idp/authorize", "application/x-www-form-urlencoded", q.Encode())
	to, err := url.Parse(res.Header.Get("Location"))
	if err != nil || res.StatusCode != http.StatusFound || to.Query().Get("state") != "the-state" || !strings.HasPrefix(to.String(), callback) {
		c.t.Fatalf("got %d %v %s", res.StatusCode, to, text)
	}
	return to.Query().Get("code")
}

func (c company) redeem(code, verifier, secret string) (status int, token, body string) {
	c.t.Helper()
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier}}
	res, body := c.send(http.MethodPost, "/idp/token", "application/x-www-form-urlencoded", form.Encode(), func(r *http.Request) { r.SetBasicAuth(ProviderClientID, secret) })
	var out struct {
		Token string `json:"id_token"`
	}
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		c.t.Fatal(err)
	}
	return res.StatusCode, out.Token, body
}

func (c company) idToken(person, nonce string) string {
	c.t.Helper()
	_, verifier := authorization(nonce)
	status, token, body := c.redeem(c.code(person, nonce), verifier, ProviderClientSecret)
	if status != http.StatusOK || token == "" {
		c.t.Fatalf("got %d %s", status, body)
	}
	return token
}

func claimsOf(t *testing.T, token string) (claims struct {
	Nonce, Sub string
	Groups     []string
	Exp        int64
}) {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// TestProvider: a code is for one use, with its verifier and the client's secret; wrong requests lead nowhere.
func TestProvider(t *testing.T) {
	c := newCompany(t)
	_, verifier := authorization("n-1")
	for name, ask := range map[string]func(code string) (int, string, string){
		"another verifier": func(code string) (int, string, string) { return c.redeem(code, verifier+"x", ProviderClientSecret) },
		"another secret":   func(code string) (int, string, string) { return c.redeem(code, verifier, "x") },
		"another code":     func(string) (int, string, string) { return c.redeem("x", verifier, ProviderClientSecret) },
		"a used code": func(code string) (int, string, string) {
			_, _, _ = c.redeem(code, verifier, ProviderClientSecret)
			return c.redeem(code, verifier, ProviderClientSecret)
		},
	} {
		if status, token, body := ask(c.code("li.na", "n-1")); status < 400 || token != "" || !strings.Contains(body, "error_description") {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	for name, value := range map[string]string{"redirect_uri": "https://evil.example/sign-in/oidc/callback", "client_id": "x", "scope": "groups", "code_challenge": "", "response_type": "token"} {
		q, _ := authorization("n")
		q.Set(name, value)
		if res, _ := c.send(http.MethodGet, "/idp/authorize?"+q.Encode(), "", ""); res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s=%s: %d", name, value, res.StatusCode)
		}
	}
	if got := claimsOf(t, c.idToken("li.na", "n-2")); got.Nonce != "n-2" || len(got.Groups) != 2 {
		t.Errorf("the claims are %+v", got)
	}
	c.sim.SetGroups("li.na", "one")
	defer c.sim.Inject(Fault{Kind: CallProvider, Effect: ReplayNonce})()
	if got := claimsOf(t, c.idToken("li.na", "n-3")); got.Nonce != "n-2" || got.Groups[0] != "one" || len(got.Groups) != 1 {
		t.Errorf("with the nonce of before the claims are %+v", got)
	}
	defer c.sim.Inject(Fault{Kind: CallProvider, Effect: ClockSkew, Skew: time.Hour})()
	if got := claimsOf(t, c.idToken("li.na", "n-4")); time.Until(time.Unix(got.Exp, 0)) < 50*time.Minute {
		t.Errorf("an hour ahead the claims are %+v", got)
	}
	if res, _ := c.send(http.MethodGet, "/idp/logout?client_id=coc-console&post_logout_redirect_uri="+url.QueryEscape("http://127.0.0.1:1/sign-in"), "", ""); res.Header.Get("Location") != "http://127.0.0.1:1/sign-in" {
		t.Errorf("the sign-out leads to %q", res.Header.Get("Location"))
	}
}

// TestIDToken: IAM gives a token of the wanted scope for an ID token, or says why not.
func TestIDToken(t *testing.T) {
	const project, noScope = `,"scope":{"project":{"name":"cn-north-4"}}`, ""
	ask := func(c company, token, scope, idp string) (*http.Response, string) {
		return c.send(http.MethodPost, "/v3.0/OS-AUTH/id-token/tokens", "application/json", `{"auth":{"id_token":{"id":"`+token+`"}`+scope+`}}`,
			func(r *http.Request) { r.Header.Set("X-Idp-Id", idp) })
	}
	use := func(c company, token string) int {
		res, _ := c.send(http.MethodGet, "/v1/job/script/orders?limit=10", "", "", func(r *http.Request) { r.Header.Set("X-Auth-Token", token) })
		return res.StatusCode
	}
	c := newCompany(t)
	res, body := ask(c, c.idToken("li.na", "n"), project, ProviderName)
	if res.StatusCode != http.StatusCreated || !strings.Contains(body, `"identity_provider":{"id":"company"}`) || !strings.Contains(body, `"methods":["mapped"]`) || !strings.Contains(body, `"project":`) {
		t.Fatalf("got %d %s", res.StatusCode, body)
	}
	if got := use(c, res.Header.Get("X-Subject-Token")); got != http.StatusOK {
		t.Errorf("COC answers the token with %d", got)
	}
	for _, fault := range []Effect{Slow, Unscoped} {
		remove := c.sim.Inject(Fault{Kind: CallIDToken, Effect: fault})
		scope := map[Effect]string{Slow: noScope, Unscoped: project}[fault]
		if res, body = ask(c, c.idToken("li.na", "n"), scope, ProviderName); res.StatusCode != http.StatusCreated || strings.Contains(body, `"project":`) || strings.Contains(body, `"token":{"domain"`) {
			t.Errorf("without a scope: %d %s", res.StatusCode, body)
		}
		if got := use(c, res.Header.Get("X-Subject-Token")); got != http.StatusForbidden {
			t.Errorf("COC answers the unscoped token with %d", got)
		}
		remove()
	}
	old := c.idToken("li.na", "n")
	c.sim.RotateKeys()
	for _, tt := range []struct {
		name, token, scope, idp string
		effect                  Effect
		status                  int
		says                    string
	}{
		{"another provider", c.idToken("li.na", "n"), project, "other", Slow, 404, "Identity Provider"},
		{"unknown provider", c.idToken("li.na", "n"), project, ProviderName, UnknownProvider, 404, "Identity Provider"},
		{"wrong audience", c.idToken("li.na", "n"), project, ProviderName, WrongAudience, 401, "audience"},
		{"expired", c.idToken("li.na", "n"), project, ProviderName, ExpiredIDToken, 401, "expired"},
		{"a former key", old, project, ProviderName, Slow, 401, "signature"},
		{"no token", "x.y.z", project, ProviderName, Slow, 401, "signature"},
		{"no conversion rule", c.idToken("zhao.min", "n"), project, ProviderName, Slow, 403, "conversion rules"},
		{"another project", c.idToken("li.na", "n"), strings.Replace(project, "cn-north-4", "mars", 1), ProviderName, Slow, 404, "project"},
	} {
		remove := c.sim.Inject(Fault{Kind: CallIDToken, Effect: tt.effect})
		if res, body := ask(c, tt.token, tt.scope, tt.idp); res.StatusCode != tt.status || !strings.Contains(body, tt.says) || res.Header.Get("X-Subject-Token") != "" {
			t.Errorf("%s: %d %s", tt.name, res.StatusCode, body)
		}
		remove()
	}
}

// TestRefreshTokens: a refresh token renews once, with the groups of now; a second use, and the end of a person, end all
// that followed from their sign-in.
func TestRefreshTokens(t *testing.T) {
	c := newCompany(t)
	type tokens struct {
		ID      string `json:"id_token"`
		Refresh string `json:"refresh_token"`
		Error   string `json:"error"`
	}
	ask := func(form url.Values) (out tokens) {
		t.Helper()
		_, body := c.send(http.MethodPost, "/idp/token", "application/x-www-form-urlencoded", form.Encode(), func(r *http.Request) { r.SetBasicAuth(ProviderClientID, ProviderClientSecret) })
		if err := json.Unmarshal([]byte(body), &out); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		return out
	}
	refresh := func(token string) tokens {
		t.Helper()
		return ask(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
	}
	signIn := func() tokens {
		t.Helper()
		q, verifier := authorization("n")
		q.Set("scope", "openid groups offline_access")
		q.Set("person", "li.na")
		res, _ := c.send(http.MethodPost, "/idp/authorize", "application/x-www-form-urlencoded", q.Encode())
		to, err := url.Parse(res.Header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		return ask(url.Values{"grant_type": {"authorization_code"}, "code": {to.Query().Get("code")}, "redirect_uri": {callback}, "code_verifier": {verifier}})
	}
	first := signIn()
	c.sim.SetGroups("li.na", "another")
	second := refresh(first.Refresh)
	if got := claimsOf(t, second.ID); got.Nonce != "" || len(got.Groups) != 1 || got.Groups[0] != "another" || second.Refresh == first.Refresh {
		t.Errorf("renewed it is %+v", got)
	}
	heal := c.sim.Inject(Fault{Kind: CallProvider, Effect: RefuseRefresh})
	if got := refresh(second.Refresh); got.Error != "invalid_grant" {
		t.Errorf("refused it is %+v", got)
	}
	heal()
	heal = c.sim.Inject(Fault{Kind: CallProvider, Effect: BareRefresh})
	third := refresh(second.Refresh)
	if heal(); third.ID != "" || third.Refresh == "" {
		t.Errorf("without an ID token it is %+v", third)
	}
	if refresh(second.Refresh).Error != "invalid_grant" || refresh(third.Refresh).Error != "invalid_grant" {
		t.Error("after a second use of one token the newest still counts")
	}
	other := signIn()
	c.sim.EndRefresh("li.na")
	if got := refresh(other.Refresh); got.Error != "invalid_grant" {
		t.Errorf("of somebody who has left it is %+v", got)
	}
}
