package company

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc/oidctest"
	"go.uber.org/goleak"

	"coc-console/internal/huawei"
	"coc-console/internal/i18n"
	"coc-console/internal/iam"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// forger is a provider that says and signs whatever a test likes.
type forger struct {
	t      *testing.T
	server *httptest.Server
	keys   *oidctest.Server
	sign   func(claims string) string
	change map[string]any   // of the discovery document
	place  http.HandlerFunc // answers in the place of the discovery document
	claims map[string]any   // of the ID token
	status int              // of the token endpoint; 0: 200
	body   string           // in the place of its answer
	asked  *http.Request    // of the token endpoint

	strange string    // a key besides its own
	now     time.Time // by its clock; zero: the right time
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newForger(t *testing.T) *forger {
	t.Helper()
	key := newKey(t)
	f := &forger{t: t, keys: &oidctest.Server{PublicKeys: []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: "k", Algorithm: "ES256"}}},
		sign: func(claims string) string { return oidctest.SignIDToken(key, "k", "ES256", claims) }}
	f.server = httptest.NewServer(f)
	t.Cleanup(f.server.Close)
	f.keys.SetIssuer(f.server.URL)
	return f
}

func (f *forger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		if f.place != nil {
			f.place(w, r)
			return
		}
		doc := map[string]any{"issuer": f.server.URL, "authorization_endpoint": f.server.URL + "/authorize?tenant=a", "token_endpoint": f.server.URL + "/token",
			"jwks_uri": f.server.URL + "/keys", "id_token_signing_alg_values_supported": []string{"ES256", "HS256", "none"}}
		maps.Copy(doc, f.change)
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(doc)
	case "/token":
		_ = r.ParseForm()
		f.asked = r
		w.Header().Set("Content-Type", "application/json")
		if f.status != 0 {
			w.WriteHeader(f.status)
		}
		if f.body != "" {
			_, _ = fmt.Fprint(w, f.body)
			return
		}
		text, _ := json.Marshal(f.claims)
		_, _ = fmt.Fprintf(w, `{"access_token":"a","token_type":"Bearer","id_token":%q}`, f.sign(string(text)))
	case "/keys":
		own := httptest.NewRecorder()
		f.keys.ServeHTTP(own, r)
		text := own.Body.String()
		if f.strange != "" {
			text = strings.Replace(text, `"keys":[`, `"keys":[`+f.strange+",", 1)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, text)
	default:
		f.keys.ServeHTTP(w, r)
	}
}

func (f *forger) provider(change ...func(*Config)) *Provider {
	f.t.Helper()
	cfg := Config{Issuer: f.server.URL, ClientID: "the-console", Key: make([]byte, 32), Now: time.Now,
		Secret: func() (string, error) { return "the-secret-of-the-client", nil },
		Exchange: func(context.Context, Grant) (iam.Identity, huawei.Credential, error) {
			return iam.Identity{UserID: "u", ProjectScoped: true}, huawei.NewToken("MII"), nil
		}}
	for _, c := range change {
		c(&cfg)
	}
	p, err := New(cfg)
	if err != nil {
		f.t.Fatal(err)
	}
	return p
}

// signIn begins a sign-in and comes back; change adjusts the claims, which fit otherwise.
func (f *forger) signIn(p *Provider, change map[string]any) error {
	f.t.Helper()
	r := httptest.NewRequestWithContext(f.t.Context(), http.MethodPost, "https://ops.example.com/sign-in/oidc", http.NoBody)
	to, cookies, err := p.Begin(f.t.Context(), r, true, Wish{Back: "/tickets"})
	if err != nil {
		return err
	}
	at, err := url.Parse(to)
	if err != nil || at.Query().Get("tenant") != "a" || at.Query().Get("redirect_uri") != "https://ops.example.com/sign-in/oidc/callback" {
		f.t.Fatalf("it leads to %s, %v", to, err)
	}
	now := time.Now()
	if !f.now.IsZero() {
		now = f.now
	}
	f.claims = map[string]any{"iss": f.server.URL, "aud": "the-console", "sub": "s", "nonce": at.Query().Get("nonce"), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix()}
	for name, value := range change {
		if f.claims[name] = value; value == nil {
			delete(f.claims, name)
		}
	}
	back := httptest.NewRequestWithContext(f.t.Context(), http.MethodGet, "/sign-in/oidc/callback?code=the-code-of-this&state="+at.Query().Get("state"), http.NoBody)
	for _, c := range cookies {
		if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.Path != "/" || c.SameSite != http.SameSiteLaxMode {
			f.t.Errorf("the cookie is %v", c)
		}
		back.AddCookie(c)
	}
	answer, _ := Providers{p}.Receive(back, true)
	_, err = answer.Exchange(f.t.Context())
	return err
}

