package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"coc-console/internal/simulator/api"
)

func (w *world) coc(token, method, path, body string) reply {
	w.t.Helper()
	return w.send(method, path, body, map[string]string{"X-Auth-Token": token, "Content-Type": jsonType})
}

// operate sends an operation to a scenario.
func (w *world) operate(token, scenario, body string) reply {
	w.t.Helper()
	return w.coc(token, http.MethodPut, orders+"/"+w.UUID(scenario)+"/operation", body)
}

func (w *world) status(token, uuid string) (string, int) {
	w.t.Helper()
	var info infoBody
	w.get(token, orders+"/"+uuid, &info)
	return info.Status, info.Properties.CurrentBatch
}

func (w *world) rows(token, uuid string, batch int) []instanceBody {
	w.t.Helper()
	var page instancesBody
	w.get(token, fmt.Sprintf("%s/%s/batches/%d?limit=50", orders, uuid, batch), &page)
	return page.Instances
}

// is checks status, code and a part of the message of an error.
func (r reply) is(t *testing.T, status int, code, message string) {
	t.Helper()
	var b struct {
		Code    string `json:"error_code"`
		Message string `json:"error_msg"`
		Request string `json:"request_id"`
	}
	if err := json.Unmarshal([]byte(r.body), &b); err != nil {
		t.Fatalf("%d %q %v", r.status, r.body, r.err)
	}
	if r.status != status || b.Code != code || !strings.Contains(b.Message, message) {
		t.Errorf("%d %s, want %d %s %q", r.status, r.body, status, code, message)
	}
	gateway := strings.HasPrefix(code, "APIGW") || strings.HasPrefix(code, "PAP5")
	if gateway && b.Request != r.header.Get("X-Request-Id") || r.header.Get("X-Request-Id") == "" {
		t.Errorf("request id %q, header %q", b.Request, r.header.Get("X-Request-Id"))
	}
}

func TestListPaging(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("operator")
	var ids []int64
	for marker := ""; ; {
		var page listBody
		w.get(token, orders+"?limit=25"+marker, &page)
		if page.Total != 68 {
			t.Fatalf("total %d", page.Total)
		}
		if len(page.Data) == 0 {
			break
		}
		for _, row := range page.Data {
			ids = append(ids, row.OrderID)
		}
		marker = fmt.Sprintf("&marker=%d", ids[len(ids)-1])
	}
	sorted := slices.Clone(ids)
	slices.Sort(sorted)
	slices.Reverse(sorted)
	if len(ids) != 68 || !slices.Equal(ids, slices.Compact(sorted)) {
		t.Errorf("%d ids: %v", len(ids), ids)
	}
	var page listBody
	w.get(token, orders, &page)
	if len(page.Data) != 10 {
		t.Errorf("%d rows without a limit", len(page.Data))
	}
}

func TestListFilters(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("operator")
	var all listBody
	w.get(token, orders+"?limit=100", &all)
	from, to := all.Data[40].Created, all.Data[20].Created
	tests := []struct {
		query string
		keep  func(summaryBody) bool
	}{
		{"status=ABNORMAL", func(r summaryBody) bool { return r.Status == abnormal }},
		{"status=FINISHED&creator=operator", func(r summaryBody) bool { return r.Status == finished && r.Creator == "operator" }},
		{"creator=li.na", func(r summaryBody) bool { return r.Creator == "li.na" }},
		{"creator=nobody", func(summaryBody) bool { return false }},
		{"name_like=NGINX", func(r summaryBody) bool { return strings.Contains(r.OrderName, "nginx") }},
		{fmt.Sprintf("start_time=%d", from), func(r summaryBody) bool { return r.Created >= from }},
		{fmt.Sprintf("start_time=%d&end_time=%d", from, to), func(r summaryBody) bool { return r.Created >= from && r.Created <= to }},
	}
	for _, test := range tests {
		t.Run(test.query, func(t *testing.T) {
			var page listBody
			w.get(token, orders+"?limit=100&"+test.query, &page)
			want := slices.DeleteFunc(slices.Clone(all.Data), func(r summaryBody) bool { return !test.keep(r) })
			same := slices.EqualFunc(page.Data, want, func(a, b summaryBody) bool { return a.UUID == b.UUID })
			if !same || page.Total != int64(len(want)) {
				t.Errorf("total %d, %d rows, want %d", page.Total, len(page.Data), len(want))
			}
		})
	}
}

