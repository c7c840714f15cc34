package audit_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/export"
	"coc-console/audit/search"
	"coc-console/audit/verify"
)

// BenchmarkFlush is L, the yardstick of all that is durable: how often a
// second this machine overwrites 4 KiB of a file and flushes them.
func BenchmarkFlush(b *testing.B) {
	took := newFlusher(b).flushes(b, b.N)
	report(b, took, b.Elapsed())
}

// flusher is the file of which L overwrites 4 KiB.
type flusher struct{ *os.File }

func newFlusher(b *testing.B) flusher {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "file"))
	if err == nil {
		b.Cleanup(func() { _ = f.Close() })
		_, err = f.Write(make([]byte, 4096))
	}
	if err != nil {
		b.Fatal(err)
	}
	return flusher{f}
}

func (f flusher) flushes(b *testing.B, n int) []time.Duration {
	b.Helper()
	page := make([]byte, 4096)
	took := make([]time.Duration, n)
	for i := range took {
		start := time.Now()
		_, err := f.WriteAt(page, 0)
		if err := errors.Join(err, syscall.Fdatasync(int(f.Fd()))); err != nil {
			b.Fatal(err)
		}
		took[i] = time.Since(start)
	}
	return took
}

// grown is how many records a log has before appends to it are measured: its
// files then have the size that they keep.
const grown = 20_000

// BenchmarkAppend is one durable record: everything on, without the tree, and
// without the follower. Appends and flushes take turns, so that both have the
// same share of what else the machine and its disk do: x_L is the rate in
// terms of L, p50-x_L the time that half of the appends take in terms of that
// of a flush.
func BenchmarkAppend(b *testing.B) {
	for _, engine := range []string{audittest.SQLite, audittest.PostgreSQL} {
		for name, change := range map[string]func(*audit.Config){"signed": audittest.Signing, "without-tree": audit.WithoutTree,
			"signed-unfollowed": audittest.Signing} {
			for _, appenders := range []int{1, 64, 256} {
				b.Run(fmt.Sprintf("%s/%s/appenders=%d", engine, name, appenders), func(b *testing.B) {
					o := open(b, audittest.Fresh(b, engine), change)
					if name == "signed-unfollowed" {
						defer o.PauseFollower(b)()
					}
					o.Fill(b, grown, func(int) audit.Record { return audittest.FullRecord() })
					besideFlushes(b, appenders, func() error { _, err := o.Append(b.Context(), audittest.FullRecord()); return err })
				})
			}
		}
	}
}

// besideFlushes appends b.N records in turns with flushes.
func besideFlushes(b *testing.B, appenders int, f func() error) {
	b.Helper()
	file := newFlusher(b)
	turn := 50 * appenders
	var took, flushes []time.Duration
	var wall, flushing, cpu time.Duration
	b.ResetTimer()
	for len(took) < b.N {
		before, start := audittest.CPUTime(b), time.Now()
		took = append(took, appendFrom(b, min(turn, b.N-len(took)), appenders, f)...)
		wall, cpu = wall+time.Since(start), cpu+audittest.CPUTime(b)-before
		start = time.Now()
		flushes = append(flushes, file.flushes(b, 50)...)
		flushing += time.Since(start)
	}
	b.StopTimer()
	report(b, took, wall)
	b.ReportMetric(float64(cpu.Microseconds())/float64(b.N), "cpu-µs/record")
	slices.Sort(flushes)
	b.ReportMetric(took[b.N/2].Seconds()/flushes[len(flushes)/2].Seconds(), "p50-x_L")
	b.ReportMetric(float64(b.N)/wall.Seconds()*flushing.Seconds()/float64(len(flushes)), "x_L")
}

// appendFrom calls f n times from several goroutines and returns how long each
// call took.
func appendFrom(b *testing.B, n, appenders int, f func() error) []time.Duration {
	b.Helper()
	took := make([]time.Duration, n)
	var next atomic.Int64
	var group sync.WaitGroup
	for range appenders {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				start := time.Now()
				if err := f(); err != nil {
					b.Error(err)
					return
				}
				took[i] = time.Since(start)
			}
		})
	}
	group.Wait()
	return took
}

