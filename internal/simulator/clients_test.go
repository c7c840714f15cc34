package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"coc-console/internal/simulator/api"
	"coc-console/internal/simulator/scripts"
)

// TestLInstances: they are sent in capitals and answered in small letters, and
// the labels of an execution come back.
func TestLInstances(t *testing.T) {
	w := newWorld(t, Config{Rules: Rules{ScheduleDelay: -1}})
	token := w.signIn("operator")
	list := sent[[]scripts.Resource](w, token, "GET", "/v1/resources?provider=hcss&type=l-instance&limit=10", "")
	if len(list) != 2 || list[0].Provider != "hcss" || list[0].Type != "l-instance" {
		t.Fatalf("the inventory has %+v", list)
	}
	script := customs + "/" + scripts.UUID(scripts.Demo[0].Name)
	target := func(provider, kind string) string {
		return strings.Replace(execution(w, 1), `{"resource_id":"`+w.scripts.Servers()[0].ID()+`"`,
			fmt.Sprintf(`{"provider":%q,"type":%q,"custom_attributes":[{"key":"team","value":"shop"}],"resource_id":%q`, provider, kind, list[0].ResourceID), 1)
	}
	id := sent[string](w, token, "POST", script, target("HCSS", "L-INSTANCE"))
	row := w.rows(token, id, 1)[0].Target
	if row.Provider != "hcss" || row.Type != "l-instance" || len(row.Attributes) != 1 || row.Attributes[0] != (Attribute{Key: "team", Value: "shop"}) {
		t.Errorf("the target is %+v", row)
	}
	w.coc(token, "POST", script, target("HCSS", "CLOUDSERVER")).is(t, 400, api.CodeInvalid, "")
	w.coc(token, "POST", script, target("ECS", "L-INSTANCE")).is(t, 400, api.CodeInvalid, "")
	unknown := strings.Replace(target("HCSS", "L-INSTANCE"), list[0].ResourceID, "nowhere", 1)
	w.coc(token, "POST", script, unknown).is(t, 400, "COC.00040702", "provider: [HCSS], type: [L-INSTANCE]")
	mixed := strings.Replace(execution(w, 2), `"resource_id"`, `"provider":"HCSS","type":"L-INSTANCE","resource_id"`, 1)
	w.coc(token, "POST", script, mixed).is(t, 400, api.CodeInvalid, "") // one provider for all
	if row := w.rows(token, sent[string](w, token, "POST", script, execution(w, 1)), 1)[0].Target; row.Provider != "ECS" || row.Attributes != nil {
		t.Errorf("another target is %+v", row)
	}
}

// TestInventoryMarker pages through the servers by their ids.
func TestInventoryMarker(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("operator")
	const path = "/v1/resources?provider=ecs&type=cloudservers&limit=100"
	seen, marker := map[string]bool{}, ""
	for {
		page := path
		if marker != "" {
			page += "&marker=" + marker
		}
		list := sent[[]scripts.Resource](w, token, "GET", page, "")
		if len(list) == 0 {
			break
		}
		for _, r := range list {
			if seen[r.ID] {
				t.Fatalf("%s comes twice", r.Name)
			}
			seen[r.ID], marker = true, r.ID
		}
	}
	if want := len(w.scripts.Servers()) - 2 - 3; len(seen) != want { // L instances, and those before a sync
		t.Errorf("%d servers, want %d", len(seen), want)
	}
	w.coc(token, "GET", path+"&marker=unknown", "").is(t, 400, api.CodeInvalid, "")
}

