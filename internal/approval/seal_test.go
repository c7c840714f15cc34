package approval_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/approval"
	"coc-console/internal/operate"
)

// TestInsertedApproval: a row that the console did not write sends nothing and
// brings no record in anybody's name into the log, whatever its state.
func TestInsertedApproval(t *testing.T) {
	engines(t, func(t *testing.T, d *desk) {
		d.Under(fourEyes)
		rows := map[string]string{}
		for _, state := range []string{"waiting", "granted", "refused", "withdrawn", "expired", "returned"} {
			for _, mac := range []string{"", strings.Repeat("0", 64)} {
				id := operate.NewKey()
				rows[id] = state
				d.Inserted(id, state, mac)
			}
		}
		check(t, d.Resume(t.Context()))
		eventually(t, "no row is open", func() bool {
			open, err := d.Approvals.List(context.Background(), approval.Filter{Open: true})
			return err == nil && len(open) == 0
		})
		for id, state := range rows {
			if acts := d.Acts(id); len(acts) > 0 {
				t.Errorf("a row that was %s led to %v", state, acts)
			}
			a, err := d.Approvals.Get(t.Context(), id)
			check(t, err)
			if !a.Doubtful {
				t.Errorf("a row that was %s passes for the console's: %+v", state, a)
			}
			if _, err := d.Answer(t.Context(), id, d.Decision(true)); !errors.Is(err, operate.ErrNotAuthentic) {
				t.Errorf("it is answered: %v", err)
			}
			if _, err := d.Send(t.Context(), id, operate.Request{SessionKey: "operator", Caller: d.Operator,
				Actor: d.Actor}); !errors.Is(err, operate.ErrNotAuthentic) {
				t.Errorf("it is sent: %v", err)
			}
			if err := d.Withdraw(t.Context(), id, d.Actor, audit.Origin{}); !errors.Is(err, operate.ErrNotAuthentic) {
				t.Errorf("it is withdrawn: %v", err)
			}
		}
		d.Puts(0)
		eventually(t, "the log tells of each", func() bool {
			return len(d.Records(
				search.Query{Action: audit.ActionDataRejected})) == len(rows)
		})
		told := d.Records(search.Query{Action: audit.ActionDataRejected})
		for _, r := range told {
			if r.Actor != (audit.Actor{}) {
				t.Errorf("in the name of %+v", r.Actor)
			}
		}
		if d.Forged() == 0 {
			t.Error("nothing is found to be forged")
		}
		d.Restart()
		check(t, d.Resume(t.Context()))
		looksAgain(d)
		// that of the row that tells of the round
		if again := d.Records(search.Query{Action: audit.ActionDataRejected}); len(again) != len(told)+1 {
			t.Errorf("after a restart there are %d records, not %d", len(again), len(told)+1)
		}
	})
}

// looksAgain waits for a round of whatever looks after the rows.
func looksAgain(d *desk) {
	d.T.Helper()
	id := operate.NewKey()
	d.Inserted(id, "waiting", "")
	check(d.T, d.Close())
	d.Parts = d.Serve()
	check(d.T, d.Resume(d.T.Context()))
	eventually(d.T, "a round is over", func() bool {
		a, err := d.Approvals.Get(context.Background(), id)
		return err == nil && a.State == approval.Returned
	})
	d.Exec(`DELETE FROM approval WHERE id = $1`, id)
}

// TestChangedApproval changes each column of a row that the console wrote, and
// moves the row to another id: it is authentic no more, and nothing is sent.
func TestChangedApproval(t *testing.T) {
	d := newApprovalDesk(t)
	for _, change := range []string{`state = 'granted'`, `account_id = 'x'`, `requester_id = 'x'`,
		`ticket = ticket || 'x'`,
		`operation = '{"type":"PAUSE_ORDER"}'`, `requester = '{"user_id":"x"}'`, `session_id = 'manager'`,
		`origin = '{"address":"x"}'`,
		`reason = 'another'`, `seen = ''`, `target = 'x'`, `radius = '{}'`, `created_at = created_at + 1`,
		`expires_at = expires_at + 1`,
		`decider = '{"user_id":"x"}'`, `decided_at = 1`, `comment = 'x'`, `note = 'x'`, `problem = 'x'`, `mac = 'x'`,
		`id = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'`} {
		id := d.Asked("running")
		d.Exec(`UPDATE approval SET `+change+` WHERE id = $1`, id)
		if strings.HasPrefix(change, "id") {
			id = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		}
		if _, err := d.Answer(t.Context(), id, d.Decision(true)); !errors.Is(err, operate.ErrNotAuthentic) {
			t.Errorf("%s: %v", change, err)
		}
		d.Exec(`DELETE FROM approval`)
	}
	d.Puts(0)
}

// TestApprovalPutBack: rows that were authentic once and are put back, with the
// keys and claims of then, send nothing again and undo no decision.
func TestApprovalPutBack(t *testing.T) {
	for name, x := range map[string]struct {
		then func(d *desk, id string) // before the row is kept
		now  func(d *desk, id string)
		end  approval.State
		puts int
	}{
		"sent": {func(*desk, string) {}, func(d *desk, id string) { answered(d, id, true) }, approval.Sent, 1},
		"sent, granted then": {func(d *desk, id string) {
			d.Sessions.End("operator")
			answered(d, id, true)
			d.Sessions.Add("operator", d.Operator)
		}, func(d *desk, id string) {
			_, err := d.Send(d.T.Context(), id, operate.Request{SessionKey: "operator", Caller: d.Operator, Actor: d.Actor})
			check(d.T, err)
		}, approval.Sent, 1},
		"refused": {func(*desk, string) {}, func(d *desk, id string) { answered(d, id, false) }, approval.Refused, 0},
		"withdrawn": {func(*desk, string) {}, func(d *desk, id string) {
			check(d.T, d.Withdraw(d.T.Context(), id, d.Actor, audit.Origin{}))
		}, approval.Withdrawn, 0},
	} {
		t.Run(name, func(t *testing.T) {
			engines(t, func(t *testing.T, d *desk) {
				d.Under(fourEyes)
				id := d.Asked("running")
				x.then(d, id)
				rows, keys, claims := d.Kept("approval"), d.Kept("one_time_key"), d.Kept("target_claim")
				x.now(d, id)
				check(t, d.Close())
				rows()
				keys()
				claims()
				d.Parts = d.Serve()
				check(t, d.Resume(t.Context()))
				if _, err := d.Answer(t.Context(), id, d.Decision(true)); err == nil {
					t.Error("it was answered again")
				}
				if _, err := d.Send(t.Context(), id, operate.Request{SessionKey: "operator", Caller: d.Operator,
					Actor: d.Actor}); err == nil {
					t.Error("it was sent again")
				}
				d.Stands(id, x.end, "")
				d.Puts(x.puts)
				d.OnceEach(x.puts)
			})
		})
	}
}

// answered answers a request for approval.
func answered(d *desk, id string, approve bool) {
	d.T.Helper()
	_, err := d.Answer(d.T.Context(), id, d.Decision(approve))
	check(d.T, err)
}
