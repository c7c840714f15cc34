package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/coc/v1/model"

	"coc-console/internal/simulator"
)

// difference compares an answer on the wire with the SDK's type for it:
// fields that one of them has alone, and fields that are an explicit null.
type difference struct{ onlySDK, onlyWire, nulls map[string]bool }

func compare(t *testing.T, answer []byte, kind reflect.Type) difference {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(answer))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	diff := difference{map[string]bool{}, map[string]bool{}, map[string]bool{}}
	diff.walk("", v, kind)
	return diff
}

func (d difference) walk(path string, v any, kind reflect.Type) {
	for kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	switch v := v.(type) {
	case nil:
		d.nulls[path] = true
	case []any:
		for _, e := range v {
			d.walk(path, e, kind.Elem())
		}
	case map[string]any:
		d.object(path, v, kind)
	}
}

func (d difference) object(path string, v map[string]any, kind reflect.Type) {
	rest := maps.Clone(v)
	for field := range kind.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		at := strings.TrimPrefix(path+"."+name, ".")
		if inner, ok := v[name]; ok {
			d.walk(at, inner, field.Type)
			delete(rest, name)
		} else {
			d.onlySDK[at] = true
		}
	}
	for name, inner := range rest {
		at := strings.TrimPrefix(path+"."+name, ".")
		d.onlyWire[at] = true
		if inner == nil {
			d.nulls[at] = true
		}
	}
}

func is(t *testing.T, what string, got map[string]bool, want ...string) {
	t.Helper()
	slices.Sort(want)
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, want) {
		t.Errorf("%s %q, want %q", what, names, want)
	}
}

// TestWire checks that the simulator's answers have every field that the SDK
// knows, if only as a null, and no others but those that were seen live without
// being in the SDK (docs/coc-api.md sections 4.2 and 6.1).
func TestWire(t *testing.T) {
	w := newWorld(t, lab())
	id := w.UUID("running")
	const row, target = "data.execute_instances", "data.execute_instances.target_instance"
	tests := map[string]struct {
		call            func() (any, error)
		onlyWire, nulls []string
	}{
		"list": {call: func() (any, error) {
			return w.sdk.ListScriptJobs(&model.ListScriptJobsRequest{Limit: new(int32(1))})
		},
			nulls: []string{"data.data.gmt_finished", "data.data.execute_costs"}},
		"info": {call: func() (any, error) { return w.info(id) }, onlyWire: []string{"data.properties.script_source"},
			nulls: []string{"data.gmt_finished", "data.execute_costs", "data.properties.execute_param.script_params.param_refer"}},
		"batches": {call: func() (any, error) { return w.batches(id) }, nulls: []string{"data.properties"}},
		"instances": {call: func() (any, error) { return w.batch(id, 2) },
			onlyWire: []string{row + ".cmd_uuid", row + ".job_sign", target + ".agent_version", target + ".project_id"},
			nulls: []string{row + ".cmd_uuid", row + ".job_sign", row + ".gmt_finished", row + ".execute_costs", row + ".message",
				target + ".agent_sn", target + ".agent_status", target + ".agent_version", target + ".project_id", target + ".custom_attributes",
				target + ".properties.floating_ip", target + ".properties.application", target + ".properties.group", target + ".properties.project_id"}},
		"statistics": {call: func() (any, error) { return w.statistics(id) }},
		"operate": {call: func() (any, error) {
			return w.operate(id, model.JobScriptOrderOperationBody{OperationType: operations.PAUSE_ORDER})
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			read := must(test.call())(t)
			diff := compare(t, w.wire.last().answer, reflect.TypeOf(read))
			is(t, "only the SDK has", diff.onlySDK)
			is(t, "only the wire has", diff.onlyWire, test.onlyWire...)
			is(t, "nulls", diff.nulls, test.nulls...)
		})
	}
}

// TestNulls checks that an explicit null is a nil to the SDK and absent to our
// client, for a row of which nearly everything is null.
func TestNulls(t *testing.T) {
	w := newWorld(t, lab())
	id := w.UUID("running")
	row := (*must(w.batch(id, 2))(t).Data.ExecuteInstances)[0]
	target, server := row.TargetInstance, row.TargetInstance.Properties
	order := must(w.sdk.ListScriptJobs(&model.ListScriptJobsRequest{}))(t).Data.Data[0]
	info := must(w.info(id))(t).Data
	for name, isNil := range map[string]bool{
		"message": row.Message == nil, "gmt_finished": row.GmtFinished == nil, "execute_costs": row.ExecuteCosts == nil,
		"agent_sn": target.AgentSn == nil, "agent_status": target.AgentStatus == nil, "custom_attributes": target.CustomAttributes == nil,
		"floating_ip": server.FloatingIp == nil, "application": server.Application == nil, "group": server.Group == nil, "project_id": server.ProjectId == nil,
		"order gmt_finished": order.GmtFinished == nil, "order execute_costs": order.ExecuteCosts == nil,
		"info gmt_finished": info.GmtFinished == nil, "info execute_costs": info.ExecuteCosts == nil,
		"param_refer":      (*info.Properties.ExecuteParam.ScriptParams)[0].ParamRefer == nil,
		"batch properties": (*must(w.batches(id))(t).Data)[0].Properties == nil,
	} {
		if !isNil {
			t.Errorf("%s is not nil", name)
		}
	}
	w.sameTicket(id)
}

// TestNewWords checks that states nobody knows reach both clients verbatim,
// and that fields which nobody knows do not disturb them.
func TestNewWords(t *testing.T) {
	w := newWorld(t, lab())
	t.Cleanup(w.Inject(simulator.Fault{Effect: simulator.NewWords}))
	id := w.UUID("running")
	const word = "HIBERNATING"
	got := fmt.Sprint(must(w.info(id))(t).Data.Status.Value(), (*must(w.batches(id))(t).Data)[0].RotationStrategy.Value(),
		(*must(w.batch(id, 2))(t).Data.ExecuteInstances)[0].Status.Value(), (*must(w.statistics(id))(t).Data.ExecuteStatistics)[0].InstanceStatus)
	if got != fmt.Sprint(word, word, word, word) {
		t.Errorf("states %s", got)
	}
	w.sameTicket(id)
}
