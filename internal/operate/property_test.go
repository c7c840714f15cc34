package operate_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/approval"
	"coc-console/internal/bulk"
	"coc-console/internal/coc"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/internal/simulator"
)

// promise watches that no operation reaches COC past the log, or past the rules.
type promise struct {
	d     *desk
	rules *witness
	from  int64 // the log's size at the start
	mu    sync.Mutex
	sent  int
	bad   []string
}

// arrive is called when an operation has arrived at COC.
func (p *promise) arrive() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent++
	requests := p.requests()
	if len(requests) < p.sent {
		p.bad = append(p.bad, "an operation was sent without a request in the log")
	}
	for _, r := range requests {
		if !p.rules.allowed(r) {
			p.bad = append(p.bad, fmt.Sprintf("%s of %s by %s was sent without the leave of the rules in force: %s",
				r.OperationType, r.Ticket, r.Actor.UserName, r.Detail))
		}
	}
}

// witness are rules that remember whom they have allowed what.
type witness struct {
	mu    sync.Mutex
	rules []operate.Rules
	now   int
	leave map[string]bool // person, operation, ticket and the policies that decided
	done  map[int64]bool  // requests that have been looked at
}

func (w *witness) Decide(q policy.Request) policy.Decision {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.rules[w.now].Decide(q)
	if d.Allowed && q.Ticket != nil {
		w.leave[leaveOf(q.Person.UserID, string(q.Action), q.Ticket.ID, d.Policies)] = true
	}
	return d
}

func leaveOf(who, what, ticket string, policies []string) string {
	return fmt.Sprint(who, " ", what, " ", ticket, " ", policies)
}

// change puts other rules into force, under which nothing is allowed yet. It is
// called while nothing is under way.
func (w *witness) change(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now, w.leave = n%len(w.rules), map[string]bool{}
}

// allowed reports whether a request, seen for the first time, has the leave
// that its detail names.
func (w *witness) allowed(r audit.Record) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.done[r.Sequence] {
		return true
	}
	w.done[r.Sequence] = true
	return w.leave[leaveOf(r.Actor.UserID, r.OperationType, r.Ticket, operate.ParseDetail(r.Detail).Policies)]
}

// ruleSets are rules between which the property test changes. Each decides by
// policies of names of its own.
var ruleSets = []string{
	`@id("free") permit (principal, action, resource);`,
	`@id("bosses") permit (principal in Role::"managers", action, resource);
	 @id("look") permit (principal, action == Action::"view", resource);`,
	`@id("pairs") permit (principal, action, resource);
	 @id("own") forbid (principal, action == Action::"approve", resource) when { resource.requester == principal.id };
	 @id("two") @demand("count or second_person") forbid (principal, action in Action::"operate", resource) unless { context.counted || context.approved };`,
	`@id("still") permit (principal, action, resource);
	 @id("frozen") forbid (principal, action in [Action::"PAUSE_ORDER", Action::"CANCEL_INSTANCE"], resource);`,
	"",
}

// requests are all requests in the log.
func (p *promise) requests() []audit.Record {
	page, err := p.d.Index.Search(context.Background(),
		search.Query{Action: audit.ActionOperationRequested, After: p.from, Limit: search.MaxLimit,
			Visible: search.Visibility{All: true}})
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
		if receipt := p.d.ReceiptOf(r.OperationID); receipt.Answer == nil ||
			receipt.Requested.Sequence > receipt.Answer.Sequence {
			t.Errorf("the receipt is %+v", receipt)
		}
	}
}

// TestNothingPastTheLog sends random forms with random keys, old and damaged
// pictures, to a COC that fails in random ways, alone and at the same time.
func TestNothingPastTheLog(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Rate = 20 // time to stop a job between its items
	rules := ruleStores(t)
	rapid.Check(t, func(rt *rapid.T) {
		d.Simulate()
		w := &witness{rules: rules, leave: map[string]bool{}, done: map[int64]bool{}}
		d.Rules = w
		d.Parts = d.Serve()
		size, err := d.Log.Size(t.Context())
		check(t, err)
		p := &promise{d: d, rules: w, from: size}
		arrive := p.arrive
		d.OnPut.Store(&arrive)
		keys := []string{operate.NewKey(), operate.NewKey(), operate.NewKey(), "no key"}
		old := map[coc.ExecuteUUID]operate.Request{}
		for range rapid.IntRange(1, 8).Draw(rt, "steps") {
			switch rapid.IntRange(0, 9).Draw(rt, "what") {
			case 0:
				d.Clock.Step(effect)
			case 1:
				check(t, d.Close())
				d.Parts = d.Serve()
				check(t, d.Resume(t.Context()))
			case 2, 3:
				w.change(rapid.IntRange(0, len(ruleSets)-1).Draw(rt, "rules"))
			case 4:
				p.approve(rt)
			case 5:
				p.bulk(rt)
			default:
				p.disturb(rt)
				p.apply(rt, keys, old)
			}
		}
		check(t, d.Close())
		p.check(rt)
	})
}

func ruleStores(t *testing.T) []operate.Rules {
	t.Helper()
	var all []operate.Rules
	for _, text := range ruleSets {
		all = append(all, rules(t, text))
	}
	return all
}

// someone is a person with their session.
func (p *promise) someone(rt *rapid.T) (audit.Actor, coc.Caller) {
	if rapid.Bool().Draw(rt, "manager") {
		return p.d.Superior, p.d.Manager
	}
	return p.d.Actor, p.d.Operator
}

