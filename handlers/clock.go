package handlers

import (
	"context"
	"time"

	"coc-console/internal/clock"
	"coc-console/internal/i18n"
	"coc-console/internal/iam"
	"coc-console/templates"
)

// clockNotices warn every reader of a clock that is wrong: it dates what they do.
func (h *base) clockNotices(ctx context.Context) []templates.Notice {
	s, off := h.clocks.Worst()
	if !off {
		return nil
	}
	return []templates.Notice{{Kind: templates.NoticeWarning,
		Text: i18n.T(ctx).Notice.ClockOff(skewText(ctx, s), i18n.T(ctx).Notice.Clocks(s.Against))}}
}

// skewText is a difference of clocks in words.
func skewText(ctx context.Context, s clock.Skew) string {
	t := i18n.T(ctx)
	by := templates.Duration(&t.Common, s.By.Abs().Round(time.Second))
	if s.By < 0 {
		return t.Notice.ClockBehind(by)
	}
	return t.Notice.ClockAhead(by)
}

// shortestSession is how long a session must last by this machine's clock, when
// its token was made just now.
const shortestSession = time.Minute

// over says, in the reader's language, that a token has ended by this machine's
// clock though IAM takes it; empty where it has not. A session would end at
// once, and its page would lead back to the sign-in.
func (h *base) over(ctx context.Context, in credentials, id iam.Identity) string {
	now := h.now()
	left := id.Expires.Sub(now)
	if left > 0 && (in.byToken || left >= shortestSession) {
		return ""
	}
	at := func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
	t := i18n.T(ctx)
	text := t.SignInProblem.TokenOver(at(id.Expires), at(now))
	for _, s := range h.clocks.Skews() {
		if s.Off && s.Against == clock.IAM {
			return sentences(ctx, text, t.Notice.ClockOff(skewText(ctx, s), t.Notice.Clocks(s.Against)))
		}
	}
	return text
}
