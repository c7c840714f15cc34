package iam

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"coc-console/internal/huawei"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	password = "hunter2 \"<&日志"
	token    = "MIIatAYJsecret+/-="
)

var (
	signIn  = PasswordRequest{Account: "acme", User: "operator-a", Password: password, Project: "cn-north-4"}
	withMFA = PasswordRequest{Account: "acme", User: "operator-a", Password: password, Project: "cn-north-4", Passcode: "123456"}
)

// serve starts a server with its client; the connections that are open at the
// end of the test are cut.
func serve(t testing.TB, h http.HandlerFunc, change ...func(*Config)) *Client {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	cfg := Config{Endpoint: s.URL + "/", UserAgent: "coc-console/test"}
	for _, f := range change {
		f(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// says answers with these bytes; headers are pairs.
func says(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func asError(t testing.TB, err error) *Error {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("error is %T (%v), want *Error", err, err)
	}
	if all := fmt.Sprintf("%v %+v %s %s %s", err, *e, e.Code, e.Title, e.RequestID); strings.Contains(all, "hunter2") || strings.Contains(all, "secret") {
		t.Errorf("the error holds a secret: %s", all)
	}
	return e
}

const projectAnswer = `{"token":{"methods":["password"],"issued_at":"2026-03-02T01:05:22.701000Z",
 "expires_at":"2026-03-03T01:05:22.701000Z","catalog":[],"roles":[{"id":"0","name":"te_admin"},{"id":"0","name":"op_gated"}],
 "project":{"id":"aa2d97d7e62c4b7da3ffdfc11551f000","name":"cn-north-4","domain":{"id":"x","name":"y"}},
 "user":{"id":"7116d09f88fa41908676fdd4b039e000","name":"operator-a","password_expires_at":"",
 "domain":{"id":"d78cbac186b744899480f25bd022f000","name":"acme"}},"new_field":{}}}`

const domainAnswer = `{"token":{"issued_at":null,"expires_at":"2026-03-03T01:05:22Z","roles":null,"project":null,
 "domain":{"id":"d78c","name":"acme"},"user":{"id":"7116","name":"operator-a","domain":null}}}`

var (
	projectIdentity = Identity{UserID: "7116d09f88fa41908676fdd4b039e000", UserName: "operator-a",
		AccountID: "d78cbac186b744899480f25bd022f000", AccountName: "acme", ProjectID: "aa2d97d7e62c4b7da3ffdfc11551f000",
		ProjectName: "cn-north-4", ProjectScoped: true, Roles: []string{"te_admin", "op_gated"},
		Issued: time.Date(2026, 3, 2, 1, 5, 22, 701e6, time.UTC), Expires: time.Date(2026, 3, 3, 1, 5, 22, 701e6, time.UTC)}
	domainIdentity = Identity{UserID: "7116", UserName: "operator-a", AccountScoped: true,
		Expires: time.Date(2026, 3, 3, 1, 5, 22, 0, time.UTC)}
	unscopedIdentity = Identity{UserID: "7116", UserName: "operator-a", Expires: time.Date(2026, 3, 3, 1, 5, 22, 0, time.UTC)}
)

func TestSignInRequest(t *testing.T) {
	const (
		user  = `{"domain":{"name":"acme"},"name":"operator-a","password":"hunter2 \"\u003c\u0026日志"}`
		first = `{"auth":{"identity":{"methods":["password"],"password":{"user":` + user + `}},"scope":`
	)
	with := func(project string) PasswordRequest {
		r := signIn
		r.Project = project
		return r
	}
	for _, tt := range []struct {
		name string
		in   PasswordRequest
		want string
	}{
		{"project name", with("cn-north-4"), first + `{"project":{"name":"cn-north-4"}}}}`},
		{"project id", with("aa2d97d7e62c4b7da3ffdfc11551f000"), first + `{"project":{"id":"aa2d97d7e62c4b7da3ffdfc11551f000"}}}}`},
		{"nearly an id", with("aa2d97d7e62c4b7da3ffdfc11551f00"), first + `{"project":{"name":"aa2d97d7e62c4b7da3ffdfc11551f00"}}}}`},
		{"account", with(""), first + `{"domain":{"name":"acme"}}}}`},
		{"passcode", withMFA, `{"auth":{"identity":{"methods":["password","totp"],"password":{"user":` + user + `},
			"totp":{"user":{"domain":{"name":"acme"},"name":"operator-a","passcode":"123456"}}},"scope":{"project":{"name":"cn-north-4"}}}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if got := r.Method + " " + r.RequestURI; got != "POST /v3/auth/tokens?nocatalog=true" {
					t.Errorf("request %s", got)
				}
				if r.Header.Get("Content-Type") != "application/json;charset=utf8" || r.Header.Get("User-Agent") != "coc-console/test" ||
					r.Header.Get("X-Auth-Token") != "" {
					t.Errorf("headers %v", r.Header)
				}
				body, _ := io.ReadAll(r.Body)
				if got, want := compact(t, body), compact(t, []byte(tt.want)); got != want {
					t.Errorf("sent\n %s, want\n %s", got, want)
				}
				says(201, projectAnswer, "X-Subject-Token", token)(w, r)
			})
			id, got, err := c.SignIn(t.Context(), tt.in)
			if err != nil || got.Reveal() != token || !reflect.DeepEqual(id, projectIdentity) {
				t.Errorf("got %+v, %q, %v", id, got.Reveal(), err)
			}
		})
	}
}

// compact brings JSON into one form: sorted keys, no space.
func compact(t *testing.T, b []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestIntrospect(t *testing.T) {
	for name, tt := range map[string]struct {
		token huawei.Token
		body  string
		want  Identity
	}{
		"project scope":     {huawei.NewToken(token), projectAnswer, projectIdentity},
		"account scope":     {huawei.NewToken(token), domainAnswer, domainIdentity},
		"no scope":          {huawei.NewToken(token), strings.Replace(domainAnswer, `"domain":{"id":"d78c","name":"acme"}`, `"domain":null`, 1), unscopedIdentity},
		"a token of 10 KB":  {huawei.NewToken("MII" + strings.Repeat("a+/-", 2581) + "="), projectAnswer, projectIdentity},
		"the longest token": {huawei.NewToken(strings.Repeat("a", huawei.MaxTokenLength)), projectAnswer, projectIdentity},
	} {
		t.Run(name, func(t *testing.T) {
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if got := r.Method + " " + r.RequestURI; got != "GET /v3/auth/tokens?nocatalog=true" {
					t.Errorf("request %s", got)
				}
				if want := tt.token.Reveal(); r.Header.Get("X-Auth-Token") != want || r.Header.Get("X-Subject-Token") != want {
					t.Error("the token is not in both headers")
				}
				says(200, tt.body)(w, r)
			})
			got, err := c.Introspect(t.Context(), tt.token)
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}

func TestTokensThatAreNoneAreNotSent(t *testing.T) {
	c := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") })
	for _, text := range []string{"", " ", "a b", "a\nb", "a\r\nX-Evil: 1", "a\x00", "a\x7f", "日志", "\xff", strings.Repeat("a", huawei.MaxTokenLength+1)} {
		_, err := c.Introspect(t.Context(), huawei.NewToken(text))
		if e := asError(t, err); e.Kind != TokenInvalid || e.Status != 0 {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

func TestSignInTakesALongToken(t *testing.T) {
	for length, fits := range map[int]bool{10 << 10: true, huawei.MaxTokenLength: true, huawei.MaxTokenLength + 1: false, 300 << 10: false} {
		long := strings.Repeat("a", length)
		_, got, err := serve(t, says(201, projectAnswer, "X-Subject-Token", long)).SignIn(t.Context(), signIn)
		if fits && (err != nil || got.Reveal() != long) {
			t.Errorf("%d bytes: %v", length, err)
		}
		if !fits && (asError(t, err).Kind == 0 || !got.Empty()) {
			t.Errorf("%d bytes: %v", length, err)
		}
	}
}

func keystone(code int, message, title string) string {
	return fmt.Sprintf(`{"error":{"code":%d,"message":%q,"title":%q}}`, code, message, title)
}

func iamError(code, message string) string {
	return fmt.Sprintf(`{"error_code":%q,"error_msg":%q}`, code, message)
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		name             string
		status           int
		body             string
		signIn, mfa, who Kind // of SignIn, SignIn with a passcode, Introspect
	}{
		{"malformed body", 400, keystone(400, "The request body is invalid", "Bad Request"), BadRequest, BadRequest, TokenInvalid},
		{"wrong password", 401, keystone(401, "The username or password is wrong.", "Unauthorized"), WrongPassword, WrongPassword, TokenInvalid},
		{"wrong password, newer", 401, iamError("IAM.0062", "Incorrect password."), WrongPassword, WrongPassword, TokenInvalid},
		{"locked", 401, iamError("IAM.0061", "Account is under protection."), Locked, Locked, TokenInvalid},
		{"locked, in words", 401, keystone(401, "The account is locked.", "Unauthorized"), Locked, Locked, TokenInvalid},
		{"passcode", 401, keystone(401, "The MFA passcode is required.", "Unauthorized"), PasscodeNeeded, PasscodeWrong, TokenInvalid},
		{"unknown project", 404, keystone(404, "Could not find project: cn-east-9.", "Not Found"), ProjectUnknown, ProjectUnknown, TokenInvalid},
		{"forbidden", 403, keystone(403, "no", "Forbidden"), Forbidden, Forbidden, Forbidden},
		{"forbidden, newer", 403, iamError("IAM.0003", "Policy doesn't allow this."), Forbidden, Forbidden, Forbidden},
		{"unknown token", 404, keystone(404, "X-Subject-Token is invalid in the request", "Not Found"), BadRequest, BadRequest, TokenInvalid},
		{"expired token", 401, iamError("IAM.0066", "The token is out of date."), WrongPassword, WrongPassword, TokenExpired},
		{"expired token, gateway", 401, iamError("APIGW.0301", "token expires, expires_at: 2026"), WrongPassword, WrongPassword, TokenExpired},
		{"invalid token", 401, iamError("IAM.0067", "Invalid token."), WrongPassword, WrongPassword, TokenInvalid},
		{"throttled", 429, iamError("IAM.0012", "threshold: 5 times per 60 seconds"), Throttled, Throttled, Throttled},
		{"throttled, empty", 429, "", Throttled, Throttled, Throttled},
		{"down", 500, keystone(500, "locked passcode project expired", ""), Unavailable, Unavailable, Unavailable},
		{"down, HTML", 502, "<html>", Unavailable, Unavailable, Unavailable},
		{"down, empty", 503, "", Unavailable, Unavailable, Unavailable},
		{"not an API", 404, iamError("APIGW.0101", "The API does not exist."), BadAnswer, BadAnswer, BadAnswer},
		{"HTML", 401, "<html>Unauthorized", BadAnswer, BadAnswer, BadAnswer},
		{"empty", 401, "", BadAnswer, BadAnswer, BadAnswer},
		{"half a JSON", 401, `{"error":{"code":401,"mess`, BadAnswer, BadAnswer, BadAnswer},
		{"another JSON", 401, `[1]`, BadAnswer, BadAnswer, BadAnswer},
		{"no content", 204, "", BadAnswer, BadAnswer, BadAnswer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := serve(t, says(tt.status, tt.body, "X-Request-Id", "r1"))
			_, _, err := c.SignIn(t.Context(), signIn)
			_, _, errMFA := c.SignIn(t.Context(), withMFA)
			_, errWho := c.Introspect(t.Context(), huawei.NewToken(token))
			for call, got := range map[string]struct {
				err  error
				kind Kind
			}{"sign in": {err, tt.signIn}, "with a passcode": {errMFA, tt.mfa}, "introspect": {errWho, tt.who}} {
				e := asError(t, got.err)
				if e.Kind != got.kind || e.Status != tt.status || e.RequestID != "r1" || e.Message == "" {
					t.Errorf("%s: got %#v, want %s", call, e, got.kind)
				}
			}
		})
	}
}

func TestErrorFields(t *testing.T) {
	for body, want := range map[string]Error{
		keystone(401, "no", "Unauthorized"):                                        {Code: "401", Message: "no", Title: "Unauthorized"},
		`{"error":{"code":null,"message":"no","title":null}}`:                      {Message: "no"},
		`{"error":{"code":"x","message":7}}`:                                       {Code: "x", Message: "7"},
		`{"error_code":"IAM.0001","error_msg":"no","request_id":"r"}`:              {Code: "IAM.0001", Message: "no", RequestID: "r"},
		`{"error_msg":"` + strings.Repeat("x", 600) + `","error_code":{}}`:         {Message: strings.Repeat("x", 500)},
		`{"error_msg":"wrong: ` + token + `","error_code":"secret-` + token + `"}`: {Message: "wrong: [hidden]", Code: "secret-[hidden]"},
	} {
		_, err := serve(t, says(401, body)).Introspect(t.Context(), huawei.NewToken(token))
		e, _ := errors.AsType[*Error](err)
		want.Kind, want.Status = TokenInvalid, 401
		if e == nil || *e != want {
			t.Errorf("%.60s: got %#v, want %#v", body, e, want)
		}
	}
}

func TestAnEchoedPasswordIsHidden(t *testing.T) {
	echo, err := json.Marshal(map[string]string{"error_msg": "body is " + password + " 123456", "error_code": password})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = serve(t, says(400, string(echo))).SignIn(t.Context(), withMFA)
	if e := asError(t, err); strings.Contains(e.Message, "123456") || e.Message != "body is [hidden] [hidden]" {
		t.Errorf("got %q", e.Message)
	}
}

func TestBadAnswers(t *testing.T) {
	without := func(field string) string { return strings.Replace(projectAnswer, `"`+field+`":`, `"other":`, 1) }
	for name, body := range map[string]string{
		"HTML": "<html>", "empty": "", "half": projectAnswer[:200], "null": "null", "no token": "{}", "null token": `{"token":null}`,
		"a list": "[]", "no user": without("user"), "no end": without("expires_at"),
		"an end that is none": strings.Replace(projectAnswer, "2026-03-03T", "soon", 1),
		"a user without id":   strings.Replace(projectAnswer, `"id":"7116d09f88fa41908676fdd4b039e000"`, `"id":""`, 1),
		"two answers":         projectAnswer + projectAnswer,
		"oversized":           projectAnswer + strings.Repeat(" ", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			c := serve(t, says(200, body, "X-Subject-Token", token, "X-Request-Id", "r1"))
			id, got, err := c.SignIn(t.Context(), signIn)
			if e := asError(t, err); e.Kind != BadAnswer || e.RequestID != "r1" || !got.Empty() || !reflect.DeepEqual(id, Identity{}) {
				t.Errorf("sign in: %+v, %q, %v", id, got.Reveal(), err)
			}
			_, err = c.Introspect(t.Context(), huawei.NewToken(token))
			if e := asError(t, err); e.Kind != BadAnswer {
				t.Errorf("introspect: %v", err)
			}
		})
	}
	for _, header := range []string{"", "a b", "\xff"} {
		_, got, err := serve(t, says(201, projectAnswer, "X-Subject-Token", header)).SignIn(t.Context(), signIn)
		if e := asError(t, err); e.Kind != BadAnswer || !got.Empty() {
			t.Errorf("token %q: %v", header, err)
		}
	}
}

func TestNoRedirectIsFollowed(t *testing.T) {
	var arrived atomic.Int32
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		arrived.Add(1)
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	_, _, err := c.SignIn(t.Context(), signIn)
	if e := asError(t, err); e.Kind != BadAnswer || e.Status != 307 || arrived.Load() != 1 {
		t.Errorf("%v after %d requests", err, arrived.Load())
	}
}

func TestIAMDoesNotAnswer(t *testing.T) {
	hangs := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}
	breaks := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = conn.Close()
		}
	}
	half := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, projectAnswer[:100])
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	soon := func(c *Config) { c.CallTimeout = 300 * time.Millisecond }
	for _, tt := range []struct {
		name    string
		h       http.HandlerFunc
		change  func(*Config)
		status  int
		arrived int32
	}{
		{"hangs", hangs, soon, 0, 1},
		{"breaks off", breaks, func(*Config) {}, 0, 1},
		{"half an answer", half, func(*Config) {}, 200, 1},
		{"refused", hangs, func(c *Config) { c.Endpoint = "http://" + l.Addr().String() }, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var arrived atomic.Int32
			c := serve(t, func(w http.ResponseWriter, r *http.Request) { arrived.Add(1); tt.h(w, r) }, tt.change)
			_, _, err := c.SignIn(t.Context(), signIn)
			e := asError(t, err)
			if e.Kind != Unavailable || e.Status != tt.status || e.Cause == nil || !strings.Contains(err.Error(), e.Cause.Error()) {
				t.Errorf("got %#v", e)
			}
			if arrived.Load() != tt.arrived {
				t.Errorf("%d requests arrived, want %d", arrived.Load(), tt.arrived)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = serve(t, hangs).Introspect(ctx, huawei.NewToken(token))
	if e := asError(t, err); e.Kind != Unavailable || !errors.Is(err, context.Canceled) {
		t.Errorf("got %#v", e)
	}
}

func TestEndpoints(t *testing.T) {
	for text, ok := range map[string]bool{
		"https://iam.example.com": true, "https://iam.example.com/": true, "http://127.0.0.1:1": true, "http://[::1]:1": true, "http://localhost": true,
		"": false, "iam.example.com": false, "http://iam.example.com": false, "ftp://127.0.0.1": false, "https://:443": false,
		"https://h/?a=1": false, "https://h/?": false, "https://h/#x": false, "https://u:hunter2@h": false,
	} {
		c, err := New(Config{Endpoint: text})
		if ok != (err == nil) || err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", text, err)
		}
		if c != nil {
			c.Close()
		}
	}
}

func TestSecretsNeverShow(t *testing.T) {
	type session struct {
		Token   huawei.Token
		SignIn  PasswordRequest
		Pointer *PasswordRequest
		Tokens  *huawei.Token

		inner huawei.Token // fmt cannot call its methods
		list  []huawei.Token
	}
	hidden := huawei.NewToken(token)
	s := session{hidden, withMFA, &withMFA, &hidden, hidden, []huawei.Token{hidden}}
	var shown []string
	for _, v := range []any{hidden, &hidden, withMFA, &withMFA, s, &s} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			shown = append(shown, verb+" "+fmt.Sprintf(verb, v))
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "v", v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("m", "v", v)
		shown = append(shown, "json "+string(b), "slog "+log.String())
	}
	for _, text := range shown {
		if strings.Contains(text, "secret") || strings.Contains(text, "hunter2") || strings.Contains(text, "123456") ||
			strings.Contains(text, fmt.Sprintf("%x", token)[:10]) || strings.Contains(text, fmt.Sprintf("%x", password)[:10]) {
			t.Error(text)
		}
	}
	if hidden.Reveal() != token || hidden.String() != huawei.Redacted || hidden.GoString() != huawei.Redacted {
		t.Error("Reveal is not the token, or String is")
	}
}

func TestKindsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for k := WrongPassword; k <= ProviderUnknown; k++ {
		if k.String() == "" || seen[k.String()] {
			t.Errorf("kind %d is called %q", k, k)
		}
		seen[k.String()] = true
	}
}