func TestTags(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("operator")
	id := scripts.UUID(scripts.Demo[0].Name)
	path := "/v1/script/coc:script/" + id + "/tags/update"
	if got := sent[string](w, token, "POST", path, `{"tags":[{"key":"team","value":"shop"},{"key":"env","value":""}]}`); got != id {
		t.Errorf("the answer is %q", got)
	}
	sent[string](w, token, "POST", customs+"/"+id, execution(w, 1))
	var detail scripts.Detail
	w.get(token, customs+"/"+id, &detail)
	if len(detail.Tags) != 2 || detail.Tags[0] != (scripts.Tag{Key: "team", Value: "shop"}) || detail.Used != 1 {
		t.Errorf("the detail is %+v", detail)
	}
	sent[string](w, token, "POST", strings.Replace(path, ":", "%3A", 1), `{"tags":[{"key":"env","value":"prod"}]}`)
	w.get(token, customs+"/"+id, &detail)
	if len(detail.Tags) != 1 || detail.Tags[0].Value != "prod" {
		t.Errorf("replaced, they are %+v", detail.Tags)
	}
	w.coc(token, "POST", path, `{"tags":[{"value":"x"}]}`).is(t, 400, api.CodeEmpty, "key must not be empty")
	w.coc(token, "POST", path, `{"tags":[{"key":"a"},{"key":"a"}]}`).is(t, 400, api.CodeInvalid, "")
	w.coc(token, "POST", path, `{"tags":[{"key":"`+strings.Repeat("k", 129)+`"}]}`).is(t, 400, api.CodeInvalid, "")
	w.coc(token, "POST", strings.Replace(path, id, "SC20260302171514022000000", 1), `{"tags":[]}`).is(t, 400, "COC.00040603", "")
	w.coc(w.signIn("reader"), "POST", path, `{"tags":[]}`).is(t, 403, "PAP5.0001", actionUpdateDocument)
	w.coc(token, "POST", "/v1/script/coc:job/"+id+"/tags/update", `{}`).is(t, 404, "APIGW.0101", "")
}

// TestTemporaryKeys: a token gives a key that signs at the scope of the account,
// for as long as was asked for.
func TestTemporaryKeys(t *testing.T) {
	w := signedWorld(t, Config{})
	const path = "/v3.0/OS-CREDENTIAL/securitytokens"
	body := func(identity string) string { return `{"auth":{"identity":` + identity + `}}` }
	token := w.signIn("operator")
	r := w.send("POST", path, body(`{"methods":["token"],"token":{"duration_seconds":3600}}`), map[string]string{"X-Auth-Token": token})
	var got struct {
		Credential struct {
			Access, Secret string
			SecurityToken  string    `json:"securitytoken"`
			Expires        time.Time `json:"expires_at"`
		} `json:"credential"`
	}
	if err := json.Unmarshal([]byte(r.body), &got); err != nil || r.status != http.StatusCreated {
		t.Fatalf("%d %s", r.status, r.body)
	}
	c := got.Credential
	if len(c.Access) != 20 || len(c.Secret) != 40 || len(c.SecurityToken) != 1200 || !c.Expires.Equal(w.clock.now().Add(time.Hour)) {
		t.Errorf("the credential is %+v", c)
	}
	key := AccessKey{ID: c.Access, Secret: c.Secret, SecurityToken: c.SecurityToken}
	call := func() reply {
		r := listRequest()
		r.key, r.header = key, map[string]string{"X-Domain-Id": w.accounts[0].ID()}
		return w.sendSigned(r, w.clock.now())
	}
	if r := call(); r.status != http.StatusOK {
		t.Errorf("signed with it: %d %s", r.status, r.body)
	}
	w.clock.step(time.Hour)
	call().is(t, 401, "APIGW.0301", reasonTemporary)
	for identity, want := range map[string]int{`{"methods":["token"]}`: 401, `{"methods":["token"],"token":{"id":"` + token + `"}}`: 201,
		`{"methods":["token"],"token":{"id":"` + token + `","duration_seconds":899}}`: 400, `{"methods":["assume_role"]}`: 400, `{}`: 400} {
		if r := w.send("POST", path, body(identity), nil); r.status != want {
			t.Errorf("%.60s: %d %s", identity, r.status, r.body)
		}
	}
	if r := w.send("GET", path, "", nil); r.status != http.StatusMethodNotAllowed {
		t.Errorf("GET gives %d", r.status)
	}
}

