package operate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/approval"
	"coc-console/internal/bulk"
	"coc-console/internal/coc"
	"coc-console/internal/huawei"
	"coc-console/internal/operate"
	"coc-console/internal/simulator"
)

// walker is one of two people, each with a browser of their own.
type walker struct {
	user    string
	actor   audit.Actor
	caller  coc.Caller
	session string
	tokens  []huawei.Token // of all their sessions
}

// walk is a random walk of two people through everything that can lead to an
// operation, beside somebody who writes into the console's database.
type walk struct {
	d      *desk
	people []*walker
	keys   []string
	from   int64 // the log's size at the start
	ids    []string
	jobs   []string
	saved  bool // old rows are kept

	mu  sync.Mutex
	bad []string
}

// signIn gives a person a new session.
func (w *walk) signIn(p *walker) {
	caller, actor := w.d.SignIn(p.user)
	w.mu.Lock() // an operation of theirs may be arriving
	p.caller, p.actor, p.session = caller, actor, operate.NewKey()
	p.tokens = append(p.tokens, caller.Credential.(huawei.Token))
	w.mu.Unlock()
	w.d.Sessions.Add(p.session, p.caller)
}

// person is whose token an operation bears.
func (w *walk) person(token huawei.Token) string {
	for _, p := range w.people {
		if slices.ContainsFunc(p.tokens, func(t huawei.Token) bool { return t.Is(token) }) {
			return p.actor.UserID
		}
	}
	return "nobody"
}

// sentName names an operation by the person in whose name it is sent, the ticket
// and what is done.
func sentName(person, ticket string, op coc.Operation) string {
	return fmt.Sprintf("%s %s %s %d %d", person, ticket, op.Type, op.BatchIndex, op.InstanceID)
}

// arrivedAs is an operation as it arrived.
func (w *walk) arrivedAs(a arrival) string {
	var body struct {
		Type     coc.OperationType `json:"operation_type"`
		Batch    int32             `json:"batch_index"`
		Instance int64             `json:"instance_id"`
	}
	if err := json.Unmarshal([]byte(a.Body), &body); err != nil {
		return err.Error()
	}
	ticket := ""
	for part := range strings.SplitSeq(a.Ticket, "/") {
		if strings.HasPrefix(part, "SCT") {
			ticket = part
		}
	}
	return sentName(w.person(a.Token), ticket, coc.Operation{Type: body.Type, BatchIndex: body.Batch,
		InstanceID: body.Instance})
}

// explained are the requests in the log, each by its name, that tell why they
// may be sent.
func (w *walk) explained() map[string]int {
	page, err := w.d.Index.Search(context.Background(),
		search.Query{Action: audit.ActionOperationRequested, After: w.from, Limit: search.MaxLimit,
			Visible: search.Visibility{All: true}})
	if err != nil {
		w.bad = append(w.bad, err.Error())
	}
	out := map[string]int{}
	for _, r := range page.Records {
		records, err := w.d.Index.Operation(context.Background(), r.OperationID)
		if why := unexplained(r, records); why != "" || err != nil {
			w.bad = append(w.bad, fmt.Sprintf("%s of %s by %s: %s, %v", r.OperationType, r.Ticket, r.Actor.UserName, why, err))
		}
		out[sentName(r.Actor.UserID, r.Ticket, coc.Operation{Type: coc.OperationType(r.OperationType),
			BatchIndex: r.BatchIndex, InstanceID: r.InstanceID})]++
	}
	return out
}

