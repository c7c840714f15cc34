package conformance

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/coc/v1/model"
)

// placeholders stand for values that follow from the simulator's seed.
var placeholders = strings.NewReplacer(
	"NUMBER", `[1-9][0-9]*`,
	"HEX", `[0-9a-f]{32}`,
	"DASHED", `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`,
	"SCRIPT", `SC[0-9]{14}0[0-9a-f]{8}`,
)

// reads checks what the SDK has read, written back as JSON: fields that it
// found null or absent are not there. want may be broken into lines.
func reads(t *testing.T, got any, want string) {
	t.Helper()
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	want = strings.NewReplacer("\n", "", "\t", "").Replace(want)
	if !regexp.MustCompile("^" + placeholders.Replace(regexp.QuoteMeta(want)) + "$").Match(text) {
		t.Errorf("the SDK read\n%s\nwant\n%s", text, want)
	}
}

// created is when a ticket of the lab was made, in milliseconds; after counts from there.
func after(ageSeconds, seconds float64) int64 {
	return t0.UnixMilli() + int64((seconds-ageSeconds)*1000)
}

func TestListFields(t *testing.T) {
	w := newWorld(t, lab())
	limit := int32(100)
	r := must(w.sdk.ListScriptJobs(&model.ListScriptJobsRequest{Limit: &limit}))(t)
	reads(t, r, fmt.Sprintf(`{"data":{"total":4,"data":[
		{"order_id":NUMBER,"order_name":"rotate_logs","execute_uuid":"%s","gmt_created":%d,"creator":"operator","status":"PROCESSING",
			"properties":{"region_ids":"ap-southeast-3,cn-north-4"}},
		{"order_id":NUMBER,"order_name":"db_check","execute_uuid":"%s","gmt_created":%d,"creator":"manager","status":"ABNORMAL",
			"properties":{"region_ids":"cn-north-4"}},
		{"order_id":NUMBER,"order_name":"patch","execute_uuid":"%s","gmt_created":%d,"creator":"operator","status":"PAUSED",
			"properties":{"region_ids":"cn-north-4"}},
		{"order_id":NUMBER,"order_name":"backup","execute_uuid":"%s","gmt_created":%d,"gmt_finished":%d,"execute_costs":61500,
			"creator":"operator","status":"FINISHED","properties":{"region_ids":"cn-north-4"}}]}}`,
		w.UUID("running"), after(60, 0), w.UUID("abnormal"), after(600, 0), w.UUID("paused"), after(1200, 0),
		w.UUID("finished"), after(3600, 0), after(3600, 61.5)))
}

func TestInfoFields(t *testing.T) {
	w := newWorld(t, lab())
	reads(t, must(w.info(w.UUID("running")))(t), fmt.Sprintf(`{"data":{"execute_uuid":"%s","gmt_created":%d,
		"creator":"operator","status":"PROCESSING","properties":{"script_uuid":"SCRIPT","script_name":"rotate_logs",
			"script_version_uuid":NUMBER,"script_version_name":"1.0.0","current_execute_batch_index":2,
			"execute_param":{"resourceful":true,"timeout":300,"success_rate":49.5,"execute_user":"mysql","script_params":[
				{"param_name":"days","param_value":"14","param_order":1},
				{"param_name":"key","param_value":"*****************","param_order":2}]}}}}`, w.UUID("running"), after(60, 0)))
	reads(t, must(w.info(w.UUID("finished")))(t), fmt.Sprintf(`{"data":{"execute_uuid":"%s","gmt_created":%d,"gmt_finished":%d,
		"execute_costs":61500,"creator":"operator","status":"FINISHED","properties":{"script_uuid":"SCRIPT","script_name":"backup",
			"script_version_uuid":NUMBER,"script_version_name":"1.0.0","current_execute_batch_index":1,
			"execute_param":{"resourceful":true,"timeout":60,"success_rate":50,"execute_user":"root","script_params":[]}}}}`,
		w.UUID("finished"), after(3600, 0), after(3600, 61.5)))
}

func TestBatchesFields(t *testing.T) {
	w := newWorld(t, lab())
	reads(t, must(w.batches(w.UUID("running")))(t), `{"data":[
		{"batch_index":1,"total_instances":2,"rotation_strategy":"CONTINUE"},
		{"batch_index":2,"total_instances":2,"rotation_strategy":"PAUSE"},
		{"batch_index":3,"total_instances":2,"rotation_strategy":"CONTINUE"}]}`)
}

