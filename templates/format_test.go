package templates

import (
	"strings"
	"testing"
	"time"

	"coc-console/internal/i18n"
)

// TestClockText: a time of the day alone is of the reader's own day.
func TestClockText(t *testing.T) {
	t.Parallel()
	ctx := reader(t, i18n.Languages()[0])
	now := time.Date(2026, 11, 30, 18, 30, 0, 0, time.UTC) // already 1 December in Shanghai
	for _, tt := range []struct {
		at   time.Time
		want string
	}{
		{now.Add(-time.Hour), "01:30:00"},
		{now.Add(-3 * time.Hour), "11-30 23:30"},
		{now.AddDate(-1, 0, 0), "2025-12-01 02:30"},
		{now.AddDate(-1, -5, 0), "2025-07-01 02:30"},
		{now.AddDate(0, 2, 0), "2027-01-31 02:30"},
	} {
		if got := clockText(ctx, tt.at, now, "15:04:05"); got != tt.want {
			t.Errorf("%s is %q, want %q", tt.at, got, tt.want)
		}
	}
	if got := clockSecondsText(ctx, now.AddDate(-1, 0, 0), now); got != "2025-12-01" {
		t.Errorf("in a narrow column another year is %q", got)
	}
	if got := clockSecondsText(ctx, now.Add(-3*time.Hour), now); got != "11-30 23:30" {
		t.Errorf("in a narrow column another day is %q", got)
	}
	if got := clockText(ctx, now, time.Time{}, "15:04"); got != "02:30" {
		t.Errorf("without now it is %q", got)
	}
}

// TestWhole: what may be cut has a title with all of it, what fits has none.
func TestWhole(t *testing.T) {
	t.Parallel()
	if whole("支付网关", 4) != nil || whole("支付网关1", 4)["title"] != "支付网关1" {
		t.Error("a title is for what is longer than its room")
	}
}

// TestCountsWithoutState: instances whose state COC doesn't tell are not told without a word.
func TestCountsWithoutState(t *testing.T) {
	t.Parallel()
	for language, want := range map[i18n.Language]string{i18n.EnUS: "1 asleep, 2 unknown", i18n.ZhCN: ""} {
		texts := i18n.For(language)
		got := countsText(texts, []Count{{"ASLEEP", 1}, {"", 2}})
		if want != "" && got != want || !strings.Contains(strings.ToLower(got), strings.ToLower(texts.Common.Unknown)) {
			t.Errorf("%s: %q, want %q", language, got, want)
		}
		for _, f := range (Ticket{Counts: []Count{{"", 2}}}).figures(texts) {
			if f.Label == "" {
				t.Errorf("%s: a figure has no name: %+v", language, f)
			}
		}
	}
}

// TestBarsAreDrawnByColour: outcomes that look the same are one piece of a bar, so that none of them makes it higher.
func TestBarsAreDrawnByColour(t *testing.T) {
	parts := []BarPart{{"accepted", 1}, {"confirmed", 1}, {"succeeded", 998}, {"", 2}, {"unknown", 1}, {"denied", 1}, {"failed", 1}}
	drawn := Bar{Count: 1005, Parts: parts}.stack(1005)
	if len(drawn) != 3 || drawn[0].Count != 1002 || drawn[2].Count != 2 || drawn[2].y < 0 || drawn[0].height < chartHeight-8 {
		t.Errorf("drawn is %+v", drawn)
	}
}

// TestSentIsNotCompleted: a bulk operation whose effects are awaited, or with failures, is not said to be complete.
func TestSentIsNotCompleted(t *testing.T) {
	t.Parallel()
	ctx := reader(t, i18n.EnUS)
	for counts, want := range map[[2]int]string{{0, 0}: "Completed", {2, 0}: "All sent", {0, 1}: "Ended with failures", {1, 1}: "Ended with failures"} {
		p := Bulk{BulkRow: BulkRow{State: "ended", Type: "PAUSE_ORDER"}, Open: counts[0], Failed: counts[1], Items: make([]BulkItem, 3)}
		got := string(render(t, ctx, p))
		if !strings.Contains(got, want) || strings.Contains(got, "Completed") != (want == "Completed") || strings.Contains(got, "pill-abnormal") != (counts[1] > 0) {
			t.Errorf("%d open, %d failed: not %q in %s", counts[0], counts[1], want, got)
		}
	}
	if list := string(render(t, ctx, Bulks{Rows: []BulkRow{{State: "ended"}}})); !strings.Contains(list, "Ended") || strings.Contains(list, "#finished") {
		t.Errorf("the list says more than that it has ended: %s", list)
	}
}

func TestMinutes(t *testing.T) {
	texts := i18n.For(i18n.EnUS)
	for d, want := range map[time.Duration]string{2 * time.Minute: "2 min", 13*time.Minute + 47*time.Second: "13 min",
		62 * time.Minute: "1 h 02 min", 400 * time.Hour: "16 d 16 h"} {
		if got := minutes(&texts.Common, d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}

// TestShortBars: where many bars of a chart stand for one minute their times have seconds, and they count whatever the list has.
func TestShortBars(t *testing.T) {
	t.Parallel()
	ctx := reader(t, i18n.EnUS)
	from := time.Date(2026, 12, 1, 16, 16, 0, 0, time.UTC)
	for to, want := range map[time.Duration]string{15 * time.Second: "2026-12-02 00:16:00 – 2026-12-02 00:16:15: 4",
		time.Hour: "2026-12-02 00:16 – 2026-12-02 01:16: 4"} {
		if got := (Bar{From: from, To: from.Add(to), Count: 4}).text(ctx); got != want {
			t.Errorf("a bar says %q, want %q", got, want)
		}
	}
}
