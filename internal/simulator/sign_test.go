package simulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"coc-console/internal/simulator/api"
	"coc-console/internal/simulator/signing"
)

// signedWorld is a world in which signatures go by the stepped clock, too.
func signedWorld(t *testing.T, cfg Config) *world {
	t.Helper()
	w := newWorld(t, cfg)
	w.signatureNow = w.clock.now
	return w
}

// request is what a test signs; path and query are written out as the
// canonical form wants them.
type request struct {
	method, path, query, body  string
	canonicalPath, canonicalQy string
	key                        AccessKey
	header                     map[string]string // signed too
}

func sum(text string) string {
	s := sha256.Sum256([]byte(text))
	return hex.EncodeToString(s[:])
}

// sign returns the headers of a request, by the rules as the vendor publishes
// them, and owes nothing to the code under test.
func (r request) sign(at time.Time) map[string]string {
	date := at.UTC().Format("20060102T150405Z")
	out := map[string]string{"X-Sdk-Date": date}
	signed, lines := "x-sdk-date", "x-sdk-date:"+date+"\n"
	if p, ok := r.header["X-Project-Id"]; ok { // sorts before x-sdk-date
		signed, lines = "x-project-id;"+signed, "x-project-id:"+strings.TrimSpace(p)+"\n"+lines
	}
	if p, ok := r.header["X-Domain-Id"]; ok {
		signed, lines = "x-domain-id;"+signed, "x-domain-id:"+p+"\n"+lines
	}
	if r.key.SecurityToken != "" {
		out["X-Security-Token"] = r.key.SecurityToken
		signed, lines = signed+";x-security-token", lines+"x-security-token:"+r.key.SecurityToken+"\n"
	}
	payload := sum(r.body)
	if h, ok := r.header["X-Sdk-Content-Sha256"]; ok {
		payload = h
	}
	text := strings.Join([]string{r.method, r.canonicalPath, r.canonicalQy, lines, signed, payload}, "\n")
	mac := hmac.New(sha256.New, []byte(r.key.Secret))
	mac.Write([]byte("SDK-HMAC-SHA256\n" + date + "\n" + sum(text)))
	maps.Copy(out, r.header)
	out["Authorization"] = fmt.Sprintf("SDK-HMAC-SHA256 Access=%s, SignedHeaders=%s, Signature=%x", r.key.ID, signed, mac.Sum(nil))
	return out
}

func (w *world) sendSigned(r request, at time.Time) reply {
	w.t.Helper()
	return w.send(r.method, r.path+r.query, r.body, r.sign(at))
}

func listRequest() request {
	return request{method: "GET", path: orders, query: "?limit=2", canonicalPath: orders + "/", canonicalQy: "limit=2", key: DemoKey("operator")}
}