func TestListRow(t *testing.T) {
	w := newWorld(t, Config{})
	r := w.coc(w.signIn("operator"), http.MethodGet, orders+"?limit=1&status=ABNORMAL", "")
	want := fmt.Sprintf(`\{"data":\{"total":\d+,"data":\[\{"order_id":\d{5},"order_name":"nginx_reload","execute_uuid":"%s",`+
		`"gmt_created":%d,"gmt_finished":null,"execute_costs":null,"creator":"operator","status":"ABNORMAL",`+
		`"properties":\{"region_ids":"cn-north-4"\}\}\]\}\}`, w.UUID("abnormal"), w.clock.now().Add(-14*time.Minute).UnixMilli())
	if !regexp.MustCompile("^" + want + "$").MatchString(r.body) {
		t.Errorf("%s\nwant %s", r.body, want)
	}
	if r.header.Get("Content-Type") != jsonType {
		t.Errorf("type %q", r.header.Get("Content-Type"))
	}
}

func TestExecuteUUID(t *testing.T) {
	w := newWorld(t, Config{})
	pattern := regexp.MustCompile(`^SCT(\d{14})0[0-9a-f]{8}$`)
	seen := map[string]bool{}
	for _, tk := range w.tickets {
		m := pattern.FindStringSubmatch(tk.uuid)
		if m == nil || m[1] != tk.created.Add(8*time.Hour).Format("20060102150405") || seen[tk.uuid] {
			t.Errorf("%s for %v", tk.uuid, tk.created)
		}
		seen[tk.uuid] = true
	}
}

func TestSameSeedSameRun(t *testing.T) {
	a, b, other := newWorld(t, Config{Seed: 7}), newWorld(t, Config{Seed: 7}), newWorld(t, Config{Seed: 8})
	read := func(w *world) string {
		token := w.signIn("operator")
		var text string
		for _, path := range []string{"?limit=100", "/" + w.UUID("large") + "/batches/3?limit=50", "/" + w.UUID("abnormal")} {
			text += w.coc(token, http.MethodGet, orders+path, "").body
		}
		return text
	}
	if read(a) != read(b) {
		t.Error("two runs of one seed differ")
	}
	if read(a) == read(other) {
		t.Error("two seeds make the same run")
	}
}

func TestInfo(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("reader")
	var info infoBody
	w.get(token, orders+"/"+w.UUID("canceled"), &info)
	if info.Status != canceled || info.Finished == nil || info.Costs == nil || *info.Costs != *info.Finished-info.Created {
		t.Errorf("%+v", info)
	}
	w.get(token, orders+"/"+w.UUID("finished"), &info)
	p := info.Properties
	password := p.Param.Params[1]
	if p.Param.User != "mysql" || p.Param.Timeout != 600 || p.Param.SuccessRate != 75 || password.Name != "db_password" ||
		password.Value != strings.Repeat("*", 17) || len(p.ScriptUUID) != 25 || p.Param.Params[0].Value != "26" {
		t.Errorf("%+v", p)
	}
	r := w.coc(token, http.MethodGet, orders+"/"+w.UUID("abnormal"), "")
	if !strings.Contains(r.body, `"gmt_finished":null,"execute_costs":null`) {
		t.Errorf("no explicit nulls in %s", r.body)
	}
}

