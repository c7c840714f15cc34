package coc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"coc-console/internal/upstream"
)

func TestErrorAnswers(t *testing.T) {
	for _, tt := range []struct {
		name    string
		status  int
		body    string
		headers []string
		want    Error
		is      func(*Error) bool // the question this error answers with yes
		deliver Delivery
	}{
		{"service", 400, `{"error_code":"COC.00040601","error_msg":"The paramValue is invalid."}`, []string{"X-Request-Id", "r1"},
			Error{Code: "COC.00040601", Message: "The paramValue is invalid.", RequestID: "r1"}, nil, DeliveredYes},
		{"unknown ticket", 400, `{"error_code":"COC.00040709","error_msg":"工单不存在"}`, nil,
			Error{Code: "COC.00040709", Message: "工单不存在"}, (*Error).NotFound, DeliveredYes},
		{"gateway, token expired", 401, `{"error_msg":"token expires","error_code":"APIGW.0301","request_id":"914a"}`, nil,
			Error{Code: "APIGW.0301", Message: "token expires", RequestID: "914a"}, (*Error).SignInAgain, DeliveredYes},
		{"gateway, header's request id first", 401, `{"error_msg":"m","error_code":"APIGW.0307","request_id":"914a"}`, []string{"X-Request-Id", "h"},
			Error{Code: "APIGW.0307", Message: "m", RequestID: "h"}, (*Error).SignInAgain, DeliveredYes},
		{"identity policy", 403, `{"error_msg":"access denied","error_code":"PAP5.0001","encoded_authorization_message":"x"}`, nil,
			Error{Code: "PAP5.0001", Message: "access denied", Denial: "x"}, (*Error).Forbidden, DeliveredYes},
		{"throttled", 429, `{"error_code":"APIGW.0308","error_msg":"threshold"}`, []string{"Retry-After", "7"},
			Error{Code: "APIGW.0308", Message: "threshold", RetryAfter: 7 * time.Second}, (*Error).Throttled, DeliveredYes},
		{"keystone", 401, `{"error":{"code":401,"message":"no","title":"Unauthorized"}}`, nil,
			Error{Code: "401", Message: "no"}, (*Error).SignInAgain, DeliveredUnknown},
		{"older names", 400, `{"code":17,"message":"m"}`, nil, Error{Code: "17", Message: "m"}, nil, DeliveredUnknown},
		{"nested", 400, `{"a":1,"b":{"c":{"error_code":"COC.00040701","error_msg":"m"}}}`, nil, Error{Code: "COC.00040701", Message: "m"}, nil, DeliveredUnknown},
		{"an error that is a string", 500, `{"status":500,"error":"Internal Server Error","message":"m"}`, nil, Error{Message: "m"}, nil, DeliveredUnknown},
		{"null message", 400, `{"error_code":"COC.1","error_msg":null}`, nil, Error{Code: "COC.1"}, nil, DeliveredUnknown},
		{"another JSON", 400, `{"error_code":{}}`, nil, Error{Message: `{"error_code":{}}`}, nil, DeliveredUnknown},
		{"half a JSON", 400, `{"error_code":"COC.1","err`, nil, Error{Message: `{"error_code":"COC.1","err`}, nil, DeliveredUnknown},
		{"HTML", 502, "\n<html>Bad Gateway</html>", nil, Error{Message: "<html>Bad Gateway</html>"}, nil, DeliveredUnknown},
		{"empty", 500, "", nil, Error{}, nil, DeliveredUnknown},
		{"service, 500", 500, `{"error_code":"COC.00040701","error_msg":"m"}`, nil, Error{Code: "COC.00040701", Message: "m"}, nil, DeliveredUnknown},
		{"gateway, 500", 500, `{"error_code":"APIGW.0201","error_msg":"unexpected"}`, nil,
			Error{Code: "APIGW.0201", Message: "unexpected"}, nil, DeliveredUnknown},
		{"backend time-out", 504, `{"error_code":"APIGW.0201","error_msg":"Backend timeout"}`, nil,
			Error{Code: "APIGW.0201", Message: "Backend timeout"}, nil, DeliveredUnknown},
		{"IAM down", 503, `{"error_code":"APIGW.0613","error_msg":"m"}`, []string{"Retry-After", "junk"},
			Error{Code: "APIGW.0613", Message: "m"}, nil, DeliveredUnknown},
		{"request time-out", 408, "", nil, Error{}, nil, DeliveredUnknown},
		{"request time-out, with a code", 408, `{"error_code":"COC.00040701","error_msg":"m"}`, nil,
			Error{Code: "COC.00040701", Message: "m"}, nil, DeliveredUnknown},
		{"client gone", 499, `{"error_code":"APIGW.0201","error_msg":"m"}`, nil, Error{Code: "APIGW.0201", Message: "m"}, nil, DeliveredUnknown},
		{"gateway, headers too large", 494, `{"error_code":"APIGW.0201","error_msg":"m"}`, nil,
			Error{Code: "APIGW.0201", Message: "m"}, nil, DeliveredYes},
		{"gateway, the way to the backend", 400, `{"error_code":"APIGW.0607","error_msg":"m"}`, nil,
			Error{Code: "APIGW.0607", Message: "m"}, nil, DeliveredUnknown},
		{"another part of the service", 401, `{"error_code":"common.01010001","error_msg":"Token missing or invalid."}`, nil,
			Error{Code: "common.01010001", Message: "Token missing or invalid."}, (*Error).SignInAgain, DeliveredYes},
		{"somebody else's code", 400, `{"error_code":"E42","error_msg":"m"}`, nil, Error{Code: "E42", Message: "m"}, nil, DeliveredUnknown},
		{"a portal's page", 403, "<html>Sign in to the network</html>", nil,
			Error{Message: "<html>Sign in to the network</html>", Reason: upstream.Portal}, (*Error).Forbidden, DeliveredUnknown},
		{"a limit of somebody else", 429, "slow down", nil, Error{Message: "slow down"}, (*Error).Throttled, DeliveredUnknown},
		{"unused status, with a code", 599, `{"error_code":"COC.00040701","error_msg":"m"}`, nil,
			Error{Code: "COC.00040701", Message: "m"}, nil, DeliveredUnknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := serve(t, says(tt.status, tt.body, tt.headers...))
			_, err := operate(t.Context(), c)
			got := asError(t, err)
			tt.want.Call, tt.want.Kind, tt.want.Status = "operate", KindUpstream, tt.status
			refusal := *got
			refusal.refusal = false // what it means is asked below
			if refusal != tt.want {
				t.Errorf("got %#v, want %#v", *got, tt.want)
			}
			if got.Delivered() != tt.deliver {
				t.Errorf("delivered %v, want %v", got.Delivered(), tt.deliver)
			}
			if tt.is != nil && !tt.is(got) {
				t.Error("the error does not know what it is")
			}
			if want := tt.want.Code + ": " + tt.want.Message; tt.want.Code != "" && !strings.Contains(err.Error(), want) {
				t.Errorf("%q does not show %q", err, want)
			}
		})
	}
}

