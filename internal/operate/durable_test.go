package operate_test

import (
	"context"
	"errors"
	"fmt"
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
	form := d.Form("running", pauseOrder)
	first, err := d.Apply(t.Context(), form)
	check(t, err)
	d.Clock.Step(effect)
	d.End(first)
	// The snapshot is stale by now, which does not matter.
	if id, err := d.Apply(t.Context(), form); id != first || err != nil {
		t.Errorf("again: %q, %v", id, err)
	}
	// A key that was spent on something else, or by somebody else, shows nobody that receipt.
	other, stranger := d.Form("running", cancelOrder), form
	other.Key, stranger.Actor.UserID = form.Key, "somebody else"
	for _, wrong := range []operate.Request{other, stranger} {
		if _, err := d.Apply(t.Context(), wrong); !errors.Is(err, operate.ErrBadKey) {
			t.Errorf("with another's key: %v", err)
		}
	}
	d.Puts(1)
	if r := d.ReceiptOf(first); r.Requested.OperationType != "PAUSE_ORDER" {
		t.Errorf("the receipt is of %s", r.Requested.OperationType)
	}
}

func TestSameKeyAtOnce(t *testing.T) {
	d := newDesk(t)
	hold := make(chan struct{})
	d.Sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.Slow, Hold: hold})
	form := d.Form("running", pauseOrder)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if id, err := d.Apply(t.Context(), form); id != form.Key || err != nil {
				t.Errorf("got %q, %v", id, err)
			}
		})
	}
	eventually(t, "one is sent", func() bool { return d.Sim.Calls(simulator.CallOperate) == 1 })
	close(hold)
	all.Wait()
	d.Puts(1)
}

func TestSameKeyAfterRestart(t *testing.T) {
	d := newDesk(t)
	form := d.Form("running", pauseOrder)
	_, err := d.Apply(t.Context(), form)
	check(t, err)
	d.Restart()
	if id, err := d.Apply(t.Context(), form); id != form.Key || err != nil {
		t.Errorf("got %q, %v", id, err)
	}
	d.Puts(1)
}

// claim puts a key into the table as another console would.
func claim(d *desk, form operate.Request) {
	d.T.Helper()
	_, err := d.ConsoleDB.Write.ExecContext(d.T.Context(),
		`INSERT INTO one_time_key (key, session_id, ticket, created_at) VALUES ($1, '', '', $2)`, form.Key,
		d.Clock.Now().UnixMicro())
	check(d.T, err)
}

// TestSpentKey: a console that ends between the claim and the request leaves a
// key with which nothing was sent.
func TestSpentKey(t *testing.T) {
	d := newDesk(t)
	form := d.Form("running", pauseOrder)
	claim(d, form)
	if id, err := d.Apply(t.Context(), form); id != "" || !errors.Is(err, operate.ErrKeySpent) {
		t.Errorf("got %q, %v", id, err)
	}
	d.Puts(0)
}

// TestKeyUnderWayElsewhere: nobody may be told that nothing was sent while
// another console may be about to send it.
func TestKeyUnderWayElsewhere(t *testing.T) {
	for _, tt := range []struct {
		name string
		then func(d *desk, form operate.Request)
		want error
	}{
		{"it gets into the log", func(d *desk, form operate.Request) { requested(d, form) }, nil},
		{"it gives the key back", func(d *desk, form operate.Request) {
			_, err := d.ConsoleDB.Write.ExecContext(d.T.Context(), `DELETE FROM one_time_key WHERE key = $1`, form.Key)
			check(d.T, err)
		}, operate.ErrKeySpent},
		{"it is never heard of again", func(d *desk, _ operate.Request) { d.Clock.Step(2 * time.Minute) },
			operate.ErrKeySpent},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t)
			d.Shared = true
			d.Parts = d.Serve()
			form := d.Form("running", pauseOrder)
			claim(d, form)
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
			d.Puts(0)
		})
	}
}

// requested writes what a console leaves behind that ended before the answer.
func requested(d *desk, form operate.Request) {
	d.T.Helper()
	_, err := d.Log.Request(d.T.Context(), audit.Record{Actor: form.Actor, Ticket: string(form.Ticket),
		OperationID: form.Key, OperationType: string(form.Operation.Type), BatchIndex: form.Operation.BatchIndex,
		InstanceID: form.Operation.InstanceID, Seen: form.Expected})
	check(d.T, err)
}

