package auditview

import (
	"net/url"
	"testing"
	"time"

	"coc-console/audit/query"
	"coc-console/internal/i18n"
)

// TestNightHours: the button and the words mean the same hours, which are a setting.
func TestNightHours(t *testing.T) {
	now := time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)
	for hours, want := range map[string]string{
		"":            "/audit?q=after%3A2026-11-28T20%3A00%3A00Z+before%3A2026-11-29T08%3A00%3A00Z&view=operations",
		"22:30-06:15": "/audit?q=after%3A2026-11-28T22%3A30%3A00Z+before%3A2026-11-29T06%3A15%3A00Z&view=operations",
	} {
		var night query.Night
		if hours != "" {
			if err := night.UnmarshalText([]byte(hours)); err != nil {
				t.Fatal(err)
			}
			if text, err := night.MarshalText(); err != nil || string(text) != hours {
				t.Errorf("%s is written %s, %v", hours, text, err)
			}
		}
		form := NewLogForm(t.Context(), url.Values{"view": {"operations"}, "range": {"night"}}, night)
		if got, ok := form.RangeAddress(now); !ok || got != want {
			t.Errorf("%q: %s, want %s", hours, got, want)
		}
	}
}

// TestActionsHaveWords: whatever the log's filter offers is said in every language.
func TestActionsHaveWords(t *testing.T) {
	for _, l := range i18n.Languages() {
		for _, a := range ActionChoices() {
			if _, ok := i18n.For(l).Word.Action[string(a)]; !ok {
				t.Errorf("%s has no word for %s", l, a)
			}
		}
	}
}
