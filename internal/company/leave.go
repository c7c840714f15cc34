package company

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"coc-console/internal/huawei"
	"coc-console/internal/upstream"
)

// LeavePath is where a sign-out goes on to the provider's.
const LeavePath = "/sign-in/oidc/sign-out"

// leaving is what the browser carries from the end of a session to the provider's sign-out.
type leaving struct {
	Provider string `json:"i"`
	IDToken  string `json:"t,omitempty"`
	Until    int64  `json:"u"` // seconds since 1970: a cookie that somebody has kept leads nobody to the ID token
}

const (
	leaveLife = 120 // seconds
	// maxLeaving bounds the cookie: browsers take 4,096 bytes with its name and what else belongs to it.
	maxLeaving = 3800
)

func leaveCookie(value string, secure bool, age int) *http.Cookie {
	name := "coc-leave"
	if secure {
		name = "__Secure-" + name
	}
	c := cookie(name, value, secure, age) //nolint:gosec // cookie sets them
	c.Path = LeavePath                    // no other page's requests carry it
	return c
}

// Leave is the cookie with which the browser goes to LeavePath once its session is over; nil where no provider is to
// hear of it. It holds the ID token, by which the provider knows whose sign-out that is; one that fits no cookie is
// left out, and the provider may ask first.
func (all Providers) Leave(r Renewal, secure bool) *http.Cookie {
	p := all.Named(r.Provider)
	if r.Provider == "" || p == nil {
		return nil
	}
	l := leaving{p.cfg.Name, r.IDToken.Reveal(), p.cfg.Now().Unix() + leaveLife}
	sealed, err := p.sealText(l, LeavePath)
	if err == nil && len(sealed) > maxLeaving {
		l.IDToken = ""
		sealed, err = p.sealText(l, LeavePath)
	}
	if err != nil {
		return nil
	}
	return leaveCookie(sealed, secure, leaveLife)
}

// Leaving is the address at the provider that ends a person's session there, and then sends the browser back; empty
// where there is none. The cookie ends what Leave began.
func (all Providers) Leaving(ctx context.Context, r *http.Request, secure bool, back string) (string, *http.Cookie) {
	gone := leaveCookie("", secure, -1)
	var l leaving
	held, err := r.Cookie(gone.Name)
	if err != nil || len(all) == 0 || !all[0].openText(held.Value, LeavePath, &l) {
		return "", gone
	}
	p := all.Named(l.Provider)
	if p == nil || p.cfg.Now().Unix() > l.Until {
		return "", gone
	}
	return p.signOut(ctx, huawei.NewToken(l.IDToken), back), gone
}

// signOut is the provider's address for a sign-out; empty where it has none.
func (p *Provider) signOut(ctx context.Context, hint huawei.Token, back string) string {
	found, err := p.discover(ctx)
	if err != nil || found.endSession == "" {
		return ""
	}
	to, err := url.Parse(found.endSession)
	if err != nil {
		return ""
	}
	q := to.Query()
	q.Set("client_id", p.cfg.ClientID)
	q.Set("post_logout_redirect_uri", back)
	if !hint.Empty() {
		q.Set("id_token_hint", hint.Reveal())
	}
	to.RawQuery = q.Encode()
	return to.String()
}

// revokeTime is how long a sign-out waits for the provider.
const revokeTime = 3 * time.Second

// Revoke has the provider end the refresh token of a session that is over (RFC 7009): one that was given for
// offline_access lives on after a sign-out otherwise. A provider without an address for it is no error.
func (all Providers) Revoke(ctx context.Context, r Renewal) error {
	p := all.Named(r.Provider)
	if p == nil || !r.Possible() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokeTime) // whoever signs out may be gone
	defer cancel()
	found, err := p.discover(ctx)
	if err != nil || found.revocation == "" {
		return err
	}
	client, err := p.client(found, "")
	if err != nil {
		return err
	}
	return p.revoke(ctx, found.revocation, client, r.Refresh)
}

func (p *Provider) revoke(ctx context.Context, address string, client *oauth2.Config, token huawei.Token) error {
	form := url.Values{"token": {token.Reveal()}, "token_type_hint": {"refresh_token"}}
	basic := client.Endpoint.AuthStyle == oauth2.AuthStyleInHeader
	if !basic {
		form.Set("client_id", client.ClientID)
		if client.ClientSecret != "" {
			form.Set("client_secret", client.ClientSecret)
		}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return &Error{Kind: Misconfigured, Cause: errAddress}
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if basic {
		// Both are encoded first: RFC 6749, section 2.3.1.
		r.SetBasicAuth(url.QueryEscape(client.ClientID), url.QueryEscape(client.ClientSecret))
	}
	res, err := p.http.Do(r)
	if err != nil {
		secrets := upstream.NewSecrets(hidden, token.Reveal(), client.ClientSecret)
		return &Error{Kind: Unreachable, Reason: upstream.ReasonOf(err), Cause: secrets.Error(upstream.Plain(err))}
	}
	if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusOK {
		return &Error{Kind: Refused, Cause: fmt.Errorf("it answers %d to a revocation", res.StatusCode)}
	}
	return nil
}