// pragma changes a setting of the log's one writing connection.
func pragma(d *desk, name string, value int64) {
	d.T.Helper()
	_, err := d.LogDB.Write.ExecContext(d.T.Context(), fmt.Sprintf("PRAGMA %s = %d", name, value))
	check(d.T, err)
}

// fill leaves no space in the log.
func fill(d *desk) {
	d.T.Helper()
	var pages int64
	check(d.T, d.LogDB.Write.QueryRowContext(d.T.Context(), "PRAGMA page_count").Scan(&pages))
	pragma(d, "max_page_count", pages)
	for full := (*audit.StorageError)(nil); full == nil || !full.Full; {
		_, err := d.Log.Append(d.T.Context(), audit.Record{Action: audit.ActionTicketViewed, Outcome: audit.OutcomeSucceeded,
			Detail: strings.Repeat("x", 300)})
		if err != nil && !errors.As(err, &full) {
			d.T.Fatal(err)
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
		{"full", fill, func(d *desk) { pragma(d, "max_page_count", manyPages) },
			func(e *audit.StorageError) bool { return e.Full && !e.ReadOnly }},
		{"read-only", func(d *desk) { pragma(d, "query_only", 1) }, func(d *desk) { pragma(d, "query_only", 0) },
			func(e *audit.StorageError) bool { return e.ReadOnly && !e.Full }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t)
			form := d.Form("running", pauseOrder)
			tt.spoil(d)
			id, err := d.Apply(t.Context(), form)
			var storage *audit.StorageError
			if id != form.Key && id != "" || !errors.As(err, &storage) || !tt.want(storage) {
				t.Fatalf("got %q, %v", id, err)
			}
			d.Puts(0)
			tt.fix(d)
			// The key was given back: the same form goes through now.
			if _, err := d.Apply(t.Context(), form); err != nil {
				t.Fatal(err)
			}
			d.Puts(1)
			d.Clock.Step(effect)
			if r, _ := d.End(form.Key); r.End.Action != audit.ActionOperationObserved {
				t.Errorf("the end is %+v", r.End)
			}
		})
	}
}

// TestDiskFails: whatever the disk says when the request is written, nothing is
// sent without it.
func TestDiskFails(t *testing.T) {
	d := newDesk(t)
	disk, unmount, err := faultfs.Mount(filepath.Join(d.DSN, "audit.db"))
	check(t, err)
	t.Cleanup(unmount)
	d.Restart()
	for _, kind := range []faultfs.Kind{faultfs.Write, faultfs.Sync} {
		for _, how := range []faultfs.Fault{faultfs.IOError, faultfs.NoSpace, faultfs.Short} {
			form := d.Beside(d.Form("running", pauseOrder)) // what the log may hold is pending
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
			d.Puts(0)
			disk.Heal()
		}
	}
	id, err := d.Apply(t.Context(), d.Beside(d.Form("running", pauseOrder)))
	check(t, err)
	d.Puts(1)
	d.Clock.Step(effect)
	if r, _ := d.End(id); r.End.Action != audit.ActionOperationObserved {
		t.Errorf("the end is %+v", r.End)
	}
}

func TestKeysThatCannotBeClaimed(t *testing.T) {
	d := newDesk(t)
	form := d.Form("running", pauseOrder)
	_, err := d.ConsoleDB.Write.ExecContext(t.Context(), "PRAGMA query_only = 1")
	check(t, err)
	var storage *audit.StorageError
	if _, err := d.Apply(t.Context(), form); !errors.As(err, &storage) || !storage.ReadOnly {
		t.Errorf("the error is %v", err)
	}
	d.Puts(0)
}

