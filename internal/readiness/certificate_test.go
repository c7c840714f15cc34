package readiness

import (
	"strings"
	"testing"
	"time"
)

func TestCertificateLine(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	if got := (&Console{}).describeCertificate(); got != "" {
		t.Errorf("where a proxy has the certificate the line is %q", got)
	}
	for _, tt := range []struct {
		end  time.Time
		soon bool
		want string
	}{
		{time.Time{}, true, "warning certificate_missing"},
		{now.Add(-time.Second), true, "warning certificate_ended"},
		{now.Add(time.Hour), true, "warning certificate_ends"},
		{now.Add(1000 * time.Hour), false, "ok: ends 2026-06-12T04:00:00Z"},
	} {
		c := Console{Now: func() time.Time { return now }, Certificate: func() (time.Time, bool) { return tt.end, tt.soon }}
		if got := c.describeCertificate(); !strings.HasPrefix(got, "certificate: "+tt.want) || !strings.HasSuffix(got, "\n") {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}
