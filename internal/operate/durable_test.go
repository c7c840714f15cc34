package operate_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/faultfs"
	"coc-console/internal/operate"
	"coc-console/internal/simulator"
)

func TestSameKeyTwice(t *testing.T) {
	d := newDesk(t)
	form := d.form("running", pauseOrder)
	first, err := d.Apply(t.Context(), form)
	check(t, err)
	d.clock.step(effect)
	d.end(first)
	// The picture is stale by now, which does not matter.
	if id, err := d.Apply(t.Context(), form); id != first || err != nil {
		t.Errorf("again: %q, %v", id, err)
	}
	// A key that was spent on something else, or by somebody else, shows nobody that receipt.
	other, stranger := d.form("running", cancelOrder), form
	other.Key, stranger.Actor.UserID = form.Key, "somebody else"
	for _, wrong := range []operate.Request{other, stranger} {
		if _, err := d.Apply(t.Context(), wrong); !errors.Is(err, operate.ErrBadKey) {
			t.Errorf("with another's key: %v", err)
		}
	}
	d.puts(1)
	if r := d.receipt(first); r.Requested.OperationType != "PAUSE_ORDER" {
		t.Errorf("the receipt is of %s", r.Requested.OperationType)
	}
}

func TestSameKeyAtOnce(t *testing.T) {
	d := newDesk(t)
	hold := make(chan struct{})
	d.sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.Slow, Hold: hold})
	form := d.form("running", pauseOrder)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if id, err := d.Apply(t.Context(), form); id != form.Key || err != nil {
				t.Errorf("got %q, %v", id, err)
			}
		})
	}
	eventually(t, "one is sent", func() bool { return d.sim.Calls(simulator.CallOperate) == 1 })
	close(hold)
	all.Wait()
	d.puts(1)
}

func TestSameKeyAfterRestart(t *testing.T) {
	d := newDesk(t)
	form := d.form("running", pauseOrder)
	_, err := d.Apply(t.Context(), form)
	check(t, err)
	d.restart()
	if id, err := d.Apply(t.Context(), form); id != form.Key || err != nil {
		t.Errorf("got %q, %v", id, err)
	}
	d.puts(1)
}

// claim puts a key into the table as another console would.
func (d *desk) claim(form operate.Request) {
	d.t.Helper()
	_, err := d.keys.Write.ExecContext(d.t.Context(), `INSERT INTO one_time_key (key, session_id, ticket, created_at) VALUES ($1, '', '', $2)`,
		form.Key, d.clock.now().UnixMicro())
	check(d.t, err)
}

// TestSpentKey: a console that ends between the claim and the request leaves a
// key with which nothing was sent.
func TestSpentKey(t *testing.T) {
	d := newDesk(t)
	form := d.form("running", pauseOrder)
	d.claim(form)
	if id, err := d.Apply(t.Context(), form); id != "" || !errors.Is(err, operate.ErrKeySpent) {
		t.Errorf("got %q, %v", id, err)
	}
	d.puts(0)
}

// TestKeyUnderWayElsewhere: nobody may be told that nothing was sent while
// another console may be about to send it.
func TestKeyUnderWayElsewhere(t *testing.T) {
	for _, tt := range []struct {
		name string
		then func(d *desk, form operate.Request)
		want error
	}{
		{"it gets into the log", func(d *desk, form operate.Request) { d.requested(form) }, nil},
		{"it gives the key back", func(d *desk, form operate.Request) {
			_, err := d.keys.Write.ExecContext(d.t.Context(), `DELETE FROM one_time_key WHERE key = $1`, form.Key)
			check(d.t, err)
		}, operate.ErrKeySpent},
		{"it is never heard of again", func(d *desk, _ operate.Request) { d.clock.step(2 * time.Minute) }, operate.ErrKeySpent},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t)
			d.shared = true
			d.Service = d.serve()
			form := d.form("running", pauseOrder)
			d.claim(form)
			answer := make(chan error)
			go func() {
				_, err := d.Apply(t.Context(), form)
				answer <- err
			}()
			select {
			case err := <-answer:
				t.Errorf("it did not wait: %v", err)
				return
			case <-time.After(300 * time.Millisecond):
			}
			tt.then(d, form)
			if err := <-answer; !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			d.puts(0)
		})
	}
}

