package scripts

import (
	"strings"
	"testing"
	"time"
)

func TestSleeps(t *testing.T) {
	for arguments, want := range map[string]time.Duration{
		"2": 2 * time.Second, "2s": 2 * time.Second, "2m": 2 * time.Minute, "1h": time.Hour, "1.5m": 90 * time.Second,
		".5": 500 * time.Millisecond, "1m 30s": 90 * time.Second, "1 2 3": 6 * time.Second, "1d": 24 * time.Hour, "infinity": maxSleep,
		"999999999h": maxSleep, "2x": 0, "-1": 0, "m": 0, "1m 2x": 0, "1e3": 0,
	} {
		if got := sleeps(arguments); got != want {
			t.Errorf("sleep %s takes %v, want %v", arguments, got, want)
		}
	}
}

func FuzzSleeps(f *testing.F) {
	f.Add("1m 30s")
	f.Add(".5h 99999999d")
	f.Fuzz(func(t *testing.T, arguments string) {
		if d := sleeps(arguments); d < 0 || d > maxSleep {
			t.Errorf("sleep %q takes %v", arguments, d)
		}
	})
}

func TestDivide(t *testing.T) {
	for line, want := range map[string]string{
		"echo a; sleep 2m && echo b": "echo a|sleep 2m|echo b", `echo 'a; b && c'`: `echo 'a; b && c'`, `echo "a;b" ;exit 1`: `echo "a;b"|exit 1`,
		"a & b": "a & b", "": "", "a;": "a|",
	} {
		if got := strings.Join(divide(line), "|"); got != want {
			t.Errorf("%q is %q, want %q", line, got, want)
		}
	}
}