// TestUnwritten: the log refuses COC's answer.
func TestUnwritten(t *testing.T) {
	d := newDesk(t)
	hold := make(chan struct{})
	d.Sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.Slow, Hold: hold, Times: 1})
	form, next := d.Form("running", pauseOrder), d.Form("paused", continueOrder)
	answer := make(chan error)
	go func() {
		_, err := d.Apply(t.Context(), form)
		answer <- err
	}()
	eventually(t, "it is sent", func() bool { return d.Sim.Calls(simulator.CallOperate) == 1 })
	pragma(d, "query_only", 1)
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
	d.Puts(1)
	pragma(d, "query_only", 0)
	eventually(t, "the answer is written", func() bool { return !d.Unwritten() && d.ReceiptOf(form.Key).Answer != nil })
	if r := d.ReceiptOf(form.Key); r.Answer.Action != audit.ActionOperationAccepted {
		t.Errorf("the answer is %+v", r.Answer)
	}
	if _, err := d.Apply(t.Context(), next); err != nil {
		t.Error(err)
	}
}

func TestAnotherSessionLooks(t *testing.T) {
	d := newDesk(t)
	d.Sessions.Add("manager", d.Manager)
	id := d.Applied("running", pauseOrder)
	d.Sim.Revoke("operator") // its session is still the one that was used last
	d.Looked(2)
	d.Clock.Step(effect)
	if r, _ := d.End(id); r.End.Action != audit.ActionOperationObserved {
		t.Errorf("the end is %+v", r.End)
	}
}

func TestForbiddenToLook(t *testing.T) {
	d := newDesk(t)
	d.Sessions.Add("manager", d.Manager)
	id := d.Applied("running", pauseOrder)
	d.Sim.Inject(simulator.Fault{Kind: simulator.CallShowTicket, Status: 403, Code: "APIGW.0302", Message: "no",
		Gateway: true, Times: 1})
	d.Looked(2)
	d.Clock.Step(effect)
	if r, _ := d.End(id); r.End.Action != audit.ActionOperationObserved {
		t.Errorf("the end is %+v", r.End)
	}
}

// TestNobodyLooks: an operation that nobody's token can look after has no end
// until somebody looks at the ticket, however long that takes.
func TestNobodyLooks(t *testing.T) {
	d := newDesk(t)
	id := d.Applied("running", pauseOrder)
	d.Looked(2)
	d.Sim.Revoke("operator")
	d.Sessions.End("operator")
	unwatched := func() bool {
		blind, err := d.Unwatched(t.Context(), id)
		return err == nil && blind
	}
	eventually(t, "it is not watched", unwatched)
	d.Clock.Step(2 * deadline)
	before := d.Sessions.Missed.Load()
	eventually(t, "it is still looked for somebody", func() bool { return d.Sessions.Missed.Load() > before+2 })
	if r := d.ReceiptOf(id); !r.Open() {
		t.Fatalf("it has the end %+v", r.End)
	}
	d.Sessions.Add("manager", d.Manager)
	if r, _ := d.End(id); r.End.Action != audit.ActionOperationObserved {
		t.Errorf("the end is %+v", r.End)
	}
	eventually(t, "it is watched", func() bool { return !unwatched() })
}

func TestThrottledWhileWatching(t *testing.T) {
	d := newDesk(t)
	id := d.Applied("running", pauseOrder)
	throttled := time.Now()
	d.Sim.Inject(simulator.Fault{Kind: simulator.CallShowTicket, Status: 429, Code: "APIGW.0308", Message: "slow down",
		Gateway: true, RetryAfter: "1", Times: 1})
	d.Clock.Step(effect)
	r, _ := d.End(id)
	if wait := time.Since(throttled); wait < 800*time.Millisecond {
		t.Errorf("it looked again after %v, not after a second", wait)
	}
	if r.End.Action != audit.ActionOperationObserved {
		t.Errorf("the end is %+v", r.End)
	}
}

func TestLooksFail(t *testing.T) {
	d := newDesk(t)
	id := d.Applied("running", pauseOrder)
	d.Sim.Inject(simulator.Fault{Kind: simulator.CallShowTicket, Effect: simulator.HTMLBody, Status: 503})
	d.Clock.Step(deadline)
	r, detail := d.End(id)
	if r.End.Action != audit.ActionOperationNotObserved || detail.Note != operate.NoteDeadline ||
		!strings.Contains(detail.Error, "503") {
		t.Errorf("the end is %+v", r.End)
	}
}

