package web_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"coc-console/internal/coc"
	"coc-console/internal/i18n"
	"coc-console/internal/simulator"
	"coc-console/internal/watch"
)

// crowded are ten tickets of 200 instances, of which some end in every round of 20 s.
func crowded(s *settings) {
	s.tickets, s.streams.PerSession = nil, 1000
	s.watch = watch.Limits{Fast: time.Hour, Slow: time.Hour, Nudge: time.Nanosecond}
	for i := range 10 {
		spec := simulator.TicketSpec{Scenario: fmt.Sprint("t", i), Name: fmt.Sprint("reload-", i), Creator: "operator", Timeout: 1700 * time.Second, SuccessRate: 50}
		for b := range 20 {
			var batch simulator.BatchSpec
			for row := range 10 {
				batch.Instances = append(batch.Instances, simulator.InstanceSpec{Host: fmt.Sprintf("ecs-web-%02d-%d", b, row), IP: fmt.Sprintf("192.168.%d.%d", b, row),
					Region: "cn-north-4", Zone: "cn-north-4a", Run: time.Duration(10+2*row) * time.Second, Log: fmt.Sprintf("step %d\nreloaded", row)})
			}
			spec.Batches = append(spec.Batches, batch)
		}
		s.tickets = append(s.tickets, spec)
	}
}

// TestStreamsKeepLittle: however often tickets change, what 100 streams of ten of them take does not grow.
func TestStreamsKeepLittle(t *testing.T) {
	if testing.Short() {
		t.Skip("it measures memory, of which the race detector takes more")
	}
	const rounds = 16
	c := start(t, crowded)
	var readers []*browser
	for _, user := range []string{"operator", "manager", "reader"} {
		for _, language := range i18n.Languages() {
			readers = append(readers, c.signedIn(t, user, language))
		}
	}
	var all []*events
	for i := range 100 {
		all = append(all, readers[i%len(readers)].listen(c.ticket(fmt.Sprint("t", i%10))+"/events"))
		all[i].must()
	}
	account := readers[1].account()
	begun := heap()
	for range rounds {
		c.clock.advance(20 * time.Second)
		for i := range 10 {
			c.watcher.Nudge(watch.Key{Account: account, Project: c.upstream.header("X-Project-Id"), Ticket: coc.ExecuteUUID(c.sim.UUID(fmt.Sprint("t", i)))})
		}
		var got sync.WaitGroup
		for _, e := range all {
			got.Go(func() { e.until(`id="read-at"`) })
		}
		got.Wait()
	}
	grown := float64(heap()-begun) / (1 << 20)
	t.Logf("%d rounds of changes took %.1f MiB", rounds, grown)
	if grown > 12 {
		t.Errorf("%d rounds of changes keep %.1f MiB", rounds, grown)
	}
}
