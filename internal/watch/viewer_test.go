package watch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"coc-console/internal/coc"
	"coc-console/internal/simulator"
)

func TestManyViewersCostWhatOneCosts(t *testing.T) {
	costOf := func(viewers int) (joins, polls [4]int) {
		d := newFixture(t, Limits{}, spec("running", time.Minute, runs(75*time.Second, long), runs(long)))
		u := d.signIn("operator", "s0")
		var all []*Viewer[Snapshot]
		joins = d.calls(func() {
			for i := range viewers {
				all = append(all, d.join("running", u.as(fmt.Sprint("s", i))))
			}
			d.waits()
		})
		polls = d.calls(func() {
			for range 12 {
				d.pass(fast)
			}
		})
		for i, v := range all {
			if v.Err() != nil || told(t, v) != all[0].Snapshot() || v.Snapshot().Version != 13 {
				t.Errorf("viewer %d sees version %d: %v", i, v.Snapshot().Version, v.Err())
			}
		}
		return joins, polls
	}
	oneJoins, onePolls := costOf(1)
	joins, polls := costOf(50)
	if polls != onePolls {
		t.Errorf("a minute of 50 viewers costs %v, of one %v", polls, onePolls)
	}
	if oneJoins[0] += 49; joins != oneJoins { // each reads the ticket with its own token
		t.Errorf("50 joins cost %v, want %v", joins, oneJoins)
	}
}

func TestSessionThatWasCheckedJoinsWithoutACall(t *testing.T) {
	d := newFixture(t, Limits{}, spec("running", time.Minute, runs(long)))
	u := d.signIn("operator", "s")
	d.join("running", u)
	d.waits()
	if got := d.calls(func() { d.join("running", u) }); got != [4]int{} {
		t.Errorf("a second page of the session costs %v", got)
	}
	u.signOut()
	if _, err := d.Join(t.Context(), d.key("running", u), u.Credentials); reasonOf(err) != ReasonSession || !errors.Is(err, errSignedOut) {
		t.Errorf("who has signed out joins: %v", err)
	}
}

func TestTokensTakeTurns(t *testing.T) {
	d := newFixture(t, Limits{Running: time.Hour}, spec("running", time.Minute, runs(long)))
	users := []*user{d.signIn("operator", "1"), d.signIn("manager", "2"), d.signIn("reader", "3")}
	for _, u := range users {
		d.join("running", u)
	}
	d.waits()
	before := []int{d.used(users[0]), d.used(users[1]), d.used(users[2])}
	for range 6 {
		d.pass(fast)
	}
	for i, u := range users {
		if got := d.used(u) - before[i]; got != 4 { // two polls of two calls
			t.Errorf("%d calls with the token of user %d", got, i+1)
		}
	}
}

// TestRefusedSessionIsToldAndTheOthersGoOn in each way a session can end.
func TestRefusedSessionIsToldAndTheOthersGoOn(t *testing.T) {
	refuse := func(status int, code string) func(*fixture, *user) {
		return func(d *fixture, _ *user) {
			d.sim.Inject(simulator.Fault{Kind: simulator.CallShowTicket, Times: 1, Effect: simulator.Refuse, Status: status, Code: code, Message: "no"})
		}
	}
	for name, c := range map[string]struct {
		end  func(*fixture, *user)
		want Reason
	}{
		"the token is revoked":    {func(d *fixture, _ *user) { d.sim.Revoke("reader") }, ReasonSession},
		"signed out":              {func(_ *fixture, u *user) { u.signOut() }, ReasonSession},
		"another project":         {func(_ *fixture, u *user) { u.caller.ProjectID = "other" }, ReasonSession},
		"the right is taken away": {refuse(403, "APIGW.0302"), ReasonForbidden},
		"no such ticket":          {refuse(400, "COC.00040709"), ReasonNotFound},
		"404":                     {refuse(404, "APIGW.0101"), ReasonNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			d := newFixture(t, Limits{}, spec("running", time.Minute, runs(70*time.Second, long)))
			goes, stays := d.signIn("reader", "goes"), d.signIn("operator", "stays")
			first, again := d.join("running", goes), d.join("running", goes)
			other := d.join("running", stays)
			d.waits()
			d.pass(fast) // with the token of goes or stays
			d.pass(fast)
			if d.used(goes) < 2 || d.used(stays) < 2 {
				t.Fatal("one of the tokens was not used")
			}
			for _, v := range []*Viewer[Snapshot]{first, again, other} {
				told(t, v)
			}
			c.end(d, goes)
			before := first.Snapshot()
			d.pass(fast)
			for _, v := range []*Viewer[Snapshot]{first, again} {
				if told(t, v) != before || reasonOf(v.Err()) != c.want {
					t.Errorf("the viewer sees %d, not %d, and is told %v", v.Snapshot().Version, before.Version, v.Err())
				}
			}
			d.pass(fast)
			if first.Snapshot() != before {
				t.Error("who was told to go sees something newer")
			}
			if s := other.Snapshot(); s.Trouble != nil || other.Err() != nil || s.Version != before.Version+2 || s.Statistics.Count(coc.InstanceFinished) != 1 {
				t.Errorf("the other one: %v, %+v", other.Err(), s.Meta)
			}
			if u := d.Usage(); u.Viewers != 1 {
				t.Errorf("%d viewers are left", u.Viewers)
			}
		})
	}
}