// report sorts what calls took, and reports it.
func report(b *testing.B, took []time.Duration, wall time.Duration) {
	b.Helper()
	slices.Sort(took)
	b.ReportMetric(float64(len(took))/wall.Seconds(), "records/s")
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1000, "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1000, "p99-µs")
}

// BenchmarkAppendSteadily is a console at work: 200 records a second, each on
// time whether the one before is done or not.
func BenchmarkAppendSteadily(b *testing.B) {
	for _, engine := range []string{audittest.SQLite, audittest.PostgreSQL} {
		b.Run(engine, func(b *testing.B) {
			o := open(b, audittest.Fresh(b, engine), audittest.Signing)
			n := max(b.N, 400)
			took := make([]time.Duration, n)
			var group sync.WaitGroup
			pace := time.NewTicker(5 * time.Millisecond)
			defer pace.Stop()
			b.ResetTimer()
			for i := range n {
				<-pace.C
				group.Go(func() {
					begun := time.Now()
					if _, err := o.Append(b.Context(), audittest.FullRecord()); err != nil {
						b.Error(err)
					}
					took[i] = time.Since(begun)
				})
			}
			group.Wait()
			b.StopTimer()
			report(b, took, b.Elapsed())
		})
	}
}

// BenchmarkOnePerCommit is what the log is compared with: no order, no tree, a
// row and a commit for each record. x_log is how many times its rate the log
// has, with everything on, at the same time.
func BenchmarkOnePerCommit(b *testing.B) {
	for _, engine := range []string{audittest.SQLite, audittest.PostgreSQL} {
		b.Run(engine+"/appenders=64", func(b *testing.B) {
			o := open(b, audittest.Fresh(b, engine), audittest.Signing)
			plain := open(b, audittest.Fresh(b, engine))
			key, blob, connections := "BIGINT GENERATED ALWAYS AS IDENTITY", "BYTEA", 64
			if o.OnSQLite() {
				key, blob, connections = "INTEGER", "BLOB", 1
			}
			audittest.Execute(b, plain.Entries, `CREATE TABLE plain (seq `+key+` PRIMARY KEY, ts BIGINT, body `+blob+`)`)
			plain.Entries.Write.SetMaxOpenConns(connections)
			body := bytes.Repeat([]byte("x"), 700)
			ofLog, ofPlain := inTurns(b, 64, func() error { _, err := o.Append(b.Context(), audittest.FullRecord()); return err }, func() error {
				_, err := plain.Entries.Write.ExecContext(b.Context(), `INSERT INTO plain (ts, body) VALUES ($1, $2)`, 1, body)
				return err
			})
			b.ReportMetric(float64(b.N)/ofPlain.Seconds(), "records/s")
			b.ReportMetric(ofPlain.Seconds()/ofLog.Seconds(), "x_log")
		})
	}
}

// BenchmarkTreeCost is what tiles and signatures cost: a log with them and one
// without, in turns. cost-% is the part of its rate that the log loses.
func BenchmarkTreeCost(b *testing.B) {
	for _, engine := range []string{audittest.SQLite, audittest.PostgreSQL} {
		b.Run(engine+"/appenders=64", func(b *testing.B) {
			with, without := open(b, audittest.Fresh(b, engine), audittest.Signing), open(b, audittest.Fresh(b, engine), audit.WithoutTree)
			defer with.PauseFollower(b)()
			defer without.PauseFollower(b)()
			ofWith, ofWithout := inTurns(b, 64, func() error { _, err := with.Append(b.Context(), audittest.FullRecord()); return err },
				func() error { _, err := without.Append(b.Context(), audittest.FullRecord()); return err })
			b.ReportMetric(float64(b.N)/ofWith.Seconds(), "records/s")
			b.ReportMetric(100*(1-ofWithout.Seconds()/ofWith.Seconds()), "cost-%")
		})
	}
}

// inTurns calls two functions b.N times each, some hundreds at a time, so that
// both have the same share of what else the machine does, and returns how long
// each took.
func inTurns(b *testing.B, appenders int, one, two func() error) (ofOne, ofTwo time.Duration) {
	b.Helper()
	const turn = 1000
	for done := 0; done < b.N; done += turn {
		n := min(turn, b.N-done)
		start := time.Now()
		appendFrom(b, n, appenders, one)
		between := time.Now()
		appendFrom(b, n, appenders, two)
		ofOne, ofTwo = ofOne+between.Sub(start), ofTwo+time.Since(between)
	}
	return ofOne, ofTwo
}

