package watch

import (
	"testing"

	"coc-console/internal/coc"
)

// TestSuccessAfterARollBack: the share of rows that finished is not told where
// the statistics count others.
func TestSuccessAfterARollBack(t *testing.T) {
	snapshot := func(finished int32, rows ...coc.InstanceStatus) *Snapshot {
		rate := 80.0
		s := &Snapshot{Ticket: coc.Ticket{SuccessRate: &rate}, Batches: []Batch{{}}}
		s.Batches[0].At = s.Batches[0].At.Add(1)
		for _, status := range rows {
			s.Batches[0].Instances = append(s.Batches[0].Instances, Instance{Instance: coc.Instance{Status: status}})
		}
		s.Statistics = coc.Statistics{Total: int32(len(rows)), Counts: []coc.StatusCount{{Status: coc.InstanceFinished, Count: finished}}}
		return s
	}
	back, good := coc.InstanceRolledBack, coc.InstanceFinished
	if rate, ok := SuccessOf(snapshot(5, back, back, back, back, back, back), 0); ok {
		t.Errorf("beside 5 that finished: %+v", rate)
	}
	if rate, ok := SuccessOf(snapshot(1, good, back), 0); !ok || rate.Finished != 1 || rate.Total != 2 {
		t.Errorf("where both agree: %+v, %v", rate, ok)
	}
	if rate, ok := SuccessOf(snapshot(0, good, good), 0); !ok || rate.Finished != 2 {
		t.Errorf("statistics that are a moment older: %+v, %v", rate, ok)
	}
}
