package iam

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

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
	body, err := json.Marshal(object{"auth": object{"id_token": object{"id": idToken.Reveal()},
		"scope": object{"project": scope}}})
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