// requested writes what a console leaves behind that ended before the answer.
func (d *desk) requested(form operate.Request) {
	d.t.Helper()
	_, err := d.log.Request(d.t.Context(), audit.Record{Actor: form.Actor, Ticket: string(form.Ticket), OperationID: form.Key,
		OperationType: string(form.Operation.Type), BatchIndex: form.Operation.BatchIndex, InstanceID: form.Operation.InstanceID, Seen: form.Seen})
	check(d.t, err)
}

// pragma changes a setting of the log's one writing connection.
func (d *desk) pragma(name string, value int64) {
	d.t.Helper()
	_, err := d.logDB.Write.ExecContext(d.t.Context(), fmt.Sprintf("PRAGMA %s = %d", name, value))
	check(d.t, err)
}

// fill leaves no space in the log.
func (d *desk) fill() {
	d.t.Helper()
	var pages int64
	check(d.t, d.logDB.Write.QueryRowContext(d.t.Context(), "PRAGMA page_count").Scan(&pages))
	d.pragma("max_page_count", pages)
	for full := (*audit.StorageError)(nil); full == nil || !full.Full; {
		_, err := d.log.Append(d.t.Context(), audit.Record{Action: audit.ActionTicketViewed, Outcome: audit.OutcomeSucceeded,
			Detail: strings.Repeat("x", 300)})
		if err != nil && !errors.As(err, &full) {
			d.t.Fatal(err)
		}
	}
}

const manyPages = 1 << 30

func TestLogThatTakesNothing(t *testing.T) {
	for _, tt := range []struct {
		name       string
		spoil, fix func(d *desk)
		want       func(*audit.StorageError) bool
	}{
		{"full", (*desk).fill, func(d *desk) { d.pragma("max_page_count", manyPages) },
			func(e *audit.StorageError) bool { return e.Full && !e.ReadOnly }},
		{"read-only", func(d *desk) { d.pragma("query_only", 1) }, func(d *desk) { d.pragma("query_only", 0) },
			func(e *audit.StorageError) bool { return e.ReadOnly && !e.Full }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t)
			form := d.form("running", pauseOrder)
			tt.spoil(d)
			id, err := d.Apply(t.Context(), form)
			var storage *audit.StorageError
			if id != form.Key && id != "" || !errors.As(err, &storage) || !tt.want(storage) {
				t.Fatalf("got %q, %v", id, err)
			}
			d.puts(0)
			tt.fix(d)
			// The key was given back: the same form goes through now.
			if _, err := d.Apply(t.Context(), form); err != nil {
				t.Fatal(err)
			}
			d.puts(1)
			d.clock.step(effect)
			if r, _ := d.end(form.Key); r.End.Action != audit.ActionOperationObserved {
				t.Errorf("the end is %+v", r.End)
			}
		})
	}
}

// TestDiskFails: whatever the disk says when the request is written, nothing is
// sent without it.
func TestDiskFails(t *testing.T) {
	d := newDesk(t)
	disk, unmount, err := faultfs.Mount(filepath.Join(d.dsn, "audit.db"))
	check(t, err)
	t.Cleanup(unmount)
	d.restart()
	for _, kind := range []faultfs.Kind{faultfs.Write, faultfs.Sync} {
		for _, how := range []faultfs.Fault{faultfs.IOError, faultfs.NoSpace, faultfs.Short} {
			form := d.form("running", pauseOrder)
			disk.Break(func(call faultfs.Event) faultfs.Fault {
				if call.Kind == kind {
					return how
				}
				return faultfs.None
			})
			var storage *audit.StorageError
			if _, err := d.Apply(t.Context(), form); !errors.As(err, &storage) {
				t.Errorf("%s ends with %d: got %v", kind, how, err)
			}
			d.puts(0)
			disk.Heal()
		}
	}
	id := d.apply("running", pauseOrder)
	d.puts(1)
	d.clock.step(effect)
	if r, _ := d.end(id); r.End.Action != audit.ActionOperationObserved {
		t.Errorf("the end is %+v", r.End)
	}
}