// TestMessagesInChinese: whatever COC says, it says in the language that is asked for.
func TestMessagesInChinese(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("operator")
	ask := func(user, method, path, body string) string {
		r := w.send(method, path, body, map[string]string{"X-Auth-Token": user, "X-Language": "zh-CN", "Content-Type": jsonType})
		var e cocErrorBody
		if err := json.Unmarshal([]byte(r.body), &e); err != nil || r.status < 400 {
			t.Fatalf("%s %s: %d %s", method, path, r.status, r.body)
		}
		return e.Message
	}
	script := customs + "/" + scripts.UUID(scripts.Demo[0].Name)
	running := orders + "/" + w.UUID("running")
	for _, tt := range []struct{ method, path, body, want string }{
		{"GET", orders + "?limit=0", "", "参数值无效"},
		{"GET", customs, "", "limit 不能为空"},
		{"GET", orders + "/SCT2026030209151401c2f9a07", "", "脚本工单不存在"},
		{"GET", running + "/batches/20?limit=1", "", "不存在该批次"},
		{"PUT", running + "/operation", `{"operation_type":"CONTINUE_ORDER"}`, "不允许执行操作"},
		{"PUT", running + "/operation", `{"operation_type":"CANCEL_INSTANCE","instance_id":1}`, "不存在该实例"},
		{"POST", customs, newScript("disk_report", "nginx_reload"), "存在同名脚本：nginx_reload"},
		{"GET", customs + "/x", "", "脚本 UUID 无效"},
		{"GET", customs + "/SC20260302171514022000000", "", "脚本不存在"},
		{"GET", publics + "/SC20260302171514022000000", "", "公共脚本不存在"},
		{"POST", script, strings.Replace(execution(w, 1), w.scripts.Servers()[0].ID(), "nowhere", 1), "资源 ID：[nowhere]"},
		{"POST", script + "/action", `{"status":"APPROVED"}`, "不在待审批状态"},
	} {
		if got := ask(token, tt.method, tt.path, tt.body); !strings.Contains(got, tt.want) {
			t.Errorf("%s %s: %q, want %q", tt.method, tt.path, got, tt.want)
		}
	}
	if got := ask(w.signIn("nobody"), "GET", orders, ""); !strings.Contains(got, "无权执行") {
		t.Errorf("a denial says %q", got)
	}
}

// TestLate500: the operation takes effect, and COC answers with an internal error.
func TestLate500(t *testing.T) {
	w := newWorld(t, Config{Rules: Rules{EffectDelay: -1}})
	token := w.signIn("operator")
	w.Inject(Fault{Kind: CallOperate, Effect: Refuse, Code: "COC.00000001", Message: "internal error", Late: true, Times: 1})
	w.operate(token, "running", `{"operation_type":"PAUSE_ORDER"}`).is(t, 500, "COC.00000001", "internal error")
	if status, _ := w.status(token, w.UUID("running")); status != paused {
		t.Errorf("the ticket is %s", status)
	}
}

func TestHideHint(t *testing.T) {
	w := newWorld(t, Config{})
	w.Inject(Fault{Kind: CallSignIn, Effect: HideHint})
	for passcode, want := range map[string]int{"": 401, "000000": 401, DemoPasscode: 201} {
		totp := ""
		if passcode != "" {
			totp = `{"name":"mfa","domain":{"name":"demo"},"passcode":"` + passcode + `"}`
		}
		r := w.send("POST", "/v3/auth/tokens", signInJSON("mfa", "mfa", cnNorth, totp), nil)
		if r.status != want || want == 401 && !strings.Contains(r.body, wrongPassword) {
			t.Errorf("with %q: %d %s", passcode, r.status, r.body)
		}
	}
}

