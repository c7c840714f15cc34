package iam

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"coc-console/internal/huawei"
)

// TestSignInByIDToken: the request is the documented one, and a refusal is told apart by status and words. No answer
// repeats the ID token.
func TestSignInByIDToken(t *testing.T) {
	const idToken = "eyJhbGciOiJFUzI1NiJ9.eyJjYW5hcnkiOiJDYU5hUnkifQ.Y2FuYXJ5LWNhbmFyeS1jYW5hcnk"
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		want := `{"auth":{"id_token":{"id":"` + idToken + `"},"scope":{"project":{"name":"cn-north-4"}}}}`
		if got := string(body); got != want || r.Header.Get("X-Idp-Id") != "company" || r.URL.Path != "/v3.0/OS-AUTH/id-token/tokens" || r.Header.Get("X-Auth-Token") != "" {
			t.Errorf("sent %s %s %v", r.URL, got, r.Header)
		}
		says(201, projectAnswer, "X-Subject-Token", token)(w, r)
	})
	id, got, err := c.SignInByIDToken(t.Context(), "company", huawei.NewToken(idToken), "cn-north-4")
	if err != nil || got.Reveal() != token || id.UserID != projectIdentity.UserID || !id.ProjectScoped {
		t.Errorf("got %+v, %v", id, err)
	}
	c = serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !strings.Contains(string(body), `"scope":{"project":{"id":"aa2d97d7e62c4b7da3ffdfc11551f000"}}`) {
			t.Errorf("sent %s", body)
		}
		says(201, projectAnswer)(w, r)
	})
	_, _, err = c.SignInByIDToken(t.Context(), "company", huawei.NewToken(idToken), "aa2d97d7e62c4b7da3ffdfc11551f000")
	if e := asError(t, err); e.Kind != BadAnswer {
		t.Errorf("without a token: %v", e)
	}
	for _, tt := range []struct {
		status int
		says   string
		want   Kind
	}{
		{401, "The audience does not match.", IDTokenRefused}, {401, "The id token has expired.", TokenExpired}, {401, "Unauthorized", IDTokenRefused},
		{404, "Could not find Identity Provider: company.", ProviderUnknown}, {404, "Not Found", ProviderUnknown}, {404, "Could not find the project.", ProjectUnknown},
		{403, "No rule.", Forbidden}, {400, "The request body is invalid", BadRequest}, {429, "Slow down.", Throttled}, {500, "Ouch.", Unavailable},
	} {
		c = serve(t, says(tt.status, keystone(tt.status, tt.says+" "+idToken, "x")))
		_, _, err := c.SignInByIDToken(t.Context(), "company", huawei.NewToken(idToken), "cn-north-4")
		e := asError(t, err)
		if shown := fmt.Sprintf("%v %+v", e, e); e.Kind != tt.want || strings.Contains(shown, "eyJjYW5hcnki") || !strings.Contains(e.Message, tt.says) {
			t.Errorf("%d %s: got %s, want %v", tt.status, tt.says, shown, tt.want)
		}
	}
}
