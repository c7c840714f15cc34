package store_test

import (
	"bytes"
	"testing"

	"coc-console/internal/store"
)

// TestFindKnownSession: what a session holds comes as it is in the row, whatever the caller knows of it.
func TestFindKnownSession(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, db store.DB) {
		t.Helper()
		s := store.NewSessions(db)
		want := store.Session{ID: "one", Sealed: []byte("first"), Created: 1, Seen: 2, Expires: 3, Checked: 4, Person: "p", MAC: []byte("mac")}
		check(t, s.Add(t.Context(), want))
		for _, held := range []string{"first", "second", ""} {
			check(t, s.SetSealed(t.Context(), "one", []byte(held)))
			for _, known := range [][]byte{nil, {}, []byte("first"), []byte("second")} {
				got, err := s.Find(t.Context(), "one", known)
				check(t, err)
				if string(got.Sealed) != held || !bytes.Equal(got.MAC, want.MAC) || got.Person != "p" || got.Expires != 3 || got.Checked != 4 {
					t.Errorf("with %q known it is %+v; it holds %q", known, got, held)
				}
			}
		}
		_, err := s.Find(t.Context(), "two", []byte("first"))
		fails(t, "one that is not there", err, store.ErrNoSession)
	})
}
