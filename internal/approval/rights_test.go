package approval_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"coc-console/audit"
	"coc-console/audit/search"
	"coc-console/internal/approval"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/internal/simulator"
)

// TestWhoAnswers: neither the requester in another session or account, nor
// somebody of another account, nor whom the rules do not name.
func TestWhoAnswers(t *testing.T) {
	d := newApprovalDesk(t)
	id := d.Asked("running")
	self, namesake, foreign := d.Actor, d.Actor, d.Superior
	self.ProjectID, self.UserName = "another", "renamed"
	namesake.AccountID, namesake.AccountName = "another", "another"
	foreign.AccountID = "another"
	for _, x := range []struct {
		who  audit.Actor
		want error
	}{{self, approval.ErrOwnRequest}, {namesake, approval.ErrOwnRequest}, {foreign, audit.ErrNotFound}} {
		if _, err := d.Answer(t.Context(), id, approval.Answer{Approve: true, Actor: x.who,
			Caller: d.Manager}); !errors.Is(err, x.want) {
			t.Errorf("%+v: %v, want %v", x.who, err, x.want)
		}
	}
	if err := d.Withdraw(t.Context(), id, namesake, audit.Origin{}); !errors.Is(err, approval.ErrOwnRequest) {
		t.Errorf("the same id in another account withdraws: %v", err)
	}
	d.Stands(id, approval.Waiting, "")
	d.Puts(0)

	d.Under(`@id("all") permit (principal, action in [Action::"operate", Action::"view"], resource);
		@id("two") @demand("second_person") forbid (principal, action in Action::"operate", resource) unless { context.approved };`)
	id = d.Asked("running")
	_, err := d.Answer(t.Context(), id, d.Decision(true))
	if denied, ok := errors.AsType[*operate.PolicyError](err); !ok || !denied.Decision.Denied() {
		t.Errorf("who may not approve: %v", err)
	}
	found := d.Records(search.Query{Action: audit.ActionAccessDenied})
	if len(found) != 1 || found[0].Actor.UserID != d.Superior.UserID || found[0].Outcome != audit.OutcomeDenied {
		t.Errorf("the log has %+v", found)
	}
	d.Puts(0)
}

// TestRequesterLosesRights between asking and the answer.
func TestRequesterLosesRights(t *testing.T) {
	d := newDesk(t)
	check(t, d.Close())
	d.Rules = &swapped{Rules: rules(t, fourEyes)}
	d.Parts = d.Serve()
	id := d.Asked("running")
	d.Rules.(*swapped).Rules = rules(t, fourEyes+
		`@id("gone") forbid (principal, action in Action::"operate", resource) when { principal.name == "operator" };`)
	_, err := d.Answer(t.Context(), id, d.Decision(true))
	check(t, err)
	if a := d.Stands(id, approval.Returned, operate.NoteNotAllowed); a.Problem != "gone" {
		t.Errorf("the problem is %q", a.Problem)
	}
	d.Puts(0)
}

// TestAskWithAllElseDone: an approval does not stand for what the rules
// demand besides, and what was typed when it was asked for counts.
func TestAskWithAllElseDone(t *testing.T) {
	d := newApprovalDesk(t).Under(
		fourEyes + `@id("number") @demand("count") forbid (principal, action == Action::"CANCEL_ORDER", resource) unless { context.counted };`)
	form := d.Form("running", cancelOrder)
	_, err := d.Ask(t.Context(), form)
	if denied, ok := errors.AsType[*operate.PolicyError](err); !ok || !denied.Decision.Needs(policy.Count) {
		t.Fatalf("without the number: %v", err)
	}
	form.Count = "6"
	id, err := d.Ask(t.Context(), form)
	check(t, err)
	answer := d.Decision(true)
	for _, typed := range []string{"", "5", "7", "six"} { // whoever approves types it, too
		answer.Count = typed
		_, err = d.Answer(t.Context(), id, answer)
		if wrong, ok := errors.AsType[*approval.NumberError](err); !ok || *wrong != (approval.NumberError{Stops: 6, Typed: typed}) {
			t.Fatalf("typed %q: %v", typed, err)
		}
	}
	d.Stands(id, approval.Waiting, "")
	d.Puts(0)
	answer.Count = " 6 "
	_, err = d.Answer(t.Context(), id, answer)
	check(t, err)
	d.Stands(id, approval.Sent, "")
	d.OnceEach(1)
}

