package web_test

import (
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/internal/i18n"
)

// TestRepeatedViews: who loads a page again and again is written down once at
// once and once a minute, and pages tell how often.
func TestRepeatedViews(t *testing.T) {
	t.Parallel()
	languages(t, func(t *testing.T, language i18n.Language, texts *i18n.Texts) {
		c := start(t, func(s *settings) { s.log = func(a *audit.Config) { a.RepeatSpan = time.Minute } })
		b, boss := c.signedIn(t, "operator", language), c.signedIn(t, "manager", language)
		for range 5 {
			b.want(b.get(c.ticket("running")), http.StatusOK)
			b.want(b.get("/tickets?name=x"), http.StatusOK)
		}
		if n := len(c.records(audit.ActionTicketViewed)); n != 1 {
			t.Errorf("five views are %d records at once", n)
		}
		c.clock.advance(time.Minute)
		var viewed []audit.Record
		for len(viewed) < 2 {
			if t.Context().Err() != nil {
				t.Fatal("the others are never recorded")
			}
			viewed = c.records(audit.ActionTicketViewed)
		}
		if r := viewed[1]; r.Repeats != 4 || r.Actor.UserName != "operator" || r.Ticket != c.sim.UUID("running") || r.Origin.Address == "" {
			t.Errorf("the others are %+v", r)
		}
		boss.want(boss.get("/audit?q=action:ticket.viewed"), http.StatusOK, texts.Audit.Repeats(4))
		boss.want(boss.get("/audit/"+strconv.FormatInt(viewed[1].Sequence, 10)), http.StatusOK, texts.Word.Detail.Of("repeats"))
		if p := boss.get("/audit/timeline?ticket=" + c.sim.UUID("running")); !strings.Contains(p.body, `data-views="5"`) {
			t.Errorf("the story counts other views\n%s", shortened(p.body))
		}
	})
}

// TestReadingOnAFullDisk: below the reserve for operations' ends whoever reads
// goes on reading, nothing is written for it, and the log says afterwards of
// whom there were how many.
func TestReadingOnAFullDisk(t *testing.T) {
	t.Parallel()
	var free atomic.Uint64
	free.Store(1 << 40)
	c := start(t, func(s *settings) {
		s.log = func(a *audit.Config) {
			a.Database = audittest.WithSpace(a.Database, func() (uint64, uint64, error) { return free.Load(), 1 << 40, nil })
		}
	})
	b, boss := c.signedIn(t, "operator", i18n.EnUS), c.signedIn(t, "manager", i18n.EnUS)
	before := len(c.records())
	free.Store(1 << 20)
	notice := i18n.For(i18n.EnUS).Notice.LogReserve
	eventually(t, "it is noticed", func() bool { return strings.Contains(boss.get("/approvals").body, escaped(notice)) })
	for i := range 20 {
		b.want(b.get("/tickets?name="+strconv.Itoa(i)), http.StatusOK)
		boss.want(boss.get("/audit?q=ticket:"+strconv.Itoa(i)), http.StatusOK)
	}
	if n := len(c.records()) - before; n != 0 {
		t.Errorf("%d records were written below the reserve", n)
	}
	p := b.apply(c.newOperation("running", "operation_type=PAUSE_ORDER"), "typed")
	b.want(p, http.StatusServiceUnavailable, i18n.For(i18n.EnUS).Problem.LogFull.Heading, "typed")
	free.Store(1 << 40)
	var told []audit.Record
	for len(told) == 0 {
		if t.Context().Err() != nil {
			t.Fatal("the log never tells")
		}
		told = c.records(audit.ActionReadsOmitted)
	}
	if r := told[0]; r.Repeats < 40 || !strings.Contains(r.Detail, "demo/operator ticket.listed: 20") || !strings.Contains(r.Detail, "demo/manager audit.viewed: 20") {
		t.Errorf("it tells %+v", r)
	}
	boss.want(boss.get("/audit"), http.StatusOK, i18n.For(i18n.EnUS).Word.Action.Of("reads.omitted"))
}
