package simulator

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

func (w *world) post(body string) reply {
	w.t.Helper()
	return w.send(http.MethodPost, "/v3/auth/tokens?nocatalog=true", body, map[string]string{"Content-Type": "application/json;charset=utf8"})
}

func (r reply) isKeystone(t *testing.T, status int, message string) {
	t.Helper()
	var b struct {
		Error struct {
			Code           int
			Message, Title string
		}
	}
	if err := json.Unmarshal([]byte(r.body), &b); err != nil {
		t.Fatalf("%d %q: %v", r.status, r.body, err)
	}
	e := b.Error
	if r.status != status || e.Code != status || e.Title != http.StatusText(status) || !strings.Contains(e.Message, message) {
		t.Errorf("%d %s, want %d %q", r.status, r.body, status, message)
	}
	if r.header.Get("X-Subject-Token") != "" {
		t.Error("a refusal with a token")
	}
}

const cnNorth = `"scope":{"project":{"name":"cn-north-4"}}`

func TestSignIn(t *testing.T) {
	w := newWorld(t, Config{})
	a := DemoAccounts()[0]
	project := `"project":{"id":"` + a.ProjectID("ap-southeast-3") + `"}`
	tests := []struct{ name, body, want string }{
		{"project by name", signInJSON("operator", "operator", cnNorth, ""), `"project":{"id":"` + a.ProjectID("cn-north-4") + `","name":"cn-north-4"`},
		{"project by id", signInJSON("operator", "operator", `"scope":{`+project+`}`, ""), `"name":"ap-southeast-3"`},
		{"domain by name", signInJSON("operator", "operator", `"scope":{"domain":{"name":"demo"}}`, ""), `"domain":{"id":"` + a.ID() + `","name":"demo"},"user"`},
		{"domain by id", signInJSON("operator", "operator", `"scope":{"domain":{"id":"`+a.ID()+`"}}`, ""), `"domain":{"id":"`},
		{"both: the project", signInJSON("operator", "operator", `"scope":{"domain":{"name":"demo"},`+project+`}`, ""), `"name":"ap-southeast-3"`},
		{"no scope", signInJSON("operator", "operator", "", ""), `"domain":{"id":"`},
		{"passcode with the id", signInJSON("mfa", "mfa", cnNorth, `{"id":"`+a.userID("mfa")+`","passcode":"246810"}`), `"mfa_authn_at":"2026-03-02T09:15:14.000000Z"`},
		{"passcode with the name", signInJSON("mfa", "mfa", cnNorth, `{"name":"mfa","domain":{"name":"demo"},"passcode":"246810"}`), `"methods":["password","totp"]`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := w.post(test.body)
			if r.status != http.StatusCreated || !strings.Contains(r.body, test.want) || r.header.Get("X-Subject-Token") == "" {
				t.Errorf("%d %s, want %s", r.status, r.body, test.want)
			}
			for _, part := range []string{`"issued_at":"2026-03-02T09:15:14.000000Z"`, `"expires_at":"2026-03-03T09:15:14.000000Z"`, `"catalog":[]`, `"password_expires_at":""`} {
				if !strings.Contains(r.body, part) {
					t.Errorf("no %s in %s", part, r.body)
				}
			}
		})
	}
	if r := w.send("POST", "/v3/auth/tokens", signInJSON("operator", "operator", "", ""), nil); !strings.Contains(r.body, `"type":"coc"`) {
		t.Errorf("no catalogue in %s", r.body)
	}
}

func TestSignInRefused(t *testing.T) {
	w := newWorld(t, Config{})
	tests := []struct {
		name, body string
		status     int
		message    string
	}{
		{"no JSON", `{`, 400, "The request body is invalid"},
		{"nothing in it", `{}`, 400, "The request body is invalid"},
		{"no password", signInJSON("operator", "", cnNorth, ""), 400, "The request body is invalid"},
		{"method without its part", strings.Replace(signInJSON("operator", "operator", cnNorth, ""), `["password"]`, `["password","totp"]`, 1), 400, "invalid"},
		{"wrong password", signInJSON("operator", "wrong", cnNorth, ""), 401, "The username or password is wrong."},
		{"unknown user", signInJSON("ghost", "ghost", cnNorth, ""), 401, "The username or password is wrong."},
		{"unknown account", strings.Replace(signInJSON("operator", "operator", cnNorth, ""), `"demo"`, `"other"`, 1), 401, "The username or password is wrong."},
		{"locked", signInJSON("locked", "locked", cnNorth, ""), 401, "locked"},
		{"no passcode", signInJSON("mfa", "mfa", cnNorth, ""), 401, "MFA"},
		{"wrong passcode", signInJSON("mfa", "mfa", cnNorth, `{"name":"mfa","passcode":"000000"}`), 401, "passcode"},
		{"passcode of somebody else", signInJSON("mfa", "mfa", cnNorth, `{"name":"operator","passcode":"246810"}`), 401, "passcode"},
		{"passcode of nobody", signInJSON("mfa", "mfa", cnNorth, `{"passcode":"246810"}`), 401, "passcode"},
		{"passcode without a device", signInJSON("operator", "operator", cnNorth, `{"name":"operator","passcode":"246810"}`), 401, "MFA"},
		{"unknown project", signInJSON("operator", "operator", `"scope":{"project":{"name":"mars-1"}}`, ""), 404, "project"},
		{"foreign domain", signInJSON("operator", "operator", `"scope":{"domain":{"name":"other"}}`, ""), 403, "domain"},
		{"too large", strings.Repeat("x", maxBody+1), 413, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if r := w.post(test.body); test.status == 413 {
				r.is(t, 413, "APIGW.0201", "")
			} else {
				r.isKeystone(t, test.status, test.message)
			}
		})
	}
}

