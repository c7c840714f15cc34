package coc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"coc-console/internal/huawei"
)

// pointer to a percentage, as Ticket has it.
//
//go:fix inline

const instanceJSON = `{"id":9007199254740993,"cmd_uuid":"2e0c5a5e","job_sign":null,"target_instance":{
 "resource_id":"66006c8e","provider":"ECS","type":"CLOUDSERVER","region_id":"cn-north-4","agent_sn":"7aec",
 "agent_status":"ONLINE","agent_version":"1.1.8","project_id":"p1","custom_attributes":[{"key":"k","value":"v"}],
 "properties":{"host_name":"web-0001","fixed_ip":"192.168.0.163","floating_ip":"1.2.3.4","region_id":"other",
 "zone_id":"cn-north-4a","application":"shop","group":"blue","project_id":"p2"}},
 "gmt_created":1779934038727,"gmt_finished":1779934107670,"execute_costs":68943,"status":"ABNORMAL",
 "message":"step 1\n<b>&\u0000[SYSTEM INFO] script job execute timeout."}`

var instance = Instance{ID: 9007199254740993, CommandID: "2e0c5a5e", Created: ms(1779934038727), Finished: ms(1779934107670),
	Status: InstanceAbnormal, Message: "step 1\n<b>&\x00[SYSTEM INFO] script job execute timeout.",
	Target: Target{ResourceID: "66006c8e", Provider: "ECS", Type: "CLOUDSERVER", RegionID: "cn-north-4", AgentSN: "7aec",
		AgentStatus: "ONLINE", AgentVersion: "1.1.8", ProjectID: "p1", HostName: "web-0001", FixedIP: "192.168.0.163",
		FloatingIP: "1.2.3.4", ZoneID: "cn-north-4a", Application: "shop", Group: "blue", Attributes: []Attribute{{"k", "v"}}}}