func TestBatchesAndStatistics(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("reader")
	var batches []batchBody
	w.get(token, orders+"/"+w.UUID("paused")+"/batches", &batches)
	want := []batchBody{{1, 3, "PAUSE", nil}, {2, 3, "PAUSE", nil}, {3, 4, "CONTINUE", nil}}
	if !slices.Equal(batches, want) {
		t.Errorf("%+v", batches)
	}
	r := w.coc(token, http.MethodGet, orders+"/"+w.UUID("paused")+"/statistics", "")
	const stats = `{"data":{"total_instance":10,"execute_statistics":[` +
		`{"instance_status":"READY","instance_count":7,"batch_indexes":[2,3]},` +
		`{"instance_status":"PROCESSING","instance_count":0,"batch_indexes":[]},` +
		`{"instance_status":"ABNORMAL","instance_count":0,"batch_indexes":[]},` +
		`{"instance_status":"CANCELED","instance_count":0,"batch_indexes":[]},` +
		`{"instance_status":"FINISHED","instance_count":3,"batch_indexes":[1]}]}}`
	if r.body != stats {
		t.Errorf("%s", r.body)
	}
}

func TestInstances(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("reader")
	path := orders + "/" + w.UUID("abnormal") + "/batches/2"
	var whole, page instancesBody
	w.get(token, path+"?limit=100", &whole)
	if whole.TotalInstances != 6 || len(whole.Instances) != 6 || whole.BatchIndex != 2 {
		t.Fatalf("%d of %d in batch %d", len(whole.Instances), whole.TotalInstances, whole.BatchIndex)
	}
	w.get(token, fmt.Sprintf("%s?limit=2&marker=%d", path, whole.Instances[1].ID), &page)
	if len(page.Instances) != 2 || page.Instances[0].ID != whole.Instances[2].ID {
		t.Errorf("second page %+v", page.Instances)
	}
	w.get(token, path+"?limit=50&status=ABNORMAL", &page)
	if len(page.Instances) != 3 {
		t.Errorf("%d abnormal ones", len(page.Instances))
	}
	for _, in := range page.Instances {
		if *in.Costs != *in.Finished-in.Created || in.Message == nil {
			t.Errorf("%+v", in)
		}
	}
	for _, in := range w.rows(token, w.UUID("abnormal"), 3) {
		if in.Status != ready || in.Message != nil || in.Finished != nil || in.Costs != nil || in.Command != nil {
			t.Errorf("not begun: %+v", in)
		}
	}
}

func TestBatchOfMoreThanFifty(t *testing.T) {
	spec := TicketSpec{Scenario: "wide", Name: "wide", SuccessRate: 100, Batches: []BatchSpec{{Instances: make([]InstanceSpec, 60)}}}
	w := newWorld(t, Config{Tickets: []TicketSpec{spec}})
	var page instancesBody
	w.get(w.signIn("reader"), orders+"/"+w.UUID("wide")+"/batches/1?limit=100", &page)
	if len(page.Instances) != 50 {
		t.Errorf("%d instances on a page of 100", len(page.Instances))
	}
}

func TestSpecialContent(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("reader")
	first, second := w.rows(token, w.UUID("finished"), 1), w.rows(token, w.UUID("finished"), 2)
	if n := len(*first[1].Message); n >= 1<<20 || n < 1<<20-1000 {
		t.Errorf("the huge log has %d bytes", n)
	}
	if *second[0].Message != hostileLog {
		t.Errorf("hostile text changed on its way: %q", *second[0].Message)
	}
	paused := w.rows(token, w.UUID("paused"), 2)
	if paused[1].Target.Properties.HostName != "生产-网关-新加坡-01" {
		t.Errorf("host %q", paused[1].Target.Properties.HostName)
	}
	if paused[2].ID != 9007199254740993 {
		t.Errorf("id %d", paused[2].ID)
	}
}

func TestLogsGrow(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("reader")
	length := func() int { return len(*w.rows(token, w.UUID("running"), 2)[0].Message) }
	before := length()
	w.step(time.Minute)
	if after := length(); after <= before {
		t.Errorf("%d bytes, a minute later %d", before, after)
	}
}