// FuzzAnswers reads any bytes as the answer to both calls: each gives somebody
// with an end, or an *Error.
func FuzzAnswers(f *testing.F) {
	for _, body := range []string{projectAnswer, domainAnswer, keystone(401, "no", "Unauthorized"), iamError("IAM.0061", "locked"),
		"", "null", "[]", "<html>", `{"token":{}}`, `{"token":[]}`, `{"error":"x"}`, `{"error":{"code":1e400}}`, "{\"error_msg\":\"\xff\"}"} {
		for _, status := range []int{200, 201, 302, 401, 500} {
			f.Add(status, body, token)
		}
	}
	f.Fuzz(func(t *testing.T, status int, body, header string) {
		c, err := New(Config{Endpoint: "https://iam.example.com"})
		if err != nil {
			t.Fatal(err)
		}
		c.http.Transport = fuzzed{status, body, header}
		id, got, err := c.SignIn(t.Context(), signIn)
		checkAnswer(t, id, err)
		if (err == nil) != got.WellFormed() {
			t.Errorf("token %q with error %v", got.Reveal(), err)
		}
		id, err = c.Introspect(t.Context(), huawei.NewToken(token))
		checkAnswer(t, id, err)
	})
}

func checkAnswer(t *testing.T, id Identity, err error) {
	t.Helper()
	if err == nil {
		if id.UserID == "" || id.UserName == "" || id.Expires.IsZero() {
			t.Errorf("nobody: %+v", id)
		}
		return
	}
	if e, ok := errors.AsType[*Error](err); !ok || e.Kind == 0 || len(e.Code) > 1500 || len(e.Message) > 1500 {
		t.Errorf("error %#v", err)
	}
}

