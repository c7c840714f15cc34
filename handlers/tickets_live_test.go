package handlers

import (
	"errors"
	"testing"
	"time"

	"coc-console/internal/coc"
	"coc-console/internal/live"
	"coc-console/internal/watch"
)

// TestListIsOldFromTheFirstFailure: a list is read every half a minute, so that
// the first reading that fails leaves old rows for long.
func TestListIsOldFromTheFirstFailure(t *testing.T) {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	l := &listLook{ctx: t.Context()}
	for missed, want := range []bool{false, true, true, true} {
		s := &watch.List{Meta: watch.Meta{At: at}}
		if missed > 0 {
			s.Trouble = &watch.Trouble{Since: at.Add(30 * time.Second), Missed: missed, Err: errors.Join(&coc.Error{Kind: coc.KindTimeout})}
		}
		if page := l.describe(s, live.Class{Sees: true}); (page.Trouble != nil) != want {
			t.Errorf("after %d failures the page says %+v", missed, page.Trouble)
		}
	}
}