// unexplained says what the log lacks of a request, among the records of its
// operation: a decision and, where the rules want it, another person's grant.
func unexplained(r audit.Record, records []audit.Record) string {
	requests, asked, granted := 0, false, false
	for _, of := range records {
		before := of.Sequence < r.Sequence
		switch of.Action {
		case audit.ActionOperationRequested:
			requests++
		case audit.ActionApprovalRequested:
			asked = asked || before && of.Actor.UserID == r.Actor.UserID && of.OperationType == r.OperationType &&
				of.Ticket == r.Ticket
		case audit.ActionApprovalGranted:
			granted = granted || asked && before && of.Actor.UserID != r.Actor.UserID && of.Actor.UserID != ""
		case audit.ActionApprovalRefused, audit.ActionApprovalWithdrawn, audit.ActionApprovalExpired,
			audit.ActionApprovalReturned:
			if before {
				return "it came after " + string(of.Action)
			}
		}
	}
	switch d := operate.ParseDetail(r.Detail); {
	case requests != 1:
		return fmt.Sprint(requests, " requests have its key")
	case len(d.Policies) == 0:
		return "no rule decided"
	case r.OperationType == string(coc.CancelOrder) && (!granted || d.ApprovedBy == ""):
		return "nobody else granted it"
	}
	return ""
}

// arrive is called when an operation has arrived at COC: the log explains all
// that have arrived so far.
func (w *walk) arrive() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.compare(false)
}

// compare holds what arrived against the log; in the end the two are the same.
func (w *walk) compare(end bool) {
	w.d.Arrived.Mu.Lock()
	arrived := map[string]int{}
	for _, a := range w.d.Arrived.By {
		arrived[w.arrivedAs(a)]++
	}
	w.d.Arrived.Mu.Unlock()
	explained := w.explained()
	for what, n := range arrived {
		if explained[what] < n || end && explained[what] != n {
			w.bad = append(w.bad, fmt.Sprintf("%s: sent %d times, %d requests", what, n, explained[what]))
		}
	}
}

// form is a confirmation of anything by somebody, with a key that may be used.
func (w *walk) form(rt *rapid.T) operate.Request {
	p := rapid.SampledFrom(w.people).Draw(rt, "who")
	scenario := rapid.SampledFrom([]string{"running", "running", "paused", "held"}).Draw(rt, "ticket")
	op := rapid.SampledFrom([]coc.Operation{cancelOrder, cancelOrder, pauseOrder, continueOrder, skip(2),
		cancel(w.d.Row(scenario, 1, 0))}).Draw(rt, "operation")
	form := operate.Request{SessionKey: p.session, Caller: p.caller, Actor: p.actor, Ticket: w.d.Ticket(scenario),
		Operation: op, Reason: "because", Key: w.key(rt)}
	if now, err := w.d.Read(context.Background(), w.d.Manager, form.Ticket, op, 0); err == nil {
		form.Expected = now.Snapshot().String()
	}
	if rapid.IntRange(0, 3).Draw(rt, "anyway") > 0 {
		form = w.d.Beside(form)
	}
	return form
}

// key is a new one, one of a few, or that of something that is known.
func (w *walk) key(rt *rapid.T) string {
	return rapid.SampledFrom(append([]string{operate.NewKey(), operate.NewKey()}, append(w.keys, w.ids...)...)).Draw(rt,
		"key")
}

