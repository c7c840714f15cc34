package web_test

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/company"
	"coc-console/internal/i18n"
	"coc-console/internal/simulator"
)

// byCompany makes the company's provider a way in.
func byCompany(s *settings) { s.company = func(*company.Config) {} }

// toProvider begins a sign-in, and returns the address at the provider that the browser goes to.
func (b *browser) toProvider(form url.Values) string {
	b.t.Helper()
	p := b.post("/sign-in/oidc", form)
	b.want(p, http.StatusOK)
	to, ok := strings.CutPrefix(p.Header.Get("Refresh"), "0; url=")
	if !ok || !strings.Contains(p.body, `href="`+html.EscapeString(to)+`"`) {
		b.t.Fatalf("the page leads to %q\n%s", to, shortened(p.body))
	}
	return to
}

// atProvider chooses a person at the provider, and returns the path that the browser is sent back to.
func (b *browser) atProvider(to, person string) string {
	b.t.Helper()
	where, err := url.Parse(to)
	must(b.t, err)
	form := where.Query()
	form.Set("person", person)
	where.RawQuery = ""
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, where.String(), strings.NewReader(form.Encode()))
	must(b.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	must(b.t, err)
	must(b.t, res.Body.Close())
	back, ok := strings.CutPrefix(res.Header.Get("Location"), b.url)
	if res.StatusCode != http.StatusFound || !ok {
		b.t.Fatalf("the provider answers %d and leads to %q", res.StatusCode, res.Header.Get("Location"))
	}
	return back
}

// comeBack follows the provider's answer, as a browser that comes from another site.
func (b *browser) comeBack(path string) page {
	b.t.Helper()
	return b.get(path, with("Sec-Fetch-Site", "cross-site"), with("Sec-Fetch-Mode", "navigate"), with("Sec-Fetch-Dest", "document"))
}

func (b *browser) signInAs(person string, form url.Values) page {
	b.t.Helper()
	return b.comeBack(b.atProvider(b.toProvider(form), person))
}

// signInCookies are the cookies of sign-ins that have begun.
func (b *browser) signInCookies() (names []string) {
	u, err := url.Parse(b.url)
	must(b.t, err)
	for _, c := range b.client.Jar.Cookies(u) {
		if strings.Contains(c.Name, "coc-sign-in-") {
			names = append(names, c.Name)
		}
	}
	return names
}

// TestCompanySignIn: the company's account leads to a session, to the page that was asked for, and to a record; the
// sign-out ends both sessions.
func TestCompanySignIn(t *testing.T) {
	t.Parallel()
	c := start(t, byCompany)
	b := c.browser(t, i18n.EnUS)
	texts := i18n.Company.In(i18n.EnUS)
	b.want(b.get("/sign-in?return=%2Ftickets%3Fname%3Dkept"), http.StatusOK, texts.Button, "/tickets?name=kept")
	to := b.toProvider(url.Values{"return": {"/tickets?name=kept"}})
	for _, want := range []string{"code_challenge_method=S256", "nonce=", "state=", "response_type=code", "scope=openid+groups"} {
		if !strings.Contains(to, want) {
			t.Errorf("%s is not in %s", want, to)
		}
	}
	if strings.Contains(to, "prompt=") || len(b.signInCookies()) != 1 {
		t.Errorf("to %s with %v", to, b.signInCookies())
	}
	p := b.comeBack(b.atProvider(to, "li.na"))
	if b.want(p, http.StatusSeeOther); p.location() != "/tickets?name=kept" || len(b.signInCookies()) != 0 {
		t.Errorf("it leads to %s, with %v", p.location(), b.signInCookies())
	}
	b.want(b.follow(p), http.StatusOK, "li.na")
	r := c.only(audit.ActionSessionSignedIn)
	if r.Actor.UserName != "li.na" || r.Actor.AccountName != "demo" || r.Actor.ProjectName != "cn-north-4" || !strings.Contains(r.Detail, "method=oidc") {
		t.Errorf("the record is %+v", r)
	}
	p = b.follow(b.post("/sign-out", nil))
	if on := p.Header.Get("Refresh"); on != "0; url="+c.url+"/sign-in/oidc/sign-out?go=1" || b.cookie() != "" {
		t.Errorf("the sign-out leads to %q", on)
	}
	end := b.get("/sign-in/oidc/sign-out?go=1").location()
	if !strings.Contains(end, "/idp/logout?") || !strings.Contains(end, url.QueryEscape(c.url+"/sign-in?signed_out=1")) || !strings.Contains(end, "id_token_hint=eyJ") {
		t.Errorf("the sign-out leads to %q", end)
	}
	if p := b.get("/sign-in/oidc/sign-out?go=1"); p.location() != "/sign-in?signed_out=1" {
		t.Errorf("a second time it leads to %q", p.location())
	}
	b.want(b.get("/sign-in?signed_out=1"), http.StatusOK, "again")
	if to := b.toProvider(url.Values{"again": {"1"}}); !strings.Contains(to, "prompt=login") {
		t.Errorf("after a sign-out it leads to %s", to)
	}
}

