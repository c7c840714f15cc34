package approval_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"coc-console/audit"
	"coc-console/audit/query"
	"coc-console/audit/search"
	"coc-console/internal/approval"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
)

const (
	twoEyes = `@id("all") permit (principal, action, resource);
		@id("two") @demand("approval") @approvers("2") forbid (principal, action == Action::"CANCEL_ORDER", resource) unless { context.approved };`
	twoTeams = `@id("all") permit (principal, action, resource);
		@id("two") @demand("approval") @approvers("2") @approvers_from("different-teams")
		forbid (principal, action == Action::"CANCEL_ORDER", resource) unless { context.approved };`
)

// by is an answer of somebody of the requester's account.
func by(d *desk, name string) approval.Answer {
	answer := d.Decision(true)
	answer.Actor.UserID, answer.Actor.UserName = "id of "+name, name
	answer.Comment = name + " agrees"
	return answer
}

// uncounted fails unless an answer does not count for that reason.
func uncounted(t *testing.T, d *desk, id string, answer approval.Answer, want approval.Uncounted) {
	t.Helper()
	_, err := d.Answer(t.Context(), id, answer)
	if e, ok := errors.AsType[*approval.NotCountedError](err); !ok || e.Why != want {
		t.Errorf("%s: %v, want %q", answer.Actor.UserName, err, want)
	}
}

// TestTwoApprovers: each counts once, the requester never, and only the last sends; the log names all.
func TestTwoApprovers(t *testing.T) {
	engines(t, func(t *testing.T, d *desk) {
		d.Under(twoEyes)
		id := d.Asked("running")
		a := d.Stands(id, approval.Waiting, "")
		if a.Needed != (policy.Approvers{Number: 2}) || a.Missing() != 2 {
			t.Fatalf("needed: %+v", a.Needed)
		}
		if _, err := d.Answer(t.Context(), id, approval.Answer{Approve: true, Actor: d.Actor, Caller: d.Operator}); !errors.Is(err, approval.ErrOwnRequest) {
			t.Errorf("the requester: %v", err)
		}
		_, err := d.Answer(t.Context(), id, by(d, "ada"))
		check(t, err)
		a = d.Stands(id, approval.Waiting, "")
		if a.Missing() != 1 || len(a.Given) != 1 || a.Given[0].By.UserName != "ada" || a.Given[0].Comment != "ada agrees" || a.Impact.Stops == 0 ||
			d.MayAnswer(by(d, "ada").Actor, a) || !d.MayAnswer(by(d, "bea").Actor, a) {
			t.Errorf("after the first: %+v", a)
		}
		d.Puts(0)
		uncounted(t, d, id, by(d, "ada"), approval.AlreadyGiven)
		d.Restart() // what was given is kept
		check(t, d.Resume(t.Context()))
		_, err = d.Answer(t.Context(), id, by(d, "bea"))
		check(t, err)
		d.Puts(1)
		if a = d.Stands(id, approval.Sent, ""); a.Decider.UserName != "bea" || len(a.Given) != 2 || a.Missing() != 0 {
			t.Errorf("after the last: %+v", a)
		}
		acts := d.Acts(id)
		if len(acts) < 4 || !slices.Equal(acts[:4], []audit.Action{audit.ActionApprovalRequested, audit.ActionApprovalGiven, audit.ActionApprovalGranted, audit.ActionOperationRequested}) {
			t.Errorf("the log has %v", acts)
		}
		names := []string{"demo/ada", "demo/bea"}
		for _, r := range d.Records(search.Query{Operation: id}) {
			detail := operate.ParseDetail(r.Detail)
			switch r.Action {
			case audit.ActionApprovalRequested:
				if detail.Needed != 2 || detail.Apart {
					t.Errorf("asked: %+v", detail)
				}
			case audit.ActionApprovalGiven:
				if r.Actor.UserName != "ada" || detail.Comment != "ada agrees" || r.Input == "" || r.Outcome != audit.OutcomeSucceeded {
					t.Errorf("given: %+v", r)
				}
			case audit.ActionApprovalGranted:
				if !slices.Equal(detail.Approvers, names) || detail.Comment != "bea agrees" {
					t.Errorf("granted: %+v", detail)
				}
			case audit.ActionOperationRequested:
				if !slices.Equal(detail.Approvers, names) || detail.ApprovedBy != "demo/bea" || !slices.Contains(query.Approvers(&r), "ada") {
					t.Errorf("sent: %+v", detail)
				}
			}
		}
	})
}

