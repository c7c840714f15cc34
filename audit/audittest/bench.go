package audittest

import (
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// OnEngines runs a benchmark on both.
func OnEngines(b *testing.B, bench func(b *testing.B, dsn string)) {
	for _, engine := range []string{SQLite, PostgreSQL} {
		b.Run(engine, func(b *testing.B) { bench(b, Fresh(b, engine)) })
	}
}

// CPUTime is what this process has used: the truth on a machine that others use.
func CPUTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Size is how many records large benchmarks have: 1,000,000, or what
// COC_CONSOLE_BENCH_RECORDS says.
func Size(b *testing.B) int {
	b.Helper()
	if text := os.Getenv("COC_CONSOLE_BENCH_RECORDS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			b.Fatal(err)
		}
		return n
	}
	return 1_000_000
}