// TestCompanyProjects: the project can be another, and stays the company's session in one that it switches to.
func TestCompanyProjects(t *testing.T) {
	t.Parallel()
	c := start(t, byCompany)
	b := c.browser(t, i18n.EnUS)
	b.want(b.signInAs("li.na", url.Values{"project": {"mars-1"}}), http.StatusUnprocessableEntity, i18n.Company.In(i18n.EnUS).Project, "field-company-project", "mars-1")
	b.want(b.signInAs("li.na", url.Values{"project": {"ap-southeast-3"}}), http.StatusSeeOther)
	b.want(b.post("/project", url.Values{"project": {"cn-north-4"}}), http.StatusSeeOther)
	if p := b.post("/sign-out", nil); p.location() != "/sign-in/oidc/sign-out" {
		t.Errorf("the sign-out leads to %s", p.location())
	}
}

// TestWithoutCompany: where no provider is named, nothing offers one.
func TestWithoutCompany(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.browser(t, i18n.EnUS)
	if p := b.get("/sign-in"); strings.Contains(p.body, "/sign-in/oidc") {
		t.Error("the page offers the company's account")
	}
	b.want(b.post("/sign-in/oidc", nil), http.StatusNotFound)
	b.want(b.get("/sign-in/oidc/callback?state=x&code=y"), http.StatusNotFound)
	if p := b.get("/sign-in/oidc/sign-out"); p.location() != "/sign-in?signed_out=1" {
		t.Errorf("it leads to %s", p.location())
	}
}

