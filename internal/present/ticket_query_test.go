package present

import (
	"net/url"
	"testing"
	"time"
)

// TestTicketQueryTimes reads times, and how long ago something is.
func TestTicketQueryTimes(t *testing.T) {
	query := TicketQuery{Now: time.Date(2026, 3, 2, 9, 15, 30, 0, time.UTC), Ranges: []string{"24h"},
		Exact: func(at time.Time) string { return at.Format("01-02T15:04") },
		Time: func(_, text string) (time.Time, bool) {
			at, err := time.Parse(time.DateOnly, text)
			return at, err == nil
		}}
	for text, want := range map[string]string{"3h": "from=03-02T06%3A15", "2d": "from=02-28T09%3A15", "90m": "from=03-02T07%3A45",
		"2026-03-01": "from=03-01T00%3A00", "24h": "range=24h", "-3h": "", "d": "", "x": "", "": ""} {
		q := url.Values{"from": {"before"}, "range": {"7d"}}
		unknown := query.Add(q, "after:"+text)
		if got := q.Encode(); (unknown != "") != (want == "") || want != "" && got != want {
			t.Errorf("after:%s gives %s, unknown %q", text, got, unknown)
		}
	}
}
