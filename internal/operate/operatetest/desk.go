// Package operatetest is a console on a simulator: what the tests of operate, approval and bulk share.
package operatetest

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/search"
	"coc-console/internal/approval"
	"coc-console/internal/bulk"
	"coc-console/internal/coc"
	"coc-console/internal/database"
	"coc-console/internal/huawei"
	"coc-console/internal/iam"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/internal/reading"
	"coc-console/internal/simulator"
	"coc-console/internal/store"
)

// Records are those that a query finds.
func (d *Desk) Records(q search.Query) []audit.Record {
	d.T.Helper()
	q.Visible, q.Limit = search.Visibility{All: true}, search.MaxLimit
	page, err := d.Index.Search(d.T.Context(), q)
	Check(d.T, err)
	return page.Records
}

// Approvals is the service of approvals.
type Approvals = approval.Service

// Bulks is the service of bulk operations.
type Bulks = bulk.Service

// Parts are the services of one console.
type Parts struct {
	*operate.Service
	*Approvals
	*Bulks
}

// Resume takes everything up, as a console does at its start.
func (p Parts) Resume(ctx context.Context) error {
	return errors.Join(p.Bulks.Resume(ctx), p.Approvals.Resume(ctx), p.Service.Resume(ctx))
}

// Purge deletes old rows of all tables.
func (p Parts) Purge(ctx context.Context) error {
	return errors.Join(p.Service.Purge(ctx), p.Approvals.Purge(ctx), p.Bulks.Purge(ctx))
}

// Desk is a console's services with their databases, on a simulator over HTTP.
type Desk struct {
	Parts
	T         testing.TB
	Clock     *Clock
	Sim       *simulator.Simulator
	url       string
	DSN       string
	Log       *audit.Log
	Index     *search.Index
	LogDB     *database.DB
	ConsoleDB *database.DB
	Client    *coc.Client
	Sessions  *Sessions
	Operator  coc.Caller
	Manager   coc.Caller
	Actor     audit.Actor // of operator
	Superior  audit.Actor // of manager
	Rules     operate.Rules
	Views     reading.Views // nil: nobody looks
	Rate      float64       // of bulk operations, operations a second; 0: as fast as it goes
	Shared    bool
	Poll      time.Duration // 0: the constant
	Settle    time.Duration // 0: the default
	handler   atomic.Pointer[http.Handler]
	OnPut     atomic.Pointer[func()] // called before a PUT reaches the simulator
	busy      atomic.Int64           // calls under way
	Busiest   atomic.Int64
	Arrived   Arrivals
}

// Engines runs a test on a desk of its own on either engine: alone on SQLite,
// and sharing a PostgreSQL database, though with nobody.
func Engines(t *testing.T, test func(t *testing.T, d *Desk), adjust ...func(*simulator.Config)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, NewDesk(t, adjust...))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		d, _ := SharedDesk(t, 0, adjust...)
		test(t, d)
	})
}

// NewDesk starts everything. adjust changes what the simulator simulates.
func NewDesk(t testing.TB, adjust ...func(*simulator.Config)) *Desk {
	t.Helper()
	d := &Desk{T: t, Clock: newClock(), DSN: t.TempDir(), Sessions: &Sessions{Callers: map[string]coc.Caller{}}}
	d.Simulate(adjust...)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := d.busy.Add(1)
		defer d.busy.Add(-1)
		for most := d.Busiest.Load(); n > most && !d.Busiest.CompareAndSwap(most, n); most = d.Busiest.Load() {
		}
		if r.Method == http.MethodPut {
			d.Arrived.add(r)
			if f := d.OnPut.Load(); f != nil {
				(*f)()
			}
		}
		(*d.handler.Load()).ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	d.url = server.URL
	d.Client = d.NewClient(time.Minute) // a limit that a busy machine does not reach
	d.Operator, d.Actor = d.SignIn("operator")
	d.Manager, d.Superior = d.SignIn("manager")
	d.Sessions.Add("operator", d.Operator)
	d.Rules = Rules(t, `@id("all") permit (principal, action, resource);`)
	d.open()
	return d
}

// Simulate puts a new simulator into the place of the one before. Tokens stay
// good, and tickets keep their ids.
func (d *Desk) Simulate(adjust ...func(*simulator.Config)) {
	cfg := simulator.Config{Now: d.Clock.Now, Tickets: Tickets()}
	for _, f := range adjust {
		f(&cfg)
	}
	d.Sim = simulator.New(cfg)
	handler := d.Sim.Handler()
	d.handler.Store(&handler)
}

