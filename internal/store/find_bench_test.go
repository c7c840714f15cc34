package store_test

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"coc-console/audit/audittest"
	"coc-console/internal/database"
	"coc-console/internal/store"
)

// BenchmarkFindSession reads a session as each request does, which may be given up.
func BenchmarkFindSession(b *testing.B) {
	audittest.OnEngines(b, func(b *testing.B, dsn string) {
		db, err := database.Open(b.Context(), dsn, database.Console)
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		s := store.NewSessions(store.DB{Write: db.Write, Read: db.Read, Lazily: database.Lazily, AtOnce: db.Engine == database.PostgreSQL})
		sealed := make([]byte, 3000)
		_, _ = rand.Read(sealed)
		if err := s.Add(b.Context(), store.Session{ID: "one", Sealed: sealed, Expires: time.Now().Add(time.Hour).UnixMicro(), MAC: sealed[:32]}); err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(b.Context())
		defer cancel()
		for name, known := range map[string][]byte{"first": nil, "again": sealed} {
			b.Run(name, func(b *testing.B) {
				b.ReportAllocs()
				start := audittest.CPUTime(b)
				for b.Loop() {
					if _, err := s.Find(ctx, "one", known); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64((audittest.CPUTime(b)-start).Microseconds())/float64(b.N), "cpu-µs/op")
			})
		}
	})
}