// TestTwoTeams: of one team one approver counts, and nobody without a team.
func TestTwoTeams(t *testing.T) {
	d := newDesk(t)
	folder := t.TempDir()
	files := policy.Files{Policy: filepath.Join(folder, "rules.cedar"), Directory: filepath.Join(folder, "people.json")}
	check(t, os.WriteFile(files.Policy, []byte(twoTeams), 0o600))
	check(t, os.WriteFile(files.Directory, []byte(`{"teams": {"pay": ["demo/ada", "demo/bea"], "net": ["demo/bea", "demo/cleo"], "ops": ["demo/dora"]}}`), 0o600))
	store, err := policy.Open(files, slog.New(slog.DiscardHandler))
	check(t, err)
	check(t, d.Close())
	d.Rules = store
	d.Parts = d.Serve()
	id := d.Asked("running")
	uncounted(t, d, id, by(d, "nemo"), approval.NoTeam)
	_, err = d.Answer(t.Context(), id, by(d, "bea"))
	check(t, err)
	uncounted(t, d, id, by(d, "ada"), approval.SameTeam)
	uncounted(t, d, id, by(d, "cleo"), approval.SameTeam)
	d.Puts(0)
	_, err = d.Answer(t.Context(), id, by(d, "dora"))
	check(t, err)
	d.Stands(id, approval.Sent, "")
	d.Puts(1)
	// Whoever doesn't count may still decline.
	id = d.Asked("paused")
	_, err = d.Answer(t.Context(), id, by(d, "ada"))
	check(t, err)
	no := by(d, "bea")
	no.Approve = false
	_, err = d.Answer(t.Context(), id, no)
	check(t, err)
	d.Stands(id, approval.Refused, "")
	d.Puts(1)
}

// TestFewerThanNeeded: a row that says more than the log sends nothing; an approval whose record was cut off gets it.
func TestFewerThanNeeded(t *testing.T) {
	d := newApprovalDesk(t).Under(twoEyes)
	id := d.Asked("running")
	d.Exec(`UPDATE approval SET state = 'granted', decider = $2 WHERE id = $1`, id, `{"user_id":"u","user_name":"manager","account_name":"demo"}`)
	check(t, d.Reseal(t.Context()))
	d.Restart()
	check(t, d.Resume(t.Context()))
	eventually(t, "the request comes back", func() bool {
		a, err := d.Approvals.Get(context.Background(), id)
		return err == nil && a.State == approval.Returned
	})
	d.Stands(id, approval.Returned, operate.NoteNotAuthentic)
	d.Puts(0)

	id = d.Asked("paused")
	given := `{"Stops":6,"Running":0,"Total":6,"Regions":null,"Zones":null,"Applications":null,"Given":[{"By":{"user_id":"v","user_name":"ada","account_name":"demo"},"At":"2026-03-02T00:00:00Z"}]}`
	d.Exec(`UPDATE approval SET radius = $2 WHERE id = $1`, id, given)
	check(t, d.Reseal(t.Context()))
	_, err := d.Answer(t.Context(), id, by(d, "bea"))
	check(t, err)
	d.Stands(id, approval.Sent, "")
	if acts := d.Acts(id); !slices.Contains(acts, audit.ActionApprovalGiven) {
		t.Errorf("the log has %v", acts)
	}
	d.Puts(1)
}

// TestManyAtOnce: of many approvals at the same time, on two consoles, all count until there are enough, and it is sent once.
func TestManyAtOnce(t *testing.T) {
	d, _ := sharedDesk(t, 0)
	d.Under(`@id("all") permit (principal, action, resource);
		@id("four") @demand("approval") @approvers("4") forbid (principal, action == Action::"CANCEL_ORDER", resource) unless { context.approved };`)
	consoles := []parts{d.Parts, d.Serve()}
	id := d.Asked("running")
	var all sync.WaitGroup
	for n, name := range []string{"ada", "bea", "cleo", "dora"} {
		for range 2 { // each twice
			all.Go(func() {
				_, err := consoles[n%2].Answer(context.Background(), id, by(d, name))
				_, again := errors.AsType[*approval.NotCountedError](err)
				if err != nil && !again && !errors.Is(err, approval.ErrDecided) && !errors.Is(err, approval.ErrAlreadySent) {
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
	a := d.Stands(id, approval.Sent, "")
	if len(a.Given) != 4 {
		t.Errorf("given: %+v", a.Given)
	}
	d.OnceEach(1)
}