// NewClient returns a client of the simulator whose calls have that limit.
func (d *Desk) NewClient(limit time.Duration) *coc.Client {
	d.T.Helper()
	c, err := coc.New(coc.Config{Endpoint: d.url, CallTimeout: limit})
	Check(d.T, err)
	d.T.Cleanup(c.Close)
	return c
}

// SignIn returns the caller and the actor of a user of the simulator.
func (d *Desk) SignIn(user string) (coc.Caller, audit.Actor) {
	d.T.Helper()
	c, err := iam.New(iam.Config{Endpoint: d.url})
	Check(d.T, err)
	defer c.Close()
	id, token, err := c.SignIn(d.T.Context(), iam.PasswordRequest{Account: "demo", User: user, Password: user,
		Project: "cn-north-4"})
	Check(d.T, err)
	return coc.Caller{Credential: huawei.NewToken(token.Reveal()), Language: coc.EnUS, ProjectID: id.ProjectID},
		audit.Actor{UserID: id.UserID, UserName: id.UserName,
			AccountID: id.AccountID, AccountName: id.AccountName, ProjectID: id.ProjectID}
}

// open opens the databases and starts the service on them.
func (d *Desk) open() {
	d.T.Helper()
	databases := map[database.Store]*database.DB{}
	for _, store := range []database.Store{database.Audit, database.Search, database.Console} {
		db, err := database.Open(d.T.Context(), d.DSN, store)
		Check(d.T, err)
		d.T.Cleanup(func() { _ = db.Close() })
		databases[store] = db
	}
	d.LogDB, d.ConsoleDB = databases[database.Audit], databases[database.Console]
	log, err := audit.Open(d.T.Context(), audit.Config{Dialect: string(d.LogDB.Engine), Log: d.LogDB.Write,
		LogRead: d.LogDB.Read, Database: audittest.Unwatched(d.LogDB),
		Now: d.Clock.Now})
	Check(d.T, err)
	d.T.Cleanup(func() { _ = log.Close() })
	d.Log = log
	index := databases[database.Search]
	d.Index, err = search.Open(d.T.Context(), log, search.Config{Write: index.Write, Read: index.Read})
	Check(d.T, err)
	opened := d.Index // it may be another one at the end
	d.T.Cleanup(func() { _ = opened.Close() })
	d.Parts = d.Serve()
}

// Serve starts a service on the open databases.
func (d *Desk) Serve() Parts {
	db, logger := store.DB{Write: d.ConsoleDB.Write, Read: d.ConsoleDB.Read, Lazily: database.Lazily,
		AtOnce: d.ConsoleDB.Engine == database.PostgreSQL}, slog.New(slog.DiscardHandler)
	keys, leases, seal := store.NewKeys(db), store.NewLeases(db, d.Shared), store.NewSealer(rowKey)
	s := operate.New(operate.Config{Log: d.Log, Index: d.Index, Client: d.Client, Keys: keys, Leases: leases,
		Callers: d.Sessions, Views: d.Views, Rules: d.Rules, Now: d.Clock.Now, Poll: cmp.Or(d.Poll, poll), Deadline: Deadline,
		Recheck: d.Settle, Heartbeat: beat})
	d.T.Cleanup(func() { _ = s.Close() })
	return Parts{s,
		approval.New(approval.Config{Operations: s, Log: d.Log, Index: d.Index, Rows: store.NewApprovals(db, seal),
			Leases: leases, Rules: d.Rules, Logger: logger, Now: d.Clock.Now}),
		bulk.New(bulk.Config{Operations: s, Log: d.Log, Index: d.Index, Rows: store.NewBulk(db, seal),
			Keys: keys, Leases: leases, Logger: logger, Now: d.Clock.Now, Rate: cmp.Or(d.Rate, 1000), Retry: beat})}
}

// Restart closes the databases and opens them again, with a new service. What is
// to happen in between may be given.
func (d *Desk) Restart(between ...func()) {
	d.T.Helper()
	Check(d.T, d.Close())
	Check(d.T, d.Index.Close())
	Check(d.T, d.Log.Close())
	Check(d.T, d.LogDB.Close())
	Check(d.T, d.ConsoleDB.Close())
	for _, f := range between {
		f()
	}
	d.open()
}