// TestCompanySignInFails: each failure says what happened in both languages, with the words of whoever refused, begins
// no session, and has its record.
func TestCompanySignInFails(t *testing.T) {
	t.Parallel()
	at := func(kind simulator.CallKind, effect simulator.Effect) simulator.Fault {
		return simulator.Fault{Kind: kind, Effect: effect}
	}
	skew := func(d time.Duration) simulator.Fault {
		return simulator.Fault{Kind: simulator.CallProvider, Effect: simulator.ClockSkew, Skew: d}
	}
	for _, tt := range []struct {
		name   string
		fault  simulator.Fault // after the person was at the provider
		person string
		status int
		says   func(*i18n.CompanyTexts) string // how it begins
		words  string                          // whoever refused
		kind   string
	}{
		{"provider down", at(simulator.CallProvider, simulator.Reset), "li.na", 502, func(t *i18n.CompanyTexts) string { return t.Unreachable }, "", "provider_unreachable"},
		{"provider fails", simulator.Fault{Kind: simulator.CallProvider, Status: 503}, "li.na", 502, func(t *i18n.CompanyTexts) string { return t.Unreachable }, "answers 503 Service Unavailable", "provider_unreachable"},
		{"a page in its place", simulator.Fault{Kind: simulator.CallProvider, Effect: simulator.HTMLBody, Status: 200}, "li.na", 502, func(t *i18n.CompanyTexts) string { return t.WrongAnswer }, "", "provider_answer_invalid"},
		{"cancelled", simulator.Fault{}, "", 422, func(t *i18n.CompanyTexts) string { return t.Refused }, "access_denied: The person cancelled the sign-in.", "provider_refused"},
		{"nonce replayed", at(simulator.CallProvider, simulator.ReplayNonce), "li.na", 422, func(t *i18n.CompanyTexts) string { return t.Replayed }, "", "replayed"},
		{"provider 10 min ahead", skew(10 * time.Minute), "li.na", 422, func(t *i18n.CompanyTexts) string { return before(t.Clock("§", "", ""), "§") }, "", "clock_off"},
		{"provider 10 min behind", skew(-10 * time.Minute), "li.na", 422, func(t *i18n.CompanyTexts) string { return before(t.Clock("§", "", ""), "§") }, "", "clock_off"},
		{"unknown provider at IAM", at(simulator.CallIDToken, simulator.UnknownProvider), "li.na", 422, func(t *i18n.CompanyTexts) string { return t.Unknown }, "Could not find Identity Provider: company.", "provider_unknown"},
		{"wrong audience at IAM", at(simulator.CallIDToken, simulator.WrongAudience), "li.na", 422, func(t *i18n.CompanyTexts) string { return t.NotTaken }, "The audience of the id token does not match", "id_token_refused"},
		{"expired at IAM", at(simulator.CallIDToken, simulator.ExpiredIDToken), "li.na", 422, func(t *i18n.CompanyTexts) string { return t.Expired }, "The id token has expired.", "token_expired"},
		{"unscoped token", at(simulator.CallIDToken, simulator.Unscoped), "li.na", 422, func(t *i18n.CompanyTexts) string { return t.Unscoped }, "", "token_unscoped"},
		{"no rule at IAM", simulator.Fault{}, "zhao.min", 422, func(t *i18n.CompanyTexts) string { return t.NoRule }, "conversion rules", "forbidden"},
		{"IAM down", at(simulator.CallIDToken, simulator.Reset), "li.na", 502, nil, "", "unavailable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := start(t, byCompany, quick)
			for i, language := range i18n.Languages() {
				b := c.browser(t, language)
				back := b.atProvider(b.toProvider(url.Values{"return": {"/tickets?name=kept"}}), tt.person)
				heal := func() {}
				if tt.fault != (simulator.Fault{}) {
					heal = c.sim.Inject(tt.fault)
				}
				p := b.comeBack(back)
				says := i18n.For(language).SignInProblem.Unavailable
				if tt.says != nil {
					says = tt.says(i18n.Company.In(language))
				}
				b.want(p, tt.status, says, tt.words, "/tickets?name=kept")
				if b.cookie() != "" || len(b.signInCookies()) != 0 {
					t.Error("there is a session, or the sign-in goes on")
				}
				found := c.records(audit.ActionSessionSignInFailed)
				if len(found) != i+1 || !strings.Contains(found[i].Detail, "method=oidc") || !strings.Contains(found[i].Detail, "problem="+tt.kind) || found[i].Actor.UserID != "" {
					t.Fatalf("the records are %+v", found)
				}
				if strings.Contains(tt.words, "Identity Provider") && found[i].Upstream.Message != tt.words {
					t.Errorf("the record has %+v", found[i].Upstream)
				}
				heal()
				b.want(b.signInAs("li.na", nil), http.StatusSeeOther) // all is well again
			}
		})
	}
}

func before(text, mark string) string {
	text, _, _ = strings.Cut(text, mark)
	return text
}

