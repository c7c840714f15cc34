package conformance

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/sdkerr"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/coc/v1/model"
	iam "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/iam/v3/model"

	"coc-console/internal/coc"
	"coc-console/internal/huawei"
	"coc-console/internal/simulator"
)

// recorded stands for the audit log, without which our client does not operate.
type recorded int64

func (r recorded) RequestedSequence() int64 { return int64(r) }

// project is the id of the token's project.
func (w *world) project(t *testing.T) string {
	t.Helper()
	client := must(NewIAM(w.url, TokenCredential{w.caller.Credential.(huawei.Token).Reveal()}))(t)
	return must(client.KeystoneValidateToken(&iam.KeystoneValidateTokenRequest{XSubjectToken: w.caller.Credential.(huawei.Token).Reveal()}))(t).Token.Project.Id
}

// second drops the answer of a call that should fail.
func second[T any](_ T, err error) error { return err }

// attempt is one call by both clients; our own is nil where it refuses by itself.
type attempt struct {
	sdk  func(*world) error
	ours func(*testing.T, *world) error
}

func show(id func(*world) string) attempt {
	return attempt{func(w *world) error { return second(w.info(id(w))) },
		func(t *testing.T, w *world) error {
			return second(w.ours.Ticket(t.Context(), w.caller, coc.ExecuteUUID(id(w))))
		}}
}

func list(q coc.TicketQuery) attempt {
	return attempt{func(w *world) error {
		r := &model.ListScriptJobsRequest{}
		if q.Limit != 0 {
			r.Limit = &q.Limit
		}
		if q.Marker != 0 {
			r.Marker = &q.Marker
		}
		if q.Status != "" {
			r.Status = new(model.ListScriptJobsRequestStatus)
			if err := r.Status.UnmarshalJSON([]byte(q.Status)); err != nil {
				return err
			}
		}
		return second(w.sdk.ListScriptJobs(r))
	}, func(t *testing.T, w *world) error { return second(w.ours.ListTickets(t.Context(), w.caller, q)) }}
}

func instances(id func(*world) string, q coc.InstanceQuery) attempt {
	return attempt{func(w *world) error {
		return second(w.sdk.GetScriptJobBatch(&model.GetScriptJobBatchRequest{ExecuteUuid: id(w), BatchIndex: q.Batch, Limit: q.Limit, Marker: &q.Marker}))
	}, func(t *testing.T, w *world) error {
		return second(w.ours.Instances(t.Context(), w.caller, coc.ExecuteUUID(id(w)), q))
	}}
}

// operate sends the SDK an operation even if our client would refuse to.
func operate(id func(*world) string, op coc.Operation) attempt {
	a := attempt{sdk: func(w *world) error {
		var body model.JobScriptOrderOperationBody
		if op.BatchIndex != 0 {
			body.BatchIndex = &op.BatchIndex
		}
		if op.InstanceID != 0 {
			body.InstanceId = &op.InstanceID
		}
		if err := body.OperationType.UnmarshalJSON([]byte(op.Type)); err != nil {
			return err
		}
		return second(w.operate(id(w), body))
	}}
	if op.Validate() == nil {
		a.ours = func(t *testing.T, w *world) error {
			return second(w.ours.Operate(t.Context(), w.caller, recorded(1), coc.ExecuteUUID(id(w)), op))
		}
	}
	return a
}

func scenario(name string) func(*world) string { return func(w *world) string { return w.UUID(name) } }

func unknown(*world) string { return "SCT2026030209151401c2f9a07" }

const (
	notFound = "The script order does not exist."
	invalid  = "Invalid parameter values."
)