// calls holds every call with the request it makes, an answer, and every
// field that the answer decodes to.
var calls = []struct {
	name     string
	call     func(context.Context, *Client) (any, error)
	request  string // method, path and query
	sent     string // body
	answer   string
	want     any
	nulls    string // the same answer with null wherever it may be
	wantNull any
}{
	{
		name: "list tickets",
		call: func(ctx context.Context, c *Client) (any, error) {
			return c.ListTickets(ctx, caller, TicketQuery{Limit: 2, Marker: 88300, From: ms(1772414114512), To: ms(1772414114513),
				Creator: "Ann & Bob", Status: TicketAbnormal, NameLike: "日志=1"})
		},
		request: "GET /v1/job/script/orders?creator=Ann+%26+Bob&end_time=1772414114513&limit=2&marker=88300" +
			"&name_like=%E6%97%A5%E5%BF%97%3D1&start_time=1772414114512&status=ABNORMAL",
		answer: `{"data":{"total":9223372036854775807,"data":[{"order_id":9007199254740993,"order_name":"rotate_logs",
			"execute_uuid":"SCT2026030209151401c2f9a07","gmt_created":1772414114512,"gmt_finished":1772414425795,"execute_costs":5,
			"creator":"operator-a","status":"ABNORMAL","properties":{"region_ids":"cn-north-4"},"new_field":[1]}]}}`,
		want: TicketPage{Total: 1<<63 - 1, Tickets: []TicketSummary{{OrderID: 9007199254740993, Name: "rotate_logs",
			ExecuteUUID: ticketID, Created: ms(1772414114512), Finished: ms(1772414425795), Creator: "operator-a",
			Status: TicketAbnormal, RegionIDs: "cn-north-4"}}},
		nulls: `{"data":{"total":null,"data":[{"order_id":88214,"order_name":null,"execute_uuid":null,"gmt_created":null,
			"gmt_finished":null,"execute_costs":null,"creator":null,"status":null,"properties":null},
			{"order_id":88215,"properties":{"region_ids":null}}]}}`,
		wantNull: TicketPage{Tickets: []TicketSummary{{OrderID: 88214}, {OrderID: 88215}}},
	},
	{
		name:    "show ticket",
		call:    func(ctx context.Context, c *Client) (any, error) { return c.Ticket(ctx, caller, ticketID) },
		request: "GET /v1/job/script/orders/SCT2026030209151401c2f9a07",
		answer: `{"data":{"execute_uuid":"SCT2026030209151401c2f9a07","gmt_created":1772414114512,"gmt_finished":1772414425795,
			"execute_costs":311282,"creator":"operator-a","status":"CANCELED","properties":{"script_uuid":"SC2026021011300201a11c3d4",
			"script_name":"rotate_logs","script_version_uuid":10231,"script_version_name":"1.0.0","current_execute_batch_index":3,
			"script_source":"CUSTOM_SCRIPT","execute_param":{"resourceful":true,"timeout":300,"execute_user":"root","success_rate":99.5,
			"script_params":[{"param_name":"days","param_value":"*****************","param_order":1,"param_refer":{"param_id":"LOW"}}]}}}}`,
		want: Ticket{ExecuteUUID: ticketID, Created: ms(1772414114512), Finished: ms(1772414425795), Creator: "operator-a",
			Status: TicketCanceled, ScriptUUID: "SC2026021011300201a11c3d4", ScriptName: "rotate_logs", ScriptVersion: "1.0.0",
			ScriptSource: "CUSTOM_SCRIPT", CurrentBatch: 3, Timeout: 5 * time.Minute, SuccessRate: new(99.5), ExecuteUser: "root",
			Params: []Param{{Name: "days", Value: "*****************", Order: 1, Reference: "LOW"}}},
		nulls: `{"data":{"execute_uuid":null,"gmt_created":null,"gmt_finished":null,"creator":null,"status":"THAWING","properties":
			{"script_uuid":null,"script_name":null,"script_version_uuid":10231,"script_version_name":null,"script_source":null,
			"current_execute_batch_index":null,"execute_param":{"timeout":null,"execute_user":null,"success_rate":null,
			"script_params":[{"param_name":null,"param_value":null,"param_order":null,"param_refer":null}]}}}}`,
		wantNull: Ticket{ExecuteUUID: ticketID, Status: "THAWING", ScriptVersion: "10231", Params: []Param{{}}},
	},
	{
		name:    "show a ticket without properties",
		call:    func(ctx context.Context, c *Client) (any, error) { return c.Ticket(ctx, caller, ticketID) },
		request: "GET /v1/job/script/orders/SCT2026030209151401c2f9a07",
		answer:  `{"data":{"properties":{"execute_param":{"success_rate":"100.0","timeout":"60"}}}}`,
		want:    Ticket{ExecuteUUID: ticketID, SuccessRate: new(100.0), Timeout: time.Minute, Params: []Param{}},
		nulls:   `{"data":{"properties":null}}`, wantNull: Ticket{ExecuteUUID: ticketID, Params: []Param{}},
	},
	{
		name:    "list batches",
		call:    func(ctx context.Context, c *Client) (any, error) { return c.Batches(ctx, caller, ticketID) },
		request: "GET /v1/job/script/orders/SCT2026030209151401c2f9a07/batches",
		answer: `{"data":[{"batch_index":1,"total_instances":2,"rotation_strategy":"PAUSE","properties":"blue"},
			{"batch_index":2,"total_instances":10,"rotation_strategy":"LATER","properties":{"a":1}}]}`,
		want: []Batch{{Index: 1, TotalInstances: 2, Rotation: RotationPause, Properties: "blue"},
			{Index: 2, TotalInstances: 10, Rotation: "LATER", Properties: `{"a":1}`}},
		nulls:    `{"data":[{"batch_index":1,"total_instances":null,"rotation_strategy":null,"properties":null}]}`,
		wantNull: []Batch{{Index: 1}},
	},
	{
		name: "list instances",
		call: func(ctx context.Context, c *Client) (any, error) {
			return c.Instances(ctx, caller, ticketID, InstanceQuery{Batch: 7, Status: InstanceReady, Limit: 20, Marker: 1<<53 + 1})
		},
		request: "GET /v1/job/script/orders/SCT2026030209151401c2f9a07/batches/7?limit=20&marker=9007199254740993&status=READY",
		answer:  `{"data":{"batch_index":7,"total_instances":2,"execute_instances":[` + instanceJSON + `]}}`,
		want:    InstancePage{Batch: 7, TotalInstances: 2, Instances: []Instance{instance}},
		nulls: `{"data":{"batch_index":null,"total_instances":null,"execute_instances":[{"id":1,"cmd_uuid":null,"target_instance":null,
			"gmt_created":null,"gmt_finished":null,"status":null,"message":null},
			{"id":2,"target_instance":{"resource_id":null,"region_id":null,"custom_attributes":null,"properties":null}},
			{"id":3,"status":"ASLEEP","target_instance":{"custom_attributes":[{"key":null,"value":null}],
			"properties":{"region_id":"cn-north-4","project_id":"p2","host_name":null}}}]}}`,
		wantNull: InstancePage{Batch: 7, Instances: []Instance{{ID: 1}, {ID: 2},
			{ID: 3, Status: "ASLEEP", Target: Target{RegionID: "cn-north-4", ProjectID: "p2", Attributes: []Attribute{{}}}}}},
	},
	{
		name: "list instances with the default limit",
		call: func(ctx context.Context, c *Client) (any, error) {
			return c.Instances(ctx, caller, ticketID, InstanceQuery{Batch: 1})
		},
		request: "GET /v1/job/script/orders/SCT2026030209151401c2f9a07/batches/1?limit=50",
		answer:  `{"data":{"execute_instances":[]}}`, want: InstancePage{Batch: 1, Instances: []Instance{}},
		nulls: `{"data":{"execute_instances":null}}`, wantNull: InstancePage{Batch: 1, Instances: []Instance{}},
	},
	{
		name: "show statistics",
		call: func(ctx context.Context, c *Client) (any, error) {
			told, _, err := c.ToldStatistics(ctx, caller, ticketID)
			return told, err
		},
		request: "GET /v1/job/script/orders/SCT2026030209151401c2f9a07/statistics",
		answer: `{"data":{"total_instance":3,"execute_statistics":[{"instance_status":"READY","instance_count":1,"batch_indexes":[2]},
			{"instance_status":"PROCESSING","instance_count":0,"batch_indexes":[]}]}}`,
		want: Statistics{Total: 3, Counts: []StatusCount{{Status: InstanceReady, Count: 1, Batches: []int32{2}},
			{Status: InstanceProcessing, Batches: []int32{}}}},
		nulls:    `{"data":{"total_instance":null,"execute_statistics":[{"instance_status":null,"instance_count":null,"batch_indexes":null}]}}`,
		wantNull: Statistics{Counts: []StatusCount{{Batches: []int32{}}}},
	},
	{
		name:    "operate",
		call:    func(ctx context.Context, c *Client) (any, error) { return operate(ctx, c) },
		request: "PUT /v1/job/script/orders/SCT2026030209151401c2f9a07/operation",
		sent:    `{"operation_type":"CANCEL_INSTANCE","instance_id":9007199254740993}`,
		answer:  `{"data":"SCT2026030209151401c2f9a07"}`,
		want:    OperateReply{Status: 200, RequestID: "req-1", Data: string(ticketID)},
		nulls:   `{"data":null}`, wantNull: OperateReply{Status: 200, RequestID: "req-1"},
	},
}

