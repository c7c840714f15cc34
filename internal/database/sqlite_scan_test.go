package database

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
)

// TestEachEntry: in their order, several at the same time, until an error.
func TestEachEntry(t *testing.T) {
	db := open(t, t.TempDir(), Audit)
	for i := range 100 {
		if _, err := db.Write.ExecContext(t.Context(), `INSERT INTO entry (seq, ts, body) VALUES ($1, $2, $3)`, i+1, i+7, fmt.Appendf(nil, "body %d", i+1)); err != nil {
			t.Fatal(err)
		}
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			var got, want []string
			for n := 11; n <= 90; n++ {
				want = append(want, fmt.Sprintf("%d %d body %d", n, n+6, n))
			}
			err := db.EachEntry(t.Context(), `seq > $1 AND seq <= $2`, []any{10, 90}, func(seq, ts int64, body []byte) error {
				got = append(got, fmt.Sprintf("%d %d %s", seq, ts, body))
				return nil
			})
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("got %q (%v)", got, err)
			}
		})
	}
	group.Wait()
	calls, stop := 0, errors.New("stop")
	if err := db.EachEntry(t.Context(), `seq IN ($1, $2, $3)`, []any{30, 20, 10}, func(seq, _ int64, _ []byte) error {
		if calls++; seq == 20 {
			return stop
		}
		return nil
	}); !errors.Is(err, stop) || calls != 2 {
		t.Errorf("after %d calls it returned %v", calls, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	if err := db.EachEntry(ended, `seq > $1`, []any{0}, func(int64, int64, []byte) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context it returned %v", err)
	}
	if err := db.EachEntry(t.Context(), `no_column > $1`, []any{0}, nil); err == nil || errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a wrong condition is %v", err)
	}
	if len(db.readers.all) != 0 {
		t.Errorf("%d readers are left", len(db.readers.all))
	}
	if _, err := db.Read.ExecContext(t.Context(), `SELECT hand_row(1, 2, 3, x'')`); err == nil {
		t.Error("a reader that is not there took a row")
	}
}

// TestEachEntryOfOtherTypes: who may change the schema can store them.
func TestEachEntryOfOtherTypes(t *testing.T) {
	db := open(t, t.TempDir(), Audit)
	if _, err := db.Write.ExecContext(t.Context(), `DROP TABLE entry; CREATE TABLE entry (seq, ts, body);
		INSERT INTO entry VALUES (2, 2, x'62'), (1, 1, x'61'), (3, 3, 'c')`); err != nil {
		t.Fatal(err)
	}
	var got []int64
	each := func(seq, _ int64, _ []byte) error { got = append(got, seq); return nil }
	if err := db.EachEntry(t.Context(), `seq < $1`, []any{3}, each); err != nil || !slices.Equal(got, []int64{1, 2}) {
		t.Errorf("without a key: %v (%v)", got, err)
	}
	if err := db.EachEntry(t.Context(), `seq = $1`, []any{3}, each); err == nil {
		t.Error("a body that is text was taken")
	}
}

func TestEachEntryIsOfSQLite(t *testing.T) {
	db := open(t, postgres(t), Audit)
	if err := db.EachEntry(t.Context(), `seq > $1`, []any{0}, nil); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}