// TestCompanySignInOfAnotherBrowser: an answer signs in nobody but the browser that asked for it, once, within 15
// minutes; several tabs each have their own.
func TestCompanySignInOfAnotherBrowser(t *testing.T) {
	t.Parallel()
	c := start(t, byCompany)
	texts := i18n.Company.In(i18n.EnUS)
	b, victim := c.browser(t, i18n.EnUS), c.browser(t, i18n.EnUS)
	back := b.atProvider(b.toProvider(nil), "li.na")
	victim.toProvider(nil) // has begun another one
	victim.want(victim.comeBack(back), http.StatusUnprocessableEntity, texts.OtherBrowser)
	for _, path := range []string{"/sign-in/oidc/callback", "/sign-in/oidc/callback?state=&code=x", "/sign-in/oidc/callback?code=x&state=" + strings.Repeat("A", 2000)} {
		victim.want(victim.comeBack(path), http.StatusUnprocessableEntity, texts.OtherBrowser)
	}
	if victim.cookie() != "" || len(victim.signInCookies()) != 1 {
		t.Errorf("the other browser has %v", victim.signInCookies())
	}
	u, err := url.Parse(c.url)
	must(t, err)
	held := b.client.Jar.Cookies(u)
	b.want(b.comeBack(back), http.StatusSeeOther)
	b.client.Jar.SetCookies(u, held) // as they were
	b.want(b.comeBack(back), http.StatusUnprocessableEntity, texts.Replayed)

	first, second := b.atProvider(b.toProvider(url.Values{"return": {"/tickets?name=first"}}), "li.na"), b.atProvider(b.toProvider(url.Values{"return": {"/tickets?name=second"}}), "li.na")
	if p := b.comeBack(first); p.location() != "/tickets?name=first" {
		t.Errorf("the first tab leads to %s", p.location())
	}
	if p := b.comeBack(second); p.location() != "/tickets?name=second" {
		t.Errorf("the second tab leads to %s", p.location())
	}
	late := b.atProvider(b.toProvider(url.Values{"return": {"/tickets?name=late"}}), "li.na")
	c.clock.advance(16 * time.Minute)
	b.want(b.comeBack(late), http.StatusUnprocessableEntity, texts.OtherBrowser, "/tickets?name=late")
	for range 8 {
		b.toProvider(nil)
	}
	if n := len(b.signInCookies()); n > 5 {
		t.Errorf("%d sign-ins that have begun are kept", n)
	}
}

// TestCompanyKeysRotated: a provider that signs with new keys is believed at once; while it is down, and again right
// afterwards, nobody is locked out.
func TestCompanyKeysRotated(t *testing.T) {
	t.Parallel()
	c := start(t, byCompany, quick)
	b := c.browser(t, i18n.EnUS)
	b.want(b.signInAs("li.na", nil), http.StatusSeeOther)
	c.sim.RotateKeys()
	b.want(b.signInAs("li.na", nil), http.StatusSeeOther)

	other := start(t, byCompany, quick)
	b = other.browser(t, i18n.ZhCN)
	heal := other.sim.Inject(simulator.Fault{Kind: simulator.CallProvider, Effect: simulator.Reset})
	for range 12 { // more than an address may fail
		b.want(b.post("/sign-in/oidc", url.Values{"return": {"/tickets?name=kept"}}), http.StatusBadGateway, i18n.Company.In(i18n.ZhCN).Unreachable, "/tickets?name=kept")
	}
	if n := other.sim.Calls(simulator.CallProvider); n > 2 {
		t.Errorf("a provider that is down is asked %d times", n)
	}
	heal()
	other.clock.advance(3 * time.Second)
	b.want(b.signInAs("li.na", nil), http.StatusSeeOther)
}

