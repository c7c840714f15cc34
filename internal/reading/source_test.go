package reading_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"coc-console/internal/coc"
	"coc-console/internal/huawei"
	"coc-console/internal/reading"
)

const ticket, other coc.ExecuteUUID = "SCT20260101000000000000001", "SCT20260101000000000000002"

// upstream answers as COC does, and tells by a ticket's name which call it was.
type upstream struct {
	calls  atomic.Int64
	failed atomic.Bool
	holds  atomic.Bool
	hold   chan struct{} // answers wait for its end; no bubble's, so that the server may
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := u.calls.Add(1)
	if u.holds.Load() {
		<-u.hold
	}
	w.Header().Set("Connection", "close") // so that nothing of the client waits for the network
	if u.failed.Load() {
		http.Error(w, `{"error_code":"COC.00000001","error_msg":"failing"}`, http.StatusInternalServerError)
		return
	}
	name := strings.TrimSuffix(r.URL.Path, "/")
	answer := fmt.Sprintf(`{"execute_uuid":%q,"status":"PROCESSING","properties":{"script_name":"call %d"}}`, path.Base(name), n)
	switch path.Base(name) {
	case "statistics":
		answer = fmt.Sprintf(`{"total_instance":%d,"execute_statistics":[{"instance_status":"READY","instance_count":%[1]d}]}`, n)
	case "batches":
		answer = `[{"batch_index":1,"total_instances":1}]`
	case "1":
		answer = `{"batch_index":1,"total_instances":1,"execute_instances":[{"id":7,"status":"READY"}]}`
	}
	_, _ = io.WriteString(w, `{"data":`+answer+`}`)
}

// shared are the readings of one test.
type shared struct {
	*upstream
	*reading.Reads
	t *testing.T
}

// inBubble runs a test on a clock of its own, against a server beside it. landing is how long a reading that is shared
// is under way.
func inBubble(t *testing.T, landing time.Duration, test func(t *testing.T, s *shared)) {
	t.Helper()
	u := &upstream{hold: make(chan struct{})}
	server := httptest.NewServer(u)
	defer server.Close()
	synctest.Test(t, func(t *testing.T) {
		client, err := coc.New(coc.Config{Endpoint: server.URL})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		test(t, &shared{u, reading.New(client, func(f func(context.Context)) error {
			go func() { <-time.After(landing); f(context.WithoutCancel(t.Context())) }()
			return nil
		}), t})
		synctest.Wait()
	})
}

// source is what a request that comes now reads from.
func (s *shared) source(scope string, id coc.ExecuteUUID) *reading.Source {
	return s.Source(s.t.Context(), coc.Caller{Credential: huawei.NewToken("a token"), ProjectID: "p"}, id,
		reading.Terms{Scope: scope, NotBefore: time.Now().Add(-reading.SharedFor)})
}

// call is which call a request that comes now gets the ticket from.
func (s *shared) call(scope string) string {
	s.t.Helper()
	got, err := s.source(scope, ticket).Ticket(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return got.ScriptName
}

// TestSharedForASecond: who needs the same of a ticket within a second after it was begun to be read gets it, of one
// scope alone; who shares with nobody never does.
func TestSharedForASecond(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, s *shared) {
		expect := func(moment, scope, want string) {
			t.Helper()
			if got := s.call(scope); got != want {
				t.Errorf("%s, scope %q: %s, want %s", moment, scope, got, want)
			}
		}
		expect("at first", "a", "call 1")
		expect("at once", "a", "call 1")
		expect("at once", "b", "call 2")
		expect("at once", "", "call 3")
		expect("at once, again", "", "call 4")
		<-time.After(reading.SharedFor - time.Nanosecond)
		expect("a moment before a second", "a", "call 1")
		<-time.After(2)
		expect("after a second", "a", "call 5")
		from := s.source("a", other)
		if got, err := from.Ticket(t.Context()); err != nil || got.ExecuteUUID != other {
			t.Errorf("another ticket: %+v, %v", got, err)
		}
		if from.Borrowed() {
			t.Error("what was read for a source itself is somebody else's")
		}
	})
}

