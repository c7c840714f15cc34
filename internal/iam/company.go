package iam

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"coc-console/internal/huawei"
	"coc-console/internal/upstream"
)

// SignInByIDToken exchanges an ID token of the company's identity provider for a token of a project, by its id or name
// (docs/coc-api.md section 14.4). provider is the name under which IAM knows it. Where IAM gives a token without a
// scope, the identity says so. Its errors are *Error.
func (c *Client) SignInByIDToken(ctx context.Context, provider string, idToken huawei.Token, project string) (Identity,
	huawei.Token, error) {
	scope := object{"name": project}
	if idPattern.MatchString(project) {
		scope = object{"id": project}
	}
	return c.byIDToken(ctx, provider, idToken, object{"scope": object{"project": scope}})
}

// byIDToken asks for a token; auth is what is wanted of it.
func (c *Client) byIDToken(ctx context.Context, provider string, idToken huawei.Token, auth object) (Identity,
	huawei.Token, error) {
	auth["id_token"] = object{"id": idToken.Reveal()}
	body, err := json.Marshal(object{"auth": auth})
	if err != nil {
		return Identity{}, huawei.Token{}, &Error{Kind: BadRequest, Cause: err}
	}
	a, done, err := c.do(ctx, request{call: "id_token", method: http.MethodPost,
		path: "/v3.0/OS-AUTH/id-token/tokens?nocatalog=true", header: http.Header{"X-Idp-Id": {provider}}, body: body,
		secrets: upstream.NewSecrets(hidden, idToken.Reveal())})
	defer done()
	if err != nil {
		return Identity{}, huawei.Token{}, err
	}
	if a.status != http.StatusCreated && a.status != http.StatusOK {
		return Identity{}, huawei.Token{}, refusedIDToken(a)
	}
	token := huawei.NewToken(a.header.Get("X-Subject-Token"))
	if !token.WellFormed() {
		return Identity{}, huawei.Token{}, a.bad("no X-Subject-Token that is a token", nil)
	}
	id, err := a.identity()
	a.secrets.HideAll(&id)
	return id, token, err
}

// The life of temporary keys, as IAM allows it.
const (
	leastKeyLife = 15 * time.Minute
	mostKeyLife  = 24 * time.Hour
)

// KeysByIDToken exchanges an ID token of the company's identity provider for temporary keys: by way of a token without
// a scope, as the vendor advises (docs/coc-api.md sections 14.3 and 14.4). The identity is that token's, in the project
// that is asked for by its id or name; it ends with the keys. Its errors are *Error.
func (c *Client) KeysByIDToken(ctx context.Context, provider string, idToken huawei.Token, project string,
	life time.Duration) (Identity, huawei.Keys, error) {
	who, token, err := c.byIDToken(ctx, provider, idToken, object{})
	if err != nil {
		return Identity{}, huawei.Keys{}, err
	}
	keys, ends, err := c.TemporaryKeys(ctx, token, min(max(life, leastKeyLife), mostKeyLife))
	if err != nil {
		return Identity{}, huawei.Keys{}, err
	}
	who.Expires, who.AccountScoped = ends, false
	who, err = c.locate(ctx, keys, who, project)
	upstream.NewSecrets(hidden, append(keys.Secrets(), token.Reveal(), idToken.Reveal())...).HideAll(&who)
	return who, keys, err
}

// TemporaryKeys asks for keys that last as long as that. The token is in the body alone, as it has to be where it has
// no scope. Its errors are *Error.
func (c *Client) TemporaryKeys(ctx context.Context, token huawei.Token, life time.Duration) (keys huawei.Keys,
	ends time.Time, err error) {
	body, err := json.Marshal(object{"auth": object{"identity": object{"methods": []string{"token"},
		"token": object{"id": token.Reveal(), "duration_seconds": int(life.Seconds())}}}})
	if err != nil {
		return keys, ends, &Error{Kind: BadRequest, Cause: err}
	}
	a, done, err := c.do(ctx, request{call: "temporary_keys", method: http.MethodPost,
		path: "/v3.0/OS-CREDENTIAL/securitytokens", body: body, secrets: upstream.NewSecrets(hidden, token.Reveal())})
	defer done()
	if err != nil {
		return keys, ends, err
	}
	if a.status != http.StatusCreated && a.status != http.StatusOK {
		return keys, ends, refusedKeys(a)
	}
	var w struct {
		Credential struct {
			Access  string `json:"access"`
			Secret  string `json:"secret"`
			Token   string `json:"securitytoken"`
			Expires string `json:"expires_at"`
		} `json:"credential"`
	}
	if json.Unmarshal(a.body, &w) != nil { // its error may repeat a part of the keys
		return keys, ends, a.bad("temporary keys", nil)
	}
	keys = huawei.NewKeys(w.Credential.Access, w.Credential.Secret, w.Credential.Token)
	ends, err = time.Parse(time.RFC3339, w.Credential.Expires)
	if err != nil || ends.IsZero() || !keys.WellFormed() {
		return huawei.Keys{}, ends, a.bad("the answer holds no keys, or no end", nil)
	}
	return keys, ends, nil
}

// refusedKeys classifies a refusal of temporary keys. IAM has just made the token: what it lacks is a permission.
func refusedKeys(a answer) *Error {
	e, _ := a.describe()
	switch {
	case e.Kind != 0:
	case a.status == http.StatusUnauthorized || a.status == http.StatusForbidden:
		e.Kind = Forbidden
	default:
		e.Kind = BadRequest
	}
	return e
}

// refusedIDToken classifies a refusal of an ID token. How IAM words them was not found (docs/coc-api.md section 14.4):
// the page shows its words beside what is made of them here.
func refusedIDToken(a answer) *Error {
	e, words := a.describe()
	has := func(word string) bool { return strings.Contains(words, word) }
	switch {
	case e.Kind != 0:
	case has("expire"):
		e.Kind = TokenExpired
	case has("audience") || has("signature") || has("id token") || has("id_token"):
		e.Kind = IDTokenRefused
	case has("project"):
		e.Kind = ProjectUnknown
	case has("provider") || has("idp") || a.status == http.StatusNotFound:
		e.Kind = ProviderUnknown
	case a.status == http.StatusForbidden:
		e.Kind = Forbidden
	case a.status == http.StatusUnauthorized:
		e.Kind = IDTokenRefused
	default:
		e.Kind = BadRequest
	}
	return e
}
