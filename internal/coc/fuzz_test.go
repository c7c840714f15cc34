package coc

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// odd are answers that no call expects.
var odd = []string{"", "null", "[]", "{}", `""`, "0", "<html>", `{"data":`, `{"data":null}`, `{"data":[null]}`, `{"data":{"data":[null]}}`,
	`{"data":"SCT2026030209151401c2f9a07"}`, `{"data":9223372036854775808}`, `{"data":{"execute_instances":[{"id":1e400}]}}`,
	`{"data":{"gmt_created":-1,"properties":[]}}`, "{\"data\":{\"creator\":{\"\xff\":\"\xfe\"}}}", strings.Repeat(`{"data":`, 20_000),
	`{"error_code":"COC.00040709","error_msg":"m"}`, `{"error":{"code":401,"message":"m"}}`, `{"a":{"b":{"code":1}}}`}

// fuzzed is an upstream without a network: reading the answers is what counts.
type fuzzed struct {
	status int
	body   []byte
}

func (f fuzzed) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: f.status, Header: http.Header{}, Request: r,
		Body: io.NopCloser(strings.NewReader(string(f.body)))}, nil
}

// FuzzAnswers reads the same bytes as the answer of every call: each gives a
// value or an *Error that can be shown, and the same again.
func FuzzAnswers(f *testing.F) {
	for _, c := range calls {
		f.Add(200, []byte(c.answer))
		f.Add(200, []byte(c.nulls))
		f.Add(400, []byte(c.answer))
	}
	for i, body := range odd {
		f.Add([]int{200, 204, 302, 400, 500}[i%5], []byte(body))
		f.Add(200, []byte(body))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		c, err := New(Config{Endpoint: "https://coc.example.com", MaxBody: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		c.reads.Transport, c.writes.Transport = fuzzed{status, body}, fuzzed{status, body}
		for _, call := range calls {
			got, err := call.call(t.Context(), c)
			if err != nil {
				checkError(t, err)
				continue
			}
			if status < 200 || status > 299 {
				t.Errorf("%s: status %d gives a value", call.name, status)
			}
			again, _ := call.call(t.Context(), c)
			if !reflect.DeepEqual(got, again) {
				t.Errorf("%s: two readings differ", call.name)
			}
			if b, err := json.Marshal(got); err != nil || !utf8.Valid(b) {
				t.Errorf("%s: a value that cannot be shown: %v", call.name, err)
			}
		}
	})
}

func checkError(t *testing.T, err error) {
	t.Helper()
	e := asError(t, err)
	if !utf8.ValidString(e.Code+e.Message+e.RequestID) || strings.Contains(err.Error(), secret) {
		t.Errorf("an error that cannot be shown: %q", err)
	}
	if e.Delivered() == DeliveredNo {
		t.Errorf("%v: an answer came, so it was sent", err)
	}
}

func FuzzParseErrorBody(f *testing.F) {
	for _, body := range odd {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		code, message, id := parseErrorBody(body, nil)
		if s := parseDenial(body, nil); !utf8.ValidString(s) || len(s) > maxDenial {
			t.Errorf("the denial has %d bytes", len(s))
		}
		for _, s := range []string{code, message, id} {
			if !utf8.ValidString(s) || utf8.RuneCountInString(s) > maxMessage {
				t.Errorf("%d bytes: %.60q", len(s), s)
			}
		}
	})
}

func FuzzFindExecuteUUID(f *testing.F) {
	for _, text := range []string{"", "SCT", string(ticketID), "%2F" + string(ticketID), "x" + string(ticketID) + " " + string(ticketID),
		string(ticketID + ticketID), "日志" + string(ticketID) + "\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, found := FindExecuteUUID(text)
		if !found && id != "" || found && !strings.Contains(text, string(id)) {
			t.Fatalf("%q, %v is not in the text", id, found)
		}
		if parsed, err := ParseExecuteUUID(string(id)); found && (err != nil || parsed != id) {
			t.Errorf("%q was found and does not parse: %v", id, err)
		}
		if id, err := ParseExecuteUUID(text); err == nil {
			if again, found := FindExecuteUUID(text); !found || again != id {
				t.Errorf("%q parses and is not found", id)
			}
		}
	})
}

func FuzzParseOperation(f *testing.F) {
	for _, s := range [][3]string{{"PAUSE_ORDER", "", ""}, {"SKIP_BATCH", "20", ""}, {"CANCEL_INSTANCE", "", "9223372036854775807"},
		{"CANCEL_INSTANCE", "", "1e3"}, {"SKIP_BATCH", "21", "1"}, {"", " ", "\x00"}} {
		f.Add(s[0], s[1], s[2])
	}
	f.Fuzz(func(t *testing.T, kind, batch, instance string) {
		op, err := ParseOperation(kind, batch, instance)
		if err != nil {
			if _, ok := errors.AsType[*FieldError](err); !ok || op != (Operation{}) {
				t.Errorf("%+v, %T", op, err)
			}
			return
		}
		wire, err := json.Marshal(operationBody{Type: op.Type, Batch: op.BatchIndex, Instance: op.InstanceID})
		if err != nil {
			t.Fatal(err)
		}
		want := `{"operation_type":"` + kind + `"` // what was typed is what is sent, digit by digit
		if batch != "" {
			want += `,"batch_index":` + batch
		}
		if instance != "" {
			want += `,"instance_id":` + instance
		}
		if string(wire) != want+"}" {
			t.Errorf("sends %s, want %s}", wire, want)
		}
	})
}