// TestClockSkew: IAM's answers are dated by another clock, and its tokens work nevertheless.
func TestClockSkew(t *testing.T) {
	for _, skew := range []time.Duration{time.Hour, -30 * time.Hour} {
		w := newWorld(t, Config{})
		w.Inject(Fault{Kind: AnyCall, Effect: ClockSkew, Skew: skew})
		r := w.send("POST", "/v3/auth/tokens", signInJSON("operator", "operator", cnNorth, ""), nil)
		var got struct {
			Token struct {
				Issued  time.Time `json:"issued_at"`
				Expires time.Time `json:"expires_at"`
			} `json:"token"`
		}
		if err := json.Unmarshal([]byte(r.body), &got); err != nil {
			t.Fatal(err)
		}
		if want := w.clock.now().Add(skew); !got.Token.Issued.Equal(want) || !got.Token.Expires.Equal(want.Add(24*time.Hour)) {
			t.Errorf("%v: the token is of %v to %v", skew, got.Token.Issued, got.Token.Expires)
		}
		r = w.coc(r.header.Get("X-Subject-Token"), "GET", orders+"?limit=1", "")
		date, err := http.ParseTime(r.header.Get("Date"))
		if off := date.Sub(time.Now().Add(skew)).Abs(); err != nil || off > 2*time.Second || r.status != 200 {
			t.Errorf("%v: %d, the date is off by %v", skew, r.status, off)
		}
	}
}

func TestEchoToken(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("operator")
	w.Inject(Fault{Kind: CallOperate, Effect: EchoToken, Times: 1})
	r := w.operate(token, "running", `{"operation_type":"PAUSE_ORDER"}`)
	var e gatewayBody
	if err := json.Unmarshal([]byte(r.body), &e); err != nil || r.status != 400 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if strings.Count(e.Message, token) != 2 || strings.Count(r.body, token) != 2 || e.RequestID != token || r.header.Get("X-Request-Id") != token {
		t.Errorf("the token is told %d times", strings.Count(e.Message, token))
	}
	if status, _ := w.status(token, w.UUID("running")); status != processing {
		t.Errorf("the ticket is %s", status)
	}
}

// TestTemporaryKeysEnd: keys end when what their user has is revoked or expires, and a minute after they were made where
// a fault says so; IAM takes signatures, unless unsigned_iam says that it doesn't.
func TestTemporaryKeysEnd(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(*world)
	}{
		{"revoked", func(w *world) { w.Revoke("operator") }},
		{"early", func(w *world) { w.clock.step(time.Minute) }},
		{"expired", func(w *world) { w.Inject(Fault{Kind: CallListTickets, Effect: ExpireToken, Times: 1}) }},
		{"unsigned_iam", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := signedWorld(t, Config{Rules: Rules{UnsignedIAM: tt.end == nil}})
			w.Inject(Fault{Kind: CallTemporaryKeys, Effect: EarlyKeys})
			r := w.send("POST", "/v3.0/OS-CREDENTIAL/securitytokens", `{"auth":{"identity":{"methods":["token"]}}}`, map[string]string{"X-Auth-Token": w.signIn("operator")})
			var got struct {
				Credential struct {
					Access, Secret string
					SecurityToken  string `json:"securitytoken"`
				} `json:"credential"`
			}
			if err := json.Unmarshal([]byte(r.body), &got); err != nil || r.status != http.StatusCreated {
				t.Fatalf("%d %s", r.status, r.body)
			}
			list := listRequest()
			list.key = AccessKey{ID: got.Credential.Access, Secret: got.Credential.Secret, SecurityToken: got.Credential.SecurityToken}
			projects := request{method: "GET", path: "/v3/auth/projects", canonicalPath: "/v3/auth/projects/", key: list.key}
			if r := w.sendSigned(list, w.clock.now()); r.status != http.StatusOK {
				t.Fatalf("COC gives %d %s", r.status, r.body)
			}
			if tt.end == nil {
				if r := w.sendSigned(projects, w.clock.now()); r.status != http.StatusUnauthorized {
					t.Errorf("IAM gives %d", r.status)
				}
				return
			}
			if r := w.sendSigned(projects, w.clock.now()); r.status != http.StatusOK {
				t.Errorf("IAM gives %d %s", r.status, r.body)
			}
			tt.end(w)
			w.sendSigned(list, w.clock.now()).is(t, 401, "APIGW.0301", reasonTemporary)
		})
	}
}
