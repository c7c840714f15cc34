package operatetest

import (
	"testing"
	"time"
)

// Flagged is a flag as the database has it.
func Flagged(b bool) int {
	if b {
		return 1
	}
	return 0
}

// patience is for a machine that has much else to do.
const patience = 90 * time.Second

// Eventually asks until it is so.
func Eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !is() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// Check ends the test for an error.
func Check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
