package operate_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"coc-console/audit"
	"coc-console/internal/coc"
	"coc-console/internal/iam"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/internal/simulator"
	"coc-console/migrations"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a time that stands until it is moved on.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC).UnixMicro())
	return c
}

func (c *clock) now() time.Time       { return time.UnixMicro(c.at.Load()).UTC() }
func (c *clock) step(d time.Duration) { c.at.Add(d.Microseconds()) }

const (
	poll     = 5 * time.Millisecond
	beat     = 20 * time.Millisecond
	deadline = time.Minute // of the stepped clock
	effect   = 2 * time.Second
)

// sessions are the live sessions of one console, in the order of their use.
type sessions struct {
	mu     sync.Mutex
	keys   []string
	caller map[string]coc.Caller
	missed atomic.Int64 // searches that found nobody
}

var errNobody = errors.New("nobody is signed in")

func (s *sessions) Caller(ctx context.Context, key string) (coc.Caller, error) {
	if err := ctx.Err(); err != nil { // as the database says
		return coc.Caller{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.caller[key]; ok {
		return c, nil
	}
	return coc.Caller{}, errNobody
}

func (s *sessions) AnyCaller(_ context.Context, project string, refused ...coc.Token) (coc.Caller, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range s.keys {
		if c := s.caller[key]; c.ProjectID == project && !slices.ContainsFunc(refused, c.Token.Equal) {
			return c, nil
		}
	}
	s.missed.Add(1)
	return coc.Caller{}, errNobody
}

func (s *sessions) add(key string, c coc.Caller) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys, key)
	s.caller[key] = c
}

func (s *sessions) end(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = slices.DeleteFunc(s.keys, func(k string) bool { return k == key })
	delete(s.caller, key)
}

// desk is a service with its databases, on a simulator over HTTP.
type desk struct {
	*operate.Service
	t        testing.TB
	clock    *clock
	sim      *simulator.Simulator
	url      string
	dsn      string
	log      *audit.Log
	logDB    *migrations.DB
	keys     *migrations.DB
	client   *coc.Client
	sessions *sessions
	operator coc.Caller
	manager  coc.Caller
	actor    audit.Actor // of operator
	superior audit.Actor // of manager
	rules    operate.Rules
	rate     float64 // of jobs, operations a second; 0: as fast as it goes
	shared   bool
	handler  atomic.Pointer[http.Handler]
	onPut    atomic.Pointer[func()] // called before a PUT reaches the simulator
	busy     atomic.Int64           // calls under way
	busiest  atomic.Int64
	arrived  arrivals
}

// arrivals counts the operations that have arrived, by what they act on.
type arrivals struct {
	mu sync.Mutex
	of map[string]int
	at []time.Time
}

// add counts a PUT.
func (a *arrivals) add(r *http.Request) {
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at = append(a.at, time.Now())
	if a.of == nil {
		a.of = map[string]int{}
	}
	if a.of[r.URL.Path+" "+string(body)]++; err != nil {
		a.of[err.Error()] = 2
	}
}

// times are those of the arrivals.
func (a *arrivals) times() []time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.at)
}

// onceEach checks that so many different operations were sent, each once.
func (d *desk) onceEach(want int) {
	d.t.Helper()
	d.arrived.mu.Lock()
	defer d.arrived.mu.Unlock()
	for what, n := range d.arrived.of {
		if n != 1 {
			d.t.Errorf("%d times: %s", n, what)
		}
	}
	if len(d.arrived.of) != want {
		d.t.Errorf("%d different operations were sent, want %d", len(d.arrived.of), want)
	}
}

// engines runs a test on a desk of its own on either engine: alone on SQLite,
// and sharing a PostgreSQL database, though with nobody.
func engines(t *testing.T, test func(t *testing.T, d *desk), adjust ...func(*simulator.Config)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) { test(t, newDesk(t, adjust...)) })
	t.Run("PostgreSQL", func(t *testing.T) {
		d, _ := sharedDesk(t, 0, adjust...)
		test(t, d)
	})
}

// newDesk starts everything. adjust changes what the simulator simulates.
func newDesk(t testing.TB, adjust ...func(*simulator.Config)) *desk {
	t.Helper()
	d := &desk{t: t, clock: newClock(), dsn: t.TempDir(), sessions: &sessions{caller: map[string]coc.Caller{}}}
	d.simulate(adjust...)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := d.busy.Add(1)
		defer d.busy.Add(-1)
		for most := d.busiest.Load(); n > most && !d.busiest.CompareAndSwap(most, n); most = d.busiest.Load() {
		}
		if r.Method == http.MethodPut {
			d.arrived.add(r)
			if f := d.onPut.Load(); f != nil {
				(*f)()
			}
		}
		(*d.handler.Load()).ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	d.url = server.URL
	d.client = d.newClient(5 * time.Second)
	d.operator, d.actor = d.signIn("operator")
	d.manager, d.superior = d.signIn("manager")
	d.sessions.add("operator", d.operator)
	d.rules = rules(t, `@id("all") permit (principal, action, resource);`)
	d.open()
	return d
}

