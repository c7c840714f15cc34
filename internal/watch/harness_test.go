package watch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"coc-console/internal/coc"
	"coc-console/internal/huawei"
	"coc-console/internal/iam"
	"coc-console/internal/simulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a time that moves only when it is told to; its timers fire then.
type clock struct {
	asked chan time.Duration // every wait that began

	mu     sync.Mutex
	at     time.Time
	timers []timer
}

type timer struct {
	at time.Time
	c  chan time.Time
}

func newClock() *clock {
	return &clock{at: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), asked: make(chan time.Duration, 10_000)}
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) after(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := timer{c.at.Add(d), make(chan time.Time, 1)}
	c.timers = append(c.timers, t)
	c.asked <- d
	return t.c
}

func (c *clock) step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
	var left []timer
	for _, t := range c.timers {
		if t.at.After(c.at) {
			left = append(left, t)
		} else {
			t.c <- c.at
		}
	}
	c.timers = left
}

// fixture is a Watcher on a simulator over HTTP.
type fixture struct {
	*Watcher
	t     testing.TB
	clock *clock
	sim   *simulator.Simulator
	url   string

	mu     sync.Mutex
	tokens map[string]int // calls by token
}

// newFixture starts everything. Waits are exact: there is no jitter.
func newFixture(t testing.TB, limits Limits, tickets ...simulator.TicketSpec) *fixture {
	t.Helper()
	d := &fixture{t: t, clock: newClock(), tokens: map[string]int{}}
	accounts := simulator.DemoAccounts()
	accounts[0].Users = append(accounts[0].Users, simulator.User{Name: "lister", Password: "lister", Actions: []string{"coc:job:list"}})
	d.sim = simulator.New(simulator.Config{Now: d.clock.now, Tickets: tickets, Accounts: accounts})
	handler := d.sim.Handler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		d.tokens[r.Header.Get("X-Auth-Token")]++
		d.mu.Unlock()
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	d.url = server.URL
	d.Watcher = d.watcher(limits, 20*time.Second)
	return d
}

func (d *fixture) watcher(limits Limits, timeout time.Duration) *Watcher {
	d.t.Helper()
	client, err := coc.New(coc.Config{Endpoint: d.url, CallTimeout: timeout})
	check(d.t, err)
	d.t.Cleanup(client.Close)
	w := New(Config{Client: client, Now: d.clock.now, After: d.clock.after, Random: func() float64 { return 0.5 }, Limits: limits})
	d.t.Cleanup(w.Close)
	return w
}

// user is a session of one of the demo users.
type user struct {
	Credentials
	caller coc.Caller

	mu   sync.Mutex
	over error
}

func (d *fixture) signIn(name, session string) *user {
	d.t.Helper()
	c, err := iam.New(iam.Config{Endpoint: d.url})
	check(d.t, err)
	defer c.Close()
	id, token, err := c.SignIn(d.t.Context(), iam.PasswordRequest{Account: "demo", User: name, Password: name, Project: "cn-north-4"})
	check(d.t, err)
	u := &user{caller: coc.Caller{Credential: huawei.NewToken(token.Reveal()), Language: coc.EnUS, ProjectID: id.ProjectID}}
	u.Credentials = Credentials{Session: session, Caller: func(context.Context) (coc.Caller, error) {
		u.mu.Lock()
		defer u.mu.Unlock()
		return u.caller, u.over
	}}
	return u
}

var errSignedOut = fmt.Errorf("signed out: %w", coc.ErrNoCaller)

// away lets the store of the session fail, or work again.
func (u *user) away(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.over = err
}

func (u *user) signOut() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.over = errSignedOut
}

// as is another session of the same user.
func (u *user) as(session string) *user {
	other := &user{caller: u.caller}
	other.Credentials = Credentials{Session: session, Caller: func(context.Context) (coc.Caller, error) { return other.caller, nil }}
	return other
}

func (d *fixture) key(scenario string, u *user) Key {
	return Key{Account: "demo", Project: u.caller.ProjectID, Ticket: coc.ExecuteUUID(d.sim.UUID(scenario))}
}

// join looks at a scenario until the test ends.
func (d *fixture) join(scenario string, u *user) *Viewer[Snapshot] {
	d.t.Helper()
	v, err := d.Join(d.t.Context(), d.key(scenario, u), u.Credentials)
	check(d.t, err)
	d.t.Cleanup(v.Close)
	return v
}

// waits returns how long the view waits now that its poll is over.
func (d *fixture) waits() time.Duration {
	d.t.Helper()
	select {
	case wait := <-d.clock.asked:
		return wait
	case <-time.After(2 * time.Minute):
		d.t.Fatal("nothing waits")
		return 0
	}
}

// pass lets a time pass after which a poll is due, and returns how long the
// view waits after it.
func (d *fixture) pass(passed time.Duration) time.Duration {
	d.t.Helper()
	d.clock.step(passed)
	return d.waits()
}

// calls counts by kind what f costs: ticket, statistics, batches, instances.
func (d *fixture) calls(f func()) [4]int {
	d.t.Helper()
	count := func() [4]int {
		return [4]int{d.sim.Calls(simulator.CallShowTicket), d.sim.Calls(simulator.CallStatistics), d.sim.Calls(simulator.CallBatches),
			d.sim.Calls(simulator.CallInstances)}
	}
	before := count()
	f()
	after := count()
	for i := range after {
		after[i] -= before[i]
	}
	return after
}

// used counts the calls with a user's token.
func (d *fixture) used(u *user) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.tokens[u.caller.Credential.(huawei.Token).Reveal()]
}

type proof struct{}

func (proof) RequestedSequence() int64 { return 1 }

// operate operates on a ticket, and waits for the effect.
func (d *fixture) operate(scenario string, u *user, op coc.Operation) {
	d.t.Helper()
	_, err := d.cfg.Client.Operate(d.t.Context(), u.caller, proof{}, coc.ExecuteUUID(d.sim.UUID(scenario)), op)
	check(d.t, err)
}

// told waits until a viewer hears of something new.
func told[S any](t testing.TB, v *Viewer[S]) *S {
	t.Helper()
	select {
	case <-v.Changed():
	case <-time.After(2 * time.Minute):
		t.Fatal("the viewer hears of nothing")
	}
	return v.Snapshot()
}

func silent[S any](t testing.TB, v *Viewer[S]) {
	t.Helper()
	select {
	case <-v.Changed():
		t.Error("the viewer hears of something")
	default:
	}
}

func reasonOf(err error) Reason {
	if e, ok := errors.AsType[*Ended](err); ok {
		return e.Reason
	}
	return Reason(fmt.Sprint(err))
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually asks until it is so.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	late := time.After(2 * time.Minute)
	for !is() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

// spec is a ticket of batches whose servers run for the times given.
func spec(scenario string, age time.Duration, batches ...[]time.Duration) simulator.TicketSpec {
	t := simulator.TicketSpec{Scenario: scenario, Name: "reload", Creator: "operator", Age: age, Timeout: 1500 * time.Second, SuccessRate: 50}
	for _, runs := range batches {
		var b simulator.BatchSpec
		for i, run := range runs {
			b.Instances = append(b.Instances, simulator.InstanceSpec{Host: fmt.Sprintf("web-%d", i+1), IP: "192.168.0.1",
				Region: "cn-north-4", Zone: "cn-north-4a", Run: run, Log: "a\nb\nc\nd"})
		}
		t.Batches = append(t.Batches, b)
	}
	return t
}

func runs(times ...time.Duration) []time.Duration { return times }
