package coc

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"coc-console/internal/huawei"
	"coc-console/internal/upstream"
)

// canary is a token as IAM makes them, in length and characters.
var canary = "MIINRwYJKoZIhvcNAQcCoIIN+" + strings.Repeat("CaNaRy/0+9-", 300)

// planted puts text in the place of every string of a JSON value.
func planted(v any, text string) any {
	switch v := v.(type) {
	case string:
		return text
	case []any:
		for i := range v {
			v[i] = planted(v[i], text)
		}
	case map[string]any:
		for name := range v {
			v[name] = planted(v[name], text)
		}
	}
	return v
}

// echoes are the forms in which an upstream may repeat the token.
func echoes() map[string]string {
	return map[string]string{"whole": canary, "escaped": url.QueryEscape(canary), "twice": url.QueryEscape(url.QueryEscape(canary)),
		"JSON in a string": strings.ReplaceAll(canary, "/", `\/`), "part": canary[600:680], "padded": "token=" + canary + "==;"}
}

func leaks(text string) bool {
	return strings.Contains(strings.ToLower(text), "canary")
}

// TestNoAnswerRepeatsTheToken plants the token in every text of every answer.
func TestNoAnswerRepeatsTheToken(t *testing.T) {
	before := caller
	caller.Credential = huawei.NewToken(canary)
	t.Cleanup(func() { caller = before })
	for form, text := range echoes() {
		for _, call := range calls {
			var v any
			if err := json.Unmarshal([]byte(call.answer), &v); err != nil {
				t.Fatal(err)
			}
			body, err := json.Marshal(planted(v, text))
			if err != nil {
				t.Fatal(err)
			}
			c := serve(t, says(200, string(body), "X-Request-Id", text))
			got, err := call.call(t.Context(), c)
			shown, _ := json.Marshal(got)
			if leaks(string(shown)) || err != nil && leaks(err.Error()+fmt.Sprintf("%+v", asError(t, err))) {
				t.Errorf("%s, %s: %.300s %v", call.name, form, shown, err)
			}
		}
	}
}

