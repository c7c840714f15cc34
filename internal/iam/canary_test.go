package iam

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"coc-console/internal/huawei"
	"coc-console/internal/upstream"
)

// The secrets of a sign-in, and the word in each by which a leak shows.
var (
	canaryToken = "MIINRwYJKoZIhvcNAQcCoIIN+" + strings.Repeat("CaNaRy/0+9-", 300)
	canaryIn    = PasswordRequest{Account: "acme", User: "operator-a", Project: "cn-north-4",
		Password: "canary horse battery/staple+1", Passcode: "901734"}
)

func leaks(text string) bool {
	return strings.Contains(strings.ToLower(text), "canary") || strings.Contains(text, canaryIn.Passcode)
}

// echoes are texts with every secret, in the forms in which IAM or a proxy may
// repeat it.
func echoes() map[string]string {
	all := "a " + canaryToken + " b " + canaryIn.Password + " c " + canaryIn.Passcode
	return map[string]string{"whole": all, "escaped": url.QueryEscape(all), "JSON in a string": strings.ReplaceAll(all, "/", `\/`),
		"part": canaryToken[600:680], "part of the password": canaryIn.Password[:24]}
}

func TestNoAnswerRepeatsASecret(t *testing.T) {
	for form, text := range echoes() {
		quoted, _ := json.Marshal(text)
		for name, h := range map[string]http.HandlerFunc{
			"Keystone":    says(401, fmt.Sprintf(`{"error":{"code":%[1]s,"message":%[1]s,"title":%[1]s}}`, quoted), "X-Request-Id", text, "X-Subject-Token", canaryToken),
			"IAM":         says(400, fmt.Sprintf(`{"error_code":%[1]s,"error_msg":%[1]s,"request_id":%[1]s}`, quoted), "X-Subject-Token", canaryToken),
			"down":        says(503, text),
			"portal":      says(200, "<p>"+text, "X-Subject-Token", text),
			"elsewhere":   says(302, text, "Location", "http://%zz/"+text),
			"no identity": says(201, fmt.Sprintf(`{"token":{"user":%s}}`, quoted), "X-Subject-Token", canaryToken),
			"no date":     says(201, fmt.Sprintf(`{"token":{"expires_at":%[1]s,"user":{"id":%[1]s,"name":%[1]s}}}`, quoted), "X-Subject-Token", canaryToken),
			"identity": says(200, fmt.Sprintf(`{"token":{"expires_at":"2030-01-01T00:00:00Z","roles":[{"name":%[1]s}],
				"project":{"id":%[1]s,"name":%[1]s},"user":{"id":%[1]s,"name":%[1]s,"domain":{"id":%[1]s,"name":%[1]s}}}}`, quoted),
				"X-Subject-Token", canaryToken),
		} {
			c := serve(t, h)
			id, _, err := c.SignIn(t.Context(), canaryIn)
			other, failed := c.Introspect(t.Context(), huawei.NewToken(canaryToken))
			if e, ok := errors.AsType[*Error](err); ok && leaks(fmt.Sprintf("%v %+v %#v", err, e, e)) {
				t.Errorf("%s, %s: %.300v", name, form, err)
			}
			if e, ok := errors.AsType[*Error](failed); ok && strings.Contains(fmt.Sprintf("%v %+v %#v", failed, e, e), "CaNaRy") {
				t.Errorf("introspect, %s, %s: %.300v", name, form, failed)
			}
			shown := fmt.Sprintf("%+v", id)
			if strings.Contains(shown, canaryIn.Passcode) { // six digits may be a part of any id
				shown = strings.ReplaceAll(shown, canaryIn.Passcode, "")
			}
			if leaks(shown) {
				t.Errorf("%s, %s: %.300s", name, form, shown)
			}
			if shown := fmt.Sprintf("%+v", other); strings.Contains(shown, "CaNaRy") {
				t.Errorf("%s, %s: %.300s", name, form, shown)
			}
		}
	}
}

// TestAPasswordLikeAName keeps the names of a user whose password is one of
// them.
func TestAPasswordLikeAName(t *testing.T) {
	c := serve(t, says(201, `{"token":{"expires_at":"2030-01-01T00:00:00Z","user":{"id":"7116d09f88fa41908676fdd4b039e000","name":"operator-a",
		"domain":{"id":"d78cbac186b744899480f25bd022f000","name":"operator-a"}}}}`, "X-Subject-Token", canaryToken))
	r := canaryIn
	r.Account, r.Password = "operator-a", "operator-a"
	id, _, err := c.SignIn(t.Context(), r)
	if err != nil || id.UserName != "operator-a" || id.AccountName != "operator-a" {
		t.Errorf("got %+v, %v", id, err)
	}
}

func TestAPasscodeGoesWithTheUsersID(t *testing.T) {
	for id, want := range map[string]string{"": `{"domain":{"name":"acme"},"name":"operator-a","passcode":"901734"}`,
		"7116d09f88fa41908676fdd4b039e000": `{"id":"7116d09f88fa41908676fdd4b039e000","passcode":"901734"}`} {
		r := canaryIn
		r.UserID = id
		body, err := json.Marshal(passwordBody(r))
		if err != nil || !strings.Contains(string(body), `"totp":{"user":`+want+`}`) {
			t.Errorf("%q: %s", id, body)
		}
	}
}

func TestWhyIAMIsNotReached(t *testing.T) {
	c := serve(t, says(302, "", "Location", "https://portal.example.com"))
	_, _, err := c.SignIn(t.Context(), canaryIn)
	if e := asError(t, err); e.Kind != BadAnswer || e.Reason != upstream.Portal {
		t.Errorf("a portal: %#v", e)
	}
	if s := c.Health(t.Context()); s.Reachable() || s.Reason != upstream.Portal {
		t.Errorf("health %+v", s)
	}
	c = serve(t, says(200, strings.Repeat("x", 2<<20)))
	_, _, err = c.SignIn(t.Context(), canaryIn)
	if e := asError(t, err); e.Kind != BadAnswer || e.Reason != upstream.TooLarge {
		t.Errorf("a large answer: %#v", e)
	}
	c = serve(t, says(401, keystone(401, "no", "Unauthorized")))
	if s := c.Health(t.Context()); !s.Reachable() {
		t.Errorf("a refusal is an answer: %+v", s)
	}
}