// TestErrorsOfSuccess: an error of COC is one whatever its status; only whether an operation took effect stays open.
func TestErrorsOfSuccess(t *testing.T) {
	for _, body := range []string{`{"error_code":"COC.00040701","error_msg":"not now"}`,
		`{"data":null,"error_code":"COC.00040701","error_msg":"not now"}`, `{"data":{},"error_code":"COC.00040701","error_msg":"not now"}`} {
		c := serve(t, says(200, body, "X-Request-Id", "r1"))
		_, err := c.Ticket(t.Context(), caller, ticketID)
		if e := asError(t, err); e.Kind != KindUpstream || e.Code != "COC.00040701" || e.Message != "not now" || e.RequestID != "r1" {
			t.Errorf("%s: got %#v", body, e)
		}
		_, err = operate(t.Context(), c)
		if e := asError(t, err); e.Kind != KindBadAnswer || e.Delivered() != DeliveredUnknown {
			t.Errorf("%s: operate: got %#v", body, e)
		}
	}
	c := serve(t, says(200, `{"error_code":"APIGW.0301","error_msg":"Incorrect IAM authentication information"}`))
	_, err := c.Ticket(t.Context(), caller, ticketID)
	if e := asError(t, err); !e.SignInAgain() {
		t.Errorf("a token that is not taken: %#v", e)
	}
}

// TestNumbersThatCannotBe: a batch, a time-out and a threshold that no ticket has are not known.
func TestNumbersThatCannotBe(t *testing.T) {
	for _, n := range []string{"9007199254740993", "-1"} {
		c := serve(t, says(200, fmt.Sprintf(`{"data":{"properties":{"current_execute_batch_index":%s,"execute_param":{"timeout":%[1]s,"success_rate":%[1]s}}}}`, n)))
		got, err := c.Ticket(t.Context(), caller, ticketID)
		if err != nil || got.CurrentBatch != 0 || got.Timeout != 0 || got.SuccessRate != nil {
			t.Errorf("%s: %+v, %v", n, got, err)
		}
	}
}