func TestErrors(t *testing.T) {
	tests := map[string]struct {
		prepare func(*world)
		call    attempt
		status  int
		code    string
		message string // a part of it
	}{
		"unknown ticket": {nil, show(unknown), 400, "COC.00040709", notFound},
		"batches of an unknown ticket": {nil, attempt{func(w *world) error { return second(w.batches(unknown(w))) },
			func(t *testing.T, w *world) error {
				return second(w.ours.Batches(t.Context(), w.caller, coc.ExecuteUUID(unknown(w))))
			}}, 400, "COC.00040709", notFound},
		"instances of an unknown ticket": {nil, instances(unknown, coc.InstanceQuery{Batch: 1, Limit: 50}), 400, "COC.00040709", notFound},
		"statistics of an unknown ticket": {nil, attempt{func(w *world) error { return second(w.statistics(unknown(w))) },
			func(t *testing.T, w *world) error {
				return second(w.ours.Statistics(t.Context(), w.caller, coc.ExecuteUUID(unknown(w))))
			}}, 400, "COC.00040709", notFound},
		"operation on an unknown ticket": {nil, operate(unknown, coc.Operation{Type: coc.PauseOrder}), 400, "COC.00040709", notFound},
		"execute_uuid too long": {nil, attempt{sdk: func(w *world) error { return second(w.info(unknown(w) + "0")) }},
			400, "COC.00010002", invalid},

		"pause a finished ticket":    {nil, operate(scenario("finished"), coc.Operation{Type: coc.PauseOrder}), 400, "COC.00040701", "PAUSE_ORDER is not allowed while the order is FINISHED"},
		"continue a running ticket":  {nil, operate(scenario("running"), coc.Operation{Type: coc.ContinueOrder}), 400, "COC.00040701", "CONTINUE_ORDER is not allowed while the order is PROCESSING"},
		"cancel a finished ticket":   {nil, operate(scenario("finished"), coc.Operation{Type: coc.CancelOrder}), 400, "COC.00040701", "CANCEL_ORDER is not allowed while the order is FINISHED"},
		"skip in a running ticket":   {nil, operate(scenario("running"), coc.Operation{Type: coc.SkipBatch, BatchIndex: 2}), 400, "COC.00040701", "SKIP_BATCH is not allowed while the order is PROCESSING"},
		"skip another batch":         {nil, operate(scenario("paused"), coc.Operation{Type: coc.SkipBatch, BatchIndex: 1}), 400, "COC.00040701", "The batch is not the current batch."},
		"skip an unknown batch":      {nil, operate(scenario("paused"), coc.Operation{Type: coc.SkipBatch, BatchIndex: 3}), 400, "COC.00040701", "The batch does not exist in the order."},
		"cancel an ended instance":   {nil, operate(scenario("running"), coc.Operation{Type: coc.CancelInstance, InstanceID: 101}), 400, "COC.00040701", "The instance is already FINISHED."},
		"cancel an unknown instance": {nil, operate(scenario("running"), coc.Operation{Type: coc.CancelInstance, InstanceID: above53 + 1}), 400, "COC.00040701", "The instance does not exist in the order."},

		"no batch_index":            {nil, operate(scenario("paused"), coc.Operation{Type: coc.SkipBatch}), 400, "COC.00040050", "batch_index must not be empty"},
		"batch_index too high":      {nil, operate(scenario("paused"), coc.Operation{Type: coc.SkipBatch, BatchIndex: 21}), 400, "COC.00010002", invalid},
		"negative batch_index":      {nil, operate(scenario("paused"), coc.Operation{Type: coc.SkipBatch, BatchIndex: -1}), 400, "COC.00010002", invalid},
		"no instance_id":            {nil, operate(scenario("running"), coc.Operation{Type: coc.CancelInstance}), 400, "COC.00040050", "instance_id must not be empty"},
		"negative instance_id":      {nil, operate(scenario("running"), coc.Operation{Type: coc.CancelInstance, InstanceID: -1}), 400, "COC.00010002", invalid},
		"unknown operation_type":    {nil, operate(scenario("running"), coc.Operation{Type: "RETRY_INSTANCE", InstanceID: 101}), 400, "COC.00010002", invalid},
		"list limit too high":       {nil, list(coc.TicketQuery{Limit: 101}), 400, "COC.00010002", invalid},
		"list limit negative":       {nil, list(coc.TicketQuery{Limit: -1}), 400, "COC.00010002", invalid},
		"list marker too high":      {nil, list(coc.TicketQuery{Marker: 1 << 31}), 400, "COC.00010002", invalid},
		"list status READY":         {nil, list(coc.TicketQuery{Status: coc.TicketReady}), 400, "COC.00010002", invalid},
		"instances limit 0":         {nil, attempt{sdk: instances(scenario("running"), coc.InstanceQuery{Batch: 1}).sdk}, 400, "COC.00010002", invalid},
		"instances negative marker": {nil, instances(scenario("running"), coc.InstanceQuery{Batch: 1, Limit: 1, Marker: -1}), 400, "COC.00010002", invalid},
		"instances of batch 21":     {nil, instances(scenario("running"), coc.InstanceQuery{Batch: 21, Limit: 1}), 400, "COC.00010002", invalid},
		"instances of batch 4":      {nil, instances(scenario("running"), coc.InstanceQuery{Batch: 4, Limit: 1}), 400, "COC.00040701", "The batch does not exist in the order."},

		"no token":         {func(w *world) { w.use("") }, show(scenario("running")), 401, "APIGW.0301", "x-auth-token not found"},
		"not a token":      {func(w *world) { w.use("MIIabc") }, show(scenario("running")), 401, "APIGW.0301", "Incorrect IAM authentication information: decrypt token fail"},
		"expired token":    {func(w *world) { w.clock.step(25 * time.Hour) }, list(coc.TicketQuery{}), 401, "APIGW.0301", "token expires, expires_at: 2026-03-03T01:15:54.512000Z"},
		"revoked token":    {func(w *world) { w.Revoke("operator") }, show(scenario("running")), 401, "APIGW.0307", "The token must be updated."},
		"denied to list":   {func(w *world) { w.become("nobody") }, list(coc.TicketQuery{}), 403, "PAP5.0001", "user nobody is not authorized to perform coc:job:list"},
		"denied to read":   {func(w *world) { w.become("nobody") }, show(scenario("running")), 403, "PAP5.0001", "coc:job:get"},
		"denied to act":    {func(w *world) { w.become("reader") }, operate(scenario("running"), coc.Operation{Type: coc.PauseOrder}), 403, "PAP5.0001", "user reader is not authorized to perform coc:job:action"},
		"throttled":        {spoil(simulator.Fault{Status: 429, Code: "APIGW.0308", Message: "The throttling threshold has been reached: policy user over ratelimit,limit:60,time:1 minute", Gateway: true, RetryAfter: "7"}), list(coc.TicketQuery{}), 429, "APIGW.0308", "limit:60,time:1 minute"},
		"throttled to act": {spoil(simulator.Fault{Kind: simulator.CallOperate, Status: 429, Code: "APIGW.0308", Message: "too often", Gateway: true, RetryAfter: "7"}), operate(scenario("running"), coc.Operation{Type: coc.PauseOrder}), 429, "APIGW.0308", "too often"},
		"internal error":   {spoil(simulator.Fault{Status: 500, Code: "COC.00000001", Message: "Internal error."}), show(scenario("running")), 500, "COC.00000001", "Internal error."},
		"a proxy's page":   {spoil(simulator.Fault{Effect: simulator.HTMLBody, Status: 502}), show(scenario("running")), 502, "", "<title>Error</title>"},
		"no body":          {spoil(simulator.Fault{Effect: simulator.EmptyBody, Status: 503}), show(scenario("running")), 503, "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, lab())
			w.t = t
			if test.prepare != nil {
				test.prepare(w)
			}
			before := w.Tickets()
			e := w.fails(t, test.call.sdk)
			if e.StatusCode != test.status || e.ErrorCode != test.code || !strings.Contains(e.ErrorMessage, test.message) {
				t.Errorf("the SDK's error is %+v, want %d %s %q", e, test.status, test.code, test.message)
			}
			w.sameError(t, test.call, e)
			w.clock.step(effect)
			for i, now := range w.Tickets() {
				if now != before[i] {
					t.Errorf("the call had an effect: %+v", now)
				}
			}
		})
	}
}