// TestRefusedSessionIsCheckedWhenItReturns although its check would still hold,
// and others keep the view alive.
func TestRefusedSessionIsCheckedWhenItReturns(t *testing.T) {
	d := newFixture(t, Limits{}, spec("running", time.Minute, runs(long)))
	goes := d.signIn("reader", "goes")
	v := d.join("running", goes)
	d.join("running", d.signIn("operator", "stays"))
	d.waits()
	d.sim.Revoke("reader")
	d.pass(fast)
	d.pass(fast)
	if reasonOf(v.Err()) != ReasonSession {
		t.Fatalf("told %v", v.Err())
	}
	if _, err := d.Join(t.Context(), d.key("running", goes), goes.Credentials); reasonOf(err) != ReasonSession {
		t.Errorf("it returns: %v", err)
	}
	d.join("running", d.signIn("reader", "goes")) // with a new token
}

func TestPollingStopsWhenNoTokenIsLeft(t *testing.T) {
	d := newFixture(t, Limits{}, spec("running", time.Minute, runs(long)))
	var all []*Viewer[Snapshot]
	for _, name := range []string{"operator", "manager", "reader"} {
		all = append(all, d.join("running", d.signIn(name, name)))
		defer d.sim.Revoke(name)
	}
	d.waits()
	for _, name := range []string{"operator", "manager", "reader"} {
		d.sim.Revoke(name)
	}
	if wait := d.pass(fast); wait != time.Minute {
		t.Errorf("after the last token was refused the view waits %v", wait)
	}
	for i, v := range all {
		if told(t, v); reasonOf(v.Err()) != ReasonSession {
			t.Errorf("viewer %d is told %v", i, v.Err())
		}
	}
	if got := d.calls(func() { d.clock.step(30 * time.Second) }); got != [4]int{} || d.Usage().Failed != 0 {
		t.Errorf("then %v calls; usage %+v", got, d.Usage())
	}
}

// TestManyRefusalsDoNotMakeAStorm: one poll goes through a few sessions only.
func TestManyRefusalsDoNotMakeAStorm(t *testing.T) {
	d := newFixture(t, Limits{}, spec("running", time.Minute, runs(long)))
	u := d.signIn("operator", "s")
	var last *Viewer[Snapshot]
	for i := range 10 {
		last = d.join("running", u.as(fmt.Sprint(i)))
	}
	d.waits()
	d.sim.Revoke("operator")
	got := d.calls(func() {
		if wait := d.pass(fast); wait != 2*fast {
			t.Errorf("the next poll comes after %v", wait)
		}
	})
	if got[0] != 4 || d.Usage().Viewers != 6 {
		t.Errorf("%v calls, %d viewers are left", got, d.Usage().Viewers)
	}
	if s := last.Snapshot(); s.Trouble == nil || reasonOf(s.Trouble.Err) != ReasonSession {
		t.Errorf("those left are shown %+v", s.Trouble)
	}
}

