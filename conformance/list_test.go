package conformance

import (
	"fmt"
	"slices"
	"testing"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/coc/v1/model"
)

// pages reads a list to its end, by the last row's id.
func (w *world) pages(r model.ListScriptJobsRequest) (rows []model.JobScriptOrderListModel, total int64) {
	w.t.Helper()
	for {
		page := must(w.sdk.ListScriptJobs(&r))(w.t).Data
		if len(page.Data) == 0 {
			return rows, page.Total
		}
		if r.Limit != nil && len(page.Data) > int(*r.Limit) {
			w.t.Fatalf("%d rows on a page of %d", len(page.Data), *r.Limit)
		}
		if rows = append(rows, page.Data...); len(rows) > int(page.Total) {
			w.t.Fatalf("%d rows of %d", len(rows), page.Total)
		}
		r.Marker = &rows[len(rows)-1].OrderId
	}
}

func ids(rows []model.JobScriptOrderListModel) []int64 {
	var list []int64
	for _, r := range rows {
		list = append(list, r.OrderId)
	}
	return list
}

func TestListPaging(t *testing.T) {
	w := newWorld(t, nil)
	for _, limit := range []int32{1, 7, 25, 34, 68, 100} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			rows, total := w.pages(model.ListScriptJobsRequest{Limit: &limit})
			got := ids(rows)
			newestFirst := slices.IsSortedFunc(got, func(a, b int64) int { return int(b - a) })
			if total != int64(len(w.Tickets())) || len(got) != len(w.Tickets()) || !newestFirst || len(slices.Compact(got)) != len(rows) {
				t.Errorf("total %d, ids %v", total, got)
			}
			for i, ticket := range w.Tickets() {
				if rows[i].ExecuteUuid != ticket.ExecuteUUID {
					t.Errorf("row %d is %s, want %s", i, rows[i].ExecuteUuid, ticket.ExecuteUUID)
				}
			}
		})
	}
	rows := must(w.sdk.ListScriptJobs(&model.ListScriptJobsRequest{}))(t).Data
	if len(rows.Data) != 10 || rows.Total != 68 {
		t.Errorf("%d rows of %d without a limit", len(rows.Data), rows.Total)
	}
}

func TestListFilters(t *testing.T) {
	w := newWorld(t, nil)
	limit := int32(30)
	all, _ := w.pages(model.ListScriptJobsRequest{Limit: &limit})
	from, to := *all[40].GmtCreated, *all[20].GmtCreated
	manager, nobody := "manager", "nobody"
	states := model.GetListScriptJobsRequestStatusEnum()
	type row = model.JobScriptOrderListModel
	tests := map[string]struct {
		query model.ListScriptJobsRequest
		keep  func(row) bool
		empty bool
	}{
		"processing":  {query: model.ListScriptJobsRequest{Status: &states.PROCESSING}, keep: func(r row) bool { return r.Status.Value() == "PROCESSING" }},
		"abnormal":    {query: model.ListScriptJobsRequest{Status: &states.ABNORMAL}, keep: func(r row) bool { return r.Status.Value() == "ABNORMAL" }},
		"paused":      {query: model.ListScriptJobsRequest{Status: &states.PAUSED}, keep: func(r row) bool { return r.Status.Value() == "PAUSED" }},
		"canceled":    {query: model.ListScriptJobsRequest{Status: &states.CANCELED}, keep: func(r row) bool { return r.Status.Value() == "CANCELED" }},
		"finished":    {query: model.ListScriptJobsRequest{Status: &states.FINISHED}, keep: func(r row) bool { return r.Status.Value() == "FINISHED" }},
		"creator":     {query: model.ListScriptJobsRequest{Creator: &manager}, keep: func(r row) bool { return *r.Creator == manager }},
		"nobody":      {query: model.ListScriptJobsRequest{Creator: &nobody}, keep: func(row) bool { return false }, empty: true},
		"from":        {query: model.ListScriptJobsRequest{StartTime: &from}, keep: func(r row) bool { return *r.GmtCreated >= from }},
		"to":          {query: model.ListScriptJobsRequest{EndTime: &to}, keep: func(r row) bool { return *r.GmtCreated <= to }},
		"from and to": {query: model.ListScriptJobsRequest{StartTime: &from, EndTime: &to}, keep: func(r row) bool { return *r.GmtCreated >= from && *r.GmtCreated <= to }},
		"all of them": {query: model.ListScriptJobsRequest{StartTime: &from, Creator: &manager, Status: &states.FINISHED},
			keep: func(r row) bool {
				return *r.GmtCreated >= from && *r.Creator == manager && r.Status.Value() == "FINISHED"
			}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.query.Limit = &limit
			got, total := w.pages(test.query)
			want := slices.DeleteFunc(slices.Clone(all), func(r row) bool { return !test.keep(r) })
			if !slices.Equal(ids(got), ids(want)) || total != int64(len(want)) || test.empty != (len(want) == 0) {
				t.Errorf("total %d, ids %v, want %v", total, ids(got), ids(want))
			}
		})
	}
}

