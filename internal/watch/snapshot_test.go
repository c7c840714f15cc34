package watch

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"coc-console/internal/coc"
)

func TestPace(t *testing.T) {
	const s, minute = time.Second, time.Minute
	for _, c := range []struct {
		base     time.Duration
		failures int
		asked    time.Duration
		random   float64
		want     time.Duration
	}{
		{5 * s, 0, 0, 0, 4500 * time.Millisecond},
		{5 * s, 0, 0, 0.5, 5 * s},
		{5 * s, 0, 0, 1, 5500 * time.Millisecond},
		{5 * s, 1, 0, 0.5, 10 * s},
		{5 * s, 3, 0, 0.5, 40 * s},
		{5 * s, 4, 0, 0.5, minute},
		{5 * s, 1000, 0, 0.5, minute},
		{90 * s, 2, 0, 0.5, 90 * s}, // what is slow anyway does not become faster
		{5 * s, 1, 30 * s, 0, 30 * s},
		{5 * s, 1, 30 * s, 1, 33 * s},
		{5 * s, 4, 30 * s, 0.5, minute},
		{5 * s, 1, time.Hour, 0, 5 * minute},
	} {
		if got := backoff(c.base, c.failures, minute, c.asked, c.random); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestGravest(t *testing.T) {
	plain, later := &coc.Error{Status: 500}, &coc.Error{Status: 429, RetryAfter: time.Second}
	refused := &coc.Error{Status: 403}
	for _, c := range []struct {
		errs []error
		want error
	}{
		{nil, nil}, {[]error{nil, nil}, nil}, {[]error{nil, plain, nil}, plain}, {[]error{plain, later}, later},
		{[]error{later, plain, refused}, refused}, {[]error{later, plain}, later},
	} {
		if got := gravest(c.errs...); !errors.Is(got, c.want) {
			t.Errorf("%v: %v", c.errs, got)
		}
	}
}

func TestBatchState(t *testing.T) {
	const ready, running, good, bad, gone = coc.InstanceReady, coc.InstanceProcessing, coc.InstanceFinished, coc.InstanceAbnormal, coc.InstanceCanceled
	for want, cases := range map[coc.BatchState][][]coc.InstanceStatus{
		coc.BatchUnknown:  {{}, {"HIBERNATING"}, {good, "HIBERNATING"}},
		coc.BatchWaiting:  {{ready}, {ready, ready}},
		coc.BatchRunning:  {{running}, {ready, running}, {ready, good}, {running, bad, gone}},
		coc.BatchFailed:   {{bad}, {good, bad}, {gone, bad}, {coc.InstanceRolledBack}},
		coc.BatchCanceled: {{gone}, {gone, gone}},
		coc.BatchPartly:   {{gone, good}},
		coc.BatchFinished: {{good, good}},
	} {
		for _, rows := range cases {
			if got := batchOf(1, rows...).State; got != want {
				t.Errorf("%v: %s, want %s", rows, got, want)
			}
		}
	}
}

// TestEventsAreDatedByTheReadingsAround: rows that run may have been read since
// all of them were.
func TestEventsAreDatedByTheReadingsAround(t *testing.T) {
	before, now := batchOf(1, coc.InstanceProcessing), batchOf(1, coc.InstanceFinished)
	before.RunningAt, now.At = before.At.Add(time.Minute), before.At.Add(2*time.Minute)
	events := batchEvents(before, now)
	if len(events) != 2 || events[0].After != before.RunningAt || events[0].Seen != now.At || events[1].After != before.RunningAt {
		t.Errorf("events %+v", events)
	}
	now = batchOf(1, coc.InstanceFinished)
	now.RunningAt = before.RunningAt.Add(time.Minute)
	if events = batchEvents(before, now); events[0].Seen != now.RunningAt {
		t.Errorf("events %+v", events)
	}
	before.At = time.Time{}
	if events = batchEvents(before, now); events != nil {
		t.Errorf("without a reading before: %+v", events)
	}
}

// TestEventLogIsSharedSafely: a snapshot's log stays as it was while newer ones
// grow from it.
func TestEventLogIsSharedSafely(t *testing.T) {
	var log []Event
	var before [][]Event
	for i := range int32(50) {
		log = withEvents(log, []Event{{Batch: 2 * i}, {Batch: 2*i + 1}}, 10)
		before = append(before, log)
	}
	for i, l := range before {
		last := int32(2*i + 1)
		if len(l) != min(2*i+2, 10) || l[len(l)-1].Batch != last || l[0].Batch != max(0, last-9) {
			t.Fatalf("log %d: %v", i, l)
		}
	}
	if cap(log) > 40 {
		t.Errorf("a log of 10 events keeps %d", cap(log))
	}
}

func TestMemoryOfARowIsBounded(t *testing.T) {
	long := strings.Repeat("日志", 500_000)
	r := rowOf(coc.Instance{ID: 1, Message: long, CommandID: long, Status: "READY",
		Target: coc.Target{HostName: long, Group: long, Attributes: []coc.Attribute{{Key: long}}}})
	if r.LogBytes != len(long) || len(r.Message) > MaxTail || len(r.Message) < MaxTail-3 || !strings.HasSuffix(long, r.Message) || !utf8.ValidString(r.Message) {
		t.Errorf("%d bytes of a log of %d", len(r.Message), r.LogBytes)
	}
	for name, text := range map[string]string{"command": r.CommandID, "host": r.Target.HostName, "group": r.Target.Group} {
		if len(text) > maxText || len(text) < maxText-3 || !strings.HasPrefix(long, text) || !utf8.ValidString(text) {
			t.Errorf("%s keeps %d bytes", name, len(text))
		}
	}
	if r.Target.Attributes != nil || r.Status != coc.InstanceReady {
		t.Errorf("row %+v", r)
	}
	short := rowOf(coc.Instance{Message: "all of it"})
	if short.Message != "all of it" || short.LogBytes != 9 {
		t.Errorf("a short log: %+v", short)
	}
	// Bytes that are no text at all have no start of a character.
	if got := tail(strings.Repeat("\x80", 2000)); len(got) > MaxTail {
		t.Errorf("%d bytes are kept", len(got))
	}
}

func TestTicketIsBounded(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	ticket := boundedTicket(coc.Ticket{ScriptName: long, Creator: long, Params: slices.Repeat([]coc.Param{{Name: long, Value: long}}, 50)})
	if len(ticket.ScriptName) != maxText || len(ticket.Creator) != maxText || len(ticket.Params) != 20 ||
		len(ticket.Params[0].Name) != maxText || len(ticket.Params[19].Value) != maxValue {
		t.Errorf("%d %d %d", len(ticket.ScriptName), len(ticket.Params), len(ticket.Params[0].Value))
	}
	c := newClock()
	f := newTicketFeed(&Watcher{cfg: Config{Now: c.now}}, Key{Ticket: "x"})
	f.setBatches(slices.Repeat([]coc.Batch{{Index: 1, Properties: long}}, 30))
	if len(f.now.Batches) != 20 || !f.now.Cut || len(f.now.Batches[0].Properties) != maxText {
		t.Errorf("%d batches", len(f.now.Batches))
	}
	f.setBatches([]coc.Batch{{Index: 1}, {Index: 2}, {Index: 3}})
	for i := range f.now.Batches {
		f.now.Batches[i].Instances = batchOf(1, make([]coc.InstanceStatus, 90)...).Instances
	}
	if f.now.Cut {
		t.Error("nothing was left out yet")
	}
	if f.bound(); len(f.now.Batches[2].Instances) != 20 || !f.now.Cut {
		t.Errorf("%d rows of the last batch", len(f.now.Batches[2].Instances))
	}
}

// TestBoundsChangeNothing: what a check has read is read by it and by the poller, at the same time.
func TestBoundsChangeNothing(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	page := coc.TicketPage{Tickets: []coc.TicketSummary{{Name: long, Status: coc.TicketStatus(long)}, {Name: long}}}
	ticket := coc.Ticket{Params: []coc.Param{{Name: long, Value: long}}}
	if got := bounded(page, 1); len(got.Tickets) != 1 || len(got.Tickets[0].Name) != maxText {
		t.Errorf("it keeps %d rows", len(got.Tickets))
	}
	if got := boundedTicket(ticket); len(got.Params[0].Value) != maxValue {
		t.Errorf("it keeps %d bytes", len(got.Params[0].Value))
	}
	if len(page.Tickets[0].Name) != len(long) || len(page.Tickets[0].Status) != len(long) || len(ticket.Params[0].Value) != len(long) {
		t.Error("what was read has changed")
	}
}

// TestRealClock: with the clocks that a Watcher takes by itself the view of a
// list that nobody returns to ends after Limits.Linger, and not before.
func TestRealClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(Config{Limits: Limits{Linger: time.Minute}})
		v, err := w.lists.reserve(listKey{}, "", func() feed[List] { return &listFeed{w: w} })
		check(t, err)
		if w.lists.retire(listKey{}, v) {
			t.Error("a view with a viewer is forgotten")
		}
		v.mu.Lock()
		v.release()
		v.mu.Unlock()
		begin := time.Now()
		<-v.ctx.Done()
		if passed := time.Since(begin); passed != time.Minute || w.Usage().Lists != 0 {
			t.Errorf("the view ended after %v; usage %+v", passed, w.Usage())
		}
		w.Close()
	})
}

// TestOutputOf: logs are the same where they differ in numbers, spaces and the host's own names alone.
func TestOutputOf(t *testing.T) {
	of := func(host, log string) Instance {
		i := coc.Instance{Message: log}
		i.Target.HostName = host
		return rowOf(i)
	}
	a := of("web-0001", "12:00:01 start on web-0001\nretry 1 of 3\nno space left\nexit status 4")
	b := of("web-0002", "12:07:59 start on web-0002\nretry 22 of 3\n\n  no space left\nexit status 4\n")
	c := of("web-0003", "12:00:01 start on web-0003\nretry 1 of 3\nno memory left\nexit status 4")
	if a.Output != b.Output || a.Output == c.Output {
		t.Errorf("the sums are %x, %x and %x", a.Output, b.Output, c.Output)
	}
	if a.Why != "no space left" || a.Message != "exit status 4" {
		t.Errorf("the last lines are %q and %q", a.Why, a.Message)
	}
	if d := of("web", "one\ntwo"); d.Why != "" {
		t.Errorf("a line that says something has %q before it", d.Why)
	}
}