// TestAskInsteadOfTheNumber: where the number typed or an approval will do,
// who has typed it may still ask; then it is sent on that person's word.
func TestAskInsteadOfTheNumber(t *testing.T) {
	d := newApprovalDesk(t)
	d.BuiltIn()
	form := d.Form("running", cancelOrder)
	form.Count = "6"
	id, err := d.Ask(t.Context(), form)
	check(t, err)
	if _, err := d.Apply(t.Context(), form); err == nil {
		t.Error("it is sent directly, too")
	}
	d.Stands(id, approval.Waiting, "")
	d.Puts(0)
	if _, err := d.Ask(t.Context(), d.Form("running", pauseOrder)); !errors.Is(err, approval.ErrNotOffered) {
		t.Errorf("asked without need: %v", err)
	}
}

// TestAskWithASpentKey: what has been sent is put before nobody.
func TestAskWithASpentKey(t *testing.T) {
	d := newDesk(t)
	d.BuiltIn()
	form := d.Form("running", cancelOrder)
	form.Count = "6"
	_, err := d.Apply(t.Context(), form)
	check(t, err)
	if _, err := d.Ask(t.Context(), form); !errors.Is(err, operate.ErrKeySpent) {
		t.Errorf("asked with a key that was sent: %v", err)
	}
	if _, err := d.Approvals.Get(t.Context(), form.Key); !errors.Is(err, audit.ErrNotFound) {
		t.Errorf("there is a request: %v", err)
	}
}

// TestNotTakenBackWhileSent: what is on its way is neither withdrawn nor sent
// again, and does not expire.
func TestNotTakenBackWhileSent(t *testing.T) {
	d := newApprovalDesk(t)
	id := d.Asked("running")
	hold := make(chan struct{})
	d.Sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.Slow, Hold: hold, Times: 1})
	answered := make(chan error, 1)
	go func() {
		_, err := d.Answer(context.Background(), id, d.Decision(true))
		answered <- err
	}()
	eventually(t, "it is sent", func() bool { return d.Sim.Calls(simulator.CallOperate) == 1 })
	if err := d.Withdraw(t.Context(), id, d.Actor, audit.Origin{}); !errors.Is(err, approval.ErrDecided) {
		t.Errorf("withdrawn while it is sent: %v", err)
	}
	if _, err := d.Send(t.Context(), id, operate.Request{SessionKey: "operator", Caller: d.Operator,
		Actor: d.Actor}); !errors.Is(err, approval.ErrDecided) {
		t.Errorf("sent while it is sent: %v", err)
	}
	close(hold)
	check(t, <-answered)
	d.Stands(id, approval.Sent, "")
	d.OnceEach(1)
}

// TestDecisionsReachTheLog: the end of a process between a decision and its
// record leaves no gap in the log.
func TestDecisionsReachTheLog(t *testing.T) {
	engines(t, func(t *testing.T, d *desk) {
		d.Under(fourEyes)
		want := map[string]audit.Action{}
		for state, action := range map[string]audit.Action{"refused": audit.ActionApprovalRefused,
			"withdrawn": audit.ActionApprovalWithdrawn, "expired": audit.ActionApprovalExpired} {
			id := d.Asked("running")
			d.Exec(`UPDATE approval SET state = $2, decider = $3, comment = 'no' WHERE id = $1`, id, state,
				`{"user_id":"u","user_name":"manager"}`)
			check(t, d.Reseal(t.Context()))
			want[id] = action
		}
		d.Restart()
		check(t, d.Resume(t.Context()))
		for id, action := range want { // where consoles share the log, not before the second round
			eventually(t, "the log has "+string(action), func() bool { return slices.Contains(d.Acts(id), action) })
			if acts := d.Acts(id); len(acts) != 2 {
				t.Errorf("the log has %v", acts)
			}
		}
	})
}