func TestInstancePaging(t *testing.T) {
	w := newWorld(t, nil)
	id := w.UUID("large")
	all := *must(w.batch(id, 3))(t).Data.ExecuteInstances
	for _, limit := range []int32{1, 3, 10, 50, 100} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			r := model.GetScriptJobBatchRequest{ExecuteUuid: id, BatchIndex: 3, Limit: limit}
			var got []int64
			for {
				page := must(w.sdk.GetScriptJobBatch(&r))(t).Data
				if *page.BatchIndex != 3 || *page.TotalInstances != 10 || len(*page.ExecuteInstances) > int(limit) {
					t.Fatalf("batch %d, total %d, %d rows", *page.BatchIndex, *page.TotalInstances, len(*page.ExecuteInstances))
				}
				if len(*page.ExecuteInstances) == 0 || len(got) > len(all) {
					break
				}
				for _, row := range *page.ExecuteInstances {
					got = append(got, *row.Id)
				}
				r.Marker = &got[len(got)-1]
			}
			var want []int64
			for _, row := range all {
				want = append(want, *row.Id)
			}
			if !slices.Equal(got, want) || !slices.IsSorted(got) || len(got) != 10 {
				t.Errorf("ids %v, want %v", got, want)
			}
		})
	}
}

func TestInstanceStates(t *testing.T) {
	w := newWorld(t, lab())
	states := model.GetGetScriptJobBatchRequestStatusEnum()
	cancel := int64(highest)
	must(w.operate(w.UUID("running"), model.JobScriptOrderOperationBody{OperationType: operations.CANCEL_INSTANCE, InstanceId: &cancel}))(t)
	w.clock.step(effect)
	tests := []struct {
		status model.GetScriptJobBatchRequestStatus
		batch  int32
		want   []int64
	}{
		{states.READY, 2, []int64{neighbour}}, {states.PROCESSING, 2, []int64{above53}}, {states.FINISHED, 2, nil},
		{states.ABNORMAL, 1, []int64{102}}, {states.FINISHED, 1, []int64{101}}, {states.READY, 1, nil},
		{states.CANCELED, 3, []int64{highest}}, {states.READY, 3, []int64{nextHighest}},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%s in %d", test.status.Value(), test.batch), func(t *testing.T) {
			page := must(w.sdk.GetScriptJobBatch(&model.GetScriptJobBatchRequest{ExecuteUuid: w.UUID("running"), BatchIndex: test.batch,
				Limit: 50, Status: &test.status}))(t).Data
			var got []int64
			for _, row := range *page.ExecuteInstances {
				got = append(got, *row.Id)
			}
			if !slices.Equal(got, test.want) || *page.TotalInstances != 2 {
				t.Errorf("ids %v of %d, want %v", got, *page.TotalInstances, test.want)
			}
		})
	}
}

// TestExactIDs pages by ids that are equal as float64: one of them lost would
// end the list early, or repeat it.
func TestExactIDs(t *testing.T) {
	w := newWorld(t, lab())
	for batch, want := range map[int32][]int64{2: {neighbour, above53}, 3: {nextHighest, highest}} {
		r := model.GetScriptJobBatchRequest{ExecuteUuid: w.UUID("running"), BatchIndex: batch, Limit: 1}
		for i, id := range want {
			rows := *must(w.sdk.GetScriptJobBatch(&r))(t).Data.ExecuteInstances
			if len(rows) != 1 || *rows[0].Id != id {
				t.Errorf("batch %d, page %d: %v, want %d", batch, i+1, rows, id)
			}
			r.Marker = &id
		}
		if rows := *must(w.sdk.GetScriptJobBatch(&r))(t).Data.ExecuteInstances; len(rows) != 0 {
			t.Errorf("batch %d: %v after the last row", batch, rows)
		}
	}
}
