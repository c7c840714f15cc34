package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/coc/v1/model"

	"coc-console/internal/coc"
	"coc-console/internal/huawei"
)

// effect is longer than the time in which an operation takes effect.
const effect = 2 * time.Second

// state is what the SDK sees of a ticket.
type state struct {
	status string
	batch  int32
	rows   map[int64]string // states by id
}

func (w *world) state(id string) state {
	w.t.Helper()
	info := must(w.info(id))(w.t).Data
	s := state{word(info.Status), *info.Properties.CurrentExecuteBatchIndex, map[int64]string{}}
	for _, b := range *must(w.batches(id))(w.t).Data {
		for _, row := range *must(w.batch(id, *b.BatchIndex))(w.t).Data.ExecuteInstances {
			s.rows[*row.Id] = word(row.Status)
		}
	}
	return s
}

func (s state) equal(other state) bool {
	return s.status == other.status && s.batch == other.batch && maps.Equal(s.rows, other.rows)
}

// with is a copy in which some rows, given as id and state, are different.
func (s state) with(status string, batch int32, rows map[int64]string) state {
	s = state{status, batch, maps.Clone(s.rows)}
	maps.Copy(s.rows, rows)
	return s
}

func TestOperations(t *testing.T) {
	type body = model.JobScriptOrderOperationBody
	tests := map[string]struct {
		ticket string
		body   body
		wire   string
		ended  bool
		want   func(state) state
	}{
		"pause": {"running", body{OperationType: operations.PAUSE_ORDER}, `{"operation_type":"PAUSE_ORDER"}`, false,
			func(s state) state { return s.with("PAUSED", 2, nil) }},
		"continue a paused one": {"paused", body{OperationType: operations.CONTINUE_ORDER}, `{"operation_type":"CONTINUE_ORDER"}`, false,
			func(s state) state { return s.with("PROCESSING", 2, nil) }},
		"continue an abnormal one": {"abnormal", body{OperationType: operations.CONTINUE_ORDER}, `{"operation_type":"CONTINUE_ORDER"}`, false,
			func(s state) state { return s.with("PROCESSING", 2, nil) }},
		"skip": {"paused", body{OperationType: operations.SKIP_BATCH, BatchIndex: new(int32(2))}, `{"batch_index":2,"operation_type":"SKIP_BATCH"}`, true,
			func(s state) state { return s.with("FINISHED", 2, map[int64]string{302: "CANCELED"}) }},
		"skip an abnormal one": {"abnormal", body{OperationType: operations.SKIP_BATCH, BatchIndex: new(int32(1))}, `{"batch_index":1,"operation_type":"SKIP_BATCH"}`, false,
			func(s state) state { return s.with("PROCESSING", 2, nil) }},
		"cancel an instance above 2^53": {"running", body{OperationType: operations.CANCEL_INSTANCE, InstanceId: new(int64(above53))},
			`{"instance_id":9007199254740993,"operation_type":"CANCEL_INSTANCE"}`, false,
			func(s state) state { return s.with("PROCESSING", 2, map[int64]string{above53: "CANCELED"}) }},
		"cancel its neighbour": {"running", body{OperationType: operations.CANCEL_INSTANCE, InstanceId: new(int64(neighbour))},
			`{"instance_id":9007199254740992,"operation_type":"CANCEL_INSTANCE"}`, false,
			func(s state) state { return s.with("PROCESSING", 2, map[int64]string{neighbour: "CANCELED"}) }},
		"cancel the highest instance": {"running", body{OperationType: operations.CANCEL_INSTANCE, InstanceId: new(int64(highest))},
			`{"instance_id":9223372036854775807,"operation_type":"CANCEL_INSTANCE"}`, false,
			func(s state) state { return s.with("PROCESSING", 2, map[int64]string{highest: "CANCELED"}) }},
		"cancel": {"running", body{OperationType: operations.CANCEL_ORDER}, `{"operation_type":"CANCEL_ORDER"}`, true,
			func(s state) state {
				return s.with("CANCELED", 2, map[int64]string{above53: "CANCELED", neighbour: "CANCELED", highest: "CANCELED", nextHighest: "CANCELED"})
			}},
		// As the vendor's Terraform provider sends it (docs/coc-api.md section 4.6).
		"cancel with fields it does not need": {"paused", body{OperationType: operations.CANCEL_ORDER, BatchIndex: new(int32(1)), InstanceId: new(int64(1))},
			`{"batch_index":1,"instance_id":1,"operation_type":"CANCEL_ORDER"}`, true,
			func(s state) state { return s.with("CANCELED", 1, map[int64]string{302: "CANCELED"}) }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, lab())
			id := w.UUID(test.ticket)
			before := w.state(id)
			r := must(w.operate(id, test.body))(t)
			if r.HttpStatusCode != http.StatusOK || value(r.Data) != id {
				t.Errorf("answer %d %q", r.HttpStatusCode, value(r.Data))
			}
			w.sent(t, http.MethodPut, "/v1/job/script/orders/"+id+"/operation", test.wire)
			if now := w.state(id); !now.equal(before) {
				t.Errorf("accepted is not done, but the ticket went from %v to %v", before, now)
			}
			w.clock.step(effect)
			if now, want := w.state(id), test.want(before); !now.equal(want) {
				t.Errorf("afterwards %v, want %v", now, want)
			}
			w.ended(t, id, test.ended)
			w.counted(t, id)
			w.t = t
			w.sameTicket(id)
			sameOperation(t, test.ticket, test.body, test.wire, w.state(id))
		})
	}
}