func TestCloseStopsWatching(t *testing.T) {
	d := newDesk(t)
	next := d.Form("paused", continueOrder)
	id := d.Applied("running", pauseOrder)
	remove := d.Sim.Inject(simulator.Fault{Kind: simulator.CallStatistics, Effect: simulator.Slow,
		Hold: make(chan struct{})})
	d.Looked(1)
	started := time.Now()
	check(t, d.Close())
	if took := time.Since(started); took > 30*time.Second {
		t.Errorf("closing took %v", took)
	}
	remove()
	if r := d.ReceiptOf(id); r.End != nil || !r.Open() {
		t.Errorf("the end is %+v", r.End)
	}
	if _, err := d.Apply(t.Context(), next); !errors.Is(err, audit.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	d.Puts(1)
}

// TestCloseWaitsForTheAnswer: what was sent gets its answer into the log.
func TestCloseWaitsForTheAnswer(t *testing.T) {
	d := newDesk(t)
	hold := make(chan struct{})
	d.Sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.Slow, Hold: hold})
	ctx, gone := context.WithCancel(t.Context())
	form := d.Form("running", pauseOrder)
	var both sync.WaitGroup
	both.Go(func() {
		if _, err := d.Apply(ctx, form); err != nil {
			t.Errorf("got %v", err)
		}
	})
	eventually(t, "it is sent", func() bool { return d.Sim.Calls(simulator.CallOperate) == 1 })
	gone() // the person closes the browser
	both.Go(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	close(hold)
	both.Wait()
	if r := d.ReceiptOf(form.Key); r.Answer == nil || r.Answer.Action != audit.ActionOperationAccepted || r.End != nil {
		t.Errorf("the receipt is %+v", r)
	}
}

func TestResume(t *testing.T) {
	d := newDesk(t)
	accepted := d.Applied("running", pauseOrder)
	check(t, d.Close())
	lost, nothing := d.Form("paused", continueOrder), d.Form("held", continueOrder)
	requested(d, lost)
	requested(d, nothing)
	d.Elsewhere("paused", continueOrder)
	d.Clock.Step(time.Hour) // the console was away for longer than the deadline
	d.Restart()
	check(t, d.Resume(t.Context()))
	for _, tt := range []struct {
		id          string
		answer, end audit.Action
		note        operate.Note
	}{
		{accepted, audit.ActionOperationAccepted, audit.ActionOperationObserved, ""},
		{lost.Key, audit.ActionOperationUnknown, audit.ActionOperationObserved, operate.NoteProcessEnded},
	} {
		r, _ := d.End(tt.id)
		if r.Answer.Action != tt.answer || operate.ParseDetail(r.Answer.Detail).Note != tt.note || r.End.Action != tt.end {
			t.Errorf("the receipt is %+v, %+v", r.Answer, r.End)
		}
	}
	// The deadline counts again: the third is still watched.
	d.Looked(3)
	if r := d.ReceiptOf(nothing.Key); r.Answer == nil || r.Answer.Action != audit.ActionOperationUnknown || r.End != nil {
		t.Errorf("the receipt is %+v", r)
	}
	if r, detail := d.Passes(nothing.Key); r.End.Action != audit.ActionOperationNotObserved ||
		detail.Note != operate.NoteDeadline {
		t.Errorf("the end is %+v", r.End)
	}
	sent := d.Sim.Calls(simulator.CallOperate)
	d.Restart()
	check(t, d.Resume(t.Context()))
	for _, form := range []operate.Request{lost, nothing} {
		if id, err := d.Apply(t.Context(), form); id != form.Key || err != nil {
			t.Errorf("the form again: %q, %v", id, err)
		}
	}
	d.Puts(sent)
}

// TestResumeMany: a restart must not fall upon COC with all its open operations at once.
func TestResumeMany(t *testing.T) {
	d := newDesk(t)
	const many = 60
	var keys []string
	for range many {
		form := d.Form("running", pauseOrder)
		requested(d, form)
		keys = append(keys, form.Key)
	}
	d.Elsewhere("running", pauseOrder)
	d.Busiest.Store(0)
	check(t, d.Resume(t.Context()))
	for _, key := range keys {
		if r, _ := d.End(key); r.End.Action != audit.ActionOperationObserved {
			t.Errorf("the end is %+v", r.End)
		}
	}
	if most := d.Busiest.Load(); most > 24 { // eight looks of three calls
		t.Errorf("%d calls at the same time", most)
	}
}