// BenchmarkReplicas is one PostgreSQL log that several consoles append to, 64
// appenders in all; afterwards it must have every record, in order.
func BenchmarkReplicas(b *testing.B) {
	for _, consoles := range []int{1, 2, 4} {
		b.Run(fmt.Sprintf("consoles=%d", consoles), func(b *testing.B) {
			dsn := audittest.Fresh(b, audittest.PostgreSQL)
			logs := make([]*opened, consoles)
			for i := range logs {
				logs[i] = open(b, dsn, audittest.Signing)
			}
			var next atomic.Int64
			b.ResetTimer()
			took := appendFrom(b, b.N, 64, func() error {
				_, err := logs[next.Add(1)%int64(consoles)].Append(b.Context(), audittest.FullRecord())
				return err
			})
			b.StopTimer()
			report(b, took, b.Elapsed())
			for _, l := range logs { // which signs the end
				if err := l.CloseAll(); err != nil {
					b.Fatal(err)
				}
			}
			if r := open(b, dsn, audittest.Signing).MustVerify(b, verify.Options{}); !r.OK() || r.Size != int64(b.N) {
				b.Fatal(r.Size, r.Findings)
			}
		})
	}
}

// BenchmarkLarge verifies a large log of small records and proves records of it.
func BenchmarkLarge(b *testing.B) {
	for _, engine := range []string{audittest.SQLite, audittest.PostgreSQL} {
		b.Run(engine, func(b *testing.B) {
			o := open(b, audittest.Fresh(b, engine), audittest.Signing)
			resume := o.PauseFollower(b)
			defer resume()
			n := audittest.Size(b)
			o.Fill(b, n, func(int) audit.Record { return audittest.Viewed("") })
			b.Run("verify", func(b *testing.B) {
				before := audittest.CPUTime(b)
				for b.Loop() {
					if r := o.MustVerify(b, verify.Options{}); !r.OK() || r.Size != int64(n) {
						b.Fatal(r.Findings)
					}
				}
				b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "records/s")
				b.ReportMetric(float64((audittest.CPUTime(b)-before).Nanoseconds())/float64(n*b.N), "cpu-ns/record")
			})
			b.Run("prove", func(b *testing.B) {
				took := appendFrom(b, b.N, 1, func() error {
					_, err := o.Prove(b.Context(), rand.Int64N(int64(n))+1, int64(n))
					return err
				})
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)*95/100].Microseconds()), "p95-µs")
			})
		})
	}
}

const benchmarked = 20_000

func BenchmarkSearch(b *testing.B) {
	audittest.OnEngines(b, func(b *testing.B, dsn string) {
		o := open(b, dsn)
		o.AppendTogether(b, audittest.Mixed(benchmarked))
		o.CaughtUp(b)
		for name, q := range map[string]search.Query{
			"newest": {Visible: audittest.All}, "middle": {Visible: audittest.All, Before: benchmarked / 2},
			"person": {Person: "ann", Visible: audittest.All}, "failed": {Outcome: audit.OutcomeFailed, Visible: audittest.All},
			"own": {Visible: search.Visibility{UserID: "id of ben", Tickets: []string{"SCT1"}}},
		} {
			b.Run(name, func(b *testing.B) {
				for b.Loop() {
					if p, err := o.Index.Search(b.Context(), q); err != nil || len(p.Records) != search.DefaultLimit {
						b.Fatal(len(p.Records), err)
					}
				}
			})
		}
	})
}

func BenchmarkExport(b *testing.B) {
	audittest.OnEngines(b, func(b *testing.B, dsn string) {
		o := open(b, dsn)
		o.AppendTogether(b, audittest.Mixed(benchmarked))
		o.CaughtUp(b)
		for name, q := range map[string]search.Query{"all": {Visible: audittest.All}, "operations": {Action: "operation.", Visible: audittest.All}} {
			b.Run(name, func(b *testing.B) {
				n := 0
				for b.Loop() {
					if err := export.Records(b.Context(), o.Index, q, func(audit.Record) error { n++; return nil }); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "records/s")
			})
		}
	})
}
