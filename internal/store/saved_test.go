package store_test

import (
	"testing"
	"time"

	"coc-console/internal/store"
)

// TestSavedIsCurrent: what is kept in memory of somebody's entries ends with each change.
func TestSavedIsCurrent(t *testing.T) {
	engines(t, func(t *testing.T, db store.DB) {
		saved := store.NewSaved(db)
		names := func(owner string) (all string) {
			list, err := saved.List(t.Context(), store.SavedTickets, owner)
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range list {
				all += one.Name + "=" + one.Query + " "
			}
			return all
		}
		save := func(owner, name, query string) {
			err := saved.Save(t.Context(), store.SavedTickets, owner, store.SavedQuery{Name: name, Query: query}, time.Unix(1, 0))
			if err != nil {
				t.Fatal(err)
			}
		}
		want := func(owner, want string) {
			t.Helper()
			for range 2 {
				if got := names(owner); got != want {
					t.Errorf("%s has %q, want %q", owner, got, want)
				}
			}
		}
		want("u", "")
		save("u", "a", "1")
		want("u", "a=1 ")
		want("v", "")
		save("u", "a", "2")
		want("u", "a=2 ")
		if err := saved.Delete(t.Context(), store.SavedTickets, "u", "a"); err != nil {
			t.Fatal(err)
		}
		want("u", "")
	})
}
