package calendar_test

import (
	"testing"
	"time"

	"coc-console/internal/calendar"
)

// TestLeftOutHour: a window that begins or ends in an hour that the clocks leave out does so when they jump: a freeze is
// not lifted before its time.
func TestLeftOutHour(t *testing.T) {
	t.Parallel()
	for zone, jump := range map[string]string{"America/New_York": "2026-03-08T07:00:00Z", "Europe/Berlin": "2026-03-29T01:00:00Z"} {
		at, err := time.Parse(time.RFC3339, jump)
		if err != nil {
			t.Fatal(err)
		}
		day := at.Format(time.DateOnly)
		c, err := calendar.Parse([]byte(`{"zone": "` + zone + `", "windows": [
			{"name": "until", "from": "` + day + ` 00:00", "to": "` + day + ` 02:30"},
			{"name": "from", "from": "` + day + ` 02:30", "to": "` + day + ` 08:00"},
			{"name": "weekly", "from": "Sun 00:00", "to": "Sun 02:30"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		for when, want := range map[time.Time][]string{
			at.Add(-time.Second): {"until", "weekly"},
			at:                   {"from"},
		} {
			in := map[string]bool{}
			for _, w := range c.Windows(when) {
				in[w.Name] = true
			}
			if len(in) != len(want) || !in[want[0]] || !in[want[len(want)-1]] {
				t.Errorf("%s at %v: %v, want %v", zone, when, in, want)
			}
		}
	}
}
