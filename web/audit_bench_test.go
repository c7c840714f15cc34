package web_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/internal/i18n"
)

// records is how many a large log has: 200,000, or what
// COC_CONSOLE_BENCH_RECORDS says.
func records(b *testing.B) int {
	b.Helper()
	n := 200_000
	if text := os.Getenv("COC_CONSOLE_BENCH_RECORDS"); text != "" {
		var err error
		n, err = strconv.Atoi(text)
		must(b, err)
	}
	return n
}

// large is a console whose log has many records, of a month. With
// COC_CONSOLE_BENCH_FOLDER SQLite's is kept there for the next time.
func large(b *testing.B, dsn string) *console {
	b.Helper()
	n := records(b)
	var written atomic.Int64
	month := 30 * 24 * time.Hour
	begun := time.Now().Add(-month)
	c := start(b, func(s *settings) {
		s.dsn = dsn
		s.log = func(config *audit.Config) {
			config.Key = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
			config.Now = func() time.Time {
				if at := written.Load(); at < int64(n) {
					return begun.Add(month / time.Duration(n) * time.Duration(at))
				}
				return time.Now()
			}
		}
	})
	size, err := c.log.Size(b.Context())
	must(b, err)
	written.Store(size)
	var group sync.WaitGroup
	for worker := range 64 {
		group.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 2))
			people, words := rand.NewZipf(random, 1.3, 3, 199), rand.NewZipf(random, 1.1, 4, 4999)
			for written.Add(1) <= int64(n) {
				_, err := c.log.Append(context.Background(), someRecord(random, people.Uint64(), words.Uint64))
				must(b, err)
			}
		})
	}
	group.Wait()
	pace := time.NewTicker(10 * time.Millisecond)
	defer pace.Stop()
	for { // until a search need not read the log's end by itself
		f, err := c.log.Figures(b.Context())
		must(b, err)
		followed, err := c.index.Followed(b.Context())
		must(b, err)
		if followed == f.Size {
			return c
		}
		<-pace.C
	}
}

// someRecord is one of a person's, as in a large team: one operation in twenty
// fails, reasons are sentences.
func someRecord(random *rand.Rand, who uint64, word func() uint64) audit.Record {
	r := audit.Record{Action: audit.ActionTicketViewed, Outcome: audit.OutcomeSucceeded, Ticket: fmt.Sprintf("SCT%017d", random.IntN(20_000)),
		Actor:  audit.Actor{UserID: fmt.Sprintf("%032x", who), UserName: fmt.Sprintf("person%03d", who), ProjectID: fmt.Sprintf("p%031x", who%20), ProjectName: fmt.Sprintf("project-%d", who%20)},
		Origin: audit.Origin{Address: fmt.Sprintf("10.0.%d.%d", who%4, who), UserAgent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", Session: fmt.Sprintf("%016x", random.Uint64())}}
	switch random.IntN(4) {
	case 0:
		return r
	case 1:
		r.Action, r.Outcome = audit.ActionOperationRequested, audit.OutcomePending
	case 2:
		if r.Action = audit.ActionOperationAccepted; random.IntN(20) == 0 {
			r.Action, r.Outcome = audit.ActionOperationRejected, audit.OutcomeFailed
			r.Upstream = audit.Upstream{Status: 500, Code: fmt.Sprint("COC.0010", random.IntN(10)), Message: "the instance does not answer"}
		}
	default:
		r.Action = audit.ActionOperationObserved
	}
	r.OperationID, r.OperationType = fmt.Sprintf("%016x", random.Uint64N(1<<40)), "PAUSE"
	r.Target = fmt.Sprintf("host-%d (192.168.%d.%d)", random.IntN(5000), random.IntN(250), random.IntN(250))
	r.Reason = "批次三重启实例"
	for range 6 {
		r.Reason += fmt.Sprintf(" word%d", word())
	}
	return r
}

// BenchmarkAuditPage is the list of a large log over HTTP, as a manager opens
// it: cpu-µs is what a page takes of the processors, of the console and of who
// asks alike. Every page is followed by a record of it, so no two are of the
// same log. Of a search that is made again the console remembers what it has
// counted; one that is made first excludes a ticket that nobody has asked for
// before. With busy, others write 2,000 records a second meanwhile.
func BenchmarkAuditPage(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgresql"} {
		b.Run(engine, func(b *testing.B) {
			dsn := ""
			if engine == "postgresql" {
				dsn = audittest.Postgres(b)
			} else if folder := os.Getenv("COC_CONSOLE_BENCH_FOLDER"); folder != "" {
				dsn = filepath.Join(folder, fmt.Sprintf("console-of-%d", records(b)))
			}
			c := large(b, dsn)
			reader := c.signedIn(b, "manager", i18n.EnUS)
			for _, load := range []string{"first", "again", "busy"} {
				b.Run(load, func(b *testing.B) {
					if load == "busy" {
						defer c.busy(b)()
					}
					for _, name := range slices.Sorted(maps.Keys(auditPages)) {
						b.Run(name, func(b *testing.B) { reader.measure(b, auditPages[name], load == "first") })
					}
				})
			}
		})
	}
}

var auditPages = map[string]string{"all": "", "person": "actor:person000", "rare-person": "actor:person150", "failed": "outcome:failed",
	"operations": "action:operation.", "not-person": "-actor:person000", "word": "word0", "two-words": "word1 word2", "chinese": "重启实例"}

// busy appends 2,000 records a second until stop is called.
func (c *console) busy(b *testing.B) (stop func()) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	var group sync.WaitGroup
	group.Go(func() {
		random := rand.New(rand.NewPCG(3, 4))
		people, words := rand.NewZipf(random, 1.3, 3, 199), rand.NewZipf(random, 1.1, 4, 4999)
		pace := time.NewTicker(10 * time.Millisecond)
		defer pace.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-pace.C:
			}
			for range 20 {
				r := someRecord(random, people.Uint64(), words.Uint64)
				group.Go(func() { _, err := c.log.Append(context.Background(), r); must(b, err) })
			}
		}
	})
	return func() { cancel(); group.Wait() }
}

// searched is how many searches were made for the first time.
var searched int

// measure gets the page of a search again and again.
func (b *browser) measure(bench *testing.B, query string, first bool) {
	bench.Helper()
	var took []time.Duration
	before := cpuTime(bench)
	for bench.Loop() {
		q := query
		if first {
			searched++
			q += fmt.Sprintf(" -ticket:SCT%d", searched)
		}
		begun := time.Now()
		b.weigh("/audit?"+url.Values{"q": {q}}.Encode(), func(r *http.Request) { r.Header.Del("Coc-Console-Refresh") })
		took = append(took, time.Since(begun))
	}
	bench.ReportMetric(float64((cpuTime(bench)-before).Microseconds())/float64(bench.N), "cpu-µs")
	slices.Sort(took)
	bench.ReportMetric(0, "ns/op")
	bench.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	bench.ReportMetric(float64(took[len(took)*95/100].Microseconds()), "p95-µs")
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
