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
		before := "first"
		for _, held := range []string{"first", "second", ""} {
			if changed, err := s.SetSealed(t.Context(), "one", []byte("other"), []byte("never")); err != nil || changed {
				t.Errorf("what somebody else has changed is replaced: %v", err)
			}
			if changed, err := s.SetSealed(t.Context(), "one", []byte(before), []byte(held)); err != nil || !changed {
				t.Errorf("%q is not replaced: %v", before, err)
			}
			before = held
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

// TestClaimOfRenewal: one of several renews a session, until it has said that it has, or is called gone.
func TestClaimOfRenewal(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, db store.DB) {
		t.Helper()
		s := store.NewSessions(db)
		check(t, s.Add(t.Context(), store.Session{ID: "one", Sealed: []byte("a"), MAC: []byte("mac")}))
		claim := func(caller, gone, want int64, what string) {
			t.Helper()
			if renewer, err := s.ClaimRenewal(t.Context(), "one", caller, gone); err != nil || renewer != want {
				t.Errorf("%s: it is %d, %v", what, renewer, err)
			}
		}
		claim(1, 0, 1, "the first")
		claim(2, 0, 1, "a second")
		check(t, s.ReleaseRenewal(t.Context(), "one", 2))
		claim(2, 0, 1, "after a release by the wrong one")
		if changed, err := s.SetSealed(t.Context(), "one", []byte("a"), []byte("b")); err != nil || !changed {
			t.Fatal(err)
		}
		claim(2, 0, 1, "after another change")
		claim(2, 1, 2, "in the place of one that is gone")
		check(t, s.ReleaseRenewal(t.Context(), "one", 1))
		claim(3, 1, 2, "once it is back")
		check(t, s.ReleaseRenewal(t.Context(), "one", 2))
		claim(3, 0, 3, "after a release")
		_, err := s.ClaimRenewal(t.Context(), "none", 1, 0)
		fails(t, "one that is not there", err, store.ErrNoSession)
	})
}