func TestKeysThatCannotBeClaimed(t *testing.T) {
	d := newDesk(t)
	form := d.form("running", pauseOrder)
	_, err := d.keys.Write.ExecContext(t.Context(), "PRAGMA query_only = 1")
	check(t, err)
	var storage *audit.StorageError
	if _, err := d.Apply(t.Context(), form); !errors.As(err, &storage) || !storage.ReadOnly {
		t.Errorf("the error is %v", err)
	}
	d.puts(0)
}

// TestUnwritten: the log refuses COC's answer.
func TestUnwritten(t *testing.T) {
	d := newDesk(t)
	hold := make(chan struct{})
	d.sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.Slow, Hold: hold, Times: 1})
	form, next := d.form("running", pauseOrder), d.form("paused", continueOrder)
	answer := make(chan error)
	go func() {
		_, err := d.Apply(t.Context(), form)
		answer <- err
	}()
	eventually(t, "it is sent", func() bool { return d.sim.Calls(simulator.CallOperate) == 1 })
	d.pragma("query_only", 1)
	close(hold)
	if err := <-answer; err != nil { // it was sent: its receipt says what is known
		t.Errorf("got %v", err)
	}
	if !d.Unwritten() {
		t.Error("nothing is unwritten")
	}
	if _, err := d.Apply(t.Context(), next); !errors.Is(err, operate.ErrUnwritten) {
		t.Errorf("got %v", err)
	}
	if id, err := d.Apply(t.Context(), form); id != form.Key || err != nil {
		t.Errorf("the first form again: %q, %v", id, err)
	}
	d.puts(1)
	d.pragma("query_only", 0)
	eventually(t, "the answer is written", func() bool { return !d.Unwritten() && d.receipt(form.Key).Answer != nil })
	if r := d.receipt(form.Key); r.Answer.Action != audit.ActionOperationAccepted {
		t.Errorf("the answer is %+v", r.Answer)
	}
	if _, err := d.Apply(t.Context(), next); err != nil {
		t.Error(err)
	}
}

func TestAnotherSessionLooks(t *testing.T) {
	d := newDesk(t)
	d.sessions.add("manager", d.manager)
	id := d.apply("running", pauseOrder)
	d.sim.Revoke("operator") // its session is still the one that was used last
	d.looked(2)
	d.clock.step(effect)
	if r, _ := d.end(id); r.End.Action != audit.ActionOperationObserved {
		t.Errorf("the end is %+v", r.End)
	}
}

func TestForbiddenToLook(t *testing.T) {
	d := newDesk(t)
	d.sessions.add("manager", d.manager)
	id := d.apply("running", pauseOrder)
	d.sim.Inject(simulator.Fault{Kind: simulator.CallShowTicket, Status: 403, Code: "APIGW.0302", Message: "no", Gateway: true, Times: 1})
	d.looked(2)
	d.clock.step(effect)
	if r, _ := d.end(id); r.End.Action != audit.ActionOperationObserved {
		t.Errorf("the end is %+v", r.End)
	}
}

func TestNobodyLooks(t *testing.T) {
	d := newDesk(t)
	id := d.apply("running", pauseOrder)
	d.looked(2)
	d.sim.Revoke("operator")
	d.sessions.end("operator")
	eventually(t, "nobody is found", func() bool { return d.sessions.missed.Load() > 0 })
	d.clock.step(deadline)
	r, detail := d.end(id)
	if r.End.Action != audit.ActionOperationNotObserved || detail.Note != operate.NoteNoSession || detail.Error == "" || detail.Status != "PROCESSING" {
		t.Errorf("the end is %+v", r.End)
	}
}