// TestSignatureFromElsewhere holds a signature that openssl made.
func TestSignatureFromElsewhere(t *testing.T) {
	at := time.Date(2026, 11, 24, 9, 24, 23, 0, time.UTC)
	w := newWorld(t, Config{SignatureNow: func() time.Time { return at }})
	r := w.send("GET", orders+"?limit=10", "", map[string]string{"X-Sdk-Date": "20261124T092423Z",
		"Authorization": "SDK-HMAC-SHA256 Access=DEMOOPERATOR00000000, SignedHeaders=x-sdk-date, " +
			"Signature=df77bb46f58e2fc4a20b2d23314240bdd0315be31aa4916519123ec443908892"})
	if r.status != http.StatusOK {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestSignedCalls(t *testing.T) {
	w := signedWorld(t, Config{})
	now, account := w.clock.now(), DemoAccounts()[0]
	operate := request{method: "PUT", path: orders + "/" + w.UUID("running") + "/operation", body: `{"operation_type":"PAUSE_ORDER"}`,
		key: DemoKey("operator")}
	operate.canonicalPath = operate.path + "/"
	with := func(r request, change func(*request)) request { change(&r); return r }
	tests := []struct {
		name string
		request
	}{
		{"list", listRequest()},
		{"another user", with(listRequest(), func(r *request) { r.key = DemoKey("reader") })},
		{"temporary key", with(listRequest(), func(r *request) { r.key = DemoTemporaryKey() })},
		{"query sorted and escaped", with(listRequest(), func(r *request) {
			r.query, r.canonicalQy = "?name_like=a%20b*~%C3%A9&limit=2&creator=x%2By", "creator=x%2By&limit=2&name_like=a%20b%2A~%C3%A9"
		})},
		{"empty value", with(listRequest(), func(r *request) { r.query, r.canonicalQy = "?limit=2&x", "limit=2&x=" })},
		{"values sorted", with(listRequest(), func(r *request) { r.query, r.canonicalQy = "?limit=2&x=b&x=a", "limit=2&x=a&x=b" })},
		{"project", with(listRequest(), func(r *request) {
			r.header = map[string]string{"X-Project-Id": account.ProjectID("cn-north-4")}
		})},
		{"account", with(listRequest(), func(r *request) { r.header = map[string]string{"X-Domain-Id": account.ID()} })},
		{"hash of the body said", with(listRequest(), func(r *request) { r.header = map[string]string{"X-Sdk-Content-Sha256": sum("")} })},
		{"unsigned body", with(listRequest(), func(r *request) { r.header = map[string]string{"X-Sdk-Content-Sha256": "UNSIGNED-PAYLOAD"} })},
		{"operation", operate},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if r := w.sendSigned(test.request, now); r.status != http.StatusOK {
				t.Errorf("%d %s", r.status, r.body)
			}
		})
	}
	for _, off := range []time.Duration{signing.MaxSkew, -signing.MaxSkew} {
		if r := w.sendSigned(listRequest(), now.Add(off)); r.status != http.StatusOK {
			t.Errorf("%v off: %d %s", off, r.status, r.body)
		}
	}
}

func TestSignedCallsRefused(t *testing.T) {
	w := signedWorld(t, Config{Rules: Rules{NoKeyLock: true}})
	now := w.clock.now()
	tests := []struct {
		name   string
		change func(*request, *time.Time)
		spoil  func(header map[string]string)
		reason string
	}{
		{"unknown key", func(r *request, _ *time.Time) { r.key.ID = "NOBODY" }, nil, "Get secretKey failed,ak:NOBODY,err:ak not exist"},
		{"wrong secret", func(r *request, _ *time.Time) { r.key.Secret += "x" }, nil, reasonSignature},
		{"old", func(_ *request, at *time.Time) { *at = at.Add(-signing.MaxSkew - time.Second) }, nil, reasonSignature},
		{"from the future", func(_ *request, at *time.Time) { *at = at.Add(signing.MaxSkew + time.Second) }, nil, reasonSignature},
		{"other query", func(r *request, _ *time.Time) { r.query = "?limit=3" }, nil, reasonSignature},
		{"other path", func(r *request, _ *time.Time) { r.path += "/x" }, nil, reasonSignature},
		{"other body", func(r *request, _ *time.Time) {}, func(h map[string]string) { h["X-Sdk-Content-Sha256"] = sum("x") }, reasonSignature},
		{"no date", func(*request, *time.Time) {}, func(h map[string]string) { delete(h, "X-Sdk-Date") }, reasonSignature},
		{"a date that is none", func(*request, *time.Time) {}, func(h map[string]string) { h["X-Sdk-Date"] = "today" }, reasonSignature},
		{"date not signed", func(*request, *time.Time) {}, func(h map[string]string) {
			h["Authorization"] = strings.Replace(h["Authorization"], "x-sdk-date", "host", 1)
		}, reasonSignature},
		{"no signature", func(*request, *time.Time) {}, func(h map[string]string) {
			h["Authorization"], _, _ = strings.Cut(h["Authorization"], ", Signature")
		}, reasonSignature},
		{"another algorithm", func(*request, *time.Time) {}, func(h map[string]string) { h["Authorization"] = "SDK-SM3 Access=x" }, reasonSignature},
		{"no security token", func(r *request, _ *time.Time) { r.key = DemoTemporaryKey() },
			func(h map[string]string) { delete(h, "X-Security-Token") }, reasonSignature},
		{"a security token too many", func(*request, *time.Time) {}, func(h map[string]string) { h["X-Security-Token"] = "x" }, reasonSignature},
		{"no header at all", func(*request, *time.Time) {}, func(h map[string]string) { clear(h) }, "x-auth-token not found"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, at := listRequest(), now
			test.change(&r, &at)
			header := r.sign(at)
			if test.spoil != nil {
				test.spoil(header)
			}
			w.send(r.method, r.path+r.query, r.body, header).is(t, 401, "APIGW.0301", incorrect+test.reason)
		})
	}
	other := listRequest()
	other.header = map[string]string{"X-Domain-Id": api.HexID("somebody else")}
	w.sendSigned(other, now).is(t, 403, "APIGW.0302", "")
	other.header = map[string]string{"X-Project-Id": api.HexID("somebody else")}
	w.sendSigned(other, now).is(t, 403, "APIGW.0310", "")
	nobody := listRequest()
	nobody.key = DemoKey("nobody")
	w.sendSigned(nobody, now).is(t, 403, "PAP5.0001", "coc:job:list")
}