func TestReadErrors(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("operator")
	ticket := orders + "/" + w.UUID("abnormal")
	unknown := orders + "/SCT2026030209151401c2f9a07"
	tests := []struct {
		method, path string
		status       int
		code         string
	}{
		{"GET", orders + "?limit=0", 400, api.CodeInvalid},
		{"GET", orders + "?limit=101", 400, api.CodeInvalid},
		{"GET", orders + "?limit=x", 400, api.CodeInvalid},
		{"GET", orders + "?marker=0", 400, api.CodeInvalid},
		{"GET", orders + "?status=READY", 400, api.CodeInvalid},
		{"GET", orders + "?status=RUNNING", 400, api.CodeInvalid},
		{"GET", orders + "?creator=" + strings.Repeat("x", 65), 400, api.CodeInvalid},
		{"GET", orders + "?start_time=yesterday", 400, api.CodeInvalid},
		{"GET", unknown, 400, api.CodeNotFound},
		{"GET", unknown + "/batches", 400, api.CodeNotFound},
		{"GET", unknown + "/batches/1?limit=50", 400, api.CodeNotFound},
		{"GET", unknown + "/statistics", 400, api.CodeNotFound},
		{"GET", orders + "/" + strings.Repeat("S", 27), 400, api.CodeInvalid},
		{"GET", ticket + "/batches/1", 400, api.CodeEmpty},
		{"GET", ticket + "/batches/1?limit=0", 400, api.CodeInvalid},
		{"GET", ticket + "/batches/0?limit=50", 400, api.CodeInvalid},
		{"GET", ticket + "/batches/21?limit=50", 400, api.CodeInvalid},
		{"GET", ticket + "/batches/one?limit=50", 400, api.CodeInvalid},
		{"GET", ticket + "/batches/6?limit=50", 400, api.CodeState},
		{"GET", ticket + "/batches/1?limit=50&status=ROLLBACKED", 400, api.CodeInvalid},
		{"GET", ticket + "/batches/1?limit=50&marker=-1", 400, api.CodeInvalid},
		{"GET", "/v1/job/documents", 404, "APIGW.0101"},
		{"GET", "/v1/job/scripts/", 404, "APIGW.0101"},
		{"GET", "/v1/job/scripts/x/y", 404, "APIGW.0101"},
		{"GET", "/", 404, "APIGW.0101"},
		{"GET", orders + "/", 404, "APIGW.0101"},
		{"GET", orders + "x", 404, "APIGW.0101"},
		{"GET", ticket + "/batches/1/x", 404, "APIGW.0101"},
		{"GET", ticket + "/nothing", 404, "APIGW.0101"},
		{"POST", orders, 405, "APIGW.0201"},
		{"DELETE", ticket, 405, "APIGW.0201"},
		{"GET", ticket + "/operation", 405, "APIGW.0201"},
		{"POST", ticket + "/operation", 405, "APIGW.0201"},
		{"GET", orders + "?name_like=" + strings.Repeat("x", maxURI), 414, "APIGW.0201"},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%s %.90s", test.method, test.path), func(t *testing.T) {
			w.coc(token, test.method, test.path, "").is(t, test.status, test.code, "")
		})
	}
}

