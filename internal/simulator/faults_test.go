package simulator

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const pauseBody = `{"operation_type":"PAUSE_ORDER"}`

// TestFaultsOnOperate checks for every fault what the client sees and whether
// the operation took effect.
func TestFaultsOnOperate(t *testing.T) {
	tests := []struct {
		name   string
		fault  Fault
		status int // 0 = no answer
		body   string
		after  string
	}{
		{"refuse", Fault{Status: 503, Code: "APIGW.0613", Message: "later", Gateway: true}, 503, `"request_id":"`, processing},
		{"refuse as COC", Fault{Status: 400, Code: "COC.00040701", Message: "Internal server error"}, 400, `{"error_code":"COC.00040701","error_msg":"Internal server error"}`, processing},
		{"refuse without a body", Fault{}, 500, "", processing},
		{"refuse late", Fault{Status: 504, Code: "APIGW.0201", Message: "Backend timeout", Gateway: true, Late: true}, 504, "Backend timeout", paused},
		{"HTML before", Fault{Effect: HTMLBody, Status: 502}, 502, "<html>", processing},
		{"HTML instead", Fault{Effect: HTMLBody}, 200, "<html>", paused},
		{"empty before", Fault{Effect: EmptyBody, Status: 502}, 502, "", processing},
		{"empty instead", Fault{Effect: EmptyBody}, 200, "", paused},
		{"half", Fault{Effect: HalfBody}, 200, `{"data":"SCT`, paused},
		{"wrong type", Fault{Effect: WrongType}, 200, `{"data":"SCT`, paused},
		{"redirect", Fault{Effect: RedirectAway}, 302, "", processing},
		{"redirect late", Fault{Effect: RedirectAway, Status: 307, Late: true}, 307, "", paused},
		{"reset before", Fault{Effect: Reset}, 0, "", processing},
		{"reset after", Fault{Effect: Reset, Late: true}, 0, "", paused},
		{"no effect", Fault{Effect: NoEffect}, 200, `{"data":"SCT`, processing},
		{"new words", Fault{Effect: NewWords}, 200, `"introduced_later"`, paused},
		{"slow", Fault{Effect: Slow, Delay: time.Microsecond}, 200, `{"data":"SCT`, paused},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, Config{})
			token := w.signIn("operator")
			test.fault.Kind, test.fault.Times = CallOperate, 1
			w.Inject(test.fault)
			r := w.operate(token, "running", pauseBody)
			if r.status != test.status || !strings.Contains(r.body, test.body) || (r.err != nil) != (test.status == 0) {
				t.Errorf("%d %q %v, want %d %q", r.status, r.body, r.err, test.status, test.body)
			}
			w.step(2 * time.Second)
			if got, _ := w.status(token, w.UUID("running")); got != test.after {
				t.Errorf("the ticket is %s, want %s", got, test.after)
			}
			if w.Calls(CallOperate) != 1 {
				t.Errorf("%d operations arrived", w.Calls(CallOperate))
			}
		})
	}
}

func TestFaultDetails(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("operator")
	remove := w.Inject(Fault{Kind: CallListTickets, Status: 429, Code: "APIGW.0308", Message: "throttled", Gateway: true, RetryAfter: "7"})
	r := w.coc(token, "GET", orders, "")
	r.is(t, 429, "APIGW.0308", "throttled")
	if r.header.Get("Retry-After") != "7" {
		t.Errorf("Retry-After %q", r.header.Get("Retry-After"))
	}
	remove()
	remove()
	w.get(token, orders, &listBody{})

	defer w.Inject(Fault{Effect: WrongType})()
	r = w.coc(token, "GET", orders, "")
	if r.header.Get("Content-Type") != htmlType || !strings.HasPrefix(r.body, `{"data"`) {
		t.Errorf("%s %s", r.header.Get("Content-Type"), r.body)
	}
	defer w.Inject(Fault{Effect: RedirectAway})()
	if r = w.coc(token, "GET", orders, ""); r.header.Get("Location") != "/login" {
		t.Errorf("%+v", r)
	}
	defer w.Inject(Fault{Effect: HalfBody, Times: 1})()
	if r = w.coc(token, "GET", orders, ""); !strings.HasPrefix(r.body, `{"data"`) || strings.HasSuffix(r.body, "}}") {
		t.Errorf("%s", r.body)
	}
}

func TestFaultChoice(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("operator")
	show := func(scenario string) int { return w.coc(token, "GET", orders+"/"+w.UUID(scenario), "").status }
	expect := func(what string, got, want int) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %d, want %d", what, got, want)
		}
	}
	remove := w.Inject(Fault{Kind: CallShowTicket, Ticket: w.UUID("paused"), Times: 2, Status: 500})
	expect("another ticket", show("running"), 200)
	expect("another call", w.coc(token, "GET", orders+"/"+w.UUID("paused")+"/batches", "").status, 200)
	expect("first time", show("paused"), 500)
	expect("second time", show("paused"), 500)
	expect("third time", show("paused"), 200)
	remove()

	remove = w.Inject(Fault{Kind: AnyCOCCall, Status: 503})
	expect("all of COC", show("running"), 503)
	expect("not IAM", w.post(signInJSON("operator", "operator", cnNorth, "")).status, 201)
	newer := w.Inject(Fault{Kind: CallShowTicket, Status: 502})
	expect("the newest wins", show("running"), 502)
	newer()
	remove()
	remove = w.Inject(Fault{Kind: AnyCall, Status: 503, Keystone: true, Message: "down"})
	w.post(signInJSON("operator", "operator", cnNorth, "")).isKeystone(t, 503, "down")
	remove()
	expect("afterwards", show("running"), 200)
}

