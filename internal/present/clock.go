package present

import (
	"context"
	"time"

	"coc-console/internal/clock"
	"coc-console/internal/i18n"
	"coc-console/templates"
)

// SkewText is a difference of clocks in words.
func SkewText(ctx context.Context, s clock.Skew) string {
	t := i18n.T(ctx)
	by := templates.Duration(&t.Common, s.By.Abs().Round(time.Second))
	if s.By < 0 {
		return t.Notice.ClockBehind(by)
	}
	return t.Notice.ClockAhead(by)
}
