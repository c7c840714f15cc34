package web_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/i18n"
	"coc-console/internal/simulator"
	"coc-console/internal/watch"
)

// thousand are 1,000 tickets, of which a few run or wait for a decision.
func thousand(s *settings) {
	s.tickets = nil
	for i := range 1000 {
		run := time.Second
		if i%40 == 0 {
			run = 1600 * time.Second
		}
		one := simulator.InstanceSpec{Host: fmt.Sprintf("ecs-web-%04d", i), IP: "192.168.0.7", Region: "cn-north-4", Run: run, Log: "done"}
		batch := simulator.BatchSpec{Instances: []simulator.InstanceSpec{one}, Pause: i%100 == 50}
		spec := simulator.TicketSpec{Scenario: fmt.Sprint("t", i), Name: fmt.Sprintf("rotate_logs_%d", i), Creator: "operator",
			Age: time.Duration(i+1) * time.Minute, Timeout: 1700 * time.Second, SuccessRate: 50, Batches: []simulator.BatchSpec{batch}}
		if batch.Pause {
			spec.Batches = append(spec.Batches, simulator.BatchSpec{Instances: []simulator.InstanceSpec{one}})
		}
		s.tickets = append(s.tickets, spec)
	}
}

// BenchmarkTicketList loads the list with 50 of 1,000 tickets, whose view is
// warm, over loopback: by one reader on one connection, with the time to the
// first byte of the answer, and by several at once. Each is a record of the log
// on the disk.
func BenchmarkTicketList(b *testing.B) {
	for _, connections := range []int{1, 16} {
		b.Run(fmt.Sprintf("connections=%d", connections), func(b *testing.B) {
			c := start(b, thousand, func(s *settings) { s.watch = watch.Limits{ListFast: time.Hour, ListSlow: time.Hour} })
			var readers []*browser
			for i := range connections {
				r := c.signedIn(b, []string{"operator", "manager", "reader"}[i%3], i18n.EnUS)
				readers = append(readers, r)
				b.ReportMetric(float64(r.weigh("/tickets")), "B/page")
			}
			before := len(c.records(audit.ActionTicketListed))
			cpu := cpuTime(b)
			first, took := c.load(b, readers)
			b.ReportMetric(float64((cpuTime(b)-cpu).Microseconds())/float64(b.N), "cpu-µs/op")
			b.ReportMetric(float64(b.N)/took.Seconds(), "req/s")
			slices.Sort(first)
			for name, share := range map[string]float64{"p50": 0.5, "p99": 0.99} {
				b.ReportMetric(float64(first[int(share*float64(len(first)-1))].Microseconds()), name+"-ttfb-µs")
			}
			if n := len(c.records(audit.ActionTicketListed)) - before; n != b.N {
				b.Errorf("%d loads are %d records", b.N, n)
			}
		})
	}
}

// load loads the list b.N times, and returns the times to the first byte.
func (c *console) load(b *testing.B, readers []*browser) ([]time.Duration, time.Duration) {
	var left atomic.Int64
	left.Store(int64(b.N))
	var mu sync.Mutex
	var all []time.Duration
	var done sync.WaitGroup
	b.ResetTimer()
	begun := time.Now()
	for _, r := range readers {
		done.Go(func() {
			var own []time.Duration
			for left.Add(-1) >= 0 {
				own = append(own, r.firstByte(b, "/tickets"))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, own...)
		})
	}
	done.Wait()
	took := time.Since(begun)
	b.StopTimer()
	return all, took
}

// firstByte loads a page and returns how long its first byte took.
func (b *browser) firstByte(t testing.TB, path string) (took time.Duration) {
	var begun time.Time
	trace := &httptrace.ClientTrace{GotFirstResponseByte: func() { took = time.Since(begun) }}
	r, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), http.MethodGet, b.url+path, nil)
	must(t, err)
	r.Header.Set("Accept-Encoding", "gzip")
	begun = time.Now()
	res, err := b.client.Do(r)
	must(t, err)
	_, err = io.Copy(io.Discard, bufio.NewReaderSize(res.Body, 64<<10))
	must(t, err)
	must(t, res.Body.Close())
	if res.StatusCode != http.StatusOK {
		t.Error(res.Status)
	}
	return took
}
