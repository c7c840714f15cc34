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
		turns := make(turns, 1)
		watched, also, over := make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{})
		expect := func(what string, ctx context.Context, why string, err error, after time.Duration) {
			t.Helper()
			began := time.Now()
			mine, got, failed := wait(ctx, nil, Session{}, ends{ended: over}, news{watched, also, Own{}, turns}, nil)
			mine.end()
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

// TestRenderingTakesTurns: a stream whose page has changed waits while another renders, and for as long afterwards as
// that took. What changes until then is shown with it. It does not wait for ever.
func TestRenderingTakesTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := make(turns, 1)
		changed := func() news {
			watched := make(chan struct{}, 1)
			watched <- struct{}{}
			return news{watched: watched, turns: turns}
		}
		next := func(n news) turn {
			t.Helper()
			mine, why, err := wait(t.Context(), nil, Session{}, ends{}, n, nil)
			if why != "" || err != nil {
				t.Fatal(why, err)
			}
			return mine
		}
		const took = 50 * time.Millisecond
		began := time.Now()
		first := next(changed())
		if at := time.Since(began); at != gatherFor {
			t.Errorf("alone it has its turn after %v", at)
		}
		first.end()
		also := make(chan struct{}, 1)
		second := changed()
		second.also = also
		time.AfterFunc(gatherFor-took/2, func() {
			turns <- struct{}{}
			renders := turn{turns, time.Now()}
			time.AfterFunc(took, func() { renders.end(); also <- struct{}{} })
		})
		began = time.Now()
		mine := next(second)
		if at := time.Since(began); at != gatherFor-took/2+2*took {
			t.Errorf("beside another it has its turn after %v", at)
		}
		if len(also) != 0 {
			t.Error("what changed before it is shown by itself")
		}
		began = time.Now()
		if late := next(changed()); late.of != nil || time.Since(began) != gatherFor+turnPatience {
			t.Errorf("it waits for %v for one that does not end, and has a place: %v", time.Since(began), late.of != nil)
		}
		mine.end()
		turn{}.end()
		began = time.Now()
		next(changed()).end()
		if at := time.Since(began); at != gatherFor {
			t.Errorf("after a long rendering it has its turn after %v", at)
		}
	})
}