func TestCallsRequest(t *testing.T) {
	for _, tt := range calls {
		t.Run(tt.name, func(t *testing.T) {
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if got := r.Method + " " + r.RequestURI; got != tt.request {
					t.Errorf("request\n %s, want\n %s", got, tt.request)
				}
				if body, _ := io.ReadAll(r.Body); string(body) != tt.sent {
					t.Errorf("sent %s, want %s", body, tt.sent)
				}
				contentType := "application/json"
				if tt.sent != "" {
					contentType += ";charset=UTF-8"
				}
				for name, want := range map[string]string{"X-Auth-Token": secret, "X-Language": "zh-cn",
					"X-Project-Id": caller.ProjectID, "X-User-Profile": "profile",
					"User-Agent": "coc-console/test", "Content-Type": contentType} {
					if got := r.Header.Get(name); got != want {
						t.Errorf("header %s is %q, want %q", name, got, want)
					}
				}
				_, _ = io.WriteString(w, tt.answer)
			})
			if _, err := tt.call(t.Context(), c); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCallsAnswer(t *testing.T) {
	for _, tt := range calls {
		for name, wire := range map[string]struct {
			body string
			want any
		}{"full": {tt.answer, tt.want}, "nulls": {tt.nulls, tt.wantNull}} {
			t.Run(tt.name+"/"+name, func(t *testing.T) {
				got, err := tt.call(t.Context(), serve(t, says(200, wire.body, "X-Request-Id", "req-1")))
				if err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(got, wire.want) {
					t.Errorf("got\n %+v, want\n %+v", got, wire.want)
				}
			})
		}
	}
}

func TestEmptyCallerSendsNoHeader(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got := slices.Sorted(maps.Keys(r.Header))
		if want := []string{"Accept-Encoding", "Content-Type", "User-Agent"}; !slices.Equal(got, want) {
			t.Errorf("headers %v, want %v", got, want)
		}
		if r.RequestURI != ordersPath {
			t.Errorf("request %s, want no query", r.RequestURI)
		}
		_, _ = io.WriteString(w, `{"data":{"total":0}}`)
	})
	page, err := c.ListTickets(t.Context(), Caller{}, TicketQuery{})
	if err != nil || page.Total != 0 || len(page.Tickets) != 0 {
		t.Errorf("got %+v, %v", page, err)
	}
}