// approve asks somebody else, and lets anybody answer, perhaps under other rules.
func (p *promise) approve(rt *rapid.T) {
	p.rules.change(rapid.SampledFrom([]int{2, 4}).Draw(rt, "rules that ask for it"))
	form := p.form(rt, []string{operate.NewKey()})
	if rapid.Bool().Draw(rt, "one that fits") {
		form = p.d.Form("running", rapid.SampledFrom([]coc.Operation{cancelOrder, pauseOrder}).Draw(rt, "fitting"))
	}
	id, err := p.d.Ask(context.Background(), form)
	if err != nil {
		return // whatever it says: what counts is what was sent
	}
	if rapid.Bool().Draw(rt, "rules change") {
		p.rules.change(rapid.IntRange(0, len(ruleSets)-1).Draw(rt, "rules"))
	}
	who, caller := p.someone(rt)
	_, _ = p.d.Answer(context.Background(), id, p.d.Typed(id, approval.Answer{Approve: rapid.Bool().Draw(rt, "yes"), Actor: who,
		Caller: caller}))
	_, _ = p.d.Send(context.Background(), id, operate.Request{SessionKey: "operator", Caller: p.d.Operator,
		Actor: p.d.Actor})
}

// bulk starts a job on the instances of a batch and waits for its end.
func (p *promise) bulk(rt *rapid.T) {
	scenario := rapid.SampledFrom([]string{"running", "held"}).Draw(rt, "job on")
	who, caller := p.someone(rt)
	r := bulk.Request{SessionKey: "operator", Caller: caller, Actor: who, Type: coc.CancelInstance, Reason: "stuck",
		Count: "2", Key: operate.NewKey()}
	for n := range 2 {
		r.Targets = append(r.Targets, bulk.Target{Ticket: p.d.Ticket(scenario), InstanceID: p.d.Row(scenario, 1, n)})
	}
	plan, err := p.d.Plan(context.Background(), r)
	check(p.d.T, err)
	for i := range r.Targets {
		r.Targets[i].Expected = plan.Items[i].Expected
	}
	if _, err = p.d.Start(context.Background(), r); err != nil {
		return
	}
	if err := p.d.Stop(context.Background(), r.Key, who, audit.Origin{}); err == nil {
		eventually(p.d.T, "nothing is on its way", func() bool {
			j, err := p.d.Bulks.Get(context.Background(), r.Key)
			return err == nil && states(j)[bulk.ItemSending] == 0
		})
		check(p.d.T, p.d.Close())
		p.rules.change(rapid.IntRange(0, len(ruleSets)-1).Draw(rt, "rules"))
		p.d.Parts = p.d.Serve()
		check(p.d.T, p.d.Continue(context.Background(), r.Key, "operator", who, audit.Origin{}))
	}
	p.d.BulkIs(r.Key, bulk.Ended)
}

func (p *promise) disturb(rt *rapid.T) {
	f := rapid.SampledFrom([]simulator.Fault{
		{Effect: simulator.Slow}, {Effect: simulator.Slow}, {Effect: simulator.Reset}, {Effect: simulator.Reset, Late: true},
		{Effect: simulator.HalfBody}, {Effect: simulator.NoEffect}, {Effect: simulator.OtherRow}, {Status: 502, Late: true},
		{Status: 400, Code: "COC.00040701", Message: "no"}, {Effect: simulator.RedirectAway},
		{Effect: simulator.HTMLBody, Status: 503},
	}).Draw(rt, "fault")
	f.Kind, f.Times = simulator.CallOperate, rapid.IntRange(1, 2).Draw(rt, "times")
	p.d.Sim.Inject(f)
}

// form is a form for anything, by anybody.
func (p *promise) form(rt *rapid.T, keys []string) operate.Request {
	scenario := rapid.SampledFrom([]string{"running", "paused", "abnormal", "last", "held", "finished"}).Draw(rt, "ticket")
	op := rapid.SampledFrom([]coc.Operation{pauseOrder, continueOrder, cancelOrder, skip(1), skip(2),
		cancel(p.d.Row(scenario, 1, 0)), cancel(p.d.Row(scenario, 1, 1))}).Draw(rt, "operation")
	who, caller := p.someone(rt)
	form := operate.Request{SessionKey: "operator", Caller: caller, Actor: who, Ticket: p.d.Ticket(scenario),
		Operation: op, Reason: rapid.SampledFrom([]string{"", "because"}).Draw(rt, "reason"),
		Count:    rapid.SampledFrom([]string{"", "1", "2", "6"}).Draw(rt, "count"),
		Override: rapid.IntRange(0, 5).Draw(rt, "glass") == 0, Key: rapid.SampledFrom(keys).Draw(rt, "key")}
	if now, err := p.d.Read(context.Background(), p.d.Operator, form.Ticket, op, 0); err == nil {
		form.Expected = now.Snapshot().String()
	}
	return form
}

// apply sends one form, once or three times at the same time.
func (p *promise) apply(rt *rapid.T, keys []string, old map[coc.ExecuteUUID]operate.Request) {
	form := p.form(rt, keys)
	switch before, ok := old[form.Ticket]; {
	case ok && rapid.IntRange(0, 3).Draw(rt, "old picture") == 0:
		form.Expected = before.Expected
	case rapid.IntRange(0, 9).Draw(rt, "no picture") == 0:
		form.Expected = rapid.String().Draw(rt, "picture")
	}
	old[form.Ticket] = form
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
