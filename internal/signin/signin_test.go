package signin

import (
	"strings"
	"testing"
)

func TestOtherKind(t *testing.T) {
	for token, want := range map[string]bool{
		"MIIYJ" + strings.Repeat("A", 500): false, "MII": false, strings.Repeat("x", 100): false,
		"eyJhbGciOi" + strings.Repeat("A", 500): true, "HPUA12345": true,
	} {
		if got := otherKind(token); got != want {
			t.Errorf("%.10q: got %v, want %v", token, got, want)
		}
	}
}