// steps are what people, and whoever writes into the database, may do. What is
// answered does not count: what counts is what was sent, and what is in the log.
var steps = map[string]func(w *walk, rt *rapid.T){
	"confirm": func(w *walk, rt *rapid.T) {
		form := w.form(rt)
		var all sync.WaitGroup
		for range rapid.IntRange(1, 2).Draw(rt, "times at once") {
			all.Go(func() { _, _ = w.d.Apply(context.Background(), form) })
		}
		all.Wait()
	},
	"ask": func(w *walk, rt *rapid.T) {
		if id, err := w.d.Ask(context.Background(), w.form(rt)); err == nil {
			w.ids = append(w.ids, id)
		}
	},
	"ask and approve": func(w *walk, rt *rapid.T) {
		form := w.form(rt)
		form.Operation, form.Key = cancelOrder, operate.NewKey()
		id, err := w.d.Ask(context.Background(), w.d.Beside(form))
		if err != nil {
			return
		}
		w.ids = append(w.ids, id)
		for _, p := range w.people {
			_, _ = w.d.Answer(context.Background(), id, w.d.Typed(id, approval.Answer{Approve: true, Actor: p.actor, Caller: p.caller}))
		}
	},
	"answer": func(w *walk, rt *rapid.T) {
		p := rapid.SampledFrom(w.people).Draw(rt, "who")
		id := w.key(rt)
		_, _ = w.d.Answer(context.Background(), id, w.d.Typed(id,
			approval.Answer{Approve: rapid.IntRange(0, 3).Draw(rt, "approve") > 0, Actor: p.actor, Caller: p.caller}))
	},
	"withdraw": func(w *walk, rt *rapid.T) {
		p := rapid.SampledFrom(w.people).Draw(rt, "who")
		_ = w.d.Withdraw(context.Background(), w.key(rt), p.actor, audit.Origin{})
	},
	"send": func(w *walk, rt *rapid.T) {
		p := rapid.SampledFrom(w.people).Draw(rt, "who")
		_, _ = w.d.Send(context.Background(), w.key(rt),
			operate.Request{SessionKey: p.session, Caller: p.caller, Actor: p.actor})
	},
	"bulk": func(w *walk, rt *rapid.T) {
		p := rapid.SampledFrom(w.people).Draw(rt, "who")
		scenario := rapid.SampledFrom([]string{"running", "held"}).Draw(rt, "job on")
		r := bulk.Request{SessionKey: p.session, Caller: p.caller, Actor: p.actor, Type: coc.CancelInstance, Reason: "stuck",
			Key: w.key(rt)}
		for n := range 2 {
			r.Targets = append(r.Targets, bulk.Target{Ticket: w.d.Ticket(scenario), InstanceID: w.d.Row(scenario, 2, n)})
		}
		plan, err := w.d.Plan(context.Background(), r)
		if err != nil {
			return
		}
		for i, item := range plan.Items {
			r.Targets[i].Expected = item.Expected
			if len(item.Pending) > 0 {
				r.Beside = append(r.Beside, item.Pending[0].OperationID)
			}
		}
		id, err := w.d.Start(context.Background(), r)
		if err != nil {
			return
		}
		w.jobs = append(w.jobs, id)
		if rapid.Bool().Draw(rt, "stop") {
			_ = w.d.Stop(context.Background(), id, p.actor, audit.Origin{})
		}
		if j, err := w.d.Bulks.Get(context.Background(), id); err == nil {
			w.ids = append(w.ids, j.Items[1].Key)
		}
	},
	"continue": func(w *walk, rt *rapid.T) {
		if len(w.jobs) > 0 {
			p := rapid.SampledFrom(w.people).Draw(rt, "who")
			_ = w.d.Continue(context.Background(), rapid.SampledFrom(w.jobs).Draw(rt, "job"), p.session, p.actor, audit.Origin{})
		}
	},
	"forge":  (*walk).forge,
	"revoke": (*walk).revoke,
	"clock": func(w *walk, rt *rapid.T) {
		w.d.Clock.Step(rapid.SampledFrom([]time.Duration{effect, time.Minute, 3 * time.Minute, 2 * time.Hour,
			-5 * time.Minute}).Draw(rt, "by"))
	},
	"disturb": func(w *walk, rt *rapid.T) {
		f := rapid.SampledFrom([]simulator.Fault{{Effect: simulator.Reset}, {Effect: simulator.Reset, Late: true},
			{Status: 502, Late: true}, {Effect: simulator.NoEffect},
			{Status: 400, Code: "COC.00040701", Message: "no"}}).Draw(rt, "fault")
		f.Kind, f.Times = simulator.CallOperate, 1
		w.d.Sim.Inject(f)
	},
	"kill": func(w *walk, _ *rapid.T) { w.again() },
}

func (w *walk) again() {
	check(w.d.T, w.d.Close())
	w.d.Parts = w.d.Serve()
	check(w.d.T, w.d.Resume(context.Background()))
}

// revoke ends somebody's tokens at IAM, or a session here; they sign in again.
func (w *walk) revoke(rt *rapid.T) {
	p := rapid.SampledFrom(w.people).Draw(rt, "whose")
	if rapid.Bool().Draw(rt, "at IAM") {
		w.d.Sim.Revoke(p.user)
		w.d.Manager, _ = w.d.SignIn("manager") // the test's own
	} else {
		w.d.Sessions.End(p.session)
	}
	w.signIn(p)
}

