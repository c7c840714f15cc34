package live

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestChangesAreGathered: what changes within a moment is shown at once, a moment after the first of it; the end of a
// session waits for nothing.
func TestChangesAreGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		watched, also, over := make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{})
		expect := func(what string, ctx context.Context, why string, err error, after time.Duration) {
			t.Helper()
			began := time.Now()
			got, failed := wait(ctx, nil, Session{}, ends{ended: over}, news{watched: watched, also: also}, nil)
			if got != why || !errors.Is(failed, err) || time.Since(began) != after {
				t.Errorf("%s: %q, %v after %v; want %q, %v after %v", what, got, failed, time.Since(began), why, err, after)
			}
		}
		go func() {
			for range 20 { // within a moment of the first
				watched <- struct{}{}
				also <- struct{}{}
				<-time.After(gatherFor / 30)
			}
		}()
		expect("many changes", t.Context(), "", nil, gatherFor)
		time.AfterFunc(time.Minute, func() { also <- struct{}{} })
		expect("one change", t.Context(), "", nil, time.Minute+gatherFor)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		expect("none", ctx, "", context.DeadlineExceeded, time.Second)
		watched <- struct{}{}
		time.AfterFunc(gatherFor/2, func() { close(over) })
		expect("the session's end", t.Context(), EndSession, nil, gatherFor/2)
	})
}