func TestPasscodeByID(t *testing.T) {
	w := newWorld(t, Config{Rules: Rules{PasscodeByID: true}})
	a := DemoAccounts()[0]
	w.post(signInJSON("mfa", "mfa", cnNorth, `{"name":"mfa","domain":{"name":"demo"},"passcode":"246810"}`)).isKeystone(t, 401, "passcode")
	w.post(signInJSON("mfa", "mfa", cnNorth, `{"id":"`+a.userID("operator")+`","passcode":"246810"}`)).isKeystone(t, 401, "passcode")
	if r := w.post(signInJSON("mfa", "mfa", cnNorth, `{"id":"`+a.userID("mfa")+`","passcode":"246810"}`)); r.status != http.StatusCreated {
		t.Errorf("with the id: %d %s", r.status, r.body)
	}
}

func TestTokens(t *testing.T) {
	w := newWorld(t, Config{})
	sizes := map[string]int{"operator": 9120, "manager": 10328, "reader": 4540, "nobody": 1224}
	for user, size := range sizes {
		token := w.signIn(user)
		if !strings.HasPrefix(token, "MII") || token[6:8] != "YJ" || len(token) < size-4 || len(token) > size {
			t.Errorf("%s: %d characters, %.12s, want %d", user, len(token), token, size)
		}
		if !regexp.MustCompile(`^[A-Za-z0-9+=-]+$`).MatchString(token) {
			t.Errorf("%s: strange characters", user)
		}
	}
}

func TestTokensOutliveARestart(t *testing.T) {
	before, after, other := newWorld(t, Config{Seed: 3}), newWorld(t, Config{Seed: 3}), newWorld(t, Config{Seed: 4})
	token := before.signIn("operator")
	after.get(token, orders, &listBody{})
	other.coc(token, "GET", orders, "").is(t, 401, "APIGW.0301", "decrypt token fail")
}

func TestChangedTokens(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("nobody")
	for i := 0; i < len(token); i += 13 {
		c := "A"
		if token[i] == 'A' {
			c = "B"
		}
		if _, err := w.tokens.open(token[:i] + c + token[i+1:]); err == nil {
			t.Fatalf("accepted with another character %d", i)
		}
	}
	for _, bad := range []string{"", "MII", token[:len(token)-4], token + "AAAA", token + "\n", strings.Repeat("M", 40)} {
		if _, err := w.tokens.open(bad); err == nil {
			t.Errorf("accepted %.20q", bad)
		}
	}
}

