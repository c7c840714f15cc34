package simulator

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

var big = Config{Tickets: []TicketSpec{}, Crowd: Crowd{Tickets: 10_000, Instances: 200}}

// TestCrowdFates: what a list says of a ticket that nobody has built is what
// building it yields, whatever the rules.
func TestCrowdFates(t *testing.T) {
	rules := []Rules{{}, {ThresholdPerOrder: true, StopEarly: true, IgnoreCanceled: true}, {PauseAfterBatch: true, SkipWhileProcessing: true},
		{EffectDelay: time.Hour, ScheduleDelay: time.Hour, NoContinueFromAbnormal: true}, {RollBack: true}, {EffectDelay: -1, ScheduleDelay: -1, RowsDatedByTicket: true}}
	for i, rule := range rules {
		s := New(Config{Now: newClock().now, Seed: uint64(i), Rules: rule, Tickets: []TicketSpec{}, Crowd: Crowd{Tickets: 600}})
		seen := map[string]int{}
		for _, tk := range s.tickets {
			fate, servers := tk.status, 0
			s.touch(tk)
			if tk.status != fate && fate != ready {
				t.Errorf("rules %d: %s is %s, said to be %s", i, tk.uuid, tk.status, fate)
			}
			for _, b := range tk.batches {
				servers += len(b.rows)
				if len(b.rows) < 1 || len(b.rows) > maxBatch {
					t.Errorf("a batch of %d", len(b.rows))
				}
			}
			if servers > maxInstances || len(tk.batches) > 20 {
				t.Errorf("%d instances in %d batches", servers, len(tk.batches))
			}
			seen[fate]++
		}
		if len(seen) < 5 && rule.ScheduleDelay <= 0 {
			t.Errorf("only %v", seen)
		}
	}
}

// TestUnloading: what is dropped comes back as it was, and what was operated
// on stays.
func TestUnloading(t *testing.T) {
	c := newClock()
	s := New(Config{Now: c.now, Tickets: []TicketSpec{}, Crowd: Crowd{Tickets: 2000, Instances: 20}})
	i := slices.IndexFunc(s.tickets, func(t *ticket) bool { return t.plan.fate == paused })
	j := slices.IndexFunc(s.tickets, func(t *ticket) bool { return t.plan.fate == abnormal })
	kept, dropped := s.tickets[i], s.tickets[j]
	s.touch(kept)
	s.touch(dropped)
	if err := kept.accept(Operation{Type: continueOrder}); err != nil {
		t.Fatal(err)
	}
	kept.operated = true
	before := everything(dropped)
	c.step(24 * time.Hour)
	s.Tickets()
	if dropped.batches != nil || kept.batches == nil || len(s.loaded) > maxLoaded {
		t.Errorf("dropped: %v, kept: %v, loaded: %d", dropped.batches == nil, kept.batches != nil, len(s.loaded))
	}
	s.touch(dropped)
	s.touch(kept)
	if after := everything(dropped); !reflect.DeepEqual(before, after) {
		t.Errorf("%v\nwas %v", after, before)
	}
	if kept.status != finished {
		t.Errorf("continued, and %s a day later", kept.status)
	}
}

// everything is all that can be read of a ticket.
func everything(t *ticket) []any {
	list := []any{t.summary(), t.info(), t.batchList(), t.statistics()}
	for _, b := range t.batches {
		for _, r := range b.rows {
			list = append(list, t.instance(r))
		}
	}
	return list
}

// TestCrowdPages pages through everything over HTTP, and through one status.
func TestCrowdPages(t *testing.T) {
	w := newWorld(t, Config{Crowd: Crowd{Tickets: 500, Instances: 30}})
	token := w.signIn("reader")
	states := map[string]int64{}
	read := func(query string) (n, total int64) {
		marker := ""
		for {
			var page listBody
			w.get(token, orders+"?limit=100"+query+marker, &page)
			if len(page.Data) == 0 {
				return n, page.Total
			}
			for _, row := range page.Data {
				n++
				if query == "" {
					states[row.Status]++
				}
				if over := row.Status == finished || row.Status == canceled; over != (row.Finished != nil) {
					t.Errorf("%+v", row)
				}
			}
			marker = fmt.Sprintf("&marker=%d", page.Data[len(page.Data)-1].OrderID)
		}
	}
	if n, total := read(""); n != 568 || total != 568 {
		t.Errorf("%d of %d tickets", n, total)
	}
	for status, want := range states {
		if status == ready { // no longer a filter value
			continue
		}
		if n, total := read("&status=" + status); n != want || total != want {
			t.Errorf("%s: %d of %d, want %d", status, n, total, want)
		}
	}
}

func TestBigStart(t *testing.T) {
	s := New(big)
	if s.Size() != 10_000 {
		t.Errorf("%d tickets", s.Size())
	}
}

// BenchmarkStart says how much memory the tickets take, too.
func BenchmarkStart(b *testing.B) {
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		s := New(big)
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(s)
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB")
}

// BenchmarkTicketPage makes the calls of a ticket page, on tickets at random:
// information, batches, statistics and the first batch's instances. An
// operation is four calls.
func BenchmarkTicketPage(b *testing.B) {
	w := newWorld(b, big)
	token := w.signIn("operator")
	w.client.Transport = &http.Transport{MaxIdleConnsPerHost: 64}
	var mu sync.Mutex
	var took []time.Duration
	begin := time.Now()
	b.RunParallel(func(pb *testing.PB) {
		var own []time.Duration
		for pb.Next() {
			ticket := orders + "/" + w.tickets[rand.IntN(len(w.tickets))].uuid
			for _, path := range []string{ticket, ticket + "/batches", ticket + "/statistics", ticket + "/batches/1?limit=50"} {
				start := time.Now()
				if r := w.coc(token, http.MethodGet, path, ""); r.status != http.StatusOK {
					b.Error(r.status, r.body, r.err)
				}
				own = append(own, time.Since(start))
			}
		}
		mu.Lock()
		defer mu.Unlock()
		took = append(took, own...)
	})
	report(b, begin, took)
}

// BenchmarkBigList asks for a page of 100 of one status, of 10,000 tickets.
func BenchmarkBigList(b *testing.B) {
	w := newWorld(b, big)
	token := w.signIn("operator")
	var took []time.Duration
	begin := time.Now()
	for b.Loop() {
		start := time.Now()
		path := fmt.Sprintf("%s?limit=100&status=ABNORMAL&marker=%d", orders, 88000+rand.IntN(205_000))
		if r := w.coc(token, http.MethodGet, path, ""); r.status != http.StatusOK {
			b.Fatal(r.status, r.body, r.err)
		}
		took = append(took, time.Since(start))
	}
	report(b, begin, took)
}

func report(b *testing.B, begin time.Time, took []time.Duration) {
	b.Helper()
	all := time.Since(begin)
	slices.Sort(took)
	b.ReportMetric(float64(len(took))/all.Seconds(), "calls/s")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
}
