package auditview

import (
	"testing"
	"time"

	"coc-console/audit/query"
	"coc-console/audit/search"
)

// TestFileName: an export is called by its period and its query.
func TestFileName(t *testing.T) {
	first, now := time.Date(2026, 11, 1, 9, 30, 12, 0, time.UTC), time.Date(2026, 11, 29, 22, 5, 59, 0, time.UTC)
	language := query.Language{Zone: time.FixedZone("", 8*3600), Night: query.DefaultNight}
	for text, want := range map[string]string{
		"": "audit-20261101T0930Z-20261129T2205Z.csv",
		"after:2026-11-28T20:00 before:2026-11-29T08:00 operation:cancel": "audit-20261128T1200Z-20261129T0000Z-operation-cancel.csv",
		`actor:ann outcome:rejected -ip:"x/../y" ../disk "a b"`:           "audit-20261101T0930Z-20261129T2205Z-actor-ann-outcome-rejected-..-disk-a-b-ip-x-..-y.csv",
		"重启": "audit-20261101T0930Z-20261129T2205Z-query.csv",
	} {
		q, err := language.Parse(text)
		if err != nil {
			t.Fatal(text, err)
		}
		if got := fileName(search.PresetEverything, q, first, now, "csv"); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	if got := fileName(search.PresetOperations, search.Query{}, first, now, "csv"); got != "audit-operations-20261101T0930Z-20261129T2205Z.csv" {
		t.Errorf("of a view: %s", got)
	}
	if got := fileName(search.PresetEverything, search.Query{}, time.Time{}, now, "zip"); got != "audit-20261129T2205Z-20261129T2205Z.zip" {
		t.Errorf("an empty log: %s", got)
	}
}