func TestIntrospect(t *testing.T) {
	w := newWorld(t, Config{})
	operator, manager := w.signIn("operator"), w.signIn("manager")
	ask := func(method, own, subject string) reply {
		return w.send(method, "/v3/auth/tokens?nocatalog=1", "", map[string]string{"X-Auth-Token": own, "X-Subject-Token": subject})
	}
	r := ask("GET", operator, operator)
	if r.status != 200 || r.header.Get("X-Subject-Token") != operator || !strings.Contains(r.body, `"name":"operator"`) {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := ask("HEAD", operator, operator); r.status != 200 || r.body != "" {
		t.Errorf("HEAD: %d %q", r.status, r.body)
	}
	if r := ask("GET", manager, operator); r.status != 200 {
		t.Errorf("an administrator: %d %s", r.status, r.body)
	}
	ask("GET", operator, manager).isKeystone(t, 403, "")
	if r := ask("GET", operator, "MIIx"); r.status != 404 || !strings.Contains(r.body, "X-Subject-Token is invalid in the request") {
		t.Errorf("%d %s", r.status, r.body)
	}
	ask("GET", "", operator).isKeystone(t, 401, "")
	if r := ask("DELETE", operator, operator); r.status != 405 {
		t.Errorf("DELETE: %d", r.status)
	}
	w.step(24 * time.Hour)
	ask("GET", operator, operator).isKeystone(t, 401, "")
}

func TestCOCAuthentication(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("operator")
	get := func(header map[string]string) reply { return w.send("GET", orders, "", header) }
	get(nil).is(t, 401, "APIGW.0301", "x-auth-token not found")
	get(map[string]string{"Authorization": "SDK-HMAC-SHA256 Access=x"}).is(t, 401, "APIGW.0301", "verify aksk signature fail")
	get(map[string]string{"X-Auth-Token": "MIIx"}).is(t, 401, "APIGW.0301", "decrypt token fail")
	get(map[string]string{"X-Auth-Token": strings.Repeat("M", maxHeader+1)}).is(t, 494, "APIGW.0201", "")
	get(map[string]string{"X-Auth-Token": token, "x-project-id": "aa2d97d7e62c4b7da3ffdfc11551f000"}).is(t, 403, "APIGW.0310", "")
	good := get(map[string]string{"X-Auth-Token": token, "x-project-id": DemoAccounts()[0].ProjectID("ap-southeast-3")})
	if good.status != 200 {
		t.Errorf("%d %s", good.status, good.body)
	}
	w.step(24*time.Hour - time.Microsecond)
	w.get(token, orders, &listBody{})
	w.step(time.Microsecond)
	get(map[string]string{"X-Auth-Token": token}).is(t, 401, "APIGW.0301", "token expires, expires_at: 2026-03-03T09:15:14.000000Z")
}

func TestRevoke(t *testing.T) {
	w := newWorld(t, Config{})
	old, reader := w.signIn("operator"), w.signIn("reader")
	w.Revoke("operator")
	w.coc(old, "GET", orders, "").is(t, 401, "APIGW.0307", "The token must be updated.")
	w.get(reader, orders, &listBody{})
	w.get(w.signIn("operator"), orders, &listBody{})
	w.coc(old, "GET", orders, "").is(t, 401, "APIGW.0307", "")
}

func TestScopeOfTokens(t *testing.T) {
	body := signInJSON("operator", "operator", `"scope":{"domain":{"name":"demo"}}`, "")
	w := newWorld(t, Config{})
	w.get(w.post(body).header.Get("X-Subject-Token"), orders, &listBody{})
	strict := newWorld(t, Config{Rules: Rules{ProjectTokensOnly: true}})
	strict.coc(strict.post(body).header.Get("X-Subject-Token"), "GET", orders, "").is(t, 403, "APIGW.0302", "")
	strict.get(strict.signIn("operator"), orders, &listBody{})
}

func TestAuthorization(t *testing.T) {
	w := newWorld(t, Config{})
	reader, nobody := w.signIn("reader"), w.signIn("nobody")
	w.operate(reader, "running", `{"operation_type":"PAUSE_ORDER"}`).is(t, 403, "PAP5.0001", "coc:job:action")
	for _, path := range []string{"", "/" + w.UUID("running"), "/" + w.UUID("running") + "/statistics"} {
		r := w.coc(nobody, "GET", orders+path, "")
		r.is(t, 403, "PAP5.0001", "access denied")
		if !strings.Contains(r.body, `"encoded_authorization_message":"`) {
			t.Errorf("%s", r.body)
		}
	}
	w.step(2 * time.Second)
	if got, _ := w.status(reader, w.UUID("running")); got != processing {
		t.Errorf("a denied operation made the ticket %s", got)
	}
}

// TestRescope exchanges a token for one of another project, unless no_rescope refuses that.
func TestRescope(t *testing.T) {
	body := func(token, project string) string {
		return `{"auth":{"identity":{"methods":["token"],"token":{"id":"` + token + `"}},"scope":{"project":{"name":"` + project + `"}}}}`
	}
	for _, no := range []bool{false, true} {
		w := newWorld(t, Config{Rules: Rules{NoRescope: no}})
		token := w.signIn("operator")
		want := func(r reply, status int, text string) {
			t.Helper()
			if r.status != status || !strings.Contains(r.body, text) {
				t.Errorf("no_rescope %v: %d %s, want %d with %s", no, r.status, r.body, status, text)
			}
		}
		want(w.send("GET", "/v3/auth/projects", "", map[string]string{"X-Auth-Token": token}), 200, `"name":"ap-southeast-3"`)
		r := w.send("POST", "/v3/auth/tokens", body(token, "ap-southeast-3"), nil)
		if no {
			want(r, 403, "identity:rescope")
			continue
		}
		want(r, 201, `"name":"ap-southeast-3"`)
		if got := r.header.Get("X-Subject-Token"); got == "" || got == token {
			t.Errorf("the token is %.20q", got)
		}
		want(w.send("POST", "/v3/auth/tokens", body("MIIwrong", "ap-southeast-3"), nil), 401, "authentication")
		want(w.send("POST", "/v3/auth/tokens", body(token, "mars"), nil), 404, "project")
	}
}