// sameOperation lets our own client send the operation in a fresh world, unless
// it refuses to: it must send the same, and get the same.
func sameOperation(t *testing.T, ticket string, body model.JobScriptOrderOperationBody, wire string, want state) {
	t.Helper()
	op := coc.Operation{Type: coc.OperationType(body.OperationType.Value()), BatchIndex: value(body.BatchIndex), InstanceID: value(body.InstanceId)}
	if op.Validate() != nil {
		return
	}
	w := newWorld(t, lab())
	id := w.UUID(ticket)
	r := must(w.ours.Operate(t.Context(), w.caller, recorded(1), coc.ExecuteUUID(id), op))(t)
	if r.Status != http.StatusOK || r.Data != id || r.RequestID != w.wire.last().got.Get("X-Request-Id") {
		t.Errorf("our own answer %+v", r)
	}
	var sdk, ours map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal([]byte(wire), &sdk), json.Unmarshal(w.wire.last().body, &ours)); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(sdk, ours) {
		t.Errorf("our own body %s, the SDK's %s", w.wire.last().body, wire)
	}
	w.clock.step(effect)
	if now := w.state(id); !now.equal(want) {
		t.Errorf("after our own operation %v, after the SDK's %v", now, want)
	}
}

// sent checks the last request on the wire.
func (w *world) sent(t *testing.T, method, uri, body string) {
	t.Helper()
	last := w.wire.last()
	if last.method != method || last.uri != uri || string(bytes.TrimSpace(last.body)) != body {
		t.Errorf("sent %s %s %s\nwant %s %s %s", last.method, last.uri, last.body, method, uri, body)
	}
	if last.sent.Get("X-Auth-Token") != w.caller.Credential.(huawei.Token).Reveal() || last.sent.Get("Content-Type") != "application/json;charset=UTF-8" {
		t.Errorf("sent with %v", slices.Sorted(maps.Keys(last.sent)))
	}
}

// ended checks the end of a ticket, 1.5 s after the operation that ended it.
func (w *world) ended(t *testing.T, id string, over bool) {
	t.Helper()
	info := must(w.info(id))(t).Data
	if !over {
		if info.GmtFinished != nil || info.ExecuteCosts != nil {
			t.Errorf("finished %v, costs %v", value(info.GmtFinished), value(info.ExecuteCosts))
		}
		return
	}
	if end := t0.Add(1500 * time.Millisecond).UnixMilli(); value(info.GmtFinished) != end || value(info.ExecuteCosts) != end-*info.GmtCreated {
		t.Errorf("finished %d, costs %d, want %d and the time since %d", value(info.GmtFinished), value(info.ExecuteCosts), end, *info.GmtCreated)
	}
}

