package simulator

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// adminWorld is a world with an admin address and a clock that it can step.
func adminWorld(t *testing.T) (*world, func(method, path, body string) reply) {
	t.Helper()
	hardware := newClock()
	clock := newClockOn(hardware.now, time.Time{}, 1)
	s := New(Config{Clock: clock})
	serve := func(h http.Handler) *world {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		return &world{s, hardware, t, server.URL, server.Client()}
	}
	w, admin := serve(s.Handler()), serve(s.AdminHandler())
	return w, func(method, path, body string) reply {
		t.Helper()
		return admin.send(method, path, body, map[string]string{"Content-Type": "application/json"})
	}
}

func (r reply) says(t *testing.T, status int, body string) {
	t.Helper()
	if r.status != status || !strings.Contains(r.body, body) || r.err != nil {
		t.Errorf("%d %s %v, want %d %s", r.status, r.body, r.err, status, body)
	}
}

func TestAdminCalls(t *testing.T) {
	w, admin := adminWorld(t)
	token := w.signIn("operator")
	w.get(token, orders, &listBody{})
	w.get(token, orders, &listBody{})
	w.coc(token, "GET", "/nowhere", "")
	admin("GET", "/calls", "").says(t, 200, `{"calls":{"list-tickets":2,"sign-in":1,"unknown":1}}`)
	admin("DELETE", "/calls", "").says(t, 200, `{"calls":{}}`)
	if w.Calls(AnyCall) != 0 {
		t.Errorf("%d calls", w.Calls(AnyCall))
	}
}

func TestAdminClock(t *testing.T) {
	w, admin := adminWorld(t)
	token := w.signIn("operator")
	if r := w.operate(token, "running", pauseBody); r.status != http.StatusOK {
		t.Fatalf("%d %s", r.status, r.body)
	}
	admin("GET", "/clock", "").says(t, 200, `{"now":"2026-03-02T09:15:14Z","speed":1}`)
	admin("POST", "/clock", `{"step":"5s"}`).says(t, 200, `{"now":"2026-03-02T09:15:19Z","speed":1}`)
	if got, _ := w.status(token, w.UUID("running")); got != paused {
		t.Errorf("%s after the step", got)
	}
	admin("POST", "/clock", `{"speed":60}`).says(t, 200, `"speed":60`)
	w.step(time.Second)
	admin("GET", "/clock", "").says(t, 200, `09:16:19Z`)
	for _, bad := range []string{``, `{"step":5}`, `{"step":"-5s"}`, `{"step":"99999999h"}`, `{"steps":"5s"}`, `{"speed":-1}`, `{"step":"1s"}x`} {
		admin("POST", "/clock", bad).says(t, 400, `{"error":"`)
	}
	foreign := httptest.NewServer(New(Config{Now: newClock().now}).AdminHandler())
	defer foreign.Close()
	w.url = foreign.URL
	w.send("POST", "/clock", `{"step":"5s"}`, map[string]string{"Content-Type": "application/json"}).says(t, 409, "not the simulator's own")
}

func TestAdminFaults(t *testing.T) {
	w, admin := adminWorld(t)
	token := w.signIn("operator")
	w.Inject(Fault{Status: 500})
	const fault = `{"call":"list-tickets","effect":"refuse","times":2,"status":429,"code":"APIGW.0308","message":"later","gateway":true,"retry_after":"3","delay":"1ms"}`
	admin("PUT", "/faults", `{"faults":[`+fault+`,{"call":"show-ticket","ticket":"paused","effect":"html","status":502}]}`).
		says(t, 200, `{"faults":[{"call":"list-tickets","effect":"refuse","left":2,"hits":0,"status":429,"code":"APIGW.0308","message":"later","gateway":true,"retry_after":"3","delay":"1ms"},{"call":"show-ticket","ticket":"paused",`)
	r := w.coc(token, "GET", orders, "")
	r.is(t, 429, "APIGW.0308", "later")
	if r.header.Get("Retry-After") != "3" {
		t.Errorf("%v", r.header)
	}
	admin("GET", "/faults", "").says(t, 200, `"left":1,"hits":1`)
	w.coc(token, "GET", orders+"/"+w.UUID("paused"), "").says(t, 502, "<html>")
	w.coc(token, "GET", orders+"/"+w.UUID("running"), "").says(t, 200, "")
	admin("DELETE", "/faults", "").says(t, 200, `{"faults":[]}`)
	w.get(token, orders, &listBody{})
	for _, bad := range []string{`{"faults":[{"call":"x"}]}`, `{"faults":[{"hold":1}]}`, `{"faults":[{"status":99}]}`, `[]`, `{"faults":null}`, `{"x":1}`} {
		admin("PUT", "/faults", bad).says(t, 400, `{"error":"`)
	}
	admin("PUT", "/faults", `{"faults":[]}`+strings.Repeat(" ", maxAdminBody)).says(t, 413, "")
}

func TestAdminTickets(t *testing.T) {
	w, admin := adminWorld(t)
	var body struct {
		Total   int          `json:"total"`
		Tickets []ticketBody `json:"tickets"`
	}
	r := admin("GET", "/tickets?limit=10", "")
	if err := json.Unmarshal([]byte(r.body), &body); err != nil || body.Total != 68 || len(body.Tickets) != 10 {
		t.Fatalf("%v %s", err, r.body)
	}
	first := body.Tickets[0]
	if first.Scenario == "" || first.UUID != w.UUID(first.Scenario) || first.Status == "" || first.Batch == 0 || body.Tickets[9].Scenario != "" {
		t.Errorf("%+v", first)
	}
	for _, limit := range []string{"0", "1001", "x"} {
		admin("GET", "/tickets?limit="+limit, "").says(t, 400, "limit is 1 to 1000")
	}
}

func TestAdminRevoke(t *testing.T) {
	w, admin := adminWorld(t)
	token := w.signIn("operator")
	admin("POST", "/tokens/revoke", `{"account":"demo","user":"operator"}`).says(t, 200, `{"users":1}`)
	w.coc(token, "GET", orders, "").is(t, 401, "APIGW.0307", "")
	token = w.signIn("operator")
	admin("POST", "/tokens/revoke", `{"account":"other","user":"operator"}`).says(t, 404, "")
	w.get(token, orders, &listBody{})
	admin("POST", "/tokens/revoke", `{"user":"operator"}`).says(t, 200, "")
	w.coc(token, "GET", orders, "").is(t, 401, "APIGW.0307", "")
	admin("POST", "/tokens/revoke", `{"name":"operator"}`).says(t, 400, "")
}

// TestAdminIsClosed: other methods, paths and what a form of a foreign page
// can send.
func TestAdminIsClosed(t *testing.T) {
	w, admin := adminWorld(t)
	admin("POST", "/faults", `{}`).says(t, 405, "")
	admin("GET", "/", "").says(t, 404, "")
	admin("GET", orders, "").says(t, 404, "")
	server := httptest.NewServer(w.AdminHandler())
	defer server.Close()
	w.url = server.URL
	w.send("POST", "/clock", `{"step":"5s"}`, map[string]string{"Content-Type": "text/plain"}).says(t, 415, "")
	w.send("POST", "/clock", `{"step":"5s"}`, nil).says(t, 415, "")
}