// TestCompanyGroups: groups at the provider give roles and teams by the directory's members. They are read at every
// sign-in, a record holds those that counted, and a switch of the project keeps them.
func TestCompanyGroups(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) {
		s.company = func(cfg *company.Config) { cfg.GroupsClaim = "groups" }
		s.directory = `{"roles": {"managers": ["group:coc-managers"], "on-call": ["group:coc-on-call"]}, "teams": {"operations": ["group:coc-operations", "demo/manager"]}}`
		builtIn(s)
	})
	roles := func(b *browser) string { return b.get("/me/permissions").body }
	manager, onCall, reader := c.browser(t, i18n.EnUS), c.browser(t, i18n.EnUS), c.browser(t, i18n.EnUS)
	for person, b := range map[string]*browser{"chen.wei": manager, "li.na": onCall, "wang.fang": reader} {
		b.want(b.signInAs(person, nil), http.StatusSeeOther)
	}
	manager.want(manager.get("/sessions"), http.StatusOK, "li.na", "wang.fang")
	onCall.want(onCall.get("/me/permissions"), http.StatusOK, "on-call", "operations")
	if page := roles(reader); strings.Contains(page, "on-call") || strings.Contains(page, "operations<") {
		t.Errorf("whoever is in no group that counts has %s", shortened(page))
	}
	signedIn := c.records(audit.ActionSessionSignedIn)
	for _, r := range signedIn {
		want := map[string]string{"chen.wei": "coc-managers\ncoc-operations", "li.na": "coc-on-call\ncoc-operations", "wang.fang": ""}[r.Actor.UserName]
		if r.Actor.Groups != want || !strings.Contains(r.Detail, "subject=") {
			t.Errorf("the record of %s has %q, %s", r.Actor.UserName, r.Actor.Groups, r.Detail)
		}
	}
	onCall.want(onCall.post("/project", url.Values{"project": {"ap-southeast-3"}}), http.StatusSeeOther)
	onCall.want(onCall.get("/me/permissions"), http.StatusOK, "on-call")

	// A decision is recorded with the groups, and the roles and teams by them.
	b := c.browser(t, i18n.EnUS)
	b.want(b.signInAs("li.na", nil), http.StatusSeeOther)
	form := b.form(b.get(c.newOperation("running", "operation_type=PAUSE_ORDER")))
	b.want(b.post(c.ticket("running")+"/operations", form), http.StatusSeeOther)
	r := c.only(audit.ActionOperationRequested)
	if r.Actor.Groups != "coc-on-call\ncoc-operations" || !strings.Contains(r.Input, `"roles":["on-call"]`) || !strings.Contains(r.Input, `"teams":["operations"]`) {
		t.Errorf("the request has %q, %s", r.Actor.Groups, r.Input)
	}

	c.sim.SetGroups("li.na", "sales")
	b.want(b.signInAs("li.na", nil), http.StatusSeeOther)
	if page := roles(b); strings.Contains(page, "on-call") {
		t.Errorf("without the group it is still there: %s", shortened(page))
	}
	c.sim.SetGroups("wang.fang", "coc-managers")
	reader.want(reader.get("/sessions"), http.StatusForbidden) // not before the next sign-in
	reader.want(reader.signInAs("wang.fang", nil), http.StatusSeeOther)
	reader.want(reader.get("/sessions"), http.StatusOK)
}

