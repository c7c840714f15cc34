package export_test

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"coc-console/audit"
	"coc-console/audit/audittest"
	"coc-console/audit/export"
)

// TestTailIsAsDocumented: the lines in docs/audit.md are those that Tail writes.
func TestTailIsAsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/audit.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "`tail` writes one line for each record:\n\n```json\n")
	documented, _, found := strings.Cut(rest, "\n```")
	if !found {
		t.Fatal("docs/audit.md has no example of what tail writes")
	}
	o := open(t, audittest.Fresh(t, audittest.SQLite), audittest.Signing, func(c *audit.Config) {
		c.Now = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	})
	r := audittest.Viewed("")
	r.Ticket, r.Actor.UserName = "SCT1", "ann"
	o.Fill(t, 258, func(int) audit.Record { return r })
	if n, err := o.Prune(t.Context(), time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), audit.Actor{}); err != nil || n != 256 {
		t.Fatal(n, err)
	}
	o.Unguard(t)
	audittest.Execute(t, o.Entries, `DELETE FROM entry WHERE seq = 258`)
	var out bytes.Buffer
	_, err = export.Tail(t.Context(), &out, o.Log.Log, export.Cursor{Sequence: 255}, func(export.Cursor) error { return nil })
	if err == nil {
		t.Error("a missing record is no error")
	}
	if got := strings.TrimSpace(out.String()); got != documented {
		t.Errorf("tail writes\n%s\nthe document says\n%s", got, documented)
	}
}