// counted checks that the statistics are those of the rows.
func (w *world) counted(t *testing.T, id string) {
	t.Helper()
	want := map[string]int32{}
	for _, status := range w.state(id).rows {
		want[status]++
	}
	s := must(w.statistics(id))(t).Data
	got, total := map[string]int32{}, int32(0)
	for _, c := range *s.ExecuteStatistics {
		total += c.InstanceCount
		if c.InstanceCount > 0 {
			got[c.InstanceStatus] = c.InstanceCount
		}
	}
	if !maps.Equal(got, want) || *s.TotalInstance != total {
		t.Errorf("statistics %v of %d, rows %v", got, *s.TotalInstance, want)
	}
}

// TestHeaders checks what the SDK adds to a call, and that it signs nothing.
func TestHeaders(t *testing.T) {
	w := newWorld(t, lab())
	project := w.project(t)
	calls := map[string]func() error{
		"list": func() error {
			_, err := w.sdk.ListScriptJobs(&model.ListScriptJobsRequest{XLanguage: new("zh-cn"), XProjectId: &project, XUserProfile: new("opaque")})
			return err
		},
		"info": func() error {
			_, err := w.sdk.GetScriptJobInfo(&model.GetScriptJobInfoRequest{ExecuteUuid: w.UUID("running"), XLanguage: new("zh-cn"), XProjectId: &project, XUserProfile: new("opaque")})
			return err
		},
		"batches": func() error {
			_, err := w.sdk.ListScriptJobBatches(&model.ListScriptJobBatchesRequest{ExecuteUuid: w.UUID("running"), XLanguage: new("zh-cn"), XProjectId: &project, XUserProfile: new("opaque")})
			return err
		},
		"batch": func() error {
			_, err := w.sdk.GetScriptJobBatch(&model.GetScriptJobBatchRequest{ExecuteUuid: w.UUID("running"), BatchIndex: 1, Limit: 1, XLanguage: new("zh-cn"), XProjectId: &project, XUserProfile: new("opaque")})
			return err
		},
		"statistics": func() error {
			_, err := w.sdk.GetScriptJobStatistics(&model.GetScriptJobStatisticsRequest{ExecuteUuid: w.UUID("running"), XLanguage: new("zh-cn"), XProjectId: &project, XUserProfile: new("opaque")})
			return err
		},
		"operate": func() error {
			_, err := w.sdk.OperateScriptJob(&model.OperateScriptJobRequest{ExecuteUuid: w.UUID("running"), XLanguage: new("zh-cn"), XProjectId: &project, XUserProfile: new("opaque"),
				Body: &model.JobScriptOrderOperationBody{OperationType: operations.PAUSE_ORDER}})
			return err
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			if err := call(); err != nil {
				t.Fatal(err)
			}
			h := w.wire.last().sent
			want := map[string]string{"X-Auth-Token": w.caller.Credential.(huawei.Token).Reveal(), "X-Language": "zh-cn", "X-Project-Id": project,
				"X-User-Profile": "opaque", "Authorization": "", "X-Sdk-Date": "", "X-Security-Token": "", "X-Domain-Id": ""}
			for header, v := range want {
				if h.Get(header) != v {
					t.Errorf("%s is %q, want %q", header, h.Get(header), v)
				}
			}
			if !strings.HasPrefix(h.Get("User-Agent"), "huaweicloud-usdk-go/3.0") {
				t.Errorf("User-Agent %q", h.Get("User-Agent"))
			}
		})
	}
}

func (s state) String() string { return fmt.Sprintf("%s in batch %d %v", s.status, s.batch, s.rows) }