// simulate puts a new simulator into the place of the one before. Tokens stay
// good, and tickets keep their ids.
func (d *desk) simulate(adjust ...func(*simulator.Config)) {
	cfg := simulator.Config{Now: d.clock.now, Tickets: tickets()}
	for _, f := range adjust {
		f(&cfg)
	}
	d.sim = simulator.New(cfg)
	handler := d.sim.Handler()
	d.handler.Store(&handler)
}

func (d *desk) newClient(limit time.Duration) *coc.Client {
	d.t.Helper()
	c, err := coc.New(coc.Config{Endpoint: d.url, CallTimeout: limit})
	check(d.t, err)
	d.t.Cleanup(c.Close)
	return c
}

func (d *desk) signIn(user string) (coc.Caller, audit.Actor) {
	d.t.Helper()
	c, err := iam.New(iam.Config{Endpoint: d.url})
	check(d.t, err)
	defer c.Close()
	id, token, err := c.SignIn(d.t.Context(), iam.PasswordRequest{Account: "demo", User: user, Password: user, Project: "cn-north-4"})
	check(d.t, err)
	return coc.Caller{Token: coc.NewToken(token.Reveal()), Language: coc.EnUS, ProjectID: id.ProjectID},
		audit.Actor{UserID: id.UserID, UserName: id.UserName,
			AccountID: id.AccountID, AccountName: id.AccountName, ProjectID: id.ProjectID}
}

// open opens the databases and starts the service on them.
func (d *desk) open() {
	d.t.Helper()
	databases := map[migrations.Store]*migrations.DB{}
	for _, store := range []migrations.Store{migrations.Audit, migrations.Search, migrations.Console} {
		db, err := migrations.Open(d.t.Context(), d.dsn, store)
		check(d.t, err)
		d.t.Cleanup(func() { _ = db.Close() })
		databases[store] = db
	}
	d.logDB, d.keys = databases[migrations.Audit], databases[migrations.Console]
	log, err := audit.Open(d.t.Context(), audit.Config{Dialect: string(d.logDB.Engine), Log: d.logDB.Write, LogRead: d.logDB.Read,
		Search: databases[migrations.Search].Write, SearchRead: databases[migrations.Search].Read,
		IsFull: migrations.IsFull, IsReadOnly: migrations.IsReadOnly, InDoubt: migrations.InDoubt, Now: d.clock.now})
	check(d.t, err)
	d.t.Cleanup(func() { _ = log.Close() })
	d.log = log
	d.Service = d.serve()
}

// serve starts a service on the open databases.
func (d *desk) serve() *operate.Service {
	s := operate.New(operate.Config{Log: d.log, Client: d.client, Keys: d.keys.Write, IsUnique: migrations.IsUnique,
		Callers: d.sessions, Rules: d.rules, JobRate: cmp.Or(d.rate, 1000), Now: d.clock.now, Poll: poll, Deadline: deadline, Shared: d.shared, Beat: beat})
	d.t.Cleanup(func() { _ = s.Close() })
	return s
}

// restart closes the databases and opens them again, with a new service.
func (d *desk) restart() {
	d.t.Helper()
	check(d.t, d.Close())
	check(d.t, d.log.Close())
	check(d.t, d.logDB.Close())
	check(d.t, d.keys.Close())
	d.open()
}

// ticket is the execute_uuid of a scenario.
func (d *desk) ticket(scenario string) coc.ExecuteUUID { return coc.ExecuteUUID(d.sim.UUID(scenario)) }

// row is the id of the n-th instance of a batch.
func (d *desk) row(scenario string, batch int32, n int) int64 {
	d.t.Helper()
	rows, err := d.client.AllInstances(d.t.Context(), d.manager, d.ticket(scenario), batch)
	check(d.t, err)
	return coc.InstanceID(rows[n])
}

// form is what a page would send that shows the ticket as it is now.
func (d *desk) form(scenario string, op coc.Operation) operate.Request {
	d.t.Helper()
	now, err := d.Read(d.t.Context(), d.manager, d.ticket(scenario), op, 0)
	check(d.t, err)
	return operate.Request{SessionKey: "operator", Caller: d.operator, Actor: d.actor, Ticket: d.ticket(scenario), Operation: op,
		Reason: "because", Seen: now.Picture().String(), Key: operate.NewKey()}
}

// apply sends a fresh form.
func (d *desk) apply(scenario string, op coc.Operation) string {
	d.t.Helper()
	id, err := d.Apply(d.t.Context(), d.form(scenario, op))
	check(d.t, err)
	return id
}