func kindOf(err error) Kind {
	e, _ := errors.AsType[*Error](err)
	if e == nil {
		return 0
	}
	return e.Kind
}

// TestForgedIDTokens: signature, algorithm, issuer, audience, party, nonce and times are checked.
func TestForgedIDTokens(t *testing.T) {
	f := newForger(t)
	p := f.provider()
	if err := f.signIn(p, nil); err != nil {
		t.Fatal(err)
	}
	if user, password, ok := f.asked.BasicAuth(); !ok || user != "the-console" || password != "the-secret-of-the-client" || f.asked.PostForm.Get("code_verifier") == "" {
		t.Errorf("the code was redeemed with %v", f.asked.PostForm)
	}
	now := time.Now()
	for name, tt := range map[string]struct {
		change map[string]any
		want   Kind
	}{
		"another issuer":    {map[string]any{"iss": "https://evil.example"}, BadToken},
		"another audience":  {map[string]any{"aud": "another"}, BadToken},
		"no audience":       {map[string]any{"aud": nil}, BadToken},
		"two audiences":     {map[string]any{"aud": []string{"the-console", "another"}}, BadToken},
		"with the party":    {map[string]any{"aud": []string{"the-console", "another"}, "azp": "the-console"}, 0},
		"another party":     {map[string]any{"azp": "another"}, BadToken},
		"another nonce":     {map[string]any{"nonce": "x"}, Replayed},
		"no nonce":          {map[string]any{"nonce": nil}, Replayed},
		"over":              {map[string]any{"exp": now.Add(-Leeway - time.Minute).Unix()}, ClockOff},
		"just over":         {map[string]any{"exp": now.Add(-time.Minute).Unix()}, 0},
		"no end":            {map[string]any{"exp": nil}, ClockOff},
		"of the future":     {map[string]any{"iat": now.Add(Leeway + time.Minute).Unix()}, ClockOff},
		"not begun":         {map[string]any{"nbf": now.Add(Leeway + time.Minute).Unix()}, ClockOff},
		"a clock a bit off": {map[string]any{"iat": now.Add(Leeway - time.Minute).Unix()}, 0},
	} {
		if err := f.signIn(p, tt.change); kindOf(err) != tt.want || (err == nil) != (tt.want == 0) {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
	}
	good := f.sign
	other := newKey(t)
	for name, sign := range map[string]func(string) string{
		"another key":    func(claims string) string { return oidctest.SignIDToken(other, "k", "ES256", claims) },
		"an unknown key": func(claims string) string { return oidctest.SignIDToken(other, "other", "ES256", claims) },
		"no signature":   func(claims string) string { return strings.Join(append(strings.Split(good(claims), ".")[:2], ""), ".") },
		"none":           func(claims string) string { return "eyJhbGciOiJub25lIn0." + strings.Split(good(claims), ".")[1] + "." },
		"no token":       func(string) string { return "" },
		"garbage":        func(string) string { return "x" },
	} {
		f.sign = sign
		if err := f.signIn(p, nil); kindOf(err) != BadToken || strings.Contains(err.Error(), "eyJ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestProvidersThatDoNotFit: what a discovery document or the token endpoint says that can't be right leads nowhere,
// and says why without a secret.
func TestProvidersThatDoNotFit(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*forger, *Config)
		want   Kind
		says   string
	}{
		"another issuer":     {func(f *forger, _ *Config) { f.change = map[string]any{"issuer": "https://evil.example"} }, Misconfigured, "https://evil.example"},
		"a token address":    {func(f *forger, _ *Config) { f.change = map[string]any{"token_endpoint": "http://evil.example/token"} }, Misconfigured, "token_endpoint"},
		"a sign-in address":  {func(f *forger, _ *Config) { f.change = map[string]any{"authorization_endpoint": "javascript:alert(1)"} }, Misconfigured, "authorization_endpoint"},
		"no keys":            {func(f *forger, _ *Config) { f.change = map[string]any{"jwks_uri": ""} }, Misconfigured, "jwks_uri"},
		"keys that are none": {func(f *forger, _ *Config) { f.change = map[string]any{"jwks_uri": f.server.URL + "/nowhere"} }, WrongAnswer, "/nowhere answers 404 Not Found"},
		"an unreadable secret": {func(_ *forger, c *Config) {
			c.Secret = func() (string, error) { return "", errors.New("no such file") }
		}, Misconfigured, ""},
		"a wrong secret": {func(f *forger, _ *Config) {
			f.status, f.body = 401, `{"error":"invalid_client","error_description":"Wrong the-secret-of-the-client"}`
		}, Misconfigured, "invalid_client: Wrong [hidden]"},
		"a used code": {func(f *forger, _ *Config) {
			f.status, f.body = 400, `{"error":"invalid_grant","error_description":"the-code-of-this is used"}`
		}, Refused, "invalid_grant: [hidden] is used"},
		"an error page": {func(f *forger, _ *Config) { f.status, f.body = 502, "the-secret-of-the-client" }, Unreachable, "502 Bad Gateway"},
		"a long ID token": {func(f *forger, _ *Config) {
			f.body = `{"access_token":"a","token_type":"Bearer","id_token":"` + strings.Repeat("a", 40_000) + `"}`
		}, BadToken, "40000 characters"},
		"another address": {func(f *forger, _ *Config) { f.status, f.body = 302, "the-secret-of-the-client" }, WrongAnswer, "302 Found"},
		"no JSON":         {func(f *forger, _ *Config) { f.body = "the-secret-of-the-client" }, WrongAnswer, ""},
		"no ID token":     {func(f *forger, _ *Config) { f.body = `{"access_token":"a","token_type":"Bearer"}` }, BadToken, ""},
		"without end":     {func(f *forger, _ *Config) { f.body = `{"access_token":"` + strings.Repeat("a", 2<<20) + `"}` }, WrongAnswer, ""},
		"no provider":     {func(_ *forger, c *Config) { c.Issuer += "/elsewhere" }, WrongAnswer, "/elsewhere/.well-known/openid-configuration answers 404 Not Found"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newForger(t)
			p := f.provider(func(c *Config) { tt.change(f, c) })
			err := f.signIn(p, nil)
			e, _ := errors.AsType[*Error](err)
			if e == nil || e.Kind != tt.want || !strings.Contains(e.Verbatim, tt.says) || tt.says == "" && e.Verbatim != "" {
				t.Fatalf("got %v, want %v %q", err, tt.want, tt.says)
			}
			for _, language := range i18n.Languages() {
				x, ok := Explain(i18n.WithLanguage(t.Context(), language), err)
				if shown := fmt.Sprintf("%v %+v", err, x); !ok || x.Text == "" || x.Status < 400 || strings.Contains(shown, "the-secret") || strings.Contains(shown, "the-code") {
					t.Errorf("it says %s", shown)
				}
			}
		})
	}
	for _, issuer := range []string{"", "http://login.example.com", "https://user:secret@login.example.com", "https://login.example.com?x=1"} {
		if _, err := New(Config{Issuer: issuer}); err == nil || strings.Contains(err.Error(), "secret@") {
			t.Errorf("%q: %v", issuer, err)
		}
	}
}

// TestWhatAnswersInItsPlace: an address that answers is not told as one that can't be reached: the page says what it
// answered, without what may be secret, and who must do something. A session waits as while the provider is down.
func TestWhatAnswersInItsPlace(t *testing.T) {
	answer := func(status int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Location", "https://user:the-secret@portal.example/login?token=the-secret")
			w.WriteHeader(status)
			_, _ = fmt.Fprint(w, body)
		}
	}
	for name, tt := range map[string]struct {
		place http.HandlerFunc
		want  Kind
		says  string
		text  func(*i18n.CompanyTexts) string
	}{
		"a page":         {answer(200, "text/html", "<html>the-secret"), WrongAnswer, "answers 200 OK, text/html", nil},
		"a cut document": {answer(200, "application/json", `{"issuer":`), WrongAnswer, "answers 200 OK, application/json", nil},
		"other JSON":     {answer(200, "application/json", `{"error":"the-secret"}`), WrongAnswer, "a document without an issuer", nil},
		"no such realm":  {answer(404, "application/json", `{"error":"the-secret"}`), WrongAnswer, "answers 404 Not Found", nil},
		"a redirect":     {answer(302, "text/html", ""), WrongAnswer, "answers 302 Found, text/html, to https://portal.example/login", nil},
		"a fault":        {answer(503, "text/html", "the-secret"), Unreachable, "answers 503 Service Unavailable", func(t *i18n.CompanyTexts) string { return t.Unreachable }},
		"another issuer": {answer(200, "application/json", `{"issuer":"https://other.example"}`), Misconfigured, "issuer: https://other.example", func(t *i18n.CompanyTexts) string { return t.OtherIssuer }},
	} {
		f := newForger(t)
		f.place = tt.place
		err := f.signIn(f.provider(), nil)
		e, _ := errors.AsType[*Error](err)
		if e == nil || e.Kind != tt.want || !strings.Contains(e.Verbatim, tt.says) || Ends(err) || IsOutage(err) != (tt.want != Misconfigured) {
			t.Errorf("%s: it says %v, want %v %q", name, err, tt.want, tt.says)
			continue
		}
		for _, language := range i18n.Languages() {
			want := i18n.Company.In(language).WrongAnswer
			if tt.text != nil {
				want = tt.text(i18n.Company.In(language))
			}
			x, _ := Explain(i18n.WithLanguage(t.Context(), language), err)
			if shown := fmt.Sprintf("%v %+v", err, x); x.Text != want || x.Status != http.StatusBadGateway || !x.Outage || strings.Contains(shown, "the-secret") {
				t.Errorf("%s: the page says %s", name, shown)
			}
		}
	}
}