func TestOperateBodies(t *testing.T) {
	for want, op := range map[string]Operation{
		`{"operation_type":"SKIP_BATCH","batch_index":20}`:                       {Type: SkipBatch, BatchIndex: 20},
		`{"operation_type":"CANCEL_INSTANCE","instance_id":9223372036854775807}`: {Type: CancelInstance, InstanceID: 1<<63 - 1},
		`{"operation_type":"PAUSE_ORDER"}`:                                       {Type: PauseOrder},
		`{"operation_type":"CONTINUE_ORDER"}`:                                    {Type: ContinueOrder},
		`{"operation_type":"CANCEL_ORDER"}`:                                      {Type: CancelOrder},
	} {
		t.Run(string(op.Type), func(t *testing.T) {
			c := serve(t, func(_ http.ResponseWriter, r *http.Request) {
				if body, _ := io.ReadAll(r.Body); string(body) != want {
					t.Errorf("sent %s, want %s", body, want)
				}
			})
			reply, err := c.Operate(t.Context(), caller, logged(1), ticketID, op)
			if want := (OperateReply{Status: 200}); err != nil || reply != want { // some editions answer without a body
				t.Errorf("got %+v, %v, want %+v", reply, err, want)
			}
		})
	}
}

func TestNothingIsSent(t *testing.T) {
	c := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") })
	pause := Operation{Type: PauseOrder}
	for name, call := range map[string]func() error{
		"no proof": func() error {
			_, err := c.Operate(t.Context(), caller, nil, ticketID, pause)
			return err
		},
		"a proof without a sequence": func() error {
			_, err := c.Operate(t.Context(), caller, logged(0), ticketID, pause)
			return err
		},
		"an operation that is not valid": func() error {
			_, err := c.Operate(t.Context(), caller, logged(1), ticketID, Operation{Type: CancelInstance})
			var field *FieldError
			if !errors.As(err, &field) || field.Field != "instance_id" || field.Problem != "missing" {
				t.Errorf("got %v, want a *FieldError", err)
			}
			return err
		},
	} {
		if err := call(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, id := range []ExecuteUUID{"", "..", "SCT2026030209151401c2f9a07/../x", "a?b#c", ticketID + "\n", " " + ticketID, ticketID + "%2F"} {
		_, err := c.Operate(t.Context(), caller, logged(1), id, pause)
		if e := asError(t, err); e.Delivered() != DeliveredNo {
			t.Errorf("operate on %q: %v, delivered %v", id, err, e.Delivered())
		}
		_, err = c.Ticket(t.Context(), caller, id)
		if _, ok := errors.AsType[*UUIDError](err); !ok {
			t.Errorf("show %q: %v, want *UUIDError", id, err)
		}
	}
}

func TestHeaderInjection(t *testing.T) {
	c := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") })
	for _, bad := range []string{"x\r\nX-Evil: 1", "x\ny", "x\x00", "x\x7f", "x\x01"} {
		for header, who := range map[string]Caller{"X-Auth-Token": {Credential: huawei.NewToken(bad)}, "X-Language": {Language: Language(bad)},
			"X-Project-Id": {ProjectID: bad}, "X-User-Profile": {UserProfile: bad}} {
			_, err := c.Operate(t.Context(), who, logged(1), ticketID, Operation{Type: PauseOrder})
			e := asError(t, err)
			if e.Delivered() != DeliveredNo || !strings.Contains(err.Error(), header) || strings.Contains(err.Error(), bad) {
				t.Errorf("%s %q: %v", header, bad, err)
			}
		}
	}
}

func TestEndpointIsChecked(t *testing.T) {
	if _, err := New(Config{Endpoint: "nowhere"}); err == nil {
		t.Error("New accepts an endpoint that is none")
	}
}

func TestEndpointWithPath(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if want := "/gate%2Fway/v1/job/script/orders/" + string(ticketID); r.RequestURI != want {
			t.Errorf("request %s, want %s", r.RequestURI, want)
		}
		_, _ = io.WriteString(w, `{"data":{}}`)
	}, func(cfg *Config) { cfg.Endpoint += "/gate%2Fway/" })
	if _, err := c.Ticket(t.Context(), caller, ticketID); err != nil {
		t.Error(err)
	}
}