func TestNoErrorRepeatsTheToken(t *testing.T) {
	before := caller
	caller.Credential = huawei.NewToken(canary)
	t.Cleanup(func() { caller = before })
	for form, text := range echoes() {
		quoted, _ := json.Marshal(text)
		for name, h := range map[string]http.HandlerFunc{
			"COC":          says(400, fmt.Sprintf(`{"error_code":%[1]s,"error_msg":%[1]s,"request_id":%[1]s}`, quoted)),
			"gateway":      says(401, fmt.Sprintf(`{"error_code":"APIGW.0301","error_msg":%s}`, quoted), "X-Request-Id", text),
			"Keystone":     says(500, fmt.Sprintf(`{"error":{"code":500,"message":%s}}`, quoted)),
			"proxy":        says(502, "<html>"+text+"</html>", "Retry-After", text),
			"half JSON":    says(200, fmt.Sprintf(`{"data":{"creator":%s,`, quoted)),
			"no number":    says(200, fmt.Sprintf(`{"data":{"gmt_created":%s}}`, quoted)),
			"portal":       says(200, "<p>"+text),
			"elsewhere":    says(302, text, "Location", "https://example.com/"+text),
			"bad redirect": says(302, text, "Location", "http://%zz/"+text),
			"header":       resets("HTTP/1.1 200 OK\r\nX " + text + "\r\n\r\n"),
			"status line":  resets("HTTP/1.1 " + text + "\r\n\r\n"),
			"chunk":        resets("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + text + "\r\n"),
		} {
			c := serve(t, h)
			for what, call := range map[string]func() error{
				"show":    func() error { _, err := c.Ticket(t.Context(), caller, ticketID); return err },
				"operate": func() error { _, err := operate(t.Context(), c); return err },
			} {
				err := call()
				if err == nil {
					continue // an operation's answer may say anything
				}
				if e := asError(t, err); leaks(err.Error()) || leaks(fmt.Sprintf("%+v %#v", e, e)) {
					t.Errorf("%s of %s, %s: %.400s", what, name, form, err)
				}
			}
		}
	}
}

func TestEndpointsWithSecretsAreNotRepeated(t *testing.T) {
	for _, text := range []string{"https://user:s3cret@host", "https://user:s3%zzcret@host", "https://host/?key=s3cret", "https://host/#s3cret",
		"ftp://user:s3cret@host", "https://:s3cret@", "http://s3cret@coc.example.com"} {
		if _, err := huawei.ParseEndpoint(text); err == nil || strings.Contains(err.Error(), "s3") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// longLogs is COC with batches of 50 rows whose logs have a mebibyte each.
func longLogs(calls *[]string, rows int) http.HandlerFunc {
	log := strings.Repeat("x", 1<<20)
	return func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		*calls = append(*calls, q.Get("limit"))
		var limit, marker int
		_, _ = fmt.Sscan(q.Get("limit"), &limit)
		_, _ = fmt.Sscan(q.Get("marker"), &marker)
		_, _ = fmt.Fprintf(w, `{"data":{"batch_index":1,"total_instances":%d,"execute_instances":[`, rows)
		for i := marker + 1; i <= min(rows, marker+limit); i++ {
			if i > marker+1 {
				_, _ = io.WriteString(w, ",")
			}
			_, _ = fmt.Fprintf(w, `{"id":%d,"status":"PROCESSING","message":%q}`, i, log)
		}
		_, _ = io.WriteString(w, "]}}")
	}
}

func TestBatchesWithLongLogsAreReadInParts(t *testing.T) {
	if testing.Short() {
		t.Skip("fifty mebibytes, several times: only large")
	}
	var asked []string
	c := serve(t, longLogs(&asked, 50))
	for range 2 {
		all, err := c.AllInstances(t.Context(), caller, ticketID, 1)
		if err != nil || len(all) != 50 || all[49].ID != 50 || len(all[49].Message) != 1<<20 {
			t.Fatalf("%d rows, %v", len(all), err)
		}
	}
	if first := strings.Join(asked[:4], " "); first != "50 25 12 6" {
		t.Errorf("asked for %s", first)
	}
	again := asked[len(asked)/2:]
	if again[len(again)-9] != "6" { // 8 pages of 6, and one of 2
		t.Errorf("the second reading asked for %v", asked)
	}
	page, err := c.Instances(t.Context(), caller, ticketID, InstanceQuery{Batch: 1, Limit: 20, Status: InstanceProcessing})
	if err != nil || len(page.Instances) != 20 || page.TotalInstances != 50 {
		t.Errorf("a page of %d, %v", len(page.Instances), err)
	}
}

func TestARowThatIsTooLargeIsAnError(t *testing.T) {
	if testing.Short() {
		t.Skip("only large")
	}
	c := serve(t, says(200, `{"data":{"execute_instances":[{"id":1,"message":"`+strings.Repeat("x", upstream.MaxAnswer)+`"}]}}`))
	_, err := c.AllInstances(t.Context(), caller, ticketID, 1)
	if e := asError(t, err); e.Kind != KindBadAnswer || e.Reason != upstream.TooLarge {
		t.Errorf("got %v", err)
	}
}

// TestAnOperationsAnswerWaitsForNobody fills the budget with readers that
// don't go on: the answer to an operation is read nevertheless, and one that is
// too large leaves open whether it was done.
func TestAnOperationsAnswerWaitsForNobody(t *testing.T) {
	budget := upstream.NewBudget()
	for range upstream.MaxInFlight / upstream.SmallAnswer {
		ctx, cancel := contextIn(t)
		_, _, err := budget.Read(ctx, strings.NewReader("x"), upstream.SmallAnswer)
		cancel()
		if err != nil {
			break // full
		}
	}
	size := 100
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"data":null,"filler":"`+strings.Repeat("x", size)+`"}`)
	}, func(cfg *Config) { cfg.Budget = budget }, shortCall)
	if _, err := operate(t.Context(), c); err != nil {
		t.Errorf("operate: %v", err)
	}
	_, err := c.Ticket(t.Context(), caller, ticketID)
	if e := asError(t, err); e.Kind != KindTimeout {
		t.Errorf("show: %v", err)
	}
	size = maxOperateAnswer
	_, err = operate(t.Context(), c)
	if e := asError(t, err); e.Reason != upstream.TooLarge || e.Delivered() != DeliveredUnknown {
		t.Errorf("a large answer: %v", err)
	}
}