func TestStatisticsFields(t *testing.T) {
	w := newWorld(t, lab())
	reads(t, must(w.statistics(w.UUID("running")))(t), `{"data":{"total_instance":6,"execute_statistics":[
		{"instance_status":"READY","instance_count":3,"batch_indexes":[2,3]},
		{"instance_status":"PROCESSING","instance_count":1,"batch_indexes":[2]},
		{"instance_status":"ABNORMAL","instance_count":1,"batch_indexes":[1]},
		{"instance_status":"CANCELED","instance_count":0,"batch_indexes":[]},
		{"instance_status":"FINISHED","instance_count":1,"batch_indexes":[1]}]}}`)
}

func TestInstanceFields(t *testing.T) {
	w := newWorld(t, lab())
	row := func(id int64, agent, region, more, rest string) string {
		host := map[int64]string{101: "web-1", 102: "web-2", above53: "web-3", neighbour: "web-4", highest: "web-5", nextHighest: "web-6",
			201: "db-1", 202: "db-2", 401: "ap-1", 402: "ap-2"}[id]
		zone := map[string]string{"cn-north-4": "a", "ap-southeast-3": "b"}[region]
		return fmt.Sprintf(`{"id":%d,"target_instance":{"resource_id":"DASHED","provider":"ECS","region_id":"%s","type":"CLOUDSERVER"%s,
			"properties":{"host_name":"%s","fixed_ip":"192.168.0.%s","region_id":"%[2]s","zone_id":"%[2]s%[6]s"%[7]s}},%[8]s}`,
			id, region, agent, host, host[len(host)-1:], zone, more, rest)
	}
	page := func(index int, rows ...string) string {
		return fmt.Sprintf(`{"data":{"batch_index":%d,"total_instances":%d,"execute_instances":[%s]}}`, index, len(rows), strings.Join(rows, ","))
	}
	const agent = `,"agent_sn":"HEX"`
	tests := []struct {
		ticket string
		batch  int32
		want   string
	}{
		{"running", 1, page(1,
			row(101, agent, region, `,"application":"shop"`, fmt.Sprintf(`"gmt_created":%d,"gmt_finished":%d,"execute_costs":21000,"status":"FINISHED","message":"one\ntwo"`, after(60, 1), after(60, 22))),
			row(102, agent, region, "", fmt.Sprintf(`"gmt_created":%d,"gmt_finished":%d,"execute_costs":12000,"status":"ABNORMAL","message":"no"`, after(60, 1), after(60, 13))))},
		{"running", 2, page(2,
			row(neighbour, "", region, "", fmt.Sprintf(`"gmt_created":%d,"status":"READY"`, after(60, 22))),
			row(above53, agent, region, "", fmt.Sprintf(`"gmt_created":%d,"status":"PROCESSING","message":"a\nb"`, after(60, 22))))},
		{"running", 3, page(3,
			row(nextHighest, "", region, "", fmt.Sprintf(`"gmt_created":%d,"status":"READY"`, after(60, 0))),
			row(highest, "", otherRegion, "", fmt.Sprintf(`"gmt_created":%d,"status":"READY"`, after(60, 0))))},
		{"abnormal", 1, page(1,
			row(201, "", region, "", fmt.Sprintf(`"gmt_created":%d,"gmt_finished":%d,"execute_costs":3000,"status":"ABNORMAL","message":"[SYSTEM INFO] the agent is offline."`, after(600, 1), after(600, 4))),
			row(202, agent, region, "", fmt.Sprintf(`"gmt_created":%d,"gmt_finished":%d,"execute_costs":4000,"status":"FINISHED","message":"ok"`, after(600, 1), after(600, 5))))},
		{"finished", 1, page(1,
			row(401, agent, region, "", fmt.Sprintf(`"gmt_created":%d,"gmt_finished":%d,"execute_costs":30500,"status":"FINISHED","message":"done"`, after(3600, 1), after(3600, 31.5))),
			row(402, agent, region, "", fmt.Sprintf(`"gmt_created":%d,"gmt_finished":%d,"execute_costs":60500,"status":"ABNORMAL","message":"1\n\n[SYSTEM INFO] script job execute timeout."`, after(3600, 1), after(3600, 61.5))))},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%s %d", test.ticket, test.batch), func(t *testing.T) {
			reads(t, must(w.batch(w.UUID(test.ticket), test.batch))(t), test.want)
		})
	}
}
