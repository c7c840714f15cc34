package audit_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/search"
)

func contextOf(t testing.TB, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

// stopwatch is a clock that a test sets forward.
type stopwatch struct{ ahead atomic.Int64 }

func (s *stopwatch) set(c *audit.Config) {
	start := time.Now()
	c.Now = func() time.Time { return start.Add(time.Duration(s.ahead.Load())) }
}

func (s *stopwatch) advance(d time.Duration) { s.ahead.Add(int64(d)) }

// reader is a record of reading.
func reader(user, session, detail string) audit.Record {
	return audit.Record{Action: audit.ActionTicketListed, Outcome: audit.OutcomeSucceeded,
		Actor: audit.Actor{UserID: "id-" + user, UserName: user, AccountName: "demo"}, Origin: audit.Origin{Session: session}, Detail: detail}
}

func (o *opened) note(t testing.TB, n int, r audit.Record) {
	t.Helper()
	for i := range n {
		r.Origin.RequestID, r.Duration = fmt.Sprint("r", i), time.Duration(i)*time.Millisecond // of each its own
		noError(t, o.Note(r))
	}
	noError(t, o.AwaitNotes(t.Context()))
}

// read are the records of reading, as user, detail and number.
func (o *opened) read(t testing.TB) string {
	t.Helper()
	var all []string
	for _, r := range o.Everything(t) {
		if r.Action == audit.ActionTicketListed {
			all = append(all, fmt.Sprintf("%s/%s %s %d", r.Actor.UserName, r.Origin.Session, r.Detail, r.Repeats))
		}
	}
	return strings.Join(all, ", ")
}

// TestRepeatedReads: the first of identical reads is recorded at once, the
// others of the minute once at its end, and none of anybody else with them.
func TestRepeatedReads(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		clock := &stopwatch{}
		o := open(t, dsn, clock.set)
		o.note(t, 5, reader("a", "s1", "q"))
		o.note(t, 1, reader("b", "s2", "q"))
		o.note(t, 1, reader("a", "s1", "other"))
		o.note(t, 3, reader("a", "s3", "q"))
		at := "a/s1 q 0, b/s2 q 0, a/s1 other 0, a/s3 q 0"
		if got := o.read(t); got != at {
			t.Errorf("at once there are %s", got)
		}
		clock.advance(59 * time.Second)
		o.note(t, 1, reader("a", "s1", "q"))
		clock.advance(time.Second)
		at += ", a/s1 q 5, a/s3 q 2"
		audittest.Until(t, "the minute ends", func() bool { return len(o.read(t)) >= len(at) })
		o.note(t, 2, reader("a", "s1", "q")) // another minute begins
		at += ", a/s1 q 0"
		if got := o.read(t); got != at {
			t.Errorf("after a minute there are %s", got)
		}
		clock.advance(-time.Hour) // a clock that is set back holds nothing up
		o.note(t, 1, reader("a", "s1", "q"))
		at += ", a/s1 q 0"
		audittest.Until(t, "the minute that was begun ends", func() bool { return strings.Count(o.read(t), "a/s1 q") == 5 })
		o.note(t, 4, reader("a", "s1", "q"))
		noError(t, o.CloseAll()) // writes what is counted
		if got := open(t, dsn).read(t); !strings.HasPrefix(got, at[:len(at)-len("a/s1 q 0")]) || !strings.HasSuffix(got, "a/s1 q 4") {
			t.Errorf("at the end there are %s", got)
		}
	})
}

// TestReadsAreBounded: however many different reads there are, what is
// remembered of them is bounded, and none of them is lost.
func TestReadsAreBounded(t *testing.T) {
	o := open(t, audittest.Fresh(t, audittest.SQLite))
	long := strings.Repeat("x", audit.MaxLong-100)
	const n = 1500 // of 16 KiB
	for i := range n {
		r := reader("a", "s", fmt.Sprint(long, i))
		noError(t, o.Note(r))
		noError(t, o.Note(r))
		if i%100 == 0 {
			noError(t, o.AwaitNotes(t.Context()))
		}
	}
	if kept := audit.Remembered(o.Log.Log); kept > 8<<20 {
		t.Errorf("%d bytes are remembered", kept)
	}
	noError(t, o.CloseAll())
	first, repeated := 0, int64(0)
	for _, r := range open(t, o.DSN).Everything(t) {
		if r.Repeats == 0 {
			first++
		}
		repeated += r.Repeats
	}
	if int64(first)+repeated != 2*n || first > n+10 {
		t.Errorf("%d reads and %d repetitions are in the log", first, repeated)
	}
}

// TestReadsBelowTheReserve: they are counted, and when there is space again the
// log says how many there were. Operations' ends are written all the while.
func TestReadsBelowTheReserve(t *testing.T) {
	audittest.Engines(t, func(t *testing.T, dsn string) {
		clock := &stopwatch{}
		var free atomic.Uint64
		free.Store(63 << 20)
		o := open(t, dsn, clock.set, func(c *audit.Config) {
			c.Database = audittest.WithSpace(c.Database, func() (uint64, uint64, error) { return free.Load(), 200 << 30, nil })
		})
		o.note(t, 30, reader("a", "s1", "q"))
		for i := range 12 {
			o.note(t, 1, reader("b", "s2", fmt.Sprint(i)))
		}
		end := audittest.FullRecord()
		end.Action, end.Outcome = audit.ActionOperationAccepted, audit.OutcomeSucceeded
		written := o.AppendEach(t, end)
		audittest.Same(t, "below the reserve", o.Everything(t), written)
		free.Store(65 << 30)
		var told []audit.Record
		audittest.Until(t, "the log tells", func() bool {
			told = o.Export(t, search.Query{Action: audit.ActionReadsOmitted, Visible: audittest.All})
			return len(told) > 0
		})
		if len(told) != 1 || told[0].Repeats != 42 || !strings.Contains(told[0].Detail, "count=42; demo/a ticket.listed: 30; demo/b ticket.listed: 12") {
			t.Errorf("it tells %+v", told)
		}
		o.note(t, 1, reader("a", "s1", "q"))
		if got := o.read(t); got != "a/s1 q 0" {
			t.Errorf("afterwards there are %s", got)
		}
		free.Store(0)
		audittest.Until(t, "it is noticed", func() bool { return strings.Contains(kinds(o.Health(t.Context())), audit.WarningReserve) })
		o.note(t, 2, reader("c", "s1", "q"))
		noError(t, o.CloseAll()) // one record has its place
		last := open(t, dsn).Export(t, search.Query{Action: audit.ActionReadsOmitted, Visible: audittest.All})
		if len(last) != 2 || last[1].Repeats != 2 {
			t.Errorf("at the end it tells %+v", last)
		}
	})
}

// TestReadsWhileTheLogFails: the same while the log takes nothing.
func TestReadsWhileTheLogFails(t *testing.T) {
	for _, b := range breakages() {
		t.Run(b.engine+" "+b.name, func(t *testing.T) {
			o := open(t, audittest.Fresh(t, b.engine), one)
			b.harm(t, o)
			long := strings.Repeat("x", audit.MaxLong)
			if _, err := o.Append(t.Context(), audittest.Viewed(long)); err == nil {
				t.Fatal("it was written")
			}
			o.note(t, 7, reader("a", "s1", long))
			b.mend(t, o)
			var told []audit.Record
			audittest.Until(t, "the log tells", func() bool {
				told = o.Export(t, search.Query{Action: audit.ActionReadsOmitted, Visible: audittest.All})
				return len(told) > 0
			})
			if told[0].Repeats != 7 {
				t.Errorf("it tells %+v", told)
			}
		})
	}
}
