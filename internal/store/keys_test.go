package store_test

import (
	"errors"
	"testing"
	"time"

	"coc-console/internal/store"
)

// alone are the leases of a console that shares its database with none.
var alone = store.NewLeases(store.DB{}, false)

// keyOf is operator's key on a path.
func keyOf(key string, path store.Path) store.Key {
	return store.Key{Key: key, Session: "s", Ticket: "T", Path: path, UserID: "u", AccountID: "a", At: at}
}

// other makes a key another person's.
func other(k store.Key) store.Key {
	k.UserID = "another"
	return k
}

// TestClaim: a key is claimed once, on its path, by its person.
func TestClaim(t *testing.T) {
	engines(t, func(t *testing.T, db store.DB) {
		keys := store.NewKeys(db)
		for _, path := range []store.Path{store.PathApproval, store.PathItem} {
			check(t, keys.Reserve(t.Context(), keyOf("reserved "+string(path), path)))
		}
		_, err := keys.Claim(t.Context(), keyOf("used", store.PathForm), target("used"), "", alone)
		check(t, err)
		for name, x := range map[string]struct {
			key   store.Key
			want  error
			taken store.Path // by which path
		}{
			"new":                      {key: keyOf("new", store.PathForm)},
			"used":                     {key: keyOf("used", store.PathForm), want: store.ErrClaimed},
			"used, by somebody else":   {key: other(keyOf("used", store.PathForm)), want: store.ErrForeignKey},
			"an item, as a form":       {key: keyOf("reserved item", store.PathForm), taken: store.PathItem},
			"used, as an approval":     {key: keyOf("used", store.PathApproval), taken: store.PathForm},
			"an item of somebody else": {key: other(keyOf("reserved item", store.PathItem)), want: store.ErrForeignKey},
		} {
			checkClaim(t, keys, name, x.key, x.want, x.taken)
		}
		for _, path := range []store.Path{store.PathApproval, store.PathItem} {
			checkClaim(t, keys, "reserved", keyOf("reserved "+string(path), path), nil, "")
			checkClaim(t, keys, "again", keyOf("reserved "+string(path), path), store.ErrClaimed, "")
		}
	})
}

func checkClaim(t *testing.T, keys *store.Keys, name string, key store.Key, want error, taken store.Path) {
	t.Helper()
	_, err := keys.Claim(t.Context(), key, target(name), "", alone)
	if by, ok := errors.AsType[*store.KeyTakenError](err); ok || taken != "" {
		if !ok || by.Path != taken {
			t.Errorf("%s: %v, want one that path %s has", name, err, taken)
		}
		return
	}
	fails(t, name, err, want)
}

