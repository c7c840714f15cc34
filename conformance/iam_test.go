package conformance

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/sdkerr"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/iam/v3/model"

	"coc-console/internal/huawei"
	"coc-console/internal/iam"
)

// passwordRequest is a sign-in of a demo user, whose password is the name.
func passwordRequest(user, password string) *model.KeystoneCreateUserTokenByPasswordRequest {
	project := region
	return &model.KeystoneCreateUserTokenByPasswordRequest{Body: &model.KeystoneCreateUserTokenByPasswordRequestBody{Auth: &model.PwdAuth{
		Identity: &model.PwdIdentity{Methods: []model.PwdIdentityMethods{model.GetPwdIdentityMethodsEnum().PASSWORD},
			Password: &model.PwdPassword{User: &model.PwdPasswordUser{Name: user, Password: password,
				Domain: &model.PwdPasswordUserDomain{Name: "demo"}}}},
		Scope: &model.AuthScope{Project: &model.AuthScopeProject{Name: &project}}}}}
}

// signIn lets the SDK fetch a user's token.
func (w *world) signIn(user string) string {
	w.t.Helper()
	client := must(NewIAM(w.url, TokenCredential{}))(w.t)
	r := must(client.KeystoneCreateUserTokenByPassword(passwordRequest(user, user)))(w.t)
	if r.XSubjectToken == nil || *r.XSubjectToken == "" {
		w.t.Fatal("an answer without X-Subject-Token")
	}
	return *r.XSubjectToken
}

func TestSignIn(t *testing.T) {
	w := newWorld(t, lab())
	anonymous := must(NewIAM(w.url, TokenCredential{}))(t)
	made := must(anonymous.KeystoneCreateUserTokenByPassword(passwordRequest("operator", "operator")))(t)
	if made.HttpStatusCode != http.StatusCreated {
		t.Errorf("status %d", made.HttpStatusCode)
	}
	signedIn := must(NewIAM(w.url, TokenCredential{*made.XSubjectToken}))(t)
	shown := must(signedIn.KeystoneValidateToken(&model.KeystoneValidateTokenRequest{XSubjectToken: *made.XSubjectToken}))(t)
	ours := must(iam.New(iam.Config{Endpoint: w.url}))(t)
	t.Cleanup(ours.Close)
	want := must(ours.Introspect(t.Context(), huawei.NewToken(*made.XSubjectToken)))(t)
	for name, token := range map[string]*model.TokenResult{"sign in": made.Token, "introspect": shown.Token} {
		t.Run(name, func(t *testing.T) { sameIdentity(t, token, want) })
	}
}

func sameIdentity(t *testing.T, got *model.TokenResult, want iam.Identity) {
	t.Helper()
	var roles []string
	for _, r := range got.Roles {
		roles = append(roles, r.Name)
	}
	const layout = "2006-01-02T15:04:05.000000Z"
	rows := []struct{ field, got, want string }{
		{"user.id", got.User.Id, want.UserID}, {"user.name", got.User.Name, want.UserName}, {"user.name", got.User.Name, "operator"},
		{"user.domain.id", got.User.Domain.Id, want.AccountID}, {"user.domain.name", got.User.Domain.Name, want.AccountName},
		{"project.id", got.Project.Id, want.ProjectID}, {"project.name", got.Project.Name, want.ProjectName},
		{"project.domain.id", got.Project.Domain.Id, want.AccountID}, {"project.domain.name", got.Project.Domain.Name, "demo"},
		{"issued_at", got.IssuedAt, want.Issued.Format(layout)}, {"expires_at", got.ExpiresAt, want.Expires.Format(layout)},
		{"password_expires_at", got.User.PasswordExpiresAt, ""},
	}
	for _, r := range rows {
		if r.got != r.want {
			t.Errorf("%s %q, want %q", r.field, r.got, r.want)
		}
	}
	if !slices.Equal(roles, want.Roles) || !slices.Equal(got.Methods, []string{"password"}) || got.Domain != nil ||
		len(got.Catalog) == 0 || got.Catalog[0].Endpoints[0].Url == "" {
		t.Errorf("roles %q (want %q), methods %q, domain %v, catalog %v", roles, want.Roles, got.Methods, got.Domain, got.Catalog)
	}
}

// TestWrongPassword shows that the SDK cannot read IAM's code, a number: the
// whole body is then its message.
func TestWrongPassword(t *testing.T) {
	w := newWorld(t, lab())
	client := must(NewIAM(w.url, TokenCredential{}))(t)
	_, err := client.KeystoneCreateUserTokenByPassword(passwordRequest("operator", "wrong"))
	e, ok := errors.AsType[*sdkerr.ServiceResponseError](err)
	if !ok {
		t.Fatalf("%T %v", err, err)
	}
	var body struct {
		Error struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
			Title   string `json:"title"`
		} `json:"error"`
	}
	if err := json.Unmarshal([]byte(e.ErrorMessage), &body); err != nil {
		t.Fatal(err)
	}
	if e.StatusCode != http.StatusUnauthorized || e.ErrorCode != "" || e.RequestId != w.wire.last().got.Get("X-Request-Id") ||
		body.Error.Code != 401 || body.Error.Message != "The username or password is wrong." || body.Error.Title != "Unauthorized" {
		t.Errorf("%+v", e)
	}
}