func TestThrottledWhileWatching(t *testing.T) {
	d := newDesk(t)
	id := d.apply("running", pauseOrder)
	throttled := time.Now()
	d.sim.Inject(simulator.Fault{Kind: simulator.CallShowTicket, Status: 429, Code: "APIGW.0308", Message: "slow down", Gateway: true, RetryAfter: "1", Times: 1})
	d.clock.step(effect)
	r, _ := d.end(id)
	if wait := time.Since(throttled); wait < 800*time.Millisecond {
		t.Errorf("it looked again after %v, not after a second", wait)
	}
	if r.End.Action != audit.ActionOperationObserved {
		t.Errorf("the end is %+v", r.End)
	}
}

func TestLooksFail(t *testing.T) {
	d := newDesk(t)
	id := d.apply("running", pauseOrder)
	d.sim.Inject(simulator.Fault{Kind: simulator.CallBatches, Effect: simulator.HTMLBody, Status: 503})
	d.clock.step(deadline)
	r, detail := d.end(id)
	if r.End.Action != audit.ActionOperationNotObserved || detail.Note != operate.NoteDeadline || !strings.Contains(detail.Error, "503") {
		t.Errorf("the end is %+v", r.End)
	}
}

func TestCloseStopsWatching(t *testing.T) {
	d := newDesk(t)
	next := d.form("paused", continueOrder)
	id := d.apply("running", pauseOrder)
	remove := d.sim.Inject(simulator.Fault{Kind: simulator.CallStatistics, Effect: simulator.Slow, Hold: make(chan struct{})})
	d.looked(1)
	started := time.Now()
	check(t, d.Close())
	if took := time.Since(started); took > 2*time.Second {
		t.Errorf("closing took %v", took)
	}
	remove()
	if r := d.receipt(id); r.End != nil || !r.Open() {
		t.Errorf("the end is %+v", r.End)
	}
	if _, err := d.Apply(t.Context(), next); !errors.Is(err, audit.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	d.puts(1)
}

// TestCloseWaitsForTheAnswer: what was sent gets its answer into the log.
func TestCloseWaitsForTheAnswer(t *testing.T) {
	d := newDesk(t)
	hold := make(chan struct{})
	d.sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.Slow, Hold: hold})
	ctx, gone := context.WithCancel(t.Context())
	form := d.form("running", pauseOrder)
	var both sync.WaitGroup
	both.Go(func() {
		if _, err := d.Apply(ctx, form); err != nil {
			t.Errorf("got %v", err)
		}
	})
	eventually(t, "it is sent", func() bool { return d.sim.Calls(simulator.CallOperate) == 1 })
	gone() // the person closes the browser
	both.Go(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	close(hold)
	both.Wait()
	if r := d.receipt(form.Key); r.Answer == nil || r.Answer.Action != audit.ActionOperationAccepted || r.End != nil {
		t.Errorf("the receipt is %+v", r)
	}
}

