package watch

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"coc-console/internal/simulator"
)

// largest is a ticket of as many servers as there can be, half way through.
func largest() simulator.TicketSpec {
	var batches [][]time.Duration
	for i := range 20 {
		run := time.Second
		if i >= 10 {
			run = long
		}
		var b []time.Duration
		for range 10 {
			b = append(b, run)
		}
		batches = append(batches, b)
	}
	s := spec("large", time.Minute, batches...)
	for i := range s.Batches {
		for j := range s.Batches[i].Instances {
			s.Batches[i].Instances[j].Log = strings.Repeat("a line of the log\n", 1000)
		}
	}
	return s
}

// BenchmarkPublish hands one new snapshot to 1,000 viewers, who listen, each in
// a goroutine of its own, or do not.
func BenchmarkPublish(b *testing.B) {
	for _, listening := range []bool{false, true} {
		b.Run(fmt.Sprintf("viewers=1000/listening=%v", listening), func(b *testing.B) {
			d := newFixture(b, Limits{}, largest())
			u := d.signIn("operator", "s")
			var got, over sync.WaitGroup
			stop := make(chan struct{})
			var first *Viewer[Snapshot]
			for range 1000 {
				v := d.join("large", u)
				if first = v; listening {
					over.Go(func() { listen(v, stop, got.Done) })
				}
			}
			view := first.poller
			session := view.pick()
			b.ReportAllocs()
			for b.Loop() {
				if listening {
					got.Add(1000)
				}
				view.finish(session, true, nil)
				got.Wait()
			}
			close(stop)
			over.Wait()
		})
	}
}

func listen(v *Viewer[Snapshot], stop <-chan struct{}, got func()) {
	for {
		select {
		case <-v.Changed():
			if v.Snapshot().Version > 0 {
				got()
			}
		case <-stop:
			return
		}
	}
}

// BenchmarkPoll polls the largest ticket over loopback while nothing happens,
// and tells how many upstream calls that is.
func BenchmarkPoll(b *testing.B) {
	for _, viewers := range []int{1, 50, 1000} {
		b.Run(fmt.Sprintf("viewers=%d", viewers), func(b *testing.B) {
			d := newFixture(b, Limits{Running: 1000 * time.Hour, Recheck: 1000 * time.Hour}, largest())
			d.clock.asked = make(chan time.Duration, 1000)
			u := d.signIn("operator", "s")
			var v *Viewer[Snapshot]
			for i := range viewers {
				v = d.join("large", u.as(fmt.Sprint(i)))
			}
			d.waits()
			before := d.sim.Calls(simulator.AnyCOCCall)
			b.ReportAllocs()
			polls := 0
			for b.Loop() {
				// Only the view's clock moves: the ticket stays as it is.
				v.poller.mu.Lock()
				v.poller.due = d.clock.now()
				v.poller.mu.Unlock()
				v.poller.signal()
				d.waits()
				polls++
			}
			b.ReportMetric(float64(d.sim.Calls(simulator.AnyCOCCall)-before)/float64(polls), "calls/op")
		})
	}
}

// BenchmarkMemory weighs what is kept for one more: a viewer of a session that
// looks already, a session of its own, and the view of a largest ticket. The
// last is an upper bound: it holds what the simulator keeps for it, too.
func BenchmarkMemory(b *testing.B) {
	const viewers, tickets = 999, 20
	var specs []simulator.TicketSpec
	for i := range tickets + 1 {
		s := largest()
		s.Scenario = fmt.Sprint(i)
		specs = append(specs, s)
	}
	for name, c := range map[string]struct {
		more int
		join func(d *fixture, u *user, i int)
	}{
		"viewer":  {viewers, func(d *fixture, u *user, _ int) { d.join("0", u) }},
		"session": {viewers, func(d *fixture, u *user, i int) { d.join("0", u.as(fmt.Sprint(i))) }},
		"ticket":  {tickets, func(d *fixture, u *user, i int) { d.join(fmt.Sprint(i), u) }},
	} {
		b.Run(name, func(b *testing.B) {
			var each float64
			for b.Loop() {
				d := newFixture(b, Limits{}, specs...)
				u := d.signIn("operator", "s")
				d.join("0", u)
				before := heap()
				for i := range c.more {
					c.join(d, u, i+1)
				}
				each = float64(heap()-before) / float64(c.more)
				d.Close()
			}
			b.ReportMetric(each, "B/"+name)
		})
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
