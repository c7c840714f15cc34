package web_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/internal/i18n"
)

// TestRecordAfterAClockWasSetBack shows what the clock said, and the time that
// searches find it by.
func TestRecordAfterAClockWasSetBack(t *testing.T) {
	t.Parallel()
	c := start(t)
	b := c.browser(t, i18n.EnUS)
	b.signIn("manager")
	appended := func() audit.Record {
		t.Helper()
		r, err := c.log.Append(t.Context(), audit.Record{Action: audit.ActionTicketViewed, Outcome: audit.OutcomeSucceeded, Ticket: "SCT1"})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	c.clock.advance(time.Hour)
	ahead := appended()
	c.clock.advance(-time.Hour)
	r := appended()
	if r.Clock.IsZero() || r.Time.Sub(r.Clock) < 59*time.Minute || !ahead.Clock.IsZero() {
		t.Fatalf("%+v, then %+v", ahead, r)
	}
	address := func(r audit.Record) string { return "/audit/" + strconv.FormatInt(r.Sequence, 10) }
	page := b.get(address(r))
	b.want(page, http.StatusOK, "data-sorted", "Sorted as")
	for _, at := range []time.Time{r.Clock, r.Time} {
		if shown := `datetime="` + at.UTC().Format("2006-01-02T15:04:05"); !strings.Contains(page.body, shown) {
			t.Errorf("it does not show %s", shown)
		}
	}
	if list := b.get("/audit?q=SCT1"); !strings.Contains(list.body, `datetime="`+r.Clock.UTC().Format("2006-01-02T15:04:05")) {
		t.Error("the list does not show what the clock said")
	}
	if first := b.get(address(ahead)); strings.Contains(first.body, "data-sorted") {
		t.Error("a record by the clock alone is sorted by another time")
	}
}
