package store_test

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"coc-console/audit/audittest"
	"coc-console/internal/database"
	"coc-console/internal/store"
)

// BenchmarkClaim claims what an operation does on each engine, and lets go of it, 16 operations at a time.
func BenchmarkClaim(b *testing.B) {
	audittest.OnEngines(b, func(b *testing.B, dsn string) {
		db, err := database.Open(b.Context(), dsn, database.Console)
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		of := store.DB{Write: db.Write, Read: db.Read, Lazily: database.Lazily, AtOnce: db.Engine == database.PostgreSQL}
		keys, leases := store.NewKeys(of), store.NewLeases(of, of.AtOnce)
		var n, claiming atomic.Int64
		ctx := context.WithoutCancel(b.Context())
		b.SetParallelism(8)
		start := audittest.CPUTime(b)
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				id := strconv.FormatInt(n.Add(1), 10)
				began := time.Now()
				if !leases.Shared() {
					if err := keys.ClaimKey(ctx, keyOf(id, store.PathForm)); err != nil {
						b.Error(err)
					}
					claiming.Add(int64(time.Since(began)))
					continue
				}
				if _, err := keys.Claim(ctx, keyOf(id, store.PathForm), store.Target{Ticket: id, Target: "ticket", Operation: id, At: at},
					"", leases); err != nil {
					b.Error(err)
				}
				claiming.Add(int64(time.Since(began)))
				if err := keys.ReleaseTarget(ctx, id); err != nil {
					b.Error(err)
				}
				if err := leases.Release(ctx, id); err != nil {
					b.Error(err)
				}
			}
		})
		b.ReportMetric(float64((audittest.CPUTime(b)-start).Microseconds())/float64(b.N), "cpu-µs/op")
		b.ReportMetric(float64(claiming.Load())/1e3/float64(b.N), "claim-µs")
	})
}