func TestJoinNeedsTheRightToRead(t *testing.T) {
	d := newFixture(t, Limits{}, spec("running", time.Minute, runs(long)))
	d.join("running", d.signIn("operator", "s"))
	nobody, reader := d.signIn("nobody", "n"), d.signIn("reader", "r")
	if _, err := d.Join(t.Context(), d.key("running", nobody), nobody.Credentials); reasonOf(err) != ReasonForbidden {
		t.Errorf("who may not read joins: %v", err)
	}
	key := d.key("running", reader)
	key.Ticket = "SCT20260302091514010000000"
	if _, err := d.Join(t.Context(), key, reader.Credentials); reasonOf(err) != ReasonNotFound {
		t.Errorf("an unknown ticket is joined: %v", err)
	}
	key = d.key("running", reader)
	key.Project = "other"
	if _, err := d.Join(t.Context(), key, reader.Credentials); reasonOf(err) != ReasonSession {
		t.Errorf("another project's ticket is joined: %v", err)
	}
	d.sim.Revoke("reader")
	_, err := d.Join(t.Context(), d.key("running", reader), reader.Credentials)
	var upstream *coc.Error
	if reasonOf(err) != ReasonSession || !errors.As(err, &upstream) || upstream.Code != "APIGW.0307" {
		t.Errorf("a revoked token joins: %v", err)
	}
	if u := d.Usage(); u.Viewers != 1 {
		t.Errorf("%d viewers", u.Viewers)
	}
}

// TestSessionsWithoutAProjectShareNothing: their tokens say of no project whose
// they are.
func TestSessionsWithoutAProjectShareNothing(t *testing.T) {
	d := newFixture(t, Limits{}, spec("running", time.Minute, runs(long)))
	one := d.signIn("operator", "1")
	one.caller.ProjectID = ""
	two := one.as("2")
	a, b := d.join("running", one), d.join("running", two)
	if u := d.Usage(); u.Tickets != 2 || a.poller == b.poller {
		t.Errorf("usage %+v", u)
	}
	if c := d.join("running", one); c.poller != a.poller {
		t.Error("one session has two views")
	}
}

// TestRecheck: more sessions than polls in the time that a
// check holds for.
func TestRecheck(t *testing.T) {
	d := newFixture(t, Limits{Recheck: time.Minute, Running: time.Hour}, spec("running", time.Minute, runs(long)))
	u := d.signIn("operator", "s")
	for i := range 20 {
		d.join("running", u.as(fmt.Sprint(i)))
	}
	goes := d.signIn("reader", "reader")
	v := d.join("running", goes) // its turn would come after 21 polls
	d.waits()
	d.sim.Revoke("reader")
	polls := 0
	for ; v.Err() == nil && polls < 30; polls++ {
		d.pass(fast)
	}
	if reasonOf(v.Err()) != ReasonSession || polls < 12 || polls > 15 {
		t.Errorf("the revoked token is found after %d polls: %v", polls, v.Err())
	}
	got := d.calls(func() {
		for range 12 {
			d.pass(fast)
		}
	})
	if got[1] != 12 || got[0] < 18 || got[0] > 22 { // a minute checks 20 sessions, 12 of them by polls
		t.Errorf("a minute costs %v", got)
	}
}

func TestViewLingersAndEnds(t *testing.T) {
	d := newFixture(t, Limits{}, spec("running", time.Minute, runs(long), runs(long)))
	u := d.signIn("operator", "s")
	v := d.join("running", u)
	d.waits()
	v.Close()
	v.Close()
	if reasonOf(v.Err()) != ReasonClosed || v.Snapshot() == nil {
		t.Errorf("a closed viewer: %v", v.Err())
	}
	if wait := d.waits(); wait != time.Minute {
		t.Errorf("the view lingers for %v", wait)
	}
	if got := d.calls(func() { d.clock.step(30 * time.Second) }); got != [4]int{} {
		t.Errorf("when nobody looks %v calls", got)
	}
}