// TestReserve: a key is reserved for one path and person.
func TestReserve(t *testing.T) {
	engines(t, func(t *testing.T, db store.DB) {
		keys := store.NewKeys(db)
		check(t, keys.Reserve(t.Context(), keyOf("k", store.PathBulk)))
		fails(t, "the same form", keys.Reserve(t.Context(), keyOf("k", store.PathBulk)), store.ErrClaimed)
		for name, key := range map[string]store.Key{"another path": keyOf("k", store.PathApproval),
			"another person": other(keyOf("k", store.PathBulk))} {
			err := keys.Reserve(t.Context(), key)
			if by, ok := errors.AsType[*store.KeyTakenError](err); !ok || by.Path != store.PathBulk {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, held, err := keys.Claimed(t.Context(), "k"); err != nil || held {
			t.Errorf("reserved is claimed: %v", err)
		}
	})
}

// TestReleaseKey: a form's key is forgotten, another one is reserved again.
func TestReleaseKey(t *testing.T) {
	engines(t, func(t *testing.T, db store.DB) {
		keys := store.NewKeys(db)
		for path, session := range map[store.Path]string{store.PathForm: "", store.PathItem: "s"} {
			key := keyOf("key "+string(path), path)
			_, err := keys.Claim(t.Context(), key, target(key.Key), "", alone)
			check(t, err)
			when, held, err := keys.Claimed(t.Context(), key.Key)
			if err != nil || !held || !when.Equal(at) {
				t.Errorf("%s: claimed %v at %v, %v", path, held, when, err)
			}
			check(t, keys.Release(t.Context(), key.Key))
			if _, held, err := keys.Claimed(t.Context(), key.Key); err != nil || held {
				t.Errorf("%s: still claimed, %v", path, err)
			}
			if got, err := keys.Session(t.Context(), key.Key); err != nil || got != session {
				t.Errorf("%s: the session is %q, %v", path, got, err)
			}
		}
	})
}

// target is one of the ticket T, claimed by an operation.
func target(operation string) store.Target {
	return store.Target{Ticket: "T", Target: "of " + operation, Operation: operation, Request: "{}", At: at}
}

// TestTargets: a target has one operation at a time.
func TestTargets(t *testing.T) {
	engines(t, func(t *testing.T, db store.DB) {
		keys := store.NewKeys(db)
		for n, x := range []struct {
			operation, beside, holder string
		}{
			{"first", "", ""},
			{"second", "", "first"},
			{"second", "stranger", "first"},
			{"second", "first", ""}, // whoever knows of the first takes it over
			{"third", "first", "second"},
		} {
			of := target(x.operation)
			of.Target = "batch 1"
			key := keyOf(string(rune('a'+n)), store.PathForm)
			held, err := keys.Claim(t.Context(), key, of, x.beside, alone)
			if err != nil || held.Operation != x.holder {
				t.Errorf("%s beside %q: %q has it, want %q (%v)", x.operation, x.beside, held.Operation, x.holder, err)
			}
			if _, claimed, err := keys.Claimed(t.Context(), key.Key); err != nil || claimed != (x.holder == "") {
				t.Errorf("%s beside %q: the key is claimed: %v, %v", x.operation, x.beside, claimed, err)
			}
		}
		held, err := keys.Claims(t.Context(), "T")
		if want := (store.Target{Ticket: "T", Target: "batch 1", Operation: "second", Request: "{}", At: at}); err != nil ||
			len(held) != 1 || held["batch 1"] != want {
			t.Errorf("the claims are %+v, %v", held, err)
		}
		check(t, keys.ReleaseTarget(t.Context(), "first")) // has it no more
		check(t, keys.ReleaseTarget(t.Context(), "second"))
		if held, err := keys.Claims(t.Context(), "T"); err != nil || len(held) != 0 {
			t.Errorf("the claims are %+v, %v", held, err)
		}
	})
}

// TestPurgeKeys deletes what is older.
func TestPurgeKeys(t *testing.T) {
	engines(t, func(t *testing.T, db store.DB) {
		keys := store.NewKeys(db)
		_, err := keys.Claim(t.Context(), keyOf("k", store.PathForm), target("k"), "", alone)
		check(t, err)
		for _, x := range []struct {
			then time.Time
			left bool
		}{{at, true}, {at.Add(time.Microsecond), false}} {
			check(t, keys.Purge(t.Context(), x.then))
			_, held, err := keys.Claimed(t.Context(), "k")
			check(t, err)
			claims, err := keys.Claims(t.Context(), "T")
			if err != nil || held != x.left || len(claims) > 0 != x.left {
				t.Errorf("purged to %v: key %v, claims %v, %v", x.then, held, claims, err)
			}
		}
	})
}

// TestClaimWithLease: a claim takes the lease of the operation, or nothing at all.
func TestClaimWithLease(t *testing.T) {
	engines(t, func(t *testing.T, db store.DB) {
		keys, leases := store.NewKeys(db), store.NewLeases(db, true)
		_, err := keys.Claim(t.Context(), keyOf("first", store.PathForm), target("first"), "", leases)
		check(t, err)
		if held, err := leases.Held(t.Context(), "first"); err != nil || !held || !leases.OnLoss("first", func() {}) {
			t.Errorf("the lease of what was claimed: %v, %v", held, err)
		}
		second := target("first")
		second.Operation = "second"
		if held, err := keys.Claim(t.Context(), keyOf("second", store.PathForm), second, "", leases); err != nil ||
			held.Operation != "first" {
			t.Errorf("a target that is taken: %+v, %v", held, err)
		}
		if held, err := leases.Held(t.Context(), "second"); err != nil || held || leases.OnLoss("second", func() {}) {
			t.Errorf("the lease of what was not claimed: %v, %v", held, err)
		}
		if _, claimed, err := keys.Claimed(t.Context(), "second"); err != nil || claimed {
			t.Errorf("its key is claimed: %v", err)
		}
		check(t, leases.Release(t.Context(), "first"))
		check(t, keys.ReleaseTarget(t.Context(), "first"))
		if _, err := keys.Claim(t.Context(), keyOf("second", store.PathForm), second, "", leases); err != nil {
			t.Error(err)
		}
	})
}
