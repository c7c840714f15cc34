package present

import (
	"slices"
	"testing"

	"coc-console/internal/coc"
	"coc-console/internal/watch"
)

// TestInstanceSearch: parts of names and addresses are found, and a whole address alone, however it is written.
func TestInstanceSearch(t *testing.T) {
	t.Parallel()
	s := &watch.Snapshot{Batches: []watch.Batch{{Batch: coc.Batch{Index: 1}}}}
	for i, target := range []coc.Target{{HostName: "web-1", FixedIP: "10.0.4.1"}, {HostName: "web-12", FixedIP: "10.0.4.12"},
		{HostName: "db", FixedIP: "2001:0DB8:0000:0000:0000:0000:0000:0001", FloatingIP: "10.0.4.11"}} {
		s.Batches[0].Instances = append(s.Batches[0].Instances, watch.Instance{Instance: coc.Instance{ID: int64(i), Target: target}})
	}
	for text, want := range map[string][]int64{"10.0.4.1": {0}, "10.0.4.": {0, 1, 2}, "10.0.4.11": {2}, "WEB-1": {0, 1},
		"2001:db8::1": {2}, "10.0.4.2": nil, "2": {1, 2}} {
		var got []int64
		for _, r := range (InstanceFilter{Search: text}).Rows(s) {
			got = append(got, r.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q finds %v, want %v", text, got, want)
		}
	}
}