func TestReturnToALingeringView(t *testing.T) {
	d := newFixture(t, Limits{Running: time.Hour}, spec("running", time.Minute, runs(long), runs(long)))
	u := d.signIn("operator", "s")
	d.join("running", u).Close()
	eventually(t, "nobody looks", func() bool { return d.Usage().Viewers == 0 })
	if got := d.calls(func() { d.join("running", u).Close() }); got != [4]int{} {
		t.Errorf("an immediate return costs %v", got)
	}
	d.clock.step(30 * time.Second)
	got := d.calls(func() {
		v := d.join("running", u)
		if s := v.Snapshot(); s.At != d.clock.now() {
			t.Errorf("the snapshot is of %v, now is %v", s.At, d.clock.now())
		}
		v.Close()
	})
	if got != [4]int{1, 1, 0, 0} {
		t.Errorf("a return after a while costs %v", got)
	}
	d.clock.step(time.Minute)
	eventually(t, "the view is gone", func() bool { return d.Usage().Tickets == 0 })
	if got := d.calls(func() { d.join("running", u) }); got != [4]int{1, 1, 1, 2} {
		t.Errorf("a return after the end costs %v", got)
	}
}

func TestLimits(t *testing.T) {
	d := newFixture(t, Limits{Tickets: 2, Viewers: 2}, spec("a", time.Minute, runs(long)), spec("b", 2*time.Minute, runs(long)), spec("c", 3*time.Minute, runs(long)))
	u := d.signIn("operator", "s")
	a, b := d.join("a", u), d.join("b", u)
	if _, err := d.Join(t.Context(), d.key("c", u), u.Credentials); !errors.Is(err, ErrFull) {
		t.Errorf("a third ticket: %v", err)
	}
	d.join("a", u)
	if _, err := d.Join(t.Context(), d.key("a", u), u.Credentials); !errors.Is(err, ErrFull) {
		t.Errorf("a third viewer: %v", err)
	}
	b.Close()
	d.join("c", u) // takes the place of b, which only lingers
	if got := d.Usage(); got.Tickets != 2 || got.Viewers != 3 || a.Err() != nil {
		t.Errorf("usage %+v", got)
	}
}

// TestSlowViewerHoldsNobodyUp: one who never listens misses versions, and sees
// the newest.
func TestSlowViewerHoldsNobodyUp(t *testing.T) {
	d := newFixture(t, Limits{}, spec("running", time.Minute, runs(long)))
	u := d.signIn("operator", "s")
	sleeper, other := d.join("running", u), d.join("running", u)
	d.waits()
	silent(t, sleeper)
	for range 10 {
		d.pass(fast)
		told(t, other)
	}
	if s := told(t, sleeper); s.Version != 11 || s != other.Snapshot() {
		t.Errorf("the sleeper sees version %d", s.Version)
	}
	silent(t, sleeper)
}

func TestCloseEndsAll(t *testing.T) {
	d := newFixture(t, Limits{}, spec("running", time.Minute, runs(long)), spec("other", time.Hour, runs(time.Second)))
	u := d.signIn("operator", "s")
	v := d.join("running", u)
	d.join("other", u)
	list := d.joinList(coc.TicketQuery{Limit: 50}, u)
	hold := make(chan struct{})
	defer close(hold)
	d.sim.Inject(simulator.Fault{Kind: simulator.CallStatistics, Effect: simulator.Slow, Hold: hold})
	d.clock.step(fast)
	eventually(t, "a poll is under way", func() bool { return d.sim.Calls(simulator.CallStatistics) > 2 })
	d.Close()
	d.Close()
	told(t, v)
	told(t, list)
	if reasonOf(v.Err()) != ReasonClosed || reasonOf(list.Err()) != ReasonClosed {
		t.Errorf("told %v and %v", v.Err(), list.Err())
	}
	if _, err := d.Join(t.Context(), d.key("running", u), u.Credentials); reasonOf(err) != ReasonClosed {
		t.Errorf("joined after the end: %v", err)
	}
	if got := d.Usage(); got.Tickets+got.Lists+got.Viewers != 0 {
		t.Errorf("usage %+v", got)
	}
}