// Ticket is the execute_uuid of a scenario.
func (d *Desk) Ticket(scenario string) coc.ExecuteUUID { return coc.ExecuteUUID(d.Sim.UUID(scenario)) }

// Row is the id of the n-th instance of a batch.
func (d *Desk) Row(scenario string, batch int32, n int) int64 {
	d.T.Helper()
	rows, err := d.Client.AllInstances(d.T.Context(), d.Manager, d.Ticket(scenario), batch)
	Check(d.T, err)
	return coc.InstanceID(rows[n])
}

// Form is what a page would send that shows the ticket as it is now.
func (d *Desk) Form(scenario string, op coc.Operation) operate.Request {
	d.T.Helper()
	now, err := d.Read(d.T.Context(), d.Manager, d.Ticket(scenario), op, 0)
	Check(d.T, err)
	return operate.Request{SessionKey: "operator", Caller: d.Operator, Actor: d.Actor, Ticket: d.Ticket(scenario),
		Operation: op, Reason: "because", Expected: now.Snapshot().String(), Key: operate.NewKey()}
}

// Beside makes a form one for which somebody knows what is pending.
func (d *Desk) Beside(r operate.Request) operate.Request {
	d.T.Helper()
	pending, err := d.Pending(d.T.Context(), r.Ticket, r.Operation, r.Key)
	Check(d.T, err)
	if len(pending) > 0 {
		r.Beside = pending[0].OperationID
	}
	return r
}

// Applied sends a fresh form.
func (d *Desk) Applied(scenario string, op coc.Operation) string {
	d.T.Helper()
	id, err := d.Apply(d.T.Context(), d.Form(scenario, op))
	Check(d.T, err)
	return id
}

// Proof stands for the record of a request.
type Proof struct{}

// RequestedSequence is a record's number.
func (Proof) RequestedSequence() int64 { return 1 }

// Elsewhere operates on the ticket past this console.
func (d *Desk) Elsewhere(scenario string, op coc.Operation) {
	d.T.Helper()
	_, err := d.Client.Operate(d.T.Context(), d.Manager, Proof{}, d.Ticket(scenario), op)
	Check(d.T, err)
	d.Clock.Step(Effect)
}

// ReceiptOf reads an operation.
func (d *Desk) ReceiptOf(id string) operate.Receipt {
	d.T.Helper()
	r, err := d.Receipt(d.T.Context(), id)
	Check(d.T, err)
	return r
}

// End waits for the end of an operation.
func (d *Desk) End(id string) (operate.Receipt, operate.Detail) {
	d.T.Helper()
	var r operate.Receipt
	Eventually(d.T, "the operation has an end", func() bool { r = d.ReceiptOf(id); return r.End != nil })
	return r, operate.ParseDetail(r.End.Detail)
}

// Passes lets the watch look a few times, and then the deadline pass.
func (d *Desk) Passes(id string) (operate.Receipt, operate.Detail) {
	d.T.Helper()
	d.Looked(3)
	d.Clock.Step(Deadline)
	return d.End(id)
}

// Looked waits until the ticket has been read that many times more.
func (d *Desk) Looked(times int) {
	d.T.Helper()
	before := d.Looks()
	Eventually(d.T, "the watch looks", func() bool { return d.Looks() >= before+times })
}

// Looks is how often a ticket was looked at: each time it is read, or, for an
// instance, counted.
func (d *Desk) Looks() int {
	return max(d.Sim.Calls(simulator.CallShowTicket), d.Sim.Calls(simulator.CallStatistics))
}

// Puts checks how many operations were sent.
func (d *Desk) Puts(want int) {
	d.T.Helper()
	if got := d.Sim.Calls(simulator.CallOperate); got != want {
		d.T.Errorf("%d operations were sent, want %d", got, want)
	}
}

// Rules are policies as a file would give them, "" the built-in ones, with
// operator in the role on-call and manager in managers.
func Rules(t testing.TB, policies string) *policy.Store {
	t.Helper()
	folder := t.TempDir()
	f := policy.Files{Managers: []string{"demo/manager"}, Directory: filepath.Join(folder, "directory.json")}
	Check(t, os.WriteFile(f.Directory, []byte(`{"roles": {"on-call": ["demo/operator"]}}`), 0o600))
	if policies != "" {
		f.Policy = filepath.Join(folder, "rules.cedar")
		Check(t, os.WriteFile(f.Policy, []byte(policies), 0o600))
	}
	s, err := policy.Open(f, slog.New(slog.DiscardHandler))
	Check(t, err)
	return s
}
