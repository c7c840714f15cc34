package presence_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"coc-console/audit/audittest"
	"coc-console/internal/database"
	"coc-console/internal/presence"
	"coc-console/internal/store"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"),
		goleak.IgnoreAnyFunction("github.com/jackc/pgx/v5/pgxpool.(*Pool).backgroundHealthCheck"))
}

// clock moves only when it is told to.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// never is a timer that does not fire: tests tick by themselves.
func never(time.Duration) <-chan time.Time { return nil }

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var (
	ticket = presence.Ticket{Account: "demo", Project: "p", ID: "SCT1"}
	olga   = presence.Person{ID: "demo/olga", Name: "olga"}
	pia    = presence.Person{ID: "demo/pia", Name: "pia"}
	looks  = presence.Act{}
	cancel = presence.Act{Type: "CANCEL_ORDER", Target: "ticket"}
)

func registry(t *testing.T, c *clock, shared *store.Presences) *presence.Registry {
	t.Helper()
	r := presence.New(presence.Config{Shared: shared, Now: c.now, After: never})
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func who(r *presence.Registry) (names []string) {
	for _, p := range r.Of(ticket).People {
		names = append(names, p.Name+" "+p.Type)
	}
	return names
}

func is(t *testing.T, what string, r *presence.Registry, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, who(r)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// told reports whether a channel has got a value.
func told(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// TestComingAndGoing: a page without a stream counts for a time, one with a
// stream as long as that is open; whoever watches is told of each.
func TestComingAndGoing(t *testing.T) {
	c := &clock{at: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	r := registry(t, c, nil)
	changed, end := r.Watch(ticket)
	defer end()
	r.Visit(ticket, olga, "s1", looks)
	r.Visit(ticket, pia, "s2", cancel)
	is(t, "both", r, "olga ", "pia CANCEL_ORDER")
	if !told(changed) {
		t.Error("nobody is told of who comes")
	}
	leave := r.Stay(ticket, olga, "s1", looks)
	c.step(presence.LookLife + time.Second)
	r.Tick(t.Context())
	is(t, "a stream outlasts the page", r, "olga ", "pia CANCEL_ORDER")
	c.step(presence.ConfirmLife)
	r.Tick(t.Context())
	is(t, "a confirmation without a stream ends", r, "olga ")
	if !told(changed) {
		t.Error("nobody is told of who goes")
	}
	leave()
	r.Tick(t.Context())
	is(t, "a page that is loaded again goes on", r, "olga ")
	r.Stay(ticket, olga, "s1", looks)
	c.step(time.Hour)
	r.Tick(t.Context())
	is(t, "its stream is open", r, "olga ")
	r.Visit(ticket, olga, "s3", looks)
	is(t, "two pages of one person", r, "olga ")
	r.Visit(ticket, olga, "s3", cancel)
	is(t, "two acts of one person", r, "olga ", "olga CANCEL_ORDER")
	r.Leave(ticket, olga, "s3", cancel)
	is(t, "who has sent it stands there no more", r, "olga ")
	if got := r.Of(presence.Ticket{Account: "other", Project: "p", ID: "SCT1"}); len(got.People) > 0 {
		t.Errorf("another account's ticket has %+v", got.People)
	}
}

// TestEndOfAStream: it is over some seconds after it has ended, and a clock that
// goes back leaves nobody there.
func TestEndOfAStream(t *testing.T) {
	for name, step := range map[string]time.Duration{"later": 4 * time.Second, "a clock that goes back": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			c := &clock{at: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
			r := registry(t, c, nil)
			r.Visit(ticket, olga, "s1", looks)
			leave := r.Stay(ticket, olga, "s1", looks)
			c.step(time.Minute)
			leave()
			leave() // again
			r.Tick(t.Context())
			is(t, "at once", r, "olga ")
			c.step(step)
			if r.Tick(t.Context()) {
				t.Error("there is still something to do")
			}
			is(t, name, r)
		})
	}
}

func TestMarks(t *testing.T) {
	c := &clock{at: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	r := registry(t, c, nil)
	mark := func(p presence.Person, instance int64, line int) error {
		return r.Add(presence.Mark{Ticket: ticket, Person: p, Instance: instance, Line: line})
	}
	for i := range 5 {
		check(t, mark(olga, 1, i))
	}
	if err := mark(olga, 2, 0); !errors.Is(err, presence.ErrFull) {
		t.Errorf("a sixth mark of one person: %v", err)
	}
	c.step(9 * time.Minute)
	check(t, mark(olga, 1, 4)) // again: it lasts longer
	for i := range 15 {
		check(t, mark(presence.Person{ID: fmt.Sprint(i)}, 1, 0))
	}
	if err := mark(pia, 1, 0); !errors.Is(err, presence.ErrFull) {
		t.Errorf("the 21st mark on a ticket: %v", err)
	}
	first := r.Of(ticket).Marks[0]
	r.Remove(ticket, pia, first.Key)
	if got := r.Of(ticket).Marks; len(got) != 20 {
		t.Errorf("another's mark goes: %d are left", len(got))
	}
	r.Remove(ticket, first.Person, first.Key)
	c.step(2 * time.Minute)
	r.Tick(t.Context())
	got := r.Of(ticket).Marks
	if len(got) != 15 {
		t.Errorf("after ten minutes %d marks are left, want 15", len(got))
	}
	for i := range 2000 {
		r.Visit(presence.Ticket{ID: fmt.Sprint(i)}, olga, "s", looks)
		_ = r.Add(presence.Mark{Ticket: presence.Ticket{ID: fmt.Sprint(i)}, Person: olga})
	}
	if s := r.Of(presence.Ticket{ID: "1999"}); len(s.People)+len(s.Marks) > 0 {
		t.Errorf("there is no bound: %+v", s)
	}
}

// TestTwoConsoles: those that share a database see each other's people and
// marks, until these go, or the console does.
func TestTwoConsoles(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		t.Helper()
		db, err := database.Open(t.Context(), dsn, database.Console)
		check(t, err)
		t.Cleanup(func() { _ = db.Close() })
		rows := store.DB{Write: db.Write, Read: db.Read, Lazily: database.Lazily, AtOnce: db.Engine == database.PostgreSQL}
		c := &clock{at: time.Date(2026, 3, 2, 9, 0, 0, 0, time.FixedZone("", 3600))}
		one, other, silent := registry(t, c, store.NewPresences(rows, true)), registry(t, c, store.NewPresences(rows, true)), store.NewPresences(rows, true)
		tick := func() { one.Tick(t.Context()); other.Tick(t.Context()); one.Tick(t.Context()) }
		one.Visit(ticket, olga, "s1", looks)
		c.step(time.Second)
		leave := other.Stay(ticket, pia, "s2", cancel)
		check(t, other.Add(presence.Mark{Ticket: ticket, Person: pia, Instance: 7, Line: 3}))
		changed, end := one.Watch(ticket)
		defer end()
		tick()
		is(t, "here", one, "olga ", "pia CANCEL_ORDER")
		is(t, "there", other, "olga ", "pia CANCEL_ORDER")
		if !told(changed) || len(one.Of(ticket).Marks) != 1 {
			t.Errorf("nobody is told of what is new there: %+v", one.Of(ticket))
		}
		if tick(); told(changed) {
			t.Error("what is as it was is news")
		}
		other.Remove(ticket, pia, other.Of(ticket).Marks[0].Key)
		leave()
		c.step(4 * time.Second)
		tick()
		is(t, "after it has gone", one, "olga ")
		check(t, silent.Say(t.Context(), `{"people":[{"account":"demo","project":"p","ticket":"SCT1","person":"x","name":"lin"}]}`, true))
		tick()
		if len(who(one)) != 2 {
			t.Errorf("a third console: %v", who(one))
		}
		for range 10 {
			one.Tick(t.Context())
		}
		is(t, "a console that has died", one, "olga ")
		for range 100 {
			one.Tick(t.Context())
		}
		check(t, one.Close())
		var left int
		check(t, db.Read.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM presence`).Scan(&left))
		if left > 0 {
			t.Errorf("%d rows are left", left)
		}
	})
}