// TestConcurrentUse lets everything happen at the same time, for -race and for
// goleak.
func TestConcurrentUse(t *testing.T) {
	d := newFixture(t, Limits{Tickets: 2, Viewers: 8}, spec("a", time.Minute, runs(long)), spec("b", time.Minute, runs(long)), spec("c", time.Minute, runs(long)))
	users := []*user{d.signIn("operator", "1"), d.signIn("manager", "2"), d.signIn("reader", "3")}
	var g sync.WaitGroup
	for i := range 12 {
		g.Go(func() {
			u, scenario := users[i%3], string(rune('a'+i/4))
			for range 15 {
				v, err := d.Join(t.Context(), d.key(scenario, u), u.Credentials)
				if errors.Is(err, ErrFull) {
					continue
				}
				if err != nil || v.Snapshot().Ticket.ScriptName != "reload" {
					t.Errorf("%v", err)
					return
				}
				d.Nudge(d.key(scenario, u))
				d.clock.step(fast)
				<-v.Changed()
				d.Usage()
				v.Close()
			}
		})
	}
	g.Wait()
	if got := d.Usage(); got.Viewers != 0 || got.Failed != 0 {
		t.Errorf("usage %+v", got)
	}
}

func (d *fixture) joinList(q coc.TicketQuery, u *user) *Viewer[List] {
	d.t.Helper()
	v, err := d.JoinList(d.t.Context(), ListKey{Account: "demo", Project: u.caller.ProjectID, Query: q}, u.Credentials)
	check(d.t, err)
	d.t.Cleanup(v.Close)
	return v
}

func (d *fixture) lists(f func()) int {
	before := d.sim.Calls(simulator.CallListTickets)
	f()
	return d.sim.Calls(simulator.CallListTickets) - before
}

func TestListIsShared(t *testing.T) {
	d := newFixture(t, Limits{}, spec("running", time.Minute, runs(65*time.Second)), spec("old", time.Hour, runs(time.Second)), spec("older", 2*time.Hour, runs(time.Second)))
	u := d.signIn("operator", "s")
	q := coc.TicketQuery{Limit: 2, From: d.clock.now().Add(-24 * time.Hour)}
	var all []*Viewer[List]
	if got := d.lists(func() {
		for i := range 5 {
			q.From = q.From.In(time.FixedZone(fmt.Sprint(i), i)) // the same time
			all = append(all, d.joinList(q, u.as(fmt.Sprint(i))))
		}
		d.waits()
	}); got != 5+2 { // each with its own token; the first one's answer is the first poll, which asks for those that wait, too
		t.Errorf("five joins cost %d calls", got)
	}
	first := all[0].Snapshot()
	if first.Version != 1 || first.Page.Total != 3 || len(first.Page.Tickets) != 2 || first.Page.Tickets[0].Status != coc.TicketProcessing || first.At != d.clock.now() {
		t.Errorf("the list %+v", first)
	}
	if got := d.lists(func() {
		if wait := d.pass(10 * time.Second); wait != 30*time.Second {
			t.Errorf("a list where nothing runs waits %v", wait)
		}
	}); got != 3 {
		t.Errorf("a poll costs %d calls", got)
	}
	for _, v := range all {
		if s := told(t, v); s.Version != 2 || s.Changed != 2 || s.Page.Tickets[0].Status != coc.TicketFinished || s != all[0].Snapshot() {
			t.Errorf("version %d: %+v", s.Version, s.Page.Tickets[0])
		}
	}
	if d.pass(30 * time.Second); all[0].Snapshot().Version != 3 || all[0].Snapshot().Changed != 2 {
		t.Errorf("nothing happened: %+v", all[0].Snapshot().Meta)
	}
}

func TestListLengthsAreNotShared(t *testing.T) {
	d := newFixture(t, Limits{}, spec("running", time.Minute, runs(long)), spec("old", time.Hour, runs(time.Second)))
	u := d.signIn("operator", "s")
	for limit := range int32(3) {
		v := d.joinList(coc.TicketQuery{Limit: limit + 1}, u)
		if got := len(v.Snapshot().Page.Tickets); got != min(int(limit)+1, 2) {
			t.Errorf("%d rows of a page of %d", got, limit+1)
		}
	}
}

