package operate_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"coc-console/audit"
	"coc-console/internal/operate"
	"coc-console/internal/policy"
	"coc-console/internal/simulator"
)

// TestWhoAnswers: neither the requester in another session or account, nor
// somebody of another account, nor whom the rules do not name.
func TestWhoAnswers(t *testing.T) {
	d := newApprovalDesk(t)
	id := d.ask("running")
	self, namesake, foreign := d.actor, d.actor, d.superior
	self.ProjectID, self.UserName = "another", "renamed"
	namesake.AccountID, namesake.AccountName = "another", "another"
	foreign.AccountID = "another"
	for _, x := range []struct {
		who  audit.Actor
		want error
	}{{self, operate.ErrOwnRequest}, {namesake, operate.ErrOwnRequest}, {foreign, audit.ErrNotFound}} {
		if _, err := d.Answer(t.Context(), id, operate.Answer{Approve: true, Actor: x.who, Caller: d.manager}); !errors.Is(err, x.want) {
			t.Errorf("%+v: %v, want %v", x.who, err, x.want)
		}
	}
	if err := d.Withdraw(t.Context(), id, namesake, audit.Origin{}); !errors.Is(err, operate.ErrOwnRequest) {
		t.Errorf("the same id in another account withdraws: %v", err)
	}
	d.stands(id, operate.ApprovalWaiting, "")
	d.puts(0)

	d.under(`@id("all") permit (principal, action in [Action::"operate", Action::"view"], resource);
		@id("two") @demand("second_person") forbid (principal, action in Action::"operate", resource) unless { context.approved };`)
	id = d.ask("running")
	_, err := d.Answer(t.Context(), id, d.answer(true))
	if denied, ok := errors.AsType[*operate.PolicyError](err); !ok || !denied.Decision.Denied() {
		t.Errorf("who may not approve: %v", err)
	}
	found := d.records(audit.Query{Action: audit.ActionAccessDenied})
	if len(found) != 1 || found[0].Actor.UserID != d.superior.UserID || found[0].Outcome != audit.OutcomeDenied {
		t.Errorf("the log has %+v", found)
	}
	d.puts(0)
}

// TestRequesterLosesRights between asking and the answer.
func TestRequesterLosesRights(t *testing.T) {
	d := newDesk(t)
	check(t, d.Close())
	d.rules = &swapped{rules(t, fourEyes)}
	d.Service = d.serve()
	id := d.ask("running")
	d.rules.(*swapped).Rules = rules(t, fourEyes+`@id("gone") forbid (principal, action in Action::"operate", resource) when { principal.name == "operator" };`)
	_, err := d.Answer(t.Context(), id, d.answer(true))
	check(t, err)
	if a := d.stands(id, operate.ApprovalReturned, operate.NoteNotAllowed); a.Problem != "gone" {
		t.Errorf("the problem is %q", a.Problem)
	}
	d.puts(0)
}

// TestAskWithAllElseDone: a second person does not stand for what the rules
// demand besides, and what was typed when it was asked for counts.
func TestAskWithAllElseDone(t *testing.T) {
	d := newApprovalDesk(t).under(fourEyes + `@id("number") @demand("count") forbid (principal, action == Action::"CANCEL_ORDER", resource) unless { context.counted };`)
	form := d.form("running", cancelOrder)
	_, err := d.Ask(t.Context(), form)
	if denied, ok := errors.AsType[*operate.PolicyError](err); !ok || !denied.Decision.Needs(policy.Count) {
		t.Fatalf("without the number: %v", err)
	}
	form.Count = "6"
	id, err := d.Ask(t.Context(), form)
	check(t, err)
	_, err = d.Answer(t.Context(), id, d.answer(true))
	check(t, err)
	d.stands(id, operate.ApprovalSent, "")
	d.onceEach(1)
}

// TestAskWithASpentKey: what has been sent is put before nobody.
func TestAskWithASpentKey(t *testing.T) {
	d := newDesk(t)
	d.builtIn()
	form := d.form("running", cancelOrder)
	form.Count = "6"
	_, err := d.Apply(t.Context(), form)
	check(t, err)
	if _, err := d.Ask(t.Context(), form); !errors.Is(err, operate.ErrKeySpent) {
		t.Errorf("asked with a key that was sent: %v", err)
	}
	if _, err := d.Approval(t.Context(), form.Key); !errors.Is(err, audit.ErrNotFound) {
		t.Errorf("there is a request: %v", err)
	}
}

// TestNotTakenBackWhileSent: what is on its way is neither withdrawn nor sent
// again, and does not expire.
func TestNotTakenBackWhileSent(t *testing.T) {
	d := newApprovalDesk(t)
	id := d.ask("running")
	hold := make(chan struct{})
	d.sim.Inject(simulator.Fault{Kind: simulator.CallOperate, Effect: simulator.Slow, Hold: hold, Times: 1})
	answered := make(chan error, 1)
	go func() {
		_, err := d.Answer(context.Background(), id, d.answer(true))
		answered <- err
	}()
	eventually(t, "it is sent", func() bool { return d.sim.Calls(simulator.CallOperate) == 1 })
	if err := d.Withdraw(t.Context(), id, d.actor, audit.Origin{}); !errors.Is(err, operate.ErrDecided) {
		t.Errorf("withdrawn while it is sent: %v", err)
	}
	if _, err := d.SendApproved(t.Context(), id, operate.Request{SessionKey: "operator", Caller: d.operator, Actor: d.actor}); !errors.Is(err, operate.ErrDecided) {
		t.Errorf("sent while it is sent: %v", err)
	}
	close(hold)
	check(t, <-answered)
	d.stands(id, operate.ApprovalSent, "")
	d.onceEach(1)
}

// TestDecisionsReachTheLog: the end of a process between a decision and its
// record leaves no gap in the log.
func TestDecisionsReachTheLog(t *testing.T) {
	engines(t, func(t *testing.T, d *desk) {
		d.under(fourEyes)
		want := map[string]audit.Action{}
		for state, action := range map[string]audit.Action{"refused": audit.ActionApprovalRefused, "withdrawn": audit.ActionApprovalWithdrawn,
			"expired": audit.ActionApprovalExpired} {
			id := d.ask("running")
			d.exec(`UPDATE approval SET state = $2, decider = $3, comment = 'no' WHERE id = $1`, id, state, `{"user_id":"u","user_name":"manager"}`)
			want[id] = action
		}
		d.restart()
		check(t, d.Resume(t.Context()))
		for id, action := range want { // where consoles share the log, not before the second round
			eventually(t, "the log has "+string(action), func() bool { return slices.Contains(d.acts(id), action) })
			if acts := d.acts(id); len(acts) != 2 {
				t.Errorf("the log has %v", acts)
			}
		}
	})
}
