package coc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"coc-console/internal/huawei"
)

func TestParseExecuteUUID(t *testing.T) {
	const good = "SCT2026030209151401c2f9a07"
	for text, want := range map[string]string{ // want is the problem
		good: "", " \t" + good + "\r\n": "", "": "missing", " \n": "missing",
		good + "0": "too_long", strings.Repeat("x", 1<<20): "too_long",
		good[:25]: "malformed", "sct2026030209151401c2f9a07": "malformed", "SCT2026030209151401C2F9A07": "malformed",
		"SCT2026030209151401c2f9a0g": "malformed", "SCT20260302091514 1c2f9a07": "malformed", "SC2026021011300201a11c3d4": "malformed",
		"../../v1/job/script/orders": "malformed", "SCT２０２６": "malformed", "SCT2026030209151401c2f9a0\n7": "too_long", "\x00": "malformed",
	} {
		id, err := ParseExecuteUUID(text)
		var problem *UUIDError
		switch {
		case want == "" && (err != nil || id != good):
			t.Errorf("%.40q: got %q, %v", text, id, err)
		case want != "" && (!errors.As(err, &problem) || problem.Problem != want || id != ""):
			t.Errorf("%.40q: got %q, %v, want %s", text, id, err, want)
		}
	}
}

func TestFindExecuteUUID(t *testing.T) {
	const a, b = "SCT2026030209151401c2f9a07", "SCT2026030117400301b55d210"
	for text, want := range map[string]string{
		a: a, "Ticket " + a + ".": a, a + " and " + b: a, "工单" + a + "失败": a, "<" + a + ">": a, a + "\n": a, "id_" + a + "_x": a,
		"https://console.example.com/coc/tickets/" + a + "?tab=1#x":          a,
		"https://console.example.com/sign-in?next=%2Ftickets%2F" + a + "%3F": a,
		"https://console.example.com/?id%3D" + a:                             a,
		"x" + a + " " + b:                                                    b,
		a + "0 " + b:                                                         b,
		a + b:                                                                "",
		"x%2G" + a:                                                           "",
		"2F" + a:                                                             "",
		"":                                                                   "",
		"SCT":                                                                "",
		strings.ToLower(a):                                                   "",
	} {
		got, found := FindExecuteUUID(text)
		if string(got) != want || found != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", text, got, found, want)
		}
	}
}

func TestTypedExecuteUUID(t *testing.T) {
	const a = "SCT2026030209151401c2f9a07"
	for text, want := range map[string]string{
		a: a, strings.ToLower(a): a, strings.ToUpper(a): a, "Sct" + a[3:]: a, " " + a[:8] + " " + a[8:] + "\n": a,
		a[:3] + "\u00a0" + strings.ToUpper(a[3:]):                                   a,
		"https://console.example.com/#/a?execute_uuid=" + strings.ToLower(a) + "&b": a,
		"see " + strings.ToLower(a) + ", failed":                                    a,
		a[:14]:                                                                      "",
		a + " " + "0":                                                               a,
		"nginx sct2026":                                                             "",
		"":                                                                          "",
	} {
		if got, found := TypedExecuteUUID(text); string(got) != want || found != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", text, got, found, want)
		}
	}
}

