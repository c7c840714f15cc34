package web_test

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/simulator"
	"coc-console/internal/watch"
)

// largest is a ticket of 200 instances in 20 batches, half way through.
func largest(s *settings) {
	spec := simulator.TicketSpec{Scenario: "large", Name: "reload", Creator: "operator", Age: 10 * time.Minute, Timeout: 1700 * time.Second, SuccessRate: 50}
	for b := range 20 {
		var batch simulator.BatchSpec
		for i := range 10 {
			run := time.Second
			if b >= 10 {
				run = 1600 * time.Second
			}
			batch.Instances = append(batch.Instances, simulator.InstanceSpec{ID: int64(4030435000 + 10*b + i), Host: fmt.Sprintf("ecs-web-%02d-%d", b, i),
				IP: fmt.Sprintf("192.168.%d.%d", b, i), Region: "cn-north-4", Zone: "cn-north-4a", Run: run, Log: fmt.Sprintf("step %d\nconfiguration of %d is reloaded", i, b)})
		}
		spec.Batches = append(spec.Batches, batch)
	}
	s.tickets = append(s.tickets, spec)
	s.streams.PerSession = 2000
}

// BenchmarkTicketPage measures a page of 200 instances: from a view that others
// look at, too, and rendered again because its filter is one nobody had.
func BenchmarkTicketPage(b *testing.B) {
	for _, fresh := range []bool{false, true} {
		b.Run(fmt.Sprintf("fresh=%v", fresh), func(b *testing.B) {
			c := start(b, largest, func(s *settings) { s.watch = watch.Limits{Fast: time.Hour} })
			reader := c.signedIn(b, "operator", i18n.EnUS)
			var sent int64
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				path := c.ticket("large")
				if fresh {
					i++
					path += "?q=" + spelled("ecs-web-", i)
				}
				sent = reader.weigh(path)
			}
			b.ReportMetric(float64(sent), "B/page")
		})
	}
}

// spelled is a text in one of many spellings, which a search treats alike.
func spelled(text string, i int) string {
	b := []byte(text)
	for at := range b {
		if i>>at&1 == 1 {
			b[at] = strings.ToUpper(text)[at]
		}
	}
	return string(b)
}

// weigh is how many bytes an answer has, compressed.
func (b *browser) weigh(path string, change ...func(*http.Request)) int64 {
	b.t.Helper()
	res, stop := b.openStream(path, change...)
	defer stop()
	defer func() { _ = res.Body.Close() }()
	n, err := io.Copy(io.Discard, res.Body)
	must(b.t, err)
	if res.StatusCode != http.StatusOK {
		b.t.Fatal(res.Status)
	}
	return n
}

// BenchmarkStreams brings the news of one poll to 1,000 open streams over
// loopback: the time is from the nudge until the last of them has it.
func BenchmarkStreams(b *testing.B) {
	const streams = 1000
	c := start(b, largest, func(s *settings) { s.watch = watch.Limits{Fast: time.Hour, Nudge: time.Nanosecond} })
	reader := c.signedIn(b, "operator", i18n.EnUS)
	before := heap()
	all := make([]*events, streams)
	for i := range all {
		all[i] = reader.listen(c.ticket("large") + "/events")
		all[i].must()
	}
	weight := float64(heap()-before) / streams // of both ends
	key := watch.Key{Account: reader.account(), Project: c.upstream.header("X-Project-Id"), Ticket: coc.ExecuteUUID(c.sim.UUID("large"))}
	for b.Loop() {
		c.watcher.Nudge(key)
		var got sync.WaitGroup
		for _, e := range all {
			got.Go(func() { e.must() })
		}
		got.Wait()
	}
	b.ReportMetric(weight, "B/stream")
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) + int64(m.StackInuse)
}

// account is the id of the account that is signed in.
func (b *browser) account() string {
	b.t.Helper()
	return b.records(audit.ActionSessionSignedIn)[0].Actor.AccountID
}
