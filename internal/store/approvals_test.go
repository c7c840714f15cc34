package store_test

import (
	"slices"
	"testing"

	"coc-console/internal/store"
)

// approval is a request that waits.
func approval(id string) store.ApprovalRow {
	return store.ApprovalRow{ID: id, State: "waiting", AccountID: "a", RequesterID: "u", Ticket: "T",
		Operation: `{"type":"CANCEL_ORDER"}`, Requester: `{}`, Session: "s", Origin: `{}`, Reason: "because", Seen: "seen",
		Target: "reload", Impact: `{}`, Created: at.UnixMicro(), Expires: at.UnixMicro() + 1}
}

// inserted stores a request and reads it again.
func inserted(t *testing.T, a *store.Approvals, id string) store.ApprovalRow {
	t.Helper()
	check(t, a.Insert(t.Context(), approval(id), keyOf(id, store.PathApproval)))
	row, err := a.Get(t.Context(), id)
	check(t, err)
	return row
}

// TestApprovalSeal: a row is authentic as the console wrote it, and in no other way.
func TestApprovalSeal(t *testing.T) {
	engines(t, func(t *testing.T, db store.DB) {
		seal := store.NewSealer([]byte("the key"))
		approvals := store.NewApprovals(db, seal)
		want := approval("r")
		got := inserted(t, approvals, "r")
		want.MAC, want.Authentic = got.MAC, true
		if got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		foreign, err := store.NewApprovals(db, store.NewSealer([]byte("another"))).Get(t.Context(), "r")
		if err != nil || foreign.Authentic {
			t.Errorf("authentic with another key: %v", err)
		}
		exec(t, db, `UPDATE approval SET logged = 'waiting' WHERE id = 'r'`) // the one column that the log decides on
		for _, change := range []string{`state = 'granted'`, `account_id = 'x'`, `requester_id = 'x'`, `ticket = 'x'`,
			`operation = '{}'`, `requester = 'x'`, `session_id = 'x'`, `origin = 'x'`, `reason = 'x'`, `seen = 'x'`,
			`target = 'x'`, `radius = 'x'`, `created_at = 1`, `expires_at = 1`, `decider = 'x'`, `decided_at = 1`,
			`comment = 'x'`, `note = 'x'`, `problem = 'x'`, `mac = 'x'`, `mac = ''`} {
			row, err := approvals.Get(t.Context(), "r")
			if err != nil || !row.Authentic {
				t.Fatalf("before %s: %+v, %v", change, row, err)
			}
			exec(t, db, `CREATE TABLE kept AS SELECT * FROM approval`)
			exec(t, db, `UPDATE approval SET `+change)
			row, err = approvals.Get(t.Context(), "r")
			if err != nil || row.Authentic {
				t.Errorf("%s is authentic: %v", change, err)
			}
			_, err = approvals.Change(t.Context(), row, func(r *store.ApprovalRow) { r.State = "granted" })
			fails(t, change, err, store.ErrNotAuthentic)
			exec(t, db, `DELETE FROM approval`)
			exec(t, db, `INSERT INTO approval SELECT * FROM kept`)
			exec(t, db, `DROP TABLE kept`)
		}
	})
}

// TestChangeApproval: of two changes of the same row, one counts.
func TestChangeApproval(t *testing.T) {
	engines(t, func(t *testing.T, db store.DB) {
		approvals := store.NewApprovals(db, store.NewSealer(nil))
		before := inserted(t, approvals, "r")
		to := func(state string) func(*store.ApprovalRow) {
			return func(r *store.ApprovalRow) { r.State, r.Decider = state, `{"user_id":"m"}` }
		}
		after, err := approvals.Change(t.Context(), before, to("granted"))
		check(t, err)
		_, err = approvals.Change(t.Context(), before, to("refused"))
		fails(t, "the second", err, store.ErrChanged)
		if got, err := approvals.Get(t.Context(), "r"); err != nil || got != after || !got.Authentic || got.State != "granted" {
			t.Errorf("%+v, want %+v (%v)", got, after, err)
		}
		_, err = approvals.Get(t.Context(), "none")
		fails(t, "an id that there is not", err, store.ErrNotFound)
	})
}

// TestApprovalLists: by account, person, ticket and state, newest first.
func TestApprovalLists(t *testing.T) {
	engines(t, func(t *testing.T, db store.DB) {
		approvals := store.NewApprovals(db, store.NewSealer(nil))
		for n, change := range []func(*store.ApprovalRow){
			func(*store.ApprovalRow) {},
			func(r *store.ApprovalRow) { r.RequesterID = "v" },
			func(r *store.ApprovalRow) { r.AccountID = "b" },
			func(r *store.ApprovalRow) { r.State, r.Ticket = "refused", "U" },
		} {
			row := approval(string(rune('0' + n)))
			row.Created += int64(n)
			change(&row)
			check(t, approvals.Insert(t.Context(), row, keyOf(row.ID, store.PathApproval)))
		}
		for name, x := range map[string]struct {
			filter store.ApprovalFilter
			want   []string
		}{
			"all":     {store.ApprovalFilter{}, []string{"3", "2", "1", "0"}},
			"open":    {store.ApprovalFilter{Open: true}, []string{"2", "1", "0"}},
			"account": {store.ApprovalFilter{AccountID: "a"}, []string{"3", "1", "0"}},
			"person":  {store.ApprovalFilter{Requester: "v"}, []string{"1"}},
			"ticket":  {store.ApprovalFilter{Ticket: "U"}, []string{"3"}},
			"both":    {store.ApprovalFilter{Open: true, AccountID: "b", Requester: "u"}, []string{"2"}},
		} {
			x.filter.Limit = 10
			rows, err := approvals.List(t.Context(), x.filter)
			if err != nil || !slices.Equal(ids(rows), x.want) {
				t.Errorf("%s: %v, want %v (%v)", name, ids(rows), x.want, err)
			}
		}
		waiting, err := approvals.Waiting(t.Context(), "a", "v", 10)
		if err != nil || !slices.Equal(ids(waiting), []string{"0"}) {
			t.Errorf("waiting for v: %v, %v", ids(waiting), err)
		}
		unlogged, err := approvals.Unlogged(t.Context())
		if err != nil || !slices.Contains(ids(unlogged), "3") {
			t.Errorf("not in the log: %v, %v", ids(unlogged), err)
		}
		check(t, approvals.SetLogged(t.Context(), "3", "refused"))
		if unlogged, err = approvals.Unlogged(t.Context()); err != nil || slices.Contains(ids(unlogged), "3") {
			t.Errorf("not in the log: %v, %v", ids(unlogged), err)
		}
	})
}

func ids(rows []store.ApprovalRow) (out []string) {
	for _, r := range rows {
		out = append(out, r.ID)
	}
	return out
}
