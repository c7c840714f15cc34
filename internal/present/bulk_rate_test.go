package present

import (
	"testing"
	"time"

	"coc-console/templates"
)

// TestBulkRateWithoutPauses: what was stopped for ten minutes and goes on is as fast as before, and so is what is left.
func TestBulkRateWithoutPauses(t *testing.T) {
	begin := time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC)
	page := templates.Bulk{}
	page.MayStop = true
	for _, at := range []time.Duration{0, time.Second, 2 * time.Second, 10 * time.Minute, 10*time.Minute + time.Second} {
		page.Items = append(page.Items, templates.BulkItem{State: "sent", Sent: begin.Add(at)})
	}
	for range 4 {
		page.Items = append(page.Items, templates.BulkItem{State: "waiting"})
	}
	BulkFigures(&page)
	if page.Rate < 0.9 || page.Rate > 1.1 || page.Left < 3*time.Second || page.Left > 5*time.Second {
		t.Errorf("the rate is %.3f a second, and %s are left", page.Rate, page.Left)
	}
	slow := templates.Bulk{}
	for i := range 4 {
		slow.Items = append(slow.Items, templates.BulkItem{State: "sent", Sent: begin.Add(time.Duration(i) * time.Minute)})
	}
	if BulkFigures(&slow); slow.Rate < 0.016 || slow.Rate > 0.017 {
		t.Errorf("one a minute is a rate of %.3f a second", slow.Rate)
	}
}
