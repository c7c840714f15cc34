package conformance

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/coc/v1/model"

	"coc-console/internal/coc"
)

// What the SDK has read, in the types of internal/coc. A nil pointer, the SDK's
// null, is what our client calls absent.

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// word is the SDK's text of an enum.
func word[T interface{ Value() string }](p *T) string {
	if p == nil {
		return ""
	}
	return (*p).Value()
}

func moment(ms *int64) time.Time {
	if ms == nil {
		return time.Time{}
	}
	return time.UnixMilli(*ms).UTC()
}

func convert[S, T any](list *[]S, f func(S) T) []T {
	out := []T{}
	for _, v := range value(list) {
		out = append(out, f(v))
	}
	return out
}

func summary(r model.JobScriptOrderListModel) coc.TicketSummary {
	return coc.TicketSummary{OrderID: r.OrderId, Name: r.OrderName, ExecuteUUID: coc.ExecuteUUID(r.ExecuteUuid),
		Created: moment(r.GmtCreated), Finished: moment(r.GmtFinished), Creator: value(r.Creator),
		Status: coc.TicketStatus(word(r.Status)), RegionIDs: value(value(r.Properties).RegionIds)}
}

func ticket(i *model.JobScriptOrderInfoModel) coc.Ticket {
	p := value(i.Properties)
	x := value(p.ExecuteParam)
	return coc.Ticket{ExecuteUUID: coc.ExecuteUUID(value(i.ExecuteUuid)), Created: moment(i.GmtCreated), Finished: moment(i.GmtFinished),
		Creator: value(i.Creator), Status: coc.TicketStatus(word(i.Status)), ScriptUUID: value(p.ScriptUuid),
		ScriptName: value(p.ScriptName), ScriptVersion: value(p.ScriptVersionName), CurrentBatch: value(p.CurrentExecuteBatchIndex),
		Timeout: time.Duration(x.Timeout) * time.Second, SuccessRate: &x.SuccessRate, ExecuteUser: x.ExecuteUser,
		Params: convert(x.ScriptParams, func(p model.ScriptExecuteInputParam) coc.Param {
			return coc.Param{Name: p.ParamName, Value: p.ParamValue, Order: value(p.ParamOrder)}
		})}
}

func batch(b model.JobScriptBatchListModel) coc.Batch {
	return coc.Batch{Index: value(b.BatchIndex), TotalInstances: value(b.TotalInstances),
		Rotation: coc.RotationStrategy(word(b.RotationStrategy)), Properties: value(b.Properties)}
}

func instance(i model.ExectionInstanceModel) coc.Instance {
	t := value(i.TargetInstance)
	p := value(t.Properties)
	return coc.Instance{ID: value(i.Id), Created: moment(i.GmtCreated), Finished: moment(i.GmtFinished),
		Status: coc.InstanceStatus(word(i.Status)), Message: value(i.Message),
		Target: coc.Target{ResourceID: t.ResourceId, Provider: t.Provider, Type: t.Type.Value(), RegionID: t.RegionId,
			AgentSN: value(t.AgentSn), AgentStatus: value(t.AgentStatus), ProjectID: value(p.ProjectId), HostName: p.HostName,
			FixedIP: p.FixedIp, FloatingIP: value(p.FloatingIp), ZoneID: p.ZoneId, Application: value(p.Application), Group: value(p.Group)}}
}

func statistics(s *model.JobScriptOrderStatisticsModel) coc.Statistics {
	return coc.Statistics{Total: value(s.TotalInstance), Counts: convert(s.ExecuteStatistics, func(c model.ExectuionStatistic) coc.StatusCount {
		return coc.StatusCount{Status: coc.InstanceStatus(c.InstanceStatus), Count: c.InstanceCount, Batches: c.BatchIndexes}
	})}
}

func same(t *testing.T, what string, sdk, ours any) {
	t.Helper()
	if !reflect.DeepEqual(sdk, ours) {
		t.Errorf("%s\nthe SDK  %+v\nour own  %+v", what, sdk, ours)
	}
}