// TestCausesAreTold: the console's own log says what came, where the page can't.
func TestCausesAreTold(t *testing.T) {
	for want, change := range map[string]func(*forger){
		"status 302":          func(f *forger) { f.status, f.body = 302, "x" },
		"status 502":          func(f *forger) { f.status, f.body = 502, "x" },
		"cannot parse json":   func(f *forger) { f.body = "<html>" },
		"2001-02-03 04:05:06": func(f *forger) { f.now = time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC) },
	} {
		f := newForger(t)
		change(f)
		if err := f.signIn(f.provider(), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("it says %v, want %s", err, want)
		}
	}
}

// TestStrangeKeys: keys that the console can't read are no reason to refuse those that it can.
func TestStrangeKeys(t *testing.T) {
	for name, strange := range map[string]string{
		"a curve":         `{"kty":"EC","crv":"secp256k1","kid":"s","x":"AA","y":"AA"}`,
		"a kind":          `{"kty":"AKP","alg":"ML-DSA-44","kid":"m","pub":"AA"}`,
		"half a key":      `{"kty":"RSA","kid":"b"}`,
		"a certificate":   `{"kty":"RSA","kid":"b","n":"AQAB","e":"AQAB","x5c":["AAAA"]}`,
		"a numbered name": `{"kty":"RSA","kid":5,"n":"AQAB","e":"AQAB"}`,
		"a text":          `"key"`,
	} {
		f := newForger(t)
		f.strange = strange
		if err := f.signIn(f.provider(), nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestClaimsOfGroups: the shapes in which providers tell groups. What can't be read gives nobody a role, and is logged.
func TestClaimsOfGroups(t *testing.T) {
	for _, tt := range []struct {
		claim  string
		claims map[string]any
		want   string
		says   string
	}{
		{"groups", map[string]any{"groups": []string{"a,b", "größe"}}, "a,b|größe", ""},
		{"groups", map[string]any{"groups": "one"}, "one", ""},
		{"groups", map[string]any{"groups": []any{"a", 5, nil, map[string]any{"name": "b"}, "c"}}, "a|5|c", "items of another kind"},
		{"groups", map[string]any{"groups": []string{}}, "", ""},
		{"groups", nil, "", "no such claim"},
		{"groups", map[string]any{"groups": map[string]any{"a": true}}, "", "neither"},
		{"groups", map[string]any{"_claim_names": map[string]any{"groups": "s"}, "_claim_sources": map[string]any{"s": map[string]any{"endpoint": "https://graph.example"}}}, "", "too many"},
		{"realm_access.roles", map[string]any{"realm_access": map[string]any{"roles": []string{"a"}}}, "a", ""},
		{"resource_access.the.console.roles", map[string]any{"resource_access": map[string]any{"the.console": map[string]any{"roles": []string{"a"}}}}, "a", ""},
		{"https://acme.example/groups", map[string]any{"https://acme.example/groups": []string{"a"}}, "a", ""},
		{"realm_access.roles", map[string]any{"realm_access": "x"}, "", "no such claim"},
	} {
		var logged strings.Builder
		f := newForger(t)
		var got []string
		p := f.provider(func(c *Config) {
			c.GroupsClaim, c.Logger = tt.claim, slog.New(slog.NewTextHandler(&logged, nil))
			c.Count = func(groups []string) string { got = groups; return "" }
		})
		if err := f.signIn(p, tt.claims); err != nil {
			t.Fatal(err)
		}
		if strings.Join(got, "|") != tt.want || (tt.says == "") != (logged.Len() == 0) || !strings.Contains(logged.String(), tt.says) {
			t.Errorf("%s of %v: %q, %s; want %q, %s", tt.claim, tt.claims, got, logged.String(), tt.want, tt.says)
		}
	}
}

// TestClientAuthentication: the client proves itself as the provider takes it.
func TestClientAuthentication(t *testing.T) {
	f := newForger(t)
	f.change = map[string]any{"token_endpoint_auth_methods_supported": []string{"client_secret_post"}}
	if err := f.signIn(f.provider(), nil); err != nil || f.asked.PostForm.Get("client_secret") != "the-secret-of-the-client" || f.asked.Header.Get("Authorization") != "" {
		t.Errorf("got %v, with %v", err, f.asked.PostForm)
	}
	if err := f.signIn(f.provider(func(c *Config) { c.Secret = nil }), nil); err != nil || f.asked.PostForm.Has("client_secret") || f.asked.PostForm.Get("client_id") != "the-console" {
		t.Errorf("a public client: got %v, with %v", err, f.asked.PostForm)
	}
}

// TestAgedDiscovery: what a provider said of itself an hour ago is asked for again, and counts while it is down.
func TestAgedDiscovery(t *testing.T) {
	f := newForger(t)
	now := time.Now()
	p := f.provider(func(c *Config) { c.Now = func() time.Time { return now } })
	if to := p.signOut(t.Context(), huawei.Token{}, "https://ops.example.com/"); to != "" {
		t.Errorf("a provider without a sign-out has %q", to)
	}
	f.change = map[string]any{"end_session_endpoint": f.server.URL + "/logout?a=b"}
	now = now.Add(2 * time.Hour)
	want := f.server.URL + "/logout?a=b&client_id=the-console&post_logout_redirect_uri=" + url.QueryEscape("https://ops.example.com/")
	if to := p.signOut(t.Context(), huawei.Token{}, "https://ops.example.com/"); to != want {
		t.Errorf("the sign-out is %q", to)
	}
	f.server.Close()
	now = now.Add(2 * time.Hour)
	if to := p.signOut(t.Context(), huawei.Token{}, "https://ops.example.com/"); to != want {
		t.Errorf("while it is down the sign-out is %q", to)
	}
}