func TestResume(t *testing.T) {
	d := newDesk(t)
	accepted := d.apply("running", pauseOrder)
	check(t, d.Close())
	lost, nothing := d.form("paused", continueOrder), d.form("held", continueOrder)
	d.requested(lost)
	d.requested(nothing)
	d.elsewhere("paused", continueOrder)
	d.clock.step(time.Hour) // the console was away for longer than the deadline
	d.restart()
	check(t, d.Resume(t.Context()))
	for _, tt := range []struct {
		id          string
		answer, end audit.Action
		note        operate.Note
	}{
		{accepted, audit.ActionOperationAccepted, audit.ActionOperationObserved, ""},
		{lost.Key, audit.ActionOperationUnknown, audit.ActionOperationObserved, operate.NoteProcessEnded},
	} {
		r, _ := d.end(tt.id)
		if r.Answer.Action != tt.answer || operate.ParseDetail(r.Answer.Detail).Note != tt.note || r.End.Action != tt.end {
			t.Errorf("the receipt is %+v, %+v", r.Answer, r.End)
		}
	}
	// The deadline counts anew: the third is still watched.
	d.looked(3)
	if r := d.receipt(nothing.Key); r.Answer == nil || r.Answer.Action != audit.ActionOperationUnknown || r.End != nil {
		t.Errorf("the receipt is %+v", r)
	}
	if r, detail := d.passes(nothing.Key); r.End.Action != audit.ActionOperationNotObserved || detail.Note != operate.NoteDeadline {
		t.Errorf("the end is %+v", r.End)
	}
	sent := d.sim.Calls(simulator.CallOperate)
	d.restart()
	check(t, d.Resume(t.Context()))
	for _, form := range []operate.Request{lost, nothing} {
		if id, err := d.Apply(t.Context(), form); id != form.Key || err != nil {
			t.Errorf("the form again: %q, %v", id, err)
		}
	}
	d.puts(sent)
}

// TestResumeMany: a restart must not fall upon COC with all its open operations at once.
func TestResumeMany(t *testing.T) {
	d := newDesk(t)
	const many = 60
	var keys []string
	for range many {
		form := d.form("running", pauseOrder)
		d.requested(form)
		keys = append(keys, form.Key)
	}
	d.elsewhere("running", pauseOrder)
	d.busiest.Store(0)
	check(t, d.Resume(t.Context()))
	for _, key := range keys {
		if r, _ := d.end(key); r.End.Action != audit.ActionOperationObserved {
			t.Errorf("the end is %+v", r.End)
		}
	}
	if most := d.busiest.Load(); most > 24 { // eight looks of three calls
		t.Errorf("%d calls at the same time", most)
	}
}

// sharedDesk is a desk on PostgreSQL, with further consoles on its database.
func sharedDesk(t *testing.T, others int, adjust ...func(*simulator.Config)) (*desk, []*operate.Service) {
	t.Helper()
	d := newDesk(t, adjust...)
	check(t, d.Close())
	d.dsn, d.shared = postgres(t), true
	d.open()
	consoles := []*operate.Service{d.Service}
	for range others {
		consoles = append(consoles, d.serve())
	}
	return d, consoles
}

// owner writes down whose an operation is.
func (d *desk) owner(id, console string) {
	d.t.Helper()
	_, err := d.keys.Write.ExecContext(d.t.Context(), `INSERT INTO operation_owner (operation_id, console, beat) VALUES ($1, $2, 0)
		ON CONFLICT (operation_id) DO UPDATE SET console = excluded.console`, id, console)
	check(d.t, err)
}

// beats gives signs of life for a console that is not there, for longer than it
// takes to be missed.
func (d *desk) beats(console string) {
	d.t.Helper()
	tick := time.NewTicker(beat / 2)
	defer tick.Stop()
	for range 2 * 2 * 15 {
		_, err := d.keys.Write.ExecContext(d.t.Context(), `UPDATE operation_owner SET beat = beat + 1 WHERE console = $1`, console)
		check(d.t, err)
		<-tick.C
	}
}

func (d *desk) owned() (n int) {
	d.t.Helper()
	check(d.t, d.keys.Read.QueryRowContext(d.t.Context(), `SELECT count(*) FROM operation_owner`).Scan(&n))
	return n
}

