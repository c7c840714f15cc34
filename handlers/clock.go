package handlers

import (
	"context"

	"coc-console/internal/i18n"
	"coc-console/internal/present"
	"coc-console/templates"
)

// clockNotices warn every reader of a clock that is wrong: it dates what they do.
func (h *base) clockNotices(ctx context.Context) []templates.Notice {
	s, off := h.clocks.Worst()
	if !off {
		return nil
	}
	return []templates.Notice{{Kind: templates.NoticeWarning,
		Text: i18n.T(ctx).Notice.ClockOff(present.SkewText(ctx, s), i18n.T(ctx).Notice.Clocks(s.Against))}}
}