// TestListsThatAreNone: only a list that says so is empty.
func TestListsThatAreNone(t *testing.T) {
	for _, tt := range []struct {
		data   string
		marker int64
		good   bool
	}{
		{`{}`, 0, false},
		{`{}`, 7, false},
		{`{"total":null,"data":null}`, 0, false},
		{`{"total":50,"data":null}`, 0, false},
		{`{"total":50,"data":[]}`, 0, false},
		{`{"total":-5,"data":[{"order_id":7}]}`, 0, false},
		{`{"total":0,"data":null}`, 0, true},
		{`{"total":0,"data":[]}`, 0, true},
		{`{"data":[]}`, 0, true},
		{`{"total":50,"data":null}`, 7, true},
		{`{"total":50,"data":[]}`, 7, true},
	} {
		c := serve(t, says(200, `{"data":`+tt.data+`}`))
		page, err := c.ListTickets(t.Context(), caller, TicketQuery{Limit: 10, Marker: tt.marker})
		if (err == nil) != tt.good {
			t.Errorf("%s after %d: %+v, %v", tt.data, tt.marker, page, err)
		}
		if err != nil && asError(t, err).Kind != KindBadAnswer {
			t.Errorf("%s: %v", tt.data, err)
		}
	}
}

// TestBadAnswers covers answers with a status of success that are not COC's.
// An operation that gets one may have taken effect.
func TestBadAnswers(t *testing.T) {
	html := "<html>" + strings.Repeat("x", 500)
	for _, tt := range []struct {
		name, body string
		status     int
		reads      bool // an operation accepts the answer
	}{
		{"HTML", html, 200, false},
		{"half a JSON", `{"data":{"execute_uuid":"SCT`, 200, false},
		{"two answers", `{"data":{}}{"data":{}}`, 200, false},
		{"a list", `[]`, 200, false},
		{"another ticket", `{"data":{"execute_uuid":"SCT2026030209151401c2f9a08"}}`, 200, true},
		{"an error in disguise", `{"error_code":"COC.00040701","error_msg":1}`, 200, false},
		{"an id beyond int64", `{"data":{"properties":{"current_execute_batch_index":9223372036854775808}}}`, 200, true},
		{"empty", "", 200, true},
		{"no content", "", 204, true},
		{"null", "null", 200, true},
		{"no data", `{}`, 200, true},
		{"another service's answer", `{"status":"ok"}`, 200, false},
		{"null data", `{"data":null}`, 200, true},
		{"redirect", "", 302, false},
		{"not modified", "", 304, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := serve(t, says(tt.status, tt.body, "X-Request-Id", "r1", "Location", "/elsewhere"))
			_, err := c.Ticket(t.Context(), caller, ticketID)
			e := asError(t, err)
			if e.Kind != KindBadAnswer || e.Status != tt.status || e.RequestID != "r1" || e.Cause == nil || len(e.Message) > 200 {
				t.Errorf("show: got %#v", e)
			}
			_, err = operate(t.Context(), c)
			if tt.reads {
				if err != nil {
					t.Errorf("operate: %v", err)
				}
				return
			}
			if e := asError(t, err); e.Kind != KindBadAnswer || e.Delivered() != DeliveredUnknown {
				t.Errorf("operate: got %#v", e)
			}
		})
	}
}

// TestBadAnswersTellNothingOfTickets: who may not see a ticket gets errors of
// its reading, too.
func TestBadAnswersTellNothingOfTickets(t *testing.T) {
	for _, body := range []string{`{"data":{"execute_uuid":"SCT2026030209151401c2f9a08","creator":"hidden","prop`, "\ufeff {\"creator\":\"hidden\"",
		`[{"creator":"hidden"}]`, `{"data":{"execute_uuid":"SCT2026030209151401c2f9a08","creator":"hidden"}}`} {
		c := serve(t, says(http.StatusOK, body))
		_, err := c.Ticket(t.Context(), caller, ticketID)
		if e := asError(t, err); e.Kind != KindBadAnswer || strings.Contains(fmt.Sprintf("%v %#v %v", e, e, e.Cause), "hidden") {
			t.Errorf("%q: got %#v", body, e)
		}
	}
	c := serve(t, says(http.StatusOK, "<html>Sign in to the proxy"))
	_, err := c.Ticket(t.Context(), caller, ticketID)
	if e := asError(t, err); !strings.Contains(e.Message, "Sign in to the proxy") {
		t.Errorf("a proxy's page is not told: %#v", e)
	}
}

func TestOperateAnswersForAnotherTicket(t *testing.T) {
	c := serve(t, says(200, `{"data":"SCT2026030209151401c2f9a08"}`, "X-Request-Id", "r1"))
	_, err := operate(t.Context(), c)
	e := asError(t, err)
	if e.Kind != KindBadAnswer || e.RequestID != "r1" || e.Delivered() != DeliveredUnknown || !strings.Contains(e.Message, "f9a08") {
		t.Errorf("got %#v", e)
	}
}