// forge writes into the database what nobody asked for, and starts again.
func (w *walk) forge(rt *rapid.T) {
	d := w.d
	one, two := w.people[0], w.people[1]
	decider := `'{"user_id":"` + two.actor.UserID + `","account_id":"` + two.actor.AccountID +
		`","user_name":"manager","account_name":"demo"}'`
	switch how := rapid.IntRange(0, 9).Draw(rt, "how"); how {
	case 0:
		d.Inserted(operate.NewKey(), rapid.SampledFrom([]string{"waiting", "granted"}).Draw(rt, "state"), "")
	case 1:
		id := operate.NewKey()
		d.Inserted(id, "granted", strings.Repeat("a", 64))
		d.Exec(`UPDATE approval SET session_id = $2 WHERE id = $1`, id, one.session)
	case 2:
		d.Exec(`UPDATE approval SET state = 'granted', note = '', decider = ` + decider)
	case 3:
		d.Exec(`UPDATE approval SET state = 'waiting'`)
	case 4:
		d.Exec(`UPDATE approval SET session_id = $1`, two.session)
	case 5:
		d.Exec(`UPDATE job SET state = 'running'`)
		d.Exec(`UPDATE job_item SET state = 'waiting'`)
	case 6:
		d.Exec(`DELETE FROM one_time_key`)
		d.Exec(`DELETE FROM target_claim`)
		d.Exec(`DELETE FROM operation_owner`)
	default:
		w.putBack()
	}
	w.again()
}

// putBack keeps the rows of now or, where some are kept, puts those back, which
// the console itself has written.
func (w *walk) putBack() {
	for _, table := range []string{"approval", "job", "job_item", "one_time_key"} {
		if w.saved {
			w.d.Exec(`DELETE FROM ` + table)
			w.d.Exec(`INSERT INTO ` + table + ` SELECT * FROM kept_` + table)
			w.d.Exec(`DROP TABLE kept_` + table)
		} else {
			w.d.Exec(`CREATE TABLE kept_` + table + ` AS SELECT * FROM ` + table)
		}
	}
	w.saved = !w.saved
}

// TestRandomWalk: whatever two people do, and whoever writes into the database,
// revokes tokens, moves the clock or kills the console: for each operation that
// COC sees there is one request in the log of the person whose token it bears,
// with a decision and, where the rules want it, another person's grant before it.
func TestRandomWalk(t *testing.T) {
	t.Parallel()
	d := newApprovalDesk(t)
	names := slices.Sorted(func(yield func(string) bool) {
		for name := range steps {
			if !yield(name) {
				return
			}
		}
	})
	arrivedAtAll := 0
	rapid.Check(t, func(rt *rapid.T) {
		d.Simulate()
		size, err := d.Log.Size(t.Context())
		check(t, err)
		w := &walk{d: d, from: size, keys: []string{operate.NewKey(), operate.NewKey()},
			people: []*walker{{user: "operator"}, {user: "manager"}}}
		for _, p := range w.people {
			w.signIn(p)
		}
		d.Manager, _ = d.SignIn("manager")
		d.Arrived.Mu.Lock()
		d.Arrived.By = nil
		d.Arrived.Mu.Unlock()
		arrive := w.arrive
		d.OnPut.Store(&arrive)
		d.Parts = d.Serve()
		for range rapid.IntRange(3, 8).Draw(rt, "steps") {
			steps[rapid.SampledFrom(names).Draw(rt, "step")](w, rt)
		}
		check(t, d.Close())
		w.mu.Lock()
		defer w.mu.Unlock()
		w.compare(true)
		arrivedAtAll += len(d.Arrived.By)
		if w.saved {
			w.putBack()
		}
		for _, p := range w.people {
			d.Sessions.End(p.session)
		}
		for _, b := range w.bad {
			rt.Error(b)
		}
	})
	least := 10
	if testing.Short() {
		least = 1 // fewer walks: 6 to 30 operations
	}
	if arrivedAtAll < least {
		t.Errorf("only %d operations were sent at all: the walk shows little", arrivedAtAll)
	}
	t.Logf("%d operations were sent", arrivedAtAll)
}