func TestNewWords(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("operator")
	w.Inject(Fault{Kind: AnyCOCCall, Effect: NewWords})
	for _, path := range []string{"", "/" + w.UUID("paused"), "/" + w.UUID("paused") + "/batches", "/" + w.UUID("paused") + "/batches/2?limit=9", "/" + w.UUID("paused") + "/statistics"} {
		r := w.coc(token, "GET", orders+path, "")
		if r.status != 200 || !strings.Contains(r.body, `"HIBERNATING"`) || !strings.Contains(r.body, "introduced_later") {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
		if strings.Contains(path, "/batches/2") && !strings.Contains(r.body, "9007199254740993") {
			t.Errorf("an id changed: %s", r.body)
		}
	}
}

func TestMiscount(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("operator")
	w.Inject(Fault{Kind: CallStatistics, Effect: Miscount})
	r := w.coc(token, "GET", orders+"/"+w.UUID("paused")+"/statistics", "")
	if want := `{"data":{"total_instance":0,"execute_statistics":[]}}`; r.status != 200 || strings.TrimSpace(r.body) != want {
		t.Errorf("%d %s, want %s", r.status, r.body, want)
	}
}

func TestOtherRow(t *testing.T) {
	w := newWorld(t, Config{})
	token, uuid := w.signIn("operator"), w.UUID("running")
	w.Inject(Fault{Kind: CallOperate, Effect: OtherRow})
	chosen := w.rows(token, uuid, 2)[0].ID
	if r := w.operate(token, "running", fmt.Sprintf(`{"operation_type":"CANCEL_INSTANCE","instance_id":%d}`, chosen)); r.status != 200 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	w.step(2 * time.Second)
	hit := 0
	for _, row := range w.rows(token, uuid, 2) {
		if row.Status == canceled {
			hit++
			if row.ID == chosen {
				t.Error("the chosen row was hit")
			}
		}
	}
	if hit != 1 {
		t.Errorf("%d rows were hit", hit)
	}
}

func TestHold(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("operator")
	hold := make(chan struct{})
	w.Inject(Fault{Kind: CallOperate, Effect: Slow, Hold: hold, Late: true, Times: 1})
	done := make(chan reply, 1)
	go func() { done <- w.operate(token, "running", pauseBody) }()
	for w.Calls(CallOperate) == 0 {
		w.coc(token, "GET", orders, "") // other calls go on meanwhile
	}
	select {
	case r := <-done:
		t.Fatalf("answered early: %+v", r)
	default:
	}
	close(hold)
	if r := <-done; r.status != 200 {
		t.Errorf("%d %s %v", r.status, r.body, r.err)
	}
}

// TestClientGoesAway: a call that waits ends with its client, without effect.
func TestClientGoesAway(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("operator")
	w.Inject(Fault{Kind: CallOperate, Effect: Slow, Hold: make(chan struct{})})
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, w.url+orders+"/"+w.UUID("running")+"/operation", strings.NewReader(pauseBody))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Auth-Token", token)
	failed := make(chan error, 1)
	go func() {
		_, err := w.client.Do(req)
		failed <- err
	}()
	for w.Calls(CallOperate) == 0 {
		w.coc(token, "GET", orders, "")
	}
	cancel()
	if err := <-failed; err == nil {
		t.Error("an answer came")
	}
	w.step(time.Minute)
	if got, _ := w.status(token, w.UUID("running")); got != processing {
		t.Errorf("the ticket is %s", got)
	}
}

func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := Fault{Delay: time.Hour}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if !f.wait(&call{Request: req}) || time.Since(begin) != time.Hour {
			t.Errorf("waited %v", time.Since(begin))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if f.wait(&call{Request: req.WithContext(ctx)}) {
			t.Error("went on without a client")
		}
	})
}

func TestCalls(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("operator")
	ticket := orders + "/" + w.UUID("paused")
	for _, path := range []string{orders, ticket, ticket + "/batches", ticket + "/batches/1?limit=1", ticket + "/statistics", "/nowhere"} {
		w.coc(token, "GET", path, "")
	}
	w.coc("", "PUT", ticket+"/operation", "")
	w.send("GET", "/v3/auth/tokens", "", nil)
	for kind := CallSignIn; kind <= CallUnknown; kind++ {
		if n := w.Calls(kind); n != 1 {
			t.Errorf("kind %d: %d calls", kind, n)
		}
	}
	if w.Calls(AnyCall) != 9 || w.Calls(AnyCOCCall) != 7 {
		t.Errorf("%d calls, %d of COC", w.Calls(AnyCall), w.Calls(AnyCOCCall))
	}
}
