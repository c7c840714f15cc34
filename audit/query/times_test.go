package query_test

import (
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/query"
)

// TestTimes: relative times, and those of the reader's clocks, also on the days
// on which clocks are set.
func TestTimes(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := func(text string) time.Time {
		t.Helper()
		if text == "" {
			return time.Time{}
		}
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for _, tt := range []struct{ now, text, from, to, written string }{
		{"2026-07-02T09:00:00Z", "after:24h", "2026-07-01T09:00:00Z", "", "after:24h"},
		{"2026-07-02T09:00:00Z", "after:2w before:90m", "2026-06-18T09:00:00Z", "2026-07-02T07:30:00Z", "after:2w before:90m"},
		{"2026-07-02T23:00:00Z", "after:Yesterday before:today", "2026-07-01T22:00:00Z", "2026-07-02T22:00:00Z", "after:yesterday before:today"},
		{"2026-07-02T23:00:00Z", "after:昨天", "2026-07-01T22:00:00Z", "", "after:昨天"},
		// In the morning, in the middle of the night, and in the evening, when the next one has begun.
		{"2026-07-02T07:00:00Z", "last night", "2026-07-01T18:00:00Z", "2026-07-02T06:00:00Z", "last night"},
		{"2026-07-02T00:30:00Z", "last night", "2026-07-01T18:00:00Z", "2026-07-02T06:00:00Z", "last night"},
		{"2026-07-02T19:00:00Z", "昨晚", "2026-07-01T18:00:00Z", "2026-07-02T06:00:00Z", "last night"},
		{"2026-10-25T12:00:00Z", "last night", "2026-10-24T18:00:00Z", "2026-10-25T07:00:00Z", "last night"},
		// The hour from two to three comes twice.
		{"2026-11-01T00:00:00Z", "after:2026-10-25T02:00 before:2026-10-25T03:00", "2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z",
			"after:2026-10-25T02:00:00+02:00 before:2026-10-25T03:00:00+01:00"},
		{"2026-11-01T00:00:00Z", "after:2026-10-25T02:30 before:2026-10-25T02:30", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z",
			"after:2026-10-25T02:30:00+02:00 before:2026-10-25T02:30:00+01:00"},
		{"2026-11-01T00:00:00Z", "before:2026-03-02T08:00Z", "", "2026-03-02T08:00:00Z", "before:2026-03-02T09:00:00+01:00"},
		{"2026-11-01T00:00:00Z", "after:2026-03-02t13:30+05:30", "2026-03-02T08:00:00Z", "", "after:2026-03-02T09:00:00+01:00"},
		{"2026-11-01T00:00:00Z", "after:2026-10-25", "2026-10-24T22:00:00Z", "", "after:2026-10-25"},
	} {
		q, err := query.Language{Zone: berlin, Now: at(tt.now)}.Parse(tt.text)
		if err != nil || !q.From.Equal(at(tt.from)) || !q.To.Equal(at(tt.to)) || q.String() != tt.written {
			t.Errorf("%s at %s: from %v to %v, written %q (%v)", tt.text, tt.now, q.From.UTC(), q.To.UTC(), q.String(), err)
		}
	}
	night := query.Night{From: 22 * time.Hour, To: 6*time.Hour + 30*time.Minute}
	q, err := query.Language{Zone: berlin, Now: at("2026-07-02T07:00:00Z"), Night: night}.Parse("last night")
	if err != nil || !q.From.Equal(at("2026-07-01T20:00:00Z")) || !q.To.Equal(at("2026-07-02T04:30:00Z")) {
		t.Errorf("another night is %v to %v (%v)", q.From, q.To, err)
	}
	q.From = q.From.Add(time.Minute) // by a control beside the search
	if text := q.String(); strings.Contains(text, "night") {
		t.Errorf("a night that begins later is written %q", text)
	}
}

// TestRepeatedMidnight: where clocks are set back at midnight, a day begins
// twice.
func TestRepeatedMidnight(t *testing.T) {
	havana, err := time.LoadLocation("America/Havana")
	if err != nil {
		t.Fatal(err)
	}
	first := time.Date(2026, 11, 1, 4, 0, 0, 0, time.UTC)
	q, err := query.Parse("after:2026-11-01 before:2026-11-01", havana)
	if err != nil || !q.From.Equal(first) || !q.To.Equal(first.Add(time.Hour)) {
		t.Errorf("from %v to %v (%v), want %v and an hour later", q.From.UTC(), q.To.UTC(), err, first)
	}
	if text := q.String(); text != "after:2026-11-01 before:2026-11-01" {
		t.Errorf("written %q", text)
	}
}

func TestParseNight(t *testing.T) {
	want := query.Night{From: 22*time.Hour + 30*time.Minute, To: 6 * time.Hour}
	if n, err := query.ParseNight("22:30-06:00"); err != nil || n != want {
		t.Errorf("%v (%v)", n, err)
	}
	for _, text := range []string{"", "20:00", "8:00-20:00", "20:00-20:00", "25:00-08:00", "20-8"} {
		if n, err := query.ParseNight(text); err == nil {
			t.Errorf("%q is taken for %v", text, n)
		}
	}
}

// TestFolding: forms of the same character are one.
func TestFolding(t *testing.T) {
	for _, tt := range []struct{ record, text string }{
		{"ｎｇｉｎｘ reload", "nginx"}, {"nginx", "ＮＧＩＮＸ"}, {"Cafe\u0301 down", "café"}, {"café", "cafe\u0301"}, {"ﾃｽﾄ環境", "テスト"}, {"①", "1"},
	} {
		r := audit.Record{Sequence: 1, Time: time.Unix(1, 0), Reason: tt.record}
		q := query.Query{Text: []string{tt.text}, Visible: query.Visibility{All: true}}
		if !q.Matches(r) {
			t.Errorf("%q is not found in %q: %q", tt.text, tt.record, query.Words(r))
		}
	}
}
