package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"coc-console/internal/e2e"
	"coc-console/internal/simulator"
)

// identityProvider starts npm's oidc-provider for a console at an address that is not served yet, and returns its issuer.
// vouch is IAM with the provider's keys, said what the provider prints of grants.
func identityProvider(t *testing.T, secret, console string) (issuer string, vouch func(idp, idToken string) (string, error), said <-chan string) {
	t.Helper()
	path := os.Getenv("COC_CONSOLE_TEST_IDP")
	if path == "" {
		e2e.Missing(t, "no identity provider: set COC_CONSOLE_TEST_IDP to provider.mjs in a folder with tools/idp and its packages")
	}
	node := exec.CommandContext(t.Context(), "node", path)
	node.Stderr = os.Stderr
	in, err := node.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = node.Wait() })
	printed := bufio.NewScanner(out)
	if !printed.Scan() {
		t.Fatalf("the identity provider does not start: %v", printed.Err())
	}
	issuer = printed.Text()
	if err := json.NewEncoder(in).Encode(map[string]any{"secret": secret, "console": console,
		"groups": map[string][]string{"chen.wei": {"coc-managers"}, "li.na": {"coc-operations"}}}); err != nil {
		t.Fatal(err)
	}
	if !printed.Scan() || printed.Text() != "ready" {
		t.Fatalf("the identity provider says %q, %v", printed.Text(), printed.Err())
	}
	keys := oidc.NewRemoteKeySet(context.WithoutCancel(t.Context()), issuer+"/jwks")
	verifier := oidc.NewVerifier(issuer, keys, &oidc.Config{ClientID: "coc-console"})
	lines := make(chan string, 16)
	go func() {
		for printed.Scan() { // what it thinks of its own settings, too
			if strings.HasSuffix(strings.SplitN(printed.Text(), ":", 2)[0], "revoked") {
				lines <- printed.Text()
			}
		}
	}()
	return issuer, func(_, idToken string) (string, error) {
		token, err := verifier.Verify(context.WithoutCancel(t.Context()), idToken)
		if err != nil {
			return "", err
		}
		var claims struct {
			Name string `json:"preferred_username"`
		}
		err = token.Claims(&claims)
		return claims.Name, err
	}, lines
}

// freeAddress is one that nobody listened at a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// byProvider signs somebody in on the provider's own pages.
func (t *tab) byProvider(person string) {
	t.Helper()
	t.Go("/tickets")
	t.Click("#company button")
	t.WaitFor("document.querySelector('input[name=login]') !== null")
	t.Type("input[name=login]", person)
	t.Type("input[name=password]", "whatever")
	t.Click("button[type=submit]")
	t.WaitFor("document.querySelector('input[name=prompt][value=consent]') !== null || document.querySelector('.me') !== null")
	if t.Is("document.querySelector('.me') === null") {
		t.Click("button[type=submit]")
	}
	t.WaitFor("location.pathname === '/tickets' && document.querySelector('.me') !== null")
}

// TestBrowserTwoOfOneCompany: two people of one company sign in at its provider, in two browsers, with roles by their
// groups and temporary keys at COC. One asks for an approval, the other hears of it, opens it and approves, and the first
// hears of the end; the log has both as the company's people, and nothing shows what their sessions hold.
func TestBrowserTwoOfOneCompany(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	const secret = "the-secret-of-the-tests-client"
	address := freeAddress(t)
	issuer, vouch, said := identityProvider(t, secret, "http://"+address)
	cfg := quick
	cfg.Vouch = vouch
	s, args := startUpstream(t, cfg)
	folder := t.TempDir()
	directory, secretFile := filepath.Join(folder, "directory.json"), filepath.Join(folder, "secret")
	for path, text := range map[string]string{secretFile: secret, directory: `{"roles": {"managers": ["group:coc-managers"]}, "teams": {"operations": ["group:coc-operations", "demo/operator"]}}`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := e2e.Launch(t, e2e.NoEnvironment, append(args, "--listen", address, "--oidc-issuer", issuer, "--oidc-client-id", "coc-console", "--oidc-client-secret-file", secretFile,
		"--oidc-scopes", "groups,offline_access", "--oidc-groups-claim", "groups", "--oidc-idp", "acme", "--oidc-exchange", "keys", "--directory", directory)...)
	s.base = c.URL
	asks, approves := b.open(t, s.base, look{still: true}), b.open(t, s.base, look{still: true})
	asks.byProvider("li.na")
	approves.byProvider("chen.wei")
	approves.Go("/me/permissions")
	approves.WaitFor("document.querySelector('main').innerText.includes('managers')")
	asks.Go("/tickets/" + s.UUID("abnormal") + "/operations/new?operation_type=CANCEL_ORDER")
	asks.Type("[name=reason]", "The new release answers no requests.")
	asks.Click("#ask")
	begun := time.Now()
	asks.See("#approval[data-status=waiting]")
	approves.WaitFor("document.querySelector('#count-approvals').textContent.includes('1')")
	if took := time.Since(begun); took > patience/4 {
		t.Errorf("the other hears of it after %s", took)
	} else {
		t.Logf("the other hears of it after %s", took)
	}
	approves.Click("nav a[href='/approvals']")
	approves.Click("#approvals li a")
	approves.See("#approval #approve")
	approves.Type("[name=count]", approves.Text("document.querySelector('[data-stops]').dataset.stops"))
	approves.Click("#approve")
	approves.See("#approval[data-status=sent]")
	asks.See("#approval[data-status=sent]") // by itself
	asks.Click("#approval a[href^='/operations/']")
	asks.See("#receipt[data-status='operation.observed']")
	approves.Go("/audit?view=records")
	for _, person := range []string{"li.na", "chen.wei"} {
		approves.WaitFor("document.querySelector('main').innerText.includes('" + person + "')")
	}
	if n := s.Calls(simulator.CallOperate); n != 1 {
		t.Errorf("%d operations were sent", n)
	}
	pages := asks.Text("document.documentElement.outerHTML") + approves.Text("document.documentElement.outerHTML") + c.Stdout.String() + c.Stderr.String() + metrics(t, s.base)
	for _, part := range []string{secret, "eyJhbGciOi", "SDK-HMAC-SHA256", "HST"} {
		if at := strings.Index(pages, part); at >= 0 {
			t.Errorf("%s shows: …%s…", part, pages[max(0, at-40):min(len(pages), at+40)])
		}
	}
	revoked := func(by string) {
		select {
		case line := <-said:
			if line != "revoked" {
				t.Errorf("%s: the provider says %q", by, line)
			}
		case <-time.After(patience):
			t.Errorf("%s: no refresh token is revoked", by)
		}
	}
	approves.Go("/sessions")
	theirs := approves.Text("[...document.querySelectorAll('section.panel')].find(s => s.querySelector('h2').innerText.includes('li.na')).id")
	approves.Type("#"+theirs+" textarea", "Left the team.")
	approves.Click("#" + theirs + " tbody button")
	revoked("a manager ends the session")
	asks.Go("/tickets")
	asks.WaitFor("location.pathname === '/sign-in'")
	approves.Click(".me > summary")
	approves.Click("#sign-out")
	revoked("the sign-out")
}

// metrics is what Prometheus reads.
func metrics(t *testing.T, base string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var b strings.Builder
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		b.WriteString(lines.Text() + "\n")
	}
	return b.String()
}
