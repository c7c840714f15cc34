package web_test

import (
	"net/http"
	"strings"
	"testing"

	"coc-console/audit"
	"coc-console/internal/i18n"
)

// TestOtherAccountsAreRefused: IAM knows them, the console does not admit them,
// and says so; nothing is begun, and the log names whom IAM named.
func TestOtherAccountsAreRefused(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		c := start(t, func(s *settings) { s.admitted = []string{"acme"} })
		b := c.browser(t, language)
		p := b.post("/sign-in", credentials("operator"))
		b.want(p, http.StatusForbidden, texts.SignInProblem.OtherAccount("demo"))
		if n := rows(t, c, "session"); n != 0 || b.cookie() != "" {
			t.Errorf("%d sessions, cookie %q", n, b.cookie())
		}
		r := c.only(audit.ActionSessionRefused)
		if r.Actor.UserName != "operator" || r.Actor.UserID == "" || r.Actor.AccountName != "demo" || r.Origin.Session != "" || r.Outcome != audit.OutcomeDenied || !strings.Contains(r.Detail, "problem=other_account") {
			t.Errorf("the record is %+v", r)
		}
		if len(c.records(audit.ActionSessionSignedIn)) != 0 {
			t.Error("the log says that somebody signed in")
		}
	})
}

func TestAccountsByID(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.signedIn(t, "operator", i18n.EnUS)
	id := c.only(audit.ActionSessionSignedIn).Actor.AccountID
	c = start(t, func(s *settings) { s.admitted = []string{"else", id} })
	c.signedIn(t, "operator", i18n.EnUS)
}

// TestPoliciesRefuseSignIn: a policy forbids it, with its own words.
func TestPoliciesRefuseSignIn(t *testing.T) {
	t.Parallel()
	c := start(t, func(s *settings) {
		s.policies = free + `@id("not-here") @en("Ask Ann.") @zh("请问安。") forbid (principal, action == Action::"sign-in", resource) unless { principal in Role::"managers" };`
	})
	b := c.browser(t, i18n.EnUS)
	b.want(b.post("/sign-in", credentials("operator")), http.StatusForbidden, i18n.For(i18n.EnUS).SignInProblem.NotAllowed+" Ask Ann.")
	if r := c.only(audit.ActionSessionRefused); !strings.Contains(r.Detail, "not-here") {
		t.Errorf("the record is %+v", r)
	}
	c.signedIn(t, "manager", i18n.ZhCN)
	b = c.browser(t, i18n.ZhCN)
	b.want(b.post("/sign-in", credentials("operator")), http.StatusForbidden, "请问安。")
}