// TestAgeCountsFromTheBeginning: a reading is as old as the time since its call was begun, however long that took.
func TestAgeCountsFromTheBeginning(t *testing.T) {
	inBubble(t, 600*time.Millisecond, func(t *testing.T, s *shared) {
		first := s.source("a", ticket)
		if _, err := first.Ticket(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-time.After(300 * time.Millisecond)
		later := s.source("a", ticket)
		if got, err := later.Ticket(t.Context()); err != nil || got.ScriptName != "call 1" || !later.Borrowed() {
			t.Errorf("0.9 s after it was begun: %s, %v, borrowed %v", got.ScriptName, err, later.Borrowed())
		}
		if age := time.Since(later.Oldest()); age != 900*time.Millisecond {
			t.Errorf("its age is %v", age)
		}
		<-time.After(200 * time.Millisecond)
		if got := s.call("a"); got != "call 2" {
			t.Errorf("1.1 s after it was begun, 0.5 s after it came: %s", got)
		}
	})
}

// TestManyShareOneReading: of many at once one reads; that the first gives up takes nothing from the others.
func TestManyShareOneReading(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, s *shared) {
		s.holds.Store(true)
		ctx, giveUp := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() { _, err := s.source("a", ticket).Ticket(ctx); gone <- err }()
		giveUp()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("who gives up gets %v", err)
		}
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				from := s.source("a", ticket)
				now, err := from.Situation(t.Context())
				if err != nil || now.Ticket.ScriptName == "" || now.Statistics.Total == 0 || now.Batches != nil {
					t.Errorf("%+v, %v", now, err)
				}
			})
		}
		close(s.hold)
		all.Wait()
		if n := s.calls.Load(); n != 2 {
			t.Errorf("%d calls for the ticket and its statistics", n)
		}
	})
}

// TestErrorsAreNotShared: who waits for a reading that fails gets its error, who comes later reads again.
func TestErrorsAreNotShared(t *testing.T) {
	inBubble(t, time.Millisecond, func(t *testing.T, s *shared) {
		s.failed.Store(true)
		one, two := s.source("a", ticket), s.source("a", ticket)
		for _, from := range []*reading.Source{one, two} {
			from.Expect([]int32{1})
		}
		for _, from := range []*reading.Source{one, two} {
			if _, err := from.Rows(t.Context(), 1); err == nil {
				t.Error("a reading that fails gives rows")
			}
		}
		if n := s.calls.Load(); n != 1 {
			t.Errorf("%d calls for two at once", n)
		}
		s.failed.Store(false)
		if _, err := one.Rows(t.Context(), 1); err == nil {
			t.Error("a source gives something else than before")
		}
		if rows, err := s.source("a", ticket).Rows(t.Context(), 1); err != nil || len(rows) != 1 || rows[0].ID != 7 {
			t.Errorf("who comes later: %+v, %v", rows, err)
		}
	})
}

// TestClosed: where nothing is run any more, nothing is read, and nothing is kept of it.
func TestClosed(t *testing.T) {
	closed := errors.New("closed")
	reads := reading.New(nil, func(func(context.Context)) error { return closed })
	for range 2 {
		if _, err := reads.Source(t.Context(), coc.Caller{}, ticket, reading.Terms{Scope: "a"}).Ticket(t.Context()); !errors.Is(err, closed) {
			t.Error(err)
		}
	}
}

