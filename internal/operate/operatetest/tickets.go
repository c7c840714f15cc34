package operatetest

import (
	"time"

	"coc-console/internal/coc"
	"coc-console/internal/simulator"
)

// Tickets are one of each state that an operation can meet.
func Tickets() []simulator.TicketSpec {
	batch := func(pause bool, run time.Duration, exit int) simulator.BatchSpec {
		b := simulator.BatchSpec{Pause: pause}
		for range 2 {
			b.Instances = append(b.Instances, simulator.InstanceSpec{Host: "web-1", IP: "192.168.0.1", Region: "cn-north-4",
				Zone: "cn-north-4a", Run: run, ExitCode: exit})
		}
		return b
	}
	ticket := func(scenario string, age time.Duration, batches ...simulator.BatchSpec) simulator.TicketSpec {
		return simulator.TicketSpec{Scenario: scenario, Name: "reload", Creator: "operator", Age: age,
			Timeout: 1500 * time.Second, SuccessRate: 100, Batches: batches}
	}
	const long = 20 * time.Minute
	held := ticket("held", time.Minute, batch(false, long, 0), batch(false, long, 0))
	held.Operations = []simulator.PastOperation{{After: 30 * time.Second,
		Operation: simulator.Operation{Type: "PAUSE_ORDER"}}}
	return []simulator.TicketSpec{
		ticket("running", time.Minute, batch(false, long, 0), batch(false, long, 0), batch(false, long, 0)),
		ticket("paused", time.Hour, batch(true, time.Second, 0), batch(false, long, 0), batch(false, long, 0)),
		ticket("abnormal", time.Hour, batch(false, time.Second, 1), batch(false, long, 0)),
		ticket("last", time.Hour, batch(false, time.Second, 1)),
		ticket("finished", 2*time.Hour, batch(false, time.Second, 0)),
		held,
	}
}

// The operations on a whole ticket.
var (
	PauseOrder    = coc.Operation{Type: coc.PauseOrder}
	ContinueOrder = coc.Operation{Type: coc.ContinueOrder}
	CancelOrder   = coc.Operation{Type: coc.CancelOrder}
)

// Skip skips a batch.
func Skip(batch int32) coc.Operation { return coc.Operation{Type: coc.SkipBatch, BatchIndex: batch} }

// Cancel cancels an instance.
func Cancel(instance int64) coc.Operation {
	return coc.Operation{Type: coc.CancelInstance, InstanceID: instance}
}
