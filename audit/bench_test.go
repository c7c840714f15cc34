package audit_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"coc-console/audit"
)

func onEngines(b *testing.B, bench func(b *testing.B, o *opened)) {
	for _, engine := range []string{onSQLite, onPostgreSQL} {
		b.Run(engine, func(b *testing.B) { bench(b, open(b, fresh(b, engine))) })
	}
}

// BenchmarkAppend is one durable record: its time with one appender is the
// latency, with many their common rate.
func BenchmarkAppend(b *testing.B) {
	onEngines(b, func(b *testing.B, o *opened) {
		for _, appenders := range []int{1, 64} {
			b.Run(fmt.Sprintf("appenders=%d", appenders), func(b *testing.B) {
				r := fullRecord()
				var left atomic.Int64
				left.Store(int64(b.N))
				done := make(chan error, appenders)
				b.ResetTimer()
				for range appenders {
					go func() {
						for left.Add(-1) >= 0 {
							if _, err := o.Append(b.Context(), r); err != nil {
								done <- err
								return
							}
						}
						done <- nil
					}()
				}
				for range appenders {
					if err := <-done; err != nil {
						b.Error(err)
					}
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
			})
		}
	})
}

const benchmarked = 20_000

func BenchmarkSearch(b *testing.B) {
	onEngines(b, func(b *testing.B, o *opened) {
		o.appendTogether(b, mixed(benchmarked))
		o.caughtUp(b)
		for name, q := range map[string]audit.Query{
			"newest": {Visible: all}, "middle": {Visible: all, Before: benchmarked / 2},
			"person": {Person: "ann", Visible: all}, "failed": {Outcome: audit.OutcomeFailed, Visible: all},
			"own": {Visible: audit.Visibility{UserID: "id of ben", Tickets: []string{"SCT1"}}},
		} {
			b.Run(name, func(b *testing.B) {
				for b.Loop() {
					if p, err := o.Search(b.Context(), q); err != nil || len(p.Records) != audit.DefaultLimit {
						b.Fatal(len(p.Records), err)
					}
				}
			})
		}
	})
}

func BenchmarkExport(b *testing.B) {
	onEngines(b, func(b *testing.B, o *opened) {
		o.appendTogether(b, mixed(benchmarked))
		o.caughtUp(b)
		for name, q := range map[string]audit.Query{"all": {Visible: all}, "operations": {Action: "operation.", Visible: all}} {
			b.Run(name, func(b *testing.B) {
				n := 0
				for b.Loop() {
					if err := o.Export(b.Context(), q, func(audit.Record) error { n++; return nil }); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "records/s")
			})
		}
	})
}
