package simulator

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// fuzzed is a simulator for arbitrary requests, with a small crowd.
func fuzzed(tb testing.TB) (s *Simulator, token string) {
	tb.Helper()
	c := newClockOn(newClock().now, time.Time{}, 1)
	s = New(Config{Clock: c, Crowd: Crowd{Tickets: 50, Instances: 20}})
	w := &world{Simulator: s, t: tb, client: http.DefaultClient}
	server := httptest.NewServer(s.Handler())
	w.url = server.URL
	tb.Cleanup(server.Close)
	return s, w.signIn("operator")
}

// answerTo parses a request as the server does, and checks what every answer
// has to be. It returns nil where the server would not have called the handler.
func answerTo(t *testing.T, h http.Handler, text string) *httptest.ResponseRecorder {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		return nil
	}
	rec := httptest.NewRecorder()
	begin := time.Now()
	h.ServeHTTP(rec, r)
	if took := time.Since(begin); took > time.Minute {
		t.Errorf("took %v", took)
	}
	if rec.Code < 200 || rec.Code > 599 || rec.Body.Len() > 32<<20 {
		t.Errorf("status %d, %d bytes", rec.Code, rec.Body.Len())
	}
	if strings.HasPrefix(rec.Header().Get("Content-Type"), "application/json") && !json.Valid(rec.Body.Bytes()) {
		t.Errorf("not JSON: %.200q", rec.Body)
	}
	return rec
}

// FuzzHandler sends arbitrary bytes; TOKEN, UUID and LIVE stand for a good
// token and two tickets.
func FuzzHandler(f *testing.F) {
	s, token := fuzzed(f)
	h := s.Handler()
	fill := strings.NewReplacer("TOKEN", token, "UUID", s.UUID("abnormal"), "LIVE", s.UUID("running"))
	head := " HTTP/1.1\r\nHost: x\r\nX-Auth-Token: TOKEN\r\n"
	for _, seed := range []string{
		"GET /v1/job/script/orders?limit=100&status=FINISHED&creator=a&name_like=b&start_time=1&end_time=2&marker=9" + head + "\r\n",
		"GET /v1/job/script/orders/UUID" + head + "X-Language: zh-cn\r\n\r\n",
		"GET /v1/job/script/orders/UUID/batches/2?limit=50&marker=1&status=READY" + head + "\r\n",
		"GET /v1/job/script/orders/LIVE/statistics" + head + "\r\n",
		"PUT /v1/job/script/orders/LIVE/operation" + head + "Content-Length: 46\r\n\r\n{\"operation_type\":\"SKIP_BATCH\",\"batch_index\":2}",
		"PUT /v1/job/script/orders/UUID/operation" + head + "Content-Length: 55\r\n\r\n{\"operation_type\":\"CANCEL_INSTANCE\",\"instance_id\":40304}",
		"POST /v3/auth/tokens?nocatalog=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\n{\"auth\":null}",
		"HEAD /v3/auth/tokens" + head + "X-Subject-Token: TOKEN\r\n\r\n",
		"GET /v3/projects?name=x HTTP/1.1\r\nHost: x\r\nX-Sdk-Date: 20260302T091514Z\r\nAuthorization: SDK-HMAC-SHA256 Access=DEMOOPERATOR00000000, SignedHeaders=host;x-sdk-date;content-length, Signature=00\r\n\r\n",
		"GET //v1/job/../%2e%2e/%zz?%zz=;&&= HTTP/1.0\r\n\r\n",
		"GET /v1/job/scripts?limit=1" + head + "\r\n", "GET /v1/resources?provider=ecs" + head + "\r\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rec := answerTo(t, h, fill.Replace(text))
		if rec == nil {
			return
		}
		if rec.Header().Get("X-Request-Id") == "" {
			t.Error("no request id")
		}
		if err := s.clock.Step(time.Second); err != nil {
			t.Skip("the clock is at its end")
		}
	})
}

// FuzzAdminHandler steers with arbitrary bytes; the simulator still answers.
func FuzzAdminHandler(f *testing.F) {
	s, token := fuzzed(f)
	h, coc := s.AdminHandler(), s.Handler()
	head := " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	for _, seed := range []string{
		"GET /calls" + head + "\r\n", "DELETE /calls" + head + "\r\n", "GET /faults" + head + "\r\n", "DELETE /faults" + head + "\r\n",
		"PUT /faults" + head + "Content-Length: 79\r\n\r\n{\"faults\":[{\"call\":\"any\",\"effect\":\"half-body\",\"status\":204,\"probability\":0.5}]}  ",
		"PUT /faults" + head + "Content-Length: 60\r\n\r\n{\"faults\":[{\"call\":\"any\",\"effect\":\"reset\",\"late\":true}]}     ",
		"POST /clock" + head + "Content-Length: 24\r\n\r\n{\"step\":\"5s\",\"speed\":1.5}",
		"GET /tickets?limit=1000" + head + "\r\n",
		"POST /tokens/revoke" + head + "Content-Length: 35\r\n\r\n{\"account\":\"demo\",\"user\":\"operator\"}",
	} {
		f.Add(seed)
	}
	look := "GET /v1/job/script/orders?limit=3 HTTP/1.1\r\nHost: x\r\nX-Auth-Token: " + token + "\r\n\r\n"
	f.Fuzz(func(t *testing.T, text string) {
		if answerTo(t, h, text) == nil {
			return
		}
		s.mu.Lock()
		for _, fault := range s.faults { // a fault may ask for an hour
			fault.Delay, fault.Tail, fault.Pace = 0, 0, 1
		}
		s.mu.Unlock()
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader([]byte(look))))
		if err != nil {
			t.Fatal(err)
		}
		coc.ServeHTTP(httptest.NewRecorder(), r)
		answerTo(t, h, "GET /tickets HTTP/1.1\r\nHost: x\r\n\r\n")
	})
}