func TestParseOperation(t *testing.T) {
	const missing, outside, unexpected, unknown = "missing", "range", "unexpected", "unknown"
	for _, tt := range []struct {
		kind, batch, instance string
		want                  Operation
		field, problem        string
	}{
		{kind: "PAUSE_ORDER", want: Operation{Type: PauseOrder}},
		{kind: "CONTINUE_ORDER", want: Operation{Type: ContinueOrder}},
		{kind: "CANCEL_ORDER", want: Operation{Type: CancelOrder}},
		{kind: "SKIP_BATCH", batch: "1", want: Operation{Type: SkipBatch, BatchIndex: 1}},
		{kind: "SKIP_BATCH", batch: "20", want: Operation{Type: SkipBatch, BatchIndex: 20}},
		{kind: "CANCEL_INSTANCE", instance: "1", want: Operation{Type: CancelInstance, InstanceID: 1}},
		{kind: "CANCEL_INSTANCE", instance: "9007199254740993", want: Operation{Type: CancelInstance, InstanceID: 1<<53 + 1}},
		{kind: "CANCEL_INSTANCE", instance: "9223372036854775807", want: Operation{Type: CancelInstance, InstanceID: 1<<63 - 1}},

		{kind: "", field: "operation_type", problem: missing},
		{kind: "RETRY_INSTANCE", field: "operation_type", problem: unknown},
		{kind: "pause_order", field: "operation_type", problem: unknown},
		{kind: " PAUSE_ORDER", field: "operation_type", problem: unknown},
		{kind: "PAUSE_ORDER\x00", field: "operation_type", problem: unknown},

		{kind: "SKIP_BATCH", field: "batch_index", problem: missing},
		{kind: "SKIP_BATCH", batch: "0", field: "batch_index", problem: outside},
		{kind: "SKIP_BATCH", batch: "21", field: "batch_index", problem: outside},
		{kind: "SKIP_BATCH", batch: "-1", field: "batch_index", problem: outside},
		{kind: "SKIP_BATCH", batch: "01", field: "batch_index", problem: outside},
		{kind: "SKIP_BATCH", batch: "4294967297", field: "batch_index", problem: outside}, // 1 in 32 bits
		{kind: "SKIP_BATCH", batch: "9223372036854775808", field: "batch_index", problem: outside},
		{kind: "SKIP_BATCH", batch: "1", instance: "1", field: "instance_id", problem: unexpected},
		{kind: "PAUSE_ORDER", batch: "1", field: "batch_index", problem: unexpected},
		{kind: "CONTINUE_ORDER", instance: "1", field: "instance_id", problem: unexpected},
		{kind: "CANCEL_ORDER", instance: "0", field: "instance_id", problem: unexpected},
		{kind: "CANCEL_INSTANCE", batch: "1", instance: "1", field: "batch_index", problem: unexpected},

		{kind: "CANCEL_INSTANCE", field: "instance_id", problem: missing},
		{kind: "CANCEL_INSTANCE", instance: "0", field: "instance_id", problem: outside},
		{kind: "CANCEL_INSTANCE", instance: "-1", field: "instance_id", problem: outside},
		{kind: "CANCEL_INSTANCE", instance: "+1", field: "instance_id", problem: outside},
		{kind: "CANCEL_INSTANCE", instance: "9223372036854775808", field: "instance_id", problem: outside},
		{kind: "CANCEL_INSTANCE", instance: "1e3", field: "instance_id", problem: outside},
		{kind: "CANCEL_INSTANCE", instance: "0x10", field: "instance_id", problem: outside},
		{kind: "CANCEL_INSTANCE", instance: "1.0", field: "instance_id", problem: outside},
		{kind: "CANCEL_INSTANCE", instance: "1_000", field: "instance_id", problem: outside},
		{kind: "CANCEL_INSTANCE", instance: " 1", field: "instance_id", problem: outside},
		{kind: "CANCEL_INSTANCE", instance: "1 ", field: "instance_id", problem: outside},
		{kind: "CANCEL_INSTANCE", instance: " ", field: "instance_id", problem: outside},
		{kind: "CANCEL_INSTANCE", instance: "１", field: "instance_id", problem: outside},
	} {
		t.Run(fmt.Sprintf("%q %q %q", tt.kind, tt.batch, tt.instance), func(t *testing.T) {
			got, err := ParseOperation(tt.kind, tt.batch, tt.instance)
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			if tt.field == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			value := map[string]string{"operation_type": tt.kind, "batch_index": tt.batch, "instance_id": tt.instance}[tt.field]
			e, ok := errors.AsType[*FieldError](err)
			if want := (FieldError{tt.field, tt.problem, value}); !ok || *e != want {
				t.Errorf("error %#v, want %#v", err, want)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	for _, tt := range []struct {
		op   Operation
		want FieldError
	}{
		{Operation{}, FieldError{"operation_type", "missing", ""}},
		{Operation{Type: "NO"}, FieldError{"operation_type", "unknown", "NO"}},
		{Operation{Type: SkipBatch}, FieldError{"batch_index", "missing", ""}},
		{Operation{Type: SkipBatch, BatchIndex: -1}, FieldError{"batch_index", "range", "-1"}},
		{Operation{Type: SkipBatch, BatchIndex: 21}, FieldError{"batch_index", "range", "21"}},
		{Operation{Type: PauseOrder, BatchIndex: 1}, FieldError{"batch_index", "unexpected", "1"}},
		{Operation{Type: CancelInstance}, FieldError{"instance_id", "missing", ""}},
		{Operation{Type: CancelInstance, InstanceID: -1}, FieldError{"instance_id", "range", "-1"}},
		{Operation{Type: CancelOrder, InstanceID: 1}, FieldError{"instance_id", "unexpected", "1"}},
	} {
		e, ok := errors.AsType[*FieldError](tt.op.Validate())
		if !ok || *e != tt.want || e.Error() == "" {
			t.Errorf("%+v: got %#v, want %#v", tt.op, e, tt.want)
		}
	}
}

func TestStates(t *testing.T) {
	for status, want := range map[TicketStatus][3]bool{ // known, failed, waits for a decision
		TicketReady: {true}, TicketProcessing: {true}, TicketAbnormal: {true, true, true}, TicketPaused: {true, false, true},
		TicketCanceled: {true}, TicketFinished: {true}, TicketError: {true, true, true}, TicketRolledBack: {true},
		"": {}, "NEW": {},
	} {
		if got := [3]bool{status.Known(), status.Failed(), status.Waits()}; got != want {
			t.Errorf("ticket %q: known, failed and waiting are %v, want %v", status, got, want)
		}
	}
	for status, want := range map[InstanceStatus][2]bool{
		InstanceReady: {true, false}, InstanceProcessing: {true, false}, InstanceAbnormal: {true, true}, InstanceCanceled: {true, true},
		InstanceFinished: {true, true}, InstanceRolledBack: {true, true}, InstanceError: {true, true}, "": {}, "PAUSED": {},
	} {
		if got := [2]bool{status.Known(), status.Terminal()}; got != want {
			t.Errorf("instance %q: known and terminal are %v, want %v", status, got, want)
		}
	}
	if !RotationPause.Known() || !RotationContinue.Known() || RotationStrategy("").Known() {
		t.Error("the rotation strategies are not known right")
	}
	if slices.Contains(FilterableTicketStatuses(), TicketReady) || slices.Contains(FilterableInstanceStatuses(), InstanceRolledBack) {
		t.Error("a state is offered that no list can be narrowed to")
	}
	for _, op := range OperationTypes() {
		if !op.Valid() {
			t.Errorf("%s is offered and not valid", op)
		}
	}
	s := Statistics{Counts: []StatusCount{{Status: "READY", Count: 2}, {Status: "NEW", Count: 5}, {Status: "READY", Count: 1}}}
	if s.Count(InstanceReady) != 3 || s.Count("NEW") != 5 || s.Count(InstanceFinished) != 0 {
		t.Errorf("counts of %+v are wrong", s)
	}
}

func TestTokensNeverShow(t *testing.T) {
	type session struct {
		Caller  Caller
		Pointer *Caller
		Token   huawei.Token
		List    []huawei.Token
		Map     map[string]any

		// fmt cannot call the methods of these.
		inner   Caller
		outer   *Caller
		hidden  huawei.Token
		list    []huawei.Token
		callers map[string]Caller
	}
	token := huawei.NewToken(secret)
	s := session{caller, &caller, token, []huawei.Token{token}, map[string]any{"caller": caller},
		caller, &caller, token, []huawei.Token{token}, map[string]Caller{"caller": caller}}
	var shown []string
	for _, v := range []any{caller.Credential, caller, &caller, s, &s} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
			shown = append(shown, verb+" "+fmt.Sprintf(verb, v))
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "v", v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("m", "v", v)
		shown = append(shown, "json "+string(b), "slog "+log.String(), fmt.Sprint(v), fmt.Errorf("e: %v", v).Error())
	}
	for _, text := range shown {
		if strings.Contains(text, secret[:7]) || strings.Contains(text, fmt.Sprintf("%x", secret)[:10]) {
			t.Error(text)
		}
	}
	if token.Reveal() != secret || token.String() != huawei.Redacted || token.GoString() != huawei.Redacted {
		t.Error("Reveal is not the token, or String is")
	}
	if !token.Is(caller.Credential) || token.Is(huawei.Token{}) || !huawei.NewToken("").Empty() || token.Empty() || (huawei.Token{}).Reveal() != "" {
		t.Error("tokens are not told apart")
	}
}
