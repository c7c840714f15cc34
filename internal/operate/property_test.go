package operate_test

import (
	"context"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/internal/simulator"
)

// promise watches that no operation reaches COC past the log.
type promise struct {
	d    *desk
	from int64 // the log's size at the start
	mu   sync.Mutex
	sent int
	bad  []string
}

// arrive is called when an operation has arrived at COC.
func (p *promise) arrive() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent++
	if n := len(p.requests()); n < p.sent {
		p.bad = append(p.bad, "an operation was sent without a request in the log")
	}
}

// requests are all requests in the log.
func (p *promise) requests() []audit.Record {
	page, err := p.d.log.Search(context.Background(), audit.Query{Action: audit.ActionOperationRequested, After: p.from, Limit: audit.MaxLimit,
		Visible: audit.Visibility{All: true}})
	if err != nil {
		p.bad = append(p.bad, err.Error())
	}
	return page.Records
}

// check checks that every key stands for at most one operation, and that each
// that was sent has an answer.
func (p *promise) check(t *rapid.T) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.bad {
		t.Error(b)
	}
	requests := p.requests()
	if len(requests) != p.sent {
		t.Errorf("%d requests in the log, %d operations sent", len(requests), p.sent)
	}
	keys := map[string]bool{}
	for _, r := range requests {
		if keys[r.OperationID] {
			t.Errorf("the key %s was used twice", r.OperationID)
		}
		keys[r.OperationID] = true
		if receipt := p.d.receipt(r.OperationID); receipt.Answer == nil || receipt.Requested.Sequence > receipt.Answer.Sequence {
			t.Errorf("the receipt is %+v", receipt)
		}
	}
}

// TestNothingPastTheLog sends random forms with random keys, old and damaged
// pictures, to a COC that fails in random ways, alone and at the same time.
func TestNothingPastTheLog(t *testing.T) {
	d := newDesk(t)
	rapid.Check(t, func(rt *rapid.T) {
		d.simulate()
		d.Service = d.serve()
		size, err := d.log.Size(t.Context())
		check(t, err)
		p := &promise{d: d, from: size}
		arrive := p.arrive
		d.onPut.Store(&arrive)
		keys := []string{operate.NewKey(), operate.NewKey(), operate.NewKey(), "no key"}
		old := map[string]operate.Request{}
		for range rapid.IntRange(1, 8).Draw(rt, "steps") {
			switch rapid.IntRange(0, 5).Draw(rt, "what") {
			case 0:
				d.clock.step(effect)
			case 1:
				check(t, d.Close())
				d.Service = d.serve()
				check(t, d.Resume(t.Context()))
			default:
				p.disturb(rt)
				p.apply(rt, keys, old)
			}
		}
		check(t, d.Close())
		p.check(rt)
	})
}

func (p *promise) disturb(rt *rapid.T) {
	f := rapid.SampledFrom([]simulator.Fault{
		{Effect: simulator.Slow}, {Effect: simulator.Slow}, {Effect: simulator.Reset}, {Effect: simulator.Reset, Late: true},
		{Effect: simulator.HalfBody}, {Effect: simulator.NoEffect}, {Effect: simulator.OtherRow}, {Status: 502, Late: true},
		{Status: 400, Code: "COC.00040701", Message: "no"}, {Effect: simulator.RedirectAway}, {Effect: simulator.HTMLBody, Status: 503},
	}).Draw(rt, "fault")
	f.Kind, f.Times = simulator.CallOperate, rapid.IntRange(1, 2).Draw(rt, "times")
	p.d.sim.Inject(f)
}

// apply sends one form, once or three times at the same time.
func (p *promise) apply(rt *rapid.T, keys []string, old map[string]operate.Request) {
	scenario := rapid.SampledFrom([]string{"running", "paused", "abnormal", "last", "held", "finished"}).Draw(rt, "ticket")
	op := rapid.SampledFrom([]coc.Operation{pauseOrder, continueOrder, cancelOrder, skip(1), skip(2),
		cancel(p.d.row(scenario, 1, 0)), cancel(p.d.row(scenario, 1, 1))}).Draw(rt, "operation")
	form := operate.Request{SessionKey: "operator", Caller: p.d.operator, Actor: p.d.actor, Ticket: p.d.ticket(scenario), Operation: op}
	if now, err := p.d.Read(context.Background(), p.d.operator, form.Ticket, op, 0); err == nil {
		form.Seen = now.Picture().String()
	}
	switch before, ok := old[scenario]; {
	case ok && rapid.IntRange(0, 3).Draw(rt, "old picture") == 0:
		form.Seen = before.Seen
	case rapid.IntRange(0, 9).Draw(rt, "no picture") == 0:
		form.Seen = rapid.String().Draw(rt, "picture")
	}
	old[scenario] = form
	form.Key = rapid.SampledFrom(keys).Draw(rt, "key")
	var all sync.WaitGroup
	for range rapid.SampledFrom([]int{1, 1, 3}).Draw(rt, "times at once") {
		all.Go(func() {
			// Whatever it says: what counts is what was sent, and what is in the log.
			if id, err := p.d.Apply(context.Background(), form); err == nil && id != form.Key {
				rt.Errorf("the id is %q", id)
			}
		})
	}
	all.Wait()
}