func TestOperationBody(t *testing.T) {
	tests := []struct {
		body string
		code string // empty = accepted
	}{
		{``, api.CodeInvalid},
		{`[]`, api.CodeInvalid},
		{`null`, api.CodeInvalid},
		{`{"operation_type":"SKIP_BATCH","batch_index":2`, api.CodeInvalid},
		{`{}`, api.CodeEmpty},
		{`{"operation_type":null}`, api.CodeEmpty},
		{`{"operation_type":""}`, api.CodeInvalid},
		{`{"operation_type":5}`, api.CodeInvalid},
		{`{"operation_type":"RETRY_INSTANCE","instance_id":1}`, api.CodeInvalid},
		{`{"operation_type":"skip_batch","batch_index":2}`, api.CodeInvalid},
		{`{"operation_type":"SKIP_BATCH"}`, api.CodeEmpty},
		{`{"operation_type":"SKIP_BATCH","batch_index":null}`, api.CodeEmpty},
		{`{"operation_type":"SKIP_BATCH","batch_index":0}`, api.CodeInvalid},
		{`{"operation_type":"SKIP_BATCH","batch_index":21}`, api.CodeInvalid},
		{`{"operation_type":"SKIP_BATCH","batch_index":-2}`, api.CodeInvalid},
		{`{"operation_type":"SKIP_BATCH","batch_index":2.0}`, api.CodeInvalid},
		{`{"operation_type":"SKIP_BATCH","batch_index":2e0}`, api.CodeInvalid},
		{`{"operation_type":"SKIP_BATCH","batch_index":"2"}`, api.CodeInvalid},
		{`{"operation_type":"SKIP_BATCH","batch_index":3}`, api.CodeState},
		{`{"operation_type":"CANCEL_INSTANCE"}`, api.CodeEmpty},
		{`{"operation_type":"CANCEL_INSTANCE","instance_id":0}`, api.CodeInvalid},
		{`{"operation_type":"CANCEL_INSTANCE","instance_id":"40304358"}`, api.CodeInvalid},
		{`{"operation_type":"CANCEL_INSTANCE","instance_id":9223372036854775808}`, api.CodeInvalid},
		{`{"operation_type":"CANCEL_INSTANCE","instance_id":9223372036854775807}`, api.CodeState},
		{`{"operation_type":"PAUSE_ORDER"}`, api.CodeState},
		{`{"operation_type":"CANCEL_ORDER","batch_index":99}`, api.CodeInvalid},
		{`{"operation_type":"SKIP_BATCH","batch_index":2}`, ""},
		{`{"operation_type":"CONTINUE_ORDER"}`, ""},
		{`{"operation_type":"CANCEL_ORDER","batch_index":1,"instance_id":1,"later":true}`, ""},
	}
	for _, test := range tests {
		t.Run(test.body, func(t *testing.T) {
			w := newWorld(t, Config{})
			r := w.operate(w.signIn("operator"), "abnormal", test.body)
			if test.code != "" {
				r.is(t, http.StatusBadRequest, test.code, "")
			} else if r.status != http.StatusOK || r.body != `{"data":"`+w.UUID("abnormal")+`"}` {
				t.Errorf("%d %s", r.status, r.body)
			}
			if w.Calls(CallOperate) != 1 {
				t.Errorf("%d operations arrived", w.Calls(CallOperate))
			}
		})
	}
}