// TestResumeShared: of several consoles on one database exactly one takes an
// operation up, whether its console was still written down or not, and none
// as long as the one that has it gives signs of life.
func TestResumeShared(t *testing.T) {
	d, consoles := sharedDesk(t, 2)
	left, forgotten, spent, alive := d.form("running", pauseOrder), d.form("paused", continueOrder), d.form("paused", cancelOrder), d.form("held", continueOrder)
	for _, form := range []operate.Request{left, forgotten, alive} {
		d.requested(form)
	}
	d.owner(left.Key, "one that was killed")
	d.owner(spent.Key, "one that was killed") // before the request was in the log
	d.owner(alive.Key, "one that lives")
	d.elsewhere("running", pauseOrder)
	d.elsewhere("paused", continueOrder)
	for _, s := range consoles {
		check(t, s.Resume(t.Context()))
	}
	d.beats("one that lives")
	for _, form := range []operate.Request{left, forgotten} {
		if r, _ := d.end(form.Key); r.End.Action != audit.ActionOperationObserved {
			t.Errorf("the end is %+v", r.End)
		}
	}
	if r := d.receipt(alive.Key); r.Answer != nil {
		t.Errorf("an operation of a console that lives was taken up: %+v", r.Answer)
	}
	eventually(t, "nobody has what is over", func() bool { return d.owned() == 1 })
	for _, s := range consoles {
		check(t, s.Close())
	}
	for _, form := range []operate.Request{left, forgotten} {
		records, err := d.log.Operation(t.Context(), form.Key)
		check(t, err)
		if len(records) != 3 {
			t.Errorf("%d records, want requested, unknown, observed: %+v", len(records), records)
		}
	}
}

// TestSharedWhileItsConsoleLives: an answer that takes long is waited for by
// the console that sent the operation, which another leaves alone.
func TestSharedWhileItsConsoleLives(t *testing.T) {
	d, consoles := sharedDesk(t, 1)
	check(t, consoles[1].Resume(t.Context()))
	hold := make(chan struct{})
	d.sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.Slow, Hold: hold, Times: 1})
	form, answer := d.form("running", pauseOrder), make(chan error, 1)
	go func() {
		_, err := d.Apply(t.Context(), form)
		answer <- err
	}()
	var signs int64
	eventually(t, "it gives signs of life", func() bool {
		err := d.keys.Read.QueryRowContext(t.Context(), `SELECT coalesce(max(beat), 0) FROM operation_owner`).Scan(&signs)
		return err == nil && signs > 3*15
	})
	if r := d.receipt(form.Key); r.Answer != nil {
		t.Errorf("it was taken up: %+v", r.Answer)
	}
	close(hold)
	check(t, <-answer)
	d.clock.step(effect)
	if r, _ := d.end(form.Key); r.Answer.Action != audit.ActionOperationAccepted || r.End.Action != audit.ActionOperationObserved {
		t.Errorf("the receipt is %+v", r)
	}
	eventually(t, "nobody has it any more", func() bool { return d.owned() == 0 })
	d.puts(1)
}

// TestSharedWhenTakenAway: a console that was silent for too long leaves the
// operation to the one that has taken it up.
func TestSharedWhenTakenAway(t *testing.T) {
	d, _ := sharedDesk(t, 0)
	id := d.apply("running", pauseOrder)
	d.looked(1)
	d.owner(id, "another")
	d.clock.step(effect)
	d.beats("another")
	if r := d.receipt(id); r.End != nil {
		t.Errorf("two consoles have it: %+v", r.End)
	}
	if r, _ := d.end(id); r.End.Action != audit.ActionOperationObserved { // the other is silent now
		t.Errorf("the end is %+v", r.End)
	}
}

// postgres returns the address of an empty schema, or skips.
func postgres(t testing.TB) string {
	t.Helper()
	base := os.Getenv("COC_CONSOLE_TEST_POSTGRES")
	if base == "" {
		base = "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"
	}
	admin, err := sql.Open("pgx", base)
	check(t, err)
	t.Cleanup(func() { _ = admin.Close() })
	if err := admin.PingContext(t.Context()); err != nil {
		t.Skipf("no PostgreSQL to test with: %v", err)
	}
	schema := "test_" + strings.ToLower(rand.Text())
	_, err = admin.ExecContext(t.Context(), "CREATE SCHEMA "+schema)
	check(t, err)
	t.Cleanup(func() {
		if _, err := admin.ExecContext(context.Background(), "DROP SCHEMA "+schema+" CASCADE"); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(base)
	check(t, err)
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}
