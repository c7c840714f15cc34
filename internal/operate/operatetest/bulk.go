package operatetest

import (
	"context"
	"fmt"
	"time"

	"coc-console/audit"
	"coc-console/internal/bulk"
	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/internal/simulator"
)

// Cancels is a bulk operation that cancels instances of a ticket, as a page would send it.
func (d *Desk) Cancels(scenario string, rows ...int64) bulk.Request {
	d.T.Helper()
	r := bulk.Request{SessionKey: "operator", Caller: d.Operator, Actor: d.Actor, Type: coc.CancelInstance,
		Reason: "stuck", Key: operate.NewKey()}
	for _, id := range rows {
		r.Targets = append(r.Targets, bulk.Target{Ticket: d.Ticket(scenario), InstanceID: id})
	}
	plan, err := d.Plan(d.T.Context(), r)
	Check(d.T, err)
	for i, item := range plan.Items {
		r.Targets[i].Expected = item.Expected
	}
	r.Count = fmt.Sprint(plan.Stops)
	return r
}

// BulkIs waits until a bulk operation is in a state and returns it.
func (d *Desk) BulkIs(id string, state bulk.State) bulk.Operation {
	d.T.Helper()
	var j bulk.Operation
	Eventually(d.T, "the bulk operation is "+string(state), func() bool {
		var err error
		j, err = d.Bulks.Get(context.Background(), id)
		return err == nil && j.State == state
	})
	return j
}

// States counts the items by their state.
func States(j bulk.Operation) map[bulk.ItemState]int {
	out := map[bulk.ItemState]int{}
	for _, i := range j.Items {
		out[i.State]++
	}
	return out
}

// Wide adds a ticket whose one batch has many running instances.
func Wide(n int) func(*simulator.Config) {
	return func(c *simulator.Config) {
		b := simulator.BatchSpec{}
		for i := range n {
			b.Instances = append(b.Instances, simulator.InstanceSpec{Host: fmt.Sprintf("node-%03d", i), IP: "192.168.1.1",
				Region: "cn-north-4", Zone: "cn-north-4a", Run: 20 * time.Minute})
		}
		c.Tickets = append(c.Tickets, simulator.TicketSpec{Scenario: "wide", Name: "reload", Creator: "operator",
			Age: time.Minute, Timeout: 1500 * time.Second, SuccessRate: 100, Batches: []simulator.BatchSpec{b}})
	}
}

// Rows are the ids of a ticket's first instances.
func (d *Desk) Rows(scenario string, n int) []int64 {
	d.T.Helper()
	all, err := d.Client.AllInstances(d.T.Context(), d.Manager, d.Ticket(scenario), 1)
	Check(d.T, err)
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = coc.InstanceID(all[i])
	}
	return ids
}

// Continued makes a bulk operation run, as a console does that ends right after.
func (d *Desk) Continued(r bulk.Request) {
	d.T.Helper()
	_, err := d.Log.Append(d.T.Context(), audit.Record{Action: audit.ActionJobContinued, Outcome: audit.OutcomeSucceeded,
		Actor: r.Actor, Detail: operate.Detail{Job: r.Key, Run: 1}.String()})
	Check(d.T, err)
	d.Exec(`UPDATE job SET state = 'running', terms = replace(terms, '{', '{"run":1,') WHERE id = $1`, r.Key)
	Check(d.T, d.Reseal(d.T.Context()))
}
