package templates

import (
	"testing"
	"time"
)

// TestNothingReadIsNotVerified: the verification of a log that was still empty
// does not vouch for the records that came since.
func TestNothingReadIsNotVerified(t *testing.T) {
	at := time.Unix(1, 0)
	for want, i := range map[string]*Integrity{
		"pending":   {VerifiedAt: at},
		"succeeded": {VerifiedAt: at, Verified: 1},
		"unknown":   {VerifiedAt: at, Verified: 1, Failed: true},
		"failed":    {VerifiedAt: at, Findings: []Finding{{Sequence: 1}}},
	} {
		if got := i.verdict(); got != want {
			t.Errorf("%+v: %s, want %s", i, got, want)
		}
	}
}
