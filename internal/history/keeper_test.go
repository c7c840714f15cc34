package history_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"coc-console/audit/audittest"
	"coc-console/internal/coc"
	"coc-console/internal/database"
	"coc-console/internal/history"
	"coc-console/internal/huawei"
	"coc-console/internal/iam"
	"coc-console/internal/simulator"
	"coc-console/internal/store"
	"coc-console/internal/watch"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"),
		goleak.IgnoreAnyFunction("github.com/jackc/pgx/v5/pgxpool.(*Pool).backgroundHealthCheck"))
}

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// clock shows the time that it is set to.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

// never is a timer that does not fire: tests flush by themselves.
func never(time.Duration) <-chan time.Time { return nil }

func engines(t *testing.T, test func(t *testing.T, db store.DB)) {
	t.Helper()
	audittest.Engines(t, func(t *testing.T, dsn string) {
		t.Helper()
		db, err := database.Open(t.Context(), dsn, database.Console)
		check(t, err)
		t.Cleanup(func() { _ = db.Close() })
		test(t, store.DB{Write: db.Write, Read: db.Read, Lazily: database.Lazily, AtOnce: db.Engine == database.PostgreSQL})
	})
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func keeper(t *testing.T, db store.DB, c *clock) *history.Keeper {
	t.Helper()
	k := history.New(history.Config{DB: db, Now: c.now, After: never})
	t.Cleanup(func() { _ = k.Close() })
	return k
}

func recall(t *testing.T, k *history.Keeper, key watch.Key) watch.Past {
	t.Helper()
	past, err := k.Recall(t.Context(), key)
	check(t, err)
	return past
}

func at(minutes float64) time.Time { return noon.Add(time.Duration(minutes * float64(time.Minute))) }

func change(to string, after, seen float64) watch.Event {
	return watch.Event{Subject: watch.SubjectTicket, From: "PROCESSING", To: to, After: at(after), Seen: at(seen)}
}

func seen(status string, minute float64) *watch.Snapshot {
	return &watch.Snapshot{Ticket: coc.Ticket{Status: coc.TicketStatus(status)}, TicketAt: at(minute)}
}

func key(i int) watch.Key {
	return watch.Key{Account: "demo", Project: "p", Ticket: coc.ExecuteUUID(fmt.Sprintf("SCT%06d", i))}
}

// TestTwoConsolesSeeOneChange: a change that both saw is one, in the time that
// both leave for it, whoever writes first; what one saw alone is there, too.
func TestTwoConsolesSeeOneChange(t *testing.T) {
	engines(t, func(t *testing.T, db store.DB) {
		c := &clock{at: at(10)}
		one, other := keeper(t, db, c), keeper(t, db, c)
		one.Keep(key(1), []watch.Event{change("PAUSED", 1, 4)}, seen("PAUSED", 4))
		other.Keep(key(1), []watch.Event{change("PAUSED", 2, 5), change("CANCELED", 6, 7)}, seen("CANCELED", 7))
		var both sync.WaitGroup
		for _, k := range []*history.Keeper{one, other} {
			both.Go(func() { _ = k.Flush(context.WithoutCancel(t.Context())) })
		}
		both.Wait()
		check(t, one.Flush(t.Context())) // whoever met the other goes again
		check(t, other.Flush(t.Context()))
		want := []watch.Event{change("PAUSED", 2, 4), change("CANCELED", 6, 7)}
		if diff := cmp.Diff(want, recall(t, keeper(t, db, c), key(1)).Events); diff != "" {
			t.Errorf("kept (-want +got):\n%s", diff)
		}
	})
}

// TestBounds: changes of instances go before those of the ticket, tickets that
// were seen longest ago before others, and none is kept for ever.
func TestBounds(t *testing.T) {
	engines(t, func(t *testing.T, db store.DB) {
		c := &clock{at: noon}
		k := keeper(t, db, c)
		many := []watch.Event{change("PAUSED", 0, 0.001)}
		for i := range 1000 {
			e := change("FINISHED", float64(i), float64(i)+0.5)
			e.Subject, e.Instance = watch.SubjectInstance, int64(i+1)
			many = append(many, e)
		}
		k.Keep(key(0), many[:600], seen("PAUSED", 500))
		check(t, k.Flush(t.Context()))
		k.Keep(key(0), many[600:], seen("PAUSED", 1000))
		check(t, k.Flush(t.Context()))
		got := recall(t, k, key(0)).Events
		if len(got) != 400 || got[0] != many[0] || got[399] != many[1000] {
			t.Errorf("%d changes are kept, from %+v to %+v", len(got), got[0], got[len(got)-1])
		}
		rows := store.NewHistories(db)
		add := func(from, to int, at func(i int) time.Time) {
			var keys []store.TicketKey
			for i := from; i < to; i++ {
				keys = append(keys, store.TicketKey{Account: "demo", Project: "p", Ticket: string(key(i).Ticket)})
			}
			_, err := rows.Change(t.Context(), keys, func(k store.TicketKey, _ string) (string, time.Time) {
				var i int
				_, _ = fmt.Sscanf(k.Ticket, "SCT%d", &i)
				return "{}", at(i)
			})
			check(t, err)
		}
		count := func() (n int) {
			check(t, db.Read.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM ticket_history`).Scan(&n))
			return n
		}
		add(1, 30, func(i int) time.Time { return noon.Add(time.Duration(i) * time.Second) })
		check(t, rows.Prune(t.Context(), noon, noon, 100, 20))
		if n := count(); n != 20 {
			t.Errorf("%d tickets are kept, want 20", n)
		}
		check(t, rows.Prune(t.Context(), noon.Add(time.Hour), noon.Add(time.Hour), 5, 20))
		if n := count(); n != 15 {
			t.Errorf("a clock that is wrong for once leaves %d tickets, want 15", n)
		}
		add(100, 101, func(int) time.Time { return noon.AddDate(50, 0, 0) })
		check(t, rows.Prune(t.Context(), noon, noon, 5, 20))
		check(t, rows.Prune(t.Context(), noon.Add(time.Second), noon, 100, 20))
		if row, err := rows.Read(t.Context(), store.TicketKey{Account: "demo", Project: "p", Ticket: "SCT000100"}); err != nil || row != "" {
			t.Errorf("what was seen in the future is kept: %q, %v", row, err)
		}
	})
}

// TestSeenAgain: that a ticket was seen again is written once a minute.
func TestSeenAgain(t *testing.T) {
	engines(t, func(t *testing.T, db store.DB) {
		c := &clock{at: at(10)}
		k := keeper(t, db, c)
		for _, step := range []struct{ minute, want float64 }{{10, 10}, {10.5, 10}, {11.5, 11.5}, {2, 2}} { // and when the clock goes back
			c.set(at(step.minute))
			k.Keep(key(1), nil, seen("PAUSED", step.minute))
			check(t, k.Flush(t.Context()))
			if got := recall(t, keeper(t, db, c), key(1)).Ticket; !got.At.Equal(at(step.want)) {
				t.Errorf("at %v it was seen at %v, want %v", step.minute, got.At, at(step.want))
			}
		}
	})
}

// TestLostDatabase: what could not be written is written later.
func TestLostDatabase(t *testing.T) {
	engines(t, func(t *testing.T, db store.DB) {
		c := &clock{at: at(10)}
		k := keeper(t, db, c)
		k.Keep(key(1), []watch.Event{change("PAUSED", 1, 4)}, seen("PAUSED", 4))
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := db.Write.ExecContext(t.Context(), `ALTER TABLE ticket_history RENAME TO away`)
		check(t, err)
		if k.Flush(gone) == nil {
			t.Error("a lost table is no error")
		}
		k.Keep(key(1), []watch.Event{change("CANCELED", 5, 6)}, seen("CANCELED", 6))
		_, err = db.Write.ExecContext(t.Context(), `ALTER TABLE away RENAME TO ticket_history`)
		check(t, err)
		check(t, k.Flush(t.Context()))
		want := watch.Past{Events: []watch.Event{change("PAUSED", 1, 4), change("CANCELED", 5, 6)},
			Ticket: watch.Standing{State: "CANCELED", At: at(6)}, Batches: map[int32]watch.Standing{}}
		if diff := cmp.Diff(want, recall(t, keeper(t, db, c), key(1))); diff != "" {
			t.Errorf("kept (-want +got):\n%s", diff)
		}
	})
}

// console is a Watcher with its Keeper, on a simulator over HTTP.
type console struct {
	*watch.Watcher
	kept   *history.Keeper
	client *coc.Client
}

func start(t *testing.T, db store.DB, url string, now func() time.Time) *console {
	t.Helper()
	client, err := coc.New(coc.Config{Endpoint: url})
	check(t, err)
	k := history.New(history.Config{DB: db, Now: now, After: never})
	return &console{watch.New(watch.Config{Client: client, Now: now, After: never, Archive: k}), k, client}
}

func (c *console) stop(t *testing.T) {
	t.Helper()
	c.Close()
	check(t, c.kept.Close())
	c.client.Close()
}

type requested struct{}

func (requested) RequestedSequence() int64 { return 1 }

// TestRestart: a ticket that was looked at is paused while the console is away.
// The next one says so, and between which times; a clock that went back leaves
// the beginning open.
func TestRestart(t *testing.T) {
	engines(t, func(t *testing.T, db store.DB) {
		c, cloud := &clock{at: noon}, &clock{at: noon}
		ticket := simulator.TicketSpec{Scenario: "runs", Name: "patch", Creator: "operator", Age: time.Minute, Timeout: 1700 * time.Second,
			SuccessRate: 90, Batches: []simulator.BatchSpec{runs("a", 4*time.Minute), runs("b", 20*time.Minute)}}
		sim := simulator.New(simulator.Config{Now: cloud.now, Tickets: []simulator.TicketSpec{ticket}})
		server := httptest.NewServer(sim.Handler())
		defer server.Close()
		caller := signIn(t, server.URL)
		id := coc.ExecuteUUID(sim.UUID("runs"))
		key := watch.Key{Account: "demo", Project: caller.ProjectID, Ticket: id}
		look := func(con *console) *watch.Snapshot {
			v, err := con.Join(t.Context(), key, watch.Credentials{Session: "s",
				Caller: func(context.Context) (coc.Caller, error) { return caller, nil }})
			check(t, err)
			defer v.Close()
			return v.Snapshot()
		}
		first := start(t, db, server.URL, c.now)
		if s := look(first); len(s.Events) != 0 {
			t.Errorf("at first: %+v", s.Events)
		}
		_, err := first.client.Operate(t.Context(), caller, requested{}, id, coc.Operation{Type: coc.PauseOrder})
		check(t, err)
		first.stop(t)
		c.set(at(5))
		cloud.set(at(5)) // it pauses after its first batch
		second := start(t, db, server.URL, c.now)
		want := []watch.Event{{Subject: watch.SubjectTicket, From: "PROCESSING", To: "PAUSED", After: noon, Seen: at(5)},
			{Subject: watch.SubjectBatch, Batch: 1, From: "RUNNING", To: "FINISHED", After: noon, Seen: at(5)}}
		if diff := cmp.Diff(want, look(second).Events); diff != "" {
			t.Errorf("after a restart (-want +got):\n%s", diff)
		}
		second.stop(t)
		c.set(at(4))
		third := start(t, db, server.URL, c.now)
		_, err = third.client.Operate(t.Context(), caller, requested{}, id, coc.Operation{Type: coc.ContinueOrder})
		check(t, err)
		cloud.set(at(6))
		got := look(third).Events
		third.stop(t)
		begun := slices.IndexFunc(got, func(e watch.Event) bool { return e.Subject == watch.SubjectTicket && e.To == "PROCESSING" })
		if begun < 0 || !got[begun].After.IsZero() || !got[begun].Seen.Equal(at(4)) || !slices.Contains(got, want[0]) {
			t.Errorf("when the clock went back: %+v", got)
		}
	})
}

func runs(host string, run time.Duration) simulator.BatchSpec {
	return simulator.BatchSpec{Instances: []simulator.InstanceSpec{{Host: host, IP: "10.0.0.1", Region: "cn-north-4", Run: run}}}
}

func signIn(t *testing.T, url string) coc.Caller {
	t.Helper()
	c, err := iam.New(iam.Config{Endpoint: url})
	check(t, err)
	defer c.Close()
	id, token, err := c.SignIn(t.Context(), iam.PasswordRequest{Account: "demo", User: "operator", Password: "operator", Project: "cn-north-4"})
	check(t, err)
	return coc.Caller{Credential: huawei.NewToken(token.Reveal()), Language: coc.EnUS, ProjectID: id.ProjectID}
}