// TestSameValues reads every ticket of the demo set with both clients.
func TestSameValues(t *testing.T) {
	w := newWorld(t, nil)
	limit := int32(25)
	rows, total := w.pages(model.ListScriptJobsRequest{Limit: &limit})
	var own []coc.TicketSummary
	for q := (coc.TicketQuery{Limit: limit}); ; q.Marker = own[len(own)-1].OrderID {
		page := must(w.ours.ListTickets(t.Context(), w.caller, q))(t)
		if page.Total != total {
			t.Fatalf("total %d, the SDK's %d", page.Total, total)
		}
		if len(page.Tickets) == 0 || len(own) > len(rows) {
			break
		}
		own = append(own, page.Tickets...)
	}
	same(t, "list", convert(&rows, summary), own)
	for _, row := range rows {
		w.sameTicket(row.ExecuteUuid)
	}
}

func (w *world) sameTicket(id string) {
	t := w.t
	t.Helper()
	uuid := coc.ExecuteUUID(id)
	own := must(w.ours.Ticket(t.Context(), w.caller, uuid))(t)
	if own.ScriptSource != "CUSTOM_SCRIPT" {
		t.Errorf("%s: script_source %q", id, own.ScriptSource)
	}
	own.ScriptSource = "" // the SDK does not know it
	same(t, id, ticket(must(w.info(id))(t).Data), own)
	same(t, id+" statistics", statistics(must(w.statistics(id))(t).Data), must(w.ours.Statistics(t.Context(), w.caller, uuid))(t))
	batches := convert(must(w.batches(id))(t).Data, batch)
	same(t, id+" batches", batches, must(w.ours.Batches(t.Context(), w.caller, uuid))(t))
	for _, b := range batches {
		w.sameBatch(id, b)
	}
}

func (w *world) sameBatch(id string, b coc.Batch) {
	t := w.t
	t.Helper()
	page := must(w.batch(id, b.Index))(t).Data
	own := must(w.ours.Instances(t.Context(), w.caller, coc.ExecuteUUID(id), coc.InstanceQuery{Batch: b.Index}))(t)
	unknownToSDK(t, w.wire.last().answer, own.Instances)
	same(t, id+" instances", coc.InstancePage{Batch: value(page.BatchIndex), TotalInstances: value(page.TotalInstances),
		Instances: convert(page.ExecuteInstances, instance)}, own)
	if own.TotalInstances != b.TotalInstances || len(own.Instances) != int(b.TotalInstances) {
		t.Errorf("%s: batch %d has %d rows of %d", id, b.Index, len(own.Instances), b.TotalInstances)
	}
}

// unknownToSDK checks our rows' fields that the SDK does not know against the
// answer itself, and takes them away.
func unknownToSDK(t *testing.T, answer []byte, rows []coc.Instance) {
	t.Helper()
	var body struct {
		Data struct {
			Rows []struct {
				Command *string `json:"cmd_uuid"`
				Target  struct {
					Version *string `json:"agent_version"`
				} `json:"target_instance"`
			} `json:"execute_instances"`
		} `json:"data"`
	}
	if err := json.Unmarshal(answer, &body); err != nil || len(body.Data.Rows) != len(rows) {
		t.Fatalf("%d rows, want %d, error %v", len(body.Data.Rows), len(rows), err)
	}
	for i, row := range body.Data.Rows {
		if rows[i].CommandID != value(row.Command) || rows[i].Target.AgentVersion != value(row.Target.Version) {
			t.Errorf("row %d: cmd_uuid %q, agent_version %q", rows[i].ID, rows[i].CommandID, rows[i].Target.AgentVersion)
		}
		rows[i].CommandID, rows[i].Target.AgentVersion = "", ""
	}
}

// TestSameIDs is TestSameValues for ids at the end of their range.
func TestSameIDs(t *testing.T) {
	w := newWorld(t, lab())
	w.sameTicket(w.UUID("running"))
	own := must(w.ours.AllInstances(t.Context(), w.caller, coc.ExecuteUUID(w.UUID("running")), 3))(t)
	var got []int64
	for _, i := range own {
		got = append(got, coc.InstanceID(i))
	}
	if !slices.Equal(got, []int64{nextHighest, highest}) {
		t.Errorf("ids %v", got)
	}
}