// fuzzed is an upstream without a network.
type fuzzed struct {
	status       int
	body, header string
}

func (f fuzzed) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: f.status, Header: http.Header{"X-Subject-Token": {f.header}}, Request: r,
		Body: io.NopCloser(strings.NewReader(f.body))}, nil
}

// TestASecretThatIsAWord: hiding what was typed must not hide why IAM refused.
func TestASecretThatIsAWord(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"error":{"code":401,"message":"The account is locked.","title":"Unauthorized"}}`)
	}))
	t.Cleanup(srv.Close)
	c, err := New(Config{Endpoint: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = c.SignIn(t.Context(), PasswordRequest{Account: "a", User: "locked", Password: "locked", Passcode: "4"})
	var refused *Error
	if !errors.As(err, &refused) || refused.Kind != Locked || refused.Code != "401" {
		t.Errorf("got %+v, want locked with code 401", err)
	}
}

// TestSentencesOfIAM: a password that is a word of IAM's own sentence leaves it whole, and is hidden everywhere else.
func TestSentencesOfIAM(t *testing.T) {
	for said, want := range map[string]string{"The username or password is wrong.": "The username or password is wrong.",
		"wrong is no password of ours": "[hidden] is no password of ours"} {
		c := serve(t, says(http.StatusUnauthorized, keystone(401, said, "Unauthorized")))
		_, _, err := c.SignIn(t.Context(), PasswordRequest{Account: "a", User: "u", Password: "wrong"})
		if e := asError(t, err); e.Message != want {
			t.Errorf("IAM says %q, shown is %q", said, e.Message)
		}
	}
}