func TestKeyLock(t *testing.T) {
	w := signedWorld(t, Config{})
	wrong := listRequest()
	wrong.key.Secret = "wrong"
	for range keyTries + 1 {
		w.sendSigned(wrong, w.clock.now()).is(t, 401, "APIGW.0301", reasonSignature)
	}
	w.sendSigned(listRequest(), w.clock.now()).is(t, 401, "APIGW.0301", "AK access failed to reach the limit,forbidden.")
	other := listRequest()
	other.key = DemoKey("reader")
	if r := w.sendSigned(other, w.clock.now()); r.status != http.StatusOK {
		t.Errorf("another key: %d %s", r.status, r.body)
	}
	w.step(keyLock)
	if r := w.sendSigned(listRequest(), w.clock.now()); r.status != http.StatusOK {
		t.Errorf("later: %d %s", r.status, r.body)
	}
	for range 2 * keyTries { // never more than five in a row
		w.sendSigned(wrong, w.clock.now()).is(t, 401, "APIGW.0301", reasonSignature)
		if r := w.sendSigned(listRequest(), w.clock.now()); r.status != http.StatusOK {
			t.Fatalf("%d %s", r.status, r.body)
		}
	}
}

func TestTemporaryKeyExpires(t *testing.T) {
	key := AccessKey{ID: "T", Secret: "s", SecurityToken: "token", Expires: newClock().now().Add(time.Minute)}
	w := signedWorld(t, Config{Accounts: []Account{{Name: "a", Users: []User{{Name: "u", Actions: []string{actionList}, Keys: []AccessKey{key}}}}}})
	r := listRequest()
	r.key = key
	if got := w.sendSigned(r, w.clock.now()); got.status != http.StatusOK {
		t.Errorf("%d %s", got.status, got.body)
	}
	w.step(time.Minute)
	w.sendSigned(r, w.clock.now()).is(t, 401, "APIGW.0301", reasonTemporary)
}

// TestFindingIDs: the SDK asks for the ids of project and account by itself.
func TestFindingIDs(t *testing.T) {
	w := signedWorld(t, Config{})
	account := DemoAccounts()[0]
	r := request{method: "GET", path: "/v3/projects", canonicalPath: "/v3/projects/", query: "?name=cn-north-4", canonicalQy: "name=cn-north-4", key: DemoKey("operator")}
	got := w.sendSigned(r, w.clock.now())
	want := fmt.Sprintf(`{"projects":[{"id":"%s","name":"cn-north-4","domain_id":"%s",`, account.ProjectID("cn-north-4"), account.ID())
	if got.status != http.StatusOK || !strings.HasPrefix(got.body, want) || strings.Count(got.body, `"name"`) != 1 {
		t.Errorf("%d %s, want %s", got.status, got.body, want)
	}
	got = w.coc(w.signIn("reader"), "GET", "/v3/projects", "")
	if strings.Count(got.body, `"name"`) != 2 {
		t.Errorf("all projects, with a token: %s", got.body)
	}
	got = w.coc(w.signIn("reader"), "GET", "/v3/auth/domains", "")
	if want = fmt.Sprintf(`{"domains":[{"id":"%s","name":"demo","enabled":true}]}`, account.ID()); got.body != want {
		t.Errorf("%s, want %s", got.body, want)
	}
	w.send("GET", "/v3/auth/domains", "", nil).is(t, 401, "APIGW.0301", "x-auth-token not found")
	w.send("POST", "/v3/projects", "", nil).is(t, 405, "APIGW.0201", "")
}