func spoil(f simulator.Fault) func(*world) {
	return func(w *world) {
		w.t.Cleanup(w.Inject(f))
	}
}

// fails returns the SDK's error and compares it with what went over the wire.
func (w *world) fails(t *testing.T, call func(*world) error) *sdkerr.ServiceResponseError {
	t.Helper()
	err := call(w)
	e, ok := errors.AsType[*sdkerr.ServiceResponseError](err)
	if !ok {
		t.Fatalf("%T %v", err, err)
	}
	var body struct {
		RequestID string `json:"request_id"`
		Denial    string `json:"encoded_authorization_message"`
	}
	last := w.wire.last()
	// What is not JSON has neither.
	_ = json.Unmarshal(last.answer, &body)
	if e.RequestId == "" || e.RequestId != last.got.Get("X-Request-Id") || body.RequestID != "" && body.RequestID != e.RequestId {
		t.Errorf("RequestId %q, header %q, body %q", e.RequestId, last.got.Get("X-Request-Id"), body.RequestID)
	}
	if gateway := strings.HasPrefix(e.ErrorCode, "APIGW") || strings.HasPrefix(e.ErrorCode, "PAP5"); gateway != (body.RequestID != "") {
		t.Errorf("%s: request_id in the body: %q", e.ErrorCode, body.RequestID)
	}
	if e.EncodedAuthorizationMessage != body.Denial || (e.StatusCode == http.StatusForbidden) != (body.Denial != "") || len(e.Details) != 0 {
		t.Errorf("EncodedAuthorizationMessage %q, body %q, details %v", e.EncodedAuthorizationMessage, body.Denial, e.Details)
	}
	return e
}