type proof struct{}

func (proof) RequestedSequence() int64 { return 1 }

// elsewhere operates on the ticket past this console.
func (d *desk) elsewhere(scenario string, op coc.Operation) {
	d.t.Helper()
	_, err := d.client.Operate(d.t.Context(), d.manager, proof{}, d.ticket(scenario), op)
	check(d.t, err)
	d.clock.step(effect)
}

// receipt reads an operation.
func (d *desk) receipt(id string) operate.Receipt {
	d.t.Helper()
	r, err := d.Receipt(d.t.Context(), id)
	check(d.t, err)
	return r
}

// end waits for the end of an operation.
func (d *desk) end(id string) (operate.Receipt, operate.Detail) {
	d.t.Helper()
	var r operate.Receipt
	eventually(d.t, "the operation has an end", func() bool { r = d.receipt(id); return r.End != nil })
	return r, operate.ParseDetail(r.End.Detail)
}

// passes lets the watch look a few times, and then the deadline pass.
func (d *desk) passes(id string) (operate.Receipt, operate.Detail) {
	d.t.Helper()
	d.looked(3)
	d.clock.step(deadline)
	return d.end(id)
}

// looked waits until the ticket has been read that many times more.
func (d *desk) looked(times int) {
	d.t.Helper()
	before := d.sim.Calls(simulator.CallStatistics)
	eventually(d.t, "the watch looks", func() bool { return d.sim.Calls(simulator.CallStatistics) >= before+times })
}

func (d *desk) puts(want int) {
	d.t.Helper()
	if got := d.sim.Calls(simulator.CallOperate); got != want {
		d.t.Errorf("%d operations were sent, want %d", got, want)
	}
}

// eventually asks until it is so.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	late := time.After(20 * time.Second)
	for !is() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tickets are one of each state that an operation can meet.
func tickets() []simulator.TicketSpec {
	batch := func(pause bool, run time.Duration, exit int) simulator.BatchSpec {
		b := simulator.BatchSpec{Pause: pause}
		for range 2 {
			b.Instances = append(b.Instances, simulator.InstanceSpec{Host: "web-1", IP: "192.168.0.1", Region: "cn-north-4",
				Zone: "cn-north-4a", Run: run, ExitCode: exit})
		}
		return b
	}
	ticket := func(scenario string, age time.Duration, batches ...simulator.BatchSpec) simulator.TicketSpec {
		return simulator.TicketSpec{Scenario: scenario, Name: "reload", Creator: "operator", Age: age, Timeout: 1500 * time.Second,
			SuccessRate: 100, Batches: batches}
	}
	const long = 20 * time.Minute
	held := ticket("held", time.Minute, batch(false, long, 0), batch(false, long, 0))
	held.Operations = []simulator.PastOperation{{After: 30 * time.Second, Operation: simulator.Operation{Type: "PAUSE_ORDER"}}}
	return []simulator.TicketSpec{
		ticket("running", time.Minute, batch(false, long, 0), batch(false, long, 0), batch(false, long, 0)),
		ticket("paused", time.Hour, batch(true, time.Second, 0), batch(false, long, 0), batch(false, long, 0)),
		ticket("abnormal", time.Hour, batch(false, time.Second, 1), batch(false, long, 0)),
		ticket("last", time.Hour, batch(false, time.Second, 1)),
		ticket("finished", 2*time.Hour, batch(false, time.Second, 0)),
		held,
	}
}

var (
	pauseOrder    = coc.Operation{Type: coc.PauseOrder}
	continueOrder = coc.Operation{Type: coc.ContinueOrder}
	cancelOrder   = coc.Operation{Type: coc.CancelOrder}
)

func skip(batch int32) coc.Operation { return coc.Operation{Type: coc.SkipBatch, BatchIndex: batch} }

func cancel(instance int64) coc.Operation {
	return coc.Operation{Type: coc.CancelInstance, InstanceID: instance}
}

// rules are policies as a file would give them, "" the built-in ones, with
// operator in the role on-call and manager in managers.
func rules(t testing.TB, policies string) *policy.Store {
	t.Helper()
	folder := t.TempDir()
	f := policy.Files{Managers: []string{"demo/manager"}, Directory: filepath.Join(folder, "directory.json")}
	check(t, os.WriteFile(f.Directory, []byte(`{"roles": {"on-call": ["demo/operator"]}}`), 0o600))
	if policies != "" {
		f.Policy = filepath.Join(folder, "rules.cedar")
		check(t, os.WriteFile(f.Policy, []byte(policies), 0o600))
	}
	s, err := policy.Open(f, slog.New(slog.DiscardHandler))
	check(t, err)
	return s
}