// TestCheckServesOnePoll: the answer to a check is used once, and fresh only.
func TestCheckServesOnePoll(t *testing.T) {
	d := newFixture(t, Limits{}, spec("running", time.Minute, runs(long)))
	u := d.signIn("operator", "s")
	ticket := newTicketFeed(d.Watcher, d.key("running", u))
	list := &listFeed{w: d.Watcher, query: coc.TicketQuery{Limit: 10}}
	for _, f := range []interface {
		check(context.Context, coc.Caller) error
		poll(context.Context, coc.Caller) (bool, error)
	}{ticket, list} {
		heads := func() int { return d.sim.Calls(simulator.CallShowTicket) + d.sim.Calls(simulator.CallListTickets) }
		for i, c := range []struct {
			passed time.Duration
			want   int
		}{{maxOffer - 1, 1}, {maxOffer, 2}} {
			before := heads()
			check(t, f.check(t.Context(), u.caller))
			d.clock.step(c.passed)
			_, err := f.poll(t.Context(), u.caller)
			check(t, err)
			if got := heads() - before; got != c.want {
				t.Errorf("%T, %d: a check and a poll cost %d calls", f, i, got)
			}
			_, err = f.poll(t.Context(), u.caller)
			check(t, err)
			if got := heads() - before; got != c.want+1 {
				t.Errorf("%T, %d: with another poll they cost %d", f, i, got)
			}
		}
	}
}

func TestListsByQuery(t *testing.T) {
	d := newFixture(t, Limits{Lists: 3}, spec("running", time.Minute, runs(long)), spec("old", time.Hour, runs(time.Second)))
	u := d.signIn("operator", "s")
	if v := d.joinList(coc.TicketQuery{Limit: 1}, u); len(v.Snapshot().Page.Tickets) != 1 {
		t.Errorf("a page of one: %+v", v.Snapshot().Page)
	}
	if v := d.joinList(coc.TicketQuery{Limit: 10, Status: coc.TicketFinished}, u); v.Snapshot().Page.Total != 1 {
		t.Errorf("finished ones: %+v", v.Snapshot().Page)
	}
	if got := d.Usage().Lists; got != 2 {
		t.Errorf("%d lists", got)
	}
	if v := d.joinList(coc.TicketQuery{Limit: 10, Creator: "nobody"}, u); v.Snapshot().Page.Total != 0 {
		t.Errorf("nobody's: %+v", v.Snapshot().Page)
	}
	for _, c := range []struct {
		q    coc.TicketQuery
		want error
	}{
		{coc.TicketQuery{Limit: 10, NameLike: "x"}, ErrFull},
		{coc.TicketQuery{}, ErrQuery},
		{coc.TicketQuery{Limit: 101}, ErrQuery},
		{coc.TicketQuery{Limit: 10, Marker: 5}, ErrQuery},
	} {
		if _, err := d.JoinList(t.Context(), ListKey{Account: "demo", Project: u.caller.ProjectID, Query: c.q}, u.Credentials); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v, want %v", c.q, err, c.want)
		}
	}
	nobody := d.signIn("nobody", "n")
	_, err := d.JoinList(t.Context(), ListKey{Account: "demo", Project: nobody.caller.ProjectID, Query: coc.TicketQuery{Limit: 1}}, nobody.Credentials)
	if reasonOf(err) != ReasonForbidden {
		t.Errorf("who may not list joins: %v", err)
	}
}

func TestListOutlivesFaults(t *testing.T) {
	d := newFixture(t, Limits{}, spec("running", time.Minute, runs(long)))
	v := d.joinList(coc.TicketQuery{Limit: 10}, d.signIn("operator", "s"))
	d.waits()
	remove := d.sim.Inject(simulator.Fault{Kind: simulator.CallListTickets, Effect: simulator.Refuse, Status: 500})
	if wait := d.pass(10 * time.Second); wait != 20*time.Second || v.Snapshot().Trouble == nil || len(v.Snapshot().Page.Tickets) != 1 {
		t.Errorf("wait %v, %+v", wait, v.Snapshot())
	}
	remove()
	if wait := d.pass(20 * time.Second); wait != 10*time.Second || v.Snapshot().Trouble != nil {
		t.Errorf("wait %v, %+v", wait, v.Snapshot())
	}
}