func TestNoRedirectIsFollowed(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			t.Error("the token went elsewhere")
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	_, err := operate(t.Context(), c)
	if e := asError(t, err); e.Status != 307 || e.Kind != KindBadAnswer {
		t.Errorf("got %v", err)
	}
}

func TestBodyCap(t *testing.T) {
	const answer = `{"data":{}}`
	for limit, fits := range map[int64]bool{int64(len(answer)): true, int64(len(answer)) - 1: false} {
		c := serve(t, says(200, answer), func(cfg *Config) { cfg.MaxBody = limit })
		_, err := c.Ticket(t.Context(), caller, ticketID)
		if fits && err != nil {
			t.Errorf("cap %d: %v", limit, err)
		}
		if !fits && asError(t, err).Kind != KindBadAnswer {
			t.Errorf("cap %d: %v, want a bad answer", limit, err)
		}
	}
}

func TestAnErrorPageWithoutEndIsCut(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		for line := strings.Repeat("日志", 1000); ; {
			if _, err := io.WriteString(w, line); err != nil {
				return
			}
		}
	})
	_, err := c.Ticket(t.Context(), caller, ticketID)
	e := asError(t, err)
	if e.Status != 500 || len(e.Message) > maxMessage || len(e.Message) < maxMessage-utf8.UTFMax || strings.Contains(e.Message, "\uFFFD") {
		t.Errorf("status %d, a message of %d bytes: %.40s", e.Status, len(e.Message), e.Message)
	}
}

func TestHeadersHaveALimit(t *testing.T) {
	c := serve(t, says(200, "{}", "X-Filler", strings.Repeat("x", 2*maxHeader)))
	_, err := operate(t.Context(), c)
	if e := asError(t, err); e.Kind != KindTransport || e.Delivered() != DeliveredUnknown {
		t.Errorf("got %v", err)
	}
}

func TestAnEchoedTokenIsHidden(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"error":      says(400, `{"error_code":"`+secret+`","error_msg":"`+secret+` is wrong","request_id":"`+secret+`"}`),
		"HTML":       says(502, "<pre>X-Auth-Token: "+secret),
		"bad answer": says(200, strings.Repeat(" ", 190)+"X-Auth-Token: "+secret),
		"cut":        says(400, strings.Repeat("x", maxMessage-5)+secret),
	} {
		_, err := serve(t, h).Ticket(t.Context(), caller, ticketID)
		e := asError(t, err)
		if all := err.Error() + e.RequestID; strings.Contains(all, secret[:5]) {
			t.Errorf("%s: %s", name, all)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "0": 0, "30": 30 * time.Second, "-5": 0, "3601": time.Hour, "9223372036854775807": time.Hour, "9999999999999": time.Hour,
		"99999999999999999999": 0, "1.5": 0, "soon": 0,
		"Mon, 02 Mar 2026 01:00:20 GMT": 20 * time.Second, "Mon, 02 Mar 2026 00:00:00 GMT": 0, "Tue, 02 Mar 2027 00:00:00 GMT": time.Hour,
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("%q: got %v, want %v", value, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	for k, want := range map[Kind]string{KindUpstream: "upstream", KindTransport: "transport", KindTimeout: "timeout",
		KindBadAnswer: "bad_answer", 0: "unknown"} {
		if k.String() != want {
			t.Errorf("kind %d is called %s, want %s", k, k, want)
		}
	}
	e := &Error{Call: "operate", Kind: KindTimeout, Cause: context.DeadlineExceeded}
	if got := e.Error(); got != "coc: operate: timeout: context deadline exceeded" || !errors.Is(e, context.DeadlineExceeded) {
		t.Error(got)
	}
}

// TestDoubtfulRefusals: which refusals are worth a look at the ticket.
func TestDoubtfulRefusals(t *testing.T) {
	for body, want := range map[string]bool{
		`{"error_code":"COC.00040701","error_msg":"Internal server error"}`: true,
		`{"error_code":"COC.00040701","error_msg":"internal error"}`:        true,
		`{"error_code":"COC.00040701","error_msg":"not allowed"}`:           false,
		`{"error_code":"COC.00010002","error_msg":"Internal server error"}`: false,
		`Internal server error`: false, // not even a refusal
	} {
		_, err := operate(t.Context(), serve(t, says(400, body)))
		if e := asError(t, err); e.Doubtful() != want {
			t.Errorf("%s: doubtful %v", body, e.Doubtful())
		}
	}
	_, err := operate(t.Context(), serve(t, says(429, `{"error_code":"APIGW.0308","error_msg":"threshold"}`)))
	if e := asError(t, err); !e.Doubtful() {
		t.Error("a limit is not doubtful")
	}
}
