package query_test

import (
	"testing"
	"time"

	"coc-console/audit/query"
)

// TestLocal: an hour that clocks repeat begins early and ends late, and one that they leave out is the moment of their
// jump: nobody who asks from or to it misses anything.
func TestLocal(t *testing.T) {
	t.Parallel()
	for _, x := range []struct{ zone, wall, from, to string }{
		{"Europe/Berlin", "2026-03-29T01:59", "2026-03-29T00:59:00Z", "2026-03-29T00:59:00Z"},
		{"Europe/Berlin", "2026-03-29T02:00", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"},
		{"Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"},
		{"Europe/Berlin", "2026-03-29T02:59", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"},
		{"Europe/Berlin", "2026-03-29T03:00", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"},
		{"Europe/Berlin", "2026-03-29T03:30", "2026-03-29T01:30:00Z", "2026-03-29T01:30:00Z"},
		{"Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"},
		{"America/New_York", "2026-03-08T02:15", "2026-03-08T07:00:00Z", "2026-03-08T07:00:00Z"},
		{"America/Santiago", "2026-09-06T00:00", "2026-09-06T04:00:00Z", "2026-09-06T04:00:00Z"},    // no midnight
		{"Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30:00Z", "2026-10-03T15:30:00Z"}, // half an hour
		{"Asia/Shanghai", "2026-03-29T02:30", "2026-03-28T18:30:00Z", "2026-03-28T18:30:00Z"},
		{"UTC", "2026-03-29T02:30", "2026-03-29T02:30:00Z", "2026-03-29T02:30:00Z"},
	} {
		zone, err := time.LoadLocation(x.zone)
		if err != nil {
			t.Fatal(err)
		}
		wall, err := time.Parse("2006-01-02T15:04", x.wall)
		if err != nil {
			t.Fatal(err)
		}
		for late, want := range map[bool]string{false: x.from, true: x.to} {
			if got := query.Local(wall, zone, late).UTC().Format(time.RFC3339); got != want {
				t.Errorf("%s in %s, late %v: %s, want %s", x.wall, x.zone, late, got, want)
			}
		}
	}
}