// TestListSaysWhatWaits finds the tickets that wait wherever they are in the
// list, and how far the others are.
func TestListSaysWhatWaits(t *testing.T) {
	failing := spec("failing", 2*time.Hour, runs(time.Second), runs(long))
	failing.Batches[0].Instances[0].ExitCode, failing.SuccessRate = 1, 100
	paused := spec("paused", 3*time.Hour, runs(time.Second), runs(long))
	paused.Batches[0].Pause = true
	d := newFixture(t, Limits{}, spec("running", time.Minute, runs(time.Second, long)), spec("old", time.Hour, runs(time.Second)), failing, paused)
	u := d.signIn("operator", "s")
	for _, limit := range []int32{2, 10} {
		v := d.joinList(coc.TicketQuery{Limit: limit}, u)
		s := v.Snapshot()
		if len(s.Page.Tickets) != min(int(limit), 4) || s.WaitingTotal != 2 || len(s.Waiting) != 2 || s.Waiting[0].Status != coc.TicketAbnormal || s.Waiting[1].Status != coc.TicketPaused {
			t.Errorf("of %d rows, these wait: %+v", limit, s.Waiting)
		}
		running, ok := s.Figures[s.Page.Tickets[0].ExecuteUUID]
		if !ok || running.Total != 2 || running.Count(coc.InstanceFinished) != 1 || !v.Whole() {
			t.Errorf("the one that runs: %+v, %v", running, ok)
		}
		if _, ok := s.Figures[s.Waiting[0].ExecuteUUID]; !ok || len(s.Figures) != 3 {
			t.Errorf("figures of those that are not over: %+v", s.Figures)
		}
	}
	for _, narrowed := range []coc.TicketQuery{{Limit: 2, Status: coc.TicketAbnormal}, {Limit: 10, NameLike: "none"}, {Limit: 10, Creator: "none"}, {Limit: 10, From: d.cfg.Now()}} {
		if s := d.joinList(narrowed, u).Snapshot(); s.WaitingTotal != 2 || len(s.Waiting) != 2 {
			t.Errorf("beside %+v these wait: %+v", narrowed, s.Waiting)
		}
	}
}

// TestFiguresAreReadInTurn: a poll reads those of a few tickets.
func TestFiguresAreReadInTurn(t *testing.T) {
	var all []simulator.TicketSpec
	for i := range 3 * maxFigures {
		all = append(all, spec(fmt.Sprint(i), time.Minute, runs(long)))
	}
	d := newFixture(t, Limits{}, all...)
	u := d.signIn("operator", "s")
	statistics := func(f func()) int {
		before := d.sim.Calls(simulator.CallStatistics)
		f()
		return d.sim.Calls(simulator.CallStatistics) - before
	}
	var v *Viewer[List]
	if got := statistics(func() { v = d.joinList(coc.TicketQuery{Limit: 50}, u); d.waits() }); got != 1+maxFigures { // the first is for the check
		t.Errorf("%d calls", got)
	}
	for range 3 {
		if got := statistics(func() { d.pass(10 * time.Second) }); got != maxFigures {
			t.Errorf("a poll reads the figures of %d tickets", got)
		}
	}
	if n := len(v.Snapshot().Figures); n != len(all) {
		t.Errorf("%d of %d tickets have figures", n, len(all))
	}
	if got := statistics(func() { d.joinList(coc.TicketQuery{Limit: 50, Creator: "operator"}, u) }); got > 1+maxFigures {
		t.Errorf("another list costs %d", got)
	}
}

// TestFiguresAreAnotherRight: who may list tickets and not open them is shown
// no figures, and another viewer's token brings them none.
func TestFiguresAreAnotherRight(t *testing.T) {
	d := newFixture(t, Limits{}, spec("running", time.Minute, runs(long)))
	lister := d.joinList(coc.TicketQuery{Limit: 10}, d.signIn("lister", "l"))
	if lister.Whole() || len(lister.Snapshot().Figures) != 0 {
		t.Errorf("%+v", lister.Snapshot().Figures)
	}
	whole := d.joinList(coc.TicketQuery{Limit: 10}, d.signIn("operator", "s"))
	d.waits()
	for range 3 {
		d.pass(10 * time.Second)
	}
	if !whole.Whole() || len(whole.Snapshot().Figures) != 1 || lister.Whole() || lister.Err() != nil || whole.Err() != nil {
		t.Errorf("whole %v %v, lister %v %v, figures %+v", whole.Whole(), whole.Err(), lister.Whole(), lister.Err(), whole.Snapshot().Figures)
	}
}