// TestNoSecretOfTheCompany: no ID token, code, verifier or secret is in a page, the log, a record or a metric, however
// the sign-in ends.
func TestNoSecretOfTheCompany(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	secrets := []string{simulator.ProviderClientSecret}
	c := start(t, byCompany, quick, func(s *settings) {
		s.upstream = func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/idp/token" {
					next.ServeHTTP(w, r)
					return
				}
				body, _ := io.ReadAll(r.Body)
				r.Body = io.NopCloser(strings.NewReader(string(body)))
				form, _ := url.ParseQuery(string(body))
				answer := httptest.NewRecorder()
				next.ServeHTTP(answer, r)
				var out struct {
					ID     string `json:"id_token"`
					Access string `json:"access_token"`
				}
				_ = json.Unmarshal(answer.Body.Bytes(), &out)
				mu.Lock()
				secrets = append(secrets, form.Get("code"), form.Get("code_verifier"), out.ID, out.Access)
				mu.Unlock()
				maps.Copy(w.Header(), answer.Header())
				w.WriteHeader(answer.Code)
				_, _ = w.Write(answer.Body.Bytes())
			})
		}
	})
	var shown strings.Builder
	b := c.browser(t, i18n.EnUS)
	show := func(p page) {
		shown.WriteString(p.body + fmt.Sprint(p.Header))
	}
	for _, effect := range []simulator.Effect{simulator.Slow, simulator.WrongAudience, simulator.UnknownProvider, simulator.Unscoped, simulator.Reset, simulator.HTMLBody} {
		heal := c.sim.Inject(simulator.Fault{Kind: simulator.CallIDToken, Effect: effect, Status: 200})
		show(b.signInAs("li.na", nil))
		heal()
	}
	for _, effect := range []simulator.Effect{simulator.ReplayNonce, simulator.Slow} {
		heal := c.sim.Inject(simulator.Fault{Kind: simulator.CallProvider, Effect: effect})
		show(b.signInAs("li.na", nil))
		heal()
	}
	for _, path := range []string{"/tickets", "/me/permissions", "/audit?view=records", "/metrics"} {
		show(b.get(path))
	}
	show(b.post("/sign-out", nil))
	for _, r := range c.records() {
		text, err := audit.Encode(r)
		must(t, err)
		shown.Write(text)
	}
	all := shown.String() + c.output.String()
	mu.Lock()
	defer mu.Unlock()
	if len(secrets) < 20 {
		t.Fatalf("%d secrets were seen", len(secrets))
	}
	for _, secret := range secrets {
		for part := range strings.SplitSeq(secret, ".") {
			if len(part) > 10 && strings.Contains(all, part) {
				t.Errorf("%.12s… shows", part)
			}
		}
	}
}

// TestTwoProviders: each provider has its button, its people, their groups and their sign-out; a session is renewed by
// the one that it began at, and a callback that names another issuer is refused.
func TestTwoProviders(t *testing.T) {
	t.Parallel()
	c := start(t, renewing(true), func(s *settings) {
		s.second = func(cfg *company.Config) {
			cfg.Name, cfg.Label, cfg.GroupsPrefix = "partner", "Partner & Sons", "partner/"
		}
		s.directory = `{"roles": {"on-call": ["group:coc-on-call"], "partners": ["group:partner/coc-on-call"]}}`
	})
	b := c.browser(t, i18n.EnUS)
	p := b.get("/sign-in")
	b.want(p, http.StatusOK, i18n.Company.In(i18n.EnUS).Button, "Sign in with Partner & Sons")
	if strings.Count(p.body, `name="provider"`) != 2 || !strings.Contains(p.body, `name="provider" value="partner"`) {
		t.Error("the buttons don't name two providers")
	}
	b.want(b.post("/sign-in/oidc", url.Values{"provider": {"nobody"}}), http.StatusNotFound)
	back := b.atProvider(b.toProvider(url.Values{"provider": {"partner"}}), "li.na")
	b.want(b.comeBack(back+"&iss=https%3A%2F%2Fevil.example"), http.StatusBadGateway, i18n.Company.In(i18n.EnUS).Misconfigured)
	for provider, role := range map[string]string{"partner": "partners", "company": "on-call"} {
		b := c.browser(t, i18n.EnUS)
		b.want(b.signInAs("li.na", url.Values{"provider": {provider}}), http.StatusSeeOther)
		b.want(b.get("/me/permissions"), http.StatusOK, role)
		before := c.sim.Calls(simulator.CallTemporaryKeys)
		c.clock.advance(2 * time.Hour)
		b.want(b.get("/me/permissions"), http.StatusOK, role)
		if n := c.sim.Calls(simulator.CallTemporaryKeys); n != before+1 {
			t.Errorf("keys were asked for %d times", n-before)
		}
		b.want(b.post("/sign-out", nil), http.StatusSeeOther)
		if to := b.get("/sign-in/oidc/sign-out?go=1").location(); !strings.Contains(to, "/idp/logout?") || !strings.Contains(to, "id_token_hint=") {
			t.Errorf("the sign-out leads to %q", to)
		}
	}
}