// page is a page of a batch with these ids.
func page(total int, ids ...int) string {
	rows := make([]string, len(ids))
	for i, id := range ids {
		rows[i] = fmt.Sprintf(`{"id":%d}`, id)
	}
	return fmt.Sprintf(`{"data":{"batch_index":1,"total_instances":%d,"execute_instances":[%s]}}`, total, strings.Join(rows, ","))
}

func TestAllInstances(t *testing.T) {
	for _, tt := range []struct {
		name  string
		pages map[string]string // by marker
		want  []int64           // nil = an error
	}{
		{"one page", map[string]string{"": page(2, 5, 6)}, []int64{5, 6}},
		{"two pages", map[string]string{"": page(3, 5, 6), "6": page(3, 7)}, []int64{5, 6, 7}},
		{"no total", map[string]string{"": page(0, 5), "5": page(0)}, []int64{5}},
		{"empty", map[string]string{"": page(0)}, []int64{}},
		{"descending", map[string]string{"": page(3, 7, 6), "6": page(3, 5)}, []int64{7, 6, 5}},
		{"an inclusive marker", map[string]string{"": page(3, 5, 6), "6": page(3, 6, 7)}, []int64{5, 6, 7}},
		{"the marker is ignored", map[string]string{"": page(9, 5, 6), "6": page(9, 5, 6)}, nil},
		{"pages in a circle", map[string]string{"": page(9, 5), "5": page(9, 6), "6": page(9, 5)}, nil},
		{"another batch", map[string]string{"": `{"data":{"batch_index":2,"execute_instances":[{"id":1}]}}`}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, tt.pages[r.FormValue("marker")])
			})
			rows, err := c.AllInstances(t.Context(), caller, ticketID, 1)
			if tt.want == nil {
				if e := asError(t, err); e.Kind != KindBadAnswer {
					t.Errorf("got %v, want a bad answer", err)
				}
				return
			}
			ids := []int64{}
			for _, r := range rows {
				ids = append(ids, InstanceID(r))
			}
			if err != nil || !slices.Equal(ids, tt.want) {
				t.Errorf("got %v, %v, want %v", ids, err, tt.want)
			}
		})
	}
}

