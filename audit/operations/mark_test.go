package operations_test

import (
	"math/rand/v2"
	"testing"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/operations"
)

// TestMarksSayWhatFoldSays: of any records of an operation, in any order.
func TestMarksSayWhatFoldSays(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	all, known := audittest.Mixed(5000), 0
	for range 20_000 {
		var records []audit.Record
		var marks []operations.Mark
		for i := range 1 + random.IntN(6) {
			r := audittest.Pick(random, all)
			r.OperationID, r.Sequence = "op", int64(10+i)
			records, marks = append(records, r), append(marks, operations.MarkOf(&r))
		}
		place, outcome, ok := operations.Sum(marks)
		row := operations.Fold(records)
		if !ok {
			continue
		}
		known++
		if got := records[place].Sequence; got != row.Sequence || outcome != row.Outcome {
			t.Fatalf("marks say %d %q, Fold says %d %q: %v", got, outcome, row.Sequence, row.Outcome, row.Records)
		}
	}
	if known < 10_000 {
		t.Errorf("marks knew the outcome of only %d of 20000", known)
	}
	if r := audittest.Viewed("nothing"); operations.MarkOf(&r) != 0 {
		t.Error("a record that belongs to no operation has a mark")
	}
}