// TestChangesAreNotShared: what was begun to be read before an operation was sent or answered allows no other one on the
// same, for the ticket or an instance; other instances are as they were.
func TestChangesAreNotShared(t *testing.T) {
	pause, seven, eight := coc.Operation{Type: coc.PauseOrder}, coc.Operation{Type: coc.CancelInstance, InstanceID: 7},
		coc.Operation{Type: coc.CancelInstance, InstanceID: 8}
	for _, tt := range []struct {
		name          string
		changed, next coc.Operation
		counts        bool
	}{
		{"the ticket, then the ticket", pause, pause, true},
		{"the ticket, then an instance", pause, seven, true},
		{"an instance, then the ticket", seven, pause, true},
		{"an instance, then the same", seven, seven, true},
		{"an instance, then another", seven, eight, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, 0, func(t *testing.T, s *shared) {
				at := time.Now()
				s.Change(ticket, tt.changed)
				<-time.After(500 * time.Millisecond)
				before := time.Now().Add(-reading.SharedFor)
				want := before
				if tt.counts {
					want = at
				}
				if got := s.Unchanged(ticket, tt.next, before); !got.Equal(want) {
					t.Errorf("unchanged since %v, want %v", got.Sub(at), want.Sub(at))
				}
				if got := s.Unchanged(other, tt.next, before); !got.Equal(before) {
					t.Errorf("another ticket is unchanged since %v", got.Sub(at))
				}
				<-time.After(2 * reading.SharedFor)
				if got := s.Unchanged(ticket, tt.next, at.Add(-time.Hour)); !got.Equal(at.Add(-time.Hour)) {
					t.Error("a change is remembered for longer than it matters")
				}
			})
		})
	}
}

// TestViews: what somebody who looks has read is as good as a reading of one's own while it is new; what it does not
// have is read.
func TestViews(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, s *shared) {
		began := time.Now()
		view := &reading.View{Ticket: coc.Ticket{ExecuteUUID: ticket, Status: coc.TicketProcessing, ScriptName: "seen"}, TicketBegan: began,
			Statistics: coc.Statistics{Total: 99}, StatisticsBegan: began,
			Rows: func(batch int32) ([]coc.Instance, bool) { return []coc.Instance{{ID: 5}}, batch == 2 }}
		read := func() (*reading.Source, reading.Situation) {
			t.Helper()
			from := s.Source(t.Context(), coc.Caller{Credential: huawei.NewToken("a token")}, ticket,
				reading.Terms{View: view, NotBefore: time.Now().Add(-reading.SharedFor)})
			now, err := from.Situation(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return from, now
		}
		<-time.After(reading.SharedFor)
		from, now := read()
		if now.Ticket.ScriptName != "seen" || now.Statistics.Total != 99 || !from.Borrowed() || !from.Oldest().Equal(began) || s.calls.Load() != 0 {
			t.Errorf("of a second ago: %+v, borrowed %v, %d calls", now, from.Borrowed(), s.calls.Load())
		}
		for batch, id := range map[int32]int64{1: 7, 2: 5} {
			if rows, err := from.Rows(t.Context(), batch); err != nil || len(rows) != 1 || rows[0].ID != id {
				t.Errorf("batch %d: %+v, %v", batch, rows, err)
			}
		}
		<-time.After(1)
		if _, now := read(); now.Ticket.ScriptName == "seen" || now.Statistics.Total == 99 {
			t.Errorf("of more than a second ago: %+v", now)
		}
	})
}

// TestMarks: a mark tells what the log had when a reading was begun, or less, never more.
func TestMarks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m reading.Marks
		start := time.Now()
		if _, known := m.At(start); known {
			t.Error("something is known of what nobody noted")
		}
		for end := range int64(10_000) {
			m.Add(end)
			m.Add(end) // the same tells nothing
			<-time.After(time.Millisecond)
		}
		now := time.Now()
		for _, tt := range []struct {
			ago   time.Duration
			end   int64
			known bool
		}{{0, 9999, true}, {time.Millisecond, 9999, true}, {time.Millisecond + 1, 9998, true}, {time.Second, 9000, true}, {time.Hour, 0, false}} {
			if end, known := m.At(now.Add(-tt.ago)); end != tt.end || known != tt.known {
				t.Errorf("%v ago: %d, %v; want %d, %v", tt.ago, end, known, tt.end, tt.known)
			}
		}
	})
}