func TestQuotedNumbers(t *testing.T) {
	w := newWorld(t, Config{Rules: Rules{QuotedNumbers: true}})
	if r := w.operate(w.signIn("operator"), "abnormal", `{"operation_type":"SKIP_BATCH","batch_index":"2"}`); r.status != http.StatusOK {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestOperationRequest(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("operator")
	path := orders + "/" + w.UUID("abnormal") + "/operation"
	body := `{"operation_type":"CONTINUE_ORDER"}`
	w.send("PUT", path, body, map[string]string{"X-Auth-Token": token, "Content-Type": "text/plain"}).is(t, 415, "APIGW.0201", "")
	w.coc(token, "PUT", orders+"/SCT2026030209151401c2f9a07/operation", body).is(t, 400, api.CodeNotFound, "")
	w.coc(token, "PUT", path, strings.Repeat(" ", maxBody+1)).is(t, 413, "APIGW.0201", "")
	w.send("PUT", path, `{"operation_type":"PAUSE_ORDER"}`, map[string]string{"X-Auth-Token": token, "X-Language": "zh-cn"}).
		is(t, 400, api.CodeState, "不允许")
}

// TestOperationsTakeEffect sees every operation through: the old state shows
// until the delay is over.
func TestOperationsTakeEffect(t *testing.T) {
	tests := []struct {
		scenario, body string
		before, after  string
		batch          int
	}{
		{"abnormal", `{"operation_type":"SKIP_BATCH","batch_index":2}`, abnormal, processing, 3},
		{"abnormal", `{"operation_type":"CONTINUE_ORDER"}`, abnormal, processing, 3},
		{"abnormal", `{"operation_type":"CANCEL_ORDER"}`, abnormal, canceled, 2},
		{"paused", `{"operation_type":"CONTINUE_ORDER"}`, paused, processing, 2},
		{"paused", `{"operation_type":"SKIP_BATCH","batch_index":2}`, paused, processing, 3},
		{"paused", `{"operation_type":"CANCEL_ORDER"}`, paused, canceled, 1},
		{"running", `{"operation_type":"PAUSE_ORDER"}`, processing, paused, 2},
		{"running", `{"operation_type":"CANCEL_ORDER"}`, processing, canceled, 2},
	}
	for _, test := range tests {
		t.Run(test.scenario+" "+test.body, func(t *testing.T) {
			w := newWorld(t, Config{})
			token, uuid := w.signIn("operator"), w.UUID(test.scenario)
			if r := w.operate(token, test.scenario, test.body); r.status != http.StatusOK {
				t.Fatalf("%d %s", r.status, r.body)
			}
			w.step(1499 * time.Millisecond)
			if got, _ := w.status(token, uuid); got != test.before {
				t.Errorf("%s before the effect", got)
			}
			w.step(time.Millisecond)
			if got, batch := w.status(token, uuid); got != test.after || batch != test.batch {
				t.Errorf("%s in batch %d", got, batch)
			}
		})
	}
}

func TestCancelInstance(t *testing.T) {
	w := newWorld(t, Config{})
	token, uuid := w.signIn("operator"), w.UUID("paused")
	if r := w.operate(token, "paused", `{"operation_type":"CANCEL_INSTANCE","instance_id":9007199254740993}`); r.status != http.StatusOK {
		t.Fatalf("%d %s", r.status, r.body)
	}
	w.step(2 * time.Second)
	rows := w.rows(token, uuid, 2)
	if rows[0].Status != ready || rows[1].Status != ready || rows[2].Status != canceled {
		t.Errorf("%s %s %s", rows[0].Status, rows[1].Status, rows[2].Status)
	}
}

func TestOtherInstanceID(t *testing.T) {
	w := newWorld(t, Config{Rules: Rules{OtherInstanceID: true}})
	token, uuid := w.signIn("operator"), w.UUID("running")
	id := w.rows(token, uuid, 2)[0].ID
	body := func(id int64) string { return fmt.Sprintf(`{"operation_type":"CANCEL_INSTANCE","instance_id":%d}`, id) }
	w.operate(token, "running", body(id)).is(t, 400, api.CodeState, "instance does not exist")
	if r := w.operate(token, "running", body(HiddenInstanceID(id))); r.status != http.StatusOK {
		t.Fatalf("%d %s", r.status, r.body)
	}
	w.step(2 * time.Second)
	if got := w.rows(token, uuid, 2)[0].Status; got != canceled {
		t.Errorf("the instance is %s", got)
	}
}

func TestTicketsAreReadTogether(t *testing.T) {
	w := newWorld(t, Config{})
	w.operate(w.signIn("operator"), "running", `{"operation_type":"CANCEL_ORDER"}`)
	w.step(2 * time.Second)
	for _, ticket := range w.Tickets() {
		if ticket.Scenario == "running" && ticket.Status != canceled {
			t.Errorf("%+v", ticket)
		}
	}
}

func BenchmarkList(b *testing.B) {
	w := newWorld(b, Config{})
	token := w.signIn("operator")
	for b.Loop() {
		if r := w.send("GET", orders+"?limit=100", "", map[string]string{"X-Auth-Token": token}); r.status != http.StatusOK {
			b.Fatal(r.status)
		}
	}
}

// BenchmarkLarge reads all 200 instances, batch by batch.
func BenchmarkLarge(b *testing.B) {
	w := newWorld(b, Config{})
	token, uuid := w.signIn("operator"), w.UUID("large")
	for b.Loop() {
		n := 0
		for batch := 1; batch <= 20; batch++ {
			n += len(w.rows(token, uuid, batch))
		}
		if n != 200 {
			b.Fatal(n)
		}
	}
}