func TestAllInstancesStopsAtTheLimit(t *testing.T) {
	next := 0
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		ids := make([]int, MaxInstanceLimit)
		for i := range ids {
			next++
			ids[i] = next
		}
		_, _ = io.WriteString(w, page(1e9, ids...))
	})
	_, err := c.AllInstances(t.Context(), caller, ticketID, 1)
	if e := asError(t, err); e.Kind != KindBadAnswer || next > maxInstances+MaxInstanceLimit {
		t.Errorf("%v after %d rows", err, next)
	}
}

func TestIntegersAreExact(t *testing.T) {
	for wire, want := range map[string]int64{
		"9223372036854775807": 1<<63 - 1, "-9223372036854775808": -1 << 63, "9007199254740993": 1<<53 + 1,
		`"9007199254740993"`: 1<<53 + 1, "9007199254740993.0": 1<<53 + 1, "7.000": 7, "null": 0, `""`: 0,
	} {
		var n integer
		if err := json.Unmarshal([]byte(wire), &n); err != nil || int64(n) != want {
			t.Errorf("%s: got %d, %v, want %d", wire, n, err, want)
		}
	}
	for _, wire := range []string{"9223372036854775808", "1.5", "1e3", "9.007199254740993e15", `"0x10"`, `"NaN"`, "true", "{}", "[1]", `"1 "`} {
		var n integer
		if err := json.Unmarshal([]byte(wire), &n); err == nil {
			t.Errorf("%s: got %d, want an error", wire, n)
		}
	}
}

func TestTimesAreBelievedWithinReason(t *testing.T) {
	for n, want := range map[integer]time.Time{0: {}, -1: {}, 1: ms(1), 1<<63 - 1: {}, 253370764800000: ms(253370764800000), 253370764800001: {}} {
		if got := n.time(); !got.Equal(want) {
			t.Errorf("%d: got %v, want %v", n, got, want)
		}
	}
	now := ms(10_000)
	for _, tt := range []struct {
		created, finished time.Time
		want              time.Duration
	}{{ms(1000), ms(3000), 2 * time.Second}, {ms(1000), time.Time{}, 9 * time.Second}, {time.Time{}, ms(3000), 0}, {ms(3000), ms(1000), 0}} {
		if got := (Ticket{Created: tt.created, Finished: tt.finished}).Duration(now); got != tt.want {
			t.Errorf("ticket %v: got %v", tt, got)
		}
		if got := (TicketSummary{Created: tt.created, Finished: tt.finished}).Duration(now); got != tt.want {
			t.Errorf("summary %v: got %v", tt, got)
		}
		if got := (Instance{Created: tt.created, Finished: tt.finished}).Duration(now); got != tt.want {
			t.Errorf("instance %v: got %v", tt, got)
		}
	}
}

// TestLanguageCOCKnows: pages may have a language that COC has not.
func TestLanguageCOCKnows(t *testing.T) {
	for pages, want := range map[Language]string{"": "", "zh-cn": "zh-cn", "en-us": "en-us", "de-de": "en-us"} {
		var got string
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			got = r.Header.Get("X-Language")
			w.WriteHeader(http.StatusTeapot)
		})
		_, _ = c.Ticket(t.Context(), Caller{Language: pages}, ticketID)
		if got != want {
			t.Errorf("pages in %q: COC is asked for %q, want %q", pages, got, want)
		}
	}
}
