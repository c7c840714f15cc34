package store_test

import (
	"slices"
	"testing"

	"coc-console/internal/store"
)

// holder checks which of the consoles has an operation.
func holder(t *testing.T, operation string, want *store.Leases, consoles ...*store.Leases) {
	t.Helper()
	for n, l := range consoles {
		if held, err := l.Held(t.Context(), operation); err != nil || held != (l == want) {
			t.Errorf("console %d holds %s: %v, %v", n, operation, held, err)
		}
	}
}

// expired looks so often that a console which gives no sign of life is gone.
func expired(t *testing.T, l *store.Leases, each func()) (gone []string) {
	t.Helper()
	for range 16 {
		each()
		var err error
		gone, err = l.Expired(t.Context())
		check(t, err)
	}
	return gone
}

// TestLeaseOfASilentConsole: it is taken over by one console, once the other was
// silent for long enough, and the other hears of it.
func TestLeaseOfASilentConsole(t *testing.T) {
	engines(t, func(t *testing.T, db store.DB) {
		first, second := store.NewLeases(db, true), store.NewLeases(db, true)
		check(t, first.Acquire(t.Context(), "o"))
		lost := false
		if !first.OnLoss("o", func() { lost = true }) {
			t.Error("it is lost already")
		}
		alive := func() { check(t, first.Heartbeat(t.Context())) }
		if gone := expired(t, second, alive); len(gone) > 0 {
			t.Errorf("a console that lives has lost %v", gone)
		}
		if gone := expired(t, second, func() {}); !slices.Equal(gone, []string{"o"}) {
			t.Errorf("a silent console has lost %v", gone)
		}
		holder(t, "o", first, first, second)
		if took, err := second.TakeOver(t.Context(), "o"); err != nil || !took {
			t.Errorf("taken over: %v, %v", took, err)
		}
		if took, err := second.TakeOver(t.Context(), "o"); err != nil || took {
			t.Errorf("taken over twice: %v, %v", took, err)
		}
		holder(t, "o", second, first, second)
		if alive(); !lost || first.OnLoss("o", func() {}) {
			t.Error("the first console does not hear that it has lost it")
		}
		check(t, first.Release(t.Context(), "o")) // is not its own any more
		holder(t, "o", second, first, second)
		check(t, second.Release(t.Context(), "o"))
		holder(t, "o", nil, first, second)
	})
}

// TestLeaseOfTheLiving: who gives a sign of life at the last moment keeps it.
func TestLeaseOfTheLiving(t *testing.T) {
	engines(t, func(t *testing.T, db store.DB) {
		first, second := store.NewLeases(db, true), store.NewLeases(db, true)
		check(t, first.Acquire(t.Context(), "o"))
		expired(t, second, func() {})
		check(t, first.Heartbeat(t.Context()))
		if took, err := second.TakeOver(t.Context(), "o"); err != nil || took {
			t.Errorf("taken over: %v, %v", took, err)
		}
		holder(t, "o", first, first, second)
	})
}

// TestUnwatched: what its console cannot look after is taken by one that can.
func TestUnwatched(t *testing.T) {
	engines(t, func(t *testing.T, db store.DB) {
		first, second := store.NewLeases(db, true), store.NewLeases(db, true)
		check(t, first.Acquire(t.Context(), "o"))
		for _, unwatched := range []bool{false, true} {
			check(t, first.SetUnwatched(t.Context(), "o", unwatched))
			check(t, second.SetUnwatched(t.Context(), "o", !unwatched)) // is not its own
			if is, err := second.IsUnwatched(t.Context(), "o"); err != nil || is != unwatched {
				t.Errorf("unwatched: %v, %v", is, err)
			}
			found, err := second.Unwatched(t.Context())
			if err != nil || slices.Contains(found, "o") != unwatched {
				t.Errorf("unwatched are %v, %v", found, err)
			}
			if own, err := first.Unwatched(t.Context()); err != nil || len(own) > 0 {
				t.Errorf("of others unwatched are %v, %v", own, err)
			}
			if took, err := second.TakeUnwatched(t.Context(), "o"); err != nil || took != unwatched {
				t.Errorf("taken: %v, %v", took, err)
			}
		}
		holder(t, "o", second, first, second)
	})
}

// TestOffer leaves an operation that has a console to it.
func TestOffer(t *testing.T) {
	engines(t, func(t *testing.T, db store.DB) {
		first, second := store.NewLeases(db, true), store.NewLeases(db, true)
		check(t, first.Acquire(t.Context(), "held"))
		for _, operation := range []string{"held", "free"} {
			check(t, first.Offer(t.Context(), operation))
		}
		holder(t, "held", first, first, second)
		gone := expired(t, second, func() { check(t, first.Heartbeat(t.Context())) })
		if !slices.Equal(gone, []string{"free"}) {
			t.Errorf("to be had are %v", gone)
		}
	})
}

// TestOneConsole: where nothing is shared everything is its own.
func TestOneConsole(t *testing.T) {
	engines(t, func(t *testing.T, db store.DB) {
		l := store.NewLeases(db, false)
		check(t, l.Acquire(t.Context(), "o"))
		holder(t, "o", l, l)
		if l.Shared() || !l.OnLoss("o", func() { t.Error("it is lost") }) {
			t.Error("it is not its own")
		}
		check(t, l.Heartbeat(t.Context()))
		check(t, l.Release(t.Context(), "o"))
	})
}