// sameError lets our own client make the same call.
func (w *world) sameError(t *testing.T, call attempt, want *sdkerr.ServiceResponseError) {
	t.Helper()
	if call.ours == nil {
		return
	}
	err := call.ours(t, w)
	e, ok := errors.AsType[*coc.Error](err)
	if !ok {
		t.Fatalf("%T %v", err, err)
	}
	last := w.wire.last()
	if e.Kind != coc.KindUpstream || e.Status != want.StatusCode || e.Code != want.ErrorCode ||
		e.Message != strings.TrimSpace(want.ErrorMessage) || e.RequestID != last.got.Get("X-Request-Id") {
		t.Errorf("our own error is %+v, the SDK's %+v", e, want)
	}
	if wait := 7 * time.Second; e.Throttled() && e.RetryAfter != wait { // the SDK does not show it
		t.Errorf("Retry-After %v, want %v", e.RetryAfter, wait)
	}
}

// TestErrorsInChinese checks that X-Language selects the language of a refusal.
func TestErrorsInChinese(t *testing.T) {
	w := newWorld(t, lab())
	e := w.fails(t, func(w *world) error {
		return second(w.sdk.OperateScriptJob(&model.OperateScriptJobRequest{ExecuteUuid: w.UUID("finished"), XLanguage: new("zh-cn"),
			Body: &model.JobScriptOrderOperationBody{OperationType: operations.PAUSE_ORDER}}))
	})
	if want := "工单状态为 FINISHED 时不允许执行操作 PAUSE_ORDER。"; e.StatusCode != http.StatusBadRequest || e.ErrorCode != "COC.00040701" || e.ErrorMessage != want {
		t.Errorf("%+v, want %s", e, want)
	}
}

// TestForeignProject sends a project that is not the account's.
func TestForeignProject(t *testing.T) {
	w := newWorld(t, lab())
	foreign := strings.Repeat("0", 32)
	err := second(w.sdk.ListScriptJobs(&model.ListScriptJobsRequest{XProjectId: &foreign}))
	e, ok := errors.AsType[*sdkerr.ServiceResponseError](err)
	if !ok {
		t.Fatalf("%T %v", err, err)
	}
	w.caller.ProjectID = foreign
	own, ok := errors.AsType[*coc.Error](second(w.ours.ListTickets(t.Context(), w.caller, coc.TicketQuery{})))
	if !ok || e.StatusCode != http.StatusForbidden || e.ErrorCode != "APIGW.0310" || e.RequestId == "" || own.Status != e.StatusCode || own.Code != e.ErrorCode || own.Message != e.ErrorMessage {
		t.Errorf("the SDK's error is %+v, our own %+v", e, own)
	}
}
